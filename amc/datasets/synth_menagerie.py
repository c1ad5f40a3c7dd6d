"""Synth Menagerie as a data set, to pre-train on: drawn on first use, then read by Animal Kingdom's own loader."""

from dataclasses import replace
from pathlib import Path

from amc.datasets import animal_kingdom
from amc.datasets.table import ClipTable
from amc.synth import generate
from amc.synth.drawn import Drawn
from amc.synth.menagerie import MENAGERIE


def index(root: Path | str, *, size: str = "quick", workers: int = 2) -> ClipTable:
    """Table of the clips of `size`, in `root/<size>`; clips that do not exist yet are drawn first."""
    folder = Path(root) / size
    generate.generate(folder, size, world=MENAGERIE, workers=workers)
    return replace(animal_kingdom.index(folder, name=f"synth-menagerie-{size}"), drawn=Drawn(folder))
