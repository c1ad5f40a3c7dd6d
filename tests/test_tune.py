"""Settings for `predict` from annotated videos: the best one is found, and only what the human looked for counts."""

from functools import partial

import numpy as np
import pytest

from amc.__main__ import main
from amc.base.errors import AmcError
from amc.ethogram import annotations, inputs, tune
from amc.ethogram.bouts import Bout, Rules
from amc.ethogram.record import Ethogram
from amc.ethogram.timeline import SlidingWindow

HEAD = "Video,Event,Start_time,End Time,Start_frame,End_frame,Bout_time\n"


def shown(*levels: float, names: tuple[str, ...] = ("walk", "eat")) -> Ethogram:
    """A second of each level of the first behaviour, at 10 frames per second; the others are never seen."""
    probs = np.zeros((10 * len(levels), len(names)))
    probs[:, 0] = np.repeat(levels, 10)
    edges = np.arange(len(probs) + 1) / 10
    return Ethogram("fox", "fox.mp4", 10.0, edges, names, probs, np.ones(len(names)), Rules(0.8, 0.5, 0))


def test_the_threshold_between_bouts_and_false_alarms_is_found_and_the_sharper_window_preferred():
    human = [Bout("walk", 10, 20), Bout("walk", 30, 40), Bout("eat", 0, 10)]
    sharp, blurred = shown(0.32, 0.71, 0.12, 0.62, 0.33), shown(0.61, 0.71, 0.62, 0.62, 0.33)
    found = tune.choose({SlidingWindow(2, 0.5): [(blurred, human)], SlidingWindow(1, 0.25): [(sharp, human)]})
    assert found.sliding == SlidingWindow(1, 0.25) and found.threshold == 0.6  # the highest with both bouts
    assert found.bout_f1 == pytest.approx(4 / 5) and found.options == "--seconds 1 --stride 0.25 --threshold 0.6"
    row = found.table.query("seconds == 1 and threshold == 0.3").iloc[0]
    assert (row.human_bouts, row.model_bouts, row.matched) == (3, 2, 2) and len(found.table) == 38


def test_what_the_human_did_not_look_for_is_neither_right_nor_wrong(tmp_path):
    (tmp_path / "fox_labels.csv").write_text(
        "\n".join([",background,Walk", *(f"{k},0,{[1, -1][k > 9]}" for k in range(30))])
    )
    limited, bouts = tune.beside(shown(0.9, 0.9, 0.9), annotations.read(tmp_path / "fox_labels.csv"))
    assert limited.names == ("walk",) and bouts == [Bout("walk", 0, 10)]
    assert limited.at(0.5).bouts == bouts  # no prediction where the human has labelled nothing


def test_the_command_names_options_for_predict_and_says_what_it_leaves_out(films, run_folder, tmp_path, capsys):
    (tmp_path / "human.csv").write_text(f"{HEAD}film 0,Walking,0,9,0,999,9\n")
    call = ["tune", str(films), "--model", str(run_folder), "--human", str(tmp_path / "human.csv")]
    assert main(call) == 0
    said = capsys.readouterr().out
    assert "for predict: --seconds" in said and "film 1: left out" in said
    assert said.startswith("stamp: RANDOM WEIGHTS")
    (tmp_path / "human.csv").write_text(f"{HEAD}film 0,Walking,0,1,0,1,1\n")
    assert main(call) == 2  # two frames, where the model sees whole seconds
    said = capsys.readouterr()
    assert "none of these settings finds a bout" in said.err and "for predict" not in said.out
    (tmp_path / "human.csv").write_text(f"{HEAD}other,Walking,0,1,0,23,1\n")
    assert main(call) == 2 and "no bout of the model's behaviours is known" in capsys.readouterr().err
    (tmp_path / "human.csv").write_text("Behavior,Start (s),Stop (s)\nWalking,0,1\n")
    assert main(call) == 2 and "human.csv: names no video, but there are 2; export it" in capsys.readouterr().err


def test_a_model_is_not_tuned_on_predictions(films, run_folder, tmp_path, capsys):
    (tmp_path / "film 0.pred.csv").write_text("labelId,timestamp,endTimestamp,score\nWalking,0,9,0.9\n")
    call = ["tune", str(films), "--model", str(run_folder), "--human", str(tmp_path / "film 0.pred.csv")]
    assert main(call) == 2
    said = capsys.readouterr()
    assert "film 0.pred.csv: a model's predictions that nobody has corrected are left out, of film 0;" in said.out
    assert "no bout of the model's behaviours is known" in said.err


def test_videos_without_a_bout_are_refused(films, video_predictor, tmp_path):
    (tmp_path / "human.csv").write_text(f"{HEAD}film 0,Flying,0,1,0,23,1\n")
    human = annotations.read(tmp_path / "human.csv")
    with pytest.raises(AmcError, match="no bout of the model's behaviours"):
        tune.tune(inputs.videos([films]).named, video_predictor, partial(tune.beside, human=human), Rules(), log=print)
