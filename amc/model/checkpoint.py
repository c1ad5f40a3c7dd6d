"""Files of weights: written whole, with a seal; read without running their code; fitted to a module exactly or not.

A module and what is to be remembered about it in, one .safetensors file out; and back.
"""

import io
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from amc import seal
from amc.errors import AmcError


def save(module: nn.Module, path: str | Path, meta: Mapping, *, dtype: torch.dtype | None = None) -> None:
    """Write a module's weights and `meta` (what JSON can hold) as one sealed .safetensors file, whole or not at all.

    Raises AmcError for weights that are not finite, in `dtype` or as they are.
    """
    tensors = {name: tensor.detach().cpu().to(dtype).contiguous() for name, tensor in module.state_dict().items()}
    refuse_non_finite(tensors, f"weights: {path}", "train again with a lower learning rate")
    sealed = json.dumps({**meta, seal.KEY: seal.EMPTY})
    seal.write(path, safetensors.torch.save(tensors, metadata={seal.META: sealed}))


def check(path: str | Path, *, needed: bool = True) -> None:
    """Raise AmcError unless the file is there, and as `save` wrote it; needed False: a file of others' has no seal."""
    try:
        seal.check(path, needed=needed)
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise AmcError(f"weights: {path}: {reason}; train again, or get the file again") from error


def save_state(path: str | Path, state: Mapping) -> None:
    """Write what a training goes on from (tensors, numbers, text in dicts and lists) as a sealed file of torch's."""
    buffer = io.BytesIO()
    torch.save(dict(state), buffer)
    seal.write_zip(path, buffer)


def load_state(path: str | Path) -> dict:
    """What `save_state` wrote, on the CPU. Raises OSError, and ValueError, whose text says why, for a damaged file."""
    seal.check(path)
    return torch.load(path, map_location="cpu", weights_only=True)


def refuse_non_finite(tensors: Mapping[str, Tensor], what: str, remedy: str) -> None:
    """Raise AmcError when a tensor holds a value that is not finite: `what`, the first such tensor, and `remedy`."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and not tensor.isfinite().all():
            bad = (~tensor.isfinite()).sum().item()
            raise AmcError(f"{what}: {bad} of {tensor.numel()} values of {name} are not finite; {remedy}")


def read(path: str | Path) -> tuple[dict[str, Tensor], dict]:
    """Weights of a .safetensors or torch file by name, and the `meta` that `save` stored (else {}).

    Runs no code of the file. Raises AmcError when it is absent, empty, truncated or not a file of weights, and when
    `save` wrote it and a bit has changed since.
    """
    path = Path(path)
    if not path.is_file():
        raise AmcError(f"weights: {path}: no such file of weights; check the path")
    try:
        if path.suffix == ".safetensors":
            with safetensors.safe_open(path, framework="pt") as file:
                kept = (file.metadata() or {}).get(seal.META)
                check(path, needed=kept is not None)
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
            meta = json.loads(kept or "{}")
            meta.pop(seal.KEY, None)
            return tensors, meta
        state = torch.load(path, map_location="cpu", weights_only=True)
    except AmcError:
        raise
    except Exception as error:  # torch and safetensors raise a dozen kinds for damaged files
        reason = (str(error).splitlines() or [""])[0][:120]
        raise AmcError(
            f"weights: {path}: not a readable file of weights ({type(error).__name__} {reason}); get it again"
        ) from error
    state = state.get("state_dict", state.get("model_state", state)) if isinstance(state, dict) else {}
    if not state or not all(isinstance(tensor, Tensor) for tensor in state.values()):
        raise AmcError(f"weights: {path}: holds no named weights; save a model's state_dict there")
    return {name.removeprefix("module."): tensor for name, tensor in state.items()}, {}


def renamed(name: str, rules: Iterable[tuple[str, str]]) -> str:
    """A parameter's name after each of the rules, a regular expression and what replaces it, in turn."""
    for theirs, ours in rules:
        name = re.sub(theirs, ours, name)
    return name


def load_strictly(module: nn.Module, tensors: Mapping[str, Tensor], source: object) -> None:
    """Copy `tensors` into `module`, in its precision; any name or shape that differs raises AmcError before that."""
    own = module.state_dict()
    problems = {
        "missing": sorted(own.keys() - tensors.keys()),
        "unexpected": sorted(tensors.keys() - own.keys()),
        "of another shape": [
            f"{name} {tuple(tensors[name].shape)} for {tuple(own[name].shape)}"
            for name in sorted(own.keys() & tensors.keys())
            if own[name].shape != tensors[name].shape
        ],
    }
    found = [
        f"{len(names)} {kind} ({', '.join(names[:3])}{', …' * (len(names) > 3)})"
        for kind, names in problems.items()
        if names
    ]
    if found:
        raise AmcError(
            f"{source}: weights do not fit the model: {'; '.join(found)}; choose the model they were saved from"
        )
    module.load_state_dict(dict(tensors))
