"""What the classifiers see of a video and what they miss, by scheme: frames, events, gaps. No pixel is needed.

The scripts of Synth Kingdom give the time of each behaviour, so we can count how often a sampling plan includes an
event, over any number of clips (paper sec. 2 and its error analysis of the jumping frog).
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
from scipy import stats

from amc import intervals, sampling
from amc import video as reader
from amc.base.errors import choice
from amc.base.parameters import file, flag, whole
from amc.companion.events import seen_by
from amc.config import Experiment
from amc.ethogram.bouts import Bout, from_frames
from amc.runs.ablation import ablation
from amc.sampling import SCHEMES, Window
from amc.synth import generate
from amc.synth.drawn import Drawn
from amc.synth.scripts import truth
from amc.synth.world import FPS

SIZES = ("smoke", "quick", "standard")  # of the world of the shown clip
REPLICATES = 500
MARGIN = 6  # px around what is marked


def settings(
    *,
    size: str = "smoke",
    clip_index: int = 0,
    video: str = "",
    num_windows: int = 3,
    frames: int = 4,
    clips: int = 2000,
    seed: int = 0,
    interactive: bool = True,
) -> Experiment:
    """The notebook's parameters, checked, as an experiment; the notebook shows a test clip of it. Raises AmcError."""
    choice("size", size, SIZES)
    whole("clip_index", clip_index, 0)
    file("video", video)
    whole("num_windows", num_windows, 1, 12)
    whole("frames", frames, 1, 32)
    whole("clips", clips, 50, 20_000)
    whole("seed", seed, 0)
    flag("interactive", interactive)
    return ablation(
        scheme="sparse", modality="rgb", size=size, num_windows=num_windows, frames=frames, seeds=str(seed)
    )[0]


def classifiers(num_frames: int, *, scheme: str, num_windows: int, frames: int) -> np.ndarray:
    """The first classifier, from 1 on, that sees each frame of a video in evaluation: int (num_frames,); 0: none."""
    found = np.zeros(num_frames, int)
    windows = sampling.plan(num_frames, scheme=scheme, num_windows=num_windows, frames=frames)
    for number, window in reversed([*enumerate(windows, start=1)]):
        found[list(window.frames)] = number
    return found


def unseen(num_frames: int, *, scheme: str, num_windows: int, frames: int) -> float:
    """The part (0 to 1) of the frames of a video that no classifier sees, in evaluation."""
    return float((classifiers(num_frames, scheme=scheme, num_windows=num_windows, frames=frames) == 0).mean())


