"""Sampling noise is what a simulation says it is; imitations reach the number they imitate."""

from types import SimpleNamespace

import numpy as np
import pytest

from amc import intervals, metrics
from amc.companion import noise


@pytest.fixture(scope="module")
def labels() -> np.ndarray:
    return np.random.default_rng(1).random((400, 6)) < (0.5, 0.3, 0.2, 0.1, 0.05, 0.0)


@pytest.fixture(scope="module")
def prior(labels) -> np.ndarray:
    return np.tile(labels.mean(axis=0), (len(labels), 1))


def test_widths_are_given_for_behaviours_with_a_positive_and_shrink_with_support(labels):
    scores = np.random.default_rng(2).random(labels.shape) + 0.5 * labels
    found = noise.interval_widths(labels, scores)
    assert found["positives"].tolist() == labels.sum(axis=0)[:5].tolist()
    assert found["ap"] == pytest.approx(100 * metrics.average_precision(labels, scores)[:5])
    widths = found["high"] - found["low"]
    assert widths[0] < widths[4] / 2  # 200 positives against 20
    assert (found["low"] <= found["high"]).all()


def test_macro_is_told_with_and_without_rare_behaviours(labels):
    labels = labels.copy()
    labels[:, 4] = np.arange(len(labels)) < 2
    scores = np.random.default_rng(2).random(labels.shape)
    every, frequent = noise.macro_by_support(labels, scores)
    assert (every["count"], frequent["count"]) == (5, 4)
    assert frequent["macro"] == pytest.approx(100 * metrics.map_macro(labels[:, :4], scores[:, :4]))


def test_an_imitation_reaches_the_micro_map_it_imitates(labels, prior):
    draw = np.random.default_rng(0).standard_normal(labels.shape)
    lift = noise.lift_to(0.8, labels, prior, draw)
    assert metrics.map_micro(labels, noise.imitation(labels, prior, draw, lift)) == pytest.approx(0.8, abs=0.005)
    assert noise.lift_to(0.01, labels, prior, draw) == 0  # the prior has more by itself


def test_the_smallest_difference_is_what_fresh_draws_of_clips_scatter():
    """Half of a paired 95 % interval on one test set against 1.96 standard deviations over 200 test sets."""
    rng, rate = np.random.default_rng(0), np.array([0.4, 0.2])

    def draw():
        labels = rng.random((300, 2)) < rate
        return labels, np.tile(rate, (300, 1))

    differences = []
    for _ in range(200):
        labels, prior = draw()
        pair = [noise.imitation(labels, prior, rng.standard_normal(labels.shape), 1.5) for _ in range(2)]
        differences.append(100 * (metrics.map_micro(labels, pair[1]) - metrics.map_micro(labels, pair[0])))
    labels, prior = draw()
    micro = metrics.map_micro(labels, noise.imitation(labels, prior, rng.standard_normal(labels.shape), 1.5))
    (found,) = noise.smallest_differences(labels, prior, micro=micro, shares=(0.0,), seed=1)
    assert found["map_micro"] == pytest.approx(noise.Z * np.std(differences), rel=0.25)  # both scatter by a tenth


def test_the_more_two_systems_share_the_finer_they_are_told_apart(labels, prior):
    found = noise.smallest_differences(labels, prior, micro=0.8, shares=(0.0, 0.9, 1.0), seed=0)
    sizes = [row["map_micro"] for row in found]
    assert sizes[0] > 1.5 * sizes[1] > 0 and sizes[2] == pytest.approx(0, abs=1e-9)


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_detectable_difference_is_found_in_80_percent_of_simulated_runs(seeds):
    """A true difference of this size in micro mAP, 300 draws of clips and seeds: the share found errs by 2.3 %."""
    rng, rate = np.random.default_rng(0), np.array([0.4, 0.2, 0.1])
    share, lift, seed_lift = 0.8, 1.5, 0.06

    def draw(more: float, seeds: int = seeds, videos: int = 1000):
        labels = rng.random((videos, 3)) < rate
        common, own = rng.standard_normal((2, *labels.shape))
        scores = []
        for gain, errors in ((more, common), (0, share * common + np.sqrt(1 - share**2) * own)):
            lifts = lift + gain + seed_lift * rng.standard_normal((seeds, 1, 1)) * (seeds > 1)
            scores.append(noise.imitation(labels, np.tile(rate, (videos, 1)), errors, lifts))
        return labels, *scores

    def difference(gain):  # in many videos, so nearly the true one
        labels, one, other = draw(gain, seeds=1, videos=100_000)
        return 100 * (metrics.map_micro(labels, one[0]) - metrics.map_micro(labels, other[0]))

    slope = np.mean([difference(0.5) - difference(-0.5) for _ in range(2)])  # points per unit of lift
    labels = draw(0, videos=1000)[0]
    found = noise.detectable(labels, rate, seeds=seeds, micro=0.717, share=share, seed_sd=slope * seed_lift)
    gain, hits = found["map_micro"] / slope, 0
    for _ in range(300):
        labels, one, other = draw(gain)
        hits += intervals.difference(labels, one, other)["map_micro"]["low"] > 0
    assert hits / 300 == pytest.approx(noise.POWER, abs=0.05)


