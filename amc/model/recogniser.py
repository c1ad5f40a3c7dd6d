"""The recogniser whole: X-CLIP, the frozen text tower beside it and what pixels must look like; built, saved, loaded.

A backbone and a source of weights in, a `Recogniser` out (paper sec. 2; the paper does not name its backbone).
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import open_clip
from torch import Tensor, nn

from amc.base import checkpoint
from amc.base.errors import AmcError
from amc.model import text, weights
from amc.model.prompts import VideoPrompts
from amc.model.system import Preprocess, System
from amc.model.temporal import IntegrationTransformer
from amc.model.vision import FrameEncoder
from amc.model.xclip import XCLIP

IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)  # mean and std that X-CLIP was trained with


@dataclass(frozen=True)
class Recogniser:
    """A model ready for use: `xclip(pixels, encode(names))` scores clips for any list of behaviour names."""

    xclip: XCLIP
    text_tower: nn.Module  # frozen
    tokenizer: text.Tokenizer
    preprocess: Preprocess
    # Arguments of `build`, with quick_gelu, and a note where that is a guess: what to stamp on results ("random" shows)
    # and to build from again.
    card: dict

    def encode(self, names: Sequence[str]) -> Tensor:
        """Embeddings (C, E) of behaviour names, for XCLIP.forward; see `text.encode` for what is refused."""
        return text.encode(self.text_tower, names, tokenizer=self.tokenizer)

    def system(self, names: Sequence[str]) -> System:
        """This recogniser bound to a list of behaviour names, which are encoded once, here."""
        return System(self.xclip, self.preprocess, self.card, (self.encode(names),))


def build(backbone: str, pretrained: str | Path, *, num_slots: int, seed: int = 0) -> Recogniser:
    """X-CLIP over a CLIP; new modules (message, integration, prompts) start from `seed`, the rest from `pretrained`.

    backbone, pretrained: as in `weights.open_clip_model`; or backbone "xclip" with `pretrained` the file or folder of a
    transformers.XCLIPModel (microsoft/xclip-*) or of Microsoft's own (k400_16_8.pth), which bring every module.
    num_slots: T, twice the frames once flow is interleaved. Raises AmcError when the backbone is no CLIP ViT or its
    weights cannot be had; warns, and notes it on the card, when nothing says which activation they were trained with.
    """
    if num_slots < 1:
        raise AmcError(f"num_slots: {num_slots}, but a clip has at least one; count frames and flows together")
    card = {"backbone": backbone, "pretrained": str(pretrained), "num_slots": num_slots, "seed": seed}
    if backbone == weights.XCLIP_BACKBONE:
        xclip, tower = weights.xclip_model(pretrained, num_slots=num_slots)
        preprocess = Preprocess(xclip.frames.image_size[0], *IMAGENET)
        return Recogniser(xclip, tower, open_clip.SimpleTokenizer(), preprocess, {**card, "quick_gelu": True})
    clip, note = weights.clip_and_note(backbone, pretrained, seed=seed)
    if note:
        card["note"] = note
        warnings.warn(note, stacklevel=2)
    with weights.seeded(seed):
        frames = FrameEncoder(clip.visual)
        embed_dim, width = frames.proj.shape[1], frames.proj.shape[0]
        xclip = XCLIP(frames, IntegrationTransformer(embed_dim, num_slots), VideoPrompts(width, embed_dim)).eval()
    xclip.logit_scale.copy_(clip.logit_scale.detach())  # the one this CLIP learned; X-CLIP's 4.6052 is OpenAI's
    pixels = clip.visual.preprocess_cfg
    preprocess = Preprocess(frames.image_size[0], tuple(pixels["mean"]), tuple(pixels["std"]))
    del clip.visual  # its parts live on in `frames`; what remains is the text tower
    card["quick_gelu"] = weights.is_quick_gelu(backbone)
    return Recogniser(xclip, clip.requires_grad_(False), open_clip.get_tokenizer(backbone), preprocess, card)


def save(recogniser: Recogniser, path: str | Path, meta: Mapping) -> None:
    """Write the trained X-CLIP with its card and `meta` (behaviour names, thresholds …; what JSON can hold)."""
    System(recogniser.xclip, recogniser.preprocess, recogniser.card).save(path, dict(meta))


def load(path: str | Path) -> tuple[Recogniser, dict]:
    """The recogniser that `save` wrote, and its `meta`; the text tower comes again from the card's backbone and source.

    Raises AmcError when the file is not one of ours, its weights do not fit, or the activation has changed since.
    """
    tensors, meta = checkpoint.read(path)
    card = meta.pop("card", None)
    if card is None:
        raise AmcError(
            f"{path}: weights without the card of a recogniser; choose a file that training wrote, or `build` from it"
        )
    recogniser = build(card["backbone"], card["pretrained"], num_slots=card["num_slots"], seed=card["seed"])
    if recogniser.card["quick_gelu"] != card["quick_gelu"]:
        raise AmcError(
            f"{path}: trained with quick_gelu={card['quick_gelu']}, but {card['backbone']} has changed; pin open_clip"
        )
    checkpoint.load_strictly(recogniser.xclip, tensors, path)
    return recogniser, meta
