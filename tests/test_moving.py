"""Moving pictures: what is shown when and for how long, close colours, a still for those who prefer no motion."""

import base64
import io
import re

import cv2
import numpy as np
import pytest
from PIL import Image

from amc import flow_color
from amc.base.errors import AmcError
from amc.figures import Key, moving

WHEEL = flow_color.legend(128).permute(1, 2, 0).numpy()


def stored(shown) -> list[Image.Image]:
    """The still and the moving picture."""
    return [Image.open(io.BytesIO(base64.b64decode(code))) for code in re.findall(r"base64,([^\"]+)", shown.data)]


def lab(picture) -> np.ndarray:
    return cv2.cvtColor(np.asarray(picture, np.float32) / 255, cv2.COLOR_RGB2LAB)


def test_a_pace_keeps_the_speed_of_the_video_and_leaves_out_none_of_the_frames_that_matter():
    shown, seconds = moving.pace(48, 24.0, count=8, every=range(20, 24))
    assert shown == [0, 6, 12, 18, 20, 21, 22, 23, 24, 30, 36, 42]
    assert np.cumsum([0, *seconds])[:-1] == pytest.approx(np.array(shown) / 24) and sum(seconds) == pytest.approx(2)


@pytest.mark.parametrize("num_frames, fps", [(10_000, 25.0), (30, float("nan"))])
def test_a_long_video_and_one_of_unknown_speed_take_eight_seconds(num_frames, fps):
    assert sum(moving.pace(num_frames, fps)[1]) == pytest.approx(8)


def test_a_slot_appears_when_the_video_comes_to_its_frame():
    slots = np.stack([np.full((4, 6, 3), level, np.uint8) for level in (10, 20, 30)])
    panels = moving.filling(slots, [0, 5, 9], [0, 4, 5, 20], columns=2)
    assert panels.shape == (4, 2 * (4 + 4), 2 * (6 + 4), 3)
    centres = panels[:, [4, 4, 12], [5, 15, 5], 0]
    empty = moving.EMPTY
    assert centres.tolist() == [[10, empty, empty], [10, empty, empty], [10, 20, empty], [10, 20, 30]]
    assert (panels[:, 12, 15] == 255).all(), "there is no fourth slot"


def test_it_shows_each_picture_as_long_as_asked_in_colours_that_are_close():
    turned = np.stack([np.rot90(WHEEL, k) for k in range(3)])
    shown = moving.moving(
        {"flow": turned, "slots": turned[:, :, :64]}, [0.5, 0.04, 1], alt="x", key=Key(WHEEL, 4), still=2
    )
    still, loop = stored(shown)
    durations = []
    for k in range(loop.n_frames):
        loop.seek(k)
        loop.load()
        durations.append(loop.info["duration"])
        there = lab(loop.convert("RGB"))[moving.LINE :, :256]
        expected = lab(Image.fromarray(turned[k]).resize((256, 256), Image.Resampling.BICUBIC))
        off = np.linalg.norm(there - expected, axis=-1)
        # Full colours lie 20 to 60 apart in ΔE (CIE 1976) from one sixth of the wheel to the next.
        assert off.mean() < 4 and np.quantile(off, 0.9) < 8
    assert durations == [500, 40, 1000] and loop.info["loop"] == 0
    assert np.linalg.norm(lab(still.convert("RGB")) - lab(loop.convert("RGB")), axis=-1).mean() < 2


def test_it_keeps_its_limit_says_what_it_shows_and_has_a_still_for_those_who_prefer_no_motion():
    noise = np.random.default_rng(0).integers(0, 256, (12, 96, 128, 3), np.uint8)
    shown = moving.moving({"frame": noise}, [0.1] * 12, alt='a "noise"')
    still, loop = stored(shown)
    assert (getattr(still, "n_frames", 1), loop.n_frames) == (1, 12)
    assert len(loop.fp.getvalue()) <= moving.MOST_BYTES
    assert 'alt="a &quot;noise&quot;"' in shown.data
    assert re.search(
        r'<source media="\(prefers-reduced-motion: reduce\)" srcset="data:image/webp;base64,[^ "]+">', shown.data
    )


def test_a_panel_is_never_wider_than_a_figure():
    wide = np.zeros((1, 90, 160, 3), np.uint8)
    assert stored(moving.moving({"a": wide, "b": wide, "c": wide}, [1], alt="x"))[1].width <= 968


@pytest.mark.parametrize("alt, seconds, message", [("", [1, 1], "alt: empty"), ("x", [1], "give one for each picture")])
def test_a_picture_without_words_and_panels_of_another_length_are_refused(alt, seconds, message):
    with pytest.raises(AmcError, match=message):
        moving.moving({"frame": np.zeros((2, 8, 8, 3), np.uint8)}, seconds, alt=alt)
