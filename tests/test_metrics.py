"""Metrics equal scikit-learn, and real labels give known numbers."""

import itertools

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

from amc import intervals, metrics
from amc.base.errors import AmcError

EXACT = 1e-9  # the bound; both sides are float64 sums of at most a few thousand terms


def random_case(seed: int, *, decimals: int = 17, num_videos: int = 50, num_classes: int = 7):
    rng = np.random.default_rng(seed)
    labels = rng.random((num_videos, num_classes)) < 0.2
    labels[:, -1] = False  # a behaviour that is absent
    return labels, (rng.random(labels.shape) + 0.3 * labels).round(decimals)


def sklearn_maps(labels, scores) -> tuple[float, float]:
    present = labels.any(axis=0)
    each = [average_precision_score(labels[:, c], scores[:, c]) for c in np.flatnonzero(present)]
    return np.mean(each), average_precision_score(labels.ravel(), scores.ravel())


@pytest.mark.parametrize("decimals", [17, 1, 0])  # distinct, many ties, nearly constant
@pytest.mark.parametrize("seed", range(4))
def test_average_precision_equals_scikit_learn(seed, decimals):
    labels, scores = random_case(seed, decimals=decimals)
    ap = metrics.average_precision(labels, scores)
    assert np.isnan(ap[-1]) and np.isfinite(ap[:-1]).all()
    expected = [average_precision_score(labels[:, c], scores[:, c]) for c in range(6)]
    np.testing.assert_allclose(ap[:-1], expected, atol=EXACT, rtol=0)
    maps = metrics.map_macro(labels, scores), metrics.map_micro(labels, scores)
    np.testing.assert_allclose(maps, sklearn_maps(labels, scores), atol=EXACT, rtol=0)


def test_degenerate_rankings_have_the_average_precision_worked_out_by_hand():
    labels = np.array([[1, 1, 0, 1], [0, 1, 0, 0], [0, 1, 0, 1]])
    scores = np.array([[2.0, 0.1, 5, 3], [2.0, 0.2, 6, 2], [2.0, 0.3, 7, 1]])
    ap = metrics.average_precision(labels, scores)
    # constant scores: the share of positives; all positive: 1; none: NaN; ranks 1 and 3 of 3: (1 + 2/3) / 2
    np.testing.assert_allclose(ap, [1 / 3, 1, np.nan, 5 / 6], atol=EXACT)


def test_absent_behaviours_are_dropped_from_macro_rather_than_counted_as_zero():
    labels, scores = np.array([[1, 0], [0, 0]]), np.array([[0.9, 0.1], [0.1, 0.2]])
    assert metrics.map_macro(labels, scores) == 1


def test_without_any_positive_the_metrics_are_nan(recwarn):
    labels, scores = np.zeros((3, 2)), np.zeros((3, 2))
    assert np.isnan(metrics.map_macro(labels, scores)) and np.isnan(metrics.map_micro(labels, scores))
    assert not recwarn.list


@pytest.mark.parametrize("batch", [1, 8, 50, 64])  # 50 videos: 8 leaves a last batch of 2
def test_micro_by_batch_equals_scikit_learn_on_each_batch_weighted_by_its_videos(batch):
    labels, scores = random_case(2)
    labels[:, 0] |= ~labels.any(axis=1)  # every video has a label, as in every data set
    cuts = range(0, 50, batch)
    each = [average_precision_score(labels[i : i + batch].ravel(), scores[i : i + batch].ravel()) for i in cuts]
    expected = sum(value * len(labels[i : i + batch]) for value, i in zip(each, cuts, strict=True)) / 50
    assert metrics.map_micro_by_batch(labels, scores, batch) == pytest.approx(expected, abs=EXACT)


def test_micro_by_batch_moves_with_the_batch_and_leaves_out_batches_without_a_positive():
    labels, scores = np.array([[1, 0], [0, 1], [0, 0]]), np.array([[0.2, 0.1], [0.8, 0.9], [0.5, 0.5]])
    # Each video ranks its own label first; in one ranking of two videos the first positive comes third.
    assert metrics.map_micro_by_batch(labels, scores, 1) == 1
    assert metrics.map_micro_by_batch(labels, scores, 2) == pytest.approx((1 + 2 / 3) / 2)
    assert np.isnan(metrics.map_micro_by_batch(labels[2:], scores[2:], 1))
    with pytest.raises(AmcError, match="batch of 0 videos, expected 1 or more"):
        metrics.map_micro_by_batch(labels, scores, 0)


