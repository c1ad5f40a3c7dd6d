"""Attention weights inside X-CLIP, recomputed from the inputs of its blocks; for any CLIP and any T.

The model uses fused attention, which does not return its weights. Hooks record each block's input, and the weights are
recomputed from the block's own parameters; the model and its results do not change. Attention shows where information
may come from, not what a decision is based on (Jain and Wallace, NAACL 2019).
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from open_clip.transformer import ResidualAttentionBlock
from torch import Tensor, nn

from amc.base.torch_state import seeded
from amc.datasets.table import ClipTable
from amc.model import XCLIP, weights
from amc.model.layers import self_attention
from amc.model.vision import CrossFrameBlock


@dataclass(frozen=True)
class Inside:
    """Attention weights of L layers with A heads, for B clips of T slots; rows over the keys sum to 1."""

    class_token: Tensor  # (L, B, T, A, 1 + N + 1): of each slot's class token to itself, N patches and the message
    messages: Tensor  # (L, B, A, T, T): between the slots' messages
    temporal: Tensor  # (B, A', T, T): between the slots in the integration transformer
    grid: tuple[int, int]  # rows and columns of patches, N of them

    def patches(self, layer: int) -> Tensor:
        """Class token's attention to the patches in a layer, mean over heads, relative to uniform: (B, T, rows, cols).

        1: all N + 2 tokens get the same attention.
        """
        looked = self.class_token[layer].mean(dim=2)
        return (looked[..., 1:-1] * looked.shape[-1]).unflatten(-1, self.grid)

    def to_patches(self, layer: int) -> Tensor:
        """The part (0 to 1) of a class token's attention in a layer that goes to patches, mean over heads: (B, T).

        The rest goes to the class token itself and to the message of its slot.
        """
        return self.class_token[layer][..., 1:-1].sum(dim=-1).mean(dim=2)

    def exchanged(self) -> dict[str, Tensor]:
        """The attention between slots, (T, T) by name: of messages in the last layer, and of the integration."""
        found = {"while the model reads\nthe pictures": self.messages[-1]}
        found["at the end\n(when it sums up the video)"] = self.temporal
        return {name: looked.mean(dim=(0, 1)) for name, looked in found.items()}

    def shares(self, layer: int, is_flow: np.ndarray) -> dict[str, float]:
        """Attention between the messages of frames and flow in a layer, relative to uniform (1).

        is_flow: bool (T,), which slots are flow. The mean over clips, heads and pairs of slots of each sort.
        """
        looked = self.messages[layer].mean(dim=(0, 1)) * len(is_flow)  # (T, T)
        kinds = {"frame": ~is_flow, "flow": is_flow}
        return {
            f"{asks} → {answers}": float(looked[np.ix_(kinds[asks], kinds[answers])].mean())
            for asks in kinds
            for answers in kinds
            if kinds[asks].any() and kinds[answers].any()
        }


def animals(table: ClipTable, index: int, frames: Sequence[int], modality: str) -> np.ndarray | None:
    """Where an animal is in the slots of a clip of `table`, bool (T, H, W) in pixels of the video.

    None for real clips, where nobody knows it. frames: of the clip, P of them.
    """
    if table.drawn is None:
        return None
    return table.drawn.animals(table.clips[index].id, frames).repeat(len(modality.split("+")), axis=0)


def attention_weights(attention: nn.MultiheadAttention, x: Tensor, num_queries: int | None = None) -> Tensor:
    """softmax(q kᵀ / √d) of self-attention over tokens x (N, L, D), already normed: (N, heads, num_queries, L)."""
    query, key, _ = F.linear(x, attention.in_proj_weight, attention.in_proj_bias).chunk(3, dim=-1)
    query, key = (part.unflatten(-1, (attention.num_heads, -1)).transpose(1, 2) for part in (query, key))
    return (query[:, :, :num_queries] @ key.mT / query.shape[-1] ** 0.5).softmax(dim=-1)


@torch.inference_mode()
def look(xclip: XCLIP, pixels: Tensor) -> Inside:
    """The attention of all layers for pixels (B, T, 3, H, W), float and normalised, as for `XCLIP.forward`."""
    class_token, messages, temporal = [], [], []

    def at_block(module: CrossFrameBlock, args: tuple, kwargs: dict) -> None:
        x, num_slots = args[0], kwargs["num_slots"]
        message = module.message(x[:, 0]).unflatten(0, (-1, num_slots))  # (B, T, D)
        normed = module.message_norm(message)
        messages.append(attention_weights(module.message_attention, normed))
        message = (message + self_attention(module.message_attention, normed)).flatten(0, 1).unsqueeze(1)
        seen = torch.cat([module.block.ln_1(x), module.block.ln_1(message)], dim=1)
        asked = attention_weights(module.block.attn, seen, num_queries=1)[:, :, 0]  # (B T, heads, 1 + N + 1)
        class_token.append(asked.unflatten(0, (-1, num_slots)))

    def at_integration(module: ResidualAttentionBlock, args: tuple, kwargs: dict) -> None:
        temporal.append(attention_weights(module.attn, module.ln_1(args[0])))

    hooked = {block: at_block for block in xclip.frames.blocks} | {xclip.integration.block: at_integration}
    with _hooks(hooked):
        frames, _ = xclip.frames(pixels)
        xclip.integration(frames)
    (height, width), (high, wide) = xclip.frames.image_size, xclip.frames.patch_embedding.kernel_size
    grid = (height // high, width // wide)
    return Inside(torch.stack(class_token), torch.stack(messages), temporal[0], grid)


@contextmanager
def _hooks(hooked: dict) -> Iterator[None]:
    handles = [module.register_forward_pre_hook(hook, with_kwargs=True) for module, hook in hooked.items()]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


@torch.inference_mode()
def moved(xclip: XCLIP, pixels: Tensor, text: Tensor) -> dict[str, np.ndarray]:
    """How the videos refine the texts (C, E), as means over the clips of pixels (B, T, 3, H, W).

    Cosine to the video `before` and `after` (C,), and the `angle` between both in degrees (C,).
    """
    found = xclip.embed(pixels, text)
    before = F.cosine_similarity(found.video.unsqueeze(1), text.unsqueeze(0), dim=-1)
    turn = F.cosine_similarity(found.text, text.unsqueeze(0), dim=-1).clamp(-1, 1)
    angle = torch.rad2deg(torch.arccos(turn))
    return {
        name: values.mean(dim=0).numpy()
        for name, values in (("before", before), ("after", found.cosine), ("angle", angle))
    }


@torch.inference_mode()
def parity(*, num_slots: int) -> tuple[Tensor, Tensor]:
    """Video embeddings (2, E) of the same random clips by a small random `transformers.XCLIPModel` and by ours.

    The port's weights go into this implementation by `weights.from_transformers`; then both see the same pixels.
    """
    from transformers import XCLIPConfig, XCLIPModel  # not at the top: only this needs it

    width = 64
    tower = {"hidden_size": width, "intermediate_size": 2 * width, "num_hidden_layers": 3, "num_attention_heads": 1}
    sight = {"image_size": 32, "patch_size": 8, "num_frames": num_slots, "mit_hidden_size": width}
    sight |= {"mit_intermediate_size": 4 * width, "mit_num_attention_heads": 1}
    config = XCLIPConfig(
        text_config=tower | {"vocab_size": 99}, vision_config=tower | sight,
        projection_dim=width, prompt_num_attention_heads=1,
    )  # fmt: skip
    with seeded(0):
        port = XCLIPModel(config).eval()
        pixels = torch.randn(2, num_slots, 3, 32, 32)
    ours, _ = weights.from_transformers(port.state_dict())
    theirs = port.get_video_features(pixel_values=pixels)
    theirs = theirs if isinstance(theirs, Tensor) else theirs.pooler_output  # depends on the version of transformers
    return theirs, ours.integration(ours.frames(pixels)[0])
