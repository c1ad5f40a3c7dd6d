"""What `amc predict` is given, before anything is watched: names of videos, of behaviours, the device."""

from types import SimpleNamespace

import pytest
import torch

from amc import flow, model, video
from amc.__main__ import main
from amc.base.errors import AmcError, VideoError
from amc.ethogram import crops, predict, predictor, sliding_window, timeline
from amc.inference import load_run
from amc.model import weights
from amc.runs import lookup
from amc.runs.ablation import ablation


def test_videos_of_one_name_keep_apart(tmp_path):
    for name in ("a/fox.mp4", "b/fox.mp4", "a/fox.avi", "a/owl.mp4"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    named, *_ = predict.videos([tmp_path])
    assert sorted(named) == ["a-fox.mp4", "b-fox.mp4", "fox.avi", "owl"]
    with pytest.raises(AmcError, match="no such file or folder"):
        predict.videos([tmp_path / "c"])


def test_names_that_become_alike_with_their_endings_keep_apart_and_links_keep_their_names(tmp_path):
    for name in ("a/fox.mp4", "b/fox.avi", "c/fox.mp4.mkv", "d/object"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    for name in ("cam1.mp4", "cam2.mp4"):
        (tmp_path / name).symlink_to(tmp_path / "d/object")
    named, *_ = predict.videos([tmp_path])
    assert len(named) == 5 and {"cam1", "cam2", "fox.avi", "a-fox.mp4"} <= set(named)


@pytest.mark.parametrize(
    "names, said",
    [
        (["walking", "Walking"], "the same behaviour"),
        (["walking", "background"], "a column"),
        (["frame", "run"], "a column"),
    ],
)
def test_names_that_tables_cannot_hold_are_refused(names, said):
    with pytest.raises(AmcError, match=f"behaviours: .*{said}"):
        predictor.by_names(names)


def test_a_device_that_is_not_there_is_told_in_one_line(tmp_path, capsys):
    if torch.cuda.is_available():
        pytest.skip("there is one here")
    (tmp_path / "fox.mp4").touch()
    arguments = ["predict", str(tmp_path), "--behaviours", "a,b", "--out", str(tmp_path), "--device", "cuda"]
    assert main(arguments) == 2 and "device: cuda is not on this machine" in capsys.readouterr().err


@pytest.mark.parametrize(
    "options, said",
    [
        (["--seconds", "0"], "stride: 0.5 s with windows of 0.0 s"),
        (["--stride", "-1"], "stride: -1.0 s"),
        (["--stride", "3"], "stride: 3.0 s"),
        (["--hold", "1.5"], "hold: 1.5"),
        (["--threshold", "2"], "threshold: 2.0"),
        (["--bin", "0.5"], "bin: 0.5 is not allowed; give 1 second or more"),
        (["--human", "nowhere.csv"], "nowhere.csv: no such file"),
        (["--model", "x", "--pretrained", "openai"], "leave out --model"),
        (["--behaviours", ""], "by commas, or a trained model"),
        (["--out", "{video}"], "cannot be written to"),
        (["--out", "{video}/below"], "cannot be written to"),
    ],
)
def test_mistakes_are_told_before_anything_is_watched(tmp_path, monkeypatch, capsys, options, said):
    monkeypatch.setattr(sliding_window, "sliding_window", lambda *given, **options: pytest.fail("a video was opened"))
    video = tmp_path / "fox.mp4"
    video.touch()
    given = ["predict", str(video), "--behaviours", "a,b", "--out", str(tmp_path / "out")]
    assert main([*given, *(option.format(video=video) for option in options)]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("amc: ") == 1 and "Traceback" not in error


def test_two_tracks_of_a_video_are_told_as_one_video(tmp_path, monkeypatch, capsys):
    rows = [{"video": "fox", "subject": name} for name in ("left", "right")]
    report = SimpleNamespace(done=rows, notes=[], failed=[], before=[])
    monkeypatch.setattr(predict, "predict", lambda *given, **options: report)
    (tmp_path / "fox.mp4").touch()
    given = ["predict", str(tmp_path / "fox.mp4"), "--behaviours", "a,b", "--pretrained", "random"]
    assert main([*given, "--out", str(tmp_path / "out")]) == 0
    assert "1 videos (2 tracks) done, 0 failed" in capsys.readouterr().out


@pytest.mark.parametrize(("backbone", "short_side"), [("", 72), ("ViT-B-32", 256), ("ViT-L-14-336", 384)])
def test_a_zero_shot_look_keeps_pictures_as_large_as_its_clip_needs(backbone, short_side, monkeypatch):
    side = weights.image_size(backbone or "synth-clip", "random")
    known = SimpleNamespace(card={"pretrained": "random", "num_slots": 4}, with_names=lambda names: known)
    known.preprocess, known.state_dict = SimpleNamespace(size=side), dict
    monkeypatch.setattr(model, "build", lambda *given, **options: known)
    found = predictor.by_names(["walking", "eating"], backbone=backbone, pretrained="random")
    assert (found.pixels.short_side, found.pixels.modality) == (short_side, "rgb")


def test_a_model_that_was_trained_on_enlarged_pictures_is_refused(tmp_path, monkeypatch):
    [cell] = ablation(scheme="sparse", modality="rgb", size="smoke")
    known = SimpleNamespace(preprocess=SimpleNamespace(size=224), card={}, names=("walking", "eating"))
    meta = {"names": ["walking", "eating"], "experiment": cell.asdict()}
    monkeypatch.setattr(model, "load", lambda path: (known, meta))
    (tmp_path / lookup.MODEL).touch()
    with pytest.raises(AmcError, match="pictures kept at 72 px would be enlarged to the 224 px .* train again"):
        load_run(tmp_path)


def test_a_model_is_refused_where_raft_is_another_one_than_in_its_training(tmp_path, monkeypatch):
    (tmp_path / lookup.MODEL).touch()
    weights = tmp_path / "w.pt"
    weights.write_bytes(b"one")
    [cell] = ablation(modality="flow", size="smoke", flow_method="raft-small", flow_weights=str(weights))[:1]
    known = SimpleNamespace(preprocess=SimpleNamespace(size=64), card={}, names=("walking", "eating"))
    meta = {"names": ["walking", "eating"], "experiment": cell.asdict(), "flow": flow.fingerprint_of(cell.pixels)}
    monkeypatch.setattr(model, "load", lambda path: (known, meta))
    assert load_run(tmp_path)[2] == cell
    weights.write_bytes(b"other")
    with pytest.raises(AmcError, match=r"was trained on flow of another RAFT than .*w\.pt; put that back, or train"):
        load_run(tmp_path)
    del meta["flow"]  # as models of before have none
    assert load_run(tmp_path)[2] == cell


def test_where_the_scores_of_a_damaged_video_end_depends_on_the_frames_that_a_model_looks_at(
    films, video_predictor, monkeypatch
):
    def stream(path, indices, crop):
        """Every frame from the 40th on is damaged."""
        yield from video.stream(path, [k for k in indices if k < 40])
        raise VideoError("damaged", frame=next(k for k in indices if k >= 40))

    monkeypatch.setattr(crops, "stream", stream)
    seen = sliding_window.sliding_window(films / "film 0.mp4", video_predictor, timeline.SlidingWindow(1, 0.5))
    assert seen.info.notes[-1] == "scored up to 1.50 s only, by the frames that this model looks at: damaged"
