"""What a model finds beside what a human wrote: only where the human looked, and only of the same video."""

import shutil

import numpy as np
import pandas as pd
import pytest

from amc.base.errors import AmcError
from amc.ethogram import agreement, annotations, predict
from amc.ethogram.bouts import Rules
from amc.ethogram.sliding_window import SlidingWindow, sliding_window
from amc.figures import ethogram as drawn


def test_labels_of_deepethogram_of_another_length_are_not_compared(films, watcher, tmp_path):
    path = films / "film 0.mp4"
    shown = predict.ethogram(
        "film 0", path, sliding_window(path, watcher, SlidingWindow(9, 9)), watcher, np.full(3, 0.01), Rules()
    )
    file = tmp_path / "film 0_labels.csv"
    rows = [f"{k},0,{-1 if k > 5 else 1}" for k in range(shown.num_frames)]
    file.write_text("\n".join([",background,walking", *rows]))
    table, parts, _ = predict.compare(shown, annotations.read(file))
    assert table["human_s"].tolist() == pytest.approx([6 / 24]) and table["precision"].tolist() == [1.0]
    assert table["bout_precision"].tolist() == [1.0] and parts["model"][6:].sum() == 0  # nobody looked there
    matrix = agreement.confusion(*(parts[key] for key in ("human", "model", "names", "edges", "counted")))
    assert matrix.to_numpy().sum() == pytest.approx(6 / 24) and matrix.loc["Walking", "Walking"] == pytest.approx(
        6 / 24
    )
    assert "not labelled" in {text.get_text() for text in drawn.agreement(**parts).legends[0].get_texts()}
    file.write_text("\n".join([",background,walking", *rows[:-1]]))
    with pytest.raises(AmcError, match=f"labels {shown.num_frames - 1} frames, but film 0.mp4 has {shown.num_frames}"):
        predict.compare(shown, annotations.read(file))


def test_a_human_annotation_is_compared_with(films, watcher, tmp_path):
    path = films / "film 0.mp4"
    seen = sliding_window(path, watcher, SlidingWindow(1, 0.5))
    shown = predict.ethogram("film 0", path, seen, watcher, np.full(3, 0.01), Rules(1, 0, 0))
    (tmp_path / "human.csv").write_text(
        "Video,Event,Start_time,End Time,Start_frame,End_frame,Bout_time\n"
        "film 0,walking,0,1,0,23,1\nfilm 0,fly,0,1,0,2,1\n"
    )
    table, parts, notes = predict.compare(shown, annotations.read(tmp_path / "human.csv"))
    assert table["behaviour"].tolist() == ["Walking"] and table["human_s"].tolist() == pytest.approx([1])
    assert "only the human has 'fly'" in notes and parts["human"].sum() == 24


def test_of_videos_of_one_name_each_has_its_own_annotation(films, watcher, tmp_path):
    for folder in "ab":
        (tmp_path / folder).mkdir()
        shutil.copy(films / "film 0.mp4", tmp_path / folder / "fox.mp4")
    head = "Video,Event,Start_time,End Time,Start_frame,End_frame,Bout_time\n"
    for name, compared in (("fox", []), ("b-fox.mp4", ["b-fox.mp4"])):
        (tmp_path / "human.csv").write_text(f"{head}{name},Walking,0,1,0,23,1\n")
        options = predict.Options(SlidingWindow(9, 9), threshold=0.01, human=str(tmp_path / "human.csv"))
        sources = [tmp_path / "a", tmp_path / "b"]
        report = predict.predict(sources, watcher, tmp_path / "out", options, log=lambda line: None)
        assert len(report.done) == 2 and [table["video"][0] for table in report.agreement] == compared


def test_a_video_that_the_human_left_out_is_done_and_noted(films, watcher, tmp_path):
    head = "Video,Event,Start_time,End Time,Start_frame,End_frame,Bout_time\n"
    (tmp_path / "human.csv").write_text(f"{head}film 0,Walking,0,1,0,23,1\nother,Eating,0,1,0,23,1\n")
    options = predict.Options(SlidingWindow(4, 4), threshold=0.01, human=str(tmp_path / "human.csv"))
    report = predict.predict([films], watcher, tmp_path / "out", options, log=lambda line: None)
    assert len(report.done) == 2 and not report.failed
    [note] = [note for note in report.notes if note.startswith("film 1")]
    assert "not compared" in note and "no events of film 1" in note
    table = pd.read_csv(tmp_path / "out" / "agreement.csv")  # Eating was looked for, so saying it is a false alarm
    assert table["behaviour"].tolist() == ["Walking", "Eating"] and table["human_s"].tolist() == pytest.approx([1, 0])
