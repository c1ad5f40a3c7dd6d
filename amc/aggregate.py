"""From a video's M score vectors to one, and from that to labels (paper: mean over classifiers, then a threshold)."""

import numpy as np

from amc.base.errors import AmcError


def mean(probs: np.ndarray) -> np.ndarray:
    """Mean probability over the classifiers, as in the paper: (V, M, C) → (V, C)."""
    return probs.mean(axis=1)


def maximum(probs: np.ndarray) -> np.ndarray:
    """Maximum over the classifiers: (V, M, C) → (V, C). A short event is in one window only."""
    return probs.max(axis=1)


def median(probs: np.ndarray) -> np.ndarray:
    """Median over the classifiers: (V, M, C) → (V, C). One outlier does not count."""
    return np.median(probs, axis=1)


def mean_logit(probs: np.ndarray) -> np.ndarray:
    """Sigmoid of the mean logit, the geometric mean of the odds: (V, M, C) → (V, C)."""
    probs = np.clip(probs.astype(np.float64), np.finfo(float).tiny, 1 - np.finfo(float).epsneg)  # keep logits finite
    logits = (np.log(probs) - np.log1p(-probs)).mean(axis=1)
    return 1 / (1 + np.exp(-logits))


def noisy_or(probs: np.ndarray) -> np.ndarray:
    """Probability that at least one of independent classifiers is right: (V, M, C) → (V, C)."""
    return 1 - (1 - probs).prod(axis=1)


AGGREGATES = {"mean": mean, "max": maximum, "median": median, "mean-logit": mean_logit, "noisy-or": noisy_or}


def label_sets(probs: np.ndarray, threshold: float | np.ndarray) -> np.ndarray:
    """Labels (V, C) bool of probs (V, C): those that reach the threshold, a number or (C,). Raises AmcError."""
    if np.ndim(threshold) and np.shape(threshold) != probs.shape[1:]:
        raise AmcError(
            f"threshold: shape {np.shape(threshold)}, expected a number or {probs.shape[1:]}; choose it again"
        )
    return probs >= threshold


def choose_threshold(
    labels: np.ndarray, probs: np.ndarray, *, per_class: bool = False, min_positives: int = 5
) -> float | np.ndarray:
    """The threshold with the highest F1 on validation data, exact over all candidates; the highest one in a tie.

    labels (V, C) bool, probs (V, C). The global one, a number, maximises F1 over all pairs; `per_class` gives one per
    behaviour (C,): its own if it has `min_positives` or more, else the global one. Raises AmcError when there is no
    positive at all.
    """
    if labels.shape != probs.shape or not labels.any():
        raise AmcError(
            f"threshold: labels {labels.shape} with {labels.sum()} positives, probs {probs.shape}; needs a positive"
        )
    common = _best(labels.ravel(), probs.ravel())
    if not per_class:
        return common
    few = labels.sum(axis=0) < min_positives
    return np.array([common if few[c] else _best(labels[:, c], probs[:, c]) for c in range(labels.shape[1])])


def _best(labels: np.ndarray, probs: np.ndarray) -> float:
    """Threshold with the highest F1 for one ranking (N,); of equal probabilities only the last can be a threshold."""
    order = np.argsort(-probs, kind="stable")
    ranked = probs[order]
    last = np.append(ranked[1:] != ranked[:-1], True)
    f1 = 2 * np.cumsum(labels[order]) / (np.arange(1, len(ranked) + 1) + labels.sum())
    return float(ranked[np.argmax(np.where(last, f1, -1))])
