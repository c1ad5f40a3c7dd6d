"""What is committed in `reports` is evidence: a notebook that somebody runs by hand changes no file that git knows."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from user_commands import NOTEBOOKS

ROOT = NOTEBOOKS.parent


def git(folder: Path, *arguments: str) -> str:
    identity = ["-c", "user.name=A", "-c", "user.email=a@b.c", "-c", "commit.gpgsign=false"]
    return subprocess.run(["git", *identity, *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout


@pytest.fixture(scope="module")
def copy(tmp_path_factory, smoke_world) -> Path:
    """A clean checkout of this repository as it lies here, with a drawn world in the place where a user has it."""
    folder = tmp_path_factory.mktemp("copy")
    for name in ("amc", "notebooks", "reports", "data/weights"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", "ethograms"))
    for name in (".gitignore", "data/paper_tables.csv", "data/leaderboard.csv", "README.md"):
        shutil.copy(ROOT / name, folder / name)
    shutil.copytree(smoke_world, folder / "data" / "synth")
    git(folder, "init", "-q")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "all of it")
    return folder


def test_a_notebook_run_by_hand_leaves_every_committed_file_as_it_is(copy):
    known = {name: value for name, value in os.environ.items() if not name.startswith("AMC_")}
    options = ["-p", "interactive", "False", "-p", "clips", "50"]
    done = subprocess.run(
        [sys.executable, "-m", "papermill", "01_sampling_windows.ipynb", "out.ipynb", *options],
        cwd=copy / "notebooks", env=known | {"PYTHONPATH": str(copy)}, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert (copy / "out" / "results" / "01_sampling_windows.json").is_file()
    assert list((copy / "out" / "figures").glob("01_*.png"))
    assert git(copy, "status", "--porcelain") == ""
