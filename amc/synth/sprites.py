"""Small textured pictures, premultiplied RGBA: the pieces of animals and clutter.

A sprite is uint8 (h, w, 4). Its pattern is part of the sprite and moves with it: so the optical flow of a rendered
frame is exact everywhere on the animal.
"""

from typing import NamedTuple

import cv2
import numpy as np

Colour = tuple[float, float, float]
SUPERSAMPLE = 4  # shapes are drawn this much larger, then averaged: smooth edges


class Sprite(NamedTuple):
    """A picture and the point of it, in pixels (x, y), that sits on its joint."""

    rgba: np.ndarray
    pivot: tuple[float, float]


class Coat(NamedTuple):
    """Colours and pattern of an individual."""

    base: Colour
    second: Colour
    pattern: str
    period: float  # pixels between stripes or spots
    phase: float


def noise(shape: tuple[int, int], cell: float, rng: np.random.Generator) -> np.ndarray:
    """Smooth noise in [0, 1], float32 (h, w), whose features are about `cell` pixels wide; it tiles in x."""
    h, w = shape
    rows, columns = max(2, round(h / cell) + 1), max(2, round(w / cell))
    coarse = rng.random((rows, columns), np.float32)
    coarse = np.concatenate([coarse, coarse[:, :1]], axis=1)
    x = np.linspace(0, columns, w, endpoint=False, dtype=np.float32)
    y = np.linspace(0, rows - 1, h, dtype=np.float32)
    return cv2.remap(coarse, *np.meshgrid(x, y), cv2.INTER_LINEAR)


def paint(mask: np.ndarray, coat: Coat) -> np.ndarray:
    """Fill a mask, float (h, w) in [0, 1], with a coat: pattern, light from above, a dark rim. Returns RGBA uint8."""
    h, w = mask.shape
    y, x = np.mgrid[0:h, 0:w].astype(np.float32)
    turn = 2 * np.pi / coat.period
    pattern = {
        "plain": np.zeros_like(x),
        "stripes": np.sin(turn * x + 0.6 * np.sin(turn * 0.7 * y) + coat.phase) > 0.15,
        "bands": np.sin(turn * 0.6 * x + coat.phase) > 0.45,
        "spots": np.sin(turn * x + coat.phase) * np.sin(turn * y + 0.5 * turn * x + coat.phase) > 0.45,
        "belly": y > 0.62 * h,
    }[coat.pattern].astype(np.float32)[..., None]
    colour = np.float32(coat.base) * (1 - pattern) + np.float32(coat.second) * pattern
    light = 1.12 - 0.36 * (y / max(h - 1, 1))
    rim = cv2.erode(mask, np.ones((3, 3), np.uint8))
    colour *= (light * (0.66 + 0.34 * rim))[..., None]
    return np.dstack([np.clip(colour, 0, 255) * mask[..., None], mask * 255]).round().astype(np.uint8)


def polygon(points: np.ndarray, coat: Coat, pivot: tuple[float, float]) -> Sprite:
    """A filled polygon; `points` (K, 2) and `pivot` in pixels of one common frame."""
    points = np.asarray(points, np.float64)
    low = np.floor(points.min(axis=0)) - 2
    w, h = (np.ceil(points.max(axis=0)) + 2 - low).astype(int)
    # Integer coordinates are pixel centres, so that pivots and warps agree to the subpixel.
    fine = np.round((points - low + 0.5) * SUPERSAMPLE - 0.5).astype(np.int32)
    mask = np.zeros((h * SUPERSAMPLE, w * SUPERSAMPLE), np.float32)
    cv2.fillPoly(mask, [fine], 1.0)
    mask = cv2.resize(mask, (w, h), interpolation=cv2.INTER_AREA)
    return Sprite(paint(mask, coat), (pivot[0] - low[0], pivot[1] - low[1]))


def ellipse(rx: float, ry: float, coat: Coat, pivot: tuple[float, float] = (0.0, 0.0)) -> Sprite:
    """An ellipse about the origin, radii in pixels; `pivot` in the same frame."""
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    return polygon(np.stack([rx * np.cos(turn), ry * np.sin(turn)], axis=1), coat, pivot)


def limb(length: float, start: float, end: float, coat: Coat) -> Sprite:
    """A tapered limb from its joint at the origin along +x; `start` and `end` are its half widths, pixels."""
    cap = np.linspace(np.pi / 2, 3 * np.pi / 2, 9)
    root = np.stack([start * np.cos(cap), start * np.sin(cap)], axis=1)
    tip = np.stack([length - end * np.cos(cap), -end * np.sin(cap)], axis=1)
    return polygon(np.concatenate([root, tip]), coat, (0.0, 0.0))


def mark(sprite: Sprite, at: tuple[float, float], radius: float, colour: Colour) -> Sprite:
    """A dot, such as an eye, on a sprite; `at` in pixels from its pivot."""
    rgba = np.ascontiguousarray(sprite.rgba.copy())
    centre = (round((at[0] + sprite.pivot[0]) * 16), round((at[1] + sprite.pivot[1]) * 16))
    cv2.circle(rgba, centre, round(radius * 16), (*colour, 255), -1, cv2.LINE_AA, shift=4)
    return Sprite(rgba, sprite.pivot)
