"""Tables with a row per frame: DeepEthogram's labels and SimBA's frames in, an `Annotation` of one video out.

The first column is the frame, counted from 0, and has no name or the name `frame`. Which others are behaviours:

    DeepEthogram                    all but `background` or `none`, with or without it; -1 is an unlabelled frame
    SimBA, machine results          those with a column `Probability_<behaviour>` (and our own table of frames)
    SimBA, targets inserted         the last columns that hold nothing but 0 and 1, after those of the animal's points

The video is the file's name without `_labels`, `_predictions`, `_scores` or `_frames`.
"""

import re
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np

from amc.base.errors import AmcError
from amc.datasets.delimited import NoHeader, unescape
from amc.ethogram.bouts import from_frames
from amc.ethogram.events import Annotation, Event
from amc.ethogram.formats import sheets
from amc.ethogram.formats.event_table import EXPECTED
from amc.ethogram.formats.sheets import Sheet
from amc.ethogram.matching import named_after

FRAME = ("", "frame", "unnamed: 0")  # names of the first column
NOTHING = ("background", "none")  # DeepEthogram's column of frames without any behaviour
ENDINGS = ("_labels", "_predictions", "_scores", "_frames")  # of files, after the video's name
PROBABILITY = re.compile(r"prob(?:ability)?[ _](.+)", re.IGNORECASE)
MARK = "delete its columns of probabilities (Probability_…)"
MEASURED = re.compile(r".*_(x|y|p)|(prob|low_prob|sum_prob).*", re.IGNORECASE)  # SimBA's columns that are no behaviour


def read(path: Path, lengths: Callable[[str], float | None]) -> Annotation:
    """The behaviours of each frame. lengths: not needed, as frames have no time.

    Raises NoHeader for a file of another kind; AmcError, naming file and line, for what cannot be read.
    """
    with sheets.opened(path, _is_header, EXPECTED, within=1) as found:
        sheet = found[0]
        names, values = _columns(path, sheet)
        notes = sheet.notes
    if twice := [name for name, times in Counter(names).items() if times > 1]:
        raise AmcError(f"{path}: a behaviour is twice in {', '.join(twice)}; export it again")
    is_predicted = any(PROBABILITY.fullmatch(name) for name in sheet.header)
    video = named_after(path.name, *ENDINGS)
    events = [
        Event(video, name, float(start), float(stop), timed=False)
        for name, start, stop in from_frames(values == 1, names)
    ]
    labelled = ~(values == -1).any(axis=1)
    if not labelled.all():
        notes += (f"{(~labelled).sum()} frames are not labelled and do not count",)
    return Annotation(
        str(path), tuple(events), notes, tuple(names), {video: labelled}, (video,),
        predicted={video: MARK} if is_predicted else {},
    )  # fmt: skip


def _is_header(names: list[str]) -> bool:
    others = [name for name in names[1:] if name]
    return bool(others) and names[0] in FRAME


def _columns(path: Path, sheet: Sheet) -> tuple[list[str], np.ndarray]:
    """The behaviours and their values, (N, C) int8 of -1, 0 and 1."""
    header = [unescape(name) for name in sheet.header]
    known = {name.casefold(): k for k, name in enumerate(header)}
    scored = [found[1].casefold() for name in header if (found := PROBABILITY.fullmatch(name))]
    is_targets = sum(bool(MEASURED.fullmatch(name)) for name in header) > 2
    if scored:
        places = [known[name] for name in scored if name in known]
    elif is_targets:
        places = [k for k, name in enumerate(header) if k and name and not MEASURED.fullmatch(name)]
    else:
        places = [k for k, name in enumerate(header) if k and name and name.casefold() not in NOTHING]
    is_certain = bool(scored) or is_targets or bool({*NOTHING} & known.keys())
    problem = AmcError if is_certain else NoHeader  # an unnamed first column alone may be any table's
    values = []
    for number, (line, cells) in enumerate(sheet.rows):
        if _value(sheet, cells, 0) != number:
            where = f"{sheet.where}:{line}"
            raise problem(f"{where}: frame {cells[0]!r}, expected {number}; export all frames, in order")
        row = [_value(sheet, cells, k) for k in places]
        if is_targets and not scored and not set(row) <= {0, 1}:  # features come before the behaviours
            cut = max(k for k, value in enumerate(row) if value not in (0, 1)) + 1
            places, row, values = places[cut:], row[cut:], [earlier[cut:] for earlier in values]
        if not set(row) <= {-1, 0, 1}:
            says = "holds values other than 0, 1 and -1; export labels, not probabilities"
            raise problem(f"{sheet.where}: {says}")
        values.append(np.array(row, np.int8))
    if not places:
        raise AmcError(f"{path}: no column of 0 and 1 for a behaviour; annotate the video in SimBA, then give it again")
    return [header[k] for k in places], np.array(values, np.int8).reshape(len(values), len(places))


def _value(sheet: Sheet, cells: list[str], place: int) -> float:
    return sheet.number(cells[place]) if place < len(cells) else float("nan")
