"""`papermill 03_ablation.ipynb out.ipynb -p scheme sparse`, as a user types it: from three folders, well and badly."""

import json
from pathlib import Path

import nbformat
import pytest
from executed import MOST_BYTES, alts
from user_commands import NOTEBOOKS, papermill


@pytest.fixture(scope="module")
def sparse_run(environment, tmp_path_factory):
    """The user's own command, at size smoke and with random weights by choice."""
    output = tmp_path_factory.mktemp("out") / "out.ipynb"
    options = ["-p", "scheme", "sparse", "-p", "size", "smoke", "-p", "pretrained", "random"]
    return papermill("03_ablation.ipynb", NOTEBOOKS, output, *options, environment=environment), output


def record(environment) -> dict:
    return json.loads((Path(environment["AMC_REPORTS"]) / "results" / "03_ablation.json").read_text())


def test_the_command_of_the_readme_runs_the_rows_of_that_scheme(sparse_run, environment):
    done, output = sparse_run
    assert done.returncode == 0, done.stderr[-2000:]
    rows = record(environment)["rows"]
    assert [(r["table"], r["scheme"], r["modality"]) for r in rows] == [
        (2, "sparse", "rgb"), (3, "sparse", "rgb"), (3, "sparse", "flow"), (3, "sparse", "rgb+flow")
    ]  # fmt: skip
    for row in rows:
        for name in ("map_macro", "map_micro"):
            assert 0 <= row[f"{name}_low"] <= row[f"{name}_high"] <= 100
            assert 0 <= row[name] <= 100
    assert output.stat().st_size <= MOST_BYTES
    shown = alts(output)
    assert len(shown) >= 5 and all(shown)


def test_the_record_tells_how_to_repeat_the_run_and_that_its_weights_are_random(sparse_run, environment):
    found = record(environment)
    assert found["notebook"] == "03_ablation"
    assert found["provenance"]["flow_method"] == "dis"
    assert len(found["provenance"]["data_checksum"]) == 64
    assert found["parameters"]["scheme"] == "sparse"
    assert {row["weights"] for row in found["rows"]} == {"synth-clip random"}


def test_a_second_run_from_another_folder_uses_what_was_computed(sparse_run, environment, tmp_path):
    before = record(environment)["rows"]
    options = ["-p", "scheme", "sparse", "-p", "size", "smoke", "-p", "pretrained", "random"]
    done = papermill("03_ablation.ipynb", tmp_path, tmp_path / "out.ipynb", *options, environment=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    printed = "".join(
        o.text
        for cell in nbformat.read(tmp_path / "out.ipynb", 4).cells
        for o in cell.get("outputs", [])
        if o.output_type == "stream"
    )
    assert printed.count("already computed") == 3
    assert "epoch" not in printed
    assert record(environment)["rows"] == before


@pytest.mark.parametrize(
    "options, message",
    [
        (["-p", "shceme", "sparse"], "did you mean scheme?"),
        (["-p", "scheme", "spare"], "choose one of: all, dense, semi-dense, sparse"),
        (["-p", "modality", "motion"], "choose one of: all, rgb, flow, rgb+flow"),
        (["-p", "grid", "true"], "give True or False"),
        (["-p", "frames", "8.0"], "give a whole number"),
    ],
)
def test_a_wrong_value_or_name_stops_at_once_with_the_allowed_ones(options, message, environment, tmp_path):
    done = papermill("03_ablation.ipynb", NOTEBOOKS.parent, tmp_path / "out.ipynb", *options, environment=environment)
    assert done.returncode != 0
    last = done.stderr.strip().splitlines()[-1]
    assert "AmcError" in last
    assert message in last
