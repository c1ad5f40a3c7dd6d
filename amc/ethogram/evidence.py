"""How far a trained model can be trusted: its validation scores in; thresholds, their evidence and warnings out.

Pure: score files in, numbers and texts out. A warning is a stamp on every table, picture and file name of the model.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from amc import metrics
from amc.aggregate import AGGREGATES, choose_threshold, label_sets
from amc.base.errors import AmcError
from amc.base.wording import first_few
from amc.scores import Scores

FEW_CLIPS = 10  # of validation, labels of all training clips, or training or validation clips of a behaviour
FEW_SOURCES = 5  # videos that the validation clips are cut from: clips of one video are alike
FLOOR = 0.05  # of thresholds: the best one of a calibrated model is half of its best F1 (Lipton et al., 2014)
NAMED = 3  # behaviours that a stamp names; tables have all
POSITIVES = 5  # validation clips from which a behaviour has a threshold of its own


class Evidence(NamedTuple):
    """What validation shows of C behaviours."""

    threshold: np.ndarray | None  # (C,); None: not validated
    support: tuple[dict, ...]  # one row per behaviour: training and validation clips, results on validation
    stamps: tuple[str, ...]  # warnings


def of(val: Scores | None, names: Sequence[str], shown: Sequence[int] | None = None) -> Evidence:
    """The evidence for a model of behaviours `names`: thresholds of highest F1 on validation, at least `FLOOR`.

    shown: the behaviours that are asked for, by default all; the others add no warning. Raises AmcError for scores of
    other behaviours.
    """
    shown = range(len(names)) if shown is None else shown
    if val is None:
        return Evidence(None, (), ("NOT VALIDATED",))
    if tuple(val.names.tolist()) != tuple(names):
        raise AmcError("val.npz: has other behaviours than the model beside it; score it again")
    probs = AGGREGATES["mean"](val.probs)
    common = choose_threshold(val.labels, probs)
    best = choose_threshold(val.labels, probs, per_class=True, min_positives=POSITIVES)
    own = np.maximum(best, FLOOR)
    predicted, train, rows = label_sets(probs, own), val.meta.get("train_positives", [None] * len(names)), []
    for c, name in enumerate(names):
        hits, positives = int((predicted[:, c] & val.labels[:, c]).sum()), int(val.labels[:, c].sum())
        row = {"behaviour": name, "training_clips": train[c], "validation_clips": positives, "threshold": own[c]}
        row["threshold_from"] = "its own validation clips" if positives >= POSITIVES else "all behaviours"
        row["threshold_from"] += f" ({common:.3g})" * (positives < POSITIVES)
        row["threshold_from"] += f", raised to {FLOOR}" * bool(own[c] > best[c])
        row["threshold_from"] += ", no more precise than chance" * is_at_chance(predicted[:, c], val.labels[:, c])
        row["threshold_from"] += ", in every validation clip" * bool(val.labels[:, c].all())
        row["precision"] = hits / predicted[:, c].sum() if predicted[:, c].any() else float("nan")
        row["recall"] = hits / positives if positives else float("nan")
        row |= {"mean_probability": probs[:, c].mean(), "frequency": val.labels[:, c].mean()}
        rows.append(row)
    stamps = [*_few(val, names, shown), *_sources(val), *_ranking(val, probs)]
    return Evidence(own, tuple(rows), (*stamps, *_thresholds(val, predicted, names, shown)))


def is_at_chance(predicted: np.ndarray, labels: np.ndarray) -> bool:
    """Whether a threshold is no more precise than labelling every clip: predicted, labels (V,) bool.

    Fewer than `POSITIVES` predicted clips show nothing, unless they are all there are. Nor does a behaviour that every
    clip has, which has a stamp of its own.
    """
    if labels.all() or predicted.sum() < min(POSITIVES, len(labels)):
        return False
    return bool(labels[predicted].mean() <= labels.mean())


def _few(val: Scores, names: Sequence[str], shown: Sequence[int]) -> list[str]:
    """A stamp for too few clips in all, or of some behaviours."""
    positives, clips = val.meta.get("train_positives"), len(val.labels)
    labels = None if positives is None else sum(positives)
    if clips < FEW_CLIPS or (labels is not None and labels < FEW_CLIPS):
        trained = "" if labels is None else f"{labels} label{'s' * (labels != 1)} to train and "
        return [f"FEW CLIPS: {trained}{clips} clip{'s' * (clips != 1)} to validate on"]
    counts = {"train": positives, "validate": val.labels.sum(axis=0).tolist()}
    return [stamp for use, known in counts.items() if known for stamp in _few_of(known, names, shown, use)]


def _few_of(counts: Sequence[int], names: Sequence[str], shown: Sequence[int], use: str) -> list[str]:
    few = {names[c]: counts[c] for c in shown if counts[c] < FEW_CLIPS}
    ordered = sorted(few, key=lambda name: (few[name], name))
    return [f"FEW CLIPS to {use} on: {first_few([f'{name} {few[name]}' for name in ordered], NAMED)}"] if few else []


def _sources(val: Scores) -> list[str]:
    """A stamp for validation clips that are cut from a few videos; their number is not known of earlier runs."""
    sources = val.meta.get("val_sources", FEW_SOURCES)
    return [f"VALIDATED ON {sources} VIDEO{'S' * (sources != 1)}"] if sources < FEW_SOURCES else []


def _ranking(val: Scores, probs: np.ndarray) -> list[str]:
    """A stamp for a validation mAP that is not above its chance; probs (V, C).

    The clips are permuted as if they were independent. Clips of one video are not, so with few videos this test is too
    lenient: `_sources` says so.
    """
    found = metrics.against_chance(val.labels, probs, permutations=99)
    if found["p"] <= 0.05:
        return []
    says = f"validation mAP {100 * found['map_macro']:.0f} % and chance {100 * found['chance']:.0f} %"
    says += f" of {len(val.labels)} clips"
    return [f"NOT ABOVE CHANCE: {says}"]


def _thresholds(val: Scores, predicted: np.ndarray, names: Sequence[str], shown: Sequence[int]) -> list[str]:
    """A stamp for behaviours whose threshold does not help; predicted (V, C) bool."""
    useless = [names[c] for c in shown if is_at_chance(predicted[:, c], val.labels[:, c])]
    everywhere = [names[c] for c in shown if val.labels[:, c].all()]
    said = {"THRESHOLDS AT CHANCE": useless, "IN EVERY VALIDATION CLIP": everywhere}
    return [f"{what}: {first_few(found, NAMED)}" for what, found in said.items() if found]
