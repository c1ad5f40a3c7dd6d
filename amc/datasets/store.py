"""Disk cache of pictures and motion fields, by video and frame index.

One `.safetensors` file per key, with the tensors `index` (K,) and `values` (K, ...): uint8 frames or float16 vectors
(which rounds a motion of 20 px by at most 0.008); or, if values are packed, `index`, `ends` (K,) and their concatenated
`bytes`. Each file is sealed. A process checks a file once, then maps it into memory and reads only the frames it is
asked for. A damaged file gives a warning and is computed again; a full disk gives one warning and loses no result. A
value that is not finite is never stored.
"""

import warnings
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import safetensors.torch
import torch
from safetensors import SafetensorError

from amc.base import seal
from amc.base.digests import identity
from amc.base.errors import AmcError, NotFinite

DAMAGED = (OSError, ValueError, KeyError, TypeError, RuntimeError, SafetensorError)
MAPPED = 4096  # files that a process keeps mapped


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
        stored, wanted = self._read(key, dtype), set(indices)
        if missing := sorted(wanted - stored.keys()):
            values = _computed(compute, missing, dtype)
            if stored and values.shape[1:] != self._unpacked(next(iter(stored.values()))).shape:
                warnings.warn(f"{self._path(key)}: holds values of another shape; computed again", stacklevel=2)
                stored, missing = {}, sorted(wanted)
                values = _computed(compute, missing, dtype)
            packed = [self.codec.pack(value) for value in values] if self.codec else values
            stored = {**stored, **dict(zip(missing, packed, strict=True))}
            self._write(key, stored)
        return torch.stack([self._unpacked(stored[index]) for index in indices]).to(dtype)

    def has(self, key: str, indices: Sequence[int]) -> bool:
        """Whether the values of all `indices` are stored; reads only the stored indices."""
        try:
            return set(indices) <= set(_mapped(*_version(self._path(key)))["index"].tolist())
        except DAMAGED:
            return False

    def size(self, key: str) -> int:
        """Bytes that `key` takes on disk."""
        return self._path(key).stat().st_size if self._path(key).exists() else 0

    def _unpacked(self, value: torch.Tensor | bytes) -> torch.Tensor:
        return self.codec.unpack(value) if self.codec else value

    def _path(self, key: str) -> Path:
        return self.folder / key[:2] / f"{key}.safetensors"

    def _read(self, key: str, dtype: torch.dtype) -> Mapping[int, torch.Tensor | bytes]:
        path = self._path(key) if self.folder else None
        if path is None or not path.exists():
            return {}
        try:
            file = _mapped(*_version(path))
            index = file["index"].tolist()
            if self.codec:
                ends = file["ends"].tolist()
                parts = zip([0, *ends], ends, strict=False)
                return dict(zip(index, (file["bytes"][a:b].numpy().tobytes() for a, b in parts), strict=True))
            if file["values"].dtype != dtype:
                raise ValueError(f"{file['values'].dtype} instead of {dtype}")
            return dict(zip(index, file["values"], strict=True))
        except DAMAGED as error:
            warnings.warn(f"{path}: damaged ({error}); computed again", stacklevel=3)
            return {}

    def _write(self, key: str, stored: Mapping[int, torch.Tensor | bytes]) -> None:
        if self.folder is None:
            return
        values = [stored[index] for index in sorted(stored)]
        tensors = {"index": torch.tensor(sorted(stored))}
        if self.codec:
            tensors["ends"] = torch.tensor([len(value) for value in values]).cumsum(0)
            tensors["bytes"] = torch.frombuffer(bytearray(b"".join(values)), dtype=torch.uint8)
        else:
            tensors["values"] = torch.stack(values)
        try:
            seal.write(self._path(key), safetensors.torch.save(tensors, metadata=seal.metadata({})), is_cache=True)
        except AmcError as error:
            warnings.warn(f"{error}; going on without this cache", stacklevel=3)
            self.folder = None


def _version(path: Path) -> tuple[Path, tuple[int, ...]]:
    return path, identity(path)


@lru_cache(maxsize=MAPPED)
def _mapped(path: Path, state: tuple[int, ...]) -> dict[str, torch.Tensor]:
    """The tensors of a file, mapped into memory, after its seal was checked. Raises one of DAMAGED."""
    file = seal.load(path, safetensors.torch.load_file)
    if not all(tensor.isfinite().all() for tensor in file.values()):
        raise ValueError("values that are not finite")
    return file


def _computed(compute: Callable[[list[int]], torch.Tensor], indices: list[int], dtype: torch.dtype) -> torch.Tensor:
    values = compute(indices).detach().cpu().to(dtype)
    finite = values.isfinite().flatten(1).all(1)
    if not finite.all():
        first = indices[int(finite.logical_not().nonzero()[0])]
        raise NotFinite(f"frame {first}: what was computed of it is not finite as {dtype}; choose another flow method")
    return values
