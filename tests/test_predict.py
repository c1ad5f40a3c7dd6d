"""Videos to ethograms: the same scores as a clip gets anywhere else, flat over time, stamped, and broken files last."""

import json
import shutil
import signal
from dataclasses import replace
from fractions import Fraction
from types import SimpleNamespace

import av
import numpy as np
import pandas as pd
import pytest
import torch
from conftest import WATCHED as NAMES
from PIL import Image, ImageDraw

from amc import model, video
from amc.__main__ import main
from amc.base import processes
from amc.base.errors import AmcError
from amc.datasets.clips import ClipViews, reader
from amc.datasets.table import Clip, ClipTable
from amc.ethogram import annotated, exports, files, predict, predictor
from amc.ethogram.bouts import Rules
from amc.ethogram.sliding_window import sliding_window
from amc.ethogram.timeline import SlidingWindow
from amc.runs import experiment, lookup
from amc.scores import Scores
from amc.scores import predict as score


def test_a_window_of_a_whole_clip_has_the_scores_that_a_clip_gets_anywhere(films, video_predictor, run_folder):
    paths = sorted(films.glob("*.mp4"))
    table = ClipTable("t", NAMES, tuple(Clip(path.stem, path, (0,), "test") for path in paths))
    views = ClipViews(
        table,
        video_predictor.sampling,
        reader(video_predictor.pixels, table),
        size=video_predictor.classifier.preprocess.size,
    )
    expected = score(video_predictor.classifier.with_names(NAMES), views, meta={}).probs.mean(axis=1)
    found = np.concatenate([sliding_window(path, video_predictor, SlidingWindow(100, 100)).probs for path in paths])
    assert np.abs(found - expected).max() < 1e-6  # only the batch differs


def test_windows_do_not_depend_on_how_the_video_is_cut_into_parts(films, video_predictor, monkeypatch):
    path = films / "film 0.mp4"
    whole = sliding_window(path, video_predictor, SlidingWindow(1, 0.25))
    monkeypatch.setattr(video, "CHUNK_BYTES", 3 * 128 * 128)  # one frame at a time
    parts = sliding_window(path, video_predictor, SlidingWindow(1, 0.25))
    assert np.array_equal(whole.probs, parts.probs) and len(whole.windows) > 4
    assert whole.frame_probs.shape == (video.probe(path).num_frames, 3)


@pytest.mark.parametrize("name", ["nasty/nasa_vfr.mp4", "one frame", "kabr/G0068-Run.gif"])
def test_frames_of_a_stream_and_their_times_are_those_of_the_file(real, one_frame, name):
    path = one_frame if name == "one frame" else real / "clips" / name
    count = video.probe(path).num_frames
    wanted = list(range(0, count, 3))
    numbers, frames = zip(*video.stream(path, wanted), strict=True)
    assert [k for part in numbers for k in part] == wanted
    assert torch.equal(torch.cat(frames), video.read_frames(path, wanted))
    times = video.frame_times(path)
    assert len(times) == count and times[0] == 0 and (np.diff(times) > 0).all()


def test_a_stream_refuses_what_is_not_there(films):
    path = films / "film 0.mp4"
    for wanted in ([], [-1, 2], [3, 2], [0, 10_000]):
        with pytest.raises(AmcError, match="ascending frame indices"):
            next(video.stream(path, wanted))


def test_thresholds_come_from_validation_or_by_hand(video_predictor):
    assert predict.thresholds(video_predictor, 0) == pytest.approx(1 / (1 + np.exp(-1)))
    assert predict.thresholds(video_predictor, 0.3).tolist() == [0.3] * 3
    with pytest.raises(AmcError, match="no val.npz"):
        predict.thresholds(replace(video_predictor, threshold=None), 0)
    with pytest.raises(AmcError, match="threshold: 1.5"):
        predict.thresholds(video_predictor, 1.5)


