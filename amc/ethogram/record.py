"""The scores and bouts of one video as a value; and its statistics: time budget, transitions, support of its labels.

Pure: arrays and bouts in, pandas tables out, seconds and fractions.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import product

import numpy as np
import pandas as pd

from amc.base.errors import AmcError
from amc.ethogram.bouts import Bout, Rules, find, to_frames

BUDGET = (  # BORIS's own names, its spelling included
    "Subject", "Behavior", "Modifiers", "Total number of occurences", "Total duration (s)", "Duration mean (s)",
    "Duration std dev", "inter-event intervals mean (s)", "inter-event intervals std dev", "% of total length",
)  # fmt: skip
SUBJECT = "No focal subject"  # BORIS's word for an observation without focal animals
DECIMALS = 6  # of seconds: a microsecond distinguishes the frames of any camera, and BORIS reads any number of decimals


@dataclass(frozen=True)
class Ethogram:
    """Probabilities over time of one video and the bouts in them. Raises AmcError for values that are not finite."""

    video: str  # name, as in tables and names of files
    file: str  # the video's file name, with its ending
    fps: float  # mean over the video
    edges: np.ndarray  # (N + 1,) seconds: where frames begin and the last one ends
    names: tuple[str, ...]  # C behaviours
    probs: np.ndarray  # (N, C)
    threshold: np.ndarray  # (C,)
    rules: Rules = field(default_factory=Rules)
    stamp: str = ""  # warning to show on all results, such as random weights; empty: none
    distance: np.ndarray | None = None  # (N,) from the training clips, 1 at the limit; None: not known
    support: tuple[int | None, ...] | None = None  # training clips of each behaviour; None: not known
    subject: str = ""  # the animal, if several are predicted apart
    span: tuple[float, float] | None = None  # seconds in which it is seen; None: throughout
    cuts: tuple[int, ...] = ()  # the first frame of each shot of an edited film but the first

    def __post_init__(self):
        for what, values in (("probability", self.probs), ("threshold", self.threshold), ("distance", self.distance)):
            if values is not None and not np.isfinite(values).all():
                at = np.argwhere(~np.isfinite(values))[0].tolist()
                raise AmcError(f"{self.video}: the {what} at {at} is not finite; predict with other weights")

    @property
    def name(self) -> str:
        """As names of its files begin."""
        return unique_name(self.video, self.subject)

    @property
    def num_frames(self) -> int:
        """The number of frames N."""
        return len(self.edges) - 1

    @cached_property
    def bouts(self) -> list[Bout]:
        """All bouts, ordered by start, then by behaviour."""
        return find(self.probs, self.edges, self.names, self.threshold, self.rules)

    @cached_property
    def frames(self) -> np.ndarray:
        """bool (N, C): the frames of each behaviour."""
        return to_frames(self.bouts, self.names, self.num_frames)

    @property
    def is_out_of_distribution(self) -> np.ndarray | None:
        """bool (N,): out-of-distribution frames."""
        return None if self.distance is None else self.distance > 1

    def at(self, threshold: float | np.ndarray) -> "Ethogram":
        """The same scores with another threshold, a number or (C,)."""
        return replace(self, threshold=np.broadcast_to(np.asarray(threshold, float), len(self.names)).copy())

    def budget(self, start: float | None = None, stop: float | None = None) -> pd.DataFrame:
        """BORIS's time budget: one row per behaviour, absent ones too. NaN where a value is not defined.

        start, stop: seconds, by default those in which it is seen; bouts are cut there, and each part counts as a bout.
        """
        whole = self.span or (self.edges[0], self.edges[-1])
        start, stop = whole[0] if start is None else start, whole[1] if stop is None else stop
        rows = []
        for name in self.names:
            spans = [(self.edges[bout.start], self.edges[bout.stop]) for bout in self.bouts if bout.behaviour == name]
            own = [(max(first, start), min(last, stop)) for first, last in spans if first < stop and last > start]
            starts, stops = np.array(own, dtype=float).reshape(-1, 2).T
            lasting, pauses = pd.Series(stops - starts), pd.Series(starts[1:] - stops[:-1])
            values = [len(own), lasting.sum(), lasting.mean(), lasting.std(), pauses.mean(), pauses.std()]
            rows.append([self.subject or SUBJECT, name, "", *values, 100 * lasting.sum() / (stop - start)])
        return pd.DataFrame(rows, columns=BUDGET)

    def bins(self, seconds: float) -> pd.DataFrame:
        """`budget` of each stretch of `seconds` from 0 in which it is seen, with its start and stop."""
        begin, end = self.span or (self.edges[0], self.edges[-1])
        parts = []
        for k in range(int(begin / seconds), int(np.ceil(end / seconds - 1e-9))):
            start, stop = max(k * seconds, begin), min((k + 1) * seconds, end)
            part = self.budget(start, stop)
            part.insert(0, "Bin start (s)", start)
            part.insert(1, "Bin stop (s)", stop)
            parts.append(part)
        return pd.concat(parts, ignore_index=True)

    def transitions(self) -> pd.DataFrame:
        """(C, C) counts: how often a bout of the column's behaviour is the next to begin after one of the row's.

        Bouts that begin in the same frame do not follow each other; each follows all bouts of the previous start.
        Nothing follows over a cut: the next shot may show another animal.
        """
        counts = pd.DataFrame(0, index=list(self.names), columns=list(self.names))
        for before, after in self._following():
            for first, second in product(before, after):
                counts.loc[first, second] += 1
        return counts

    def followed(self) -> int:
        """How many bouts have a bout that follows them, as `transitions` counts it."""
        return sum(len(before) for before, _ in self._following())

    def _following(self) -> Iterator[tuple[list[str], list[str]]]:
        """The behaviours of bouts that begin in one frame, and of those that are the next to begin in the shot."""
        starts: dict[int, list[str]] = {}
        for bout in self.bouts:
            starts.setdefault(bout.start, []).append(bout.behaviour)
        frames = sorted(starts)
        for before, after in zip(frames, frames[1:], strict=False):
            if not any(before < cut <= after for cut in self.cuts):
                yield starts[before], starts[after]


def unique_name(video: str, subject: str) -> str:
    """The name of a video, or of one animal in it."""
    return f"{video}@{subject}" if subject else video


def seconds(bouts: list[Bout], edges: np.ndarray) -> np.ndarray:
    """How long each bout lasts, (B,) seconds."""
    return np.array([edges[bout.stop] - edges[bout.start] for bout in bouts])
