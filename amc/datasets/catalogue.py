"""Data sets by name: a folder in, one table of clips with three splits out. data/README.md says what each must hold."""

from pathlib import Path

from amc import paths
from amc.datasets import animal_kingdom, kabr, synth_kingdom
from amc.datasets.table import ClipTable, carve_validation
from amc.errors import choice

DATASETS = {"synth": synth_kingdom.index, "animal-kingdom": animal_kingdom.index, "kabr": kabr.index}


def load(name: str, root: Path | str | None = None, *, size: str = "quick", validation: float = 0.15) -> ClipTable:
    """Table of the data set `name`, read from `root` (by default its own folder under AMC_DATA), with splits train,
    val and test.

    size: of Synth Kingdom, which is drawn on first use; real data sets have one. validation: the part of the training
    groups that becomes the validation split. Raises AmcError for an unknown name, and for a missing or malformed file.
    """
    choice("dataset", name, list(DATASETS))
    root = Path(root) if root else paths.data() / name.replace("-", "_")
    table = synth_kingdom.index(root, size=size) if name == "synth" else DATASETS[name](root)
    return carve_validation(table, validation)
