"""The sampling noise of an mAP: labels and scores in, interval widths and smallest differences out (notebook 08).

Only the noise of drawing test clips; training noise is included in `detectable` alone, by assumption.
"""

from collections.abc import Sequence

import numpy as np
from scipy import special

from amc import intervals, metrics
from amc.scores import Scores

FEW = 5  # test positives; with fewer, a behaviour's AP is mostly noise
TURNS = 3  # pairs of imitations to average over
Z = 1.96  # of a 95 % interval
LEVEL, POWER, RUNS = 0.95, 0.8, 20_000


def interval_widths(labels: np.ndarray, scores: np.ndarray) -> dict[str, np.ndarray]:
    """Of each behaviour with a positive: `positives`, `ap`, `low`, `high` (percent), each (C',). labels (V, C) bool.

    One positive says nothing about other draws: its interval is 0 to 100.
    """
    present = np.flatnonzero(labels.any(axis=0))
    each = [intervals.estimates(labels[:, [c]], scores[:, [c]])["map_macro"].percent() for c in present]
    ap, low, high = np.array(each).T
    positives = labels.sum(axis=0)[present]
    low, high = np.where(positives == 1, 0, low), np.where(positives == 1, 100, high)  # of AP 1 it would have no width
    return {"positives": positives, "ap": ap, "low": low, "high": high}


def macro_by_support(labels: np.ndarray, scores: np.ndarray) -> list[dict]:
    """Macro mAP over all behaviours, and over those with FEW test positives or more, with 95 % intervals (percent)."""
    rows = []
    for name, least in (("all with a positive", 1), (f"with {FEW} or more", FEW)):
        kept = labels.sum(axis=0) >= least
        if kept.any():
            macro = intervals.estimates(labels[:, kept], scores[:, kept])["map_macro"].percent()
            row = {"behaviours": name, "count": int(kept.sum())}
            rows.append(row | dict(zip(("macro", "low", "high"), macro, strict=True)))
    return rows


def imitation(labels: np.ndarray, prior: np.ndarray, noise: np.ndarray, lift: float) -> np.ndarray:
    """Scores (V, C) of an imitated system: a prior's log odds, plus noise, plus `lift` for positive labels.

    prior (V, C) probabilities, noise (V, C) of unit variance. It uses the labels: it imitates the *size* of a
    published number, not how it was reached.
    """
    prior = np.clip(prior, 1e-9, 1 - 1e-9)
    return np.log(prior) - np.log1p(-prior) + noise + lift * labels


def lift_to(micro: float, labels: np.ndarray, prior: np.ndarray, noise: np.ndarray) -> float:
    """The lift at which an imitation has this micro mAP (0 to 1), to within 0.001; 0 if the prior alone has more."""
    low, high = 0.0, 30.0
    while high - low > 1e-3:
        middle = (low + high) / 2
        is_enough = metrics.map_micro(labels, imitation(labels, prior, noise, middle)) > micro
        low, high = (low, middle) if is_enough else (middle, high)
    return low


def smallest_differences(
    labels: np.ndarray, prior: np.ndarray, *, micro: float, shares: tuple[float, ...], seed: int
) -> list[dict]:
    """The smallest significant difference in mAP on this test split, for two imitations with correlated noise.

    Both have micro mAP `micro`. Rows with `share`, the correlation of their noise (0: independent), and `map_macro` and
    `map_micro` in points: half the width of a paired 95 % interval, mean over TURNS pairs.
    """
    errors = _errors(labels, prior, micro=micro, shares=shares, seed=seed)
    return [{"share": share} | {name: 100 * Z * error for name, error in found.items()} for share, found in errors]


def detectable(
    labels: np.ndarray,
    prior: np.ndarray,
    *,
    seeds: int = 1,
    micro: float = 0.5,
    share: float = 0.9,
    seed_sd: float = 1.5,
    seed: int = 0,
) -> dict[str, float]:
    """The smallest true difference (`map_macro`, `map_micro`, points) that is significant in POWER of all runs.

    Known before any training, from two imitations with micro mAP `micro` and noise of correlation `share`: their paired
    standard error over videos, and with several `seeds` of each system that over seeds, of standard deviation `seed_sd`
    points of mAP each. The test is simulated RUNS times with these two; over many videos and one seed the result is
    (1.96 + 0.84) standard errors. With one seed the difference is that of two trained models, not of their systems.

    labels (V, C) bool of the test split; prior (V, C) or (C,), probabilities without a video. The defaults of `micro`
    and `share` are assumptions (RGB and RGB + flow at size quick: 0.46 and 0.58, share 0.84); that of `seed_sd` is a
    cautious one (five runs of sparse RGB at size quick have 0.33, reports/selection.json), which `detectable_after`
    replaces. Raises AmcError if there is no positive.
    """
    prior = np.broadcast_to(prior, labels.shape)
    [(_, found)] = _errors(labels, prior, micro=micro, shares=(share,), seed=seed)
    videos, rng, least = len(labels) - 1, np.random.default_rng(seed), {}
    error_of_run, seen = rng.standard_normal(RUNS), np.zeros((2, RUNS))
    if seeds > 1:  # the variance over seeds as the test estimates it, for both systems
        seen = seed_sd**2 / seeds * rng.chisquare(seeds - 1, (2, RUNS)) / (seeds - 1)
    for name, error in found.items():
        variance = (100 * error) ** 2
        estimated = variance + seen.sum(axis=0)
        freedom = estimated**2 / (variance**2 / videos + (seen**2).sum(axis=0) / max(seeds - 1, 1))  # as in `intervals`
        spread = np.sqrt(variance + (2 * seed_sd**2 / seeds if seeds > 1 else 0))
        needed = special.stdtrit(freedom, (1 + LEVEL) / 2) * np.sqrt(estimated) - spread * error_of_run
        least[name] = float(np.quantile(needed, POWER))  # a true difference above `needed` is significant in this run
    return least


