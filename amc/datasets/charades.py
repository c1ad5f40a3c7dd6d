"""Charades-style annotation: one row a frame in, one entry a clip out, and back (Animal Kingdom, KABR, Synth).

A header, one space between fields, labels joined by commas and sometimes quoted; `type` may be missing:
    original_vido_id video_id frame_id path labels type
    AAACXZTV 145 1 AAACXZTV/AAACXZTV_t000001.jpg 2,40 train
"""

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from amc.errors import AmcError
from amc.paths import atomic

ID, LABELS = "original_vido_id", "labels"  # spelt so in every published file
CHUNK = 500_000  # rows held at a time: 4.4 million rows need far less than 1 GB


@dataclass(frozen=True)
class Entry:
    """All rows of one clip: its label sets without repeats, in order of appearance, and how many frames there are."""

    label_sets: tuple[tuple[int, ...], ...]
    num_frames: int | None

    @property
    def first(self) -> tuple[int, ...]:
        """Labels of the first row: every user of Animal Kingdom takes these."""
        return self.label_sets[0]

    @property
    def union(self) -> tuple[int, ...]:
        """Every label that occurs in the clip, ascending: KABR labels frames, and they change inside a clip."""
        return tuple(sorted(set().union(*self.label_sets)))


def read(path: Path) -> dict[str, Entry]:
    """Entries by clip id, in order of appearance. Raises AmcError for a missing file, column or label."""
    rows: dict[str, dict[str, int]] = {}
    try:
        with pd.read_csv(path, sep=" ", usecols=[ID, LABELS], dtype=str, na_filter=False, chunksize=CHUNK) as chunks:
            for chunk in chunks:
                for (clip, labels), count in chunk.groupby([ID, LABELS], sort=False, dropna=False).size().items():
                    counts = rows.setdefault(clip, {})
                    counts[labels] = counts.get(labels, 0) + int(count)
    except (OSError, ValueError) as error:  # pandas' own errors are ValueErrors
        raise AmcError(f"{path}: no Charades rows '{ID} … {LABELS}' ({_line(error)}); see data/README.md") from error
    return {
        clip: Entry(tuple(parse(labels, path, clip) for labels in counts), sum(counts.values()))
        for clip, counts in rows.items()
    }


def read_light(path: Path) -> dict[str, Entry]:
    """Entries of a `*_light.csv` (`video_id;labels`, one row a clip), without frame counts. Raises AmcError."""
    rows = read_rows(path, ("video_id", LABELS), delimiter=";")
    entries = {row["video_id"]: Entry((parse(row[LABELS], path, row["video_id"]),), None) for row in rows}
    if len(entries) < len(rows):
        raise AmcError(f"{path}: {len(rows)} rows for {len(entries)} clips, expected one row a clip; remove the copies")
    return entries


def read_rows(path: Path, columns: tuple[str, ...], *, delimiter: str = ",") -> list[dict[str, str]]:
    """Rows of a small table with a header, as dicts. Raises AmcError when the file or one of `columns` is missing."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            rows = list(csv.DictReader(file, delimiter=delimiter))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise AmcError(f"{path}: cannot be read ({_line(error)}); see data/README.md") from error
    if not rows or any(row.get(column) is None for row in rows for column in columns):
        raise AmcError(f"{path}: expected rows with the columns {delimiter.join(columns)}; see data/README.md")
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


def parse(labels: str, path: Path, clip: str) -> tuple[int, ...]:
    """Labels such as `2,40` as integers, in the order written, without repeats. Raises AmcError naming the clip."""
    try:
        return tuple(dict.fromkeys(int(label) for label in labels.split(",")))
    except (ValueError, AttributeError) as error:  # a line cut short has no labels at all
        raise AmcError(f"{path}: clip {clip} has labels {labels!r}, expected such as '2,40'; correct it") from error


def _line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
