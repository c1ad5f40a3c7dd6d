"""`papermill 05_error_analysis.ipynb out.ipynb`: from runs, and from a score file alone whose videos are not there."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from executed import alts
from user_commands import NOTEBOOKS, papermill

from amc.scores import Scores

OPTIONS = ["-p", "interactive", "False", "-p", "size", "smoke", "-p", "pretrained", "random"]


@pytest.fixture(scope="module")
def finished(environment, tmp_path_factory):
    output = tmp_path_factory.mktemp("out") / "out.ipynb"
    return papermill("05_error_analysis", NOTEBOOKS, output, *OPTIONS, environment=environment)


def record(environment) -> dict:
    return json.loads((Path(environment["AMC_REPORTS"]) / "results" / "05_error_analysis.json").read_text())


def test_every_kind_is_counted_and_the_truth_is_measured(finished, environment):
    found = record(environment)
    runs = {row["run"] for row in found["rows"]}
    assert len(runs) == 5 and len(found["rows"]) == 5 * len(runs), "five kinds in each of the paper's five runs"
    assert [row["kind"] for row in found["rows"]][-1] == "none of these"
    assert all(row["rate_low"] <= row["rate"] <= row["rate_high"] for row in found["rows"])
    assert {row["against"] for row in found["provenance"]["against_truth"]} == {
        "annotated",
        "truth",
        "truth − annotated",
    }
    assert found["provenance"]["left_out"] == "nothing"


def test_its_figures_have_alternative_text_and_no_cell_failed(finished):
    shown = alts(finished)
    assert len(shown) >= 4 and min(map(len, shown)) > 20


def test_a_score_file_is_enough_and_what_needs_videos_says_that_it_is_left_out(finished, environment, tmp_path):
    rng, names = np.random.default_rng(0), np.array(["Jumping", "Keeping still", "Sensing", "Attending"])
    labels = rng.random((30, 4)) < 0.4
    cfg = {"dataset": "animal-kingdom", "root": str(tmp_path), "size": "paper", "seed": 0}
    cfg |= {"sampling": {"scheme": "dense"}, "pixels": {"modality": "rgb"}}
    test = Scores(
        ids=np.array([f"CLIP{k:04}" for k in range(30)]), names=names, labels=labels,
        logits=(rng.normal(size=(30, 2, 4)) + 2 * labels[:, None]).astype(np.float32),
        frames=np.tile(np.int32([[3, 9], [20, 40]]), (30, 1, 1)), num_frames=np.full(30, 50, np.int32),
        species=np.array(["deer"] * 30), meta={"experiment": cfg},
    )  # fmt: skip
    path = test.save(tmp_path / "mine.npz")
    replace(test, ids=np.char.add(test.ids, "x")).save(tmp_path / "mine-val.npz")
    options = [*OPTIONS, "-p", "scores", str(path)]
    papermill("05_error_analysis", tmp_path, tmp_path / "out.ipynb", *options, environment=environment)
    found = record(environment)
    assert found["provenance"]["left_out"].startswith("videos and truth")
    assert found["provenance"]["against_truth"] == [] and "part" not in found["rows"][0]
    assert found["parameters"]["scores"] == "mine.npz"
    assert Scores.load(path).ids.tolist() == test.ids.tolist()
