"""One run, from its configuration to its score files; and many runs at once, on all cores.

A run is kept under a key of everything its scores depend on (`keys.key`). A complete run is reused; an interrupted one
continues from its last epoch.
"""

import hashlib
import json
import time
import warnings
import zlib
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor

from amc import flow, metrics
from amc.base import checkpoint, distributed, locks, paths, precision, processes, provenance, torch_state
from amc.base.digests import digest
from amc.base.errors import AmcError
from amc.base.progress import Log, headed, progress, silent
from amc.baselines.species_prior import BLIND
from amc.baselines.species_prior import predict as predict_blind
from amc.config import Experiment
from amc.datasets import catalogue
from amc.datasets.clips import ClipViews, InTurn, reader
from amc.datasets.table import ClipTable
from amc.model import Classifier
from amc.model.weights import BUNDLED
from amc.runs import cost, demo, keys, lookup, memory, methods, tables
from amc.runs.lookup import MODEL
from amc.scores import Scores, predict
from amc.train import Fit, Validation, bce, fit, prior_bias


class Run(NamedTuple):
    """A finished run: its configuration and the folder of its model and score files."""

    cfg: Experiment
    folder: Path

    @property
    def commit(self) -> str:
        """The commit that computed it, see `provenance.commit`."""
        return self.scores("test").meta["commit"]

    def scores(self, split: str) -> Scores:
        """The score file of `val` or `test`."""
        return Scores.load(self.folder / f"{split}.npz")


class Trained(NamedTuple):
    """What training leaves: the model, how it went, the views of every split, how they are batched, facts of before."""

    model: Classifier
    fit: Fit
    views: dict[str, ClipViews]
    batches: dict  # batch, device, workers: as `scores.predict` takes them
    pretraining: dict


def load(cfg: Experiment) -> ClipTable:
    """The table of clips of an experiment; Synth Kingdom is drawn if it does not exist yet."""
    where = {"size": cfg.size, "validation": cfg.validation, "protocol": cfg.protocol}
    table = catalogue.load(cfg.dataset, cfg.root, **where)
    return table.subset(cfg.training_clips) if cfg.training_clips else table


def check(configs: list[Experiment]) -> list[Experiment]:
    """The same runs. Raises AmcError if anything that they need besides data is missing: CLIP, weights, flow."""
    precision.products("cpu")  # refuses a mistyped AMC_PRODUCTS
    for cfg in configs:
        if cfg.method not in BLIND:
            methods.check(cfg)
        flow.fingerprint_of(cfg.pixels)
    return configs


def name_of(configs: list[Experiment]) -> str:
    """A short name for a list of runs, 8 hex digits: the same for the same runs."""
    return hashlib.sha256(json.dumps([cfg.asdict() for cfg in configs], sort_keys=True).encode()).hexdigest()[:8]


def run(cfg: Experiment, *, log: Log | None = None, device: str | None = None) -> Run:
    """Train and score one run, or reuse it if it is complete. Raises AmcError for missing data or weights.

    A process that computes the same run already is waited for, and its result is used.
    """
    table = load(cfg)
    place = keys.folder(cfg, table, device)
    is_known = _is_whole(place, cfg.method)
    if not is_known and distributed.world() > 1:  # its processes work in one folder
        _make(cfg, table, place, log, device)
    elif not is_known:
        with (
            processes.resumable(lambda: lookup.advice({cfg.name: place})),
            locks.held(paths.folder(place), log=log or warnings.warn),
        ):
            is_known = _is_whole(place, cfg.method)
            if not is_known:
                _make(cfg, table, place, log, device)
    if is_known and log:
        log("already computed")
    return Run(cfg, place)


def _make(cfg: Experiment, table: ClipTable, place: Path, log: Log | None, device: str | None) -> None:
    if cfg.method in BLIND:
        facts = meta(cfg, table)
        for split in ("val", "test"):  # every process writes the same, atomically
            predict_blind(cfg.method, table, split, meta=facts).save(place / f"{split}.npz")
        return
    with torch_state.one_thread():
        _compute(cfg, table, place, log, device or torch_state.default_device())


