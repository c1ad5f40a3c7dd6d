"""One cell of a table, from its configuration to its score files; and many cells at once, on all cores.

A cell is known by a content key: its configuration, its data, its weights and the code that computes it. What was
computed under the same key is used again; anything else is computed anew. An interrupted cell goes on.
"""

import hashlib
import json
import multiprocessing
import os
import queue
import threading
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, replace
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor
from tqdm.std import tqdm

from amc import flow, metrics, model, paths, transforms
from amc.aggregate import AGGREGATES
from amc.config import Experiment
from amc.datasets import catalogue
from amc.datasets.clips import ClipViews, PixelReader, reader
from amc.datasets.table import ClipTable
from amc.errors import AmcError
from amc.pixel_cache import digest
from amc.scores import Scores, predict
from amc.train import Report, fit, start_bias

PRESENTATION = ("figures", "charts", "tables", "results", "parameters", "__main__")  # these change no score
SILENCE = 15  # seconds after which a long step says how far it is
TIMED = 16  # clips on which the cost of a video is measured, without any cache


class Run(NamedTuple):
    """Where a finished cell lies, and what it left."""

    cfg: Experiment
    folder: Path
    is_reused: bool  # it was there already: this call computed nothing

    def scores(self, split: str) -> Scores:
        """The score file of `val` or `test`."""
        return Scores.load(self.folder / f"{split}.npz")


def load(cfg: Experiment) -> ClipTable:
    """The table of clips of an experiment; Synth Kingdom is drawn if it is not there yet."""
    return catalogue.load(cfg.dataset, cfg.root, size=cfg.size, validation=cfg.validation)


def check(cells: list[Experiment]) -> list[Experiment]:
    """The cells, once everything they need besides data is known to be there: CLIP, weights, flow. Raises AmcError."""
    for cell in cells:
        model.weights.check(cell.backbone, cell.pretrained)
        if "flow" in cell.pixels.modality:
            flow.fingerprint(cell.pixels.flow_method, cell.pixels.flow_weights or None)
    return cells


def name_of(cells: list[Experiment]) -> str:
    """A short name for what was asked: the same cells have the same one, 8 hex digits."""
    return hashlib.sha256(json.dumps([cell.asdict() for cell in cells], sort_keys=True).encode()).hexdigest()[:8]


def key(cfg: Experiment, table: ClipTable) -> str:
    """Content key of a cell, 20 hex digits. Raises AmcError when its flow needs weights that are absent."""
    source, pixels = Path(__file__).parent, cfg.pixels
    code = sorted(path for path in source.rglob("*.py") if path.stem not in PRESENTATION)
    card = paths.root() / "data" / "weights" / f"{cfg.backbone}.json"
    weights = card if cfg.pretrained == "shipped" else Path(cfg.pretrained)  # or a tag, which is no file
    vectors = flow.fingerprint(pixels.flow_method, pixels.flow_weights or None) if "flow" in pixels.modality else ""
    # A video that was replaced under its name has another size; reading thousands of them would take minutes.
    sizes = [clip.path.stat().st_size if clip.path.is_file() else clip.num_frames for clip in table.clips]
    parts = [
        json.dumps(replace(cfg, root="").asdict(), sort_keys=True).encode(),
        f"{table.checksum()} {sizes}".encode(),
        digest(weights).encode() if weights.is_file() else b"",
        vectors.encode(),
        torch.__version__.encode(),
        *(path.read_bytes() for path in code),
    ]
    return hashlib.sha256(b"\0".join(hashlib.sha256(part).digest() for part in parts)).hexdigest()[:20]


def run(cfg: Experiment, *, report: Report | None = None, device: str | None = None) -> Run:
    """Train and score one cell, or find it done. Raises AmcError for whatever of it cannot be had."""
    table = load(cfg)
    folder = paths.cache() / "runs" / key(cfg, table)
    if _is_whole(folder):
        if report:
            report("already computed")
        return Run(cfg, folder, is_reused=True)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)  # several threads on busy cores cost more than they bring, and sum in another order
    try:
        _compute(cfg, table, folder, report, device or ("cuda" if torch.cuda.is_available() else "cpu"))
    finally:
        torch.set_num_threads(threads)
    return Run(cfg, folder, is_reused=False)


def _compute(cfg: Experiment, table: ClipTable, folder: Path, report: Report | None, device: str) -> None:
    """Train, or go on, and write the model and both score files."""
    recogniser = model.build(cfg.backbone, cfg.pretrained, num_slots=cfg.num_slots, seed=cfg.seed)
    recogniser.xclip.to(device)
    recognise = recogniser_of(recogniser, table.names, device)
    pixels = reader(cfg.pixels)
    views = {split: _views(cfg, table.split(split), pixels, recogniser.preprocess.size) for split in table.counts()}
    if cfg.pixels.keep_frames:
        _prepare(views["train"], list(range(cfg.training.epochs)), report)
    batch = cfg.training.batch

    def validate() -> float:
        scores = predict(recognise, views["val"], meta={}, batch=batch, device=device, workers=cfg.training.workers)
        return metrics.map_macro(scores.labels, AGGREGATES["mean"](scores.probs))

    if cfg.training.balanced:
        recogniser.xclip.logit_bias.add_(_bias(views["train"], recognise, device, batch))
    fitted = fit(
        recogniser.xclip, recognise, views["train"], validate, cfg.training,
        seed=cfg.seed, folder=folder, device=device, report=report,
    )  # fmt: skip
    cost = _cost(cfg, views["test"], recognise, device)
    positives = table.split("train").labels().sum(axis=0).tolist()
    meta = {"experiment": cfg.asdict(), "card": recogniser.card, "fit": asdict(fitted), "cost": cost, "device": device}
    meta |= {"train_positives": positives, "notes": list(table.notes)}
    model.save(recogniser, folder / "model.safetensors", {"names": table.names, "experiment": cfg.asdict()})
    for split in ("val", "test"):  # test last: its presence says that the cell is whole
        scores = predict(recognise, views[split], meta=meta, batch=batch, device=device, workers=cfg.training.workers)
        scores.save(folder / f"{split}.npz")
    if report:
        report(f"done: best epoch {fitted.best_epoch}, {fitted.seconds:.0f} s of training")


