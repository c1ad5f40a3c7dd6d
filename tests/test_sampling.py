import numpy as np
import pytest

from amc.base.errors import AmcError
from amc.sampling import SCHEMES, clips, dense, plan

SIZES = [(n, m, p) for n in (1, 2, 3, 5, 7, 12, 37, 180, 1000) for m in (1, 2, 3, 4, 7) for p in (1, 2, 3, 8, 16)]
LONG = [(n, m, p) for n, m, p in SIZES if n >= 2 * m * p]
SEEDS = (None, 0, 1, 12345)


def inside(frame, ranges):
    return any(start <= frame < stop for start, stop in ranges)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("seed", SEEDS)
def test_every_plan_has_m_windows_of_p_ordered_frames_in_range(scheme, seed):
    for n, m, p in SIZES:
        windows = plan(n, scheme=scheme, num_windows=m, frames=p, seed=seed)
        assert len(windows) == m and windows == plan(n, scheme=scheme, num_windows=m, frames=p, seed=seed)
        for window in windows:
            assert len(window.frames) == p and list(window.frames) == sorted(window.frames)
            assert all(type(f) is int and 0 <= f < n for f in window.frames)


@pytest.mark.parametrize("scheme", ["dense", "semi-dense"])
def test_main_windows_cover_the_video_and_context_is_their_complement(scheme):
    for n, m, p in SIZES:
        windows = plan(n, scheme=scheme, num_windows=m, frames=p)
        covered = [f for w in windows for f in range(*w.main)]
        lengths = [w.main[1] - w.main[0] for w in windows]
        assert set(covered) == set(range(n)) and min(lengths) >= 1 and max(lengths) - min(lengths) <= 1
        assert n < m or covered == list(range(n))  # disjoint, unless there are more windows than frames
        for w in windows:
            rest = [f for start, stop in w.context for f in range(start, stop)]
            assert rest == [f for f in range(n) if not w.main[0] <= f < w.main[1]]
            assert all(start < stop for start, stop in w.context)


@pytest.mark.parametrize("seed", SEEDS)
def test_dense_takes_all_frames_from_the_main_window_one_a_segment(seed):
    for n, m, p in SIZES:
        for w in plan(n, scheme="dense", num_windows=m, frames=p, seed=seed):
            assert all(inside(f, [w.main]) for f in w.frames)
    for n, m, p in LONG:
        for w in plan(n, scheme="dense", num_windows=m, frames=p, seed=seed):
            segments = w.main[0] + np.arange(p + 1) * (w.main[1] - w.main[0]) / p
            assert all(int(a) <= f < b for f, a, b in zip(w.frames, segments[:-1], segments[1:], strict=True))


