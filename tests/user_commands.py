"""Notebooks run as a user runs them: papermill in a process of its own, with the folders of a test."""

import json
import subprocess
import sys
from pathlib import Path

from executed import MOST_BYTES, alts

NOTEBOOKS = Path(__file__).resolve().parents[1] / "notebooks"


def papermill(name: str, folder: Path, output: Path, *options: str, environment: dict) -> Path:
    """The executed copy of a notebook: `papermill NOTEBOOK OUTPUT OPTIONS` from `folder`.

    name: without its ending; options: such as "-p", "size", "smoke". Checks the rules for all executed notebooks: no
    cell failed, every picture has an alternative text, the file is not too large, the record holds the answer.
    """
    source = f"{name}.ipynb" if folder == NOTEBOOKS else NOTEBOOKS / f"{name}.ipynb"
    command = [sys.executable, "-m", "papermill", str(source), str(output), *options]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr[-2000:]
    assert all(alts(output))
    assert output.stat().st_size <= MOST_BYTES
    written = Path(environment["AMC_REPORTS"])
    record = json.loads((written / "results" / f"{name}.json").read_text(encoding="utf-8"))
    assert record["provenance"]["answer"].endswith(".")
    assert list((written / "figures").glob(f"{name.partition('_')[0]}_*.pdf"))
    return output
