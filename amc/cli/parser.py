"""The options of every command. Modules that define choices are imported only for the command that needs them."""

import argparse
import inspect
import os
from collections.abc import Callable
from typing import NoReturn

from amc.cli import commands, videos

DESCRIPTION = "The command line: `python -m amc reproduce | train | tune | predict | suggest | flow | index …`."
HELP = {  # for options without a list of choices
    "seeds": "one or more seeds, such as 0,1,2",
    "grid": "all nine runs of scheme and modality",
    "num_windows": "M, classifiers per video",
    "frames": "P, frames per classifier",
    "epochs": "number of training epochs",
    "flow_weights": "a RAFT checkpoint",
    "backbone": "a CLIP ViT of open_clip, or xclip (default: one that fits the weights)",
    "pretrained": "weights: a tag of open_clip such as openai, a file, a folder, a name on the Hugging Face Hub, "
    "bundled, or random",
    "data_root": "folder of the data set; for folder: clips with labels.csv, or videos with any annotation of predict "
    "--human, or that annotation alone",
    "memory_limit_gb": "gigabytes per process; batch size and checkpointing follow (0: no limit)",
    "human": "human annotation, a file or a folder; may be repeated (BORIS: .boris, .boris.gz, tables as text or "
    "workbook; SimBA; DeepEthogram; V-TRACE; FERAL: .json; .nwb)",
    "model": "a finished run: its name, its folder or its model.safetensors",
    "threshold": "probability from which a behaviour counts (0: chosen on validation clips)",
    "device": "cpu | cuda (default: %(default)s)",
    "init_from": "checkpoint to continue from: a finished run's model.safetensors",
    "freeze_backbone": "train only integration and prompts (default: for the data set folder)",
}

RULES = {  # how probabilities become bouts: `bouts.Rules`
    "hold": (0.8, "a bout continues above this share of the threshold"),
    "min-bout": (0.5, "seconds; shorter bouts are dropped"),
    "max-gap": (0.5, "seconds; shorter pauses are bridged"),
}


class Parser(argparse.ArgumentParser):
    """A parser that tells a mistake in one line, without the usage."""

    def error(self, message: str) -> NoReturn:
        """End with status 2."""
        self.exit(2, f"amc: {message}; see {self.prog} --help\n")


