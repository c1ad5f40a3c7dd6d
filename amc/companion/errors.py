"""The paper's four kinds of errors (its error analysis), found by rule in a score file and counted; no model, no torch.

An error is a pair of video and behaviour: *missed*, written but not predicted, or *extra*, predicted but not written.
One error may be of several kinds, or of none. Where the truth of every frame is known (generated worlds), the rules use
it, and errors of the model can be told from those of the annotator; elsewhere they go by the names alone.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from amc.aggregate import AGGREGATES, choose_threshold, label_sets
from amc.companion.events import runs, seen_by
from amc.datasets import catalogue
from amc.errors import AmcError
from amc.figures.errors import Case
from amc.metrics import replicate_maps, resamples
from amc.sampling import Window
from amc.scores import Scores

# Behaviours that go on before, after and beside others (the paper's "keeping still" and "moving" around a jump).
ONGOING = ("Keeping still", "Moving", "Walking", "Attending", "Swimming")
OMITTED = ("Keeping still", "Turning around")  # what an annotator rarely writes beside something more striking
SENSING = "Sensing"
PARTS = {  # a composite and what it is made of, by names of Animal Kingdom, which Synth Kingdom shares
    SENSING: ("Attending", "Keeping still"),
    "Grooming": ("Licking", "Rubbing its head", "Scratching", "Preening"),
    "Chasing": ("Running", "Swimming"),
    "Fleeing": ("Running", "Swimming"),
}


@dataclass(frozen=True)
class Decisions:
    """What was predicted for the V videos of a score file, beside what was written and, where known, what happens."""

    scores: Scores
    threshold: float | np.ndarray  # of highest F1 on validation data; one number, or one a behaviour (C,)
    truth: Sequence[np.ndarray] | None = None  # what happens in each frame: bool (N, C) for each video

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
        """What truly happens, in at least one frame: bool (V, C), or None."""
        return None if self.truth is None else np.array([table.any(axis=0) for table in self.truth])

    @cached_property
    def predicted(self) -> np.ndarray:
        """Labels that reach the threshold: bool (V, C)."""
        return label_sets(self.probs, self.threshold)

    @property
    def missed(self) -> np.ndarray:
        """Written, not predicted: bool (V, C)."""
        return self.scores.labels & ~self.predicted

    @property
    def extra(self) -> np.ndarray:
        """Predicted, not written: bool (V, C)."""
        return self.predicted & ~self.scores.labels

    def of(self, names: Sequence[str]) -> np.ndarray:
        """Which behaviours (C,) bool are among `names`."""
        return np.isin(self.names, names)


def decide(val: Scores, test: Scores, *, truth: Sequence[np.ndarray] | None = None) -> Decisions:
    """The decisions on `test` with the threshold that `val` chooses."""
    threshold = choose_threshold(val.labels, AGGREGATES["mean"](val.probs)).value
    return Decisions(test, threshold, truth)


def read(path: Path) -> tuple[Scores, Scores]:
    """The validation and test scores of a run from `<stem>-val.npz` and `<stem>.npz`. Raises AmcError."""
    beside = path.with_name(f"{path.stem}-val.npz")
    if not beside.is_file():
        raise AmcError(f"scores: {path} has no {beside.name} beside it, and test data may not choose the threshold")
    return Scores.load(beside), Scores.load(path)


def overlapping(made: Decisions) -> np.ndarray:
    """Missed, while what goes on before or after it is predicted: the animal sits, jumps and sits (paper: a frog).

    Composites have a kind of their own. With truth, what is predicted has to happen in a frame without the missed one.
    """
    around = made.predicted & made.of(ONGOING)
    found = made.missed & ~made.of([*ONGOING, *PARTS]) & around.any(axis=1, keepdims=True)
    if made.truth is not None:
        for v, c in np.argwhere(found):
            elsewhere = made.truth[v][~made.truth[v][:, c]]  # the frames without the missed behaviour
            found[v, c] = elsewhere[:, around[v]].any()
    return found


def incomplete(made: Decisions) -> np.ndarray:
    """Extra, though it truly happens: the annotator left it out. Without truth: extra, of the kind that is left out."""
    return made.extra & (made.of(OMITTED) if made.happens is None else made.happens)


def sensing(made: Decisions) -> np.ndarray:
    """Errors about sensing and its sub-behaviours, in videos where sensing is written or predicted."""
    return _family(made, SENSING)


def composite(made: Decisions) -> np.ndarray:
    """Errors about the other composites and their parts, in videos where the whole is written or predicted."""
    return np.logical_or.reduce([_family(made, whole) for whole in PARTS if whole != SENSING])


def _family(made: Decisions, whole: str) -> np.ndarray:
    """Errors about `whole` or its parts where the whole is written or predicted and a part is too."""
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
    """Errors (V, C) bool by kind, and `none of these`."""
    found = {kind: rule(made) for kind, rule in KINDS.items()}
    rest = (made.missed | made.extra) & ~np.logical_or.reduce(list(found.values()))
    return found | {"none of these": rest}


def typical(made: Decisions, found: np.ndarray) -> np.ndarray:
    """Videos with errors `found` (V, C), the most typical first: most of their errors are of this kind, then by how
    far the scores lie from the threshold."""
    wrong = made.missed | made.extra
    share = found.sum(axis=1) / np.maximum(wrong.sum(axis=1), 1)
    margin = (np.abs(made.probs - made.threshold) * found).sum(axis=1)
    return np.array([v for v in np.lexsort((-margin, -share)) if found[v].any()], dtype=int)


def right(made: Decisions) -> np.ndarray:
    """Videos without an error, the most certain first: by their distance from the threshold, at its smallest."""
    margin = np.abs(made.probs - made.threshold).min(axis=1)
    is_right = ~(made.missed | made.extra).any(axis=1)
    return np.array([v for v in np.argsort(-margin, kind="stable") if is_right[v]], dtype=int)


def ratio(part: np.ndarray, whole: np.ndarray, *, replicates: int = 1000, seed: int = 0) -> tuple[float, float, float]:
    """Sum of `part` over sum of `whole`, (V,) each, with its 95 % interval over videos; nan where there is nothing."""
    weights = resamples(len(part), replicates, seed).astype(float)
    below = weights @ whole
    values = (weights @ part)[below > 0] / below[below > 0]
    if not whole.sum() or not len(values):
        return (float("nan"),) * 3
    return (part.sum() / whole.sum(), *map(float, np.quantile(values, (0.025, 0.975))))


def tally(made: Decisions) -> list[dict]:
    """A row a kind: errors, videos, errors a hundred videos with interval, and which part of the extra ones is true."""
    rows, once = [], np.ones(len(made.scores.labels))
    for kind, found in find(made).items():
        value, low, high = ratio(found.sum(axis=1), once)
        row = {"kind": kind, "errors": int(found.sum()), "videos": int(found.any(axis=1).sum())}
        row |= {"rate": 100 * value, "rate_low": 100 * low, "rate_high": 100 * high}
        if made.happens is not None:
            extra = found & made.extra
            row["extra"] = int(extra.sum())
            row |= dict(zip(("true", "true_low", "true_high"), _true(extra, made.happens), strict=True))
        rows.append(row)
    return rows


def _true(extra: np.ndarray, happens: np.ndarray) -> list[float]:
    return [100 * value for value in ratio((extra & happens).sum(axis=1), extra.sum(axis=1))]


def against_truth(made: Decisions, *, replicates: int = 1000, seed: int = 0) -> list[dict]:
    """Both mAPs, percent, of the same scores against what is written and against what happens, and their difference.

    Intervals are over videos, the same draws for both, so the difference is a paired one.
    """
    weights = resamples(len(made.scores.labels), replicates, seed)
    sets = {"written": made.scores.labels, "truth": made.happens}
    drawn = {name: replicate_maps(labels, made.probs, weights) for name, labels in sets.items()}
    whole = {name: replicate_maps(labels, made.probs, np.ones_like(weights[:1])) for name, labels in sets.items()}
    rows = []
    for metric in ("map_macro", "map_micro"):
        both = [(name, whole[name][metric][0], drawn[name][metric]) for name in sets]
        both.append(("truth − written", both[1][1] - both[0][1], both[1][2] - both[0][2]))
        for name, value, values in both:
            low, high = np.nanquantile(values, (0.025, 0.975))
            rows.append({"metric": metric, "against": name, "value": 100 * value, "low": 100 * low, "high": 100 * high})
    return rows


def confusions(made: Decisions) -> np.ndarray:
    """(C, C): of the videos in which the behaviour of a row was missed, the part that had the column's as an extra."""
    together = made.missed.T.astype(float) @ made.extra
    return together / np.maximum(made.missed.sum(axis=0), 1)[:, None]


