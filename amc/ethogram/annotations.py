"""What a human wrote about videos: files of BORIS, SimBA and DeepEthogram in, timed events and bouts out.

Files are told apart by the names of their columns, wherever these stand and in any case, because BORIS has changed both
from version to version:

    BORIS, aggregated     Behavior, Start (s), Stop (s); Media file path (7) or Media file name (8, 9)
    BORIS, tabular        Time and Status (7, below a block about the observation) or Behavior type (8, 9): START, STOP
    SimBA, bouts          Event, Start_frame, End_frame (the last frame of the bout)
    DeepEthogram, labels  background and a 0/1 column a behaviour; -1 is a frame that nobody labelled

A point event lasts one frame. BORIS adds an observation's time offset to the times that it exports; it is taken off
here. Of several observations of one video, one has to be chosen before.
"""

import csv
import io
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

import numpy as np
import pandas as pd

from amc.errors import AmcError
from amc.ethogram.bouts import Bout, frames_of, from_frames, ordered, to_frames

SYNONYMS = {  # our word: names of the column over the versions, in lower case
    "behaviour": ("behavior", "event"),
    "start": ("start (s)",),
    "stop": ("stop (s)",),
    "time": ("time",),
    "status": ("status", "behavior type"),
    "media": ("media file name", "media file path", "media file", "video"),
    "observation": ("observation id",),
    "subject": ("subject",),
    "offset": ("time offset (s)",),
    "source": ("source",),
    "first": ("start_frame",),
    "last": ("end_frame",),
}
NEEDED = (("behaviour", "start", "stop"), ("behaviour", "first", "last"), ("behaviour", "time", "status"))
SUFFIXES = (  # of video files
    ".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".gif", ".mpg", ".mpeg", ".mts", ".m2ts", ".ts", ".wmv", ".flv",
    ".ogv", ".3gp",
)  # fmt: skip
HEADER_LINES = 100  # BORIS 7 puts a block about the observation, players and variables above its table
FORMATS = "BORIS aggregated or tabular events, SimBA bouts, or DeepEthogram labels"


@dataclass(frozen=True)
class Event:
    """One stretch of one behaviour: `first` and `stop` are frames (one past the last) or, with `timed`, seconds."""

    video: str  # the media file as written, or the observation
    behaviour: str
    first: float
    stop: float
    timed: bool
    observation: str = ""


@dataclass(frozen=True)
class Annotation:
    """Everything a file says, and what was left out or repaired."""

    path: Path
    events: tuple[Event, ...]
    notes: tuple[str, ...] = ()
    behaviours: tuple[str, ...] = ()  # that were looked for: all that occur, and for DeepEthogram every column
    labelled: np.ndarray | None = None  # bool (N,): frames that were labelled at all; None: all
    video: str = ""  # that all of it is about, with or without events; empty: the events say

    def of(self, *names: str) -> tuple[Event, ...]:
        """The events of a video by the first of its names that occurs, with or without ending; all, where the file
        names no video at all.

        Raises AmcError where it is about others only, as nothing tells a video without behaviour from the wrong file,
        and where several observations, such as two observers', are about this one.
        """
        known = {stem(event.video) for event in self.events} | ({stem(self.video)} if self.video else set())
        wanted = next((own for own in map(stem, names) if own in known), None)
        if wanted is None and known - {""}:
            raise AmcError(f"{self.path}: nothing about {names[0]}; it is about {', '.join(sorted(known)[:5])}")
        own = tuple(event for event in self.events if wanted is None or stem(event.video) == wanted)
        if len(seen := sorted({event.observation for event in own})) > 1:
            raise AmcError(
                f"{self.path}: {len(seen)} observations of {names[0]}: {', '.join(seen[:5])}; export one of them"
            )
        return own


