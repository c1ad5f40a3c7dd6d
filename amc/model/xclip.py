"""X-CLIP (paper sec. 2): clips and encoded behaviour names in, one logit for each behaviour out.

Pixels (B, T, 3, H, W), float and normalised, and text (C, E), encoded once by `amc.model.text`, give logits (B, C).
"""

from collections.abc import Sequence
from typing import NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from amc.base.errors import AmcError
from amc.model.layers import check_pixels, parameter_groups
from amc.model.prompts import VideoPrompts
from amc.model.temporal import IntegrationTransformer
from amc.model.vision import FrameEncoder

LOGIT_SCALE = 4.6052  # OpenAI CLIP's learned scale, frozen by X-CLIP: logits are 100 times the cosine


class Embeddings(NamedTuple):
    """Embeddings of videos and behaviours: video (B, E), refined text (B, C, E), their cosine (B, C)."""

    video: Tensor
    text: Tensor
    cosine: Tensor


class XCLIP(nn.Module):
    """CLIP's image tower with cross-frame messages, integration over time, and text embeddings refined by the video.

    The text tower is frozen and not part of this module. `forward` has no side effects.
    """

    def __init__(self, frames: FrameEncoder, integration: IntegrationTransformer, prompts: VideoPrompts):
        super().__init__()
        self.frames = frames
        self.integration = integration
        self.prompts = prompts
        self.register_buffer("logit_scale", torch.tensor(LOGIT_SCALE))
        # X-CLIP has no bias: its softmax needs none. A sigmoid needs one (SigLIP, Zhai et al. 2023): nearly all cosines
        # of CLIP are positive, so every label would start almost certain. Training sets it: `train.prior_bias`.
        self.register_buffer("logit_bias", torch.tensor(0.0))

    def forward(self, pixels: Tensor, text: Tensor) -> Tensor:
        """Logits (B, C), before the sigmoid, of pixels (B, T, 3, H, W) for the behaviours text (C, E)."""
        return self.logits(self.embed(pixels, text).cosine)

    def logits(self, cosine: Tensor) -> Tensor:
        """Logits of cosines, of any shape."""
        return self.logit_scale.exp() * cosine + self.logit_bias

    def embed(self, pixels: Tensor, text: Tensor) -> Embeddings:
        """Embeddings, not normalised, and cosines of pixels (B, T, 3, H, W) and behaviours text (C, E).

        Raises AmcError when pixels are not normalised floats of the model's T, H and W, or text is of another width.
        """
        self._check(pixels, text)
        frames, patches = self.frames(pixels)  # (B, T, E), (B, T, N, D)
        video = self.integration(frames)  # (B, E)
        refined = self.prompts(text, patches)  # (B, C, E)
        return Embeddings(video, refined, F.cosine_similarity(video.unsqueeze(1), refined, dim=-1))

    def parameter_groups(self, lr: float, *, lr_mult: float = 10, weight_decay: float = 1e-3) -> list[dict]:
        """AdamW's groups: new modules learn `lr_mult` times faster; vectors and positions do not decay (X-CLIP)."""
        return parameter_groups(self, lr, lr_mult=lr_mult, weight_decay=weight_decay, is_new=is_new)

    def _check(self, pixels: Tensor, text: Tensor) -> None:
        (height, width), embed_dim = self.frames.image_size, self.prompts.alpha.shape[0]
        is_right = pixels.ndim == 5 and pixels.shape[2:] == (3, height, width)
        check_pixels(pixels, f"(B, T, 3, {height}, {width})", is_right)
        if text.ndim != 2 or text.shape[1] != embed_dim:
            raise AmcError(
                f"text: shape {tuple(text.shape)}, but it has to be (C, {embed_dim}); encode names with its text tower"
            )


def is_new(name: str) -> bool:
    """Whether a parameter of XCLIP belongs to X-CLIP's own modules (message, integration, prompts) and not to CLIP."""
    return name.startswith(("integration.", "prompts.")) or ".message" in name


def nearest(cosine: Tensor, names: Sequence[str], *, k: int = 5) -> list[list[tuple[str, float]]]:
    """For each video the k behaviours of highest cosine, highest first (the paper's inference, sec. 2).

    cosine (B, C) and its C names; returns B lists of (name, cosine). Raises AmcError when names do not match or k > C.
    """
    if cosine.shape[-1] != len(names):
        raise AmcError(
            f"names: {len(names)}, but cosine has {cosine.shape[-1]} columns; pass the names that were encoded"
        )
    if not 1 <= k <= len(names):
        raise AmcError(f"k: {k}, but there are {len(names)} behaviours; choose k from 1 to {len(names)}")
    values, indices = cosine.topk(k, dim=-1)
    rows = zip(indices.tolist(), values.tolist(), strict=True)
    return [[(names[index], value) for index, value in zip(*row, strict=True)] for row in rows]
