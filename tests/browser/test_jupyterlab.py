"""As a student opens them: JupyterLab in headless Chromium runs every notebook, and controls move by mouse and keys.

Run by `make test-browser`. Screenshots stay in build/browser.
"""

import json
import os
import re
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import nbformat
import pytest
from chromium import CHROMIUM, NEEDED

from amc.runs import notebooks

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test-browser")

ROOT = Path(__file__).resolve().parents[2]
SHOTS = ROOT / "build" / "browser"
ARGUMENTS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
             "--disable-component-update", "--disable-sync"]  # fmt: skip
HARMLESS = (  # lines on the console that say nothing about the notebooks
    "favicon",  # JupyterLab asks for one that a server without a browser history lacks
    "Failed to load resource",  # the status of a request that JupyterLab itself handles, such as an absent setting
    "ResizeObserver loop",  # the browser's own notice of a layout that took two passes
)
PROMPTS = "[...document.querySelectorAll('.jp-CodeCell .jp-InputPrompt')].map(prompt => prompt.innerText)"
RAN = f"() => (texts => texts.some(text => /\\d/.test(text)) && !texts.some(text => text.includes('*')))({PROMPTS})"
FAILED = ".jp-OutputArea-output[data-mime-type='application/vnd.jupyter.error']"
CELLS = (
    "() => [...document.querySelectorAll('.jp-Notebook .jp-Cell')].map(cell => cell.className.match(/jp-\\w+Cell/)[0])"
)
MINUTES = 60_000  # in milliseconds, as playwright counts
pytestmark = NEEDED


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """The folder that JupyterLab shows."""
    return tmp_path_factory.mktemp("lab")


@pytest.fixture(scope="module")
def lab(folder, tmp_path_factory) -> Iterator[str]:
    """The address of a JupyterLab of our own, over copies of the notebooks, at size smoke where they start at quick.

    Data and cache are its own; results go where those of a reader go, which git ignores.
    """
    before = _status()
    for source in (ROOT / "notebooks").glob("*.ipynb"):
        text = source.read_text(encoding="utf-8")
        (folder / source.name).write_text(
            text.replace('size: str = \\"quick', 'size: str = \\"smoke'), encoding="utf-8"
        )
    settings = folder / "settings" / "@jupyterlab"
    for plugin, values in {
        "notebook-extension/tracker": {"windowingMode": "none"},  # cells out of sight exist too
        "apputils-extension/notification": {"fetchNews": "false", "checkForUpdates": False},
    }.items():
        path = settings / f"{plugin}.jupyterlab-settings"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(values))
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    places = {name: str(tmp_path_factory.mktemp(name)) for name in ("AMC_DATA", "AMC_CACHE")}
    environment = os.environ | places | {"JUPYTERLAB_SETTINGS_DIR": str(folder / "settings"), "AMC_ROOT": str(ROOT)}
    command = [sys.executable, "-m", "jupyterlab", "--no-browser", "--allow-root", f"--port={port}", "--ip=127.0.0.1",
               "--IdentityProvider.token=", f"--ServerApp.root_dir={folder}", "--ServerApp.port_retries=0"]  # fmt: skip
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, cwd=folder, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            _wait_for(port, server, folder / "log")
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()
            server.wait(20)
    assert _status() == before, "a notebook changed files that git tracks"


def _status() -> str:
    """What git says of changed and new files; nothing outside a repository."""
    return subprocess.run(["git", "status", "--porcelain"], cwd=ROOT, capture_output=True, text=True).stdout


def _wait_for(port: int, server: subprocess.Popen, log: Path) -> None:
    for _ in range(120):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        assert server.poll() is None, log.read_text()
        time.sleep(0.5)
    raise AssertionError(f"JupyterLab did not start: {log.read_text()}")


@pytest.fixture
def page(lab) -> Iterator[tuple]:
    """A browser's page, and what its console said that was an error."""
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGUMENTS)
        page, said = browser.new_page(viewport={"width": 1400, "height": 1000}), []
        page.on("console", lambda line: said.append(line.text) if line.type == "error" else None)
        page.on("pageerror", lambda error: said.append(str(error)))
        yield page, said
        browser.close()


