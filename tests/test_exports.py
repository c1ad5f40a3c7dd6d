"""Each export is read back in its own convention and is what was written; a stamp stands on each that has a place."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_ethogram import NAMES, RATES, edges_at

from amc.base.errors import AmcError
from amc.ethogram import annotations, exports
from amc.ethogram.bouts import Rules, from_frames
from amc.ethogram.record import Ethogram


@pytest.fixture(params=[*RATES.values(), "variable"], ids=[*RATES, "variable"])
def shown(request) -> Ethogram:
    edges = edges_at(request.param, 301)
    probs = np.repeat(np.random.default_rng(2).random((31, 2)), 10, axis=0)[:301].astype(np.float32)
    rate = 30.0 if request.param == "variable" else float(request.param)
    return Ethogram("fox", "fox.mp4", rate, edges, NAMES, probs, np.full(2, 0.5), Rules(0.8, 0, 0))


def test_every_file_has_a_row_a_frame_or_a_bout_and_is_read_back_equal(shown, tmp_path):
    paths = {path.name.removeprefix("fox_"): path for path in exports.write(shown, tmp_path, stem="fox")}
    assert set(paths) == set(exports.FILES)
    for name in ("boris.tsv", "bouts.csv", "predictions.csv"):
        found = annotations.read(paths[name])
        assert {*found.among({"fox": Path("fox.mp4")}).meant.written} == {"fox"}
        assert annotations.bouts(found.events, shown.edges) == shown.bouts
    assert len(pd.read_csv(paths["frames.csv"])) == shown.num_frames == 301


def test_every_time_is_that_of_its_frame(shown):
    found = {name: text(shown) for name, text in exports.FILES.items()}
    simba, boris = pd.read_csv(io.StringIO(found["bouts.csv"])), pd.read_csv(io.StringIO(found["boris.tsv"]), sep="\t")
    pasted = pd.read_csv(io.StringIO(found["boris_paste.tsv"]), sep="\t", header=None)
    tidy, budget = exports.tidy(shown), pd.read_csv(io.StringIO(found["budget.csv"]))
    for times, frames in (
        (simba["Start_time"], simba["Start_frame"]),
        (simba["End Time"], simba["End_frame"] + 1),
        (boris["Start (s)"], boris["Image index start"]),
        (boris["Stop (s)"], boris["Image index stop"]),
        (pasted[0], pasted[5]),
        (tidy["start_s"], tidy["start_frame"]),
        (tidy["stop_s"], tidy["stop_frame"]),
    ):
        assert len(times) > 4 and np.abs(times - shown.edges[frames]).max() <= 5.1e-7
    for lasts, start, stop in (
        (simba["Bout_time"], simba["Start_frame"], simba["End_frame"] + 1),
        (tidy["duration_s"], tidy["start_frame"], tidy["stop_frame"]),
    ):
        assert np.abs(lasts - (shown.edges[stop] - shown.edges[start])).max() <= 5.1e-7
    seconds = np.diff(shown.edges) @ shown.frames
    assert budget["Total duration (s)"].to_numpy() == pytest.approx(seconds, abs=6e-4)  # to the millisecond


def test_frames_are_exact_in_index_and_time(shown):
    table = pd.read_csv(io.StringIO(exports.FILES["frames.csv"](shown)))
    assert table["frame"].tolist() == list(range(301))
    assert np.abs(table["time_s"] - shown.edges[:-1]).max() <= 5e-7  # written to the microsecond
    assert from_frames(table[list(NAMES)].to_numpy() == 1, NAMES) == sorted(shown.bouts)


def test_deepethogram_has_an_unnamed_index_and_background_first(shown):
    text = exports.FILES["predictions.csv"](shown)
    table = pd.read_csv(io.StringIO(text), index_col=0)
    assert text.startswith(",background,graze,walk\n0,")
    assert (table["background"] == 1 - table[list(NAMES)].max(axis=1)).all()


def test_deepethogram_finds_its_labels_by_their_name(shown, tmp_path):
    written = [path.name for path in exports.write(shown, tmp_path, stem="fox")]
    found = [name for name in written if name.endswith(".csv") and ("label" in name or "score" in name)]  # its search
    assert found == ["fox_labels.csv"]
    assert (tmp_path / "fox_labels.csv").read_text() == (tmp_path / "fox_predictions.csv").read_text()


def test_simba_counts_the_last_frame_in_and_ends_after_it():
    probs = np.zeros((60, 2), np.float32)
    probs[:30, 1] = 1
    shown = Ethogram("fox", "fox.mp4", 30.0, edges_at(30, 60), NAMES, probs, np.full(2, 0.5), Rules(1, 0, 0))
    assert exports.FILES["bouts.csv"](shown).splitlines() == [
        "Video,Event,Start_time,End Time,Start_frame,End_frame,Bout_time",
        "fox,walk,0.0,1.0,0,29,1.0",  # as SimBA's own sample has it
    ]


def test_boris_gets_its_own_columns_and_its_plugins_find_what_they_need(shown):
    table = pd.read_csv(io.StringIO(exports.FILES["boris.tsv"](shown)), sep="\t")
    assert list(table.columns) == list(exports.AGGREGATED)
    assert (table["Behavior type"] == "STATE").all() and (table["Subject"] == "No focal subject").all()
    assert np.allclose(table["Stop (s)"] - table["Start (s)"], table["Duration (s)"], atol=2e-6)
    assert [tuple(row) for row in table[["Image index start", "Image index stop"]].to_numpy()] == [
        (bout.start, bout.stop) for bout in shown.bouts
    ]


def test_what_is_pasted_into_boris_has_six_columns_in_every_line_and_pairs(shown):
    text = exports.FILES["boris_paste.tsv"](shown)
    rows = [line.split("\t") for line in text.split("\n")]  # a newline at the end would be a line of one column
    assert {len(row) for row in rows} == {6} and len(rows) == 2 * len(shown.bouts)
    times = [float(row[0]) for row in rows]
    assert times == sorted(times)
    for name in NAMES:
        frames = [int(row[5]) for row in rows if row[2] == name]
        assert list(zip(frames[::2], frames[1::2], strict=True)) == [
            (bout.start, bout.stop) for bout in shown.bouts if bout.behaviour == name
        ]


def test_the_time_budget_is_boris_s_and_says_na_where_nothing_can_be_computed():
    probs = np.zeros((10, 2), np.float32)
    probs[2:5, 0] = 1
    shown = Ethogram("fox", "fox.mp4", 10.0, edges_at(10, 10), NAMES, probs, np.full(2, 0.5), Rules(1, 0, 0))
    first, second = exports.FILES["budget.csv"](shown).splitlines()[1:]
    assert first == "No focal subject,graze,,1,0.3,0.3,NA,NA,NA,30.0"
    assert second == "No focal subject,walk,,0,0.0,NA,NA,NA,NA,0.0"


def test_the_tidy_table_has_frames_times_and_scores(shown):
    table = exports.tidy(shown)
    assert list(table.columns) == list(exports.TIDY) and len(table) == len(shown.bouts)
    first, row = shown.bouts[0], table.iloc[0]
    column = shown.names.index(first.behaviour)
    assert row["max_prob"] == pytest.approx(shown.probs[first.start : first.stop, column].max(), abs=1e-4)
    assert row["stop_s"] == pytest.approx(shown.edges[first.stop], abs=1e-6)


def test_a_stamp_stands_wherever_a_format_has_a_place_for_it(shown):
    stamped = replace(shown, stamp="RANDOM WEIGHTS")
    for name in ("frames.csv", "boris.tsv", "boris_paste.tsv", "budget.csv"):
        lines = exports.FILES[name](stamped).splitlines()
        assert all("RANDOM WEIGHTS" in line for line in lines[0 if "paste" in name else 1 :]), name
    assert (exports.tidy(stamped)["stamp"] == "RANDOM WEIGHTS").all()


def test_a_video_without_any_bout_still_has_all_its_files(shown, tmp_path):
    empty = shown.at(2.0)
    assert empty.bouts == [] and len(exports.write(empty, tmp_path, stem="fox")) == len(exports.FILES)
    with pytest.raises(AmcError, match="has no event of any video"):  # as annotation it would say nothing
        annotations.read(tmp_path / "fox_boris.tsv")
