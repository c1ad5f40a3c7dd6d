"""MSQNet: one query per behaviour attends to the tokens of a video encoder (Mondal et al., ICCV Workshops 2023).

Pixels (B, T, 3, H, W), float and normalised, in; logits (B, C) out. A TimeSformer encodes the video; the queries of an
encoder-decoder transformer attend to its tokens. Queries are learned, start from CLIP's text features, and are joined
with CLIP's image feature of the same video. Needs `transformers`: pip install 'amc[baselines]'.
"""

import amc.base.torchvision_cpu  # noqa: F401, I001  before open_clip
import importlib.util
import math
import re
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import open_clip
import torch
from open_clip.transformer import VisionTransformer
from torch import Tensor, nn

from amc.base.errors import AmcError, choice
from amc.base.torch_state import seeded
from amc.baselines.timesformer import PATCH_SIZE, VIDEO_ENCODERS, VideoClassifier, check_clip, video_encoder
from amc.model import text
from amc.model.layers import parameter_groups
from amc.model.classifier import Classifier, Preprocess
from amc.model.weights import BUNDLED, SYNTH_CLIP, clip_and_note

if TYPE_CHECKING:
    from transformers import TimesformerModel


DROPOUT = 0.1  # default of torch and MSQNet, in the transformer and on its tokens
HUB_NAME = r"[\w-][\w.-]*/[\w-][\w.-]*"


class GroupwiseLinear(nn.Module):
    """A linear readout for each behaviour: logit_c = <weight_c, x_c> + bias_c."""

    def __init__(self, num_classes: int, width: int):
        super().__init__()
        bound = width**-0.5  # as nn.Linear starts, and MSQNet
        self.weight = nn.Parameter(torch.empty(num_classes, width).uniform_(-bound, bound))
        self.bias = nn.Parameter(torch.empty(num_classes).uniform_(-bound, bound))

    def forward(self, x: Tensor) -> Tensor:
        """Logits (B, C) of the decoder's feature for each behaviour, x (B, C, E)."""
        return (x * self.weight).sum(dim=-1) + self.bias


