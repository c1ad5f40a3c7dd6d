"""BORIS's own code beside ours: what it makes of our exports, and what we read in the files that it writes.

`boris_8_27_4.json` holds what BORIS 8.27.4 gave. Where the package `boris-behav-obs` is installed, with PyQt5 and
tablib, BORIS itself runs here, without a window or a player, and has to give the same again:

    python -m venv build/boris && build/boris/bin/pip install -e '.[tables,test]' boris-behav-obs==8.27.4
    build/boris/bin/python -m pytest tests/test_boris_itself.py
"""

import copy
import importlib
import importlib.util
import io
import json
import sys
from dataclasses import replace
from decimal import Decimal
from operator import itemgetter
from pathlib import Path
from types import ModuleType, SimpleNamespace
from unittest import mock

import numpy as np
import pandas as pd
import pytest
from test_boris_project import MEDIA, PROJECT
from test_ethogram import RATES, edges_at

from amc.ethogram import annotations, exports
from amc.ethogram.bouts import Rules, from_frames
from amc.ethogram.events import PREDICTED
from amc.ethogram.formats import boris_project
from amc.ethogram.record import SUBJECT, Ethogram
from amc.synth import generate

GAVE = json.loads((Path(__file__).parent / "boris_8_27_4.json").read_text(encoding="utf-8"))
MODULES = (
    "config", "version", "db_functions", "event_operations", "export_observation", "import_observations",
    "project_functions", "time_budget_functions",
)  # fmt: skip
WALKS = [(10, 40), (90, 91), (200, 301)]
GRAZES = [(0, 25), (91, 95)]
OURS = ["graze", "walk", "rest"]
STUDY = copy.deepcopy(PROJECT)  # queued videos; two cameras; a time offset
STUDY["observations"] |= {
    "views": MEDIA | {
        "file": {"1": ["front.mp4"], "2": ["side.mp4"]},
        "media_info": {"length": {"front.mp4": 30.0, "side.mp4": 30.0}, "offset": {"1": 0.0, "2": 0.0}},
        "events": [[3.25, "dog A", "walking", "", ""], [7.5, "dog A", "walking", "", ""]],
    },
    "later": MEDIA | {
        "file": {"1": ["late.mp4"], "2": []}, "time offset": 5.0,
        "media_info": {"length": {"late.mp4": 30.0}, "offset": {"1": 0.0, "2": 0.0}},
        "events": [[6.5, "", "eating", "", ""], [8.0, "", "eating", "", ""], [9.125, "", "bite", "", ""]],
    },
}  # fmt: skip
for _one in STUDY["observations"].values():
    _one["media_info"]["fps"] = dict.fromkeys(_one["media_info"]["length"], 25.0)
for _kind in STUDY["behaviors_conf"].values():
    _kind["category"] = ""


@pytest.fixture
def shown() -> Ethogram:
    frames = np.zeros((301, 3), np.float32)
    for c, spans in enumerate([GRAZES, WALKS]):
        for start, stop in spans:
            frames[start:stop, c] = 1
    edges = edges_at(RATES["29.97"], 301)
    return Ethogram("fox", "fox.mp4", 29.97, edges, tuple(OURS), frames, np.full(3, 0.5), Rules(1, 0, 0))


@pytest.fixture(scope="module")
def boris():
    """BORIS's modules, without those of its main window; its players (mpv, sound) are never called."""
    for name in ("PyQt5", "tablib"):
        pytest.importorskip(name)
    if not (found := importlib.util.find_spec("boris")):
        pytest.skip("boris-behav-obs is not installed; what BORIS 8.27.4 gave is tested all the same")
    package = ModuleType("boris")
    package.__path__ = list(found.submodule_search_locations)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QT_QPA_PLATFORM", "offscreen")
        patch.setitem(sys.modules, "boris", package)
        for name in ("boris.mpv", "boris.mpv2", "PyQt5.QtMultimedia"):
            patch.setitem(sys.modules, name, mock.MagicMock())
        loaded = {name: importlib.import_module(f"boris.{name}") for name in MODULES}
        if (own := loaded["version"].__version__) != GAVE["version"]:
            pytest.skip(f"BORIS {own}; the recorded values are of {GAVE['version']}")
        app = importlib.import_module("PyQt5.QtWidgets").QApplication
        yield SimpleNamespace(**loaded, app=app.instance() or app([]))


def pasted(boris, text: str, names: list[str]) -> dict:
    """The project after BORIS has pasted a text into an observation's events."""
    states = {str(k): {"code": name, "type": "State event", "category": ""} for k, name in enumerate(names)}
    observation = MEDIA | {"events": [], "time offset": Decimal(0), "file": {"1": ["fox.mp4"]}}
    window = mock.MagicMock()
    window.pj = {"behaviors_conf": states, "subjects_conf": {}, "observations": {"fox": observation}}
    window.observationId, window.playerType = "fox", "MEDIA"
    boris.app.clipboard().setText(text)
    with mock.patch.object(boris.event_operations.QMessageBox, "warning", side_effect=AssertionError):
        boris.event_operations.paste_clipboard_to_events(window)
    return window.pj


