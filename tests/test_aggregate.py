"""Aggregation keeps the axes straight, and the chosen threshold is the best of all candidates."""

import numpy as np
import pytest
from sklearn.metrics import f1_score

from amc.aggregate import AGGREGATES, choose_threshold, label_sets
from amc.base.errors import AmcError

PROBS = np.array([[[0.1, 0.8], [0.3, 0.8], [0.8, 0.8]]])  # one video, three classifiers, two behaviours


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mean", 0.4),
        ("max", 0.8),
        ("median", 0.3),
        ("mean-logit", 1 / (1 + (9 * 7 / 3 / 4) ** (1 / 3))),  # odds 1/9, 3/7, 4; their geometric mean
        ("noisy-or", 1 - 0.9 * 0.7 * 0.2),
    ],
)
def test_each_aggregate_gives_the_value_worked_out_by_hand(name, expected):
    np.testing.assert_allclose(AGGREGATES[name](PROBS)[0, 0], expected, rtol=1e-12)
    assert AGGREGATES[name](PROBS).shape == (1, 2)


@pytest.mark.parametrize("name", sorted(set(AGGREGATES) - {"noisy-or"}))
def test_classifiers_that_agree_are_left_as_they_are(name):
    np.testing.assert_allclose(AGGREGATES[name](PROBS)[0, 1], 0.8, rtol=1e-12)


@pytest.mark.parametrize("aggregate", AGGREGATES.values(), ids=AGGREGATES)
def test_saturated_probabilities_stay_finite_and_in_range(aggregate):
    probs = aggregate(np.array([[[0.0, 1.0], [1.0, 1.0]]], dtype=np.float32))
    assert np.isfinite(probs).all() and (probs >= 0).all() and (probs <= 1).all()


def test_one_saturated_classifier_does_not_outweigh_a_more_certain_one():
    assert AGGREGATES["mean-logit"](np.array([[[1.0], [1e-30]]])).item() < 1e-3


def test_label_sets_take_one_threshold_or_one_a_behaviour_and_include_it():
    probs = np.array([[0.5, 0.4, 0.6]])
    assert label_sets(probs, 0.5).tolist() == [[True, False, True]]
    assert label_sets(probs, np.array([0.6, 0.4, 0.6])).tolist() == [[False, True, True]]
    with pytest.raises(AmcError, match="threshold"):
        label_sets(probs, np.array([0.6, 0.4]))


@pytest.mark.parametrize("seed", range(5))
def test_the_threshold_reaches_the_best_f1_of_all_candidates(seed):
    rng = np.random.default_rng(seed)
    labels, probs = rng.random((30, 4)) < 0.3, rng.random((30, 4)).round(1)  # one decimal: many ties
    best = max(f1_score(labels, probs >= t, average="micro", zero_division=0) for t in np.unique(probs))
    chosen = choose_threshold(labels, probs)
    np.testing.assert_allclose(f1_score(labels, label_sets(probs, chosen), average="micro"), best, rtol=1e-12)
    each = choose_threshold(labels, probs, per_class=True, min_positives=1)
    for c in range(4):
        best = max(f1_score(labels[:, c], probs[:, c] >= t, zero_division=0) for t in np.unique(probs[:, c]))
        np.testing.assert_allclose(f1_score(labels[:, c], probs[:, c] >= each[c]), best, rtol=1e-12)


def test_five_positives_are_enough_for_a_threshold_of_its_own_where_nothing_else_is_said():
    labels = np.zeros((12, 2), bool)
    labels[:5, 0] = labels[:4, 1] = True
    probs = np.linspace(0.9, 0.1, 12)[:, None] * np.array([1, 0.1])
    chosen = choose_threshold(labels, probs, per_class=True)
    assert chosen[0] == probs[4, 0] and chosen[1] == choose_threshold(labels, probs)


def test_behaviours_with_too_few_positives_use_the_global_threshold():
    labels = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=bool)
    probs = np.array([[0.9, 0.2, 0.6], [0.8, 0.1, 0.7], [0.1, 0.1, 0.1]])
    chosen = choose_threshold(labels, probs, per_class=True, min_positives=2)
    assert chosen.tolist() == [0.8, choose_threshold(labels, probs), choose_threshold(labels, probs)]


def test_a_split_without_any_positive_gives_no_threshold():
    with pytest.raises(AmcError, match="needs a positive"):
        choose_threshold(np.zeros((3, 2), bool), np.zeros((3, 2)))
