"""The same code on real animals: labelled KABR clips train and are scored, any other video is scored zero-shot."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from amc import metrics, model, sampling
from amc.aggregate import AGGREGATES
from amc.config import SIZES, Experiment, Sampling
from amc.datasets import catalogue
from amc.datasets.clips import ClipViews, PixelReader
from amc.datasets.kabr import NAMES
from amc.datasets.table import Clip, ClipTable
from amc.runs import experiment

ANIMALS = (
    "davis_blackswan",
    "dlc_openfield_short31",
    "dog_eating_640x360",
    "kabr_miniscene_0",
    "sleap_flies_pair_384",
    "zamba_chimps_drinking",
)
BEHAVIOURS = ("Swimming", "Walking", "Eating", "Grazing", "Flying", "Drinking", "Keeping still")


@pytest.fixture(scope="module")
def kabr(real) -> Experiment:
    return replace(SIZES["smoke"], dataset="kabr", root=str(real / "clips" / "kabr"), pretrained="random")


def test_kabrs_clips_have_three_splits_without_a_source_video_on_two_sides(kabr):
    table = experiment.load(kabr)
    assert table.counts() == {"train": 7, "val": 2, "test": 3} and table.names == NAMES
    train, val, test = ({clip.group for clip in table.split(split).clips} for split in table.counts())
    assert not train & val and not test & (train | val)


def test_kabr_trains_and_is_scored_like_any_data_set(kabr):
    assert kabr.pixels.modality == "rgb+flow"
    lines = []
    run = experiment.run(kabr, log=lines.append)
    test = run.scores("test")
    table = experiment.load(kabr)
    assert test.ids.tolist() == [clip.id for clip in table.split("test").clips]
    assert test.logits.shape == (3, 2, len(NAMES)) and np.ptp(test.logits, axis=0).max() > 0
    assert (test.num_frames > 1).all() and test.frames.max() < test.num_frames.max()
    probs = AGGREGATES["mean"](test.probs)
    assert 0 < metrics.map_micro(test.labels, probs) <= 1 and 0 < metrics.map_macro(test.labels, probs) <= 1
    assert test.meta["cost"]["flow_pairs"] > 0 and any("epoch 1/1" in line for line in lines)


@pytest.fixture(scope="module")
def classifier() -> model.Classifier:
    return model.build("synth-clip", "random", num_slots=6)


@pytest.mark.parametrize("name", ANIMALS)
def test_a_real_video_is_scored_zero_shot_and_the_nearest_behaviours_are_named(real, classifier, name):
    path = real / "clips" / "animals" / f"{name}.mp4"
    plan = Sampling("sparse", num_windows=2, frames=3)
    table = ClipTable("video", BEHAVIOURS, (Clip(path.stem, path, (0,), "test"),))
    views = ClipViews(table, plan, PixelReader(SIZES["smoke"].pixels), size=classifier.preprocess.size)
    slots, _ = views[None, 0]
    windows = sampling.plan(views.num_frames(0), scheme="sparse", num_windows=2, frames=3)
    assert views.windows(None, 0) == [window.frames for window in windows]
    assert slots.shape == (2, 6, 3, 64, 64) and slots[:, ::2].float().std() > 5  # a picture, not a blank
    assert (slots[:, 1::2] != 255).any()  # something moves in each of them
    recognise = classifier.with_names(BEHAVIOURS)
    with torch.inference_mode():
        logits = recognise(slots)  # (M, C)
        cosine = ((logits - classifier.network.logit_bias) / classifier.network.logit_scale.exp()).mean(0, keepdim=True)
    assert torch.isfinite(logits).all() and cosine.abs().max() <= 1 + 1e-5
    (nearest,) = model.nearest(cosine, BEHAVIOURS, k=3)
    order = cosine[0].argsort(descending=True)[:3].tolist()
    assert [behaviour for behaviour, _ in nearest] == [BEHAVIOURS[k] for k in order]


def test_every_real_video_that_is_there_is_among_those_scored(real):
    assert {path.stem for path in (real / "clips" / "animals").iterdir()} == set(ANIMALS)


def test_nothing_of_the_product_reads_the_folder_of_real_inputs():
    package = Path(experiment.__file__).parents[1]
    assert not [path for path in package.rglob("*.py") if "AMC_TEST_DATA" in path.read_text(encoding="utf-8")]
    assert "kabr" in catalogue.DATASETS
