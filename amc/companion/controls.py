"""What does each score need? Finished runs in, their test scores on damaged inputs out (notebooks 03 and 04).

Every control takes one thing away from the input of a trained row and scores it again: the order of frames, all frames
but one, motion, the match of frames and motion, the video, the animal. Nothing is trained. A score that stays the same
did not need what was taken away. The last control needs a world that can be drawn again without its animals; for real
videos PanAf-FGBG has such pairs (Brookes et al., CVPR 2025). Random choices depend on the seed and the clip only.
"""

import time
import warnings
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from amc import flow_color, intervals, metrics
from amc.base import checkpoint, processes, torch_state
from amc.base.digests import digest
from amc.base.errors import AmcError
from amc.base.progress import Log
from amc.baselines.species_prior import BLIND
from amc.config import Experiment
from amc.datasets.clips import ClipViews, reader
from amc.datasets.table import ClipTable
from amc.model import Classifier
from amc.runs import experiment, methods, tables
from amc.runs.experiment import Run
from amc.runs.lookup import MODEL
from amc.scores import ARRAYS, Scores, predict

VERSION = 1  # of the stored scores; raise it when a control computes something else
MOST = {"quick": 64, "standard": 240}  # test clips by size, about the time of scoring the test split; else all
INTACT, NO_ANIMAL = "intact", "no animal"
COLUMNS = (*tables.INTERVALS, "chance_macro", "chance_micro", "videos")


def shuffled(views: ClipViews, index: int, seed: int) -> Tensor:
    """The frames of each window in another order; each frame keeps its own flow."""
    pairs = _pairs(views, index)
    rng = np.random.default_rng([seed, zlib.crc32(views.table.clips[index].id.encode())])
    return torch.stack([window[_new_order(len(window), rng)] for window in pairs]).flatten(1, 2)


