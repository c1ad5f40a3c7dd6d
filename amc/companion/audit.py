"""What the annotation alone shows about a benchmark: mAP of predictors that see no pixel, and leakage.

A table of clips in, arrays and numbers out (notebook 08). Not in the paper. Every predictor is fitted on training
clips; its settings are chosen on training clips or a validation split of them.
"""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
import pandas as pd

from amc import intervals, metrics
from amc.base import parameters
from amc.base.errors import AmcError, choice
from amc.baselines import species_prior
from amc.datasets import animal_kingdom, catalogue
from amc.datasets.table import ClipTable, split_validation

SIZES = ("smoke", "quick", "standard")  # of Synth Kingdom
VALIDATION = 0.15  # part of the training groups, as in `config.Experiment`
SMOOTHING = 5  # pseudo-clips at the base rate, added to every count of two labels together
WEIGHTS = (0, 0.1, 0.25, 0.5, 1)  # of the evidence from other labels
PRIOR_STRENGTHS = tuple(4**n for n in range(7))  # weight of the species against labels of the same source, in clips
EVIDENCE = {  # what each predictor knows of a test clip, besides the labels of the training clips
    "class frequency": "nothing",
    "parent class": "the widest group of each animal in it, such as bird",
    "sub-class": "all groups of each animal, not its species",
    "species": "each animal's species and groups",
    "species + co-occurrence": "the species and, for each behaviour, all other labels of the clip",
    "species + source": "the species, and which training clips seem to be from the same video",
}


@dataclass(frozen=True)
class Annotation:
    """Clips of a benchmark, with no need for their videos."""

    table: ClipTable  # with a validation split taken from train
    train: ClipTable  # the whole training split as published
    workbook: Path | None  # of the real annotation

    @property
    def test(self) -> ClipTable:
        """The clips that are scored."""
        return self.table.split("test")


def load(annotation: str = "", *, size: str = "quick") -> Annotation:
    """The annotation in a file AR_metadata.xlsx, by default the one under data/animal_kingdom.

    Without one: Synth Kingdom's of `size`, generated on first use. Raises AmcError for another file or an unknown size.
    """
    choice("size", size, SIZES)
    workbook = parameters.file("annotation", annotation) or catalogue.folder("animal-kingdom") / animal_kingdom.WORKBOOK
    if workbook.exists():
        whole = animal_kingdom.index_metadata(workbook)
    else:
        workbook, whole = None, catalogue.DATASETS["synth"](catalogue.folder("synth"), size=size)
    table = whole if "val" in whole.counts() else split_validation(whole, VALIDATION)
    return Annotation(table, whole.split("train"), workbook)


def blind(found: Annotation) -> dict[str, tuple[np.ndarray, dict]]:
    """By name, as in EVIDENCE: probs (V, C) of the test clips, and the chosen settings. No predictor sees a frame."""
    table, train = found.table, found.train
    rows = {"class frequency": species_prior.class_frequency(table, "test", train=train)}
    for told in species_prior.TOLD:
        rows[told] = species_prior.species_prior(table, "test", train=train, told=told)
    strength = rows["species"][1]["strength"]
    return rows | {
        "species + co-occurrence": _co_occurrence(found, strength),
        "species + source": _sources(found, strength),
    }


def _co_occurrence(found: Annotation, strength: float) -> tuple[np.ndarray, dict]:
    """The odds from the species, times the evidence of each other label of the clip (naive Bayes).

    Labels are input here, so this is no recognition: it bounds the gain from co-occurrence. Only present labels are
    evidence: absent ones would reveal that a clip has no other label.
    """
    train, val = found.table.split("train"), found.table.split("val")
    return _chosen(found, strength, train, val, _with_labels, {"weight": WEIGHTS})


def _chosen(
    found: Annotation, strength: float, train: ClipTable, val: ClipTable, predict: Callable, options: dict[str, tuple]
) -> tuple[np.ndarray, dict]:
    """Probs (V, C) of the test clips by `predict`, with the option that is best for `val` after training on `train`."""
    [(name, values)], prior = options.items(), _species(train, val, strength)
    tried = {value: _quality(val.labels(), predict(prior, train, val, value)) for value in values}
    best = max(tried, key=tried.get)
    prior = _species(found.train, found.test, strength)
    return predict(prior, found.train, found.test, best), {name: best, "validation": [*tried.items()]}


def _species(train: ClipTable, clips: ClipTable, strength: float) -> np.ndarray:
    return species_prior.shrunk(species_prior.count(train), clips, strength=strength)


