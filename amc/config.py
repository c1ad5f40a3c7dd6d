"""What a run is, as data: frozen dataclasses, the four sizes, and the cells of the paper's ablation tables.

The defaults of Sampling, Pixels and Training are those of size paper. Each says where it comes from: [stated] by the
paper, [inferred] from the work that it builds on, or [ours] where neither tells. Nothing here touches files or tensors.
Layers and functions receive numbers from these, never the whole tree.
"""

from dataclasses import asdict, dataclass, field, replace

from amc.base.errors import AmcError, choice
from amc.base.parameters import flag
from amc.datasets.catalogue import DATASETS, FOLDER, SIZED
from amc.datasets.protocols import PROTOCOLS
from amc.flow import METHODS
from amc.interleave import MODALITIES, slots
from amc.model import weights
from amc.sampling import SCHEMES

ALL = "all"
METHOD = "AnimalMotionCLIP"  # the paper's own, as its tables and data/paper_tables.csv call it


@dataclass(frozen=True)
class Sampling:
    """Which frames the classifiers see (paper sec. 2; the paper states neither M nor P)."""

    scheme: str = "sparse"  # dense | semi-dense | sparse [stated: the best of Table 2]
    num_windows: int = 4  # M, classifiers; their scores are averaged [ours; the mean is stated]
    frames: int = 8  # P, frames a classifier [inferred: X-CLIP]
    stride: int = 0  # native frames between two, as convolutional networks want; 0: places by the scheme [stated]


@dataclass(frozen=True)
class Pixels:
    """How the frames of a video become the slots of a clip."""

    modality: str = "rgb+flow"  # rgb | flow | rgb+flow [stated: the best of Table 3]
    flow_method: str = "raft-large"  # a key of flow.METHODS [stated: RAFT; which of its sizes is inferred]
    flow_weights: str = ""  # a RAFT checkpoint; empty takes torchvision's own [ours]
    encoding: str = "wheel"  # how two channels become three: a key of flow_color.ENCODINGS [ours]
    max_px: float = 20.0  # motion that saturates the picture, pixels a frame [inferred: two-stream networks]
    stored: int = 256  # short side at which frames and vectors are kept, before crops, pixels [inferred: X-CLIP]
    keep_frames: bool = False  # whether decoded frames are kept on disk too, as flow always is [ours]
    kept_as: str = "float16"  # how motion is kept, float16 | jpeg: in full size, exact vectors fill a terabyte [ours]

    def at(self, stored: int) -> "Pixels":
        """The same pictures kept with another short side, pixels; `max_px` counts there, so it moves along."""
        return replace(self, stored=stored, max_px=self.max_px * stored / self.stored)

    def refuse_enlarging(self, picture: int, what: str) -> None:
        """Raise AmcError where pictures are kept smaller than the `picture` pixels that `what` sees."""
        if self.stored < picture:
            raise AmcError(
                f"stored: pictures kept at {self.stored} px would be enlarged to the {picture} px that {what} sees; "
                f"give {picture} or more, or leave it to the size and train again"
            )


@dataclass(frozen=True)
class Training:
    """X-CLIP's recipe: AdamW, warm-up, cosine to a hundredth, new modules ten times faster."""

    epochs: int = 30  # [inferred: X-CLIP]
    warm_up: float = 5.0  # epochs [inferred: X-CLIP]
    batch: int = 16  # videos that go through the model at once [ours]
    accumulate: int = 16  # batches a step: an effective batch of 256 [inferred: X-CLIP]
    views: int = 1  # of the M windows planned for a video, how many a step trains on [ours]
    lr: float = 8e-6  # of CLIP's own modules [inferred: X-CLIP]
    new_factor: float = 10.0  # how much faster the new modules learn [inferred: X-CLIP]
    weight_decay: float = 1e-3  # not of biases, norms and positions [inferred: X-CLIP]
    optimizer: str = "adamw"  # a key of train.OPTIMIZERS [inferred: X-CLIP]
    balanced: bool = True  # start from logits whose mean is the labels' base rate, see train.start_bias [ours]
    pretraining: int = 0  # epochs on another data set, where `network_weights` names one; 0: as many as `epochs` [ours]
    frozen: bool = False  # only X-CLIP's integration over time and prompts learn: a few clips are enough [ours]
    workers: int = 8  # processes that read videos; 0 reads in the training process [ours]
    checkpointing: bool = False  # keep a block's input alone, compute its inside again: less memory, more time [ours]
    memory: float = 0  # gigabytes that a process may take, and batch and checkpointing follow; 0: as given [ours]


