"""Places are absolute wherever one works from; a file is written whole or not at all."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import pytest

from amc.__main__ import main
from amc.base import bundled, paths
from amc.base.errors import AmcError

HOUSE = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def no_variables(monkeypatch):
    for name in ("AMC_ROOT", "AMC_DATA", "AMC_CACHE", "AMC_REPORTS"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.parametrize("folder", [".", "notebooks", "amc/datasets", "elsewhere"])
def test_the_repository_is_found_from_any_folder(tmp_path, monkeypatch, folder):
    target = tmp_path if folder == "elsewhere" else HOUSE / folder
    if not target.is_dir():
        pytest.skip(f"no folder {folder}")
    monkeypatch.chdir(target)
    assert paths.root() == HOUSE
    assert (paths.data(), paths.cache(), paths.reports()) == (HOUSE / "data", HOUSE / "data/cache", HOUSE / "out")


def test_another_checkout_one_works_in_counts_before_the_installed_one(tmp_path, monkeypatch):
    (tmp_path / "notebooks" / "deep").mkdir(parents=True)
    (tmp_path / "amc").mkdir()
    (tmp_path / "amc" / "__init__.py").touch()
    monkeypatch.chdir(tmp_path / "notebooks" / "deep")
    assert paths.root() == tmp_path.resolve()


def test_without_a_repository_one_line_says_what_to_set(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(paths, "__file__", str(tmp_path / "site-packages" / "amc" / "paths.py"))
    with pytest.raises(AmcError, match="set AMC_ROOT"):
        paths.root()


def test_variables_name_each_place_and_are_made_absolute(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name, place in (("ROOT", paths.root), ("DATA", paths.data), ("CACHE", paths.cache), ("REPORTS", paths.reports)):
        monkeypatch.setenv(f"AMC_{name}", name)
        assert place() == tmp_path.resolve() / name
    monkeypatch.setenv("AMC_DATA", "~/data")
    assert paths.data() == Path.home().resolve() / "data"


@pytest.mark.parametrize("empty", ["", " "])
def test_an_empty_variable_is_as_good_as_none(tmp_path, monkeypatch, empty):
    monkeypatch.chdir(tmp_path)
    for name in ("AMC_ROOT", "AMC_DATA", "AMC_CACHE", "AMC_REPORTS"):
        monkeypatch.setenv(name, empty)
    assert paths.root() == HOUSE
    assert (paths.data(), paths.cache(), paths.reports()) == (HOUSE / "data", HOUSE / "data/cache", HOUSE / "out")


def test_the_cache_moves_with_the_data(tmp_path, monkeypatch):
    monkeypatch.setenv("AMC_DATA", str(tmp_path))
    assert paths.cache() == tmp_path.resolve() / "cache"


def test_a_file_appears_whole_with_its_folder_and_keeps_its_suffix(tmp_path):
    target = tmp_path / "new" / "a.npz"
    with paths.atomic(target) as temporary:
        temporary.write_text("all of it")
        assert not target.exists() and temporary.parent == target.parent and temporary.suffix == ".npz"
    assert target.read_text() == "all of it" and list(target.parent.iterdir()) == [target]


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt, OSError])
def test_a_block_that_fails_leaves_the_old_file_and_no_other(tmp_path, error):
    target = tmp_path / "a.txt"
    target.write_text("old")
    with pytest.raises(AmcError if error is OSError else error), paths.atomic(target) as temporary:
        temporary.write_text("half")
        raise error
    assert target.read_text() == "old" and list(tmp_path.iterdir()) == [target]


@pytest.mark.parametrize("at", ["write", "replace", "mkdir"])
def test_a_full_disk_is_one_line_and_leaves_the_old_file(tmp_path, monkeypatch, at):
    def full(*args, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    target = tmp_path / "a.txt"
    target.write_text("old")
    patched = {"write": (Path, "write_text"), "replace": (os, "replace"), "mkdir": (Path, "mkdir")}[at]
    before = target.read_text()
    with monkeypatch.context() as patch:
        patch.setattr(*patched, full)
        message = r"a\.txt: could not be written \(No space left on device\)"
        with pytest.raises(AmcError, match=message) as error, paths.atomic(target) as temporary:
            temporary.write_text("new")
    assert "\n" not in str(error.value) and isinstance(error.value.__cause__, OSError)
    assert target.read_text() == before and list(tmp_path.iterdir()) == [target]


def test_a_folder_that_is_a_file_is_refused(tmp_path):
    (tmp_path / "a").write_text("a file")
    with pytest.raises(AmcError, match="could not be written"), paths.atomic(tmp_path / "a" / "b.txt") as temporary:
        temporary.write_text("b")


def left_by(process: str, folder: Path) -> Path:
    path = folder / f".a.npz.{process}.89abcdef.npz"
    path.write_text("half")
    assert paths.is_temporary(path)
    return path


def test_what_dead_processes_left_is_swept_and_what_others_are_writing_stays(tmp_path):
    dead = subprocess.run([sys.executable, "-c", "import os; print(os.getpid())"], capture_output=True, text=True)
    killed = left_by(f"{paths._host()}-{int(dead.stdout)}", tmp_path)
    others = f"{paths._host()}-{os.getpid()}", f"00000000-{int(dead.stdout)}"
    kept = [left_by(process, tmp_path) for process in others]
    (tmp_path / ".hidden.json").touch()
    with paths.atomic(tmp_path / "b.txt") as temporary:
        temporary.write_text("b")
    assert not killed.exists() and all(path.exists() for path in kept) and (tmp_path / ".hidden.json").exists()


def test_a_file_and_its_folder_are_on_the_disk_before_the_next_step(tmp_path, monkeypatch):
    steps, fsync, replace = [], os.fsync, os.replace
    monkeypatch.setattr(
        os, "fsync", lambda number: steps.append(os.readlink(f"/proc/self/fd/{number}")) or fsync(number)
    )
    monkeypatch.setattr(os, "replace", lambda old, new: steps.append("replace") or replace(old, new))
    with paths.atomic(tmp_path / "a.txt") as temporary:
        temporary.write_text("a")
    assert steps == [str(temporary), "replace", str(tmp_path)]


def test_of_two_writers_the_last_wins_whole(tmp_path):
    target = tmp_path / "a.txt"
    with paths.atomic(target) as first, paths.atomic(target) as second:
        assert first != second
        first.write_text("first")
        second.write_text("second")
    assert target.read_text() == "first"  # the outer block ends last


@pytest.mark.parametrize("check", [paths.check_writable, paths.folder])
def test_a_folder_below_a_file_is_refused_with_the_variable_that_sets_another(check, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    place = tmp_path / "file" / "cache"
    with pytest.raises(AmcError, match=r"cache: cannot be written to \(.*\); choose another folder$"):
        check(place)
    monkeypatch.setenv("AMC_CACHE", str(place))
    with pytest.raises(AmcError, match=r"cannot be written to \(.*\); choose another folder, with AMC_CACHE$"):
        check(place / "runs")


def test_a_folder_that_can_be_made_is_writable_and_is_not_made_yet(tmp_path):
    paths.check_writable(tmp_path / "new" / "inside")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["pretrain"], ["train", "--size", "smoke", "--scheme", "sparse", "--modality", "rgb", "--ship"],
        ["flow", "train", "--ship"], ["flow", "synth", "--size", "smoke"], ["reproduce", "--size", "smoke"],
        ["predict", "{video}", "--behaviours", "a,b", "--out", "{file}/out"],
        ["suggest", "{video}", "--model", "demo", "--out", "{file}/out"],
    ],
)  # fmt: skip
def test_where_nothing_can_be_written_nothing_is_computed(arguments, tmp_path, monkeypatch, capsys, one_frame):
    (tmp_path / "file").touch()
    monkeypatch.setenv("AMC_CACHE", str(tmp_path / "file" / "cache"))
    monkeypatch.setenv("AMC_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("AMC_REPORTS", str(tmp_path / "reports"))
    monkeypatch.setattr(bundled, "place", lambda name: tmp_path / "file" / "weights" / f"{name}.safetensors")
    assert main([part.format(video=one_frame, file=tmp_path / "file") for part in arguments]) == 2
    error = capsys.readouterr().err
    assert error.count("\n") == 1 and "cannot be written to" in error and "choose another folder" in error
    assert {path.name for path in tmp_path.iterdir()} <= {"file", "reports"}
