"""The configuration of a run: frozen dataclasses and the five sizes. Imports the standard library only.

The defaults of Sampling, Pixels and Training are those of size paper. Each is marked [stated] by the paper, [inferred]
from the work that the paper builds on, or [ours] where neither says. Values are checked where runs are made
(`amc.runs.ablation`). Layers and functions receive numbers from these classes, never the whole tree.
"""

from dataclasses import asdict, dataclass, field, replace

ALL = "all"
METHOD = "AnimalMotionCLIP"  # the paper's own method, as data/paper_tables.csv calls it


@dataclass(frozen=True)
class Sampling:
    """Which frames the classifiers see (paper sec. 2; the paper states neither M nor P)."""

    scheme: str = "sparse"  # dense | semi-dense | sparse, or clip: see stride [stated: the best of Table 2]
    num_windows: int = 4  # M, classifiers; their scores are averaged [ours; the mean is stated]
    frames: int = 8  # P, frames per classifier [inferred: X-CLIP]
    stride: int = 0  # native frames between two sampled ones, for convolutional networks; 0: by the scheme [stated]


@dataclass(frozen=True)
class Pixels:
    """How the frames of a video become the slots of a clip."""

    modality: str = "rgb+flow"  # rgb | flow | rgb+flow [stated: the best of Table 3]
    flow_method: str = "raft-large"  # a key of flow.METHODS [stated: RAFT; inferred: which of its sizes]
    flow_weights: str = ""  # a RAFT checkpoint; empty: torchvision's own [ours]
    encoding: str = "wheel"  # how two channels become three: a key of flow_color.ENCODINGS [ours]
    max_px: float = 20.0  # motion at which the colours saturate, pixels per frame [inferred: two-stream networks]
    short_side: int = 256  # short side of stored frames and vectors, before crops, pixels [inferred: X-CLIP]
    keep_frames: bool = False  # also store decoded frames on disk; flow is always stored [ours]
    storage_format: str = "float16"  # float16 | jpeg: float16: 1.6 TB at full size; jpeg is lossy [ours]

    @property
    def slots_per_frame(self) -> int:
        """2 when the model sees both a frame and its flow, else 1."""
        return 2 if self.modality == "rgb+flow" else 1

    def at(self, short_side: int) -> "Pixels":
        """The same settings for another short side; `max_px` is measured at that size, so it is scaled too."""
        return replace(self, short_side=short_side, max_px=self.max_px * short_side / self.short_side)


@dataclass(frozen=True)
class Training:
    """X-CLIP's recipe: AdamW, linear warm-up, cosine decay to 1 %, new modules at ten times the rate.

    The weights of the epoch with the lowest validation loss are kept [ours; X-CLIP keeps the best accuracy].
    """

    epochs: int = 30  # 0: no training, the weights are scored as they are [inferred: X-CLIP]
    warm_up: float = 5.0  # epochs [inferred: X-CLIP]
    batch_size: int = 16  # videos per forward pass [ours]
    grad_accum_steps: int = 16  # forward passes per optimizer step: an effective batch of 256 [inferred: X-CLIP]
    train_windows: int = 1  # how many of a video's M windows one step trains on [ours]
    lr: float = 8e-6  # of CLIP's own modules [inferred: X-CLIP]
    lr_mult: float = 10.0  # new modules learn at lr * lr_mult [inferred: X-CLIP]
    schedule: str = "cosine"  # after the warm-up: cosine | constant [inferred: X-CLIP]
    patience: int = 0  # training ends when the validation loss has not fallen for so many epochs; 0: after all [ours]
    ema_epochs: float = 0.0  # memory of the averaged weights that are validated and kept; 0: no average [ours]
    patch_dropout: float = 0.0  # part of the patches that a training step leaves out, see vision.keep_patches [ours]
    weight_decay: float = 1e-3  # none on biases, norms and position embeddings [inferred: X-CLIP]
    optimizer: str = "adamw"  # a key of train.OPTIMIZERS [inferred: X-CLIP]
    prior_bias_init: bool = True  # start from the labels' base rate, see train.prior_bias [ours]
    pretraining: int = 0  # epochs on the data set that `init_from` names; 0: as many as `epochs` [ours]
    freeze_backbone: bool = False  # train only X-CLIP's integration transformer and prompts, for few clips [ours]
    workers: int = 8  # data loader processes; 0 reads videos in the training process [ours]
    checkpointing: bool = False  # recompute activations in the backward pass: less memory, more time [ours]
    memory_limit_gb: float = 0  # per process; batch size and checkpointing are chosen to fit; 0: no limit [ours]


