"""A second call into one folder: what is done is left out, nothing is lost or there twice, runs are never mixed."""

import json
import os
import shutil
import subprocess
import sys
from dataclasses import replace

import pandas as pd
import pytest
from test_cuts import scenes

from amc.__main__ import main
from amc.base.errors import AmcError
from amc.ethogram import files, finished, predict, sliding_window
from amc.ethogram.bouts import Rules
from amc.ethogram.exports import TABLES
from amc.ethogram.timeline import SlidingWindow
from amc.synth import generate

NAMES = ("a", "b", "c")


@pytest.fixture(scope="module")
def films(tmp_path_factory):
    """Two videos of half a second."""
    folder = tmp_path_factory.mktemp("films")
    for number in range(2):
        generate.write_video(folder / f"film {number}.mp4", iter(scenes(12 + number)))
    return folder


@pytest.fixture(autouse=True)
def card(films, tmp_path, monkeypatch):
    """Three videos of two contents; pictures are not drawn."""
    (tmp_path / "card").mkdir()
    for number, name in enumerate(NAMES):
        shutil.copy(films / f"film {number % 2}.mp4", tmp_path / "card" / f"{name}.mp4")
    for picture in ("ethogram", "time_budget", "transitions"):
        monkeypatch.setattr(files.drawn, picture, lambda shown: None)
    monkeypatch.setattr(files, "key_frames", lambda: None)
    monkeypatch.setattr(files.keys, "frames", lambda *given: {})
    monkeypatch.setattr(files.style, "write", lambda figure, path, alt: path if path.write_text(alt) else None)
    return tmp_path / "card"


@pytest.fixture
def seen(monkeypatch):
    """The names of the videos that are watched."""
    names, real = [], sliding_window.sliding_window

    def counted(path, *given, **options):
        names.append(path.stem)
        return real(path, *given, **options)

    monkeypatch.setattr(sliding_window, "sliding_window", counted)
    return names


def run(sources, video_predictor, out, log=lambda line: None, **options) -> predict.Report:
    rules = {"sliding": SlidingWindow(9, 9), "threshold": 0.01, "rules": Rules(min_seconds=0)} | options
    return predict.predict(sources, video_predictor, out, predict.Options(**rules), log=log)


def tables(out) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in out.iterdir() if path.name in TABLES and path.suffix != ".json"}


def test_a_killed_call_goes_on_and_gives_the_tables_of_one_that_was_not_killed(
    card, seen, video_predictor, tmp_path, monkeypatch
):
    run([card], video_predictor, tmp_path / "whole")
    whole, counted = seen.copy(), sliding_window.sliding_window
    seen.clear()

    def killed(path, *given, **options):
        if path.stem == "c":
            raise KeyboardInterrupt
        return counted(path, *given, **options)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(sliding_window, "sliding_window", killed)
        run([card], video_predictor, tmp_path / "out")
    with (tmp_path / "out" / finished.RECORD).open("a") as file:
        file.write('\n["video", {"video": "c", "fi')  # a line that the kill left unfinished
    report = run([card], video_predictor, tmp_path / "out")
    assert whole == seen == ["a", "b", "c"] and report.before == ["a", "b"]
    assert {name for name in tables(tmp_path / "out")} == {name for name in tables(tmp_path / "whole")}
    for name, content in tables(tmp_path / "out").items():
        assert content == tables(tmp_path / "whole")[name], name
    again = run([card], video_predictor, tmp_path / "out")
    assert len(seen) == 3 and again.before == ["a", "b", "c"] and len(again.done) == 3
    assert tables(tmp_path / "out") == tables(tmp_path / "whole")


def test_where_all_is_done_no_model_is_built_and_one_that_cannot_be_built_costs_nothing(
    card, video_predictor, tmp_path
):
    def fails():
        raise AmcError("flow: its weights are missing")

    run([card], video_predictor, tmp_path / "out")
    before = tables(tmp_path / "out")
    again = run([card], replace(video_predictor, load=fails), tmp_path / "out")
    assert again.before == ["a", "b", "c"] and tables(tmp_path / "out") == before
    with pytest.raises(AmcError, match="its weights are missing"):
        run([card], replace(video_predictor, load=fails, sha256="0" * 64), tmp_path / "out")
    assert tables(tmp_path / "out") == before


@pytest.mark.parametrize("model", ["by_model('demo')", "by_names(['walking', 'grazing'])"])
def test_a_model_whose_weights_are_a_file_is_known_without_an_import_of_models_and_figures(model):
    slow = {"open_clip", "torchvision", "transformers", "matplotlib", "seaborn", "sklearn"}
    code = "import sys, numpy; from amc.ethogram import finished, predict, predictor; "
    code += f"found = predictor.{model}; "
    if model.startswith("by_names"):  # the other one has flow, whose code imports torchvision
        code += "finished.run_id(finished.run_facts(found, [], {}, numpy.ones(2))); "
    code += f"print(*({slow} & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_other_videos_extend_the_tables_also_those_of_the_same_name(card, films, seen, video_predictor, tmp_path):
    (tmp_path / "card 2").mkdir()
    shutil.copy(films / "film 1.mp4", tmp_path / "card 2" / "a.mp4")
    run([card / "a.mp4"], video_predictor, tmp_path / "out")
    report = run([tmp_path / "card 2", card / "a.mp4"], video_predictor, tmp_path / "out")
    assert [row["video"] for row in report.done] == ["a", "a.mp4"] and seen == ["a", "a"]
    report = run([card / "b.mp4"], video_predictor, tmp_path / "out")
    assert set(pd.read_csv(tmp_path / "out/time_budget.csv")["video"]) == {"a", "a.mp4", "b"} and len(seen) == 3
    project = json.loads((tmp_path / "out/predictions.untrusted.boris").read_text())
    assert list(project["observations"]) == ["a", "a.mp4", "b"] == [row["video"] for row in report.done]


