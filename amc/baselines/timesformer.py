"""MSQNet's video encoder, a TimeSformer of `transformers` (Bertasius et al., ICML 2021): sizes, weights, pre-training.

Pixels (B, T, 3, H, W), float and normalised, in; tokens (B, 1 + N * T, D) out: the class token, then patch by patch,
the frames of each in turn. With a linear layer on the class token it is a classifier, and is pre-trained as one.
"""

import logging
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import torch.nn.functional as F
from torch import Tensor, nn

from amc.base import checkpoint
from amc.base.errors import AmcError, first_line
from amc.base.torch_state import seeded, silent_logging
from amc.model.layers import check_pixels, parameter_groups

if TYPE_CHECKING:
    from transformers import TimesformerConfig, TimesformerModel


class VideoEncoder(NamedTuple):
    """Sizes of a TimeSformer (patches of 16 px, divided attention) and of the query transformer over its tokens."""

    width: int  # channels of the video encoder
    layers: int
    heads: int
    query_layers: int  # layers of the transformer's encoder, and as many of its decoder
    query_heads: int
    query_mlp: int  # hidden channels of its feed-forward part


VIDEO_ENCODERS = {
    "timesformer-base": VideoEncoder(768, 12, 12, 6, 8, 2048),  # published, with CLIP B/16: width 512
    "timesformer-small": VideoEncoder(128, 4, 4, 2, 4, 512),  # for 64 px on two cores; mlp 4 x synth-clip's width
}
PATCH_SIZE = 16  # pixels
TIME = "embeddings.time_embeddings"  # the only T-shaped parameter of a TimeSformer


class VideoClassifier(nn.Module):
    """A TimeSformer with a linear layer on its class token: what its pre-training trains, on Kinetics-400 as here."""

    def __init__(self, video: "TimesformerModel", num_classes: int):
        super().__init__()
        self.video = video
        self.head = nn.Linear(video.config.hidden_size, num_classes)
        nn.init.trunc_normal_(self.head.weight, std=video.config.initializer_range)  # as TimeSformer's
        nn.init.zeros_(self.head.bias)

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits (B, C), before the sigmoid, of pixels (B, T, 3, H, W); raises AmcError as MSQNet's."""
        check_clip(pixels, self.video.config)
        return self.head(self.video(pixels).last_hidden_state[:, 0])

    @property
    def logit_bias(self) -> Tensor:
        """The trainable bias of the last layer, which is added to the logits (C,)."""
        return self.head.bias

    def parameter_groups(self, lr: float, *, lr_mult: float = 10, weight_decay: float = 1e-3) -> list[dict]:
        """AdamW's groups: only the linear layer is new."""
        return parameter_groups(
            self, lr, lr_mult=lr_mult, weight_decay=weight_decay, is_new=lambda name: name.startswith("head.")
        )


def check_clip(pixels: Tensor, config: "TimesformerConfig") -> None:
    """Raise AmcError unless pixels are floats (B, T, 3, H, W) of the encoder's T, H and W."""
    num_slots, size = config.num_frames, config.image_size
    is_right = pixels.ndim == 5 and pixels.shape[1:] == (num_slots, 3, size, size)
    check_pixels(pixels, f"(B, {num_slots}, 3, {size}, {size})", is_right)


def video_encoder(sizes: VideoEncoder, source: str | Path, *, size: int, num_slots: int) -> "TimesformerModel":
    """A TimeSformer for num_slots pictures of `size` px.

    source: "" to draw it from the global generator; else weights, as in `msqnet.build`, with the same errors.
    """
    from transformers import TimesformerConfig, TimesformerModel

    config = TimesformerConfig(
        image_size=size,
        patch_size=PATCH_SIZE,
        num_frames=num_slots,
        hidden_size=sizes.width,
        num_hidden_layers=sizes.layers,
        num_attention_heads=sizes.heads,
        intermediate_size=4 * sizes.width,
    )
    encoder = TimesformerModel(config)
    if str(source):
        tensors = _of_msqnet(source) if Path(source).is_file() else _of_transformers(str(source), config)
        if TIME in tensors:  # (1, T, D); to the nearest slot, as transformers does at every forward of another T
            tensors[TIME] = F.interpolate(tensors[TIME].mT.float(), num_slots, mode="nearest").mT
        checkpoint.load_strictly(encoder, tensors, source)
    return encoder


def _of_msqnet(path: str | Path) -> dict[str, Tensor]:
    tensors, _ = checkpoint.read(path)
    found = {name.removeprefix("video."): tensor for name, tensor in tensors.items() if name.startswith("video.")}
    if not found:
        raise AmcError(f"{path}: holds no video encoder of an MSQNet; choose a file that training of one wrote")
    return found


def _of_transformers(source: str, config) -> dict[str, Tensor]:
    from transformers import TimesformerModel

    try:
        with silent_logging(logging.WARNING), seeded(0):  # it draws before it loads, and warns of its own unused head
            theirs, report = TimesformerModel.from_pretrained(source, output_loading_info=True)
    except Exception as error:  # whatever the hub, the disk or the network raise
        reason = first_line(error)
        raise AmcError(
            f"weights: TimeSformer {source!r} could not be loaded ({reason}); give a folder it was saved to, or ''"
        ) from error
    if missing := sorted(report["missing_keys"]):  # transformers has drawn these at random
        raise AmcError(f"{source}: {len(missing)} weights of a TimeSformer are missing ({missing[0]}, …); get it again")
    for field in ("num_attention_heads", "hidden_act", "layer_norm_eps"):  # which the shapes of weights do not show
        found, expected = getattr(theirs.config, field), getattr(config, field)
        if found != expected:
            raise AmcError(f"{source}: {field} is {found}, but the network has {expected}; choose the network it is of")
    return theirs.state_dict()
