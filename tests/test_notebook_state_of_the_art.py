"""`papermill 04_state_of_the_art.ipynb out.ipynb`, as a user types it: all nine rows, and some alone."""

import json
from pathlib import Path

import nbformat
import pytest
from user_commands import NOTEBOOKS, papermill

from amc.runs.recipes import METHODS
from amc.scores import Scores

NAME = "04_state_of_the_art"
BLIND = {"class frequency", "species prior"}


@pytest.fixture(scope="module")
def whole_run(environment, tmp_path_factory):
    output = tmp_path_factory.mktemp("out") / "out.ipynb"
    return papermill(NAME, NOTEBOOKS, output, "-p", "size", "smoke", environment=environment)


def record(environment) -> dict:
    return json.loads((Path(environment["AMC_REPORTS"]) / "results" / f"{NAME}.json").read_text())


def printed(output: Path) -> str:
    cells = nbformat.read(output, 4).cells
    return "".join(o.text for cell in cells for o in cell.get("outputs", []) if o.output_type == "stream")


def test_all_nine_rows_train_and_score_in_one_call(whole_run, environment):
    rows = record(environment)["rows"]
    assert [row["method"] for row in rows] == list(METHODS)
    for row in rows:
        for name in ("map_macro", "map_micro"):
            assert 0 <= row[f"{name}_low"] <= row[f"{name}_high"] <= 100 and 0 <= row[name] <= 100
        is_blind = row["method"] in BLIND
        assert ("training_seconds" not in row) == is_blind
        assert is_blind or (row["gflops"] > 0 and row["parameters"] > 0 and row["views"] == 2)
    assert len({(row["map_macro"], row["map_micro"]) for row in rows}) == len(METHODS)  # nine systems, nine results
    assert [row["method"] for row in rows if row.get("pretraining_seconds")] == ["MSQNet + pre-training"]


def test_the_record_holds_the_papers_numbers_with_their_metric_and_where_it_is_known_from(whole_run, environment):
    papers = {row["method"]: row for row in record(environment)["rows"] if row["paper"] is not None}
    assert list(papers) == list(METHODS[:7])
    assert papers["X3D"]["paper_metric"] == "macro" and papers["MSQNet"]["paper_metric"] == "micro by batch"
    assert all(row["paper_evidence"] for row in papers.values())


def test_every_row_but_our_own_is_compared_with_it_and_scored_by_batch_too(whole_run, environment):
    provenance = record(environment)["provenance"]
    compared = [(found["method"], found["against"]) for found in provenance["differences"]]
    ours = [(method, "AnimalMotionCLIP") for method in METHODS if method != "AnimalMotionCLIP"]
    assert compared == [*ours, ("MSQNet + pre-training", "MSQNet")]
    for row in provenance["metric_mix"]:
        assert set(row["by_batch"]) == {"4", "16", "64"}
        # One batch of 64 holds all 24 videos: by batch and over the whole set are the same then.
        assert row["by_batch"]["64"] == pytest.approx(row["map_micro"], abs=1e-9)


def test_every_row_leaves_a_score_file_over_the_same_videos(whole_run, environment):
    files = sorted((Path(environment["AMC_REPORTS"]) / "scores").glob("synth-smoke-table1-*.npz"))
    scores = [Scores.load(file) for file in files]
    assert len(files) == len(METHODS) and len({tuple(s.ids) for s in scores}) == 1


def test_one_method_runs_alone_from_another_folder_and_finished_rows_are_used_again(whole_run, environment, tmp_path):
    options = ["-p", "size", "smoke", "-p", "methods", "I3D,species prior"]
    output = papermill(NAME, tmp_path, tmp_path / "out.ipynb", *options, environment=environment)
    assert [row["method"] for row in record(environment)["rows"]] == ["I3D", "species prior"]
    assert printed(output).count("already computed") == 2
