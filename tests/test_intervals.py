"""Influences are derivatives of scikit-learn's AP; intervals cover what they say, in simulations with known truth."""

import interval_coverage as simulation
import numpy as np
import pytest
from sklearn.metrics import average_precision_score

from amc import intervals, metrics
from amc.base.errors import AmcError


def random_case(seed: int, *, decimals: int = 17, videos: int = 60):
    rng = np.random.default_rng(seed)
    labels = rng.random((videos, 5)) < (0.3, 0.2, 0.2, 0.1, 0)  # the last behaviour is absent
    return labels, (rng.random(labels.shape) + 0.3 * labels).round(decimals)


@pytest.mark.parametrize("decimals", [17, 1])  # distinct, and many equal scores
def test_influences_are_derivatives_of_scikit_learns_weighted_averages(decimals):
    labels, scores = random_case(0, decimals=decimals)
    found, present, step = intervals.estimates(labels, scores), range(4), 1e-5

    def weighted(weights):
        each = [average_precision_score(labels[:, c], scores[:, c], sample_weight=weights) for c in present]
        pairs = average_precision_score(labels.ravel(), scores.ravel(), sample_weight=np.repeat(weights, 5))
        return np.array([*each, pairs])

    moved = np.eye(60) * step
    slopes = np.array([weighted(1 + d) - weighted(1 - d) for d in moved]).T / (2 * step)
    k = np.append(labels.sum(axis=0)[:4], labels.sum())[:, None]
    slopes *= np.sqrt(k / (k - 1))
    # central differences err by the square of the step, 1e-10, and by rounding, 1e-16 / 1e-5
    assert found["map_macro"].influences[0] == pytest.approx(slopes[:4].mean(axis=0), abs=1e-9)
    assert found["map_micro"].influences[0] == pytest.approx(slopes[4], abs=1e-9)
    values = metrics.map_macro(labels, scores), metrics.map_micro(labels, scores)
    assert [found[name].value for name in metrics.MAPS] == pytest.approx(values, abs=1e-12)


def test_a_behaviour_with_one_positive_counts_as_what_the_mean_gains_by_it():
    labels, scores = random_case(1)
    labels[:, 4] = np.arange(60) == 7
    with_it, without = (intervals.estimates(labels[:, :n], scores[:, :n])["map_macro"] for n in (5, 4))
    more = with_it.influences[0] - without.influences[0] * 4 / 5
    ap = metrics.average_precision(labels, scores)[4]
    rank = (scores[:, 4] >= scores[7, 4]).sum()
    slope = (rank - 1) / rank**2  # of w / (w + rank - 1) with respect to the weight w, at 1
    assert more[7] == pytest.approx((slope + ap - with_it.value) / 5)


def test_intervals_hold_the_estimate_within_0_and_1_and_widen_with_the_level():
    labels, scores = random_case(2, videos=12)
    for found in intervals.estimates(labels, scores).values():
        (low, high), narrow = found.interval(), found.interval(level=0.5)
        assert 0 < low < narrow[0] < found.value < narrow[1] < high < 1


def test_a_perfect_ranking_has_no_width_and_one_positive_or_video_says_nothing():
    labels = np.eye(4, dtype=bool)[:, :2]
    labels[2] = True
    assert intervals.estimates(labels, labels)["map_macro"].interval() == (1, 1)
    for few, scores in ((np.eye(3)[:, :1], np.array([[1], [2], [3]])), (np.ones((1, 2)), np.ones((1, 2)))):
        found = intervals.estimates(few, scores)["map_micro"]
        assert found.interval() == ((0, 1) if found.value < 1 else (1, 1))
        assert np.isnan(found.minus(found)["low"])
    with pytest.raises(AmcError, match="no label is positive"):
        intervals.estimates(np.zeros((3, 2)), np.zeros((3, 2)))


def test_a_paired_difference_is_of_the_influences():
    labels, scores = random_case(0, videos=200)
    same = intervals.difference(labels, scores, scores * 2)["map_macro"]
    assert same == {"difference": 0, "low": 0, "high": 0, "p": 1, "error": 0}
    better = intervals.difference(labels, scores + 0.1 * labels, scores)["map_macro"]
    worse = intervals.difference(labels, scores, scores + 0.1 * labels)["map_macro"]
    assert 0 < better["low"] < better["difference"] < better["high"] and better["p"] < 0.05
    assert (worse["low"], worse["p"]) == (pytest.approx(-better["high"]), pytest.approx(better["p"]))
    alone = intervals.estimates(labels, scores)["map_macro"].interval()
    assert better["high"] - better["low"] < (alone[1] - alone[0]) / 2  # what both share cancels


def test_p_is_the_level_at_which_the_interval_ends_at_0():
    labels, scores = random_case(3)
    found = intervals.difference(labels, scores + 0.1 * labels, scores)["map_micro"]
    low = intervals.difference(labels, scores + 0.1 * labels, scores, level=1 - found["p"])["map_micro"]["low"]
    assert low == pytest.approx(0, abs=1e-9)


def test_seeds_add_their_own_variance_with_few_degrees_of_freedom():
    values, still = np.array([0.3, 0.34, 0.38]), np.zeros((3, 50))  # no noise of videos
    other = intervals.Estimate(np.array([0.3]), np.zeros((1, 50)))
    found = intervals.Estimate(values, still).minus(other)
    half = 4.302653 * 0.04 / np.sqrt(3)  # Student's t with 2 degrees of freedom, from a table
    assert (found["difference"], found["high"] - found["difference"]) == pytest.approx((0.04, half), abs=1e-6)
    labels, scores = random_case(4)
    both = intervals.estimates(labels, np.stack([scores, scores]))["map_macro"]  # seeds that agree
    assert both.interval() == pytest.approx(intervals.estimates(labels, scores)["map_macro"].interval(), abs=1e-3)


@pytest.mark.parametrize("setting", simulation.SMALL_WORLDS)
def test_intervals_of_both_metrics_and_of_differences_cover_95_percent(setting):
    """500 simulations, whose own standard deviation of a coverage of 95 % is 1 %."""
    made, videos = simulation.small_world(setting)
    for key, rows in simulation.simulate(made, videos, 500).items():
        assert 93 <= simulation.coverage(rows)["coverage"] <= 97, key


def test_intervals_of_differences_over_seeds_cover_95_percent():
    """250 simulations: 95 % less three standard deviations is 90.9 %; nothing is wrong with more."""
    made, videos = simulation.small_world("240 videos")
    for key, rows in simulation.simulate(made, videos, 250, seeds=simulation.SEEDS).items():
        assert 91 <= simulation.coverage(rows)["coverage"] <= 99, key


def test_intervals_cover_with_the_prevalences_of_animal_kingdom(published):
    """40 simulations, as one takes a second: 95 % less three standard deviations is 85 %. The record has 500."""
    made, videos = simulation.kingdom(published.split("test").labels())
    assert videos == 6096 and len(made.base) == 127
    for key, rows in simulation.simulate(made, videos, 40).items():
        assert simulation.coverage(rows)["coverage"] >= 85, key
        low, high, values = rows.T
        assert (high - low).mean() / 3.92 == pytest.approx(values.std(ddof=1), rel=0.35), key  # which errs by 11 %
