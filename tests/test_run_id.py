"""What belongs to a prediction can be told: an id in its tables, digests in its report, no table of an earlier one."""

import hashlib
import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from amc.base import locks
from amc.base.errors import AmcError
from amc.ethogram import predict, sliding_window
from amc.ethogram.exports import TABLES
from amc.ethogram.finished import RECORD, run_facts, run_id
from amc.ethogram.timeline import SlidingWindow

RULES = {"sliding": SlidingWindow(9, 9), "threshold": 0.01}


def run(sources, video_predictor, out, **options) -> dict:
    predict.predict([sources], video_predictor, out, predict.Options(**RULES | options), log=lambda line: None)
    return json.loads((out / "report.json").read_text())


@pytest.fixture(scope="module")
def copy(films, tmp_path_factory):
    return shutil.copytree(films, tmp_path_factory.mktemp("films") / "in")


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def test_every_table_and_the_report_have_the_id_and_the_report_every_file(copy, video_predictor, out):
    facts = run(copy, video_predictor, out)
    assert facts["is_finished"] and len(facts["run"]) == 12
    for name in ("bouts", "time_budget", "behaviours"):
        assert set(pd.read_csv(out / f"{name}.csv")["run"]) == {facts["run"]}
    found = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in out.iterdir()}
    assert facts["files"] == {name: sha256 for name, sha256 in found.items() if name not in (*TABLES, RECORD)}
    of_videos = {row["video"]: row["sha256"] for row in facts["done"]}
    assert of_videos == {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in copy.iterdir()}


def test_the_id_follows_options_annotation_and_weights_and_nothing_else(copy, video_predictor, run_folder):
    def known(**options) -> str:
        return run_id(run_facts(video_predictor, sorted(copy.iterdir()), RULES | options, np.array([0.5, 0.5, 0.5])))

    found = {known(), known()}
    assert len(found) == 1
    found.add(known(threshold=0.02))
    data = bytearray((copy / "film 1.mp4").read_bytes())
    data[-1] ^= 1
    (copy / "film 1.mp4").write_bytes(data)
    found.add(known())
    assert video_predictor.sha256 == hashlib.sha256((run_folder / "model.safetensors").read_bytes()).hexdigest()
    video_predictor = replace(video_predictor, sha256="0" * 64)
    found.add(known())
    assert len(found) == 4


def test_the_id_follows_the_weights_of_raft_and_its_absence_is_told(video_predictor, tmp_path):
    def known(**pixels) -> str:
        own = replace(video_predictor, pixels=replace(video_predictor.pixels, **pixels))
        return run_id(run_facts(own, [], RULES, np.array([0.5])))

    raft = {"flow_method": "raft-small", "flow_weights": str(tmp_path / "w.pt")}
    with pytest.raises(AmcError, match=r"no file .*w\.pt; give a RAFT checkpoint"):
        known(**raft)
    (tmp_path / "w.pt").write_bytes(b"one")
    first = known(**raft)
    (tmp_path / "w.pt").write_bytes(b"other")
    assert len({first, known(**raft), known()}) == 3 and known(modality="rgb", **raft) == known(modality="rgb", **raft)


def test_a_prediction_that_is_killed_leaves_no_summary_of_an_earlier_one(copy, video_predictor, out, monkeypatch):
    run(copy, video_predictor, out, threshold=0.5)

    def killed(*given, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr(sliding_window, "sliding_window", killed)
    with pytest.raises(KeyboardInterrupt):
        run(copy, video_predictor, out)
    assert not any((out / table).exists() for table in TABLES)


def test_two_predictions_into_one_folder_are_not_made_at_once(copy, video_predictor, out):
    out.mkdir()
    with locks.held(out), pytest.raises(AmcError, match="is writing here; wait until it ends, or choose another"):
        run(copy, video_predictor, out)
    assert list(out.iterdir()) == []
