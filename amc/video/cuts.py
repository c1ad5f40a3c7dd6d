"""Shots of an edited video: what lies between two cuts. Motion, and windows over time, stay within one.

Scenes are compared at 24 x 32 px: from frame to frame, motion changes such a picture less than a cut does, even in the
film of a shaking drone. A flash or a fade keeps the layout of the scene and is no cut.
"""

from collections.abc import Iterable
from contextlib import suppress

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from amc.base.errors import VideoError

SIZE = (24, 32)  # height and width at which scenes are compared
# A cut: a mean change above the first number, of 255 levels, and a correlation of the two layouts below the second.
RULES = ((20, 0.9), (5, 0.25))
Range = tuple[int, int]  # first frame, one past the last


def is_cut(first: Tensor, second: Tensor) -> Tensor:
    """Whether there is a cut between each frame of `first` and its partner in `second`: bool (P,).

    first, second: (P, 3, H, W) uint8 RGB of any size. At a cut many grey levels change, or hardly any layout stays.
    """
    one, other = (F.interpolate(x.float(), SIZE, mode="area").flatten(2) for x in (first, second))  # (P, 3, N)
    change = (one - other).abs().mean(dim=(1, 2))
    one, other = (x - x.mean(dim=2, keepdim=True) for x in (one, other))
    alike = F.cosine_similarity(one.flatten(1), other.flatten(1), dim=1)
    (much, changed), (some, gone) = RULES
    return ((change > much) & (alike < changed)) | ((change > some) & (alike < gone))


def between_cuts(pictures: Iterable[np.ndarray], num_frames: int) -> tuple[Range, ...]:
    """The shots of a video of `num_frames` frames, in order, from all its frames as pictures (H, W, 3) uint8.

    If a frame cannot be read, the last shot holds all frames from the cut before it.
    """
    starts, last = [0], None
    with suppress(VideoError):  # who asks for the frame is told
        for number, picture in enumerate(pictures):
            frame = torch.from_numpy(np.ascontiguousarray(picture)).permute(2, 0, 1)[None]
            if last is not None and is_cut(last, frame):
                starts.append(number)
            last = frame
    return tuple(zip(starts, [*starts[1:], num_frames], strict=True))
