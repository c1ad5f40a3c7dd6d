"""A classifier of clips: uint8 slots in, one logit per behaviour out. Every row of the paper's Table 1 is one.

`train.fit` trains it, `scores.predict` scores with it, `save` writes it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor, nn

from amc import transforms
from amc.base import checkpoint
from amc.base.errors import AmcError
from amc.model import text
from amc.model.vision import FrameEncoder


@dataclass(frozen=True)
class Preprocess:
    """What the network expects of pixels: (value / 255 - mean) / std, at size x size."""

    size: int  # pixels, height and width
    mean: tuple[float, float, float]  # red, green, blue, of values from 0 to 1
    std: tuple[float, float, float]

    def __call__(self, slots: Tensor) -> Tensor:
        """float32 of uint8 slots (..., 3, size, size)."""
        return transforms.normalise(slots, self.mean, self.std)


@dataclass(frozen=True)
class TextEncoder:
    """A frozen text tower with its tokenizer: behaviour names to embeddings (C, E)."""

    tower: nn.Module
    tokenizer: text.Tokenizer

    def __call__(self, names: Sequence[str]) -> Tensor:
        """Embeddings (C, E), float32; see `text.encode` for the names that are refused."""
        return text.encode(self.tower, names, tokenizer=self.tokenizer)


class Classifier(nn.Module):
    """A network with its preprocessing and the behaviours that it scores.

    network: forward(pixels, *context) gives logits (B, C); it has `parameter_groups` and `logit_bias`, as XCLIP.
    card: which network, from which weights (JSON). names: the C behaviours. context: tensors that the network takes
    beside the pixels, such as encoded names. encode: names to embeddings, not part of the module's state; None without
    a text tower. video_preprocess: from a video to its slots, in models of `amc.load`; else None.
    """

    def __init__(
        self,
        network: nn.Module,
        preprocess: Preprocess,
        card: dict,
        *,
        names: Sequence[str] = (),
        context: Sequence[Tensor] = (),
        encode: TextEncoder | None = None,
    ):
        super().__init__()
        self.network, self.preprocess, self.card, self.names = network, preprocess, card, tuple(names)
        self.encode, self.video_preprocess = encode, None
        for number, part in enumerate(context):
            self.register_buffer(f"context_{number}", part, persistent=False)
        self._num_context = len(context)
        self.train(network.training)

    @property
    def context(self) -> tuple[Tensor, ...]:
        """The network's inputs beside the pixels, on the device of the module."""
        return tuple(getattr(self, f"context_{number}") for number in range(self._num_context))

    def forward(self, slots: Tensor) -> Tensor:
        """Logits (B, C), before the sigmoid, of uint8 slots (B, T, 3, size, size)."""
        return self.network(self.preprocess(slots), *self.context)

    def with_names(self, names: Sequence[str]) -> "Classifier":
        """The same network for other behaviours, which are encoded once, here. Raises AmcError without a text tower."""
        if self.encode is None:
            raise AmcError(f"names: {type(self.network).__name__} has no text tower; it knows its own behaviours only")
        encoded = self.encode(names).to(next(self.network.parameters()).device)
        options = {"names": names, "context": (encoded,), "encode": self.encode}
        other = Classifier(self.network, self.preprocess, self.card, **options)
        other.video_preprocess = self.video_preprocess
        return other

    def save(self, path: str | Path, meta: dict) -> None:
        """Write the network's weights with its card and `meta` (JSON types: behaviour names …)."""
        checkpoint.save(self.network, path, {"card": self.card, **meta})

    def parameter_groups(self, lr: float, *, lr_mult: float, weight_decay: float) -> list[dict]:
        """The network's groups for an optimizer: new modules learn `lr_mult` times faster."""
        return self.network.parameter_groups(lr, lr_mult=lr_mult, weight_decay=weight_decay)

    def freeze_backbone(self) -> None:
        """Train only the integration transformer and the prompts. Raises AmcError for a network without them."""
        parts = [getattr(self.network, name, None) for name in ("integration", "prompts")]
        if None in parts:
            raise AmcError(f"freeze_backbone: {type(self.network).__name__} is not X-CLIP; train all of it")
        self.network.requires_grad_(False)
        for part in parts:
            part.requires_grad_(True)

    def checkpoint_blocks(self) -> None:
        """Recompute the image tower's blocks in the backward pass. Raises AmcError without such a tower."""
        towers = [part for part in self.network.modules() if isinstance(part, FrameEncoder)]
        if not towers:
            raise AmcError(f"checkpointing: {type(self.network).__name__} has no image tower of X-CLIP; train without")
        for tower in towers:
            tower.is_checkpointed = True

    @torch.no_grad()
    def add_bias(self, bias: Tensor) -> None:
        """Add `bias` () to every logit from now on, see `train.prior_bias`."""
        self.network.logit_bias.add_(bias)
