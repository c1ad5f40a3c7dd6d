"""A model ready to predict on videos, and its reliability: from a list of behaviours alone, or from a finished run.

by_names   zero-shot: CLIP's towers as they were pre-trained, X-CLIP's new modules untrained; or a whole X-CLIP that was
           trained elsewhere. The names compete in a softmax, as in CLIP. Every output has a stamp that shows this.
by_model   a trained `model.safetensors`: one sigmoid per behaviour, thresholds of highest F1 on the validation scores
           beside it, and a detector of out-of-distribution videos.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from amc import config, metrics
from amc.aggregate import AGGREGATES
from amc.base import bundled, checkpoint
from amc.base.bundled import SYNTH_CLIP
from amc.base.checkpoint import BUNDLED
from amc.base.digests import digest
from amc.base.errors import AmcError
from amc.base.progress import Log, silent
from amc.config import Experiment, Pixels, Sampling
from amc.datasets import catalogue
from amc.datasets.names import check, clean
from amc.datasets.table import ClipTable
from amc.ethogram import evidence
from amc.ethogram.out_of_distribution import OutOfDistribution, fit
from amc.runs import lookup, results
from amc.scores import Scores
from amc.synth import drawn

if TYPE_CHECKING:  # slow to import, as what functions here import; a trained model is often not needed, see `predict`
    from amc.model import Classifier

ZERO_SHOT = "ZERO-SHOT, new modules untrained"
WHOLE = "ZERO-SHOT, trained on other videos and behaviours"  # an X-CLIP with all its modules
DRAWN = "CLIP OF GENERATED ANIMALS on other videos"
REMEDY = (  # for DRAWN
    "no real animal can be recognised with these weights; for weights that can, add --pretrained openai to predict "
    "--behaviours, or to train --dataset folder"
)
KNOWN_FROM = 30  # validation clips, from which it is known how far from the training clips a clip usually is
XCLIP = "xclip"  # `weights.XCLIP_BACKBONE`, which is slow to import
MAX_CLIPS = {"train": 300, "val": 150}  # clips for fitting the detector


@dataclass(frozen=True)
class VideoPredictor:
    """A classifier, how it samples a video, and what is known about its reliability."""

    load: Callable[[], "Classifier"]  # the same at each call; where a file has all weights, it is built at the first
    names: tuple[str, ...]  # its C behaviours
    card: dict  # which network, from which weights
    sha256: str  # of its weights
    sampling: Sampling  # of frames within one window, as if it were a clip
    pixels: Pixels
    is_softmax: bool  # True: probabilities sum to 1 over the names; False: one sigmoid per behaviour
    threshold: np.ndarray | None = None  # (C,) from validation; None: unknown, the user has to give it
    stamp: str = ""
    support: tuple[dict, ...] = ()  # one row per behaviour: training and validation clips, results on validation
    facts: dict = field(default_factory=dict)  # origin of the model, JSON
    detector: OutOfDistribution | None = None

    @property
    def classifier(self) -> "Classifier":
        """The model itself, built when it is first needed. Raises AmcError if it cannot be used here."""
        return self.load()

    @torch.inference_mode()
    def predict(self, slots: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities (B, C) and embeddings (B, E) of clips, uint8 (B, T, 3, size, size)."""
        xclip = self.classifier.network
        found = xclip.embed(self.classifier.preprocess(slots), *self.classifier.context)
        logits = xclip.logits(found.cosine)
        return (logits.softmax(dim=1) if self.is_softmax else logits.sigmoid()), found.video

    def to(self, device: str) -> "VideoPredictor":
        """The same on a device, built. Raises AmcError if it cannot be used here."""
        classifier = self.classifier.to(device)
        return replace(self, load=lambda: classifier)


def chosen_clip(backbone: str, pretrained: str) -> tuple[str, str]:
    """Backbone and weights for `by_names`: as given, else a backbone that fits the weights, else synth-clip."""
    small = config.SIZES["quick"]
    if pretrained and not backbone:
        from amc.model import weights

        backbone = weights.fitting(pretrained, small.backbone)
    return backbone or small.backbone, pretrained or small.pretrained