class MSQNet(nn.Module):
    """A video encoder, CLIP's frozen image tower, and a transformer with one query per behaviour.

    Its scores can be those of CLIP's picture alone. On Synth Kingdom, size quick, training with the encoder and with
    zeros for its tokens end at the same losses. This is the published design with little data, not an encoder cut off:
    at the start gradients and the variance of tokens over videos are of the size of other parts', and the tokens of
    another video lower the trained model's scores; but they say what the picture says too.
    """

    def __init__(self, video: "TimesformerModel", image: VisionTransformer, transformer: nn.Transformer, names: Tensor):
        """`image` is frozen and gives features before its projection; names (C, E) are CLIP's of the behaviours."""
        super().__init__()
        num_classes, embed_dim = names.shape
        config, image_width = video.config, image.ln_post.normalized_shape[0]
        self.video = video
        self.image = image.requires_grad_(False).eval()
        self.project_tokens = nn.Linear(config.hidden_size, embed_dim, bias=False)
        # The published queries start from the text tower's last hidden state; ours, as everywhere in this package, from
        # its projection into the space shared with images: CLIP's text feature.
        self.queries = nn.Parameter(names.clone())
        self.project_queries = nn.Linear(image_width + embed_dim, embed_dim, bias=False)
        self.transformer = transformer
        self.dropout = nn.Dropout(DROPOUT)
        self.head = GroupwiseLinear(num_classes, embed_dim)
        num_tokens = 1 + (config.image_size // config.patch_size) ** 2 * config.num_frames
        self.register_buffer("positions", sinusoids(num_tokens, embed_dim), persistent=False)

    def forward(self, pixels: Tensor) -> Tensor:
        """Logits (B, C), before the sigmoid, of pixels (B, T, 3, H, W).

        Raises AmcError when pixels are not normalised floats of the model's T, H and W.
        """
        check_clip(pixels, self.video.config)
        # All tokens are kept, as in DETR. MSQNet's code averages neighbours down to T tokens, apparently one per frame;
        # but in TimeSformer's order frames are innermost, so each is the mean of a band of the picture over all frames.
        tokens = self.project_tokens(self.video(pixels).last_hidden_state)  # (B, 1 + N * T, E)
        tokens = self.dropout(tokens + self.positions)
        picture = self.picture(pixels)[:, None].expand(-1, len(self.queries), -1)  # (B, C, D)
        queries = torch.cat([self.queries.expand(len(pixels), -1, -1), picture], dim=-1)
        return self.head(self.transformer(tokens, self.project_queries(queries)))

    @torch.no_grad()
    def picture(self, pixels: Tensor) -> Tensor:
        """CLIP's image feature (B, D), before its projection, as the mean over frames of pixels (B, T, 3, H, W)."""
        return self.image(pixels.flatten(0, 1)).unflatten(0, pixels.shape[:2]).mean(dim=1)

    @property
    def logit_bias(self) -> Tensor:
        """The trainable bias of the last layer, which is added to the logits (C,)."""
        return self.head.bias

    def train(self, mode: bool = True) -> "MSQNet":
        """As nn.Module's, but CLIP's tower stays in evaluation: it is not trained."""
        super().train(mode)
        self.image.eval()
        return self

    def parameter_groups(self, lr: float, *, lr_mult: float = 10, weight_decay: float = 1e-3) -> list[dict]:
        """AdamW's groups: all but the video encoder is new, CLIP's tower is in none. MSQNet: factor 1, no decay."""
        return parameter_groups(
            self,
            lr,
            lr_mult=lr_mult,
            weight_decay=weight_decay,
            is_new=lambda name: not name.startswith("video."),
        )


def sinusoids(num_tokens: int, width: int) -> Tensor:
    """Sinusoidal positions (num_tokens, width): sine, cosine in turn, wavelengths 2 pi to 20000 pi (Vaswani 2017).

    They number tokens in the video encoder's order: class token, then patch by patch, the frames of each in turn.
    """
    waves = torch.exp(torch.arange(0, width, 2) * (-math.log(10_000) / width))
    angles = torch.arange(num_tokens)[:, None] * waves  # (num_tokens, width / 2)
    return torch.stack([angles.sin(), angles.cos()], dim=-1).flatten(1)


def check(network: str, weights: str | Path) -> None:
    """Raise AmcError unless the network is known, transformers is installed and `weights` may exist; see `build`.

    Nothing is built or downloaded, so any name "org/name" is taken for one on the hub.
    """
    choice("network", network, list(VIDEO_ENCODERS))
    if importlib.util.find_spec("transformers") is None:
        raise AmcError(f"network: {network!r} needs transformers, which is absent; pip install 'amc[baselines]'")
    path, name = Path(weights), str(weights)
    is_file = path.is_file() and path.suffix == ".safetensors"
    is_hub_name = re.fullmatch(HUB_NAME, name) is not None and path.suffix != ".safetensors" and not path.is_file()
    if name and not (is_file or path.is_dir() or is_hub_name):
        raise AmcError(
            f"weights: {name!r} is no .safetensors file of an MSQNet, no folder of a TimeSformer and no name such as "
            "facebook/timesformer-base-finetuned-k400; give one of these, or '' for random weights"
        )


def build(
    network: str,
    weights: str | Path,
    *,
    clip: tuple[str, str | Path] = (SYNTH_CLIP, BUNDLED),
    names: Sequence[str],
    num_slots: int,
    seed: int = 0,
) -> Classifier:
    """MSQNet for these behaviour names; all but CLIP and the weights of its video encoder is drawn from `seed`.

    network: one of VIDEO_ENCODERS. weights: "" to draw the video encoder too; a .safetensors file that
    `checkpoint.save` wrote of an MSQNet or of `build_encoder`'s network, of any names, whose video encoder is taken;
    or a folder or a hub name of a transformers TimeSformer. clip: backbone and source, as in
    `weights.open_clip_model`; it sets the picture size. num_slots: T; temporal positions for another T are stretched
    to it. Raises AmcError for unknown or unfitting parts.
    """
    check(network, weights)
    tower, card, preprocess = _clip(clip, num_slots=num_slots, seed=seed)
    image, sizes = tower.visual, VIDEO_ENCODERS[network]
    embedded = text.encode(tower, names, tokenizer=open_clip.get_tokenizer(clip[0]))  # (C, E)
    image.proj = None  # so that open_clip returns the normalised class token itself
    embed_dim = embedded.shape[1]
    with seeded(seed):
        video = video_encoder(sizes, weights, size=preprocess.size, num_slots=num_slots)
        transformer = nn.Transformer(
            embed_dim, sizes.query_heads, sizes.query_layers, sizes.query_layers,
            sizes.query_mlp, DROPOUT, batch_first=True,
        )  # fmt: skip
        module = MSQNet(video, image, transformer, embedded).eval()
    card = {"network": network, "weights": Path(weights).name, "is_random": not str(weights)} | card
    return Classifier(module, preprocess, card, names=names)


def build_encoder(
    network: str,
    *,
    clip: tuple[str, str | Path] = (SYNTH_CLIP, BUNDLED),
    names: Sequence[str],
    num_slots: int,
    seed: int = 0,
) -> Classifier:
    """The video encoder of an MSQNet alone, drawn from `seed`, to be pre-trained; arguments and errors as in `build`.

    clip: only its picture size and normalisation are used. `build` takes the weights that training this one writes.
    The published encoder was pre-trained in the same way, as a classifier of Kinetics-400 without CLIP. Within a whole
    MSQNet it learns little: the queries read the labels from CLIP's picture long before a drawn encoder shows them.
    Trained alone on Synth Menagerie's 510 clips, it learns appearance: frames in another order leave its validation
    loss as it is, also if its positions in time start from noise instead of TimeSformer's zeros.
    """
    check(network, "")
    _, card, preprocess = _clip(clip, num_slots=num_slots, seed=seed)
    with seeded(seed):
        video = video_encoder(VIDEO_ENCODERS[network], "", size=preprocess.size, num_slots=num_slots)
        module = VideoClassifier(video, len(names)).eval()
    return Classifier(module, preprocess, {"network": network, "weights": "", "is_random": True} | card, names=names)


def _clip(source: tuple[str, str | Path], *, num_slots: int, seed: int) -> tuple[nn.Module, dict, Preprocess]:
    """The CLIP, its part of the card, and its preprocessing. Raises AmcError if it or num_slots does not fit."""
    if num_slots < 1:
        raise AmcError(f"num_slots: {num_slots}, but a clip has at least one; count its frames")
    tower, note = clip_and_note(*source, seed=seed)
    image = tower.visual
    if not isinstance(image, VisionTransformer) or image.image_size[0] % PATCH_SIZE:
        raise AmcError(
            f"clip: {source[0]} is no ViT of pictures of whole {PATCH_SIZE} px patches; choose ViT-B-16-quickgelu"
        )
    card = {"clip": source[0], "clip_weights": str(source[1]), "num_slots": num_slots, "seed": seed}
    if note:
        card["note"] = note
        warnings.warn(note, stacklevel=3)
    pixels = image.preprocess_cfg
    return tower, card, Preprocess(image.image_size[0], tuple(pixels["mean"]), tuple(pixels["std"]))
