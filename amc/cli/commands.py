"""One function per command: its options in, an exit status out. The first line of each is its help.

Each imports what it needs when it runs, so that `--help` is fast.
"""

import argparse
import inspect
import os
import shlex
import time
from contextlib import nullcontext
from pathlib import Path

from amc.base import locks, paths
from amc.base.errors import AmcError, choice
from amc.base.parameters import whole
from amc.cli import say
from amc.config import SIZES
from amc.runs import notebooks

FOLDER = "folder"  # the data set of one's own clips or videos


def reproduce(given: argparse.Namespace) -> int:
    """Run the notebooks: trains, and writes tables and figures to reports.

    papermill writes each notebook to `reports/` (`reports/<size>/` except for quick); stops when one fails. A notebook
    whose code, parameters, stages and data have not changed since is left out, unless it is named.
    """
    from amc.cli.reproduction import Reproduction

    reports, names = _reports(given.size), notebooks.chosen(given.notebooks)
    paths.check_writable(paths.cache())
    with locks.held(paths.folder(reports)):
        made = Reproduction(notebooks.in_turn(names), given.notebooks, reports, given.size, given.seeds)
        if status := made.execute():
            return status
        report(given)
        minutes = (time.perf_counter() - made.started) / 60
        print(f"\nDone in {minutes:.1f} minutes; tables and figures: {paths.short(reports)}")
        return 0


def _configs(given: argparse.Namespace) -> list:
    """The runs selected by the options of `parser.add_runs`."""
    from amc.runs.ablation import ablation

    known = inspect.signature(ablation).parameters
    return ablation(**{name: value for name, value in vars(given).items() if name in known})


def _with_clips(configs: list) -> list:
    """The same runs, of whole videos of one's own on the clips that are cut from them now, by the first process."""
    from dataclasses import replace

    from amc.base import distributed

    if configs[0].dataset != FOLDER:
        return configs
    if distributed.rank():
        distributed.barrier()
    root = str(_clips(configs[0].root))
    if not distributed.rank():
        distributed.barrier()
    return [replace(cfg, root=root) for cfg in configs]


def _clips(root: str) -> Path:
    """The folder of clips for the data set `folder`: cut from whole videos, if these were given."""
    from amc.datasets import catalogue
    from amc.ethogram import training_clips

    return training_clips.folder(catalogue.folder(FOLDER, root), log=say)


def train(given: argparse.Namespace) -> int:
    """Train and score runs of the ablation; finished ones are reused."""
    from amc.base import distributed
    from amc.runs import demo, experiment

    configs = _configs(given)
    if given.ship and len(configs) > 1:
        raise AmcError(f"ship: {len(configs)} runs; name one, by --scheme sparse --modality rgb+flow")
    if given.ship:
        paths.check_writable(demo.card().parent)  # now, not after hours of training
    paths.check_writable(paths.cache())
    with distributed.init():
        if distributed.rank() == 0:
            _warn(configs)
        runs = experiment.run_all(_with_clips(configs), workers=given.workers)
        if distributed.rank() == 0:
            for run in runs:
                for stamp in _stamps(run):
                    print(f"{run.cfg.name}: stamp: {stamp}")
                print(f"{run.cfg.name}: {paths.short(run.folder)}; to predict: --model {shlex.quote(run.cfg.title)}")
            if given.ship:
                print(paths.short(demo.ship(runs[0].folder)))
    return 0


def _warn(configs: list) -> None:
    """Print, before anything is computed, what is known to limit trust in these runs."""
    from amc.ethogram import predictor

    for stamp in dict.fromkeys(predictor.stamp_of(cfg) for cfg in configs):
        if stamp:
            print(f"stamp: {stamp}")
        if predictor.DRAWN in stamp:
            print(f"stamp: {predictor.REMEDY}")


def _stamps(run) -> tuple[str, ...]:
    """Warnings on a finished run: from its weights, and from validation."""
    from amc.ethogram import evidence, predictor

    val = run.scores("val")
    return tuple(filter(None, [predictor.stamp_of(run.cfg), *evidence.of(val, val.names.tolist()).stamps]))


