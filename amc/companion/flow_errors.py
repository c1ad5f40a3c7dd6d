"""Error of estimated flow, its time, and where it fails: against the renderer's exact flow, or forward-backward."""

import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import torch.nn.functional as F
from torch import Tensor

from amc import flow, video
from amc.base.errors import AmcError, choice
from amc.base.parameters import file, flag, whole
from amc.companion import flow_effect
from amc.config import Experiment
from amc.datasets.table import ClipTable
from amc.raft.weights import BUNDLED
from amc.runs.ablation import ablation
from amc.synth.raft_card import NOTHING
from amc.synth.raft_train import end_point_error

SIZES = ("smoke", "quick", "standard")
DIS = ("dis", "dis-fast", "dis-ultrafast")
RAFT = ("raft-synth", "raft-small", "raft-large")  # the weights of the first are in data/weights
NIGHT = 1 / 3  # share of the clips at night, if there are enough
STILL = 0.3  # px per frame: the camera moves if the background moves more
FEW = 5  # clips; with fewer, no statement
REPLICATES = 1000
INCONSISTENT = 1.0  # px of forward-backward error from which a point counts as hidden in one frame


def settings(
    *,
    size: str = "smoke",
    clip_index: int = 0,
    video: str = "",
    flow_method: str = "dis",
    flow_weights: str = "",
    max_px: float = 4.0,
    clips: int = 24,
    effect: str = "",
    interactive: bool = True,
) -> Experiment:
    """The notebook's parameters, checked, as an experiment that has the notebook's clips. Raises AmcError."""
    choice("size", size, SIZES)
    whole("clip_index", clip_index, 0)
    file("video", video)
    choice("flow_method", flow_method, [*DIS, *RAFT])
    file("flow_weights", flow_weights)
    if isinstance(max_px, bool) or not isinstance(max_px, int | float) or not 0 < max_px <= 100:
        raise AmcError(f"max_px: {max_px!r} is not a scale; give pixels per frame, above 0 and at most 100")
    whole("clips", clips, 2, 200)
    flow_effect.configs(effect, size, flow_weights)
    flag("interactive", interactive)
    return ablation(scheme="sparse", modality="flow", size=size)[0]


def available(flow_weights: str = "") -> tuple[dict[str, Path | None], dict[str, str]]:
    """The methods that can run here, with their weights; and the reason for each one that cannot."""
    usable: dict[str, Path | None] = dict.fromkeys(DIS)
    absent = {}
    for method in RAFT:
        weights = None if method == BUNDLED else file("flow_weights", flow_weights)
        try:
            pixels = torch.zeros(1, 3, 128, 128, dtype=torch.uint8)
            flow.estimate(pixels, pixels + 1, method=method, weights=weights)
            usable[method] = weights
        except AmcError as error:
            absent[method] = str(error)
    return usable, absent


def chosen(table: ClipTable, count: int) -> ClipTable:
    """`count` clips of a generated world, in the order of `table`; a third of them at night, if there are enough.

    A random choice would have too few night clips to compare.
    """
    is_night = [table.drawn.script(clip.id).environment == "night" for clip in table.clips]
    night = np.flatnonzero(is_night)[: round(NIGHT * count)]
    day = np.flatnonzero(np.logical_not(is_night))[: count - len(night)]
    return replace(table, clips=tuple(table.clips[k] for k in sorted([*night, *day])))


def pairs_of(num_frames: int, count: int, step: int = 1) -> list[tuple[int, int]]:
    """`count` pairs of frames `step` apart, spread over a video; if it is shorter than `step`, its first and last."""
    first = np.linspace(0, max(num_frames - 1 - step, 0), count + 2)[1:-1].astype(int)
    return [(int(index), int(min(index + step, num_frames - 1))) for index in first]


def successive(path: Path, indices: Sequence[int]) -> list[tuple[int, int]]:
    """Frames of a video, each with its successor; before a cut, the previous pair: flow never crosses a cut."""
    read = partial(video.read_frames, path)
    return flow.pairs_in_shots([int(index) for index in indices], video.probe(path).num_frames, read)


def spread(path: Path, count: int) -> list[tuple[int, int]]:
    """`count` frames spread over a video, `successive`."""
    return successive(path, [index for index, _ in pairs_of(video.probe(path).num_frames, count)])


