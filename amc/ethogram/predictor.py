"""A model ready to predict on videos, and its reliability: from a list of behaviours alone, or from a finished run.

by_names   zero-shot: CLIP's towers as they were pre-trained, X-CLIP's new modules untrained. The names compete in a
           softmax, as in CLIP. Every output has a stamp that shows this.
by_model   a trained `model.safetensors`: one sigmoid per behaviour, thresholds of highest F1 on the validation scores
           beside it, and a detector of out-of-distribution videos.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from amc import config, metrics, model
from amc.aggregate import AGGREGATES, choose_threshold, label_sets
from amc.base.errors import AmcError
from amc.config import Pixels, Sampling
from amc.datasets import catalogue
from amc.datasets.clips import ClipViews, reader
from amc.datasets.names import RESERVED, clean
from amc.datasets.table import ClipTable
from amc.ethogram.out_of_distribution import OutOfDistribution, fit
from amc.inference import load_run
from amc.model import Classifier, weights
from amc.model.weights import BUNDLED, SYNTH_CLIP
from amc.runs import experiment
from amc.runs.ablation import pixels_for
from amc.scores import Scores
from amc.synth import drawn

ZERO_SHOT = "ZERO-SHOT, new modules untrained"
DRAWN = "CLIP OF GENERATED ANIMALS on other videos"
FEW_CLIPS = 10  # validation clips, or labels of training clips; too few to evaluate a model
MAX_CLIPS = {"train": 300, "val": 150}  # clips for fitting the detector


@dataclass(frozen=True)
class VideoPredictor:
    """A classifier, how it samples a video, and what is known about its reliability."""

    classifier: Classifier  # of C behaviours
    sampling: Sampling  # of frames within one window, as if it were a clip
    pixels: Pixels
    is_softmax: bool  # True: probabilities sum to 1 over the names; False: one sigmoid per behaviour
    threshold: np.ndarray | None = None  # (C,) from validation; None: unknown, the user has to give it
    stamp: str = ""
    support: tuple[dict, ...] = ()  # one row per behaviour: training and validation clips, results on validation
    facts: dict = field(default_factory=dict)  # origin of the model, JSON
    detector: OutOfDistribution | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """The C behaviours."""
        return self.classifier.names

    @torch.inference_mode()
    def predict(self, slots: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities (B, C) and embeddings (B, E) of clips, uint8 (B, T, 3, size, size)."""
        xclip = self.classifier.network
        found = xclip.embed(self.classifier.preprocess(slots), *self.classifier.context)
        logits = xclip.logit_scale.exp() * found.cosine + xclip.logit_bias
        return (logits.softmax(dim=1) if self.is_softmax else logits.sigmoid()), found.video

    def to(self, device: str) -> "VideoPredictor":
        """The same on another device."""
        return replace(self, classifier=self.classifier.to(device))


def by_names(behaviours: Sequence[str], *, backbone: str = "", pretrained: str = "") -> VideoPredictor:
    """Zero-shot over `behaviours` with a CLIP of open_clip, by default the bundled synth-clip; RGB alone.

    Raises AmcError for fewer than two behaviours, which leave no choice, and for absent weights.
    """
    names = tuple(filter(None, map(clean, behaviours)))
    if len(names) < 2:
        given = ", ".join(names) or "none"
        raise AmcError(f"behaviours: {given}; give two or more, separated by commas, or a trained model")
    _check(names)
    small = config.SIZES["quick"]
    short_side = small.pixels.short_side
    if backbone:  # real videos, as at size paper; larger for a CLIP with larger input
        larger = pixels_for("paper", weights.image_size(backbone, pretrained)).short_side
        short_side = max(config.SIZES["paper"].pixels.short_side, larger)
    pixels = replace(small.pixels, modality="rgb", short_side=short_side)
    backbone, pretrained = backbone or small.backbone, pretrained or small.pretrained
    classifier = model.build(backbone, pretrained, num_slots=small.sampling.frames).with_names(names)
    stamp = f"{ZERO_SHOT}, {_weights(classifier.card)}"
    facts = {"by": "names", "card": classifier.card}
    return VideoPredictor(classifier, replace(small.sampling, num_windows=1), pixels, True, stamp=stamp, facts=facts)