def test_the_support_of_each_behaviour_is_told(video_predictor):
    assert [row["training_clips"] for row in video_predictor.support] == [9, 3, 0]
    assert video_predictor.stamp == (
        "RANDOM WEIGHTS, HARDLY TRAINED (size smoke), FEW CLIPS to train on: Eating 0, Keeping still 3, Walking 9"
    )
    assert [row["validation_clips"] for row in video_predictor.support] == [18, 18, 18]


def test_some_of_its_behaviours_can_be_chosen_and_no_others(run_folder):
    some = predictor.by_model(run_folder, behaviours=["Eating", "Walking"])
    assert (
        some.names == ("Eating", "Walking")
        and some.support[0]["training_clips"] == 0
        and len(some.classifier.context[0]) == 2
    )
    with pytest.raises(AmcError, match="not trained on 'Flying'; choose from: Walking, Keeping still, Eating"):
        predictor.by_model(run_folder, behaviours=["Flying"])


def test_models_in_one_folder_keep_their_own_scores_and_detectors(run_folder, tmp_path, monkeypatch):
    fox, owl = (tmp_path / f"{name}.safetensors" for name in ("fox", "owl"))
    classifier, meta = model.load(run_folder / lookup.MODEL)
    val, other = Scores.load(run_folder / "val.npz"), meta["experiment"] | {"seed": 1}
    shutil.copy(run_folder / lookup.MODEL, fox)
    classifier.save(owl, meta | {"experiment": other})
    val.save(tmp_path / "val.npz")
    with pytest.raises(
        AmcError, match=r"val\.npz: holds scores of another model than owl\.safetensors; put its own be"
    ):
        predictor.by_model(owl)
    replace(val, meta=val.meta | {"experiment": other}).save(tmp_path / "owl-val.npz")
    fitted = []

    def embeddings(video_predictor, table, most):
        fitted.append(most)
        return np.random.default_rng(len(fitted)).normal(size=(5, 4))

    monkeypatch.setattr(predictor, "_embeddings", embeddings)
    monkeypatch.setattr(experiment, "load", lambda cfg: SimpleNamespace(split=lambda name: name))
    first, second = (predictor.by_model(path).detector for path in (fox, owl))
    assert first.limit != second.limit and len(fitted) == 4
    assert [predictor.by_model(path).detector.limit for path in (fox, owl)] == [first.limit, second.limit]
    assert len(fitted) == 4
    shutil.copy(tmp_path / "fox-out_of_distribution.npz", tmp_path / "owl-out_of_distribution.npz")
    assert predictor.by_model(owl).detector.model == second.model != first.model and len(fitted) == 6


def test_a_model_that_is_not_there_is_refused_with_those_that_are(tmp_path, run_folder, monkeypatch):
    monkeypatch.setenv("AMC_CACHE", str(tmp_path))
    with pytest.raises(AmcError, match="none yet: train one"):
        lookup.find("mine")
    shutil.copytree(run_folder, tmp_path / "runs" / "0123")
    assert lookup.find("sparse rgb+flow seed 0") == lookup.find("synth sparse rgb+flow seed 0") == lookup.find("0123")
    assert lookup.find("synth smoke sparse rgb+flow seed 0") == tmp_path / "runs" / "0123" / lookup.MODEL
    with pytest.raises(AmcError, match=r"give one of: synth smoke sparse rgb\+flow seed 0 random \(0123, of 20"):
        lookup.find("mine")


def test_names_alone_compete_and_say_that_they_are_a_first_look(films):
    look = predictor.by_names(["walking", " eating "])
    seen = sliding_window(films / "film 0.mp4", look, SlidingWindow())
    assert seen.probs.sum(axis=1) == pytest.approx(1) and look.names == ("walking", "eating")
    assert look.stamp == "ZERO-SHOT, new modules untrained, weights bundled"
    with pytest.raises(AmcError, match="two or more"):
        predictor.by_names(["walking"])


