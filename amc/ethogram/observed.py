"""An observation of BORIS: which video is shown when, and what each video gets of the events.

Formats give `Act`s, in seconds from the start of the observation, whose `Player`s show one video, or several one after
another; START and STOP are paired, and `events` gives each video its share, in its own time. Facts from BORIS's public
source: `Source` is `player #1:a.mp4;b.mp4|player #2:c.mp4`, `Media duration (s)` has the same layout, and the media
file of a row is the one that player 1 shows at the event's start. Times run over all videos of a player. A second
player is another camera at the same time. BORIS 7 does not write durations: they are those of the video files.
"""

import os
import re
from bisect import bisect_right
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path, PureWindowsPath

from amc.base.errors import AmcError
from amc.datasets import delimited
from amc.ethogram.events import Event
from amc.ethogram.matching import base, meant, placed

PLAYER = re.compile(r"\|?\s*player #(\d+):\s*", re.IGNORECASE)
TOLERANCE = 0.01  # seconds: BORIS rounds durations to milliseconds, and events may lie on the border of two videos
REMEDY = "give the .boris project, or export from BORIS 8 or later with its media files in place"


@dataclass(frozen=True)
class Player:
    """The videos that one player shows one after another, and when each begins. One video alone: starts (0,)."""

    names: tuple[str, ...]  # Q media files
    starts: tuple[float, ...] = (0.0,)  # (Q,) seconds since the player's start
    end: float = float("inf")  # seconds; later events are not shown
    delay: float = 0.0  # seconds from the observation's start to the player's

    @property
    def is_queue(self) -> bool:
        """Whether it shows several videos."""
        return len(self.names) > 1

    def at(self, second: float) -> str:
        """The video shown at a time of the observation."""
        return self.names[max(bisect_right(self.starts, second - self.delay) - 1, 0)]

    def pieces(self, first: float, stop: float) -> list[tuple[str, float, float]]:
        """An interval of the observation's time, seconds, as (video, first, stop) in each video's own time."""
        first, stop = first - self.delay, stop - self.delay
        found = []
        for name, begins, ends in zip(self.names, self.starts, [*self.starts[1:], self.end], strict=True):
            start, end = max(first, begins), min(stop, ends)
            if end - start > TOLERANCE:
                found.append((name, round(start - begins, 9), round(end - begins, 9)))
        if found or first < -TOLERANCE or first > self.end:
            return found
        k = max(bisect_right(self.starts, first) - 1, 0)  # shorter events count as points
        return [(self.names[k], *(round(max(second - self.starts[k], 0), 9) for second in (first, stop)))]


def media(source: str) -> list[list[str]]:
    """The media of each player of a `Source`, in order of the players."""
    parts = PLAYER.split(source.strip("; "))
    shown = [source.strip("; ")]
    if len(parts) > 1:
        shown = [text for _, text in sorted(zip(map(int, parts[1::2]), parts[2::2], strict=True))]
    return [[name for part in text.split(";") if (name := part.strip())] for text in shown if text.strip("; ")]


def players(
    place: str,
    shown: Sequence[Sequence[str]],
    durations: Sequence[str],
    *,
    lengths: Callable[[str], float | None],
    number: Callable[[str], float] = delimited.number,
    delays: Sequence[float] = (),
) -> tuple[Player, ...]:
    """The players of an observation. place: file and line, for errors.

    shown: the media of each player; durations: of each player, seconds with `;` between them, as far as they are
    written; lengths: the duration of a media file where they are not; number: converts one; delays: seconds from the
    observation's start to each player's. Raises AmcError if the durations of a queue are not known, and if two videos
    of it cannot be distinguished. A player whose videos have the names of an earlier player's is left out.
    """
    found, taken = [], set()
    for k, names in enumerate(shown):
        if not names or taken & set(map(base, names)):
            continue
        written = durations[k] if k < len(durations) else ""
        lasting = _numbers(written, len(names), number)
        if len(names) > 1:
            lasting = _of_queue(place, names, lasting or _measured(names, lengths), written)
        starts = tuple(sum(lasting[:q]) for q in range(len(names)))
        end = sum(lasting) if found and lasting else float("inf")  # player 1: `bouts` checks against the video's end
        found.append(Player(tuple(names), starts, end, delays[k] if k < len(delays) else 0.0))
        taken |= set(map(base, names))
    return tuple(found)


def _numbers(written: str, count: int, number: Callable[[str], float]) -> list[float]:
    """The durations in a cell; empty unless there is one for each video."""
    found = [number(part.strip()) for part in written.split(";") if part.strip()]
    return found if len(found) == count and all(0 < one < float("inf") for one in found) else []


