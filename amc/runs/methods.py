"""The methods of the paper's Table 1 by name: the configuration of a run and its clips in, a `Classifier` out.

All see the same clips, are trained by `train.fit` and scored by `scores.predict`.
"""

from collections.abc import Callable
from pathlib import Path

from amc import model
from amc.base import checkpoint
from amc.base.errors import AmcError, choice
from amc.baselines import category_clip, conv3d, msqnet
from amc.config import METHOD, Experiment
from amc.datasets.catalogue import DATASETS
from amc.datasets.clips import refuse_enlarging
from amc.datasets.table import ClipTable
from amc.model import Classifier, weights
from amc.runs import demo

PRETRAINED = "MSQNet + pre-training"


def animal_motion_clip(cfg: Experiment, table: ClipTable) -> Classifier:
    """The paper's: X-CLIP over frames, flow, or both interleaved; from CLIP, or from a finished run's weights."""
    classifier = model.build(cfg.backbone, cfg.pretrained, num_slots=cfg.num_slots, seed=cfg.seed)
    if start := demo.weights() if cfg.init_from == weights.BUNDLED else cfg.init_from:
        checkpoint.load_strictly(classifier.network, checkpoint.read(start)[0], start)
    return classifier.with_names(table.names)


def category(cfg: Experiment, table: ClipTable) -> Classifier:
    """Category-CLIP, which knows the species of the training clips."""
    species = table.split("train").species()
    return category_clip.build(
        cfg.backbone, cfg.pretrained, names=table.names, species=species, num_slots=cfg.num_slots, seed=cfg.seed
    )


def convolutional(cfg: Experiment, table: ClipTable) -> Classifier:
    """I3D, SlowFast or X3D."""
    return conv3d.build(
        cfg.network, cfg.init_from, num_classes=len(table.names), seed=cfg.seed, size=cfg.image_size or None
    )


def multi_query(cfg: Experiment, table: ClipTable) -> Classifier:
    """MSQNet, from scratch or on a pre-trained video encoder.

    With pre-training but nothing to start from, the run is the pre-training itself: of the video encoder alone.
    """
    shared = {"clip": (cfg.backbone, cfg.pretrained), "names": table.names}
    shared |= {"num_slots": cfg.num_slots, "seed": cfg.seed}
    if cfg.method == PRETRAINED and not cfg.init_from:
        return msqnet.build_encoder(cfg.network, **shared)
    return msqnet.build(cfg.network, cfg.init_from, **shared)


METHODS: dict[str, Callable[[Experiment, ClipTable], Classifier]] = {
    "I3D": convolutional,
    "SlowFast": convolutional,
    "X3D": convolutional,
    "Category-CLIP": category,
    "MSQNet": multi_query,
    PRETRAINED: multi_query,
    METHOD: animal_motion_clip,
}


def build(cfg: Experiment, table: ClipTable) -> Classifier:
    """The classifier of a run; new parts are drawn from the run's seed. Raises AmcError when weights are absent."""
    choice("method", cfg.method, list(METHODS))
    return METHODS[cfg.method](cfg, table)


def check(cfg: Experiment) -> None:
    """Raise AmcError if a run's initial weights are missing, or its pictures are stored too small for its network.

    Builds nothing.
    """
    choice("method", cfg.method, list(METHODS))
    taken = "" if cfg.init_from in DATASETS else cfg.init_from  # pre-training on a data set is always possible
    if METHODS[cfg.method] is convolutional:
        conv3d.check(cfg.network, taken)
        refuse_enlarging(cfg.pixels, cfg.image_size or conv3d.NETWORKS[cfg.network].size, cfg.network)
        return
    weights.check(cfg.backbone, cfg.pretrained)
    refuse_enlarging(cfg.pixels, weights.image_size(cfg.backbone, cfg.pretrained), cfg.backbone)
    if taken == weights.BUNDLED and cfg.method == METHOD:
        demo.weights()
    elif taken and cfg.method == METHOD and not Path(taken).is_file():
        raise AmcError(f"init_from: {taken!r} is neither a file nor a data set; give a run's model.safetensors")
    if METHODS[cfg.method] is multi_query:
        msqnet.check(cfg.network, taken)
