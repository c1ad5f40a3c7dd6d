"""Does memory stay flat, and is every file closed, over 20,000 clips read and 5,000 pairs of frames through RAFT?

Clips of Synth Kingdom are read again and again without a cache, as training reads them. Memory and open files are noted
after every 250th clip; `long_run.json` in AMC_REPORTS (by default `out`) has both curves. A leak grows what is in use,
by glibc's count. A small one is known: PyAV 18.1 keeps about 160 bytes of each call of `demux`. The process grows more,
as freed memory is in too many pieces to be used again. Takes about ten minutes on idle cores, and three quarters of an
hour beside a training.

    python tests/long_run.py [--clips 20000] [--pairs 5000]
"""

import argparse
import ctypes
from collections.abc import Iterator
from dataclasses import replace

import psutil
import torch

from amc import flow, video
from amc.base import paths, provenance, seal
from amc.config import SIZES
from amc.datasets.clips import ClipViews, PixelReader
from amc.runs import experiment

EVERY = 250  # clips, or pairs, between two notes
BATCH = 10  # pairs at once
GROWTH = {"in_use_gb": 0.02, "gb": 0.1}  # that memory may grow from a tenth of the work to its end


class Heap(ctypes.Structure):
    """glibc's `struct mallinfo2`."""

    NAMES = ("arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost")
    _fields_ = tuple((name, ctypes.c_size_t) for name in NAMES)


def in_use() -> float:
    """GB that the process has asked glibc for and not given back."""
    count = ctypes.CDLL("libc.so.6").mallinfo2
    count.restype = Heap
    heap = count()
    return (heap.uordblks + heap.hblkhd) / 1e9


def clips(count: int) -> Iterator[int]:
    """Read `count` clips, frames and flow, and give how many are done."""
    cfg = SIZES["smoke"]
    table = experiment.load(cfg).split("train")
    views = ClipViews(table, cfg.sampling, PixelReader(replace(cfg.pixels, modality="rgb+flow")), size=64)
    for done in range(1, count + 1):
        epoch, index = divmod(done - 1, len(views))
        views[epoch, index]
        yield done


def pairs(count: int) -> Iterator[int]:
    """Estimate the flow of `count` pairs by raft-synth, and give how many are done."""
    table = experiment.load(SIZES["smoke"]).split("train")
    for done in range(BATCH, count + 1, BATCH):
        frames = video.read_frames(table.clips[done // BATCH % len(table)].path, range(BATCH + 1))
        flow.estimate(frames[:-1], frames[1:], method="raft-synth")
        yield done


def watched(work: Iterator[int]) -> dict:
    """How memory and open files develop during `work`."""
    process, notes = psutil.Process(), []
    for done in work:
        if done % EVERY == 0:
            memory = {"gb": process.memory_info().rss / 1e9, "in_use_gb": in_use()}
            notes.append({"done": done, **memory, "open_files": process.num_fds()})
            print(notes[-1], flush=True)
    early, late = notes[: max(len(notes) // 10, 1)], notes[-max(len(notes) // 10, 1) :]
    found = {name: mean(late, name) - mean(early, name) for name in GROWTH}
    assert all(found[name] < most for name, most in GROWTH.items()), found
    assert notes[-1]["open_files"] <= notes[0]["open_files"], notes[-1]
    return {"grown": found, "notes": notes}


def mean(notes: list[dict], name: str) -> float:
    """Over notes, which differ by the clip that was read last."""
    return sum(note[name] for note in notes) / len(notes)


def main() -> None:
    """Read, estimate, and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--clips", type=int, default=20_000)
    parser.add_argument("--pairs", type=int, default=5_000)
    given = parser.parse_args()
    torch.set_num_threads(1)
    record = {}
    for name, work in (("clips", clips(given.clips)), ("pairs", pairs(given.pairs))):
        record[name] = watched(work)  # written at once: the other part may be stopped
        seal.write_json(paths.reports() / "long_run.json", record | {"provenance": provenance.collect()}, indent=1)


if __name__ == "__main__":
    main()
