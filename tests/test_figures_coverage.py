"""The figures of what plans cover show the numbers that they were given."""

import numpy as np
import pandas as pd
import pytest

from amc import sampling
from amc.companion import coverage
from amc.figures import coverage as drawn


def test_where_nobody_looks_is_drawn_by_scheme_and_number_of_classifiers():
    seen = [np.array([0, 1, 0, 0]), np.array([1, 0, 2, 3, 0])]
    figure = drawn.unseen_by_place({"dense": seen}, (2, 4), frames=3)
    axes = figure.axes[0]
    assert figure.get_suptitle() == "Of 5 frames of a video, 4 classifiers together see 3 with dense"
    bars = [[tuple(path.get_extents().intervalx.round(9)) for path in row.get_paths()] for row in axes.collections]
    assert bars == [[(0.25, 0.5)], [(0, 0.2), (0.4, 0.6), (0.6, 0.8)]]  # each frame where it is
    dark, light, again = axes.collections[1].get_facecolor()
    assert (dark == again).all() and light[3] < dark[3]
    assert [text.get_text() for text in axes.get_yticklabels()] == ["2", "4"]
    assert [text.get_text() for text in axes.texts] == ["1", "3"]
    assert [text.get_weight() for text in axes.texts] == ["normal", "bold"]  # that of the title
    assert figure.get_supxlabel().startswith("a mark: a frame, 3 for each classifier; ")
    assert [list(line.get_xdata()) for line in axes.lines] == [[0, 0.2], [0.4, 0.6], [0.6, 0.8]]  # they do not mix
    mixed = drawn.unseen_by_place({"sparse": [np.array([1, 2, 1])]}, (2,), frames=2)
    assert not mixed.axes[0].lines and "a line" not in mixed.get_supxlabel()


def test_a_line_of_unseen_frames_varies_one_count_about_the_others():
    here = {"num_windows": 2, "frames": 3, "num_frames": 48}
    rows = [here | {"scheme": "dense", "unseen": 0.5}, here | {"frames": 6, "scheme": "dense", "unseen": 0.25}]
    figure = drawn.unseen(pd.DataFrame(rows), **here)
    axes = figure.axes
    told = "Of the 48 frames of a video, 2 classifiers with 3 frames each leave 50 % (dense) unseen"
    assert figure.get_suptitle().replace("\n", " ") == told
    assert axes[0].get_title() == "3 frames each,\na video of 48 frames"
    assert [len(panel.lines[0].get_xdata()) for panel in axes] == [1, 2, 1]
    assert axes[1].lines[0].get_ydata().tolist() == [50, 25]


def test_what_is_caught_is_drawn_in_percent_by_scheme():
    caught = coverage.catches(coverage.scripted(60), num_windows=2, frames=3)
    by_frames = coverage.rates(caught.assign(frames=3), "frames")
    caught["length"] = pd.cut(caught["seconds"], [0, 1, 4, 12])
    by_length = coverage.rates(caught, "length").rename(columns={"length": "seconds"})
    figure = drawn.catches(by_length, by_frames, num_windows=2, frames=3)
    left, middle, right = figure.axes
    share = by_length.query("scheme == 'sparse'")["share"].iloc[0]
    told = figure.get_suptitle().replace("\n", " ")
    assert "at most 1 s" in told and f"{100 * share:.0f} % with sparse" in told
    assert left.lines[0].get_ydata()[0] == pytest.approx(100 * by_frames["any"].iloc[0])
    dense = by_length.query("scheme == 'dense'")
    assert middle.lines[0].get_ydata().tolist() == pytest.approx((100 * dense["share"]).tolist())
    rings = [line.get_ydata()[0] for line in middle.lines if line.get_markersize() == 17]
    assert rings == pytest.approx([100 * row.share for row in by_length.drop_duplicates("scheme").itertuples()])
    assert middle.texts[0].get_text().endswith(f"sparse {100 * share:.0f} %")
    assert right.lines[0].get_ydata().tolist() == pytest.approx(dense["looks"].tolist())
    assert "2 classifiers with 3 frames" in told and right.get_xlabel().startswith("length of the event, s")


def test_short_videos_are_numbered_by_how_often_a_frame_is_shown():
    plans = {"dense": {2: sampling.plan(2, scheme="dense", num_windows=3, frames=4)}}
    figure = drawn.short_videos(plans | {"sparse": plans["dense"]})
    told = figure.get_suptitle().replace("\n", " ")
    sees = "3 classifiers that get 4 frames each see 2 with dense and 2 with sparse"
    assert told == f"Of a video of only 2 frames, {sees}"
    assert [[bar.get_height() for bar in axes.patches] for axes in figure.axes] == [[8, 4]] * 2
    assert [text.get_text() for text in figure.axes[0].texts] == ["8", "4"]


def test_gaps_are_drawn_as_the_median_of_the_draws():
    gaps = {"random": np.array([[0.4, 0.2], [0.6, 0.3], [0.5, 0.1]]), "regular": np.array([[0.25, 0.25]])}
    figure = drawn.spread({rule: np.array([[0.1, 0.6]]) for rule in gaps}, gaps)
    left, right = figure.axes
    told = figure.get_suptitle().replace("\n", " ")
    assert "1 classifiers leave unseen: 25 % (regular) and 50 % (random)" in told
    assert [line.get_ydata().tolist() for line in right.lines[:2]] == [[50, 20], [25, 25]]
    assert [text.get_text() for text in right.texts] == ["50 %", "25 %"]
    assert [sorted((text.xy[0], text.xyann[0])) for text in left.texts] == [[0.1, 0.6]] * 2  # the longest gap
