"""Pairs of frames in, dense motion vectors out, in pixels per frame (paper sec. 2: RAFT).

The flow of a frame is the motion to the next frame of the video, not to the next sampled frame: RAFT was not trained
on large steps, and the paper's F_i lies between I_i and I_(i+1). The paper names RAFT; `dis` needs no weights and is
far faster, but it is another method and never replaces RAFT silently.
"""

import warnings
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import cv2
import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from amc.base.digests import digest
from amc.base.errors import AmcError, NotFinite, choice
from amc.config import Pixels
from amc.raft import weights as raft
from amc.video.cuts import is_cut


def flow_pairs(indices: Sequence[int], num_frames: int) -> list[tuple[int, int]]:
    """The frame pairs that give the flow of `indices`: each frame and the next one.

    The last frame has no successor and takes the pair before it; the only frame of a video is paired with itself,
    which gives zero flow.
    """
    last = max(num_frames - 2, 0)
    return [(min(index, last), min(index + 1, num_frames - 1)) for index in indices]


def pairs_in_shots(
    indices: Sequence[int], num_frames: int, read: Callable[[list[int]], Tensor]
) -> list[tuple[int, int]]:
    """`flow_pairs` that never cross a cut, for edited films.

    A frame just before a cut takes the pair before it, as the last frame of a video does; if that pair crosses a cut
    too, the frame is paired with itself, which gives zero flow. read: from ascending frame indices to their pictures
    (T, 3, H, W) uint8.
    """
    after = flow_pairs(indices, num_frames)
    before = [(max(index - 1, 0), index) for index in indices]
    needed = sorted({frame for pair in after + before for frame in pair})
    pictures = dict(zip(needed, read(needed), strict=True))

    def cuts(pairs: list[tuple[int, int]]) -> list[bool]:
        return is_cut(*(torch.stack([pictures[pair[side]] for pair in pairs]) for side in (0, 1))).tolist()

    choices = zip(indices, after, cuts(after), before, cuts(before), strict=True)
    return [
        pair if not is_over else earlier if not is_before else (index, index)
        for index, pair, is_over, earlier, is_before in choices
    ]


def estimate(first: Tensor, second: Tensor, *, method: str, weights: Path | str | None = None) -> Tensor:
    """Flow that carries each of `first` onto its partner in `second`; identical partners have exactly zero flow.

    first, second: (P, 3, H, W) uint8 RGB of any size. weights: for RAFT, a checkpoint of torchvision or of the official
    repository; None takes ours in data/weights for raft-synth, else torchvision's own, downloaded once. Returns
    (P, 2, H, W) float32 on the device of `first`, pixels per frame, u right and v down. Raises AmcError for an unknown
    method, for missing or wrong weights, and for weights whose vectors are not finite.
    """
    choice("method", method, list(METHODS))
    is_batch = first.ndim == 4 and len(first) > 0 and first.shape[1] == 3
    if not is_batch or first.shape != second.shape or {first.dtype, second.dtype} != {torch.uint8}:
        found = " and ".join(f"{tuple(x.shape)} {x.dtype}" for x in (first, second))
        raise AmcError(f"first and second: {found}; expected two uint8 (P, 3, H, W), P at least 1")
    _refuse_needless(weights, method)
    moves = (first != second).flatten(1).any(1)
    found = METHODS[method](first, second, weights) * moves[:, None, None, None]
    finite = found.isfinite().flatten(1).all(1)
    if not finite.all():
        pair = finite.logical_not().nonzero()[0].item()
        raise NotFinite(
            f"flow: {method} gives vectors that are not finite for pair {pair} of {len(finite)}; check its weights, or "
            "choose another method"
        )
    return found


def fingerprint(method: str, weights: Path | str | None = None) -> str:
    """What the vectors depend on besides the frames (method, weights and updates, or version): part of a cache key."""
    choice("method", method, list(METHODS))
    _refuse_needless(weights, method)
    if found := files(method, weights):
        return f"{method} {digest(found[0])} {raft.UPDATES[method]} updates"
    return f"{method} opencv {cv2.__version__}" if method.startswith("dis") else method


def files(method: str, weights: Path | str | None = None) -> list[Path]:
    """The file of weights that a method reads, if it has one."""
    return [raft.checkpoint(method, weights)] if method in raft.ARCHITECTURES else []


