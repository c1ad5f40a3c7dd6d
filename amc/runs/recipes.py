"""The runs of Table 1: network, frames and training for every method and size.

Size `paper` is as published: networks, CLIP, picture size. The other sizes have smaller networks of the same families,
with the small CLIP and its picture size, so that all rows can be trained on two CPU cores. All rows share clips,
splits, the number M of views and their mean, the selection rule on validation data and, if they start from a CLIP, that
CLIP. (In their own papers the convolutional networks take the maximum over 6 or 30 views; Category-CLIP has 12.)
"""

from dataclasses import replace
from pathlib import Path

from amc.base.errors import AmcError, choice
from amc.baselines import species_prior
from amc.baselines.conv3d import NETWORKS
from amc.baselines.species_prior import BLIND
from amc.config import ALL, METHOD, Experiment, Sampling
from amc.datasets import animal_kingdom
from amc.datasets.table import split_validation
from amc.runs import experiment, methods, tables
from amc.runs.ablation import ablation, pixels_for

PRETRAINED = methods.PRETRAINED
METHODS = (*methods.METHODS, *BLIND)  # in the order of Table 1
SMALL = {"I3D": "i3d-narrow", "SlowFast": "slowfast-narrow", "X3D": "x3d-xs", "MSQNet": "timesformer-small"}
PUBLISHED = {"I3D": "i3d-r50", "SlowFast": "slowfast-r50", "X3D": "x3d-l", "MSQNet": "timesformer-base"}
WORLD = "synth-menagerie"  # plays the role of Kinetics-400: other animals, other behaviours, another seed
HUB = "facebook/timesformer-base-finetuned-k400"
KINETICS = {  # files of pytorchvideo's model zoo, and the model of transformers' hub
    "I3D": "I3D_8x8_R50.pyth",
    "SlowFast": "SLOWFAST_8x8_R50.pyth",
    "X3D": "X3D_L.pyth",
    PRETRAINED: Path(HUB).name,
}
# Animal Kingdom's configurations: SGD, these rates, pictures of 256 pixels. Batch size, epochs and decay are ours.
RATES = {"I3D": 0.1, "SlowFast": 0.0375, "X3D": 0.05}
# Below size paper: of half, once and twice the published rate, or our own, the one with the lowest validation loss at
# size quick (reports/learning_rates.json). Only Category-CLIP's is not the highest that was tried.
SMALL_RATES = {"I3D": 0.2, "SlowFast": 0.075, "X3D": 0.1, "Category-CLIP": 2e-4, "MSQNet": 8e-4, PRETRAINED: 8e-4}


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
    """The requested runs, in the order of Table 1, blind rows last; 0 and "" mean the default of the size.

    methods: `all` or a comma list. kinetics: a folder with weights from Kinetics-400 (data/README.md); with it, I3D,
    SlowFast and X3D start from them too. Raises AmcError for a value that is not allowed.
    """
    wanted = _methods(methods)
    ours = ablation(
        scheme="sparse", modality="rgb+flow", dataset=dataset, size=size, seeds=seeds, num_windows=num_windows,
        epochs=epochs, flow_method=flow_method, flow_weights=flow_weights, backbone=backbone, pretrained=pretrained,
        data_root=data_root,
    )  # fmt: skip
    if ours[0].dataset == WORLD:
        raise AmcError(f"dataset: {WORLD!r} is what {PRETRAINED} is trained on first; choose another")
    if kinetics and size != "paper":
        raise AmcError(
            f"kinetics: {kinetics} holds weights for networks and pictures of size paper, not {size}; leave it empty"
        )
    # A blind method does not depend on the seed.
    configs = [_row(m, base, kinetics) for base in ours for m in wanted if m not in BLIND or base is ours[0]]
    if epochs:
        configs = [replace(cfg, training=replace(cfg.training, epochs=epochs)) for cfg in configs]
    return configs


def describe(cfg: Experiment) -> dict:
    """The properties that distinguish a method from the others, as texts for a table."""
    if cfg.method in BLIND:
        return {"method": cfg.method, "network": "none", "views x frames": "none"}
    plan, training = cfg.sampling, cfg.training
    is_clip = cfg.method not in RATES
    names = [cfg.network, f"{cfg.backbone} {cfg.pretrained}" if is_clip else ""]
    pace = f"{plan.frames} x {plan.stride}" if plan.stride else f"{plan.frames} {plan.scheme}"
    return {
        "method": cfg.method,
        "network": ", ".join(name for name in names if name),
        "starts from": Path(cfg.init_from).name or ("the CLIP" if not cfg.network else "random"),
        "views x frames": f"{plan.num_windows} x ({pace})",
        "modality": cfg.pixels.modality,
        "image size": f"{cfg.image_size} px" if cfg.image_size else "the CLIP's",
        "epochs": training.epochs,
        "optimizer": f"{training.optimizer} {training.lr:g}",
    }