@pytest.mark.parametrize("seed", SEEDS)
def test_semi_dense_takes_half_from_the_main_window_and_half_from_its_context(seed):
    for n, m, p in SIZES:
        for w in plan(n, scheme="semi-dense", num_windows=m, frames=p, seed=seed):
            in_main = sum(inside(f, [w.main]) for f in w.frames)
            assert in_main == ((p + 1) // 2 if w.context else p)


def test_semi_dense_spreads_its_context_frames_over_both_sides():
    middle = plan(90, scheme="semi-dense", num_windows=3, frames=8)[1]
    assert middle.main == (30, 60) and middle.context == ((0, 30), (60, 90))
    assert middle.frames == (7, 22, 33, 41, 48, 56, 67, 82)  # segments of 15 frames outside, of 7.5 inside


@pytest.mark.parametrize("seed", SEEDS)
def test_sparse_takes_one_frame_in_each_of_p_equal_strata_of_the_whole_video(seed):
    for n, m, p in LONG:
        for w in plan(n, scheme="sparse", num_windows=m, frames=p, seed=seed):
            assert (w.main, w.context) == ((0, n), ())
            strata = np.arange(p + 1) * n / p
            assert all(int(a) <= f < b for f, a, b in zip(w.frames, strata[:-1], strata[1:], strict=True))


@pytest.mark.parametrize("seed", SEEDS)
def test_sparse_differs_for_each_classifier(seed):
    for n, m, p in [size for size in LONG if size[0] >= 20 * size[1] * size[2]]:
        frames = {w.frames for w in plan(n, scheme="sparse", num_windows=m, frames=p, seed=seed)}
        assert len(frames) == m or (seed is not None and p == 1)  # one random frame may coincide


def test_fixed_sparse_plans_fill_the_video_evenly():
    frames = np.sort([f for w in plan(1000, scheme="sparse", num_windows=8, frames=8) for f in w.frames])
    assert len(set(frames)) == 64 and np.diff(frames).max() < 3 * 1000 / 64  # at random: about 5 times the mean


def test_fixed_sparse_plans_follow_roberts_sequence_from_the_centre_of_the_first_segment():
    # Places in their segments: 0.5 and 0.5 + 0.5698 - 1 for the first, both 0.7549 further for the second, modulo 1.
    first, second = plan(1000, scheme="sparse", num_windows=2, frames=2)
    assert first.frames == (250, 534) and second.frames == (127, 912)


def test_a_place_that_rounds_up_to_the_end_of_the_window_is_its_last_frame():
    assert dense(10, 1, 4, np.full((1, 4), 1 - 2**-53))[0].frames == (2, 5, 7, 9)


def test_the_fixed_dense_plan_takes_centres():
    windows = plan(12, scheme="dense", num_windows=3, frames=1)
    assert [w.frames for w in windows] == [(2,), (6,), (10,)]
    assert [w.frames for w in plan(16, scheme="dense", num_windows=2, frames=4)] == [(1, 3, 5, 7), (9, 11, 13, 15)]


@pytest.mark.parametrize("scheme", SCHEMES)
def test_training_draws_anew_for_each_seed_and_reaches_every_frame(scheme):
    def draw(seed):
        return plan(40, scheme=scheme, num_windows=2, frames=4, seed=seed)

    assert draw(1) != draw(2) and draw(1) == draw(1)
    assert {f for seed in range(200) for w in draw(seed) for f in w.frames} == set(range(40))


def test_short_videos_repeat_frames_and_share_windows():
    assert [w.frames for w in plan(1, scheme="sparse", num_windows=2, frames=3)] == [(0, 0, 0)] * 2
    assert [w.main for w in plan(2, scheme="dense", num_windows=4, frames=1)] == [(0, 1), (0, 1), (1, 2), (1, 2)]
    assert [w.frames for w in plan(4, scheme="dense", num_windows=2, frames=4)] == [(0, 0, 1, 1), (2, 2, 3, 3)]
    assert plan(1, scheme="semi-dense", num_windows=1, frames=2)[0].frames == (0, 0)


@pytest.mark.parametrize(
    "change",
    [{"num_frames": 0}, {"num_windows": 0}, {"frames": 0}, {"frames": 2.5}, {"num_windows": "4"}, {"scheme": "dens"}],
)
def test_a_wrong_parameter_is_named_in_one_line(change):
    good = {"num_frames": 10, "scheme": "dense", "num_windows": 2, "frames": 2} | change
    with pytest.raises(AmcError, match=f"^{next(iter(change))}: ") as error:
        plan(good.pop("num_frames"), **good)
    assert "\n" not in str(error.value)


def test_clips_of_the_networks_lie_evenly_from_the_first_place_to_the_last_at_their_own_pace():
    windows = clips(20, num_windows=3, frames=3, stride=4)  # a clip spans 9 frames: 12 starts, 0 to 11
    assert [w.frames for w in windows] == [(0, 4, 8), (6, 10, 14), (11, 15, 19)]
    assert windows[1].main == (6, 15) and windows[1].context == ((0, 6), (15, 20))
    assert clips(20, num_windows=1, frames=3, stride=4)[0].frames == (6, 10, 14)


def test_a_video_shorter_than_a_clip_is_held_at_its_last_frame():
    assert [w.frames for w in clips(5, num_windows=2, frames=3, stride=4)] == [(0, 4, 4)] * 2


def test_clips_are_drawn_anew_for_each_seed_and_reach_every_place():
    def draw(seed):
        return clips(20, num_windows=2, frames=3, stride=4, seed=seed)

    assert draw(1) != draw(2) and draw(1) == draw(1)
    starts = {w.frames[0] for seed in range(200) for w in draw(seed)}
    assert starts == set(range(12))


@pytest.mark.parametrize("change", [{"num_frames": 0}, {"stride": 0}, {"frames": 0}, {"num_windows": 1.5}])
def test_a_wrong_count_of_a_clip_is_named(change):
    with pytest.raises(AmcError, match=f"^{next(iter(change))}: "):
        clips(**({"num_frames": 10, "num_windows": 2, "frames": 2, "stride": 2} | change))
