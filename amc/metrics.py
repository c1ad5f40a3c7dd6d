"""Label matrices and scores in; average precision and F1 out, in fractions (paper: metric).

Two averages share one leaderboard: macro (mean over behaviours, those without a positive dropped) and micro (all
video × behaviour pairs in one ranking). Both are reported, over the whole set. AP is Σ (Rn − Rn−1) Pn, where equal
scores are one step. Their intervals are in `intervals`.
"""

import numpy as np

from amc.base.errors import AmcError

MAPS = ("map_macro", "map_micro")  # always reported together


def average_precision(labels: np.ndarray, scores: np.ndarray) -> np.ndarray:
    """AP of each behaviour, (C,) float64, NaN where it has no positive.

    labels (V, C) bool or 0/1, scores (V, C) finite. Equals sklearn.metrics.average_precision_score. Raises AmcError.
    """
    labels, scores = checked(labels, scores)
    ap = np.full(labels.shape[1], np.nan)
    for c in np.flatnonzero(labels.any(axis=0)):
        _, _, new, precision = ranking(labels[:, c], scores[:, c])
        ap[c] = new @ precision / new.sum()
    return ap


def map_macro(labels: np.ndarray, scores: np.ndarray) -> float:
    """Mean AP over the behaviours that have a positive, Animal Kingdom's own protocol. NaN if none has."""
    return float(_nanmean(average_precision(labels, scores)))


def map_micro(labels: np.ndarray, scores: np.ndarray) -> float:
    """AP of all V·C pairs in one ranking, over the whole set, never by batches."""
    labels, scores = checked(labels, scores)
    return float(average_precision(labels.reshape(-1, 1), scores.reshape(-1, 1))[0])


def map_micro_by_batch(labels: np.ndarray, scores: np.ndarray, batch: int) -> float:
    """What MSQNet's code reports: `map_micro` of each `batch` consecutive videos, averaged over all videos.

    It depends on the size of the batch and on the order of the videos, so it is for audits of such numbers only. A
    batch without a positive is left out. Raises AmcError as average_precision does, and for a batch below 1.
    """
    labels, scores = checked(labels, scores)
    if batch < 1:
        raise AmcError(f"metrics: a batch of {batch} videos, expected 1 or more; choose the evaluation's batch size")
    starts = np.arange(0, len(labels), batch)
    each = np.array([map_micro(labels[i : i + batch], scores[i : i + batch]) for i in starts])
    weights = np.minimum(batch, len(labels) - starts) * np.isfinite(each)  # the last batch may be shorter
    return float(_divide(np.nansum(each * weights), weights.sum()))


def bands(train_positives: np.ndarray, *, edges: tuple[int, int] = (100, 500)) -> dict[str, np.ndarray]:
    """Masks (C,) of head (more than edges[1] training positives), middle and tail (fewer than edges[0]) behaviours."""
    head, tail = train_positives > edges[1], train_positives < edges[0]
    return {"head": head, "middle": ~head & ~tail, "tail": tail}


def head_middle_tail(
    ap: np.ndarray, train_positives: np.ndarray, *, edges: tuple[int, int] = (100, 500)
) -> dict[str, float]:
    """Mean AP of each band, NaN where none of its behaviours has a test positive."""
    return {name: float(_nanmean(ap[mask])) for name, mask in bands(train_positives, edges=edges).items()}


def f1(labels: np.ndarray, predicted: np.ndarray) -> dict[str, float]:
    """F1 of predicted label sets: micro over all pairs, macro over the behaviours that have a positive."""
    labels, predicted = checked(labels, predicted)
    hits, sizes = (labels & (predicted > 0)).sum(axis=0), labels.sum(axis=0) + (predicted > 0).sum(axis=0)
    each = np.where(labels.any(axis=0), 2 * hits / np.maximum(sizes, 1), np.nan)
    return {"f1_macro": float(_nanmean(each)), "f1_micro": float(2 * hits.sum() / max(sizes.sum(), 1))}


