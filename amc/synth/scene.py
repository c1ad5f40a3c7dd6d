"""A script becomes a scene, parts with their places on the screen; a scene becomes pictures and true flow.

All motion is given by one affine matrix per part and frame. So the motion of every pixel from any frame to any other
is known exactly: find the part visible there, map the point back onto the part, and forward into the other frame.
"""

from collections.abc import Iterator
from typing import NamedTuple

import cv2
import numpy as np

from amc.synth import environments
from amc.synth.bodies import PLANS
from amc.synth.environments import ENVIRONMENTS
from amc.synth.kingdom import KINGDOM
from amc.synth.motion import perform
from amc.synth.rig import Part, affine, individual
from amc.synth.world import FPS, Script, World

SIZE = 128  # pixels, height and width of a frame
PARALLAX = 1.3  # motion of the foreground relative to the animals when the camera moves
BLUR = 0.4  # seconds over which a following camera averages its target's place
_NOISE = (
    np.random.default_rng(0).standard_normal((4, SIZE, 2 * SIZE, 3)).astype(np.float32)
)  # the sensor's, reused at random offsets


class Scene(NamedTuple):
    """Everything needed to draw any frame of a clip."""

    num_frames: int
    background: np.ndarray  # uint8 (h, w, 3), tiles in x
    ground: np.ndarray  # (N, 3, 3) background pixels to screen
    parts: tuple[Part, ...]  # from back to front, already on the screen
    gain: np.ndarray  # (3,) light on each colour channel
    noise: float  # grey levels, standard deviation
    seed: int
    num_animal_parts: int = 0  # the first of `parts`; the others are objects in the foreground


def compose(script: Script, seed: int, *, world: World = KINGDOM) -> Scene:
    """The scene of a script of `world`. The same script and seed give the same scene, pixel for pixel."""
    rng = np.random.default_rng([seed, 1])
    num_frames = round(script.seconds * FPS)
    env = ENVIRONMENTS[script.environment]
    motions, bodies = _cast(script, world, num_frames, rng)
    camera = _camera(motions[0].x, motions[0].y, num_frames, rng)
    # An animal lower on the screen is nearer to the camera, and is drawn later.
    order = np.argsort([motion.y.max() for motion in motions])
    parts = [part._replace(matrices=camera @ part.matrices) for k in order for part in bodies[k]]
    num_animal_parts = len(parts)
    near = camera.copy()
    near[:, :2, 2] += (PARALLAX - 1) * (camera[:, :2, 2] - SIZE / 2)
    for _ in range(rng.choice(3, p=(0.6, 0.28, 0.12))):
        sprite = environments.occluder(script.environment, rng)
        at = affine(x=rng.uniform(-60, 60) - sprite.pivot[0], y=rng.uniform(34, 52) - sprite.pivot[1])
        parts.append(Part(sprite.rgba, near @ at))
    origin = affine(x=-environments.WIDTH / 2, y=-environments.HEIGHT / 2)
    gain = rng.uniform(*env.gain) * rng.uniform(0.95, 1.05, 3)
    painted = environments.background(script.environment, rng)
    ground, noise = camera @ origin, rng.uniform(*env.noise)
    return Scene(num_frames, painted, ground, tuple(parts), gain, noise, seed, num_animal_parts)


def without_animals(scene: Scene) -> Scene:
    """The same scene without its animals: same background, camera, foreground, light and noise.

    A camera that followed an animal still moves as it did.
    """
    return scene._replace(parts=scene.parts[scene.num_animal_parts :], num_animal_parts=0)


def _cast(script: Script, world: World, num_frames: int, rng: np.random.Generator):
    """Every animal's motion and parts, in world pixels."""
    kinds = ENVIRONMENTS[script.environment].kinds
    paired = any(e.behaviour in world.paired for e in script.events)
    species = world.species[script.species]
    motions, bodies = [], []
    facing, level = rng.choice([-1.0, 1.0]), None
    for actor in range(script.num_actors):
        animal = individual(species, rng)
        events = [(e.behaviour, e.start, e.stop) for e in script.events if e.actor == actor]
        afloat = any(name in world.afloat for name, _, _ in events)
        if level is None or not paired:
            level = environments.place(kinds, afloat, rng)
        motion = perform(
            events,
            num_frames,
            moves=world.moves,
            length=animal.length,
            pace=rng.uniform(0.85, 1.2),
            facing=facing if paired else rng.choice([-1.0, 1.0]),
            ground=level,
            phase=rng.uniform(0, 2 * np.pi),
        )
        ahead = facing * rng.uniform(1.1, 1.5) if paired else rng.choice([-1, 1]) * rng.uniform(0.8, 1.3)
        motion.x[:] += actor * ahead * animal.length + rng.uniform(-8, 8)
        motions.append(motion)
        bodies.append(PLANS[species.plan](animal, motion))
    return motions, bodies


