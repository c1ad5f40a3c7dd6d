"""`papermill 09_unseen.ipynb out.ipynb`: it runs from any folder and its checks pass."""

import json
from pathlib import Path

from user_commands import papermill


def test_it_measures_new_species_and_behaviours_that_training_never_saw(environment, tmp_path):
    papermill("09_unseen", tmp_path, tmp_path / "out.ipynb", "-p", "size", "smoke", environment=environment)
    found = json.loads((Path(environment["AMC_REPORTS"]) / "results" / "09_unseen.json").read_text())
    assert found["rows"] and found["parameters"]["size"] == "smoke"
