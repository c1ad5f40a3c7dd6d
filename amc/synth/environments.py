"""The places of Synth Kingdom: eight backgrounds, painted anew for every clip, and objects in the foreground.

A background is one wide picture in world pixels; the camera looks at a part of it. It tiles from left to right.
"""

from dataclasses import dataclass

import cv2
import numpy as np

from amc.synth.sprites import Coat, Colour, Sprite, limb, noise, polygon

HEIGHT, WIDTH = 224, 512  # of a background, world pixels; the world's origin is its centre


@dataclass(frozen=True)
class Environment:
    """Colours (RGB) from top to bottom, where the ground begins, what grows there, and the light."""

    kinds: tuple[str, ...]  # what can happen here: ground | bank | surface | water | air
    top: tuple[Colour, Colour]  # sky or far background: upper and lower colour
    ground: tuple[Colour, Colour]  # from the horizon to the near edge
    horizon: float  # world y where the ground begins, pixels; the animals' feet are below it
    clutter: str  # what is painted on the ground: a key of CLUTTER
    count: int  # how many of these objects
    tint: Colour  # colour of the clutter and of the foreground
    gain: tuple[float, float] = (0.9, 1.1)  # range of brightness
    noise: tuple[float, float] = (1.5, 5.0)  # range of the sensor's noise, grey levels


ENVIRONMENTS = {
    "grass": Environment(
        ("ground",), ((150, 196, 232), (206, 222, 226)), ((150, 172, 84), (92, 128, 52)), -8, "tufts", 70, (84, 118, 44)
    ),
    "forest": Environment(
        ("ground",), ((72, 104, 74), (116, 142, 96)), ((104, 92, 60), (70, 62, 42)), -2, "trees", 16, (62, 50, 38)
    ),
    "snow": Environment(
        ("ground",),
        ((176, 196, 216), (222, 230, 238)),
        ((238, 242, 248), (206, 216, 230)),
        -6,
        "stones",
        14,
        (128, 134, 146),
    ),
    "desert": Environment(
        ("ground",),
        ((140, 186, 226), (236, 222, 190)),
        ((226, 190, 130), (196, 152, 96)),
        -10,
        "stones",
        22,
        (152, 112, 76),
    ),
    "night": Environment(
        ("ground",),
        ((34, 44, 84), (66, 78, 112)),
        ((74, 88, 76), (44, 56, 52)),
        -6,
        "tufts",
        40,
        (40, 52, 48),
        (0.5, 0.75),
        (5, 10),
    ),
    "pond": Environment(
        ("bank", "surface"),
        ((166, 202, 222), (196, 214, 200)),
        ((84, 134, 160), (112, 156, 170)),
        -26,
        "reeds",
        26,
        (92, 120, 56),
    ),
    "underwater": Environment(
        ("water",), ((70, 160, 180), (36, 110, 148)), ((30, 94, 128), (120, 120, 92)), 44, "weeds", 24, (44, 112, 72)
    ),
    "sky": Environment(
        ("air",),
        ((92, 150, 216), (170, 206, 236)),
        ((178, 210, 236), (206, 222, 230)),
        70,
        "clouds",
        12,
        (248, 250, 252),
        (0.95, 1.1),
    ),
}
BANK = 8  # world y where a pond's near bank begins, pixels


def place(kinds: tuple[str, ...], afloat: bool, rng: np.random.Generator) -> float:
    """World y of an animal's feet: on the ground, on a pond's bank or water surface, in mid-water or in the air."""
    if "bank" in kinds:
        return rng.uniform(-8, 2) if afloat else rng.uniform(20, 32)
    return rng.uniform(14, 30) if "ground" in kinds else rng.uniform(-6, 16)


def _gradient(rows: int, ends: tuple[Colour, Colour]) -> np.ndarray:
    along = np.linspace(0, 1, rows, dtype=np.float32)[:, None, None]
    return np.float32(ends[0]) * (1 - along) + np.float32(ends[1]) * along


def background(name: str, rng: np.random.Generator) -> np.ndarray:
    """Paint an environment: uint8 (HEIGHT, WIDTH, 3) RGB."""
    env = ENVIRONMENTS[name]
    split = int(HEIGHT / 2 + env.horizon + rng.uniform(-5, 5))
    picture = np.concatenate([_gradient(split, env.top), _gradient(HEIGHT - split, env.ground)]).repeat(WIDTH, axis=1)
    if "bank" in env.kinds:
        picture[HEIGHT // 2 + BANK :] = _gradient(HEIGHT // 2 - BANK, ((150, 134, 92), (112, 104, 66)))
    rough = (
        0.5 * noise((HEIGHT, WIDTH), 28, rng)
        + 0.3 * noise((HEIGHT, WIDTH), 9, rng)
        + 0.2 * noise((HEIGHT, WIDTH), 3, rng)
    )
    below = np.float32(np.arange(HEIGHT) >= split)[:, None]
    picture *= (1 + (0.16 + 0.34 * below) * (rough - 0.5))[..., None]  # the ground is rougher than the sky
    picture *= rng.uniform(0.93, 1.07, 3).astype(np.float32)
    CLUTTER[env.clutter](picture, env, split, rng)
    return np.clip(picture, 0, 255).astype(np.uint8)


def stamp(picture: np.ndarray, sprite: Sprite, x: float, y: float) -> None:
    """Paint a sprite onto a float picture, in place, its pivot at (x, y); parts outside are cut off."""
    h, w = sprite.rgba.shape[:2]
    left, top = round(x - sprite.pivot[0]), round(y - sprite.pivot[1])
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + w, picture.shape[1]), min(top + h, picture.shape[0])
    if x0 >= x1 or y0 >= y1:
        return
    piece = sprite.rgba[y0 - top : y1 - top, x0 - left : x1 - left].astype(np.float32)
    picture[y0:y1, x0:x1] = piece[..., :3] + picture[y0:y1, x0:x1] * (1 - piece[..., 3:] / 255)