def test_a_folder_in_one_call_with_a_broken_file_told_at_the_end(films, run_folder, tmp_path, capsys):
    folder, out = tmp_path / "in", tmp_path / "out"
    shutil.copytree(films, folder)
    (folder / "a broken.mp4").write_bytes((films / "film 0.mp4").read_bytes()[:3000])
    (folder / "notes.txt").write_text("no video")
    arguments = ["predict", str(folder), "--model", str(run_folder), "--out", str(out), "--threshold", "0.01"]
    assert main([*arguments, "--seconds", "1"]) == 1
    told = capsys.readouterr()
    assert "2 videos done, 1 failed" in told.out and "1 files that are no videos left out: notes.txt" in told.out
    assert told.err.startswith("failed: ") and "a broken.mp4" in told.err and told.err.count("\n") == 1
    bouts = pd.read_csv(out / "bouts.csv")
    assert set(bouts["video"]) == {"film 0", "film 1"} and (bouts["stamp"].str.contains("RANDOM WEIGHTS")).all()
    for number in range(2):
        frames = pd.read_csv(out / f"film {number}.untrusted_frames.csv")
        assert len(frames) == video.probe(films / f"film {number}.mp4").num_frames
    facts = json.loads((out / "report.json").read_text())
    assert [row["video"] for row in facts["failed"]] == ["a broken"] and len(facts["done"]) == 2
    assert "by hand" in (out / "behaviours.csv").read_text()
    assert len(list(out.glob("*_ethogram.png"))) == 2


def test_all_the_real_clips_in_one_call(real, one_frame, run_folder, tmp_path):
    nasty = [path for path in (real / "clips/nasty").iterdir() if path.name != one_frame.name]
    sources = [real / "clips/animals", real / "clips/kabr", *nasty, one_frame]
    options = predict.Options(SlidingWindow(8, 8), threshold=0.2)
    report = predict.predict(sources, predictor.by_model(run_folder), tmp_path, options, log=lambda line: None)
    assert [row["video"] for row in report.failed] == ["decord_corrupted"] and len(report.done) == 23
    for row in report.done:
        assert len(pd.read_csv(tmp_path / f"{row['video']}.untrusted_frames.csv")) == row["frames"]


def test_what_an_earlier_run_wrote_is_no_input_and_no_result(films, video_predictor, tmp_path):
    folder = tmp_path / "in"
    shutil.copytree(films, folder)
    (folder / "film 1.mp4").rename(folder / f"film 0{annotated.ENDING}")
    for name in ("bouts", "agreement"):
        (folder / f"{name}.csv").write_text("of another run")
    report = predict.predict(
        [folder], video_predictor, folder, predict.Options(SlidingWindow(9, 9), threshold=1.0), log=print
    )
    assert [row["video"] for row in report.done] == ["film 0"]
    assert any("1 annotated copies left out" in note for note in report.notes)
    assert not (folder / "agreement.csv").exists() and len(pd.read_csv(folder / "bouts.csv")) == 0


def test_whatever_goes_wrong_with_one_video_costs_that_one_only(films, video_predictor, tmp_path, monkeypatch):
    write = exports.write

    def failing(shown, folder, *, stem):
        if shown.video == "film 0":
            raise ZeroDivisionError("a mistake of ours")
        return write(shown, folder, stem=stem)

    monkeypatch.setattr(exports, "write", failing)
    report = predict.predict(
        [films], video_predictor, tmp_path, predict.Options(SlidingWindow(9, 9)), log=lambda line: None
    )
    assert [row["video"] for row in report.done] == ["film 1"]
    assert "ZeroDivisionError, a mistake of ours" in report.failed[0]["error"]


def test_a_stop_that_a_library_turns_into_an_error_ends_all_videos(films, video_predictor, tmp_path, monkeypatch):
    def library(shown, folder, *, stem):
        try:
            signal.raise_signal(signal.SIGTERM)
        except KeyboardInterrupt:
            raise ValueError("could not determine the shape") from None

    monkeypatch.setattr(exports, "write", library)
    options = predict.Options(SlidingWindow(9, 9))
    with pytest.raises(processes.Ended), processes.stoppable():
        predict.predict([films], video_predictor, tmp_path, options, log=lambda line: None)


