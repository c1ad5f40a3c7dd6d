"""Copies for a class have the exercises with their cells for answers, and neither solutions nor any output."""

import nbformat
from user_commands import NOTEBOOKS

from amc.__main__ import main
from amc.runs import notebooks


def tags(path) -> list[str]:
    return [tag for cell in nbformat.read(path, 4).cells for tag in cell.metadata.get("tags", [])]


def test_every_notebook_is_copied_without_solutions_and_with_its_exercises_and_cells_for_answers(tmp_path):
    written = notebooks.class_copies(tmp_path / "class")
    assert [path.name for path in written] == sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))
    for path in written:
        source = NOTEBOOKS / path.name
        assert "solution" in tags(source) and "solution" not in tags(path)
        for kept in ("exercise", "answer", "predict"):
            assert tags(path).count(kept) == tags(source).count(kept) >= 1
        copied, original = nbformat.read(path, 4), nbformat.read(source, 4)
        assert len(copied.cells) == len(original.cells) - tags(source).count("solution")
        assert not [cell for cell in copied.cells if cell.get("outputs")]


def test_the_command_says_what_it_wrote(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert main(["class"]) == 0
    assert "class/00_quickstart.ipynb" in capsys.readouterr().out
