"""RAFT's weights: torchvision's own, the official repository's, or ours; loaded strictly into torchvision's models."""

import hashlib
import re
from functools import lru_cache
from pathlib import Path

import torch

import amc.base.torchvision_cpu  # noqa: F401  before torchvision
from amc.base import bundled, digests
from amc.base.checkpoint import load_strictly, read
from amc.base.errors import AmcError
from amc.base.state_dicts import renamed
from amc.raft import refine

from torchvision.models import optical_flow  # isort: skip

BUNDLED = "raft-synth"  # RAFT-small with weights of our own, in data/weights: `python -m amc flow train`
# Updates per method: torchvision's number at test time; ours was trained with 6, and of 6, 8, 10 and 12 the validation
# pairs showed hardly any gain beyond 8.
UPDATES = {"raft-large": 12, "raft-small": 12, BUNDLED: 8}
LARGEST = 384  # px, longer side; ours were trained on nothing larger and are only reliable up to it (see their card)
ARCHITECTURES = {  # with torchvision's weights for it
    "raft-large": (optical_flow.raft_large, optical_flow.Raft_Large_Weights.DEFAULT),
    "raft-small": (optical_flow.raft_small, optical_flow.Raft_Small_Weights.DEFAULT),
    BUNDLED: (optical_flow.raft_small, None),
}
OFFICIAL_NAMES = (  # rules from princeton-vl/RAFT's parameter names to torchvision's
    (r"^fnet\.", "feature_encoder."),
    (r"^cnet\.", "context_encoder."),
    (r"^(\w+_encoder)\.conv1\.", r"\1.convnormrelu.0."),
    (r"^(\w+_encoder)\.norm1\.", r"\1.convnormrelu.1."),
    (r"^(\w+_encoder)\.conv2\.", r"\1.conv."),
    (r"(layer\d\.\d)\.conv(\d)\.", r"\1.convnormrelu\2.0."),
    (r"(layer\d\.\d)\.norm(\d)\.", r"\1.convnormrelu\2.1."),
    (r"^update_block\.encoder\.convc(\d)\.", r"update_block.motion_encoder.convcorr\1.0."),
    (r"^update_block\.encoder\.convf(\d)\.", r"update_block.motion_encoder.convflow\1.0."),
    (r"^update_block\.encoder\.conv\.", r"update_block.motion_encoder.conv.0."),
    (r"^update_block\.gru\.conv([zrq])\.", r"update_block.recurrent_block.convgru1.conv\1."),
    (r"^update_block\.gru\.conv([zrq])(\d)\.", r"update_block.recurrent_block.convgru\2.conv\1."),
    (r"^update_block\.mask\.0\.", "mask_predictor.convrelu.0."),
    (r"^update_block\.mask\.2\.", "mask_predictor.conv."),
)


def checkpoint(method: str, weights: Path | str | None) -> Path:
    """The file of weights for `method`: `weights`, or the bundled ones, or torchvision's, downloaded once."""
    if weights is not None:
        if not Path(weights).is_file():
            raise AmcError(f"weights: no file {weights}; give a RAFT checkpoint, or choose method='dis'")
        return Path(weights)
    if method == BUNDLED:
        return bundled.find(method)[0]
    url = ARCHITECTURES[method][1].url
    path = Path(torch.hub.get_dir(), "checkpoints", Path(url).name)
    if not path.is_file():
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            torch.hub.download_url_to_file(url, str(path), hash_prefix=_hash_prefix(path))
        except (OSError, RuntimeError) as error:  # no network, a full disk; another sha256
            raise AmcError(
                f"weights: {method}'s could not be downloaded ({error}); put {url} at {path}, "
                f"or pass a checkpoint as weights=, or choose method='dis', which needs none"
            ) from error
    return path


def load(method: str, weights: Path | str | None, *, device: torch.device | str = "cpu") -> torch.nn.Module:
    """The model of `method` with its weights, loaded strictly, in evaluation mode; cached for the next call."""
    path = checkpoint(method, weights)
    return _load(method, path, digests.state(path), weights is None, str(device))


@torch.no_grad()
def run(model: torch.nn.Module, first: torch.Tensor, second: torch.Tensor, *, updates: int) -> torch.Tensor:
    """(P, 2, H, W) float32 flow between uint8 pictures whose sides are multiples of 8 and at least 128."""
    return refine.flow(model, scaled(first), scaled(second), updates=updates)


def scaled(picture: torch.Tensor) -> torch.Tensor:
    """What RAFT expects of a picture: float32 from -1 to 1 of uint8."""
    return picture.float() / 127.5 - 1


@lru_cache(maxsize=len(ARCHITECTURES))
def _load(method: str, path: Path, state: str, is_torchvision: bool, device: str) -> torch.nn.Module:
    is_published = is_torchvision and method != BUNDLED
    if is_published and not hashlib.sha256(path.read_bytes()).hexdigest().startswith(_hash_prefix(path)):
        raise AmcError(
            f"weights: {path} is damaged (its sha256 is not that in its name); remove it, and it is downloaded again"
        )
    model = ARCHITECTURES[method][0]()
    load_strictly(model, _renamed(read(path)[0]), f"weights: {path} for {method}")
    return model.eval().requires_grad_(False).to(device)


def _renamed(state: dict[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    """torchvision's names for the official ones; torchvision's own are unchanged. The official norm3 is the same tensor
    as downsample.1."""
    once = {name: value for name, value in state.items() if not re.search(r"layer[23]\.0\.norm3\.", name)}
    return {renamed(name, OFFICIAL_NAMES): value for name, value in once.items()}


def _hash_prefix(path: Path) -> str:
    """torch.hub's convention: the file name ends with the first digits of the content's sha256."""
    return path.stem.rsplit("-", 1)[-1]
