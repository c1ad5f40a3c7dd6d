"""Agreement with a human: scikit-learn's own numbers on frames, hand-made pairs of bouts, and a matrix that adds up."""

import numpy as np
import pytest
from sklearn import metrics

from amc.base.errors import AmcError
from amc.ethogram import agreement
from amc.ethogram.bouts import Bout

NAMES = ("graze", "walk")
EDGES = np.arange(9) / 4
HUMAN = np.array([[1, 1, 1, 1, 0, 0, 0, 0], [0, 0, 0, 0, 1, 1, 0, 0]], bool).T
MODEL = np.array([[1, 1, 0, 0, 0, 0, 0, 0], [0, 0, 1, 1, 1, 1, 1, 0]], bool).T


def test_frames_are_measured_as_scikit_learn_does():
    row = agreement.framewise(HUMAN, MODEL, NAMES, EDGES).iloc[1]
    one, other = HUMAN[:, 1], MODEL[:, 1]
    assert row["precision"] == pytest.approx(metrics.precision_score(one, other)) == pytest.approx(2 / 5)
    assert row["recall"] == pytest.approx(1) and row["f1"] == pytest.approx(metrics.f1_score(one, other))
    assert row["kappa"] == pytest.approx(metrics.cohen_kappa_score(one, other))
    assert (row["human_s"], row["model_s"]) == (0.5, 1.25)


def test_at_a_variable_rate_seconds_weigh_and_not_frames():
    edges = np.array([0, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5])  # the first frame counts twice
    row = agreement.framewise(HUMAN, MODEL, NAMES, edges).iloc[0]
    assert row["recall"] == pytest.approx(1.5 / 2.5)


def test_the_scores_of_banos_are_those_of_its_definition():
    graze, walk = agreement.banos_scores(HUMAN, MODEL, NAMES).to_dict("records")
    assert walk == {  # frames 4 and 5 of the human, 2 to 6 of the model: borders 2 + 1 frames away, no change within
        "behaviour": "walk", "banos_f1": 1, "banos_segment_overlap": pytest.approx(2 / 5),
        "banos_temporal_precision": pytest.approx(1 / 4), "banos_continuity": 1,
    }  # fmt: skip
    assert [graze[name] for name in agreement.BANOS.values()] == pytest.approx([1, 2 / 4, 1 / 3, 1 - 1 / 3])


def test_frames_that_nobody_looked_at_do_not_count():
    human, model = np.zeros((50, 1), bool), np.ones((50, 1), bool)
    human[:10] = True
    looked = np.arange(50) < 10
    [row] = agreement.framewise(human, model, ["walk"], np.arange(51.0), counted=looked).to_dict("records")
    assert row["precision"] == row["recall"] == row["f1"] == 1 and row["model_s"] == 10


def test_two_who_both_never_see_it_have_no_kappa_and_no_f1():
    nothing = np.zeros((8, 2), bool)
    row = agreement.framewise(nothing, nothing, NAMES, EDGES).iloc[0]
    assert np.isnan([row["kappa"], row["f1"], row["precision"], row["recall"]]).all()


def test_bouts_are_paired_once_each_where_half_of_their_union_is_shared():
    human = [Bout("walk", 0, 10), Bout("walk", 20, 30), Bout("graze", 0, 10)]
    model = [Bout("walk", 0, 9), Bout("walk", 1, 10), Bout("walk", 24, 40), Bout("graze", 40, 50)]
    pairs = agreement.matched(human, model)
    assert pairs == [(Bout("walk", 0, 10), Bout("walk", 0, 9))]  # 6 of 20 frames are not half
    walk = agreement.boutwise(human, model, NAMES).iloc[1]
    assert (walk["human_bouts"], walk["model_bouts"], walk["matched"]) == (2, 3, 1)
    assert walk["bout_f1"] == pytest.approx(2 / 5) and walk["bout_precision"] == pytest.approx(1 / 3)


def test_confusion_adds_up_to_all_seconds_and_puts_agreement_on_the_diagonal():
    table = agreement.confusion(HUMAN, MODEL, NAMES, EDGES)
    assert table.loc["graze", "graze"] == 0.5 and table.loc["walk", "walk"] == 0.5
    assert table.loc["graze", "walk"] == 0.5 and table.loc["nothing", "walk"] == 0.25
    assert table.loc["nothing", "nothing"] == 0.25 and table.to_numpy().sum() == EDGES[-1]


def test_names_are_the_same_but_for_case_and_underscores_and_the_rest_is_told():
    shared, notes = agreement.common(["Keeping still", "Eating"], ["keeping_still", "Fly"])
    assert shared == {"keeping_still": "Keeping still"}
    assert notes == ["only the human has 'Fly'", "only the model has 'Eating'"]
    with pytest.raises(AmcError, match="the human annotated Fly, the model knows Eating"):
        agreement.common(["Eating"], ["Fly"])
