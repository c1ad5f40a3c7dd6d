"""The behaviours of Synth Kingdom: twenty-two, named as in Animal Kingdom, each a short function of time.

Each returns the channels that it moves (see `motion`); all other channels stay at rest.
"""

import numpy as np

from amc.synth.motion import beat
from amc.synth.world import Channels, Move

# Animal Kingdom's category of each behaviour; the order, alphabetical as in Animal Kingdom, gives the label ids.
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


def attending(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"neck": -0.3, "head": 0.3 * np.tanh(3 * beat(t, 0.45 * pace))}


def sensing(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"neck": 0.2, "head": 0.07 * beat(t, 3.2 * pace)}  # added to attending: a lower head that sniffs


def drinking(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"neck": 1.6, "head": 0.08 * beat(t, 1.6 * pace), "pitch": -0.08}


def eating(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"neck": 1.45 + 0.15 * beat(t, 0.7 * pace), "head": 0.24 * beat(t, 2.3 * pace)}


def flapping(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"spread": 1.0, "wing": 0.5 + 0.95 * beat(t, 4.2 * pace)}


def flying(t: np.ndarray, span: float, pace: float) -> Channels:
    stroke = beat(t, 3.4 * pace)
    return {
        "spread": 1.0,
        "wing": 0.9 + 1.1 * stroke,
        "speed": 2.2 * pace,
        "height": 0.06 * stroke,
        "neck": 0.5,
        "pitch": 0.05,
    }


def gliding(t: np.ndarray, span: float, pace: float) -> Channels:
    return {
        "spread": 1.0,
        "wing": 0.25,
        "speed": 2.0 * pace,
        "height": 0.15 * beat(t, 0.25),
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
    return {"neck": -1.7, "head": -1.5 + 0.3 * beat(t, 2.2 * pace)}  # the head is turned back to the flank


def moving(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"speed": 0.55 * pace, "rate": 1.9 * pace, "stride": 0.4, "wave": 0.42}


def rubbing_its_head(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"neck": 0.75, "lift": 0.72 + 0.2 * beat(t, 3.3 * pace), "head": 0.1 * beat(t, 3.3 * pace)}


def running(t: np.ndarray, span: float, pace: float) -> Channels:
    bound = beat(t, 2.6 * pace)
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
    return {"head": 0.6 * beat(t, 4.6 * pace), "neck": 0.1 * beat(t, 4.6 * pace + 0.2)}


def sleeping(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"crouch": 0.97 + 0.03 * beat(t, 0.35), "neck": 1.25, "asleep": 1.0}


def swimming(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"speed": 0.9 * pace, "rate": 1.7 * pace, "wave": 0.55, "stride": 0.5, "height": 0.03 * beat(t, 0.6)}


def tail_swishing(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"tail": 0.35 + 0.95 * beat(t, 1.6 * pace)}


def turning_around(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"reverse": t / span, "rate": 1.2 * pace, "stride": 0.2}


def walking(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"speed": 0.85 * pace, "rate": 1.25 * pace, "stride": 0.42, "height": 0.012 * np.abs(beat(t, 1.25 * pace))}


def chasing(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"neck": 0.2, "speed": 0.25}  # added to running or swimming


def fleeing(t: np.ndarray, span: float, pace: float) -> Channels:
    return {"neck": -0.25, "tail": 0.6, "speed": 0.15}  # added to running or swimming


# Keeping still and grooming have no motion of their own: keeping still is rest, grooming consists of its sub-actions.
MOVES: dict[str, Move] = {
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
