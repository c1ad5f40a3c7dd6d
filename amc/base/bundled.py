"""The small weights bundled with the repository: data/weights/<name>.safetensors, float16, each with a card.

The card is sealed JSON beside the file: what it is, how it was made, and its sha256, compared at every read.
"""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import nn

from amc.base import paths, seal
from amc.base.checkpoint import save
from amc.base.digests import digest
from amc.base.errors import AmcError

SYNTH_CLIP = "synth-clip"  # the generated world's own small CLIP


def place(name: str) -> Path:
    """The path of the weights of this name, whether or not they exist."""
    return paths.root() / "data" / "weights" / f"{name}.safetensors"


def write(module: nn.Module, name: str, card: Mapping, *, meta: Mapping) -> Path:
    """Write a module's weights as float16 with `meta` inside, and their card, to which their sha256 is added."""
    path = place(name)
    save(module, path, meta, dtype=torch.float16)
    seal.write_json(path.with_suffix(".json"), {**card, "sha256": digest(path)}, indent=2)
    return path


def find(name: str) -> tuple[Path, dict]:
    """The file of this name and its card. Raises AmcError when either is missing, or they do not belong together."""
    path = place(name)
    try:
        card = seal.read_json(path.with_suffix(".json"))
        sha256 = card["sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AmcError(
            f"{path.with_suffix('.json')}: no readable card with a sha256 ({error}); restore data/weights, or choose "
            "other weights"
        ) from error
    if not path.is_file() or digest(path) != sha256:
        raise AmcError(
            f"{path}: absent, or its sha256 is not {sha256[:12]}… of the card beside it; restore data/weights"
        )
    return path, card
