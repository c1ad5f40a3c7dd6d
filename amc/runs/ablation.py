"""The runs of the paper's Tables 2 and 3, from what a user asks for: every value is checked here."""

from dataclasses import replace

from amc.base.errors import AmcError, choice
from amc.base.parameters import flag
from amc.config import ALL, SIZES, Experiment, Pixels, Sampling
from amc.datasets.catalogue import DATASETS, FOLDER, SIZED
from amc.datasets.protocols import PROTOCOLS
from amc.flow import METHODS
from amc.interleave import MODALITIES
from amc.model import weights
from amc.sampling import SCHEMES

CHOICES = {
    "scheme": (ALL, *SCHEMES),
    "modality": (ALL, *MODALITIES),
    "dataset": tuple(DATASETS),
    "size": tuple(SIZES),
    "protocol": tuple(PROTOCOLS),
}


def ablation(
    *,
    scheme: str = ALL,
    modality: str = ALL,
    dataset: str = "synth",
    size: str = "quick",
    seeds: str | int = "0",
    grid: bool = False,
    num_windows: int = 0,
    frames: int = 0,
    epochs: int = 0,
    flow_method: str = "",
    flow_weights: str = "",
    backbone: str = "",
    pretrained: str = "",
    data_root: str = "",
    protocol: str = "official",
    memory: float = 0,
    start_from: str = "",
    frozen: bool | None = None,
) -> list[Experiment]:
    """The cells of Tables 2 and 3 that were asked for; 0 and "" leave a value to the size.

    With `scheme` and `modality` at "all" these are the five cells of the paper's tables (RGB under every scheme, every
    modality under sparse), or all nine with `grid`. Naming one keeps its row or column; naming both gives that cell.
    frozen: by default for the data set `folder`, one's own few clips; start_from: see `Experiment.init_from`.
    Raises AmcError for a value that is not allowed.
    """
    dataset = str(dataset).replace("_", "-")  # as folders and shells prefer to have it
    chosen = {"scheme": scheme, "modality": modality, "dataset": dataset, "size": size, "protocol": protocol}
    _refuse(chosen, flow_method, {"num_windows": num_windows, "frames": frames, "epochs": epochs}, memory)
    overrides = {"dataset": dataset, "root": data_root, "protocol": protocol}
    overrides |= {"backbone": backbone, "pretrained": pretrained, "init_from": start_from}
    frozen = dataset == FOLDER if frozen is None else flag("frozen", frozen)
    base = replace(SIZES[size], **{name: value for name, value in overrides.items() if value})
    pixels = replace(_pixels(base), flow_method=flow_method or base.pixels.flow_method, flow_weights=flow_weights)
    return [
        replace(
            base,
            sampling=Sampling(s, num_windows or base.sampling.num_windows, frames or base.sampling.frames),
            pixels=replace(pixels, modality=m),
            training=replace(base.training, epochs=epochs or base.training.epochs, memory=memory, frozen=frozen),
            seed=seed,
        )
        for seed in _seeds(seeds)
        for s, m in _pairs(scheme, modality, grid)
    ]


def pixels_for(size: str, picture: int) -> Pixels:
    """The pixels of a size, kept in its own proportion to the `picture` pixels, height and width, that a network sees.

    At quick 72 px are kept for the 64 px of its CLIP, so for 224 px it is 252; at paper 256 for 224, so for 336 384.
    """
    usual = SIZES[size]
    return usual.pixels.at(round(usual.pixels.stored * picture / weights.image_size(usual.backbone, usual.pretrained)))


def _pixels(cfg: Experiment) -> Pixels:
    """The pixels of a size, kept for the backbone that was asked for."""
    if cfg.backbone == SIZES[cfg.size].backbone:
        return cfg.pixels
    return pixels_for(cfg.size, weights.image_size(cfg.backbone, cfg.pretrained))


def _refuse(chosen: dict[str, str], flow_method: str, counts: dict[str, int], memory: float) -> None:
    """Raise AmcError for a value that is not known, or not a count, or allowed by itself but not with the others."""
    for name, value in chosen.items():
        choice(name, value, CHOICES[name])
    for name, count in counts.items():
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise AmcError(f"{name}: {count!r} is not a count; give a whole number, or 0 for the size's own")
    if isinstance(memory, bool) or not isinstance(memory, int | float) or not 0 <= memory < float("inf"):
        raise AmcError(f"memory: {memory!r} is no amount; give gigabytes such as 24, or 0 to keep the size's batch")
    dataset = chosen["dataset"]
    if dataset in SIZED and chosen["size"] == "paper":
        raise AmcError("size: 'paper' is for real videos; name their data set too, as in -p dataset animal-kingdom")
    if flow_method:  # only a renderer knows true flow
        choice("flow_method", flow_method, [name for name in METHODS if name != "true" or dataset in SIZED])


def _pairs(scheme: str, modality: str, grid: bool) -> list[tuple[str, str]]:
    """The schemes and modalities of the cells that were asked for."""
    flag("grid", grid)
    schemes = list(SCHEMES) if scheme == ALL else [scheme]
    modalities = list(MODALITIES) if modality == ALL else [modality]
    named = ALL not in (scheme, modality)
    return [(s, m) for s in schemes for m in modalities if grid or named or m == "rgb" or s == "sparse"]


def _seeds(text: str | int) -> list[int]:
    """Every seed once, in the order given."""
    try:
        seeds = list(dict.fromkeys(int(part) for part in str(text).split(",")))
    except ValueError:
        seeds = [-1]
    if min(seeds) < 0 or max(seeds) >= 2**32:
        raise AmcError(f"seeds: {text!r} is not a list of whole numbers from 0; give such as 0 or 0,1,2")
    return seeds