def top1(labels: np.ndarray, scores: np.ndarray) -> float:
    """How often the highest score is a label: labels (V, C) bool, one per video, as in MammalNet; scores (V, C).

    Of equal scores the first counts. Raises AmcError for labels that are not one per video.
    """
    labels, scores = checked(labels, scores)
    if (labels.sum(axis=1) != 1).any():
        raise AmcError("top1: labels must be one per video; use map_macro and map_micro for several")
    return float(labels[np.arange(len(labels)), scores.argmax(axis=1)].mean())


def expected_ap(positives: np.ndarray, videos: int) -> np.ndarray:
    """Mean AP over random orders of `videos` videos with `positives` (C,) positive ones, each 0 to `videos`; (C,)
    float64, NaN for 0. It is well above positives / videos where videos are few: 0.68 for 2 of 4.

    With k positives among n, one at rank i has (i - 1)(k - 1) / (n - 1) others above it on average, which adds up to
    H / n + (1 - H / n)(k - 1) / (n - 1) with H = 1 + 1/2 + … + 1/n.
    """
    k, n = np.asarray(positives, dtype=np.float64), videos
    harmonic = (1 / np.arange(1, n + 1)).sum() / n
    return np.where(k > 0, harmonic + (1 - harmonic) * (k - 1) / max(n - 1, 1), np.nan)


def chance(labels: np.ndarray, train_frequency: np.ndarray) -> dict[str, float]:
    """Both mAPs, on average, of a predictor that sees no video: it ranks behaviours by their frequency in training,
    (C,), and the videos of each behaviour in random order.

    labels (V, C) bool or 0/1. Macro is the mean of `expected_ap`. Raises AmcError as average_precision does.
    """
    frequency = np.asarray(train_frequency, dtype=np.float64)
    labels, _ = checked(labels, np.broadcast_to(frequency, np.shape(labels)))
    positives, videos = labels.sum(axis=0), len(labels)
    found = seen = total = 0.0
    for value in np.unique(frequency)[::-1]:  # equally frequent behaviours are one block in random order
        k, n = int(positives[frequency == value].sum()), int((frequency == value).sum()) * videos
        rank = np.arange(1, n + 1)
        above = found + 1 + (rank - 1) * (k - 1) / max(n - 1, 1)  # mean number of positives down to one at this rank
        total += k / n * (above / (seen + rank)).sum()
        found, seen = found + k, seen + n
    micro = float(_divide(total, found))
    return {"map_macro": float(_nanmean(expected_ap(positives, videos))), "map_micro": micro}


def against_chance(
    labels: np.ndarray, scores: np.ndarray, *, permutations: int = 199, seed: int = 0
) -> dict[str, float]:
    """Whether macro mAP is above chance: `map_macro`, `chance` (its mean over random rankings) and the one-sided `p` of
    a permutation test, which permutes the labels among the videos.

    p is the fraction of permutations that are at least as good, the observed one included; with few videos even a
    perfect ranking has a large p. Raises AmcError as average_precision does.
    """
    labels, scores = checked(labels, scores)
    order = np.argsort(-scores, axis=0, kind="stable")
    ranked = np.take_along_axis(scores, order, axis=0)
    rank, ends = np.arange(len(labels))[:, None], np.ones(labels.shape, bool)
    ends[:-1] = ranked[1:] != ranked[:-1]
    last = np.minimum.accumulate(np.where(ends, rank, len(labels))[::-1], axis=0)[::-1]  # of a group of equal scores
    rng, values = np.random.default_rng(seed), []
    for draw in range(permutations + 1):
        each = labels if draw == 0 else labels[rng.permutation(len(labels))]
        hits = np.take_along_axis(each, order, axis=0)
        precision = np.take_along_axis(hits.cumsum(axis=0), last, axis=0) / (last + 1)
        values.append(_nanmean(_divide((hits * precision).sum(axis=0), hits.sum(axis=0))))
    p = 1 - (np.array(values) < values[0] - 1e-12).mean()  # 1 where there is no positive
    expected = _nanmean(expected_ap(labels.sum(axis=0), len(labels)))
    return {"map_macro": float(values[0]), "chance": float(expected), "p": float(p)}


