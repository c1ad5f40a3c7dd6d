"""Load weights of open_clip's towers, other projects' files and X-CLIP, and refuse any that do not fit.

A name and a source in, a module with exactly those weights out; anything missing, damaged or of another shape is one
AmcError. Nothing falls back to random weights: "random" must be requested.
"""

import difflib
import logging
import re
import warnings
from collections.abc import Mapping
from pathlib import Path

import open_clip
import torch
import torch.nn.functional as F
from open_clip.transformer import QuickGELU, TextTransformer, VisionTransformer
from torch import Tensor, nn

from amc.base import bundled
from amc.base.bundled import SYNTH_CLIP
from amc.base.checkpoint import BUNDLED, load_strictly, read
from amc.base.errors import AmcError, first_line
from amc.base.torch_state import seeded, silent_logging
from amc.model import file_config, names
from amc.model.layers import HEAD_WIDTH
from amc.model.prompts import VideoPrompts
from amc.model.temporal import IntegrationTransformer
from amc.model.vision import FrameEncoder
from amc.model.xclip import XCLIP

XCLIP_BACKBONE = "xclip"  # not a CLIP of open_clip but a whole X-CLIP, from its own checkpoint
RANDOM = "random"  # with BUNDLED, the sources that are neither a tag of open_clip nor a file

FITTING = (  # backbones for a tag of open_clip that is given alone, in this order
    "ViT-B-16-quickgelu", "ViT-B-16", "ViT-B-32-quickgelu", "ViT-B-32", "ViT-L-14-quickgelu", "ViT-L-14",
)  # fmt: skip
FILE_SUFFIXES = (".bin", ".ckpt", ".pt", ".pth", ".safetensors")  # an owner/name with one of these is a missing file
HUB_NAME = r"[\w.-]+/[\w.-]+"  # owner/name on the Hugging Face Hub


def register() -> None:
    """Register `synth-clip` with open_clip; calling it again changes nothing."""
    if SYNTH_CLIP not in open_clip.list_models():
        open_clip.add_model_config(Path(__file__).parent / "configs" / f"{SYNTH_CLIP}.json")


def is_quick_gelu(backbone: str) -> bool:
    """Whether open_clip builds this backbone with QuickGELU; an unknown backbone raises AmcError."""
    register()
    if backbone not in open_clip.list_models():
        similar = ", ".join([SYNTH_CLIP, *difflib.get_close_matches(backbone, open_clip.list_models(), n=4, cutoff=0)])
        raise AmcError(f"backbone: {backbone!r} is not a model of open_clip's; choose one such as: {similar}")
    return open_clip.get_model_config(backbone).get("quick_gelu", False)


def fitting(pretrained: str | Path, usual: str) -> str:
    """The backbone for weights that are given alone: the first of `FITTING` with this tag of open_clip.

    For anything but a tag it is the `usual` one.
    """
    for backbone in FITTING:
        tag = open_clip.get_pretrained_cfg(backbone, str(pretrained))
        if tag and tag.get("quick_gelu", False) == is_quick_gelu(backbone):
            return backbone
    return usual


def image_size(backbone: str, pretrained: str | Path) -> int:
    """Input size of a backbone: pixels, height and width. Raises AmcError for an unknown one."""
    if backbone == XCLIP_BACKBONE:
        return xclip_input(pretrained)[0]
    is_quick_gelu(backbone)
    size = open_clip.get_model_config(backbone)["vision_cfg"].get("image_size", 224)  # open_clip's own default
    return size if isinstance(size, int) else min(size)


def xclip_input(pretrained: str | Path) -> tuple[int, int]:
    """Picture size in pixels, and number of frames, that an X-CLIP was trained with; `pretrained`: as `xclip_model`.

    Raises AmcError.
    """
    check(XCLIP_BACKBONE, pretrained)
    path = located(pretrained)
    state = names.to_ours(read(path)[0])
    try:
        return _picture_size(state), state["integration.positions"].shape[1]
    except KeyError as error:
        raise _no_xclip(path, error) from error


def check(backbone: str, pretrained: str | Path) -> None:
    """Raise AmcError unless the backbone is known and `pretrained` is a tag, "random", "bundled", an existing file or
    folder, or a possible name on the Hugging Face Hub."""
    known = []
    if backbone != XCLIP_BACKBONE:
        is_quick_gelu(backbone)
        known = [RANDOM, BUNDLED, *open_clip.list_pretrained_tags_by_model(backbone)]
    name = str(pretrained)
    if name not in known and not _is_there(name) and not _is_hub_name(name):
        tags = ["openai or another tag of open_clip, without a backbone"] * (backbone == SYNTH_CLIP)
        choices = ", ".join([*known, *tags, "the path of a file or folder", "owner/name on the Hugging Face Hub"])
        raise AmcError(f"pretrained: {name!r} is neither a file nor known for {backbone}; choose one of: {choices}")


