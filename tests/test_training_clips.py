"""Whole videos with a human's annotation become clips to train on: cut where the behaviours are, split by video."""

import csv
import json
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from test_cuts import scenes

from amc import video
from amc.__main__ import main
from amc.base import paths
from amc.base.errors import AmcError, VideoError
from amc.datasets import catalogue
from amc.ethogram import predictor, training_clips
from amc.ethogram.bouts import Bout
from amc.ethogram.formats.boris_project import PREDICTED
from amc.ethogram.training_clips import Cut, plan
from amc.runs import experiment
from amc.synth import generate

EDGES = np.arange(301) / 10  # 30 s at 10 frames per second


def test_a_clip_lies_in_the_middle_of_a_short_bout_and_a_long_one_gives_several():
    cuts = plan([Bout("bite", 100, 105), Bout("rest", 200, 260)], EDGES, seconds=2)
    assert Cut(92, 112, ("bite",)) in cuts or Cut(93, 113, ("bite",)) in cuts
    assert [cut[:2] for cut in cuts if cut.behaviours == ("rest",)] == [(200, 220), (220, 240), (240, 260)]


def test_background_is_as_frequent_as_behaviour_and_never_touches_a_bout():
    bouts = [Bout("bite", 100, 105), Bout("rest", 200, 260)]
    cuts = plan(bouts, EDGES, seconds=2)
    empty = [cut for cut in cuts if not cut.behaviours]
    assert len(empty) == 4
    assert all(cut.stop <= bout.start or cut.start >= bout.stop for cut in empty for bout in bouts)


def test_a_clip_has_the_behaviours_that_fill_half_of_it_or_of_which_half_a_bout_lies_in_it():
    bouts = [Bout("rest", 100, 120), Bout("walk", 111, 180), Bout("eat", 98, 108), Bout("bite", 104, 105)]
    found = training_clips._inside(bouts, 100, 120, EDGES)
    assert found == ("bite", "eat", "rest")  # walk fills 0.9 of 2 s, and 0.9 of its 6.9 s


def test_an_hour_of_rest_gives_no_more_clips_than_the_limit():
    found = plan([Bout("rest", 0, 36_000)], np.arange(36_001) / 10, seconds=2)
    assert len(found) == training_clips.MOST


def test_frames_that_nobody_labelled_are_in_no_clip():
    counted = np.arange(300) < 150
    cuts = plan([Bout("rest", 20, 60), Bout("walk", 140, 160)], EDGES, seconds=2, counted=counted)
    assert cuts and all(cut.stop <= 150 for cut in cuts)
    assert not any("walk" in cut.behaviours for cut in cuts)


def test_a_video_shorter_than_a_clip_is_one_clip():
    assert plan([Bout("rest", 2, 9)], np.arange(11) / 10, seconds=2) == [Cut(0, 10, ("rest",))]


EVENTS = {"fox": [("eat", 1.0, 3.0)], "owl": [("eat", 0.5, 2.5)], "cat": [("eat", 0.0, 2.0), ("walk", 3.0, 4.0)]}


@pytest.fixture(autouse=True)
def cache(tmp_path_factory, monkeypatch):
    monkeypatch.setenv("AMC_CACHE", str(tmp_path_factory.mktemp("cache")))  # not among the videos


def study(folder: Path, videos: dict = EVENTS, description: str = "", kinds: tuple = ("eat", "walk")) -> Path:
    """A BORIS project beside its videos of 5 s."""
    observations = {}
    for name, events in videos.items():
        generate.write_video(folder / f"{name}.mp4", iter(scenes(50, 70)), 24)
        marks = [[second, "", code, "", ""] for code, *span in events for second in span]
        media = {"file": {"1": [f"{name}.mp4"]}, "type": "MEDIA", "time offset": 0, "media_info": {}}
        observations[name] = media | {"events": marks}
    kinds = {str(k): {"code": code, "type": "State event"} for k, code in enumerate(kinds)}
    project = {"behaviors_conf": kinds, "observations": observations, "project_description": description}
    (folder / "study.boris").write_text(json.dumps(project))
    return folder


