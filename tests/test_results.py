"""Results are strict JSON, written whole, and say what produced them; the paper's numbers have one home."""

import json
import math
import subprocess
from pathlib import Path

import numpy as np
import pytest

from amc.base import paths, provenance, seal
from amc.base.errors import AmcError
from amc.runs import results

REPORTS = Path(__file__).parents[1] / "reports"


@pytest.fixture(autouse=True)
def reports(tmp_path, monkeypatch):
    monkeypatch.setenv("AMC_REPORTS", str(tmp_path / "reports"))


def refuse(constant):
    raise AssertionError(f"{constant} is not strict JSON")


def test_a_result_is_named_after_its_notebook_and_read_back():
    rows = [{"table": 2, "map_macro": 12.5}]
    path = results.write("03_ablation", {"scheme": "sparse"}, rows, {"commit": "abc"})
    assert path == paths.reports() / "results" / "03_ablation.json"
    assert results.load(path) == {
        "notebook": "03_ablation", "parameters": {"scheme": "sparse"}, "provenance": {"commit": "abc"}, "rows": rows,
    }  # fmt: skip


def test_numpy_values_and_paths_become_json_and_what_is_not_finite_becomes_null():
    row = {
        "nan": math.nan, "inf": np.float32(np.inf), "interval": (np.float64(1.5), np.nan), "count": np.int64(3),
        "array": np.array([[1.0, np.nan]]), "flag": np.bool_(True), "path": Path("a/b"), "none": None,
    }  # fmt: skip
    path = results.write("n", {}, [row], {})
    assert json.loads(path.read_text(), parse_constant=refuse)["rows"][0] == {
        "nan": None, "inf": None, "interval": [1.5, None], "count": 3, "array": [[1.0, None]], "flag": True,
        "path": "a/b", "none": None,
    }  # fmt: skip


def test_a_value_that_json_cannot_hold_leaves_the_earlier_result_alone():
    path = results.write("n", {}, [{"a": 1}], {})
    with pytest.raises(TypeError):
        results.write("n", {}, [{"a": object()}], {})
    assert results.load(path)["rows"] == [{"a": 1}]
    assert [p.name for p in path.parent.iterdir()] == ["n.json"]


@pytest.mark.parametrize("text", [None, "", "{", "[]", "{}"])
def test_a_missing_or_damaged_result_is_refused(text):
    path = results.write("n", {}, [], {})
    path.unlink() if text is None else path.write_text(text)
    with pytest.raises(AmcError, match="run its notebook first"):
        results.load(path)


def test_provenance_records_what_the_style_guide_asks_for():
    record = provenance.collect(seed=1, device="cpu", flow_method="dis", data_checksum="ab", seconds=2.5)
    asked = {"commit", "package_sha256", "versions", "cpu", "seed", "device", "flow_method", "data_checksum", "seconds"}
    assert asked | {"video_reader"} == set(record)
    assert record["versions"]["numpy"] == np.__version__
    assert record["cpu"]["count"] >= 1 and record["cpu"]["model"]


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=a", "-c", "user.email=a@b.c", "-c", "core.hooksPath=/dev/null", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


def test_the_commit_says_whether_tracked_files_outside_reports_changed(tmp_path, monkeypatch):
    (tmp_path / "reports").mkdir()
    for name in ("code.py", "reports/result.json"):
        (tmp_path / name).write_text("1")
    git(tmp_path, "init", "-q")
    git(tmp_path, "add", ".")
    git(tmp_path, "commit", "-q", "-m", "first")
    monkeypatch.setenv("AMC_ROOT", str(tmp_path))
    head = git(tmp_path, "rev-parse", "--short", "HEAD")
    (tmp_path / "reports" / "result.json").write_text("2")
    assert provenance.commit() == head
    (tmp_path / "code.py").write_text("2")
    assert provenance.commit() == f"{head}+changes"
    (tmp_path / "inner").mkdir()
    monkeypatch.setenv("AMC_ROOT", str(tmp_path / "inner"))
    assert provenance.commit() == "unknown"  # a repository around ours is not ours


def test_the_paper_tables_hold_the_papers_numbers():
    rows = results.paper_tables()
    assert [sum(row["table"] == table for row in rows) for table in (1, 2, 3)] == [7, 3, 3]
    assert list(rows[0]) == ["table", "method", "scheme", "modality", "map", "metric", "source", "evidence"]
    by_scheme = {row["scheme"]: row["map"] for row in rows if row["table"] == 2}
    assert by_scheme == {"dense": 68, "semi-dense": 68.49, "sparse": 73.93}
    by_modality = {row["modality"]: row["map"] for row in rows if row["table"] == 3}
    assert by_modality == {"rgb": 73.93, "flow": 65.1, "rgb+flow": 74.63}
    assert {row["metric"] for row in rows} == {"macro", "micro by batch", "micro by inference"}


@pytest.mark.parametrize("path", sorted(REPORTS.rglob("*.json")), ids=lambda path: str(path.relative_to(REPORTS)))
def test_every_committed_record_has_an_intact_seal(path):
    if path.name != "manifest.json":  # made from the records, and never read
        seal.check(path)
