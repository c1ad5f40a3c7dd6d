"""A clip is drawn with its film, its truth, and the verdict, the frames and the scores of each of its behaviours."""

import numpy as np
import pytest

from amc.figures import words
from amc.figures.case import Case, case


def shown(**changes) -> Case:
    facts = {
        "num_frames": 48, "fps": 24.0, "frames": np.array([[2, 20], [30, 46]]), "names": ["Jumping", "Keeping still"],
        "probs": np.array([[0.1, 0.9], [0.3, 0.7]]), "written": np.array([True, False]),
        "predicted": np.array([False, True]), "threshold": np.array([0.5, 0.5]),
    }  # fmt: skip
    return Case(**facts | changes)


def rows(figure) -> list[tuple]:
    """The two axes of each behaviour: over time, and of scores."""
    panels = [axes for axes in figure.axes if axes.axison and not axes.images]
    return list(zip(panels[::2], panels[1::2], strict=True))


def test_a_case_has_a_row_a_behaviour_with_its_verdict():
    found = rows(case(shown(), title="a frog"))
    assert [axes.get_title("left") for axes, _ in found] == [
        "Jumping: MISSED (annotated, not predicted)",
        "Keeping still: PREDICTED (not annotated)",
    ]
    assert found[-1][0].get_xlabel() == "time, s" and found[-1][1].get_xlabel() == "score\n(probability)"
    told = rows(case(shown(verdicts=["MISSED (score 0.20)", ""]), title=""))
    assert [axes.get_title("left") for axes, _ in told] == [
        "Jumping: MISSED (score 0.20)",
        "Keeping still: PREDICTED (not annotated)",
    ]


def test_a_kind_of_errors_is_explained_below_the_picture():
    below = case(shown(), title="a frog", kind="composite actions").legends[0].get_title().get_text()
    assert below.startswith(f"kind of errors: composite actions ({words.ERRORS['composite actions']})\n")


def test_a_classifier_is_shown_frames_and_says_one_score_that_is_no_line_over_time():
    for c, (time, scores) in enumerate(rows(case(shown(), title="a frog"))):
        assert [line.get_xdata().tolist() for line in time.lines] == [[2.5, 20.5], [30.5, 46.5]]
        assert [line.get_ydata().tolist() for line in time.lines] == [[0, 0], [1, 1]]
        assert {line.get_linestyle() for line in time.lines} == {"None"}
        assert [bar.get_width() for bar in scores.patches] == pytest.approx(
            [*shown().probs[:, c], shown().probs[:, c].mean()]
        )
        assert [bar.get_y() + bar.get_height() / 2 for bar in scores.patches] == pytest.approx([0, 1, 2])
        assert scores.lines[0].get_xdata() == [0.5, 0.5]  # the threshold


def test_film_and_truth_are_drawn_where_they_are_known():
    strip, truth = np.zeros((4, 3, 8, 8), np.uint8), np.zeros((48, 2), bool)
    truth[10:20, 0] = True
    figure = case(shown(film=strip, truth=truth), title="a frog")
    assert [len(axes.images) for axes in figure.axes if axes.images] == [4]
    [span] = rows(figure)[0][0].patches
    assert (span.get_x(), span.get_width()) == (10, 10)


def test_without_a_frame_rate_time_is_in_frames():
    assert rows(case(shown(fps=float("nan")), title=""))[-1][0].get_xlabel() == "frame"
