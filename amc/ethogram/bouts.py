"""Bouts: probabilities per frame in, intervals of frames with a behaviour out; and back to frames.

Pure. A bout holds frames `start` to `stop - 1`. Times come from `edges` (N + 1,), seconds: `timeline.edges`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from amc.base.errors import AmcError


class Bout(NamedTuple):
    """One interval of one behaviour: frames start … stop - 1."""

    behaviour: str
    start: int
    stop: int


@dataclass(frozen=True)
class Rules:
    """How probabilities become bouts. The paper has no such rules: it labels whole clips."""

    hold: float = 0.8  # a bout begins at the threshold and continues while the probability is at least `hold` times it
    min_seconds: float = 0.5  # shorter bouts are dropped
    max_gap: float = 0.5  # seconds; shorter pauses within a behaviour are bridged
    each: Mapping[str, "Rules"] = field(default_factory=dict)  # of behaviours that have rules of their own

    def __post_init__(self):
        if not 0 < self.hold <= 1:
            raise AmcError(f"hold: {self.hold} is not allowed; give a part of the threshold above 0 and up to 1")
        for name, value in (("min_seconds", self.min_seconds), ("max_gap", self.max_gap)):
            if not 0 <= value < np.inf:
                raise AmcError(f"{name}: {value} is not allowed; give seconds from 0")

    def of(self, behaviour: str) -> "Rules":
        """Those of a behaviour."""
        return self.each.get(behaviour, self)


def find(
    probs: np.ndarray, edges: np.ndarray, names: Sequence[str], threshold: float | np.ndarray, rules: Rules
) -> list[Bout]:
    """Bouts of probs (N, C): hysteresis, then short pauses are bridged, then short bouts are dropped.

    threshold: a number, or one per behaviour (C,). Sorted by start, then by behaviour. Raises AmcError for shapes that
    do not fit.
    """
    threshold = np.asarray(threshold, dtype=np.float64)
    if probs.shape != (len(edges) - 1, len(names)) or threshold.shape not in ((), (len(names),)):
        raise AmcError(
            f"probs: {probs.shape} with {len(edges) - 1} frames, {len(names)} behaviours and thresholds "
            f"{threshold.shape}; expected (N, C) and a number or (C,)"
        )
    going = probs >= np.array([rules.of(name).hold for name in names]) * threshold
    found = []
    for name, start, stop in from_frames(going, names):
        column = names.index(name)
        if (probs[start:stop, column] >= np.broadcast_to(threshold, len(names))[column]).any():
            found.append(Bout(name, start, stop))
    return ordered(
        bout
        for bout in _bridge(found, edges, rules)
        if edges[bout.stop] - edges[bout.start] >= rules.of(bout.behaviour).min_seconds - 1e-9
    )


def _bridge(bouts: list[Bout], edges: np.ndarray, rules: Rules) -> list[Bout]:
    """Join bouts of one behaviour if the pause between them is short; `bouts` in order of behaviour and start."""
    joined: list[Bout] = []
    for bout in bouts:
        last = joined[-1] if joined else None
        longest = rules.of(bout.behaviour).max_gap + 1e-9
        if last and last.behaviour == bout.behaviour and edges[bout.start] - edges[last.stop] <= longest:
            joined[-1] = last._replace(stop=bout.stop)
        else:
            joined.append(bout)
    return joined


def to_frames(bouts: Iterable[Bout], names: Sequence[str], num_frames: int) -> np.ndarray:
    """bool (N, C): the frames of each behaviour. Raises AmcError for a behaviour or frame that does not exist."""
    table, columns = np.zeros((num_frames, len(names)), dtype=bool), {name: c for c, name in enumerate(names)}
    for bout in bouts:
        if bout.behaviour not in columns or not 0 <= bout.start < bout.stop <= num_frames:
            raise AmcError(f"bout: {tuple(bout)} is none of {num_frames} frames of {', '.join(names)}; check both")
        table[bout.start : bout.stop, columns[bout.behaviour]] = True
    return table


def from_frames(table: np.ndarray, names: Sequence[str]) -> list[Bout]:
    """The longest bouts of bool (N, C), in order of behaviour and start; inverse of `to_frames`."""
    steps = np.diff(np.pad(table.astype(np.int8), ((1, 1), (0, 0))), axis=0).T  # (C, N + 1)
    return [
        Bout(name, int(start), int(stop))
        for name, column in zip(names, steps, strict=True)
        for start, stop in zip(np.flatnonzero(column > 0), np.flatnonzero(column < 0), strict=True)
    ]


def ordered(bouts: Iterable[Bout]) -> list[Bout]:
    """By start, then by behaviour."""
    return sorted(bouts, key=lambda bout: (bout.start, bout.behaviour, bout.stop))


def frames_of(start: float, stop: float, edges: np.ndarray) -> tuple[int, int]:
    """The frames of an interval of seconds, at least one: by the nearest edges (N + 1,), cut to the video."""
    first, last = (int(np.abs(edges - second).argmin()) for second in (start, stop))
    first = min(first, len(edges) - 2)
    return first, max(last, first + 1)