def diagnosis(kind: str, made: Decisions, video: int) -> str:
    """One sentence on the errors of a kind in a video, made of the facts alone."""
    found = find(made)[kind][video]
    missed, extra = found & made.missed[video], found & made.extra[video]
    parts = [f"{_said(made, missed)} missed"] if missed.any() else []
    parts += [f"{_said(made, extra)} predicted though not written"] if extra.any() else []
    sentence = f"{kind.capitalize()}: {', '.join(parts) or 'no error'}"
    if made.truth is None:
        return f"{sentence}; what truly happens is not known."
    table, facts = made.truth[video], []
    windows = [Window((0, len(table)), (), tuple(row)) for row in made.scores.frames[video].tolist()]
    for c in np.flatnonzero(found):
        spans = [(start, stop) for label, start, stop in runs(table) if label == c]
        seen = sum(any(seen_by([window], *span)[0] for span in spans) for window in windows)
        during = f"fills {100 * table[:, c].mean():.0f} % of the video, seen by {seen} of {len(windows)} classifiers"
        facts.append(f"{made.names[c]} {during if spans else 'does not happen'}")
    return f"{sentence}; in truth {'; '.join(facts)}." if facts else f"{sentence}."


def _said(made: Decisions, mask: np.ndarray) -> str:
    return " and ".join(made.names[c] for c in np.flatnonzero(mask))