def fingerprint_of(pixels: Pixels) -> str:
    """The fingerprint of the flow that a model sees; empty if it sees none. Raises AmcError for missing weights."""
    return fingerprint(pixels.flow_method, pixels.flow_weights or None) if "flow" in pixels.modality else ""


def _refuse_needless(weights: Path | str | None, method: str) -> None:
    if weights is not None and method not in raft.ARCHITECTURES:
        learned = " or ".join(raft.ARCHITECTURES)
        raise AmcError(f"weights: {method} takes none, but {weights} was given; leave them out or choose {learned}")


def _dis(first: Tensor, second: Tensor, weights: None, *, preset: int) -> Tensor:
    """OpenCV's dense inverse search (Kroeger et al., ECCV 2016)."""
    first, second, unpad = pad(first, second, minimum=16)  # OpenCV refuses less than 12 px
    grays = [[cv2.cvtColor(x, cv2.COLOR_RGB2GRAY) for x in _channels_last(side)] for side in (first, second)]
    threads = cv2.getNumThreads()
    cv2.setNumThreads(1)  # pairs are small, and data loaders already fill the cores
    try:
        # A new estimator per pair: at some sizes a reused one keeps state that changes the flow.
        flows = [cv2.DISOpticalFlow_create(preset).calc(a, b, None) for a, b in zip(*grays, strict=True)]
    finally:
        cv2.setNumThreads(threads)
    return unpad(torch.from_numpy(np.stack(flows)).movedim(-1, 1)).to(first.device)


def _raft(first: Tensor, second: Tensor, weights: Path | str | None, *, method: str) -> Tensor:
    if method == raft.BUNDLED and max(first.shape[-2:]) > raft.LARGEST:
        size = " x ".join(map(str, first.shape[-2:]))
        limit = f"{method} was trained at up to {raft.LARGEST} px and errs on {size}"
        warnings.warn(f"{limit}: data/weights/{method}.json", stacklevel=3)
    model = raft.load(method, weights, device=first.device)
    first, second, unpad = pad(first, second, minimum=128, multiple=8)  # the sizes that torchvision's RAFT accepts
    chunk = 4 if first.device.type == "cpu" else 32  # more pairs do not fit a CPU's cache and are slower
    parts = zip(first.split(chunk), second.split(chunk), strict=True)
    flows = [raft.run(model, *part, updates=raft.UPDATES[method]) for part in parts]
    return unpad(torch.cat(flows))


def _true(first: Tensor, second: Tensor, weights: None) -> Tensor:
    raise AmcError("method: true flow comes from the renderer of Synth Kingdom, not from pixels; choose another here")


METHODS: dict[str, Callable[..., Tensor]] = {
    "raft-large": partial(_raft, method="raft-large"),
    "raft-small": partial(_raft, method="raft-small"),
    "raft-synth": partial(_raft, method="raft-synth"),
    "dis": partial(_dis, preset=cv2.DISOPTICAL_FLOW_PRESET_MEDIUM),
    "dis-fast": partial(_dis, preset=cv2.DISOPTICAL_FLOW_PRESET_FAST),
    "dis-ultrafast": partial(_dis, preset=cv2.DISOPTICAL_FLOW_PRESET_ULTRAFAST),
    "true": _true,
}


def pad(
    first: Tensor, second: Tensor, *, minimum: int, multiple: int = 1
) -> tuple[Tensor, Tensor, Callable[[Tensor], Tensor]]:
    """Both padded on all sides to a legal size, by repeating their borders; and what crops a flow back exactly."""
    height, width = first.shape[-2:]
    grown = [max(minimum, -(-side // multiple) * multiple) for side in (height, width)]
    top, left = (grown[0] - height) // 2, (grown[1] - width) // 2
    border = (left, grown[1] - width - left, top, grown[0] - height - top)
    if any(border):
        first, second = (F.pad(x.float(), border, mode="replicate").to(x.dtype) for x in (first, second))
    return first, second, lambda flow: flow[..., top : top + height, left : left + width]


def _channels_last(pictures: Tensor) -> np.ndarray:
    return np.ascontiguousarray(pictures.movedim(1, -1).cpu().numpy())
