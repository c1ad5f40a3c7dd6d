"""`amc.load` and `amc.predict`: a model by any of its names, and one unlabelled video in one call."""

import subprocess
import sys

import numpy as np
import pytest
import torch

import amc
from amc import flow, model, video
from amc.base import checkpoint
from amc.base.errors import AmcError, VideoError
from amc.datasets import catalogue
from amc.runs import experiment
from amc.runs.ablation import ablation
from amc.scores import Scores


@pytest.fixture(scope="module")
def run(smoke_world, tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AMC_CACHE", str(tmp_path_factory.mktemp("cache")))
        [cell] = ablation(scheme="sparse", modality="rgb+flow", size="smoke", data_root=str(smoke_world))
        yield experiment.run(cell, log=[].append)


@pytest.fixture(autouse=True)
def at_home(run, monkeypatch):
    monkeypatch.setenv("AMC_CACHE", str(run.folder.parents[1]))


def test_one_video_has_the_scores_that_the_run_gave_it_as_a_clip_of_the_test_split(run):
    expected = run.scores("test")
    table = catalogue.load("synth", run.cfg.root, size="smoke").split("test")
    classifier, preprocess = amc.load(run.cfg.title)
    found = amc.predict([clip.path for clip in table.clips[:3]], classifier)
    assert isinstance(found, Scores) and found.names.tolist() == expected.names.tolist()
    np.testing.assert_allclose(found.logits, expected.logits[:3], atol=1e-5)
    assert np.array_equal(found.frames, expected.frames[:3]) and not found.labels.any()
    slots = preprocess(table.clips[0].path)
    assert slots.shape == (2, 4, 3, 64, 64) and slots.dtype == torch.uint8  # M, T = 2P
    with torch.inference_mode():
        np.testing.assert_allclose(classifier(slots).numpy(), expected.logits[0], atol=1e-5)


@pytest.mark.parametrize("name", ["title", "short", "folder", "path", "file"])
def test_a_run_is_known_by_its_title_a_part_of_it_its_folder_and_its_file(run, name):
    names = {"title": run.cfg.title, "short": run.cfg.name, "folder": run.folder.name, "path": run.folder}
    names["file"] = run.folder / "model.safetensors"
    assert amc.load(names[name])[0].card == amc.load(run.folder)[0].card


def test_a_model_keeps_what_the_flow_of_its_training_was_computed_by(run):
    assert checkpoint.read(run.folder / "model.safetensors")[1]["flow"] == flow.fingerprint("dis")


def test_a_clip_that_others_trained_takes_the_behaviours_that_it_is_given(run):
    path = catalogue.load("synth", run.cfg.root, size="smoke").clips[0].path
    classifier, preprocess = amc.load("synth-clip")
    assert "ZERO-SHOT" in classifier.card["stamp"] and preprocess.pixels.modality == "rgb"
    found = amc.predict(path, classifier, ["walking", "swimming"])
    assert found.names.tolist() == ["walking", "swimming"] and found.logits.shape == (1, 3, 2)
    named = amc.predict(path, classifier.with_names(["walking", "swimming"]))
    assert np.array_equal(named.logits, found.logits)
    with pytest.raises(AmcError, match=r"behaviours: this model knows none; give some"):
        amc.predict(path, classifier)
    with pytest.raises(AmcError, match=r"load it with amc.load"):
        amc.predict(path, model.build("synth-clip", "bundled", num_slots=8).with_names(["walking", "swimming"]))


def test_what_is_not_there_is_one_line(run, tmp_path):
    with pytest.raises(AmcError, match=r"'zoo' is no file.*give one of: synth smoke sparse rgb\+flow seed 0 \(synth-"):
        amc.load("zoo")
    with pytest.raises(VideoError, match="missing.mp4"):
        amc.predict(tmp_path / "missing.mp4", amc.load(run.folder)[0])
    with pytest.raises(AmcError, match="none were given"):
        amc.predict([], amc.load(run.folder)[0])


def test_importing_the_package_does_not_import_torch_and_other_names_are_refused():
    code = "import sys, amc; print('torch' in sys.modules); amc.lode"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout.strip() == "False" and "has no attribute 'lode'" in done.stderr
    assert video.probe  # a module of the package, as before
