"""Timed behaviours become one animal's motion: channels of movement, frame by frame.

A behaviour returns the channels of `Motion` that it moves, plus four that are integrated or converted into others:
`speed` (body lengths per second along the ground), `rate` (gait cycles per second), `height` (body lengths above the
ground) and `reverse` (half turns about the vertical). All other channels stay at rest.
"""

from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from amc.synth.world import FPS, Move

RAMP = 0.15  # seconds that a posture takes to begin and to end
RATES = ("speed", "rate", "height", "reverse")  # channels that become x, phase, y and facing


@dataclass(frozen=True)
class Motion:
    """What a body does, frame by frame: arrays (N,). Angles in radians; lengths in body lengths."""

    x: np.ndarray  # place along the ground, pixels of the world
    y: np.ndarray  # height of the feet (or of the swimmer), pixels of the world, downwards
    facing: np.ndarray  # +1 right, -1 left; between them while turning around
    pitch: np.ndarray  # the body's tilt, nose up
    crouch: np.ndarray  # 0 standing, 1 lying
    stride: np.ndarray  # how far legs swing
    phase: np.ndarray  # of the gait
    neck: np.ndarray  # head lowered (+) or raised (-)
    head: np.ndarray  # nodding and turning of the head
    wing: np.ndarray  # wings: 0 folded; raised (+), lowered (-)
    spread: np.ndarray  # 0 wings folded, 1 open
    tail: np.ndarray  # tail angle
    wave: np.ndarray  # bending of a body that swims or crawls
    lift: np.ndarray  # foreleg raised to the head
    asleep: np.ndarray  # > 0.5: eyes closed


CHANNELS = tuple(field.name for field in fields(Motion))


def beat(t: np.ndarray, hertz: float) -> np.ndarray:
    """A sine over time t (N,) in seconds."""
    return np.sin(2 * np.pi * hertz * t)


def perform(
    events: list[tuple[str, float, float]],
    num_frames: int,
    *,
    moves: Mapping[str, Move],
    length: float,
    pace: float,
    facing: float,
    ground: float,
    phase: float,
) -> Motion:
    """Play timed events `(behaviour, start, stop)` in seconds as one animal's motion over `num_frames` frames.

    moves: the world's behaviours; length: body length, pixels; pace: the individual's quickness, 1 is average;
    facing: +1 right or -1 left; ground: height of its feet in the world, pixels; phase: of its gait at the start,
    radians. The path is centred on 0.
    """
    time = np.arange(num_frames) / FPS
    channel = {name: np.zeros(num_frames) for name in (*CHANNELS, *RATES)}
    channel["crouch"] += 0.015 * beat(time, 0.5)  # breathing
    for name, start, stop in events:
        if name not in moves:
            continue
        weight = np.clip((np.minimum(time - start, stop - time) + 0.5 / FPS) / RAMP, 0, 1)
        local = np.clip(time - start, 0, stop - start)
        for key, value in moves[name](local, stop - start, pace).items():
            # Turning around is permanent: the animal does not turn back when the event ends.
            channel[key] += value if key == "reverse" else weight * value
    heading = facing * np.cos(np.pi * channel.pop("reverse"))
    x = np.cumsum(channel.pop("speed") * heading) * length / FPS
    channel |= {
        "x": x - (x.min() + x.max()) / 2,
        "y": ground - channel.pop("height") * length,
        "facing": heading,
        "phase": phase + 2 * np.pi * np.cumsum(channel.pop("rate")) / FPS,
    }
    return Motion(**channel)
