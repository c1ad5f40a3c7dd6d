"""Figures show what they were given, with units, one colour per method even in grey, and alternative text."""

import io
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb
from PIL import Image

from amc import figures, sampling
from amc.base import paths
from amc.base.errors import AmcError

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def reports(tmp_path, monkeypatch):
    monkeypatch.setenv("AMC_REPORTS", str(tmp_path / "reports"))


def row(table, scheme, modality, seed=0, **values):
    numbers = {"map_macro": 30.0, "map_macro_low": 25.0, "map_macro_high": 36.0, "chance_macro": 12.0}
    numbers |= {"map_micro": 41.0, "map_micro_low": 38.0, "map_micro_high": 45.0, "chance_micro": 19.5}
    return {"table": table, "scheme": scheme, "modality": modality, "seed": seed} | numbers | values


SPARSE = [row(3, "sparse", modality) for modality in ("rgb+flow", "rgb", "flow")]
TABLES = [row(2, scheme, "rgb") for scheme in sampling.SCHEMES] + SPARSE


def texts(figure) -> list[str]:
    return [text.get_text() for text in figure.findobj(lambda artist: hasattr(artist, "get_text"))]


def points(axes, x: float) -> list[float]:
    """Heights of the markers whose place is x."""
    groups = [group for group in axes.collections if isinstance(group, PathCollection)]
    offsets = [offset for group in groups for offset in np.ma.filled(group.get_offsets(), np.nan)]
    return [round(float(height), 6) for place, height in offsets if abs(place - x) < 1e-6 and np.isfinite(height)]


@pytest.mark.parametrize("colors", [figures.SCHEME_COLORS, figures.MODALITY_COLORS])
def test_colours_are_apart_in_grey_by_a_sixth_of_the_scale(colors):
    greys = sorted(np.dot(to_rgb(color), (0.299, 0.587, 0.114)) for color in colors.values())
    assert min(np.diff(greys)) > 1 / 6


def test_every_scheme_and_modality_has_a_colour():
    from amc.interleave import MODALITIES

    assert set(figures.SCHEME_COLORS) == set(sampling.SCHEMES)
    assert set(figures.MODALITY_COLORS) == set(MODALITIES)


def test_a_film_strip_shows_each_frame_once_whichever_axis_holds_the_channels():
    frames = RNG.integers(0, 256, (3, 5, 4, 3), dtype=np.uint8)
    for given in (frames, np.moveaxis(frames, -1, 1)):
        figure = figures.film_strip(given, ["a", "b", "c"], columns=2)
        shown = [axes.images[0].get_array() for axes in figure.axes if axes.images]
        np.testing.assert_array_equal(shown, frames)
        assert [axes.get_xlabel() for axes in figure.axes if axes.images] == ["a", "b", "c"]


@pytest.mark.parametrize("shape, captions", [((3, 5, 4, 3), ["a"]), ((3, 5, 4), ["a"] * 3), ((0, 5, 4, 3), [])])
def test_frames_without_a_caption_and_arrays_that_are_no_pictures_are_refused(shape, captions):
    with pytest.raises(AmcError):
        figures.film_strip(np.zeros(shape, np.uint8), captions)


def test_the_slots_of_a_clip_are_named_in_the_order_of_the_paper():
    slots = np.zeros((4, 3, 6, 8), np.uint8)
    figure = figures.interleaved(slots, [3, 17])
    labels = [axes.get_xlabel().replace("\n", " ") for axes in figure.axes]
    assert labels == ["I₁: picture frame 3", "F₁: motion frame 3", "I₂: picture frame 17", "F₂: motion frame 17"]
    alone = figures.interleaved(slots[:2], [3, 17], modality="flow")
    assert [axes.get_xlabel()[4:10] for axes in alone.axes] == ["motion"] * 2


