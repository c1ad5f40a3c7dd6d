"""Where weights come from, and the refusal of any that do not fit: open_clip's towers, files, transformers' X-CLIP.

A name and a source in, a module with exactly those weights out; anything missing, damaged or of another shape is one
AmcError. Nothing falls back to random weights: "random" has to be asked for.
"""

import difflib
import logging
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

import open_clip
import torch
import torch.nn.functional as F
from open_clip.transformer import QuickGELU, TextTransformer, VisionTransformer
from torch import Tensor, nn

from amc import shipped
from amc.errors import AmcError
from amc.model.checkpoint import load_strictly, read, renamed
from amc.model.layers import HEAD_WIDTH
from amc.model.prompts import VideoPrompts
from amc.model.temporal import IntegrationTransformer
from amc.model.vision import FrameEncoder
from amc.model.xclip import XCLIP

SYNTH_CLIP = "synth-clip"  # the embedded world's own small CLIP: configs/synth-clip.json
XCLIP_BACKBONE = "xclip"  # not a CLIP of open_clip's but a whole X-CLIP, from a checkpoint of transformers'
RANDOM, SHIPPED = "random", "shipped"  # the sources that are neither a tag of open_clip's nor a file

_NAMES = (  # transformers' names (regular expressions) and ours, applied in this order
    (r"^vision_model\.embeddings\.class_embedding$", "frames.class_embedding"),
    (r"^vision_model\.embeddings\.patch_embedding\.", "frames.patch_embedding."),
    (r"^vision_model\.embeddings\.position_embedding\.weight$", "frames.positions"),
    (r"^vision_model\.pre_layernorm\.", "frames.ln_pre."),
    (r"^vision_model\.post_layernorm\.", "frames.ln_post."),
    (r"^vision_model\.encoder\.layers\.(\d+)\.message_fc\.", r"frames.blocks.\1.message."),
    (r"^vision_model\.encoder\.layers\.(\d+)\.message_ln\.", r"frames.blocks.\1.message_norm."),
    (r"^vision_model\.encoder\.layers\.(\d+)\.message_attn\.", r"frames.blocks.\1.message_attention."),
    (r"^vision_model\.encoder\.layers\.(\d+)\.", r"frames.blocks.\1.block."),
    (r"^visual_projection\.weight$", "frames.proj"),
    (r"^mit\.position_embedding$", "integration.positions"),
    (r"^mit\.encoder\.layers\.0\.", "integration.block."),
    (r"^prompts_visual_layernorm\.", "prompts.norm."),
    (r"^prompts_visual_projection$", "prompts.projection"),
    (r"^prompts_generator\.layernorm\.", "prompts.visual_norm."),
    (r"^prompts_generator\.alpha$", "prompts.alpha"),
    (r"^prompts_generator\.decoder\.(\d+)\.norm1\.", r"prompts.layers.\1.norm_1."),
    (r"^prompts_generator\.decoder\.(\d+)\.norm3\.", r"prompts.layers.\1.norm_2."),
    (r"^prompts_generator\.decoder\.(\d+)\.mlp\.3\.", r"prompts.layers.\1.mlp.2."),
    (r"^prompts_generator\.decoder\.(\d+)\.cross_attn\.proj\.", r"prompts.layers.\1.out."),
    (r"^prompts_generator\.decoder\.(\d+)\.", r"prompts.layers.\1."),
    (r"^text_model\.embeddings\.token_embedding\.", "text.token_embedding."),
    (r"^text_model\.embeddings\.position_embedding\.weight$", "text.positional_embedding"),
    (r"^text_model\.encoder\.layers\.", "text.transformer.resblocks."),
    (r"^text_model\.final_layer_norm\.", "text.ln_final."),
    (r"^text_projection\.weight$", "text.text_projection"),
    (r"\.layer_norm([12])\.", r".ln_\1."),
    (r"\.self_attn\.", ".attn."),
    (r"\.mlp\.fc1\.", ".mlp.c_fc."),
    (r"\.mlp\.fc2\.", ".mlp.c_proj."),
)
_TRANSPOSED = ("frames.proj", "text.text_projection")  # a Linear there, a product with a matrix here


def register() -> None:
    """Make `synth-clip` known to open_clip; calling it again changes nothing."""
    if SYNTH_CLIP not in open_clip.list_models():
        open_clip.add_model_config(Path(__file__).parent / "configs" / f"{SYNTH_CLIP}.json")