def _measured(names: Sequence[str], lengths: Callable[[str], float | None]) -> list[float]:
    """The durations of video files; empty if one cannot be found."""
    found = [lengths(name) for name in names]
    return [] if None in found else found


def _of_queue(place: str, names: Sequence[str], lasting: list[float], written: str) -> list[float]:
    """The durations of a queue, checked."""
    if not lasting:
        says = f"a queue of {len(names)} videos ({', '.join(names)}), whose times run over all of them"
        says += f", but its durations are {written or 'not given'!r}"
        raise AmcError(f"{place}: {says}; put the video files beside it, or {REMEDY}")
    [(twice, times)] = Counter(map(base, names)).most_common(1)
    if times > 1:
        raise AmcError(f"{place}: two videos of its queue are called {twice!r}; annotate each in its own observation")
    return lasting


def check(place: str, shown: Player, name: str, time: float, offset: float) -> None:
    """Raise AmcError if a row names a video that is not shown at its time (with or without the time offset)."""
    times = [time + shift + late for shift in (0, offset) for late in (-TOLERANCE, 0, TOLERANCE)]
    if name and base(name) not in {base(shown.at(second)) for second in times}:
        raise AmcError(f"{place}: at {time:g} s its queue shows {shown.at(time)}, but the row names {name}; {REMEDY}")


def file_lengths(annotation: Path, videos: Sequence[Path] = ()) -> Callable[[str], float | None]:
    """Seconds of a media file, from the file itself: where it is written, seen from the annotation, or of `videos`.

    The function that is returned gives None if there is no such file or several, and raises VideoError if it is broken.
    """
    by_name: dict[str, dict[str, Path]] = {}
    for path in videos:
        by_name.setdefault(base(str(path)), {})[str(path)] = path

    def seconds(name: str) -> float | None:
        from amc.video import probe  # here: it imports torch, which most annotations do not need

        written = placed([name], annotation.parent)[name]
        if not os.path.isabs(written):
            own = by_name.get(base(name), {})
            beside = annotation.parent / PureWindowsPath(name).name
            written = next(iter(meant([written], own).written), "" if own else str(beside))
        return probe(written).duration if os.path.isfile(written) else None

    return seconds


@dataclass(frozen=True)
class Act:
    """What an observer wrote: a behaviour from `first` to `stop`, seconds from the start of the observation."""

    place: str  # where it was written, for errors
    behaviour: str
    first: float
    stop: float
    players: tuple[Player, ...]  # of the observation
    observation: str = ""
    subject: str = ""
    modifiers: tuple[str, ...] = ()
    is_point: bool = False


def paired(marks: Iterable[tuple[str, Act]]) -> list[Act]:
    """Acts from (START, STOP or POINT; act at that time): pairs of one observation, subject and set of modifiers.

    The videos of a START and its STOP may differ if one player shows both. Raises AmcError for one without the other.
    """
    going: dict[tuple, Act] = {}
    found = []
    for status, act in sorted(marks, key=lambda mark: mark[1].first):
        key = (act.players[0].names, act.behaviour, act.observation, act.subject, act.modifiers)
        if status == "START" and key not in going:
            going[key] = act
        elif status == "STOP" and key in going:
            found.append(replace(going.pop(key), stop=act.first))
        elif status == "POINT":
            found.append(replace(act, is_point=True))
        else:
            says = f"{status or 'no status'} of {act.behaviour!r} without its partner"
            raise AmcError(f"{act.place}: {says}; pair the events")
    for act in going.values():
        says = f"START of {act.behaviour!r} is never stopped"
        raise AmcError(f"{act.place}: {says}; pair the events in BORIS, then export again")
    return found


def events(acts: Iterable[Act]) -> tuple[Event, ...]:
    """Each act as events of the videos shown at its time, divided where one video follows another."""
    found = [
        Event(name, act.behaviour, first, stop, True, act.observation, act.subject, act.is_point)
        for act in acts
        for player in act.players
        for name, first, stop in player.pieces(act.first, act.stop)
    ]
    return tuple(dict.fromkeys(found))


def queue_notes(acts: Iterable[Act]) -> tuple[str, ...]:
    """One sentence about each queue of videos."""
    queues = dict.fromkeys(player.names for act in acts for player in act.players if player.is_queue)
    says = "times run over {} videos one after another ({}); each event is given to its own, in that one's time"
    return tuple(says.format(len(names), ", ".join(names)) for names in queues)


def with_duration(acts: Iterable[Act]) -> tuple[str, ...]:
    """The behaviours that last, each once: those of point events alone are not among them."""
    return tuple(dict.fromkeys(act.behaviour for act in acts if not act.is_point))