def test_flow_in_a_strip_has_a_key_with_its_scale_and_frames_alone_have_none():
    slots, key = np.zeros((4, 3, 6, 8), np.uint8), figures.Key(np.zeros((3, 9, 9), np.uint8), 3.2)
    [inset] = figures.interleaved(slots, [3, 17], key=key).axes[3].child_axes
    assert inset.get_xlabel() == "down\ncolour: direction\nwhite: no motion\nfull colour: from 3.2\npixels per frame on"
    assert [inset.get_title(), *(text.get_text() for text in inset.texts)] == ["up", "left", "right"]
    alone = figures.interleaved(slots, [1, 2, 3, 4], modality="rgb", key=key)
    assert not [axes for axes in alone.axes if axes.child_axes]


@pytest.mark.parametrize("scheme", sampling.SCHEMES)
def test_a_timeline_marks_the_frames_of_the_plan_on_the_row_of_their_classifier(scheme):
    windows = sampling.plan(30, scheme=scheme, num_windows=3, frames=2)
    figure = figures.timeline(windows, num_frames=30, fps=24, scheme=scheme, events=[("Jumping", 6, 12)])
    axes = figure.axes[0]
    marks = [[(x, round(ys.mean(), 6)) for (x, _), ys in ((s[0], s[:, 1]) for s in rows.get_segments())]
             for rows in axes.collections]  # fmt: skip
    assert marks == [[(frame + 0.5, m) for frame in window.frames] for m, window in enumerate(windows)]
    assert [label.get_text() for label in axes.get_yticklabels()] == [f"classifier {m}" for m in (1, 2, 3)] + [
        "Jumping"
    ]
    assert (axes.get_xlabel(), axes.child_axes[0].get_xlabel()) == ("frame", "time, s")
    ranges = [(bar.get_x(), bar.get_width()) for bar in axes.patches if bar.get_hatch()]
    context = [(start, stop - start) for window in windows for start, stop in window.context]
    assert ranges == (context if scheme == "semi-dense" else [])  # dense and sparse never look there
    assert ("rest of the video" in texts(figure)) == (scheme == "semi-dense")


def test_the_title_of_a_timeline_counts_the_different_frames():
    windows = sampling.plan(82, scheme="semi-dense", num_windows=3, frames=4)
    figure = figures.timeline(windows, num_frames=82, fps=24, scheme="semi-dense")
    told = figure.get_suptitle().replace("\n", " ")
    assert told.startswith("3 classifiers together see 9 of 82 frames (11 %), 3 of them twice; semi-dense")
    for line in figure.axes[0].lines:
        assert list(line.get_ydata()) == [m for m in range(3) if line.get_xdata()[0] - 0.5 in windows[m].frames]


def test_a_context_that_no_frame_is_taken_from_is_not_drawn():
    windows = sampling.plan(30, scheme="semi-dense", num_windows=3, frames=1)  # the one frame is the main window's
    figure = figures.timeline(windows, num_frames=30, fps=24, scheme="semi-dense")
    assert not [bar for bar in figure.axes[0].patches if bar.get_hatch()]
    assert "rest of the video" not in texts(figure)


def test_a_timeline_without_a_frame_rate_has_no_seconds():
    windows = sampling.plan(9, scheme="dense", num_windows=1, frames=1)
    assert "time, s" not in texts(figures.timeline(windows, num_frames=9, fps=float("nan"), scheme="dense"))


def test_arrows_and_key_of_a_motion_field_are_in_pixels_a_frame():
    frame, vectors = np.zeros((28, 56, 3), np.uint8), np.zeros((2, 28, 56), np.float32)
    vectors[0] = np.arange(56)  # u grows to the right
    figure = figures.motion_field(frame, vectors, {"flow": frame}, figures.Key(frame[:28, :28], 6.5), stretch=2)
    first, last = figure.axes
    arrows = first.collections[0]
    np.testing.assert_array_equal(arrows.U, arrows.X)  # each arrow is the vector at its own place
    assert (arrows.V == 0).all() and arrows.scale == 1 / 2
    assert last.child_axes[0].get_xlabel().endswith("full colour: from 6.5\npixels per frame on")
    shown = {"pictures": {"flow": frame}, "key": figures.Key(frame[:28, :28], 6.5)}
    known = figures.motion_field(frame, vectors, **shown, true=(true := vectors + [[[3]], [[4]]]))
    assert known.get_suptitle().replace("\n", " ").endswith("is wrong by 5.0 pixels on average, 5.0 at most")
    assert "wrong" not in figure.get_suptitle()
    vectors[:], true[:] = 1, 1
    true[0, :9, :9] = 7  # an animal that the estimate misses
    found = figures.motion_field(frame, vectors, **shown, true=true).get_suptitle()
    assert "by 0.0 pixels on average in the background, and by up to 6.0 in" in found.replace("\n", " ")


