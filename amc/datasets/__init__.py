"""Data sets by name: a folder in, one table of clips out. What each folder must hold is in data/README.md."""

from pathlib import Path

from amc import paths
from amc.datasets import animal_kingdom, kabr
from amc.datasets.table import Clip, ClipTable, carve_validation
from amc.errors import choice

__all__ = ["DATASETS", "Clip", "ClipTable", "carve_validation", "load"]

DATASETS = {"animal-kingdom": animal_kingdom.index, "kabr": kabr.index}


def load(name: str, root: Path | str | None = None) -> ClipTable:
    """Table of the data set `name`, read from `root` (by default its own folder under AMC_DATA).

    Raises AmcError for an unknown name, and for a missing or malformed file.
    """
    choice("dataset", name, list(DATASETS))
    return DATASETS[name](Path(root) if root else paths.data() / name.replace("-", "_"))
