"""Behaviour names to text embeddings with CLIP's frozen text tower (paper sec. 2): bare names, no hand-made prompts.

Names in, one embedding each (C, E) out, encoded once for a label set and then passed to XCLIP.forward.
"""

from collections import Counter
from collections.abc import Callable, Sequence

import open_clip
import torch
from torch import Tensor, nn

from amc.base.errors import AmcError

Tokenizer = Callable[[list[str], int], Tensor]  # (names, context length) -> token ids (C, context length)


@torch.no_grad()
def encode(clip: nn.Module, names: Sequence[str], *, tokenizer: Tokenizer | None = None) -> Tensor:
    """Encode behaviour names, unchanged, with the text tower of an open_clip model.

    clip: an open_clip CLIP, or its text tower alone; tokenizer: the model's own, by default CLIP's. Returns (C, E)
    float32, not normalised, as X-CLIP's prompts expect. Raises AmcError for no names, empty or repeated names, and
    names longer than the tower's context (open_clip would truncate them silently).
    """
    tower = getattr(clip, "text", clip)
    _check_tower(tower)
    _check_names(names)
    tokens = _tokens(list(names), tokenizer or open_clip.SimpleTokenizer(), tower.context_length)
    return _embed(tower, tokens.to(tower.positional_embedding.device))


def _embed(tower: nn.Module, tokens: Tensor) -> Tensor:
    # Under the causal mask no token up to end-of-text attends to later ones: truncating there is exact.
    end = tokens.argmax(dim=-1)  # end-of-text has the highest id
    length = int(end.max()) + 1
    x = tower.token_embedding(tokens[:, :length]) + tower.positional_embedding[:length]  # (C, L, D)
    x = tower.transformer(x, attn_mask=tower.attn_mask[:length, :length])
    x = tower.ln_final(x[torch.arange(len(x), device=x.device), end])  # (C, D)
    return x @ tower.text_projection


def _tokens(names: list[str], tokenizer: Tokenizer, context_length: int) -> Tensor:
    tokens = tokenizer(names, context_length)
    # With one token more of context, a truncated name has another token in the place of end-of-text.
    is_cut = (tokenizer(names, context_length + 1)[:, :context_length] != tokens).any(dim=1)
    if is_cut.any():
        name = names[int(is_cut.nonzero()[0])]
        raise AmcError(
            f"names: {name[:60]!r} is longer than the {context_length} tokens this text tower reads; shorten it"
        )
    return tokens


def _check_tower(tower: nn.Module) -> None:
    pool = getattr(tower, "text_pool_type", getattr(tower, "pool_type", None))
    is_clip = (
        pool == "argmax" and isinstance(tower.attn_mask, Tensor) and isinstance(tower.text_projection, nn.Parameter)
    )
    if not is_clip or getattr(tower, "cls_emb", None) is not None:
        raise AmcError(
            f"backbone: text tower {type(tower).__name__} is not CLIP's; choose a CLIP such as ViT-B-32-quickgelu"
        )


def _check_names(names: Sequence[str]) -> None:
    if isinstance(names, str):
        raise AmcError(f"names: {names!r} is one text; give a list of names")
    if not names:
        raise AmcError("names: the list is empty; give at least one behaviour")
    if empty := [index for index, name in enumerate(names) if not name.strip()]:
        raise AmcError(f"names: number {empty[0]} is empty; give every behaviour a name")
    if repeated := [name for name, count in Counter(names).items() if count > 1]:
        raise AmcError(f"names: {repeated[0]!r} occurs more than once; give every behaviour once")
