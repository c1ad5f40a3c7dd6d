"""The player on a screen of 1366 × 768 px: film and ethogram are in sight together, and mouse and keys seek.

Run by `make test-browser`.
"""

import numpy as np
import pytest
from chromium import CHROMIUM, NEEDED
from films import write
from matplotlib.figure import Figure

from amc.companion import player

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test-browser")

ROOM = "width:900px"  # of an output in JupyterLab on that screen
pytestmark = NEEDED


def test_film_and_ethogram_are_in_sight_together_and_both_mouse_and_keys_seek(tmp_path):
    film = write(
        tmp_path / "film.mp4", pictures=[np.full((480, 480, 3), n, np.uint8) for n in range(96)]
    )  # four seconds
    ethogram = Figure((11, 9))
    ethogram.subplots().set(xlim=(0, 4))
    shown = player.player(film, ethogram, 4.0, alt="an ethogram").data
    (tmp_path / "page.html").write_text(f'<div style="{ROOM}">{shown}</div>', encoding="utf-8")
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 1366, "height": 768})
        page.goto((tmp_path / "page.html").as_uri())
        video, bar = page.locator("video"), page.get_by_role("slider", name="Time of the video")
        page.wait_for_function("document.querySelector('video').readyState > 0")
        boxes = [place.bounding_box() for place in (video, bar, page.locator("img"))]
        assert boxes[0]["x"] + boxes[0]["width"] <= boxes[1]["x"]  # side by side
        assert max(box["y"] + box["height"] for box in boxes) <= 0.65 * 768  # the rest are JupyterLab's own bars
        assert boxes[1]["width"] == pytest.approx(boxes[2]["width"], abs=1)
        left, right = player._extent(ethogram)
        now = "video => video.currentTime"
        for part in (0.25, 0.75):
            place = (left + part * (right - left)) * boxes[1]["width"]
            bar.click(position={"x": place, "y": 50})
            assert video.evaluate(now) == pytest.approx(4 * part, abs=0.05)
        bar.focus()
        for key, second in (("End", 4), ("ArrowLeft", 3), ("Home", 0), ("ArrowRight", 1), ("ArrowUp", 2)):
            page.keyboard.press(key)
            assert video.evaluate(now) == pytest.approx(second, abs=0.05), key
        page.wait_for_function("document.querySelector('[role=slider]').getAttribute('aria-valuenow') === '2.0'")
        browser.close()
