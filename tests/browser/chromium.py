"""The Chromium of the browser tests: CHROMIUM=path, or the one that is installed."""

import os
import shutil

import pytest

CHROMIUM = os.environ.get("CHROMIUM") or shutil.which("chromium") or shutil.which("google-chrome")
NEEDED = pytest.mark.skipif(CHROMIUM is None, reason="no Chromium here; name one with CHROMIUM=path")
