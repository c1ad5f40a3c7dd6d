"""`python -m amc`: commands, and one line for a user's mistake."""

import subprocess
import sys

import pytest

from amc.__main__ import main


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["train", "--scheme", "spare"], "scheme: 'spare' is not known; choose one of: all, dense, semi-dense, sparse"),
        (["train", "--dataset", "animal-kingdom", "--size", "paper", "--modality", "rgb"], "animal_kingdom"),
        (["train", "--size", "paper"], "size: 'paper' is for real videos"),
        (["reproduce", "--size", "huge"], "size: 'huge' is not known; choose one of: smoke, quick, standard, paper"),
        (["report", "--size", "../elsewhere"], "size: '../elsewhere' is not known"),
        (["report", "--size", "smoke"], "no executed notebook"),
        (["train", "--seeds", "a"], "seeds: 'a' is not a list of whole numbers"),
    ],
)
def test_a_mistake_ends_with_one_line_and_status_2(arguments, message, capsys, monkeypatch, tmp_path):
    for variable in ("AMC_DATA", "AMC_REPORTS"):
        monkeypatch.setenv(variable, str(tmp_path))
    assert main(arguments) == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
    assert not list(tmp_path.iterdir())


def test_help_names_every_command_and_is_there_without_torch():
    code = (
        "import sys; from amc.__main__ import main\ntry: main(['--help'])\nfinally: assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(command in done.stdout for command in ("reproduce", "train", "pretrain", "readme"))