def train(
    cfg: Experiment,
    table: ClipTable,
    folder: Path,
    *,
    rate: Callable[[Classifier, ClipViews], Validation] | None = None,
    log: Log | None = None,
    device: str = "cpu",
) -> Trained:
    """Train one run on the training split of `table`, or continue from the checkpoint in `folder`; score nothing.

    rate: how a model does on the views of the validation split; by default `validation`.
    """
    weights, before = _pretrain(cfg, log, device)
    model = methods.build(replace(cfg, init_from=weights), table).to(device)
    if cfg.training.freeze_backbone:
        model.freeze_backbone()
    views = {split: _views(cfg, table.split(split), model.preprocess.size) for split in table.counts()}
    training = memory.plan(cfg, model, device=device, log=log)
    batches = {"batch": training.batch_size, "device": device, "workers": training.workers}
    if not training.epochs:
        return Trained(model, demo.fit(), views, batches, before)
    if cfg.pixels.keep_frames:
        _prepare(views["train"], cfg, log)
        distributed.barrier()
    in_turn = _views(cfg, table.split("val"), model.preprocess.size, InTurn)
    if log:
        log(tables.chance_line(views["train"].table, views["val"].table))
    if training.prior_bias_init:
        model.add_bias(_bias(views["train"], model, device, cfg.training.batch_size))
    chosen = partial(rate, views=views["val"]) if rate else partial(validation, views=in_turn, batches=batches, log=log)
    fitted = fit(model, views["train"], chosen, training, seed=cfg.seed, folder=folder, device=device, log=log)
    return Trained(model, fitted, views, batches, before)


def validation(model: Classifier, views: ClipViews, *, batches: dict, log: Log | None = None) -> Validation:
    """Loss and micro mAP of a model's first window of every clip; batches: as `Trained.batches`."""
    scores = predict(precision.calling(model, batches["device"]), views, meta={}, log=log, **batches)
    loss = bce(torch.from_numpy(scores.logits[:, 0]), views.labels).item()
    return Validation(loss, metrics.map_micro(scores.labels, scores.probs[:, 0]))


def _compute(cfg: Experiment, table: ClipTable, folder: Path, log: Log | None, device: str) -> None:
    """Train, or continue, and write the model and both score files."""
    # Before hours of training, after which the commit and the weights of RAFT may be others.
    facts, motion = meta(cfg, table), flow.fingerprint_of(cfg.pixels)
    model, fitted, views, batches, before = train(cfg, table, folder, log=log, device=device)
    facts |= {"card": model.card, "fit": asdict(fitted), "device": device}
    if cfg.training.epochs:
        facts["products"] = precision.products(device)
    if distributed.rank() == 0:
        with distributed.single_process():
            facts |= {"cost": cost.measure(views["test"], model, device), "pretraining": before}
        model.save(folder / MODEL, {"names": table.names, "experiment": cfg.asdict(), "flow": motion})
    for split in ("val", "test"):  # test last: its presence means that the run is complete
        scores = predict(model, views[split], meta=facts, log=log, **batches)
        if distributed.rank() == 0:
            scores.save(folder / f"{split}.npz")
    distributed.barrier()
    if log:
        log(f"done: {fitted.seconds:.0f} s of training, best epoch {fitted.best_epoch}; {tables.result_line(scores)}")


def untrained(cfg: Experiment, *, device: str | None = None) -> Scores:
    """Scores of the test split before any training of ours: the CLIP alone."""
    device, table = device or torch_state.default_device(), load(cfg)
    model = methods.build(cfg, table).to(device).eval()
    views = _views(cfg, table.split("test"), model.preprocess.size)
    facts = meta(cfg, table) | {"card": model.card, "device": device}
    return predict(model, views, meta=facts, batch=cfg.training.batch_size, device=device)


def meta(cfg: Experiment, table: ClipTable) -> dict:
    """The origin that the score files of every method record."""
    train = table.split("train")
    origin = {"data_checksum": table.checksum(), "notes": list(table.notes), "train_species": train.species()}
    unread = [clip.id for clip in table.clips if clip.unreadable]
    origin |= {"hidden": list(table.hidden), "unreadable": unread}
    origin |= {"commit": provenance.commit(), "experiment": cfg.asdict()}
    origin |= {"train_positives": train.labels().sum(axis=0).tolist(), "val_sources": table.num_sources("val")}
    return origin | (demo.training() if cfg.init_from == BUNDLED else {})


def _pretrain(cfg: Experiment, log: Log | None, device: str) -> tuple[str, dict]:
    """The weights that the run's network starts from, as `methods.build` takes them, and the facts of pre-training."""
    if cfg.init_from not in catalogue.DATASETS:
        return cfg.init_from, {"seconds": 0.0}
    named = headed(log, f"on {cfg.init_from}") if log else None
    first = run(pretraining(cfg), log=named, device=device)
    file = first.folder / MODEL
    return str(file), first.scores("val").meta["fit"] | {"on": cfg.init_from, "sha256": digest(file)}


