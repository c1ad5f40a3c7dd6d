"""Every command, small, in a folder of its own that looks like the repository: for stops and read-only folders.

A command runs in a forked child, so that nothing is imported again; only papermill is a new process. `template` makes
what all of them read; `enter` makes a folder that a command may change.
"""

import atexit
import io
import json
import os
import shutil
import sys
import tarfile
import threading
import traceback
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple

import psutil

import amc.__main__ as program
from amc.base import seal
from amc.ethogram import predict, suggest, tune  # noqa: F401  imported once, before children are forked
from amc.raft import weights
from amc.runs import experiment, precompute, readme, report, site  # noqa: F401
from amc.synth import pairs, pretrain, raft_card, raft_train  # noqa: F401

HERE = Path(__file__).resolve().parents[1]
HEAD = "Video,Event,Start_time,End Time,Start_frame,End_frame,Bout_time\n"
NOTEBOOK = "01_sampling_windows"
TRAIN = ("train", "--size", "smoke", "--scheme", "sparse", "--modality", "rgb", "--pretrained", "random")


class Case(NamedTuple):
    """A command: its arguments, with {F} for its folder, and the files that it makes; what of them must be the same."""

    name: str
    arguments: tuple[str, ...]
    results: str
    same: Callable[[Path], object] = Path.read_bytes
    out: str = ""  # the folder that it writes to, if it is not the cache
    status: int = 0  # when it has done all its work


def rows(path: Path) -> object:
    """What a record found: not when, nor for how long."""
    return seal.read_json(path)["rows"]


def lines(path: Path) -> object:
    """Lines of a file that grows in any order."""
    return sorted(path.read_text().splitlines())


def sources(path: Path) -> object:
    """The cells of a notebook, without the times at which they ran."""
    return [cell["source"] for cell in json.loads(path.read_text())["cells"]]


CASES = (
    Case("train", (*TRAIN, "--epochs", "2", "--seeds", "0,1", "--workers", "2"), "cache/runs/*/model.safetensors"),
    Case("flow", ("flow", "synth", "--size", "smoke", "--scheme", "sparse", "--modality", "flow"), "cache/flow/**/*"),
    Case("flow train", ("flow", "train", "--steps", "3", "--folder", "{F}/out"), "out/best.safetensors", out="out"),
    Case("predict", ("predict", "{F}/films", "--model", "{F}/model", "--out", "{F}/out"), "out/*.csv", out="out"),
    Case("suggest", ("suggest", "{F}/films", "--model", "{F}/model", "--out", "{F}/out"), "out/*.mp4", out="out"),
    Case("tune", ("tune", "{F}/films", "--model", "{F}/model", "--human", "{F}/human.csv"), "stdout"),
    Case("index", ("index", "animal-kingdom", "{F}/data/synth/smoke"), "cache/videos/*.jsonl", lines,
         status=1),
    Case("index folder", ("index", "folder", "{F}/films"), "cache/clips/*/**/*.mp4"),
    Case("unpack", ("unpack", "{F}/a.tar", "{F}/out"), "out/*", out="out"),
    Case("pretrain", ("pretrain", "--scenes", "32", "--epochs", "2"), "data/weights/synth-clip.safetensors",
         out="data"),
    Case("report", ("report",), "reports/index.html", out="reports"),
    Case("site", ("site", "--folder", "{F}/out"), "out/**/*.html", out="out"),
    Case("class", ("class", "--folder", "{F}/out"), "out/*.ipynb", out="out"),
    Case("readme", ("readme",), "README.md", out="."),
    Case("reproduce", ("reproduce", NOTEBOOK, "--size", "smoke"), f"made/smoke/results/{NOTEBOOK}.json", rows,
         out="made"),
    Case("papermill", ("papermill", f"{{F}}/notebooks/{NOTEBOOK}.ipynb", "{F}/made/done.ipynb", "-p", "size", "smoke",
                       "-p", "interactive", "False"), f"made/results/{NOTEBOOK}.json", rows, out="made"),
)  # fmt: skip