def flow(given: argparse.Namespace) -> int:
    """Compute the flow of a data set and store it for training and scoring."""
    import torch

    from amc.base import distributed, torch_state
    from amc.base.progress import silent
    from amc.runs import precompute

    paths.check_writable(paths.cache())
    with distributed.init():
        torch.set_num_threads(1)  # one process per core is faster than several threads
        device = torch_state.default_device()
        is_first = distributed.rank() == 0
        done = precompute.motion(_with_clips(_configs(given)), log=print if is_first else silent, device=device)
        if is_first:
            where = paths.short(paths.cache())
            print(f"done: {done.computed} of {done.clips} clips computed, the others were cached; {where}")
    return 0


def flow_train(given: argparse.Namespace) -> int:
    """Train RAFT-small on drawn pairs with true flow; continues where it stopped."""
    from amc.base import bundled, distributed, torch_state
    from amc.raft import weights
    from amc.synth import raft_card, raft_train

    folder = Path(given.folder) if given.folder else paths.cache() / "raft-synth"
    chosen = {name: getattr(given, name) for name in ("steps", "lr", "precision", "init_from")}
    recipe = raft_train.Recipe(**{name: value for name, value in chosen.items() if value is not None})
    measured = {"real": given.real, "compare": given.compare}
    if given.ship:
        raft_card.check(**measured)  # fails now, not after hours of training
        paths.check_writable(bundled.place(weights.BUNDLED).parent)
    elif any(measured.values()):
        raise AmcError("real, compare: only weights put into data/weights are measured; add --ship")
    device = torch_state.default_device()
    cores = os.cpu_count() or 1
    with distributed.init():
        free = cores // distributed.world() - 1  # a GPU keeps many drawing workers busy, a core only one
        workers = max(0, min(free, 1) if device == "cpu" else free)
        is_first = distributed.rank() == 0
        with locks.held(paths.folder(folder)) if is_first else nullcontext():
            best = raft_train.train(recipe, folder=folder, log=say, device=device, workers=workers)
    if is_first:
        print(paths.short(raft_card.ship(folder, **measured) if given.ship else best))
    return 0


def pretrain(given: argparse.Namespace) -> int:
    """Pre-train synth-clip and write it to data/weights."""
    from amc.base import bundled
    from amc.model import weights
    from amc.synth.pretrain import pretrain

    paths.check_writable(bundled.place(weights.SYNTH_CLIP).parent)
    pretrain(given.scenes, given.epochs)
    return 0


def index(given: argparse.Namespace) -> int:
    """Check a downloaded data set or a folder of your own: annotation, every video.

    Status 1 when something is wrong with the download.
    """
    from amc.datasets import download

    whole("workers", given.workers, 1)
    place = _clips(given.folder) if given.dataset == FOLDER else given.folder
    wrong = download.check(given.dataset, place, workers=given.workers, log=print)
    for line in wrong:
        print(f"wrong: {line}")
    print(f"{len(wrong)} wrong" if wrong else "nothing is wrong")
    return int(bool(wrong))


def unpack(given: argparse.Namespace) -> int:
    """Unpack a downloaded tar or zip file; writes nothing outside the folder."""
    from amc.datasets import download

    print(f"{download.unpack(given.archive, given.folder)} files in {given.folder}")
    return 0


def _reports(size: str) -> Path:
    """Where `reproduce` writes a size: AMC_REPORTS, else the committed `reports`, where no other run writes."""
    choice("size", size, list(SIZES))
    whole = paths.reports() if os.environ.get("AMC_REPORTS") else paths.root() / "reports"
    return whole if size == "quick" else whole / size


def report(given: argparse.Namespace) -> int:
    """Write index.html and manifest.json for the notebooks in reports."""
    from amc.runs.report import index, manifest

    for write in (manifest, index):
        print(paths.short(write(_reports(given.size))))
    return 0


def site(given: argparse.Namespace) -> int:
    """Write reports as a static site: the index, notebooks as pages, figures."""
    from amc.runs.site import build

    print(paths.short(build(_reports(given.size), Path(given.folder))))
    return 0


def classes(given: argparse.Namespace) -> int:
    """Write copies of the notebooks without solutions and outputs."""
    for path in notebooks.class_copies(Path(given.folder)):
        print(paths.short(path))
    return 0


def readme(given: argparse.Namespace) -> int:
    """Write the results of reports to the table in README.md."""
    from amc.runs.readme import write

    print(paths.short(write(paths.root() / "README.md")))
    return 0
