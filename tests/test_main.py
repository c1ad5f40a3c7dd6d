"""`python -m amc`: commands, and one line for a user's mistake."""

import json
import os
import shutil
import subprocess
import sys
import threading
from pathlib import Path

import nbformat
import pytest

from amc.__main__ import main
from amc.base import paths, processes
from amc.base.errors import AmcError
from amc.base.stages import STAGES
from amc.cli import commands, reproduction
from amc.cli.reproduction import Reproduction
from amc.config import SIZES
from amc.runs import notebooks
from amc.synth import generate


@pytest.mark.parametrize(
    "arguments, message",
    [
        (["train", "--scheme", "spare"], "scheme: 'spare' is not known; choose one of: all, dense, semi-dense, sparse"),
        (["train", "--dataset", "animal-kingdom", "--size", "paper", "--modality", "rgb"], "animal_kingdom"),
        (["train", "--size", "paper"], "size: 'paper' is for real videos"),
        (
            ["reproduce", "--size", "huge"],
            "size: 'huge' is not known; choose one of: demo, smoke, quick, standard, paper",
        ),
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


@pytest.mark.parametrize(
    "arguments, message",
    [
        (
            ["--threshold", "0,3"],
            "argument --threshold: '0,3' is no number; expected one such as 0.5; see python -m amc",
        ),
        (["--thershold", "0.3"], "unrecognized arguments: --thershold 0.3; see"),
        ([], "the following arguments are required: --out"),
    ],
)
def test_an_option_that_cannot_be_read_is_told_in_one_line(arguments, message, capsys):
    with pytest.raises(SystemExit) as end:
        main(["predict", "fox.mp4", *(["--out", "x"] if arguments else []), *arguments])
    error = capsys.readouterr().err
    assert end.value.code == 2 and message in error and error.count("\n") == 1 and "usage" not in error


def test_help_names_every_command_and_is_there_without_torch():
    code = (
        "import sys; from amc.__main__ import main\ntry: main(['--help'])\nfinally: assert 'torch' not in sys.modules"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert all(command in done.stdout for command in ("reproduce", "train", "pretrain", "readme"))


@pytest.mark.parametrize("name", notebooks.NAMES)
@pytest.mark.parametrize("size", SIZES)
def test_reproduce_gives_each_notebook_parameters_that_it_has(name, size):
    path = Path(__file__).parents[1] / "notebooks" / f"{name}.ipynb"
    offered = "".join(json.loads(path.read_text(encoding="utf-8"))["cells"][1]["source"])
    values = notebooks.parameters(name, size, "0,1")
    assert ("seeds: " in offered) == ("seeds" in values)
    assert all(f"{parameter}: " in offered for parameter in values)
    assert ("interactive: " in offered) == ("interactive" in values)
    assert values.get("dataset") == ("animal-kingdom" if size == "paper" and "size" in values else None)


def test_reproduce_runs_every_notebook():
    assert set(notebooks.NAMES) == {path.stem for path in (Path(__file__).parents[1] / "notebooks").glob("*.ipynb")}
    order = [name[:2] for name in notebooks.NAMES]
    assert all(order.index("03") < order.index(user) for user in ("02", "04", "05", "06", "07"))  # of what it trains


@pytest.mark.parametrize("encoding, printed", [("utf-8", "\u00e9 \\xe8.mp4"), ("ascii", "\\xe9 \\xe8.mp4")])
def test_a_file_name_that_is_no_utf_8_is_printed_escaped_on_any_terminal(encoding, printed):
    code = "from amc import __main__ as cli; from amc.runs import readme; "
    code += "readme.write = lambda path: '\\xe9 \\udce8.mp4'; cli.main(['readme'])"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, env=os.environ | {"PYTHONIOENCODING": encoding}
    )
    assert done.stdout.decode(encoding).split("\n")[0] == printed, done.stderr


def _no_index(given) -> int:
    """In place of `report`."""
    return 0


@pytest.fixture
def reproduce(tmp_path, monkeypatch):
    """`reproduce` of one notebook whose run is `fake`, in a repository of its own; returns its status."""
    record = tmp_path / "reports" / "results" / "00_quickstart.json"
    record.parent.mkdir(parents=True)
    record.write_text("an earlier run's")
    monkeypatch.delenv("AMC_REPORTS", raising=False)
    monkeypatch.setenv("AMC_ROOT", str(tmp_path))
    monkeypatch.setitem(notebooks.GROUPS, "tables", ("00_quickstart",))
    shutil.copytree(Path(__file__).parents[1] / "notebooks", tmp_path / "notebooks")

    def run(fake, *options) -> tuple[int, Path]:
        monkeypatch.setattr(processes, "run", fake)
        return main(["reproduce", *options]), record

    return run


@pytest.mark.parametrize("status", [138, 0])  # papermill's of a killed kernel; and whatever ends well without a record
def test_a_notebook_that_ended_early_fails_and_leaves_the_copy_and_record_of_an_earlier_run(reproduce, status, capsys):
    def papermill(command, cwd, environment) -> int:
        (cwd / command[4]).write_text("three cells")
        return status

    found, record = reproduce(papermill)
    assert found == (status or 1) and record.read_text() == "an earlier run's"
    said = "00_quickstart failed; what it did until then is in reports/00_quickstart.unfinished.ipynb"
    assert said in capsys.readouterr().err
    assert (record.parents[1] / "00_quickstart.unfinished.ipynb").read_text() == "three cells"
    assert not (record.parents[1] / "00_quickstart.ipynb").exists()


def test_a_notebook_is_run_again_when_what_it_is_made_from_has_changed_or_it_is_named(reproduce, tmp_path, monkeypatch):
    runs = []

    def papermill(command, cwd, environment) -> int:
        runs.append(command)
        nbformat.write(nbformat.v4.new_notebook(), tmp_path / command[4])
        paths.write_text(tmp_path / "reports" / "results" / "00_quickstart.json", "{}")
        return 0

    monkeypatch.setattr(commands, "report", _no_index)
    source = tmp_path / "notebooks" / "00_quickstart.ipynb"
    changes = [
        lambda: None,
        lambda: None,
        lambda: source.write_text(source.read_text().replace("import", "import ")),
        lambda: monkeypatch.setitem(STAGES, "model", 99),
        lambda: monkeypatch.setattr(generate, "VERSION", 99),
        lambda: paths.write_text(tmp_path / "data" / "paper_tables.csv", "system,map"),
        lambda: paths.write_text(tmp_path / "data" / "weights" / "synth-clip.json", "{}"),
        lambda: monkeypatch.setenv("AMC_PRODUCTS", "bfloat16"),
        lambda: (tmp_path / "reports" / "00_quickstart.ipynb").write_text("{}"),
        lambda: (tmp_path / "reports" / "results" / "00_quickstart.json").unlink(),
        lambda: None,
    ]
    counts = []
    for change in changes:
        change()
        assert reproduce(papermill)[0] == 0
        counts.append(len(runs))
    assert counts == [1, 1, *range(2, 10), 9]
    reproduce(papermill, "00_quickstart")
    assert len(runs) == 10
    monkeypatch.setenv("AMC_CACHE", str(tmp_path / "another"))  # another machine's copy of the same reports
    reproduce(papermill)
    assert len(runs) == 11


@pytest.fixture
def executed(tmp_path, monkeypatch):
    """`Reproduction` of notebooks that all take 0.2 s; returns its status, and what began and ended in which order."""
    monkeypatch.setenv("AMC_ROOT", str(tmp_path))
    monkeypatch.setenv("AMC_CACHE", str(tmp_path / "cache"))
    shutil.copytree(Path(__file__).parents[1] / "notebooks", tmp_path / "notebooks")
    is_killed = threading.Event()
    monkeypatch.setattr(processes, "end_children", is_killed.set)

    def run(names: list[str], fails: str = "") -> tuple[int, list[str]]:
        events = []

        def papermill(command, cwd, environment) -> int:
            name = Path(command[4]).name.split(".")[0]
            events.append(f"{name[:2]} begins")
            if is_killed.wait(0.05 if name == fails else 0.2):
                events.append(f"{name[:2]} killed")
                return -9
            events.append(f"{name[:2]} ends")
            nbformat.write(nbformat.v4.new_notebook(), tmp_path / command[4])
            record = tmp_path / "reports" / "results" / f"{name}.json"
            record.parent.mkdir(exist_ok=True)
            record.write_text("{}")
            return 3 if name == fails else 0

        monkeypatch.setattr(processes, "run", papermill)
        made = Reproduction(notebooks.in_turn(names), (), tmp_path / "reports", "smoke", "0")
        return made.execute(), events

    return run


def test_two_notebooks_run_at_once_and_none_before_the_one_that_it_needs(executed):
    status, events = executed(["00_quickstart", "03_ablation", "04_state_of_the_art", "05_error_analysis"])
    assert status == 0 and len(events) == 8
    assert set(events[:2]) == {"03 begins", "00 begins"}
    assert events.index("03 ends") < min(events.index("04 begins"), events.index("05 begins"))
    assert events.index("05 begins") < events.index("04 ends")


def test_a_notebook_that_fails_stops_the_other_one_and_those_that_wait(executed, capsys):
    status, events = executed(
        ["00_quickstart", "03_ablation", "04_state_of_the_art", "08_benchmark_audit"], "03_ablation"
    )
    assert status == 3
    assert "00 killed" in events and "04 begins" not in events and "08 begins" not in events
    said = capsys.readouterr().err.splitlines()
    assert said == ["amc: 03_ablation failed; what it did until then is in reports/03_ablation.unfinished.ipynb"]


def test_the_minutes_left_are_those_of_the_longest_chain(tmp_path, monkeypatch):
    monkeypatch.setattr(
        reproduction, "seconds", lambda reports, name: {"03_ablation": 600, "04_state_of_the_art": 900}.get(name, 60)
    )
    names = notebooks.in_turn(list(notebooks.GROUPS["tables"]))
    made = Reproduction(names, (), tmp_path, "quick", "0")
    assert made._progress("03_ablation") == "0.0 min so far, about 25 min left by the times of the last run"
    assert "about 15 min left" in made._progress("04_state_of_the_art")
    monkeypatch.setattr(reproduction, "seconds", lambda reports, name: None)
    assert made._progress("03_ablation") == "0.0 min so far"


def test_groups_of_notebooks_are_run_in_order_and_an_unknown_name_is_refused():
    assert notebooks.chosen([]) == list(notebooks.GROUPS["tables"]) == notebooks.chosen(["tables", "00_quickstart"])
    assert notebooks.chosen(["09_unseen", "03_ablation"]) == ["03_ablation", "09_unseen"]
    assert notebooks.chosen(["studies", "tables"]) == list(notebooks.NAMES)
    with pytest.raises(AmcError, match="notebook: '3' is not known; choose one of: tables, studies, 000_first_look, "):
        notebooks.chosen(["3"])


def test_reproduce_alone_writes_into_the_committed_reports(reproduce, tmp_path, monkeypatch):
    places = []
    reproduce(lambda command, cwd, environment: places.append((command[4], environment["AMC_REPORTS"])) or 1)
    assert places == [("reports/00_quickstart.unfinished.ipynb", str(tmp_path / "reports"))]
    assert paths.reports() == tmp_path / "out"
    monkeypatch.setenv("AMC_REPORTS", "")  # empty is not set
    assert commands._reports("smoke") == tmp_path / "reports" / "smoke"
