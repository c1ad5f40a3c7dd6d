"""One cell of a table: computed once under its key, whole or not at all, the same alone and side by side."""

import os
from dataclasses import replace

import numpy as np
import pytest
import torch

from amc import model, scores, train
from amc.base.errors import AmcError
from amc.config import SIZES, Experiment
from amc.datasets import catalogue
from amc.datasets.clips import ClipViews, PixelReader
from amc.runs import cost, experiment


@pytest.fixture(scope="session")
def cell(smoke_world) -> Experiment:
    """The cheapest cell: two frames of a clip, one epoch."""
    smoke = SIZES["smoke"]
    return replace(smoke, root=str(smoke_world), pretrained="random", pixels=replace(smoke.pixels, modality="rgb"))


@pytest.fixture(scope="module")
def finished(cell, tmp_path_factory):
    """The cell, computed once, and the lines that it said."""
    lines = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AMC_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield experiment.run(cell, log=lines.append), lines, os.environ["AMC_CACHE"]


@pytest.fixture
def in_place(finished, monkeypatch):
    """Back in the cache where the cell was computed."""
    monkeypatch.setenv("AMC_CACHE", finished[2])


@pytest.fixture(scope="module")
def classifier() -> model.Classifier:
    return model.build("synth-clip", "random", num_slots=4, seed=1)


def same_scores(a: scores.Scores, b: scores.Scores) -> bool:
    return all(np.array_equal(getattr(a, name), getattr(b, name)) for name in scores.ARRAYS)


@pytest.fixture(scope="module")
def views(cell, tmp_path_factory) -> ClipViews:
    table = experiment.load(cell).split("test").limit(5)
    reader = PixelReader(replace(cell.pixels, modality="rgb+flow"), tmp_path_factory.mktemp("pixels"))
    return ClipViews(table, replace(cell.sampling, num_windows=3), reader, size=64)


def test_every_clip_is_scored_once_in_order_by_every_classifier(views, classifier):
    recognise = classifier.with_names(views.table.names)
    found = scores.predict(recognise, views, meta={"a": 1}, batch=2)
    assert found.ids.tolist() == [clip.id for clip in views.table.clips]
    assert found.species.tolist() == [clip.species for clip in views.table.clips]
    assert found.num_frames.tolist() == [clip.num_frames for clip in views.table.clips]
    assert np.array_equal(found.labels, views.table.labels()) and found.meta == {"a": 1}
    assert found.frames.tolist() == [[list(window) for window in views.windows(None, k)] for k in range(5)]
    for index in (0, 4):
        with torch.inference_mode():
            by_hand = recognise(views[None, index][0]).numpy()  # (M, C): all windows of one clip as a batch
        np.testing.assert_allclose(found.logits[index], by_hand, atol=1e-3)


@pytest.mark.parametrize("batch", [1, 3, 5, 64])
def test_the_batch_size_changes_no_score(views, classifier, batch):
    recognise = classifier.with_names(views.table.names)
    found, alone = (scores.predict(recognise, views, meta={}, batch=size) for size in (batch, 1))
    # Logits are 100 x a cosine in float32: sums in another order differ by a few 1e-5. Clips differ by more than 0.1.
    np.testing.assert_allclose(found.logits, alone.logits, atol=1e-3, rtol=0)
    assert np.abs(alone.logits[0] - alone.logits[1]).max() > 0.1


def test_scoring_leaves_the_model_and_its_mode_alone(views, classifier):
    recognise = classifier.with_names(views.table.names)
    before = {name: value.clone() for name, value in classifier.network.state_dict().items()}
    scores.predict(recognise, views, meta={}, batch=2)
    after = classifier.network.state_dict()
    assert all(torch.equal(before[name], after[name]) for name in before) and not classifier.network.training


def test_a_cell_leaves_scores_of_both_splits_and_a_model_that_gives_them_again(finished, cell):
    run, lines, _ = finished
    table = experiment.load(cell)
    for split in ("val", "test"):
        assert run.scores(split).ids.tolist() == [clip.id for clip in table.split(split).clips]
    assert {path.name for path in run.folder.iterdir()} == {"model.safetensors", "val.npz", "test.npz", "last.pt"}
    loaded, meta = model.load(run.folder / "model.safetensors")
    assert tuple(meta["names"]) == table.names
    views = ClipViews(table.split("test").limit(3), cell.sampling, PixelReader(cell.pixels), size=64)
    again = scores.predict(loaded.with_names(table.names), views, meta={})
    np.testing.assert_allclose(again.logits, run.scores("test").logits[:3], atol=1e-3)
    assert any("epoch 1/1" in line for line in lines) and "best epoch 1" in lines[-1]


def test_a_score_file_says_how_it_was_made(finished, cell):
    meta = finished[0].scores("test").meta
    table = experiment.load(cell)
    assert meta["experiment"] == cell.asdict() and meta["card"]["pretrained"] == "random"
    assert meta["train_positives"] == table.split("train").labels().sum(axis=0).tolist()
    assert meta["val_sources"] == len({clip.group or clip.id for clip in table.split("val").clips})
    assert len(meta["fit"]["losses"]) == 1 and meta["device"] in ("cpu", "cuda")
    assert meta["cost"]["frames_decoded"] == 4 and meta["cost"]["flow_pairs"] == 0
    assert meta["cost"]["seconds_per_video"] > 0


