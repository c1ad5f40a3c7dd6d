"""Charades-style annotation: one row a frame in, one entry a clip out, and back (Animal Kingdom, KABR, Synth).

A header, one space between fields, labels joined by commas and sometimes quoted; `type` may be missing:
    original_vido_id video_id frame_id path labels type
    AAACXZTV 145 1 AAACXZTV/AAACXZTV_t000001.jpg 2,40 train
"""

import csv
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from amc.errors import AmcError, AnnotationError
from amc.paths import atomic

FILES = {"train": "train", "val": "test"}  # file name: the split it holds, in every data set of this style
ID, LABELS = "original_vido_id", "labels"  # spelt so in every published file
CHUNK = 500_000  # rows held at a time: 4.4 million rows need far less than 1 GB


@dataclass(frozen=True)
class Entry:
    """All rows of one clip: its label sets without repeats, in order of appearance, and how many frames there are."""

    label_sets: tuple[tuple[int, ...], ...]
    num_frames: int | None
    place: str = ""  # file and line of the first row, to point to

    @property
    def first(self) -> tuple[int, ...]:
        """Labels of the first row: every user of Animal Kingdom takes these."""
        return self.label_sets[0]

    @property
    def union(self) -> tuple[int, ...]:
        """Every label that occurs in the clip, ascending: KABR labels frames, and they change inside a clip."""
        return tuple(sorted(set().union(*self.label_sets)))


def read(path: Path, num_classes: int) -> dict[str, Entry]:
    """Entries by clip id, in order of appearance.

    Raises AmcError for a missing file or column, AnnotationError with file and line of every row whose id or labels
    cannot be meant: no plain name, no numbers, or a number outside 0 to num_classes - 1.
    """
    import pandas as pd  # here, so that an index that was already read does not wait for it

    rows: dict[str, dict[str, tuple[int, int]]] = {}  # labels: frames, line of the first
    try:
        long = _long(path)
        options = {"dtype": str, "na_filter": False, "skip_blank_lines": False, "chunksize": CHUNK, "index_col": False}
        with pd.read_csv(path, sep=" ", usecols=[ID, LABELS], **options) as chunks:
            for chunk in chunks:
                chunk["line"] = chunk.index + 2
                found = chunk.groupby([ID, LABELS], sort=False, dropna=False)["line"].agg(["size", "min"])
                for (clip, labels), count, line in found.itertuples():
                    frames, first = rows.setdefault(clip, {}).get(labels, (0, int(line)))
                    rows[clip][labels] = (frames + int(count), first)
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise AmcError(f"{path}: no Charades rows '{ID} … {LABELS}' ({_line(error)}); see data/README.md") from error
    if long:
        raise AnnotationError([f"{path}:{line}: has more fields than the header; correct this row" for line in long])
    listed = {(clip, labels): line for clip, counts in rows.items() for labels, (_, line) in counts.items()}
    sets = _parsed(path, listed, num_classes)
    return {
        clip: Entry(
            tuple(sets[clip, labels] for labels in counts),
            sum(frames for frames, _ in counts.values()),
            f"{path.name}:{next(iter(counts.values()))[1]}",
        )
        for clip, counts in rows.items()
    }


def _long(path: Path) -> list[int]:
    """Lines with more fields than the first one, which pandas would cut; an empty one at the end is none."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        header = next(file, "").rstrip()
        spaces = header.count(" ")
        candidates = [(line, text) for line, text in enumerate(file, start=2) if text.count(" ") > spaces]
    rows = csv.reader((text.rstrip() for _, text in candidates), delimiter=" ")  # quoted labels may hold spaces
    return [line for (line, _), row in zip(candidates, rows, strict=True) if len(row) > spaces + 1]


def read_light(path: Path, num_classes: int) -> dict[str, Entry]:
    """Entries of a `*_light.csv` (`video_id;labels`, one row a clip), without frame counts. Raises as `read`."""
    rows = read_rows(path, ("video_id", LABELS), delimiter=";")
    lines: dict[str, list[int]] = {}
    for line, row in enumerate(rows, start=2):
        lines.setdefault(row["video_id"], []).append(line)
    if copies := {clip: at for clip, at in lines.items() if len(at) > 1}:
        says = "{}:{}: clip {} has a row already, line {}; remove one of them"
        raise AnnotationError([says.format(path, at[1], clip, at[0]) for clip, at in copies.items()])
    sets = _parsed(path, {(row["video_id"], row[LABELS]): lines[row["video_id"]][0] for row in rows}, num_classes)
    return {clip: Entry((labels,), None, f"{path.name}:{lines[clip][0]}") for (clip, _), labels in sets.items()}


def splits(read: Callable[[str], dict[str, Entry]], folder: Path) -> list[tuple[str, str, Entry]]:
    """(split, clip id, entry) of all FILES in `folder`, each read by `read`, which gets its name.

    Raises AnnotationError with the wrong rows of all of them, and with the clips that stand in more than one.
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
    """Label sets by clip and text, of texts and the lines they stand in first. Raises AnnotationError with all wrong
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


def read_rows(path: Path, columns: tuple[str, ...], *, delimiter: str = ",") -> list[dict[str, str]]:
    """Rows of a small table with a header, as dicts. Raises AmcError when the file or one of `columns` is missing."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:  # spreadsheets write a mark at the beginning
            rows = list(csv.DictReader(file, delimiter=delimiter))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise AmcError(f"{path}: cannot be read ({_line(error)}); see data/README.md") from error
    if not rows or not {*columns} <= rows[0].keys():
        raise AmcError(f"{path}: expected rows with the columns {delimiter.join(columns)}; see data/README.md")
    if short := [line for line, row in enumerate(rows, start=2) if any(row[column] is None for column in columns)]:
        raise AmcError(f"{path}:{short[0]}: has fewer columns than {delimiter.join(columns)}; complete it")
    return rows


def write(path: Path, clips: Iterable[tuple[str, int, int, tuple[int, ...]]], split: str) -> None:
    """Write clips of (id, number, num_frames, labels), one row a frame numbered from 1, as Animal Kingdom does."""
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write(f"{ID} video_id frame_id path {LABELS} type\n")
        for clip, number, num_frames, labels in clips:
            joined = ",".join(map(str, labels))
            file.writelines(
                f"{clip} {number} {frame} {clip}/{clip}_t{frame:06d}.jpg {joined} {split}\n"
                for frame in range(1, num_frames + 1)
            )


def _line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