def _coat(colour: Colour, rng: np.random.Generator, spread: float = 0.15) -> Coat:
    shade = rng.uniform(1 - spread, 1 + spread)
    return Coat(tuple(shade * c for c in colour), tuple(0.7 * c for c in colour), "plain", 8.0, 0.0)


def blades(height: float, count: int, colour: Colour, rng: np.random.Generator) -> Sprite:
    """A clump of grass, reeds or weeds growing up from its pivot."""
    x = np.linspace(-0.35, 0.35, count) * height + rng.normal(0, 0.03 * height, count)
    points = []
    for at in x:
        lean, tall = rng.uniform(-0.2, 0.2) * height, rng.uniform(0.6, 1.0) * height
        points += [(at - 0.05 * height, 0), (at + lean, -tall), (at + 0.05 * height, 0)]
    return polygon(np.array(points), _coat(colour, rng), (0, 0))


def stone(radius: float, colour: Colour, rng: np.random.Generator) -> Sprite:
    """A rounded rock resting on its pivot."""
    turn = np.linspace(0, 2 * np.pi, 11, endpoint=False)
    r = radius * rng.uniform(0.75, 1.1, 11)
    return polygon(
        np.stack([r * np.cos(turn), 0.6 * r * np.sin(turn) - 0.3 * radius], axis=1), _coat(colour, rng), (0, 0)
    )


def _tufts(picture, env, split, rng):
    for y in np.sort(rng.uniform(split + 2, HEIGHT, env.count)):
        stamp(picture, blades(4 + 0.09 * (y - split), 4, env.tint, rng), rng.uniform(0, WIDTH), y)


def _trees(picture, env, split, rng):
    for y in np.sort(rng.uniform(split, split + 14, env.count)):
        trunk = limb(rng.uniform(90, 150), rng.uniform(4, 8), rng.uniform(2, 4), _coat(env.tint, rng))
        upright = Sprite(
            np.ascontiguousarray(np.rot90(trunk.rgba)), (trunk.pivot[1], trunk.rgba.shape[1] - trunk.pivot[0])
        )
        stamp(picture, upright, rng.uniform(0, WIDTH), y)
    for _ in range(3 * env.count):
        stamp(
            picture, stone(rng.uniform(10, 24), (58, 104, 52), rng), rng.uniform(0, WIDTH), rng.uniform(0, split - 34)
        )


def _stones(picture, env, split, rng):
    for y in np.sort(rng.uniform(split, HEIGHT, env.count)):
        stamp(picture, stone(3 + 0.06 * (y - split), env.tint, rng), rng.uniform(0, WIDTH), y)
    for _ in range(3):  # hills or dunes on the horizon
        x, w = rng.uniform(0, WIDTH), rng.uniform(60, 130)
        hill = polygon(
            [(-w, 0), (-0.3 * w, -0.22 * w), (0.2 * w, -0.25 * w), (w, 0)], _coat(env.ground[0], rng, 0.08), (0, 0)
        )
        stamp(picture, hill, x, split)


def _reeds(picture, env, split, rng):
    ripples = np.sin(np.linspace(0, 26 * np.pi, HEIGHT))[:, None] * noise((HEIGHT, WIDTH), 18, rng)
    wet = slice(split, HEIGHT // 2 + BANK)
    picture[wet] += 14 * ripples[wet, :, None]
    for _ in range(env.count):
        stamp(picture, blades(rng.uniform(16, 34), 4, env.tint, rng), rng.uniform(0, WIDTH), split + rng.uniform(-1, 5))


def _weeds(picture, env, split, rng):
    shafts = noise((HEIGHT, WIDTH), 40, rng) * np.linspace(1, 0, HEIGHT, dtype=np.float32)[:, None]
    picture += 46 * np.maximum(shafts - 0.3, 0)[..., None]  # light falling in
    for _ in range(env.count):
        stamp(
            picture,
            blades(rng.uniform(20, 56), 4, env.tint, rng),
            rng.uniform(0, WIDTH),
            rng.uniform(split + 2, HEIGHT),
        )


def _clouds(picture, env, split, rng):
    cover = cv2.GaussianBlur(noise((HEIGHT, WIDTH), 36, rng) * 0.7 + noise((HEIGHT, WIDTH), 12, rng) * 0.3, (0, 0), 2)
    amount = np.clip((cover - rng.uniform(0.45, 0.62)) * 4, 0, 0.85)[..., None]
    picture += (np.float32(env.tint) - picture) * amount


CLUTTER = {"tufts": _tufts, "trees": _trees, "stones": _stones, "reeds": _reeds, "weeds": _weeds, "clouds": _clouds}


def occluder(name: str, rng: np.random.Generator) -> Sprite:
    """An object in front of the animals: tall grass, a trunk, a rock, weeds, a wisp of cloud."""
    env = ENVIRONMENTS[name]
    if env.clutter == "trees":
        w = rng.uniform(4, 8)
        return polygon([(-w, 30), (-0.8 * w, -120), (0.8 * w, -120), (w, 30)], _coat(env.tint, rng), (0, 0))
    if env.clutter in ("stones", "clouds"):
        return stone(rng.uniform(10, 20), env.tint, rng)
    return blades(rng.uniform(24, 46), 6, env.tint, rng)
