"""Time: a video's frame times in; begin and end of each frame, sliding windows over them, scores per frame out.

Pure. Frames are counted from 0, times are seconds since the first frame. Windows have equal lengths in time, not in
frames, so nothing drifts at 29.97 frames per second or at a variable rate.
"""

from dataclasses import dataclass

import numpy as np

from amc.base.errors import AmcError

EPSILON = 1e-6  # seconds: rounding of time stamps; no camera is that fast
ROUNDED = 0.01  # seconds: durations in files are rounded
Range = tuple[int, int]  # first frame, one past the last


@dataclass(frozen=True)
class SlidingWindow:
    """Windows over time. Raises AmcError for lengths that leave gaps."""

    seconds: float = 2.0  # length of a window; training clips are 2 to 10 s long
    stride: float = 0.5  # seconds from one start to the next

    def __post_init__(self):
        if not 0 < self.stride <= self.seconds < np.inf:
            says = f"{self.stride} s with windows of {self.seconds} s"
            raise AmcError(f"stride: {says}; needs 0 < stride <= window, or frames are missed")


def edges(times: np.ndarray, fps: float, *, end: float = float("nan")) -> np.ndarray:
    """When each frame begins and the last one ends: (N + 1,) seconds, of ascending frame times (N,).

    Times count from the start of the video; the first frame may be later, if earlier ones cannot be decoded. The last
    frame lasts as long as the median one (a single frame, 1 / `fps`), or longer, until `end`, seconds, if the file says
    so. Raises AmcError for times that do not ascend, or if no duration is known.
    """
    times = np.asarray(times, dtype=np.float64)
    steps = np.diff(times)
    if not len(times) or not np.isfinite(times).all() or (steps <= 0).any():
        raise AmcError(f"times: {len(times)} frames whose times do not ascend; write the video anew with its own times")
    last = float(np.median(steps)) if len(steps) else 1 / fps
    if not np.isfinite(last):
        raise AmcError("times: how long the only frame lasts is not known; give a video file with a frame rate")
    usual = times[-1] + last
    return np.append(times, end if end > usual + ROUNDED else usual)


def slide(edges: np.ndarray, *, seconds: float, stride: float) -> tuple[Range, ...]:
    """Windows of `seconds` whose starts are `stride` seconds apart, the last one ending with the video.

    edges (N + 1,). Every frame lies in at least one window; a video shorter than a window is one window; none is empty.
    stride: above 0 and up to `seconds`, see `SlidingWindow`.
    """
    last = max(edges[-1] - seconds, edges[0])
    starts = np.append(np.arange(edges[0], last - EPSILON, stride), last)
    first = np.searchsorted(edges[:-1], starts - EPSILON)
    stop = np.searchsorted(edges[:-1], starts + seconds - EPSILON)
    stop[-1] = len(edges) - 1
    found = [(int(a), int(b)) for a, b in zip(first, stop, strict=True) if a < b]
    return tuple(dict.fromkeys(found))  # at low frame rates two windows may hold the same frames


def spread(values: np.ndarray, windows: tuple[Range, ...], num_frames: int) -> np.ndarray:
    """Scores per frame (N, C) float32 from scores per window (W, C): the mean over the windows that hold the frame."""
    starts, stops = np.array(windows).T
    total = np.zeros((num_frames + 1, values.shape[1]))
    count = np.zeros(num_frames + 1)
    for place, sign in ((starts, 1), (stops, -1)):
        np.add.at(total, place, sign * values.astype(np.float64))
        np.add.at(count, place, sign)
    total, count = total.cumsum(axis=0)[:-1], count.cumsum()[:-1]
    if (count < 0.5).any():
        raise AmcError(f"windows: frame {int(np.argmin(count))} lies in none; let windows overlap")
    return np.clip(total / count[:, None], values.min(axis=0), values.max(axis=0)).astype(np.float32)
