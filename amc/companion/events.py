"""Which classifiers have a frame of an event."""

from collections.abc import Sequence

import numpy as np

from amc.sampling import Window


def seen_by(windows: Sequence[Window], start: int, stop: int) -> np.ndarray:
    """Which classifiers (M,) bool have a frame in start … stop - 1."""
    return np.array([any(start <= frame < stop for frame in window.frames) for window in windows])
