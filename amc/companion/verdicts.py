"""One video and its errors: a verdict on each, a sentence of diagnosis, and the data for a figure.

Decisions in, text and a `figures.case.Case` out. Verdicts need the truth of every frame; nothing is drawn here.
"""

from collections import defaultdict

import numpy as np

from amc.base.wording import listed
from amc.companion.errors import Decisions, find
from amc.figures.case import Case

VERDICTS = {  # of an error: in the title of a video, in the behaviour's row
    "missed": ("missed", ""),  # these two if the truth is not known
    "extra": ("predicted, though not annotated", ""),
    "omitted": ("found, though not annotated", "FOUND though not annotated"),
    "invented": ("invented", "INVENTED: predicted, does not happen"),
    "absent": ("annotated, though not happening", "NOT PREDICTED: annotated, does not happen"),
    "unseen": ("missed, no classifier had a frame of {it}", "MISSED (no classifier had a frame of it)"),
    "outvoted": (
        "missed, outvoted by classifiers that did not see {it}",
        "MISSED, outvoted (score {saw:.2f} of those that saw it, others {others:.2f})",
    ),
    "unrecognised": ("missed, though seen", "MISSED (score {mean:.2f})"),
}


def verdict(made: Decisions, video: int, behaviour: int) -> tuple[str, float, float]:
    """The kind of error, a key of VERDICTS, or "" if there is none; then two mean scores.

    The first is of the classifiers that had a frame of the behaviour, the second of the others (nan if there are none).
    """
    is_extra, nothing = made.extra[video, behaviour], float("nan")
    if not (is_extra or made.missed[video, behaviour]):
        return "", nothing, nothing
    if made.truth is None:
        return "extra" if is_extra else "missed", nothing, nothing
    if not made.happens[video, behaviour] or is_extra:
        happens = "omitted" if made.happens[video, behaviour] else "invented"
        return happens if is_extra else "absent", nothing, nothing
    seen = made.truth[video][made.scores.frames[video], behaviour].any(axis=1)  # (M,): who has a frame of it
    probs = made.scores.probs[video, :, behaviour]
    saw, others = (float(probs[mask].mean()) if mask.any() else nothing for mask in (seen, ~seen))
    if not seen.any():
        return "unseen", saw, others
    threshold = np.broadcast_to(made.threshold, made.scores.labels.shape[1:])[behaviour]
    return "outvoted" if saw >= threshold else "unrecognised", saw, others


def said(made: Decisions, video: int, behaviour: int) -> str:
    """A verdict in words, with scores."""
    word, saw, others = verdict(made, video, behaviour)
    mean = made.probs[video, behaviour]
    return VERDICTS[word][1].format(mean=mean, saw=saw, others=others) if word else ""


def diagnosis(kind: str, made: Decisions, video: int) -> str:
    """What is missed and what is predicted too much among the errors of a kind in a video; no scores."""
    wrong, groups = np.flatnonzero(find(made)[kind][video]), defaultdict(list)
    for c in sorted(wrong, key=lambda c: made.extra[video, c]):  # missed ones first
        groups[verdict(made, video, c)[0]].append(made.names[c])
    clauses = []
    for word, names in groups.items():
        verb, it = ("are", "them") if len(names) > 1 else ("is", "it")
        clauses.append(f"{listed(names)} {verb} {VERDICTS[word][0].format(it=it)}")
    clauses += ["what really happens is not known"] * (made.truth is None)
    return "; ".join(clauses)


def case(
    made: Decisions,
    video: int,
    *,
    fps: float = float("nan"),
    film: np.ndarray | None = None,
    most: int = 5,
) -> Case:
    """A video for `figures.case.case`: the `most` informative behaviours that are annotated, predicted or happen.

    Errors come first, then correct predictions, then behaviours that only happen; among equals the higher score.
    """
    test, labels, predicted = made.scores, made.scores.labels[video], made.predicted[video]
    truth = None if made.truth is None else made.truth[video]
    happens = np.zeros_like(labels) if truth is None else truth.any(axis=0)
    rank = np.select([labels ^ predicted, labels, happens], [0, 1, 2], 3)
    order = np.lexsort((-made.probs[video], rank))
    shown = order[: max(1, min(most, int((rank < 3).sum())))]  # if there are none: the most likely one
    threshold = np.broadcast_to(made.threshold, labels.shape)
    verdicts = ["" if truth is None else said(made, video, c) for c in shown]
    return Case(
        int(test.num_frames[video]), fps, test.frames[video], test.probs[video][:, shown],
        [made.names[c] for c in shown], labels[shown], predicted[shown], threshold[shown],
        None if truth is None else truth[:, shown], film, verdicts,
    )  # fmt: skip