def number(text: str) -> float:
    """The value of an option. Raises ArgumentTypeError for what is no number."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is no number; expected one such as 0.5") from None


def parser(wanted: str = "") -> argparse.ArgumentParser:
    """The commands, with the options of the `wanted` one only: those of others may take seconds to import."""
    whole = Parser(prog="python -m amc", description=DESCRIPTION)
    subcommands = whole.add_subparsers(dest="command", required=True)

    def command(run: Callable[[argparse.Namespace], int], name: str = "") -> argparse.ArgumentParser:
        return _command(subcommands, name or run.__name__, run)

    sizes = "demo | smoke | quick | standard | paper (default: %(default)s)"
    notebooks = command(commands.reproduce)
    which = "tables | studies | names such as 03_ablation, which run even if nothing has changed (default: tables)"
    notebooks.add_argument("notebooks", nargs="*", metavar="NOTEBOOK", help=which)
    notebooks.add_argument("--size", default="quick", help=sizes)
    notebooks.add_argument("--seeds", default="0", help=HELP["seeds"])
    train = command(commands.train)
    train.add_argument("--workers", type=int, help="runs side by side (default: one per core)")
    train.add_argument("--ship", action="store_true", help="afterwards, put the only run's model into data/weights")
    if wanted == "train":
        _add_runs(train)
    _add_predict(command(videos.predict))
    _add_tune(command(videos.tune))
    _add_suggest(command(videos.suggest))
    flow = subcommands.add_parser("flow", help="Compute the flow that runs need, or train our own RAFT")
    subjects = flow.add_subparsers(dest="dataset", required=True, metavar="DATASET | train")
    if wanted == "flow":
        _add_flow(subjects)
    index = command(commands.index)
    index.add_argument("dataset", help="animal-kingdom | kabr | mammalnet | folder")
    index.add_argument("folder", nargs="?", default="", help="its folder (default: its place under data)")
    side_by_side = "videos read at once (default: one per core)"
    index.add_argument("--workers", type=int, default=os.cpu_count(), help=side_by_side)
    unpack = command(commands.unpack)
    unpack.add_argument("archive")
    unpack.add_argument("folder")
    pretrain = command(commands.pretrain)
    pretrain.add_argument("--scenes", type=int, default=12_000, help="scenes of the stills (default: %(default)s)")
    pretrain.add_argument("--epochs", type=float, default=7, help="passes over the stills (default: %(default)s)")
    command(commands.report).add_argument("--size", default="quick", help=sizes)
    site = command(commands.site)
    site.add_argument("--size", default="quick", help=sizes)
    site.add_argument("--folder", default="site", help="where to (default: %(default)s)")
    command(commands.classes, "class").add_argument("--folder", default="class", help="where to (default: %(default)s)")
    command(commands.readme)
    return whole


def _command(group: argparse._SubParsersAction, name: str, run: Callable) -> argparse.ArgumentParser:
    """A command of a group: its help is the first line of the function that runs it."""
    added = group.add_parser(name, help=run.__doc__.splitlines()[0].rstrip("."))
    added.set_defaults(run=run)
    return added


def _add_runs(parser: argparse.ArgumentParser, *, without: tuple[str, ...] = ()) -> None:
    """The parameters of `ablation`, under the same names; those not given keep the default of the size."""
    from amc.flow import METHODS  # here: these import torch, which would slow down --help of all commands
    from amc.runs.ablation import CHOICES, ablation

    choices = CHOICES | {"flow_method": tuple(METHODS)}
    for name, parameter in inspect.signature(ablation).parameters.items():
        if name in without:
            continue
        kind = {"default": argparse.SUPPRESS, "help": HELP.get(name) or " | ".join(choices[name])}
        if "bool" in str(parameter.annotation):
            kind["action"] = argparse.BooleanOptionalAction
        else:
            kind["type"] = parameter.annotation if parameter.annotation in (int, float) else str
        parser.add_argument(f"--{name.replace('_', '-')}", **kind)


def _add_flow(subjects: argparse._SubParsersAction) -> None:
    """The commands below `flow`: a data set, or `train`."""
    from amc.datasets.catalogue import DATASETS

    for dataset in DATASETS:
        _add_runs(_command(subjects, dataset, commands.flow), without=("dataset",))
    train = _command(subjects, "train", commands.flow_train)
    train.add_argument("--steps", type=int, help="optimizer steps (default: the recipe's)")
    train.add_argument("--lr", type=float, help="peak of the learning rate (default: the recipe's)")
    train.add_argument("--precision", help="precision of the convolutions: bfloat16 | float32 (default: the recipe's)")
    train.add_argument("--init-from", help="raft-synth: continue from the bundled weights (default: from scratch)")
    train.add_argument("--folder", help="folder of the run (default: in the cache)")
    train.add_argument("--ship", action="store_true", help="afterwards, put the best weights into data/weights")
    train.add_argument("--real", help="with --ship: folder of a real pair, such as Middlebury's, to measure too")
    train.add_argument("--compare", help="with --ship: another checkpoint of RAFT-small, to compare with")


def _add_tune(parser: argparse.ArgumentParser) -> None:
    """The options of `tune`."""
    parser.add_argument("videos", nargs="+", metavar="VIDEO_OR_FOLDER", help="none that the model was trained on")
    parser.add_argument("--model", required=True, help=HELP["model"])
    parser.add_argument("--human", action="append", required=True, metavar="FILE_OR_FOLDER", help=HELP["human"])
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"), help=HELP["device"])
    _add_numbers(parser, RULES)


def _add_suggest(parser: argparse.ArgumentParser) -> None:
    """The options of `suggest`."""
    parser.add_argument("videos", nargs="+", metavar="VIDEO_OR_FOLDER")
    parser.add_argument("--out", required=True, help="folder to write to, best one inside the folder of training")
    parser.add_argument("--model", required=True, help=HELP["model"])
    parser.add_argument("--most", type=int, default=20, help="number of moments (default: %(default)s)")
    parser.add_argument("--threshold", type=number, default=0, help=HELP["threshold"])
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"), help=HELP["device"])


def _add_predict(parser: argparse.ArgumentParser) -> None:
    """The options of `predict`."""
    parser.add_argument("videos", nargs="+", metavar="VIDEO_OR_FOLDER")
    parser.add_argument("--out", required=True, help="folder to write to")
    parser.add_argument(
        "--behaviours", default="", help='names separated by commas, "walking, grazing"; with --model: some of its own'
    )
    parser.add_argument("--model", default="", help=HELP["model"])
    parser.add_argument("--backbone", default="", help=f"with --behaviours alone: {HELP['backbone']}")
    parser.add_argument("--pretrained", default="", help=f"with --behaviours alone: {HELP['pretrained']}")
    which = f"to compare with: {HELP['human']}"
    parser.add_argument("--human", action="append", default=[], metavar="FILE_OR_FOLDER", help=which)
    parser.add_argument(
        "--subject", default="", help="with --human: the subject to compare with (default: each of them)"
    )
    which = "table (CSV) with the columns behaviour,threshold,min_bout,max_gap; an empty cell has the value given here"
    parser.add_argument("--rules", default="", metavar="FILE", help=which)
    which = "box of the animal in pixels, or a table (CSV) video,frame,x,y,w,h and perhaps track: one subject per track"
    parser.add_argument("--crop", default="", metavar="X,Y,W,H or FILE", help=which)
    parser.add_argument("--annotate", action="store_true", help="also write copies of the videos with labels drawn in")
    parser.add_argument("--nwb", action="store_true", help="also write an NWB file of each video (needs ndx-ethogram)")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"), help=HELP["device"])
    windows = {"seconds": (2, "length of a window"), "stride": (0.5, "seconds from one window to the next")}
    bins = {"bin": (0, "seconds; the time budget of each such stretch too")}
    _add_numbers(parser, {"threshold": (0, HELP["threshold"])} | windows | RULES | bins)


def _add_numbers(parser: argparse.ArgumentParser, numbers: dict[str, tuple[float, str]]) -> None:
    """Options with a number, by name: the default and the help."""
    for name, (value, text) in numbers.items():
        parser.add_argument(f"--{name}", type=number, default=value, help=f"{text} (default: {value:g})")
