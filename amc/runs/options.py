"""Options of the commands of `python -m amc` that have many; the commands themselves are in `__main__`."""

import argparse
import inspect
from collections.abc import Callable

RESUME = {  # what a user does after a stop
    "reproduce": "run the same command again: finished runs are reused",
    "train": "run the same command again: it continues from the last finished epoch",
    "flow": "run the same command again: what is computed is kept",
    "flow train": "run the same command again: it continues from the last step that it logged",
    "index": "run the same command again: videos that were read are not read again",
    "predict": "the videos that were logged are done; the same command does all of them again",
    "unpack": "run the same command again: it unpacks everything again; no file is cut off",
}
Run = Callable[[argparse.Namespace], int]  # a command; returns the exit status
HELP = {  # of what has no list of choices
    "seeds": "one or more seeds, such as 0,1,2",
    "grid": "all nine runs of scheme and modality",
    "num_windows": "M, classifiers per video",
    "frames": "P, frames per classifier",
    "epochs": "number of training epochs",
    "flow_weights": "a RAFT checkpoint",
    "backbone": "a CLIP ViT of open_clip",
    "pretrained": "its tag, a file, bundled, or random",
    "data_root": "folder of the data set",
    "memory_limit_gb": "gigabytes per process; batch size and checkpointing follow (0: no limit)",
    "init_from": "checkpoint to continue from: a finished run's model.safetensors",
    "freeze_backbone": "train only integration and prompts (default: for the data set folder)",
}


def add_runs(parser: argparse.ArgumentParser, *, without: tuple[str, ...] = ()) -> None:
    """The parameters of `ablation`, under the same names; what is not given keeps the default of the size."""
    from amc.flow import METHODS  # here: these import torch, for which --help of all commands does not wait
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


def add_flow(commands: argparse._SubParsersAction, *, fields: Run, training: Run) -> None:
    """The commands below `flow`: a data set, run by `fields`, or `train`, run by `training`."""
    from amc.datasets.catalogue import DATASETS

    for dataset in DATASETS:
        motion = commands.add_parser(dataset, help="compute its flow, kept for training and scoring")
        add_runs(motion, without=("dataset",))
        motion.set_defaults(run=fields)
    train = commands.add_parser("train", help="RAFT-small on drawn pairs with true flow; continues where it stopped")
    train.add_argument("--steps", type=int, help="optimizer steps (default: the recipe's)")
    train.add_argument("--lr", type=float, help="peak of the learning rate (default: the recipe's)")
    train.add_argument("--precision", help="precision of the convolutions: bfloat16 | float32 (default: the recipe's)")
    train.add_argument("--init-from", help="raft-synth: continue from the bundled weights (default: from scratch)")
    train.add_argument("--folder", help="folder of the run (default: in the cache)")
    train.add_argument("--ship", action="store_true", help="afterwards, put the best weights into data/weights")
    train.add_argument("--real", help="with --ship: folder of a real pair, such as Middlebury's, to measure too")
    train.add_argument("--compare", help="with --ship: another checkpoint of RAFT-small, to compare with")
    train.set_defaults(run=training)


def add_predict(parser: argparse.ArgumentParser) -> None:
    """What `predict` may be given."""
    parser.add_argument("videos", nargs="+", metavar="VIDEO_OR_FOLDER")
    parser.add_argument("--out", required=True, help="folder to write to")
    parser.add_argument(
        "--behaviours", default="", help='names separated by commas, "walking, grazing"; with --model: some of its own'
    )
    parser.add_argument("--model", default="", help="a finished run: its name, its folder or its model.safetensors")
    parser.add_argument("--backbone", default="", help="with --behaviours alone: a CLIP ViT of open_clip")
    parser.add_argument("--pretrained", default="", help="with --behaviours alone: its weights")
    parser.add_argument("--human", default="", help="human annotation to compare with (BORIS, SimBA, DeepEthogram)")
    parser.add_argument("--annotate", action="store_true", help="also write copies of the videos with labels drawn in")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"), help="cpu | cuda (default: %(default)s)")
    numbers = {
        "threshold": (0, "probability from which a behaviour counts (0: chosen on validation clips)"),
        "seconds": (2, "length of a window"),
        "stride": (0.5, "seconds from one window to the next"),
        "hold": (0.8, "a bout continues above this share of the threshold"),
        "min-bout": (0.5, "seconds; shorter bouts are dropped"),
        "max-gap": (0.5, "seconds; shorter pauses are bridged"),
    }
    for name, (value, text) in numbers.items():
        parser.add_argument(f"--{name}", type=float, default=value, help=f"{text} (default: {value:g})")
