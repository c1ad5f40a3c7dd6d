"""Time and bouts: windows cover every frame, bouts go to frames and back, at every frame rate and at a variable one."""

from dataclasses import replace
from fractions import Fraction

import films
import numpy as np
import pytest
from PIL import Image

from amc.base.errors import AmcError
from amc.ethogram import timeline
from amc.ethogram.bouts import Bout, Rules, find, frames_of, from_frames, to_frames
from amc.ethogram.record import Ethogram
from amc.ethogram.sliding_window import edges_of
from amc.ethogram.timeline import SlidingWindow

RATES = {
    "23.976": Fraction(24000, 1001),
    "25": Fraction(25),
    "29.97": Fraction(30000, 1001),
    "59.94": Fraction(60000, 1001),
}
NAMES = ("graze", "walk")
ANY = Rules(hold=1, min_seconds=0, max_gap=0)


def edges_at(rate: Fraction | str, num_frames: int) -> np.ndarray:
    """Edges of a video: at a constant rate, or "variable", each frame of another length."""
    if rate == "variable":
        steps = np.random.default_rng(0).choice([1 / 60, 1 / 30, 1 / 10], num_frames)
        return timeline.edges(np.append(0, steps.cumsum()[:-1]), 30)
    return timeline.edges(np.array([float(k / rate) for k in range(num_frames)]), float(rate))


def shown(probs: list[list[float]], rate: Fraction | str = Fraction(10), rules: Rules = ANY) -> Ethogram:
    table = np.array(probs, dtype=np.float32)
    edges = edges_at(rate, len(table))
    return Ethogram("fox", "fox.mp4", 10.0, edges, NAMES, table, np.full(2, 0.5), rules)


@pytest.mark.parametrize("rate", [*RATES.values(), "variable"], ids=[*RATES, "variable"])
def test_bouts_to_frames_and_times_to_bouts_again(rate):
    edges = edges_at(rate, 1999)
    rng = np.random.default_rng(1)
    table = np.repeat(rng.random((200, 2)) < 0.5, 10, axis=0)[:1999]
    bouts = from_frames(table, NAMES)
    assert np.array_equal(to_frames(bouts, NAMES, 1999), table)
    for bout in bouts:
        times = (round(edges[bout.start], 6), round(edges[bout.stop], 6))  # as files have them
        assert frames_of(*times, edges) == (bout.start, bout.stop)


@pytest.mark.parametrize("rate", [*RATES.values(), "variable"], ids=[*RATES, "variable"])
def test_every_frame_lies_in_a_window_and_the_last_one_ends_with_the_video(rate):
    edges = edges_at(rate, 1001)
    windows = timeline.slide(edges, seconds=2, stride=0.5)
    covered = np.zeros(1001, bool)
    for start, stop in windows:
        covered[start:stop] = True
    assert covered.all() and windows[0][0] == 0 and windows[-1][1] == 1001
    assert all(a < b for a, b in zip(windows, windows[1:], strict=False))


def test_windows_do_not_drift_at_29_97_frames_a_second():
    edges = edges_at(RATES["29.97"], 107_892)  # an hour
    starts = [edges[start] for start, _ in timeline.slide(edges, seconds=2, stride=0.5)]
    assert max(abs(start - 0.5 * k) for k, start in enumerate(starts[:-1])) < 1 / 29.97


def test_a_video_shorter_than_a_window_is_one_window_and_one_frame_too():
    assert timeline.slide(edges_at(Fraction(25), 7), seconds=2, stride=0.5) == ((0, 7),)
    assert timeline.slide(timeline.edges(np.array([0.0]), 25), seconds=2, stride=0.5) == ((0, 1),)


def test_frames_have_the_mean_of_the_windows_that_hold_them():
    probs = timeline.spread(np.array([[0.2], [0.6]]), ((0, 3), (2, 5)), 5)
    assert probs[:, 0] == pytest.approx([0.2, 0.2, 0.4, 0.6, 0.6])