def detectable_after(
    labels: np.ndarray, prior: np.ndarray, rows: Sequence[dict], *, share: float = 0.9
) -> dict[str, float] | None:
    """`detectable` with the spread over seeds that was measured in place of the assumed one; None with one seed.

    rows: of `tables.rows`. The variances over seeds of their systems are averaged, each system once; of macro and micro
    mAP the larger is taken, as `seed_sd` in points.
    """
    systems = {(row["method"], row["scheme"], row["modality"]): row for row in rows if row["seeds"] > 1}
    if not systems:
        return None
    spreads = [np.sqrt(np.mean([row[f"{name}_sd"] ** 2 for row in systems.values()])) for name in metrics.MAPS]
    found = {"seeds": min(row["seeds"] for row in systems.values()), "seed_sd": float(max(spreads))}
    return found | detectable(labels, prior, share=share, seeds=found["seeds"], seed_sd=found["seed_sd"])


def _errors(
    labels: np.ndarray, prior: np.ndarray, *, micro: float, shares: tuple[float, ...], seed: int
) -> list[tuple[float, dict[str, float]]]:
    """By share of noise, the standard error over videos of a paired difference of two imitations, of each mAP."""
    draws = np.random.default_rng(seed).standard_normal((TURNS, 2, *labels.shape))
    lift = lift_to(micro, labels, prior, draws[0, 0])  # nearly independent of the noise
    found = {share: [] for share in shares}
    for common, own in draws:
        first = intervals.estimates(labels, imitation(labels, prior, common, lift))
        for share, errors in found.items():
            noise = share * common + np.sqrt(1 - share**2) * own
            second = intervals.estimates(labels, imitation(labels, prior, noise, lift))
            errors.append([second[name].minus(first[name])["error"] for name in metrics.MAPS])
    return [(share, dict(zip(metrics.MAPS, np.mean(errors, axis=0)))) for share, errors in found.items()]


def population_ap(rates: np.ndarray, lift: float) -> np.ndarray:
    """AP (C,) float64 of an imitation among endlessly many clips: behaviours of frequency `rates` (C,), 0 to 1.

    Scores of clips without the behaviour are normal with mean 0, of those with it with mean `lift`, variance 1.
    """
    place = np.linspace(-8, 8, 4001)  # of a positive's score, from the mean of the positives
    weight = np.exp(-(place**2) / 2)
    above = np.asarray(rates)[:, None] * special.ndtr(-place)  # positives with a higher score
    others = (1 - np.asarray(rates))[:, None] * special.ndtr(-place - lift)
    return (above / (above + others)) @ weight / weight.sum()


def small_split_bias(rates: np.ndarray, videos: int, *, lift: float, draws: int, seed: int) -> list[dict]:
    """How far macro mAP of a test split of `videos` clips is above that of endlessly many, for an imitation.

    rates (C,): frequency of each behaviour. One row for all behaviours, and one for those of which FEW or more clips
    are expected: `count`, `population`, `split` (mean over `draws` splits) and `bias` in percent and points, with its
    standard `error`.
    """
    rng, rates = np.random.default_rng(seed), np.asarray(rates)[np.asarray(rates) > 0]
    kept = {"all": rates > 0, f"{FEW} or more expected": rates * videos >= FEW}
    kept, values = {name: mask for name, mask in kept.items() if mask.any()}, []
    for _ in range(draws):
        labels = rng.random((videos, len(rates))) < rates
        ap = metrics.average_precision(labels, rng.standard_normal(labels.shape) + lift * labels)
        values.append([100 * np.nanmean(ap[mask]) for mask in kept.values()])
    rows = []
    for (name, mask), split in zip(kept.items(), np.array(values).T):
        row = {
            "behaviours": name,
            "count": int(mask.sum()),
            "population": 100 * population_ap(rates[mask], lift).mean(),
        }
        error = split.std(ddof=1) / np.sqrt(draws)
        rows.append(row | {"split": split.mean(), "bias": split.mean() - row["population"], "error": error})
    return rows


def shared_noise(first: Scores, second: Scores) -> float:
    """Correlation of the residuals of two systems' mean logits, over all videos and behaviours.

    Residuals: each behaviour's logits minus their mean over the videos with the same label of it.
    """
    residuals = []
    for scores in (first, second):
        logits = scores.logits.mean(axis=1).astype(np.float64)  # (V, C)
        for mask in (scores.labels, ~scores.labels):
            count = mask.sum(axis=0)
            logits = logits - mask * (np.where(mask, logits, 0).sum(axis=0) / np.maximum(count, 1))
        residuals.append(logits.ravel())
    return float(np.corrcoef(residuals)[0, 1])
