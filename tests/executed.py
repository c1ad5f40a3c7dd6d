"""Of an executed notebook: the alternative texts of its pictures, and how large it may be."""

from pathlib import Path

import nbformat

MOST_BYTES = 1_500_000  # true colours of every picture; most are half as large


def alts(path: Path) -> list[str]:
    """The alternative text of every picture, "" where one has none, in order; fails where a cell did."""
    outputs = [output for cell in nbformat.read(path, 4).cells for output in cell.get("outputs", [])]
    assert not [output for output in outputs if output.output_type == "error"]
    images = [(kind, output) for output in outputs for kind in output.get("data", {}) if kind.startswith("image/")]
    return [output.metadata.get(kind, {}).get("alt", "") for kind, output in images]