def test_key_frames_and_clips_behind_each_name_stand_beside_the_ethogram(films, video_predictor, tmp_path):
    options = predict.Options(SlidingWindow(2, 1), threshold=0.01)
    predict.predict([films / "film 0.mp4"], video_predictor, tmp_path, options, log=lambda line: None)
    assert (tmp_path / "film 0.untrusted_key_frames.png").is_file()
    seen = sliding_window(films / "film 0.mp4", video_predictor, SlidingWindow(9, 9))
    shown = predict.ethogram("film", films / "film 0.mp4", seen, video_predictor, np.full(3, 0.01), Rules())
    assert shown.support == (9, 3, 0)
    labels = [text.get_text() for text in files.drawn.ethogram(shown).axes[0].get_yticklabels()]
    assert labels == ["unlike the training clips", "Walking (9)", "Keeping still (3)", "Eating (0)"]


@pytest.mark.parametrize("rate", ["24000/1001", "25", "30000/1001", "60000/1001"])
def test_tables_of_a_file_have_the_times_of_its_frames(rate, video_predictor, tmp_path):
    path = tmp_path / "film.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(rate))
        stream.width, stream.height, stream.pix_fmt = 64, 64, "yuv420p"
        for k in range(40):
            picture = np.full((64, 64, 3), 5 * k, np.uint8)
            container.mux(stream.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
        container.mux(stream.encode())
    options = predict.Options(SlidingWindow(1, 1), threshold=0.01)
    predict.predict([path], video_predictor, tmp_path / "out", options, log=lambda line: None)
    table = pd.read_csv(tmp_path / "out" / "film.untrusted_frames.csv")
    assert table["frame"].tolist() == list(range(40))
    assert np.abs(table["time_s"] - np.arange(40) / float(Fraction(rate))).max() < 2e-6


def test_files_of_an_earlier_run_make_way(films, video_predictor, tmp_path):
    other = tmp_path / "film 02_budget.csv"  # of another video
    other.touch()
    for options in (
        predict.Options(SlidingWindow(9, 9), threshold=0.01, annotate=True),
        predict.Options(SlidingWindow(9, 9), threshold=1.0),
    ):
        trusted = replace(video_predictor, stamp="") if options.annotate else video_predictor
        predict.predict([films / "film 0.mp4"], trusted, tmp_path, options, log=lambda line: None)
    left = {path.name for path in tmp_path.glob("film 0*")} - {other.name}
    assert {name.split("_")[0] for name in left} == {"film 0.untrusted"} and other.exists()
    assert not any("key_frames" in name or name.endswith(annotated.ENDING) for name in left)


@pytest.mark.parametrize("size", [(160, 120), (280, 210), (1080, 1920), (1920, 1080)])
def test_text_fits_into_any_picture(size):
    lines = [
        "12.345 s, frame 300",
        *(f"a behaviour {k} 0.50" for k in range(12)),
        predictor.ZERO_SHOT + ", weights bundled",
    ]
    pen = ImageDraw.Draw(Image.new("RGB", size))
    font, high = annotated._fitting(pen, lines, size)
    assert max(pen.textlength(line, font) for line in lines) <= size[0] - font.size / 2
    assert high * len(lines) <= size[1] and font.size >= 4


def test_the_annotated_copy_has_the_same_frames_at_the_same_times(real, video_predictor, tmp_path):
    path = real / "clips/nasty/nasa_vfr.mp4"
    seen = sliding_window(path, video_predictor, SlidingWindow())
    shown = predict.ethogram("vfr", path, seen, video_predictor, np.full(3, 0.01), Rules())
    copy = annotated.write(path, shown, tmp_path / "copy.mp4", max_side=200)
    info = video.probe(copy)
    assert (info.num_frames, info.width, info.height) == (50, 200, 112)
    assert video.frame_times(copy) == pytest.approx(video.frame_times(path), abs=2e-5)  # ticks of 11 microseconds
