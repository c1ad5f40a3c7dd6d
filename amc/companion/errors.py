"""The paper's four kinds of errors (its error analysis), found by rule in a score file and counted; no model, no torch.

An error is a pair of video and behaviour: *missed* (annotated, not predicted) or *extra* (predicted, not annotated).
One error may be of several kinds, or of none. If the truth of every frame is known (generated worlds), the rules use it
and separate errors of the model from those of the annotator; otherwise they use the names alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import numpy as np

from amc import intervals
from amc.aggregate import AGGREGATES, choose_threshold, label_sets
from amc.base.errors import AmcError
from amc.datasets import catalogue
from amc.datasets.table import ClipTable
from amc.figures import words
from amc.metrics import MAPS, ratio
from amc.runs import results
from amc.scores import Scores

# Behaviours that continue before, after and during others (the paper's "keeping still" and "moving" around a jump).
ONGOING = ("Keeping still", "Moving", "Walking", "Attending", "Swimming")
OMITTED = ("Keeping still", "Turning around")  # rarely annotated beside a more striking behaviour
SENSING = "Sensing"
PARTS = {  # a composite behaviour and its parts, by names of Animal Kingdom, which Synth Kingdom shares
    SENSING: ("Attending", "Keeping still"),
    "Grooming": ("Licking", "Rubbing its head", "Scratching", "Preening"),
    "Chasing": ("Running", "Swimming"),
    "Fleeing": ("Running", "Swimming"),
}


@dataclass(frozen=True)
class Decisions:
    """Predictions for the V videos of a score file, with the annotation and, if known, the truth."""

    scores: Scores
    threshold: float | np.ndarray  # of highest F1 on validation data; one number, or one per behaviour (C,)
    truth: Sequence[np.ndarray] | None = None  # behaviours in each frame: bool (N, C) for each video

    @cached_property
    def names(self) -> tuple[str, ...]:
        """The C behaviours."""
        return tuple(self.scores.names.tolist())

    @cached_property
    def probs(self) -> np.ndarray:
        """Mean over the classifiers (paper sec. 2): (V, C)."""
        return AGGREGATES["mean"](self.scores.probs)

    @cached_property
    def happens(self) -> np.ndarray | None:
        """Which behaviours happen in at least one frame: bool (V, C), or None if unknown."""
        return None if self.truth is None else np.array([table.any(axis=0) for table in self.truth])

    @cached_property
    def predicted(self) -> np.ndarray:
        """Labels that reach the threshold: bool (V, C)."""
        return label_sets(self.probs, self.threshold)

    @property
    def missed(self) -> np.ndarray:
        """Annotated, not predicted: bool (V, C)."""
        return self.scores.labels & ~self.predicted

    @property
    def extra(self) -> np.ndarray:
        """Predicted, not annotated: bool (V, C)."""
        return self.predicted & ~self.scores.labels

    def of(self, names: Sequence[str]) -> np.ndarray:
        """Which behaviours (C,) bool are among `names`."""
        return np.isin(self.names, names)


def decide(val: Scores, test: Scores, *, truth: Sequence[np.ndarray] | None = None) -> Decisions:
    """The decisions on `test` with the threshold that `val` chooses."""
    threshold = choose_threshold(val.labels, AGGREGATES["mean"](val.probs))
    return Decisions(test, threshold, truth)


def read(path: Path) -> tuple[Scores, Scores]:
    """The validation and test scores of a run from `<stem>-val.npz` and `<stem>.npz`. Raises AmcError."""
    beside = results.validation_file(path)
    if not beside.is_file():
        raise AmcError(f"scores: {path} has no {beside.name} beside it; the threshold is chosen on validation scores")
    return Scores.load(beside), Scores.load(path)


def overlapping(made: Decisions) -> np.ndarray:
    """Missed, while a behaviour before or after it is predicted: the animal sits, jumps and sits (paper: a frog).

    Composites are a kind of their own. With truth, the predicted one has to happen in a frame without the missed one.
    """
    around = made.predicted & made.of(ONGOING)
    found = made.missed & ~made.of([*ONGOING, *PARTS]) & around.any(axis=1, keepdims=True)
    if made.truth is not None:
        for v, c in np.argwhere(found):
            elsewhere = made.truth[v][~made.truth[v][:, c]]  # the frames without the missed behaviour
            found[v, c] = elsewhere[:, around[v]].any()
    return found


def incomplete(made: Decisions) -> np.ndarray:
    """Extra, but it happens: the annotator left it out. Without truth: extra, and its name is often left out."""
    return made.extra & (made.of(OMITTED) if made.happens is None else made.happens)


def sensing(made: Decisions) -> np.ndarray:
    """Errors about sensing and its sub-behaviours, in videos where sensing is annotated or predicted."""
    return _family(made, SENSING)


def composite(made: Decisions) -> np.ndarray:
    """Errors about the other composites and their parts, in videos where the composite is annotated or predicted."""
    return np.logical_or.reduce([_family(made, whole) for whole in PARTS if whole != SENSING])


def _family(made: Decisions, whole: str) -> np.ndarray:
    """Errors about `whole` or its parts where both the composite and a part are annotated or predicted."""
    is_whole, is_part = made.of([whole]), made.of(PARTS[whole])
    spoken = made.scores.labels | made.predicted
    both = spoken[:, is_whole].any(axis=1, keepdims=True) & spoken[:, is_part].any(axis=1, keepdims=True)
    return (made.missed | made.extra) & (is_whole | is_part) & both


KINDS: dict[str, Callable[[Decisions], np.ndarray]] = {
    "overlapping actions": overlapping,
    "incomplete annotation": incomplete,
    "sensing and its parts": sensing,
    "composite actions": composite,
}


def find(made: Decisions) -> dict[str, np.ndarray]:
    """Errors (V, C) bool by kind, and those of none, as `words.NONE`."""
    found = {kind: rule(made) for kind, rule in KINDS.items()}
    rest = (made.missed | made.extra) & ~np.logical_or.reduce(list(found.values()))
    return found | {words.NONE: rest}


def typical(made: Decisions, found: np.ndarray) -> np.ndarray:
    """Videos with errors `found` (V, C), the most typical first.

    By the share of their errors that are of this kind, then by the distance of the scores from the threshold.
    """
    wrong = made.missed | made.extra
    share = found.sum(axis=1) / np.maximum(wrong.sum(axis=1), 1)
    margin = (np.abs(made.probs - made.threshold) * found).sum(axis=1)
    return np.array([v for v in np.lexsort((-margin, -share)) if found[v].any()], dtype=int)


def right(made: Decisions) -> np.ndarray:
    """Videos without an error, the most certain first: by the smallest distance of a score from its threshold."""
    margin = np.abs(made.probs - made.threshold).min(axis=1)
    is_right = ~(made.missed | made.extra).any(axis=1)
    return np.array([v for v in np.argsort(-margin, kind="stable") if is_right[v]], dtype=int)


def tally(made: Decisions) -> list[dict]:
    """One row per kind: errors, videos, errors per 100 videos with interval.

    If the truth is known also `part`, the percentage of these errors that are the annotator's (predicted, not
    annotated, but it happens).
    """
    rows, once = [], np.ones(len(made.scores.labels))
    for kind, found in find(made).items():
        row = {"kind": kind, "errors": int(found.sum()), "videos": int(found.any(axis=1).sum())}
        row |= _percent("rate", ratio(found.sum(axis=1), once))
        if made.happens is not None:
            row |= _percent("part", annotators(made, found))
        rows.append(row)
    return rows


def _percent(name: str, values: tuple[float, float, float]) -> dict[str, float]:
    return intervals.columns(name, [100 * value for value in values])


def annotators(made: Decisions, found: np.ndarray) -> tuple[float, float, float]:
    """The annotator's share (0 to 1) of the errors `found` (V, C), with its interval.

    An error is the annotator's if it happens but is not annotated. All other errors are the model's.
    """
    return ratio((found & made.extra & made.happens).sum(axis=1), found.sum(axis=1))


def against_truth(made: Decisions) -> list[dict]:
    """Both mAPs, percent, of the same scores against the annotation and against the truth, and their difference.

    95 % intervals over videos; differences are paired.
    """
    sets = {"annotated": made.scores.labels, "truth": made.happens}
    found = {name: intervals.estimates(labels, made.probs) for name, labels in sets.items()}
    rows = []
    for metric in MAPS:
        for name in sets:
            rows.append((metric, name, *found[name][metric].percent()))
        gain = found["truth"][metric].minus(found["annotated"][metric])
        rows.append((metric, "truth − annotated", *(100 * gain[what] for what in ("difference", "low", "high"))))
    return [dict(zip(("metric", "against", "value", "low", "high"), row, strict=True)) for row in rows]


def judged(row: dict) -> str:
    """A row of a difference in `against_truth` as a sentence."""
    word = "higher against the truth" if row["low"] > 0 else "lower against the truth"
    word = "not significant" if row["low"] <= 0 <= row["high"] else word
    text = "{} mAP: {against} {value:+.1f} points, 95 % {low:+.1f} to {high:+.1f}: {}"
    return text.format(row["metric"].removeprefix("map_"), word, **row)


def confusions(made: Decisions) -> np.ndarray:
    """(C, C): the share of the videos with the row's behaviour missed that have the column's as an extra."""
    together = made.missed.T.astype(float) @ made.extra
    return together / np.maximum(made.missed.sum(axis=0), 1)[:, None]


def compare(scored: Mapping[str, tuple[Scores, Scores]], truth: Sequence[np.ndarray] | None) -> list[dict]:
    """The rows of `tally` for each of several runs, (val, test) by name, with the scheme and modality of the run."""
    rows = []
    for name, (val, test) in scored.items():
        cfg = test.meta["experiment"]
        facts = {"run": name, "scheme": cfg["sampling"]["scheme"], "modality": cfg["pixels"]["modality"]}
        rows += [facts | row for row in tally(decide(val, test, truth=truth))]
    return rows


def differences(
    scored: Mapping[str, tuple[Scores, Scores]], truth: Sequence[np.ndarray] | None, *, reference: str
) -> list[dict]:
    """Errors of each kind per 100 videos, each run minus the run named `reference`; rows as of `compare`.

    The same videos are resampled for both, so differences are paired.
    """
    found = {name: find(decide(val, test, truth=truth)) for name, (val, test) in scored.items()}
    rows = []
    for row in compare(scored, truth):
        mine, its = found[row["run"]][row["kind"]], found[reference][row["kind"]]
        facts = {name: row[name] for name in ("run", "scheme", "modality", "kind")}
        rows.append(facts | _percent("more", ratio(mine.sum(axis=1) - its.sum(axis=1), np.ones(len(mine)))))
    return rows


def beyond_chance(rows: Sequence[dict], reference: str) -> str:
    """Two sentences on the rows of `differences` whose intervals exclude 0."""
    sides = {"fewer": lambda row: row["more_high"] < 0, "more": lambda row: row["more_low"] > 0}
    found = {word: "; ".join(f"{row['run']}: {row['kind']}" for row in rows if is_clear(row))
             for word, is_clear in sides.items()}  # fmt: skip
    return " ".join(f"Significantly {word} than {reference}: {listed or 'none'}." for word, listed in found.items())


def clips(test: Scores) -> ClipTable:
    """The clips of a score file, in its order. Raises AmcError if its data set or a video is missing."""
    made_of = test.meta["experiment"]
    table = catalogue.load(made_of["dataset"], made_of["root"] or None, size=made_of["size"])
    known = {clip.id: clip for clip in table.clips if clip.path.exists()}
    if absent := [name for name in test.ids.tolist() if name not in known]:
        raise AmcError(f"{len(absent)} of {len(test.ids)} videos are not there, first {absent[0]}")
    return replace(table, clips=tuple(known[name] for name in test.ids.tolist()))


def truth(table: ClipTable) -> list[np.ndarray]:
    """The behaviours in each frame of each clip, bool (N, C). Raises AmcError for clips without known truth."""
    if table.drawn is None:
        raise AmcError(f"{table.name}: what truly happens in each frame is known of generated worlds only")
    return [table.drawn.truth(clip.id) for clip in table.clips]
