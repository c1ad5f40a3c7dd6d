"""Seals detect a changed bit: every file that is written to be read again holds the sha256 of all its bytes.

The digest follows a mark, in each format's place for metadata: the comment of a zip file (.npz, torch's), the key
`seal` of JSON, the metadata of safetensors. It is computed over the whole file with zeros in place of the digest, so it
covers headers and itself too, and other programs read these files as before.
"""

import hashlib
import io
import json
import mmap
import os
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TypeVar

from amc.base import paths

Read = TypeVar("Read")

KEY = "seal"  # in JSON, and in the JSON that our safetensors files hold as metadata
META = "amc"  # the key of that metadata
DIGITS = 64
TRIES = 100  # of reading a file that others replace
EMPTY = "amc-sha256:" + "0" * DIGITS  # placeholder in the data that `write` gets
_MARK = re.compile(rb"amc-sha256:")
WRONG = "its sha256 is not the one inside it, so a part of it has changed since it was written"
NONE = "it has no seal: it is damaged, or this package did not write it"


def write(path: Path | str, data: bytes | memoryview, *, is_cache: bool = False) -> None:
    """Write `data`, which holds EMPTY once, with its sha256 there, atomically; is_cache: see `paths.atomic`."""
    at = _MARK.search(data).end()
    if bytes(data[at : at + DIGITS]) != b"0" * DIGITS:
        raise ValueError(f"{path}: what is to be written holds the text of a seal")
    digest = hashlib.sha256(data).hexdigest().encode()
    view = memoryview(data)
    with paths.atomic(path, is_cache=is_cache) as temporary, temporary.open("wb") as file:
        for part in (view[:at], digest, view[at + DIGITS :]):
            file.write(part)


def write_zip(path: Path | str, buffer: io.BytesIO) -> None:
    """Write a zip file without a comment, as numpy and torch make them, with its seal as the comment."""
    buffer.seek(-2, os.SEEK_END)  # the length of the comment, which is the last thing in a zip file
    buffer.write(len(EMPTY).to_bytes(2, "little") + EMPTY.encode())
    write(path, buffer.getbuffer())


def metadata(meta: Mapping) -> dict[str, str]:
    """The metadata of a safetensors file that `write` will seal, with `meta` (JSON types) in it."""
    return {META: _escaped(json.dumps({**meta, KEY: EMPTY}))}


def write_json(path: Path | str, value: Mapping, *, indent: int | None = None) -> None:
    """Write what strict JSON can hold, UTF-8, with its seal as the last key. Raises ValueError for NaN."""
    text = json.dumps({**value, KEY: EMPTY}, indent=indent, ensure_ascii=False, allow_nan=False)
    # A file name that is not UTF-8 becomes a JSON escape, and is read back unchanged.
    write(path, (_escaped(text) + "\n").encode("utf-8", "backslashreplace"))


def read_json(path: Path | str) -> dict:
    """What `write_json` wrote. Raises OSError, and ValueError with the reason for a changed file."""
    check(path)
    value = json.loads(Path(path).read_text(encoding="utf-8"))
    del value[KEY]
    return value


def load(path: Path, read: Callable[[Path], Read]) -> Read:
    """What `read(path)` returns, of the very file whose seal is checked. Raises ValueError with the reason, OSError,
    and what `read` raises.

    Another process may replace the file meanwhile, and a reader that opens it twice, as safetensors does, then takes
    the header of one file for the bytes of another. Such a reading is repeated, a few times.
    """
    for _ in range(TRIES):
        with open(path, "rb") as file:  # held open, so that no newer file gets its inode
            try:
                check(path)
                found = read(path)
            except Exception:
                if paths.is_still(file, path):
                    raise
            else:
                if paths.is_still(file, path):
                    return found
    raise ValueError("other processes replace it again and again")


def check(path: Path | str, *, needed: bool = True) -> None:
    """Raise ValueError with the reason unless the file matches its seal.

    needed: whether a file without a seal is refused; if not, any other program may have written it.
    """
    with open(path, "rb") as file:
        if found := _seals(file.fileno()):
            inside, computed = found
            if inside != computed:
                raise ValueError(WRONG)
        elif needed:
            raise ValueError(NONE)


def _escaped(text: str) -> str:
    """JSON that ends with EMPTY, in which no other value, such as the name of a file, holds the text of a mark."""
    before, seal, after = text.rpartition(EMPTY)
    return before.replace("amc-sha256:", r"amc-sha256\u003a") + seal + after


def _seals(descriptor: int) -> tuple[bytes, bytes] | None:
    """The sha256 stored in a file, and the one of its bytes; None without a mark."""
    if not os.fstat(descriptor).st_size:
        return None
    with mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ) as data:
        if not (mark := _MARK.search(data)):
            return None
        at = mark.end()
        del mark  # it keeps the file mapped
        digest = hashlib.sha256()
        with memoryview(data) as view:
            for part in (view[:at], b"0" * DIGITS, view[at + DIGITS :]):
                digest.update(part)
                del part
        return data[at : at + DIGITS], digest.hexdigest().encode()
