"""Build the paper's classifier from CLIP, and load what training saved (paper sec. 2, which names no backbone)."""

import warnings
from pathlib import Path

import open_clip

from amc.base import checkpoint
from amc.base.errors import AmcError
from amc.base.torch_state import seeded
from amc.model import weights
from amc.model.classifier import Classifier, Preprocess, TextEncoder
from amc.model.prompts import VideoPrompts
from amc.model.temporal import IntegrationTransformer
from amc.model.vision import FrameEncoder
from amc.model.xclip import XCLIP

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # mean and std that X-CLIP was trained with


def build(backbone: str, pretrained: str | Path, *, num_slots: int | None, seed: int = 0) -> Classifier:
    """X-CLIP over a CLIP, without behaviours: `with_names` sets them.

    backbone, pretrained: as in `weights.open_clip_model`; or backbone "xclip" with `pretrained` the file, folder or hub
    name of a transformers.XCLIPModel (microsoft/xclip-*) or of Microsoft's own (k400_16_8.pth), which contain every
    module. num_slots: T, twice the frames once flow is interleaved; None, for "xclip": as it was trained. New modules
    (message, integration, prompts) are drawn from `seed`. Raises AmcError when the backbone is no CLIP ViT or its
    weights cannot be loaded; warns, and notes it on the card, when their training activation is unknown.
    """
    is_xclip = backbone == weights.XCLIP_BACKBONE
    if not (num_slots is None and is_xclip) and (num_slots or 0) < 1:
        raise AmcError(f"num_slots: {num_slots}, but a clip has at least one; count frames and flows together")
    card = {"backbone": backbone, "pretrained": str(pretrained), "num_slots": num_slots, "seed": seed}
    if is_xclip:
        xclip, tower = weights.xclip_model(pretrained, num_slots=num_slots)
        card["num_slots"] = xclip.integration.positions.shape[1]
        preprocess = Preprocess(xclip.frames.image_size[0], *IMAGENET)
        encode = TextEncoder(tower, open_clip.SimpleTokenizer())
        return Classifier(xclip, preprocess, {**card, "quick_gelu": True}, encode=encode)
    clip, note = weights.clip_and_note(backbone, pretrained, seed=seed)
    if note:
        card["note"] = note
        warnings.warn(note, stacklevel=2)
    with seeded(seed):
        frames = FrameEncoder(clip.visual)
        embed_dim, width = frames.proj.shape[1], frames.proj.shape[0]
        xclip = XCLIP(frames, IntegrationTransformer(embed_dim, num_slots), VideoPrompts(width, embed_dim)).eval()
    xclip.logit_scale.copy_(clip.logit_scale.detach())  # the one this CLIP learned; X-CLIP's 4.6052 is OpenAI's
    pixels = clip.visual.preprocess_cfg
    preprocess = Preprocess(frames.image_size[0], tuple(pixels["mean"]), tuple(pixels["std"]))
    del clip.visual  # its parts are now in `frames`; only the text tower remains
    card["quick_gelu"] = weights.is_quick_gelu(backbone)
    encode = TextEncoder(clip.requires_grad_(False), open_clip.get_tokenizer(backbone))
    return Classifier(xclip, preprocess, card, encode=encode)


def load(path: str | Path) -> tuple[Classifier, dict]:
    """The classifier that training saved, with its behaviours if any were saved, and its `meta`.

    The text tower is reloaded from the backbone and weights on the card. Raises AmcError when the file is not one of
    ours, its weights do not fit, or the activation of the backbone has changed since.
    """
    tensors, meta = checkpoint.read(path)
    card = checkpoint.card(meta, path)
    del meta["card"]
    classifier = build(card["backbone"], card["pretrained"], num_slots=card["num_slots"], seed=card["seed"])
    if classifier.card["quick_gelu"] != card["quick_gelu"]:
        raise AmcError(
            f"{path}: trained with quick_gelu={card['quick_gelu']}, but {card['backbone']} has changed; pin open_clip"
        )
    checkpoint.load_strictly(classifier.network, tensors, path)
    return (classifier.with_names(meta["names"]) if meta.get("names") else classifier), meta
