"""The figures of the flow notebook show the numbers and pictures that they were given."""

import numpy as np
import pandas as pd
import pytest

from amc.figures import motion as drawn

FRAME = np.zeros((3, 8, 12), np.uint8)


def test_errors_stand_below_their_pictures_on_one_scale_or_beside_a_single_one():
    errors = {"dis": np.full((8, 12), 0.5), "raft-small": np.full((8, 12), 2.0)}
    figure = drawn.fields(FRAME, {"true": FRAME, "dis": FRAME, "raft-small": FRAME}, errors)
    maps = [axes for axes in figure.axes if axes.get_xlabel().startswith("mean")]
    assert [axes.get_xlabel() for axes in maps] == ["mean 0.50 px", "mean 2.00 px"]
    assert {axes.images[0].get_clim() for axes in maps} == {(0, 2.0)}
    alone = drawn.fields(FRAME, {"true": FRAME, "dis": FRAME}, {"dis": errors["dis"]})
    assert [axes.get_xlabel() for axes in alone.axes if axes.images][-1] == "mean 0.50 px"


def test_infinite_errors_do_not_spoil_the_mean():
    error = np.full((8, 12), 0.25)
    error[0] = np.inf
    figure = drawn.fields(FRAME, {"dis": FRAME}, {"dis": error})
    assert "mean 0.25 px" in [axes.get_xlabel() for axes in figure.axes]


def test_a_table_of_pictures_names_rows_and_columns():
    figure = drawn.scales({"slow": (FRAME, FRAME), "fast": (FRAME, FRAME)}, ("own", "fixed"))
    assert [axes.get_title() for axes in figure.axes[:2]] == ["own", "fixed"]
    assert [axes.get_ylabel() for axes in figure.axes[::2]] == ["slow", "fast"]


def test_methods_are_placed_by_time_and_error_and_nothing_moves_is_a_line():
    rows = [{"method": "dis", "epe": 0.4, "low": 0.3, "high": 0.5, "seconds": 0.002}]
    rows.append({"method": "nothing moves", "epe": 1.1, "low": 0.9, "high": 1.3, "seconds": 0.0})
    [axes] = drawn.methods(pd.DataFrame(rows)).axes
    point, line = axes.lines
    assert (point.get_xdata()[0], point.get_ydata()[0]) == (2.0, 0.4)
    assert line.get_ydata()[0] == 1.1


def test_conditions_are_rows_with_their_number_of_clips():
    rows = [
        {"condition": c, "method": "dis", "epe": e, "low": e - 0.1, "high": e + 0.1, "clips": 5}
        for c, e in (("by day", 0.4), ("at night", 1.0))
    ]
    [axes] = drawn.failures(pd.DataFrame(rows)).axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["by day (5 clips)", "at night (5 clips)"]
    assert axes.lines[0].get_xdata().tolist() == pytest.approx([0.4, 1.0])


def test_steps_are_means_over_pairs():
    table = pd.DataFrame({"method": "dis", "step": [1, 1, 4], "epe": [0.2, 0.4, 2.0]})
    [axes] = drawn.steps(table).axes
    assert axes.lines[0].get_xdata().tolist() == [1, 4]
    assert axes.lines[0].get_ydata().tolist() == pytest.approx([0.3, 2.0])
