"""The figures of accuracy show the numbers that they were given, and their titles say what these mean."""

import numpy as np
import pytest

from amc.figures import accuracy as drawn

BINS = {"count": np.array([90, 10]), "confidence": np.array([0.1, 0.7]), "frequency": np.array([0.2, 0.5])}


def told(figure) -> str:
    return (figure.get_suptitle() or figure.axes[0].get_title(loc="left")).replace("\n", " ")


def test_a_reliability_diagram_says_how_many_of_the_sure_predictions_are_right():
    figure = drawn.reliability({"annotated": BINS, "truth": BINS | {"frequency": np.array([0.2, 0.6])}})
    axes, counted = figure.axes
    assert told(figure).startswith(
        "Of 100 scores of 0.5 or more, the model promises that 70 are right: 50 are annotated"
    )
    assert told(figure).endswith(": 50 are annotated and 60 really happen")
    assert [text.get_text() for text in axes.child_axes[0].get_xticklabels()] == ["90", "10"]
    assert [(text.get_text(), text.get_position()[1]) for text in counted.texts] == [("50", 50), ("60", 60), ("70", 70)]
    low, high = axes.collections[0].get_segments()[1][:, 1]
    assert (low, high) == (pytest.approx(23.66, abs=1e-2), pytest.approx(76.34, abs=1e-2))  # Wilson, 5 of 10


def test_without_a_sure_prediction_none_is_counted():
    empty = {"count": np.array([90, 0]), "confidence": np.array([0.1, np.nan]), "frequency": np.array([0.2, np.nan])}
    assert told(drawn.reliability({"annotated": empty})) == "No behaviour has a score of 0.5 or more"


def test_a_learning_curve_names_its_clips_and_says_whether_more_of_them_help():
    rows = [
        {"clips": n, "map_macro": n, "map_macro_low": n - 1, "map_macro_high": n + 1, "chance_macro": 2}
        for n in (4, 16)
    ]
    figure = drawn.learning_curve(rows)
    assert told(figure) == "More clips to learn from help: 4 % with 4 clips and 16 % with 16 clips"
    [band] = figure.axes[0].collections
    assert (band.get_paths()[0].vertices[:, 1].min(), band.get_paths()[0].vertices[:, 1].max()) == (3, 17)
    between = {"clips": 8, "map_macro": 6, "map_macro_low": 5, "map_macro_high": 7, "chance_macro": 2}
    steep = told(drawn.learning_curve([rows[0], between, rows[1]]))
    assert steep.endswith("; 83 % of this gain comes from 8 to 16 clips")
    rows[0]["map_macro_high"] = 15.5
    assert "bring no clear gain" in told(drawn.learning_curve(rows))
    assert told(drawn.learning_curve(rows[:1])) == "Trained on 4 clips, the model reaches 4 %"


def test_the_title_of_both_f1_says_which_is_stricter():
    rows = [
        {"name": name, "value": x, "low": 0, "high": 1, "films": 3} for name, x in (("bout F1", 0.2), ("frame F1", 0.5))
    ]
    both = "the model's F1 is 0.50 over single moments and 0.20 over whole stretches, the stricter measure"
    assert told(drawn.measured(rows)).endswith(both)
