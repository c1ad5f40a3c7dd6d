"""Synth Menagerie as a data set, to pre-train on."""

from pathlib import Path

from amc.datasets import drawn_world
from amc.datasets.table import ClipTable
from amc.synth.menagerie import MENAGERIE


def index(root: Path | str, *, size: str = "quick", workers: int = 2) -> ClipTable:
    """Table of the clips of `size`, in `root/<size>`; clips that do not exist yet are drawn first."""
    return drawn_world.index(Path(root) / size, MENAGERIE, name="synth-menagerie", size=size, workers=workers)