def by_model(
    name: str | Path, *, behaviours: Sequence[str] = (), log: Callable[[str], None] | None = None
) -> VideoPredictor:
    """A trained model: its file, the folder of its run, or the run's name, such as "sparse rgb+flow seed 0".

    behaviours: which of its behaviours to show, by default all. Raises AmcError for a file that is no such model, a
    model of another method, and one whose flow is not available.
    """
    path, classifier, run = load_run(name)
    val = Scores.load(path.parent / "val.npz") if (path.parent / "val.npz").is_file() else None
    threshold, support, doubts = _validated(val, classifier.names)
    facts = {"by": "model", "model": path.parent.name, "card": classifier.card, "experiment": run.asdict()}
    facts["calibration_error"] = val and metrics.expected_calibration_error(val.labels, AGGREGATES["mean"](val.probs))
    said = ", ".join(filter(None, [stamp(classifier.card, run.size, dataset=run.dataset), *doubts]))
    predictor = VideoPredictor(classifier, run.sampling, run.pixels, False, threshold, said, support, facts)
    return _only(replace(predictor, detector=_detector(predictor, path.parent, log)), behaviours)


def stamp(card: Mapping, size: str, *, dataset: str) -> str:
    """Warning on a trained model, from its CLIP's card and the size and data set of its training; empty: none."""
    stamps = [_weights(card)] if card["pretrained"] == "random" else []
    stamps += ["SIZE SMOKE, hardly trained"] * (size == "smoke")
    return ", ".join(stamps + [DRAWN] * (is_of_drawings(card) and dataset not in catalogue.SIZED))


def is_of_drawings(card: Mapping) -> bool:
    """Whether a model's CLIP has seen only generated animals."""
    return (card.get("backbone"), card["pretrained"]) == (SYNTH_CLIP, BUNDLED)


def stamp_on(predictor: VideoPredictor, path: Path) -> str:
    """Warning on a model's results for a video: its stamp, and a CLIP of generated animals if the video is real."""
    is_new = is_of_drawings(predictor.classifier.card) and DRAWN not in predictor.stamp and not drawn.is_drawn(path)
    return ", ".join(filter(None, [predictor.stamp, DRAWN * is_new]))


def _weights(card: dict) -> str:
    return "RANDOM WEIGHTS" if card["pretrained"] == "random" else f"weights {Path(card['pretrained']).name}"


def _validated(val: Scores | None, names: tuple[str, ...]) -> tuple[np.ndarray | None, tuple[dict, ...], list[str]]:
    """Thresholds (C,) of highest F1 on validation, one row per behaviour with their evidence, and stamps."""
    if val is None:
        return None, (), ["NOT VALIDATED"]
    if tuple(val.names.tolist()) != names:
        raise AmcError("val.npz: has other behaviours than the model beside it; score it again")
    probs = AGGREGATES["mean"](val.probs)
    common = choose_threshold(val.labels, probs).value
    own = choose_threshold(val.labels, probs, per_class=True).value
    predicted, train, rows = label_sets(probs, own), val.meta.get("train_positives", [None] * len(names)), []
    for c, name in enumerate(names):
        hits, positives = int((predicted[:, c] & val.labels[:, c]).sum()), int(val.labels[:, c].sum())
        row = {"behaviour": name, "training_clips": train[c], "validation_clips": positives, "threshold": own[c]}
        row["threshold_from"] = "its own validation clips" if positives >= 5 else f"all behaviours ({common:.3g})"
        row["threshold_from"] += ", predicted for every clip" * _says_it_of_all(predicted[:, c], val.labels[:, c])
        row["precision"] = hits / predicted[:, c].sum() if predicted[:, c].any() else float("nan")
        row["recall"] = hits / positives if positives else float("nan")
        row |= {"mean_probability": probs[:, c].mean(), "frequency": val.labels[:, c].mean()}
        rows.append(row)
    return own, tuple(rows), _doubts(val, probs, predicted)


def _says_it_of_all(predicted: np.ndarray, labels: np.ndarray) -> bool:
    """Whether a threshold is so low that all validation clips (V,) are predicted positive, correct or not."""
    return bool(predicted.all() and not labels.all())


