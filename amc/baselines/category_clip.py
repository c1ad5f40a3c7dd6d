"""Category-CLIP (Jing et al., ACM MM 2023): X-CLIP whose text and video embeddings are refined by the animal category.

Pixels (B, T, 3, H, W), behaviours (C, E) and species (S, E), both encoded once, give logits (B, C). The animal is never
given, not even in training: a frozen CLIP predicts it from the middle frame, as a weight for each known species. An
unknown animal is therefore a mixture of similar species.

We found no public code of it. What the paper's summary leaves open (one token for the animal, its norm, residuals)
follows Animal-CLIP, a later work with public code, which trains with the annotated animal and drops X-CLIP's own
video-specific prompts. Here they are kept before the category's: this row differs from X-CLIP only by the category.
"""

from collections.abc import Sequence
from pathlib import Path

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from amc.base.errors import AmcError
from amc.base.torch_state import seeded
from amc.model import layers, weights, xclip
from amc.model.build import build as build_xclip
from amc.model.classifier import Classifier
from amc.model.prompts import PromptLayer
from amc.model.xclip import XCLIP, Embeddings


class CategoryPrompts(nn.Module):
    """Refines embeddings by the animal: embeddings + alpha * layers(embeddings, animal).

    The animal is one token, the mixture of the species, as in Animal-CLIP. The alternative is S weighted tokens: then
    900 species would outweigh the one in the picture, and two data sets would not be comparable. But a softmax over one
    token is always 1: query and norm_1 have no effect, so they are frozen.
    """

    def __init__(self, embed_dim: int, *, num_layers: int = 3, alpha: float = 0.1):
        super().__init__()
        self.norm = nn.LayerNorm(embed_dim)
        heads = layers.num_heads(embed_dim)
        self.layers = nn.ModuleList(PromptLayer(embed_dim, heads) for _ in range(num_layers))
        self.alpha = nn.Parameter(torch.full((embed_dim,), alpha))
        layers.initialise(self.layers)
        for layer in self.layers:
            layer.norm_1.requires_grad_(False)
            layer.query.requires_grad_(False)

    def forward(self, embeddings: Tensor, animal: Tensor) -> Tensor:
        """embeddings (B, N, E), animal (B, E) -> refined embeddings (B, N, E), not normalised."""
        token = self.norm(animal).unsqueeze(1)  # (B, 1, E)
        prompt = embeddings
        for layer in self.layers:
            prompt = layer(prompt, token)
        return embeddings + self.alpha * prompt


class CategoryCLIP(nn.Module):
    """X-CLIP, a frozen CLIP image tower that predicts the animal, and two prompt generators guided by the animal."""

    def __init__(self, base: XCLIP, tower: nn.Module, text_prompts: CategoryPrompts, video_prompts: CategoryPrompts):
        super().__init__()
        self.xclip = base
        self.tower = tower.eval().requires_grad_(False)  # original CLIP; X-CLIP's own tower changes in training
        self.text_prompts = text_prompts
        self.video_prompts = video_prompts

    @property
    def logit_bias(self) -> Tensor:
        """X-CLIP's buffer (), which is added to every logit."""
        return self.xclip.logit_bias

    def forward(self, pixels: Tensor, text: Tensor, categories: Tensor) -> Tensor:
        """Logits (B, C), before the sigmoid, of pixels (B, T, 3, H, W) for behaviours text (C, E).

        categories (S, E): the species that the animal is a mixture of. Raises AmcError as `embed` does.
        """
        return self.xclip.logits(self.embed(pixels, text, categories).cosine)

    def embed(self, pixels: Tensor, text: Tensor, categories: Tensor) -> Embeddings:
        """Embeddings, not normalised, and cosines, refined by the video (X-CLIP) and then by the animal.

        Raises AmcError when pixels or text do not fit X-CLIP, or categories are not (S, E).
        """
        video, text, _ = self.xclip.embed(pixels, text)  # (B, E), (B, C, E)
        animal = self.category(pixels, categories) @ categories  # (B, E)
        text = self.text_prompts(text, animal)  # (B, C, E)
        video = self.video_prompts(video.unsqueeze(1), animal).squeeze(1)  # (B, E)
        return Embeddings(video, text, F.cosine_similarity(video.unsqueeze(1), text, dim=-1))

    @torch.no_grad()
    def category(self, pixels: Tensor, categories: Tensor) -> Tensor:
        """Probabilities (B, S) of the species categories (S, E), predicted from the middle slot, T // 2, of pixels.

        The paper's clips are frames only; in an interleaved clip the middle slot may be a picture of flow.
        """
        embed_dim = self.xclip.prompts.alpha.shape[0]
        if categories.ndim != 2 or categories.shape[1] != embed_dim:
            raise AmcError(
                f"categories: shape {tuple(categories.shape)}, but it has to be (S, {embed_dim}); "
                "encode the species with the model's text tower"
            )
        image = self.tower(pixels[:, pixels.shape[1] // 2])  # (B, E)
        cosine = F.cosine_similarity(image.unsqueeze(1), categories, dim=-1)  # (B, S), in float32 under autocast too
        return (self.xclip.logit_scale.exp() * cosine).softmax(dim=-1)

    def parameter_groups(self, lr: float, *, lr_mult: float = 10, weight_decay: float = 1e-3) -> list[dict]:
        """AdamW's groups, as X-CLIP's; the prompt generators are new, the frozen tower is in none."""
        return layers.parameter_groups(self, lr, lr_mult=lr_mult, weight_decay=weight_decay, is_new=is_new)

    def train(self, mode: bool = True) -> "CategoryCLIP":
        """Training or evaluation mode for all but the frozen tower, which stays in evaluation mode."""
        super().train(mode)
        self.tower.eval()
        return self


def is_new(name: str) -> bool:
    """Whether a parameter of CategoryCLIP belongs to the prompt generators or to X-CLIP's own modules."""
    return name.startswith(("text_prompts.", "video_prompts.")) or xclip.is_new(name.removeprefix("xclip."))


def build(
    backbone: str,
    pretrained: str | Path,
    *,
    names: Sequence[str],
    species: Sequence[str],
    num_slots: int,
    seed: int = 0,
) -> Classifier:
    """Category-CLIP over a CLIP, bound to behaviours `names` and to the `species` that its animals are mixtures of.

    backbone, pretrained, num_slots, seed: as in `model.build`, but it must be a CLIP of open_clip: an X-CLIP file holds
    no plain CLIP to predict animals with. species: bare names, those of the training clips. Raises AmcError when the
    CLIP cannot be loaded, there is no species, or a name cannot be encoded (see `text.encode`).
    """
    if backbone == weights.XCLIP_BACKBONE:
        raise AmcError(f"backbone: {backbone!r} brings no plain CLIP to tell animals by; choose ViT-B-16-quickgelu")
    if not species:
        raise AmcError("species: none, but Category-CLIP needs some to tell apart; choose a data set that names them")
    tower = weights.open_clip_model(backbone, pretrained, seed=seed).visual
    parts = build_xclip(backbone, pretrained, num_slots=num_slots, seed=seed)
    embed_dim = parts.network.prompts.alpha.shape[0]
    with seeded(seed):
        module = CategoryCLIP(parts.network, tower, CategoryPrompts(embed_dim), CategoryPrompts(embed_dim)).eval()
    card = {"network": "category-clip", **parts.card, "species": list(species)}
    context = parts.encode(names), parts.encode(species)
    return Classifier(module, parts.preprocess, card, names=names, context=context)
