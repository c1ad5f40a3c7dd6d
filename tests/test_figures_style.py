"""A colour means one thing in all figures."""

import re
from pathlib import Path

import numpy as np
from matplotlib.colors import to_rgb

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
