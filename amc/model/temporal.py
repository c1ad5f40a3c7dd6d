"""The video encoder's second half (paper sec. 2, X-CLIP sec. 3.2): the multi-frame integration transformer.

Frame embeddings (B, T, E) in, one video embedding (B, E) out.
"""

import torch
from open_clip.transformer import QuickGELU, ResidualAttentionBlock
from torch import Tensor, nn

from amc.base.errors import AmcError
from amc.model.layers import initialise, num_heads


class IntegrationTransformer(nn.Module):
    """One pre-norm block over the slots of a clip. Its learned positions fix T; nothing else encodes the order."""

    def __init__(self, embed_dim: int, num_slots: int, *, heads: int | None = None):
        super().__init__()
        self.positions = nn.Parameter(torch.empty(1, num_slots, embed_dim))
        self.block = ResidualAttentionBlock(embed_dim, heads or num_heads(embed_dim), act_layer=QuickGELU)
        nn.init.trunc_normal_(self.positions, std=0.02)
        initialise(self.block)

    def forward(self, frames: Tensor) -> Tensor:
        """Frame embeddings (B, T, E) -> video embeddings (B, E), not normalised; another T raises AmcError."""
        num_slots, needed = frames.shape[1], self.positions.shape[1]
        if num_slots != needed:
            raise AmcError(
                f"pixels: a clip of {num_slots} slots, but the model has {needed}; build it with num_slots={num_slots}"
            )
        return (self.block(frames + self.positions) + frames).mean(dim=1)