SLIDERS = {  # one that redraws at once, by its label, in each notebook
    "01_sampling_windows": "M, classifiers",
    "05_error_analysis": "Threshold",
    "07_your_own_video": "Threshold",
}


def run_all(page, lab: str, name: str) -> None:
    """Open a notebook and run all of its cells; fails where one of them does."""
    # Cells that run before the kernel answers are lost; the notebook calls itself idle before there is a kernel.
    with page.expect_websocket(lambda socket: "/channels" in socket.url, timeout=2 * MINUTES) as kernel:
        page.goto(f"{lab}/lab/tree/{name}.ipynb?reset", wait_until="commit")
    kernel.value.wait_for_event("framereceived", timeout=2 * MINUTES)
    page.wait_for_selector(".jp-NotebookPanel:not(.lm-mod-hidden) .jp-Cell", timeout=2 * MINUTES)
    page.click("text=Run >> nth=0")
    page.click("li[data-command='runmenu:run-all']")
    page.wait_for_function(RAN, timeout=6 * MINUTES)
    failed = page.locator(FAILED)
    assert failed.count() == 0, failed.first.inner_text()


MOVED = {".noUi-handle": "ArrowUp", "select": "ArrowDown", "input[type=radio]:checked": "ArrowDown"}  # by this key
DRAWN = "panel => !panel.innerText.includes('Drawing …')"


def move_every_control(page) -> int:
    """Move every control of a notebook by keyboard, then by mouse, and press Run by both; the number of controls.

    Fails where a cell is lost or a panel shows an exception in place of its picture.
    """
    before, moved = page.evaluate(CELLS), 0
    for panel in page.locator(".amc-controls").all():
        for selector, key in MOVED.items():
            for control in panel.locator(selector).all():
                control.focus()
                page.keyboard.press(key)
                moved += 1
        for base in panel.locator(".noUi-base").all():
            base.click(position={"x": 0.4 * base.bounding_box()["width"], "y": 2})
        for radio in panel.locator(".widget-radio-box label").all():
            radio.click()
        for choice in panel.locator("select").all():
            choice.click()
            page.keyboard.press("Escape")
            choice.select_option(index=0)
        for button in panel.locator("button:has-text('Run')").all():
            button.click()
            page.wait_for_function(DRAWN, arg=panel.element_handle(), timeout=2 * MINUTES)
            button.press("Enter")
        page.wait_for_timeout(1000)  # in which a figure begins to be drawn
        page.wait_for_function(DRAWN, arg=panel.element_handle(), timeout=2 * MINUTES)
        assert not re.search(r"\w+Error: ", panel.inner_text()), panel.inner_text()
    assert page.evaluate(CELLS) == before
    assert page.locator(FAILED).count() == 0
    return moved


@pytest.mark.parametrize("name, label", SLIDERS.items())
def test_all_cells_run_and_a_slider_moved_by_keyboard_changes_the_picture(name, label, lab, page):
    page, said = page
    run_all(page, lab, name)
    panel = page.locator(".jp-OutputArea-child", has=page.locator(".widget-slider", has_text=label)).last
    slider = page.locator(".widget-slider", has_text=label).first.locator(".noUi-handle")
    picture = panel.locator("img").last
    picture.wait_for(timeout=MINUTES)
    before = picture.get_attribute("src")
    assert picture.get_attribute("alt"), "the picture of a control needs alternative text too"
    slider.focus()
    page.keyboard.press("ArrowRight")
    page.wait_for_function(
        "([image, before]) => image.isConnected === false || image.src !== before",
        arg=[picture.element_handle(), before], timeout=MINUTES,
    )  # fmt: skip
    panel.locator("img").last.wait_for(timeout=MINUTES)
    assert panel.locator("img").last.get_attribute("src") != before
    SHOTS.mkdir(parents=True, exist_ok=True)
    panel.scroll_into_view_if_needed()
    page.screenshot(path=SHOTS / f"{name}.png")
    assert move_every_control(page) > 0
    assert [line for line in said if not any(text in line for text in HARMLESS)] == []


