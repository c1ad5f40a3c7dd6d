"""Copies of the notebooks for a class: exercises with cells that check an answer, no solutions, and no outputs."""

from pathlib import Path

import nbformat
from nbconvert.preprocessors import ClearOutputPreprocessor, TagRemovePreprocessor

from amc.base import paths


def copies(folder: Path) -> list[Path]:
    """Write a copy of every notebook into `folder`, without solutions and outputs; returns the copies."""
    solutions = TagRemovePreprocessor(remove_cell_tags={"solution"}, enabled=True)
    written = []
    for source in sorted((paths.root() / "notebooks").glob("[0-9]*.ipynb")):
        notebook = nbformat.read(source, as_version=4)
        notebook, _ = ClearOutputPreprocessor().preprocess(notebook, {})
        notebook, _ = solutions.preprocess(notebook, {})
        with paths.atomic(folder / source.name) as temporary:
            nbformat.write(notebook, temporary)
        written.append(folder / source.name)
    return written