def is_quick_gelu(backbone: str) -> bool:
    """Whether open_clip builds this backbone with QuickGELU; an unknown backbone raises AmcError."""
    register()
    if backbone not in open_clip.list_models():
        similar = ", ".join([SYNTH_CLIP, *difflib.get_close_matches(backbone, open_clip.list_models(), n=4, cutoff=0)])
        raise AmcError(f"backbone: {backbone!r} is not a model of open_clip's; choose one such as: {similar}")
    return open_clip.get_model_config(backbone).get("quick_gelu", False)


def image_size(backbone: str, pretrained: str | Path) -> int:
    """Pixels, height and width, of the pictures that a backbone sees. Raises AmcError for an unknown one."""
    if backbone == XCLIP_BACKBONE:
        return from_transformers(read(pretrained)[0])[0].frames.image_size[0]
    is_quick_gelu(backbone)
    size = open_clip.get_model_config(backbone)["vision_cfg"].get("image_size", 224)  # open_clip's own default
    return size if isinstance(size, int) else min(size)


def check(backbone: str, pretrained: str | Path) -> None:
    """Raise AmcError unless the backbone is known and `pretrained` is a tag, "random", "shipped" or a file there is."""
    known = []
    if backbone != XCLIP_BACKBONE:
        is_quick_gelu(backbone)
        known = [RANDOM, SHIPPED, *open_clip.list_pretrained_tags_by_model(backbone)]
    if str(pretrained) not in known and not Path(str(pretrained)).is_file():
        choices = ", ".join([*known, "the path of a file"])
        raise AmcError(
            f"pretrained: {str(pretrained)!r} is neither a file nor known for {backbone}; choose one of: {choices}"
        )


def open_clip_model(backbone: str, pretrained: str | Path, *, seed: int = 0) -> nn.Module:
    """A CLIP of open_clip's with both towers, float32, in eval mode.

    backbone: a name of open_clip's, or "synth-clip". pretrained: a tag of open_clip's, the path of a .safetensors or
    .pt file, "shipped" (data/weights/<backbone>.safetensors, its sha256 verified) or "random" (drawn from `seed`; the
    global generator is left alone). Raises AmcError when weights are absent, damaged, of other shapes or activation.
    """
    check(backbone, pretrained)
    quick_gelu = is_quick_gelu(backbone)
    if pretrained == RANDOM:
        return _create(backbone, seed=seed)
    if tag := open_clip.get_pretrained_cfg(backbone, str(pretrained)):
        _refuse_activation(f"pretrained {pretrained!r}", tag.get("quick_gelu", False), backbone, quick_gelu)
        return _create(backbone, tag=str(pretrained))
    path, card = shipped.find(backbone) if pretrained == SHIPPED else (Path(pretrained), {})
    tensors, meta = read(path)
    _refuse_activation(path, {**meta, **card}.get("quick_gelu", quick_gelu), backbone, quick_gelu)
    clip = _create(backbone, preprocess={key: card[key] for key in ("mean", "std") if key in card})
    load_strictly(clip, tensors, path)
    return clip


def ship(clip: nn.Module, backbone: str, card: Mapping) -> Path:
    """Write a CLIP to data/weights, beside it `card` (mean, std, provenance) with its activation; see `shipped`."""
    facts = {"backbone": backbone, "quick_gelu": is_quick_gelu(backbone)}
    return shipped.write(clip, backbone, {**card, **facts}, meta=facts)


def from_transformers(
    state: Mapping[str, Tensor],
    *,
    num_slots: int | None = None,
    head_width: int = HEAD_WIDTH,
    new_heads: int | None = None,
) -> tuple[XCLIP, TextTransformer]:
    """X-CLIP and its text tower (for `text.encode`) with a `transformers.XCLIPModel`'s weights, float32, in eval mode.

    num_slots: T, by default the checkpoint's; for another T its positions are interpolated linearly. head_width:
    channels a head of the towers; new_heads: heads of integration and prompts, by default one for 64 channels, as
    X-CLIP trained them (transformers' configurations say 8 for the large models too). Weights do not tell either.
    Raises AmcError, naming a few, when weights are missing, left over or of another shape.
    """
    state = _fused(
        {renamed(name, _NAMES): tensor for name, tensor in state.items() if not name.endswith("position_ids")}
    )
    state |= {name: state[name].T for name in _TRANSPOSED if name in state}
    state["logit_bias"] = torch.tensor(0.0)  # ours; X-CLIP has none
    xclip, tower = _sized(state, head_width, new_heads, num_slots)
    positions = state["integration.positions"]
    if num_slots not in (None, positions.shape[1]):
        stretched = F.interpolate(positions.mT.float(), num_slots, mode="linear", align_corners=True)  # (1, E, T)
        state["integration.positions"] = stretched.mT
    load_strictly(nn.ModuleDict({"xclip": xclip, "text": tower}), _prefixed(state), "transformers' X-CLIP")
    return xclip.eval(), tower.eval().requires_grad_(False)


