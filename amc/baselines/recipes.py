"""The cells of Table 1: for every method and size the network, the frames it sees and how it is trained.

What the peers published stands under `standard` and `paper` (FACTS are theirs, cited beside them); `quick` and `smoke`
have smaller members of the same families. All rows share clips, splits, the number M of views, the selection rule on
validation data and, as far as they start from one, the CLIP.
"""

from dataclasses import replace
from pathlib import Path

from amc import config, experiment, tables
from amc.baselines import species_prior
from amc.baselines.conv3d import NETWORKS
from amc.baselines.species_prior import BLIND
from amc.config import ALL, METHOD, Experiment, Sampling
from amc.datasets import animal_kingdom
from amc.datasets.table import carve_validation
from amc.errors import AmcError, choice

PRETRAINED = "MSQNet + pre-training"
METHODS = ("I3D", "SlowFast", "X3D", "Category-CLIP", "MSQNet", PRETRAINED, METHOD, *BLIND)  # the order of Table 1
SMALL = {"I3D": "i3d-small", "SlowFast": "slowfast-small", "X3D": "x3d-xs", "MSQNet": "timesformer-small"}
PUBLISHED = {"I3D": "i3d-r50", "SlowFast": "slowfast-r50", "X3D": "x3d-l", "MSQNet": "timesformer-base"}
WORLD = "synth-menagerie"  # what Kinetics-400 is to real videos: other animals, other behaviours, another seed
KINETICS = {  # files of pytorchvideo's model zoo, and the model of transformers' hub
    "I3D": "I3D_8x8_R50.pyth",
    "SlowFast": "SLOWFAST_8x8_R50.pyth",
    "X3D": "X3D_L.pyth",
    PRETRAINED: "timesformer-base-finetuned-k400",
}
HUB = "facebook/timesformer-base-finetuned-k400"
# Animal Kingdom's rates, with SGD; batches as X-CLIP's recipe has them here. Weight decay: SlowFast's.
RATES = {"I3D": 0.1, "SlowFast": 0.0375, "X3D": 0.05}


def table_1(
    *,
    methods: str = ALL,
    dataset: str = "synth",
    size: str = "quick",
    seeds: str | int = "0",
    num_windows: int = 0,
    epochs: int = 0,
    flow_method: str = "",
    flow_weights: str = "",
    backbone: str = "",
    pretrained: str = "",
    kinetics: str = "",
    data_root: str = "",
) -> list[Experiment]:
    """The cells that were asked for, in the order of Table 1, blind rows last; 0 and "" leave a value to the size.

    methods: `all` or a comma list. kinetics: a folder with weights from Kinetics-400 (data/README.md), from which I3D,
    SlowFast and X3D then start too. Raises AmcError for a value that is not allowed.
    """
    wanted = _methods(methods)
    ours = config.ablation(
        scheme="sparse", modality="rgb+flow", dataset=dataset, size=size, seeds=seeds, num_windows=num_windows,
        epochs=epochs, flow_method=flow_method, flow_weights=flow_weights, backbone=backbone, pretrained=pretrained,
        data_root=data_root,
    )  # fmt: skip
    cells = [_cell(method, base, kinetics) for base in ours for method in wanted]
    if epochs:
        cells = [replace(cell, training=replace(cell.training, epochs=epochs)) for cell in cells]
    return cells


def describe(cell: Experiment) -> dict:
    """What sets a method apart from the others, in the words of a table."""
    if cell.method in BLIND:
        return {"method": cell.method, "network": "none", "views x frames": "none"}
    plan, training = cell.sampling, cell.training
    is_clip = cell.method not in RATES
    names = [cell.network, f"{cell.backbone} {cell.pretrained}" if is_clip else ""]
    pace = f"{plan.frames} x {plan.stride}" if plan.stride else f"{plan.frames} {plan.scheme}"
    return {
        "method": cell.method,
        "network": ", ".join(name for name in names if name),
        "starts from": cell.network_weights or ("that CLIP" if not cell.network else "random"),
        "views x frames": f"{plan.num_windows} x ({pace})",
        "modality": cell.pixels.modality,
        "epochs": training.epochs,
        "optimizer": f"{training.optimizer} {training.lr:g}",
    }


def blind_on_annotation(workbook: Path | str) -> list[dict]:
    """Rows of the blind methods on Animal Kingdom's own annotation, as `tables.rows` has them; it needs no video.

    workbook: AR_metadata.xlsx. Raises AmcError where it is missing or foreign.
    """
    table, found = carve_validation(animal_kingdom.index_metadata(workbook), Experiment.validation), []
    for cell in table_1(methods=",".join(BLIND), dataset="animal-kingdom"):
        meta = experiment.meta(cell, table)
        val, test = (species_prior.predict(cell.method, table, split, meta=meta) for split in ("val", "test"))
        found += tables.rows(val, test, tables=(1,))
    return found


def _methods(text: str) -> list[str]:
    """The methods of a comma list, each once and in the order of Table 1."""
    wanted = METHODS if text == ALL else [part.strip() for part in str(text).split(",")]
    for method in wanted:
        choice("methods", method, [ALL, *METHODS])
    return [method for method in METHODS if method in wanted]


def _cell(method: str, ours: Experiment, kinetics: str) -> Experiment:
    """The cell of a method beside the paper's own, which it shares everything with that is not said here."""
    if method == METHOD:
        return ours
    rgb = replace(ours, method=method, pixels=replace(ours.pixels, modality="rgb"))
    if method in RATES:
        return _convolutional(rgb, kinetics)
    if method in ("MSQNet", PRETRAINED):
        return _multi_query(rgb, kinetics)
    return rgb  # Category-CLIP is trained as X-CLIP is; blind rows are not


def _convolutional(rgb: Experiment, kinetics: str) -> Experiment:
    is_small = rgb.size in ("smoke", "quick")
    name = (SMALL if is_small else PUBLISHED)[rgb.method]
    own, is_real = NETWORKS[name], rgb.size == "paper"
    training = replace(
        rgb.training, optimizer="sgd", lr=RATES[rgb.method], new_factor=1, weight_decay=1e-4,
    )  # fmt: skip
    return replace(
        rgb,
        network=name,
        network_weights=_found(kinetics, rgb.method) if kinetics else "",
        picture=256 if is_real else 64,  # Animal Kingdom's crop; else the size that the small CLIP sees
        sampling=Sampling("clip", rgb.sampling.num_windows, own.frames, own.stride),
        training=training,
    )


def _multi_query(rgb: Experiment, kinetics: str) -> Experiment:
    is_small, is_real = rgb.size in ("smoke", "quick"), rgb.size == "paper"
    start = ""
    if rgb.method == PRETRAINED:
        start = (_found(kinetics, rgb.method) if kinetics else HUB) if is_real else WORLD
    frames = 16 if is_real else rgb.sampling.frames  # MSQNet's 16; else as many frames as the paper's own row has
    training = replace(rgb.training, lr=1e-5, new_factor=1, weight_decay=0) if is_real else rgb.training
    return replace(
        rgb,
        network=(SMALL if is_small else PUBLISHED)["MSQNet"],
        network_weights=start,
        sampling=replace(rgb.sampling, frames=frames),
        training=training,
    )


def _found(kinetics: str, method: str) -> str:
    """The path of a method's weights in the user's folder."""
    path = Path(kinetics).expanduser() / KINETICS[method]
    if not path.exists():
        raise AmcError(f"kinetics: {path} is not there; data/README.md says where to get it, or leave kinetics empty")
    return str(path)
