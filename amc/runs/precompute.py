"""Compute the flow that runs need before they train: once, by all processes, continuing after a stop.

Training then reads it from the cache. Progress is logged, with the estimated remaining time and disk space.
"""

import hashlib
import shutil
import time
from dataclasses import replace
from typing import NamedTuple

from amc.base import distributed, paths
from amc.base.errors import AmcError
from amc.base.progress import Log
from amc.config import Experiment
from amc.datasets.clips import ClipViews, reader
from amc.runs import experiment
from amc.video import VideoError

SURE_AFTER = 20  # clips, after which a forecast is reliable


class Progress(NamedTuple):
    """Progress of one process; forecasts are based on the clips that it had to compute."""

    done: int  # clips, including cached ones
    clips: int
    computed: int  # clips
    seconds: float  # for these, without the first one, which loads libraries and weights
    bytes: int  # of the computed clips

    @property
    def seconds_left(self) -> float:
        """Seconds for the remaining clips, if none of them is cached."""
        return self.seconds / max(self.computed - 1, 1) * (self.clips - self.done)

    @property
    def bytes_left(self) -> float:
        """Bytes on disk for the remaining clips."""
        return self.bytes / max(self.computed, 1) * (self.clips - self.done)


def motion(configs: list[Experiment], *, log: Log, device: str = "cpu", every: float = 15) -> Progress:
    """Compute and cache the flow of every frame that any of the runs draws, in training and in scoring.

    log: gets progress lines at intervals. Under torchrun each process does its part. Raises AmcError at the end for
    videos that cannot be read; for runs without flow; when the forecast does not fit on the disk, before it is full;
    and if nothing can be written.
    """
    jobs = _jobs(experiment.check(configs), device)
    own = distributed.shard(jobs)
    now = Progress(0, len(own), 0, 0.0, 0)
    logged, unread = time.perf_counter(), []
    for views, index, epochs in own:
        clip, started = views.table.clips[index], time.perf_counter()
        try:
            frames = views.needed(index, epochs)
            key, cache = views.reader.flow_key(clip.path), views.reader.flow_cache
            is_new = not cache.has(key, frames)
            if is_new:
                views.reader.vectors(clip.path, frames, views.num_frames(index))
            if cache.folder is None:
                raise AmcError("flow: motion fields can no longer be kept; free the disk, or set AMC_CACHE to another")
        except VideoError as error:
            said, remedy = str(error), views.table.remedy
            unread.append(said if remedy in said else f"{said}; {remedy}")
            is_new = False
        spent = time.perf_counter() - started
        now = now._replace(done=now.done + 1)
        if is_new:
            seconds = now.seconds + spent * (now.computed > 0)
            now = now._replace(computed=now.computed + 1, seconds=seconds, bytes=now.bytes + cache.size(key))
            _refuse_too_small_a_disk(now)
        if time.perf_counter() - logged > every or now.done == now.clips:
            logged = time.perf_counter()
            log(_line(now))
    distributed.barrier()
    if unread:
        raise AmcError(f"flow: {len(unread)} videos cannot be read, first {unread[0]}")
    return now


def _jobs(configs: list[Experiment], device: str) -> list[tuple[ClipViews, int, list[int | None]]]:
    """Every clip of every run with flow, ordered by hash: any part of the list is a fair sample of the whole."""
    # Runs with flow alone and with frames and flow use the same flow.
    with_flow = {
        replace(cfg, pixels=replace(cfg.pixels, modality="flow")) for cfg in configs if "flow" in cfg.pixels.modality
    }
    if not with_flow:
        raise AmcError("flow: none of these runs uses flow; choose modality flow or rgb+flow")
    jobs = {}
    for cfg in with_flow:
        table = experiment.load(cfg)
        pixel_reader = replace(reader(cfg.pixels, table), device=device)
        for split in table.counts():
            views = ClipViews(
                table.split(split),
                cfg.sampling,
                pixel_reader,
                size=0,
                train_windows=cfg.training.train_windows,
                seed=cfg.seed,
            )
            epochs = list(range(cfg.training.epochs)) if split == "train" else [None]
            for index, clip in enumerate(views.table.clips):
                if not clip.unreadable:
                    jobs[hashlib.sha256(f"{clip.id} {cfg}".encode()).hexdigest()] = (views, index, epochs)
    return [jobs[key] for key in sorted(jobs)]


def _refuse_too_small_a_disk(now: Progress) -> None:
    free = shutil.disk_usage(paths.cache()).free
    left = now.bytes_left * distributed.world()
    if now.computed >= SURE_AFTER and left > free:
        raise AmcError(
            f"flow: about {left / 1e9:.0f} GB more are needed, but {paths.cache()} has {free / 1e9:.0f} GB free; free "
            "some, or set AMC_CACHE to a larger disk; what is done is kept"
        )


def _line(now: Progress) -> str:
    free, left = shutil.disk_usage(paths.cache()).free, now.bytes_left * distributed.world()
    there = now.done - now.computed
    return (
        f"{now.done} of {now.clips} clips, {there} of them from the cache; {now.seconds_left:.0f} s left; "
        f"{left / 1e6:.0f} MB more needed, {free / 1e9:.0f} GB free"
    )