def test_a_network_is_trained_on_the_other_data_set_first_and_starts_from_what_it_learnt(
    cell, shared_places, monkeypatch
):
    from amc.runs import recipes

    monkeypatch.setenv("AMC_DATA", shared_places["AMC_DATA"])
    [trained] = recipes.table_1(methods="MSQNet + pre-training", size="smoke", data_root=cell.root)
    assert experiment.pretraining(trained).dataset == "synth-menagerie"
    lines = []
    run = experiment.run(trained, log=lines.append)
    assert any(line.startswith("on synth-menagerie: epoch 1/1") for line in lines)
    first = experiment.run(experiment.pretraining(trained), log=lines.append)
    assert lines[-1] == "already computed"
    seconds = run.scores("test").meta["pretraining"]["seconds"]
    assert seconds == first.scores("test").meta["fit"]["seconds"] > 0
    names = [set(r.scores("test").names.tolist()) for r in (run, first)]
    assert not names[0] & names[1]  # other behaviours


def test_a_finished_cell_is_used_again(finished, cell, in_place, monkeypatch):
    monkeypatch.setattr(experiment, "fit", None)  # training would fail
    lines = []
    run = experiment.run(cell, log=lines.append)
    assert run == finished[0] and lines == ["already computed"]


@pytest.mark.parametrize("lost", ["test", "val"])
def test_a_cell_without_one_of_its_score_files_is_computed_again_with_the_same_result(
    finished, cell, in_place, monkeypatch, lost
):
    run, before = finished[0], finished[0].scores(lost)
    (run.folder / f"{lost}.npz").unlink()
    assert experiment.run(cell, log=[].append) == run
    assert same_scores(run.scores(lost), before)


@pytest.mark.parametrize("damage", ["lost", "flipped"])
def test_a_lost_or_damaged_model_is_made_again_without_training(finished, cell, in_place, monkeypatch, damage):
    run, before = finished[0], finished[0].scores("test")
    path = run.folder / "model.safetensors"
    right = path.read_bytes()
    path.unlink() if damage == "lost" else path.write_bytes(right[:-1] + bytes([right[-1] ^ 64]))
    monkeypatch.setattr(train._Loop, "run", None)  # training would fail
    with pytest.warns(UserWarning, match=r"model\.safetensors: .*; this run is completed again from its last"):
        assert experiment.run(cell, log=[].append) == run
    assert path.read_bytes() == right and same_scores(run.scores("test"), before)


def test_a_cell_that_was_interrupted_goes_on_and_ends_with_the_same_scores(cell, finished, monkeypatch):
    def interrupt(*args):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):  # after training, before scoring
        patch.setattr(cost, "measure", interrupt)
        experiment.run(cell, log=[].append)
    lines = []
    run = experiment.run(cell, log=lines.append)
    assert not any(line.startswith("epoch") for line in lines)
    assert same_scores(run.scores("test"), finished[0].scores("test"))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dataset": "zoo"}, "synth, animal-kingdom, kabr"),
        ({"size": "paper"}, "smoke, quick, standard"),
        ({"pretrained": "missing.pt"}, "neither a file nor known"),
        ({"backbone": "ViT-B-999"}, "not a model of open_clip"),
    ],
)
def test_what_cannot_be_had_is_one_line(cell, change, message):
    with pytest.raises(AmcError, match=message) as error:
        experiment.run(replace(cell, **change), log=[].append)
    assert "\n" not in str(error.value)


def test_absent_flow_weights_are_found_out_before_any_training(cell, monkeypatch):
    monkeypatch.setattr(experiment, "run", None)
    monkeypatch.setattr(experiment.processes, "pool", None)
    pixels = replace(cell.pixels, modality="flow", flow_method="raft-small", flow_weights="missing.pth")
    with pytest.raises(AmcError, match=r"no file missing.pth"):
        experiment.run_all([cell, replace(cell, pixels=pixels)])


def test_absent_data_are_named_with_the_place_where_they_belong(tmp_path, monkeypatch):
    monkeypatch.setenv("AMC_DATA", str(tmp_path))
    for dataset in ("animal-kingdom", "kabr"):
        with pytest.raises(AmcError, match="data/README.md"):
            catalogue.load(dataset)


def test_cells_side_by_side_give_the_same_scores_and_survive_the_failure_of_another(cell, finished):
    ruined = replace(cell, seed=3, training=replace(cell.training, lr=1e38))
    lines = []
    with pytest.raises(AmcError, match="the loss is not finite in epoch 1; lower lr, now 1e") as error:
        experiment.run_all([ruined, cell], workers=2, log=lines.append)
    assert "\n" not in str(error.value)
    assert any(line.startswith(cell.name) and "epoch 1/1" in line for line in lines)
    (run,) = experiment.run_all([cell], log=lines.append)
    assert lines[-1].endswith("already computed")
    assert same_scores(run.scores("test"), finished[0].scores("test"))  # a process of its own, this one: equal bits


def test_one_worker_computes_in_this_process_and_keeps_the_order(cell, monkeypatch):
    calls = []
    monkeypatch.setattr(experiment, "run", lambda cfg, log: calls.append(cfg) or log("hello") or cfg)
    cells, lines = [replace(cell, seed=seed) for seed in (2, 0, 1)], []
    assert experiment.run_all(cells, workers=1, log=lines.append) == cells == calls
    assert lines[0].split() == ["sparse", "rgb", "seed", "2", "hello"]
