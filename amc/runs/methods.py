"""The systems of the paper's Table 1 by name: the configuration of a cell and the clips it is for in, a `System` out.

Each sees the same clips, is trained by the same `train.fit` and scored by the same `scores.predict`.
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
from amc.model import System, weights


def animal_motion_clip(cfg: Experiment, table: ClipTable) -> System:
    """The paper's: X-CLIP over frames, flow, or both interleaved; from CLIP, or from a run of ours that is finished."""
    recogniser = model.build(cfg.backbone, cfg.pretrained, num_slots=cfg.num_slots, seed=cfg.seed)
    if cfg.init_from:
        checkpoint.load_strictly(recogniser.xclip, checkpoint.read(cfg.init_from)[0], cfg.init_from)
    return recogniser.system(table.names)


def category(cfg: Experiment, table: ClipTable) -> System:
    """Category-CLIP, which knows the species of the training clips."""
    species = sorted({name for clip in table.split("train").clips for name in clip.species.split(";") if name})
    return category_clip.build(
        cfg.backbone, cfg.pretrained, names=table.names, species=species, num_slots=cfg.num_slots, seed=cfg.seed
    )


def convolutional(cfg: Experiment, table: ClipTable) -> System:
    """I3D, SlowFast or X3D."""
    return conv3d.build(
        cfg.network, cfg.init_from, num_classes=len(table.names), seed=cfg.seed, size=cfg.picture or None
    )


def multi_query(cfg: Experiment, table: ClipTable) -> System:
    """MSQNet, from scratch or on a video encoder that was trained before."""
    return msqnet.build(
        cfg.network,
        cfg.init_from,
        clip=(cfg.backbone, cfg.pretrained),
        names=table.names,
        num_slots=cfg.num_slots,
        seed=cfg.seed,
    )


METHODS: dict[str, Callable[[Experiment, ClipTable], System]] = {
    "I3D": convolutional,
    "SlowFast": convolutional,
    "X3D": convolutional,
    "Category-CLIP": category,
    "MSQNet": multi_query,
    "MSQNet + pre-training": multi_query,
    METHOD: animal_motion_clip,
}


def build(cfg: Experiment, table: ClipTable) -> System:
    """The system of a cell, its new parts drawn from the cell's seed. Raises AmcError when its weights are absent."""
    choice("method", cfg.method, list(METHODS))
    return METHODS[cfg.method](cfg, table)


def check(cfg: Experiment) -> None:
    """Raise AmcError unless everything that the system of a cell starts from is there, and its pictures are kept large
    enough for what it sees; builds nothing."""
    choice("method", cfg.method, list(METHODS))
    taken = "" if cfg.init_from in DATASETS else cfg.init_from  # a data set to train on can be had
    if METHODS[cfg.method] is convolutional:
        conv3d.check(cfg.network, taken)
        refuse_enlarging(cfg.pixels, cfg.picture or conv3d.NETWORKS[cfg.network].size, cfg.network)
        return
    weights.check(cfg.backbone, cfg.pretrained)
    refuse_enlarging(cfg.pixels, weights.image_size(cfg.backbone, cfg.pretrained), cfg.backbone)
    if taken and cfg.method == METHOD and not Path(taken).is_file():
        raise AmcError(f"start_from: {taken!r} is neither a file nor a data set; give a run's model.safetensors")
    if METHODS[cfg.method] is multi_query:
        msqnet.check(cfg.network, taken)
