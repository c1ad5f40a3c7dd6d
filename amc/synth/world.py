"""The definition of a generated world: its species, their behaviours, and how the script of a clip is written.

`kingdom.KINGDOM` is the world that everything is trained and scored on; `menagerie.MENAGERIE` is another one, for
pre-training. Both share bodies, environments and the renderer, which take the world as an argument.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

FPS = 24  # frames per second of every clip
Channels = dict[str, np.ndarray | float]
Move = Callable[[np.ndarray, float, float], Channels]  # seconds since its start (N,), its length, the animal's pace


@dataclass(frozen=True)
class Species:
    """One species; individuals vary about these values (see `rig.Individual`)."""

    plan: str  # body plan: a key of bodies.PLANS
    length: tuple[float, float]  # body length, pixels of a 128-pixel picture
    base: tuple[int, int, int]  # main coat colour, RGB
    second: tuple[int, int, int]  # colour of the pattern, of beak or fins, RGB
    pattern: str  # plain | stripes | spots | bands | belly (sprites.coat)
    habitats: tuple[str, ...]  # keys of environments.ENVIRONMENTS
    legs: float = 1.0  # leg length relative to the body plan
    neck: float = 1.0  # neck length relative to the body plan
    unseen: bool = False  # only in the test split: never in training, validation or pre-training


class Event(NamedTuple):
    """One animal shows one behaviour from `start` to `stop`, seconds."""

    actor: int
    behaviour: str
    start: float
    stop: float


class Script(NamedTuple):
    """A clip before it is drawn."""

    species: str
    environment: str
    seconds: float
    num_actors: int
    events: tuple[Event, ...]


class Split(NamedTuple):
    """How many clips a split has: the first `clips`, and more of rare behaviours until each has `least` positives."""

    clips: int
    least: int = 0


@dataclass(frozen=True)
class World:
    """Species as data, behaviours as functions of time, and a function that draws the script of a clip."""

    name: str  # for people, and in world.json
    seed: int  # another seed gives other clips
    sizes: Mapping[str, Mapping[str, Split]]  # by size and split: train | val | test
    species: Mapping[str, Species]
    categories: Mapping[str, str]  # the category of each behaviour; their order gives the label ids
    moves: Mapping[str, Move]  # motion of each behaviour; one without an entry consists of others, or of rest
    write_script: Callable[[np.random.Generator, str], Script]  # a clip of this species
    annotate: Callable[[Script, np.random.Generator], tuple[int, ...]]  # the label ids of its annotation
    modules: tuple[str, ...]  # modules of this package that only this world uses: see generate.digest
    afloat: tuple[str, ...] = ()  # behaviours on the water of a pond or in the air, not on the bank
    paired: tuple[str, ...] = ()  # behaviours of one animal behind another, at one height and in one direction

    @property
    def names(self) -> tuple[str, ...]:
        """Behaviours by label id."""
        return tuple(self.categories)

    @property
    def seen(self) -> tuple[str, ...]:
        """Species that may occur in the training split."""
        return tuple(name for name, species in self.species.items() if not species.unseen)