def test_more_seeds_and_more_videos_find_smaller_differences(labels, prior):
    three, nine = (noise.detectable(labels, prior, seeds=seeds)["map_macro"] for seeds in (3, 9))
    many = noise.detectable(np.tile(labels, (4, 1)), prior[0], seeds=9)["map_macro"]
    assert three > nine > many > 0


def test_the_ap_of_the_population_is_that_of_many_videos():
    rng, rates = np.random.default_rng(0), np.array([0.3, 0.02])
    labels = rng.random((300_000, 2)) < rates
    ap = metrics.average_precision(labels, rng.standard_normal(labels.shape) + 1.5 * labels)
    assert noise.population_ap(rates, 1.5) == pytest.approx(ap, rel=0.1)  # the rarer one scatters by 2.6 %
    assert noise.population_ap(rates, 0) == pytest.approx(rates, abs=1e-9)  # without skill: the share of positives


def test_the_bias_of_a_small_split_is_that_of_random_rankings_where_nothing_is_recognised():
    rates, videos = np.array([0.5, 0.04, 0.0]), 60
    every, frequent = noise.small_split_bias(rates, videos, lift=0, draws=400, seed=0)
    positives = np.random.default_rng(1).binomial(videos, rates[:2], (20_000, 2))
    expected = 100 * np.nanmean(np.nanmean(metrics.expected_ap(positives, videos), axis=1))
    assert every["split"] == pytest.approx(expected, abs=4 * every["error"])
    assert (every["count"], frequent["count"]) == (2, 1) and every["population"] == pytest.approx(27)
    assert every["bias"] > frequent["bias"] > 0


def test_shared_noise_is_the_correlation_of_what_the_labels_do_not_explain(labels):
    rng = np.random.default_rng(3)
    common, own = rng.standard_normal((2, *labels.shape))

    def scores(errors, lift):
        return SimpleNamespace(logits=(errors + lift * labels)[:, None], labels=labels)

    first = scores(common, 5)
    assert noise.shared_noise(first, scores(0.6 * common + 0.8 * own, 2)) == pytest.approx(0.6, abs=0.05)
    assert noise.shared_noise(first, scores(3 * common - 7, 0)) == pytest.approx(1)
    assert noise.shared_noise(first, scores(own, 5)) == pytest.approx(0, abs=0.05)  # the labels are no noise


def test_after_training_the_measured_spread_over_seeds_replaces_the_assumed_one(labels, prior):
    spread = {"map_macro_sd": 0.3, "map_micro_sd": 0.5}
    row = {"method": "a", "scheme": "", "modality": "", "seeds": 3} | spread
    other = row | {"method": "b", "map_micro_sd": 0.7}
    after = noise.detectable_after(labels, prior, [row, row, other])  # one system in two tables counts once
    assert after["seed_sd"] == pytest.approx(np.sqrt((0.5**2 + 0.7**2) / 2))
    known = noise.detectable(labels, prior, seeds=3, seed_sd=after["seed_sd"])
    assert {name: after[name] for name in known} == known
    assert known["map_macro"] < noise.detectable(labels, prior, seeds=3)["map_macro"]
    assert noise.detectable_after(labels, prior, [row | {"seeds": 1}]) is None