def blind_on_annotation(workbook: Path | str) -> list[dict]:
    """Rows of the blind methods on Animal Kingdom's own annotation, as from `tables.rows`; needs no video.

    Settings are chosen on a validation split, then all official training clips are counted. workbook:
    AR_metadata.xlsx. Raises AmcError if it is missing or another file.
    """
    whole, found = animal_kingdom.index_metadata(workbook), []
    table, official = split_validation(whole, Experiment.validation), whole.split("train")
    for cfg in table_1(methods=",".join(BLIND), dataset="animal-kingdom"):
        meta = experiment.meta(cfg, whole)
        val = species_prior.predict(cfg.method, table, "val", meta=meta)
        test = species_prior.predict(cfg.method, table, "test", meta=meta, train=official)
        found += tables.rows(val, test, tables=(1,))
    return found


def _methods(text: str) -> list[str]:
    """The methods of a comma list, each once and in the order of Table 1."""
    wanted = [part.strip() for part in str(text).split(",")]
    for method in wanted:
        choice("methods", method, [ALL, *METHODS])
    return [method for method in METHODS if method in wanted or ALL in wanted]


def _row(method: str, ours: Experiment, kinetics: str) -> Experiment:
    """The run of a method; everything not set here is as in the run of the paper's own method."""
    if method == METHOD:
        return ours
    row = replace(ours, method=method, pixels=replace(ours.pixels, modality="rgb"))
    if method in RATES:
        row = _convolutional(row, kinetics)
    elif method in ("MSQNet", PRETRAINED):
        row = _multi_query(row, kinetics)
    if row.size != "paper" and method in SMALL_RATES:
        row = replace(row, training=replace(row.training, lr=SMALL_RATES[method]))
    return row  # Category-CLIP is trained like X-CLIP; blind rows are not trained


def _convolutional(rgb: Experiment, kinetics: str) -> Experiment:
    name = _network(rgb, rgb.method)
    own = NETWORKS[name]
    training = replace(rgb.training, optimizer="sgd", lr=RATES[rgb.method], lr_mult=1, weight_decay=1e-4)
    if rgb.size == "paper":
        training = replace(training, grad_accum_steps=4)  # 64 clips per step
    image_size = 256 if rgb.size == "paper" else 64  # else the input of the small CLIP
    kept = rgb.pixels if rgb.pixels.short_side >= image_size else pixels_for(rgb.size, image_size)
    return replace(
        rgb,
        network=name,
        init_from=_found(kinetics, rgb.method) if kinetics else "",
        image_size=image_size,
        pixels=replace(rgb.pixels, short_side=kept.short_side, max_px=kept.max_px),
        sampling=Sampling("clip", rgb.sampling.num_windows, own.frames, own.stride),
        training=training,
    )


def _multi_query(rgb: Experiment, kinetics: str) -> Experiment:
    network = _network(rgb, "MSQNet")
    start, plan, training = "", rgb.sampling, replace(rgb.training, lr_mult=1)
    if network == PUBLISHED["MSQNet"]:  # at MSQNet's rate, with our AdamW, warm-up, batch and epochs
        training = replace(training, lr=1e-5, weight_decay=0)
    if rgb.size == "paper":
        plan, training = replace(plan, frames=16), replace(training, grad_accum_steps=1)
    if rgb.method == PRETRAINED and rgb.size == "paper":
        start = _found(kinetics, rgb.method) if kinetics else HUB
    elif rgb.method == PRETRAINED:
        start = WORLD
        # Of the video encoder alone: by an earlier recipe its validation loss fell until epoch 12, and not after 16.
        training = replace(training, pretraining=0 if rgb.size == "smoke" else 16)
    return replace(rgb, network=network, init_from=start, sampling=plan, training=training)


def _network(cfg: Experiment, family: str) -> str:
    return (PUBLISHED if cfg.size == "paper" else SMALL)[family]


def _found(kinetics: str, method: str) -> str:
    """The path of a method's weights in the user's folder."""
    path = Path(str(kinetics)).expanduser() / KINETICS[method]
    if not path.exists():
        raise AmcError(f"kinetics: {path} is not there; get it (see data/README.md), or leave kinetics empty")
    return str(path)
