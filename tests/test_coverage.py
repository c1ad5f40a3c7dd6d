"""What a plan of frames sees and misses, counted by hand on small videos."""

import numpy as np
import pandas as pd
import pytest

from amc import sampling
from amc.base.errors import AmcError
from amc.companion import coverage, events
from amc.sampling import Window


def test_an_event_is_seen_from_its_first_frame_to_the_one_before_its_stop():
    windows = (Window((0, 5), (), (1, 4)), Window((5, 10), (), (6, 9)))
    assert events.seen_by(windows, 4, 6).tolist() == [True, False]
    assert events.seen_by(windows, 5, 6).tolist() == [False, False]
    assert events.seen_by(windows, 1, 10).tolist() == [True, True]


def test_dense_leaves_all_but_m_times_p_frames_unseen():
    assert coverage.unseen(60, scheme="dense", num_windows=3, frames=4) == pytest.approx(1 - 12 / 60)
    assert coverage.unseen(12, scheme="dense", num_windows=3, frames=4) == 0


def test_the_seen_frames_of_a_video_are_those_of_the_plan():
    found = coverage.classifiers(8, scheme="dense", num_windows=2, frames=2)
    assert found.tolist() == [0, 1, 0, 1, 0, 2, 0, 2]
    assert coverage.classifiers(2, scheme="dense", num_windows=1, frames=1).tolist() == [0, 1]
    assert coverage.classifiers(3, scheme="dense", num_windows=2, frames=2).max() == 2  # some frames are of both
    assert coverage.unseen(8, scheme="dense", num_windows=1, frames=2) == 6 / 8


def test_a_crop_is_the_smallest_square_around_the_animals_of_all_frames_and_lies_in_the_picture(monkeypatch):
    monkeypatch.setattr(coverage, "MARGIN", 1)
    masks = np.zeros((2, 20, 30), bool)
    masks[0, 8, 10], masks[1, 12, 12] = True, True  # rows 8 to 12, columns 10 to 12
    assert coverage.crop(masks) == (slice(7, 14), slice(8, 15))
    masks[1, 19, 12] = True
    assert coverage.crop(masks) == (slice(6, 20), slice(4, 18))  # moved up, as the picture ends
    assert coverage.crop(np.zeros((1, 20, 30), bool)) == (slice(0, 20), slice(0, 30))


def test_each_event_of_a_clip_is_told_with_who_sees_it():
    plans = {"dense": (Window((0, 5), (), (1, 4)), Window((5, 10), (), (6, 9)))}
    row = coverage.seen(plans, [("Jumping", 4.0, 6.0)], fps=2.0).to_dict("records")
    assert row == [{"event": "Jumping", "from, s": 2.0, "to, s": 3.0, "dense": 1}]


def test_looks_are_the_frames_of_an_event_in_a_classifier_that_sees_it():
    clips = [(12, [(0, 0, 12), (1, 0, 4), (2, 0, 1)])]
    dense = coverage.catches(clips, num_windows=2, frames=3).query("scheme == 'dense'")  # 1 3 5 and 7 9 11
    assert dense["share"].tolist() == [1, 0.5, 0]
    assert dense["looks"].tolist()[:2] == [3, 2] and np.isnan(dense["looks"].iloc[2])


def test_a_shown_clip_has_its_film_and_its_true_events(smoke_world):
    from amc.datasets import drawn_world

    test = drawn_world.kingdom(smoke_world, size="smoke").split("test")
    shown = coverage.happening(test.clips[0].path, test.drawn, count=3)
    assert shown["film"].shape[:2] == (3, 3) and shown["fps"] == 24
    assert all(0 <= start < stop <= shown["num_frames"] for _, start, stop in shown["events"])


def test_where_the_sequence_beats_other_rules_is_counted():
    gaps = {"quasi-random": np.array([[0.5, 0.1]]), "regular": np.array([[0.2, 0.2]])}
    said = coverage.gaps_said(gaps | {"random": np.array([[0.6, 0.3], [0.4, 0.3], [0.4, 0.05]])}).splitlines()
    assert [line.split(": ")[1] for line in said] == ["M = 2", "M = 2", "M = none of these"]


def test_every_scheme_is_counted_on_the_same_events_of_the_scripts():
    clips = coverage.scripted(40)
    caught = coverage.catches(clips, num_windows=3, frames=4)
    assert caught.groupby("scheme").size().tolist() == [sum(len(happened) for _, happened in clips)] * 3
    assert caught["seconds"].between(0.1, 10).all()
    by_hand = []
    for num_frames, happened in clips:
        windows = sampling.plan(num_frames, scheme="dense", num_windows=3, frames=4)
        by_hand += [np.mean([any(a <= f < b for f in w.frames) for w in windows]) for _, a, b in happened]
    assert caught.query("scheme == 'dense'")["share"].tolist() == pytest.approx(by_hand)


def test_a_rate_is_a_mean_over_events_and_its_interval_is_over_clips():
    def table(clips: int) -> pd.DataFrame:
        clip = np.repeat(np.arange(clips), 4)  # the four events of a clip are all caught or all missed
        return pd.DataFrame({"clip": clip, "scheme": "dense", "kind": "x", "any": clip % 2 == 0, "share": 0.5}).assign(
            looks=2.0
        )

    [few], [many] = (coverage.rates(table(clips), "kind").to_dict("records") for clips in (20, 2000))
    assert (few["any"], few["share"], few["events"]) == (0.5, 0.5, 80)
    assert few["share_low"] == few["share_high"] == 0.5 and few["looks"] == 2
    # 20 independent halves: 0.5 -+ 1.96 * sqrt(0.25 / 20) = 0.22; treating 80 events alike would give 0.11.
    assert few["any_high"] - few["any_low"] == pytest.approx(0.44, abs=0.08)
    assert many["any_high"] - many["any_low"] < 0.06


def test_the_interval_of_all_or_none_is_wilsons():
    table = pd.DataFrame({"clip": range(22), "scheme": "dense", "kind": "x", "any": True, "share": 0.0, "looks": 1.0})
    [row] = coverage.rates(table, "kind").to_dict("records")
    # Without a miss in n trials it begins at n / (n + z^2), here 22 / (22 + 1.96^2).
    assert (row["any_low"], row["any_high"]) == pytest.approx((0.851, 1), abs=0.001)
    assert (row["share_low"], row["share_high"]) == pytest.approx((0, 0.149), abs=0.001)


def test_the_largest_gap_counts_both_ends():
    assert coverage.largest_gap(np.array([[0.5, 0.9], [0.6, 0.3]])) == pytest.approx(0.3)
    assert coverage.largest_gap(np.array([0.1, 0.2])) == pytest.approx(0.8)


def test_the_three_ways_to_spread_put_one_place_into_each_segment():
    for rule, places in coverage.spread(3, 4, seed=1).items():
        assert np.floor(places * 4 - 1e-9).clip(0).tolist() == [[0, 1, 2, 3]] * 3, rule
    regular, random, quasi = coverage.spread(8, 4, seed=1).values()
    assert len(set(regular[:, 0])) == 1 and len(set(random[:, 0])) == len(set(quasi[:, 0])) == 8


@pytest.mark.parametrize(
    "wrong", [{"size": "paper"}, {"frames": 0}, {"num_windows": 13}, {"clips": 1}, {"clip_index": -1}, {"seed": 0.5}]
)
def test_a_wrong_setting_is_refused_by_its_name(wrong):
    [name] = wrong
    with pytest.raises(AmcError, match=f"^{name}: "):
        coverage.settings(**wrong)
