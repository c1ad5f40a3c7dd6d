"""The figures of attention show the weights that they were given, under the names of the slots."""

import numpy as np

from amc import figures
from amc.figures import attention as drawn


def test_slots_are_named_and_coloured_by_what_they_hold():
    names, colors = drawn.slot_names(4, "rgb+flow")
    assert names == ["frame 1", "motion 1", "frame 2", "motion 2"]
    assert colors[0] == colors[2] != colors[1] == colors[3]
    assert drawn.slot_names(2, "flow")[0] == ["motion 1", "motion 2"]


def test_maps_of_all_slots_share_one_scale_that_no_single_patch_sets():
    maps = np.ones((4, 5, 5))
    maps[0, 0, 0], maps[1, :2] = 100.0, 4.0
    parts = np.array([0.5, 0.25, 1, 0])
    noise = np.random.default_rng(0).integers(0, 256, (4, 3, 256, 256), dtype=np.uint8)
    figure = drawn.patches(noise, maps, modality="rgb+flow", parts=parts, title="layer 1")
    axes = figure.axes[0]
    [top] = axes.child_axes
    assert [label.get_text() for label in top.get_xticklabels()] == ["frame 1", "motion 1", "frame 2", "motion 2"]
    heats = [image.get_alpha() for image in axes.images[8:]]
    assert [image.get_extent() for image in axes.images[8:]] == [image.get_extent() for image in axes.images[4:8]]
    assert heats[0][0, 0] == heats[1][0, 0] == drawn.COVER  # full from the high quantile on
    assert (heats[2] == 0).all() and heats[0][1, 1] == 0  # uniform attention leaves the picture as it is
    assert figures.show(figure, "attention over noise").data  # heat is no picture that could be made light
    assert [label.get_text() for label in axes.get_xticklabels()] == ["50 %", "25 %", "100 %", "0 %"]


def test_the_title_of_the_maps_tells_on_how_little_of_a_picture_half_of_the_attention_falls():
    even, one = np.ones((1, 2, 2)), np.array([[[9.0, 1], [1, 1]]])
    slots = np.zeros((2, 3, 8, 8), np.uint8)
    title = drawn.patches(slots, np.concatenate([even, one]), modality="rgb", title=", layer 1").get_suptitle()
    assert title.endswith("falls on 38 % of a picture, layer 1")  # on two of four patches, and on one of four


def test_an_exchange_is_a_matrix_a_title_whose_scale_begins_at_nothing():
    matrix = np.array([[0.75, 0.25], [0.02, 0.98]])
    figure = drawn.exchange({"first\n(messages)": matrix, "at the end": np.full((2, 2), 0.5)}, modality="rgb")
    told = figure.get_suptitle().replace("\n", " ")
    assert told.endswith("to another: 14 % first and 50 % at the end; spread evenly it would be 50 %")
    mixed = drawn.exchange({"first": np.array([[0.0, 1.0], [0.25, 0.75]])}, modality="rgb+flow")
    assert "between frames and motion: 62 % first" in mixed.get_suptitle()
    left, right = figure.axes
    assert [left.get_title(), right.get_title()] == ["first\n(messages)", "at the end"]
    assert [text.get_text() for text in left.texts] == ["75", "25", "2", "98"]
    assert left.collections[0].get_clim() == right.collections[0].get_clim() == (0, 100)


def test_the_nearest_texts_come_first_and_written_ones_are_never_left_out():
    before, after = np.array([0.1, 0.2, 0.3]), np.array([0.15, 0.5, 0.4])
    figure = drawn.nudges(before, after, ["a", "b", "c"], written=np.array([True, False, False]), top=1)
    [axes] = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["b", "✓ a"]
    assert [line.get_xdata().tolist() for line in axes.lines] == [[0.2, 0.1], [0.5, 0.15]]  # without and with the video
    assert figure.get_suptitle().endswith("by 0.10 (median)")