@dataclass(frozen=True)
class Experiment:
    """One run: everything that its scores depend on."""

    method: str = METHOD  # a row of Table 1: a key of runs.methods.METHODS, or a blind baseline
    dataset: str = "synth"  # a key of datasets.catalogue.DATASETS
    size: str = "quick"  # demo | smoke | quick | standard | paper
    root: str = ""  # the data set's folder; empty: its default place under AMC_DATA
    protocol: str = "official"  # which clips train and which are tested: a key of datasets.protocols.PROTOCOLS
    backbone: str = "synth-clip"  # any CLIP ViT of open_clip
    pretrained: str = "bundled"  # a tag of open_clip, a file, "bundled", or "random"
    image_size: int = 0  # pixels, height and width, for a network that takes any; 0: the network's own
    network: str = ""  # for baselines with a network beside CLIP or instead of it
    # Weights to start from. Baselines: a file, a name on the Hugging Face Hub, or a data set to pre-train on; empty:
    # random. AnimalMotionCLIP: a checkpoint to continue from (a run's model.safetensors), or "bundled", the trained
    # model in data/weights; empty: CLIP's towers.
    init_from: str = ""
    sampling: Sampling = field(default_factory=Sampling)
    pixels: Pixels = field(default_factory=Pixels)
    training: Training = field(default_factory=Training)
    training_clips: int = 0  # size of a balanced training subset, for learning curves; 0: all clips
    validation: float = 0.15  # fraction of the training groups set aside to choose epoch and threshold
    seed: int = 0

    @property
    def num_slots(self) -> int:
        """T, pictures per clip: twice the frames once flow is interleaved."""
        return self.sampling.frames * self.pixels.slots_per_frame

    @property
    def name(self) -> str:
        """Short and readable: scheme and modality (or another method), an unusual flow method, the seed."""
        what = f"{self.sampling.scheme} {self.pixels.modality}" if self.method == METHOD else self.method
        is_usual = "flow" not in what or self.pixels.flow_method == SIZES[self.size].pixels.flow_method
        return f"{what} seed {self.seed}" if is_usual else f"{what} by {self.pixels.flow_method} seed {self.seed}"

    @property
    def title(self) -> str:
        """The name and what differs between runs of one name: data set, size, backbone, protocol, clips, checkpoint."""
        usual, is_ours = SIZES[self.size], self.method == METHOD  # the others have recipes of their own
        extras = (
            (f"{self.sampling.num_windows} windows", self.sampling.num_windows != usual.sampling.num_windows),
            (f"{self.sampling.frames} frames", is_ours and self.sampling.frames != usual.sampling.frames),
            (f"{self.training.epochs} epochs", is_ours and self.training.epochs != usual.training.epochs),
            (self.protocol, self.protocol != "official"),
            (self.backbone, self.backbone != usual.backbone),
            (self.pretrained.rsplit("/", 1)[-1], self.pretrained != usual.pretrained),
            (f"{self.training_clips} clips", self.training_clips > 0),
            ("continued", is_ours and self.init_from != usual.init_from),
        )
        return " ".join([self.dataset, self.size, self.name, *(text for text, differs in extras if differs)])

    def asdict(self) -> dict:
        """All fields as plain JSON types."""
        return asdict(self)

    @classmethod
    def fromdict(cls, fields: dict) -> "Experiment":
        """The experiment that `asdict` wrote. Raises TypeError or KeyError for fields of another version."""
        parts = {"sampling": Sampling, "pixels": Pixels, "training": Training}
        return cls(**fields | {name: part(**fields[name]) for name, part in parts.items()})


# Motion in Synth Kingdom is slow, so colours that saturate at 8 px per frame are pale. Of 2, 3 and 8 px, RGB + flow at
# size quick had the lowest validation loss with 2.
_SMALL = Pixels(flow_method="dis", max_px=2.0, short_side=72, keep_frames=True)
# X-CLIP's rate is for a schedule a thousand times longer. Of 2e-4, 4e-4 and 8e-4 this rate had the lowest validation
# loss of RGB + flow and of flow at size quick (tests/learning_rates.py, reports/learning_rates_sparse.json); leaving
# out half of the patches left those of RGB and of RGB + flow as they are (reports/patch_dropout.json).
_SHORT = Training(
    epochs=12, warm_up=1, batch_size=16, grad_accum_steps=1, lr=4e-4, lr_mult=2, schedule="constant", patience=3,
    ema_epochs=2.5, patch_dropout=0.5, workers=0,
)  # fmt: skip
SIZES = {
    # The trained model in data/weights, of size quick, scored on a few clips.
    "demo": Experiment(
        size="demo",
        sampling=Sampling(num_windows=3, frames=4),
        pixels=_SMALL,
        training=replace(_SHORT, epochs=0),
        init_from="bundled",
    ),
    # Does it run? Seconds; its numbers mean nothing.
    "smoke": Experiment(
        size="smoke",
        sampling=Sampling(num_windows=2, frames=2),
        pixels=_SMALL,
        training=replace(_SHORT, epochs=1, warm_up=0.2, batch_size=8, patience=0, ema_epochs=0.2),
    ),
    # make reproduce: a demonstration of all tables on two CPU cores.
    "quick": Experiment(
        size="quick",
        sampling=Sampling(num_windows=3, frames=4),
        pixels=_SMALL,
        training=_SHORT,
    ),
    # Committed results: four times the clips, and hours.
    "standard": Experiment(
        size="standard",
        sampling=Sampling(num_windows=4, frames=4),
        pixels=_SMALL,
        training=replace(_SHORT, ema_epochs=1),
    ),
    # Real videos on a GPU: X-CLIP's published recipe (30 epochs, 8e-6, effective batch 256); the paper gives none.
    "paper": Experiment(
        dataset="animal-kingdom",
        size="paper",
        backbone="ViT-B-16-quickgelu",
        pretrained="openai",
        pixels=Pixels(storage_format="jpeg"),
    ),
}
