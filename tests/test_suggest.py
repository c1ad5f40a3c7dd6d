"""The loop: moments that would teach most are cut out, corrected in BORIS, and become labels; nothing is lost."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from conftest import WATCHED as NAMES
from test_training_clips import EVENTS, study

from amc import video
from amc.__main__ import main
from amc.base.errors import AmcError
from amc.datasets import catalogue
from amc.ethogram import annotations, finished, predict, suggest, summary, timeline, training_clips
from amc.ethogram.formats import boris_project
from amc.ethogram.out_of_distribution import OutOfDistribution
from amc.ethogram.sliding_window import WindowScores
from amc.ethogram.suggest import Moment
from amc.ethogram.timeline import SlidingWindow

QUIET = {"log": lambda line: None}


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("AMC_CACHE", str(tmp_path_factory.mktemp("cache")))  # not among the videos


def scores(probs: np.ndarray, embeddings: np.ndarray) -> WindowScores:
    """Windows of 2 s every 2 s over a video of 10 frames per second."""
    edges = np.arange(20 * len(probs) + 1) / 10
    return WindowScores(None, edges, timeline.slide(edges, seconds=2, stride=2), probs, embeddings)


def test_each_moment_is_given_for_what_it_would_teach(video_predictor):
    near = OutOfDistribution(np.zeros(2), np.eye(2), 1.0)
    known = [{"training_clips": count} for count in (50, 40, 2)]
    rated = replace(video_predictor, detector=near, support=tuple(known))
    probs = np.array([[0.9, 0.1, 0.1], [0.52, 0.1, 0.1], [0.9, 0.1, 0.4], [0.99, 0.01, 0.01]])
    away = np.array([[0, 0], [0.5, 0], [0, 0], [3, 0]])
    found = list(suggest.moments("fox", scores(probs, away), rated, np.full(3, 0.5)))
    best = {why: max((m for m in found if m.why == why), key=lambda m: m.score) for why in suggest.REASONS}
    assert (best["uncertain"].start, best["uncertain"].behaviour) == (10, NAMES[0])  # with a second before and after
    assert (best["rare"].start, best["rare"].behaviour) == (30, NAMES[2])
    assert best["unlike"][:5] == ("fox", 50, 80, "unlike", "") and sum(m.why == "unlike" for m in found) == 1


def test_reasons_take_turns_and_no_moment_is_shown_twice():
    given = [Moment("a", 20 * k, 20 * k + 30, "uncertain", "x", 1 - k / 10) for k in range(6)]
    given += [Moment("a", 0, 30, "rare", "y", 9.0), Moment("b", 0, 30, "rare", "y", 1.0)]
    found = suggest.choose(given, 3)
    assert {(m.video, m.start, m.why) for m in found} == {
        ("a", 0, "uncertain"),
        ("b", 0, "rare"),
        ("a", 40, "uncertain"),
    }
    assert len(suggest.choose(given, 99)) == 4
    others = [Moment("a", 40 * k, 40 * k + 30, "rare", "xxy"[k], 9.0 - k) for k in range(3)]
    assert [m.behaviour for m in suggest.choose(others, 2)] == ["x", "y"]
    assert suggest.choose([], 3) == []


def test_moments_are_cut_with_the_predictions_in_them_and_become_labels_once_corrected(
    films, video_predictor, tmp_path
):
    study(tmp_path)
    out = tmp_path / "suggested"
    found = suggest.suggest([films], video_predictor, out, most=2, threshold=0.01, **QUIET)
    assert len(found) == 2 and {moment.video for moment in found} <= {"film 0", "film 1"}
    for moment in found:
        clip = out / f"{moment.video}@{moment.start / 24:.3f}s.mp4"
        assert video.probe(clip).num_frames == moment.stop - moment.start
        original = video.read_frames(films / f"{moment.video}.mp4", [moment.start])
        assert (video.read_frames(clip, [0]).float() - original.float()).abs().mean() < 8
    lines = []
    table = catalogue.load("folder", training_clips.folder(tmp_path, log=lines.append))
    assert {clip.group for clip in table.clips} == {*EVENTS}
    assert any("suggested.boris: a model's predictions that nobody has corrected are left out, of " in s for s in lines)
    with pytest.raises(AmcError, match="is there already, perhaps corrected"):
        suggest.suggest([films], video_predictor, out, most=2, threshold=0.01, **QUIET)

    project = json.loads((out / suggest.PROJECT).read_text())
    first, *others = project["observations"]
    project["project_description"] = ""
    project["observations"][first]["description"] = ""  # as a human does in BORIS
    project["observations"][first]["events"] = [[0.0, "", NAMES[0], "", "", 0], [2.0, "", NAMES[0], "", "", 48]]
    (out / suggest.PROJECT).write_text(json.dumps(project))
    table = catalogue.load("folder", training_clips.folder(tmp_path, **QUIET))
    assert {clip.group for clip in table.clips} == {*EVENTS, first.partition("@")[0]}  # nobody has corrected the others
    assert not any(clip.id.startswith(name) for clip in table.clips for name in others)
    [column] = [c for c, name in enumerate(table.names) if name == NAMES[0]]
    assert any(column in clip.labels for clip in table.clips if clip.id.startswith(first))


def test_the_command_takes_a_run_and_tells_each_moment(films, run_folder, tmp_path, capsys):
    given = ["suggest", str(films / "film 0.mp4"), "--model", str(run_folder), "--out", str(tmp_path / "out")]
    assert main([*given, "--most", "1", "--threshold", "0.01"]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0].startswith("stamp: RANDOM WEIGHTS") and "1 moments of 1 videos" in told[-1]
    assert told[-2].startswith("film 0, ") and (tmp_path / "out/suggested.boris").is_file()
    assert main([*given, "--most", "0"]) == 2
    assert "most: 0 is no number of moments" in capsys.readouterr().err


def test_the_predictions_of_all_videos_are_one_project_which_is_not_written_over_once_it_is_changed(
    films, video_predictor, tmp_path
):
    options = predict.Options(SlidingWindow(2, 1), threshold=0.01)
    predict.predict([films], video_predictor, tmp_path / "out", options, **QUIET)
    path = tmp_path / "out/predictions.untrusted.boris"
    read = annotations.read(path)
    assert {*read.predicted} == {*read.media} and set(read.behaviours) == set(NAMES)
    text = path.read_text()
    (tmp_path / "checked.boris").write_text(text.replace(boris_project.PREDICTED, "seen by me"))
    read = annotations.read(tmp_path / "checked.boris")
    for name, bouts in pd.read_csv(tmp_path / "out/bouts.csv").groupby("video"):
        events = sorted(read.of(name), key=lambda event: (event.first, event.behaviour))
        assert [event.behaviour for event in events] == bouts["behaviour"].tolist()
        assert [event.first for event in events] == pytest.approx(bouts["start_s"].tolist())
        assert [event.stop for event in events] == pytest.approx(bouts["stop_s"].tolist())
        assert events[0].video == str(films / f"{name}.mp4")  # BORIS finds it from anywhere

    summary.refuse_losing_corrections(path.parent, finished.read(path.parent)[1])  # nobody has touched it
    path.write_text(path.read_text().replace("PREDICTED", "seen by me"))
    with pytest.raises(AmcError, match="was changed since it was written, perhaps corrected"):
        predict.predict([films], video_predictor, path.parent, options, **QUIET)
    path.rename(tmp_path / "mine.boris")
    summary.refuse_losing_corrections(path.parent, finished.read(path.parent)[1])


def test_what_predict_wrote_is_no_annotation_of_a_human(films, video_predictor, tmp_path):
    study(tmp_path)
    predict.predict([films / "film 0.mp4"], video_predictor, tmp_path, predict.Options(SlidingWindow(9, 9)), **QUIET)
    assert [path.name for path in annotations.files(tmp_path)] == ["study.boris"]