def _with_labels(prior: np.ndarray, train: ClipTable, clips: ClipTable, weight: float) -> np.ndarray:
    probs = np.clip(prior, 1e-9, 1 - 1e-9)
    labels = train.labels().astype(float)
    together, shown, count = labels.T @ labels, labels.sum(axis=0), len(labels)  # together[j, c]
    base = SMOOTHING * shown[:, None] / count
    with_c = (together + base) / (shown + SMOOTHING)
    without_c = (shown[:, None] - together + base) / (count - shown + SMOOTHING)
    ratios = np.log(np.maximum(with_c, 1e-9) / np.maximum(without_c, 1e-9))
    np.fill_diagonal(ratios, 0)  # a label is no evidence for itself
    return 1 / (1 + np.exp(-(np.log(probs / (1 - probs)) + weight * clips.labels() @ ratios)))


def _sources(found: Annotation, strength: float) -> tuple[np.ndarray, dict]:
    """Labels of the training clips of the same source group, shrunk towards the species.

    The validation split holds complete groups, so its clips share no source with training. Therefore the weight of the
    species is chosen on training clips held out at random.
    """
    aside = np.random.default_rng(0).random(len(found.train)) < VALIDATION
    rest, val = (_part(found.train, mask) for mask in (~aside, aside))
    return _chosen(found, strength, rest, val, _with_source, {"pull": PRIOR_STRENGTHS})


def _with_source(prior: np.ndarray, train: ClipTable, clips: ClipTable, pull: float) -> np.ndarray:
    shown = defaultdict(lambda: np.zeros(prior.shape[1] + 1))  # by group: clips with each behaviour, and all its clips
    for clip, labels in zip(train.clips, np.column_stack([train.labels(), np.ones(len(train))]), strict=True):
        if clip.group:
            shown[clip.group] += labels
    relatives = np.stack([shown[clip.group] for clip in clips.clips])
    return (relatives[:, :-1] + pull * prior) / (relatives[:, -1:] + pull)


def _part(table: ClipTable, mask: np.ndarray) -> ClipTable:
    return replace(table, clips=tuple(clip for clip, is_in in zip(table.clips, mask, strict=True) if is_in))


def _quality(labels: np.ndarray, probs: np.ndarray) -> float:
    return (metrics.map_macro(labels, probs) + metrics.map_micro(labels, probs)) / 2


def row(name: str, labels: np.ndarray, probs: np.ndarray) -> dict:
    """One result row: both mAPs in percent with 95 % intervals (`_low`, `_high`)."""
    found = {"method": name, "given": EVIDENCE[name]}
    for key, estimate in intervals.estimates(labels, probs).items():
        found |= intervals.columns(key, estimate.percent())
    return found


def leakage(found: Annotation, *, seed: int) -> dict:
    """How many test clips share a source group with training, and how similar the labels of such clips are.

    `likeness`: by kind of training clip, drawn at random, the Jaccard overlap of its labels with the test clip's, each
    (V',) over the test clips that have training clips of every kind. Empty if no group is shared.
    """
    rng, pools = np.random.default_rng(seed), defaultdict(list)
    for clip in found.train.clips:
        for key in ((clip.group, clip.species), (clip.group,), ("", clip.species)):
            pools[key].append(clip)
    shared = [clip for clip in found.test.clips if clip.group and (clip.group,) in pools]
    likeness = {"same source, same species": [], "other source, same species": [], "any training clip": []}
    for clip in shared:
        apart = [other for other in pools["", clip.species] if other.group != clip.group]
        partners = (pools.get((clip.group, clip.species)), apart, found.train.clips)
        if all(partners):
            for values, pool in zip(likeness.values(), partners, strict=True):
                values.append(_overlap(clip.labels, pool[rng.integers(len(pool))].labels))
    return {
        "groups_in_both": len({clip.group for clip in shared}),
        "test_clips_concerned": len(shared),
        "with_the_same_species_there": sum((clip.group, clip.species) in pools for clip in shared),
        "test_clips": len(found.test),
        "likeness": likeness,
    }


def _overlap(first: tuple[int, ...], second: tuple[int, ...]) -> float:
    return len({*first} & {*second}) / len({*first} | {*second})


def misnamed(names: tuple[str, ...], path: Path) -> list[dict]:
    """The ids whose name in `df_action.xlsx` differs from the annotation's own sheet. Raises AmcError for another."""
    try:
        listed = pd.read_excel(path).set_index("index")["action"]
    except (OSError, KeyError, ValueError, BadZipFile) as error:
        raise AmcError(f"{path}: not Animal Kingdom's df_action.xlsx ({error}); get it again") from error
    return [
        {"id": label, "sheet Action": name, "df_action.xlsx": listed.get(label)}
        for label, name in enumerate(names)
        if str(listed.get(label)).strip().casefold() != name.strip().casefold()
    ]
