"""Synth Kingdom as a value: its species, behaviours, stories and annotator in one place."""

from amc.synth import behaviours, scripts
from amc.synth.species import SPECIES
from amc.synth.world import Split, World

KINGDOM = World(
    name="Synth Kingdom",
    seed=2024,
    # Training has a long tail. Validation and test have enough positives of every behaviour to be measured on.
    sizes={
        "demo": {"train": Split(40), "val": Split(48), "test": Split(64)},
        "smoke": {"train": Split(40), "val": Split(8), "test": Split(24)},
        "quick": {"train": Split(640), "val": Split(250, least=10), "test": Split(600, least=20)},
        "standard": {"train": Split(2600), "val": Split(500, least=25), "test": Split(1200, least=50)},
    },
    species=SPECIES,
    categories=behaviours.CATEGORIES,
    moves=behaviours.MOVES,
    write_script=scripts.write_script,
    annotate=scripts.annotate,
    modules=("kingdom", "species", "behaviours", "scripts"),
    afloat=("Swimming", "Flying", "Gliding"),
    paired=("Chasing",),
)
