"""Figures show what they were given, with units, one colour a method even in grey, and text for who cannot see them."""

import io
import subprocess
import sys

import matplotlib.pyplot as plt
import numpy as np
import pytest
from matplotlib.collections import PathCollection
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from amc import figures, paths, sampling
from amc.errors import AmcError

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def reports(tmp_path, monkeypatch):
    monkeypatch.setenv("AMC_REPORTS", str(tmp_path / "reports"))


def row(table, scheme, modality, seed=0, **values):
    numbers = {"map_macro": 30.0, "map_macro_low": 25.0, "map_macro_high": 36.0, "chance_macro": 12.0, "paper": 73.93}
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
    assert labels == ["I$_{1}$ frame 3", "F$_{1}$ flow of 3", "I$_{2}$ frame 17", "F$_{2}$ flow of 17"]
    edges = [axes.spines["left"].get_edgecolor()[:3] for axes in figure.axes]
    assert edges == [to_rgb(figures.MODALITY_COLORS[name]) for name in ("rgb", "flow", "rgb", "flow")]
    alone = figures.interleaved(slots[:2], [3, 17], modality="flow")
    assert [axes.get_xlabel()[0] for axes in alone.axes] == ["F", "F"]


def test_flow_in_a_strip_has_a_key_with_its_scale_and_frames_alone_have_none():
    slots, key = np.zeros((4, 3, 6, 8), np.uint8), figures.Key(np.zeros((3, 9, 9), np.uint8), 3.2, "128 px")
    [inset] = figures.interleaved(slots, [3, 17], key=key).axes[3].child_axes
    assert inset.get_xlabel() == "rim: 3.2 px\na frame\nat 128 px"
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
    assert axes.get_xlabel() == "frame"
    assert axes.child_axes[0].get_xlabel() == "time, s"
    assert ("context" in texts(figure)) == (scheme != "sparse")


def test_a_timeline_without_a_frame_rate_has_no_seconds():
    windows = sampling.plan(9, scheme="dense", num_windows=1, frames=1)
    assert "time, s" not in texts(figures.timeline(windows, num_frames=9, fps=float("nan"), scheme="dense"))


def test_arrows_and_key_of_a_motion_field_are_in_pixels_a_frame():
    frame, vectors = np.zeros((28, 56, 3), np.uint8), np.zeros((2, 28, 56), np.float32)
    vectors[0] = np.arange(56)  # u grows to the right
    figure = figures.motion_field(frame, vectors, {"flow": frame}, frame[:28, :28], max_px=6.5, stretch=2)
    first, _, key = figure.axes
    arrows = first.collections[0]
    np.testing.assert_array_equal(arrows.U, arrows.X)  # each arrow is the vector at its own place
    assert (arrows.V == 0).all()
    assert arrows.scale == 1 / 2
    assert (key.get_xlabel(), key.get_ylabel()) == ("u, px/frame", "v, px/frame")
    assert tuple(key.images[0].get_extent()) == (-6.5, 6.5, 6.5, -6.5)


def test_scores_are_ranked_by_their_mean_and_written_labels_are_always_shown():
    values = np.array([[0.1, 0.9, 0.5, 0.0], [0.3, 0.7, 0.6, 0.0]])
    truth = np.array([False, True, False, True])
    figure = figures.scores(values, ["a", "b", "c", "d"], truth=truth, threshold=0.55, top=2)
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == ["✓ b", "c", "✓ d"]
    means = [line for line in axes.lines if line.get_marker() == "o"]
    assert [float(line.get_xdata()[0]) for line in means] == pytest.approx([0.8, 0.55, 0.0])
    assert [line.get_markerfacecolor() == "white" for line in means] == [False, False, True]  # 0.55 reaches it
    assert "threshold 0.55" in texts(figure)


def test_the_ablation_has_a_panel_for_each_table_with_both_averagings_and_the_paper():
    figure = figures.ablation(TABLES)
    assert len(figure.axes) == 2
    assert [label.get_text() for label in figure.axes[0].get_xticklabels()] == ["dense", "semi-dense", "sparse"]
    assert [label.get_text() for label in figure.axes[1].get_xticklabels()] == ["rgb", "flow", "rgb+flow"]
    for axes in figure.axes:
        assert [points(axes, 1 + offset) for offset in (-0.2, 0.2, 0)] == [[30.0], [41.0], [73.93]]
        assert sorted({line.get_ydata()[0] for line in axes.lines}) == [12.0, 19.5]  # chance
    assert figure.axes[0].get_ylabel() == "mAP, %"


def test_the_ablation_draws_what_there_is():
    assert len(figures.ablation(SPARSE[:1]).axes) == 1
    beyond = figures.ablation([row(None, "dense", "flow", paper=None)])
    assert [label.get_text() for label in beyond.axes[0].get_xticklabels()] == ["dense\nflow"]
    assert points(beyond.axes[0], 0) == []
    unknown = row(3, "sparse", "rgb", map_macro=None, map_macro_low=None, map_macro_high=float("nan"))
    assert points(figures.ablation([unknown]).axes[0], -0.2) == []
    with pytest.raises(AmcError, match="no rows"):
        figures.ablation([])


def test_seeds_stand_beside_each_other():
    figure = figures.ablation([row(3, "sparse", "rgb", seed=seed, map_macro=30.0 + seed) for seed in (0, 1)])
    assert [points(figure.axes[0], x) for x in (-0.24, -0.16)] == [[30.0], [31.0]]


def test_a_shown_figure_is_a_small_png_with_alternative_text():
    noise = RNG.integers(0, 256, (8, 128, 128, 3), dtype=np.uint8)
    image = figures.show(figures.film_strip(noise, list("abcdefgh")), "eight pictures of noise")
    assert image.alt == "eight pictures of noise"
    assert image.data[:4] == b"\x89PNG"
    with pytest.raises(AmcError, match="alt"):
        figures.show(figures.ablation(SPARSE), " ")


def test_a_small_figure_is_lossless_and_no_figure_has_fewer_pixels_than_a_screen_shows():
    chart = Figure((6, 3))
    chart.subplots().axhspan(0, 1, color="#F1F2F3")  # a tint that rounding would change
    with Image.open(io.BytesIO(figures.show(chart, "a tint").data)) as image:
        assert (0xF1, 0xF2, 0xF3) in {color for _, color in image.convert("RGB").getcolors(10_000)}
    noise = RNG.integers(0, 256, (16, 128, 128, 3), dtype=np.uint8)
    strip = figures.film_strip(noise, [str(k) for k in range(16)])
    with Image.open(io.BytesIO(figures.show(strip, "noise").data)) as image:
        assert image.size[0] > 88 * strip.get_figwidth() * 0.95


def test_a_figure_that_had_to_be_made_light_is_as_it_was_afterwards():
    noise = RNG.integers(0, 256, (16, 256, 256, 3), dtype=np.uint8)
    strip = figures.film_strip(noise, [str(k) for k in range(16)])
    figures.show(strip, "noise, which fits in no file")
    shown = [axes.images[0] for axes in strip.axes]
    np.testing.assert_array_equal([image.get_array() for image in shown], noise)
    assert all(image.get_extent() == [-0.5, 255.5, 255.5, -0.5] for image in shown)


def test_a_saved_figure_lies_in_the_reports_and_keeps_white_white():
    path = figures.save(figures.ablation(TABLES), "ablation", "alt text")
    assert path == paths.reports() / "figures" / "ablation.png"
    assert path.stat().st_size <= 200_000
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
