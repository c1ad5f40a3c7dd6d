"""Pairs of pictures with the true flow between them: RAFT's training data (`python -m amc flow train`).

Most pairs ("broad") show rigid pieces with random texture on a random ground, each with its own motion, as in
FlyingChairs (Dosovitskiy et al., ICCV 2015): more varied than any clip of Synth Kingdom in texture, speed, occlusion
and light. The others are frames of a Kingdom scene that is in no clip, up to FURTHEST frames apart. Both pictures then
pass a camera model: blur, exposure, colour, noise, and the codec's blocks. Some chunks have fewer, larger pictures: on
small ones the coarse levels of RAFT's correlations lie mostly outside, and RAFT never learns to use them.
"""

from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np

from amc.synth import environments, scene
from amc.synth.kingdom import KINGDOM
from amc.synth.rig import Part, affine
from amc.synth.sprites import SUPERSAMPLE, noise

SIZE = scene.SIZE  # pixels, height and width
CHUNK, KINGDOMS = 8, 2  # pairs drawn together, from shared textures; how many of them show a Kingdom scene
TIMES = (1, 1, 2, 1, 1, 3)  # picture side in units of SIZE, chunk after chunk, repeated
LARGEST = max(TIMES) * SIZE  # pixels
FURTHEST = 4  # native frames between the two pictures of a Kingdom pair
PIECES = 9  # at most, on the ground of a picture of SIZE
SPEEDS = (0.15, 8.0)  # pixels: a pair's typical motion, drawn evenly on a logarithmic scale
STILL = 0.2  # share of the pairs with a fixed camera
TEXTURES, TEXTURE = 3, 256  # painted for a chunk, and their height and width in pixels


class Pairs(NamedTuple):
    """Pairs of pictures and the flow between them."""

    first: np.ndarray  # uint8 (P, 3, H, W) RGB; H and W are SIZE or, in other chunks, a multiple of it
    second: np.ndarray  # likewise
    flow: np.ndarray  # float32 (P, 2, H, W), pixels from first to second, u right and v down; also where hidden


def times(chunk: int) -> int:
    """The side of a chunk's pictures in units of SIZE; if it is more than 1, all pairs of the chunk are broad."""
    return TIMES[chunk % len(TIMES)]


