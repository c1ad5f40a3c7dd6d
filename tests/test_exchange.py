"""Files of V-TRACE, FERAL and NWB: what others write is read as they meant it, and what is written is read back."""

import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from test_ethogram import edges_at

from amc.__main__ import main
from amc.base.errors import AmcError
from amc.ethogram import annotations, comparison, exports, inputs
from amc.ethogram.bouts import Rules
from amc.ethogram.events import PREDICTED
from amc.ethogram.formats import nwb
from amc.ethogram.matching import UNTRUSTED
from amc.ethogram.record import Ethogram

V_TRACE = """# trace-meta: {"classes": ["grooming"]}
labelId, timestamp, endTimestamp, score, review
grooming,12.430,18.970,0.9,accepted
rearing,42.100,45.650,0.4,rejected
"""
FERAL = {  # as BORIS 10.0.2 exports it
    "is_multilabel": False,
    "splits": {"train": ["fox.mp4"], "val": [], "test": [], "inference": []},
    "class_names": {"0": "other", "1": "graze", "2": "walk"},
    "labels": {"fox.mp4": [0, 1, 1, 2, 0, 1], "owl.mp4": [0, 0]},
}


@pytest.fixture
def shown() -> Ethogram:
    probs = np.zeros((60, 2), np.float32)
    probs[:30, 1], probs[20:45, 0] = 0.75, 1
    edges = edges_at(30, 60)
    return Ethogram(
        "fox", "fox.mp4", 30.0, edges, ("graze", "walk"), probs, np.full(2, 0.5), Rules(1, 0, 0), "FEW CLIPS"
    )


def bouts(path, shown) -> list:
    found = annotations.read(path)
    assert found.predicted and {event.video for event in found.events} <= {"fox", "fox.mp4"}
    return annotations.bouts(found.events, shown.edges)


def test_a_file_of_v_trace_is_of_the_video_of_its_name_and_without_what_was_rejected(tmp_path):
    (tmp_path / "fox.csv").write_text(V_TRACE)
    (tmp_path / "owl.pred.csv").write_text("labelId,timestamp,endTimestamp,score\ngrooming,1,2,0.9\n")
    found = annotations.read(tmp_path)
    [event] = found.of("fox.mp4")
    assert (event.behaviour, event.first, event.stop, event.timed) == ("grooming", 12.43, 18.97, True)
    assert [*found.predicted] == ["owl"]  # nobody has reviewed it
    with pytest.raises(AmcError, match="holds of owl.mp4 a model's prediction that nobody has corrected"):
        found.of("owl.mp4")


def test_v_trace_gets_its_header_seconds_and_scores(shown, tmp_path):
    text = exports.FILES["vtrace.csv"](shown)
    assert text.splitlines() == ["labelId,timestamp,endTimestamp,score", "walk,0.0,1.0,0.75", "graze,0.666667,1.5,1.0"]
    (tmp_path / "fox_vtrace.csv").write_text(text)
    assert bouts(tmp_path / "fox_vtrace.csv", shown) == shown.bouts


def test_what_boris_exports_for_feral_is_a_class_per_frame_and_other_is_none(tmp_path):
    (tmp_path / "feral.json").write_text(json.dumps(FERAL))
    found = annotations.read(tmp_path)
    assert found.behaviours == ("graze", "walk") and not found.predicted
    assert [(e.behaviour, e.first, e.stop) for e in found.of("fox.mp4")] == [
        ("graze", 1, 3), ("graze", 5, 6), ("walk", 3, 4)
    ]  # fmt: skip
    assert found.of("owl.mp4") == () and found.labelled_frames("owl").tolist() == [True, True]