@dataclass(frozen=True)
class Experiment:
    """One cell of a table: everything that its scores depend on."""

    method: str = METHOD  # a row of Table 1: a key of baselines.systems.METHODS, or blind
    dataset: str = "synth"  # a key of catalogue.DATASETS
    size: str = "quick"  # smoke | quick | standard | paper
    root: str = ""  # the data set's folder; empty: its place under AMC_DATA
    protocol: str = "official"  # which clips train and count: a key of protocols.PROTOCOLS
    backbone: str = "synth-clip"  # any CLIP ViT of open_clip's
    pretrained: str = "shipped"  # a tag of open_clip's, a file, "shipped", or "random" by choice
    picture: int = 0  # pixels, height and width, for a network that takes any; 0: its own
    network: str = ""  # of a baseline that has one beside CLIP or instead of it
    # A file, a name of the hub's, or a data set to train on first; empty: random. Of our own method a finished run's
    # model.safetensors, from which it goes on; empty: CLIP's towers and new modules.
    network_weights: str = ""
    sampling: Sampling = field(default_factory=Sampling)
    pixels: Pixels = field(default_factory=Pixels)
    training: Training = field(default_factory=Training)
    training_clips: int = 0  # only so many, of all behaviours alike, for curves of learning; 0: all
    validation: float = 0.15  # part of the training groups set aside to choose epoch and threshold
    seed: int = 0

    @property
    def num_slots(self) -> int:
        """T, pictures a clip."""
        return slots(self.pixels.modality, self.sampling.frames)

    @property
    def name(self) -> str:
        """Short and readable: scheme and modality, or the method where it is another; flow not of its size; seed."""
        what = f"{self.sampling.scheme} {self.pixels.modality}" if self.method == METHOD else self.method
        is_usual = "flow" not in what or self.pixels.flow_method == SIZES[self.size].pixels.flow_method
        return f"{what} seed {self.seed}" if is_usual else f"{what} by {self.pixels.flow_method} seed {self.seed}"

    def asdict(self) -> dict:
        """All fields as plain JSON types."""
        return asdict(self)


_SMALL = Pixels(flow_method="dis", max_px=8.0, stored=72, keep_frames=True)
# X-CLIP's rate is for a schedule a thousand times longer. Of (1e-4, 10), (3e-4, 3) and (8e-4, 2) for lr and new_factor,
# this pair had the lowest validation loss at size quick, for RGB and for flow (the others with an earlier synth-clip).
_SHORT = Training(epochs=4, warm_up=1, batch=16, accumulate=1, lr=8e-4, new_factor=2, workers=0)
SIZES = {
    # Does it run? Seconds; its numbers mean nothing.
    "smoke": Experiment(
        size="smoke",
        sampling=Sampling(num_windows=2, frames=2),
        pixels=_SMALL,
        training=replace(_SHORT, epochs=1, warm_up=0.2, batch=8),
    ),
    # make reproduce: both tables on two CPU cores within 12 minutes.
    "quick": Experiment(
        size="quick",
        sampling=Sampling(num_windows=3, frames=4),
        pixels=_SMALL,
        training=_SHORT,
    ),
    # Committed results: three thousand clips, about half an hour on two CPU cores.
    "standard": Experiment(
        size="standard",
        sampling=Sampling(num_windows=4, frames=4),
        pixels=_SMALL,
        training=_SHORT,
    ),
    # Real videos on a GPU: X-CLIP's published recipe (30 epochs, 8e-6, effective batch 256); the paper gives none.
    "paper": Experiment(
        dataset="animal-kingdom",
        size="paper",
        backbone="ViT-B-16-quickgelu",
        pretrained="openai",
        pixels=Pixels(kept_as="jpeg"),
    ),
}

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
    frozen: by default for the data set `folder`, one's own few clips; start_from: see `Experiment.network_weights`.
    Raises AmcError for a value that is not allowed.
    """
    dataset = str(dataset).replace("_", "-")  # as folders and shells prefer to have it
    chosen = {"scheme": scheme, "modality": modality, "dataset": dataset, "size": size, "protocol": protocol}
    _refuse(chosen, flow_method, {"num_windows": num_windows, "frames": frames, "epochs": epochs}, memory)
    overrides = {"dataset": dataset, "root": data_root, "protocol": protocol}
    overrides |= {"backbone": backbone, "pretrained": pretrained, "network_weights": start_from}
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
