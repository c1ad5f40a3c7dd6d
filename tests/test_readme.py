"""The README: its table is what the committed records say, and everything it links is there."""

import json
import re
import shlex
import shutil
import subprocess

import matplotlib.pyplot as plt
import pytest

from amc.base import paths, seal
from amc.base.errors import AmcError
from amc.runs import readme, results
from amc.runs.ablation import ablation


def test_the_table_of_the_readme_is_what_the_committed_records_say():
    text = committed("README.md")
    start, stop = (text.index(mark) for mark in readme.MARKS)
    records = {size: [json.loads(committed(place)) for place in places] for size, places in readme.RECORDS.items()}
    assert text[start : stop + len(readme.MARKS[1])] == readme.block(records)


def committed(place: str) -> str:
    """A file as it was committed: a user's own run may since have written another record."""
    shown = subprocess.run(["git", "show", f"HEAD:{place}"], cwd=paths.root(), capture_output=True, text=True)
    if shown.returncode and not (paths.root() / ".git").exists():
        pytest.skip("not a git checkout")
    assert shown.returncode == 0, f"{place} is not committed; run make reproduce"
    return shown.stdout


def test_the_readme_names_the_model_that_its_own_training_makes():
    text = (paths.root() / "README.md").read_text(encoding="utf-8")
    [given] = {tuple(shlex.split(line)[4:]) for line in text.splitlines() if line.startswith("python -m amc train ")}
    asked = dict(zip((name.removeprefix("--").replace("-", "_") for name in given[::2]), given[1::2], strict=True))
    [cell] = ablation(**asked)
    named = re.findall(r'--model "(.*?)"', text + (paths.root() / "data" / "README.md").read_text(encoding="utf-8"))
    assert len(named) > 4 and {*named} == {cell.title}


def test_every_picture_and_file_that_the_readme_links_is_there():
    text = (paths.root() / "README.md").read_text(encoding="utf-8")
    links = [link for link in re.findall(r"\]\(([^)]+)\)", text) if not link.startswith("http")]
    assert len(links) > 8
    assert not [link for link in links if not (paths.root() / link.partition("#")[0]).exists()]


def test_the_figure_of_the_page_from_card_to_figure_is_drawn(tmp_path, monkeypatch):
    [code] = re.findall(r"```python\n(.*?)```", (paths.root() / "data" / "README.md").read_text(encoding="utf-8"), re.S)
    bins = "video,Bin start (s),Bin stop (s),Behavior,% of total length\na,0,600,walk,25\na,600,900,walk,75\n"
    (tmp_path / "ethograms").mkdir()
    (tmp_path / "ethograms" / "time_bins.csv").write_text(bins)
    monkeypatch.chdir(tmp_path)
    drawn = {}
    exec(code, drawn)
    plt.close(drawn["axes"].figure)
    assert drawn["axes"].lines[0].get_xydata().tolist() == [[0, 25], [10, 75]]
    assert (tmp_path / "activity.pdf").stat().st_size > 1000


def row(table: int | None, method: str, macro: float, **more) -> dict:
    maps = {f"{name}{end}": macro for name in ("map_macro", "map_micro") for end in ("", "_low", "_high")}
    paper = {"paper": 25.25 if table else None, "paper_metric": "macro" if table else None}
    return {"table": table, "method": method, "scheme": "sparse", "modality": "rgb", **maps, **paper, **more}


def record(notebook: str, rows: list[dict], **provenance) -> dict:
    facts = {"cpu": {"count": 2, "model": "C"}, "seconds": 60.0, "clips": {"train": 3, "test": 2}, "commit": "abc"}
    facts |= {"run_commits": ["abc"]} | provenance
    parameters = {"size": "quick", "seeds": "0"} | readme.WHOLE[notebook]
    return {"notebook": notebook, "parameters": parameters, "rows": rows, "provenance": facts}


