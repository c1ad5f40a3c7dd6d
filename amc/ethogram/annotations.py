"""Human annotation of videos: files of BORIS, SimBA and DeepEthogram in, timed events and bouts out.

Formats are recognised by the names of their columns, in any order and any case, because both differ between versions
of BORIS:

    BORIS, aggregated     Behavior, Start (s), Stop (s); Media file path (7) or Media file name (8, 9)
    BORIS, tabular        Time and Status (7, below a block about the observation) or Behavior type (8, 9): START, STOP
    SimBA, bouts          Event, Start_frame, End_frame (the last frame of the bout)
    DeepEthogram, labels  background and a 0/1 column per behaviour; -1 is an unlabelled frame

A point event lasts one frame. BORIS adds an observation's time offset to the times that it exports; it is subtracted
here. If an observation covers several videos one after another, each event goes to the video shown at that time, in
that video's own time, or in parts to both (`queued`). If a video has several observations, the user has to choose one.
"""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from amc.base.errors import AmcError
from amc.ethogram import annotation_rows, queued
from amc.ethogram.annotation_rows import Row, base, stem
from amc.ethogram.bouts import Bout, frames_of, from_frames, ordered, to_frames


@dataclass(frozen=True)
class Event:
    """One behaviour from `first` to `stop`, in frames (`stop` is one past the last) or, with `timed`, in seconds."""

    video: str  # the media file as written, or the observation
    behaviour: str
    first: float
    stop: float
    timed: bool
    observation: str = ""


@dataclass(frozen=True)
class Annotation:
    """The content of a file, and what was left out or repaired."""

    path: Path
    events: tuple[Event, ...]
    notes: tuple[str, ...] = ()
    behaviours: tuple[str, ...] = ()  # that the human looked for: all that occur; DeepEthogram: every column
    labelled: np.ndarray | None = None  # bool (N,): labelled frames; None: all
    videos: tuple[str, ...] = ()  # annotated, with or without events, besides those that the events name

    def of(self, *names: str, exact: bool = False) -> tuple[Event, ...]:
        """The events of a video, under the first of its names that occurs; all events if the file names no video.

        Endings of names are ignored unless `exact`, for videos that differ only in the ending. Raises AmcError if the
        file names other videos only (it may be the wrong file), and for several observations of this video, such as
        by two observers.
        """
        key = base if exact else stem
        known = {key(event.video) for event in self.events} | set(map(key, self.videos))
        wanted = next((own for own in map(key, names) if own in known), None)
        if wanted is None and known - {""}:
            raise AmcError(f"{self.path}: has no events of {names[0]}, only of {', '.join(sorted(known)[:5])}")
        own = tuple(event for event in self.events if wanted is None or key(event.video) == wanted)
        if len(seen := sorted({event.observation for event in own})) > 1:
            raise AmcError(
                f"{self.path}: {len(seen)} observations of {names[0]}: {', '.join(seen[:5])}; export one of them"
            )
        return own


def read(path: Path | str) -> Annotation:
    """The events of an annotation file. Raises AmcError, naming file and line, for an unknown format."""
    path = Path(path)
    found = annotation_rows.read(path)
    return _labels(path, found) if found.is_labels else _events(path, found.rows)


def bouts(events: tuple[Event, ...], edges: np.ndarray) -> list[Bout]:
    """Events as bouts of a video's frames, edges (N + 1,) seconds; overlapping events of one behaviour become one.

    Events are cut at the end of the video. Raises AmcError for one that begins after it: it is of another video.
    """
    found = []
    for event in events:
        end = edges[-1] if event.timed else len(edges) - 1
        if event.first > end + event.timed:  # humans may be a second late
            unit = "s" if event.timed else "frames"
            says = f"{event.behaviour!r} begins at {event.first:g} {unit}, but the video ends at {end:g}"
            raise AmcError(f"annotation: {says}; give the annotation of this video")
        if event.timed:
            found.append(Bout(event.behaviour, *frames_of(event.first, event.stop, edges)))
        else:
            stop = min(int(event.stop), len(edges) - 1)
            found.append(Bout(event.behaviour, min(int(event.first), stop - 1), stop))
    names = sorted({bout.behaviour for bout in found})
    return ordered(from_frames(to_frames(found, names, len(edges) - 1), names))


