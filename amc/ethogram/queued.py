"""BORIS's queued media: one player shows several videos one after another, and times run over all of them.

Cells of an exported row about its observation in, the videos of the queue and an event's share in each out. Facts
from BORIS's public source: `Source` is `player #1:a.mp4;b.mp4|player #2:c.mp4`, `Media duration (s)` has the same
layout, and the media file of a row is the one that player 1 shows at the event's start. Several players show
simultaneous views; only `;` within one player is a queue. BORIS 7 does not write durations.
"""

import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PureWindowsPath

from amc.base.errors import AmcError

PLAYER = re.compile(r"\|?\s*player #(\d+):\s*", re.IGNORECASE)
TOLERANCE = 0.01  # seconds: BORIS rounds durations to milliseconds, and events may lie on the border of two videos
REMEDY = "export from BORIS 8 or 9 with its media files in place, or annotate each video in an observation of its own"


@dataclass(frozen=True)
class Queue:
    """Videos shown one after another, and when each begins."""

    names: tuple[str, ...]  # Q media files
    starts: tuple[float, ...]  # (Q,) seconds since the observation's start
    end: float  # seconds; events that stop a little later belong to the last video

    def at(self, second: float) -> str:
        """The video shown at a time of the observation."""
        return self.names[max(bisect_right(self.starts, second) - 1, 0)]

    def pieces(self, first: float, stop: float) -> list[tuple[str, float, float]]:
        """An interval of the observation's time, seconds, as (video, first, stop) in each video's own time."""
        found, stops = [], [*self.starts[1:], float("inf")]
        for name, begins, ends in zip(self.names, self.starts, stops, strict=True):
            start, end = max(first, begins), min(stop, ends)
            if end - start > TOLERANCE:
                found.append((name, round(start - begins, 9), round(end - begins, 9)))
        if found:
            return found
        begins = self.starts[self.names.index(self.at(first))]  # shorter events count as points
        return [(self.at(first), round(first - begins, 9), round(stop - begins, 9))]


def players(source: str) -> list[str]:
    """The media of each player of a `Source`, joined by `;`, in order."""
    parts = PLAYER.split(source.strip("; "))
    if len(parts) == 1:
        return [source.strip("; ")]
    return [media for _, media in sorted(zip(map(int, parts[1::2]), parts[2::2], strict=True)) if media]


def queue(place: str, source: str, durations: str, media: str, number: Callable[[str], float] = float) -> Queue | None:
    """The queue of player 1, or None if it shows one video. place: file and line, for errors.

    source, durations, media: the cells of a row, as BORIS writes them; number: converts a cell. Raises AmcError if
    the durations are not known, and if two videos of the queue cannot be distinguished.
    """
    [first, *_] = players(source) or [""]
    names = tuple(name for part in first.split(";") if (name := part.strip()))
    if len(names) < 2 or media == first:  # a file name may contain a semicolon
        return None
    try:
        lasting = [number(part) for part in durations.partition("|")[0].split(";") if part.strip()]
    except ValueError:
        lasting = []
    if len(lasting) != len(names) or not all(0 < seconds < float("inf") for seconds in lasting):
        says = f"a queue of {len(names)} videos ({', '.join(names)}), whose times run over all of them"
        raise AmcError(f"{place}: {says}, but its durations are {durations or 'not given'!r}; {REMEDY}")
    [(twice, times)] = Counter(PureWindowsPath(name).name.casefold() for name in names).most_common(1)
    if times > 1:
        raise AmcError(f"{place}: two videos of its queue are called {twice!r}; annotate each in its own observation")
    starts = tuple(sum(lasting[:k]) for k in range(len(lasting)))
    return Queue(names, starts, sum(lasting))


def check(place: str, found: Queue, media: str, time: float, offset: float) -> None:
    """Raise AmcError if a row names a video that is not shown at its time (with or without the time offset)."""
    times = [time + shift + late for shift in (0, offset) for late in (-TOLERANCE, 0, TOLERANCE)]
    if media and PureWindowsPath(media).name.casefold() not in {
        PureWindowsPath(found.at(second)).name.casefold() for second in times
    }:
        raise AmcError(f"{place}: at {time:g} s its queue shows {found.at(time)}, but the row names {media}; {REMEDY}")