def repeated(views: ClipViews, index: int, seed: int) -> Tensor:
    """The middle frame of each window, with its flow, in all places."""
    pairs = _pairs(views, index)
    return pairs[:, [pairs.shape[1] // 2] * pairs.shape[1]].flatten(1, 2)


def at_rest(views: ClipViews, index: int, seed: int) -> Tensor:
    """The picture of zero motion in place of every flow."""
    pairs, encoding = _pairs(views, index), views.reader.settings.encoding
    pairs[:, :, -1] = flow_color.render(torch.zeros(1, 2, views.size, views.size), encoding=encoding, max_px=1)
    return pairs.flatten(1, 2)


def with_other_flow(views: ClipViews, index: int, seed: int) -> Tensor:
    """Own frames, the flow of another video at the same places of the sampling plan."""
    pairs = _pairs(views, index)
    pairs[:, :, -1] = _pairs(views, other(views, index, seed))[:, :, -1]
    return pairs.flatten(1, 2)


def other_video(views: ClipViews, index: int, seed: int) -> Tensor:
    """All frames and flow of another video."""
    return views[None, other(views, index, seed)][0]


def without_animals(views: ClipViews, index: int, seed: int) -> Tensor:
    """The same clip of a generated world, drawn again without its animals, encoded and estimated in the same way."""
    drawn, clip = views.table.drawn, views.table.clips[index]
    empty = drawn.without_animals()
    table = replace(views.table, clips=(replace(clip, path=drawn.background(clip.id)),), drawn=empty)
    return ClipViews(table, views.sampling, replace(views.reader, drawn=empty), size=views.size)[None, 0][0]


# Each gives the slots of clip `index`, uint8 (M, T, 3, size, size), as `ClipViews` does, but damaged.
CONTROLS: dict[str, Callable[[ClipViews, int, int], Tensor]] = {
    "frames shuffled": shuffled,
    "one frame": repeated,
    "flow at rest": at_rest,
    "flow of another": with_other_flow,
    "another video": other_video,
    NO_ANIMAL: without_animals,
}


def applicable(cfg: Experiment, table: ClipTable) -> list[str]:
    """The controls of a run: none for a row that sees no video, those of flow only where the model sees it."""
    if cfg.method in BLIND:
        return []
    modality = cfg.pixels.modality
    excluded = {"flow at rest": modality == "rgb", "flow of another": modality != "rgb+flow"}
    excluded |= {NO_ANIMAL: table.drawn is None}
    return [name for name in CONTROLS if not excluded.get(name)]


def in_order(count: int, seed: int) -> list[int]:
    """The random order of `count` clips whose first ones are scored, and in which each stands in for the next."""
    return np.random.default_rng([seed, count]).permutation(count).tolist()


def other(views: ClipViews, index: int, seed: int) -> int:
    """The clip that stands in for clip `index`, never itself; each stands in for one. Raises AmcError for one clip."""
    if len(views) < 2:
        raise AmcError("controls: the test split has one clip, so there is no other video; give two clips or more")
    order = in_order(len(views), seed)
    return order[order.index(index) - 1]


@dataclass(frozen=True)
class Damaged(Dataset):
    """The clips `chosen` of `views` under a control, in place of a `ClipViews` for `scores.predict`."""

    views: ClipViews
    control: str
    chosen: tuple[int, ...]
    seed: int = 0

    @property
    def table(self) -> ClipTable:
        """The chosen clips."""
        return replace(self.views.table, clips=tuple(self.views.table.clips[index] for index in self.chosen))

    def __len__(self) -> int:
        return len(self.chosen)

    def __getitem__(self, key: tuple[None, int]) -> tuple[Tensor, Tensor]:
        index = self.chosen[key[1]]
        return CONTROLS[self.control](self.views, index, self.seed), self.views.labels[index]

    def windows(self, epoch: None, place: int) -> list[tuple[int, ...]]:
        """The frames of each classifier in the intact clip."""
        return self.views.windows(epoch, self.chosen[place])

    def num_frames(self, place: int) -> int:
        """Frames of the intact clip."""
        return self.views.num_frames(self.chosen[place])


def measure(
    runs: Sequence[Run], *, most: int | None = None, seed: int = 0, workers: int | None = None, log: Log = print
) -> list[dict]:
    """One row per run and control, after one for the intact input: both mAPs in percent with intervals, and chance.

    `map_macro_change` and `map_micro_change` are paired differences from the intact score of the same clips, in points,
    with intervals `_low` and `_high`; `left` is the part of (intact - chance) in macro mAP that remains, None where
    intact is not above chance. Rows that see no video are left out.

    most: how many test clips, drawn at random once for all runs; by default as in MOST, 0: all. Scores are stored in
    the runs' folders and reused. workers: processes, one run each, as in `experiment.run_all`. Raises AmcError.
    """
    seeing = [run for run in runs if run.cfg.method not in BLIND]
    jobs = [(run, MOST.get(run.cfg.size, 0) if most is None else most, seed) for run in seeing]
    workers = min(workers or processes.count(1 if torch_state.default_device() == "cuda" else None), len(jobs))
    if workers < 2:
        found = [_measured(job, log) for job in jobs]
    else:
        work = [run.cfg.num_slots for run in seeing]
        found = processes.side_by_side(_measured, jobs, work=work, workers=workers, log=log)
    return [row for rows in found for row in rows]


def _measured(job: tuple[Run, int, int], log: Log) -> list[dict]:
    """The rows of one run: of how many clips, with which seed."""
    run, most, seed = job
    started, val, test = time.perf_counter(), run.scores("val"), run.scores("test")
    chosen = tuple(in_order(len(test.ids), seed)[: most or None])
    intact = videos(test, list(chosen))
    facts = {name: getattr(run.cfg, name) for name in ("method", "seed")} | {"run": run.cfg.name}
    facts |= {"scheme": run.cfg.sampling.scheme, "modality": run.cfg.pixels.modality}
    rows = []
    for control, scores in {INTACT: intact, **_scored(run, intact, chosen, seed)}.items():
        [found] = tables.rows(val, scores, tables=())
        change = tables.compare(intact, scores)
        row = facts | {"control": control} | {name: found[name] for name in COLUMNS}
        for name in metrics.MAPS:
            row |= intervals.columns(f"{name}_change", tables.points(change, name))
        margin = (rows[0] if rows else row)["map_macro"] - row["chance_macro"]
        rows.append(row | {"left": (row["map_macro"] - row["chance_macro"]) / margin if margin > 0 else None})
    log(f"{run.cfg.name:28} {len(rows) - 1} controls in {time.perf_counter() - started:.0f} s")
    return rows


def _scored(run: Run, intact: Scores, chosen: tuple[int, ...], seed: int) -> dict[str, Scores]:
    """Scores of the clips of `intact` under every control of the run: stored ones are read, the others computed."""
    table, model = experiment.load(run.cfg), digest(run.folder / MODEL)
    found, missing = {}, []
    for control in applicable(run.cfg, table):
        facts = {"name": control, "seed": seed, "model": model, "version": VERSION}
        path = run.folder / f"control-{control.replace(' ', '-')}.npz"
        found[control] = _stored(path, intact, facts)
        if found[control] is None:
            missing.append((control, path, facts))
    if not missing:
        return found
    device = torch_state.default_device()
    with torch_state.one_thread():  # as in training
        classifier = trained(run, table).to(device)
        views = ClipViews(
            table.split("test"), run.cfg.sampling, reader(run.cfg.pixels, table), size=classifier.preprocess.size
        )
        for control, path, facts in missing:
            damaged, training = Damaged(views, control, chosen, seed), run.cfg.training
            options = {"batch": training.batch_size, "device": device, "workers": training.workers}
            found[control] = predict(classifier, damaged, meta=intact.meta | {"control": facts}, **options)
            found[control].save(path)
    return found


def trained(run: Run, table: ClipTable) -> Classifier:
    """The classifier of a finished run of any method, in evaluation mode. Raises AmcError for a damaged file."""
    method = "MSQNet" if run.cfg.method == methods.PRETRAINED else run.cfg.method  # the same network
    classifier = methods.build(replace(run.cfg, method=method, init_from=""), table)  # all weights are in its own file
    checkpoint.load_strictly(classifier.network, checkpoint.read(run.folder / MODEL)[0], run.folder / MODEL)
    return classifier.eval()


def _stored(path: Path, intact: Scores, facts: dict) -> Scores | None:
    """The stored scores of a control for the clips of `intact`; None if they are absent, damaged or of another run."""
    if not path.exists():
        return None
    try:
        scores = Scores.load(path)
    except AmcError as error:
        warnings.warn(f"{error}; this control is scored again", stacklevel=2)
        return None
    known = videos(scores, slice(len(intact.ids)))  # of more clips, the first ones
    return known if scores.meta.get("control") == facts and np.array_equal(known.ids, intact.ids) else None


def videos(scores: Scores, kept: list[int] | slice) -> Scores:
    """Some videos of `scores`, in the given order."""
    return replace(scores, **{name: getattr(scores, name)[kept] for name, (axes, _) in ARRAYS.items() if "V" in axes})


def _pairs(views: ClipViews, index: int) -> Tensor:
    """The slots of a clip by frame, uint8 (M, P, K, 3, size, size): K = 2 for a frame and its flow, else 1."""
    slots = views[None, index][0]
    return slots.unflatten(1, (-1, views.reader.settings.slots_per_frame))


def _new_order(length: int, rng: np.random.Generator) -> list[int]:
    """A random order that is not the present one; for a single frame there is none."""
    order = list(range(length))
    while length > 1 and order == sorted(order):
        order = rng.permutation(length).tolist()
    return order
