"""Predictors that see no frame: a table of clips in, a score file out. A video model has to beat them.

They are no row of the paper; they show how much of a score in its Table 1 comes from class frequency, and how much from
the animal's species, which Category-CLIP uses and a network can see in one frame.
"""

from collections import defaultdict

import numpy as np

from amc import metrics
from amc.base.errors import choice
from amc.datasets.table import Clip, ClipTable
from amc.scores import Scores

STRENGTHS = (0.5, 1, 2, 4, 8, 16, 32, 64)  # of the species prior, in clips; one is chosen on the validation split
TOLD = {  # the part of an animal's path (from its species to the widest group) that a predictor gets
    "parent class": lambda path: path[1:][-1:],
    "sub-class": lambda path: path[1:],
    "species": lambda path: path,
}
EPS = 1e-12  # smallest distance of a probability from 0 and 1, so that log odds are finite in float32


def class_frequency(table: ClipTable, split: str, *, train: ClipTable | None = None) -> tuple[np.ndarray, dict]:
    """Frequency of each behaviour in training, the same for every clip of `split`: probs (V, C) float64.

    train: the clips to count, by default the training split.
    """
    return np.tile((train or table.split("train")).labels().mean(axis=0), (len(table.split(split)), 1)), {}


def species_prior(
    table: ClipTable, split: str, *, train: ClipTable | None = None, told: str = "species"
) -> tuple[np.ndarray, dict]:
    """Frequencies of behaviours for each clip's species in training, shrunk by `shrunk`: probs (V, C) float64.

    The strength is the one of STRENGTHS with the highest mean of macro and micro mAP on the validation split; the dict
    holds it, and that mean for every candidate. train: the clips to count then, by default the training split. told: a
    key of TOLD, what is known of the animal. Raises AmcError when the split train or val is missing.
    """
    counts, val = count(table.split("train")), table.split("val")
    labels, quality = val.labels(), {}
    for strength in STRENGTHS:
        probs = shrunk(counts, val, strength=strength, told=told)
        quality[strength] = (metrics.map_macro(labels, probs) + metrics.map_micro(labels, probs)) / 2
    best = max(quality, key=quality.get)
    chosen = {"strength": best, "validation": [[strength, value] for strength, value in quality.items()]}
    return shrunk(count(train) if train else counts, table.split(split), strength=best, told=told), chosen


BLIND = {"class frequency": class_frequency, "species prior": species_prior}


def predict(name: str, table: ClipTable, split: str, *, meta: dict, train: ClipTable | None = None) -> Scores:
    """Scores of a blind predictor, fitted on the training split, for every clip of `split`: M = 1 and no frame, P = 0.

    Logits are the log odds of its probabilities. `meta` gains a `card`: the name and what was chosen on the validation
    split. Lengths the annotation does not give are 0. Raises AmcError for an unknown name and a missing split.
    """
    choice("blind predictor", name, list(BLIND))
    probs, chosen = BLIND[name](table, split, train=train)
    probs, clips = np.clip(probs, EPS, 1 - EPS), table.split(split)
    return Scores(
        ids=np.array([clip.id for clip in clips.clips]),
        names=np.array(clips.names),
        labels=clips.labels(),
        logits=(np.log(probs) - np.log1p(-probs)).astype(np.float32)[:, None],  # (V, 1, C)
        frames=np.zeros((len(clips), 1, 0), dtype=np.int32),
        num_frames=np.array([clip.num_frames or 0 for clip in clips.clips], dtype=np.int32),
        species=np.array([clip.species for clip in clips.clips]),
        meta=meta | {"card": {"network": name, **chosen}},
    )


def count(train: ClipTable) -> dict[tuple[str, ...], np.ndarray]:
    """For each node of the taxonomy: how many of its clips show each behaviour (C,), then their number; (C + 1,).

    A node is a species or group followed by all that contain it; () is every animal. A clip counts once per node, with
    all its labels: Animal Kingdom's workbook says which animal did what, a table of clips does not.
    """
    rows = np.column_stack([train.labels(), np.ones(len(train))])
    counts = defaultdict(lambda: np.zeros(rows.shape[1]))
    for clip, row in zip(train.clips, rows, strict=True):
        for node in {path[i:] for path in _paths(clip, train) for i in range(len(path) + 1)}:
            counts[node] += row
    return dict(counts)


def shrunk(
    counts: dict[tuple[str, ...], np.ndarray], table: ClipTable, *, strength: float, told: str = "species"
) -> np.ndarray:
    """Probs (V, C) for the clips of `table`: p = (k + strength · p of the wider group) / (n + strength) at each node.

    k of a node's n training clips show the behaviour; the widest group is every animal, where p = k / n. So a rare
    species is pulled towards its group, and an unknown one gets p of its nearest known group. Several animals: mean.
    """
    kinds = {clip.species: clip for clip in table.clips}
    nodes = {species: [TOLD[told](path) for path in _paths(clip, table)] for species, clip in kinds.items()}
    each = {species: np.mean([_at(node, counts, strength) for node in found], 0) for species, found in nodes.items()}
    return np.stack([each[clip.species] for clip in table.clips])


def _at(node: tuple[str, ...], counts: dict[tuple[str, ...], np.ndarray], strength: float) -> np.ndarray:
    if node not in counts:  # () is always in counts
        return _at(node[1:], counts, strength)
    shown, clips = counts[node][:-1], counts[node][-1]
    if not node:
        return shown / clips
    return (shown + strength * _at(node[1:], counts, strength)) / (clips + strength)


def _paths(clip: Clip, table: ClipTable) -> list[tuple[str, ...]]:
    """From each animal of a clip to its widest group; () where no animal is named."""
    return [(name, *table.taxonomy.get(name, ())) if name else () for name in clip.species.split(";")]