def budget(boris, project: dict, names: list[str], length: float, subject: str = SUBJECT) -> list[list]:
    """BORIS's time budget of a subject of an observation, with the share of its length as BORIS rounds it."""
    cursor = boris.db_functions.load_events_in_db(project, [subject], ["fox"], names)
    chosen = {"selected subjects": [subject], "selected behaviors": names, "include modifiers": False}
    chosen |= {"exclude behaviors": False, "start time": Decimal(0), "end time": Decimal(str(length))}
    rows, _ = boris.time_budget_functions.time_budget_analysis(project["behaviors_conf"], cursor, ["fox"], chosen)
    kinds = ("number", "duration", "duration_mean", "duration_stdev", "inter_duration_mean", "inter_duration_stdev")
    return [[row["behavior"], *(row[kind] for kind in kinds)] for row in rows]


def written(boris, folder: Path, form: str) -> dict[str, Path]:
    """The study as BORIS exports it: aggregated, all observations in one file; and tabular, a file for each."""
    (folder / "study.boris").write_text(json.dumps(STUDY))
    _, _, project, _ = boris.project_functions.open_project_json(str(folder / "study.boris"))
    chosen = {"selected subjects": ["dog A", "dog B", SUBJECT], "selected behaviors": ["eating", "walking", "bite"]}
    chosen |= {"time": boris.config.TIME_FULL_OBS}
    paths = {}
    for name, observation in project["observations"].items():
        paths[name] = folder / f"{name}.{form}"
        done = boris.export_observation.export_tabular_events(
            project, chosen, name, observation, project["behaviors_conf"], str(paths[name]), form
        )
        assert done == (True, "")
    whole = importlib.import_module("tablib").Dataset(headers=[h for h in exports.AGGREGATED if h != "Modifier #1"])
    for name in project["observations"]:
        rows, _ = boris.export_observation.export_aggregated_events(project, chosen, name)
        for row in rows:
            whole.append(row)
    whole.title = "Aggregated events"
    paths["aggregated"] = folder / f"aggregated.{form}"
    assert boris.export_observation.dataset_write(whole, str(paths["aggregated"]), form) == (True, "")
    return paths


def check(found: annotations.Annotation, videos: tuple[str, ...]) -> None:
    """The events of the study, each in its own video's time; BORIS writes milliseconds."""
    truth = {
        "a.mp4": [("eating", "dog A", 8, 10), ("eating", "dog B", 9, 10)],
        "b.mp4": [("bite", "", 5, 5), ("eating", "dog A", 0, 2), ("eating", "dog B", 0, 3.5)],
        "front.mp4": [("walking", "dog A", 3.25, 7.5)],
        "side.mp4": [("walking", "dog A", 3.25, 7.5)],
        "late.mp4": [("bite", "", 4.125, 4.125), ("eating", "", 1.5, 3)],
    }
    for video in videos:
        own = sorted((event.behaviour, event.subject, event.first, event.stop) for event in found.of(video))
        assert own == truth[video], video
        assert {event.behaviour for event in found.of(video) if event.is_point} <= {"bite"}


OF = {"queue": ("a.mp4", "b.mp4"), "views": ("front.mp4", "side.mp4"), "later": ("late.mp4",)}
ALL = ("a.mp4", "b.mp4", "front.mp4", "side.mp4", "late.mp4")


def test_what_boris_wrote_is_read_as_it_meant_it(tmp_path):
    (tmp_path / "study.boris").write_text(json.dumps(STUDY))
    check(annotations.read(tmp_path / "study.boris"), ALL)
    for name, text in GAVE["files"].items():
        (tmp_path / f"{name}.tsv").write_bytes(text.encode())
        check(annotations.read(tmp_path / f"{name}.tsv"), OF.get(name, ALL))


def test_our_time_budget_is_boris_s_of_the_same_bouts(shown):
    ours = pd.read_csv(io.StringIO(exports.FILES["budget.csv"](shown)), keep_default_na=False)
    columns = [name for name in ours if name not in ("Subject", "Modifiers", "% of total length")]
    for row, theirs in zip(ours[columns].to_numpy().tolist(), GAVE["budget"], strict=True):
        assert row[0] == theirs[0]
        for one, other in zip(row[1:], theirs[1:], strict=True):  # BORIS rounds each time to the millisecond
            assert one == other if "NA" in (one, other) else float(one) == pytest.approx(float(other), abs=1.1e-3)


def test_boris_gives_what_was_recorded(boris, shown, tmp_path):
    project = pasted(boris, exports.FILES["boris_paste.tsv"](shown), OURS)
    assert budget(boris, project, OURS, float(shown.edges[-1])) == GAVE["budget"]
    files = {name: path.read_bytes().decode() for name, path in written(boris, tmp_path, "tsv").items()}
    assert files == GAVE["files"]


