"""A model ready to watch videos: from a list of behaviours alone, or from a finished run.

by names   CLIP's towers as they were pre-trained, X-CLIP's new modules untrained: the names compete (a softmax),
           as in CLIP's zero-shot recognition. It is a first look, and says so on everything made of it.
by model   a `model.safetensors` that training wrote: a sigmoid a behaviour, thresholds of highest F1 on the
           validation scores beside it, and what its training clips look like, to tell what is unlike them.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from amc import config, flow, metrics, model, transforms
from amc.aggregate import AGGREGATES, choose_threshold, label_sets
from amc.base import checkpoint, paths
from amc.base.errors import AmcError
from amc.config import METHOD, Pixels, Sampling
from amc.datasets import catalogue
from amc.datasets.clips import ClipViews, reader, refuse_enlarging
from amc.datasets.names import RESERVED
from amc.datasets.table import ClipTable
from amc.ethogram.novelty import Familiar, learn
from amc.model import Classifier, weights
from amc.model.weights import SHIPPED, SYNTH_CLIP
from amc.runs import experiment, lookup
from amc.runs.ablation import pixels_for
from amc.scores import Scores
from amc.synth import generate

ZERO_SHOT = "ZERO-SHOT, new modules untrained"
DRAWN = "CLIP OF DRAWN ANIMALS on other videos"
FEW_CLIPS = 10  # validation clips, or labels of training clips: with fewer nothing is known of a model
LOOKED_AT = 300  # training clips, and half as many for validation, whose embeddings tell what is familiar
FILE = lookup.MODEL


@dataclass(frozen=True)
class Eye:
    """What watches a video, and what is known about how far to trust it."""

    recogniser: Classifier
    names: tuple[str, ...]  # C behaviours
    text: Tensor  # (C, E), the names encoded
    sampling: Sampling  # of the frames of one window, as if it were a clip
    pixels: Pixels
    competes: bool  # True: probabilities over the names sum to 1; False: each behaviour by itself
    threshold: np.ndarray | None = None  # (C,) of validation; None: none is known, and one has to be set by hand
    stamp: str = ""
    support: tuple[dict, ...] = ()  # a row a behaviour: training and validation clips, what validation says
    facts: dict = field(default_factory=dict)  # where it comes from, JSON
    familiar: Familiar | None = None

    @torch.inference_mode()
    def look(self, slots: Tensor) -> tuple[Tensor, Tensor]:
        """Probabilities (B, C) and embeddings (B, E) of clips, uint8 (B, T, 3, size, size)."""
        xclip, pixels = self.recogniser.network, self.recogniser.preprocess
        seen = xclip.embed(transforms.normalise(slots, pixels.mean, pixels.std), self.text)
        logits = xclip.logit_scale.exp() * seen.cosine + xclip.logit_bias
        return (logits.softmax(dim=1) if self.competes else logits.sigmoid()), seen.video

    def to(self, device: str) -> "Eye":
        """The same on another device."""
        self.recogniser.network.to(device)
        return replace(self, text=self.text.to(device))


def by_names(behaviours: Sequence[str], *, backbone: str = "", pretrained: str = "") -> Eye:
    """Zero-shot over `behaviours` with a CLIP of open_clip's, by default the shipped synth-clip, RGB alone.

    Raises AmcError for fewer than two behaviours, as there is nothing to choose between, and for absent weights.
    """
    names = tuple(name.strip() for name in behaviours if name.strip())
    if len(names) < 2:
        given = ", ".join(names) or "none"
        raise AmcError(f"behaviours: {given}; give two or more to choose between, by commas, or a trained model")
    _check(names)
    small = config.SIZES["quick"]
    stored = small.pixels.stored
    if backbone:  # real videos, as at size paper, and larger for a CLIP that sees more
        larger = pixels_for("paper", weights.image_size(backbone, pretrained)).stored
        stored = max(config.SIZES["paper"].pixels.stored, larger)
    pixels = replace(small.pixels, modality="rgb", stored=stored)
    backbone, pretrained = backbone or small.backbone, pretrained or small.pretrained
    recogniser = model.build(backbone, pretrained, num_slots=small.sampling.frames)
    stamp = f"{ZERO_SHOT}, {_weights(recogniser.card)}"
    facts = {"by": "names", "card": recogniser.card}
    plan = replace(small.sampling, num_windows=1)
    return Eye(recogniser, names, recogniser.encode(names), plan, pixels, True, None, stamp, facts=facts)


def by_model(name: str | Path, *, behaviours: Sequence[str] = (), report: Callable[[str], None] | None = None) -> Eye:
    """A trained model: its file, the folder of its run, or the run's name, such as "sparse rgb+flow seed 0".

    behaviours: which of its behaviours to show, by default all. Raises AmcError for what is no such model, another
    method's, or without the flow that it was trained with.
    """
    path = find(name)
    recogniser, meta = model.load(path)
    try:
        given = meta["experiment"]
        plan, pixels = Sampling(**given["sampling"]), Pixels(**given["pixels"])
        names, method, size = tuple(meta["names"]), given["method"], given["size"]
    except (KeyError, TypeError) as error:
        raise AmcError(f"{path}: was not written by this version's training ({error}); train it again") from error
    if method != METHOD:
        raise AmcError(f"{path}: is {method}; choose a model of {METHOD}'s, whose frames and flow are known here")
    refuse_enlarging(pixels, recogniser.preprocess.size, str(path))
    if "flow" in pixels.modality:
        if pixels.flow_method == "true":
            raise AmcError(f"{path}: was trained on true flow, which only a renderer knows; train it with dis or RAFT")
        flow.fingerprint(pixels.flow_method, pixels.flow_weights or None)
    val = Scores.load(path.parent / "val.npz") if (path.parent / "val.npz").is_file() else None
    threshold, support, doubts = _validated(val, names)
    facts = {"by": "model", "model": path.parent.name, "card": recogniser.card, "experiment": given}
    facts["calibration_error"] = val and metrics.expected_calibration_error(val.labels, AGGREGATES["mean"](val.probs))
    said = ", ".join(filter(None, [stamp(recogniser.card, size, dataset=given["dataset"]), *doubts]))
    text = recogniser.encode(names)
    eye = Eye(recogniser, names, text, plan, pixels, False, threshold, said, support, facts)
    return _only(replace(eye, familiar=_familiar(eye, path.parent, report)), behaviours)


def stamp(card: Mapping, size: str, *, dataset: str) -> str:
    """What has to be said of a trained model: its CLIP's card, and the size and data set that it was trained at and
    on. Empty: nothing."""
    stamps = [_weights(card)] if card["pretrained"] == "random" else []
    stamps += ["SIZE SMOKE, hardly trained"] * (size == "smoke")
    return ", ".join(stamps + [DRAWN] * (is_of_drawings(card) and dataset not in catalogue.SIZED))


def is_of_drawings(card: Mapping) -> bool:
    """Whether a model's CLIP has seen drawn animals alone."""
    return (card.get("backbone"), card["pretrained"]) == (SYNTH_CLIP, SHIPPED)