def pretraining(cfg: Experiment) -> Experiment:
    """The run that trains the network of `cfg` on the other data set that `cfg.init_from` names."""
    epochs = cfg.training.pretraining or cfg.training.epochs
    training = replace(cfg.training, epochs=epochs, pretraining=0, freeze_backbone=False)
    other = {"dataset": cfg.init_from, "root": "", "protocol": "official", "init_from": ""}
    return replace(cfg, training=training, **other)


def _is_whole(folder: Path, method: str) -> bool:
    """Whether score files and model exist and are intact; damaged or lost ones are logged, and made again."""
    files = [folder / f"{split}.npz" for split in ("val", "test")]
    try:
        is_scored = all(file.exists() for file in files) and all(Scores.load(file) for file in files)
        if is_scored and method not in BLIND:
            checkpoint.verify(folder / MODEL)
        return is_scored
    except AmcError as error:
        warnings.warn(f"{error}; this run is completed again from its last checkpoint", stacklevel=3)
        return False


def _views(cfg: Experiment, table: ClipTable, size: int, kind: type[ClipViews] = ClipViews) -> ClipViews:
    own = {"size": size, "train_windows": cfg.training.train_windows, "seed": cfg.seed}
    return kind(table, cfg.sampling, reader(cfg.pixels, table), **own)


def _prepare(views: ClipViews, cfg: Experiment, log: Log | None) -> None:
    """Decode every training video once for all epochs. Parallel runs share results, so each starts at another clip."""
    started, own = time.perf_counter(), list(distributed.shard(range(len(views))))
    turn = zlib.crc32(json.dumps(cfg.asdict()).encode()) % max(len(own), 1)
    for index in progress(own[turn:] + own[:turn], "reading videos", total=len(own), unit="videos", log=log):
        views.prepare(index, list(range(cfg.training.epochs)))
    if log:
        log(f"read {len(own)} videos in {time.perf_counter() - started:.0f} s")


def _bias(views: ClipViews, model: Classifier, device: str, batch_size: int) -> Tensor:
    """The bias of `prior_bias` from the first training clips, which the untrained network scores in training mode."""
    model.train()  # BatchNorm has no statistics of the data yet
    with torch.inference_mode(), torch_state.seeded(views.seed):  # dropout is random
        slots = torch.stack([views[0, index][0][0] for index in range(min(4 * batch_size, len(views)))])
        logits = torch.cat([model(part.to(device)) for part in slots.split(batch_size)])
    model.eval()
    return prior_bias(logits, views.labels.to(device))


def run_all(configs: list[Experiment], *, workers: int | None = None, log: Log = print) -> list[Run]:
    """Several runs side by side, each in a process of its own; `log` gets the lines of all of them.

    workers: processes, by default AMC_WORKERS, else one per CPU core, a single one with a GPU. Finished runs are kept
    even if another one fails; then the first failure is raised.
    """
    if workers is None:
        workers = processes.count(1 if torch_state.default_device() == "cuda" else None)
    if workers < 1:
        raise AmcError(f"workers: {workers} is not a number of processes; give 1 or more")
    check(configs)
    first = [pretraining(cfg) for cfg in configs if cfg.init_from in catalogue.DATASETS]
    places = {}
    for cfg in [*first, *configs]:
        if distributed.rank() == 0:
            places[cfg.name] = keys.folder(cfg, load(cfg))  # draws the data once, before the processes need it
        distributed.barrier()
    if distributed.world() > 1:  # every process takes part in every run; only the first one logs
        log = log if distributed.rank() == 0 else silent
    if workers == 1 or len(configs) == 1 or distributed.world() > 1:
        return [_run_named(cfg, log) for cfg in configs]
    with processes.resumable(lambda: lookup.advice(places)):
        work = [_work(cfg) for cfg in configs]
        return processes.side_by_side(_run_named, configs, work=work, workers=workers, log=log)


def _work(cfg: Experiment) -> int:
    """Estimated relative time of a run: slots of all epochs, including pre-training."""
    first = _work(pretraining(cfg)) if cfg.init_from in catalogue.DATASETS else 0
    return 0 if cfg.method in BLIND else cfg.num_slots * cfg.training.epochs + first


def _run_named(cfg: Experiment, log: Log) -> Run:
    return run(cfg, log=lambda line: log(f"{cfg.name:28} {line}"))