def sampled(path: Path, *, start: int, step: int) -> list[tuple[int, int]]:
    """Four frames of a video, or as many as there are, `step` apart from `start` on, `successive`."""
    length = video.probe(path).num_frames
    start = min(start, length - 1)
    return successive(path, range(start, min(start + 4 * step, length), step))


def read_pairs(path: Path, pairs: Sequence[tuple[int, int]]) -> tuple[Tensor, Tensor]:
    """First and second frames of the pairs, uint8 (P, 3, H, W) each."""
    first, second = (video.read_frames(path, [pair[side] for pair in pairs]) for side in (0, 1))
    return first, second


def estimate(first: Tensor, second: Tensor, method: str, weights: Path | None) -> tuple[Tensor, float]:
    """Flow (P, 2, H, W) by `method`, or zeros for NOTHING, and its seconds of processor time per pair.

    Other work on the machine makes the time by the clock up to ten times as long, and reverses the order of methods.
    """
    if method == NOTHING:
        return torch.zeros(len(first), 2, *first.shape[-2:]), 0.0
    started = time.process_time()
    vectors = flow.estimate(first, second, method=method, weights=weights)
    return vectors, (time.process_time() - started) / len(first)


def round_trip(forward: Tensor, backward: Tensor) -> Tensor:
    """Forward-backward error, px (P, H, W): the distance of a point's end from its start; inf if it leaves the picture.

    Large if a point is hidden in the other frame (occlusion), or if one of the two flows is wrong.
    """
    height, width = forward.shape[-2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    place = torch.stack([x, y]) + forward  # (P, 2, H, W)
    scale = torch.tensor([width - 1, height - 1]).clamp(min=1).view(2, 1, 1)
    grid = (2 * place / scale - 1).movedim(1, -1)
    back = F.grid_sample(backward, grid, padding_mode="border", align_corners=True)
    inside = (grid.abs() <= 1).all(dim=-1)
    return torch.where(inside, (forward + back).norm(dim=1), torch.inf)


def measure(table: ClipTable, methods: Mapping[str, Path | None], *, pairs: int = 2, step: int = 1) -> pd.DataFrame:
    """EPE of each method on `pairs` pairs of frames of each clip of a generated world: one row per pair and method.

    Columns: clip, frame, method, step, epe, `hidden` and `visible` (EPE of points visible in one frame only, and in
    both), `fast` (EPE of the fastest tenth of the pixels), is_night, is_camera (the background moves), seconds.
    """
    rows = []
    for clip in table.clips:
        script = table.drawn.script(clip.id)
        chosen = pairs_of(video.probe(clip.path).num_frames, pairs, step)
        first, second = read_pairs(clip.path, chosen)
        true, back = (
            torch.from_numpy(table.drawn.true_flow(clip.id, p)) for p in (chosen, [(b, a) for a, b in chosen])
        )
        is_hidden = round_trip(true, back) > INCONSISTENT
        speed = true.norm(dim=1)
        for method, weights in {NOTHING: None, **methods}.items():
            vectors, seconds = estimate(first, second, method, weights)
            error = end_point_error(vectors, true)
            for k, (index, _) in enumerate(chosen):
                corners = speed[k][[0, 0, -1, -1], [0, -1, 0, -1]]
                rows.append({
                    "clip": clip.id, "frame": index, "method": method, "step": step, "epe": float(error[k].mean()),
                    "hidden": float(error[k][is_hidden[k]].mean()), "visible": float(error[k][~is_hidden[k]].mean()),
                    "fast": float(error[k][speed[k] >= speed[k].quantile(0.9)].mean()),
                    "is_night": script.environment == "night", "is_camera": float(corners.median()) > STILL * step,
                    "seconds": seconds,
                })  # fmt: skip
    return pd.DataFrame(rows)


def summary(table: pd.DataFrame, *, by: str = "epe") -> list[dict]:
    """One row per method: mean over clips of the column `by` of `measure`'s table, its 95 % interval, median seconds.

    Rows with nan in the column are left out.
    """
    rng, rows = np.random.default_rng(0), []
    for method, part in table.dropna(subset=by).groupby("method", sort=False):
        means = part.groupby("clip")[by].mean().to_numpy()
        low, high = np.quantile(rng.choice(means, (REPLICATES, len(means))).mean(axis=1), (0.025, 0.975))
        row = {"method": method, "epe": means.mean(), "low": low, "high": high, "clips": len(means)}
        rows.append(row | {"seconds": part["seconds"].median()})
    return rows


def conditions(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of `summary` under each condition.

    The conditions are pairs of opposites: hidden and visible points, night and day, moving and fixed camera. Pixels or
    pairs without one of them are left out.
    """
    night, camera = table["is_night"], table["is_camera"]
    cases = {
        "visible in both frames": table["visible"], "hidden in one frame": table["hidden"],
        "by day": table["epe"].where(~night), "at night": table["epe"].where(night),
        "camera still": table["epe"].where(~camera), "camera moves": table["epe"].where(camera),
    }  # fmt: skip
    found = {name: summary(table.assign(value=values), by="value") for name, values in cases.items()}
    return pd.DataFrame([{"condition": name} | row for name, rows in found.items() for row in rows])


def hidden_from_visible(table: pd.DataFrame, method: str) -> str:
    """A sentence: by how much the error of `method` is larger at hidden points than at visible ones of a frame."""
    mine = table[table["method"] == method]
    [row] = summary(mine.assign(more=mine["hidden"] - mine["visible"]), by="more")
    text = "{method}, hidden − visible points of the same clips: {epe:+.2f} px, 95 % {low:+.2f} to {high:+.2f}"
    return text.format(**row)


def more_than_nothing(table: pd.DataFrame, method: str) -> dict:
    """The row of `summary` of the EPE of `method` minus that of zero flow on the same pairs: below 0 is better."""
    pairs = ["clip", "frame"]
    mine, nothing = (table[table["method"] == name].set_index(pairs) for name in (method, NOTHING))
    [row] = summary(mine.assign(more=mine["epe"] - nothing["epe"]).reset_index(), by="more")
    return row


def against_nothing(found: pd.DataFrame, method: str) -> list[str]:
    """The EPE of `method` and of zero flow under each condition of `conditions`, one sentence per condition."""
    means = found.pivot(index="condition", columns="method", values="epe")
    said = []
    for row in found[found["method"] == method].itertuples():
        nothing = means.loc[row.condition, NOTHING]
        word = f"{100 * (1 - row.epe / nothing):.0f} % less than" if row.epe < nothing else "MORE than"
        text = f"{method} {row.epe:.2f} px, {word} zero flow ({nothing:.2f} px)"
        said.append(f"{row.condition}: {text if row.clips >= FEW else f'{row.clips} clips, no statement'}")
    return said


def worst_cases(
    table: ClipTable, measured: pd.DataFrame, method: str, weights: Path | None
) -> dict[str, tuple[Tensor, ...]]:
    """The frame pairs of `worst` by condition: frame (3, H, W), true and estimated flow (2, H, W), EPE (H, W)."""
    found = {}
    paths = {clip.id: clip.path for clip in table.clips}
    for name, (clip, frame) in worst(measured, method).items():
        at = [(frame, frame + 1)]
        first, second = read_pairs(paths[clip], at)
        true = torch.from_numpy(table.drawn.true_flow(clip, at))
        guess, _ = estimate(first, second, method, weights)
        found[name] = first[0], true[0], guess[0], end_point_error(guess, true)[0]
    return found


def worst(table: pd.DataFrame, method: str) -> dict[str, tuple[str, int]]:
    """The clip and frame of the highest error of `method` at hidden points, at night, under a moving camera.

    A pair of frames is taken once: the next worst one stands for a condition whose worst is taken.
    """
    mine = table[table["method"] == method]
    cases = {"occlusion": mine["hidden"], "night": mine["epe"].where(mine["is_night"])}
    cases |= {"camera motion": mine["epe"].where(mine["is_camera"])}
    places = {}
    for name, values in cases.items():
        left = values.drop(list(places.values())).dropna()
        if len(left):
            places[name] = left.idxmax()
    return {name: (mine["clip"][place], int(mine["frame"][place])) for name, place in places.items()}
