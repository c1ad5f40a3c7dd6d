"""Fixtures shared by all tests: one thread, a throw-away cache, and the folder of other people's real inputs."""

import fcntl
import os
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import settings

os.environ.setdefault("OMP_NUM_THREADS", "1")  # two threads on a busy two-core machine can be far slower than one
os.environ.setdefault("MPLBACKEND", "Agg")
os.environ["AMC_PRODUCTS"] = "float32"  # tests compare sums in different orders, on machines with AMX too
os.environ["https_proxy"] = "http://127.0.0.1:9"  # nobody is there: a test that downloads fails, on every machine

WATCHED = ("Walking", "Keeping still", "Eating")  # behaviours of `video_predictor`
REAL = Path(os.environ.get("AMC_TEST_DATA", Path(__file__).resolve().parents[2] / "shared"))

# Property tests: `make test` tries the same examples in every run, HYPOTHESIS_PROFILE=nightly ten times as many and new
# ones each time. None fails for being slow: a busy machine is no fault of the code.
settings.register_profile("ci", max_examples=200, deadline=None, derandomize=True, database=None)
settings.register_profile("nightly", max_examples=2000, deadline=None)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci"))


@pytest.fixture(scope="session")
def real() -> Path:
    """Real videos, annotation, true flow and official weights of other people; see tests/README.md."""
    if not REAL.is_dir():
        pytest.skip(f"no folder of real inputs at {REAL}; name one with AMC_TEST_DATA")
    return REAL


@pytest.fixture(scope="session")
def published(real):
    """Animal Kingdom's own annotation of 30,100 clips, read once: it takes five seconds."""
    from amc.datasets import animal_kingdom

    return animal_kingdom.index_metadata(real / "animal_kingdom" / "AR_metadata.xlsx")


@pytest.fixture(scope="session")
def shared_places(tmp_path_factory) -> dict[str, str]:
    """Data and cache of all executed notebooks: a run that one has trained is used by the next, as in `reproduce`.

    The data are both generated worlds at size smoke, of Synth Menagerie a part. All workers share them.
    """
    from amc.synth import generate
    from amc.synth.menagerie import MENAGERIE
    from amc.synth.world import Split

    base = tmp_path_factory.getbasetemp()
    base = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base  # the parent is that of all workers
    with (base / "worlds.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # until the file is closed: the first draws, the others wait
        generate.generate(base / "data/synth/smoke", "smoke", workers=1)
        few = replace(MENAGERIE, sizes={"smoke": {"train": Split(20), "val": Split(4), "test": Split(8)}})
        generate.generate(base / "data/synth_menagerie/smoke", "smoke", world=few, workers=1)
    return {"AMC_DATA": str(base / "data"), "AMC_CACHE": str(base / "cache")}


@pytest.fixture(scope="session")
def smoke_world(shared_places) -> Path:
    """Synth Kingdom at size smoke: the folder to give as `root`; its clips are in `smoke/`."""
    return Path(shared_places["AMC_DATA"]) / "synth"


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
def environment(tmp_path_factory, shared_places) -> dict[str, str]:
    """What a notebook runs with: this process's variables, shared data and cache, one folder of reports per module."""
    own = {"AMC_REPORTS": str(tmp_path_factory.mktemp("reports")), "AMC_WORKERS": "1"}  # tests fill the cores already
    return os.environ | shared_places | own


@pytest.fixture(autouse=True)
def fresh_cache(tmp_path, monkeypatch):
    """Each test has a cache of its own, so none passes by what another one left."""
    monkeypatch.setenv("AMC_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Two drawn clips, 2 to 10 seconds each."""
    from amc.synth import generate, scene

    folder = tmp_path_factory.mktemp("films")
    for number in range(2):
        _, script, _, seed = generate.plan_clip("test", number)
        stage = scene.compose(script, seed)
        generate.write_video(folder / f"film {number}.mp4", (scene.frame(stage, k) for k in range(stage.num_frames)))
    return folder


@pytest.fixture(scope="module")
def run_folder(tmp_path_factory):
    """What training leaves: weights and validation scores, here of an untrained model of random weights."""
    import numpy as np

    from amc import model
    from amc.base.digests import digest
    from amc.ethogram import out_of_distribution
    from amc.runs.ablation import ablation
    from amc.scores import Scores

    folder = tmp_path_factory.mktemp("run")
    [cell] = ablation(scheme="sparse", modality="rgb+flow", size="smoke", pretrained="random")
    classifier = model.build(cell.backbone, "random", num_slots=cell.num_slots)
    classifier.with_names(WATCHED).save(folder / "model.safetensors", {"names": WATCHED, "experiment": cell.asdict()})
    labels = np.arange(108).reshape(36, 3) % 2 == 0
    logits = np.where(labels[:, None], 1.0, -1.0).astype(np.float32) * np.ones((36, 2, 3), np.float32)
    frames, ids = np.zeros((36, 2, 2), np.int32), np.array([f"v{k}" for k in range(36)])
    meta = {"train_positives": [9, 3, 0], "experiment": cell.asdict()}
    val = Scores(ids, np.array(WATCHED), labels, logits, frames, np.full(36, 9, np.int32), np.array([""] * 36), meta)
    val.save(folder / "val.npz")
    rng = np.random.default_rng(0)
    width = classifier.network.prompts.alpha.shape[0]
    clips, sha256 = (rng.normal(size=(count, width)) for count in (9, 4)), digest(folder / "model.safetensors")
    out_of_distribution.fit(*clips, model=sha256).save(folder / "model-out_of_distribution.npz")
    return folder


@pytest.fixture
def video_predictor(run_folder):
    """`run_folder` as a predictor of videos."""
    from amc.ethogram import predictor

    return predictor.by_model(run_folder)
