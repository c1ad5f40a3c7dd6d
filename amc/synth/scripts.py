"""Scripts: what happens in a clip, as timed events, and how an annotator labels it.

The truth is exact: every behaviour that an animal shows in every frame. The annotation has the habits that the paper
finds in Animal Kingdom (its error analysis): stillness and transitions are left out, sub-actions are merged into the
composite that they belong to. Both are kept, so that errors of model and annotator can be distinguished.
"""

from typing import NamedTuple

import numpy as np

from amc.synth.behaviours import NAMES
from amc.synth.environments import ENVIRONMENTS
from amc.synth.species import SPECIES
from amc.synth.world import FPS, Event, Script

# Probabilities that an annotator leaves out what truly happened.
OMIT_STILL = 0.6  # keeping still, when anything else happens in the clip (the paper's frog that sits and then jumps)
OMIT_TRANSITION = 0.4  # turning around
OMIT_PART = 0.75  # a sub-action of an annotated composite
OMIT_SHORT = 0.08  # an event shorter than a second
TRANSITIONS = ("Turning around",)
COMPOSITES = {
    "Grooming": ("Licking", "Rubbing its head"),
    "Sensing": ("Attending", "Keeping still"),
    "Chasing": ("Running", "Swimming"),
    "Fleeing": ("Running", "Swimming"),
}
MIN_SECONDS, MAX_SECONDS = 2.0, 10.0
COMPANION = 0.15  # probability of a second animal of the same species with a story of its own


class Step(NamedTuple):
    """Behaviours shown together for `low` to `high` seconds."""

    names: tuple[str, ...]
    low: float
    high: float


class Story(NamedTuple):
    """A sequence of steps that fits some bodies in some places; `weight` is how common it is."""

    weight: float
    plans: tuple[str, ...]
    where: tuple[str, ...]  # kinds of environment: ground | bank | surface | water | air
    steps: tuple[Step, ...]
    other: tuple[Step, ...] = ()  # what a second animal does, if the story needs two


def _step(text: str, low: float, high: float) -> Step:
    return Step(tuple(text.split(" + ")), low, high)


_STILL, _WATCH = _step("Keeping still", 1.0, 2.6), _step("Attending + Keeping still", 0.8, 2.4)
_LICK = _step("Grooming + Licking + Keeping still", 0.9, 2.2)
_RUB = _step("Grooming + Rubbing its head + Keeping still", 0.8, 1.8)
_WALKERS, _STANDERS = ("quadruped", "bird", "insect"), ("quadruped", "bird", "frog", "snake", "insect")
_DRY = ("ground", "bank")

# Weights follow the frequencies in Animal Kingdom: a few common behaviours, many rare ones.
STORIES = (
    Story(14, ("quadruped", "bird"), _DRY, (_step("Eating", 1.5, 4), _WATCH, _step("Eating", 1, 3))),
    Story(12, _WALKERS, _DRY, (_step("Walking", 2, 6),)),
    Story(9, ("quadruped", "bird"), _DRY, (_step("Walking", 1, 3), _WATCH)),
    Story(9, _STANDERS, _DRY, (_step("Keeping still", 2, 5),)),
    Story(8, ("quadruped",), _DRY, (_step("Running", 1.8, 4),)),
    Story(3, ("quadruped",), _DRY, (_step("Walking", 1, 2.5), _step("Running", 1, 2.5))),
    Story(12, ("snake", "insect"), _DRY, (_step("Moving", 2, 6),)),
    Story(6, ("snake", "insect", "frog"), _DRY, (_step("Moving", 1, 3), _STILL)),
    Story(6, ("quadruped", "bird", "snake"), _DRY, (_step("Sleeping", 2.2, 6),)),
    Story(16, ("quadruped", "bird"), ("bank",), (_step("Walking", 0.6, 1.5), _step("Drinking", 1.8, 4))),
    Story(14, ("fish", "frog"), ("water", "surface"), (_step("Swimming", 2, 5),)),
    Story(12, ("bird",), ("surface",), (_step("Swimming", 2, 5),)),
    Story(5, ("fish",), ("water",), (_step("Swimming", 1, 2.5), _STILL)),
    Story(5, ("fish",), ("water",), (_step("Eating", 1.5, 3), _step("Swimming", 1, 2))),
    Story(14, ("bird", "insect"), ("air",), (_step("Flying", 2, 4.5),)),
    Story(6, ("bird",), ("air",), (_step("Gliding", 2, 4),)),
    Story(5, ("bird",), ("air",), (_step("Flying", 1, 2.2), _step("Gliding", 1, 2.2))),
    Story(4, ("bird", "insect"), _DRY, (_STILL, _step("Flapping", 0.9, 2.2))),
    Story(9, ("frog",), _DRY, (_STILL, _step("Jumping", 0.45, 0.75), _STILL)),
    Story(3, ("quadruped",), _DRY, (_STILL, _step("Jumping", 0.5, 0.8), _STILL)),
    Story(5, ("quadruped",), _DRY, (_LICK, _RUB, _LICK)),
    Story(3, ("frog", "insect"), _DRY, (_STILL, _step("Rubbing its head + Keeping still", 1, 2.4))),
    Story(5, ("quadruped", "frog"), _DRY, (_step("Sensing + Attending + Keeping still", 2, 4.5),)),
    Story(5, ("quadruped", "bird", "frog"), _DRY, (_step("Attending + Keeping still", 2, 4.5),)),
    Story(4, ("quadruped", "bird"), _DRY, (_STILL, _step("Shaking head", 0.6, 1.3), _STILL)),
    Story(3, ("quadruped",), _DRY, (_step("Tail swishing + Keeping still", 1.5, 3.5), _WATCH)),
    Story(3, _WALKERS, _DRY, (_step("Walking", 0.8, 2), _step("Turning around", 0.5, 0.9), _step("Walking", 0.8, 2))),
    Story(
        3,
        ("fish",),
        ("water",),
        (_step("Swimming", 0.8, 2), _step("Turning around", 0.5, 0.9), _step("Swimming", 0.8, 2)),
    ),
    Story(4, ("quadruped",), _DRY, (_step("Chasing + Running", 1.8, 3.5),), (_step("Fleeing + Running", 1.8, 3.5),)),
    Story(3, ("fish",), ("water",), (_step("Chasing + Swimming", 1.8, 3.5),), (_step("Fleeing + Swimming", 1.8, 3.5),)),
)