def _events(path: Path, rows: list[Row]) -> Annotation:
    """The events in the rows of a table, each in the time of its own video."""
    is_paired = not rows or not {"start", "first"} & rows[0].columns.keys()
    events, queues = [], {}
    for row, first, stop, timed in _paired(rows) if is_paired else map(_span, rows):
        found = row.queue() if timed else None
        parts = found.pieces(first, stop) if found else [(row.video(), first, stop)]
        who = (row.cell("behaviour"), row.cell("observation"))
        events += [Event(name, who[0], *span, timed, who[1]) for name, *span in parts]
        queues |= {found.names: found} if found else {}
    says = "times run over {} videos one after another ({}); each event is given to its own, in that one's time"
    notes = tuple(says.format(len(names), ", ".join(names)) for names in queues)
    behaviours = tuple(dict.fromkeys(event.behaviour for event in events))
    return Annotation(path, tuple(events), notes, behaviours, videos=tuple(name for names in queues for name in names))


def _span(row: Row) -> tuple[Row, float, float, bool]:
    """A row that holds a whole event: (row, first, stop, whether in seconds)."""
    timed = "start" in row.columns
    first = row.number("start" if timed else "first")
    is_point = row.cell("status").upper() == "POINT"
    stop = first if is_point else row.number("stop") if timed else row.number("last") + 1
    if stop < first:
        raise AmcError(f"{row.place}: stops at {stop} before it starts at {first}; correct it")
    if timed and (found := row.queue()):
        queued.check(row.place, found, row.media, first, row.offset)
    return row, first, stop, timed


def _paired(rows: list[Row]) -> list[tuple[Row, float, float, bool]]:
    """START and STOP rows in pairs, as from `_span`: of one video or queue, observation, subject and modifiers."""
    going: dict[tuple, tuple[Row, float]] = {}
    found = []
    for row in sorted(rows, key=lambda row: row.number("time")):
        time, status = row.number("time"), row.cell("status").upper()
        if shown := row.queue():
            queued.check(row.place, shown, row.media, time, row.offset)
        modifiers = (row.cell(word) for word in row.columns if word.startswith("modifier"))
        name, who = row.cell("behaviour"), (row.cell("observation"), row.cell("subject"))
        key = (shown.names if shown else row.video(), name, *who, *modifiers)
        if status == "START" and key not in going:
            going[key] = (row, time)
        elif status == "STOP" and key in going:
            found.append((*going.pop(key), time, True))
        elif status == "POINT":
            found.append((row, time, time, True))
        else:
            raise AmcError(f"{row.place}: {status or 'no status'} of {name!r} without its partner; pair the events")
    if going:
        row = min((row for row, _ in going.values()), key=rows.index)
        says = f"START of {row.cell('behaviour')!r} is never stopped"
        raise AmcError(f"{row.place}: {says}; pair the events in BORIS, then export again")
    return found


def _labels(path: Path, table: annotation_rows.Table) -> Annotation:
    """DeepEthogram's table of 0 and 1; the video is the file's name without `_labels` or `_predictions`."""
    places = [k for k, name in enumerate(table.header) if k and name and name.lower() != "background"]
    names = [table.header[k] for k in places]
    values = np.array([[row.float("".join(row.cells[k : k + 1])) for k in places] for row in table.rows])
    values = values.reshape(len(table.rows), len(places))
    for number, row in enumerate(table.rows):
        if row.float(row.cells[0]) != number:
            raise AmcError(f"{row.place}: frame {row.cells[0]!r}, expected {number}; export all frames, in order")
    if not np.isin(values, (-1, 0, 1)).all():
        raise AmcError(f"{path}: holds values other than 0, 1 and -1; export labels, not probabilities")
    if [name for name, times in Counter(names).items() if times > 1]:
        raise AmcError(f"{path}: a behaviour is twice in {', '.join(names)}; export it again")
    video = path.stem.removesuffix("_labels").removesuffix("_predictions")
    events = [
        Event(video, name, float(start), float(stop), timed=False)
        for name, start, stop in from_frames(values == 1, names)
    ]
    labelled = ~(values == -1).any(axis=1)
    notes = () if labelled.all() else (f"{(~labelled).sum()} frames are not labelled and do not count",)
    return Annotation(path, tuple(events), notes, tuple(names), labelled, (video,))
