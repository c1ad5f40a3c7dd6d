"""A recogniser bound to the behaviours it names: what every row of the paper's Table 1 is to training and scoring.

uint8 slots (B, T, 3, H, W) in, one logit for each behaviour (B, C) out.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import torch
from torch import Tensor, nn

from amc import transforms
from amc.base import checkpoint
from amc.base.errors import AmcError
from amc.model.vision import FrameEncoder


@dataclass(frozen=True)
class Preprocess:
    """What the model expects of pixels: (value / 255 - mean) / std, at size x size."""

    size: int  # pixels, height and width
    mean: tuple[float, float, float]  # red, green, blue, of values from 0 to 1
    std: tuple[float, float, float]


@dataclass(frozen=True)
class System:
    """A network and all that it needs beside pixels, ready to be trained by `train.fit` and to score."""

    module: nn.Module  # forward(pixels, *context) -> logits; has parameter_groups and logit_bias, as XCLIP
    preprocess: Preprocess
    card: dict  # which network, from which weights: what to stamp on results
    context: tuple[Tensor, ...] = ()  # encoded names that `module` takes beside the pixels

    def recognise(self, slots: Tensor) -> Tensor:
        """Logits (B, C) of uint8 slots (B, T, 3, size, size) on the system's device."""
        return self.module(transforms.normalise(slots, self.preprocess.mean, self.preprocess.std), *self.context)

    def to(self, device: str) -> "System":
        """The same system on another device; the network moves, as modules do."""
        return replace(self, module=self.module.to(device), context=tuple(part.to(device) for part in self.context))

    def checkpoint_blocks(self) -> None:
        """Let the image tower's blocks be computed again in the backward pass. Raises AmcError without such a tower."""
        towers = [part for part in self.module.modules() if isinstance(part, FrameEncoder)]
        if not towers:
            raise AmcError(f"checkpointing: {type(self.module).__name__} has no image tower of X-CLIP's; train without")
        for tower in towers:
            tower.is_checkpointed = True

    def save(self, path: str | Path, meta: dict) -> None:
        """Write the network's weights with its card and `meta` (behaviour names …; what JSON can hold)."""
        checkpoint.save(self.module, path, {"card": self.card, **meta})

    def freeze(self) -> None:
        """Let only the integration over time and the prompts learn. Raises AmcError without X-CLIP's."""
        parts = [getattr(self.module, name, None) for name in ("integration", "prompts")]
        if None in parts:
            raise AmcError(f"frozen: {type(self.module).__name__} has no such parts as X-CLIP; train it whole")
        self.module.requires_grad_(False)
        for part in parts:
            part.requires_grad_(True)

    @torch.no_grad()
    def shift(self, bias: Tensor) -> None:
        """Add `bias` () to every logit: where training starts, see `train.start_bias`."""
        self.module.logit_bias.add_(bias)