@pytest.mark.parametrize("seconds, stride", [(2, 3), (2, 0), (0, 0), (-1, -2)])
def test_windows_that_would_miss_frames_are_refused(seconds, stride):
    with pytest.raises(AmcError, match="stride"):
        SlidingWindow(seconds, stride)


def test_times_that_do_not_ascend_are_refused():
    with pytest.raises(AmcError, match="do not ascend"):
        timeline.edges(np.array([0, 0.1, 0.1]), 10)


def test_a_bout_begins_at_the_threshold_and_holds_on_below_it():
    column = [0.45, 0.5, 0.45, 0.3, 0.45, 0.45]
    edges = edges_at(Fraction(10), 6)
    probs = np.array([column, column]).T
    found = find(probs, edges, NAMES, np.array([0.5, 0.9]), Rules(hold=0.8, min_seconds=0, max_gap=0))
    assert found == [Bout("graze", 0, 3)]  # the last two frames hold on to nothing; 0.9 is never reached


def test_where_nothing_is_said_half_a_second_is_kept_and_bridged_and_four_fifths_of_the_threshold_hold():
    edges = edges_at(Fraction(10), 24)
    probs = np.zeros((24, 2))
    probs[[*range(5), 10, 11, 12, *range(20, 24)], 0] = 1  # half a second, a pause as long, more; 0.4 seconds
    probs[13, 0], probs[:5, 1] = 0.4, 1
    assert find(probs, edges, NAMES, 0.5, Rules()) == [Bout("graze", 0, 14), Bout("walk", 0, 5)]


@pytest.mark.parametrize(
    "rule",
    [{"hold": 0}, {"hold": 1.1}, {"min_seconds": -0.1}, {"min_seconds": np.inf}, {"max_gap": -0.1}],
)
def test_a_rule_that_cannot_be_is_refused_by_its_name(rule):
    with pytest.raises(AmcError, match=f"^{next(iter(rule))}: .* is not allowed"):
        Rules(**rule)


@pytest.mark.parametrize(("shape", "threshold"), [((9, 2), 0.5), ((10, 3), 0.5), ((10, 2), [0.5, 0.5, 0.5])])
def test_probabilities_and_thresholds_of_another_shape_are_refused(shape, threshold):
    with pytest.raises(AmcError, match="^probs: .* with 10 frames, 2 behaviours"):
        find(np.zeros(shape), edges_at(Fraction(10), 10), NAMES, threshold, ANY)


def test_short_pauses_are_bridged_before_short_bouts_are_dropped():
    column = [1, 0, 1, 0, 0, 0, 1, 1, 0, 1]
    edges = edges_at(Fraction(10), 10)
    probs = np.array([column, [0] * 10]).T.astype(float)
    assert find(probs, edges, NAMES, 0.5, Rules(1, 0.3, 0.1)) == [Bout("graze", 0, 3), Bout("graze", 6, 10)]
    assert find(probs, edges, NAMES, 0.5, Rules(1, 0.35, 0.1)) == [Bout("graze", 6, 10)]


def test_at_a_variable_rate_seconds_count_and_not_frames():
    edges = timeline.edges(np.array([0.0, 1.0, 1.1, 1.2]), 10)  # the first frame lasts a second
    probs = np.array([[1, 0, 1, 1], [0, 0, 0, 0]]).T.astype(float)
    assert find(probs, edges, NAMES, 0.5, Rules(1, 0.5, 0)) == [Bout("graze", 0, 1)]


@pytest.mark.parametrize("bout", [Bout("fly", 0, 1), Bout("walk", 3, 3), Bout("walk", 0, 11), Bout("walk", -1, 2)])
def test_a_bout_that_cannot_be_is_refused(bout):
    with pytest.raises(AmcError, match="none of 10 frames"):
        to_frames([bout], NAMES, 10)
    assert to_frames([Bout("walk", 0, 10)], NAMES, 10).sum(axis=0).tolist() == [0, 10]


