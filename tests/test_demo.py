"""Size demo: the bundled trained model is scored as it is, and what is said of its training is true."""

import json
from dataclasses import asdict, replace

import numpy as np
import pytest

from amc import model
from amc.base import bundled
from amc.base.errors import AmcError
from amc.config import SIZES
from amc.runs import demo, experiment, lookup, tables
from amc.runs.ablation import ablation
from amc.scores import Scores


@pytest.fixture(scope="module")
def run(smoke_world, tmp_path_factory):
    """The bundled model on the clips of size smoke, which exist already."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AMC_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield experiment.run(replace(SIZES["demo"], size="smoke", root=str(smoke_world)))


def test_nothing_is_trained_and_the_record_is_that_of_the_training_before(run):
    card, meta = json.loads(demo.card().read_text()), run.scores("test").meta
    assert meta["fit"] == card["fit"] and len(meta["fit"]["losses"]) == 12
    assert meta["train_positives"] == card["train_positives"] and sum(meta["train_positives"]) > 640
    ours, theirs = model.load(run.folder / "model.safetensors")[0], model.load(demo.weights())[0]
    assert ours.names == theirs.names
    assert all((a == b).all() for a, b in zip(ours.network.parameters(), theirs.network.parameters(), strict=True))
    assert not (run.folder / "last.pt").exists()


def test_it_knows_something(run):
    row = tables.rows(run.scores("val"), run.scores("test"))[0]
    assert row["map_micro_low"] > 2 * row["chance_micro"]
    assert row["epochs"] == 12


@pytest.mark.parametrize(
    ("name", "given"),
    [
        ("scheme", {"scheme": "dense"}),
        ("modality", {"modality": "rgb"}),
        ("frames", {"frames": 2}),
        ("epochs", {"epochs": 3}),
        ("flow_method", {"flow_method": "raft-small"}),
        ("pretrained", {"pretrained": "random"}),
        ("dataset", {"dataset": "kabr"}),
    ],
)
def test_another_run_than_the_bundled_one_is_refused(name, given):
    ours = {"scheme": "sparse", "modality": "rgb+flow", "size": "demo"}
    assert ablation(**ours, num_windows=5, seeds=3, data_root="elsewhere")[0].init_from == "bundled"
    with pytest.raises(AmcError, match=rf"^{name}: .*size demo is one trained model.*give size smoke"):
        ablation(**ours | given)


def test_a_shipped_run_is_read_back_as_float16_of_its_weights(run, tmp_path, monkeypatch):
    before = model.load(run.folder / "model.safetensors")[0]
    clip = {end: bundled.place("synth-clip").with_suffix(end).read_bytes() for end in (".json", ".safetensors")}
    monkeypatch.setenv("AMC_ROOT", str(tmp_path))
    (tmp_path / "data" / "weights").mkdir(parents=True)
    for end, content in clip.items():
        bundled.place("synth-clip").with_suffix(end).write_bytes(content)
    path = demo.ship(run.folder)
    assert path == demo.weights() and path.stat().st_size < 10e6
    after = model.load(path)[0]
    for a, b in zip(after.network.parameters(), before.network.parameters(), strict=True):
        np.testing.assert_array_equal(a.detach(), b.detach().half().float())
    assert asdict(demo.fit()) == run.scores("test").meta["fit"]
    stored, val = Scores.load(lookup.validation_scores(path)), run.scores("val")
    assert stored.ids.tolist() == val.ids.tolist() and stored.meta == val.meta
    np.testing.assert_array_equal(stored.logits, val.logits)
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    with pytest.raises(AmcError, match="sha256"):
        demo.weights()
