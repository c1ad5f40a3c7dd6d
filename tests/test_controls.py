"""What a score needs: models that read one thing lose their score when it is taken away, and keep it otherwise."""

import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from amc import metrics
from amc.baselines.species_prior import BLIND
from amc.companion import controls
from amc.config import Sampling
from amc.datasets.clips import ClipViews, reader
from amc.runs import experiment, methods, recipes
from amc.runs.ablation import ablation
from amc.runs.experiment import Run
from amc.runs.lookup import MODEL
from amc.scores import predict

SIZE = 48  # pixels, of the slots that the models below see
QUIETLY = {"workers": 1, "log": lambda line: None}
FRAMES, FLOW = slice(0, None, 2), slice(1, None, 2)  # of the slots of rgb+flow


class ByColour:
    """A model that knows every window of every clip by the mean colour of some slots, and answers with its labels."""

    def __init__(self, views: ClipViews, slots: slice):
        self.slots, self.preprocess = slots, SimpleNamespace(size=views.size)
        items = [views[None, index] for index in range(len(views))]
        self.known = torch.cat([self.colour(windows) for windows, _ in items])  # (V * M, 3)
        self.labels = torch.stack([labels for windows, labels in items for _ in windows])

    def colour(self, slots: torch.Tensor) -> torch.Tensor:
        return slots[:, self.slots].double().mean(dim=(1, 3, 4))  # (B, 3)

    def to(self, device: str) -> "ByColour":
        return self

    def __call__(self, slots: torch.Tensor) -> torch.Tensor:
        return 8 * self.labels[torch.cdist(self.colour(slots), self.known).argmin(dim=1)] - 4


class Blindfolded(ByColour):
    """A model that does not look: the same logits for every clip."""

    def __call__(self, slots: torch.Tensor) -> torch.Tensor:
        return torch.arange(self.labels.shape[1]).float().repeat(len(slots), 1)


def config(smoke_world, modality="rgb+flow"):
    [cfg] = ablation(scheme="sparse", modality=modality, size="smoke", data_root=str(smoke_world), frames=3)
    return replace(cfg, pixels=replace(cfg.pixels, flow_method="dis-ultrafast"))


def look(cfg) -> ClipViews:
    table = experiment.load(cfg).split("test")
    return ClipViews(table, cfg.sampling, reader(cfg.pixels, table), size=SIZE)


def finished(folder, cfg, classifier, views) -> Run:
    """A run of `classifier`: a file in place of its weights, and its scores."""
    folder.mkdir()
    (folder / MODEL).write_bytes(b"weights")
    scores = predict(classifier, views, meta=experiment.meta(cfg, experiment.load(cfg)))
    for split in ("val", "test"):
        scores.save(folder / f"{split}.npz")
    return Run(cfg, folder)


def by_control(rows) -> dict[str, dict]:
    return {row["control"]: row for row in rows}


