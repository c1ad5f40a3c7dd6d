"""Tables with a row per event: BORIS's aggregated and tabular events and SimBA's bouts in, an `Annotation` out.

The header is found on any line. Names of columns are compared by their letters and digits only, because BORIS's
versions, spreadsheets and R (`Start..s.`) write them differently:

    BORIS, aggregated     Behavior, Start (s), Stop (s)
    BORIS, tabular        Behavior, Time, and Status (7, below a block about the observation) or Behavior type (8, 9)
    SimBA, bouts          Event, Start_frame, End_frame (the last frame of the bout)
    V-TRACE               labelId, timestamp, endTimestamp; the file has the name of its video

The video is named by `Media file name`, `Media file path` or `Source`, which also has the order of queued videos.
BORIS adds an observation's time offset to the times that it exports; it is subtracted here.
"""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from amc.base.errors import AmcError
from amc.datasets.delimited import unescape
from amc.ethogram import observed
from amc.ethogram.events import PREDICTED, Annotation, Event
from amc.ethogram.formats import sheets
from amc.ethogram.formats.sheets import Sheet
from amc.ethogram.matching import base, has_video_ending, named_after
from amc.ethogram.observed import Act, Player

SYNONYMS = {  # our name: letters and digits of the column's names in all versions
    "behaviour": ("behavior", "behaviour", "event", "labelid"),
    "start": ("starts", "startsec", "timestamp"),
    "stop": ("stops", "stopsec", "endtimestamp"),
    "time": ("time", "times", "timesec"),
    "status": ("status", "behaviortype"),
    "media": ("mediafilename", "mediafilepath", "mediafile", "video"),
    "observation": ("observationid",),
    "subject": ("subject",),
    "offset": ("timeoffsets", "timeoffset"),
    "source": ("source",),
    "durations": ("mediadurations", "mediaduration"),
    "first": ("startframe",),
    "last": ("endframe",),
    "comment": ("commentstart", "comment"),
    "description": ("description",),  # of an observation
    "probability": ("meanprob",),  # our table of all bouts
    "score": ("score",),  # V-TRACE: of a prediction
    "review": ("review",),  # V-TRACE: accepted or rejected by a human
}
NEEDED = (("behaviour", "start", "stop"), ("behaviour", "first", "last"), ("behaviour", "time", "status"))
TIMES = ("start", "stop", "time")  # our names of the columns that include an offset
NOTHING = ("", "NA", "Not found")  # BORIS writes this if there is no media file
V_TRACE, ENDINGS = "labelid", (".pred", "_vtrace")  # the column that only its files have; after the video's name
NOBODY = ("", "NA", "No focal subject")
EXPECTED = "BORIS aggregated or tabular events, SimBA bouts, V-TRACE, or DeepEthogram labels"


def read(path: Path, lengths: Callable[[str], float | None]) -> Annotation:
    """The events of a table. lengths: seconds of a media file, where the table has no durations of queued videos.

    Raises NoHeader for a file of another kind; AmcError, naming file and line, for what cannot be read.
    """
    with sheets.opened(path, _is_header, EXPECTED, within=sheets.HEADER_LINES) as found:
        rows = [row for sheet in found for row in _rows(path, sheet, lengths)]
        notes = tuple(note for sheet in found for note in sheet.notes)
    rows = [row for row in rows if not (row.above.get(V_TRACE) and row.cell("review").lower() == "rejected")]
    _refuse_unordered(rows)
    frames = [_bout(row) for row in rows if _is_bout(row)]
    acts = [_whole(row) for row in rows if "start" in row.columns]
    others = [row for row in rows if "start" not in row.columns and not _is_bout(row)]
    acts += observed.paired((row.cell("status").upper(), _act(row, row.number("time"))) for row in others)
    shown = tuple(dict.fromkeys(name for act in acts for player in act.players for name in player.names))
    notes += observed.queue_notes(acts)
    lasting = dict.fromkeys((*(event.behaviour for event in frames), *observed.with_duration(acts)))
    events = (*frames, *observed.events(acts))
    predicted = {name: " and ".join(row.marks) for row in rows if row.marks for name in row.videos}
    return Annotation(str(path), events, notes, tuple(lasting), videos=shown, predicted=predicted)


