"""Rules of each behaviour: a small table, with the command's own values where it says nothing."""

import json
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from test_cuts import scenes

from amc.__main__ import main
from amc.base.errors import AmcError
from amc.ethogram import predict, timeline
from amc.ethogram.bouts import Bout, Rules, find
from amc.ethogram.options import read_rules
from amc.synth import generate

TABLE = "behaviour,threshold,min_bout,max_gap\nWalking,0.8,,0\nEating,,0.2,\n"


@pytest.fixture
def table(tmp_path):
    (tmp_path / "rules.csv").write_text(TABLE)
    return tmp_path / "rules.csv"


def test_each_behaviour_has_its_own_rules_and_the_others_those_of_the_command(table, video_predictor):
    rules, own = read_rules(table, Rules(1, 0.3, 0.1))
    assert own == {"Walking": 0.8} and predict.thresholds(video_predictor, 0.5, own).tolist() == [0.8, 0.5, 0.5]
    assert rules.of("Walking") == Rules(1, 0.3, 0) and rules.of("Eating") == Rules(1, 0.2, 0.1)
    assert rules.of("Keeping still") == rules
    times = timeline.edges(np.arange(10) / 10, 10)
    column = np.array([1, 1, 1, 0, 1, 1, 0, 0, 1, 1], float)  # tenths of a second
    probs = np.column_stack([column, column, column])
    found = find(probs, times, ("Walking", "Keeping still", "Eating"), 0.5, rules)
    expected = [Bout("Eating", 0, 6), Bout("Keeping still", 0, 6), Bout("Walking", 0, 3), Bout("Eating", 8, 10)]
    assert found == expected


def test_a_behaviour_without_validation_needs_its_threshold(table, video_predictor):
    unknown = replace(video_predictor, threshold=None)
    with pytest.raises(AmcError, match="no val.npz"):
        predict.thresholds(unknown, 0, {"Walking": 0.8})
    own = {"Walking": 0.8, "Keeping still": 0.2, "Eating": 0.3}
    assert predict.thresholds(unknown, 0, own).tolist() == [0.8, 0.2, 0.3]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("behaviour,threshold\nWalking,2\n", "rules.csv:2: threshold '2' is not allowed; give a probability above 0"),
        ("behaviour,min_bout\nWalking,-1\n", "rules.csv:2: min_bout '-1' is not allowed; give seconds from 0"),
        ("behaviour,max_gap\nWalking,long\n", "rules.csv:2: max_gap 'long' is not allowed"),
        ("behaviour,max_gap\nWalking,1\nWalking,2\n", "rules.csv:3: 'Walking' is there twice"),
        ("behaviour,max_gap\n,1\n", "rules.csv:2: names no behaviour"),
        ("name,max_gap\nWalking,1\n", "rules.csv: is no table of rules; give a CSV with the columns behaviour,thre"),
        ("Walking:\n  max_gap: 1\n", "rules.csv: is no table of rules; give a CSV with the columns behaviour,thresh"),
        ("behaviour,max_gap\nFlying,1\n", "'Flying' is no behaviour of the model; choose from: a, b"),
    ],
)
def test_a_wrong_table_is_told_in_one_line(text, said, table, tmp_path, capsys):
    table.write_text(text)
    (tmp_path / "fox.mp4").touch()
    given = ["predict", str(tmp_path / "fox.mp4"), "--behaviours", "a,b", "--rules", str(table)]
    assert main([*given, "--pretrained", "random", "--out", str(tmp_path / "out")]) == 2
    error = capsys.readouterr().err
    assert said in error and error.count("\n") == 1


def test_the_run_tells_its_rules_and_its_table_can_be_given_again(table, run_folder, video_predictor, tmp_path):
    generate.write_video(tmp_path / "film.mp4", iter(scenes(12)))
    given = ["predict", str(tmp_path / "film.mp4"), "--model", str(run_folder), "--min-bout", "0.3"]
    assert main([*given, "--rules", str(table), "--bin", "600", "--out", str(tmp_path / "out")]) == 0
    bins = pd.read_csv(tmp_path / "out/time_bins.csv").drop(columns=["Bin start (s)", "Bin stop (s)"])
    assert bins.equals(pd.read_csv(tmp_path / "out/time_budget.csv")) and len(bins) == 3
    found = pd.read_csv(tmp_path / "out/behaviours.csv").set_index("behaviour")
    common = 1 / (1 + np.exp(-1))
    assert found["threshold"].tolist() == pytest.approx([0.8, common, common])
    assert found["min_bout"].tolist() == [0.3, 0.3, 0.2] and found["max_gap"].tolist() == [0, 0.5, 0.5]
    assert found["threshold_from"]["Walking"] == "its own rules"
    options = json.loads((tmp_path / "out/report.json").read_text())["options"]
    assert options["rules"]["each"]["Eating"]["min_seconds"] == 0.2 and options["own_threshold"] == {"Walking": 0.8}
    again, own = read_rules(tmp_path / "out/behaviours.csv", Rules())
    assert [own[name] for name in video_predictor.names] == found["threshold"].tolist()
    assert again.of("Eating") == Rules(0.8, 0.2, 0.5) and again.of("Walking") == Rules(0.8, 0.3, 0)
