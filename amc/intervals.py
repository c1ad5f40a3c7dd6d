"""The sampling error of an mAP: labels and scores in, 95 % intervals and differences between systems out, in fractions.

What is estimated is the mean mAP over test splits of this size, of which the given one is a draw. It is not the mAP of
all videos there are: where a split has few positives of a behaviour, its AP is higher on average than among all videos
(notebook 08 measures by how much). Coverage by simulation, tests/interval_coverage.py: reports/interval_coverage.json.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import special

from amc.base.errors import AmcError
from amc.metrics import MAPS, checked, ranking


@dataclass(frozen=True)
class Estimate:
    """An mAP of a system that was trained with S seeds, and what each of V videos adds to its sampling error."""

    values: np.ndarray  # (S,) float64, the mAP of each seed, 0 to 1
    influences: np.ndarray  # (S, V) float64; their squares add up to the variance over splits

    @property
    def value(self) -> float:
        """Mean over seeds."""
        return float(self.values.mean())

    def interval(self, *, level: float = 0.95) -> tuple[float, float]:
        """(low, high), symmetric around the log odds of the value, so it is within 0 and 1 (Boyd et al., 2013).

        With one seed it holds for these trained weights only. (0, 1) where there is one video or one positive.
        """
        error, freedom = _standard_error(self.influences.mean(axis=0), self)
        value = self.value
        if not (0 < value < 1 and error > 0):
            return (value, value)
        half = special.stdtrit(freedom, (1 + level) / 2) * error / (value * (1 - value))
        low, high = special.expit(special.logit(value) + np.array([-half, half]))
        return float(low), float(high)

    def percent(self) -> tuple[float, float, float]:
        """The value and its interval, (value, low, high), times 100."""
        low, high = self.interval()
        return 100 * self.value, 100 * low, 100 * high

    def minus(self, other: "Estimate", *, level: float = 0.95) -> dict[str, float]:
        """`difference` self − other on the same videos, its interval `low`, `high`, two-sided `p`, standard `error`.

        Videos and seeds are drawn together: the variance over videos is that of the mean influence over seeds, and that
        over seeds is added for each system with several; Student's t with Satterthwaite's degrees of freedom. With one
        seed each the interval holds for these trained weights only. NaN where there is one video or one positive.
        """
        with np.errstate(invalid="ignore"):
            influences = self.influences.mean(axis=0) - other.influences.mean(axis=0)
        error, freedom = _standard_error(influences, self, other)
        difference = self.value - other.value
        half = special.stdtrit(freedom, (1 + level) / 2) * error
        p = 2 * special.stdtr(freedom, -abs(difference) / error) if error else float(difference == 0)
        found = {"difference": difference, "low": difference - half, "high": difference + half, "p": p, "error": error}
        return {name: float(value) for name, value in found.items()}


def columns(name: str, values: Sequence[float]) -> dict[str, float]:
    """(value, low, high) as the columns `name`, `name_low`, `name_high` of a table."""
    return dict(zip((name, f"{name}_low", f"{name}_high"), values, strict=True))


def estimates(labels: np.ndarray, scores: np.ndarray) -> dict[str, Estimate]:
    """`map_macro` and `map_micro` as Estimates. labels (V, C) bool or 0/1; scores (V, C), or (S, V, C) of S seeds.

    Influences are derivatives with respect to a video's weight (infinitesimal jackknife; Efron, *The Jackknife, the
    Bootstrap and Other Resampling Plans*, 1982), times √(k / (k − 1)) for a ranking of k positives, as in the variance
    of a sample. With one positive there is no such derivative; instead: what the behaviour adds to the mean.
    Coverage of the intervals: reports/interval_coverage.json. Raises AmcError as average_precision does, and when there
    is no positive at all.
    """
    scores = np.asarray(scores)
    each = [_estimate(labels, one) for one in (scores if scores.ndim == 3 else [scores])]
    return {name: Estimate(*map(np.array, zip(*(found[name] for found in each)))) for name in MAPS}


def difference(
    labels: np.ndarray, scores_a: np.ndarray, scores_b: np.ndarray, *, level: float = 0.95
) -> dict[str, dict[str, float]]:
    """For each mAP the difference a − b on the same videos: `Estimate.minus` of `estimates`."""
    a, b = estimates(labels, scores_a), estimates(labels, scores_b)
    return {name: a[name].minus(b[name], level=level) for name in MAPS}


def _estimate(labels: np.ndarray, scores: np.ndarray) -> dict[str, tuple[float, np.ndarray]]:
    """Both mAPs of one seed, each with its influences (V,)."""
    labels, scores = checked(labels, scores)
    if not labels.any():
        raise AmcError("metrics: no label is positive, so there is nothing to measure; check the split")
    present = np.flatnonzero(labels.any(axis=0))
    each = [_influences(labels[:, c], scores[:, c]) for c in present]
    macro, total = np.mean([ap for ap, _ in each]), np.zeros(len(labels))
    for c, (ap, influences) in zip(present, each):
        total += influences + (ap - macro) * labels[:, c] * (labels[:, c].sum() == 1)
    micro, pairs = _influences(labels.ravel(), scores.ravel())
    found = {"map_macro": (macro, total / len(present)), "map_micro": (micro, pairs.reshape(labels.shape).sum(axis=1))}
    if labels.sum() == 1 or len(labels) == 1:
        return {name: (value, np.full(len(labels), np.inf)) for name, (value, _) in found.items()}
    return found


def _influences(labels: np.ndarray, scores: np.ndarray) -> tuple[float, np.ndarray]:
    """AP of one ranking with a positive, and the influence of each of its items: labels, scores, influences (N,)."""
    group, ends, new, precision = ranking(labels, scores)
    ap, k = new @ precision / new.sum(), new.sum()
    up = np.cumsum((new / ends)[::-1])[::-1]  # by which a positive here raises the precision from here on
    down = np.cumsum((new * precision / ends)[::-1])[::-1]  # by which any item here lowers it
    gain = np.where(labels, (precision + up - ap)[group], 0) - down[group]
    return float(ap), gain / k * np.sqrt(k / max(k - 1, 1))


def _standard_error(influences: np.ndarray, *systems: Estimate) -> tuple[float, float]:
    """Standard error of a mean or difference over videos and seeds, with its degrees of freedom; influences (V,)."""
    videos = max(len(influences) - 1, 1)
    parts = [(len(influences) / videos * (influences**2).sum(), videos)]
    parts += [(s.values.var(ddof=1) / len(s.values), len(s.values) - 1) for s in systems if len(s.values) > 1]
    variance = sum(part for part, _ in parts)
    below = sum(part**2 / freedom for part, freedom in parts)
    return float(np.sqrt(variance)), float(variance**2 / below if 0 < below < np.inf else videos)