def read(path: Path | str) -> Annotation:
    """The events of an annotation file. Raises AmcError, naming file and line, for what is none of the formats."""
    path = Path(path)
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        raise AmcError(f"{path}: cannot be read ({error}); give a text file of {FORMATS}") from error
    if text.lstrip().startswith("{"):
        raise AmcError(f"{path}: a project, such as BORIS saves; export its events, aggregated, as TSV")
    try:
        return _table(path, text.splitlines())
    except csv.Error as error:
        raise AmcError(f"{path}: no table ({error}); give a text file of {FORMATS}") from error


def _table(path: Path, lines: list[str]) -> Annotation:
    for number, line in enumerate(lines[:HEADER_LINES]):
        for separator in ("\t", ",", ";"):
            header = [name.strip().lower() for name in next(csv.reader([line], delimiter=separator), [])]
            columns = _columns(header)
            if "background" in header:
                return _labels(path, "\n".join(lines[number:]), separator)
            if any(columns.keys() >= set(needed) for needed in NEEDED):
                rows = list(csv.reader(io.StringIO("\n".join(lines[number + 1 :])), delimiter=separator))
                if "offset" not in columns:  # BORIS 7 has it in the block above
                    columns["offset"] = len(header)
                    above = _offset(lines[:number], separator)
                    rows = [row and [*row, *[""] * (len(header) - len(row)), above] for row in rows]
                numbered = [(number + 2 + k, row) for k, row in enumerate(rows) if any(row)]
                return _events(path, columns, numbered)
    raise AmcError(f"{path}: no header of {FORMATS} in its first {HEADER_LINES} lines; export it again")


def _offset(block: list[str], separator: str) -> str:
    for cells in csv.reader(block, delimiter=separator):
        if len(cells) > 1 and cells[0].strip().lower() in SYNONYMS["offset"]:
            return cells[1]
    return ""


