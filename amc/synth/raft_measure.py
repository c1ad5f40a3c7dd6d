"""Error of flow on pairs that are not in training: drawn ones, and real ones in Middlebury's layout."""

from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from amc import flow, metrics
from amc.base.errors import AmcError
from amc.synth import raft_train
from amc.synth.raft_train import end_point_error

UNKNOWN = 1e9  # Middlebury marks an unknown vector by a larger value
NOTHING = "nothing moves"  # the claim that every estimate has to beat
Estimate = Callable[[Tensor, Tensor], Tensor]


def methods(weights: Mapping[str, Path]) -> dict[str, Estimate]:
    """The methods to compare: zero flow, DIS in its three presets, and the checkpoints `weights`, by method."""
    dis = dict.fromkeys(name for name in flow.METHODS if name.startswith("dis"))
    by = {name: partial(flow.estimate, method=name, weights=path) for name, path in (dis | dict(weights)).items()}
    return {NOTHING: _nothing} | by


def drawn(compared: Mapping[str, Estimate]) -> list[dict]:
    """End-point error by method and kind of held-out pair, and over "all" of them.

    Rows have method, pairs, count, and epe, low and high in pixels.

    The interval (95 %) is a bootstrap over chunks, whose pairs share a scene or textures.
    """
    rows = []
    for method, estimate in compared.items():
        found = raft_train.errors(estimate, "held-out")
        small = np.concatenate([found["kingdom"], found["broad"]], axis=1)
        every = [*small, *(chunk for kind in raft_train.KINDS.values() for chunk in found[kind])]
        for kind, chunks in {**found, "all": every}.items():
            sums, counts = (np.array([of(chunk) for chunk in chunks]) for of in (np.sum, np.size))
            epe, low, high = metrics.ratio(sums, counts)
            row = {"method": method, "pairs": kind, "count": int(counts.sum())}
            rows.append(row | {"epe": epe, "low": low, "high": high})
    return rows


def real(compared: Mapping[str, Estimate], folder: Path) -> list[dict]:
    """The same for one real pair; its interval is not known. Raises AmcError where `folder` holds none."""
    first, second, truth = middlebury(folder)
    is_known = (truth.abs() < UNKNOWN).all(0)
    return [
        {"method": method, "pairs": folder.name, "count": 1}
        | {"epe": float(end_point_error(estimate(first, second), truth[None])[0, is_known].mean())}
        for method, estimate in compared.items()
    ]


def middlebury(folder: Path) -> tuple[Tensor, Tensor, Tensor]:
    """frame10.png and frame11.png, uint8 (1, 3, H, W), and flow10.flo, float32 (2, H, W) px (Baker et al., 2011)."""
    folder = Path(folder)
    truth = cv2.readOpticalFlow(str(folder / "flow10.flo"))
    if truth is None or not all((folder / name).is_file() for name in ("frame10.png", "frame11.png")):
        raise AmcError(f"{folder}: expected frame10.png, frame11.png and flow10.flo, as Middlebury's sets have them")
    pictures = [np.array(Image.open(folder / name).convert("RGB")) for name in ("frame10.png", "frame11.png")]
    return *(torch.from_numpy(x).movedim(-1, 0)[None] for x in pictures), torch.from_numpy(truth).movedim(-1, 0)


def _nothing(first: Tensor, second: Tensor) -> Tensor:
    return torch.zeros(len(first), 2, *first.shape[-2:])