@pytest.fixture(scope="module")
def measured(smoke_world, tmp_path_factory):
    """Rows of three models on all test clips, and their runs: one reads frames, one flow, one nothing."""
    folder, cfg = tmp_path_factory.mktemp("runs"), config(smoke_world)
    found = {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AMC_CACHE", str(tmp_path_factory.mktemp("cache")))
        views = look(cfg)
        for name, seer in (("frames", ByColour(views, FRAMES)), ("flow", ByColour(views, FLOW))):
            patch.setattr(controls, "trained", lambda run, table, seer=seer: seer)
            run = finished(folder / name, cfg, seer, views)
            found[name] = run, by_control(controls.measure([run], **QUIETLY))
        blind = Blindfolded(views, FRAMES)
        patch.setattr(controls, "trained", lambda run, table: blind)
        run = finished(folder / "nothing", cfg, blind, views)
        found["nothing"] = run, by_control(controls.measure([run], **QUIETLY))
    return found


def test_a_model_that_ignores_its_input_keeps_its_score_exactly(measured):
    _, rows = measured["nothing"]
    assert list(rows) == [controls.INTACT, *controls.CONTROLS]
    for row in rows.values():
        assert row["map_macro"] == rows[controls.INTACT]["map_macro"]
        assert row["map_macro_change"] == row["map_micro_change_low"] == row["map_micro_change_high"] == 0


def test_a_model_that_reads_frames_needs_the_video_and_no_flow_and_no_order(measured):
    _, rows = measured["frames"]
    assert rows[controls.INTACT]["map_macro"] == rows[controls.INTACT]["map_micro"] == 100
    for kept in ("frames shuffled", "flow at rest", "flow of another"):
        assert rows[kept]["map_macro"] == 100 and rows[kept]["left"] == 1
    lost = rows["another video"]
    assert lost["map_macro"] < 60 and lost["map_macro_change_high"] < 0  # whatever labels two clips have in common
    assert lost["map_macro_change"] == pytest.approx(lost["map_macro"] - 100)
    chance = lost["chance_macro"]
    assert lost["left"] == pytest.approx((lost["map_macro"] - chance) / (100 - chance))


def test_a_model_that_reads_flow_needs_the_flow_of_the_same_video(measured):
    run, rows = measured["flow"]
    assert rows[controls.INTACT]["map_macro"] == rows["frames shuffled"]["map_macro"] == 100
    assert rows["flow of another"]["map_macro"] == rows["another video"]["map_macro"] < 60
    stored = controls.Scores.load(run.folder / "control-flow-at-rest.npz")
    assert (stored.logits == stored.logits[:1, :1]).all()  # all motion is the same: nothing to read
    assert rows["flow at rest"]["map_macro"] < 60


def test_stored_scores_are_reused_and_a_part_of_them_too(measured, monkeypatch):
    run, rows = measured["frames"]
    monkeypatch.setattr(controls, "trained", None)  # building a model would fail
    assert by_control(controls.measure([run], **QUIETLY)) == rows
    run, _ = measured["nothing"]
    few, test = by_control(controls.measure([run], most=9, **QUIETLY)), run.scores("test")
    chosen = controls.in_order(24, 0)[:9]
    expected = 100 * metrics.map_macro(test.labels[chosen], test.probs[chosen].mean(axis=1))
    assert all(row["videos"] == 9 and row["map_macro"] == pytest.approx(expected) for row in few.values())
    assert expected != pytest.approx(100 * metrics.map_macro(test.labels, test.probs.mean(axis=1)))


def test_several_runs_side_by_side_give_the_rows_of_one_after_the_other(measured):
    runs, lines = [measured[name][0] for name in ("flow", "nothing")], []
    rows = controls.measure(runs, workers=2, log=lines.append)
    assert rows == [row for name in ("flow", "nothing") for row in measured[name][1].values()]
    assert sum("6 controls" in line for line in lines) == 2 and "2 of 2 runs done" in lines[-1]


def test_a_damaged_file_another_model_and_another_seed_are_scored_again(measured, smoke_world, tmp_path, monkeypatch):
    cfg = config(smoke_world)
    seer, built = ByColour(views := look(cfg), FRAMES), []
    monkeypatch.setattr(controls, "trained", lambda run, table: built.append(run) or seer)
    monkeypatch.setattr(controls, "applicable", lambda cfg, table: ["another video"])
    run = finished(tmp_path / "run", cfg, seer, views)
    first = controls.measure([run], **QUIETLY)
    assert by_control(first)["another video"]["map_macro"] == measured["frames"][1]["another video"]["map_macro"]
    path = run.folder / "control-another-video.npz"
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.warns(UserWarning, match="scored again"):
        assert controls.measure([run], **QUIETLY) == first
    assert len(built) == 2
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert controls.measure([run], **QUIETLY) == first and len(built) == 2  # whole again
        (run.folder / MODEL).write_bytes(b"other weights")
        controls.measure([run], **QUIETLY)
        assert len(built) == 3
        assert by_control(controls.measure([run], seed=1, **QUIETLY)) != by_control(first) and len(built) == 4


def test_shuffling_moves_each_frame_with_its_flow_and_never_keeps_the_order(smoke_world):
    views = look(config(smoke_world))
    for index in range(6):
        own, other = (x.unflatten(1, (3, 2)) for x in (views[None, index][0], controls.shuffled(views, index, 0)))
        for before, after in zip(own, other, strict=True):  # (P, 2, 3, H, W)
            order = [next(p for p in range(3) if torch.equal(before[p], pair)) for pair in after]
            assert sorted(order) == [0, 1, 2] and order != [0, 1, 2]
        assert torch.equal(controls.shuffled(views, index, 0), other.flatten(1, 2))
    orders = [controls._new_order(4, np.random.default_rng(seed)) for seed in range(200)]
    assert len({tuple(order) for order in orders}) == 23  # all but the present one
    assert controls._new_order(1, np.random.default_rng(0)) == [0]


def test_one_frame_is_the_middle_one_with_its_flow(smoke_world):
    views = look(config(smoke_world))
    own, other = views[None, 2][0], controls.repeated(views, 2, 0)
    assert other.shape == own.shape
    for place in range(3):
        assert torch.equal(other[:, 2 * place : 2 * place + 2], own[:, 2:4])


@pytest.mark.parametrize(("encoding", "colour"), [("wheel", (255, 255, 255)), ("uvm", (128, 128, 0))])
@pytest.mark.parametrize("modality", ["flow", "rgb+flow"])
def test_flow_at_rest_is_the_colour_of_no_motion_and_frames_stay(smoke_world, encoding, colour, modality):
    cfg = config(smoke_world, modality)
    views = look(replace(cfg, pixels=replace(cfg.pixels, encoding=encoding)))
    own, rested = views[None, 1][0], controls.at_rest(views, 1, 0)
    flow = FLOW if modality == "rgb+flow" else slice(None)
    assert (rested[:, flow] == torch.tensor(colour)[:, None, None]).all() and not torch.equal(rested, own)
    if modality == "rgb+flow":
        assert torch.equal(rested[:, FRAMES], own[:, FRAMES])


def test_another_video_is_never_the_same_and_each_stands_in_once(smoke_world):
    views = look(config(smoke_world, "rgb"))
    others = [controls.other(views, index, 0) for index in range(len(views))]
    assert sorted(others) == list(range(24)) and all(other != index for index, other in enumerate(others))
    assert others != [controls.other(views, index, 1) for index in range(24)]
    assert torch.equal(controls.other_video(views, 5, 0), views[None, others[5]][0])


def test_another_flow_is_that_of_the_other_video_beside_own_frames(smoke_world):
    views = look(config(smoke_world))
    mixed, other = controls.with_other_flow(views, 3, 0), controls.other(views, 3, 0)
    assert torch.equal(mixed[:, FRAMES], views[None, 3][0][:, FRAMES])
    assert torch.equal(mixed[:, FLOW], views[None, other][0][:, FLOW])


def test_without_animals_a_clip_differs_only_where_they_are(smoke_world):
    views = look(config(smoke_world))
    for index in range(3):
        own, empty = views[None, index][0], controls.without_animals(views, index, 0)
        assert own.shape == empty.shape
        changed = (own[:, FRAMES].int() - empty[:, FRAMES].int()).abs().amax(dim=2) > 40  # more than encoding changes
        assert 0.002 < changed.float().mean() < 0.5


def test_the_controls_of_a_row_are_those_of_what_it_sees(smoke_world):
    table = experiment.load(config(smoke_world))
    named = {m: controls.applicable(config(smoke_world, m), table) for m in ("rgb", "flow", "rgb+flow")}
    assert named["rgb"] == ["frames shuffled", "one frame", "another video", "no animal"]
    assert set(named["rgb+flow"]) - set(named["flow"]) == {"flow of another"}
    assert set(named["flow"]) - set(named["rgb"]) == {"flow at rest"}
    real = replace(table, drawn=None)
    assert controls.applicable(config(smoke_world), real) == [n for n in named["rgb+flow"] if n != controls.NO_ANIMAL]
    assert not controls.applicable(replace(config(smoke_world), method=next(iter(BLIND))), table)


def test_windows_of_a_convolutional_network_are_shuffled_too(smoke_world):
    [cfg] = [cfg for cfg in recipes.table_1(methods="X3D", size="smoke", data_root=str(smoke_world))]
    views = look(replace(cfg, sampling=Sampling("clip", 2, 4, 6)))
    own, other = views[None, 0][0], controls.shuffled(views, 0, 0)
    assert cfg.sampling.stride > 0 and not torch.equal(own, other)
    assert own.flatten(2).sort(dim=1).values.equal(other.flatten(2).sort(dim=1).values)


@pytest.mark.parametrize("method", ["X3D", "MSQNet + pre-training", "AnimalMotionCLIP"])
def test_the_model_of_a_finished_run_gives_the_same_logits_again(smoke_world, tmp_path, method):
    [cfg] = recipes.table_1(methods=method, size="smoke", data_root=str(smoke_world))
    table = experiment.load(cfg)
    drawn = replace(cfg, method="MSQNet") if cfg.method == methods.PRETRAINED else cfg
    built = methods.build(replace(drawn, init_from="", seed=5), table)
    built.add_bias(torch.tensor(-2.5))
    built.save(tmp_path / MODEL, {"names": table.names, "experiment": cfg.asdict()})
    again = controls.trained(Run(cfg, tmp_path), table)
    size = built.preprocess.size
    slots = torch.randint(0, 256, (2, cfg.num_slots, 3, size, size), dtype=torch.uint8)
    with torch.inference_mode():
        assert torch.equal(again(slots), built.eval()(slots)) and again.names == built.names
