"""The video encoder's first half (paper sec. 2, X-CLIP sec. 3.2): CLIP's image tower with cross-frame attention.

Pixels (B, T, 3, H, W) in; one embedding per frame (B, T, E) and its patch features (B, T, N, D) out. No parameter's
shape depends on T, so any number of slots works.
"""

import torch
import torch.nn.functional as F
from open_clip.transformer import ResidualAttentionBlock, VisionTransformer
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from amc.base.errors import AmcError
from amc.model.layers import initialise, mlp, self_attention


class CrossFrameBlock(nn.Module):
    """One block of the image tower with cross-frame communication, wrapped around open_clip's block.

    Each frame makes a message from its class token. The messages attend to each other over the T frames. Then each
    frame's tokens attend to their own frame and its message, which is discarded afterwards.
    """

    def __init__(self, block: ResidualAttentionBlock):
        super().__init__()
        width = block.attn.embed_dim
        self.block = block
        self.message = nn.Linear(width, width)
        self.message_norm = nn.LayerNorm(width)
        self.message_attention = nn.MultiheadAttention(width, block.attn.num_heads, batch_first=True)
        initialise(self.message)
        initialise(self.message_attention)

    def forward(self, x: Tensor, num_slots: int) -> Tensor:
        """Tokens (B * T, 1 + N, D), class token first, in and out; `num_slots` is T."""
        message = self.message(x[:, 0]).unflatten(0, (-1, num_slots))  # (B, T, D)
        message = message + self_attention(self.message_attention, self.message_norm(message))
        message = message.flatten(0, 1).unsqueeze(1)  # (B * T, 1, D)

        block, num_tokens = self.block, x.shape[1]
        # The message is a key but not a query: its output would be discarded.
        seen = torch.cat([block.ln_1(x), block.ln_1(message)], dim=1)
        x = x + block.ls_1(self_attention(block.attn, seen, num_queries=num_tokens))
        return x + block.ls_2(mlp(block.mlp, block.ln_2(x)))


class FrameEncoder(nn.Module):
    """open_clip's ViT, its blocks wrapped for cross-frame communication; its weights are shared, not copied."""

    def __init__(self, tower: VisionTransformer):
        super().__init__()
        _refuse_other_towers(tower)
        self.image_size: tuple[int, int] = tower.image_size
        self.patch_embedding = tower.conv1
        self.class_embedding = tower.class_embedding
        self.positions = tower.positional_embedding
        self.ln_pre = tower.ln_pre
        self.blocks = nn.ModuleList(CrossFrameBlock(block) for block in tower.transformer.resblocks)
        self.ln_post = tower.ln_post
        self.proj = tower.proj
        self.kept: Tensor | None = None  # (B, K) patches that a training step keeps, from 0; None: all
        self.is_checkpointed = False  # True: gradient checkpointing, one checkpoint per block

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels (B, T, 3, H, W), float, normalised -> frame embeddings (B, T, E), patch features (B, T, N, D)."""
        clip = (-1, pixels.shape[1])
        x = self._tokens(pixels.flatten(0, 1))  # (B * T, 1 + N, D)
        if self.kept is not None and self.training:
            x = keep_patches(x, self.kept)
        for block in self.blocks:
            if self.is_checkpointed and torch.is_grad_enabled():
                x = checkpoint(block, x, clip[1], use_reentrant=False)
            else:
                x = block(x, num_slots=clip[1])
        frames = self.ln_post(x[:, 0]) @ self.proj
        return frames.unflatten(0, clip), x[:, 1:].unflatten(0, clip)

    def _tokens(self, pixels: Tensor) -> Tensor:
        patches = self.patch_embedding(pixels).flatten(2).transpose(1, 2)  # (B * T, N, D)
        class_token = self.class_embedding.to(patches.dtype).expand(len(patches), 1, -1)
        return self.ln_pre(torch.cat([class_token, patches], dim=1) + self.positions)


def keep_patches(x: Tensor, kept: Tensor) -> Tensor:
    """Of tokens (B * T, 1 + N, D) the class token and the patches `kept` (B, K) of each clip: (B * T, 1 + K, D).

    Leaving out patches in training makes a step cheaper, as in FLIP (Li et al. 2023). They are the same places in all T
    slots of a clip, as in VideoMAE (Tong et al. 2022), so the prompts still see means of one place over the slots.
    """
    places = F.pad(kept + 1, (1, 0))  # (B, 1 + K), the class token first
    places = places.repeat_interleave(len(x) // len(kept), dim=0).unsqueeze(-1)
    return x.gather(1, places.expand(-1, -1, x.shape[-1]))


def _refuse_other_towers(tower: nn.Module) -> None:
    is_clip_vit = (
        isinstance(tower, VisionTransformer)
        and tower.pool_type == "tok"
        and tower.attn_pool is None
        and all(type(block) is ResidualAttentionBlock for block in tower.transformer.resblocks)
    )
    if not is_clip_vit:
        raise AmcError(
            f"backbone: X-CLIP needs a ViT with a class token and plain blocks, not this {type(tower).__name__}; "
            "choose a CLIP such as ViT-B-32-quickgelu or ViT-B-16-quickgelu"
        )
