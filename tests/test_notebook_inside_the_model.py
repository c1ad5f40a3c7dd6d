"""`papermill 06_inside_the_model.ipynb out.ipynb`: its checks pass, and its figures say which weights they show."""

import json
from pathlib import Path

from executed import MOST_BYTES, alts
from user_commands import NOTEBOOKS, papermill


def test_it_looks_into_a_trained_cell_and_stamps_its_weights(environment, tmp_path):
    out = tmp_path / "out.ipynb"
    options = ["-p", "interactive", "False", "-p", "frames", "2", "-p", "pretrained", "random"]
    done = papermill("06_inside_the_model.ipynb", NOTEBOOKS, out, *options, environment=environment)
    assert done.returncode == 0, done.stderr[-2000:]
    record = json.loads((Path(environment["AMC_REPORTS"]) / "results" / "06_inside_the_model.json").read_text())
    assert record["provenance"]["parity"] < 1e-4
    assert [row["layer"] for row in record["rows"]] == [1, 2, 3, 4]
    assert all(abs(row["frame → frame"] + row["frame → flow"] - 2) < 1e-3 for row in record["rows"])
    shown = alts(out)
    assert len(shown) == 4 and sum("random weights, trained at size smoke" in alt for alt in shown) == 3
    assert out.stat().st_size <= MOST_BYTES


def test_a_layer_that_is_not_there_is_refused_with_those_that_are(environment, tmp_path):
    options = ["-p", "interactive", "False", "-p", "layer", "9", "-p", "trained", "False", "-p", "pretrained", "random"]
    done = papermill("06_inside_the_model.ipynb", tmp_path, tmp_path / "out.ipynb", *options, environment=environment)
    assert done.returncode != 0
    assert "layer: 9 is not there; synth-clip has 4, give -1 to 3" in done.stderr.strip().splitlines()[-1]
