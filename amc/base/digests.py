"""Digests of content: of files, folders and weights, as parts of the keys under which results are stored."""

import hashlib
import os
from functools import lru_cache
from pathlib import Path

from amc.base.errors import AmcError


def content_key(path: Path | str, *parts: str | int | float | None) -> str:
    """The key of a result computed from the content of `path` and `parts` (method, size, version …): 64 hex digits."""
    return hashlib.sha256("\0".join([digest(path), *map(repr, parts)]).encode()).hexdigest()


def digest(path: Path | str) -> str:
    """sha256 of a whole file, or of all files in a folder; cached until a size or time changes.

    Large videos too are read completely: that is fast compared to decoding them, and a key from a part of the bytes
    would miss a change elsewhere.
    """
    path = Path(path)
    try:
        files = sorted(file for file in path.iterdir() if file.is_file()) if path.is_dir() else [path]
        return _digest(tuple((str(file), (stat := file.stat()).st_size, stat.st_mtime_ns) for file in files))
    except OSError as error:
        raise AmcError(f"{path}: cannot be read ({error.strerror}); check the path") from error


@lru_cache(maxsize=65536)
def _digest(files: tuple[tuple[str, int, int], ...]) -> str:
    sums = []
    for name, _, _ in files:
        with open(name, "rb") as file:
            sums.append(hashlib.file_digest(file, "sha256").hexdigest())
    names = [os.path.basename(name) for name, _, _ in files]
    return sums[0] if len(files) == 1 else hashlib.sha256(repr([*zip(names, sums, strict=True)]).encode()).hexdigest()