def write_script(rng: np.random.Generator, species: str) -> Script:
    """Draw the place and the events of one clip of `species`, 2 to 10 seconds long."""
    plan = SPECIES[species].plan
    places = [
        (e, s)
        for e in SPECIES[species].habitats
        for s in STORIES
        if plan in s.plans and set(s.where) & set(ENVIRONMENTS[e].kinds)
    ]
    weights = np.array([story.weight for _, story in places])
    environment, story = places[rng.choice(len(places), p=weights / weights.sum())]
    events, seconds = _play(story.steps, 0, rng, MIN_SECONDS)
    if story.other:  # the second animal acts as long as the first
        events += [Event(1, name, 0.0, seconds) for name in story.other[0].names]
    elif rng.random() < COMPANION:
        # Only stories of the same kind of place, so that no animal drinks in the desert.
        fitting = [s for _, s in places if s.where == story.where and not s.other]
        mate, _ = _play(fitting[rng.integers(len(fitting))].steps, 1, rng, seconds)
        events += [e._replace(stop=min(e.stop, seconds)) for e in mate if e.start < seconds - 0.3]
    return Script(species, environment, seconds, 1 + max(e.actor for e in events), tuple(events))


def _play(steps: tuple[Step, ...], actor: int, rng: np.random.Generator, least: float) -> tuple[list[Event], float]:
    """The steps one after another; the last one is extended to at least `least` seconds in all."""
    clock, events = 0.0, []
    for step in steps:
        end = clock + rng.uniform(step.low, step.high)
        if step is steps[-1]:
            end = min(max(end, least), MAX_SECONDS)
        end = round(end * FPS) / FPS
        events += [Event(actor, name, clock, end) for name in step.names]
        clock = end
    return events, clock


def truth(script: Script, *, names: tuple[str, ...] = NAMES) -> np.ndarray:
    """Which of the behaviours `names` happen in each frame: bool (N, C); by default those of the Kingdom."""
    num_frames = round(script.seconds * FPS)
    table = np.zeros((num_frames, len(names)), bool)
    for event in script.events:
        table[round(event.start * FPS) : round(event.stop * FPS), names.index(event.behaviour)] = True
    return table


def annotate(script: Script, rng: np.random.Generator) -> tuple[int, ...]:
    """What an annotator writes about the whole clip: label ids, in order, at least one."""
    seconds = {name: sum(e.stop - e.start for e in script.events if e.behaviour == name) for name in NAMES}
    happened = [name for name in NAMES if seconds[name] > 0]
    written = []
    for name in happened:
        omit = OMIT_SHORT if seconds[name] < 1 else 0.0
        if name in TRANSITIONS:
            omit = OMIT_TRANSITION
        if any(name in parts and whole in happened for whole, parts in COMPOSITES.items()):
            omit = OMIT_PART
        elif name == "Keeping still" and len(happened) > 1:
            omit = OMIT_STILL
        if rng.random() >= omit:
            written.append(name)
    longest = max(happened, key=seconds.get)
    return tuple(NAMES.index(name) for name in written or [longest])
