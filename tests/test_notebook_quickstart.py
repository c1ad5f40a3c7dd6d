"""`papermill 00_quickstart.ipynb out.ipynb`, as a user types it: one run from start to record, and bad parameters."""

import json
import subprocess
from pathlib import Path

import nbformat
import pytest
from executed import MOST_BYTES, alts
from user_commands import NOTEBOOKS, papermill


def quickstart(folder: Path, output: Path, *options: str, environment: dict) -> subprocess.CompletedProcess:
    options = ("-p", "pretrained", "random", *options)
    return papermill("00_quickstart.ipynb", folder, output, *options, environment=environment)


@pytest.fixture(scope="module")
def finished(environment, tmp_path_factory):
    """A run that looks for two names, fewer than the `k` by default that it shows."""
    output = tmp_path_factory.mktemp("out") / "out.ipynb"
    done = quickstart(NOTEBOOKS, output, "-p", "behaviours", "Walking, Eating,", environment=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    return output


def outputs(path: Path) -> list:
    return [output for cell in nbformat.read(path, 4).cells for output in cell.get("outputs", [])]


def test_the_run_leaves_its_record(finished, environment):
    record = json.loads((Path(environment["AMC_REPORTS"]) / "results" / "00_quickstart.json").read_text())
    assert record["parameters"]["pretrained"] == "random"
    assert record["provenance"]["flow_method"] == "dis"
    [row] = record["rows"]
    assert row["written"]
    assert row["end_point_error_px"]["estimate"] < row["end_point_error_px"]["nothing moves"]
    assert row["num_slots"] == 8
    assert 0 <= row["map_macro_low"] <= row["map_macro"] <= 100


def test_every_step_has_a_picture_with_alternative_text_and_nothing_failed(finished):
    shown = alts(finished)
    assert len(shown) == 7 and min(map(len, shown)) > 20
    assert finished.stat().st_size <= MOST_BYTES


def test_random_weights_are_stamped_on_the_pictures_of_scores(finished):
    assert sum("RANDOM WEIGHTS" in alt for alt in alts(finished)) == 2


@pytest.mark.parametrize(
    "options, message",
    [
        (["-p", "shceme", "dense"], "did you mean scheme?"),
        (["-p", "flow_method", "true"], "choose one of: raft-large, raft-small, raft-synth, dis"),
    ],
)
def test_a_wrong_value_or_name_stops_at_once_with_the_allowed_ones(options, message, environment, tmp_path):
    done = quickstart(tmp_path, tmp_path / "out.ipynb", *options, environment=environment)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert "AmcError" in last
    assert message in last