def crop(masks: np.ndarray) -> tuple[slice, slice]:
    """Rows and columns of the smallest square, with a MARGIN, that holds all that `masks`, bool (P, H, W), mark.

    The whole picture if they mark nothing.
    """
    marked, size = masks.any(axis=0), masks.shape[1:]
    if not marked.any():
        return slice(0, size[0]), slice(0, size[1])
    ends = [(at.min() - MARGIN, at.max() + 1 + MARGIN) for at in np.nonzero(marked)]
    side = min(max(stop - start for start, stop in ends), *size)
    starts = [np.clip((start + stop - side) // 2, 0, most - side) for (start, stop), most in zip(ends, size)]
    return slice(starts[0], starts[0] + side), slice(starts[1], starts[1] + side)


def happening(path: Path, drawn: Drawn | None, *, count: int = 10) -> dict:
    """A video for `figures.windows.schemes`: `num_frames`, `fps`, `events` and `film`.

    drawn: the data set of a clip of Synth Kingdom, None for another video, of which no event is known. events: the true
    ones, (behaviour, start, stop) in frames; film: the middle frames of `count` equal parts, uint8 (count, 3, H, W).
    """
    info = reader.probe(path)
    acts = drawn.script(path.stem).events if drawn else ()
    events = [(act.behaviour, act.start * info.fps, act.stop * info.fps) for act in acts]
    film = reader.read_frames(path, ((np.arange(count) + 0.5) * info.num_frames / count).astype(int))
    return {"num_frames": info.num_frames, "fps": info.fps, "events": events, "film": film}


def seen(plans: Mapping[str, Sequence[Window]], events: Sequence[tuple], *, fps: float) -> pd.DataFrame:
    """Each event of a clip, with its seconds and, by scheme, the number of classifiers that have a frame of it."""
    rows = [
        {"event": name, "from, s": start / fps, "to, s": stop / fps}
        | {scheme: int(seen_by(windows, start, stop).sum()) for scheme, windows in plans.items()}
        for name, start, stop in events
    ]
    return pd.DataFrame(rows)


def scripted(clips: int) -> list[tuple[int, list[Bout]]]:
    """Frames and true events of the first `clips` training clips of Synth Kingdom, without events that fill a clip."""
    found = []
    for clip in range(clips):
        table = truth(generate.plan_clip("train", clip)[1])
        events = from_frames(table, generate.KINGDOM.names)
        found.append((len(table), [event for event in events if event.stop - event.start < len(table)]))
    return found


def catches(clips: Sequence[tuple[int, list]], *, num_windows: int, frames: int) -> pd.DataFrame:
    """Every event of `clips`, as from `scripted`, under every scheme: one row each.

    Columns: clip, behaviour, scheme, seconds; `any`, whether at least one classifier has a frame of it; `share`, the
    share of the classifiers that have one, as scores are averaged over classifiers; `looks`, the mean number of frames
    of the event in those classifiers, nan if none has one.
    """
    return pd.DataFrame(_catches(clips, num_windows, frames))


def _catches(clips: Sequence[tuple[int, list]], num_windows: int, frames: int) -> Iterator[dict]:
    for clip, (num_frames, happened) in enumerate(clips):
        for scheme in SCHEMES if happened else ():
            windows = sampling.plan(num_frames, scheme=scheme, num_windows=num_windows, frames=frames)
            looked = np.array([window.frames for window in windows])  # (M, P)
            for name, start, stop in happened:
                hits = ((looked >= start) & (looked < stop)).sum(axis=1)  # (M,)
                facts = {"clip": clip, "behaviour": name, "scheme": scheme, "seconds": (stop - start) / FPS}
                facts |= {"looks": float(hits[hits > 0].mean()) if hits.any() else float("nan")}
                yield facts | {"any": bool(hits.any()), "share": float((hits > 0).mean())}


def rates(caught: pd.DataFrame, by: str, *, seed: int = 0) -> pd.DataFrame:
    """Means of `any`, `share` and `looks` for each scheme and value of the column `by`, with 95 % intervals over clips.

    Whole clips are resampled, since the events of one clip are not independent. A share of 0 or 1 does not change when
    clips are resampled: it has Wilson's interval, with one trial per clip. Events that no classifier sees have no
    `looks` and are left out of that mean.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for (scheme, value), part in caught.groupby(["scheme", by], observed=True):
        by_clip = part.groupby("clip")[["any", "share", "looks"]]
        sums, counts = by_clip.sum().to_numpy(float), by_clip.count().to_numpy(float)
        weights = rng.multinomial(len(counts), np.full(len(counts), 1 / len(counts)), REPLICATES)
        drawn = (weights @ sums) / np.maximum(weights @ counts, 1)
        row = {"scheme": scheme, by: value, "events": len(part)}
        for column, name in enumerate(("any", "share", "looks")):
            low, high = np.quantile(drawn[:, column], (0.025, 0.975))
            mean = sums[:, column].sum() / max(counts[:, column].sum(), 1)
            if name != "looks" and mean in (0, 1):
                low, high = stats.binomtest(int(mean) * len(counts), len(counts)).proportion_ci(method="wilson")
            row |= intervals.columns(name, (mean, low, high))
        rows.append(row)
    return pd.DataFrame(rows)


def gaps_said(gaps: Mapping[str, np.ndarray]) -> str:
    """For which M the sequence has a smaller largest gap than other rules; gaps: as for `figures.coverage.spread`."""
    ours = gaps["quasi-random"][0]
    shorter = {
        "regular places": ours < gaps["regular"][0],
        "the median random draw": ours < np.median(gaps["random"], axis=0),
        "19 of 20 random draws": (ours < gaps["random"]).mean(axis=0) >= 0.95,
    }
    found = {rule: ", ".join(map(str, 1 + np.flatnonzero(is_shorter))) for rule, is_shorter in shorter.items()}
    return "\n".join(f"shorter longest gap than {rule}: M = {m or 'none of these'}" for rule, m in found.items())


def largest_gap(places: np.ndarray) -> float:
    """The largest part (0 to 1) of a video without a frame; places: those of the frames, any shape, 0 to 1."""
    return float(np.diff(np.concatenate([[0.0], np.sort(places, axis=None), [1.0]])).max())


def spread(num_windows: int, frames: int, *, seed: int = 0) -> dict[str, np.ndarray]:
    """Places (M, P) of sparse's frames in a video of length 1, by three rules: one place in each of P segments.

    `regular` takes the centre for every classifier, `random` draws it, `quasi-random` is `sampling.sparse` itself.
    """
    drawn = {
        "regular": np.full((num_windows, frames), 0.5),
        "random": np.random.default_rng(seed).random((num_windows, frames)),
    }
    fine = 10_000  # frames: a video so long that rounding hardly matters
    windows = sampling.plan(fine, scheme="sparse", num_windows=num_windows, frames=frames)
    quasi = np.array([window.frames for window in windows]) / fine
    return {name: (np.arange(frames) + u) / frames for name, u in drawn.items()} | {"quasi-random": quasi}