def bouts(events: tuple[Event, ...], edges: np.ndarray) -> list[Bout]:
    """Events as bouts of a video's frames, edges (N + 1,) seconds; those of one behaviour that overlap become one.

    What goes on beyond the end is cut there. Raises AmcError for an event that only begins then: the video is another.
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


def stem(name: str) -> str:
    """A video by its file's name, without the folder, a video's ending and case."""
    file = PureWindowsPath(name)  # splits at both kinds of slash
    return (file.stem if file.suffix.lower() in SUFFIXES else file.name).casefold()  # 10.30.15 has no ending


def _columns(header: list[str]) -> dict[str, int]:
    """Our words to places in the header; modifiers are numbered."""
    found = {}
    for word, names in SYNONYMS.items():
        places = [header.index(name) for name in names if name in header]
        if places:
            found[word] = places[0]
    modifiers = [place for place, name in enumerate(header) if name.startswith("modifier")]
    return found | {f"modifier {number}": place for number, place in enumerate(modifiers)}


def _events(path: Path, columns: dict[str, int], rows: list[tuple[int, list[str]]]) -> Annotation:
    """Events of a table whose rows are (line, cells)."""
    if "start" in columns or "first" in columns:
        words = ("start", "stop", 0) if "start" in columns else ("first", "last", 1)
        events = []
        for line, row in rows:
            first = _number(path, line, row, columns, words[0])
            is_point = _cell(row, columns.get("status")).upper() == "POINT"
            stop = first if is_point else _number(path, line, row, columns, words[1]) + words[2]
            if stop < first:
                raise AmcError(f"{path}:{line}: stops at {stop} before it starts at {first}; correct it")
            who = (_video(row, columns), _cell(row, columns["behaviour"]))
            events.append(Event(*who, first, stop, not words[2], _cell(row, columns.get("observation"))))
        return _annotation(path, events, columns, rows)
    return _paired(path, columns, rows)


def _annotation(
    path: Path, events: list[Event], columns: dict[str, int], rows: list[tuple[int, list[str]]]
) -> Annotation:
    sources = {_cell(row, columns.get("source")).strip("; ") for _, row in rows}
    says = "observes several videos, {}; its times are taken for those of each video alone"
    notes = tuple(says.format(source) for source in sorted(sources) if ";" in source)
    return Annotation(path, tuple(events), notes, tuple(dict.fromkeys(event.behaviour for event in events)))


def _paired(path: Path, columns: dict[str, int], rows: list[tuple[int, list[str]]]) -> Annotation:
    """START and STOP rows as events; a behaviour is paired within its video, observation, subject and modifiers."""
    going: dict[tuple[str, ...], tuple[int, float]] = {}
    events = []
    for line, row in sorted(rows, key=lambda entry: _number(path, *entry, columns, "time")):
        time, status = _number(path, line, row, columns, "time"), _cell(row, columns["status"]).upper()
        observation, subject = (_cell(row, columns.get(word)) for word in ("observation", "subject"))
        modifiers = (_cell(row, place) for word, place in columns.items() if word.startswith("modifier"))
        key = (_video(row, columns), _cell(row, columns["behaviour"]), observation, subject, *modifiers)
        if status == "START" and key not in going:
            going[key] = (line, time)
        elif status == "STOP" and key in going:
            events.append(Event(*key[:2], going.pop(key)[1], time, True, observation))
        elif status == "POINT":
            events.append(Event(*key[:2], time, time, True, observation))
        else:
            raise AmcError(f"{path}:{line}: {status or 'no status'} of {key[1]!r} without its partner; pair the events")
    if going:
        line, name = min((line, name) for (_, name, *_), (line, _) in going.items())
        raise AmcError(
            f"{path}:{line}: START of {name!r} is never stopped; pair the events in BORIS, then export again"
        )
    return _annotation(path, events, columns, rows)


def _labels(path: Path, text: str, separator: str) -> Annotation:
    """DeepEthogram's table of 0 and 1; the video is the file's name without `_labels` or `_predictions`."""
    try:
        table = pd.read_csv(io.StringIO(text), sep=separator, index_col=0)
        values = table.drop(columns="background").to_numpy(dtype=float)
    except (ValueError, KeyError) as error:
        raise AmcError(f"{path}: not DeepEthogram's table of 0, 1 and -1 ({error}); export it again") from error
    if not np.isin(values, (-1, 0, 1)).all():
        raise AmcError(f"{path}: holds values other than 0, 1 and -1; export labels, not probabilities")
    names = [name for name in table.columns if name != "background"]
    video = path.stem.removesuffix("_labels").removesuffix("_predictions")
    events = [Event(video, *map(_plain, bout), timed=False) for bout in from_frames(values == 1, names)]
    labelled = ~(values == -1).any(axis=1)
    notes = () if labelled.all() else (f"{(~labelled).sum()} frames are not labelled, and do not count",)
    return Annotation(path, tuple(events), notes, tuple(names), labelled, video)


def _plain(value: object) -> object:
    return float(value) if isinstance(value, int) else value


def _video(row: list[str], columns: dict[str, int]) -> str:
    """The media file; where a row has none, the observation."""
    for word in ("media", "observation"):
        if (found := _cell(row, columns.get(word))) not in ("", "NA"):
            return found
    return ""


def _cell(row: list[str], place: int | None) -> str:
    """What stands there; nothing where the column is missing or the row ends before it."""
    return row[place].strip() if place is not None and place < len(row) else ""


def _number(path: Path, line: int, row: list[str], columns: dict[str, int], word: str) -> float:
    """A frame, or a time from the start of the video."""
    found, offset = _cell(row, columns[word]), _cell(row, columns.get("offset")) or "0"
    try:
        value = round(float(found) - float(offset), 9)
    except ValueError:
        value = np.nan
    if not 0 <= value < np.inf:
        after = f" after an offset of {offset} s" if offset != "0" else ""
        raise AmcError(f"{path}:{line}: {found or 'nothing'!r} is no time or frame{after}; expected a number from 0")
    return value
