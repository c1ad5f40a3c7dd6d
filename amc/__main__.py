"""What is too long or too plain for a notebook: `python -m amc reproduce | report | train | pretrain | class | readme`.

reproduce runs the notebooks one after another into `reports/` and makes their index; report makes the index alone;
train computes cells of the ablation; pretrain makes Synth Kingdom's own CLIP again; class writes copies of the
notebooks without solutions; readme puts the committed results into README.md. A mistake of the user's ends with one
line and exit status 2.
"""

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

from amc import paths
from amc.errors import AmcError, choice

NOTEBOOKS = (  # what `reproduce` runs, in this order: 05 and 06 look into what 03 has trained
    "00_quickstart", "01_sampling_windows", "02_flow_interleaving", "03_ablation", "04_state_of_the_art",
    "05_error_analysis", "06_inside_the_model",
)  # fmt: skip
GENERATED = ("01_sampling_windows", "02_flow_interleaving")  # of a drawn world, which has no size paper
INTERACTIVE = ("01_sampling_windows", "02_flow_interleaving", "05_error_analysis", "06_inside_the_model")


def main(arguments: list[str] | None = None) -> int:
    """Run one command; returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m amc", description=__doc__.splitlines()[0])
    commands = parser.add_subparsers(dest="command", required=True)
    reproduce = commands.add_parser(
        "reproduce", help="run the notebooks: trains, and writes tables and figures to reports"
    )
    reproduce.add_argument("--size", default="quick", help="smoke | quick | standard | paper (default: %(default)s)")
    train = commands.add_parser("train", help="train and score cells of the ablation; finished ones are used again")
    train.add_argument("--scheme", default="all", help="dense | semi-dense | sparse | all (default: %(default)s)")
    train.add_argument("--modality", default="all", help="rgb | flow | rgb+flow | all (default: %(default)s)")
    train.add_argument("--dataset", default="synth", help="synth | animal-kingdom | kabr (default: %(default)s)")
    train.add_argument("--size", default="quick", help="smoke | quick | standard | paper (default: %(default)s)")
    train.add_argument("--seeds", default="0", help="such as 0,1,2 (default: %(default)s)")
    train.add_argument("--workers", type=int, help="cells side by side (default: one a core)")
    pretrain = commands.add_parser("pretrain", help="pre-train synth-clip and ship it in data/weights")
    pretrain.add_argument(
        "--scenes", type=int, default=12_000, help="scenes to draw stills from (default: %(default)s)"
    )
    pretrain.add_argument("--epochs", type=float, default=7, help="passes over the stills (default: %(default)s)")
    report = commands.add_parser("report", help="write index.html and manifest.json from what lies in reports")
    report.add_argument("--size", default="quick", help="smoke | quick | standard | paper (default: %(default)s)")
    classes = commands.add_parser("class", help="write copies of the notebooks without solutions and outputs")
    classes.add_argument("--folder", default="class", help="where to (default: %(default)s)")
    commands.add_parser("readme", help="write the results in reports into the README's table")
    given = parser.parse_args(arguments)
    known = {"reproduce": _reproduce, "train": _train, "pretrain": _pretrain}
    known |= {"report": _report, "class": _class, "readme": _readme}
    try:
        return known[given.command](given)
    except AmcError as error:
        print(f"amc: {error}", file=sys.stderr)
        return 2


def _reproduce(given: argparse.Namespace) -> int:
    """Each notebook through papermill into `reports/` (`reports/<size>/` but for quick); stops when one fails."""
    from amc.companion import report  # here, so that --help waits for nothing

    started = time.perf_counter()
    reports = _reports(given.size)
    environment = os.environ | {"AMC_ROOT": str(paths.root()), "AMC_REPORTS": str(reports)}
    for name in NOTEBOOKS:
        # Relative paths, so that the executed copies name no place on this machine.
        source, done = (
            Path("notebooks") / f"{name}.ipynb",
            Path(os.path.relpath(reports, paths.root())) / f"{name}.ipynb",
        )
        (paths.root() / done).parent.mkdir(parents=True, exist_ok=True)
        print(f"\n=== {name} ({time.perf_counter() - started:.0f} s so far)", flush=True)
        command = [sys.executable, "-m", "papermill", str(source), str(done), "--log-output", "--no-progress-bar"]
        is_sized = name != NOTEBOOKS[0] and not (given.size == "paper" and name in GENERATED)
        command += ["-p", "size", given.size] if is_sized else []
        command += ["-p", "interactive", "False"] if name in INTERACTIVE else []
        if status := subprocess.run(command, cwd=paths.root(), env=environment).returncode:
            print(f"amc: {name} failed; what it did until then is in {done}", file=sys.stderr)
            return status
        report.tidy(paths.root() / done)
    _report(given)
    print(f"\nDone in {(time.perf_counter() - started) / 60:.1f} minutes; tables and figures: {_short(reports)}")
    return 0


def _train(given: argparse.Namespace) -> int:
    from amc import config, experiment

    cells = config.ablation(
        scheme=given.scheme, modality=given.modality, dataset=given.dataset, size=given.size, seeds=given.seeds
    )
    for run in experiment.run_all(cells, workers=given.workers):
        print(f"{run.cfg.name}: {_short(run.folder)}")
    return 0


def _pretrain(given: argparse.Namespace) -> int:
    from amc.synth import pretrain

    pretrain.pretrain(given.scenes, given.epochs)
    return 0


def _reports(size: str) -> Path:
    from amc import config  # here, so that --help does not wait for torch

    choice("size", size, list(config.SIZES))
    return paths.reports() if size == "quick" else paths.reports() / size


def _report(given: argparse.Namespace) -> int:
    from amc.companion import report

    for write in (report.manifest, report.index):
        print(_short(write(_reports(given.size))))
    return 0


def _class(given: argparse.Namespace) -> int:
    from amc.companion import classroom

    for path in classroom.copies(Path(given.folder)):
        print(_short(path))
    return 0


def _readme(given: argparse.Namespace) -> int:
    from amc import readme

    path = paths.root() / "README.md"
    text = path.read_text(encoding="utf-8")
    start, stop = (text.index(mark) for mark in readme.MARKS)
    block = readme.block(readme.records())
    with paths.atomic(path) as temporary:
        temporary.write_text(text[:start] + block + text[stop + len(readme.MARKS[1]) :], encoding="utf-8")
    return 0


def _short(path: Path) -> str:
    return os.path.relpath(path)


if __name__ == "__main__":
    sys.exit(main())
