"""Files of weights: written atomically and sealed, read by `state_dicts`, and loaded into a module strictly.

A module and its metadata in, one .safetensors file out; and back.
"""

import hashlib
import io
import json
from collections.abc import Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from amc.base import seal, state_dicts
from amc.base.errors import AmcError
from amc.base.state_dicts import shown

BUNDLED = "bundled"  # as the source of a model's weights: those of its backbone in data/weights
LAST = "last.pt"  # in the folder of a run: the state of training after its last epoch


def save(module: nn.Module, path: str | Path, meta: Mapping, *, dtype: torch.dtype | None = None) -> None:
    """Write a module's weights and `meta` (JSON types) atomically as one sealed .safetensors file.

    Raises AmcError for weights that are not finite, in `dtype` or in their own.
    """
    tensors = {name: tensor.detach().cpu().to(dtype).contiguous() for name, tensor in module.state_dict().items()}
    refuse_non_finite(tensors, f"weights: {path}", "train again with a lower learning rate")
    seal.write(path, safetensors.torch.save(tensors, metadata=seal.metadata(meta)))


def verify(path: str | Path, *, needed: bool = True) -> None:
    """Raise AmcError unless the file exists as `save` wrote it; needed False: a foreign file may have no seal."""
    try:
        seal.check(path, needed=needed)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise AmcError(f"weights: {path}: {reason}; train again, or get the file again") from error


def save_state(path: str | Path, state: Mapping) -> None:
    """Write the state that training continues from (dicts and lists of tensors, numbers, text): a sealed torch file."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    seal.write_zip(path, buffer)


def load_state(path: str | Path) -> dict:
    """What `save_state` wrote, on the CPU. Raises OSError, and ValueError with the reason for a damaged file."""
    seal.check(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def stored(path: str | Path, name: str) -> object:
    """One entry of what `save_state` wrote, quickly: tensors are not read; None for an absent or damaged file."""
    try:
        return torch.load(path, map_location="cpu", weights_only=True, mmap=True)[name]
    except Exception:  # torch raises a dozen kinds for damaged files
        return None


def refuse_non_finite(tensors: Mapping[str, Tensor], what: str, remedy: str) -> None:
    """Raise AmcError when a tensor holds a value that is not finite: `what`, the first such tensor, and `remedy`."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            bad = (~tensor.isfinite()).sum().item()
            raise AmcError(f"{what}: {bad} of {tensor.numel()} values of {name} are not finite; {remedy}")


def read(path: str | Path) -> tuple[dict[str, Tensor], dict]:
    """Weights by name, of a file or folder in any form that `state_dicts` reads, and the `meta` that `save` stored.

    For foreign files `meta` is {}, or {"quick_gelu": True} if they hold the numbers of OpenAI's own archives. Runs no
    code of the file. Raises AmcError when it is missing, empty, truncated or not one set of weights, and when `save`
    wrote it and a bit has changed since.
    """
    found = state_dicts.read(Path(path))
    try:
        meta = dict(json.loads(found.metadata.get(seal.META, "{}")))
    except (ValueError, TypeError, RecursionError) as error:
        raise AmcError(f"weights: {path}: its own description is damaged; get the file again") from error
    if Path(path).is_file():  # a folder is another program's
        verify(path, needed=seal.META in found.metadata)
    meta.pop(seal.KEY, None)
    return found.tensors, {"quick_gelu": True} | meta if found.is_openai else meta


def card(meta: Mapping, path: str | Path) -> dict:
    """The card in the `meta` of our classifier: which network, from which weights. Raises AmcError without one."""
    found = meta.get("card")
    if found is None:
        raise AmcError(f"{path}: no card of a classifier in it; give a file that training wrote, or use `build`")
    if "num_slots" not in found or "network" in found:
        raise AmcError(f"{path}: holds {found.get('network', 'another network')}; give a model of AnimalMotionCLIP")
    return found | ({"pretrained": BUNDLED} if found["pretrained"] == "shipped" else {})  # as it was called before


def content_digest(module: nn.Module) -> str:
    """sha256 of the names and values of a module's weights."""
    sha256 = hashlib.sha256()
    for name, tensor in module.state_dict().items():
        sha256.update(name.encode() + tensor.cpu().numpy().tobytes())
    return sha256.hexdigest()


def load_strictly(module: nn.Module, tensors: Mapping[str, Tensor], source: object) -> None:
    """Copy `tensors` into `module`, in its precision. Raises AmcError before that, naming a few, for any name, shape or
    kind of number that differs, and for a weight that is not finite.

    A buffer that the module computes itself and does not save (such as CLIP's attn_mask) may be present if equal.
    """
    own = module.state_dict()
    computed = {name: buffer for name, buffer in module.named_buffers() if name not in own}
    given = {name: tensor for name, tensor in tensors.items() if not _is_same(tensor, computed.get(name))}
    common = sorted(own.keys() & given.keys())
    problems = {
        "missing": sorted(own.keys() - given.keys()),
        "unexpected": sorted(given.keys() - own.keys()),
        "of another shape": [
            f"{name} {tuple(given[name].shape)} for {tuple(own[name].shape)}"
            for name in common
            if own[name].shape != given[name].shape
        ],
        "of another kind": [
            f"{name} {given[name].dtype} for {own[name].dtype}"
            for name in common
            if own[name].is_floating_point() != given[name].is_floating_point()
        ],
    }
    if found := _listed(problems):
        raise AmcError(f"{source}: weights do not fit the model: {found}; choose the model they were saved from")
    if found := _listed({"not finite": [name for name in common if not _is_finite(given[name], own[name].dtype)]}):
        raise AmcError(f"{source}: weights are not finite: {found}; get the file again, or train it anew")
    module.load_state_dict(given)


def _listed(problems: Mapping[str, list[str]]) -> str:
    """How many of each kind, and the first three of them."""
    return "; ".join(
        f"{len(names)} {kind} ({', '.join(map(shown, names[:3]))}{', …' * (len(names) > 3)})"
        for kind, names in problems.items()
        if names
    )


def _is_same(tensor: Tensor, buffer: Tensor | None) -> bool:
    return buffer is not None and tensor.shape == buffer.shape and torch.equal(tensor.to(buffer), buffer)


def _is_finite(tensor: Tensor, dtype: torch.dtype) -> bool:
    """Finite in the module's precision: 1e300 is infinite in float32."""
    return not dtype.is_floating_point or bool(tensor.to(dtype).isfinite().all())
