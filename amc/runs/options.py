"""What the commands of `python -m amc` may be given, where that is much; a command itself is in `__main__`."""

import argparse
from collections.abc import Callable

AGAIN = {  # how each goes on after a stop
    "reproduce": "the same command goes on: cells that are finished are used again",
    "train": "the same command goes on from the last finished epoch",
    "flow": "the same command goes on: what is computed is kept",
    "flow train": "the same command goes on from the last step that it told of",
    "index": "the same command goes on: videos that were read are remembered",
    "predict": "the videos that it told of are done; the same command does all of them again",
    "unpack": "the same command unpacks all of it again; none of the files that are there is cut",
}
Run = Callable[[argparse.Namespace], int]  # a command, which returns the exit status


def add_cells(parser: argparse.ArgumentParser, *, without: tuple[str, ...] = ()) -> None:
    """The parameters of 03_ablation, under the same names; what is not given keeps the size's own value."""
    texts = {
        "scheme": "dense | semi-dense | sparse | all",
        "modality": "rgb | flow | rgb+flow | all",
        "dataset": "synth | animal-kingdom | kabr | mammalnet | folder",
        "size": "smoke | quick | standard | paper",
        "seeds": "such as 0,1,2",
        "protocol": "official | no-leak | unseen-species | unseen-behaviours",
        "flow-method": "raft-large | raft-small | raft-synth | dis | dis-fast | true",
        "flow-weights": "a RAFT checkpoint",
        "backbone": "a CLIP ViT of open_clip's",
        "pretrained": "tag, file, shipped, or random by choice",
        "data-root": "folder of the data set",
        "start-from": "model.safetensors of a finished run, from which it goes on",
    }
    for name, text in texts.items():
        if name in without:
            continue
        parser.add_argument(f"--{name}", default=argparse.SUPPRESS, help=text)
    counts = {"num-windows": "M, classifiers a video", "frames": "P, frames a classifier", "epochs": "of training"}
    for name, text in counts.items():
        parser.add_argument(f"--{name}", default=argparse.SUPPRESS, type=int, help=text)
    parser.add_argument(
        "--frozen", default=argparse.SUPPRESS, action=argparse.BooleanOptionalAction,
        help="towers keep their weights (default: for the data set folder)",
    )  # fmt: skip
    parser.add_argument("--grid", default=argparse.SUPPRESS, action="store_true", help="all nine cells")


def add_flow(commands: argparse._SubParsersAction, *, fields: Run, training: Run) -> None:
    """The commands below `flow`: a data set, run by `fields`, or `train`, run by `training`."""
    for dataset in ("synth", "animal-kingdom", "kabr", "mammalnet", "folder"):
        motion = commands.add_parser(dataset, help="its motion fields, kept for training and scoring")
        add_cells(motion, without=("dataset",))
        motion.set_defaults(run=fields)
    train = commands.add_parser("train", help="RAFT-small on drawn pairs with true flow; goes on where it was stopped")
    train.add_argument("--steps", type=int, help="a chunk of pairs from each process (default: the recipe's)")
    train.add_argument("--lr", type=float, help="peak of the learning rate (default: the recipe's)")
    train.add_argument("--precision", help="bfloat16 | float32, of a step's convolutions (default: the recipe's)")
    train.add_argument("--start-from", help="raft-synth: go on from the shipped weights (default: from scratch)")
    train.add_argument("--folder", help="of the run (default: in the cache)")
    train.add_argument("--ship", action="store_true", help="afterwards, put the best weights into data/weights")
    train.add_argument("--real", help="with --ship: folder of a real pair, as Middlebury's, to be measured too")
    train.add_argument("--compare", help="with --ship: another checkpoint of RAFT-small, to be measured beside ours")
    train.set_defaults(run=training)


def add_predict(parser: argparse.ArgumentParser) -> None:
    """What `predict` may be given."""
    parser.add_argument("videos", nargs="+", metavar="VIDEO_OR_FOLDER")
    parser.add_argument("--out", required=True, help="folder to write to")
    parser.add_argument(
        "--behaviours", default="", help='names by commas, "walking, grazing": with --model some of its'
    )
    parser.add_argument("--model", default="", help="a finished run: its name, its folder or its model.safetensors")
    parser.add_argument("--backbone", default="", help="with --behaviours alone: a CLIP ViT of open_clip's")
    parser.add_argument("--pretrained", default="", help="with --behaviours alone: its weights")
    parser.add_argument("--human", default="", help="annotation by BORIS or SimBA to compare with")
    parser.add_argument("--annotate", action="store_true", help="also copies of the videos with labels drawn")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"), help="cpu | cuda (default: %(default)s)")
    numbers = {
        "threshold": (0, "probability from which a behaviour counts (default: of validation)"),
        "seconds": (2, "length of a window"),
        "stride": (0.5, "seconds from one window to the next"),
        "hold": (0.8, "a bout goes on above this part of the threshold"),
        "min-bout": (0.5, "seconds; shorter bouts are dropped"),
        "max-gap": (0.5, "seconds; shorter pauses are bridged"),
    }
    for name, (value, text) in numbers.items():
        parser.add_argument(f"--{name}", type=float, default=value, help=f"{text} (default: {value:g})")
