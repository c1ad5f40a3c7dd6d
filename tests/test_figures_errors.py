"""The figures of the error analysis show the counts and shares that they were given."""

import numpy as np
import pandas as pd

from amc.figures import errors as drawn

ROWS = [
    {"kind": "overlapping actions", "rate": 20.0, "rate_low": 10.0, "rate_high": 30.0},
    {"kind": "none of these", "rate": 50.0, "rate_low": 40.0, "rate_high": 70.0},
]


def test_errors_of_the_annotator_are_set_apart_only_where_truth_is_known():
    alone = drawn.kinds(ROWS)
    keys = ["errors", "of no named kind", "95 % interval over videos"]
    assert [text.get_text() for text in alone.legends[0].get_texts()] == keys
    figure = drawn.kinds([ROWS[0] | {"part": 25.0}, ROWS[1] | {"part": np.nan}])
    told = figure.get_suptitle().replace("\n", " ")
    assert told.startswith(
        "More errors are of no named kind (50 per 100 videos) than of any named one; of the named kinds, "
    )
    assert told.endswith("“overlapping actions” is the most frequent (20)")
    fewer = drawn.kinds([ROWS[0], ROWS[1] | {"rate": 10.0}]).get_suptitle().replace("\n", " ")
    assert fewer == "Of the named kinds of errors, “overlapping actions” is the most frequent (20 per 100 videos)"
    assert [bar.get_width() for bar in figure.axes[0].patches] == [5, 0, 15, 50]  # the annotator's, then the model's
    assert [text.get_text().strip() for text in figure.axes[0].texts] == ["20", "50"]


def test_the_truth_is_set_beside_what_is_written_and_only_their_difference_has_an_interval():
    rows = [
        {"metric": metric, "against": against, "value": value, "low": value - 5, "high": value + 5}
        for metric in ("map_macro", "map_micro")
        for against, value in (("annotated", 30.0), ("truth", 40.0), ("truth − annotated", 10.0))
    ]
    figure = drawn.against_truth(rows)
    [axes] = figure.axes
    assert figure.get_suptitle().replace("\n", " ").endswith("is higher by 10.0 and 10.0 points")
    assert [list(points.get_xdata()) for points in axes.lines] == [[30, 30], [40, 40]]
    assert [text.get_text() for text in axes.texts] == ["+10.0 points (95 % interval +5.0 to +15.0)"] * 2


def test_confusions_show_the_most_missed_first_and_leave_out_what_never_was():
    matrix = np.array([[0, 0.5, 0], [0.2, 0, 0], [0, 0, 0]])
    figure = drawn.confusions(matrix, ["a", "b", "c"], np.array([2, 5, 0]))
    axes = figure.axes[0]
    told = "Where b is missed, the model most often says a, which is not annotated (20 %)"  # a is missed too rarely
    assert figure.get_suptitle() == told
    assert [text.get_text() for text in axes.get_yticklabels()] == ["b  (5)", "a  (2)"]
    assert [text.get_text() for text in axes.get_xticklabels()] == ["b", "a"]  # in the order of the rows
    assert sorted(text.get_text() for text in axes.texts) == ["", "", "20 %", "50 %"]


def test_the_largest_share_is_framed_if_its_behaviour_is_missed_often_enough():
    figure = drawn.confusions(np.array([[0, 0.5], [0.2, 0]]), ["a", "b"], np.array([20, 25]))
    assert figure.get_suptitle().startswith("Where a is missed, the model most often says b, ")
    [frame] = figure.axes[0].patches
    assert frame.get_xy() == (0, 1)  # column b, row a


def test_the_most_missed_behaviour_may_have_nothing_in_its_place():
    figure = drawn.confusions(np.array([[0, 0.5], [0, 0]]), ["a", "b"], np.array([2, 5]))
    assert figure.get_suptitle() == "Where b is missed, the model most often says nothing that is not annotated"
    assert not figure.axes[0].patches


def test_runs_are_compared_to_the_one_that_both_panels_share_with_significant_differences_filled():
    cells = [("dense", "rgb"), ("sparse", "rgb"), ("sparse", "rgb+flow")]
    more = [{"kind": kind, "more": x, "more_low": x - 3, "more_high": x + 3} for kind, x in (("a", -5.0), ("b", 2.0))]
    table = pd.DataFrame([row | {"scheme": s, "modality": m, "run": f"{s} {m}"} for s, m in cells for row in more])
    figure = drawn.fixes(table, reference="sparse rgb")
    left, right, low_left, low_right = figure.axes  # the last kind has an axis of its own
    told = figure.get_suptitle().replace("\n", " ")
    assert told == "Frames alone (dense) instead of frames alone (sparse): 5 fewer “a” per 100 videos"
    keys = [text.get_text() for text in figure.legends[0].get_texts()]
    assert keys[:2] == ["dense", "frames and motion"]
    for above, below in ((left, low_left), (right, low_right)):
        filled, hollow = above.lines[:2]
        assert filled.get_xdata().tolist() == [-5] and not len(hollow.get_xdata())
        filled, hollow = below.lines[:2]
        assert not len(filled.get_xdata()) and hollow.get_xdata().tolist() == [2]
        assert hollow.get_markerfacecolor() == "white" != filled.get_markerfacecolor()
    assert left.get_xlim() == right.get_xlim() != low_left.get_xlim() == low_right.get_xlim()


def test_the_title_says_of_which_kinds_a_change_brings_fewer_and_of_which_more():
    more = {"a": -5.0, "b": 9.0, "none of these": -50.0, "c": 1.0}
    rows = [{"kind": kind, "more": x, "more_low": x - 3, "more_high": x + 3} for kind, x in more.items()]
    table = pd.DataFrame([row | {"scheme": "sparse", "modality": "rgb+flow", "run": "new"} for row in rows])
    told = drawn.fixes(table, reference="sparse rgb").get_suptitle().replace("\n", " ")
    assert told == "Adding motion: 50 fewer other errors per 100 videos, fewer “a”, more “b”"