def reliability(labels: np.ndarray, probs: np.ndarray, *, bins: int = 10) -> dict[str, np.ndarray]:
    """Reliability diagram of probabilities (V, C): all pairs in `bins` equal bins (Guo et al., ICML 2017).

    Returns (bins,) each: `count`, mean `confidence` and `frequency` of the labels, NaN where a bin is empty.
    """
    labels, probs = checked(labels, probs)
    place = np.minimum((probs.ravel() * bins).astype(int), bins - 1)
    count = np.bincount(place, minlength=bins)
    sums = [np.bincount(place, values.ravel(), bins) for values in (probs, labels)]
    confidence, frequency = (np.where(count > 0, total / np.maximum(count, 1), np.nan) for total in sums)
    return {"count": count, "confidence": confidence, "frequency": frequency}


def expected_calibration_error(labels: np.ndarray, probs: np.ndarray, *, bins: int = 10) -> float:
    """Mean |confidence − frequency| (0 to 1) over the bins of `reliability`, weighted by their counts."""
    found = reliability(labels, probs, bins=bins)
    distance = np.nan_to_num(np.abs(found["confidence"] - found["frequency"]))
    return float((found["count"] * distance).sum() / found["count"].sum())


def _resamples(num_videos: int, replicates: int, seed: int) -> np.ndarray:
    """How often each video is drawn in each bootstrap replicate, (replicates, V) uint16."""
    rng = np.random.default_rng(seed)
    draws = (rng.integers(0, num_videos, num_videos) for _ in range(replicates))
    return np.stack([np.bincount(draw, minlength=num_videos) for draw in draws]).astype(np.uint16)


def ratio(part: np.ndarray, whole: np.ndarray, *, replicates: int = 1000, seed: int = 0) -> tuple[float, ...]:
    """Sum of `part` divided by sum of `whole`, (V,) each, with its 95 % bootstrap interval over videos or other units:
    (value, low, high); NaN where there is nothing."""
    weights = _resamples(len(part), replicates, seed).astype(float)
    below = weights @ whole
    values = (weights @ part)[below > 0] / below[below > 0]
    if not len(values):
        return (float("nan"),) * 3
    return (float(part.sum() / whole.sum()), *map(float, np.quantile(values, (0.025, 0.975))))


def ranking(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, ...]:
    """The G groups of equal scores of a ranking, highest first. labels (N,) bool, scores (N,).

    Returns the group of each item (N,); then, (G,) each: the rank of the group's last item, its positives, and the
    precision there.
    """
    order = np.argsort(-scores)  # the order of equal scores does not matter
    ranked = scores[order]
    ends = np.flatnonzero(np.append(ranked[1:] != ranked[:-1], True)) + 1
    found = labels[order].cumsum()[ends - 1]
    group = np.empty(len(order), dtype=np.intp)
    group[order] = np.repeat(np.arange(len(ends)), np.diff(ends, prepend=0))
    return group, ends, np.diff(found, prepend=0), found / ends


def _divide(total: np.ndarray, count: np.ndarray) -> np.ndarray:
    return np.divide(total, count, out=np.full(np.shape(total), np.nan), where=np.asarray(count) > 0)


def _nanmean(values: np.ndarray) -> np.ndarray:
    """Mean over the first axis without NaN; NaN, and no warning, where nothing is left."""
    return _divide(np.nansum(values, axis=0), np.isfinite(values).sum(axis=0))


def checked(labels: np.ndarray, scores: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Labels (V, C) as bool and scores (V, C) as float64. Raises AmcError for what cannot be measured."""
    labels, scores = np.asarray(labels), np.asarray(scores, dtype=np.float64)
    if labels.ndim != 2 or labels.shape != scores.shape or not labels.size:
        raise AmcError(f"metrics: labels {labels.shape}, scores {scores.shape}, expected equal (V, C); check both")
    if not np.isin(labels, (0, 1)).all():
        raise AmcError("metrics: labels hold values other than 0 and 1; pass label sets, not label ids")
    if not np.isfinite(scores).all():
        bad = np.argwhere(~np.isfinite(scores))[0].tolist()
        raise AmcError(f"metrics: the score of video {bad[0]}, behaviour {bad[1]} is not finite; predict again")
    return labels.astype(bool), scores
