"""`papermill 02_flow_interleaving.ipynb out.ipynb`: on Synth Kingdom, and on any video of a user's."""

import json
from pathlib import Path

import pytest
from executed import alts
from user_commands import NOTEBOOKS, papermill

OPTIONS = ["-p", "interactive", "False", "-p", "clips", "6"]


def record(environment) -> dict:
    return json.loads((Path(environment["AMC_REPORTS"]) / "results" / "02_flow_interleaving.json").read_text())


@pytest.fixture(scope="module")
def finished(environment, tmp_path_factory) -> tuple[dict, Path]:
    """Record and executed copy on a machine without RAFT's official weights; networks are trained on two methods."""
    folder = tmp_path_factory.mktemp("out")
    places, options = environment | {"TORCH_HOME": str(folder)}, [*OPTIONS, "-p", "effect", "dis,true"]
    output = papermill("02_flow_interleaving", NOTEBOOKS, folder / "out.ipynb", *options, environment=places)
    return record(environment), output


def test_methods_are_marked_against_the_truth_and_raft_is_announced_as_left_out(finished):
    found, out = finished
    errors = {row["method"]: row["epe"] for row in found["rows"]}
    assert set(errors) == {"nothing moves", "dis", "dis-fast", "dis-ultrafast", "raft-synth"}
    assert errors["dis"] < errors["nothing moves"]
    assert set(found["provenance"]["left_out"]) == {"raft-small", "raft-large"}
    assert len(found["provenance"]["steps"]) == 15
    shown = alts(out)
    assert len(shown) >= 8 and min(map(len, shown)) > 15


def test_any_video_runs_with_raft_where_weights_are_given(real, environment, tmp_path):
    video = sorted((real / "clips" / "animals").glob("*.mp4"))[0]
    weights = real / "weights" / "raft-small.pth"
    options = [*OPTIONS, "-p", "video", str(video), "-p", "flow_weights", str(weights)]
    out = tmp_path / "out.ipynb"
    papermill("02_flow_interleaving", tmp_path, out, *options, environment=environment)
    found = record(environment)
    assert found["provenance"]["effect"] == [], "it was not asked for"
    assert found["rows"] == [] and found["parameters"]["video"] == video.name
    assert "raft-small" not in found["provenance"]["left_out"]
    assert len(alts(out)) >= 4


def test_the_worth_of_flow_is_measured_where_it_is_asked_for(finished):
    rows = finished[0]["provenance"]["effect"]
    assert [(row["modality"], row["flow"]) for row in rows] == [
        ("rgb", "none"), ("flow", "dis"), ("flow", "true"), ("rgb+flow", "dis"), ("rgb+flow", "true"),
    ]  # fmt: skip
    assert all(row["more_low"] <= row["more"] <= row["more_high"] for row in rows)
