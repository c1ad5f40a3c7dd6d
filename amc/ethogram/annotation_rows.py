"""Annotation tables as rows: the header is found on any line, cells have our own column names, rows their line.

A text file of BORIS, SimBA or DeepEthogram in, its rows out, read as strictly as every table (`datasets.delimited`);
`annotations` interprets them.
"""

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from amc.base.errors import AmcError
from amc.datasets import delimited
from amc.ethogram import queued

SYNONYMS = {  # our name: names of the column in all versions, in lower case
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
    "durations": ("media duration (s)",),
    "first": ("start_frame",),
    "last": ("end_frame",),
}
NEEDED = (("behaviour", "start", "stop"), ("behaviour", "first", "last"), ("behaviour", "time", "status"))
SUFFIXES = (  # of video files
    ".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".gif", ".mpg", ".mpeg", ".mts", ".m2ts", ".ts", ".wmv", ".flv",
    ".ogv", ".3gp", ".asf", ".vob", ".mxf", ".f4v", ".mod", ".tod", ".dv", ".m2v", ".divx",
)  # fmt: skip
TIMES = ("start", "stop", "time")  # our names of the columns that include an offset
NOTHING = ("", "NA", "Not found")  # BORIS writes this if there is no media file
HEADER_LINES = 100  # BORIS 7 puts a block about the observation, players and variables above its table
FORMATS = "BORIS aggregated or tabular events, SimBA bouts, or DeepEthogram labels"


@dataclass(frozen=True)
class Row:
    """One row of a table, with what is written above the table for all rows."""

    place: str  # file and line
    cells: list[str]
    columns: dict[str, int]  # positions by our names
    above: dict[str, str]
    number_of: Callable[[str], float]  # number of a cell in its table's format; raises ValueError

    def cell(self, word: str) -> str:
        """The text of a cell; empty if the column is missing or the row ends before it."""
        place = self.columns.get(word, len(self.cells))
        return (self.cells[place] if place < len(self.cells) else self.above.get(word, "")).strip()

    def number(self, word: str) -> float:
        """A frame, or a time from the start of the observation."""
        found, offset = self.cell(word), self.offset if word in TIMES else 0.0
        value = round(self.float(found) - offset, 9)
        if not 0 <= value < float("inf"):
            after = f" after an offset of {self.cell('offset')} s" if offset else ""
            wanted = f"a number from 0{', with a decimal point' * (',' in found)}"
            raise AmcError(f"{self.place}: {found or 'nothing'!r} is no time or frame{after}; expected {wanted}")
        return value

    def float(self, text: str) -> float:
        """The number in a text; NaN if it is none."""
        try:
            return self.number_of(text)
        except ValueError:
            return float("nan")

    @property
    def offset(self) -> float:
        """The offset that BORIS has added to the observation's times, seconds."""
        return self.float(self.cell("offset") or "0")

    @property
    def media(self) -> str:
        """The media file that the row names, if any."""
        return "" if self.cell("media") in NOTHING else self.cell("media")

    def queue(self) -> queued.Queue | None:
        """The videos that its player showed one after another; None: one video."""
        source, media = self.cell("source"), self.media
        if not source and all(has_video_ending(part) for part in media.split(";")):  # BORIS 7 joins them in this column
            source, media = media, ""
        return queued.queue(self.place, source, self.cell("durations"), media, self.float)

    def video(self) -> str:
        """The media file; if the row has none, that of its player, or the observation."""
        [shown, *_] = queued.players(self.cell("source")) or [""]
        return self.media or (shown if has_video_ending(shown) else "") or self.cell("observation")


@dataclass(frozen=True)
class Table:
    """An annotation table: the names of its columns as written, and its rows."""

    header: list[str]
    rows: list[Row]

    @property
    def is_labels(self) -> bool:
        """Whether it is DeepEthogram's, one row per frame."""
        return _is_labels(self.header)


def read(path: Path) -> Table:
    """The table in a text file, as `delimited.opened` reads it.

    Raises AmcError, naming file and line, for an unknown format, and as `delimited.opened` does.
    """
    if next((line for line in delimited.lines(path) if line.strip()), "").lstrip().startswith("{"):
        raise AmcError(f"{path}: a project, such as BORIS saves; export its events, aggregated, as TSV")
    with delimited.opened(path, _is_header, FORMATS, separators=("\t", ",", ";"), within=HEADER_LINES) as table:
        columns = _columns(table.names)
        if twice := [name for name in (table.names[k] for k in columns.values()) if table.names.count(name) > 1]:
            raise AmcError(f"{path}:{table.line}: the column {twice[0]!r} is there twice; rename one of them")
        above = _block(table.above, table.separator)
        rows = [Row(f"{path}:{line}", cells, columns, above, table.number) for line, cells in table.rows]
    return Table(list(table.header), rows)


def _is_header(names: list[str]) -> bool:
    return _is_labels(names) or any(_columns(names).keys() >= set(needed) for needed in NEEDED)


def _is_labels(header: list[str]) -> bool:
    return "background" in [name.lower() for name in header]


def _block(lines: Sequence[str], separator: str) -> dict[str, str]:
    """The block that BORIS 7 writes above its table: the time offset, and the media of the players."""
    found, shown = {}, {}
    for cells in csv.reader(lines, delimiter=separator):
        name = cells[0].strip() if len(cells) > 1 else ""
        if name.lower() in SYNONYMS["offset"]:
            found["offset"] = cells[1]
        elif queued.PLAYER.fullmatch(f"{name}:"):
            shown.setdefault(name, []).append(cells[1].strip())
    return found | {"source": "|".join(f"{name}:{';'.join(media)}" for name, media in shown.items())}


def _columns(header: list[str]) -> dict[str, int]:
    """Positions in the header by our names; modifiers are numbered."""
    found = {}
    for word, names in SYNONYMS.items():
        places = [header.index(name) for name in names if name in header]
        if places:
            found[word] = places[0]
    modifiers = [place for place, name in enumerate(header) if name.startswith("modifier")]
    return found | {f"modifier {number}": place for number, place in enumerate(modifiers)}


def stem(name: str) -> str:
    """A video's file name in lower case, without folder and video ending."""
    file = base(name)
    return PureWindowsPath(file).stem if has_video_ending(file) else file  # 10.30.15 has no ending


def base(name: str) -> str:
    """A video's file name in lower case, without folder."""
    return PureWindowsPath(name).name.casefold()  # splits at both kinds of slash


def has_video_ending(name: str) -> bool:
    """Whether a name has the ending of a video file."""
    return PureWindowsPath(name.strip()).suffix.lower() in SUFFIXES
