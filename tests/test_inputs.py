"""What `predict` is given: every video under a name of its own, and nothing that is no video dropped without a word."""

import json
import os
import shutil

import av
import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from test_cuts import scenes

from amc.__main__ import main
from amc.base.errors import AmcError
from amc.ethogram import files, inputs, predict, predictor
from amc.ethogram.exports import TABLES
from amc.ethogram.inputs import ENDINGS
from amc.ethogram.matching import UNTRUSTED, key
from amc.ethogram.sliding_window import sliding_window
from amc.ethogram.timeline import SlidingWindow
from amc.synth import generate


@pytest.fixture(scope="module")
def clip(tmp_path_factory):
    """Half a second."""
    path = tmp_path_factory.mktemp("clip") / "clip.mp4"
    generate.write_video(path, iter(scenes(12)))
    return path


def copies(clip, folder, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(clip, folder / name)


def test_of_two_videos_whose_paths_differ_by_a_slash_alone_both_are_done(clip, video_predictor, tmp_path):
    copies(clip, tmp_path / "in", "2024-05/cam1/v.mp4", "2024/05/cam1/v.mp4")
    report = predict.predict(
        [tmp_path / "in"], video_predictor, tmp_path / "out", predict.Options(), log=lambda line: None
    )
    assert len(report.done) == 2 and not report.failed
    assert len({row["video"] for row in report.done}) == len(list((tmp_path / "out").glob("*_frames.csv"))) == 2


NAMES = ("a", "A", "b", "time", "Time", "v.", "é", "e\u0301", "x" * 200, "a.untrusted", "b-c", "ß", "ss")
ENDS = ("", ".mp4", ".MP4", ".avi", "_bouts.csv", "-v.mp4", "\udce8.mp4", "/v.mp4")
PARTS = st.sampled_from(NAMES)
FILES = st.tuples(st.lists(PARTS, max_size=3), PARTS, st.sampled_from(ENDS)).map(
    lambda given: "/".join([*given[0], given[1] + given[2]])
)


@given(st.sets(FILES, min_size=1, max_size=8))
def test_no_two_videos_share_a_file_whatever_they_are_called(files):
    named = inputs.named([inputs.Path("/films", file) for file in sorted(files, key=os.fsencode)])
    assert len(named) == len(files)
    marked = [(name, f"{name}{mark}{ending}") for name in named for mark in ("", UNTRUSTED) for ending in ENDINGS]
    owner = {key(table): "the folder" for table in TABLES}
    for name, file in marked:
        assert owner.setdefault(key(file), name) == name, file
        assert len(file.encode()) < 200 and "/" not in file and "\\" not in file


def test_a_name_that_is_no_utf_8_is_escaped_beside_a_good_video(clip, run_folder, tmp_path, capsys):
    copies(clip, tmp_path / "in", "good.mp4")
    shutil.copy(clip, os.fsencode(tmp_path / "in") + b"/caf\xe8.mp4")
    arguments = ["predict", str(tmp_path / "in"), "--model", str(run_folder), "--out", str(tmp_path / "out")]
    assert main([*arguments, "--threshold", "0.01"]) == 0
    assert "2 videos done, 0 failed" in capsys.readouterr().out
    done = json.loads((tmp_path / "out/report.json").read_text(encoding="utf-8"))["done"]
    assert {row["file"].rpartition("/")[2] for row in done} == {"caf\\xe8.mp4", "good.mp4"}
    assert "caf-xe8" in (tmp_path / "out/bouts.csv").read_text(encoding="utf-8")


def test_videos_in_a_folder_are_known_by_what_is_in_them_and_others_are_listed(clip, tmp_path):
    copies(clip, tmp_path, "one.mp4", "two.ASF", "three.unknown", "no ending")
    (tmp_path / "notes.txt").write_text("no video " * 100)
    (tmp_path / "bytes.bin").write_bytes(bytes(range(256)) * 40)
    (tmp_path / "table.csv").write_text("a,b\n1,2\n")
    (tmp_path / "._one.mp4").write_bytes(b"what macOS leaves")
    with av.open(str(tmp_path / "photo.jpg"), "w", format="image2") as container:
        stream = container.add_stream("mjpeg", rate=1)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuvj420p"
        container.mux(stream.encode(av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")))
        container.mux(stream.encode())
    found = predict.videos([tmp_path])
    assert sorted(found.named) == ["no ending", "one", "three", "two"]
    others = ["._one.mp4", "bytes.bin", "notes.txt", "photo.jpg", "table.csv"]
    assert [file.rpartition("/")[2] for file in found.left_out] == others
    [note] = found.notes
    assert note.endswith(f"5 files that are no videos left out: {', '.join(others)}")


def test_a_folder_that_is_a_link_is_told(clip, tmp_path):
    copies(clip, tmp_path, "real/one.mp4", "in/two.mp4")
    (tmp_path / "in/linked").symlink_to(tmp_path / "real")
    found = predict.videos([tmp_path / "in"])
    assert list(found.named) == ["two"] and "links, left out: linked" in found.notes[0]


def test_nothing_that_was_given_is_written_over(clip, video_predictor, tmp_path):
    copies(clip, tmp_path, "fox.mp4", "fox_annotated.mp4")
    human = tmp_path / "fox_bouts.csv"
    human.write_text("Video,Event,Start_frame,End_frame\nfox,Walking,0,5\n")
    for sources, options in (
        ([tmp_path / "fox.mp4", tmp_path / "fox_annotated.mp4"], predict.Options(annotate=True)),
        ([tmp_path / "fox.mp4"], predict.Options(human=(str(human),))),
        ([tmp_path / "fox.mp4"], predict.Options(human=(str(tmp_path),))),  # a folder with it
    ):
        with pytest.raises(AmcError, match="was given, and would be written over; choose another folder"):
            predict.predict(sources, video_predictor, tmp_path, options, log=print)
    assert human.exists()


def test_scores_that_are_not_finite_stop_with_the_window_and_the_behaviour(clip, video_predictor, tmp_path):
    as_it_is = predictor.VideoPredictor.predict

    class Broken(predictor.VideoPredictor):
        def predict(self, slots):
            probs, embeddings = as_it_is(self, slots)
            probs = probs.clone()
            probs[0, 1] = float("nan")
            return probs, embeddings

    broken = Broken(**{name: getattr(video_predictor, name) for name in predictor.VideoPredictor.__dataclass_fields__})
    with pytest.raises(AmcError, match="from 0.00 to 0.50 s the probability of 'Keeping still' is not finite"):
        sliding_window(clip, broken, SlidingWindow())
    report = predict.predict([clip], broken, tmp_path, predict.Options(), log=lambda line: None)
    assert not report.done and "not finite" in report.failed[0]["error"]
    assert not list(tmp_path.glob("clip*"))


def test_of_a_video_damaged_on_its_way_what_comes_before_is_kept_and_told(video_predictor, tmp_path, monkeypatch):
    path = tmp_path / "film.mp4"
    generate.write_video(path, iter(scenes(96)))
    stream = files.annotated.video.stream

    def damaged(*given):
        for numbers, frames in stream(*given):
            for number, frame in zip(numbers, frames, strict=True):
                if number >= 60:
                    raise files.annotated.video.VideoError("film.mp4: frame 60 is damaged", frame=60)
                yield [number], torch.stack([frame])

    monkeypatch.setattr(files.annotated.video, "stream", damaged)
    sliding = predict.Options(SlidingWindow(1, 0.5))
    report = predict.predict([path], video_predictor, tmp_path / "out", sliding, log=lambda line: None)
    [row] = report.done
    assert row["frames"] == 60 and any("looks at: film.mp4: frame 60 is damaged" in note for note in report.notes)


def test_moments_that_suggest_has_cut_are_no_further_videos_of_a_folder(tmp_path):
    for name in ("fox.mp4", "moments/fox@12.500s.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    found = inputs.videos([tmp_path])
    assert [*found.named] == ["fox"] and found.left_out == [str(tmp_path / "moments/fox@12.500s.mp4")]
    assert found.notes == [f"{tmp_path}: 1 moments cut by suggest left out: fox@12.500s.mp4"]
    assert len(inputs.videos([tmp_path], has_moments=True).named) == 2
    assert [*inputs.videos([tmp_path / "moments/fox@12.500s.mp4"]).named] == ["fox@12.500s"]  # given by its name
