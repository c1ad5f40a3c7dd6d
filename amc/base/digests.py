"""Digests of content: of files, folders and weights, as parts of the keys under which results are stored.

A file is read once: its digest is remembered in AMC_CACHE, for all processes, until its inode, size or a time changes.
The time of change counts, which no copy that keeps times can set, so another content of the same size is noticed.
"""

import hashlib
import os
import stat
import time
from contextlib import suppress
from functools import lru_cache
from pathlib import Path

from amc.base import paths, sealed_lines
from amc.base.errors import AmcError

SETTLED = 2e9  # nanoseconds: a file that has just changed may change again without another time, so it is read again


def content_key(path: Path | str, *parts: str | int | float | None) -> str:
    """The key of a result computed from the content of `path` and `parts` (method, size, version …): 64 hex digits."""
    return hashlib.sha256("\0".join([digest(path), *map(repr, parts)]).encode()).hexdigest()


def digest(path: Path | str) -> str:
    """sha256 of a whole file, or of all files in a folder; remembered until one of them changes.

    Large videos too are read completely: that is fast compared to decoding them, and a key from a part of the bytes
    would miss a change elsewhere. Raises AmcError for what cannot be read.
    """
    place = os.path.abspath(path)
    try:
        files = _files(place)
        states = [(os.path.basename(file), *identity(file)) for file in files]
        state = hashlib.sha256(repr(states).encode()).hexdigest()[:32]
        known = _remembered(paths.cache() / "digests.jsonl")
        if known.get(place, ("", ""))[0] == state:
            return known[place][1]
        found = _computed(files)
        if not _has_just_changed(states):
            known[place] = state, found
            with suppress(AmcError):  # without write permission it is read again by the next process
                sealed_lines.append(paths.cache() / "digests.jsonl", (place, state, found))
        return found
    except OSError as error:
        raise AmcError(f"{path}: cannot be read ({error.strerror}); check the path") from error


def identity(path: Path | str) -> tuple[int, int, int, int]:
    """Inode, size and times of a file, of which one differs when the content does. Raises OSError."""
    found = os.stat(path)
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _files(place: str) -> list[str]:
    if os.path.isdir(place):
        return sorted(entry.path for entry in os.scandir(place) if entry.is_file())
    if not stat.S_ISREG(os.stat(place).st_mode):
        raise OSError(None, "it is no regular file")
    return [place]


def _has_just_changed(states: list[tuple]) -> bool:
    """Whether a file is so new that it may still change; also one whose time lies in the future."""
    return any(time.time_ns() - changed < SETTLED for *_, changed in states)


@lru_cache(maxsize=4)
def _remembered(file: Path) -> dict[str, tuple[str, str]]:
    """State and digest by path; this process adds to it."""
    try:
        return {place: (state, found) for place, state, found in sealed_lines.read(file).intact}
    except OSError:
        return {}


def _computed(files: list[str]) -> str:
    sums = []
    for name in files:
        with open(name, "rb") as file:
            sums.append(hashlib.file_digest(file, "sha256").hexdigest())
    names = [os.path.basename(name) for name in files]
    return sums[0] if len(files) == 1 else hashlib.sha256(repr([*zip(names, sums, strict=True)]).encode()).hexdigest()
