"""`papermill 00_quickstart.ipynb out.ipynb`, as a user types it: one run from start to record."""

import json
from pathlib import Path

import pytest
from executed import alts
from user_commands import NOTEBOOKS, papermill


@pytest.fixture(scope="module")
def finished(environment, tmp_path_factory):
    """A run that looks for two names, fewer than the five that it shows at most."""
    output = tmp_path_factory.mktemp("out") / "out.ipynb"
    options = ["-p", "size", "smoke", "-p", "pretrained", "random", "-p", "behaviours", "Walking, Eating,"]
    return papermill("00_quickstart", NOTEBOOKS, output, *options, environment=environment)


def test_the_run_leaves_its_record(finished, environment):
    record = json.loads((Path(environment["AMC_REPORTS"]) / "results" / "00_quickstart.json").read_text())
    assert record["parameters"]["pretrained"] == "random"
    assert record["provenance"]["flow_method"] == "dis"
    [row] = record["rows"]
    assert row["annotated"]
    assert row["end_point_error_px"]["estimate"] < row["end_point_error_px"]["nothing moves"]
    assert row["num_slots"] == 8
    assert 0 <= row["map_macro_low"] <= row["map_macro"] <= 100


def test_every_step_has_a_picture_with_alternative_text_and_nothing_failed(finished):
    shown = alts(finished)
    assert len(shown) == 7 and min(map(len, shown)) > 20


def test_random_weights_are_stamped_on_the_pictures_of_scores(finished):
    assert sum("RANDOM WEIGHTS" in alt for alt in alts(finished)) == 2