def _is_whole(folder: Path) -> bool:
    """Whether both score files are there; a damaged one is announced and scored again from the last checkpoint."""
    files = [folder / f"{split}.npz" for split in ("val", "test")]
    try:
        return all(file.exists() for file in files) and all(Scores.load(file) for file in files)
    except AmcError as error:
        warnings.warn(f"{error}; this cell is scored again", stacklevel=3)
        return False


def recogniser_of(recogniser: model.Recogniser, names: tuple[str, ...], device: str) -> Callable[[Tensor], Tensor]:
    """uint8 slots (B, T, 3, H, W) to logits (B, C): the text is encoded once, here."""
    text, pixels = recogniser.encode(names).to(device), recogniser.preprocess
    return lambda slots: recogniser.xclip(transforms.normalise(slots, pixels.mean, pixels.std), text)


def _views(cfg: Experiment, table: ClipTable, pixels: PixelReader, size: int) -> ClipViews:
    return ClipViews(table, cfg.sampling, pixels, size=size, views=cfg.training.views, seed=cfg.seed)


def _prepare(views: ClipViews, epochs: list[int], report: Report | None) -> None:
    """Decode every training video once for all epochs, instead of once an epoch."""
    started = told = time.perf_counter()
    for index in tqdm(range(len(views)), desc="reading videos", unit="clip", disable=report is not None):
        views.prepare(index, epochs)
        if report and time.perf_counter() - told > SILENCE:
            report(f"read {index + 1} of {len(views)} videos")
            told = time.perf_counter()
    if report:
        report(f"read {len(views)} videos in {time.perf_counter() - started:.0f} s")


def _bias(views: ClipViews, recognise: Callable[[Tensor], Tensor], device: str, batch: int) -> Tensor:
    """The bias of `start_bias` from the first training clips, as the untrained model sees them."""
    with torch.inference_mode():
        slots = torch.stack([views[0, index][0][0] for index in range(min(4 * batch, len(views)))])
        logits = torch.cat([recognise(part.to(device)) for part in slots.split(batch)])
    return start_bias(logits, views.labels.to(device))


def _cost(cfg: Experiment, views: ClipViews, recognise: Callable[[Tensor], Tensor], device: str) -> dict:
    """What scoring one video takes, measured on a few test clips from file to scores with nothing kept.

    Other cells may be training on the other cores meanwhile: the seconds are for comparing orders of magnitude.
    """
    few = ClipViews(views.table.limit(TIMED), cfg.sampling, PixelReader(cfg.pixels), size=views.size)
    seen = [sorted({f for window in few.windows(None, i) for f in window}) for i in range(len(few))]
    has_rgb, has_flow = "rgb" in cfg.pixels.modality, "flow" in cfg.pixels.modality
    pairs = [flow.flow_pairs(frames, few.num_frames(i)) if has_flow else [] for i, frames in enumerate(seen)]
    # Frames and flow are read apart, each in one pass over the video.
    decoded = sum(len(f) * has_rgb + len({i for pair in p for i in pair}) for f, p in zip(seen, pairs, strict=True))
    started = time.perf_counter()
    predict(recognise, few, meta={}, batch=1, device=device)
    seconds = (time.perf_counter() - started) / len(few)
    each = {"frames_decoded": decoded / len(few), "flow_pairs": sum(map(len, pairs)) / len(few)}
    return each | {"seconds_a_video": seconds}


def run_all(cells: list[Experiment], *, workers: int | None = None, say: Report = print) -> list[Run]:
    """Run cells side by side, each in a process of its own; `say` gets a line for whatever happens in any of them.

    workers: processes, by default one a CPU core, one alone with a GPU. Every finished cell is kept even if another
    fails; the first failure is raised then.
    """
    if workers is None:
        workers = 1 if torch.cuda.is_available() else os.cpu_count() or 1
    if workers < 1:
        raise AmcError(f"workers: {workers} is not a number of processes; give 1 or more")
    check(cells)
    load(cells[0])  # draws the data once, before the processes need it
    if workers == 1 or len(cells) == 1:
        return [run(cell, report=lambda line, name=cell.name: say(f"{name:28} {line}")) for cell in cells]
    context = multiprocessing.get_context("spawn")
    with context.Manager() as manager, ProcessPoolExecutor(workers, context, _end_with_parent) as pool:
        lines = manager.Queue()
        # Longest first, so that the last cells to finish are short ones.
        order = sorted(cells, key=lambda cell: -cell.num_slots)
        futures = {pool.submit(_worker, cell, lines): cell for cell in order}
        while not all(future.done() for future in futures) or not lines.empty():
            try:
                say(lines.get(timeout=0.5))
            except queue.Empty:
                continue
        try:
            done = {futures[future]: future.result() for future in as_completed(futures)}
        except BrokenProcessPool as error:
            raise AmcError("a worker was ended from outside, mostly for lack of memory; use fewer") from error
        return [done[cell] for cell in cells]


def _end_with_parent() -> None:
    """Let this worker end when the process that started it is killed: left alone it would wait, and hold its memory."""
    parent = multiprocessing.parent_process()
    threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()


def _worker(cfg: Experiment, lines: multiprocessing.Queue) -> Run:
    return run(cfg, report=lambda line: lines.put(f"{cfg.name:28} {line}"))
