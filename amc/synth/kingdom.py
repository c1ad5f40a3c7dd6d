"""Synth Kingdom as a value: its species, behaviours, stories and annotator in one place."""

from amc.synth import behaviours, scripts
from amc.synth.species import SPECIES
from amc.synth.world import World

KINGDOM = World(
    name="Synth Kingdom",
    seed=2024,
    sizes={"smoke": (48, 24), "quick": (760, 240), "standard": (2400, 600)},
    species=SPECIES,
    categories=behaviours.CATEGORIES,
    moves=behaviours.MOVES,
    write_script=scripts.write_script,
    annotate=scripts.annotate,
    modules=("kingdom", "species", "behaviours", "scripts"),
    afloat=("Swimming", "Flying", "Gliding"),
    paired=("Chasing",),
)
