"""TorchScript archives (OpenAI's own ViT-B-16.pt is one): tensors by name out, without running their code.

An archive is a zip of code, of `data.pkl`, which says which module holds which tensor, and of one file with the bytes
of each tensor. Only the last two are read here. https://docs.pytorch.org/docs/stable/jit.html
"""

import io
import math
import pickle
import zipfile
from collections import OrderedDict
from collections.abc import Sequence
from typing import BinaryIO

import torch
from torch import Tensor

_DTYPES = {
    "BFloat16Storage": torch.bfloat16,
    "BoolStorage": torch.bool,
    "ByteStorage": torch.uint8,
    "CharStorage": torch.int8,
    "DoubleStorage": torch.float64,
    "FloatStorage": torch.float32,
    "HalfStorage": torch.float16,
    "IntStorage": torch.int32,
    "LongStorage": torch.int64,
    "ShortStorage": torch.int16,
}


def is_archive(file: BinaryIO) -> bool:
    """Whether an open file is a zip written by `torch.jit.save`: with constants of its code beside its data."""
    if not zipfile.is_zipfile(file):
        return False
    with zipfile.ZipFile(file) as archive:
        return any(name.endswith("/constants.pkl") for name in archive.namelist())


def read(file: BinaryIO) -> dict[str, Tensor]:
    """Every tensor that a module of an archive holds, by the name that `torch.jit.load` gives it, on the CPU.

    Raises pickle.UnpicklingError for anything but modules, tensors and plain values, and what `zipfile` and `torch`
    raise for damage.
    """
    with zipfile.ZipFile(file) as archive:
        (data,) = [name for name in archive.namelist() if name.count("/") == 1 and name.endswith("/data.pkl")]
        reader = _Reader(archive, data)
        found, todo = {}, [("", reader.load(), ())]
    while todo:
        prefix, module, above = todo.pop()
        if type(module) is not reader.module or id(module) in above:
            raise pickle.UnpicklingError("an archive of a module within itself, or of no module")
        for name, value in vars(module).items():
            if isinstance(value, Tensor):
                found[f"{prefix}{name}"] = value
            elif type(value) is reader.module:
                todo.append((f"{prefix}{name}.", value, (*above, id(module))))
    return found


class _Reader(pickle.Unpickler):
    """Makes modules without methods, tensors and plain values, and nothing else."""

    def __init__(self, archive: zipfile.ZipFile, data: str):
        super().__init__(io.BytesIO(archive.read(data)))
        self.archive, self.folder = archive, data.removesuffix("data.pkl")
        self.module = type("Module", (), {})  # for this read only
        self.storages: dict[str, Tensor] = {}

    def find_class(self, module: str, name: str) -> object:
        if module == "__torch__" or module.startswith("__torch__."):
            return self.module
        if module == "torch" and name in _DTYPES:
            return _DTYPES[name]
        if (module, name) == ("torch._utils", "_rebuild_tensor_v2"):
            return _tensor
        if (module, name) == ("collections", "OrderedDict"):
            return OrderedDict
        if module == "torch.jit._pickle" and (name.startswith("build_") or name == "restore_type_tag"):
            return _value
        raise pickle.UnpicklingError(f"GLOBAL {module}.{name}")

    def persistent_load(self, saved: tuple) -> Tensor:
        _, dtype, key, _, length = saved
        if key not in self.storages:
            member = self.archive.getinfo(f"{self.folder}data/{key}")
            if member.compress_type != zipfile.ZIP_STORED or member.file_size != length * dtype.itemsize:
                raise pickle.UnpicklingError(f"{member.file_size} bytes of data/{key}, expected {length} of {dtype}")
            content = bytearray(self.archive.read(member))
            self.storages[key] = torch.frombuffer(content, dtype=dtype) if content else torch.empty(0, dtype=dtype)
        return self.storages[key]


def _tensor(
    storage: Tensor, offset: int, size: Sequence[int], stride: Sequence[int], requires_grad: bool, hooks: OrderedDict
) -> Tensor:
    if math.prod(size) > len(storage):  # its values repeat: weights never do, and it could be of any size
        raise pickle.UnpicklingError(f"a tensor of shape {tuple(size)} in {len(storage)} numbers")
    return storage.as_strided(size, stride, offset)


def _value(value: object, kind: str = "") -> object:
    """A list of numbers or tensors, or a value with its type, as TorchScript's functions restore them."""
    return value
