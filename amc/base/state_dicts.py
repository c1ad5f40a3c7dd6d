"""State dicts in the files of other tools: a file or folder in, tensors by name out. No code of a file is run.

The format is known by the content, never the suffix: safetensors, torch's pickles (of tensors and plain values only),
TorchScript archives, and Hugging Face folders of one file or several. Wrappers such as `{"model": ...}`, prefixes such
as "module.", and OpenAI's three numbers are removed.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import NamedTuple

import safetensors
import torch
from torch import Tensor

from amc.base import paths, torchscript
from amc.base.errors import AmcError, first_line

# The first of these that exists in a folder is read; or the index that lists its parts.
IN_FOLDERS = ("open_clip_model.safetensors", "model.safetensors", "open_clip_pytorch_model.bin", "pytorch_model.bin")
# Of several sets of weights in a file the first of these is used; averages ("ema") and optimizers' are not.
WRAPPERS = ("state_dict", "model_state_dict", "model_state", "model", "module", "network", "net", "weights", "params")
PREFIXES = ("module.", "model.")  # removed one after another, if all names begin with one
INSIDE = ("_orig_mod.", "_checkpoint_wrapped_module.", "_fsdp_wrapped_module.")  # torch's own, anywhere in a name
OPENAI = ("input_resolution", "context_length", "vocab_size")  # numbers among the weights of OpenAI's own archives
COUNTERS = ("n_averaged",)  # of torch.optim.swa_utils.AveragedModel


class Weights(NamedTuple):
    """Tensors by name, on the CPU; the metadata text of safetensors; whether OpenAI's numbers were present."""

    tensors: dict[str, Tensor]
    metadata: dict[str, str]
    is_openai: bool


def read(path: Path) -> Weights:
    """The weights of a file or folder. Raises AmcError when they are missing, damaged, several or not only weights."""
    if path.is_dir():
        return _bare(_folder(path), {}, path)
    if not path.is_file():
        raise AmcError(f"weights: {path}: no such file of weights; check the path")
    content, metadata = _content(path)
    return _bare(_chosen(content, path), metadata, path)


def shown(name: str) -> str:
    """A name from a file for use within one line: line ends escaped, at most 100 characters."""
    text = repr(name)[1:-1]
    return text if len(text) <= 100 else f"{text[:99]}…"


def renamed(name: str, rules: Iterable[tuple[str, str]]) -> str:
    """A parameter's name after applying the rules in order; a rule is a regular expression and its replacement."""
    for theirs, ours in rules:
        name = re.sub(theirs, ours, name)
    return name


def _content(path: Path) -> tuple[object, dict[str, str]]:
    """The content of a file, read by the reader that fits its first bytes, and the metadata of a safetensors file."""
    try:
        with path.open("rb") as file:
            if file.read(9)[8:] == b"{":  # the length of a header in 8 bytes, and the header
                with safetensors.safe_open(path, framework="pt") as tensors:
                    names = tensors.keys()
                    found = {name: tensors.get_tensor(name) for name in names}, tensors.metadata() or {}
                if not paths.is_still(file, path):  # it was opened more than once: the header may be another file's
                    raise AmcError(f"weights: {path}: was replaced while it was read; run the same again")
                return found
            file.seek(0)
            if torchscript.is_archive(file):
                return torchscript.read(file), {}
            file.seek(0)
            return torch.load(file, map_location="cpu", weights_only=True), {}
    except AmcError:
        raise
    except Exception as error:  # torch and safetensors raise a dozen kinds for damaged files
        if held := re.search(r"GLOBAL (\S+)", str(error)):
            raise AmcError(
                f"weights: {path}: holds {shown(held[1])}, not only tensors and plain values, and none of its code is "
                "run; save the state_dict alone, on a machine that may run it"
            ) from error
        reason = shown(first_line(error, 120))
        raise AmcError(
            f"weights: {path}: not a readable file of weights ({type(error).__name__} {reason}); get it again"
        ) from error


def _folder(folder: Path) -> dict[str, Tensor]:
    for name in IN_FOLDERS:
        if (folder / name).is_file():
            return _chosen(_content(folder / name)[0], folder / name)
        if (index := folder / f"{name}.index.json").is_file():
            return _parts(index)
    raise AmcError(f"weights: {folder}: a folder without weights; expected one of {', '.join(IN_FOLDERS)}")