def stamp_on(eye: Eye, path: Path) -> str:
    """What has to be said of a model on a video: its stamp, and where its CLIP has seen drawn animals alone and the
    video is not one of ours, that."""
    is_new = is_of_drawings(eye.recogniser.card) and DRAWN not in eye.stamp and not generate.is_drawn(path)
    return ", ".join(filter(None, [eye.stamp, DRAWN * is_new]))


def find(name: str | Path) -> Path:
    """The file of weights that `name` means. Raises AmcError where it is none or several, with those that are there."""
    given = Path(name).expanduser()
    if given.is_file():
        return given
    if (given / FILE).is_file():
        return given / FILE
    known = {path: _titles(path) for path in sorted((paths.cache() / "runs").glob(f"*/{FILE}"))}
    found = [path for path, (title, *short) in known.items() if str(name) in (title, *short, path.parent.name)]
    if len(found) == 1:
        return found[0]
    newest = sorted(found or known, key=lambda path: -path.stat().st_mtime)
    offers = "; ".join(f"{known[path][0]} ({path.parent.name}, of {_day(path)})" for path in newest)
    what = "means several" if found else "is no file, no folder with one, and no run"
    raise AmcError(f"model: {str(name)!r} {what}; give one of: {offers or 'none yet, so train one with amc train'}")


def _titles(path: Path) -> tuple[str, ...]:
    """What a run's model may be called; "?" where it is damaged or says nothing, and its folder alone names it."""
    try:
        cell = checkpoint.read(path)[1].get("experiment", {})
    except AmcError:
        cell = {}
    return _names(cell) if cell else ("?",)


def _day(path: Path) -> str:
    return f"{datetime.fromtimestamp(path.stat().st_mtime):%Y-%m-%d %H:%M}"


def _names(cell: dict) -> tuple[str, str, str]:
    """What a run may be called: in full, without its size, and without its data set."""
    few = f" {cell['training_clips']} clips" if cell.get("training_clips") else ""
    pixels, usual = cell["pixels"], config.SIZES[cell["size"]].pixels.flow_method
    by = f" by {pixels['flow_method']}" if "flow" in pixels["modality"] and pixels["flow_method"] != usual else ""
    last = f"{cell['sampling']['scheme']} {pixels['modality']}{by} seed {cell['seed']}{few}"
    return f"{cell['dataset']} {cell['size']} {last}", f"{cell['dataset']} {last}", last


def _weights(card: dict) -> str:
    return "RANDOM WEIGHTS" if card["pretrained"] == "random" else f"weights {Path(card['pretrained']).name}"