def _smooth(track: np.ndarray, seconds: float) -> np.ndarray:
    width = 2 * int(seconds * FPS / 2) + 1
    padded = np.pad(track, width // 2, mode="edge")
    return np.convolve(padded, np.full(width, 1 / width), mode="valid")


def _camera(x: np.ndarray, y: np.ndarray, num_frames: int, rng: np.random.Generator) -> np.ndarray:
    """World to screen, (N, 3, 3): the camera is fixed, pans, follows the first animal, shakes and zooms."""
    time = np.arange(num_frames) / FPS
    far = np.ptp(x) > 60  # an animal that crosses the picture is followed, as a camera operator would
    follow = rng.uniform(0.75, 1.0) if far else rng.choice([0.0, 0.8])
    pan = rng.choice([0.0, 1.0], p=(0.6, 0.4)) * rng.uniform(-7, 7)
    shake = rng.choice([0.0, 1.0], p=(0.5, 0.5)) * rng.uniform(0.4, 1.4)
    jitter = np.stack([_smooth(rng.normal(0, shake * 2.2, num_frames), 0.2) for _ in range(2)])
    centre_x = follow * _smooth(x, BLUR) + pan * (time - time.mean()) + rng.uniform(-6, 6) + jitter[0]
    centre_y = 0.6 * y.mean() - 12 + 0.15 * _smooth(y - y.mean(), BLUR) + rng.uniform(-4, 4) + jitter[1]
    zoom = rng.uniform(1.0, 1.5) * np.exp(
        rng.choice([0.0, 1.0], p=(0.7, 0.3)) * rng.uniform(-0.06, 0.06) * (time - time.mean())
    )
    middle = affine(x=SIZE / 2, y=SIZE / 2, sx=zoom, sy=zoom)
    return middle @ affine(angle=rng.normal(0, 0.015)) @ affine(x=-centre_x, y=-centre_y)


def _boxes(scene: Scene, index: int) -> list[tuple[int, int, int, int]]:
    """Bounding box of each part on the screen in a frame: (left, top, right, bottom), empty where it is not seen."""
    if not scene.parts:
        return []
    m = np.stack([part.matrices[index] for part in scene.parts])
    h, w = np.array([part.rgba.shape[:2] for part in scene.parts]).T
    x, y = np.stack([0 * w - 1, w, 0 * w - 1, w], axis=1), np.stack([0 * h - 1, 0 * h - 1, h, h], axis=1)
    corners = [m[:, a, :1] * x + m[:, a, 1:2] * y + m[:, a, 2:] for a in (0, 1)]
    first = np.maximum(np.stack([c.min(axis=1) for c in corners], axis=1).astype(int), 0)
    last = np.minimum(np.stack([c.max(axis=1) for c in corners], axis=1).astype(int) + 2, SIZE)
    return np.concatenate([first, last], axis=1).tolist()


def _drawn(scene: Scene, index: int) -> Iterator[tuple[int, slice, slice, np.ndarray]]:
    """What a frame shows, from back to front: the part's number, its rows and columns on the screen, its RGBA there."""
    for k, (part, (left, top, right, bottom)) in enumerate(zip(scene.parts, _boxes(scene, index), strict=True)):
        if left < right and top < bottom and (part.shown is None or part.shown[index]):
            matrix = part.matrices[index, :2].copy()
            matrix[:, 2] -= (left, top)
            rgba = cv2.warpAffine(part.rgba, matrix, (right - left, bottom - top), flags=cv2.INTER_LINEAR)
            yield k, slice(top, bottom), slice(left, right), rgba


def frame(scene: Scene, index: int) -> np.ndarray:
    """Draw one frame: uint8 (SIZE, SIZE, 3) RGB."""
    picture = cv2.warpAffine(
        scene.background, scene.ground[index, :2], (SIZE, SIZE), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_WRAP
    )
    for _, rows, columns, rgba in _drawn(scene, index):
        view, shadow = picture[rows, columns], 255 - rgba[..., 3]
        behind = cv2.multiply(view, cv2.merge((shadow, shadow, shadow)), scale=1 / 255)
        view[:] = cv2.add(np.ascontiguousarray(rgba[..., :3]), behind)
    rng = np.random.default_rng([scene.seed, 2, index])
    grain = _NOISE[rng.integers(4), :, (start := rng.integers(SIZE)) : start + SIZE]
    lit = cv2.scaleAdd(grain, scene.noise, cv2.multiply(picture, (*scene.gain.tolist(), 0.0), dtype=cv2.CV_32F))
    return np.clip(lit, 0, 255).astype(np.uint8)


def owner(scene: Scene, index: int) -> np.ndarray:
    """Which part is visible at each pixel of a frame: int16 (SIZE, SIZE), -1 for the background."""
    who = np.full((SIZE, SIZE), -1, np.int16)
    for k, rows, columns, rgba in _drawn(scene, index):
        who[rows, columns][rgba[..., 3] > 127] = k
    return who


def flow(scene: Scene, first: int, second: int) -> np.ndarray:
    """Exact motion of every pixel from frame `first` to frame `second`: float32 (2, SIZE, SIZE), px, u right, v down.

    It is the motion of the surface visible in `first`, even if something hides it in `second`.
    """
    matrices = np.stack([part.matrices for part in scene.parts] + [scene.ground])  # the background is last, as index -1
    step = matrices[:, second] @ np.linalg.inv(matrices[:, first])
    step = (step - np.eye(3))[owner(scene, first)]  # (SIZE, SIZE, 3, 3)
    y, x = np.mgrid[0:SIZE, 0:SIZE]
    return (
        (step[..., :2, 0] * x[..., None] + step[..., :2, 1] * y[..., None] + step[..., :2, 2])
        .transpose(2, 0, 1)
        .astype(np.float32)
    )