def test_bands_follow_the_training_positives_with_both_edges_in_the_middle():
    positives, ap = np.array([501, 500, 100, 99, 0]), np.array([0.9, 0.5, 0.3, 0.2, np.nan])
    assert metrics.head_middle_tail(ap, positives) == pytest.approx({"head": 0.9, "middle": 0.4, "tail": 0.2})
    assert np.isnan(metrics.head_middle_tail(ap, positives, edges=(0, 1000))["head"])
    masks = {name: mask.tolist() for name, mask in metrics.bands(positives).items()}
    assert masks == {"head": [1, 0, 0, 0, 0], "middle": [0, 1, 1, 0, 0], "tail": [0, 0, 0, 1, 1]}


@pytest.mark.parametrize("seed", range(3))
def test_f1_equals_scikit_learn_on_the_behaviours_present(seed):
    labels, scores = random_case(seed)
    predicted, present = scores > 0.8, labels.any(axis=0)
    f1 = metrics.f1(labels, predicted)
    assert f1["f1_micro"] == pytest.approx(f1_score(labels, predicted, average="micro"), abs=EXACT)
    macro = f1_score(labels[:, present], predicted[:, present], average="macro", zero_division=0)
    assert f1["f1_macro"] == pytest.approx(macro, abs=EXACT)


@pytest.mark.parametrize(
    ("labels", "scores", "message"),
    [
        (np.ones((2, 3)), np.ones((3, 2)), "expected equal"),
        (np.ones(3), np.ones(3), "expected equal"),
        (np.ones((0, 3)), np.ones((0, 3)), "expected equal"),
        (np.full((2, 3), 2), np.ones((2, 3)), "other than 0 and 1"),
        (np.ones((2, 3)), np.array([[1, 2, 3], [4, np.nan, 6]]), "video 1, behaviour 1 is not finite"),
        (np.ones((2, 3)), np.full((2, 3), np.inf), "not finite"),
    ],
)
@pytest.mark.parametrize(
    "measure", [metrics.average_precision, metrics.map_macro, metrics.map_micro, intervals.estimates]
)
def test_arrays_that_cannot_be_measured_are_refused(measure, labels, scores, message):
    with pytest.raises(AmcError, match=message):
        measure(labels, scores)


@pytest.mark.parametrize("videos", [1, 2, 5, 7])
def test_chance_is_the_mean_average_precision_of_all_orders_of_the_videos(videos):
    scores = -np.arange(videos, dtype=float)[:, None]
    for positives in range(1, videos + 1):
        places = itertools.combinations(range(videos), positives)
        each = [metrics.average_precision(np.isin(np.arange(videos), at)[:, None], scores)[0] for at in places]
        assert metrics.expected_ap(positives, videos) == pytest.approx(np.mean(each), abs=1e-12)
        labels = np.arange(videos)[:, None] < positives
        assert metrics.chance(labels, np.ones(1)) == pytest.approx(
            dict.fromkeys(metrics.MAPS, np.mean(each)), abs=1e-12
        )
    assert np.isnan(metrics.expected_ap(0, videos))


def test_chance_knows_how_frequent_behaviours_are_and_nothing_of_the_videos():
    rng = np.random.default_rng(0)
    labels, frequency = rng.random((30, 4)) < 0.3, np.array([0.5, 0.2, 0.2, 0.1])
    drawn = [frequency + 1e-6 * rng.random(labels.shape) for _ in range(200)]
    found = metrics.chance(labels, frequency)
    for name, measure in (("map_macro", metrics.map_macro), ("map_micro", metrics.map_micro)):
        values = [measure(labels, scores) for scores in drawn]
        assert abs(found[name] - np.mean(values)) < 4 * np.std(values) / np.sqrt(200)  # standard errors
        assert found[name] > measure(labels, np.broadcast_to(frequency, labels.shape)) + 0.01  # ties are one step there