def by_names(behaviours: Sequence[str], *, backbone: str = "", pretrained: str = "") -> VideoPredictor:
    """Zero-shot over `behaviours` with a CLIP of open_clip, by default the bundled synth-clip; RGB alone.

    backbone: "xclip" for an X-CLIP, whose own number of frames it then sees; empty: one that fits `pretrained`.
    Raises AmcError for fewer than two behaviours, which leave no choice, and for absent weights.
    """
    names = tuple(filter(None, map(clean, behaviours)))
    if len(names) < 2:
        given = ", ".join(names) or "none"
        raise AmcError(f"behaviours: {given}; give two or more, separated by commas, or a trained model")
    check(names, "behaviours")
    small = config.SIZES["quick"]
    backbone, pretrained = chosen_clip(backbone, pretrained)
    plan = replace(small.sampling, num_windows=1)
    card = {"backbone": backbone, "pretrained": pretrained, "num_slots": plan.frames}
    if file := _file(backbone, pretrained):  # its content tells what the model is before it is built
        known = digest(file)
        sha256, load = f"{backbone} {known}", cache(partial(_named, card, names, file, known))
    else:
        built = _named(card, names)
        card, sha256, load = built.card, checkpoint.content_digest(built), lambda: built
        plan = replace(plan, frames=card["num_slots"])
    stamp = f"{WHOLE if backbone == XCLIP else ZERO_SHOT}, {_weights(card)}"
    facts = {"by": "names", "card": card}
    pixels = _pixels(backbone, pretrained)
    return VideoPredictor(load, names, card, sha256, plan, pixels, True, stamp=stamp, facts=facts)


def _file(backbone: str, pretrained: str) -> Path | None:
    """The file that has all weights of a CLIP; None for one that is not known before it is built."""
    if (backbone, pretrained) == (SYNTH_CLIP, BUNDLED):
        return bundled.find(backbone)[0]
    return Path(pretrained) if backbone != XCLIP and Path(pretrained).is_file() else None


def _named(card: Mapping, names: Sequence[str], file: Path | None = None, sha256: str = "") -> "Classifier":
    """The model of by_names; file: of its weights, whose content has to be the known one."""
    from amc import model

    slots = None if card["backbone"] == XCLIP else card["num_slots"]
    classifier = model.build(card["backbone"], card["pretrained"], num_slots=slots).with_names(names)
    _refuse_changed(file, sha256)
    return classifier


def _pixels(backbone: str, pretrained: str) -> Pixels:
    """RGB; of real videos as at size paper, and larger for a CLIP with larger input."""
    small = config.SIZES["quick"]
    pixels = replace(small.pixels, modality="rgb")
    if backbone == small.backbone:
        return pixels
    from amc.model import weights
    from amc.runs.ablation import pixels_for

    larger = pixels_for("paper", weights.image_size(backbone, pretrained)).short_side
    return replace(pixels, short_side=max(config.SIZES["paper"].pixels.short_side, larger))


def by_model(name: str | Path, *, behaviours: Sequence[str] = (), log: Log = silent) -> VideoPredictor:
    """A trained model: its file, the folder of its run, or the run's name, such as "sparse rgb+flow seed 0".

    behaviours: which of its behaviours to show, by default all. Raises AmcError for a file that is no such model and a
    model of another method; building its classifier, as `load_run`.
    """
    path = lookup.find(name)
    meta = checkpoint.read(path)[1]
    card, names, run = checkpoint.card(meta, path), tuple(meta.get("names", ())), lookup.experiment(path, meta)
    val = _validation(path, meta)
    at = _places(names, behaviours)
    threshold, support, doubts = evidence.of(val, names, at)
    facts = {"by": "model", "model": path.parent.name, "card": card, "experiment": run.asdict()}
    facts["calibration_error"] = val and metrics.expected_calibration_error(val.labels, AGGREGATES["mean"](val.probs))
    said = ", ".join(filter(None, [stamp(card, run.size, dataset=run.dataset), *doubts]))
    sha256 = digest(path)
    load = cache(partial(_loaded, path, sha256))
    predictor = VideoPredictor(
        load, names, card, sha256, run.sampling, run.pixels, False, threshold, said, support, facts
    )
    clips = 0 if val is None else len(val.labels)
    if path == bundled.place(lookup.DEMO):
        facts["unlike_training"] = "not known: the clips that the bundled model was trained on are not drawn here"
    elif clips >= KNOWN_FROM:
        predictor = replace(predictor, detector=_detector(predictor, path, log))
    else:
        facts["unlike_training"] = f"not known: {clips} validation clips, {KNOWN_FROM} are needed"
    return _only(predictor, at)


def _validation(path: Path, meta: Mapping) -> Scores | None:
    """The validation scores beside a model, if there are any. Raises AmcError for those of another configuration."""
    file = lookup.validation_scores(path)
    if not file.is_file():
        return None
    val = Scores.load(file)
    if val.meta.get("experiment") != meta["experiment"]:
        own = results.validation_file(path).name
        raise AmcError(f"{file}: holds scores of another model than {path.name}; put its own beside it, as {own}")
    return val


