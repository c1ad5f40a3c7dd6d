"""A clip as two short strips of pictures, frames and their flow; for figures, not for a model."""

from functools import partial
from pathlib import Path

import numpy as np
from torch import Tensor

from amc import flow, flow_color, video
from amc.figures import Key

FASTEST = 1 / 40  # of a picture's height per frame: motion at which flow colours are saturated


def strips(path: Path, *, count: int = 10) -> dict[str, float | Tensor | Key]:
    """`film` and `motion`, uint8 (count, 3, H, W): the middle frames of `count` equal parts of a video, and their flow.

    Also the `key` to the flow colours, and `fps`. Flow is by DIS, which needs no weights, and never across a cut.
    Raises AmcError for a video that cannot be read.
    """
    info = video.probe(path)
    at = ((np.arange(count) + 0.5) * info.num_frames / count).astype(int)
    pairs = flow.pairs_in_shots(at.tolist(), info.num_frames, partial(video.read_frames, path))
    first, second = (video.read_frames(path, [pair[side] for pair in pairs]) for side in (0, 1))
    vectors = flow.estimate(first, second, method="dis")
    motion = flow_color.render(vectors, max_px=FASTEST * info.height)
    key = Key(flow_color.legend(129), FASTEST * info.height, f"{info.height} px")
    return {"film": video.read_frames(path, at.tolist()), "motion": motion, "key": key, "fps": info.fps}
