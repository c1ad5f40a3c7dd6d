"""Fixtures shared by all tests: one thread, a throw-away cache, and the folder of other people's real inputs."""

import os
from pathlib import Path

import pytest

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two threads on a busy two-core machine can be far slower than one
os.environ.setdefault("MPLBACKEND", "Agg")

REAL = Path(os.environ.get("AMC_TEST_DATA", Path(__file__).resolve().parents[2] / "shared"))


@pytest.fixture(scope="session")
def real() -> Path:
    """Real videos, annotation, true flow and official weights of other people; see tests/README.md."""
    if not REAL.is_dir():
        pytest.skip(f"no folder of real inputs at {REAL}; name one with AMC_TEST_DATA")
    return REAL


@pytest.fixture(scope="session")
def smoke_world(tmp_path_factory) -> Path:
    """Synth Kingdom at size smoke, drawn once a session: the folder to give as `root`; its clips are in `smoke/`."""
    from amc.synth import generate

    root = tmp_path_factory.mktemp("synth")
    generate.generate(root / "smoke", "smoke", workers=1)
    return root


@pytest.fixture(scope="session")
def one_frame(tmp_path_factory) -> Path:
    """An MP4 of one frame of 64 x 64."""
    import av
    import numpy as np

    path = tmp_path_factory.mktemp("one_frame") / "one_frame_64x64.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=25)
        stream.width = stream.height = 64
        stream.pix_fmt = "yuv420p"
        picture = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
        container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    return path


@pytest.fixture(scope="module")
def environment(tmp_path_factory) -> dict[str, str]:
    """What a command of a user's runs in: this process's variables, with folders of their own for the module."""
    places = {name: str(tmp_path_factory.mktemp(name)) for name in ("AMC_DATA", "AMC_CACHE", "AMC_REPORTS")}
    return os.environ | places


@pytest.fixture(autouse=True)
def fresh_cache(tmp_path, monkeypatch):
    """Each test has a cache of its own, so none passes by what another one left."""
    monkeypatch.setenv("AMC_CACHE", str(tmp_path / "cache"))