def test_feral_gets_labels_that_it_accepts_and_they_are_read_back(shown, tmp_path):
    (tmp_path / "fox_feral.json").write_text(exports.FILES["feral.json"](shown))
    found = json.loads((tmp_path / "fox_feral.json").read_text())
    # FERAL 1.0.2, validate_labels_json: these keys, numbers as text from 0, as many 0 and 1 as classes, known splits
    assert found.keys() >= {"class_names", "is_multilabel", "labels", "splits"} and found["is_multilabel"] is True
    assert found["class_names"] == {"0": "graze", "1": "walk"} and found["splits"]["inference"] == ["fox.mp4"]
    assert found["labels"]["fox.mp4"][25:31] == [[1, 1]] * 5 + [[1, 0]]
    assert bouts(tmp_path / "fox_feral.json", shown) == shown.bouts


def test_feral_itself_accepts_the_labels(shown):
    """Its package has no writer, but a check of what it is given; pip install feral==1.0.2 --no-deps."""
    utils = pytest.importorskip("feral.utils")
    utils.validate_labels_json(json.loads(exports.FILES["feral.json"](shown)), None)
    with pytest.raises(ValueError, match="class_names"):
        utils.validate_labels_json(FERAL | {"class_names": {"1": "walk"}}, None)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"labels": {"fox.mp4": [0, 7]}}, "fox.mp4 has labels of other classes"),
        ({"labels": {"fox.mp4": [0, "walk"]}}, "no sound file of FERAL"),
        ({"labels": {"fox.mp4": [0, 3]}}, "fox.mp4 has labels of other classes, expected a number of 0 to 2"),
        ({"labels": {"fox.mp4": [0, -1]}}, "fox.mp4 has labels of other classes"),
        ({"is_multilabel": True, "labels": {"fox.mp4": [[0, 0, 2]]}}, "other classes, expected 3 numbers of 0 to 1"),
        ({"class_names": {"1": "walk"}}, "no sound file of FERAL"),
        ({"labels": 3}, "no sound file of FERAL"),
        ({"is_multilabel": True, "labels": {"fox.mp4": [[0, 1]]}}, "fox.mp4 has labels of other classes"),
    ],
)
def test_labels_that_do_not_fit_their_classes_are_refused(change, said, tmp_path):
    (tmp_path / "feral.json").write_text(json.dumps(FERAL | change))
    with pytest.raises(AmcError, match=said):
        annotations.read(tmp_path / "feral.json")


def test_other_json_in_a_folder_is_left_out(tmp_path):
    (tmp_path / "config.json").write_text('{"a": 1}')
    (tmp_path / "feral.json").write_text(json.dumps(FERAL))
    assert any("config.json: left out" in note for note in annotations.read(tmp_path).notes)


def test_an_nwb_file_has_what_its_extension_defines_and_is_read_back(shown, tmp_path):
    pytest.importorskip("ndx_ethogram")
    from pynwb import NWBHDF5IO

    whole = nwb.write(shown, tmp_path / "fox.mp4", tmp_path / "fox_bouts.nwb")
    assert bouts(whole, shown) == shown.bouts
    track = replace(shown, subject="left one", span=(0.5, 1.5))
    part = nwb.write(track, tmp_path / "fox.mp4", tmp_path / "part.nwb")
    with NWBHDF5IO(str(part), "r") as file:
        table = file.read().processing["behavior"]["bouts"]
        assert table.labeling_method == "automated" and "FEW CLIPS" in table.description
        assert table.ethogram["behavior"][:].tolist() == ["graze", "walk"]
        assert table.observation_intervals["stop_time"][:].tolist() == [1.5]
    found = annotations.read(part)
    assert found.subjects == ("left one",) and found.media == ("fox.mp4",)
    assert found.labelled == {"fox.mp4": ((0.5, 1.5),)}
    assert any("fox.mp4: observed from 0.5 to 1.5 s (NWB's observation intervals)" in note for note in found.notes)
    (tmp_path / "broken.nwb").write_bytes(whole.read_bytes()[:3000])
    with pytest.raises(AmcError, match="no sound NWB file"):
        annotations.read(tmp_path / "broken.nwb")


