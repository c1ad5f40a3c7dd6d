"""`papermill 000_first_look.ipynb out.ipynb`: what it measured stands in its record, and its pictures move."""

import json
from pathlib import Path

import nbformat
import pytest
from executed import alts
from user_commands import NOTEBOOKS, papermill


@pytest.fixture(scope="module")
def finished(environment, tmp_path_factory) -> Path:
    return papermill("000_first_look", NOTEBOOKS, tmp_path_factory.mktemp("out") / "out.ipynb", environment=environment)


def test_the_record_holds_what_pictures_flow_and_sampling_tell(finished, environment):
    record = json.loads((Path(environment["AMC_REPORTS"]) / "results" / "000_first_look.json").read_text())
    assert [row["scheme"] for row in record["rows"]] == ["dense", "semi-dense", "sparse"]
    sits, off, air = record["provenance"]["moments"]
    assert sits["moves"] == 0 and min(off["moves"], air["moves"]) > 15  # of 20
    assert max(row["named"] for row in (sits, off, air)) < 20


def test_its_pictures_have_words_and_two_of_them_move(finished):
    assert len(alts(finished)) == 3 and min(map(len, alts(finished))) > 40
    outputs = [output for cell in nbformat.read(finished, 4).cells for output in cell.get("outputs", [])]
    moving = [text for output in outputs if "image/webp" in (text := output.get("data", {}).get("text/html", ""))]
    assert len(moving) == 2 and all('alt="' in text and len(text) < 500_000 for text in moving)
