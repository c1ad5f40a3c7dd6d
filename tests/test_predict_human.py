"""What a model finds beside what a human wrote: only where the human looked, and only of the same video."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from amc.__main__ import main
from amc.base.errors import AmcError
from amc.ethogram import agreement, annotations, comparison, predict, tune
from amc.ethogram.bouts import Bout, Rules
from amc.ethogram.record import Ethogram
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


BORIS = "Observation id\tSubject\tBehavior\tBehavior type\tStart (s)\tStop (s)\tMedia file name\n"


def ethogram(edges: np.ndarray, walks: slice) -> Ethogram:
    """A model that sees walking in some frames, and never eating."""
    probs = np.zeros((len(edges) - 1, 2), np.float32)
    probs[walks, 0], probs[:, 1] = 0.9, 0.1
    return Ethogram("fox", "fox.mp4", 10.0, edges, ("Walking", "Eating"), probs, np.full(2, 0.5), Rules(1, 0, 0))


@pytest.fixture
def dogs(tmp_path):
    rows = "obs\tdog A\twalking\tSTATE\t1\t5\tfox.mp4\nobs\tdog B\twalking\tSTATE\t4\t9\tfox.mp4\n"
    rows += "obs\tdog B\teating\tPOINT\t2.55\tNA\tfox.mp4\nobs\t\tbite\tPOINT\t6\tNA\tfox.mp4\n"
    (tmp_path / "dogs.tsv").write_text(BORIS + rows)
    return annotations.read(tmp_path / "dogs.tsv")


def test_each_subject_has_its_own_agreement_and_merged_ones_are_told(dogs):
    shown = ethogram(np.arange(101) / 10, slice(10, 50))  # what dog A does
    table, parts, notes = comparison.compare(shown, dogs)
    assert table["subject"].tolist() == ["dog A", "dog B", "all subjects"]
    assert table["human_s"].tolist() == pytest.approx([4, 5, 8]) and table["human_bouts"].tolist() == [1, 1, 1]
    assert table["f1"].tolist() == pytest.approx([1, 2 / 9, 8 / 12]) and table["matched"].tolist() == [1, 0, 1]
    assert parts["human"].sum() == 80  # figures show all
    assert "2 subjects (dog A, dog B) are merged in the rows 'all subjects'; choose one with --subject" in notes
    table, parts, notes = comparison.compare(shown, dogs, subject="dog B")
    assert table["subject"].tolist() == ["dog B"] and parts["human"].sum() == 50
    assert not any("merged" in note for note in notes)
    with pytest.raises(AmcError, match="has no events of 'dog C' in fox.mp4"):
        comparison.compare(shown, dogs, subject="dog C")


def test_point_events_are_no_states_and_stand_in_a_table_of_their_own(dogs):
    shown = ethogram(np.arange(101) / 10, slice(10, 50))
    table, _, notes = comparison.compare(shown, dogs)
    assert set(table["behaviour"]) == {"Walking"} and "only the model has 'Eating'" in notes
    assert "2 point events are not compared as bouts, because they have no duration" in notes
    found = comparison.points(shown, dogs)
    assert found["behaviour"].tolist() == ["Eating", "bite"] and found["frame"].tolist() == [25, 60]
    assert found["model_prob"].iloc[0] == pytest.approx(0.1) and np.isnan(found["model_prob"].iloc[1])
    assert found["in_model_bout"].tolist() == [False, ""] and found["subject"].tolist() == ["dog B", ""]
    assert comparison.points(shown, dogs, subject="dog B")["behaviour"].tolist() == ["Eating"]


def test_only_the_time_interval_of_an_observation_of_boris_counts(tmp_path):
    def project(*interval: float) -> annotations.Annotation:
        media = {"file": {"1": ["fox.mp4"]}, "media_info": {}, "observation time interval": interval}
        walks = [[second, "", "walking", "", ""] for second in (1, 2, 7, 8)]
        content = {"behaviors_conf": {"0": {"code": "walking", "type": "State event"}}}
        (tmp_path / "fox.boris").write_text(json.dumps(content | {"observations": {"obs": media | {"events": walks}}}))
        return annotations.read(tmp_path / "fox.boris")

    shown = ethogram(np.arange(101) / 10, slice(100))
    table, parts, _ = comparison.compare(shown, project(1, 3))
    assert table["human_s"].tolist() == pytest.approx([1]) and table["model_s"].tolist() == pytest.approx([2])
    assert table["precision"].tolist() == pytest.approx([0.5]) and table["human_bouts"].tolist() == [1]
    assert parts["counted"].nonzero()[0].tolist() == list(range(10, 30))
    limited, bouts = tune.beside(shown, project(1, 3))
    assert limited.bouts == [Bout("Walking", 10, 30)] and bouts == [Bout("Walking", 10, 20)]
    assert comparison.compare(shown, project(0, 0))[0]["precision"].tolist() == pytest.approx([0.2])
    with pytest.raises(AmcError, match="labels no frame of fox.mp4"):
        comparison.compare(shown, project(50, 60))


def test_points_alone_are_not_compared(tmp_path):
    (tmp_path / "points.tsv").write_text(BORIS + "obs\t\twalking\tPOINT\t1\tNA\tfox.mp4\n")
    with pytest.raises(AmcError, match="has no events with duration"):
        comparison.compare(ethogram(np.arange(101) / 10, slice(1)), annotations.read(tmp_path / "points.tsv"))


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
def test_a_mistaken_subject_or_annotation_is_told_before_anything_is_watched(
    given, said, dogs, films, tmp_path, capsys
):
    (tmp_path / "empty").mkdir()
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


def test_of_a_project_of_predictions_only_corrected_observations_are_compared(films, video_predictor, tmp_path):
    options = predict.Options(SlidingWindow(2, 1), threshold=0.01)
    predict.predict([films], video_predictor, tmp_path / "out", options, log=lambda line: None)
    project = json.loads((tmp_path / "out/predictions.untrusted.boris").read_text())
    project["project_description"] = project["observations"]["film 1"]["description"] = ""  # one of two is corrected
    (tmp_path / "checked.boris").write_text(json.dumps(project))
    options = replace(options, human=(str(tmp_path / "checked.boris"),))
    report = predict.predict([films], video_predictor, tmp_path / "again", options, log=lambda line: None)
    assert set(pd.read_csv(tmp_path / "again/agreement.csv")["video"]) == {"film 1"}
    assert any("not compared" in note and "delete its mark" in note for note in report.finished["film 0"].notes)
    assert sum("a model's predictions that nobody has corrected are left out" in note for note in report.general) == 1
