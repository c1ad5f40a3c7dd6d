"""One video and its errors: a verdict on each, a sentence of diagnosis, and the data for a figure.

Decisions in, text and a `figures.errors.Case` out. Verdicts need the truth of every frame; nothing is drawn here.
"""

from collections import defaultdict

import numpy as np

from amc.base.wording import listed
from amc.companion.errors import Decisions, find
from amc.figures import words
from amc.figures.errors import Case

VERDICTS = {
    "missed": "missed",  # these two if the truth is not known
    "extra": "predicted, not annotated",
    "omitted": "left out by the annotator",
    "invented": "invented by the model",
    "absent": "annotated, but it does not happen",
    "unseen": "missed, no classifier had a frame of {it}",
    "outvoted": "missed, outvoted: classifiers that saw {it} score {saw:.2f}, the others {others:.2f}",
    "unrecognised": "missed, seen but not recognised: classifiers that saw {it} score {saw:.2f}",
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


def said(word: str, saw: float, others: float) -> str:
    """A verdict in words."""
    return VERDICTS[word].format(it="it", saw=saw, others=others) if word else ""


def diagnosis(kind: str, made: Decisions, video: int) -> str:
    """One sentence on the errors of a kind in a video: what happens for how long, and what went wrong; no scores."""
    wrong = np.flatnonzero(find(made)[kind][video])
    groups = defaultdict(list)
    for c in wrong:
        groups[verdict(made, video, c)[0]].append(c)
    clauses = []
    for word, members in groups.items():
        it = "them" if len(members) > 1 else "it"
        shares = {made.truth[video][:, c].mean() for c in members} - {0} if made.truth is not None else ()
        extent = f" ({' and '.join(f'{100 * share:.0f}' for share in sorted(shares))} % of the video)" if shares else ""
        what = VERDICTS[word].partition(":")[0].format(it=it)  # scores are in the rows of the figure
        verb = "are" if len(members) > 1 else "is"
        clauses.append(f"{listed(made.names[c] for c in members)}{extent} {verb} {what}")
    unknown = "; the truth is not known" if made.truth is None else ""
    return f"{kind.capitalize()} ({words.ERRORS[kind]}): {'; '.join(clauses) or 'no error'}{unknown}."


def case(
    made: Decisions,
    video: int,
    *,
    fps: float = float("nan"),
    film: np.ndarray | None = None,
    most: int = 5,
) -> Case:
    """A video for `figures.errors.case`: the `most` informative behaviours that are annotated, predicted or happen.

    Errors come first, then correct predictions, then behaviours that only happen; among equals the higher score.
    """
    test, labels, predicted = made.scores, made.scores.labels[video], made.predicted[video]
    truth = None if made.truth is None else made.truth[video]
    happens = np.zeros_like(labels) if truth is None else truth.any(axis=0)
    rank = np.select([labels ^ predicted, labels, happens], [0, 1, 2], 3)
    order = np.lexsort((-made.probs[video], rank))
    shown = order[: max(1, min(most, int((rank < 3).sum())))]  # if there are none: the most likely one
    threshold = np.broadcast_to(made.threshold, labels.shape)
    verdicts = ["" if truth is None else said(*verdict(made, video, c)) for c in shown]
    return Case(
        int(test.num_frames[video]), fps, test.frames[video], test.probs[video][:, shown],
        [made.names[c] for c in shown], labels[shown], predicted[shown], threshold[shown],
        None if truth is None else truth[:, shown], film, verdicts,
    )  # fmt: skip