def test_a_stretch_of_time_is_one_frame_at_least_and_ends_with_the_video():
    edges = edges_at(Fraction(10), 10)
    assert frames_of(0.31, 0.32, edges) == (3, 4)
    assert frames_of(0.71, 5, edges) == (7, 10) and frames_of(3, 5, edges) == (9, 10)


def test_bins_of_a_time_budget_cut_bouts_and_add_up_to_the_whole():
    found = shown([[1, 0]] * 8 + [[0, 0]] * 2 + [[1, 1]] * 15 + [[0, 0]] * 9)  # 3.4 s: graze 0 to 0.8 and 1 to 2.5
    table = found.bins(1.0)
    graze = table[table["Behavior"] == "graze"]
    assert graze["Bin start (s)"].tolist() == [0, 1, 2, 3]
    assert graze["Bin stop (s)"].tolist() == pytest.approx([1, 2, 3, 3.4])
    assert graze["Total duration (s)"].tolist() == pytest.approx([0.8, 1, 0.5, 0])
    assert graze["Total number of occurences"].tolist() == [1, 1, 1, 0]  # BORIS counts each part
    assert graze["% of total length"].tolist() == pytest.approx([80, 100, 50, 0])
    whole = table.groupby("Behavior")["Total duration (s)"].sum()
    assert whole.tolist() == pytest.approx(found.budget()["Total duration (s)"].tolist())
    assert found.bins(600.0).drop(columns=["Bin start (s)", "Bin stop (s)"]).equals(found.budget())


def test_a_time_budget_adds_up():
    row = shown([[1, 0]] * 3 + [[0, 0]] * 4 + [[1, 0]] * 1 + [[0, 0]] * 2).budget().iloc[0]
    assert row["Total number of occurences"] == 2 and row["Total duration (s)"] == pytest.approx(0.4)
    assert row["Duration mean (s)"] == pytest.approx(0.2)
    assert row["Duration std dev"] == pytest.approx(np.std([0.3, 0.1], ddof=1))
    assert row["inter-event intervals mean (s)"] == pytest.approx(0.4)
    assert row["% of total length"] == pytest.approx(40)


def test_transitions_count_what_begins_next():
    counts = shown([[1, 0], [0, 1], [0, 0], [0, 1], [1, 1]]).transitions()
    assert counts.loc["graze", "walk"] == 1 and counts.loc["walk", "walk"] == 1 and counts.loc["walk", "graze"] == 1
    assert counts.to_numpy().sum() == 3


def test_no_behaviour_follows_another_over_a_cut():
    film = shown([[1, 0], [0, 1], [0, 0], [0, 1], [1, 1]])
    assert replace(film, cuts=(1,)).transitions().to_numpy().sum() == 2
    assert replace(film, cuts=(2, 4)).transitions().to_numpy().sum() == 1


def test_another_threshold_makes_other_bouts_of_the_same_scores():
    low = shown([[0.4, 0], [0.6, 0]]).at(0.3)
    assert low.bouts == [Bout("graze", 0, 2)] and shown([[0.4, 0], [0.6, 0]]).bouts == [Bout("graze", 1, 2)]


def test_the_last_frame_lasts_as_long_as_a_file_without_sound_says(tmp_path):
    pictures = [Image.fromarray(films.picture(n)) for n in range(5)]
    more = {"append_images": pictures[1:], "duration": [100] * 4 + [2000]}  # milliseconds
    pictures[0].save(tmp_path / "fox.gif", save_all=True, **more)
    assert edges_of(tmp_path / "fox.gif") == pytest.approx([0, 0.1, 0.2, 0.3, 0.4, 2.4])
    film = films.write(tmp_path / "fox.mp4", pictures=[films.picture(n) for n in range(12)], sound_seconds=9)
    assert edges_of(film)[-1] == pytest.approx(12 / 24)
