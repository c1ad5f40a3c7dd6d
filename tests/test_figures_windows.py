"""The figures of the sampling notebook show the numbers that they were given."""

import numpy as np
import pandas as pd
import pytest

from amc import sampling
from amc.companion import coverage
from amc.figures import windows as drawn

PLANS = {s: sampling.plan(48, scheme=s, num_windows=2, frames=3) for s in sampling.SCHEMES}


def test_all_schemes_share_one_time_axis_with_the_events_and_the_film():
    film = np.zeros((4, 3, 8, 8), np.uint8)
    figure = drawn.schemes(PLANS, num_frames=48, fps=24, events=[("Jumping", 10, 20)], film=film)
    *plans, events, strip = figure.axes
    assert [axes.get_title("left") for axes in plans] == list(PLANS)
    assert {axes.get_xlim() for axes in figure.axes} == {(0, 48)}
    [bar] = events.patches
    assert (bar.get_x(), bar.get_width()) == (10, 10)
    counts = [sum(any(10 <= f < 20 for f in w.frames) for w in windows) for windows in PLANS.values()]
    assert [int(text.get_text()) for text in events.texts] == counts
    assert plans[0].patches[0].get_facecolor() != plans[2].patches[0].get_facecolor() == (1, 1, 1, 1)  # an outline
    assert [tuple(image.get_extent()[:2]) for image in strip.images] == [(0, 12), (12, 24), (24, 36), (36, 48)]
    for axes, windows in zip(plans, PLANS.values(), strict=True):
        marks = [segment[0][0] for lines in axes.collections for segment in lines.get_segments()]
        assert marks == [frame + 0.5 for window in windows for frame in window.frames]


def test_only_the_schemes_that_are_drawn_are_in_the_legend():
    for scheme, word in (("dense", "main window (dense)"), ("sparse", "whole video (sparse)")):
        [legend] = drawn.schemes({scheme: PLANS[scheme]}, num_frames=48, fps=24).legends
        assert [text.get_text() for text in legend.get_texts()] == [word, "chosen frame"]


def test_each_classifier_has_its_film_with_the_shortest_event_marked():
    red = np.zeros((3, 3, 8, 8), np.uint8)
    red[:, 0] = 150
    rolls = {s: [red] * 2 for s in PLANS}
    figure = drawn.chosen(rolls, PLANS, events=[("Jumping", 10, 20), ("Walking", 0, 40)])
    frames = [frame for windows in PLANS.values() for window in windows for frame in window.frames]
    assert [int(axes.get_xlabel()) for axes in figure.axes] == frames
    is_dark = [sum(axes.spines["left"].get_edgecolor()[:3]) < 1 for axes in figure.axes]
    assert is_dark == [10 <= frame < 20 for frame in frames]
    is_red = [axes.images[0].get_array()[0, 0].tolist() == [150, 0, 0] for axes in figure.axes]
    assert is_red == is_dark  # the others are grey
    assert all(axes.images[0].get_array()[0, 0].tolist() in ([150, 0, 0], [50] * 3) for axes in figure.axes)


def test_where_nobody_looks_is_drawn_by_scheme_and_count():
    seen = [np.array([False, True, False, False]), np.array([True, False, True, True, False])]
    axes = drawn.unseen_by_place({("dense", "frames"): seen}, {"frames": (2, 4)}).axes[0]
    bars = [[tuple(path.get_extents().intervalx.round(9)) for path in row.get_paths()] for row in axes.collections]
    assert bars == [[(0.25, 0.5)], [(0, 0.2), (0.4, 0.8)]]  # each frame where it is
    assert [text.get_text() for text in axes.get_yticklabels()] == ["2", "4"]


def test_a_line_of_unseen_frames_varies_one_count_about_the_others():
    here = {"num_windows": 2, "frames": 3, "num_frames": 48}
    rows = [here | {"scheme": "dense", "unseen": 0.5}, here | {"frames": 6, "scheme": "dense", "unseen": 0.25}]
    axes = drawn.unseen(pd.DataFrame(rows), **here).axes
    assert [len(panel.lines[0].get_xdata()) for panel in axes] == [1, 2, 1]
    assert axes[1].lines[0].get_ydata().tolist() == [50, 25]


def test_what_is_caught_is_drawn_in_percent_by_scheme():
    caught = coverage.catches(coverage.scripted(60), num_windows=2, frames=3)
    by_frames = coverage.rates(caught.assign(frames=3), "frames")
    caught["length"] = pd.cut(caught["seconds"], [0, 1, 4, 12])
    by_length = coverage.rates(caught, "length").rename(columns={"length": "seconds"})
    left, middle, right = drawn.catches(by_length, by_frames, num_windows=2, frames=3).axes
    assert left.lines[0].get_ydata()[0] == pytest.approx(100 * by_frames["any"].iloc[0])
    dense = by_length.query("scheme == 'dense'")
    assert middle.lines[0].get_ydata().tolist() == pytest.approx((100 * dense["share"]).tolist())
    assert right.lines[0].get_ydata().tolist() == pytest.approx(dense["looks"].tolist())
    assert "M = 2" in left.get_title() and right.get_xlabel() == "length of the event, s"


def test_short_videos_are_numbered_by_how_often_a_frame_is_shown():
    plans = {"dense": {2: sampling.plan(2, scheme="dense", num_windows=3, frames=4)}}
    [axes] = drawn.short_videos(plans | {"sparse": plans["dense"]}).axes[:1]
    assert sorted(int(text.get_text()) for text in axes.texts) == [4, 8]


def test_gaps_are_drawn_as_the_median_of_the_draws():
    gaps = {"random": np.array([[0.4, 0.2], [0.6, 0.3], [0.5, 0.1]]), "regular": np.array([[0.25, 0.25]])}
    _, right = drawn.spread({rule: np.array([[0.1, 0.6]]) for rule in gaps}, gaps).axes
    assert [line.get_ydata().tolist() for line in right.lines] == [[50, 20], [25, 25]]
