"""The first notebook's frog: it jumps when the script says, and a jump is met as often as a count by hand finds."""

import numpy as np
import pandas as pd
import pytest
import torch

from amc import sampling
from amc.base.errors import AmcError
from amc.companion import exercise_answers, frog, stills


@pytest.fixture(scope="module")
def film():
    return frog.asked(seconds=4, jump=2)


def test_the_frog_moves_in_the_frames_of_the_jump_and_only_there(film):
    assert (film.num_frames, film.jump) == (96, range(48, 60))
    assert film.moments == {"sits": 36, "takes off": 48, "in the air": 54}
    true = [frog.scene.flow(film.stage, k, k + 1) for k in (30, 48, 53, 58, 70)]
    fastest = [float(np.hypot(*field).max()) for field in true]
    assert min(fastest[1:4]) > 2 and max(fastest[0], fastest[4]) < 0.5


def test_frames_are_the_renderers_own_in_the_order_asked_for(film):
    frames = film.frames([50, 3])
    assert frames.shape == (2, 3, 128, 128) and frames.dtype == np.uint8
    assert np.array_equal(frames[1].transpose(1, 2, 0), frog.scene.frame(film.stage, 3))


def test_other_frogs_jump_at_the_same_time_and_look_different(film):
    one, two = frog.others(film, 2)
    assert one.jump == two.jump == film.jump
    assert not np.array_equal(one.frames([0]), two.frames([0]))


@pytest.mark.parametrize("num_frames, length", [(24, 3), (25, 8)])
def test_a_jump_is_met_in_as_many_starts_as_a_count_by_hand(num_frames, length):
    for row in frog.met(num_frames, length, num_windows=2, frames=3):
        windows = sampling.plan(num_frames, scheme=row["scheme"], num_windows=2, frames=3)
        starts = range(num_frames - length + 1)
        hits = [[any(f in range(s, s + length) for f in w.frames) for w in windows] for s in starts]
        assert row["any"] == pytest.approx(100 * sum(map(any, hits)) / len(starts))
        assert row["share"] == pytest.approx(100 * sum(map(sum, hits)) / (2 * len(starts)))


def test_dense_misses_no_jump_as_soon_as_its_frames_are_no_further_apart_than_the_jump_is_long():
    assert exercise_answers.frames_to_miss_none(192, 12, 3) == 6  # 64 frames per window, 64 / 6 = 10.7 apart
    assert exercise_answers.frames_to_miss_none(960, 1, 3) is None


def test_motion_is_measured_against_the_camera(film, monkeypatch):
    field = torch.full((2, 2, 10, 10), 3.0)
    field[1, 0, :1] += 4  # a tenth of the second picture is 4 px faster
    monkeypatch.setattr(stills.flow, "estimate", lambda one, two, method: field)
    assert stills.motion(film, [0, 1])[1] == [0, 4]


def test_the_table_counts_films_in_which_pictures_and_flow_tell_the_jump():
    rows = [(0, "sits", "Sensing", 1.0), (0, "takes off", "Jumping", 3.0), (1, "sits", "Jumping", 2.0)]
    rows += [(1, "takes off", "Sensing", 1.5)]
    told = stills.told(pd.DataFrame(rows, columns=["film", "moment", "name", "px"]))
    assert [(row["named"], row["other"], row["moves"], row["px"]) for row in told] == [
        (1, "Sensing", 0, 1.5), (1, "Sensing", 1, 2.25),
    ]  # fmt: skip


def test_the_bundled_clip_names_every_still(film):
    assert set(stills.nearest(torch.from_numpy(film.frames([0, 54])))) <= set(stills.KINGDOM.names)


@pytest.mark.parametrize("wrong", [{"seconds": 40}, {"jump": 7.5}, {"jump": True}, {"frames": 0}])
def test_a_film_that_cannot_be_is_refused(wrong):
    with pytest.raises(AmcError, match=next(iter(wrong))):
        frog.asked(**wrong)
