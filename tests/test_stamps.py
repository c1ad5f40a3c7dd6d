"""A model that nobody should trust says so on every output: at chance, few clips, thresholds that label everything, or
a CLIP that has seen drawn animals alone."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from test_cuts import scenes

from amc.ethogram import evidence, predict, predictor
from amc.scores import Scores
from amc.synth import generate

NAMES = ("eating", "walking", "resting")


def validated(labels: np.ndarray, logits: np.ndarray, *, train: int = 60) -> list[str]:
    """The stamps of a model with these labels (V, C) bool and logits (V, C) on validation."""
    return list(evidence.of(scored(labels, logits, positives=[train // 3] * 3), NAMES).stamps)


def scored(labels: np.ndarray, logits: np.ndarray, *, positives: tuple[int, ...] = (20, 20, 20)) -> Scores:
    """Validation scores, and how many training clips each behaviour has."""
    count = len(labels)
    ids, species = np.array([f"v{k}" for k in range(count)]), np.array([""] * count)
    frames, lengths = np.zeros((count, 1, 2), np.int32), np.full(count, 9, np.int32)
    meta = {"train_positives": list(positives)}
    return Scores(ids, np.array(NAMES), labels, logits[:, None].astype(np.float32), frames, lengths, species, meta)


@pytest.fixture
def labels() -> np.ndarray:
    return np.random.default_rng(0).random((40, 3)) < 0.4


def test_a_good_model_has_no_stamp(labels):
    assert validated(labels, np.random.default_rng(1).normal(size=(40, 3)) + 4 * labels) == []


def test_a_model_that_ranks_as_chance_does_is_stamped_with_both_numbers(labels):
    stamps = validated(labels, np.random.default_rng(1).normal(size=(40, 3)))
    assert any(stamp.startswith("NOT ABOVE CHANCE: validation mAP ") and "% and chance 4" in stamp for stamp in stamps)


def test_a_handful_of_clips_is_stamped_however_good_the_numbers_look():
    labels = np.array([[1, 0, 0], [0, 1, 0], [0, 0, 1], [1, 1, 0]], bool)
    stamps = validated(labels, 9.0 * labels, train=9)
    assert stamps[0] == "FEW CLIPS: 9 labels to train and 4 clips to validate on"


def test_thresholds_that_label_every_clip_are_stamped_and_told_for_each_behaviour(labels):
    logits = np.random.default_rng(1).normal(size=(40, 3)) * 0.01 - 2  # all near 0.12
    stamps = validated(labels, logits - 0.1 * labels)  # the wrong way round: the best F1 labels everything
    assert any(stamp == "THRESHOLDS AT CHANCE: eating, walking, resting" for stamp in stamps)
    assert evidence.is_at_chance(np.ones(4, bool), np.array([1, 0, 0, 1], bool))
    assert not evidence.is_at_chance(np.ones(4, bool), np.ones(4, bool))  # that is right
    better, of_forty = np.arange(40) < 6, np.arange(40) < 20
    assert not evidence.is_at_chance(better, of_forty) and evidence.is_at_chance(better, ~of_forty)
    assert not evidence.is_at_chance(np.arange(40) < 2, ~of_forty)  # two clips show nothing


def test_a_threshold_has_a_floor_and_its_row_says_so(labels):
    logits = np.random.default_rng(1).normal(size=(40, 3)) + 4 * labels - 12  # good, but all probabilities are tiny
    found = evidence.of(scored(labels, logits), NAMES)
    assert (found.threshold == evidence.FLOOR).all()
    assert all(row["threshold_from"].endswith("raised to 0.05") for row in found.support)


def test_behaviours_of_few_training_clips_are_named_unless_others_are_asked_for(labels):
    logits = np.random.default_rng(1).normal(size=(40, 3)) + 4 * labels
    val = scored(labels, logits, positives=[3, 40, 9])
    assert evidence.of(val, NAMES).stamps == ("FEW CLIPS to train on: eating 3, resting 9",)
    assert evidence.of(val, NAMES, shown=[1]).stamps == ()


def test_behaviours_of_few_validation_clips_are_named_too(labels):
    labels[:, 1] = False
    labels[9:, 2] = False
    found = evidence.of(scored(labels, np.random.default_rng(1).normal(size=(40, 3)) + 4 * labels), NAMES)
    assert found.stamps[0] == f"FEW CLIPS to validate on: walking 0, resting {labels[:, 2].sum()}"


def test_a_behaviour_of_every_validation_clip_is_stamped(labels):
    labels[:, 1] = True  # any threshold has a precision of 1
    found = evidence.of(scored(labels, np.random.default_rng(1).normal(size=(40, 3)) + 4 * labels), NAMES)
    assert found.stamps == ("IN EVERY VALIDATION CLIP: walking",)
    assert found.support[1]["threshold_from"].endswith("in every validation clip")


def test_many_clips_of_few_videos_are_no_solid_evidence(labels):
    val = scored(labels, np.random.default_rng(1).normal(size=(40, 3)) + 4 * labels)
    said = {
        count: evidence.of(replace(val, meta=val.meta | {"val_sources": count}), NAMES).stamps for count in (1, 4, 5)
    }
    assert said == {1: ("VALIDATED ON 1 VIDEO",), 4: ("VALIDATED ON 4 VIDEOS",), 5: ()}


def test_a_model_without_validation_says_so():
    assert evidence.of(None, NAMES) == (None, (), ("NOT VALIDATED",))


def test_a_clip_of_drawn_animals_is_stamped_where_it_meets_other_videos(video_predictor, tmp_path, monkeypatch):
    card = {"backbone": "synth-clip", "pretrained": "bundled"}
    assert (
        predictor.stamp(card, "quick", dataset="folder") == predictor.DRAWN
        and predictor.stamp(card, "quick", dataset="synth") == ""
    )
    assert predictor.stamp(card | {"backbone": "ViT-B-16"}, "quick", dataset="folder") == ""
    monkeypatch.setenv("AMC_CACHE", str(tmp_path / "cache"))
    drawn, other = tmp_path / "cache/films/0/film.mp4", tmp_path / "fox.mp4"
    for path in (drawn, other):
        path.parent.mkdir(parents=True, exist_ok=True)
        generate.write_video(path, iter(scenes(12)))
    trusted = replace(video_predictor, stamp="", card=card)
    options = predict.Options(threshold=0.01)
    lines = []
    report = predict.predict([drawn, other], trusted, tmp_path / "out", options, log=lines.append)
    assert len(report.done) == 2 and f"stamp: {predictor.DRAWN}" == lines[0]
    assert (tmp_path / "out/film_frames.csv").is_file() and (tmp_path / "out/fox.untrusted_frames.csv").is_file()
    bouts = pd.read_csv(tmp_path / "out/bouts.csv", keep_default_na=False)
    assert set(bouts[bouts["video"] == "fox"]["stamp"]) == {predictor.DRAWN} and len(bouts) > 0
    assert (pd.read_csv(tmp_path / "out/behaviours.csv")["stamp"] == predictor.DRAWN).all()
    assert json.loads((tmp_path / "out/report.json").read_text())["stamp"] == predictor.DRAWN
