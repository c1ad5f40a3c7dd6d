"""From other projects' parameter names of CLIP and X-CLIP to ours: state dicts in, state dicts out.

transformers' -> OpenAI's, which open_clip also uses and Microsoft's X-CLIP extends -> ours. Sources:
github.com/microsoft/VideoX (X-CLIP/models) and transformers' modeling_x_clip.py.
"""

import re
from collections.abc import Mapping

import torch
from torch import Tensor

from amc.base.state_dicts import renamed

_TRANSFORMERS = (  # transformers' names (regular expressions) and OpenAI's and Microsoft's, applied in this order
    (r"^vision_model\.embeddings\.class_embedding$", "visual.class_embedding"),
    (r"^vision_model\.embeddings\.patch_embedding\.", "visual.conv1."),
    (r"^vision_model\.embeddings\.position_embedding\.weight$", "visual.positional_embedding"),
    (r"^vision_model\.pre_laye?rnorm\.", "visual.ln_pre."),  # one letter is missing in their CLIP
    (r"^vision_model\.post_layernorm\.", "visual.ln_post."),
    (r"^vision_model\.encoder\.layers\.", "visual.transformer.resblocks."),
    (r"^visual_projection\.weight$", "visual.proj"),
    (r"^mit\.position_embedding$", "mit.positional_embedding"),
    (r"^mit\.encoder\.layers\.", "mit.resblocks."),
    (r"^prompts_visual_layernorm\.", "prompts_visual_ln."),
    (r"^prompts_visual_projection$", "prompts_visual_proj"),
    (r"^prompts_generator\.layernorm\.", "prompts_generator.norm."),
    (r"^text_model\.embeddings\.token_embedding\.", "token_embedding."),
    (r"^text_model\.embeddings\.position_embedding\.weight$", "positional_embedding"),
    (r"^text_model\.encoder\.layers\.", "transformer.resblocks."),
    (r"^text_model\.final_layer_norm\.", "ln_final."),
    (r"^text_projection\.weight$", "text_projection"),
    (r"\.layer_norm([12])\.", r".ln_\1."),
    (r"\.self_attn\.", ".attn."),
    (r"\.mlp\.fc1\.", ".mlp.c_fc."),
    (r"\.mlp\.fc2\.", ".mlp.c_proj."),
)
_TRANSPOSED = ("visual.proj", "text_projection")  # a Linear in transformers, a plain matrix elsewhere
_MICROSOFT = (  # Microsoft's names and ours
    (r"^visual\.class_embedding$", "frames.class_embedding"),
    (r"^visual\.conv1\.", "frames.patch_embedding."),
    (r"^visual\.positional_embedding$", "frames.positions"),
    (r"^visual\.(ln_pre|ln_post)\.", r"frames.\1."),
    (r"^visual\.proj$", "frames.proj"),
    (r"^visual\.transformer\.resblocks\.(\d+)\.message_fc\.", r"frames.blocks.\1.message."),
    (r"^visual\.transformer\.resblocks\.(\d+)\.message_ln\.", r"frames.blocks.\1.message_norm."),
    (r"^visual\.transformer\.resblocks\.(\d+)\.message_attn\.", r"frames.blocks.\1.message_attention."),
    (r"^visual\.transformer\.resblocks\.(\d+)\.", r"frames.blocks.\1.block."),
    (r"^mit\.positional_embedding$", "integration.positions"),
    (r"^mit\.resblocks\.0\.", "integration.block."),
    (r"^prompts_visual_ln\.", "prompts.norm."),
    (r"^prompts_visual_proj$", "prompts.projection"),
    (r"^prompts_generator\.norm\.", "prompts.visual_norm."),
    (r"^prompts_generator\.alpha$", "prompts.alpha"),
    (r"^prompts_generator\.decoder\.(\d+)\.norm1\.", r"prompts.layers.\1.norm_1."),
    (r"^prompts_generator\.decoder\.(\d+)\.norm3\.", r"prompts.layers.\1.norm_2."),
    (r"^prompts_generator\.decoder\.(\d+)\.mlp\.3\.", r"prompts.layers.\1.mlp.2."),
    (r"^prompts_generator\.decoder\.(\d+)\.cross_attn\.q_proj\.", r"prompts.layers.\1.query."),
    (r"^prompts_generator\.decoder\.(\d+)\.cross_attn\.proj\.", r"prompts.layers.\1.out."),
    (r"^prompts_generator\.decoder\.(\d+)\.", r"prompts.layers.\1."),
    (r"^(token_embedding\.|positional_embedding$|transformer\.|ln_final\.|text_projection$)", r"text.\1"),
)


def to_openai(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A CLIP or X-CLIP of transformers' under OpenAI's and Microsoft's names; any other state is returned unchanged.

    `position_ids` in old checkpoints of transformers are indices, not weights: they are left out.
    """
    if not any(name.startswith(("vision_model.", "text_model.")) for name in state):
        return dict(state)
    state = {renamed(n, _TRANSFORMERS): x for n, x in state.items() if not n.endswith(".position_ids")}
    state |= {name: state[name].T for name in _TRANSPOSED if name in state}
    for name in [name for name in state if re.search(r"attn\.q_proj\.", name) and "cross_attn" not in name]:
        stem, kind = name.split(".q_proj.")
        _join(state, [f"{stem}.{part}_proj.{kind}" for part in "qkv"], f"{stem}.in_proj_{kind}")
    return state


def to_ours(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """An X-CLIP of Microsoft's or transformers' under the names of `XCLIP` and, after "text.", of its text tower."""
    state = {renamed(name, _MICROSOFT): tensor for name, tensor in to_openai(state).items()}
    for name in [name for name in state if name.endswith(".cross_attn.k_proj.weight")]:
        layer = name.removesuffix(".cross_attn.k_proj.weight")
        _join(state, [f"{layer}.cross_attn.{part}_proj.weight" for part in "kv"], f"{layer}.key_value.weight")
    return state


def _join(state: dict[str, Tensor], parts: list[str], whole: str) -> None:
    """Concatenate several projections into one; if a part is missing, all stay, and the strict load names them."""
    if set(parts) <= state.keys() and len({state[part].shape[1:] for part in parts}) == 1:
        state[whole] = torch.cat([state.pop(part) for part in parts])