@contextmanager
def seeded(seed: int) -> Iterator[None]:
    """Draw from `seed` inside the block and leave the CPU's global generator as it was (GPUs' are seeded too)."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        yield


def _create(backbone: str, *, tag: str | None = None, seed: int = 0, preprocess: dict | None = None) -> nn.Module:
    level = logging.root.manager.disable
    logging.disable(logging.WARNING)  # open_clip warns of random weights: here asked for, or soon replaced
    try:
        with seeded(seed):
            clip = open_clip.create_model(backbone, tag, pretrained_text=False, force_preprocess_cfg=preprocess)
    except Exception as error:  # whatever the hub, the disk or the network raise
        reason = (str(error).splitlines() or [""])[0][:160]
        raise AmcError(
            f"pretrained: {tag!r} for {backbone} could not be had ({reason}); give a local file or choose 'random'"
        ) from error
    finally:
        logging.disable(level)
    return clip.eval()


def _refuse_activation(source: object, theirs: bool, backbone: str, ours: bool) -> None:
    if theirs != ours:
        remedy = f"{backbone}-quickgelu" if theirs else backbone.removesuffix("-quickgelu")
        raise AmcError(
            f"{source}: trained with quick_gelu={theirs}, but {backbone} has {ours}; choose backbone {remedy!r}"
        )


def _sized(
    state: Mapping[str, Tensor], head_width: int, new_heads: int | None, num_slots: int | None
) -> tuple[XCLIP, TextTransformer]:
    try:
        embed_dim, width = state["prompts.alpha"].shape[0], state["frames.class_embedding"].shape[0]
        patch_size = state["frames.patch_embedding.weight"].shape[-1]
        image_size = patch_size * round((state["frames.positions"].shape[0] - 1) ** 0.5)
        context_length, text_width = state["text.positional_embedding"].shape
        vocab_size = state["text.token_embedding.weight"].shape[0]
        mlp_ratio = state["frames.blocks.0.block.mlp.c_fc.bias"].shape[0] / width
        text_mlp_ratio = state["text.transformer.resblocks.0.mlp.c_fc.bias"].shape[0] / text_width
        trained_slots = state["integration.positions"].shape[1]
    except KeyError as error:
        raise AmcError(
            f"transformers' X-CLIP: {error} is missing; choose a checkpoint of transformers.XCLIPModel"
        ) from error
    tower = VisionTransformer(
        image_size, patch_size, width, _depth(state, "frames.blocks"), width // head_width, mlp_ratio,
        output_dim=embed_dim, act_layer=QuickGELU,
    )  # fmt: skip
    text = TextTransformer(
        context_length, vocab_size, text_width, text_width // head_width, _depth(state, "text.transformer.resblocks"),
        text_mlp_ratio, output_dim=embed_dim, act_layer=QuickGELU,
    )  # fmt: skip
    prompts = VideoPrompts(width, embed_dim, num_layers=_depth(state, "prompts.layers"), heads=new_heads)
    integration = IntegrationTransformer(embed_dim, num_slots or trained_slots, heads=new_heads)
    return XCLIP(FrameEncoder(tower), integration, prompts), text


def _depth(state: Mapping[str, Tensor], stem: str) -> int:
    return len({name.split(".")[stem.count(".") + 1] for name in state if name.startswith(f"{stem}.")})


def _prefixed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name if name.startswith("text.") else f"xclip.{name}": tensor for name, tensor in state.items()}


def _fused(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Join the separate projections of each attention: q, k, v of self-attention; k, v of cross-attention."""
    for name in [name for name in state if ".q_proj." in name]:
        stem, kind = name.split(".q_proj.")
        if not {f"{stem}.k_proj.{kind}", f"{stem}.v_proj.{kind}"} <= state.keys():
            continue  # the strict load names what is missing
        query, key, value = (state.pop(f"{stem}.{part}_proj.{kind}") for part in "qkv")
        if stem.endswith("cross_attn"):
            layer = stem.removesuffix(".cross_attn")
            state |= {f"{layer}.query.{kind}": query, f"{layer}.key_value.{kind}": torch.cat([key, value])}
        else:
            state[f"{stem}.in_proj_{kind}"] = torch.cat([query, key, value])
    return state
