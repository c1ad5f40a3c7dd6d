"""What every body is made of: rigid parts, individuals, heads and legs.

A part is a sprite and one 3x3 matrix per frame that maps its pixels into the world.
"""

from typing import NamedTuple

import numpy as np

from amc.synth.motion import Motion
from amc.synth.sprites import Coat, Sprite, limb, mark
from amc.synth.world import Species


class Part(NamedTuple):
    """A rigid piece: its picture, and where it is in each frame."""

    rgba: np.ndarray  # uint8 (h, w, 4), premultiplied
    matrices: np.ndarray  # float64 (N, 3, 3), sprite pixels to world pixels
    shown: np.ndarray | None = None  # bool (N,), None for always


class Individual(NamedTuple):
    """One animal of a species: its size and paint are drawn once per clip."""

    species: Species
    length: float
    coat: Coat
    plain: Coat


def individual(species: Species, rng: np.random.Generator) -> Individual:
    """Draw an individual of a species."""
    length = rng.uniform(*species.length)
    shade = rng.uniform(0.85, 1.12) + rng.normal(0, 0.03, 3)
    base = tuple(np.clip(np.array(species.base) * shade, 10, 250))
    second = tuple(np.clip(np.array(species.second) * rng.uniform(0.9, 1.08), 10, 250))
    coat = Coat(base, second, species.pattern, length * rng.uniform(0.13, 0.2), rng.uniform(0, 6))
    return Individual(species, length, coat, coat._replace(pattern="plain"))


def affine(angle=0.0, x=0.0, y=0.0, sx=1.0, sy=1.0) -> np.ndarray:
    """Scale, then rotate (clockwise on the screen), then shift: (N, 3, 3) for arrays (N,) or plain numbers."""
    angle, x, y, sx, sy = np.broadcast_arrays(
        *(np.atleast_1d(np.asarray(v, np.float64)) for v in (angle, x, y, sx, sy))
    )
    matrix = np.zeros((*angle.shape, 3, 3))
    cos, sin = np.cos(angle), np.sin(angle)
    matrix[:, 0, 0], matrix[:, 0, 1], matrix[:, 0, 2] = cos * sx, -sin * sy, x
    matrix[:, 1, 0], matrix[:, 1, 1], matrix[:, 1, 2] = sin * sx, cos * sy, y
    matrix[:, 2, 2] = 1
    return matrix


def set_part(frame: np.ndarray, sprite: Sprite, shown: np.ndarray | None = None) -> Part:
    """A sprite whose pivot moves with the origin of `frame` (N, 3, 3)."""
    return Part(sprite.rgba, frame @ affine(x=-sprite.pivot[0], y=-sprite.pivot[1]), shown)


def stand(motion: Motion, height: np.ndarray | float) -> np.ndarray:
    """The body's own frame: origin `height` pixels above the feet, x to the nose, y down."""
    facing = np.where(np.abs(motion.facing) < 0.12, 0.12 * np.where(motion.facing < 0, -1, 1), motion.facing)
    place = affine(x=motion.x, y=motion.y - height)
    return place @ affine(sx=facing) @ affine(angle=-motion.pitch)


def set_head(frame: np.ndarray, sprite: Sprite, eye: tuple[float, float], size: float, motion: Motion) -> list[Part]:
    """Two versions of a head: awake with an open eye, asleep with a closed one."""
    awake = mark(
        mark(sprite, eye, size, (20, 18, 18)), (eye[0] + size * 0.3, eye[1] - size * 0.3), size * 0.35, (250, 250, 250)
    )
    closed = mark(sprite, eye, size * 0.7, (70, 60, 56))
    asleep = motion.asleep > 0.5
    return [set_part(frame, awake, ~asleep), set_part(frame, closed, asleep)]


def grow_leg(
    root: np.ndarray,
    at: tuple[float, float],
    length: float,
    width: float,
    coat: Coat,
    motion: Motion,
    *,
    offset: float,
    lift: np.ndarray | float = 0.0,
) -> list[Part]:
    """Two segments hanging from the body; they swing with the gait, fold when lying, rise to the head with `lift`."""
    swing = motion.stride * np.sin(motion.phase + offset)
    knee = np.maximum(0, motion.stride * np.cos(motion.phase + offset)) * 1.1
    hip = np.pi / 2 - swing - 1.25 * motion.crouch - 2.0 * lift
    upper = root @ affine(angle=hip, x=at[0], y=at[1])
    lower = upper @ affine(angle=knee + 2.35 * motion.crouch + 0.9 * np.asarray(lift), x=0.52 * length)
    dark = coat._replace(base=tuple(0.8 * c for c in coat.base)) if offset in (np.pi, 1.5 * np.pi) else coat
    return [
        set_part(lower, limb(0.5 * length, width * 0.7, width * 0.5, dark)),
        set_part(upper, limb(0.55 * length, width, width * 0.7, dark)),
    ]
