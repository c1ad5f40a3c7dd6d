"""The true answers to the notebooks' exercises, from the objects of the notebook: spoilers for learners.

They stand here, and not in the notebooks, so that a cell can check an answer without showing it. Where the answer is a
function that the learner writes, see `exercise_rules`.
"""

import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from amc import flow_color
from amc.aggregate import AGGREGATES, choose_threshold, label_sets
from amc.base.errors import AmcError
from amc.companion import coverage, errors, frog
from amc.companion.events import seen_by
from amc.datasets.table import ClipTable
from amc.ethogram.bouts import Rules as BoutRules
from amc.ethogram.record import Ethogram
from amc.ethogram.timeline import SlidingWindow
from amc.runs import tables
from amc.sampling import Window
from amc.scores import Scores

# 000 first look


def frames_to_miss_none(num_frames: int, length: int, num_windows: int) -> int | None:
    """The least P, up to 32, for which dense has a frame of every jump of `length` frames; None if there is none."""
    sizes = {"num_windows": num_windows, "num_frames": num_frames, "length": length}
    return next((p for p in range(1, 33) if frog.met(frames=p, **sizes)[0]["any"] == 100), None)


# 00 quickstart


def classifiers_per_event(events: Sequence[tuple], windows: Sequence[Window]) -> list[int]:
    """How many classifiers have a frame of each event (behaviour, start, stop)."""
    return [int(seen_by(windows, start, stop).sum()) for _, start, stop in events]


def labels_by(rule: str, val: Scores, test: Scores, video: int) -> set[str]:
    """The labels of a video if the classifiers are aggregated by `rule`, with the threshold that `val` then chooses."""
    fuse = AGGREGATES[rule]
    threshold = choose_threshold(val.labels, fuse(val.probs))
    return set(test.names[label_sets(fuse(test.probs), threshold)[video]].tolist())


# 01 sampling windows


def main_windows(windows: Sequence[Window], num_frames: int) -> int:
    """How many parts of the video, shorter than itself, are somebody's main window."""
    return len({window.main for window in windows} - {(0, num_frames)})


def doubled(scripts: Sequence, chosen: Mapping[str, int], low: float, high: float) -> str | None:
    """Which count to double, `frames` or `num_windows`, so that under dense more of the classifiers see such an event.

    The events last from `low` to `high` seconds. None if there is no such event.
    """
    shares = {}
    for name, count in chosen.items():
        found = coverage.catches(scripts, **{**chosen, name: 2 * count})
        found = found[(found["scheme"] == "dense") & found["seconds"].between(low, high, inclusive="right")]
        shares[name] = found["share"].mean()
    return None if np.isnan([*shares.values()]).any() else max(shares, key=shares.get)


def followers() -> set[str]:
    """The aggregates that give more than 0.5 if one classifier of three scores 0.9 and the others 0.1."""
    probs = np.array([[[0.9], [0.1], [0.1]]])  # (V, M, C)
    return {name for name, fuse in AGGREGATES.items() if fuse(probs)[0, 0] > 0.5}


# 02 flow and interleaving


def color_of(u: float, v: float, max_px: float) -> list[int]:
    """Red, green and blue of one vector."""
    return flow_color.render(torch.tensor([u, v]).view(1, 2, 1, 1), max_px=max_px)[0, :, 0, 0].tolist()


def scale_that_clips(vectors: Tensor, share: float) -> float:
    """The scale in pixels beyond which this share of the vectors (P, 2, H, W) lies."""
    speed = vectors.norm(dim=1).flatten().sort().values
    return float(speed[int((1 - share) * (len(speed) - 1))])


# 03 ablation, 04 state of the art


def best(frame: pd.DataFrame, column: str, *, table: int) -> str | None:
    """What `column` holds in the row of a table of the paper with the highest macro mAP; None without such a row."""
    rows = frame[frame["table"] == table]
    return None if rows.empty else rows.loc[rows["map_macro"].idxmax(), column]


def in_one_piece(windows: Sequence[Window]) -> set[int]:
    """The classifiers, from 1, whose context is one range."""
    return {number for number, window in enumerate(windows, start=1) if len(window.context) == 1}


def gain_from(flow_method: str, own: Scores, folder: Path) -> float | None:
    """Points of macro mAP of the same run with another flow method against `own`; None if `folder` has no such scores.

    The same run: a score file of the same videos, scheme, modality, size and seed.
    """
    for path in sorted(folder.glob("*.npz")):
        try:
            found = Scores.load(path)
        except AmcError:
            continue
        if _run(found) == _run(own, flow_method) and found.ids.tolist() == own.ids.tolist():
            return tables.compare(own, found)["map_macro_difference"]
    return None


