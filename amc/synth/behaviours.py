"""What animals do: twenty-two behaviours named as in Animal Kingdom, each a short function of time.

A behaviour returns the channels of `rig.Motion` that it moves, plus three that are integrated over time: `speed`
(body lengths a second along the ground), `rate` (gait cycles a second) and `height` (body lengths above the ground).
What it leaves out stays at rest.
"""

from collections.abc import Callable

import numpy as np

from amc.synth.rig import CHANNELS, Motion

FPS = 24
RAMP = 0.15  # seconds in which a posture is taken up and given up
RATES = ("speed", "rate", "height", "reverse")  # channels that become x, phase, y and facing
Channels = dict[str, np.ndarray | float]

# Animal Kingdom's category of each behaviour; the order, alphabetical as there, gives the label ids.
CATEGORIES = {
    "Attending": "Sensing",
    "Chasing": "Aggressive",
    "Drinking": "Feeding",
    "Eating": "Feeding",
    "Flapping": "Movement",
    "Fleeing": "Defensive",
    "Flying": "Movement",
    "Gliding": "Movement",
    "Grooming": "Maintenance",
    "Jumping": "Movement",
    "Keeping still": "General",
    "Licking": "Maintenance",
    "Moving": "Movement",
    "Rubbing its head": "Maintenance",
    "Running": "Movement",
    "Sensing": "Sensing",
    "Shaking head": "Maintenance",
    "Sleeping": "Resting",
    "Swimming": "Movement",
    "Tail swishing": "General",
    "Turning around": "Movement",
    "Walking": "Movement",
}
NAMES = tuple(CATEGORIES)


def _beat(t: np.ndarray, hertz: float) -> np.ndarray:
    return np.sin(2 * np.pi * hertz * t)


def attending(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"neck": -0.3, "head": 0.3 * np.tanh(3 * _beat(t, 0.45 * pace))}


def sensing(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"neck": 0.2, "head": 0.07 * _beat(t, 3.2 * pace)}  # added to attending: a lower head that sniffs


def drinking(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"neck": 1.6, "head": 0.08 * _beat(t, 1.6 * pace), "pitch": -0.08}


def eating(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"neck": 1.45 + 0.15 * _beat(t, 0.7 * pace), "head": 0.24 * _beat(t, 2.3 * pace)}


def flapping(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"spread": 1.0, "wing": 0.5 + 0.95 * _beat(t, 4.2 * pace)}


def flying(t: np.ndarray, span: float, pace: float) -> Channels:
    beat = _beat(t, 3.4 * pace)
    return {
        "spread": 1.0,
        "wing": 0.9 + 1.1 * beat,
        "speed": 2.2 * pace,
        "height": 0.06 * beat,
        "neck": 0.5,
        "pitch": 0.05,
    }


def gliding(t: np.ndarray, span: float, pace: float) -> Channels:
    return {
        "spread": 1.0,
        "wing": 0.25,
        "speed": 2.0 * pace,
        "height": 0.15 * _beat(t, 0.25),
        "neck": 0.5,
        "pitch": -0.06,
    }


def jumping(t: np.ndarray, span: float, pace: float) -> Channels:
    along = t / span
    return {
        "height": 2.6 * along * (1 - along),
        "speed": 1.5,
        "pitch": 0.7 * (0.5 - along),
        "stride": 1.0 * np.sin(np.pi * along),
    }


def licking(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"neck": -1.7, "head": -1.5 + 0.3 * _beat(t, 2.2 * pace)}  # the head is turned back to the flank


def moving(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"speed": 0.55 * pace, "rate": 1.9 * pace, "stride": 0.4, "wave": 0.42}


def rubbing_its_head(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"neck": 0.75, "lift": 0.72 + 0.2 * _beat(t, 3.3 * pace), "head": 0.1 * _beat(t, 3.3 * pace)}


def running(t: np.ndarray, span: float, pace: float) -> Channels:
    bound = _beat(t, 2.6 * pace)
    return {
        "speed": 2.7 * pace,
        "rate": 2.6 * pace,
        "stride": 0.85,
        "pitch": 0.07 * bound,
        "height": 0.05 * np.abs(bound),
        "neck": 0.25,
        "tail": 0.5,
    }


def shaking_head(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"head": 0.6 * _beat(t, 4.6 * pace), "neck": 0.1 * _beat(t, 4.6 * pace + 0.2)}


def sleeping(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"crouch": 0.97 + 0.03 * _beat(t, 0.35), "neck": 1.25, "asleep": 1.0}


def swimming(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"speed": 0.9 * pace, "rate": 1.7 * pace, "wave": 0.55, "stride": 0.5, "height": 0.03 * _beat(t, 0.6)}


def tail_swishing(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"tail": 0.35 + 0.95 * _beat(t, 1.6 * pace)}


def turning_around(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"reverse": t / span, "rate": 1.2 * pace, "stride": 0.2}


def walking(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"speed": 0.85 * pace, "rate": 1.25 * pace, "stride": 0.42, "height": 0.012 * np.abs(_beat(t, 1.25 * pace))}


def chasing(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"neck": 0.2, "speed": 0.25}  # added to running or swimming


def fleeing(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"neck": -0.25, "tail": 0.6, "speed": 0.15}  # added to running or swimming


# Keeping still and grooming have no motion of their own: the one is the rest, the other is made of its sub-actions.
MOVES: dict[str, Callable[[np.ndarray, float, float], Channels]] = {
    "Attending": attending,
    "Chasing": chasing,
    "Drinking": drinking,
    "Eating": eating,
    "Flapping": flapping,
    "Fleeing": fleeing,
    "Flying": flying,
    "Gliding": gliding,
    "Jumping": jumping,
    "Licking": licking,
    "Moving": moving,
    "Rubbing its head": rubbing_its_head,
    "Running": running,
    "Sensing": sensing,
    "Shaking head": shaking_head,
    "Sleeping": sleeping,
    "Swimming": swimming,
    "Tail swishing": tail_swishing,
    "Turning around": turning_around,
    "Walking": walking,
}


def perform(
    events: list[tuple[str, float, float]],
    num_frames: int,
    *,
    length: float,
    pace: float,
    facing: float,
    ground: float,
    phase: float,
) -> Motion:
    """Play timed events `(behaviour, start, stop)` in seconds as one animal's motion over `num_frames` frames.

    length: body length, pixels; pace: the individual's quickness, 1 is average; facing: +1 right or -1 left;
    ground: height of its feet in the world, pixels; phase: of its gait at the start, radians. The path is centred on 0.
    """
    time = np.arange(num_frames) / FPS
    channel = {name: np.zeros(num_frames) for name in (*CHANNELS, *RATES)}
    channel["crouch"] += 0.015 * _beat(time, 0.5)  # breathing
    for name, start, stop in events:
        if name not in MOVES:
            continue
        weight = np.clip((np.minimum(time - start, stop - time) + 0.5 / FPS) / RAMP, 0, 1)
        local = np.clip(time - start, 0, stop - start)
        for key, value in MOVES[name](local, stop - start, pace).items():
            # Turning around lasts: it is not given up when its event ends.
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
