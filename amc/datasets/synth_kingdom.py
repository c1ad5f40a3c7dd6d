"""Synth Kingdom as a data set, with its taxonomy and the species held out for the test."""

from dataclasses import replace
from pathlib import Path

from amc.datasets import drawn_world
from amc.datasets.table import ClipTable
from amc.synth.kingdom import KINGDOM
from amc.synth.species import SPECIES

CLASSES = {"quadruped": "mammal", "frog": "amphibian", "snake": "reptile"}  # by body plan; others are named by it


def index(root: Path | str, *, size: str = "quick", workers: int = 2) -> ClipTable:
    """Table of the clips of `size`, in `root/<size>`; clips that do not exist yet are drawn first."""
    table = drawn_world.index(Path(root) / size, KINGDOM, name="synth", size=size, workers=workers)
    classes = {name: CLASSES.get(species.plan, species.plan) for name, species in SPECIES.items()}
    taxonomy = {name: (kind, "invertebrate" if kind == "insect" else "vertebrate") for name, kind in classes.items()}
    unseen = tuple(name for name, species in SPECIES.items() if species.unseen)
    return replace(table, taxonomy=taxonomy, held_out=unseen)
