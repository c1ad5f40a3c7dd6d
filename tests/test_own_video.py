"""Films of known events are marked as they should be, and notebook 07 takes nothing that is not there."""

import numpy as np
import pytest

from amc import video
from amc.base.errors import AmcError
from amc.companion import own_video
from amc.ethogram import keys, predictor, timeline
from amc.ethogram.bouts import Rules
from amc.ethogram.record import Ethogram
from amc.synth.kingdom import KINGDOM

NOTHING = {
    name: "" for name in ("video", "behaviours", "model", "human", "labels", "out_dir", "backbone", "pretrained")
}


def like(film: own_video.Film) -> Ethogram:
    count = len(film.truth)
    edges = timeline.edges(np.arange(count) / 24, 24)
    return Ethogram("film", "film.mp4", 24.0, edges, KINGDOM.names, np.zeros((count, 22)), np.full(22, 0.5))


@pytest.fixture(scope="module")
def film(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("AMC_CACHE", str(tmp_path_factory.mktemp("cache")))
        return own_video.film(0, 3.0)


def test_a_film_has_as_many_frames_as_its_truth_and_every_moment_has_a_behaviour(film):
    assert video.probe(film.path).num_frames == len(film.truth) >= 72
    assert film.truth.any(axis=1).all()


def test_what_is_found_exactly_is_marked_with_one_and_no_error_of_the_budget(film):
    true = film.ethogram(like(film))
    assert np.array_equal(true.frames, film.truth)
    rows = own_video.recovered([(true, true), (true, true)])
    assert [row["value"] for row in rows] == [1, 1, 0] and all(row["low"] == row["high"] for row in rows)


def test_what_is_not_found_at_all_is_marked_with_zero_and_the_whole_budget(film):
    true = film.ethogram(like(film))
    bouts, frames, budget = own_video.recovered([(like(film), true)])
    assert bouts["value"] == frames["value"] == 0
    assert budget["value"] == pytest.approx(100 * film.truth.mean(axis=0).mean())


def test_settings_are_chosen_on_films_that_are_not_measured_on(video_predictor, tmp_path, monkeypatch):
    monkeypatch.setenv("AMC_CACHE", str(tmp_path))
    found = own_video.chosen(video_predictor, Rules(), "smoke", log=print)
    assert len(found.table) == 38 and 0 <= found.bout_f1 <= 1
    assert {path.name.split("_")[1] for path in tmp_path.rglob("*.mp4")} == {"val"}


def test_behaviours_that_no_film_shows_are_refused(film):
    other = Ethogram("film", "film.mp4", 24.0, np.arange(4.0), ("yodel",), np.zeros((3, 1)), np.full(1, 0.5))
    with pytest.raises(AmcError, match="not all of yodel"):
        film.ethogram(other)


def test_key_frames_are_those_at_which_the_model_is_surest(film):
    true = film.ethogram(like(film))
    shown = keys.frames(film.path, true, most=2)
    assert shown["frames"].shape == shown["motion"].shape == (min(2, len(true.bouts)), 3, 128, 128)
    assert all(label.split("\n")[0] in KINGDOM.names for label in shown["labels"])


@pytest.mark.parametrize(
    "wrong, message",
    [
        ({"video": "gone.mp4"}, "gone.mp4: no such file"),
        ({"human": "gone.tsv"}, "human: 'gone.tsv' is not there"),
        ({"labels": "gone"}, "labels: 'gone' is not there"),
        ({"model": "demo", "pretrained": "openai"}, "backbone, pretrained: a trained model has its own"),
        ({"threshold": True}, "threshold: True"),
        ({"size": "paper"}, "size: 'paper' is not known"),
    ],
)
def test_what_is_not_there_is_refused_before_anything_is_computed(wrong, message):
    with pytest.raises(AmcError) as error:
        own_video.asked(**NOTHING | {"threshold": 0.0, "size": "smoke"} | wrong)
    assert message in str(error.value)


def test_a_curve_says_what_its_own_trainings_are_worth():
    assert predictor.stamp({"pretrained": "bundled"}, "quick", dataset="synth") == ""
    assert (
        predictor.stamp({"pretrained": "random"}, "smoke", dataset="synth")
        == "RANDOM WEIGHTS, HARDLY TRAINED (size smoke)"
    )
