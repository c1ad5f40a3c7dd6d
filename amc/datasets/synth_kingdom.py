"""Synth Kingdom as a data set: drawn on first use, then read by Animal Kingdom's own loader."""

from dataclasses import replace
from pathlib import Path

from amc.datasets import animal_kingdom
from amc.datasets.table import ClipTable
from amc.synth import generate
from amc.synth.drawn import Drawn
from amc.synth.species import SPECIES

CLASSES = {"quadruped": "mammal", "frog": "amphibian", "snake": "reptile"}  # by body plan; others are named by it


def index(root: Path | str, *, size: str = "quick", workers: int = 2) -> ClipTable:
    """Table of the clips of `size`, in `root/<size>`; clips that do not exist yet are drawn first."""
    folder = Path(root) / size
    generate.generate(folder, size, workers=workers)
    classes = {name: CLASSES.get(species.plan, species.plan) for name, species in SPECIES.items()}
    taxonomy = {name: (kind, "invertebrate" if kind == "insect" else "vertebrate") for name, kind in classes.items()}
    unseen = tuple(name for name, species in SPECIES.items() if species.unseen)
    table = animal_kingdom.index(folder, name=f"synth-{size}")
    return replace(table, taxonomy=taxonomy, held_out=unseen, drawn=Drawn(folder))
