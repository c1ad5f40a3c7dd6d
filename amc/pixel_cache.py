"""Pictures and motion fields that were already computed, kept on disk by video and frame index.

One `.npz` a key, with the arrays `index` (K,) and `values` (K, ...): uint8 frames or float16 vectors (which rounds a
motion of 20 px by at most 0.008); or, where values are packed, `index`, `sizes` (K,) and their `bytes`, one after
another. Each is sealed, and checked at every read. A damaged file is announced and computed again; a full disk is
announced once and costs no result. A value that is not finite is never kept.
"""

import hashlib
import io
import os
import warnings
import zipfile
import zlib
from collections.abc import Callable, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from amc import seal
from amc.errors import AmcError, NotFinite

# What numpy and zipfile raise for files that are damaged, or others'.
DAMAGED = (OSError, ValueError, KeyError, EOFError, TypeError, RuntimeError, zipfile.BadZipFile, zlib.error)


class Packing(NamedTuple):
    """A smaller form of one value, and the way back; what it loses, it loses once."""

    pack: Callable[[torch.Tensor], bytes]
    unpack: Callable[[bytes], torch.Tensor]


class PixelCache:
    """Values by frame index, of which only the missing ones are computed; `folder` None keeps nothing.

    Several processes may share a folder: files are replaced whole, and of two writers of one key the last wins, which
    may cost a value to be computed again, never a wrong one.
    """

    def __init__(self, folder: Path | str | None, packing: Packing | None = None):
        self.folder = None if folder is None else Path(folder)
        self.packing = packing

    def get(
        self, key: str, indices: Sequence[int], compute: Callable[[list[int]], torch.Tensor], dtype: torch.dtype
    ) -> torch.Tensor:
        """The values of `indices`, in the order asked, repeats allowed.

        compute: given sorted distinct indices, returns their values (K, ...). Returns (len(indices), ...) of `dtype`,
        the same bits from the disk as from `compute`, also where packing loses some. Raises AmcError for a computed
        value that is not finite in `dtype`.
        """
        kept, wanted = self._read(key, dtype), set(indices)
        if missing := sorted(wanted - kept.keys()):
            values = _computed(compute, missing, dtype)
            if kept and values.shape[1:] != self._unpacked(next(iter(kept.values()))).shape:
                warnings.warn(f"{self._path(key)}: holds values of another shape; computed again", stacklevel=2)
                kept, missing = {}, sorted(wanted)
                values = _computed(compute, missing, dtype)
            packed = [self.packing.pack(value) for value in values] if self.packing else values
            kept.update(zip(missing, packed, strict=True))
            self._write(key, kept)
        return torch.stack([self._unpacked(kept[index]) for index in indices]).to(dtype)

    def has(self, key: str, indices: Sequence[int]) -> bool:
        """Whether the values of all `indices` are kept; reads only which ones are."""
        try:
            with np.load(self._path(key), allow_pickle=False) as file:
                return set(indices) <= set(file["index"].tolist())
        except DAMAGED:
            return False

    def size(self, key: str) -> int:
        """Bytes that `key` takes on disk."""
        return self._path(key).stat().st_size if self._path(key).exists() else 0

    def _unpacked(self, value: torch.Tensor | bytes) -> torch.Tensor:
        return self.packing.unpack(value) if self.packing else value

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.npz"

    def _read(self, key: str, dtype: torch.dtype) -> dict[int, torch.Tensor | bytes]:
        if self.folder is None or not self._path(key).exists():
            return {}
        try:
            seal.check(self._path(key))
            with np.load(self._path(key), allow_pickle=False) as file:
                index = file["index"]
                if self.packing:
                    whole, ends = file["bytes"].tobytes(), np.cumsum(file["sizes"]).tolist()
                    parts = [whole[start:end] for start, end in zip([0, *ends], ends, strict=False)]
                    return dict(zip(index.tolist(), parts, strict=True))
                values = torch.from_numpy(file["values"])
            if values.dtype != dtype or index.shape != (len(values),):
                raise ValueError(f"{values.dtype} {tuple(values.shape)} for {index.shape} indices")
            if not values.isfinite().all():
                raise ValueError("values that are not finite")
        except DAMAGED as error:
            warnings.warn(f"{self._path(key)}: damaged ({error}); computed again", stacklevel=3)
            return {}
        return dict(zip(index.tolist(), values, strict=True))

    def _write(self, key: str, kept: dict[int, torch.Tensor | bytes]) -> None:
        if self.folder is None:
            return
        index = sorted(kept)
        values = [kept[i] for i in index]
        if self.packing:
            whole = np.frombuffer(b"".join(values), dtype=np.uint8)
            arrays = {"sizes": np.array([len(value) for value in values]), "bytes": whole}
        else:
            arrays = {"values": torch.stack(values).numpy()}
        try:
            buffer = io.BytesIO()
            np.savez(buffer, index=np.array(index), **arrays)
            seal.write_zip(self._path(key), buffer)
        except AmcError as error:
            warnings.warn(f"{error}; going on without this cache", stacklevel=3)
            self.folder = None


def _computed(compute: Callable[[list[int]], torch.Tensor], indices: list[int], dtype: torch.dtype) -> torch.Tensor:
    values = compute(indices).detach().cpu().to(dtype)
    finite = values.isfinite().flatten(1).all(1)
    if not finite.all():
        first = indices[int(finite.logical_not().nonzero()[0])]
        raise NotFinite(f"frame {first}: what was computed of it is not finite as {dtype}; choose another flow method")
    return values


def content_key(path: Path | str, *parts: str | int | float | None) -> str:
    """A name for what is computed from the content of `path` and `parts` (method, size, version …): 64 hex digits."""
    return hashlib.sha256("\0".join([digest(path), *map(repr, parts)]).encode()).hexdigest()


def digest(path: Path | str) -> str:
    """sha256 of all of a file, or of all files in a folder; remembered while sizes and times stay as they are.

    Large videos too are read whole: that is fast beside decoding them, and a key from a part of the bytes would be
    silently stale after a change elsewhere.
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