def test_an_nwb_file_of_a_video_whose_first_frame_is_late_has_the_times_of_the_video(shown, tmp_path):
    pytest.importorskip("ndx_ethogram")
    late = replace(shown, edges=shown.edges + 0.4)
    path = nwb.write(late, tmp_path / "fox.mp4", tmp_path / "fox_bouts.nwb")
    found = annotations.read(path)
    assert annotations.bouts(found.events, late.edges) == late.bouts
    assert [event.first for event in found.events] == pytest.approx([0.4, 0.4 + 20 / 30])
    assert found.labelled == {"fox.mp4": ((0.0, pytest.approx(2.4)),)}  # all of it was looked at, and the file says so


def nwb_file(path, tables: dict[str, list], *, intervals: list = (), begin: float = 0.0) -> Path:
    """Tables of bouts (label, start, stop) by their labeling_method, of a video that begins at `begin`."""
    from ndx_ethogram import EthogramBouts
    from pynwb import NWBHDF5IO, NWBFile
    from pynwb.epoch import TimeIntervals
    from pynwb.image import ImageSeries

    file = NWBFile("study", "fox", nwb.UNDATED)
    when = {"rate": 30.0, "num_samples": 60, "starting_time": begin}
    film = ImageSeries(name="film", external_file=["fox.mp4"], format="external", unit="n.a.", **when)
    file.add_acquisition(film)
    module = file.create_processing_module("behavior", "bouts")
    observed = TimeIntervals(name="observation_intervals", description="observed")
    for first, stop in intervals:
        observed.add_interval(start_time=first, stop_time=stop)
    if intervals:
        module.add(observed)
    for method, rows in tables.items():
        facts = {
            "labeling_method": method,
            "source_video": film,
            "observation_intervals": observed if intervals else None,
        }
        bouts = EthogramBouts(name=f"bouts_{method}", description="bouts", **facts)
        for label, first, stop in rows:
            bouts.add_row(label=label, start_time=first, stop_time=stop)
        module.add(bouts)
    with NWBHDF5IO(str(path), "w") as io:
        io.write(file)
    return path


def test_outside_of_nwb_s_observation_intervals_nothing_counts(shown, tmp_path):
    pytest.importorskip("ndx_ethogram")
    given = {"intervals": [(100.0, 100.5), (101.0, 101.5)], "begin": 100.0}  # seconds of the session
    found = annotations.read(nwb_file(tmp_path / "fox.nwb", {"manual": [("walk", 100.2, 100.5)]}, **given))
    assert found.labelled == {"fox.mp4": ((0, 0.5), (1, 1.5))} and not found.predicted
    _, counted = comparison.events_of(shown, found)
    assert np.flatnonzero(counted).tolist() == [*range(15), *range(30, 45)]


@pytest.mark.parametrize(("method", "is_predicted"), [("automated", True), ("manual", False), ("curated", False)])
def test_nwb_says_whether_a_human_has_labelled(method, is_predicted, tmp_path):
    pytest.importorskip("ndx_ethogram")
    found = annotations.read(nwb_file(tmp_path / "fox.nwb", {method: [("walk", 0.2, 0.5)]}))
    assert [*found.predicted] == ["fox.mp4"] * is_predicted
    both = annotations.read(nwb_file(tmp_path / "b.nwb", {"automated": [("walk", 0, 1)], "manual": [("walk", 0.5, 1)]}))
    assert [event.first for event in both.of("fox.mp4")] == [0.5] and "tables of bouts are left out" in both.notes[0]


def test_without_the_package_nwb_is_refused_in_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setitem(sys.modules, "ndx_ethogram", None)
    (tmp_path / "fox.mp4").touch()
    assert main(["predict", str(tmp_path), "--behaviours", "a,b", "--nwb", "--out", str(tmp_path / "out")]) == 2
    assert "nwb: NWB files need the package ndx-ethogram; python -m pip install" in capsys.readouterr().err


def export(shown, name, path) -> None:
    """Write one of our files by the ending of its name."""
    if name == nwb.ENDING:
        pytest.importorskip("ndx_ethogram")
        nwb.write(shown, path.with_name("fox.mp4"), path)
    else:
        path.write_text(exports.FILES[name](shown))


