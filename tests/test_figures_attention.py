"""The figures of attention show the weights that they were given, under the names of the slots."""

import numpy as np
import pytest

from amc import figures
from amc.figures import attention as drawn


def test_slots_are_named_and_coloured_by_what_they_hold():
    names, colors = drawn.slot_names(4, "rgb+flow")
    assert names == ["I₁", "F₁", "I₂", "F₂"]
    assert colors[0] == colors[2] != colors[1] == colors[3]
    assert drawn.slot_names(2, "flow")[0] == ["F₁", "F₂"]


def test_maps_of_all_slots_share_one_scale_that_no_single_patch_sets():
    maps = np.ones((4, 5, 5))
    maps[0, 0, 0], maps[1, :2] = 100.0, 4.0
    parts = np.array([0.5, 0.25, 1, 0])
    noise = np.random.default_rng(0).integers(0, 256, (4, 3, 256, 256), dtype=np.uint8)
    figure = drawn.patches(noise, maps, modality="rgb+flow", parts=parts, title="layer 1")
    heats = [axes.images[-1].get_alpha() for axes in figure.axes if len(axes.images) == 2]
    assert heats[0][0, 0] == heats[1][0, 0] == drawn.COVER  # full from the high quantile on
    assert (heats[2] == 0).all() and heats[0][1, 1] == 0  # uniform attention leaves the picture as it is
    assert figures.show(figure, "attention over noise").data  # heat is no picture that could be made light
    assert [axes.get_xlabel() for axes in figure.axes if "patches" in axes.get_xlabel()][:2] == [
        "50 %\nto patches", "25 %\nto patches"
    ]  # fmt: skip


def test_an_exchange_is_a_matrix_a_title_whose_scale_begins_at_nothing():
    matrix = np.array([[1.5, 0.5], [0.04, 1.96]])
    figure = drawn.exchange({"messages": matrix, "integration": np.ones((2, 2))}, modality="rgb")
    left, right = figure.axes[:2]
    assert [left.get_title(), right.get_title()] == ["messages", "integration"]
    assert [text.get_text() for text in left.texts] == ["1.5", "0.5", "0.0", "2.0"]
    assert left.collections[0].get_clim() == right.collections[0].get_clim() == (0, 2)


def test_the_nearest_texts_come_first_and_written_ones_are_never_left_out():
    before, after = np.array([0.1, 0.2, 0.3]), np.array([0.15, 0.5, 0.4])
    figure = drawn.nudges(before, after, ["a", "b", "c"], written=np.array([True, False, False]), top=1)
    cosines, _ = figure.axes
    assert [text.get_text() for text in cosines.get_yticklabels()] == ["b", "✓ a"]
    assert [bar.get_width() for bar in cosines.patches if bar.get_height() == 0.6] == [0.5, 0.15]


def test_the_change_of_a_text_has_a_scale_of_its_own():
    before, after = np.array([0.70, 0.32]), np.array([0.71, 0.31])
    _, changes = drawn.nudges(before, after, ["a", "b"], written=np.zeros(2, bool)).axes
    assert [bar.get_width() for bar in changes.patches] == pytest.approx([0.01, -0.01])
    assert [text.get_text() for text in changes.texts] == ["+0.01", "−0.01"]
    low, high = changes.get_xlim()
    assert high - low < 0.04  # a hundredth is a quarter of the width or more
