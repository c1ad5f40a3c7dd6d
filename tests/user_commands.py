"""Notebooks run as a user types it: papermill in a process of its own, with the folders of a test."""

import subprocess
import sys
from pathlib import Path

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


def papermill(
    notebook: str, folder: Path, output: Path, *options: str, environment: dict
) -> subprocess.CompletedProcess:
    """`papermill NOTEBOOK OUTPUT OPTIONS` from `folder`; the notebook's bare name where it lies there."""
    source = notebook if folder == NOTEBOOKS else NOTEBOOKS / notebook
    command = [sys.executable, "-m", "papermill", str(source), str(output), *options]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
