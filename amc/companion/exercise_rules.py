"""Rules for functions that learners write in the notebooks' exercises (`exercises.tried`): spoilers for learners.

Each function here returns what a result has to be, by the sentence that a learner reads if it is not.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from amc import flow_color, metrics
from amc.companion.exercises import Rules
from amc.datasets.table import ClipTable
from amc.sampling import Window


def own_scale(field: Tensor) -> Rules:
    """A picture of flow (1, 2, H, W) with its own fastest vector at full colour."""
    shape = (1, 3, *field.shape[2:])
    return {
        f"return what flow_color.render returns, a picture of shape {shape}": lambda out: tuple(out.shape) == shape,
        "full colour has to be the speed of the fastest vector of this field": lambda out: torch.equal(
            out, flow_color.render(field, max_px=float(field.norm(dim=1).max()))
        ),
    }


def last_third(num_frames: int, num_windows: int, frames: int) -> Rules:
    """A sampling scheme that sees only the last third of a video."""
    return {
        "return one sampling.Window for each classifier": lambda out: (
            len(out) == num_windows and all(isinstance(window, Window) for window in out)
        ),
        "each classifier needs `frames` frames": lambda out: {len(window.frames) for window in out} == {frames},
        "frames are whole numbers, in the order of time": lambda out: all(
            isinstance(f, int) and f >= before for w in out for before, f in zip((0, *w.frames), w.frames)
        ),
        "some frame lies before the last third, or behind the end of the video": lambda out: all(
            2 * num_frames // 3 <= f < num_frames for window in out for f in window.frames
        ),
        "spread the frames over the whole last third": lambda out: (
            min(frames, num_frames // 3) < 2 or len({f for window in out for f in window.frames}) > 1
        ),
    }


def mirrored(field: Tensor) -> Rules:
    """The flow of a pair of frames that is mirrored left to right, from the flow (P, 2, H, W) of the pair itself."""
    left = field.flip(-1)
    return {
        f"return a field of the same shape, {tuple(field.shape)}": lambda out: out.shape == field.shape,
        "the vectors have to change their places": lambda out: torch.equal(out.abs(), left.abs()),
        "the places are right; now think of what a mirror does to a motion to the right, and to one down": lambda out: (
            torch.equal(out[:, 0], -left[:, 0]) and torch.equal(out[:, 1], left[:, 1])
        ),
    }


def small_batches() -> Rules:
    """Labels and scores (4, 1) whose micro mAP by batches of two is higher than over all four clips."""
    return {
        "return labels and scores, both of four clips and one behaviour": lambda out: (
            [np.shape(one) for one in out] == [(4, 1)] * 2
        ),
        "each batch of two needs a label": lambda out: all(np.reshape(out[0], (2, 2)).any(axis=1)),
        "the mean over the two batches is not higher than over all four": lambda out: (
            metrics.map_micro_by_batch(np.array(out[0], bool), np.array(out[1], float), 2)
            > metrics.map_micro(np.array(out[0], bool), np.array(out[1], float)) + 1e-9
        ),
    }


def by_length(clips: ClipTable) -> Rules:
    """A predictor without pixels, (probs, chosen), that knows nothing of a clip but its length."""
    first = {clip.num_frames: place for place, clip in enumerate(clips.clips)}
    same = [first[clip.num_frames] for clip in clips.clips]
    shape = (len(clips), len(clips.names))
    return {
        f"return probabilities of shape {shape} and a dict": lambda out: (
            np.shape(out[0]) == shape and isinstance(out[1], dict)
        ),
        "probabilities lie between 0 and 1": lambda out: bool(((out[0] >= 0) & (out[0] <= 1)).all()),
        "clips of the same length need the same probabilities": lambda out: np.allclose(out[0], out[0][same]),
        "all clips have the same probabilities: the length makes no difference": lambda out: (
            len(first) == 1 or not np.allclose(out[0], out[0][0])
        ),
    }


def only_in(wrong: np.ndarray, videos: np.ndarray) -> Rules:
    """The errors bool (V, C) in some of the videos, bool (V,)."""
    return {
        f"return a table of True and False of shape {wrong.shape}": lambda out: (
            np.shape(out) == wrong.shape and np.asarray(out).dtype == bool
        ),
        "it holds what is no error": lambda out: not (out & ~wrong).any(),
        "it holds errors of clips with one animal": lambda out: not out[~videos].any(),
        "some errors are missing": lambda out: bool((out == (wrong & videos[:, None])).all()),
    }


def without_motion(slots: Tensor, is_flow: np.ndarray, rest: Tensor) -> Rules:
    """Slots (M, T, 3, H, W) whose flow, slots `is_flow` (T,), is the picture `rest` (3, H, W) or (3, 1, 1)."""
    return {
        f"return slots of the same shape, {tuple(slots.shape)}": lambda out: out.shape == slots.shape,
        "frames have to stay as they are": lambda out: torch.equal(out[:, ~is_flow], slots[:, ~is_flow]),
        "some flow slot is not the picture of zero flow": lambda out: bool((out[:, is_flow] == rest).all()),
    }


def highest(windows: Sequence[tuple[int, int]], probs: np.ndarray, num_frames: int) -> Rules:
    """Probabilities per frame (N, C): the highest of the windows that hold it."""
    true = np.full((num_frames, probs.shape[1]), -np.inf)
    for (start, stop), row in zip(windows, probs, strict=True):
        true[start:stop] = np.maximum(true[start:stop], row)
    return {
        f"return one row for each frame, shape {true.shape}": lambda out: np.shape(out) == true.shape,
        "some frame has less than the highest of its windows": lambda out: bool((out >= true - 1e-6).all()),
        "some frame has more than any of its windows": lambda out: bool((out <= true + 1e-6).all()),
    }


def nearest_group() -> Rules:
    """What a predictor is told that knows only the nearest group of an animal, from its path."""
    return {"give a tuple with the nearest group alone, without the species and wider groups": lambda out: (
        tuple(out) == ("songbird",)
    )}  # fmt: skip


def reworded(names: Sequence[str], hidden: Sequence[int]) -> Rules:
    """The names of the behaviours with other words for hidden ones."""
    return {
        "return as many names, each once": lambda out: len(out) == len(set(out)) == len(names),
        "no hidden behaviour has another name": lambda out: any(out[c] != names[c] for c in hidden),
        "a behaviour that is not hidden has another name, or another place": lambda out: all(
            out[c] == name for c, name in enumerate(names) if c not in set(hidden)
        ),
    }