def located(pretrained: str | Path) -> Path:
    """The file or folder itself, or the folder that a name on the Hugging Face Hub was downloaded to.

    Raises AmcError when there is neither.
    """
    name = str(pretrained)
    if _is_there(name) or not _is_hub_name(name):
        return Path(name)
    from huggingface_hub import snapshot_download  # slow to import, and rarely needed

    try:
        folder = Path(snapshot_download(name, allow_patterns=["*.json", "*.safetensors"]))
        if not any(folder.glob("*.safetensors")):
            folder = Path(snapshot_download(name, allow_patterns=["*.json", "*.bin"]))
    except Exception as error:  # whatever the hub, the disk or the network raise
        reason = first_line(error)
        raise AmcError(
            f"pretrained: {name!r} is no file or folder here, and the Hugging Face Hub did not give it ({reason}); "
            "download it elsewhere and give its folder"
        ) from error
    return folder


def open_clip_model(backbone: str, pretrained: str | Path, *, seed: int = 0) -> nn.Module:
    """A CLIP of open_clip with both towers, float32, in eval mode.

    backbone: a name in open_clip, or "synth-clip". pretrained: a tag of open_clip; "bundled"
    (data/weights/<backbone>.safetensors, its sha256 verified); "random" (drawn from `seed`; the global generator is
    unchanged); or a file or folder in any form that `state_dicts` reads, with OpenAI's names or transformers', also by
    its name on the Hugging Face Hub. Raises AmcError when weights are missing, damaged, of another shape or
    activation; warns when it is unknown which activation they were trained with.
    """
    clip, note = clip_and_note(backbone, pretrained, seed=seed)
    if note:
        warnings.warn(note, stacklevel=2)
    return clip


def clip_and_note(backbone: str, pretrained: str | Path, *, seed: int = 0) -> tuple[nn.Module, str]:
    """As `open_clip_model`, but also returns a text on what is not known of the weights ("": all is known)."""
    check(backbone, pretrained)
    quick_gelu = is_quick_gelu(backbone)
    if pretrained == RANDOM:
        return _create(backbone, seed=seed), ""
    if tag := open_clip.get_pretrained_cfg(backbone, str(pretrained)):
        _refuse_activation(f"pretrained {pretrained!r}", tag.get("quick_gelu", False), backbone, quick_gelu)
        return _create(backbone, tag=str(pretrained)), ""
    path, card = bundled.find(backbone) if pretrained == BUNDLED else (located(pretrained), {})
    said = file_config.WeightFacts(None, {}) if pretrained == BUNDLED else file_config.beside(path)
    tensors, meta = read(path)
    theirs = {**meta, **card}.get("quick_gelu", said.quick_gelu)
    _refuse_activation(path, quick_gelu if theirs is None else theirs, backbone, quick_gelu)
    preprocess = said.preprocess | {key: card[key] for key in ("mean", "std") if key in card}
    clip = _create(backbone, preprocess=preprocess)
    load_strictly(clip, names.to_openai(tensors), path)
    if theirs is None:
        return clip, f"{path}: nothing says which activation it was trained with; quick_gelu={quick_gelu} is assumed"
    return clip, ""


def ship(clip: nn.Module, backbone: str, card: Mapping) -> Path:
    """Write a CLIP to data/weights with its `card` (mean, std, provenance), to which its activation is added."""
    facts = {"backbone": backbone, "quick_gelu": is_quick_gelu(backbone)}
    return bundled.write(clip, backbone, {**card, **facts}, meta=facts)


def xclip_model(pretrained: str | Path, *, num_slots: int) -> tuple[XCLIP, TextTransformer]:
    """`from_transformers` of a file or folder, or of a name on the Hugging Face Hub; see there and `state_dicts`.

    Raises AmcError too when a configuration beside the weights names another activation than X-CLIP's QuickGELU.
    """
    check(XCLIP_BACKBONE, pretrained)
    path = located(pretrained)
    if file_config.beside(path).quick_gelu is False:
        raise AmcError(f"{path}: trained with hidden_act gelu, but X-CLIP has QuickGELU; choose a checkpoint of X-CLIP")
    return from_transformers(read(path)[0], num_slots=num_slots, source=path)