@dataclass(frozen=True)
class Row:
    """One row of a table, with what is written above the table for all rows."""

    place: str  # file and line
    cells: list[str]
    columns: dict[str, int]  # positions by our names
    above: dict[str, str]
    number_of: Callable[[str], float]  # number of a cell in its table's format; NaN if it is none
    lengths: Callable[[str], float | None]  # seconds of a media file

    def cell(self, word: str) -> str:
        """The text of a cell; empty if the column is missing or the row ends before it."""
        place = self.columns.get(word, len(self.cells))
        return unescape((self.cells[place] if place < len(self.cells) else self.above.get(word, "")).strip())

    def number(self, word: str) -> float:
        """A frame, or a time from the start of the observation."""
        found, offset = self.cell(word), self.offset if word in TIMES else 0.0
        value = round(self.number_of(found) - offset, 9)
        if not 0 <= value < float("inf"):
            after = f" after an offset of {self.cell('offset')} s" if offset else ""
            wanted = f"a number from 0{', with a decimal point' * (',' in found)}"
            raise AmcError(f"{self.place}: {found or 'nothing'!r} is no time or frame{after}; expected {wanted}")
        return value

    @property
    def offset(self) -> float:
        """The offset that BORIS has added to the observation's times, seconds."""
        return 0.0 if self.cell("offset") in NOTHING else self.number_of(self.cell("offset"))

    @property
    def behaviour(self) -> str:
        """The behaviour that the row names. Raises AmcError without one."""
        if name := self.cell("behaviour"):
            return name
        raise AmcError(f"{self.place}: names no behaviour; write its name, or remove the row")

    @property
    def media(self) -> str:
        """The media file that the row names, if any."""
        return "" if self.cell("media") in NOTHING else self.cell("media")

    @property
    def subject(self) -> str:
        """The animal; empty if none is named."""
        return "" if self.cell("subject") in NOBODY else self.cell("subject")

    @property
    def videos(self) -> list[str]:
        """The videos that the row is about."""
        return [self.media] if _is_bout(self) else [name for player in self.players() for name in player.names]

    @property
    def marks(self) -> list[str]:
        """What to do, once it is corrected, with what marks the row as a model's; nothing for a human's."""
        found = [f"delete its column of {word}s" for word in ("description", "comment") if PREDICTED in self.cell(word)]
        found += ["delete its column mean_prob"] * bool(self.cell("probability"))
        is_new = self.above.get(V_TRACE) and self.cell("score") and not self.cell("review")
        return found + ["review it in V-TRACE"] * bool(is_new)

    def players(self) -> tuple[Player, ...]:
        """What the observation's players show; one video if the row does not say more."""
        source, own = self.cell("source"), self.media
        if not source and ";" in own and all(map(has_video_ending, own.split(";"))):
            source, own = own, ""  # BORIS 7 joins the media of a queue in this column
        shown = observed.media(source)
        if shown and len(shown[0]) > 1 and own and own == ";".join(shown[0]):  # a file's name may contain a semicolon
            shown[0] = [own]
        if not shown or len(shown[0]) == 1:
            named = shown[0][0] if shown and has_video_ending(shown[0][0]) else ""
            shown = [[own or named or self.cell("observation")], *shown[1:]]
        durations = [part.partition(":")[2] or part for part in self.cell("durations").split("|")]
        return observed.players(self.place, shown, durations, lengths=self.lengths, number=self.number_of)


