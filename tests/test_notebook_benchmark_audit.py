"""`papermill 08_benchmark_audit.ipynb out.ipynb` on the real annotation: its checks pass, one row a predictor."""

import json
from pathlib import Path

import pytest
from user_commands import NOTEBOOKS, papermill

NAME = "08_benchmark_audit"


@pytest.fixture(scope="module")
def record(environment, real, tmp_path_factory) -> dict:
    out = tmp_path_factory.mktemp("out") / "out.ipynb"
    options = ["-p", "annotation", str(real / "animal_kingdom" / "AR_metadata.xlsx")]
    papermill(NAME, NOTEBOOKS, out, *options, environment=environment)
    return json.loads((Path(environment["AMC_REPORTS"]) / "results" / f"{NAME}.json").read_text())


def test_the_record_has_one_row_a_predictor_with_both_metrics(record):
    methods = ["class frequency", "parent class", "sub-class", "species", "species + co-occurrence", "species + source"]
    assert [row["method"] for row in record["rows"]] == methods
    assert record["rows"][3]["map_macro"] > 25.25  # X3D's published macro mAP, which sees the video
    assert all(row["given"] and row["map_micro_low"] < row["map_micro_high"] for row in record["rows"])


def test_the_record_holds_leakage_wrong_names_and_noise(record):
    found = record["provenance"]
    assert found["leakage"]["groups_in_both"] == 1866 and len(found["misnamed"]) == 6
    assert found["effect"] == pytest.approx(0.70)
    assert found["smallest_differences"][0]["map_macro"] > found["effect"]  # two unrelated systems, macro
    assert [row["count"] for row in found["macro_by_support"]] == [127, 86]  # 41 have fewer than five positives
    every, frequent = found["small_split_bias"]
    assert (every["count"], frequent["count"]) == (140, 87) and every["bias"] > 5 > 3 > frequent["bias"] > 0
    assert record["parameters"]["dataset"] == "animal-kingdom"


def test_without_the_annotation_it_audits_the_generated_world(environment, tmp_path):
    papermill(NAME, tmp_path, tmp_path / "out.ipynb", "-p", "size", "smoke", environment=environment)
    found = json.loads((Path(environment["AMC_REPORTS"]) / "results" / f"{NAME}.json").read_text())
    assert found["parameters"]["dataset"] == "synth-smoke" and found["rows"]
