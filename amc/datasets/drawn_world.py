"""Generated worlds as data sets: drawn on first use, then read by Animal Kingdom's own loader.

Each gives a table of the clips of `size`, in `root/<size>`; clips that do not exist yet are drawn first.
"""

from dataclasses import replace
from pathlib import Path

from amc.datasets import animal_kingdom
from amc.datasets.table import ClipTable
from amc.synth import generate
from amc.synth.drawn import Drawn
from amc.synth.kingdom import KINGDOM
from amc.synth.menagerie import MENAGERIE
from amc.synth.species import SPECIES
from amc.synth.world import World

CLASSES = {"quadruped": "mammal", "frog": "amphibian", "snake": "reptile"}  # by body plan; others are named by it


def kingdom(root: Path | str, *, size: str = "quick") -> ClipTable:
    """Synth Kingdom, with its taxonomy and the species held out for the test."""
    table = _index(Path(root) / size, KINGDOM, name="synth", size=size)
    classes = {name: CLASSES.get(species.plan, species.plan) for name, species in SPECIES.items()}
    taxonomy = {name: (kind, "invertebrate" if kind == "insect" else "vertebrate") for name, kind in classes.items()}
    unseen = tuple(name for name, species in SPECIES.items() if species.unseen)
    return replace(table, taxonomy=taxonomy, held_out=unseen)


def menagerie(root: Path | str, *, size: str = "quick") -> ClipTable:
    """Synth Menagerie, to pre-train on."""
    return _index(Path(root) / size, MENAGERIE, name="synth-menagerie", size=size)


def _index(folder: Path, world: World, *, name: str, size: str) -> ClipTable:
    """The clips of `world` in `folder`, with the split of each.

    A note tells how many clips of rare behaviours a split has beyond its first ones, see `world.Split`.
    """
    generate.generate(folder, size, world=world)
    drawn = Drawn(folder)
    table, split_of = animal_kingdom.index(folder, name=f"{name}-{size}"), drawn.splits()
    table = replace(table, clips=tuple(replace(clip, split=split_of[clip.id]) for clip in table.clips), drawn=drawn)
    counts = table.counts()
    notes = (
        f"{split}: {plan.clips} clips, and {more} more so that every behaviour has at least {plan.least} positives"
        for split, plan in world.sizes[size].items()
        if (more := counts.get(split, 0) - plan.clips)
    )
    return replace(table, notes=(*table.notes, *notes))
