"""I3D, SlowFast and X3D (rows of the paper's Table 1): clips in, one logit for each behaviour out; no text, no flow.

Pixels (B, T, 3, H, W), float and normalised, give logits (B, C). The networks are pytorchvideo's (an optional extra),
whose names and shapes are those of its model zoo: https://github.com/facebookresearch/pytorchvideo, docs/model_zoo.md.
I3D: Carreira and Zisserman 2017; SlowFast: Feichtenhofer et al. 2019; X3D: Feichtenhofer 2020.
"""

import importlib.util
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import ModuleType
from typing import NamedTuple

import torch
from torch import Tensor, nn

import amc.base.torchvision_cpu  # noqa: F401  before pytorchvideo imports torchvision
from amc.base import checkpoint
from amc.base.errors import AmcError, choice
from amc.base.torch_state import seeded
from amc.model import Classifier, Preprocess, layers

MEAN, STD = (0.45, 0.45, 0.45), (0.225, 0.225, 0.225)  # what pytorchvideo's networks were trained with
MIN_SIZE = 32  # pixels; all networks halve the picture five times


class Network(NamedTuple):
    """One architecture, and the clips it is designed for."""

    about: str
    frames: int  # T, slots of a clip
    stride: int  # native frames from one slot to the next
    size: int  # pixels, height and width, of its training on Kinetics; Animal Kingdom's configurations crop 256
    make: Callable[[ModuleType, int], nn.Module]  # pytorchvideo.models.hub and C in, its network out
    divisor: int = 1  # T must be a multiple of it
    has_slow: bool = False  # whether it takes two pathways, of T // divisor and of T slots


# The zoo's own functions, so that its checkpoints fit. They pool over windows of one fixed picture size; the mean over
# all positions is equal there, has no weights and works at any size. (The zoo slides the window over larger pictures.)
def _i3d(hub: ModuleType, num_classes: int, *, width: int = 64) -> nn.Module:
    return hub.i3d_r50(model_num_class=num_classes, head_pool=nn.AdaptiveAvgPool3d, stem_dim_out=width)