@pytest.mark.parametrize("name", sorted({path.stem for path in (ROOT / "notebooks").glob("*.ipynb")} - {*SLIDERS}))
def test_all_cells_of_the_other_notebooks_run_and_their_controls_move(name, lab, page):
    page, said = page
    run_all(page, lab, name)
    assert bool(move_every_control(page)) == (name in notebooks.INTERACTIVE)
    assert [line for line in said if not any(text in line for text in HARMLESS)] == []


CONTROLS = """
import ipywidgets
from pathlib import Path
from matplotlib.figure import Figure
from amc.companion import player, widgets

controls = {"choice": widgets.choose("Choice", list("abcdefg"), "c"), "count": widgets.count("Count", 1, 9, 4)}
controls |= {"level": widgets.level("Level", 0, 1, 0.5, step=0.1), "box": ipywidgets.Checkbox(description="Box")}
controls |= {"toggles": ipywidgets.ToggleButtons(options=["x", "y"]), "text": ipywidgets.Text(description="Text")}
controls |= {"radio": widgets.choose("Radio", ["p", "q"], "p")}
controls |= {"many": ipywidgets.SelectMultiple(options=["r", "s"])}
picture = Figure((2, 1))
picture.subplots()
display(widgets.explore(lambda **values: picture, controls, alt="a panel", slow=True))
Path("film.mp4").write_bytes(b"no film")
display(player.player(Path("film.mp4"), picture, 1, alt="a film"))
"""
KINDS = {  # of control, by what is focused
    "drop-down": "select:not([multiple])",
    "slider of whole numbers": ".widget-slider:has-text('Count') .noUi-handle",
    "slider": ".widget-slider:has-text('Level') .noUi-handle",
    "checkbox": "input[type=checkbox]",
    "toggle buttons": ".widget-toggle-buttons button",
    "text": ".widget-text input",
    "radio buttons": "input[type=radio]",
    "list": "select[multiple]",
    "button": "button:has-text('Run')",
    "video": "video",
    "ethogram beside a video": "[role=slider][aria-label^=Time]",
}


def test_keys_pressed_in_a_control_never_reach_the_notebook(lab, folder, page):
    page, _ = page
    cells = [nbformat.v4.new_code_cell(text) for text in ("1", CONTROLS, "2")]
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3"}}  # without it JupyterLab asks
    nbformat.write(nbformat.v4.new_notebook(cells=cells, metadata=kernel), folder / "controls.ipynb")
    run_all(page, lab, "controls")
    outputs = page.locator(".jp-OutputArea-output")
    outputs.locator("video").wait_for(timeout=MINUTES)
    before = page.evaluate(CELLS)
    for kind, selector in KINDS.items():
        outputs.locator(selector).first.focus()
        for key in ("d", "d", "a", "b", "x", "z", "m"):  # delete, insert above and below, cut, undo, make it prose
            page.keyboard.press(key)
        page.wait_for_timeout(500)  # in which JupyterLab would have changed the cells
        assert page.evaluate(CELLS) == before, kind
    slider = page.get_by_role("slider", name="Count")  # as a screen reader finds it
    slider.focus()
    page.keyboard.press("ArrowUp")
    page.wait_for_function("() => document.querySelector('.jp-OutputArea-output .widget-readout').innerText === '5'")
    figure = page.get_by_role("slider", name="Time of the video")
    figure.click(position={"x": figure.bounding_box()["width"] - 2, "y": 20})  # the end of the film, which takes 1 s
    assert outputs.locator("video").evaluate("video => video.currentTime") == 1
    page.locator(".jp-Cell").first.locator(".jp-InputPrompt").click()  # outside a control they are JupyterLab's as ever
    page.keyboard.press("d")
    page.keyboard.press("d")
    page.wait_for_function(f"number => {CELLS}.length === number", arg=len(before) - 1)
