"""The colours of a figure, in a notebook and on disk, are those that were drawn."""

import io
from functools import partial

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from matplotlib.figure import Figure
from PIL import Image

from amc import figures, flow_color, sampling
from amc.base import paths
from amc.base.errors import AmcError

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def reports(tmp_path, monkeypatch):
    monkeypatch.setenv("AMC_REPORTS", str(tmp_path / "reports"))


def lab(pixels: np.ndarray) -> np.ndarray:
    """Colours (…, 3) of sRGB, 0 to 255, in CIE L*a*b*, D65: the distance of two is ΔE of 1976; 2.3 is just noticed."""
    level = np.asarray(pixels, float) / 255
    linear = np.where(level > 0.04045, ((level + 0.055) / 1.055) ** 2.4, level / 12.92)
    matrix = [[0.4124564, 0.3575761, 0.1804375], [0.2126729, 0.7151522, 0.0721750], [0.0193339, 0.1191920, 0.9503041]]
    x = linear @ np.transpose(matrix) / [0.95047, 1, 1.08883]
    f = np.where(x > 216 / 24389, np.cbrt(x), (24389 / 27 * x + 16) / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]), 200 * (f[..., 1] - f[..., 2])], axis=-1)


def number(pixels: np.ndarray) -> np.ndarray:
    """Colours (…, 3) of 0 to 255 as one number each."""
    return pixels.astype(int) @ [65536, 256, 1]


def opened(data: bytes) -> np.ndarray:
    with Image.open(io.BytesIO(data)) as image:
        return np.asarray(image.convert("RGB"))


def as_drawn(figure: Figure) -> np.ndarray:
    """A fresh figure as matplotlib draws it, through nothing of ours."""
    stored = io.BytesIO()
    with plt.rc_context(figures.style.STYLE):
        figure.savefig(stored, dpi=figures.style.DPI, bbox_inches="tight", pad_inches=0.1, facecolor="white")
    return opened(stored.getvalue())


def foxes_and_flow() -> Figure:
    """Orange on eight textured grounds, all of flow's colours, and their key: far more than 256 colours."""
    y, x = np.mgrid[:128, :128] - 64
    light = np.random.default_rng(1).normal(1, 0.1, (8, 128, 128, 1))
    pictures = (light * [90, 140, 80]).clip(0, 255)
    pictures[:, x**2 + 2 * y**2 < 900] = 228, 121, 37
    wheel = flow_color.legend(128).numpy()
    up = flow_color.render(torch.tensor([0.0, -2.0])[None, :, None, None].expand(1, 2, 128, 128), max_px=2).numpy()
    shown = [*np.moveaxis(pictures.astype(np.uint8), -1, 1), *[wheel] * 3, *up]
    return figures.film_strip(np.stack(shown), [str(k) for k in range(12)], key=figures.Key(wheel, 2.0))


def test_the_colours_in_a_notebook_are_those_of_the_figure():
    shown = opened(figures.show(foxes_and_flow(), "foxes and flow").data)
    drawn = as_drawn(foxes_and_flow())
    assert shown.shape == drawn.shape
    away = np.linalg.norm(lab(shown) - lab(drawn), axis=-1)
    # JPEG is lossy: single pixels at edges are off by more than the 2 that flow may be off; a PNG has none of that.
    up = np.abs(drawn.astype(int) - (88, 0, 255)).max(axis=-1) <= 3
    assert up.sum() > 1000 and np.quantile(away[up], 0.95) < 1.5
    key = flow_color.legend(128).numpy().reshape(3, -1).T
    flow = np.isin(number(drawn), number(key[np.ptp(key, axis=1) > 60]))  # all of its strong colours
    assert flow.sum() > 1000 and away[flow].mean() < 1.5
    fox = np.abs(drawn.astype(int) - (228, 121, 37)).max(axis=-1) <= 8
    assert fox.sum() > 1000 and np.median(away[fox]) < 1
    assert away.mean() < 1.5 and np.quantile(away, 0.99) < 10  # a palette of 256 colours: 2.9 and 26


def test_the_colours_of_flow_alone_in_a_notebook_are_exact():
    wheel = flow_color.legend(128).numpy()
    draw = partial(figures.film_strip, np.stack([wheel] * 4), list("abcd"), key=figures.Key(wheel, 2.0))
    np.testing.assert_array_equal(opened(figures.show(draw(), "flow").data), as_drawn(draw()))


def test_a_saved_figure_is_what_was_drawn_pixel_by_pixel():
    stored = opened(figures.save(foxes_and_flow(), "foxes", "foxes and flow").read_bytes())
    np.testing.assert_array_equal(stored, as_drawn(foxes_and_flow()))


def test_a_shown_figure_has_alternative_text_and_a_format_that_every_viewer_of_notebooks_shows():
    image = figures.show(foxes_and_flow(), "foxes and flow")
    data, facts = image._repr_mimebundle_()
    assert list(data) == ["image/jpeg"] and facts["image/jpeg"]["alt"] == "foxes and flow"
    assert image.data[:3] == b"\xff\xd8\xff"
    assert figures.style.source(image).startswith("data:image/jpeg;base64,/9j/")
    with pytest.raises(AmcError, match="alt"):
        figures.show(foxes_and_flow(), " ")


def test_a_figure_without_pictures_is_lossless():
    figure = Figure((6, 3))
    left, right = figure.subplots(1, 2)
    left.axhspan(0, 1, color="#F1F2F3")  # a tint that JPEG would change
    right.imshow(RNG.random((200, 300)), cmap="Blues", interpolation="nearest")  # heat, which is no picture
    shown = figures.show(figure, "a tint and heat")
    assert shown.data[:4] == b"\x89PNG"
    np.testing.assert_array_equal(opened(shown.data), as_drawn(figure))


def test_all_figures_have_one_resolution_in_a_notebook_and_on_disk():
    plan = sampling.plan(24, scheme="dense", num_windows=2, frames=2)
    for name, figure in (
        ("strip", foxes_and_flow()),
        ("chart", figures.timeline(plan, num_frames=24, fps=24, scheme="dense")),
    ):
        shown = opened(figures.show(figure, "alt text", name=name).data)
        stored = opened((paths.reports() / "figures" / f"{name}.png").read_bytes())
        with plt.rc_context(figures.style.STYLE):
            inches = figure.get_tightbbox().padded(0.1).width
        assert shown.shape == stored.shape
        assert shown.shape[1] / inches == pytest.approx(figures.style.DPI, rel=0.01)


def test_a_figure_of_nothing_but_noise_is_stored_too():
    noise = RNG.integers(0, 256, (4, 256, 256, 3), dtype=np.uint8)
    shown = opened(figures.show(figures.film_strip(noise, list("abcd")), "noise, which nothing makes small").data)
    assert shown.std() > 50
