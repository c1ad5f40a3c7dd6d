"""What the classifiers see of a video and what they miss, by scheme: frames, events, gaps. No pixel is needed.

The scripts of Synth Kingdom know when each behaviour truly happens, so whether a plan of frames catches an event is a
matter of counting, over as many clips as one likes (paper sec. 2 and its error analysis of the jumping frog).
"""

from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from amc import sampling
from amc.companion.events import runs, seen_by
from amc.config import Experiment, ablation
from amc.errors import choice
from amc.parameters import flag, whole
from amc.sampling import SCHEMES
from amc.synth import generate
from amc.synth.scripts import truth
from amc.synth.world import FPS

SIZES = ("smoke", "quick", "standard")  # of the world whose clip is shown
REPLICATES = 500


def settings(
    *,
    size: str = "smoke",
    clip_index: int = 0,
    num_windows: int = 3,
    frames: int = 4,
    clips: int = 2000,
    seed: int = 0,
    interactive: bool = True,
) -> Experiment:
    """The notebook's parameters, checked, as the experiment whose test clip it shows. Raises AmcError."""
    choice("size", size, SIZES)
    whole("clip_index", clip_index, 0)
    whole("num_windows", num_windows, 1, 12)
    whole("frames", frames, 1, 32)
    whole("clips", clips, 50, 20_000)
    whole("seed", seed, 0)
    flag("interactive", interactive)
    return ablation(
        scheme="sparse", modality="rgb", size=size, num_windows=num_windows, frames=frames, seeds=str(seed)
    )[0]


def unseen(num_frames: int, *, scheme: str, num_windows: int, frames: int) -> float:
    """The part (0 to 1) of the frames of a video that no classifier looks at, in evaluation."""
    windows = sampling.plan(num_frames, scheme=scheme, num_windows=num_windows, frames=frames)
    return 1 - len({frame for window in windows for frame in window.frames}) / num_frames


def scripted(clips: int) -> list[tuple[int, list[tuple[int, int, int]]]]:
    """Frames and true events of the first `clips` training clips of Synth Kingdom, but for events that fill a clip."""
    tables = (truth(generate.plan_clip("train", clip)[1]) for clip in range(clips))
    return [(len(table), [e for e in runs(table) if e[2] - e[1] < len(table)]) for table in tables]


def catches(clips: Sequence[tuple[int, list]], *, num_windows: int, frames: int) -> pd.DataFrame:
    """Every event of `clips`, as `scripted` has them, under every scheme: one row each.

    Columns: clip, behaviour, scheme, seconds; `any`, whether at least one classifier has a frame of it; `share`, the
    part of the classifiers that have, which is what an average over classifiers can build on.
    """
    return pd.DataFrame(_catches(clips, num_windows, frames))


def _catches(clips: Sequence[tuple[int, list]], num_windows: int, frames: int) -> Iterator[dict]:
    names = generate.KINGDOM.names
    for clip, (num_frames, happened) in enumerate(clips):
        for scheme in SCHEMES if happened else ():
            windows = sampling.plan(num_frames, scheme=scheme, num_windows=num_windows, frames=frames)
            for label, start, stop in happened:
                seen = seen_by(windows, start, stop)
                facts = {"clip": clip, "behaviour": names[label], "scheme": scheme, "seconds": (stop - start) / FPS}
                yield facts | {"any": bool(seen.any()), "share": float(seen.mean())}


def rates(caught: pd.DataFrame, by: str, *, seed: int = 0) -> pd.DataFrame:
    """Means of `any` and `share` for each scheme and value of the column `by`, with 95 % intervals over clips.

    Whole clips are drawn again, since the events of one clip are not independent.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for (scheme, value), part in caught.groupby(["scheme", by], observed=True):
        sums = part.groupby("clip")[["any", "share"]].sum().to_numpy(float)
        counts = part.groupby("clip").size().to_numpy(float)
        weights = rng.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), REPLICATES)
        drawn = (weights @ sums) / (weights @ counts)[:, None]
        row = {"scheme": scheme, by: value, "events": int(counts.sum())}
        for column, name in enumerate(("any", "share")):
            low, high = np.quantile(drawn[:, column], (0.025, 0.975))
            row |= {name: sums[:, column].sum() / counts.sum(), f"{name}_low": low, f"{name}_high": high}
        rows.append(row)
    return pd.DataFrame(rows)


def largest_gap(places: np.ndarray) -> float:
    """The longest stretch (0 to 1) of a video without a frame, `places` (any shape, 0 to 1) of frames given."""
    return float(np.diff(np.concatenate([[0.0], np.sort(places, axis=None), [1.0]])).max())


def spread(num_windows: int, frames: int, *, seed: int = 0) -> dict[str, np.ndarray]:
    """Places (M, P) of sparse's frames in a video of length 1, by three rules: one place in each of P segments.

    `regular` takes the centre for every classifier, `random` draws it, `quasi-random` is `sampling.sparse` itself.
    """
    drawn = {
        "regular": np.full((num_windows, frames), 0.5),
        "random": np.random.default_rng(seed).random((num_windows, frames)),
    }
    fine = 10_000  # frames of a video so long that rounding hardly counts
    windows = sampling.plan(fine, scheme="sparse", num_windows=num_windows, frames=frames)
    quasi = np.array([window.frames for window in windows]) / fine
    return {name: (np.arange(frames) + u) / frames for name, u in drawn.items()} | {"quasi-random": quasi}
