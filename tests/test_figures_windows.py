"""The figures of the sampling notebook show the numbers that they were given."""

import numpy as np

from amc import sampling
from amc.figures import windows as drawn

PLANS = {s: sampling.plan(48, scheme=s, num_windows=2, frames=3) for s in sampling.SCHEMES}


def test_all_schemes_share_one_time_axis_with_the_events_and_the_film():
    film = np.zeros((4, 3, 8, 8), np.uint8)
    figure = drawn.schemes(PLANS, num_frames=48, fps=24, events=[("Jumping", 10, 20)], film=film)
    *plans, events, strip = figure.axes
    assert [axes.get_title("left").partition(":")[0] for axes in plans] == list(PLANS)
    assert {axes.get_xlim() for axes in figure.axes} == {drawn.limits(48)}  # all of the first and the last mark
    [bar] = events.patches
    assert (bar.get_x(), bar.get_width()) == (10, 10)
    bands = [axes.patches[-1] for axes in plans]
    assert {(band.get_x(), band.get_width()) for band in bands} == {(10, 10)}
    counts = [sum(any(10 <= f < 20 for f in w.frames) for w in windows) for windows in PLANS.values()]
    names = [scheme.replace("-", "-\n") for scheme in PLANS]
    assert [text.get_text() for text in events.texts] == [
        word for name, count in zip(names, counts) for word in (name, f"{count} of 2")
    ]
    told = f"{counts[0]} of 2 with dense, {counts[1]} of 2 with semi-dense and {counts[2]} of 2 with sparse"
    assert figure.get_suptitle().replace("\n", " ") == f"How many classifiers get a frame of Jumping: {told}"
    assert plans[0].patches[0].get_facecolor() != plans[2].patches[0].get_facecolor() == (1, 1, 1, 1)  # an outline
    assert [tuple(image.get_extent()[:2]) for image in strip.images] == [(0, 12), (12, 24), (24, 36), (36, 48)]
    for axes, windows in zip(plans, PLANS.values(), strict=True):
        marks = [segment[0][0] for lines in axes.collections for segment in lines.get_segments()]
        assert marks == [frame + 0.5 for window in windows for frame in window.frames]


def test_events_of_one_name_are_numbered_and_the_shortest_is_the_band():
    acts = [("Walking", 0, 20), ("Jumping", 20, 25), ("Walking", 25, 48)]
    dense, events = drawn.schemes({"dense": PLANS["dense"]}, num_frames=48, fps=24, events=acts).axes
    assert [label.get_text() for label in events.get_yticklabels()] == ["Walking (1)", "Jumping", "Walking (2)"]
    assert (dense.patches[-1].get_x(), dense.patches[-1].get_width()) == (20, 5)


def test_only_the_schemes_that_are_drawn_are_in_the_legend():
    for scheme, word in (("dense", "own part of the video (dense)"), ("sparse", "whole video (sparse)")):
        [legend] = drawn.schemes({scheme: PLANS[scheme]}, num_frames=48, fps=24).legends
        assert [text.get_text() for text in legend.get_texts()] == [word, "frame that a classifier gets"]


def test_frames_of_the_shortest_event_are_ringed_and_evenly_spaced_ones_are_told():
    dense, _ = drawn.schemes({"dense": PLANS["dense"]}, num_frames=48, fps=24, events=[("Jumping", 10, 20)]).axes
    rings = [x - 0.5 for line in dense.lines for x in line.get_xdata()]
    assert rings == [frame for window in PLANS["dense"] for frame in window.frames if 10 <= frame < 20]
    assert dense.get_title("left").endswith("in one part; about every 8th frame")


def test_each_classifier_has_its_film_with_the_shortest_event_marked():
    red = np.zeros((3, 3, 8, 8), np.uint8)
    red[:, 0] = 150
    rolls = {s: [red] * 2 for s in PLANS}
    figure = drawn.chosen(rolls, PLANS, events=[("Jumping", 10, 20), ("Walking", 0, 40)])
    frames = [frame for windows in PLANS.values() for window in windows for frame in window.frames]
    assert [int(axes.get_xlabel()) for axes in figure.axes] == frames
    is_dark = [sum(axes.spines["left"].get_edgecolor()[:3]) < 1 for axes in figure.axes]
    assert is_dark == [10 <= frame < 20 for frame in frames]
    shown = {s: [sum(10 <= frame < 20 for frame in w.frames) for w in windows] for s, windows in PLANS.items()}
    counts = [f"{np.count_nonzero(each)} of 2 with {s} ({sum(each)} frames)" for s, each in shown.items()]
    assert all(count in figure.get_suptitle().replace("\n", " ") for count in counts)
    is_red = [axes.images[0].get_array()[0, 0].tolist() == [150, 0, 0] for axes in figure.axes]
    assert is_red == is_dark  # the others are grey
    assert all(axes.images[0].get_array()[0, 0].tolist() in ([150, 0, 0], [50] * 3) for axes in figure.axes)
