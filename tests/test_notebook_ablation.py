"""`papermill 03_ablation.ipynb out.ipynb -p scheme sparse`, as a user types it, after all rows have been trained."""

import json
from pathlib import Path

import nbformat
import pytest
from executed import alts
from user_commands import NOTEBOOKS, papermill

SMOKE = ["-p", "size", "smoke", "-p", "pretrained", "random"]
SPARSE = [(2, "sparse", "rgb"), (3, "sparse", "rgb"), (3, "sparse", "flow"), (3, "sparse", "rgb+flow")]


def record(environment) -> dict:
    return json.loads((Path(environment["AMC_REPORTS"]) / "results" / "03_ablation.json").read_text())


@pytest.fixture(scope="module")
def whole_run(environment, tmp_path_factory) -> tuple[dict, Path]:
    """Record and executed copy of both tables at size smoke, with random weights by choice."""
    output = tmp_path_factory.mktemp("out") / "out.ipynb"
    papermill("03_ablation", NOTEBOOKS, output, *SMOKE, environment=environment)
    return record(environment), output


@pytest.fixture(scope="module")
def sparse_run(whole_run, environment, tmp_path_factory) -> tuple[dict, Path]:
    """The same for the command of the README, from another folder."""
    folder = tmp_path_factory.mktemp("out")
    papermill("03_ablation", folder, folder / "out.ipynb", "-p", "scheme", "sparse", *SMOKE, environment=environment)
    return record(environment), folder / "out.ipynb"


def test_both_tables_have_all_their_rows_with_intervals(whole_run):
    rows = whole_run[0]["rows"]
    assert [(r["table"], r["scheme"], r["modality"]) for r in rows] == [
        (2, "dense", "rgb"), (2, "semi-dense", "rgb"), *SPARSE
    ]  # fmt: skip
    for row in rows:
        for name in ("map_macro", "map_micro"):
            assert 0 <= row[f"{name}_low"] <= row[f"{name}_high"] <= 100
            assert 0 <= row[name] <= 100
    assert len(alts(whole_run[1])) >= 5


def test_the_command_of_the_readme_runs_the_rows_of_that_scheme(sparse_run):
    rows = sparse_run[0]["rows"]
    assert [(r["table"], r["scheme"], r["modality"]) for r in rows] == SPARSE


def test_the_record_tells_how_to_repeat_the_run_and_that_its_weights_are_random(sparse_run):
    found = sparse_run[0]
    assert found["notebook"] == "03_ablation"
    assert found["provenance"]["flow_method"] == "dis"
    assert len(found["provenance"]["data_checksum"]) == 64
    assert found["parameters"]["scheme"] == "sparse"
    assert {row["weights"] for row in found["rows"]} == {"synth-clip random"}


def test_a_second_run_from_another_folder_uses_what_was_computed(whole_run, sparse_run):
    printed = "".join(
        output.text
        for cell in nbformat.read(sparse_run[1], 4).cells
        for output in cell.get("outputs", [])
        if output.output_type == "stream"
    )
    assert printed.count("already computed") == 3
    assert "epoch" not in printed
    scores = [(row["map_macro"], row["map_micro"]) for row in whole_run[0]["rows"][2:]]
    assert [(row["map_macro"], row["map_micro"]) for row in sparse_run[0]["rows"]] == scores