def case(
    made: Decisions,
    video: int,
    *,
    fps: float = float("nan"),
    film: np.ndarray | None = None,
    motion: np.ndarray | None = None,
    most: int = 5,
) -> Case:
    """A video for `figures.errors.case`: of what is written, predicted or happens, the `most` telling behaviours.

    Errors come first, then what was found, then what happens and neither says; of equals the higher score.
    """
    test, labels, predicted = made.scores, made.scores.labels[video], made.predicted[video]
    truth = None if made.truth is None else made.truth[video]
    happens = np.zeros_like(labels) if truth is None else truth.any(axis=0)
    rank = np.select([labels ^ predicted, labels, happens], [0, 1, 2], 3)
    order = np.lexsort((-made.probs[video], rank))
    shown = order[: max(1, min(most, int((rank < 3).sum())))]  # nothing to tell: the likeliest
    threshold = np.broadcast_to(made.threshold, labels.shape)
    return Case(
        int(test.num_frames[video]), fps, test.frames[video], test.probs[video][:, shown],
        [made.names[c] for c in shown], labels[shown], predicted[shown], threshold[shown],
        None if truth is None else truth[:, shown], film, motion,
    )  # fmt: skip


def compare(scored: Mapping[str, tuple[Scores, Scores]], truth: Sequence[np.ndarray] | None) -> list[dict]:
    """The rows of `tally` for each of several runs, (val, test) by name, with the scheme and modality of the run."""
    rows = []
    for name, (val, test) in scored.items():
        cfg = test.meta["experiment"]
        cell = {"run": name, "scheme": cfg["sampling"]["scheme"], "modality": cfg["pixels"]["modality"]}
        rows += [cell | row for row in tally(decide(val, test, truth=truth))]
    return rows


def videos(test: Scores) -> dict[str, Path]:
    """Where the videos of a score file lie, by id. Raises AmcError where its data set is not here."""
    made_of = test.meta["experiment"]
    table = catalogue.load(made_of["dataset"], made_of["root"] or None, size=made_of["size"])
    paths = {clip.id: clip.path for clip in table.clips}
    absent = [name for name in test.ids.tolist() if name not in paths or not paths[name].exists()]
    if absent:
        raise AmcError(f"{len(absent)} of {len(test.ids)} videos are not there, first {absent[0]}")
    return paths
