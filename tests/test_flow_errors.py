"""Errors of flow against known motion: by hand on small fields, and on clips whose every motion is known."""

import time

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from amc.base.errors import AmcError
from amc.companion import flow_errors
from amc.datasets import drawn_world
from amc.datasets.table import ClipTable


def test_the_end_point_error_is_the_distance_of_two_vectors():
    vectors, true = torch.zeros(1, 2, 2, 3), torch.zeros(1, 2, 2, 3)
    vectors[0, :, 1, 2] = torch.tensor([3.0, 4.0])
    error = flow_errors.end_point_error(vectors, true)
    assert error[0, 1, 2] == 5 and error.sum() == 5


def test_no_flow_of_a_video_goes_over_its_cut(tmp_path):
    scenes = np.stack([np.full((64, 96, 3), 30 if k < 6 else 220, np.uint8) for k in range(14)])
    scenes[:6, :32, 40:] = 160, 60, 20
    scenes[6:, 20:, :50] = 10, 90, 200  # another scene from frame 6 on
    for k, picture in enumerate(scenes):
        Image.fromarray(picture).save(tmp_path / f"{k:03d}.png")
    found = flow_errors.successive(tmp_path, [0, 5, 6, 13])
    assert found == [(0, 1), (4, 5), (6, 7), (12, 13)]
    assert (5, 6) not in flow_errors.sampled(tmp_path, start=1, step=4)
    assert flow_errors.spread(tmp_path, 6)[2] == (4, 5)


def test_there_and_back_ends_where_it_began_unless_a_flow_is_wrong_or_leaves_the_picture():
    there = torch.zeros(1, 2, 4, 8)
    there[:, 0] = 2.0  # everything moves two pixels to the right
    back = -there
    error = flow_errors.round_trip(there, back)[0]
    assert torch.isinf(error[:, 6:]).all() and error[:, :6].abs().max() < 1e-5
    back[:, :, :, 5] = 0  # what came to column 5, from column 3, does not go back
    error = flow_errors.round_trip(there, back)[0]
    assert error[:, 3] == pytest.approx([2.0] * 4, abs=1e-4)
    assert error[:, 2].abs().max() < 1e-4


def test_pairs_are_spread_over_the_video_and_stay_inside_it():
    assert flow_errors.pairs_of(100, 3) == [(24, 25), (49, 50), (73, 74)]
    assert flow_errors.pairs_of(100, 1, step=16) == [(41, 57)]
    assert flow_errors.pairs_of(5, 2, step=16) == [(0, 4), (0, 4)]
    assert flow_errors.pairs_of(1, 2) == [(0, 0), (0, 0)]


@pytest.fixture(scope="module")
def clips(smoke_world) -> ClipTable:
    return drawn_world.kingdom(smoke_world, size="smoke")


@pytest.fixture(scope="module")
def table(clips) -> pd.DataFrame:
    return flow_errors.measure(clips.limit(4), {"dis": None}, pairs=2)


def test_the_claim_that_nothing_moves_errs_by_the_true_speed(table, clips):
    row = table[table["method"] == flow_errors.NOTHING].iloc[0]
    true = clips.drawn.true_flow(row["clip"], [(row["frame"], row["frame"] + 1)])[0]
    assert row["epe"] == pytest.approx(np.hypot(*true).mean(), rel=1e-4)
    assert row["is_camera"] == bool(np.median(np.hypot(*true)[[0, 0, -1, -1], [0, -1, 0, -1]]) > flow_errors.STILL)


def test_an_estimate_is_better_where_points_are_seen_in_both_frames(table):
    dis = table[table["method"] == "dis"]
    assert dis["visible"].mean() < dis["hidden"].mean()
    assert dis["epe"].mean() < table[table["method"] == flow_errors.NOTHING]["epe"].mean()


def test_conditions_are_means_over_clips_within_their_intervals(table):
    found = flow_errors.conditions(table)
    assert (found["low"] <= found["epe"] + 1e-9).all() and (found["epe"] <= found["high"] + 1e-9).all()
    row = found.query("condition == 'visible in both frames' and method == 'dis'").iloc[0]
    assert row["epe"] == pytest.approx(table[table["method"] == "dis"].groupby("clip")["visible"].mean().mean())
    assert row["clips"] == 12


def test_the_worst_pair_is_the_one_of_the_highest_error(table):
    clip, frame = flow_errors.worst(table, "dis")["occlusion"]
    dis = table[table["method"] == "dis"]
    assert dis.set_index(["clip", "frame"])["hidden"].idxmax() == (clip, frame)


def test_a_third_of_the_chosen_clips_is_at_night_where_so_many_are(clips):
    night = {clip for clip in clips.clips if clips.drawn.script(clip.id).environment == "night"}
    chosen = flow_errors.chosen(clips, 6).clips
    assert len(chosen) == 6 and len(night & {*chosen}) == min(2, len(night))
    assert list(chosen) == sorted(chosen, key=clips.clips.index) and flow_errors.chosen(clips, 10**6) == clips


