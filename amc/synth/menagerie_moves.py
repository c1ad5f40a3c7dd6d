"""The behaviours of Synth Menagerie: fourteen that Synth Kingdom does not have, each a function of time.

Each returns the channels that it moves (see `motion`); all other channels stay at rest. All of them continue for
their whole length, so that any second of a clip shows them.
"""

import numpy as np

from amc.synth.motion import beat
from amc.synth.world import Channels, Move


def _wave(t: np.ndarray, hertz: float) -> np.ndarray:
    """From 0 to 1 and back, `hertz` times per second."""
    return 0.5 - 0.5 * np.cos(2 * np.pi * hertz * t)


def _turns(t: np.ndarray, span: float, hertz: float) -> np.ndarray:
    """Progress of whole turns, about `hertz` per second: the last turn ends with the event."""
    return t / span * max(1, round(span * hertz))


def bowing(t: np.ndarray, span: float, pace: float) -> Channels:
    """The front goes down and comes up again, the rear stays high."""
    down = _wave(t, 0.6 * pace)
    return {"pitch": -0.6 * down, "neck": 0.9 * down, "tail": 0.7 * down, "height": -0.05 * down}


def creeping(t: np.ndarray, span: float, pace: float) -> Channels:
    """Low and slow, the head held out."""
    return {"crouch": 0.55, "neck": 0.55, "speed": 0.3 * pace, "rate": 0.8 * pace, "stride": 0.5}


def diving(t: np.ndarray, span: float, pace: float) -> Channels:
    """Steeply down with closed wings, and up again."""
    turn = 2 * np.pi * 0.55 * pace * t
    falls = np.sin(turn) > 0
    return {
        "height": 0.75 * np.cos(turn),
        "pitch": -1.0 * np.sin(turn),
        "speed": 0.9 * pace,
        "spread": np.where(falls, 0.15, 1.0),
        "wing": np.where(falls, 0.1, 0.6 + 0.9 * beat(t, 3.2 * pace)),
        "rate": 1.5 * pace,
        "wave": 0.3,
    }


def hopping(t: np.ndarray, span: float, pace: float) -> Channels:
    """Moving along in small jumps."""
    leap = np.abs(beat(t, 0.85 * pace))
    return {"height": 0.45 * leap, "speed": 0.9 * leap, "stride": 0.7 * leap, "crouch": 0.25 * (1 - leap)}


def hovering(t: np.ndarray, span: float, pace: float) -> Channels:
    """In one place in the air, upright, on fast wings."""
    return {
        "spread": 1.0,
        "wing": 0.7 + 0.9 * beat(t, 7.3 * pace),
        "pitch": 0.75,
        "neck": 0.9,
        "height": 0.1 * beat(t, 0.7 * pace),
        "speed": 0.25 * beat(t, 0.5 * pace),
    }


def nodding(t: np.ndarray, span: float, pace: float) -> Channels:
    """The whole neck up and down."""
    return {"neck": 0.25 + 0.75 * beat(t, 1.3 * pace), "head": 0.3 * beat(t, 1.3 * pace)}


def pouncing(t: np.ndarray, span: float, pace: float) -> Channels:
    """Repeatedly: low, then a leap onto something that is not drawn."""
    along = (0.8 * pace * t) % 1
    leap = np.clip((along - 0.55) / 0.45, 0, 1)
    rises = np.sin(np.pi * leap)
    return {
        "crouch": 0.75 * np.sin(np.pi * np.clip(along / 0.6, 0, 1)),
        "height": 0.75 * rises,
        "speed": 2.2 * (leap > 0),
        "pitch": 0.75 * np.cos(np.pi * leap) * (leap > 0),
        "stride": 1.1 * rises,
        "tail": 0.5 * beat(t, 3 * pace),
    }


def rearing(t: np.ndarray, span: float, pace: float) -> Channels:
    """Up on the hind legs, the forelegs pawing."""
    up = np.sqrt(_wave(t, 0.4 * pace))
    return {
        "pitch": 0.95 * up,
        "height": 0.3 * up,
        "neck": -0.5 * up,
        "crouch": 0.3 * up,
        "lift": up * (0.35 + 0.2 * beat(t, 2.4 * pace)),
    }


def rolling(t: np.ndarray, span: float, pace: float) -> Channels:
    """Over and over, whole turns of the body."""
    turn = 2 * np.pi * _turns(t, span, 0.7 * pace)
    # Wrapped to half a turn either way: a weight that falls to zero must not turn the body back.
    return {"pitch": (np.pi - turn) % (2 * np.pi) - np.pi, "crouch": 0.8, "speed": 0.7 * pace, "height": 0.12}


def spinning(t: np.ndarray, span: float, pace: float) -> Channels:
    """Round and round in one place, about the vertical."""
    return {"reverse": 2 * _turns(t, span, 0.8 * pace), "rate": 1.6 * pace, "stride": 0.25, "wave": 0.2}


def stamping(t: np.ndarray, span: float, pace: float) -> Channels:
    """High, hard steps in one place."""
    step = beat(t, 2.2 * pace)
    return {"stride": 0.9, "rate": 2.2 * pace, "height": 0.12 * np.abs(step), "pitch": 0.1 * step, "neck": 0.3 * step}


def stretching(t: np.ndarray, span: float, pace: float) -> Channels:
    """Slowly: legs apart, neck and tail out, wings open."""
    out = _wave(t, 0.4 * pace)
    return {
        "neck": -0.7 * out,
        "head": -0.3 * out,
        "tail": 0.9 * out,
        "spread": out,
        "wing": 0.2 * out,
        "crouch": 0.25 * out,
        "pitch": 0.25 * out,
    }


def swaying(t: np.ndarray, span: float, pace: float) -> Channels:
    """The body rocks to and fro in one place, the head stays level."""
    side = beat(t, 0.8 * pace)
    speed = 2.0 * np.cos(2 * np.pi * 0.8 * pace * t)  # 0.4 body lengths forth and back
    return {"pitch": 0.3 * side, "speed": speed, "neck": 0.3 * side, "rate": 0.8 * pace, "wave": 0.4}


def zigzagging(t: np.ndarray, span: float, pace: float) -> Channels:
    """Darting one way, then the other, up and down."""
    leg = 1.3 * pace * t  # straight pieces
    part = leg % 1
    turned = np.floor(leg) + np.clip((part - 0.75) / 0.25, 0, 1)
    rises = np.abs(leg % 2 - 1)
    return {
        "reverse": turned,
        "speed": 2.0 * pace,
        "height": 0.6 * rises,
        "rate": 2.4 * pace,
        "wave": 0.5,
        "spread": 1.0,
        "wing": 0.6 + beat(t, 5 * pace),
    }


MOVES: dict[str, Move] = {
    "Bowing": bowing,
    "Creeping": creeping,
    "Diving": diving,
    "Hopping": hopping,
    "Hovering": hovering,
    "Nodding": nodding,
    "Pouncing": pouncing,
    "Rearing": rearing,
    "Rolling": rolling,
    "Spinning": spinning,
    "Stamping": stamping,
    "Stretching": stretching,
    "Swaying": swaying,
    "Zigzagging": zigzagging,
}
