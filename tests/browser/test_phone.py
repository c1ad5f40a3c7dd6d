"""The site on a phone: no page is wider than a screen of 390 px, and the browser asks nobody for anything.

Run by `make test-browser`, on the reports of this repository.
"""

from pathlib import Path

import pytest
from chromium import CHROMIUM, NEEDED

from amc.runs import site

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed: make test-browser")

WIDE = "document.documentElement.scrollWidth"
pytestmark = NEEDED


def test_no_page_is_wider_than_a_phone_and_solutions_open_by_keyboard(tmp_path):
    first = site.build(Path(__file__).resolve().parents[2] / "reports", tmp_path / "site")
    asked = []
    with sync_api.sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"])
        page = browser.new_page(viewport={"width": 390, "height": 844})
        page.on("request", lambda request: asked.append(request.url))
        for path in sorted(first.parent.rglob("*.html")):
            page.goto(path.as_uri())
            for summary in page.locator("details:not([open]) > summary").element_handles():
                summary.press("Enter")
            assert page.locator("details:not([open])").count() == 0
            assert page.evaluate(WIDE) == 390, path.name
        browser.close()
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []
