"""When behaviours happen, and which classifiers have a frame of them."""

from collections.abc import Sequence

import numpy as np

from amc.sampling import Window


def runs(table: np.ndarray) -> list[tuple[int, int, int]]:
    """Runs of frames with a behaviour: (label, start, stop) of bool (N, C), in order of label and start."""
    edges = np.diff(np.pad(table, ((1, 1), (0, 0))).astype(int), axis=0).T  # (C, N + 1)
    return [
        (label, int(start), int(stop))
        for label, steps in enumerate(edges)
        for start, stop in zip(np.flatnonzero(steps > 0), np.flatnonzero(steps < 0), strict=True)
    ]


def seen_by(windows: Sequence[Window], start: int, stop: int) -> np.ndarray:
    """Which classifiers (M,) bool have a frame in start … stop - 1."""
    return np.array([any(start <= frame < stop for frame in window.frames) for window in windows])
