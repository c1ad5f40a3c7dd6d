"""Digests of content: of files, folders and weights, as parts of the keys under which results are stored.

A file is read once: its digest is remembered in AMC_CACHE, for all processes, until its inode, size or a time changes.
The time of change counts, which no copy that keeps times can set, so another content of the same size is noticed.
"""

import hashlib
import os
import stat
import time
from collections.abc import Iterable, Mapping
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
    place, files = os.path.abspath(path), _files(path)
    now, known = _state(files), _remembered(paths.cache() / "digests.jsonl")
    if known.get(place, ("", ""))[0] == now:
        return known[place][1]
    try:
        found = _computed([*files])
    except OSError as error:
        raise _unreadable(path, error) from error
    if not _has_just_changed(files.values()):
        known[place] = now, found
        with suppress(AmcError):  # without write permission it is read again by the next process
            sealed_lines.append(paths.cache() / "digests.jsonl", (place, now, found))
    return found


def state(path: Path | str) -> str:
    """Another text whenever the content of a file, or of a folder's files, is another; nothing is read for it.

    Equal before and after a computation, it shows that `path` was not replaced meanwhile. Raises AmcError as `digest`.
    """
    return _state(_files(path))


def identity(path: Path | str) -> tuple[int, int, int, int]:
    """Inode, size and times of a file, of which one differs when the content does. Raises OSError."""
    found = os.stat(path)
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _files(path: Path | str) -> dict[str, tuple[int, ...]]:
    """The identity of a file, or of each file in a folder, by its path. Raises AmcError."""
    place = os.path.abspath(path)
    try:
        if os.path.isdir(place):
            names = sorted(entry.path for entry in os.scandir(place) if entry.is_file())
        elif stat.S_ISREG(os.stat(place).st_mode):
            names = [place]
        else:
            raise OSError(None, "it is no regular file")
        return {name: identity(name) for name in names}
    except (OSError, ValueError) as error:  # ValueError: a null character
        raise _unreadable(path, error) from error


def _state(files: Mapping[str, tuple[int, ...]]) -> str:
    states = [(os.path.basename(name), *found) for name, found in files.items()]
    return hashlib.sha256(repr(states).encode()).hexdigest()[:32]


def _unreadable(path: Path | str, error: OSError | ValueError) -> AmcError:
    return AmcError(f"{path}: cannot be read ({getattr(error, 'strerror', error)}); check the path")


def _has_just_changed(identities: Iterable[tuple[int, ...]]) -> bool:
    """Whether a file is so new that it may still change; also one whose time lies in the future."""
    return any(time.time_ns() - changed < SETTLED for *_, changed in identities)


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
