"""Disk cache of pictures and motion fields, by video and frame index.

One `.npz` per key, with the arrays `index` (K,) and `values` (K, ...): uint8 frames or float16 vectors (which rounds a
motion of 20 px by at most 0.008); or, if values are packed, `index`, `sizes` (K,) and their concatenated `bytes`. Each
file is sealed, and checked at every read. A damaged file gives a warning and is computed again; a full disk gives one
warning and loses no result. A value that is not finite is never stored.
"""

import io
import warnings
import zipfile
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch

from amc.base import seal
from amc.base.errors import AmcError, NotFinite

# What numpy and zipfile raise for damaged or foreign files.
DAMAGED = (OSError, ValueError, KeyError, EOFError, TypeError, RuntimeError, zipfile.BadZipFile, zlib.error)


class Codec(NamedTuple):
    """Compression of one value, and the way back; repeating it loses nothing more."""

    pack: Callable[[torch.Tensor], bytes]
    unpack: Callable[[bytes], torch.Tensor]


class PixelCache:
    """Values by frame index; only the missing ones are computed. `folder` None stores nothing.

    Several processes may share a folder: files are replaced atomically, and of two writers of one key the last wins. A
    value may then be computed again, but is never wrong.
    """

    def __init__(self, folder: Path | str | None, codec: Codec | None = None):
        self.folder = None if folder is None else Path(folder)
        self.codec = codec

    def get(
        self, key: str, indices: Sequence[int], compute: Callable[[list[int]], torch.Tensor], dtype: torch.dtype
    ) -> torch.Tensor:
        """The values of `indices`, in the order asked, repeats allowed.

        compute: given sorted distinct indices, returns their values (K, ...). Returns (len(indices), ...) of `dtype`,
        bit for bit the same from disk as after `compute`, also with a lossy codec. Raises AmcError for a computed
        value that is not finite in `dtype`.
        """
        kept, wanted = self._read(key, dtype), set(indices)
        if missing := sorted(wanted - kept.keys()):
            values = _computed(compute, missing, dtype)
            if kept and values.shape[1:] != self._unpacked(next(iter(kept.values()))).shape:
                warnings.warn(f"{self._path(key)}: holds values of another shape; computed again", stacklevel=2)
                kept, missing = {}, sorted(wanted)
                values = _computed(compute, missing, dtype)
            packed = [self.codec.pack(value) for value in values] if self.codec else values
            kept.update(zip(missing, packed, strict=True))
            self._write(key, kept)
        return torch.stack([self._unpacked(kept[index]) for index in indices]).to(dtype)

    def has(self, key: str, indices: Sequence[int]) -> bool:
        """Whether the values of all `indices` are stored; reads only the stored indices."""
        try:
            with np.load(self._path(key), allow_pickle=False) as file:
                return set(indices) <= set(file["index"].tolist())
        except DAMAGED:
            return False

    def size(self, key: str) -> int:
        """Bytes that `key` takes on disk."""
        return self._path(key).stat().st_size if self._path(key).exists() else 0

    def _unpacked(self, value: torch.Tensor | bytes) -> torch.Tensor:
        return self.codec.unpack(value) if self.codec else value

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.npz"

    def _read(self, key: str, dtype: torch.dtype) -> dict[int, torch.Tensor | bytes]:
        if self.folder is None or not self._path(key).exists():
            return {}
        try:
            seal.check(self._path(key))
            with np.load(self._path(key), allow_pickle=False) as file:
                index = file["index"]
                if self.codec:
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
        if self.codec:
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
