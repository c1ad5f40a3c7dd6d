"""The figures of the error analysis show the counts, curves and cases that they were given."""

import numpy as np
import pandas as pd
import pytest

from amc.figures import errors as drawn

ROWS = [
    {"kind": "overlapping actions", "rate": 20.0, "rate_low": 10.0, "rate_high": 30.0},
    {"kind": "none of these", "rate": 50.0, "rate_low": 40.0, "rate_high": 70.0},
]


def case(**changes) -> drawn.Case:
    facts = {
        "num_frames": 48, "fps": 24.0, "frames": np.array([[2, 20], [30, 46]]), "names": ["Jumping", "Keeping still"],
        "probs": np.array([[0.1, 0.9], [0.3, 0.7]]), "written": np.array([True, False]),
        "predicted": np.array([False, True]), "threshold": np.array([0.5, 0.5]),
    }  # fmt: skip
    return drawn.Case(**facts | changes)


def rows(figure) -> list[tuple]:
    """The two axes of each behaviour: over time, and of scores."""
    panels = [axes for axes in figure.axes if axes.axison and not axes.images]
    return list(zip(panels[::2], panels[1::2], strict=True))


def test_a_case_has_a_row_a_behaviour_with_its_verdict():
    found = rows(drawn.case(case(), title="a frog"))
    assert [axes.get_title("left") for axes, _ in found] == [
        "Jumping: MISSED (annotated, not predicted)",
        "Keeping still: EXTRA (predicted, not annotated)",
    ]
    assert found[-1][0].get_xlabel() == "time, s" and found[-1][1].get_xlabel() == "score\n(probability)"
    told = drawn.case(case(verdicts=["missed, outvoted", ""]), title="").axes[0].get_title("left")
    assert told == "Jumping: MISSED (annotated, not predicted), outvoted"


def test_a_classifier_is_shown_frames_and_says_one_score_that_is_no_line_over_time():
    for c, (time, scores) in enumerate(rows(drawn.case(case(), title="a frog"))):
        assert [line.get_xdata().tolist() for line in time.lines] == [[2.5, 20.5], [30.5, 46.5]]
        assert [line.get_ydata().tolist() for line in time.lines] == [[0, 0], [1, 1]]
        assert {line.get_linestyle() for line in time.lines} == {"None"}
        assert [bar.get_width() for bar in scores.patches] == pytest.approx(
            [*case().probs[:, c], case().probs[:, c].mean()]
        )
        assert [bar.get_y() + bar.get_height() / 2 for bar in scores.patches] == pytest.approx([0, 1, 2])
        assert scores.lines[0].get_xdata() == [0.5, 0.5]  # the threshold


def test_film_and_truth_are_drawn_where_they_are_known():
    strip, truth = np.zeros((4, 3, 8, 8), np.uint8), np.zeros((48, 2), bool)
    truth[10:20, 0] = True
    figure = drawn.case(case(film=strip, truth=truth), title="a frog")
    assert [len(axes.images) for axes in figure.axes if axes.images] == [4]
    [span] = rows(figure)[0][0].patches
    assert (span.get_x(), span.get_width()) == (10, 10)


def test_without_a_frame_rate_time_is_in_frames():
    assert rows(drawn.case(case(fps=float("nan")), title=""))[-1][0].get_xlabel() == "frame"


def test_errors_of_the_annotator_are_set_apart_only_where_truth_is_known():
    alone = drawn.kinds(ROWS)
    assert [text.get_text() for text in alone.legends[0].get_texts()] == ["errors", "95 % interval over videos"]
    figure = drawn.kinds([ROWS[0] | {"part": 25.0}, ROWS[1] | {"part": np.nan}])
    told = figure.get_suptitle().replace("\n", " ")
    assert told == (
        "The most frequent kind of errors is “overlapping actions”, 20 per 100 videos; 50 are of none of the four kinds"
    )
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
    assert figure.get_suptitle().replace("\n", " ").endswith("is higher by +10.0 and +10.0 points")
    assert [list(points.get_xdata()) for points in axes.lines] == [[30, 30], [40, 40]]
    assert [text.get_text() for text in axes.texts] == ["+10.0 points\n(95 % interval +5.0 to +15.0)"] * 2


def test_confusions_show_the_most_missed_first_and_leave_out_what_never_was():
    matrix = np.array([[0, 0.5, 0], [0.2, 0, 0], [0, 0, 0]])
    figure = drawn.confusions(matrix, ["a", "b", "c"], np.array([2, 5, 0]))
    axes = figure.axes[0]
    assert (
        figure.get_suptitle()
        == "b is missed most often; predicted there, but not annotated: a, in 20 % of these videos"
    )
    assert [text.get_text() for text in axes.get_yticklabels()] == ["b  (5)", "a  (2)"]
    assert sorted(text.get_text() for text in axes.texts) == ["", "", "20 %", "50 %"]


def test_the_most_missed_behaviour_may_have_nothing_in_its_place():
    figure = drawn.confusions(np.array([[0, 0.5], [0, 0]]), ["a", "b"], np.array([2, 5]))
    assert figure.get_suptitle() == "b is missed most often; predicted there, but not annotated: nothing"


def test_runs_are_compared_to_the_one_that_both_panels_share_with_significant_differences_filled():
    cells = [("dense", "rgb"), ("sparse", "rgb"), ("sparse", "rgb+flow")]
    more = [{"kind": kind, "more": x, "more_low": x - 3, "more_high": x + 3} for kind, x in (("a", -5.0), ("b", 2.0))]
    table = pd.DataFrame([row | {"scheme": s, "modality": m, "run": f"{s} {m}"} for s, m in cells for row in more])
    figure = drawn.fixes(table, reference="sparse rgb")
    left, right, low_left, low_right = figure.axes  # the last kind has an axis of its own
    told = figure.get_suptitle().replace("\n", " ")
    assert told.startswith("Compared with frames alone (sparse), ")
    assert told.endswith("5 fewer errors of the kind “a” per 100 videos")
    keys = [text.get_text() for text in figure.legends[0].get_texts()]
    assert keys[:2] == ["dense", "frames and motion"]
    for above, below in ((left, low_left), (right, low_right)):
        filled, hollow = above.lines[:2]
        assert filled.get_xdata().tolist() == [-5] and not len(hollow.get_xdata())
        filled, hollow = below.lines[:2]
        assert not len(filled.get_xdata()) and hollow.get_xdata().tolist() == [2]
        assert hollow.get_markerfacecolor() == "white" != filled.get_markerfacecolor()
    assert left.get_xlim() == right.get_xlim() != low_left.get_xlim() == low_right.get_xlim()