def stamp(card: Mapping, size: str, *, dataset: str) -> str:
    """Warning on a trained model, from its CLIP's card and the size and data set of its training; empty: none."""
    stamps = [_weights(card)] if card["pretrained"] == "random" else []
    stamps += ["HARDLY TRAINED (size smoke)"] * (size == "smoke")
    return ", ".join(stamps + [DRAWN] * (is_of_drawings(card) and dataset not in catalogue.SIZED))


def stamp_of(cfg: Experiment) -> str:
    """Warning on the models of a run, before it is trained."""
    return stamp({"backbone": cfg.backbone, "pretrained": cfg.pretrained}, cfg.size, dataset=cfg.dataset)


def is_of_drawings(card: Mapping) -> bool:
    """Whether a model's CLIP has seen only generated animals."""
    return (card.get("backbone"), card["pretrained"]) == (SYNTH_CLIP, BUNDLED)


def stamp_on(predictor: VideoPredictor, path: Path) -> str:
    """Warning on a model's results for a video: its stamp, and a CLIP of generated animals if the video is real."""
    is_new = is_of_drawings(predictor.card) and DRAWN not in predictor.stamp and not drawn.is_drawn(path)
    return ", ".join(filter(None, [predictor.stamp, DRAWN * is_new]))


def _loaded(path: Path, sha256: str) -> "Classifier":
    """The trained model of a file, whose content has to be the known one."""
    from amc.inference import load_run

    classifier = load_run(path)[1]
    _refuse_changed(path, sha256)
    return classifier


def _refuse_changed(path: Path | None, sha256: str) -> None:
    if path and digest(path) != sha256:
        raise AmcError(f"{path}: has changed since it was first read; run the same again")


def _weights(card: dict) -> str:
    return "RANDOM WEIGHTS" if card["pretrained"] == "random" else f"weights {Path(card['pretrained']).name}"


def _places(names: Sequence[str], behaviours: Sequence[str]) -> list[int]:
    """The places of the wanted behaviours among a model's names; all if none is wanted. Raises AmcError."""
    wanted = [*filter(None, map(clean, behaviours))] or list(names)
    if unknown := [name for name in wanted if name not in names]:
        raise AmcError(f"behaviours: the model was not trained on {unknown[0]!r}; choose from: {', '.join(names)}")
    check(wanted, "behaviours")
    return [list(names).index(name) for name in wanted]


def _only(predictor: VideoPredictor, at: Sequence[int]) -> VideoPredictor:
    """The predictor for some of its behaviours."""
    if list(at) == list(range(len(predictor.names))):
        return predictor
    names = tuple(predictor.names[c] for c in at)
    return replace(
        predictor,
        load=cache(lambda: predictor.classifier.with_names(names)),
        names=names,
        threshold=None if predictor.threshold is None else predictor.threshold[at],
        support=tuple(predictor.support[c] for c in at) if predictor.support else (),
    )


def _detector(predictor: VideoPredictor, path: Path, log: Log) -> OutOfDistribution | None:
    """The detector stored beside a model's file, fitted on first use; None, which is logged, without training clips."""
    file = path.with_name(f"{path.stem}-out_of_distribution.npz")
    if file.is_file() and (known := OutOfDistribution.load(file)).model == predictor.sha256:
        return known
    if predictor.stamp:
        log(f"stamp: {predictor.stamp}")
    predictor.load()  # a model that cannot be used here is told before any work
    from amc.runs import experiment

    given = predictor.facts["experiment"]
    where = {name: given[name] for name in ("dataset", "root", "size", "validation", "protocol")}
    try:
        table = experiment.load(replace(config.SIZES["quick"], **where))
        log("embedding training clips, once, to detect videos that are unlike them")
        train, val = (_embeddings(predictor, table.split(split), most) for split, most in MAX_CLIPS.items())
    except AmcError as error:
        log(f"videos unlike the training clips cannot be detected: {error}")
        return None
    detector = fit(train, val, model=predictor.sha256)
    with suppress(AmcError):  # without write permission it is fitted again each time
        detector.save(file)
    return detector


def _embeddings(predictor: VideoPredictor, table: ClipTable, most: int) -> np.ndarray:
    """Embeddings (V, E) of up to `most` clips, evenly spread over the table: the mean over the windows."""
    from amc.datasets.clips import ClipViews, reader

    views = ClipViews(
        table, predictor.sampling, reader(predictor.pixels, table), size=predictor.classifier.preprocess.size
    )
    at = np.unique(np.linspace(0, len(views) - 1, min(most, len(views))).astype(int))
    return np.stack([predictor.predict(views[None, int(k)][0])[1].mean(dim=0).cpu().numpy() for k in at])