def count(chunk: int) -> int:
    """Pairs in a chunk: fewer if its pictures are larger, so that the number of pixels is about the same."""
    return max(1, CHUNK // times(chunk) ** 2)


def draw(seed: int, chunk: int, *, kingdoms: int = KINGDOMS, broad: int = CHUNK - KINGDOMS) -> Pairs:
    """The pairs of a chunk, the same for the same seed and number: those of a Kingdom scene, then the broad ones.

    A chunk of larger pictures always has `count(chunk)` broad pairs.
    """
    rng = np.random.default_rng([seed, chunk])
    textures = [_texture(rng) for _ in range(TEXTURES)]
    if (larger := times(chunk)) > 1:
        stages = [(_scene(textures, rng, larger), 0, 1) for _ in range(count(chunk))]
        return _taken(stages, rng, larger)
    stages = [(_scene(textures, rng), 0, 1) for _ in range(broad)]
    if kingdoms:
        script = KINGDOM.write_script(rng, KINGDOM.seen[chunk % len(KINGDOM.seen)])
        stage = scene.compose(script, int(rng.integers(2**31)))
        starts = rng.integers(stage.num_frames - FURTHEST, size=kingdoms)
        steps = rng.choice(FURTHEST, size=kingdoms, p=(0.55, 0.25, 0.12, 0.08)) + 1
        stages = [(stage, int(a), int(a + step)) for a, step in zip(starts, steps, strict=True)] + stages
    return _taken(stages, rng)


def _taken(stages: list[tuple[scene.Scene, int, int]], rng: np.random.Generator, times: int = 1) -> Pairs:
    first, second, flow = zip(*(_photographed(*stage, rng, times) for stage in stages), strict=True)
    return Pairs(*(np.stack(x) for x in (first, second, flow)))


def _photographed(stage: scene.Scene, one: int, other: int, rng: np.random.Generator, times: int = 1):
    """First, second and flow of a pair, each with channels first."""
    pictures = [_tiled(stage, lambda tile, at=index: scene.frame(tile, at), times) for index in (one, other)]
    pictures = [picture.astype(np.float32) for picture in pictures]
    blur = rng.uniform(0.3, 1.3) * (rng.random() < 0.3)
    grain = rng.uniform(0, 8) * (rng.random() < 0.6)
    contrast, gain, light = rng.uniform(0.7, 1.3), rng.uniform(0.85, 1.15, (1, 1, 3)), rng.normal(0, 15)
    quality = int(rng.integers(40, 96)) if rng.random() < 0.4 else None
    taken = []
    for picture in pictures:
        picture = cv2.GaussianBlur(picture, (0, 0), blur) if blur else picture
        picture = (picture - 128) * contrast * gain * rng.normal(1, 0.02) + 128 + light + rng.normal(0, 2)
        picture = picture + grain * rng.standard_normal(picture.shape, dtype=np.float32)
        picture = np.clip(picture, 0, 255).astype(np.uint8)
        if quality:
            _, coded = cv2.imencode(".jpg", picture, (cv2.IMWRITE_JPEG_QUALITY, quality))
            picture = cv2.imdecode(coded, cv2.IMREAD_COLOR)
        taken.append(picture.transpose(2, 0, 1))
    return *taken, _tiled(stage, lambda tile: scene.flow(tile, one, other).transpose(1, 2, 0), times).transpose(2, 0, 1)


def _tiled(stage: scene.Scene, shown: Callable[[scene.Scene], np.ndarray], times: int) -> np.ndarray:
    """The result of `shown`, (SIZE, SIZE, C), for a picture `times` times as large: it is called tile by tile."""
    places = [[affine(x=-SIZE * column, y=-SIZE * row)[0] for column in range(times)] for row in range(times)]
    return np.concatenate([np.concatenate([shown(_moved(stage, at)) for at in row], axis=1) for row in places])


def _moved(stage: scene.Scene, at: np.ndarray) -> scene.Scene:
    parts = tuple(part._replace(matrices=at @ part.matrices) for part in stage.parts)
    return stage._replace(ground=at @ stage.ground, parts=parts)


def _scene(textures: list[np.ndarray], rng: np.random.Generator, times: int = 1) -> scene.Scene:
    """Ground and pieces in two frames of `times` times SIZE."""
    speed = np.exp(rng.uniform(*np.log(SPEEDS)))
    middle = times * SIZE / 2
    camera = _motion(speed, (middle, middle), rng) if rng.random() > STILL else np.eye(3)
    ground = affine(rng.uniform(0, 2 * np.pi), middle, middle, scale := rng.uniform(0.7, 1.6), scale)[0]
    ground = ground @ affine(x=-rng.uniform(0, TEXTURE), y=-rng.uniform(0, TEXTURE))[0]
    parts = [_piece(textures, camera, speed, rng, times) for _ in range(rng.integers(times * PIECES + 1))]
    paper = textures[rng.integers(len(textures))]
    return scene.Scene(2, paper, np.stack([ground, camera @ ground]), tuple(parts), np.ones(3), 0.0, 0)


def _piece(textures: list[np.ndarray], camera: np.ndarray, speed: float, rng: np.random.Generator, times: int) -> Part:
    """A shape cut from a texture; a third of the pieces move nearly as the camera does."""
    side = int(np.exp(rng.uniform(*np.log((12, min(110 * times, TEXTURE - 1))))))
    x, y = rng.uniform(0, times * SIZE, 2)
    paper = textures[rng.integers(len(textures))]
    top, left = rng.integers(0, TEXTURE - side, 2)
    mask = _shape(side, rng)
    colour = paper[top : top + side, left : left + side] * rng.uniform(0.5, 1.3, 3)
    rgba = np.dstack([np.clip(colour, 0, 255) * mask[..., None], 255 * mask]).round().astype(np.uint8)
    put = affine(rng.uniform(0, 2 * np.pi), x, y, *rng.uniform(0.7, 1.3, 2))[0] @ affine(x=-side / 2, y=-side / 2)[0]
    own = _motion(speed * rng.choice([0.1, 1, 1.5]), (x, y), rng)
    return Part(rgba, np.stack([put, camera @ own @ put]))


def _motion(speed: float, centre: tuple[float, float], rng: np.random.Generator) -> np.ndarray:
    """Shift, turn and zoom about a centre, each of a few times `speed` pixels at most: (3, 3) on the screen."""
    along, turn, zoom = rng.normal(0, speed, 2), *rng.normal(0, 0.35 * speed / (SIZE / 4), 2)
    moved = affine(turn, centre[0] + along[0], centre[1] + along[1], np.exp(zoom), np.exp(zoom))
    return (moved @ affine(x=-centre[0], y=-centre[1]))[0]


def _shape(side: int, rng: np.random.Generator) -> np.ndarray:
    """A random blob, star or bar: float32 (side, side) in [0, 1], smooth at its edge."""
    turn = np.linspace(0, 2 * np.pi, int(rng.choice([4, 5, 8, 40])), endpoint=False) + rng.uniform(0, np.pi)
    radius = 0.45 * rng.uniform(0.35, 1, len(turn)) if len(turn) < 40 else 0.32 + 0.12 * np.sin(3 * turn + turn[0])
    squeeze = rng.choice([1.0, 0.5, 0.2])
    points = side * SUPERSAMPLE * (0.5 + np.stack([radius * np.cos(turn), squeeze * radius * np.sin(turn)], axis=1))
    mask = np.zeros((side * SUPERSAMPLE,) * 2, np.float32)
    cv2.fillPoly(mask, [points.round().astype(np.int32)], 1.0)
    return cv2.resize(mask, (side, side), interpolation=cv2.INTER_AREA)


def _texture(rng: np.random.Generator) -> np.ndarray:
    """Texture of ground or pieces: a Kingdom background, or coloured noise under leaves. uint8 (TEXTURE, w, 3)."""
    if rng.random() < 0.25:
        place = environments.background(str(rng.choice(list(environments.ENVIRONMENTS))), rng)
        return cv2.resize(place, (2 * TEXTURE, TEXTURE))
    cells = np.exp(rng.uniform(*np.log((1.5, 60)), size=4))
    grey = sum(noise((TEXTURE, TEXTURE), cell, rng) * rng.random() for cell in cells)[..., None]
    colour = np.stack([noise((TEXTURE, TEXTURE), rng.uniform(4, 80), rng) for _ in range(3)], axis=-1)
    picture = 255 * (grey - grey.min()) / np.ptp(grey) * rng.uniform(0.3, 1) + rng.uniform(0, 160) * (colour - 0.5)
    for _ in range(rng.choice([0, 30, 120, 400])):  # dead leaves, with the statistics of natural pictures
        radius = 3 * rng.pareto(1.5) + 2
        centre, axes = rng.uniform(0, TEXTURE, 2), radius * rng.uniform(0.3, 1, 2)
        ring = rng.choice([-1, -1, -1, 1])  # filled, or drawn as a line
        cv2.ellipse(
            picture, (tuple(centre), tuple(np.minimum(axes, TEXTURE)), rng.uniform(0, 180)), rng.uniform(0, 255, 3),
            int(ring), cv2.LINE_AA,
        )  # fmt: skip
    weave = rng.choice([0, 0, 1]) * rng.uniform(5, 40)  # stripes or cloth
    y, x = np.mgrid[0:TEXTURE, 0:TEXTURE] * (2 * np.pi / rng.uniform(3, 30))
    picture = picture + weave * (np.sin(x + rng.uniform(-1, 1) * y) * np.sin(y))[..., None]
    return np.clip(picture, 0, 255).astype(np.uint8)
