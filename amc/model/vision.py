"""The video encoder's first half (paper sec. 2, X-CLIP sec. 3.2): CLIP's image tower with cross-frame attention.

Pixels (B, T, 3, H, W) in; one embedding per frame (B, T, E) and its patch features (B, T, N, D) out. No parameter's
shape depends on T, so any number of slots works.
"""

import torch
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
        self.patch_dropout = 0.0  # part of the patches that a training step leaves out; evaluation sees all
        self.is_checkpointed = False  # True: gradient checkpointing, one checkpoint per block

    def forward(self, pixels: Tensor) -> tuple[Tensor, Tensor]:
        """Pixels (B, T, 3, H, W), float, normalised -> frame embeddings (B, T, E), patch features (B, T, N, D)."""
        clip = (-1, pixels.shape[1])
        x = self._tokens(pixels.flatten(0, 1))  # (B * T, 1 + N, D)
        if self.patch_dropout and self.training:
            x = drop_patches(x, clip[1], self.patch_dropout)
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


def drop_patches(x: Tensor, num_slots: int, part: float) -> Tensor:
    """Tokens (B * T, 1 + N, D) without a random `part` of the N patches, the same places in all T slots of a clip.

    As FLIP (Li et al. 2023) drops patches, in tubes as VideoMAE (Tong et al. 2022). A step costs less, and the prompts
    still see means of one place over the slots.
    """
    num_clips, num_patches = len(x) // num_slots, x.shape[1] - 1
    kept = max(1, round(num_patches * (1 - part)))
    drawn = torch.stack([torch.rand(num_patches, device=x.device) for _ in range(num_clips)])  # at any batch size alike
    places = 1 + drawn.argsort(dim=1)[:, :kept]
    places = torch.cat([torch.zeros_like(places[:, :1]), places], dim=1)  # the class token stays
    places = places.repeat_interleave(num_slots, dim=0)  # (B * T, 1 + kept)
    return x.gather(1, places.unsqueeze(-1).expand(-1, -1, x.shape[-1]))


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
