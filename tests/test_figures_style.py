"""A colour means one thing in all figures."""

import io
import re
from pathlib import Path

import numpy as np
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure
from PIL import Image

from amc.figures import motion, style

GROUPS = [style.SCHEME_COLORS, style.MODALITY_COLORS, style.FLOW_COLORS, style.BAND_COLORS]
SINGLE = [style.MODEL, style.HUMAN, style.TRUTH, style.WARNING, style.ATTENTION, style.INK, style.SHADE, style.PALE]


def test_no_colour_has_two_meanings():
    every = [color for group in GROUPS for color in group.values()] + SINGLE
    assert len(set(every)) == len(every)
    apart = np.array([to_rgb(color) for color in every])
    distance = np.abs(apart[:, None] - apart).sum(axis=-1) + 3 * np.eye(len(every))
    assert distance.min() > 0.18  # and none looks like another


def test_only_the_style_names_colours():
    folder = Path(style.__file__).parent
    found = {p.name for p in folder.glob("*.py") if re.search(r'"#[0-9A-Fa-f]{6}"', p.read_text(encoding="utf-8"))}
    assert found == {"style.py"}


def test_the_bands_are_apart_in_grey_by_a_sixth_of_the_scale():
    greys = sorted(np.dot(to_rgb(color), (0.299, 0.587, 0.114)) for color in style.BAND_COLORS.values())
    assert min(np.diff(greys)) > 1 / 6


def test_methods_of_one_colour_family_differ_in_their_markers():
    markers = [motion.METHODS[name][1] for name in style.FLOW_COLORS]
    assert len(set(markers)) == len(markers)


def test_a_preview_is_the_whole_figure_at_the_resolution_of_the_screen():
    for picture, kind in ((np.zeros((4, 6, 3), np.uint8), "jpeg"), (np.zeros((4, 6)), "png")):
        figure = Figure((3, 2), layout="constrained")
        axes = figure.subplots()
        axes.imshow(picture)
        axes.set_ylabel("up")
        shown = style.preview(figure, "a picture")
        assert (shown.format, shown.width, shown.alt) == (kind, 264, "a picture")
        drawn = np.asarray(Image.open(io.BytesIO(shown.data)).convert("L"))
        assert drawn.shape == (176, 264)
        assert (drawn[:, :3] > 240).all() and (drawn[:, :30] < 100).any()  # the label, with space around it
