"""Files that grow line by line, each line sealed: one that a stop left unfinished, or that has changed, does not count.

A line is a JSON array, whose last value is the beginning of the sha256 of the array without it.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import NamedTuple

from amc.base import paths

DIGITS = 16  # hex digits of a line's seal


class Lines(NamedTuple):
    """The values of the intact lines, in order, and the number of the others."""

    intact: list[list]
    damaged: int


def line(values: Sequence) -> str:
    """One line of JSON types with its seal. The line end comes first: it ends one that a stop left unfinished."""
    return "\n" + json.dumps([*values, _seal(values)])


def read(path: Path) -> Lines:
    """All lines of a file; none of an absent one. Raises OSError."""
    try:
        texts = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except FileNotFoundError:
        return Lines([], 0)
    found = [_values(text) for text in texts if text]
    intact = [values for values in found if values is not None]
    return Lines(intact, len(found) - len(intact))


def append(path: Path, values: Sequence) -> None:
    """Add a line, in one piece: several processes may add to one file. Raises AmcError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("a", encoding="utf-8") as file:
            file.write(line(values))
    except OSError as error:
        raise paths.unwritten(path, error) from error


def write(path: Path, rows: Iterable[Sequence]) -> None:
    """Write a file of these lines in place of an earlier one, atomically. Raises AmcError."""
    paths.write_text(path, "".join(map(line, rows)))


def _values(text: str) -> list | None:
    """What `line` was given; None for a text that it did not make."""
    try:
        *values, seal = json.loads(text)
    except (ValueError, TypeError, RecursionError):
        return None
    return values if seal == _seal(values) else None


def _seal(values: Sequence) -> str:
    return hashlib.sha256(json.dumps([*values]).encode()).hexdigest()[:DIGITS]