def test_what_boris_has_pasted_are_our_bouts(boris, shown, tmp_path):
    project = pasted(boris, exports.FILES["boris_paste.tsv"](shown), OURS)
    events = project["observations"]["fox"]["events"]
    assert len(events) == 2 * len(shown.bouts) and all(isinstance(event[0], Decimal) for event in events)
    project["observations"]["fox"] |= {"events": [[float(event[0]), *event[1:]] for event in events], "time offset": 0}
    text = json.dumps(project)
    (tmp_path / "fox.boris").write_text(text)
    assert [*annotations.read(tmp_path / "fox.boris").predicted] == ["fox.mp4"]
    (tmp_path / "fox.boris").write_text(text.replace(PREDICTED, "seen by me"))
    found = annotations.read(tmp_path / "fox.boris")
    assert annotations.bouts(found.of("fox.mp4"), shown.edges) == shown.bouts
    assert sorted(from_frames(shown.frames, OURS)) == sorted(shown.bouts)


def test_boris_opens_our_project_and_finds_nothing_wrong_with_it(boris, shown, tmp_path):
    generate.write_video(tmp_path / "fox.mp4", iter(np.zeros((4, 32, 32, 3), np.uint8)))  # BORIS looks for the file
    events = boris_project.events(shown.bouts, shown.edges, stamp="FEW CLIPS")
    seconds, facts = float(shown.edges[-1]), {"fps": shown.fps, "media": "fox.mp4", "stamp": "FEW CLIPS"}
    seen = boris_project.observation(events, seconds, **facts)
    text = boris_project.text("predictions", {"fox": seen}, OURS, stamp="FEW CLIPS")
    (tmp_path / "predictions.boris").write_text(text)
    _, is_changed, opened, message = boris.project_functions.open_project_json(str(tmp_path / "predictions.boris"))
    assert "error" not in opened and message == "" and not is_changed
    where = str(tmp_path / "predictions.boris")
    wrong = boris.project_functions.check_project_integrity(opened, "seconds", where, media_file_available=True)
    assert wrong.replace("<br>", "") == ""
    for row, other in zip(budget(boris, opened, OURS, float(shown.edges[-1])), GAVE["budget"], strict=True):
        assert row == [pytest.approx(value, abs=1.1e-3) if isinstance(value, float) else value for value in other]


def test_boris_finds_the_time_budget_of_each_animal_in_our_project(boris, shown, tmp_path):
    generate.write_video(tmp_path / "fox.mp4", iter(np.zeros((4, 32, 32, 3), np.uint8)))
    later = np.roll(shown.frames, 7, axis=0)
    animals = [replace(shown, subject="left one"), replace(shown, subject="right", probs=later.astype(np.float32))]
    marks = [e for one in animals for e in boris_project.events(one.bouts, one.edges, stamp="", subject=one.subject)]
    length = float(shown.edges[-1])
    seen = boris_project.observation(sorted(marks, key=itemgetter(0)), length, fps=shown.fps, media="fox.mp4")
    where = tmp_path / "predictions.boris"
    where.write_text(boris_project.text("predictions", {"fox": seen}, OURS, stamp=""))
    _, is_changed, opened, message = boris.project_functions.open_project_json(str(where))
    assert "error" not in opened and message == "" and not is_changed
    wrong = boris.project_functions.check_project_integrity(opened, "seconds", str(where), media_file_available=True)
    assert wrong.replace("<br>", "") == ""
    for one in animals:
        ours = one.budget().iloc[:, [1, *range(3, 9)]].to_numpy().tolist()
        for row, other in zip(budget(boris, opened, OURS, length, one.subject), ours, strict=True):
            assert row[0] == other[0] and row[1] == other[1]
            for theirs, own in zip(row[2:], other[2:], strict=True):
                assert theirs == "NA" if np.isnan(own) else float(theirs) == pytest.approx(own, abs=1.1e-3)
    assert animals[0].bouts != animals[1].bouts


def test_boris_imports_our_events_from_a_workbook(boris, shown, tmp_path):
    rows = [line.split("\t")[:5] for line in exports.FILES["boris_paste.tsv"](shown).split("\n")]
    table = pd.DataFrame(rows, columns=["time", "subject", "code", "modifier", "comment"])
    table.astype({"time": float}).to_excel(tmp_path / "events.xlsx", index=False)
    window = mock.MagicMock()
    window.pj, window.observationId = {"observations": {"fox": {"events": []}}}, "fox"
    with mock.patch.object(boris.import_observations, "QMessageBox"):
        boris.import_observations.load_observations_from_spreadsheet(window, str(tmp_path / "events.xlsx"))
    read = [[f"{time:.6f}", *rest] for time, *rest in window.pj["observations"]["fox"]["events"]]
    assert read == rows


@pytest.mark.parametrize("form", ["tsv", "csv", "xlsx", "ods", "xls"])
def test_every_format_that_boris_writes_is_read(boris, form, tmp_path):
    for name, path in written(boris, tmp_path, form).items():
        check(annotations.read(path), OF.get(name, ALL))