@pytest.mark.parametrize("given", ["", "study.boris"])
def test_a_folder_or_its_project_alone_becomes_a_data_set_with_a_split_for_each_video(tmp_path, given):
    lines = []
    root = training_clips.folder(study(tmp_path) / given, log=lines.append)
    table = catalogue.load("folder", root)
    assert table.names == ("eat", "walk") and {clip.group for clip in table.clips} == set(EVENTS)
    splits = Counter((clip.group, clip.split) for clip in table.clips)
    assert len(splits) == 3 and {split for _, split in splits} == {"train", "val", "test"}
    assert any(clip.is_background for clip in table.clips)
    for clip in table.clips:
        start, stop = map(int, clip.path.stem.split("-"))
        assert video.probe(clip.path).num_frames == stop - start == 48
    first = next(clip for clip in table.clips if clip.group == "fox" and clip.labels)
    shown, source = (video.read_frames(path, [k]) for path, k in ((first.path, 0), (tmp_path / "fox.mp4", 24)))
    assert first.path.stem == "24-72" and (shown.float() - source.float()).abs().mean() < 8  # only compressed
    assert f"{len(table)} clips cut from 3 videos" in lines[-1]
    assert training_clips.folder(tmp_path / given, log=lines.append) == root  # cut once


def test_train_and_index_take_the_videos_and_say_first_what_the_weights_cannot_know(tmp_path, monkeypatch, capsys):
    study(tmp_path)
    asked = []
    monkeypatch.setattr(experiment, "run_all", lambda configs, **options: asked.extend(configs) or [])
    given = ["--data-root", str(tmp_path), "--scheme", "sparse", "--modality", "rgb"]
    assert main(["train", "--dataset", "folder", *given]) == 0
    told = capsys.readouterr().out.splitlines()
    assert told[0] == f"stamp: {predictor.DRAWN}" and told[1] == f"stamp: {predictor.REMEDY}"
    assert Path(asked[0].root) == training_clips.folder(tmp_path, log=lambda line: None)
    assert main(["index", "folder", str(tmp_path), "--workers", "1"]) == 0
    assert "nothing is wrong" in capsys.readouterr().out


def test_a_behaviour_that_nobody_annotated_may_have_any_name_and_one_that_was_may_not(tmp_path):
    study(tmp_path, kinds=("eat", "walk", "graze, slow"))
    assert training_clips.folder(tmp_path, log=lambda line: None)
    study(tmp_path, {"fox": [("eat; walk", 1.0, 2.0)]}, kinds=("eat; walk",))
    with pytest.raises(AmcError, match="'eat; walk' holds a semicolon"):
        training_clips.folder(tmp_path, log=lambda line: None)


def test_other_annotation_is_other_clips(tmp_path):
    root = training_clips.folder(study(tmp_path), log=lambda line: None)
    project = json.loads((tmp_path / "study.boris").read_text())
    project["observations"]["fox"]["events"] = []
    (tmp_path / "study.boris").write_text(json.dumps(project))
    changed = training_clips.folder(tmp_path, log=lambda line: None)
    assert changed != root
    with (changed / "labels.csv").open(encoding="utf-8") as file:
        of_fox = {row["labels"] for row in csv.DictReader(file) if row["source"] == "fox"}
    assert of_fox == {"background"}  # the human looked, and saw nothing


def test_no_clip_reaches_beyond_the_time_interval_that_was_observed(tmp_path):
    project = json.loads((study(tmp_path) / "study.boris").read_text())
    for observation in project["observations"].values():
        observation["observation time interval"] = [0, 3]
    (tmp_path / "study.boris").write_text(json.dumps(project))
    root = training_clips.folder(tmp_path, log=lambda line: None)
    stops = {int(clip.path.stem.split("-")[1]) for clip in catalogue.load("folder", root).clips}
    assert stops and max(stops) <= 3 * 24


def test_what_cannot_be_used_is_told_and_the_rest_is_used(tmp_path):
    study(tmp_path, EVENTS | {"late": [("eat", 90.0, 99.0)]})
    generate.write_video(tmp_path / "new.mp4", iter(scenes(12)), 24)
    (tmp_path / "owls.mp4").write_bytes(b"no video")
    lines = []
    root = training_clips.folder(tmp_path, log=lines.append)
    assert len({clip.group for clip in catalogue.load("folder", root).clips}) == 3
    told = "\n".join(lines)
    assert "late: left out" in told and "begins at 90 s" in told
    assert "new: left out" in told and "owls: left out" in told
    before, lines = [line for line in lines if line.startswith("note: ")], []
    assert training_clips.folder(tmp_path, log=lines.append) == root and lines[1:] == before  # told each time