def _slowfast(hub: ModuleType, num_classes: int, *, width: int = 64) -> nn.Module:
    widths = (width, width // 8)  # Slow, Fast
    return hub.slowfast_r50(model_num_class=num_classes, head_pool=nn.AdaptiveAvgPool3d, stem_dim_outs=widths)


def _x3d(hub: ModuleType, num_classes: int, *, member: str) -> nn.Module:
    net = getattr(hub, member)(model_num_class=num_classes, head_activation=None)  # the zoo's network ends in a softmax
    net.blocks[-1].pool.pool = nn.AdaptiveAvgPool3d(1)
    return net


# The small networks are ResNet-50s too, only narrower: pytorchvideo 0.1.5 has no ResNet shallower than 50.
NETWORKS = {
    "i3d-r50": Network("I3D 8x8, ResNet-50", 8, 8, 224, _i3d, divisor=2),
    "i3d-narrow": Network("I3D 8x8, a quarter of the width", 8, 8, 64, partial(_i3d, width=16), divisor=2),
    "slowfast-r50": Network("SlowFast 8x8, ResNet-50", 32, 2, 224, _slowfast, divisor=4, has_slow=True),
    "slowfast-narrow": Network(
        "SlowFast 4x16, a quarter of the width", 16, 4, 64, partial(_slowfast, width=16), divisor=4, has_slow=True
    ),
    "x3d-l": Network("X3D-L", 16, 5, 312, partial(_x3d, member="x3d_l")),
    "x3d-m": Network("X3D-M", 16, 5, 224, partial(_x3d, member="x3d_m")),
    "x3d-s": Network("X3D-S", 13, 6, 160, partial(_x3d, member="x3d_s")),
    "x3d-xs": Network("X3D-XS", 4, 12, 160, partial(_x3d, member="x3d_xs")),
}


class Conv3D(nn.Module):
    """A pytorchvideo network with the same input as all our models. In eval mode `forward` changes no state."""

    def __init__(self, net: nn.Module, *, divisor: int = 1, has_slow: bool = False):
        super().__init__()
        self.net = net
        self.divisor = divisor
        self.has_slow = has_slow

    @property
    def logit_bias(self) -> nn.Parameter:
        """The last projection's bias (C,), which is added to the logits."""
        return self.net.blocks[-1].proj.bias

    @torch.autocast("cpu", enabled=False)  # PyTorch's convolutions over time are slower in bfloat16 on CPUs
    def forward(self, pixels: Tensor) -> Tensor:
        """Logits (B, C), before the sigmoid, of pixels (B, T, 3, H, W), H and W of any size from 32.

        Raises AmcError when pixels are not normalised floats of such a shape, or T is no multiple of its divisor.
        """
        self._check(pixels)
        pathways = [pixels.transpose(1, 2)]  # (B, 3, T, H, W)
        if self.has_slow:
            pathways.insert(0, _slow(pathways[0], self.divisor))
        if pixels.device.type == "cpu":  # for speed alone: X3D's channelwise convolutions take half the time
            pathways = [clip.contiguous(memory_format=torch.channels_last_3d) for clip in pathways]
        return self.net(pathways if self.has_slow else pathways[0])

    def parameter_groups(self, lr: float, *, lr_mult: float = 10, weight_decay: float = 1e-3) -> list[dict]:
        """An optimizer's groups: the last projection learns `lr_mult` times faster; vectors do not decay."""
        return layers.parameter_groups(self, lr, lr_mult=lr_mult, weight_decay=weight_decay, is_new=is_new)

    def _check(self, pixels: Tensor) -> None:
        is_right = pixels.ndim == 5 and pixels.shape[2] == 3 and min(pixels.shape[3:]) >= MIN_SIZE
        layers.check_pixels(pixels, f"(B, T, 3, H, W), H and W from {MIN_SIZE}", is_right)
        if pixels.shape[1] % self.divisor or not pixels.shape[1]:
            raise AmcError(
                f"pixels: {pixels.shape[1]} slots, but the network takes multiples of {self.divisor}; change the frames"
            )


def is_new(name: str) -> bool:
    """Whether a parameter belongs to the last projection, which no checkpoint provides."""
    return ".proj." in name


def check(network: str, weights: str | Path) -> None:
    """Raise AmcError unless pytorchvideo is installed, the network in NETWORKS and `weights` "" or an existing file."""
    choice("network", network, list(NETWORKS))
    if not _is_installed():
        raise AmcError(f"network: {network!r} needs pytorchvideo, which is absent; pip install 'amc[baselines]'")
    if weights and not Path(weights).is_file():
        raise AmcError(
            f"weights: no file {str(weights)!r}; fetch {network}'s from pytorchvideo's model zoo, or give '' for random"
        )


def build(network: str, weights: str | Path, *, num_classes: int, seed: int = 0, size: int | None = None) -> Classifier:
    """A network of NETWORKS for `num_classes` behaviours, float32, in eval mode.

    weights: "" (random, from `seed`), or the path of its checkpoint from pytorchvideo's model zoo or of a Conv3D that
    `checkpoint.save` wrote: all but the last projection is loaded, strictly, and that one is random. size: height and
    width of its pictures in pixels, by default the network's. Raises AmcError when pytorchvideo is not installed, or
    the weights are missing, damaged or of another network.
    """
    check(network, weights)
    chosen = NETWORKS[network]
    size = size or chosen.size
    if size < MIN_SIZE or num_classes < 1:
        raise AmcError(f"size: {size} pixels, {num_classes} classes, but they start from {MIN_SIZE} and 1; give more")
    with seeded(seed):
        net = chosen.make(_hub(), num_classes)
    module = Conv3D(net, divisor=chosen.divisor, has_slow=chosen.has_slow).eval()
    if weights:
        tensors = {f"net.{name.removeprefix('net.')}": tensor for name, tensor in checkpoint.read(weights)[0].items()}
        head = {name: tensor for name, tensor in module.state_dict().items() if is_new(name)}
        checkpoint.load_strictly(module, tensors | head, weights)
    card = {
        "network": network,
        "weights": Path(weights).name,
        "random": "head" if weights else "all",  # what was drawn from the seed
        "num_slots": chosen.frames,
        "num_classes": num_classes,
        "seed": seed,
    }
    return Classifier(module, Preprocess(size, MEAN, STD), card)


def _slow(clip: Tensor, divisor: int) -> Tensor:
    """Input of SlowFast's Slow pathway from a clip (B, 3, T, H, W): T // divisor slots, evenly from first to last."""
    num_slots = clip.shape[2]
    return clip[:, :, torch.linspace(0, num_slots - 1, num_slots // divisor).long()]


def _is_installed() -> bool:
    try:
        return importlib.util.find_spec("pytorchvideo") is not None
    except ValueError:  # what Python raises if its import was blocked
        return False


def _hub() -> ModuleType:
    from pytorchvideo.models import hub  # an optional extra, and slow to import

    return hub