def template(folder: Path) -> None:
    """What commands read: a drawn world, a trained run, two films with annotation, an archive."""
    folder.mkdir(parents=True, exist_ok=True)
    raft_train.CHUNKS, raft_train.EVERY = len(pairs.TIMES), 1
    raft_train.pairs.draw, raft_train.pairs.KINGDOMS = partial(pairs.draw, kingdoms=1, broad=2), 1
    weights.UPDATES["raft-synth"] = 2
    if (folder / "human.csv").exists():
        return
    base = folder / "base"
    enter(base, folder, is_first=True)
    assert wait(start(Case("", (*TRAIN, "--epochs", "1"), ""), base)) == 0, (base / "stderr").read_text()
    shutil.move(base / "data" / "synth", folder / "synth")
    [run] = (base / "cache" / "runs").glob("*/model.safetensors")
    shutil.copytree(run.parent, folder / "model")
    (folder / "films").mkdir()
    videos = sorted((folder / "synth" / "smoke" / "video").iterdir(), key=lambda path: path.stat().st_size)[:4]
    text = HEAD
    for k, path in enumerate(videos):
        shutil.copy(path, folder / "films" / f"film {k}.mp4")
        text += f"film {k},Walking,0,2,0,47,2\nfilm {k},Eating,0,2,0,47,2\n"  # whole: an untrained one finds it
    (folder / "films" / "human.csv").write_text(text)
    with tarfile.open(folder / "a.tar", "w") as file:
        for k in range(40):
            member = tarfile.TarInfo(f"{k}.mp4")
            member.size = 1_000_000
            file.addfile(member, io.BytesIO(bytes([k]) * member.size))
    shutil.rmtree(base)
    (folder / "human.csv").write_text(text)


def enter(folder: Path, made: Path, *, is_first: bool = False) -> None:
    """A folder like the repository, whose large parts are links, with what `template` has made."""
    for part in ("data/weights", "cache", "reports", "made", "home"):
        (folder / part).mkdir(parents=True)
    for path in (HERE / "data").glob("*.*"):
        (folder / "data" / path.name).symlink_to(path)
    for path in (HERE / "data" / "weights").iterdir():
        (folder / "data" / "weights" / path.name).symlink_to(path)
    kept = ("results", "figures", "scores", "standard/results", "standard/scores")
    for name in ("notebooks", *(f"reports/{each}" for each in kept)):  # no links: a site refuses them
        shutil.copytree(HERE / name, folder / name)
    for name in ("000_first_look.ipynb", "manifest.json"):
        shutil.copy(HERE / "reports" / name, folder / "reports")
    (folder / "README.md").write_text("\n".join(readme.MARKS))  # the real one links more than is here
    if not is_first:
        (folder / "data" / "synth").symlink_to(made / "synth")
        for name in ("model", "films"):
            shutil.copytree(made / name, folder / name)
        for name in ("a.tar", "human.csv"):
            (folder / name).symlink_to(made / name)


def environment(case: Case, folder: Path) -> dict[str, str]:
    """The variables of a command."""
    reports = folder / ("made" if case.name in ("reproduce", "papermill") else "reports")
    own = {"AMC_ROOT": folder, "AMC_DATA": folder / "data", "AMC_CACHE": folder / "cache", "AMC_REPORTS": reports}
    return {name: str(value) for name, value in own.items()} | {"HOME": str(folder / "home"), "AMC_WORKERS": "1"}


def start(case: Case, folder: Path, before: Callable[[], None] | None = None) -> psutil.Process:
    """A command in a session of its own, with its output in files of its folder."""
    arguments = [part.format(F=folder) for part in case.arguments]
    sys.stdout.flush()
    if number := os.fork():
        return psutil.Process(number)
    status = 1
    try:
        os.setsid()
        os.environ.update(environment(case, folder))
        os.chdir(folder)
        for name, descriptor in (("stdout", 1), ("stderr", 2)):
            os.dup2(os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o666), descriptor)
        if before:
            before()
        if case.name == "papermill":
            os.execv(sys.executable, [sys.executable, "-m", *arguments])
        sys.modules["__main__"] = program  # as for `python -m amc`: workers import it
        sys.argv = ["amc", *arguments]
        program.command()
    except SystemExit as end:
        status = end.code
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        threading._shutdown()  # what Python does at its end
        atexit._run_exitfuncs()
        os._exit(status)


def wait(process: psutil.Process) -> int:
    """Exit status, negative for the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(process.pid, 0)[1])


def content(case: Case, folder: Path) -> dict[str, object]:
    """The results of a command, by path."""
    files = [path for path in sorted(folder.glob(case.results)) if path.is_file() and path.name[0] != "."]
    return {path.relative_to(folder).as_posix(): case.same(path) for path in files}


def session(process: psutil.Process) -> list[psutil.Process]:
    """What a command has started and is still there, but Python's resource tracker, which ends by itself."""
    found = process.children(recursive=True) if process.is_running() else []
    return [child for child in found if "resource_tracker" not in "".join(_words(child))]


def _words(process: psutil.Process) -> list[str]:
    try:
        return process.cmdline()
    except psutil.Error:
        return []


def said(folder: Path, since: int = 0) -> list[str]:
    """Lines on stderr after the first `since` bytes, without progress bars."""
    text = (folder / "stderr").read_bytes()[since:].decode(errors="replace")
    found = [line.rsplit("\r", 1)[-1].strip() for line in text.splitlines()]
    return [line for line in found if line and "%|" not in line and "it/s]" not in line]