def test_the_table_has_table_1_first_then_the_others_then_the_real_annotation():
    real = [row(None, "species prior", 28.6)]
    trained = row(1, "X3D", 3, seeds=1, training_seconds=60.0, pretraining_seconds=30.0)
    state = record("04_state_of_the_art", [trained, row(None, "species prior", 2)], blind_on_real_annotation=real)
    ours = {"seeds": 3, "training_seconds": 60.0, "pretraining_seconds": 0.0}
    ablation = record("03_ablation", [row(table, "AnimalMotionCLIP", 4, **ours) for table in (2, 3)])
    lines = readme.block({"quick": [ablation, state], "standard": [ablation]}).splitlines()
    assert [line.split(" | ")[0].strip("| ") for line in lines[3:8]] == [
        "Table 1: X3D",
        "Table 1: species prior, sees no video",
        "Table 2: sparse, rgb",
        "Table 3: sparse, rgb",
        "Animal Kingdom's own annotation: species prior, sees no video",
    ]
    assert lines[3] == "| Table 1: X3D | 25.25 macro | 3.0 [3.0, 3.0], 3.0 [3.0, 3.0] | – |"
    # 60 s and 30 s of pre-training for X3D, and three seeds of 60 s for the system that two tables have
    assert "| training, all rows, on one core |  | 4 min | 3 min |" in lines  # 4.5 is rounded to even


def test_what_the_intervals_cover_is_said_below_the_table():
    made = record("03_ablation", [row(2, "AnimalMotionCLIP", 4)])
    lines = readme.block({"quick": [made]}).splitlines()
    assert lines[-3:] == ["", readme.NOTE, readme.MARKS[1]]


def test_a_number_that_was_altered_does_not_come_into_the_readme(tmp_path, monkeypatch):
    seal.write_json(tmp_path / "a.json", record("04_state_of_the_art", [row(1, "X3D", 25.3)]))
    text = (tmp_path / "a.json").read_text()
    (tmp_path / "a.json").write_text(text.replace("25.3", "45.3"))
    monkeypatch.setattr(paths, "root", lambda: tmp_path)
    monkeypatch.setattr(readme, "RECORDS", {"quick": {"a.json": "0"}})
    with pytest.raises(AmcError, match=r"a\.json.*its sha256 is not the one inside it"):
        readme.records()


@pytest.mark.parametrize(
    "change",
    [
        {"parameters": {"methods": "I3D"}},
        {"parameters": {"seeds": "1"}},
        {"parameters": {"epochs": 1}},
        {"provenance": {"run_commits": ["abc", "abd"]}},
        {"provenance": {"run_commits": ["abd+changes"]}},
        {"provenance": {"commit": "abc+changes", "run_commits": ["abc+changes"]}},
    ],
)
def test_only_whole_runs_of_one_commit_come_into_the_readme(change, tmp_path, monkeypatch):
    made = record("04_state_of_the_art", [row(1, "X3D", 3)])
    seal.write_json(tmp_path / "a.json", made)
    monkeypatch.setattr(paths, "root", lambda: tmp_path)
    monkeypatch.setattr(readme, "RECORDS", {"quick": {"a.json": "0"}})
    monkeypatch.setattr(readme, "_recompute", lambda record, path: None)  # this record has no score files
    assert readme.records() == {"quick": [made]}
    for part, values in change.items():
        made[part] |= values
    seal.write_json(tmp_path / "a.json", made)
    with pytest.raises(
        AmcError, match="no whole run; run make 04_state_of_the_art SIZE=quick SEEDS=0 again|one commit without changes"
    ):
        readme.records()


def test_every_number_of_the_committed_records_is_that_of_the_committed_scores():
    assert len(readme.records()["quick"]) == 2


@pytest.mark.parametrize("place", readme.RECORDS["quick"])
def test_a_number_that_is_not_that_of_the_scores_does_not_come_into_the_readme(place, tmp_path, monkeypatch):
    """A record that was altered and sealed again, as by the command `seal`."""
    made = results.load(paths.root() / place)
    made["rows"][1]["map_micro_high"] += 0.01
    seal.write_json(tmp_path / "reports" / "results" / "a.json", made)
    shutil.copytree(paths.root() / "reports" / "scores", tmp_path / "reports" / "scores")
    monkeypatch.setattr(paths, "root", lambda: tmp_path)
    monkeypatch.setattr(readme, "RECORDS", {"quick": {"reports/results/a.json": "0"}})
    with pytest.raises(AmcError, match=r"a\.json: map_micro_high of .* is [\d.]+, but [\d.]+ by synth-quick-"):
        readme.records()
    next((tmp_path / "reports" / "scores").glob("*rgb-seed-0.npz" if "03" in place else "*I3D*")).unlink()
    with pytest.raises(AmcError, match=r"npz"):
        readme.records()