def test_a_ranking_is_above_chance_only_where_few_random_ones_are_as_good():
    rng = np.random.default_rng(1)
    labels, noise = rng.random((40, 3)) < 0.3, rng.random((40, 3)).round(1)  # with equal scores
    good, none = metrics.against_chance(labels, noise + 0.5 * labels), metrics.against_chance(labels, noise)
    assert good["map_macro"] == pytest.approx(metrics.map_macro(labels, noise + 0.5 * labels))
    assert good["p"] == pytest.approx(1 / 200) and none["p"] > 0.05 and none["chance"] == good["chance"]
    assert none == metrics.against_chance(labels, noise, permutations=199, seed=0)
    assert metrics.against_chance(np.zeros((3, 2)), np.ones((3, 2)))["p"] == 1
    # One behaviour of two of four videos, ranked perfectly: one order of six is as good.
    four = metrics.against_chance(np.array([[1], [1], [0], [0]]), np.array([[4.0], [3], [2], [1]]), permutations=999)
    assert four["p"] == pytest.approx(1 / 6, abs=0.05) and four["chance"] == pytest.approx(49 / 72)


def test_on_the_real_labels_a_predictor_that_sees_no_video_scores_as_published(published):
    train, test = published.split("train").labels(), published.split("test").labels()
    assert (len(test), test.any(axis=0).sum()) == (6096, 127)
    blind = np.broadcast_to(train.mean(axis=0), test.shape)
    assert 100 * metrics.map_macro(test, blind) == pytest.approx(1.67, abs=0.005)  # FACTS gives two decimals
    assert 100 * metrics.map_micro(test, blind) == pytest.approx(18.98, abs=0.005)
    assert [int(mask.sum()) for mask in metrics.bands(train.sum(axis=0)).values()] == [18, 32, 90]


def test_reliability_compares_what_is_said_with_what_is_so():
    probs = np.array([[0.05, 0.05, 0.15, 0.95], [0.95, 0.95, 1.0, 0.12]])
    labels = np.array([[0, 1, 0, 1], [1, 0, 1, 0]], dtype=bool)
    found = metrics.reliability(labels, probs)
    assert found["count"].tolist() == [2, 2, 0, 0, 0, 0, 0, 0, 0, 4]
    assert found["confidence"][[0, 1, 9]] == pytest.approx([0.05, 0.135, 0.9625])
    assert found["frequency"][[0, 1, 9]] == pytest.approx([0.5, 0, 0.75])
    by_hand = (2 * 0.45 + 2 * 0.135 + 4 * 0.2125) / 8
    assert metrics.expected_calibration_error(labels, probs) == pytest.approx(by_hand)
    assert np.isnan(found["frequency"][5])
    halves = metrics.reliability(np.array([[0, 1, 1]]), np.array([[0.2, 0.5, 0.9]]), bins=2)
    one = metrics.expected_calibration_error(np.array([[0, 1]]), np.array([[0.05, 0.095]]))  # one bin of ten
    assert one == pytest.approx(0.5 - 0.0725)
    assert halves["count"].tolist() == [1, 2] and halves["confidence"] == pytest.approx([0.2, 0.7])


def test_the_interval_of_a_ratio_is_of_the_resamples_in_which_there_is_something():
    part, whole = np.random.default_rng(1).random(9), np.arange(9) % 4 == 3
    rng = np.random.default_rng(0)
    draws = [rng.integers(0, 9, 9) for _ in range(1000)]
    values = [part[draw].sum() / whole[draw].sum() for draw in draws if whole[draw].any()]
    assert metrics.ratio(part, whole) == pytest.approx((part.sum() / 2, *np.quantile(values, [0.025, 0.975])))
    nothing = metrics.ratio(np.zeros(2), np.zeros(2))
    assert len(nothing) == 3 and np.isnan(nothing).all()


def test_top1_is_how_often_the_highest_score_or_the_first_of_them_is_the_label():
    labels = np.eye(3, dtype=bool)[[0, 1, 2, 2]]
    scores = np.array([[0.9, 0.1, 0.1], [0.2, 0.5, 0.4], [0.3, 0.6, 0.1], [0.7, 0.7, 0.7]])
    assert metrics.top1(labels, scores) == 0.5
    with pytest.raises(AmcError, match="one per video"):
        metrics.top1(np.array([[1, 1], [1, 0]]), scores[:2, :2])