@pytest.mark.parametrize("mark", ["", ".untrusted"])
@pytest.mark.parametrize("name", sorted({*exports.FILES, nwb.ENDING} - {"budget.csv", "boris_paste.tsv"}))
def test_a_file_of_ours_is_of_the_video_of_its_name_also_with_a_stamp(name, mark, shown, tmp_path):
    path = tmp_path / f"fox{mark}_{name.removeprefix('_')}"
    export(shown, name, path)
    found = annotations.read(path)
    named = {"fox": tmp_path / "fox.mp4", "owl": tmp_path / "owl.mp4"}
    assert {*found.among(named).meant.written} == {"fox"}


UNMARKED = {"predictions.csv", "labels.csv", "bouts.csv"}  # formats without any field, by a model without a stamp


@pytest.mark.parametrize("stamp", ["", "FEW CLIPS"])
@pytest.mark.parametrize("name", sorted({*exports.FILES} - {"budget.csv", "boris_paste.tsv"}))
def test_outside_its_folder_a_file_of_ours_is_a_prediction_as_far_as_it_can_say_so(name, stamp, shown, tmp_path):
    mark = UNTRUSTED if stamp else ""
    (tmp_path / f"fox{mark}_{name}").write_text(exports.FILES[name](replace(shown, stamp=stamp)))
    found = annotations.read(tmp_path)
    assert bool(found.predicted) == (bool(stamp) or name not in UNMARKED)
    if found.predicted:
        with pytest.raises(AmcError, match="holds of fox a model's prediction .*; correct it, then"):
            found.of("fox")


def test_the_table_of_all_bouts_is_a_prediction_wherever_it_lies(shown, tmp_path):
    (tmp_path / "mine.csv").write_text(exports.text(exports.tidy(shown)))
    found = annotations.read(tmp_path / "mine.csv")
    assert found.predicted == {"fox": "delete its column mean_prob"}


def test_of_a_table_of_boris_only_observations_that_are_not_marked_count(shown, tmp_path):
    ours = exports.aggregated(shown)
    corrected = exports.aggregated(replace(shown, video="owl", file="owl.mp4")).assign(**{"Comment start": "seen"})
    as_exported = ours.assign(**{"Comment start": "", "Description": f"{PREDICTED}. When you have"})
    for number, table in enumerate((ours, as_exported)):  # the second: BORIS's export of our project
        path = tmp_path / f"{number}.tsv"
        path.write_text(exports.text(pd.concat([table, corrected]), separator="\t"))
        found = annotations.read(path)
        assert [*found.predicted] == ["fox.mp4"] and annotations.bouts(found.of("owl.mp4"), shown.edges) == shown.bouts


@pytest.mark.parametrize("name", sorted({*exports.FILES, nwb.ENDING} - {"budget.csv", "boris_paste.tsv"}))
def test_a_file_of_one_animal_is_of_its_video_and_subject(name, shown, tmp_path):
    for who in ("left_1", "right"):
        track = replace(shown, subject=who, span=(0.0, 1.5))
        export(track, name, tmp_path / f"{track.name}_{name.removeprefix('_')}")
    named = {"fox": tmp_path / "fox.mp4", "owl": tmp_path / "owl.mp4"}
    whole = replace(annotations.read(tmp_path), predicted={}).among(named)  # as if a human had corrected them
    assert whole.subjects == ("left_1", "right") and {*whole.meant.written} == {"fox"}
    for who in whole.subjects:
        own, counted = comparison.events_of(replace(shown, subject=who, span=(0.0, 1.5)), whole, who)
        assert annotations.bouts(own, shown.edges) == shown.bouts and counted.sum() == 45


def test_each_of_these_files_is_one_of_the_video(shown):
    assert {"_vtrace.csv", "_feral.json", nwb.ENDING} <= {*inputs.ENDINGS}
    assert list(pd.read_csv(io.StringIO(exports.FILES["vtrace.csv"](shown)))["score"]) == [0.75, 1.0]