def _parts(index: Path) -> dict[str, Tensor]:
    """The tensors of all files that an index lists, each name from the file given there."""
    try:
        places = {str(name): str(part) for name, part in json.loads(index.read_text("utf-8"))["weight_map"].items()}
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise AmcError(f"weights: {index}: no readable weight_map of names and files; get it again") from error
    if outside := [part for part in places.values() if Path(part).name != part]:
        raise AmcError(f"weights: {index}: lists {shown(outside[0])}, which is not in its folder; get it again")
    found = {}
    for part in sorted(set(places.values())):
        if not (index.parent / part).is_file():
            raise AmcError(f"weights: {index.parent / part}: absent, but {index.name} lists it; get it too")
        held = _chosen(_content(index.parent / part)[0], index.parent / part)
        if absent := [name for name, place in places.items() if place == part and name not in held]:
            raise AmcError(f"weights: {index.parent / part}: lacks {shown(absent[0])} of {index.name}; get it again")
        found |= {name: tensor for name, tensor in held.items() if places.get(name) == part}
    return found


def _chosen(content: object, path: Path) -> dict[str, Tensor]:
    """The one set of weights in a file, at any depth: the first by its wrapper's place in WRAPPERS, or the only one."""
    sets = list(_sets(content, (), ()))
    best = min((_rank(*each) for each in sets), default=None)
    first = [each for each in sets if _rank(*each) == best]
    if not first:
        raise AmcError(f"weights: {path}: holds no named weights; save a model's state_dict there")
    if len(first) > 1:
        names = ", ".join(shown(".".join(keys)) or "those without a name" for keys, _ in first[:5])
        raise AmcError(f"weights: {path}: holds several sets of weights ({names}); save the one that is meant alone")
    for name, tensor in first[0][1].items():
        if tensor.layout != torch.strided or tensor.device.type != "cpu" or tensor.is_quantized or tensor.is_nested:
            kind = "quantized" if tensor.is_quantized else f"{tensor.layout} on {tensor.device}"
            raise AmcError(f"weights: {path}: {shown(name)} is {kind}, but weights are plain numbers; save it as such")
    return {name: tensor.detach() for name, tensor in first[0][1].items()}


def _sets(content: object, keys: tuple[str, ...], above: tuple[int, ...]) -> Iterator[tuple[tuple, dict[str, Tensor]]]:
    """Each mapping from names to tensors, with the keys that lead to it; an optimizer's state is left out."""
    if not isinstance(content, Mapping) or id(content) in above:
        return
    named = {name: value for name, value in content.items() if isinstance(name, str)}
    if tensors := {name: value for name, value in named.items() if isinstance(value, Tensor)}:
        yield keys, tensors
    for name, value in named.items():
        if "optim" not in name.lower():
            yield from _sets(value, (*keys, name), (*above, id(content)))


def _rank(keys: tuple[str, ...], tensors: dict[str, Tensor]) -> tuple[int, bool, int]:
    """Order: wrappers first, by their place; then more than a few numbers; within one wrapper the outermost."""
    is_wrapped = bool(keys) and keys[-1] in WRAPPERS
    place = WRAPPERS.index(keys[-1]) if is_wrapped else len(WRAPPERS)
    return place, all(tensor.ndim == 0 for tensor in tensors.values()), len(keys) if is_wrapped else 0


def _bare(tensors: dict[str, Tensor], metadata: dict[str, str], path: Path) -> Weights:
    """The weights without prefixes in their names, and without numbers that are no weights."""
    tensors = _renamed(tensors, [(name, _without(name, INSIDE)) for name in tensors], path)
    while True:
        tensors = {n: x for n, x in tensors.items() if n not in COUNTERS or x.ndim}
        shared = [prefix for prefix in PREFIXES if tensors and all(name.startswith(prefix) for name in tensors)]
        if not shared:
            break
        tensors = {name.removeprefix(shared[0]): tensor for name, tensor in tensors.items()}
    is_openai = all(name in tensors and tensors[name].ndim == 0 for name in OPENAI)
    if is_openai:
        tensors = {name: tensor for name, tensor in tensors.items() if name not in OPENAI}
    if not tensors:
        raise AmcError(f"weights: {path}: holds no named weights; save a model's state_dict there")
    return Weights(tensors, metadata, is_openai)


def _without(name: str, parts: Iterable[str]) -> str:
    for part in parts:
        name = name.replace(part, "")
    return name


def _renamed(tensors: dict[str, Tensor], names: list[tuple[str, str]], path: Path) -> dict[str, Tensor]:
    renamed = {new: tensors[old] for old, new in names}
    if len(renamed) < len(names):
        raise AmcError(f"weights: {path}: names that differ in {', '.join(INSIDE)} alone; save one model's state_dict")
    return renamed
