"""Boxes: what is cut out is what the model sees, where and when the animal is seen, and each track is a subject."""

import json
import shutil
from dataclasses import replace

import av
import numpy as np
import pandas as pd
import pytest
import torch
from test_cuts import scenes

from amc.__main__ import main
from amc.base.errors import AmcError
from amc.ethogram import annotations, crops, files, finished, predict, predictor
from amc.ethogram.bouts import Rules
from amc.ethogram.sliding_window import sliding_window
from amc.ethogram.timeline import SlidingWindow

TRACKS = "video,frame,x,y,w,h,track\n{}".format(
    "".join(f"fox.mkv,{k},0,16,128,96,left one\n" for k in range(24))
    + "".join(f"fox.mkv,{k},{150 + k},20,60,40,right\n" for k in (6, 11, 17))
)


def write(path, pictures) -> None:
    """A video without loss."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=24)
        stream.height, stream.width = pictures[0].shape[:2]
        stream.pix_fmt = "bgr0"
        for picture in pictures:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format="rgb24")))
        container.mux(stream.encode())


@pytest.fixture
def without_pictures(monkeypatch):
    """None is drawn: that takes most of the time."""
    for name in ("ethogram", "time_budget", "transitions"):
        monkeypatch.setattr(files.drawn, name, lambda shown: None)
    monkeypatch.setattr(files, "key_frames", lambda frames, **more: frames.shape)
    monkeypatch.setattr(files.style, "write", lambda figure, path, alt: path if path.write_text(str(figure)) else None)


@pytest.fixture(scope="module")
def pair(tmp_path_factory):
    """A film of one second; and a wide one in which it is on the left."""
    folder = tmp_path_factory.mktemp("pair")
    film = list(scenes(24))
    write(folder / "alone.mkv", film)
    write(folder / "fox.mkv", [np.concatenate([picture, picture[::-1] // 2], axis=1) for picture in film])
    return folder, film[0].shape[:2]


def test_a_box_has_the_scores_of_a_video_of_that_part(pair, video_predictor):
    folder, (height, width) = pair
    alone = sliding_window(folder / "alone.mkv", video_predictor, SlidingWindow(0.5, 0.25))
    [job] = crops.jobs({"fox": folder / "fox.mkv"}, crops.read(f"0,0,{width},{height}")).values()
    boxed = sliding_window(job.path, video_predictor, SlidingWindow(0.5, 0.25), crop=job.crop)
    assert np.array_equal(alone.frame_probs, boxed.frame_probs) and job.name == "fox"
    whole = sliding_window(job.path, video_predictor, SlidingWindow(0.5, 0.25))
    assert not np.array_equal(whole.probs, boxed.probs)


def test_a_track_is_a_square_around_the_middle_of_its_boxes_and_stays_in_the_picture(tmp_path):
    rows = ("a.mp4,4,10,10,4,2", "a.mp4,8,14,10,4,2", "a.mp4,9,38,10,4,2")
    (tmp_path / "boxes.csv").write_text("\n".join(["video,frame,x,y,w,h", *rows]))
    [crop] = crops.read(str(tmp_path / "boxes.csv"))["a.mp4"]
    assert crop.span(20) == (4, 10) and crop.size == (4, 4) and crop.subject == ""
    assert crop.notes == ["3 frames between its boxes have none; their places are interpolated"]
    pictures = torch.arange(40).expand(4, 3, 30, 40).to(torch.uint8)  # each pixel is its x
    found = crop.cut([0, 6, 8, 9], pictures)
    assert found.shape == (4, 3, 4, 4)
    assert found[:, 0, 0].tolist() == [[10, 11, 12, 13], [12, 13, 14, 15], [14, 15, 16, 17], [36, 37, 38, 39]]
    with pytest.raises(AmcError, match="a box in frame 9, but the video has 9 frames"):
        crop.span(9)


def test_each_track_is_a_subject_that_is_seen_while_it_has_boxes(pair, video_predictor, tmp_path, without_pictures):
    folder, _ = pair
    (tmp_path / "boxes.csv").write_text(TRACKS)
    options = predict.Options(
        SlidingWindow(0.25, 0.25), Rules(min_seconds=0), threshold=0.01, crop=str(tmp_path / "boxes.csv")
    )
    out = tmp_path / "out"
    report = predict.predict([folder / "fox.mkv"], video_predictor, out, options, log=lambda line: None)
    assert not report.failed and list(report.finished) == ["fox@left one", "fox@right"]
    bouts = pd.read_csv(out / "bouts.csv")
    assert set(bouts["video"]) == {"fox"} and set(bouts["subject"]) == {"left one", "right"}
    right = bouts[bouts["subject"] == "right"]
    assert right["start_frame"].min() == 6 and right["stop_frame"].max() == 18
    frames = pd.read_csv(out / "fox@right.untrusted_frames.csv")
    assert len(frames) == 24 and (frames.loc[[*range(6), *range(18, 24)], "prob Walking"] == 0).all()
    assert (out / "fox@right.untrusted_key_frames.png").read_text().endswith("60, 60])")  # what is cut is what is shown
    budget = pd.read_csv(out / "time_budget.csv")
    assert budget["% of total length"].tolist() == [100] * 6  # of the time in which each is seen
    [project] = out.glob("*.boris")
    own = annotations.read(project)
    assert own.subjects == ("left one", "right") and own.media == (str(folder / "fox.mkv"),)
    assert {(round(e.first * 24), round(e.stop * 24)) for e in own.events if e.subject == "right"} == {(6, 18)}
    assert [subject["name"] for subject in json.loads(project.read_text())["subjects_conf"].values()] == [*own.subjects]
    human = replace(options, human=(str(tmp_path / "human.csv"),), subject="right")
    (tmp_path / "human.csv").write_text("Video,Subject,Event,Start_frame,End_frame\nfox,right,Walking,0,9\n")
    with pytest.raises(AmcError, match="subject: each track is compared with the subject of its own name; leave out"):
        predict.predict([folder / "fox.mkv"], video_predictor, tmp_path / "other", human, log=lambda line: None)
    again = predict.predict([folder / "fox.mkv"], video_predictor, out, options, log=lambda line: None)
    assert again.before == ["fox@left one", "fox@right"]
    (tmp_path / "boxes.csv").write_text(TRACKS.replace(",150,", ",151,").replace(",156,", ",157,"))
    again = predict.predict([folder / "fox.mkv"], video_predictor, out, options, log=lambda line: None)
    assert again.before == ["fox@left one"]  # the other has other boxes


def test_videos_of_one_name_have_their_own_boxes_under_all_ways_to_write_them(tmp_path):
    rows = ["day1/GX01.mp4,0,0,0,9,9,a", "day2/GX01.mp4,0,0,0,9,9,b", "D:\\day2\\gx01.MP4,3,1,1,20,9,b"]
    (tmp_path / "boxes.csv").write_text("\n".join(["video,frame,x,y,w,h,track", *rows]))
    named = {f"day{k}": tmp_path / f"day{k}" / "GX01.mp4" for k in (1, 2)}
    found = crops.jobs(named, crops.read(str(tmp_path / "boxes.csv")))
    assert {name: job.crop.frames.tolist() for name, job in found.items()} == {"day1@a": [0], "day2@b": [0, 3]}
    assert found["day2@b"].crop.size == (20, 20)
    (tmp_path / "boxes.csv").write_text("\n".join(["video,frame,x,y,w,h", "GX01.mp4,0,0,0,9,9"]))
    with pytest.raises(AmcError, match="crop: 'GX01.mp4' may be .*; write it with its folder"):
        crops.jobs(named, crops.read(str(tmp_path / "boxes.csv")))
    twice = ["day1/GX01.mp4,0,0,0,9,9", "D:/day1/GX01.mp4,0,0,0,9,9"]
    (tmp_path / "boxes.csv").write_text("\n".join(["video,frame,x,y,w,h", *twice]))
    with pytest.raises(AmcError, match="day1 has two boxes in one frame, under two names of the video; keep one"):
        crops.jobs({"day1": named["day1"]}, crops.read(str(tmp_path / "boxes.csv")))


def test_a_track_that_the_corrected_table_lacks_leaves_the_folder(pair, video_predictor, tmp_path, without_pictures):
    out, lines = tmp_path / "out", []
    options = predict.Options(SlidingWindow(0.5, 0.5), threshold=0.01, crop=str(tmp_path / "boxes.csv"))
    (tmp_path / "boxes.csv").write_text(TRACKS)
    predict.predict([pair[0] / "fox.mkv"], video_predictor, out, options, log=lines.append)
    (out / "fox@right.untrusted_bouts.csv").write_text("mine")
    (tmp_path / "boxes.csv").write_text(TRACKS.replace(",right", ",female"))
    predict.predict([pair[0] / "fox.mkv"], video_predictor, out, options, log=lines.append)
    assert "no boxes any more, so their rows and files are removed: fox@right" in lines
    assert set(pd.read_csv(out / "time_budget.csv")["Subject"]) == {"left one", "female"}
    assert [path.name for path in out.glob("fox@right*")] == ["fox@right.untrusted_bouts.csv"]  # it was changed
    assert list(finished.read(out)[0]) == ["fox@left one", "fox@female"]
    kept = {path: path.read_bytes() for path in out.iterdir() if path.name.startswith("fox@")}
    with pytest.raises(
        AmcError, match=r"holds 2 videos \(fox@left one, fox@female\) in boxes that .* give --crop as"
    ):  # the table was forgotten
        predict.predict([pair[0] / "fox.mkv"], video_predictor, out, replace(options, crop=""), log=lines.append)
    assert {path: path.read_bytes() for path in kept} == kept


def test_what_was_predicted_as_a_whole_is_not_mixed_with_boxes_and_other_names_stay_apart(
    pair, video_predictor, tmp_path, without_pictures
):
    out, films = (
        tmp_path / "out",
        [shutil.copy(pair[0] / "fox.mkv", tmp_path / f"{name}.mkv") for name in ("fox", "owl")],
    )
    options = predict.Options(SlidingWindow(1, 1), threshold=0.01)
    predict.predict([films[0]], video_predictor, tmp_path / "whole", options, log=lambda line: None)
    (tmp_path / "boxes.csv").write_text(TRACKS)
    boxed = replace(options, crop=str(tmp_path / "boxes.csv"))
    with pytest.raises(
        AmcError, match=r"holds 1 videos \(fox\) as a whole, of which boxes are given now; leave out --cr"
    ):
        predict.predict([films[0]], video_predictor, tmp_path / "whole", boxed, log=lambda line: None)
    report = predict.predict(films, video_predictor, out, boxed, log=lambda line: None)  # the owl has no boxes
    assert list(report.finished) == ["fox@left one", "fox@right"]
    assert any("owl.mkv: left out, --crop has no boxes of it" in note for note in report.general)
    other = shutil.copy(films[1], tmp_path / "fox@right.mkv")
    (tmp_path / "boxes.csv").write_text(
        "video,frame,x,y,w,h\nfox@right.mkv,0,0,16,128,96\nfox@right.mkv,23,0,16,128,96\n"
    )
    report = predict.predict([other], video_predictor, out, boxed, log=lambda line: None)
    assert list(report.finished) == ["fox@left one", "fox@right", "fox@right.mkv"]


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ("0,0,0,9", "crop: 0,0,0,9 is no box; give X,Y,W,H in pixels"),
        ("nowhere.csv", "nowhere.csv is neither a box nor a file; give X,Y,W,H in pixels"),
        ("0,0,50", "crop: 0,0,50 is neither a box nor a file"),
        ("video,frame,x,y,w\n", "no header of the columns video,frame,x,y,w,h"),
        ("video,frame,x,y,w,h\nfox.mp4,1,2,3,4,0\n", "boxes.csv:2: frame 1 of fox.mp4 is there twice, no whole number"),
        (
            "video,frame,x,y,w,h\nfox.mp4,1,2,3,4,5\nfox.mp4,1,2,3,4,5\n",
            "boxes.csv:3: frame 1 of fox.mp4 is there twice",
        ),
        ("video,frame,x,y,w,h\nfox.mp4,1,left,3,4,5\n", "boxes.csv:2: x 'left' is no number"),
        ("video,frame,x,y,w,h\nowl.mp4,1,2,3,4,5\n", "has no boxes of fox.mp4, only of owl.mp4"),
    ],
)
def test_what_is_no_box_is_told_in_one_line(given, said, tmp_path, capsys):
    if "\n" in given:
        (tmp_path / "boxes.csv").write_text(given)
        given = str(tmp_path / "boxes.csv")
    (tmp_path / "fox.mp4").touch()
    arguments = ["predict", str(tmp_path / "fox.mp4"), "--behaviours", "a,b", "--pretrained", "random"]
    assert main([*arguments, "--out", str(tmp_path / "out"), "--crop", given]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_a_box_outside_all_videos_is_told_before_a_model_is_loaded(pair, tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(predictor, "by_names", lambda *given, **more: pytest.fail("a model was loaded"))
    folder, (height, width) = pair
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    given = ["predict", str(tmp_path / "broken.mp4"), *(str(folder / name) for name in ("alone.mkv", "fox.mkv"))]
    given += ["--behaviours", "a,b", "--out", str(tmp_path / "out"), "--crop"]
    assert main([*given, f"0,0,5000,{height}"]) == 2
    assert "the box reaches outside the pictures, which have" in capsys.readouterr().err
    crops.refuse_outside([folder / "alone.mkv", folder / "fox.mkv"], crops.read(f"{width},0,9,9"))  # inside the other
    crops.refuse_outside([tmp_path / "broken.mp4"], crops.read("0,0,9,9"))


def test_a_box_outside_the_pictures_is_refused(pair, video_predictor):
    folder, (height, width) = pair
    with pytest.raises(AmcError, match="the box reaches outside the pictures, which have"):
        sliding_window(
            folder / "fox.mkv", video_predictor, SlidingWindow(), crop=crops.read(f"9,0,{2 * width},{height}")
        )
