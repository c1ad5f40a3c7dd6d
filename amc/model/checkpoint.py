"""Files of weights: written whole, read without running their code, and fitted to a module exactly or not at all.

A module and what is to be remembered about it in, one .safetensors file out; and back.
"""

import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

import safetensors.torch
import torch
from torch import Tensor, nn

from amc import paths
from amc.errors import AmcError


def save(module: nn.Module, path: str | Path, meta: Mapping, *, dtype: torch.dtype | None = None) -> None:
    """Write a module's weights and `meta` (what JSON can hold) as one .safetensors file, whole or not at all."""
    tensors = {name: tensor.detach().cpu().to(dtype).contiguous() for name, tensor in module.state_dict().items()}
    with paths.atomic(path) as temporary:
        temporary.write_bytes(safetensors.torch.save(tensors, metadata={"amc": json.dumps(dict(meta))}))


def read(path: str | Path) -> tuple[dict[str, Tensor], dict]:
    """Weights of a .safetensors or torch file by name, and the `meta` that `save` stored (else {}).

    Runs no code of the file. Raises AmcError when it is absent, empty, truncated or not a file of weights.
    """
    path = Path(path)
    if not path.is_file():
        raise AmcError(f"weights: {path}: no such file of weights; check the path")
    try:
        if path.suffix == ".safetensors":
            with safetensors.safe_open(path, framework="pt") as file:
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
                return tensors, json.loads((file.metadata() or {}).get("amc", "{}"))
        state = torch.load(path, map_location="cpu", weights_only=True)
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
