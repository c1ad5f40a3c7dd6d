"""Shared by X-CLIP's blocks: fused attention over open_clip's weights, initialisation, parameter groups.

Tokens (N, L, D) in, tokens out. Used by vision, temporal and prompts; nothing here depends on video.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from open_clip.transformer import QuickGELU
from torch import Tensor, nn

from amc.base.errors import AmcError

HEAD_WIDTH = 64  # channels per head, as in CLIP and X-CLIP
# No weight decay on position embeddings and learned queries: X-CLIP's, TimeSformer's, MSQNet's.
UNDECAYED = ("positions", "position_embeddings", "time_embeddings", "cls_token", "queries")


def num_heads(width: int) -> int:
    """Number of heads of a new attention layer: one per 64 channels, at least one."""
    return max(1, width // HEAD_WIDTH)


@torch.autocast("cpu", enabled=False)
def attention(query: Tensor, key: Tensor, value: Tensor, heads: int) -> Tensor:
    """Multi-head attention of projected tokens: query (N, Q, D), key and value (N, L, D) -> (N, Q, D).

    On CPUs never in bfloat16, in which PyTorch's gradient takes several times as long as in float32.
    """
    parts = [x.float() if x.dtype == torch.bfloat16 and x.is_cpu else x for x in (query, key, value)]
    split = [x.unflatten(-1, (heads, -1)).transpose(1, 2) for x in parts]  # (N, heads, L, D / heads)
    return F.scaled_dot_product_attention(*split).transpose(1, 2).flatten(2).to(query.dtype)


def self_attention(weights: nn.MultiheadAttention, x: Tensor, num_queries: int | None = None) -> Tensor:
    """Self-attention among tokens (N, L, D), one product for query, key and value.

    The first `num_queries` tokens are queries (None: all), all tokens are keys. Returns (N, num_queries, D).
    """
    query, key, value = F.linear(x, weights.in_proj_weight, weights.in_proj_bias).chunk(3, dim=-1)
    return weights.out_proj(attention(query[:, :num_queries], key, value, weights.num_heads))


def mlp(layers: nn.Sequential, x: Tensor) -> Tensor:
    """open_clip's MLP (c_fc, gelu, c_proj) of tokens (..., D) -> (..., D), at half the time of its QuickGELU.

    QuickGELU(h) = h * sigmoid(1.702 h) is silu(1.702 h) / 1.702, and both factors can be applied to the narrow tokens
    before and after. One fused kernel computes silu, and another its gradient; only rounding differs.
    """
    if not isinstance(layers.gelu, QuickGELU):
        return layers(x)
    slope, first, last = 1.702, layers.c_fc, layers.c_proj
    hidden = F.silu(F.linear(slope * x, first.weight, slope * first.bias))
    return torch.add(last.bias, F.linear(hidden, last.weight), alpha=1 / slope)


def initialise(module: nn.Module) -> None:
    """Initialise a new module as X-CLIP does: std 0.02, zero bias. CLIP's embeddings then pass almost unchanged."""
    for part in module.modules():
        if isinstance(part, nn.MultiheadAttention):
            nn.init.trunc_normal_(part.in_proj_weight, std=0.02)
            nn.init.zeros_(part.in_proj_bias)
        elif isinstance(part, nn.Linear):
            nn.init.trunc_normal_(part.weight, std=0.02)
            if part.bias is not None:
                nn.init.zeros_(part.bias)


def check_pixels(pixels: Tensor, expected: str, is_right: bool) -> None:
    """Raise AmcError unless pixels are floats and `is_right`: their shape is `expected`."""
    if not is_right:
        raise AmcError(f"pixels: shape {tuple(pixels.shape)}, but it has to be {expected}; resize or sample anew")
    if not pixels.is_floating_point():
        raise AmcError(f"pixels: {pixels.dtype}, but the model needs floats; subtract the mean and divide by the std")


def parameter_groups(
    module: nn.Module, lr: float, *, lr_mult: float, weight_decay: float, is_new: Callable[[str], bool]
) -> list[dict]:
    """An optimizer's groups: parameters whose name `is_new` learn `lr_mult` times faster.

    No weight decay on vectors and parameters in UNDECAYED (X-CLIP). Frozen parameters are in no group.
    """
    groups = [
        {"params": [], "lr": rate, "weight_decay": decay}
        for rate in (lr, lr * lr_mult)
        for decay in (weight_decay, 0.0)
    ]
    for name, parameter in module.named_parameters():
        if parameter.requires_grad:
            is_undecayed = parameter.ndim < 2 or name.endswith(UNDECAYED)
            groups[2 * is_new(name) + is_undecayed]["params"].append(parameter)
    return [group for group in groups if group["params"]]