def test_what_has_changed_is_predicted_again_and_what_has_moved_is_not(card, films, seen, video_predictor, tmp_path):
    run([card], video_predictor, tmp_path / "out")
    shutil.copy(films / "film 1.mp4", card / "a.mp4")  # other content
    next((tmp_path / "out").glob("b*_bouts.csv")).unlink()
    card = card.rename(tmp_path / "archive")
    (tmp_path / "card").mkdir()
    shutil.copy(films / "film 0.mp4", tmp_path / "card" / "a.mp4")
    seen.clear()
    report = run([card, tmp_path / "card"], video_predictor, tmp_path / "out")
    assert sorted(seen) == ["a", "b"] and report.before == ["c", "a"]  # the old a was copied back
    places = {row["video"]: row["file"] for row in report.done}
    assert places == {
        "a": str(tmp_path / "card/a.mp4"), "a.mp4": str(card / "a.mp4"), "b": str(card / "b.mp4"),
        "c": str(card / "c.mp4"),
    }  # fmt: skip
    project = json.loads((tmp_path / "out/predictions.untrusted.boris").read_text())
    assert project["observations"]["c"]["file"]["1"] == [str(card / "c.mp4")]


def test_a_name_that_is_no_utf_8_is_not_that_of_its_escaped_form(films, seen, video_predictor, tmp_path):
    places = [os.fsdecode(os.fsencode(tmp_path) + name) for name in (b"/\xe8.mp4", b"/\\xe8.mp4")]
    for number, place in enumerate(places):
        shutil.copy(films / f"film {number}.mp4", place)
        report = run([place], video_predictor, tmp_path / "out")
    assert [row["frames"] for row in report.done] == [12, 13] and len(seen) == 2
    assert {row["file"] for row in report.done} == {str(tmp_path / "\\xe8.mp4")}  # as people read both
    report = run(places, video_predictor, tmp_path / "out")
    assert len(report.before) == 2 and len(seen) == 2
    (tmp_path / "moved").mkdir()
    moved = [shutil.move(place, tmp_path / "moved") for place in places]
    assert len(run(moved, video_predictor, tmp_path / "out").before) == 2 and len(seen) == 2
    copied = [shutil.copy(moved[0], tmp_path), *moved]
    assert len(run(copied, video_predictor, tmp_path / "out").done) == 3 and len(seen) == 3


def test_a_card_with_the_names_of_another_one_is_told(card, films, seen, video_predictor, tmp_path):
    run([card / "a.mp4"], video_predictor, tmp_path / "out")
    shutil.copy(films / "film 1.mp4", card / "a.mp4")
    lines = []
    report = run([card / "a.mp4"], video_predictor, tmp_path / "out", lines.append)
    assert seen == ["a", "a"] and "another content than before, so predicted again: a" in lines
    assert lines[0].startswith("stamp: RANDOM WEIGHTS")
    assert [row["frames"] for row in report.done] == [13]


def test_two_runs_never_stand_in_one_table(card, seen, video_predictor, tmp_path):
    run([card], video_predictor, tmp_path / "out")
    with pytest.raises(AmcError, match=r"holds 2 videos \(b, c\) of another model, other options .* give them again"):
        run([card / "a.mp4"], video_predictor, tmp_path / "out", threshold=0.02)
    assert len(seen) == 3 and (tmp_path / "out/bouts.csv").is_file()
    lines = []
    report = run([card], video_predictor, tmp_path / "out", lines.append, threshold=0.02, bin_seconds=1)
    assert len(seen) == 6 and not report.before
    assert "other options than before (threshold, bin): all videos are predicted again" in lines
    [bouts] = (tmp_path / "out").glob("a.*_bouts.csv")
    bouts.unlink()
    run([card], video_predictor, tmp_path / "out", lines.append, threshold=0.02, bin_seconds=1)
    assert "files that changed, so predicted again: a" in lines and len(seen) == 7
    assert set(pd.read_csv(tmp_path / "out/bouts.csv")["run"]) == {report.run}


def test_the_command_says_what_was_done_before(card, run_folder, tmp_path, capsys):
    given = ["predict", str(card / "a.mp4"), "--model", str(run_folder), "--out", str(tmp_path / "out")]
    given += ["--threshold", "0.01", "--seconds", "9", "--stride", "9"]
    assert main(given) == main(given) == 0
    told = capsys.readouterr().out
    assert "1 of 1 videos were done before" in told and "1 videos done, 0 failed, 1 were done before" in told
