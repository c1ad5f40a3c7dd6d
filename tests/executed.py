"""Executed notebooks: the alternative texts of their pictures, and the largest size allowed."""

from pathlib import Path

import nbformat

MOST_BYTES = 1_700_000  # pictures have full colours; most notebooks are half as large


def alts(path: Path) -> list[str]:
    """The alternative text of every picture, in order, "" if it has none; fails if a cell has failed."""
    outputs = [output for cell in nbformat.read(path, 4).cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.output_type == "error"]
    images = [(kind, output) for output in outputs for kind in output.get("data", {}) if kind.startswith("image/")]
    return [output.metadata.get(kind, {}).get("alt", "") for kind, output in images]
