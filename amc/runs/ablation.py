"""The runs of the paper's Tables 2 and 3 from the user's parameters, which are all checked here."""

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
    memory_limit_gb: float = 0,
    init_from: str = "",
    freeze_backbone: bool | None = None,
) -> list[Experiment]:
    """The requested runs of Tables 2 and 3; 0 and "" mean the default of the size.

    With `scheme` and `modality` at "all" these are the five runs of the paper's tables (RGB under every scheme, every
    modality under sparse), or all nine with `grid`. Naming one keeps its row or column; naming both gives one run.
    A tag of open_clip as `pretrained` alone takes a fitting backbone; an X-CLIP sees as many frames as it was trained
    with.
    freeze_backbone: None means yes for the data set `folder` (a user's own few clips), no for all others. init_from:
    see `Experiment.init_from`. Raises AmcError for a value that is not allowed.
    """
    dataset = str(dataset).replace("_", "-")  # accepts the spelling with underscores
    chosen = {"scheme": scheme, "modality": modality, "dataset": dataset, "size": size, "protocol": protocol}
    _refuse(chosen, flow_method, {"num_windows": num_windows, "frames": frames, "epochs": epochs}, memory_limit_gb)
    backbone = backbone or weights.fitting(pretrained, "")
    overrides = {"dataset": dataset, "root": data_root, "protocol": protocol, "backbone": backbone}
    overrides |= {"pretrained": pretrained, "init_from": init_from}
    freezes = dataset == FOLDER if freeze_backbone is None else flag("freeze_backbone", freeze_backbone)
    base = replace(SIZES[size], **{name: value for name, value in overrides.items() if value})
    pixels = replace(_pixels(base), flow_method=flow_method or base.pixels.flow_method, flow_weights=flow_weights)
    training = replace(base.training, memory_limit_gb=memory_limit_gb, freeze_backbone=freezes)
    training = replace(training, epochs=epochs or training.epochs)
    if base.backbone == weights.XCLIP_BACKBONE and not frames:
        frames = weights.xclip_input(base.pretrained)[1]
    sampling = Sampling(ALL, num_windows or base.sampling.num_windows, frames or base.sampling.frames)
    runs = [
        replace(
            base, sampling=replace(sampling, scheme=s), pixels=replace(pixels, modality=m), training=training, seed=seed
        )
        for seed in _seeds(seeds)
        for s, m in _pairs(scheme, modality, grid)
    ]
    for run in runs if size == "demo" else ():
        _refuse_for_demo(run)
    return runs


def pixels_for(size: str, image_size: int) -> Pixels:
    """The pixels of a size for a network with input `image_size` pixels square: stored larger in proportion.

    Size quick stores 72 px for the 64 px of its CLIP, so 252 px for 224; size paper stores 256 px for 224, so 384
    for 336.
    """
    usual = SIZES[size]
    own = weights.image_size(usual.backbone, usual.pretrained)
    return usual.pixels.at(round(usual.pixels.short_side * image_size / own))


def _pixels(cfg: Experiment) -> Pixels:
    """The pixels of a size, stored large enough for the chosen backbone."""
    if cfg.backbone == SIZES[cfg.size].backbone:
        return cfg.pixels
    return pixels_for(cfg.size, weights.image_size(cfg.backbone, cfg.pretrained))


def _refuse(chosen: dict[str, str], flow_method: str, counts: dict[str, int], gigabytes: float) -> None:
    """Raise AmcError for an unknown value, a bad number, or values that exclude each other."""
    for name, value in chosen.items():
        choice(name, value, CHOICES[name])
    for name, count in counts.items():
        if isinstance(count, bool) or not isinstance(count, int) or count < 0:
            raise AmcError(f"{name}: {count!r} is not a count; give a whole number, or 0 for the size's default")
    is_number = isinstance(gigabytes, int | float) and not isinstance(gigabytes, bool)
    if not is_number or not 0 <= gigabytes < float("inf"):
        raise AmcError(f"memory_limit_gb: {gigabytes!r} is not a limit; give gigabytes such as 24, or 0 for no limit")
    dataset = chosen["dataset"]
    if dataset in SIZED and chosen["size"] == "paper":
        raise AmcError("size: 'paper' is for real videos; give their data set too, as in -p dataset animal-kingdom")
    if flow_method:  # only a renderer knows the true flow
        choice("flow_method", flow_method, [name for name in METHODS if name != "true" or dataset in SIZED])


def _refuse_for_demo(cfg: Experiment) -> None:
    """Raise AmcError for a run other than that of the bundled model; its clips, seed and M windows may vary."""
    usual, parts = SIZES["demo"], ("sampling", "pixels", "training")
    free = {"root", "seed", "num_windows", "memory_limit_gb", *parts}
    for own, its in ((cfg, usual), *((getattr(cfg, part), getattr(usual, part)) for part in parts)):
        for name, value in vars(own).items():
            if name not in free and value != getattr(its, name):
                raise AmcError(
                    f"{name}: {value!r}, but size demo is one trained model, of {name} {getattr(its, name)!r}; give "
                    "size smoke, which trains in a minute, or quick"
                )


def _pairs(scheme: str, modality: str, grid: bool) -> list[tuple[str, str]]:
    """The schemes and modalities of the requested runs."""
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
        raise AmcError(f"seeds: {text!r} is not a list of whole numbers from 0; give for example 0 or 0,1,2")
    return seeds
