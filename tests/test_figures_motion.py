"""The figures of the flow notebook show the numbers and pictures that they were given."""

import numpy as np
import pandas as pd
import pytest

from amc.figures import Key
from amc.figures import motion as drawn

FRAME = np.zeros((3, 8, 12), np.uint8)


def test_errors_stand_below_their_pictures_on_one_scale():
    errors = {"dis": np.full((8, 12), 0.5), "raft-small": np.full((8, 12), 2.0)}
    key = Key(FRAME, 4.0)
    figure = drawn.fields(FRAME, {"true": FRAME, "dis": FRAME, "raft-small": FRAME}, errors, label="an error", key=key)
    maps = [axes for axes in figure.axes if axes.get_xlabel().endswith("on average")]
    assert [axes.get_xlabel() for axes in maps] == ["0.50\non average", "2.00\non average"]
    assert {axes.images[0].get_clim() for axes in maps} == {(0, 2.0)}
    assert "DIS has the smallest an error on average, 0.50 pixels" in figure.get_suptitle().replace("\n", " ")
    [inset] = figure.axes[3].child_axes
    assert inset.get_xlabel().endswith("full colour: 4\npixels per frame")
    assert [text.get_text() for text in figure.axes[5].texts] == ["an\nerror"]  # left of the first map


def test_worst_cases_share_one_scale_of_errors():
    rows = {"night": (FRAME, FRAME, FRAME, np.full((8, 12), 1.0)), "occlusion": (FRAME,) * 3 + (np.full((8, 12), 3.0),)}
    figure = drawn.worst_cases(rows, method="dis")
    told = "In its worst cases DIS is wrong by 1.0 to 3.0 pixels on average: night and hidden parts"
    assert figure.get_suptitle().replace("\n", " ") == told
    axes = figure.axes
    assert [a.get_ylabel() for a in (axes[0], axes[4])] == ["night\nerror 1.0 pixels", "hidden parts\nerror 3.0 pixels"]
    assert {a.images[0].get_clim() for a in (axes[3], axes[7])} == {(0, 3.0)}


def test_infinite_errors_do_not_spoil_the_mean():
    error = np.full((8, 12), 0.25)
    error[0] = np.inf
    figure = drawn.fields(FRAME, {"dis": FRAME}, {"dis": error})
    assert "0.25\non average" in [axes.get_xlabel() for axes in figure.axes]


def test_scales_tell_how_much_the_pictures_of_two_motions_differ():
    rows = {"on its own": {"slow": FRAME, "fast": FRAME}, "on one": {"slow": FRAME + 51, "fast": FRAME}}
    figure = drawn.scales(FRAME, rows, keys=[Key(FRAME, 4.0, "much"), Key(FRAME, 4.0)])
    assert [axes.get_title() for axes in figure.axes[1:]] == ["slow", "fast"] * 2
    told = figure.get_suptitle().replace("\n", " ")
    assert told.endswith("on its own they look the same; on one they differ")
    keys = [axes.child_axes[0].get_xlabel() for axes in figure.axes[2::2]]
    assert [key.partition("full colour: ")[2] for key in keys] == ["much", "4\npixels per frame"]


def test_methods_are_placed_by_time_and_error_and_nothing_moves_is_a_line():
    rows = [{"method": "dis", "epe": 0.4, "low": 0.3, "high": 0.5, "seconds": 0.002}]
    rows.append({"method": "nothing moves", "epe": 1.1, "low": 0.9, "high": 1.3, "seconds": 0.0})
    figure = drawn.methods(pd.DataFrame(rows))
    [axes], [legend] = figure.axes, figure.legends
    assert [text.get_text() for text in legend.get_texts()] == ["DIS", "assuming that\nnothing moves"]
    assert not axes.texts  # no name beside a point, over a bar
    assert axes.get_title() == "DIS has the smallest error of motion: 0.40 pixels on average"
    point, line = axes.lines
    assert (point.get_xdata()[0], point.get_ydata()[0]) == (2.0, 0.4)
    assert line.get_ydata()[0] == 1.1


def test_conditions_are_rows_and_few_clips_have_no_interval():
    rows = [
        {"condition": c, "method": "dis", "epe": e, "low": e - 0.1, "high": e + 0.1, "clips": clips}
        for c, e, clips in (("by day", 0.4, 5), ("at night", 1.0, 4))
    ]
    [axes] = drawn.failures(pd.DataFrame(rows)).axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["by day (5 clips)", "at night (4 clips: too few)"]
    assert axes.get_title() == "DIS has the smallest error of motion in all 2 situations"
    assert axes.lines[0].get_xdata().tolist() == pytest.approx([0.4, 1.0])
    [(low, high)] = [segment[:, 0] for segment in axes.collections[0].get_segments()]
    assert (low, high) == pytest.approx((0.3, 0.5))


def test_steps_have_bands():
    table = pd.DataFrame(
        {"method": "dis", "step": [1, 4], "epe": [0.3, 2.0], "low": [0.2, 1.0], "high": 3.0, "clips": 6}
    )
    figure = drawn.steps(table)
    told = figure.get_suptitle().replace("\n", " ")
    assert told.endswith("errs by 0.3 pixels for frames 1 apart and by 2.0 pixels for frames 4 apart")
    [axes] = figure.axes
    assert axes.lines[0].get_xdata().tolist() == [1, 4] and axes.lines[0].get_ydata().tolist() == [0.3, 2.0]
    heights = axes.collections[0].get_paths()[0].vertices[:, 1]
    assert (heights.min(), heights.max()) == (0.2, 3.0)
