"""`papermill 06_inside_the_model.ipynb out.ipynb`: its checks pass, and its figures say which weights they show."""

import json
from pathlib import Path

from executed import alts
from user_commands import NOTEBOOKS, papermill


def test_it_looks_into_a_trained_cell_and_stamps_its_weights(environment, tmp_path):
    out = tmp_path / "out.ipynb"
    options = ["-p", "interactive", "False", "-p", "size", "smoke", "-p", "frames", "2", "-p", "pretrained", "random"]
    papermill("06_inside_the_model", NOTEBOOKS, out, *options, environment=environment)
    record = json.loads((Path(environment["AMC_REPORTS"]) / "results" / "06_inside_the_model.json").read_text())
    assert record["provenance"]["parity"] < 1e-4
    assert [row["layer"] for row in record["rows"]] == [1, 2, 3, 4]
    assert all(abs(row["frame → frame"] + row["frame → flow"] - 2) < 1e-3 for row in record["rows"])
    shown = alts(out)
    assert len(shown) == 4 and sum("random weights, trained, size smoke" in alt for alt in shown) == 3
