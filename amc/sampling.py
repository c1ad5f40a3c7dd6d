"""Plan which frames each classifier sees (paper sec. 2): a frame count in, M windows out; no pixels.

M classifiers share their weights and look at different frames. Classifier m has a main window, and the rest of the
video as its context; the M main windows are disjoint and cover the video. It takes P frames from them by a scheme:

    dense        P uniform frames of the main window
    semi-dense   P/2 uniform frames of the main window and P/2 of the context (for odd P one more of the main window)
    sparse       no windows: P quasi-random, quasi-uniform frames of the whole video, different for each classifier

P uniform frames of a range are one frame from each of its P equal segments: their centres in evaluation, a random
place in each when a seed is given (X-CLIP's training). Sparse sampling does the same over the whole video, but in
evaluation a fixed low-discrepancy sequence (the paper does not say which) gives each classifier other places.

Short videos follow one rule: with fewer frames than segments, frames repeat. So a window of fewer than P frames shows
some twice; in a video of fewer than M frames each main window is one frame, shared by several classifiers; without
context (M = 1, or one frame) semi-dense takes all from the main window.

The convolutional networks of Table 1 see short clips of evenly spaced native frames instead: `clips`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from numbers import Integral

import numpy as np

from amc.base.errors import AmcError, choice

Range = tuple[int, int]  # first frame, one past the last


@dataclass(frozen=True)
class Window:
    """What one classifier sees of a video."""

    main: Range  # the whole video for sparse, which has no windows
    context: tuple[Range, ...]  # the complement of main: none, one or two ranges, never empty ones
    frames: tuple[int, ...]  # P indices in time order


def plan(num_frames: int, *, scheme: str, num_windows: int, frames: int, seed: int | None = None) -> tuple[Window, ...]:
    """The M = num_windows windows of a video of num_frames frames, with P = frames indices each.

    Without a seed the plan is fixed (evaluation); with one it is drawn at random and the same for the same seed
    (training). Raises AmcError for an unknown scheme or a count below 1.
    """
    choice("scheme", scheme, list(SCHEMES))
    _check_counts({"num_frames": num_frames, "num_windows": num_windows, "frames": frames})
    places = None if seed is None else np.random.default_rng(seed).random((num_windows, frames))
    return tuple(SCHEMES[scheme](int(num_frames), int(num_windows), int(frames), places))


def clips(
    num_frames: int, *, num_windows: int, frames: int, stride: int, seed: int | None = None
) -> tuple[Window, ...]:
    """M clips of P frames that lie `stride` native frames apart: what I3D, SlowFast and X3D see (SlowFast's sampling).

    Without a seed, clips are evenly spaced from the first possible position to the last (one clip: the middle); with a
    seed, positions are random. A video shorter than a clip repeats its last frame. Raises AmcError for a count below 1.
    """
    _check_counts({"num_frames": num_frames, "num_windows": num_windows, "frames": frames, "stride": stride})
    room = max(num_frames - ((frames - 1) * stride + 1), 0)
    even = np.linspace(0, 1, num_windows) if num_windows > 1 else np.array([0.5])
    places = even if seed is None else np.random.default_rng(seed).random(num_windows)
    windows = []
    for start in np.rint(places * room).astype(int).tolist():
        seen = tuple(min(start + k * stride, num_frames - 1) for k in range(frames))
        main = (seen[0], seen[-1] + 1)
        windows.append(Window(main, _complement(main, num_frames), seen))
    return tuple(windows)


def dense(num_frames: int, num_windows: int, frames: int, places: np.ndarray | None) -> list[Window]:
    """P uniform frames of each main window."""
    places = _centres(num_windows, frames) if places is None else places
    mains = zip(_main_windows(num_frames, num_windows), places, strict=True)
    return [Window(main, _complement(main, num_frames), _spread([main], u)) for main, u in mains]


def semi_dense(num_frames: int, num_windows: int, frames: int, places: np.ndarray | None) -> list[Window]:
    """P/2 uniform frames of each main window, P/2 of its context."""
    places = _centres(num_windows, frames) if places is None else places
    windows = []
    for main, u in zip(_main_windows(num_frames, num_windows), places, strict=True):
        context = _complement(main, num_frames)
        from_main = (frames + 1) // 2 if context else frames
        inside, outside = _spread([main], u[:from_main]), _spread(context, u[from_main:])
        windows.append(Window(main, context, tuple(sorted(inside + outside))))
    return windows


def sparse(num_frames: int, num_windows: int, frames: int, places: np.ndarray | None) -> list[Window]:
    """P quasi-random frames of the whole video, different for each classifier."""
    places = _low_discrepancy(num_windows, frames) if places is None else places
    whole = (0, num_frames)
    return [Window(whole, (), _spread([whole], u)) for u in places]


SCHEMES = {"dense": dense, "semi-dense": semi_dense, "sparse": sparse}


def _check_counts(counts: dict[str, int]) -> None:
    for name, count in counts.items():
        if not isinstance(count, Integral) or count < 1:
            raise AmcError(f"{name}: {count!r} is not a count; give a whole number of at least 1")


def _main_windows(num_frames: int, num_windows: int) -> list[Range]:
    """M near-equal ranges that cover the video; disjoint unless there are more windows than frames."""
    starts = [m * num_frames // num_windows for m in range(num_windows + 1)]
    return [(start, max(stop, start + 1)) for start, stop in zip(starts, starts[1:], strict=False)]


def _complement(main: Range, num_frames: int) -> tuple[Range, ...]:
    return tuple((start, stop) for start, stop in ((0, main[0]), (main[1], num_frames)) if start < stop)


def _spread(ranges: Sequence[Range], places: np.ndarray) -> tuple[int, ...]:
    """One frame from each of len(places) equal segments of the concatenated ranges, at `places` (0 to 1) in each."""
    pool = [frame for start, stop in ranges for frame in range(start, stop)]
    at = (np.arange(len(places)) + places) / max(len(places), 1) * len(pool)
    return tuple(pool[min(int(x), len(pool) - 1)] for x in at)


def _centres(num_windows: int, frames: int) -> np.ndarray:
    return np.full((num_windows, frames), 0.5)


def _low_discrepancy(num_windows: int, frames: int) -> np.ndarray:
    """(M, P) places in 0..1, spread evenly over any few neighbours: Roberts' R2 sequence, centred on the first."""
    m, p = np.ogrid[:num_windows, :frames]
    return (0.5 + 0.7548776662466927 * m + 0.5698402909980532 * p) % 1