def test_videos_of_one_name_in_folders_are_all_trained_on(tmp_path):
    for name in EVENTS:
        (tmp_path / name).mkdir()
    paths = {f"{tmp_path}/{name}/GX01": events for name, events in EVENTS.items()}
    lines = []
    root = training_clips.folder(study(tmp_path, paths), log=lines.append)
    assert {clip.group for clip in catalogue.load("folder", root).clips} == {f"{name}-GX01.mp4" for name in EVENTS}
    assert not any("left out" in line for line in lines)


def test_a_clip_that_cannot_be_read_is_left_out_and_after_a_full_disk_all_are_cut(tmp_path, monkeypatch):
    study(tmp_path)
    as_it_is, done = training_clips.write_clip, []

    def failing(*given):
        if done:
            raise failure
        done.append(as_it_is(*given))

    monkeypatch.setattr(training_clips, "write_clip", failing)
    failure = AmcError("could not be written (No space left on device)")
    with pytest.raises(AmcError, match="No space left"):
        training_clips.folder(tmp_path, log=lambda line: None)
    monkeypatch.setattr(training_clips, "write_clip", as_it_is)
    lines = []
    root = training_clips.folder(tmp_path, log=lines.append)
    assert lines[-1].startswith(f"{len(catalogue.load('folder', root))} clips cut from 3 videos")
    (root / "labels.csv").unlink()
    gone = next(root.glob("fox/*.mp4"))
    gone.unlink()
    failure = VideoError("damaged at frame 9")
    monkeypatch.setattr(training_clips, "write_clip", failing)
    training_clips.folder(tmp_path, log=lines.append)
    assert f"fox/{gone.name}" not in (root / "labels.csv").read_text() and any(
        "left out, damaged" in line for line in lines
    )


def test_annotation_or_a_video_that_is_written_meanwhile_gives_no_clips_under_a_wrong_key(tmp_path, monkeypatch):
    study(tmp_path)
    project, film = tmp_path / "study.boris", tmp_path / "fox.mp4"
    old, read, cut = project.read_text(), training_clips.annotations.read, training_clips.write_clip

    def saved_while_read(source):
        found = read(source)
        project.write_text(old.replace("eat", "sit"))
        return found

    def filmed_while_cut(*given):
        cut(*given)
        film.write_bytes(film.read_bytes())

    for place, name, stand_in, told in (
        (training_clips.annotations, "read", saved_while_read, "its annotation changed while it was read; run the"),
        (training_clips, "write_clip", filmed_while_cut, "a video changed while clips were cut from it; run the same"),
    ):
        with monkeypatch.context() as patch, pytest.raises(AmcError, match=told):
            patch.setattr(place, name, stand_in)
            training_clips.folder(tmp_path, log=lambda line: None)
        assert not [*paths.cache().rglob("*.mp4"), *paths.cache().rglob("labels.csv")]
    root = training_clips.folder(tmp_path, log=lambda line: None)
    assert catalogue.load("folder", root).names == ("sit", "walk")


@pytest.mark.parametrize(
    "change, message",
    [
        ({"owl.mp4": None}, "2 annotated videos, but training, validation and test each need one"),
        ({"study.boris": None}, "no labels.csv of clips, and no annotation of whole videos"),
        ({"study.boris": PREDICTED}, "0 annotated videos, .* a model's prediction that nobody has corrected"),
        ({"study.boris": b"{}"}, "no project of BORIS"),
    ],
)
def test_what_is_too_little_or_wrong_is_refused_in_one_line(tmp_path, change, message):
    study(tmp_path, description=change.get("study.boris") if change.get("study.boris") == PREDICTED else "")
    for name, content in change.items():
        if content is None:
            (tmp_path / name).unlink()
        elif isinstance(content, bytes):
            (tmp_path / name).write_bytes(content)
    with pytest.raises(AmcError, match=message):
        training_clips.folder(tmp_path, log=lambda line: None)


def test_clips_that_are_cut_already_are_taken_as_they_are(tmp_path):
    (tmp_path / "labels.csv").write_text("file,labels\n")
    assert training_clips.folder(tmp_path, log=print) == tmp_path
    assert training_clips.folder(tmp_path / "labels.csv", log=print) == tmp_path
    assert training_clips.folder(tmp_path / "gone", log=print) == tmp_path / "gone"
