"""Agreement of the model and a human on one video: frame by frame, bout by bout, and over time.

Pure: bool (N, C) of both, or bouts of both, in; pandas tables and arrays out. The human is the reference; only Cohen's
kappa is symmetric and corrects for agreement by chance.
"""

import warnings
from collections.abc import Sequence

import banos
import numpy as np
import pandas as pd

from amc.base.errors import AmcError
from amc.ethogram.bouts import Bout

OVERLAP = 0.5  # intersection over union from which two bouts match
BANOS = {  # our columns by the package's names
    "f1_score": "banos_f1",
    "so": "banos_segment_overlap",
    "tp": "banos_temporal_precision",
    "ic": "banos_continuity",
}


def common(model: Sequence[str], human: Sequence[str]) -> tuple[dict[str, str], list[str]]:
    """Map the human's names of behaviours to the model's, ignoring case and spaces; and a note for each unmatched one.

    Raises AmcError when no name is shared.
    """
    known = {folded(name): name for name in model}
    shared = {name: known[folded(name)] for name in human if folded(name) in known}
    if not shared:
        raise AmcError(
            f"behaviours: the human annotated {', '.join(human) or 'nothing'}, the model knows {', '.join(model)}; "
            "rename those that are the same"
        )
    notes = [f"only the human has {name!r}" for name in human if name not in shared]
    return shared, notes + [f"only the model has {name!r}" for name in model if name not in shared.values()]


def folded(name: str) -> str:
    """A behaviour's name as it is compared: without case, underscores and repeated spaces."""
    return " ".join(name.casefold().replace("_", " ").split())


def framewise(
    human: np.ndarray, model: np.ndarray, names: Sequence[str], edges: np.ndarray, *, counted: np.ndarray | None = None
) -> pd.DataFrame:
    """One row per behaviour: precision, recall, F1 and kappa over frames; seconds of both. NaN where not defined.

    human, model: bool (N, C); edges (N + 1,) seconds: frames are weighted by their length; counted: bool (N,), the
    frames that the human has labelled, by default all.
    """
    from sklearn import metrics  # slow to import, and only needed with a human annotation

    counted = np.ones(len(human), bool) if counted is None else counted
    human, model, weights, rows = human[counted], model[counted], np.diff(edges)[counted], []
    for c, name in enumerate(names):
        one, other = human[:, c], model[:, c]
        row = {"behaviour": name, "human_s": weights[one].sum(), "model_s": weights[other].sum()}
        row["precision"], row["recall"], row["f1"], _ = metrics.precision_recall_fscore_support(
            one, other, average="binary", sample_weight=weights, zero_division=np.nan
        )
        rows.append(row | {"kappa": _kappa(one, other, weights)})
    return pd.DataFrame(rows)


def _kappa(one: np.ndarray, other: np.ndarray, weights: np.ndarray) -> float:
    """Cohen's kappa; NaN if both are constant and equal, so that agreement by chance is complete."""
    if len(np.unique(np.concatenate([one, other]))) < 2:
        return float("nan")
    from sklearn import metrics  # slow to import, as above

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(metrics.cohen_kappa_score(one, other, labels=[False, True], sample_weight=weights))


def matched(human: Sequence[Bout], model: Sequence[Bout]) -> list[tuple[Bout, Bout]]:
    """Pairs of bouts of one behaviour whose intersection over union is at least OVERLAP, each bout in one pair.

    The largest overlaps are paired first; above 0.5 no bout could have two partners anyway.
    """
    candidates = []
    for one in human:
        for other in model:
            together = min(one.stop, other.stop) - max(one.start, other.start)
            if one.behaviour == other.behaviour and together > 0:
                share = together / (max(one.stop, other.stop) - min(one.start, other.start))
                candidates += [(share, one, other)] if share >= OVERLAP else []
    pairs, taken = [], set()
    for _, one, other in sorted(candidates, key=lambda c: (-c[0], c[1], c[2])):
        if ("human", one) not in taken and ("model", other) not in taken:
            taken |= {("human", one), ("model", other)}
            pairs.append((one, other))
    return pairs


def boutwise(human: Sequence[Bout], model: Sequence[Bout], names: Sequence[str]) -> pd.DataFrame:
    """One row per behaviour: bouts of both, matched ones, precision, recall and F1. NaN where not defined."""
    pairs, rows = matched(human, model), []
    for name in names:
        counts = [sum(bout.behaviour == name for bout in bouts) for bouts in (human, model)]
        hits = sum(one.behaviour == name for one, _ in pairs)
        row = {"behaviour": name, "human_bouts": counts[0], "model_bouts": counts[1], "matched": hits}
        row["bout_precision"], row["bout_recall"] = (_ratio(hits, count) for count in reversed(counts))
        rows.append(row | {"bout_f1": _ratio(2 * hits, sum(counts))})
    return pd.DataFrame(rows)


def banos_scores(human: np.ndarray, model: np.ndarray, names: Sequence[str]) -> pd.DataFrame:
    """One row per behaviour: the four bout scores of BANOS, by its authors' package. human, model: bool (N, C).

    Bouts match if they share a frame. F1 of bouts, intersection over union of those that match, precision of their
    borders in frames, and continuity: how rarely the model changes its mind within a bout of the human.
    """
    tables = [pd.DataFrame(table.astype(int), columns=list(names)) for table in (model, human)]
    found = banos.score(*tables)
    rows = [{"behaviour": name} | {BANOS[key]: found[name][key] for key in BANOS} for name in names]
    return pd.DataFrame(rows)


def _ratio(part: float, whole: float) -> float:
    return part / whole if whole else float("nan")


def confusion(
    human: np.ndarray, model: np.ndarray, names: Sequence[str], edges: np.ndarray, counted: np.ndarray | None = None
) -> pd.DataFrame:
    """Seconds by the human's (rows) and the model's behaviour (columns); `nothing` on both sides.

    A behaviour that both have counts on the diagonal. The human's other behaviours are set against the model's other
    behaviours, in equal parts, so that the seconds of a row add up to the human's. human, model: bool (N, C); counted:
    as for `framewise`.
    """
    seconds, size = np.diff(edges), len(names)
    if counted is not None:
        human, model, seconds = human[counted], model[counted], seconds[counted]
    both, missed, extra = human & model, human & ~model, model & ~human
    missed_or_none = np.column_stack([missed, ~missed.any(axis=1) & extra.any(axis=1)])
    extra_or_none = np.column_stack([extra, ~extra.any(axis=1)]).astype(float)
    share = extra_or_none / np.maximum(extra_or_none.sum(axis=1, keepdims=True), 1)
    table = (missed_or_none * seconds[:, None]).T @ share
    table[np.arange(size), np.arange(size)] += (both * seconds[:, None]).sum(axis=0)
    silent = ~human.any(axis=1) & ~model.any(axis=1)
    table[size, size] += seconds[silent].sum()
    labels = [*names, "nothing"]
    return pd.DataFrame(table, index=labels, columns=labels)
