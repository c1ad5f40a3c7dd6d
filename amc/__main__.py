"""The command line: `python -m amc reproduce | train | predict | flow | index | unpack …`.

reproduce runs the notebooks one after another into `reports/` and makes their index; report makes the index alone;
train computes runs of the ablation, and flow the motion fields that they will need; predict makes ethograms of your
own videos; index checks a downloaded data set, and unpack an archive of one; pretrain makes Synth Kingdom's own CLIP
again, and flow train our own RAFT; class writes copies of the notebooks without solutions; readme puts the committed
results into README.md, and seal seals files that an earlier version wrote. A mistake of the user's ends with one line
and exit status 2.
"""

import argparse
import inspect
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

from amc.base import paths, processes
from amc.base.errors import AmcError, choice, print_any_path
from amc.base.parameters import whole
from amc.config import SIZES
from amc.runs import notebooks, options


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    print_any_path()
    arguments = sys.argv[1:] if arguments is None else arguments
    given = _parser(arguments[0] if arguments else "").parse_args(arguments)
    try:
        with processes.stoppable():
            return given.run(given)
    except AmcError as error:
        print(f"amc: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as error:
        status = 128 + (error.signal if isinstance(error, processes.Ended) else signal.SIGINT)
    processes.end_children()  # only here, where loops and bars have come to their end
    name = "flow train" if given.run is _flow_train else given.command
    print(f"amc: stopped; {options.RESUME.get(name, 'the same command starts again')}", file=sys.stderr)
    return status


def _parser(wanted: str = "") -> argparse.ArgumentParser:
    """The commands, with the options of the `wanted` one: those of others may take seconds to import."""
    parser = argparse.ArgumentParser(prog="python -m amc", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)

    def command(name: str, run: Callable[[argparse.Namespace], int], help: str) -> argparse.ArgumentParser:
        added = commands.add_parser(name, help=help)
        added.set_defaults(run=run)
        return added

    sizes = "smoke | quick | standard | paper (default: %(default)s)"
    reproduce = command("reproduce", _reproduce, "run the notebooks: trains, and writes tables and figures to reports")
    reproduce.add_argument("--size", default="quick", help=sizes)
    train = command("train", _train, "train and score runs of the ablation; finished ones are reused")
    train.add_argument("--workers", type=int, help="runs side by side (default: one per core)")
    if wanted == "train":
        options.add_runs(train)
    ethogram = command("predict", _predict, "ethograms of your own videos: tables and pictures of each, tables of all")
    options.add_predict(ethogram)
    motion = commands.add_parser("flow", help="compute the flow that runs need, or train our own RAFT")
    subjects = motion.add_subparsers(dest="dataset", required=True, metavar="DATASET | train")
    if wanted == "flow":
        options.add_flow(subjects, fields=_flow, training=_flow_train)
    index = command("index", _index, "check a downloaded data set or a folder of your own: annotation, every video")
    index.add_argument("dataset", help="animal-kingdom | kabr | mammalnet | folder")
    index.add_argument("folder", nargs="?", default="", help="its folder (default: its place under data)")
    index.add_argument(
        "--workers", type=int, default=os.cpu_count(), help="videos read at once (default: one per core)"
    )
    unpack = command("unpack", _unpack, "unpack a downloaded tar or zip file; writes nothing outside the folder")
    unpack.add_argument("archive")
    unpack.add_argument("folder")
    pretrain = command("pretrain", _pretrain, "pre-train synth-clip and put it into data/weights")
    pretrain.add_argument("--scenes", type=int, default=12_000, help="scenes of the stills (default: %(default)s)")
    pretrain.add_argument("--epochs", type=float, default=7, help="passes over the stills (default: %(default)s)")
    report = command("report", _report, "write index.html and manifest.json for the notebooks in reports")
    report.add_argument("--size", default="quick", help=sizes)
    classes = command("class", _class, "write copies of the notebooks without solutions and outputs")
    classes.add_argument("--folder", default="class", help="where to (default: %(default)s)")
    command("readme", _readme, "write the results of reports to the table in README.md")
    seals = command("seal", _seal, "add checksums to records, score files and weights of an earlier version")
    seals.add_argument("files", nargs="+")
    return parser


def _reproduce(given: argparse.Namespace) -> int:
    """Each notebook through papermill into `reports/` (`reports/<size>/` but for quick); stops when one fails."""
    from amc.runs import report  # here, so that --help waits for nothing

    started = time.perf_counter()
    reports = _reports(given.size)
    environment = os.environ | {"AMC_ROOT": str(paths.root()), "AMC_REPORTS": str(reports)}
    for name in notebooks.NAMES:
        done = Path(os.path.relpath(reports, paths.root())) / f"{name}.ipynb"
        (paths.root() / done).parent.mkdir(parents=True, exist_ok=True)
        print(f"\n=== {name} ({time.perf_counter() - started:.0f} s so far)", flush=True)
        command = [sys.executable, "-m", "papermill", f"notebooks/{name}.ipynb", str(done)]
        command += ["--log-output", "--no-progress-bar", *notebooks.parameters(name, given.size)]
        record = reports / "results" / f"{name}.json"
        record.unlink(missing_ok=True)  # its presence says that the notebook ran to its end: this run, not an earlier
        status = processes.run(command, cwd=paths.root(), environment=environment)
        if status or not record.exists():
            print(f"amc: {name} failed; what it did until then is in {done}", file=sys.stderr)
            return status or 1
        report.tidy(paths.root() / done)
    _report(given)
    print(f"\nDone in {(time.perf_counter() - started) / 60:.1f} minutes; tables and figures: {_short(reports)}")
    return 0


def _predict(given: argparse.Namespace) -> int:
    """Status 1 when a video failed; the others are done then."""
    import torch

    from amc.ethogram import predict, predictor
    from amc.ethogram.bouts import Rules
    from amc.ethogram.sliding_window import SlidingWindow

    rules, sliding = Rules(given.hold, given.min_bout, given.max_gap), SlidingWindow(given.seconds, given.stride)
    options = predict.Options(sliding, rules, given.threshold, given.annotate, given.human, given.device)
    names = [name for name in given.behaviours.split(",") if name.strip()]
    if given.model and (given.backbone or given.pretrained):
        raise AmcError("backbone, pretrained: a trained model has its own; leave them out, or leave out --model")
    predict.videos(given.videos)  # a mistyped folder is noticed before a model is loaded
    if given.device != "cpu" and not torch.cuda.is_available():
        raise AmcError(f"device: {given.device} is not on this machine; choose cpu")
    if given.model:
        watcher = predictor.by_model(given.model, behaviours=names, log=print)
    else:
        watcher = predictor.by_names(names, backbone=given.backbone, pretrained=given.pretrained)
    report = predict.predict(given.videos, watcher, Path(given.out), options, log=lambda line: print(line, flush=True))
    for note in report.notes:
        print(f"note: {note}")
    for row in report.failed:
        print(f"failed: {row['error']}", file=sys.stderr)
    print(f"{len(report.done)} videos done, {len(report.failed)} failed; {_short(Path(given.out))}")
    return int(bool(report.failed))


def _cells(given: argparse.Namespace) -> list:
    """The runs that the options of `options.add_runs` ask for."""

    from amc.runs.ablation import ablation

    known = inspect.signature(ablation).parameters
    return ablation(**{name: value for name, value in vars(given).items() if name in known})


def _train(given: argparse.Namespace) -> int:
    from amc.base import distributed
    from amc.runs import experiment

    with distributed.init():
        runs = experiment.run_all(_cells(given), workers=given.workers)
        if distributed.rank() == 0:
            for run in runs:
                print(f"{run.cfg.name}: {_short(run.folder)}")
    return 0


def _flow(given: argparse.Namespace) -> int:
    import torch

    from amc.base import distributed
    from amc.runs import precompute

    with distributed.init():
        torch.set_num_threads(1)  # one process per core is faster than several threads
        device = "cuda" if torch.cuda.is_available() else "cpu"
        is_first = distributed.rank() == 0
        done = precompute.motion(_cells(given), log=print if is_first else lambda line: None, device=device)
        if is_first:
            print(
                f"done: {done.computed} of {done.clips} clips computed, the others were cached; {_short(paths.cache())}"
            )
    return 0


def _flow_train(given: argparse.Namespace) -> int:
    import torch

    from amc.base import distributed
    from amc.synth import raft_card, raft_train

    folder = Path(given.folder) if given.folder else paths.cache() / "raft-synth"
    chosen = {name: getattr(given, name) for name in ("steps", "lr", "precision", "init_from")}
    recipe = raft_train.Recipe(**{name: value for name, value in chosen.items() if value is not None})
    measured = {"real": given.real, "compare": given.compare}
    if given.ship:
        raft_card.check(**measured)  # not after hours
    elif any(measured.values()):
        raise AmcError("real, compare: only weights put into data/weights are measured; add --ship")
    device = "cuda" if torch.cuda.is_available() else "cpu"
    cores = os.cpu_count() or 1
    with distributed.init():
        free = cores // distributed.world() - 1  # a GPU is as fast as many that draw, a core as one
        workers = max(0, min(free, 1) if device == "cpu" else free)
        best = raft_train.train(
            recipe, folder=folder, log=lambda line: print(line, flush=True), device=device, workers=workers
        )
        is_first = distributed.rank() == 0
    if is_first:
        print(_short(raft_card.ship(folder, **measured) if given.ship else best))
    return 0


def _pretrain(given: argparse.Namespace) -> int:
    from amc.synth import pretrain

    pretrain.pretrain(given.scenes, given.epochs)
    return 0


def _index(given: argparse.Namespace) -> int:
    """Status 1 when something is wrong with the download."""
    from amc.datasets import download

    whole("workers", given.workers, 1)
    wrong = download.check(given.dataset, given.folder, workers=given.workers, log=print)
    for line in wrong:
        print(f"wrong: {line}")
    print(f"{len(wrong)} wrong" if wrong else "nothing is wrong")
    return int(bool(wrong))


def _unpack(given: argparse.Namespace) -> int:
    from amc.datasets import download

    print(f"{download.unpack(given.archive, given.folder)} files in {given.folder}")
    return 0


def _reports(size: str) -> Path:
    """Where `reproduce` writes a size: AMC_REPORTS, else the committed `reports`, where no other run writes."""
    choice("size", size, list(SIZES))
    whole = paths.reports() if os.environ.get("AMC_REPORTS") else paths.root() / "reports"
    return whole if size == "quick" else whole / size


def _report(given: argparse.Namespace) -> int:
    from amc.runs import report

    for write in (report.manifest, report.index):
        print(_short(write(_reports(given.size))))
    return 0


def _class(given: argparse.Namespace) -> int:
    from amc.companion import classroom

    for path in classroom.copies(Path(given.folder)):
        print(_short(path))
    return 0


def _readme(given: argparse.Namespace) -> int:
    from amc.runs import readme

    print(_short(readme.write(paths.root() / "README.md")))
    return 0


def _seal(given: argparse.Namespace) -> int:
    from amc.base import seal

    for name in given.files:
        seal.add(name)
        print(f"sealed: {name}")
    return 0


def _short(path: Path) -> str:
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


if __name__ == "__main__":
    sys.exit(main())
