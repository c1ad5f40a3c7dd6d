"""How often the intervals of `amc.intervals` contain what they estimate: `python tests/interval_coverage.py`.

A simulated test split is a fresh draw of videos, of their labels and of scores, so numbers of positives are random too.
Labels of a video depend on each other through three hidden properties of it; so do the errors of its scores, and videos
differ in difficulty. A second system is a little better or worse in each behaviour and shares a part of the first
one's errors; a seed shifts the scores and the skill of each behaviour. Settings: 22 behaviours with a long tail and
240 or 800 videos, and the prevalences of Animal Kingdom's test split with 6,096. The true value is the mean over the
simulations of a setting; with 500 of them its own error lowers coverage by less than 0.1 points.

`percentile` is the bootstrap that this method replaced: percentiles of mAP over videos drawn with replacement.

    python tests/interval_coverage.py WORKBOOK [--simulations 500] [--out reports/interval_coverage.json]
"""

import argparse
import json
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.special import ndtri

HIDDEN, SEEDS = 3, 3
REPLICATES = 100  # of the percentile bootstrap
SMALL_WORLDS = {  # videos, expected positives of the most and least frequent behaviour, skill
    "240 videos": (240, 96, 20, 1.0),
    "240 videos, rare behaviours": (240, 60, 2, 1.5),
    "800 videos": (800, 320, 20, 1.2),
}
SPREAD = 0.3
KINGDOM = "Animal Kingdom"
KINGDOM_SKILL, KINGDOM_SPREAD = 3.1, 0.8  # macro mAP about 0.35, micro about 0.55


@dataclass(frozen=True)
class World:
    """Behaviours and two systems that score them; arrays (C,) or (C, HIDDEN)."""

    threshold: np.ndarray
    loading: np.ndarray  # of labels on the hidden properties of a video
    confusion: np.ndarray  # of scores on them
    base: np.ndarray  # scores without a video
    skills: tuple[np.ndarray, np.ndarray]  # what a positive label adds to the scores of each system


def world(prevalence: np.ndarray, skill: float, *, spread: float = SPREAD) -> World:
    """The world of these prevalences (C,). spread: standard deviation of the systems' error in the base rates."""
    rng, shape = np.random.default_rng(0), (len(prevalence), HIDDEN)
    loading, confusion = 0.35 * rng.standard_normal(shape), 0.4 * rng.standard_normal(shape)
    threshold = -ndtri(prevalence) * np.sqrt(1 + (loading**2).sum(axis=1))
    base = np.log(prevalence / (1 - prevalence)) + spread * rng.standard_normal(len(prevalence))
    first = skill * np.exp(0.5 * rng.standard_normal(len(prevalence)))
    second = first * np.exp(0.15 * rng.standard_normal(len(prevalence)) - 0.05)
    return World(threshold, loading, confusion, base, (first, second))


def draw(made: World, videos: int, rng: np.random.Generator, *, seeds: int = 1) -> tuple[np.ndarray, list[np.ndarray]]:
    """A test split: labels (V, C) and the scores (S, V, C) of both systems. One seed is always the same one."""

    def normal(*shape: int) -> np.ndarray:
        return rng.standard_normal(shape, dtype=np.float32)

    shape = videos, len(made.base)
    labels = normal(videos, HIDDEN) @ made.loading.T + normal(*shape) > made.threshold
    ease = np.exp(0.5 * normal(videos, 1) - 0.125)
    common = made.base + normal(videos, HIDDEN) @ made.confusion.T + 0.5 * normal(videos, 1) + 0.6 * normal(*shape)
    scores = []
    for skill in made.skills:
        own = common + 0.5 * normal(*shape)
        shift, gain = 0.2 * normal(2, seeds, 1, shape[1]) * (seeds > 1)
        gain = gain + 0.05 * normal(seeds, 1, 1) * (seeds > 1)
        each = (own + 0.6 * normal(*shape) + s + (skill + g) * ease * labels for s, g in zip(shift, gain, strict=True))
        scores.append(np.stack(list(each)))
    return labels, scores


def simulate(made: World, videos: int, simulations: int, *, seeds: int = 1, replicates: int = 0) -> dict:
    """Arrays of (low, high, value), (simulations, 3), by what is estimated and its metric.

    With one seed: the first system alone, and first − second; with several the difference only. replicates: of the
    bootstrap, 0 for none.
    """
    from amc import intervals

    rng, found = np.random.default_rng(1), defaultdict(list)
    for _ in range(simulations):
        labels, scores = draw(made, videos, rng, seeds=seeds)
        first, second = (intervals.estimates(labels, each) for each in scores)
        drawn = percentile(labels, scores, replicates, rng) if replicates else {}
        for name in first:
            if seeds == 1:
                found["one system", name].append((*first[name].interval(), first[name].value))
            apart = first[name].minus(second[name])
            found[f"difference, {seeds} seeds", name].append((apart["low"], apart["high"], apart["difference"]))
            for what, values in drawn.get(name, {}).items():
                ends = np.nanquantile(values, (0.025, 0.975))
                found[f"{what}, percentile", name].append((*ends, found[what, name][-1][2]))
    return {key: np.array(rows) for key, rows in found.items()}