def test_scores_are_ranked_by_their_mean_and_written_labels_are_always_shown():
    values = np.array([[0.1, 0.9, 0.5, 0.0], [0.3, 0.7, 0.6, 0.0]])
    truth = np.array([False, True, False, True])
    figure = figures.scores(values, ["a", "b", "c", "d"], truth=truth, threshold=0.55, top=2)
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["✓ b", "c", "✓ d"]
    means = [line for line in axes.lines if line.get_marker() == "o"]
    assert [float(line.get_xdata()[0]) for line in means] == pytest.approx([0.8, 0.55, 0.0])
    assert [line.get_markerfacecolor() == "white" for line in means] == [False, False, True]  # 0.55 reaches it
    here = "the 2 of 4 names that score highest, and all that are annotated"
    assert {here, "threshold: predicted from 0.55 on"} <= set(texts(figure))


def test_the_ablation_has_a_panel_for_each_table_with_both_averagings_in_words():
    figure = figures.ablation(TABLES)
    assert len(figure.axes) == 2
    inputs = ("frames alone", "motion alone", "frames and motion")
    for axes, names in zip(figure.axes, (("dense", "semi-dense", "sparse"), inputs), strict=True):
        assert [tick.get_text() for tick in axes.get_xticklabels()] == list(names)
        assert [points(axes, 1 + offset) for offset in (-0.2, 0.2, 0)] == [[30.0], [41.0], []]
        assert sorted({line.get_ydata()[0] for line in axes.lines}) == [12.0, 19.5]  # chance
    assert figure.axes[0].get_ylabel() == "mAP, %"
    same = "what the model gets makes no clear difference (macro mAP 30.0 to 30.0 %)"
    assert figure.get_suptitle().replace("\n", " ").endswith(same)


def test_the_ablation_draws_what_there_is():
    assert len(figures.ablation(SPARSE[:1]).axes) == 1
    beyond = figures.ablation([row(None, "dense", "flow")])
    assert [label.get_text() for label in beyond.axes[0].get_xticklabels()] == ["dense\nmotion alone"]
    assert points(beyond.axes[0], 0) == []
    unknown = row(3, "sparse", "rgb", map_macro=None, map_macro_low=None, map_macro_high=float("nan"))
    assert points(figures.ablation([unknown]).axes[0], -0.2) == []
    with pytest.raises(AmcError, match="no rows"):
        figures.ablation([])


def test_seeds_stand_beside_each_other():
    figure = figures.ablation([row(3, "sparse", "rgb", seed=seed, map_macro=30.0 + seed) for seed in (0, 1)])
    assert [points(figure.axes[0], x) for x in (-0.24, -0.16)] == [[30.0], [31.0]]


def test_a_saved_figure_lies_in_the_reports_and_keeps_white_white():
    path = figures.save(figures.ablation(TABLES), "ablation", "alt text")
    assert path == paths.reports() / "figures" / "ablation.png"
    with Image.open(io.BytesIO(path.read_bytes())) as image:
        assert image.size[0] > 1000
        assert image.convert("RGB").getpixel((0, 0)) == (255, 255, 255)


def test_no_figure_is_left_with_pyplot_and_no_style_leaks():
    size = plt.rcParams["font.size"]
    figures.show(figures.ablation(TABLES), "tables")
    assert plt.get_fignums() == []
    assert plt.rcParams["font.size"] == size


def test_figures_need_no_torch():
    code = "import sys, amc.figures; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
