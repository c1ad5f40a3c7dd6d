"""`papermill 01_sampling_windows.ipynb out.ipynb`: what it measured stands in its record."""

import json
from pathlib import Path

import pytest
from executed import alts
from user_commands import NOTEBOOKS, papermill


@pytest.fixture(scope="module")
def finished(environment, tmp_path_factory):
    output = tmp_path_factory.mktemp("out") / "out.ipynb"
    options = ["-p", "interactive", "False", "-p", "clips", "300"]
    return papermill("01_sampling_windows", NOTEBOOKS.parent, output, *options, environment=environment)


def test_the_record_holds_probabilities_with_intervals_for_every_scheme(finished, environment):
    record = json.loads((Path(environment["AMC_REPORTS"]) / "results" / "01_sampling_windows.json").read_text())
    rows = record["rows"]
    assert {row["scheme"] for row in rows} == {"dense", "semi-dense", "sparse"}
    assert all(0 <= row["share_low"] <= row["share"] <= row["share_high"] <= 1 for row in rows)
    assert sum(row["events"] for row in rows) > 300
    assert record["parameters"]["clips"] == 300


def test_every_figure_has_alternative_text_and_fits_on_a_page(finished):
    shown = alts(finished)
    assert len(shown) == 7 and min(map(len, shown)) > 20