def percentile(labels: np.ndarray, scores: list[np.ndarray], replicates: int, rng: np.random.Generator) -> dict:
    """mAPs of resampled videos: by metric, `one system` and `difference, 1 seeds`, (replicates,) each."""
    videos, found = len(labels), {}
    counts = np.stack([np.bincount(rng.integers(0, videos, videos), minlength=videos) for _ in range(replicates)])
    for name in ("map_macro", "map_micro"):
        a, b = (_weighted(labels, each[0], counts, name) for each in scores)
        found[name] = {"one system": a, "difference, 1 seeds": a - b}
    return found


def _weighted(labels: np.ndarray, scores: np.ndarray, counts: np.ndarray, name: str) -> np.ndarray:
    """An mAP of distinct scores, (R,), where video v counts counts[r, v] times."""
    columns = (-1, 1) if name == "map_micro" else labels.shape
    order = np.argsort(-scores.reshape(columns), axis=0)
    ranked = np.take_along_axis(labels.reshape(columns), order, axis=0)
    videos = order // labels.shape[1] if name == "map_micro" else order
    values = []
    for count in counts:
        weight = count[videos]
        hits = weight * ranked
        found = hits.sum(axis=0)
        ap = (hits * hits.cumsum(axis=0) / np.maximum(weight.cumsum(axis=0), 1)).sum(axis=0)
        values.append((ap[found > 0] / found[found > 0]).mean())
    return np.array(values)


def coverage(rows: np.ndarray) -> dict[str, float]:
    """In percent, of the rows of `simulate`: how many intervals hold the true value, are below and above it; width."""
    low, high, values = rows.T
    true = values.mean()
    return {
        "simulations": len(rows),
        "coverage": 100 * ((low <= true) & (true <= high)).mean(),
        "below": 100 * (high < true).mean(),
        "above": 100 * (low > true).mean(),
        "value": 100 * true,
        "sd": 100 * values.std(ddof=1),
        "mean_width": 100 * (high - low).mean(),
    }


def settings(labels: np.ndarray) -> dict[str, tuple[World, int]]:
    """World and number of videos of every setting. labels (V, C) of Animal Kingdom's test split."""
    return {name: small_world(name) for name in SMALL_WORLDS} | {KINGDOM: kingdom(labels)}


def small_world(name: str) -> tuple[World, int]:
    """World and number of videos of one of SMALL_WORLDS."""
    videos, most, least, skill = SMALL_WORLDS[name]
    return world(np.geomspace(most, least, 22) / videos, skill), videos


def kingdom(labels: np.ndarray) -> tuple[World, int]:
    """Animal Kingdom's prevalences and number of test videos. labels (V, C) of its test split."""
    prevalence = labels.mean(axis=0)
    return world(prevalence[prevalence > 0], KINGDOM_SKILL, spread=KINGDOM_SPREAD), len(labels)


def main() -> None:
    """Simulate every setting, print and write the record."""
    from amc.base import paths, provenance, seal
    from amc.datasets import animal_kingdom

    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("workbook", type=Path, help="Animal Kingdom's AR_metadata.xlsx")
    parser.add_argument("--simulations", type=int, default=500)
    parser.add_argument("--few", type=int, default=40, help="simulations of what is slow with Animal Kingdom's 6,096")
    parser.add_argument("--out", type=Path, default=paths.reports() / "interval_coverage.json")
    given, rows, started = parser.parse_args(), [], time.time()
    test = animal_kingdom.index_metadata(given.workbook).split("test")
    for name, (made, videos) in settings(test.labels()).items():
        for options in ({}, {"seeds": SEEDS}, {"replicates": REPLICATES}):
            simulations = given.few if options and name == KINGDOM else given.simulations
            for (what, metric), values in simulate(made, videos, simulations, **options).items():
                if "percentile" in what or "replicates" not in options:
                    row = {"setting": name, "videos": videos, "of": what, "metric": metric}
                    rows.append(row | {key: round(float(value), 2) for key, value in coverage(values).items()})
                    print(json.dumps(rows[-1]), flush=True)
    record = {"provenance": provenance.collect(seed=1, device="cpu", seconds=time.time() - started), "rows": rows}
    seal.write_json(given.out, record, indent=1)


if __name__ == "__main__":
    main()