def from_transformers(
    state: Mapping[str, Tensor],
    *,
    num_slots: int | None = None,
    head_width: int = HEAD_WIDTH,
    new_heads: int | None = None,
    source: object = "X-CLIP",
) -> tuple[XCLIP, TextTransformer]:
    """X-CLIP and its text tower (for `text.encode`) with another X-CLIP's weights, float32, in eval mode.

    state: of a `transformers.XCLIPModel` or of Microsoft's own (k400_16_8.pth), as `checkpoint.read` gives it.
    num_slots: T, by default the checkpoint's; for another T its positions are interpolated linearly. head_width:
    channels per head in the towers; new_heads: heads of integration and prompts, by default one per 64 channels, as
    X-CLIP trained them (transformers' configurations say 8 for the large models too). Weights show neither number.
    Raises AmcError, naming a few, when weights are missing, unexpected or of another shape.
    """
    state = names.to_ours(state)
    state["logit_bias"] = torch.tensor(0.0)  # ours; X-CLIP has none
    xclip, tower = _sized(state, head_width, new_heads, num_slots, source)
    positions = state["integration.positions"]
    if num_slots not in (None, positions.shape[1]):
        stretched = F.interpolate(positions.mT.float(), num_slots, mode="linear", align_corners=True)  # (1, E, T)
        state["integration.positions"] = stretched.mT
    load_strictly(nn.ModuleDict({"xclip": xclip, "text": tower}), _prefixed(state), source)
    return xclip.eval(), tower.eval().requires_grad_(False)


def _create(backbone: str, *, tag: str | None = None, seed: int = 0, preprocess: dict | None = None) -> nn.Module:
    try:
        with silent_logging(logging.ERROR), seeded(seed):  # it warns of random weights: they are asked for, or replaced
            clip = open_clip.create_model(backbone, tag, pretrained_text=False, force_preprocess_cfg=preprocess)
    except Exception as error:  # whatever the hub, the disk or the network raise
        reason = first_line(error)
        raise AmcError(
            f"pretrained: {tag!r} for {backbone} could not be loaded ({reason}); give a local file or choose 'random'"
        ) from error
    return clip.eval()


def _is_there(name: str) -> bool:
    return bool(name) and (Path(name).is_file() or Path(name).is_dir())


def _is_hub_name(name: str) -> bool:
    return re.fullmatch(HUB_NAME, name) is not None and not name.startswith(".") and not name.endswith(FILE_SUFFIXES)


def _refuse_activation(source: object, theirs: bool, backbone: str, ours: bool) -> None:
    if theirs != ours:
        remedy = f"{backbone}-quickgelu" if theirs else backbone.removesuffix("-quickgelu")
        raise AmcError(
            f"{source}: trained with quick_gelu={theirs}, but {backbone} has {ours}; choose backbone {remedy!r}"
        )


def _sized(
    state: Mapping[str, Tensor], head_width: int, new_heads: int | None, num_slots: int | None, source: object
) -> tuple[XCLIP, TextTransformer]:
    try:
        embed_dim, width = state["prompts.alpha"].shape[0], state["frames.class_embedding"].shape[0]
        patch_size, image_size = state["frames.patch_embedding.weight"].shape[-1], _picture_size(state)
        context_length, text_width = state["text.positional_embedding"].shape
        vocab_size = state["text.token_embedding.weight"].shape[0]
        mlp_ratio = state["frames.blocks.0.block.mlp.c_fc.bias"].shape[0] / width
        text_mlp_ratio = state["text.transformer.resblocks.0.mlp.c_fc.bias"].shape[0] / text_width
        trained_slots = state["integration.positions"].shape[1]
    except KeyError as error:
        raise _no_xclip(source, error) from error
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


def _picture_size(state: Mapping[str, Tensor]) -> int:
    """Height and width in pixels. Raises KeyError."""
    patches = state["frames.positions"].shape[0] - 1
    return state["frames.patch_embedding.weight"].shape[-1] * round(patches**0.5)


def _no_xclip(source: object, error: KeyError) -> AmcError:
    return AmcError(
        f"{source}: {error} is missing; choose a checkpoint of X-CLIP, Microsoft's or of transformers.XCLIPModel"
    )


def _depth(state: Mapping[str, Tensor], stem: str) -> int:
    return len({name.split(".")[stem.count(".") + 1] for name in state if name.startswith(f"{stem}.")})


def _prefixed(state: Mapping[str, Tensor]) -> dict[str, Tensor]:
    return {name if name.startswith("text.") else f"xclip.{name}": tensor for name, tensor in state.items()}
