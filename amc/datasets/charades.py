"""Charades-style annotation: one row per frame in, one entry per clip out, and back (Animal Kingdom, KABR, Synth).

A header, one space between fields, labels joined by commas and sometimes quoted; `type` may be missing:
    original_vido_id video_id frame_id path labels type
    AAACXZTV 145 1 AAACXZTV/AAACXZTV_t000001.jpg 2,40 train
"""

from array import array
from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import numpy as np

from amc.base.errors import AnnotationError
from amc.datasets import delimited

FILES = {"train": "train", "val": "test"}  # file name: its split, in every data set of this style
ID, FRAME, LABELS = "original_vido_id", "frame_id", "labels"  # this spelling is in every published file


@dataclass(frozen=True)
class Entry:
    """All rows of one clip: its label sets without repeats, in order of appearance, and how many frames there are."""

    label_sets: tuple[tuple[int, ...], ...]
    num_frames: int | None
    place: str = ""  # file and line of the first row, for messages

    @property
    def first(self) -> tuple[int, ...]:
        """Labels of the first row, as every user of Animal Kingdom takes them."""
        return self.label_sets[0]

    @property
    def union(self) -> tuple[int, ...]:
        """Every label that occurs in the clip, ascending: KABR labels frames, and they change inside a clip."""
        return tuple(sorted(set().union(*self.label_sets)))


def read(path: Path, num_classes: int) -> dict[str, Entry]:
    """Entries by clip id, in order of appearance. A repeated frame, as in a file appended to itself, counts once.

    Raises AmcError for a missing file or column, AnnotationError with file and line of every row whose id or labels
    are invalid: no plain name, no numbers, or a number outside 0 to num_classes - 1.
    """
    listed: dict[tuple[str, str], int] = {}  # (clip, labels): the line of their first row
    clips, frames = defaultdict(), defaultdict()  # numbers instead of texts: millions of rows need little memory
    clips.default_factory, frames.default_factory = clips.__len__, frames.__len__
    seen = array("q")  # each item is a clip and a frame
    columns = (ID, FRAME, LABELS)
    with delimited.opened(
        path, lambda names: {*columns} <= {*names}, f"Charades rows '{' '.join(columns)}'", separators=(" ",)
    ) as table:
        places = [table.names.index(name) for name in columns]
        pick, last = itemgetter(*places), max(places)
        for line, cells in table.rows:
            if len(cells) <= last:  # a line cut short
                cells += [""] * (last + 1 - len(cells))
            clip, frame, labels = pick(cells)
            if (clip, labels) not in listed:
                listed[clip, labels] = line
            seen.append(clips[clip] << 32 | frames[frame])
    pairs = np.sort(np.frombuffer(seen, dtype=np.int64))
    counts = np.bincount(pairs[np.diff(pairs, prepend=-1) > 0] >> 32)  # of distinct frames
    sets = _parsed(path, listed, num_classes)
    found: dict[str, list[tuple[int, ...]]] = {clip: [] for clip in clips}
    first: dict[str, int] = {}
    for (clip, labels), line in listed.items():
        found[clip].append(sets[clip, labels])
        first.setdefault(clip, line)
    return {
        clip: Entry(tuple(found[clip]), int(counts[number]), f"{path.name}:{first[clip]}")
        for clip, number in clips.items()
    }


def read_light(path: Path, num_classes: int) -> dict[str, Entry]:
    """Entries of a `*_light.csv` (`video_id;labels`, one row per clip), without frame counts. Raises as `read`."""
    rows = delimited.read(path, ("video_id", LABELS))
    lines: dict[str, list[int]] = {}
    for line, row in rows:
        lines.setdefault(row["video_id"], []).append(line)
    if copies := {clip: at for clip, at in lines.items() if len(at) > 1}:
        says = "{}:{}: clip {} has a row already, line {}; remove one of them"
        raise AnnotationError([says.format(path, at[1], clip, at[0]) for clip, at in copies.items()])
    sets = _parsed(path, {(row["video_id"], row[LABELS]): line for line, row in rows}, num_classes)
    return {clip: Entry((labels,), None, f"{path.name}:{lines[clip][0]}") for (clip, _), labels in sets.items()}


def splits(read: Callable[[str], dict[str, Entry]], folder: Path) -> list[tuple[str, str, Entry]]:
    """(split, clip id, entry) of all FILES in `folder`, each read by `read`, which gets its name.

    Raises AnnotationError with the wrong rows of all files, and with the clips that are in more than one.
    """
    found, wrong, places = [], [], {}
    for file, split in FILES.items():
        try:
            entries = read(file)
        except AnnotationError as error:
            wrong += error.lines
            continue
        for clip, entry in entries.items():
            places.setdefault(clip, []).append(entry.place)
            found.append((split, clip, entry))
    says = "{}: clip {} is in both splits, {} and {}; remove it from one"
    wrong += [says.format(folder, clip, *at) for clip, at in places.items() if len(at) > 1]
    if wrong:
        raise AnnotationError(wrong)
    return found


def _parsed(path: Path, listed: dict[tuple[str, str], int], num_classes: int) -> dict[tuple[str, str], tuple[int, ...]]:
    """Label sets by clip and text, from texts with the line of their first row. Raises AnnotationError with all wrong
    ones."""
    sets, wrong = {}, []
    for (clip, labels), line in listed.items():
        try:
            check_id(clip)
            sets[clip, labels] = parse(labels, num_classes)
        except ValueError as error:
            wrong.append(f"{path}:{line}: clip {clip!r} {error}; correct this row")
    if wrong:
        raise AnnotationError(wrong)
    return sets


def check_id(clip: str) -> None:
    """Raise ValueError unless a clip's id is a plain name: it becomes the name of a file inside the data set."""
    if not clip or clip in (".", "..") or set(clip) & set("/\\\0"):
        raise ValueError("has an id that is no plain file name")


def parse(labels: str, num_classes: int) -> tuple[int, ...]:
    """Labels such as `2,40` as integers, in the order written, without repeats. Raises ValueError."""
    try:
        if "_" in labels:  # int() takes 1_0 for ten
            raise ValueError(labels)
        numbers = tuple(dict.fromkeys(map(int, labels.split(","))))
    except (ValueError, AttributeError) as error:  # a line cut short has no labels at all
        raise ValueError(f"has labels {labels!r}, expected such as '2,40'") from error
    if outside := [label for label in numbers if not 0 <= label < num_classes]:
        raise ValueError(f"has the unknown label {outside[0]}; labels run from 0 to {num_classes - 1}")
    return numbers