def _validated(val: Scores | None, names: tuple[str, ...]) -> tuple[np.ndarray | None, tuple[dict, ...], list[str]]:
    """Thresholds (C,) of highest F1 on validation, a row a behaviour on what they rest on, and stamps."""
    if val is None:
        return None, (), ["NOT VALIDATED"]
    if tuple(val.names.tolist()) != names:
        raise AmcError("val.npz: is about other behaviours than the model beside it; score it again")
    probs = AGGREGATES["mean"](val.probs)
    common = choose_threshold(val.labels, probs).value
    own = choose_threshold(val.labels, probs, per_class=True).value
    predicted, train, rows = label_sets(probs, own), val.meta.get("train_positives", [None] * len(names)), []
    for c, name in enumerate(names):
        hits, positives = int((predicted[:, c] & val.labels[:, c]).sum()), int(val.labels[:, c].sum())
        row = {"behaviour": name, "training_clips": train[c], "validation_clips": positives, "threshold": own[c]}
        row["threshold_from"] = "its own validation clips" if positives >= 5 else f"all behaviours ({common:.3g})"
        row["threshold_from"] += ", says it of every clip" * _says_it_of_all(predicted[:, c], val.labels[:, c])
        row["precision"] = hits / predicted[:, c].sum() if predicted[:, c].any() else float("nan")
        row["recall"] = hits / positives if positives else float("nan")
        row |= {"mean_probability": probs[:, c].mean(), "frequency": val.labels[:, c].mean()}
        rows.append(row)
    return own, tuple(rows), _doubts(val, probs, predicted)


def _says_it_of_all(predicted: np.ndarray, labels: np.ndarray) -> bool:
    """Whether a threshold lies so low that it labels all validation clips (V,), right or wrong: it tells none apart."""
    return bool(predicted.all() and not labels.all())


def _doubts(val: Scores, probs: np.ndarray, predicted: np.ndarray) -> list[str]:
    """Stamps that validation calls for: too few clips to know anything, a ranking as of chance, thresholds that label
    everything. probs, predicted: (V, C)."""
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


def _only(eye: Eye, behaviours: Sequence[str]) -> Eye:
    """The eye for some of its behaviours."""
    wanted = [name.strip() for name in behaviours if name.strip()]
    if not wanted:
        _check(eye.names)
        return eye
    if unknown := [name for name in wanted if name not in eye.names]:
        raise AmcError(f"behaviours: the model was not trained on {unknown[0]!r}; choose from: {', '.join(eye.names)}")
    _check(wanted)
    at = [eye.names.index(name) for name in wanted]
    part = {"names": tuple(wanted), "text": eye.text[at], "threshold": eye.threshold}
    part["threshold"] = None if eye.threshold is None else eye.threshold[at]
    return replace(eye, support=tuple(eye.support[c] for c in at) if eye.support else (), **part)


def _check(names: Sequence[str]) -> None:
    """Raise AmcError for a name that stands twice, or that tables need for something else."""
    counts = Counter(name.casefold() for name in names)
    if twice := [name for name in names if counts[name.casefold()] > 1]:
        raise AmcError(f"behaviours: {twice[0]!r} stands twice; name each once")
    if taken := [name for name in names if name.casefold() in RESERVED]:
        raise AmcError(f"behaviours: {taken[0]!r} is a column of the tables; give another name, or leave it out")


def _familiar(eye: Eye, folder: Path, report: Callable[[str], None] | None) -> Familiar | None:
    """What its training clips look like, kept beside the model; None, which is reported, where they are not here."""
    file = folder / "familiar.npz"
    if file.is_file():
        return Familiar.load(file)
    say = report or (lambda line: None)
    given = eye.facts["experiment"]
    where = {name: given[name] for name in ("dataset", "root", "size", "validation", "protocol")}
    try:
        table = experiment.load(replace(config.SIZES["quick"], **where))
        say("looking at training clips, once, to know what is familiar")
        train, val = (_embeddings(eye, table.split(split), most) for split, most in _LOOKS)
    except AmcError as error:
        say(f"what is unlike anything in training is not known: {error}")
        return None
    familiar = learn(train, val)
    with suppress(AmcError):  # a folder that may not be written costs time only
        familiar.save(file)
    return familiar


_LOOKS = (("train", LOOKED_AT), ("val", LOOKED_AT // 2))


def _embeddings(eye: Eye, table: ClipTable, most: int) -> np.ndarray:
    """Embeddings (V, E) of up to `most` clips, evenly spread over the table: the mean over the classifiers."""
    views = ClipViews(table, eye.sampling, reader(eye.pixels), size=eye.recogniser.preprocess.size)
    at = np.unique(np.linspace(0, len(views) - 1, min(most, len(views))).astype(int))
    return np.stack([eye.look(views[None, int(k)][0])[1].mean(dim=0).cpu().numpy() for k in at])
