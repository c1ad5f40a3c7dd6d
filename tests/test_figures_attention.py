"""The figures of attention show the weights that they were given, under the names of the slots."""

import numpy as np
import pytest

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
    noise = np.random.default_rng(0).integers(0, 256, (4, 3, 256, 256), dtype=np.uint8)
    figure = drawn.patches(noise, maps, modality="rgb+flow", title="layer 1")
    axes = figure.axes[0]
    told = [text.get_text() for text in axes.texts if not text.get_text().startswith("colour")]
    assert told == ["frame 1", "motion 1", "frame 2", "motion 2"]
    heats = [image.get_alpha() for image in axes.images[2::3]]
    assert [image.get_extent() for image in axes.images[2::3]] == [image.get_extent() for image in axes.images[1::3]]
    assert heats[0][0, 0] == heats[1][0, 0] == drawn.COVER  # full from the high quantile on
    assert (heats[2] == 0).all() and heats[0][1, 1] == 0  # uniform attention leaves the picture as it is
    assert figures.show(figure, "attention over noise").data  # heat is no picture that could be made light
    eight = drawn.patches(np.concatenate([noise, noise]), np.ones((8, 5, 5)), modality="rgb+flow").axes[0]
    places = [text.get_position() for text in eight.texts]
    assert [x for x, _ in places] == [0, 1, 2, 3] * 2 and len({y for _, y in places}) == 2  # in two blocks


def test_the_title_of_the_maps_tells_on_how_little_of_a_picture_half_of_the_attention_falls():
    even, one = np.ones((1, 2, 2)), np.array([[[9.0, 1], [1, 1]]])
    slots = np.zeros((2, 3, 8, 8), np.uint8)
    title = drawn.patches(slots, np.concatenate([even, one]), modality="rgb", title=", layer 1").get_suptitle()
    assert title.endswith("falls on 38 % of it, layer 1")  # on two of four patches, and on one of four


def test_the_title_of_the_maps_counts_the_pictures_whose_highest_attention_is_on_the_animal():
    maps = np.ones((2, 2, 3))
    maps[:, 1, 2] = 9
    animals = np.zeros((2, 5, 7), bool)
    animals[0, 4, 6], animals[1, 0, 0] = True, True
    figure = drawn.patches(np.zeros((2, 3, 8, 8), np.uint8), maps, modality="rgb", animals=animals)
    told = figure.get_suptitle().replace("\n", " ")
    assert told.endswith("touches the animal (outline) in 1 of 2 pictures, by chance in 0.3")


def test_an_exchange_is_a_bar_for_each_stage_and_kind_of_slot_beside_even_attention():
    matrix = np.array([[0.75, 0.25], [0.02, 0.98]])
    figure = drawn.exchange({"first\n(early)": matrix, "at the end": np.full((2, 2), 0.5)}, modality="rgb")
    told = figure.get_suptitle().replace("\n", " ")
    assert told == "Pictures give each other 14 % of their attention first and 50 % at the end"
    mixed = drawn.exchange({"first": np.array([[0.0, 1.0], [0.25, 0.75]])}, modality="rgb+flow")
    told = mixed.get_suptitle().replace("\n", " ")
    assert told == "Frames give motion 100 % of their attention first; motion gives frames 25 %"
    bars = [[bar.get_width() for bar in each.axes[0].patches] for each in (figure, mixed)]
    assert [pytest.approx(widths) for widths in bars] == [[13.5, 50], [100, 25]]
    assert mixed.axes[0].lines[0].get_xdata() == [50, 50]


def test_the_nearest_texts_come_first_and_written_ones_are_never_left_out():
    before, after = np.array([0.1, 0.2, 0.3]), np.array([0.15, 0.5, 0.4])
    figure = drawn.nudges(before, after, ["a", "b", "c"], written=np.array([True, False, False]), top=1)
    [axes] = figure.axes
    assert [text.get_text() for text in axes.get_yticklabels()] == ["b", "✓ a"]
    assert [line.get_xdata().tolist() for line in axes.lines] == [[0.2, 0.1], [0.5, 0.15]]  # without and with the video
    told = figure.get_suptitle().replace("\n", " ")
    assert told == "Of 3 names, adapted to the video, a stays at rank 3"
    assert axes.get_xlabel().endswith("\n(the 2 of 3 names that fit best)")
    other = drawn.nudges(before[::-1], after, ["a", "b", "c"], written=np.array([True, False, False]))
    assert "a goes from 1 to rank 3" in other.get_suptitle().replace("\n", " ")
