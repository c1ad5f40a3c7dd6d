"""Data sets by name: a folder in, one table of clips with three splits out. data/README.md says what each contains."""

import shlex
from dataclasses import replace
from pathlib import Path

from amc.base import paths
from amc.base.errors import AnnotationError, choice
from amc.datasets import animal_kingdom, drawn_world, kabr, mammalnet, videos
from amc.datasets import folder as own_folder
from amc.datasets.protocols import PROTOCOLS
from amc.datasets.table import ClipTable, split_validation

FOLDER = "folder"  # the user's own clips
DATASETS = {
    "synth": drawn_world.kingdom,
    "animal-kingdom": animal_kingdom.index,
    "kabr": kabr.index,
    "mammalnet": mammalnet.index,
    FOLDER: own_folder.index,
    "synth-menagerie": drawn_world.menagerie,  # to pre-train on
}
SIZED = ("synth", "synth-menagerie")  # generated worlds, drawn on first use; a real data set has one size


def load(
    name: str, root: Path | str | None = None, *, size: str = "quick", validation: float = 0.15,
    protocol: str = "official",
) -> ClipTable:  # fmt: skip
    """Table of the data set `name`, read from `root` (by default its own folder under AMC_DATA), with splits train,
    val and test.

    size: of a generated world, which is drawn on first use; real data sets have one. validation: the fraction of
    training groups that becomes the validation split, if the data set has none. protocol: which clips are trained on
    and tested, a key of `protocols.PROTOCOLS`. What `python -m amc index` found about the videos is applied, see
    `videos.apply`. Raises AmcError for an unknown name, and for a missing or malformed file.
    """
    choice("dataset", name, list(DATASETS))
    choice("protocol", protocol, list(PROTOCOLS))
    root = folder(name, root)
    command = f"`python -m amc index {name} {shlex.quote(str(root))}`"
    if name in SIZED:
        table = replace(
            DATASETS[name](root, size=size), remedy=f"remove the folder {root / size}, and it is drawn again"
        )
    else:
        try:
            found = DATASETS[name](root)
        except AnnotationError as error:
            raise AnnotationError(error.lines, f"{command} lists them all") from error
        remedy = f"{command} finds all such videos and lets training know"
        table = replace(videos.apply(found, name), remedy=remedy)
    if "val" not in table.counts():
        table = split_validation(table, validation)
    return PROTOCOLS[protocol](table)


def folder(name: str, root: Path | str | None = None) -> Path:
    """The folder of the data set `name`: `root`, else its own folder under AMC_DATA."""
    return Path(root) if root else paths.data() / name.replace("-", "_")