def test_a_pair_that_is_the_worst_under_two_conditions_is_shown_once():
    rows = [("a", 3, 5.0, 6.0, False), ("b", 7, 2.0, 4.0, False), ("c", 1, 1.0, 3.0, True)]
    columns = ["clip", "frame", "hidden", "epe", "is_night"]
    table = pd.DataFrame(rows, columns=columns).assign(method="dis", is_camera=True)
    assert flow_errors.worst(table, "dis") == {"occlusion": ("a", 3), "night": ("c", 1), "camera motion": ("b", 7)}


def test_the_worst_cases_have_the_error_of_the_worst_pair(table, clips):
    frame, true, guess, error = flow_errors.worst_cases(clips, table, "dis", None)["occlusion"]
    assert frame.shape[0] == 3 and true.shape == guess.shape == (2, *error.shape)
    assert error == pytest.approx((true - guess).norm(dim=0))


def test_every_condition_is_set_against_the_claim_that_nothing_moves():
    def row(condition, method, epe, clips=5):
        return {"condition": condition, "method": method, "epe": epe, "clips": clips}

    rows = [row("still", flow_errors.NOTHING, 0.1), row("still", "dis", 0.2), row("moves", flow_errors.NOTHING, 2.0)]
    rows += [row("moves", "dis", 0.5), row("night", flow_errors.NOTHING, 1.0, 4), row("night", "dis", 0.5, 4)]
    still, moves, night = flow_errors.against_nothing(pd.DataFrame(rows), "dis")
    assert (
        "75 % less than" in moves
        and "MORE than zero flow (0.10 px)" in still
        and night == "night: 4 clips, no statement"
    )


def test_hidden_and_visible_points_are_compared_within_clips():
    table = pd.DataFrame(
        {"clip": ["a", "b"], "method": "dis", "hidden": [5.0, 1.5], "visible": [4.5, 1.0], "seconds": 0}
    )
    said = flow_errors.hidden_from_visible(table, "dis")
    assert said.endswith("+0.50 px, 95 % +0.50 to +0.50")  # the clips differ, their differences do not


def test_the_estimate_is_set_against_zero_flow_on_the_same_pairs():
    zero, dis = ({"method": name, "frame": [0, 9, 0], "seconds": 0} for name in (flow_errors.NOTHING, "dis"))
    tables = [zero | {"clip": ["a", "a", "b"], "epe": [1.0, 5.0, 2.0]}]
    tables.append(dis | {"clip": ["b", "a", "a"], "epe": [1.5, 4.5, 0.5]})  # half a pixel less each, in another order
    row = flow_errors.more_than_nothing(pd.concat(map(pd.DataFrame, tables)), "dis")
    assert (row["epe"], row["low"], row["high"], row["clips"]) == (-0.5, -0.5, -0.5, 2)


def test_sampled_frames_stay_inside_the_video(smoke_world):
    path = sorted((smoke_world / "smoke" / "video").glob("*.mp4"))[0]
    assert flow_errors.sampled(path, start=2, step=8) == [(2, 3), (10, 11), (18, 19), (26, 27)]
    [(first, last)] = flow_errors.sampled(path, start=10**6, step=8)
    assert last - first <= 1 and last < 10**6


def test_raft_is_left_out_with_its_reason_until_weights_are_given(real, monkeypatch, tmp_path):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    usable, absent = flow_errors.available()
    assert set(usable) == {*flow_errors.DIS, "raft-synth"}
    assert "raft-small's could not be downloaded" in absent["raft-small"]
    weights = real / "weights" / "raft-small.pth"
    usable, absent = flow_errors.available(str(weights))
    assert usable["raft-small"] == weights and set(absent) == {"raft-large"}


@pytest.mark.parametrize(
    "wrong", [{"size": "paper"}, {"flow_method": "true"}, {"max_px": 0}, {"clips": 1}, {"video": "nowhere.mp4"}]
)
def test_a_wrong_setting_is_refused_by_its_name(wrong):
    [name] = wrong
    with pytest.raises(AmcError, match=f"^{name}: "):
        flow_errors.settings(**wrong)


def test_the_time_of_a_method_is_that_of_the_processor_whatever_else_the_machine_does(monkeypatch):
    def slept(first, second, **_):
        time.sleep(0.2)
        return torch.zeros(len(first), 2, 8, 8)

    monkeypatch.setattr(flow_errors.flow, "estimate", slept)
    pixels = torch.zeros(2, 3, 8, 8, dtype=torch.uint8)
    assert flow_errors.estimate(pixels, pixels, "dis", None)[1] < 0.05