def _rows(path: Path, sheet: Sheet, lengths: Callable[[str], float | None]) -> list[Row]:
    names = [letters(name) for name in sheet.header]
    columns = _columns(names)
    if twice := [names[k] for k in columns.values() if names.count(names[k]) > 1]:
        name = sheet.header[names.index(twice[0])].lower()
        raise AmcError(f"{sheet.where}:{sheet.line}: the column {name!r} is there twice; rename one of them")
    above = _block(sheet.above)
    if V_TRACE in names:
        above |= {V_TRACE: "yes", "media": named_after(path.name, *ENDINGS)}
    return [Row(f"{sheet.where}:{line}", cells, columns, above, sheet.number, lengths) for line, cells in sheet.rows]


def letters(name: str) -> str:
    """The letters and digits of a column's name, in lower case."""
    return "".join(filter(str.isalnum, name.casefold()))


def _is_header(names: list[str]) -> bool:
    return any(_columns(list(map(letters, names))).keys() >= set(needed) for needed in NEEDED)


def _columns(header: list[str]) -> dict[str, int]:
    """Positions in the header by our names; modifiers are numbered."""
    found = {}
    for word, names in SYNONYMS.items():
        places = [header.index(name) for name in names if name in header]
        if places:
            found[word] = places[0]
    modifiers = [place for place, name in enumerate(header) if name.startswith("modifier")]
    return found | {f"modifier {number}": place for number, place in enumerate(modifiers)}


def _block(above: list[list[str]]) -> dict[str, str]:
    """The block that BORIS 7 writes above its table: the observation, its time offset, and the media of its players."""
    found, shown = {}, {}
    for cells in above:
        name = cells[0].strip() if len(cells) > 1 else ""
        if letters(name) in SYNONYMS["offset"]:
            found["offset"] = cells[1]
        elif letters(name) in SYNONYMS["observation"]:
            found["observation"] = cells[1]
        elif observed.PLAYER.fullmatch(f"{name}:"):
            shown.setdefault(name, []).append(cells[1].strip())
    return found | {"source": "|".join(f"{name}:{';'.join(media)}" for name, media in shown.items())}


def _refuse_unordered(rows: list[Row]) -> None:
    """Raise AmcError if an observation shows several videos and the table lacks their order: times run over all.

    A tabular export without the observation's name is of one observation.
    """
    seen: dict[str, str] = {}
    for row in rows:
        name, who = row.media, row.cell("observation")
        if not name or row.cell("source") or not (who or "time" in row.columns) or _is_bout(row):
            continue
        if base(seen.setdefault(who, name)) != base(name):
            says = f"the observation {who!r} shows {seen[who]} and {name}, whose times run over both"
            raise AmcError(f"{row.place}: {says}, but there is no column Source with their order; {observed.REMEDY}")


def _is_bout(row: Row) -> bool:
    return "first" in row.columns and "start" not in row.columns


def _bout(row: Row) -> Event:
    """A row of SimBA's bouts, in frames."""
    first, stop = row.number("first"), row.number("last") + 1
    _refuse_backwards(row, first, stop)
    return Event(row.media, row.behaviour, first, stop, False, row.cell("observation"), row.subject)


def _whole(row: Row) -> Act:
    """A row that holds a whole event."""
    is_point = row.cell("status").upper() == "POINT"
    act = _act(row, row.number("start"), row.number("start" if is_point else "stop"), is_point=is_point)
    _refuse_backwards(row, act.first, act.stop)
    return act


def _act(row: Row, first: float, stop: float | None = None, *, is_point: bool = False) -> Act:
    """A whole event, or with `first` alone a START, STOP or POINT."""
    modifiers = tuple(row.cell(word) for word in row.columns if word.startswith("modifier"))
    shown, who = row.players(), (row.cell("observation"), row.subject)
    if shown[0].is_queue:
        observed.check(row.place, shown[0], row.media if row.cell("source") else "", first, row.offset)
    stop = first if stop is None else stop
    return Act(row.place, row.behaviour, first, stop, shown, *who, modifiers, is_point)


def _refuse_backwards(row: Row, first: float, stop: float) -> None:
    if stop < first:
        raise AmcError(f"{row.place}: stops at {stop} before it starts at {first}; correct it")