def _run(scores: Scores, flow_method: str = "") -> tuple:
    made = scores.meta["experiment"]
    pixels, seen = made["pixels"], made["sampling"]
    return made["size"], made["seed"], seen, pixels["modality"], flow_method or pixels["flow_method"]


def above_seeds(frame: pd.DataFrame, method: str, against: str) -> bool | None:
    """Whether two methods differ in macro mAP by more than the larger standard deviation over seeds; None with one."""
    rows = frame.set_index("method")
    if not {method, against} <= set(rows.index) or rows.loc[[method, against], "map_macro_sd"].isna().any():
        return None
    gap = abs(rows.loc[method, "map_macro"] - rows.loc[against, "map_macro"])
    return bool(gap > rows.loc[[method, against], "map_macro_sd"].max())


# 05 error analysis


def rules_with_truth(kinds: Mapping[str, Callable]) -> set[str]:
    """The kinds of errors whose rule reads the ground truth."""
    return {kind for kind, rule in kinds.items() if {"truth", "happens"} & set(rule.__code__.co_names)}


def most_more_extras(val: Scores, made: errors.Decisions) -> list[str]:
    """The behaviours that gain most extras if each has a threshold of its own (several if they are equal)."""
    own = choose_threshold(val.labels, val.probs.mean(axis=1), per_class=True)
    more = errors.Decisions(made.scores, own, made.truth).extra.sum(axis=0) - made.extra.sum(axis=0)
    return [made.names[c] for c in np.flatnonzero(more == more.max())]


def with_companion(known: ClipTable | None, videos: int) -> np.ndarray:
    """Which videos show more than one animal, bool (V,); every second one if nobody knows."""
    if known is None or known.drawn is None:
        return np.arange(videos) % 2 == 1
    return np.array([known.drawn.script(clip.id).num_actors > 1 for clip in known.clips])


# 06 inside the model


def made_for(network: torch.nn.Module, num_slots: int) -> list[str]:
    """The parameters of shape (1, T, ...): one vector for each of T = `num_slots` slots."""
    return [name for name, parameter in network.named_parameters() if parameter.shape[:2] == (1, num_slots)]


@torch.inference_mode()
def what_reacts(xclip: torch.nn.Module, pixels: Tensor) -> str:
    """The part that changes more if the slots (B, T, 3, H, W) are reversed: `messages` or `integration`."""
    embedded, turned = xclip.frames(pixels)[0], xclip.frames(pixels.flip(1))[0].flip(1)
    video, back = xclip.integration(embedded), xclip.integration(embedded.flip(1))
    changes = {"messages": (turned, embedded), "integration": (back, video)}
    size = {name: float((a - b).abs().max() / b.abs().max()) for name, (a, b) in changes.items()}
    return max(size, key=size.get)


# 07 your own video


def bouts_at_half(shown: Ethogram, thresholds: np.ndarray) -> int:
    """The number of bouts of an ethogram at half of the thresholds (C,)."""
    return len(shown.at(thresholds / 2).bouts)


def too_short(seconds: float, rules: BoutRules, sliding: SlidingWindow) -> set[str]:
    """The settings that keep a behaviour of so many seconds from becoming a bout."""
    least = {"min_seconds": rules.min_seconds, "seconds": sliding.seconds}
    return {name for name, value in least.items() if seconds < value}


# 08 benchmark audit, 09 unseen

FILE_TO_ASK_FOR = "score file"  # it has what any other metric and a paired interval need


def lower_with_zeros(macro: float, labels: np.ndarray) -> float:
    """How much lower a macro mAP would be if behaviours without a label in (V, C) counted as 0."""
    return macro * float(1 - labels.any(axis=0).mean())


def drawn_at_random(functions: Mapping[str, Callable]) -> set[str]:
    """The names of the functions that take a seed."""
    return {name for name, function in functions.items() if "seed" in inspect.signature(function).parameters}


def also_others(labels: np.ndarray, hidden: Iterable[int]) -> int:
    """How many of the clips (V, C) with a hidden behaviour show another one too."""
    is_hidden = np.isin(np.arange(labels.shape[1]), list(hidden))
    return int((labels[:, is_hidden].any(axis=1) & labels[:, ~is_hidden].any(axis=1)).sum())


def fall(animals: Sequence[Mapping], system: str) -> float | None:
    """Points of macro mAP that a system has less on new animals than on known ones."""
    found = {row["group"]: row["macro"] for row in animals if row["system"] == system}
    return found["known animals"] - found["new animals"] if len(found) == 2 else None
