"""The player: one piece of HTML with video, picture and a cursor that starts where the axes do."""

import base64
import io
import re

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image

from amc.base.errors import AmcError
from amc.companion import player


@pytest.fixture
def figure() -> Figure:
    made = Figure((8, 2))
    axes = made.subplots()
    axes.plot(np.arange(10))
    axes.set(xlim=(0, 9), ylabel="a long label\nof two lines")
    return made


def test_the_cursor_starts_at_the_left_end_of_the_axes(figure, tmp_path):
    path = tmp_path / "a.mp4"
    path.write_bytes(b"video")
    shown = player.player(path, figure, 9.0, alt='an "ethogram"').data
    left = float(re.search(r"left:([\d.]+)%", shown)[1])
    picture = Image.open(io.BytesIO(base64.b64decode(re.search(r"png;base64,([^\"]+)", shown)[1]))).convert("L")
    dark = np.asarray(picture)[10:-40] < 140
    spine = np.flatnonzero(dark.mean(axis=0) > 0.8)[0]  # the axis is the first line that is dark all along
    assert 100 * spine / picture.width == pytest.approx(left, abs=0.6)
    assert 'aria-label="an &quot;ethogram&quot;"' in shown and "currentTime / 9.000000" in shown


def test_a_video_too_large_for_a_notebook_is_refused(figure, tmp_path, monkeypatch):
    monkeypatch.setattr(player, "MOST_BYTES", 3)
    (tmp_path / "a.mp4").write_bytes(b"video")
    with pytest.raises(AmcError, match="too large for a player"):
        player.player(tmp_path / "a.mp4", figure, 9.0, alt="x")
