"""Synth Menagerie: another world for the same renderer, for pre-training; it plays the role of Kinetics-400.

It shares no species and no behaviour with Synth Kingdom. As in Kinetics, most clips show one behaviour, all behaviours
are about equally frequent, and the annotation is the truth.
"""

from typing import NamedTuple

import numpy as np

from amc.synth.environments import ENVIRONMENTS
from amc.synth.menagerie_moves import MOVES
from amc.synth.world import FPS, Event, Script, Species, Split, World

SPECIES = {
    "giraffe": Species("quadruped", (30, 40), (232, 190, 112), (136, 80, 36), "spots", ("grass", "desert"), 1.6, 2.1),
    "badger": Species("quadruped", (36, 52), (112, 112, 116), (30, 30, 32), "belly", ("forest", "snow"), 0.55, 0.6),
    "flamingo": Species("bird", (28, 38), (244, 148, 164), (236, 92, 112), "plain", ("pond", "sky"), 2.2, 2.4),
    "parrot": Species("bird", (34, 48), (36, 152, 74), (222, 52, 44), "bands", ("forest", "sky", "night"), 0.6, 0.6),
    "angelfish": Species("fish", (36, 54), (248, 220, 74), (34, 62, 148), "stripes", ("underwater",)),
    "toad": Species("frog", (36, 52), (142, 110, 74), (74, 54, 40), "spots", ("forest", "pond", "desert")),
    "cobra": Species("snake", (58, 80), (52, 52, 46), (228, 204, 120), "stripes", ("desert", "grass", "night")),
    "butterfly": Species("insect", (38, 54), (48, 38, 44), (246, 142, 40), "plain", ("sky", "grass", "pond")),
}


class Stage(NamedTuple):
    """Which bodies show a behaviour, and in which kinds of environment."""

    category: str
    plans: tuple[str, ...]
    where: tuple[str, ...]  # kinds of environment: ground | bank | surface | water | air


_DRY = ("ground", "bank")
STAGES = {
    "Bowing": Stage("Social", ("quadruped", "bird"), _DRY),
    "Creeping": Stage("Movement", ("quadruped", "frog"), _DRY),
    "Diving": Stage("Movement", ("bird", "fish", "insect"), ("air", "water")),
    "Hopping": Stage("Movement", ("bird", "frog", "insect"), _DRY),
    "Hovering": Stage("Movement", ("bird", "insect"), ("air",)),
    "Nodding": Stage("Social", ("quadruped", "bird"), _DRY),
    "Pouncing": Stage("Hunting", ("quadruped", "frog"), _DRY),
    "Rearing": Stage("Social", ("quadruped", "snake"), _DRY),
    "Rolling": Stage("Play", ("quadruped", "fish", "frog", "snake"), (*_DRY, "water")),
    "Spinning": Stage("Play", ("quadruped", "bird", "fish", "frog", "snake", "insect"), (*_DRY, "water")),
    "Stamping": Stage("Social", ("quadruped", "bird"), _DRY),
    "Stretching": Stage("Maintenance", ("quadruped", "bird"), _DRY),
    "Swaying": Stage("Social", ("quadruped", "bird", "snake"), _DRY),
    "Zigzagging": Stage("Movement", ("fish", "insect"), ("water", "air")),
}
NAMES = tuple(STAGES)
MIN_SECONDS, MAX_SECONDS = 2.0, 5.0
SECOND = 0.15  # probability that another behaviour follows the first
COMPANION = 0.15  # probability of a second animal of the same species that does the same at its own pace


def scenes(species: str) -> dict[str, tuple[str, ...]]:
    """Behaviours of a species, each with those of its habitats where it is possible."""
    fitting = {
        name: tuple(e for e in SPECIES[species].habitats if set(stage.where) & set(ENVIRONMENTS[e].kinds))
        for name, stage in STAGES.items()
        if SPECIES[species].plan in stage.plans
    }
    return {name: places for name, places in fitting.items() if places}


def write_script(rng: np.random.Generator, species: str) -> Script:
    """Draw the place and the events of one clip of `species`, 2 to 5 seconds long."""
    known = scenes(species)
    # Species show a behaviour more often if few species have it: so all behaviours are about equally frequent.
    rarity = np.array([1 / sum(name in scenes(other) for other in SPECIES) for name in known])
    first = tuple(known)[rng.choice(len(known), p=rarity / rarity.sum())]
    environment = known[first][rng.integers(len(known[first]))]
    seconds = round(rng.uniform(MIN_SECONDS, MAX_SECONDS) * FPS) / FPS
    course = [(first, 0.0, seconds)]
    following = [name for name, places in known.items() if environment in places and name != first]
    if following and rng.random() < SECOND:
        change = round(rng.uniform(0.4, 0.6) * seconds * FPS) / FPS
        course = [(first, 0.0, change), (following[rng.integers(len(following))], change, seconds)]
    num_actors = 1 + int(rng.random() < COMPANION)
    events = tuple(Event(actor, *part) for actor in range(num_actors) for part in course)
    return Script(species, environment, seconds, num_actors, events)


def annotate(script: Script, rng: np.random.Generator) -> tuple[int, ...]:
    """The label ids of what happened, in order: the annotator makes no errors."""
    return tuple(sorted({NAMES.index(event.behaviour) for event in script.events}))


MENAGERIE = World(
    name="Synth Menagerie",
    seed=400,
    sizes={
        "smoke": {"train": Split(40), "val": Split(8), "test": Split(24)},
        "quick": {"train": Split(510), "val": Split(90), "test": Split(60)},
        "standard": {"train": Split(2040), "val": Split(360), "test": Split(200)},
    },
    species=SPECIES,
    categories={name: stage.category for name, stage in STAGES.items()},
    moves=MOVES,
    write_script=write_script,
    annotate=annotate,
    modules=("menagerie", "menagerie_moves"),
)
