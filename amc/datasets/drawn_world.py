"""Tables of generated worlds: drawn on first use, then read by Animal Kingdom's own loader."""

from dataclasses import replace
from pathlib import Path

from amc.datasets import animal_kingdom
from amc.datasets.table import ClipTable
from amc.synth import generate
from amc.synth.drawn import Drawn
from amc.synth.world import World


def index(folder: Path, world: World, *, name: str, size: str, workers: int) -> ClipTable:
    """Table of the clips of `world` in `folder`, with the split of each; clips that do not exist yet are drawn first.

    A note tells how many clips of rare behaviours a split has beyond its first ones, see `world.Split`.
    """
    generate.generate(folder, size, world=world, workers=workers)
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