def _doubts(val: Scores, probs: np.ndarray, predicted: np.ndarray) -> list[str]:
    """Stamps from validation: too few clips, a ranking at chance level, thresholds that label everything.

    probs, predicted: (V, C).
    """
    stamps, positives = [], val.meta.get("train_positives")
    clips, labels = len(val.labels), None if positives is None else sum(positives)
    if clips < FEW_CLIPS or (labels is not None and labels < FEW_CLIPS):
        trained = "" if labels is None else f"{labels} label{'s' * (labels != 1)} to train and "
        stamps.append(f"FEW CLIPS: {trained}{clips} clip{'s' * (clips != 1)} to validate on")
    found = metrics.against_chance(val.labels, probs, permutations=99)
    if found["p"] > 0.05:
        says = f"validation mAP {100 * found['map_macro']:.0f} % and chance {100 * found['chance']:.0f} %"
        stamps.append(f"NOT ABOVE CHANCE: {says}")
    shown = np.flatnonzero(val.labels.any(axis=0))
    everything = sum(_says_it_of_all(predicted[:, c], val.labels[:, c]) for c in shown)
    if 2 * everything >= len(shown):
        stamps.append(f"THRESHOLDS LABEL EVERYTHING: {everything} of {len(shown)} behaviours")
    return stamps


def _only(predictor: VideoPredictor, behaviours: Sequence[str]) -> VideoPredictor:
    """The predictor for some of its behaviours."""
    wanted = [*filter(None, map(clean, behaviours))]
    if not wanted:
        _check(predictor.names)
        return predictor
    if unknown := [name for name in wanted if name not in predictor.names]:
        raise AmcError(
            f"behaviours: the model was not trained on {unknown[0]!r}; choose from: {', '.join(predictor.names)}"
        )
    _check(wanted)
    at = [predictor.names.index(name) for name in wanted]
    return replace(
        predictor,
        classifier=predictor.classifier.with_names(wanted),
        threshold=None if predictor.threshold is None else predictor.threshold[at],
        support=tuple(predictor.support[c] for c in at) if predictor.support else (),
    )


def _check(names: Sequence[str]) -> None:
    """Raise AmcError for a repeated name, and for one that tables reserve."""
    counts = Counter(name.casefold() for name in names)
    if twice := [name for name in names if counts[name.casefold()] > 1]:
        raise AmcError(f"behaviours: {twice[0]!r} stands twice; name each once")
    if taken := [name for name in names if name.casefold() in RESERVED or name.casefold().startswith("prob ")]:
        raise AmcError(f"behaviours: {taken[0]!r} is a column of the tables; give another name, or leave it out")


def _detector(predictor: VideoPredictor, folder: Path, log: Callable[[str], None] | None) -> OutOfDistribution | None:
    """The detector stored beside the model, fitted on first use; None, which is logged, without training clips."""
    file = folder / "out_of_distribution.npz"
    if file.is_file():
        return OutOfDistribution.load(file)
    log = log or (lambda line: None)
    given = predictor.facts["experiment"]
    where = {name: given[name] for name in ("dataset", "root", "size", "validation", "protocol")}
    try:
        table = experiment.load(replace(config.SIZES["quick"], **where))
        log("embedding training clips, once, to detect videos that are unlike them")
        train, val = (_embeddings(predictor, table.split(split), most) for split, most in MAX_CLIPS.items())
    except AmcError as error:
        log(f"videos unlike the training clips cannot be detected: {error}")
        return None
    detector = fit(train, val)
    with suppress(AmcError):  # without write permission it is fitted again each time
        detector.save(file)
    return detector


def _embeddings(predictor: VideoPredictor, table: ClipTable, most: int) -> np.ndarray:
    """Embeddings (V, E) of up to `most` clips, evenly spread over the table: the mean over the windows."""
    views = ClipViews(
        table, predictor.sampling, reader(predictor.pixels, table), size=predictor.classifier.preprocess.size
    )
    at = np.unique(np.linspace(0, len(views) - 1, min(most, len(views))).astype(int))
    return np.stack([predictor.predict(views[None, int(k)][0])[1].mean(dim=0).cpu().numpy() for k in at])
