"""The video-guided half of the text encoder (paper sec. 2, X-CLIP sec. 3.3): video-specific prompts.

Behaviour embeddings (C, E) and patch features (B, T, N, D) in; embeddings refined by each video (B, C, E) out.
"""

import torch
from open_clip.transformer import QuickGELU
from torch import Tensor, nn

from amc.model.layers import attention, initialise, num_heads


class PromptLayer(nn.Module):
    """Cross-attention from text to video, then an MLP; both pre-norm with residual."""

    def __init__(self, width: int, heads: int):
        super().__init__()
        self.heads = heads
        self.norm_1 = nn.LayerNorm(width)
        self.query = nn.Linear(width, width, bias=False)
        self.key_value = nn.Linear(width, 2 * width, bias=False)
        self.out = nn.Linear(width, width)
        self.norm_2 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(nn.Linear(width, 4 * width), QuickGELU(), nn.Linear(4 * width, width))

    def forward(self, text: Tensor, visual: Tensor) -> Tensor:
        """text (B, C, E), visual (B, N, E), already normed -> (B, C, E)."""
        key, value = self.key_value(visual).chunk(2, dim=-1)
        text = text + self.out(attention(self.query(self.norm_1(text)), key, value, self.heads))
        return text + self.mlp(self.norm_2(text))


class VideoPrompts(nn.Module):
    """Refines each behaviour's embedding by the video: text + alpha * layers(text, video)."""

    def __init__(
        self, width: int, embed_dim: int, *, num_layers: int = 2, heads: int | None = None, alpha: float = 0.1
    ):
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.projection = nn.Parameter(torch.empty(width, embed_dim))
        self.visual_norm = nn.LayerNorm(embed_dim)
        self.layers = nn.ModuleList(PromptLayer(embed_dim, heads or num_heads(embed_dim)) for _ in range(num_layers))
        self.alpha = nn.Parameter(torch.full((embed_dim,), alpha))
        nn.init.normal_(self.projection, std=width**-0.5)
        initialise(self.layers)

    def forward(self, text: Tensor, patches: Tensor) -> Tensor:
        """text (C, E), patches (B, T, N, D) -> refined text (B, C, E), not normalised."""
        # Mean over the frames before the projection: the same result as after it, and T times cheaper.
        visual = self.visual_norm(self.norm(patches).mean(dim=1) @ self.projection)  # (B, N, E)
        prompt = text.expand(len(patches), -1, -1)
        for layer in self.layers:
            prompt = layer(prompt, visual)
        return text + self.alpha * prompt
