"""A clip as two short strips of pictures, or as a moving picture: frames and their flow; for figures only."""

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import numpy as np
import torch
from IPython.display import HTML
from torch import Tensor

from amc import flow, flow_color, transforms, video
from amc.figures import Key, moving

FASTEST = 1 / 40  # of a picture's height per frame: motion at which flow colours are saturated
WIDE = 1.3  # width by height from which slots stand in two columns
SIDE = 192  # px, the short side of a video in a moving picture at most
Read = Callable[[list[int]], Tensor]  # from ascending frame indices to their pictures, uint8 (P, 3, H, W)


def middles(path: Path, *, count: int = 10) -> dict[str, float | Tensor]:
    """`film`, uint8 (count, 3, H, W): the middle frames of `count` equal parts of a video; and its `fps`.

    Raises AmcError for a video that cannot be read.
    """
    info = video.probe(path)
    return {"film": video.read_frames(path, _middles(info.num_frames, count)), "fps": info.fps}


def strips(path: Path, *, count: int = 10) -> dict[str, float | Tensor | Key | list[float]]:
    """What `middles` gives, its `seconds`, and its `motion`, uint8 (count, 3, H, W), with the `key` to the colours.

    Flow is by DIS, which needs no weights, and never across a cut. Raises AmcError for a video that cannot be read.
    """
    info, read = video.probe(path), partial(video.read_frames, path)
    scale = FASTEST * info.height
    places = _middles(info.num_frames, count)
    motion, key = _motion(read, places, info.num_frames, scale), Key(flow_color.legend(129), scale)
    return middles(path, count=count) | {"motion": motion, "key": key, "seconds": [at / info.fps for at in places]}


def _middles(num_frames: int, count: int) -> list[int]:
    return ((np.arange(count) + 0.5) * num_frames / count).astype(int).tolist()


def played(
    read: Read,
    num_frames: int,
    fps: float,
    *,
    alt: str,
    slots: Tensor | None = None,
    chosen: Sequence[int] = (),
    every: range = range(0),
) -> HTML:
    """A video as a moving picture: film | flow, and | slots, which appear when the video comes to their frames.

    slots: uint8 (T, 3, H, W), what a classifier gets of the frames `chosen`; every: frames of which none is left out,
    see `moving.pace`. Flow is by DIS, from each frame to the next one, and never across a cut.
    """
    shown, seconds = moving.pace(num_frames, fps, every=every)
    frames = read(shown)
    scale = FASTEST * frames.shape[-2]
    panels = {"film": frames, "its motion (optical flow)": _motion(read, shown, num_frames, scale)}
    if slots is not None:
        places = np.repeat(chosen, len(slots) // len(chosen))
        columns = 2 if frames.shape[-1] > WIDE * frames.shape[-2] else 4
        panels["what the model gets"] = moving.filling(slots, places, shown, columns=columns)
    still = shown.index(every[len(every) // 2]) if every else len(shown) // 2
    return moving.moving(panels, seconds, alt=alt, key=Key(flow_color.legend(129), scale), still=still)


def of(path: Path | str) -> tuple[Read, int, float]:
    """The first arguments of `played` for a video file, whose frames are made smaller than SIDE px."""
    info = video.probe(path)
    return partial(_small, path), info.num_frames, info.fps


def _small(path: Path | str, at: list[int]) -> Tensor:
    """A few frames at a time, so that large ones need little memory."""
    parts = (video.read_frames(path, at[k : k + 8]) for k in range(0, len(at), 8))
    return torch.cat([transforms.resize_short_side(part, None, min(SIDE, *part.shape[-2:]))[0] for part in parts])


def _motion(read: Read, at: list[int], num_frames: int, scale: float) -> Tensor:
    pairs = flow.pairs_in_shots(at, num_frames, read)
    first, second = (read([pair[side] for pair in pairs]) for side in (0, 1))
    return flow_color.render(flow.estimate(first, second, method="dis"), max_px=scale)
