"""Data sets by name: a folder in, one table of clips with three splits out. data/README.md says what each must hold."""

from functools import partial
from pathlib import Path

from amc import paths
from amc.datasets import animal_kingdom, kabr, synth_kingdom, synth_menagerie
from amc.datasets.table import ClipTable, carve_validation
from amc.errors import choice

DATASETS = {
    "synth": synth_kingdom.index,
    "animal-kingdom": animal_kingdom.index,
    "kabr": kabr.index,
    "synth-menagerie": synth_menagerie.index,  # to pre-train on
}
SIZED = ("synth", "synth-menagerie")  # generated worlds, drawn on first use; a real data set has one size


def load(name: str, root: Path | str | None = None, *, size: str = "quick", validation: float = 0.15) -> ClipTable:
    """Table of the data set `name`, read from `root` (by default its own folder under AMC_DATA), with splits train,
    val and test.

    size: of a generated world, which is drawn on first use; real data sets have one. validation: the part of the
    training groups that becomes the validation split. Raises AmcError for an unknown name, and for a missing or
    malformed file.
    """
    choice("dataset", name, list(DATASETS))
    root = Path(root) if root else paths.data() / name.replace("-", "_")
    index = partial(DATASETS[name], size=size) if name in SIZED else DATASETS[name]
    return carve_validation(index(root), validation)
