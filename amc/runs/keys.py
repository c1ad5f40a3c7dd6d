"""The identity of a run: a readable name, and a short hash of everything that its scores depend on."""

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

from amc import flow
from amc.base import paths, precision, torch_state
from amc.base.digests import digest
from amc.base.provenance import versions
from amc.base.stages import STAGES
from amc.config import Experiment
from amc.datasets import catalogue
from amc.datasets.table import ClipTable
from amc.model.weights import BUNDLED
from amc.runs import demo
from amc.synth import generate
from amc.synth.kingdom import KINGDOM
from amc.synth.menagerie import MENAGERIE

WORLDS = {"synth": KINGDOM, "synth-menagerie": MENAGERIE}  # data sets that are drawn here
LIBRARIES = ("torch", "torchvision", "open_clip_torch", "transformers", "pytorchvideo")  # the networks are theirs


def folder(cfg: Experiment, table: ClipTable, device: str | None = None) -> Path:
    """The folder of a run: its title, and a short hash of everything that its scores depend on.

    device: where it is trained; by default a GPU, if there is one. Raises AmcError when its flow needs weights that
    are absent.
    """
    readable = re.sub(r"[^\w.+-]+", "-", cfg.title)
    return paths.cache() / "runs" / f"{readable}-{key(cfg, table, device)[:10]}"


def key(cfg: Experiment, table: ClipTable, device: str | None = None) -> str:
    """Hash of what a run's scores depend on, 20 hex digits: configuration, data (of its pre-training too), weights,
    libraries, the precision of products on the device, `stages.STAGES`.

    The text of the source is not included. Raises AmcError when its flow needs weights that are absent.
    """
    # A file of weights counts by its content, not its path; a tag, or a name on the hub, by its text.
    start = str(demo.card()) if cfg.init_from == BUNDLED else cfg.init_from
    known = replace(cfg, root="", pretrained=_content(cfg.pretrained), init_from=_content(start))
    # Settings that only change how a run is computed do not change its scores.
    known = replace(known, training=replace(cfg.training, memory_limit_gb=0, checkpointing=False, workers=0))
    card = paths.root() / "data" / "weights" / f"{cfg.backbone}.json"
    parts = [
        json.dumps(known.asdict(), sort_keys=True),
        _data(table),
        repr([[clip.species for clip in table.clips], sorted(table.taxonomy.items())]),
        generate.digest(WORLDS[cfg.dataset]) if cfg.dataset in WORLDS else "",
        _pretraining_data(cfg),
        digest(card) if cfg.pretrained == BUNDLED else "",
        flow.fingerprint_of(cfg.pixels),
        repr(versions(LIBRARIES)),
        precision.products(device or torch_state.default_device()),
        repr(sorted(STAGES.items())),
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:20]


def _data(table: ClipTable) -> str:
    """Annotation and videos. The lengths count, which annotation may tell: frames are chosen by them."""
    videos = [
        (digest(clip.path) if clip.path.exists() else "", clip.num_frames, clip.unreadable) for clip in table.clips
    ]
    return f"{table.checksum()} {videos}"


def _pretraining_data(cfg: Experiment) -> str:
    """The data set that the run's network is trained on before, if it is; a generated one by what draws it."""
    if cfg.init_from in WORLDS:
        return generate.digest(WORLDS[cfg.init_from])
    if cfg.init_from not in catalogue.DATASETS:
        return ""
    where = {"size": cfg.size, "validation": cfg.validation, "protocol": "official"}
    return _data(catalogue.load(cfg.init_from, "", **where))


def _content(source: str) -> str:
    """The digest of a file or folder of weights; any other name of weights unchanged."""
    return digest(source) if source and Path(source).exists() else source
