"""What a model finds beside what a human wrote: only where the human looked, and only of the same video."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from test_comparison import BORIS, DOGS

from amc.__main__ import main
from amc.base.errors import AmcError
from amc.ethogram import agreement, annotations, comparison, finished, predict
from amc.ethogram.bouts import Rules
from amc.ethogram.sliding_window import sliding_window
from amc.ethogram.timeline import SlidingWindow
from amc.figures import beside_human


def test_labels_of_deepethogram_of_another_length_are_not_compared(films, video_predictor, tmp_path):
    path = films / "film 0.mp4"
    shown = predict.ethogram(
        "film 0",
        path,
        sliding_window(path, video_predictor, SlidingWindow(9, 9)),
        video_predictor,
        np.full(3, 0.01),
        Rules(),
    )
    file = tmp_path / "film 0_labels.csv"
    rows = [f"{k},0,{-1 if k > 5 else 1}" for k in range(shown.num_frames)]
    file.write_text("\n".join([",background,walking", *rows]))
    table, parts, _ = comparison.compare(shown, annotations.read(file))
    assert table["human_s"].tolist() == pytest.approx([6 / 24]) and table["precision"].tolist() == [1.0]
    assert table["bout_precision"].tolist() == [1.0] and parts["model"][6:].sum() == 0  # nobody looked there
    matrix = agreement.confusion(*(parts[key] for key in ("human", "model", "names", "edges", "counted")))
    assert matrix.to_numpy().sum() == pytest.approx(6 / 24) and matrix.loc["Walking", "Walking"] == pytest.approx(
        6 / 24
    )
    assert "not labelled" in {text.get_text() for text in beside_human.agreement(**parts).legends[0].get_texts()}
    file.write_text("\n".join([",background,walking", *rows[:-1]]))
    with pytest.raises(AmcError, match=f"labels {shown.num_frames - 1} frames, but film 0.mp4 has {shown.num_frames}"):
        comparison.compare(shown, annotations.read(file))


def test_a_human_annotation_is_compared_with(films, video_predictor, tmp_path):
    path = films / "film 0.mp4"
    seen = sliding_window(path, video_predictor, SlidingWindow(1, 0.5))
    shown = predict.ethogram("film 0", path, seen, video_predictor, np.full(3, 0.01), Rules(1, 0, 0))
    (tmp_path / "human.csv").write_text(
        "Video,Event,Start_time,End Time,Start_frame,End_frame,Bout_time\n"
        "film 0,walking,0,1,0,23,1\nfilm 0,fly,0,1,0,2,1\n"
    )
    table, parts, notes = comparison.compare(shown, annotations.read(tmp_path / "human.csv"))
    assert table["behaviour"].tolist() == ["Walking"] and table["human_s"].tolist() == pytest.approx([1])
    assert "only the human has 'fly'" in notes and parts["human"].sum() == 24


def test_of_videos_of_one_name_each_has_its_own_annotation(films, video_predictor, tmp_path):
    for folder in "ab":
        (tmp_path / folder).mkdir()
        shutil.copy(films / "film 0.mp4", tmp_path / folder / "fox.mp4")
    head = "Video,Event,Start_time,End Time,Start_frame,End_frame,Bout_time\n"
    for name, compared in (("fox", []), ("b-fox.mp4", ["b-fox.mp4"])):
        (tmp_path / "human.csv").write_text(f"{head}{name},Walking,0,1,0,23,1\n")
        options = predict.Options(SlidingWindow(9, 9), threshold=0.01, human=(str(tmp_path / "human.csv"),))
        sources = [tmp_path / "a", tmp_path / "b"]
        report = predict.predict(sources, video_predictor, tmp_path / "out", options, log=lambda line: None)
        found = [one.video for one in report.finished.values() if "agreement" in one.tables]
        assert len(report.done) == 2 and found == compared


def test_a_video_that_the_human_left_out_is_done_and_noted(films, video_predictor, tmp_path):
    head = "Video,Event,Start_time,End Time,Start_frame,End_frame,Bout_time\n"
    (tmp_path / "human.csv").write_text(f"{head}film 0,Walking,0,1,0,23,1\nother,Eating,0,1,0,23,1\n")
    options = predict.Options(SlidingWindow(4, 4), threshold=0.01, human=(str(tmp_path / "human.csv"),))
    report = predict.predict([films], video_predictor, tmp_path / "out", options, log=lambda line: None)
    assert len(report.done) == 2 and not report.failed
    [note] = [note for note in report.notes if note.startswith("film 1")]
    assert "not compared" in note and "no events of film 1" in note
    table = pd.read_csv(tmp_path / "out" / "agreement.csv")  # Eating was looked for, so saying it is a false alarm
    assert table["behaviour"].tolist() == ["Walking", "Eating"] and table["human_s"].tolist() == pytest.approx([1, 0])


def test_annotation_in_a_folder_and_in_several_files_is_one(films, video_predictor, tmp_path):
    head, notes = "Video,Event,Start_time,End Time,Start_frame,End_frame,Bout_time\n", tmp_path / "notes"
    (notes / "june").mkdir(parents=True)
    (notes / "june" / "a.csv").write_text(f"{head}film 0,Walking,0,1,0,23,1\n")
    (notes / "readme.txt").write_text("what I saw\n")
    (tmp_path / "b.tsv").write_text(
        BORIS + "obs\tfox\tEating\tSTATE\t0\t1\tfilm 1.mp4\nobs\tfox\tlick\tPOINT\t1\tNA\tfilm 1.mp4\n"
    )
    human = (str(notes), str(tmp_path / "b.tsv"), str(notes / "june" / "a.csv"))  # given twice, read once
    options = predict.Options(SlidingWindow(9, 9), threshold=0.01, human=human)
    report = predict.predict([films], video_predictor, tmp_path / "out", options, log=lambda line: None)
    table = pd.read_csv(tmp_path / "out" / "agreement.csv", keep_default_na=False)
    assert table["video"].tolist() == ["film 0", "film 0", "film 1", "film 1"]
    assert table["human_s"].tolist() == pytest.approx([1, 0, 0, 1]) and table["subject"].tolist() == [
        "",
        "",
        "fox",
        "fox",
    ]
    assert any("readme.txt: left out, no annotation of a known format" in note for note in report.notes)
    assert pd.read_csv(tmp_path / "out" / "points.csv")["behaviour"].tolist() == ["lick"]
    (notes / "again.csv").write_text(f"{head}film 0,Walking,0,1,0,23,1\n")
    with pytest.raises(AmcError, match="2 observations of film 0: a.csv, again.csv"):
        annotations.read(notes).of("film 0")


@pytest.mark.parametrize(
    "given, said",
    [
        (["--subject", "dog A"], "subject: is one of the annotation's, and none is given; add --human"),
        (["--subject", "cat", "--human", "{dogs}"], "dogs.tsv, which has: dog A, dog B; give one of these"),
        (["--human", "{nameless}"], "nameless.csv: names no video, but there are 2; export it with media names"),
        (["--human", "{empty}"], "holds no annotation (.csv, .tsv"),
        (["--human", "{dogs}", "--human", "nowhere.csv"], "nowhere.csv: no such file or folder"),
    ],
)
def test_a_mistaken_subject_or_annotation_is_told_before_anything_is_watched(given, said, films, tmp_path, capsys):
    (tmp_path / "empty").mkdir()
    (tmp_path / "dogs.tsv").write_text(DOGS)
    (tmp_path / "nameless.csv").write_text("Behavior,Start (s),Stop (s)\nwalking,0,1\n")
    places = {"dogs": tmp_path / "dogs.tsv", "nameless": tmp_path / "nameless.csv", "empty": tmp_path / "empty"}
    options = [option.format(**places) for option in given]
    assert (
        main(
            [
                "predict",
                str(films),
                "--behaviours",
                "a,b",
                "--pretrained",
                "random",
                "--out",
                str(tmp_path / "out"),
                *options,
            ]
        )
        == 2
    )
    assert said in capsys.readouterr().err


def test_a_killed_call_goes_on_where_the_annotation_is_in_a_folder_around_its_own(
    films, video_predictor, tmp_path, monkeypatch
):
    (tmp_path / "human.csv").write_text("Video,Event,Start_frame,End_frame\nfilm 0,Walking,0,23\nfilm 1,Walking,0,23\n")
    options = predict.Options(SlidingWindow(9, 9), threshold=0.01, human=(str(tmp_path),))
    add = finished.add
    for kept in (0, 1):  # killed when all files of a video are written, but it is not yet recorded

        def killed(folder, one, kept=kept):
            if len(finished.read(folder)[0]) == kept:
                raise KeyboardInterrupt
            add(folder, one)

        monkeypatch.setattr(finished, "add", killed)
        with pytest.raises(KeyboardInterrupt):
            predict.predict([films], video_predictor, tmp_path / "out", options, log=lambda line: None)
        assert not (tmp_path / "out/report.json").exists()
    monkeypatch.setattr(finished, "add", add)
    report = predict.predict([films], video_predictor, tmp_path / "out", options, log=lambda line: None)
    assert report.before == ["film 0"] and not report.general
    assert set(pd.read_csv(tmp_path / "out/agreement.csv")["video"]) == {"film 0", "film 1"}


def test_of_a_project_of_predictions_only_corrected_observations_are_compared(films, video_predictor, tmp_path):
    options = predict.Options(SlidingWindow(2, 1), threshold=0.01)
    predict.predict([films], video_predictor, tmp_path / "out", options, log=lambda line: None)
    project = json.loads((tmp_path / "out/predictions.untrusted.boris").read_text())
    project["project_description"] = project["observations"]["film 1"]["description"] = ""  # one of two is corrected
    (tmp_path / "checked.boris").write_text(json.dumps(project))
    options = replace(options, human=(str(tmp_path / "checked.boris"),))
    report = predict.predict([films], video_predictor, tmp_path / "again", options, log=lambda line: None)
    assert set(pd.read_csv(tmp_path / "again/agreement.csv")["video"]) == {"film 1"}
    assert any(
        "not compared" in note and "delete the description of its observation; or" in note
        for note in report.finished["film 0"].notes
    )
    assert sum("a model's predictions that nobody has corrected are left out" in note for note in report.general) == 1
