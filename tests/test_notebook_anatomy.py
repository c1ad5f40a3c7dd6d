"""Every notebook has the same anatomy: title, parameters, set-up, body, check, record, answer, close; no outputs."""

import ast
import io
import json
import re
import tokenize
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))
TAGS = {"parameters", "hide-input", "exercise", "solution"}
MAGIC = "%matplotlib inline"


@pytest.fixture(params=NOTEBOOKS, ids=lambda path: path.stem)
def notebook(request) -> dict:
    if not NOTEBOOKS:
        pytest.skip("no notebook yet")
    return json.loads(request.param.read_text(encoding="utf-8"))


def source(cell: dict) -> str:
    return "".join(cell["source"])


def tags(cell: dict) -> list[str]:
    return cell["metadata"].get("tags", [])


def code(notebook: dict) -> list[dict]:
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def python(cell: dict) -> str:
    """The source without the one magic that is allowed."""
    return "\n".join("" if line == MAGIC else line for line in source(cell).splitlines())


def test_it_opens_with_a_title_and_a_quoted_question(notebook):
    first = notebook["cells"][0]
    assert first["cell_type"] == "markdown"
    lines = source(first).splitlines()
    assert lines[0].startswith("# ") and any(line.startswith("> ") for line in lines)


def test_its_second_cell_holds_plain_typed_parameters_with_their_meaning(notebook):
    second = notebook["cells"][1]
    assert second["cell_type"] == "code" and tags(second) == ["parameters"]
    assert [tags(cell) for cell in notebook["cells"]].count(["parameters"]) == 1
    text = source(second)
    assert len(text.splitlines()) <= 12
    for line in text.splitlines():
        (statement,) = ast.parse(line).body
        assert isinstance(statement, ast.AnnAssign), line
        assert ast.unparse(statement.annotation) in ("str", "int", "float", "bool"), line  # others hide it
        ast.literal_eval(statement.value)
        assert [t for t in tokenize.generate_tokens(io.StringIO(line).readline) if t.type == tokenize.COMMENT], line


def test_it_is_stored_without_outputs_for_any_python_3(notebook):
    assert notebook["metadata"]["kernelspec"]["name"] == "python3"
    assert all(cell["outputs"] == [] and cell["execution_count"] is None for cell in code(notebook))
    assert notebook["nbformat"] == 4 and "papermill" not in notebook["metadata"]


def test_it_is_short(notebook):
    cells = [[line for line in source(cell).splitlines() if not is_import(line)] for cell in code(notebook)]
    assert len(cells) <= 25 and sum(bool(line.strip()) for cell in cells for line in cell) <= 150
    assert max(map(len, cells)) <= 15


def is_import(line: str) -> bool:
    """Imports stand one per module, however few names each has."""
    return line.startswith(("import ", "from "))


def test_it_defines_no_class_and_no_long_function_and_uses_no_magic(notebook):
    for cell in code(notebook):
        for node in ast.walk(ast.parse(python(cell))):  # any other magic is a syntax error here
            assert not isinstance(node, ast.ClassDef | ast.Global)
            if isinstance(node, ast.FunctionDef):
                assert node.end_lineno - node.lineno < 10, node.name
        assert "sys.path" not in source(cell)


def test_it_is_tagged_with_the_known_tags_only_and_every_exercise_has_a_solution(notebook):
    used = [tag for cell in notebook["cells"] for tag in tags(cell)]
    assert set(used) <= TAGS and used.count("exercise") == used.count("solution")


def test_it_ends_with_its_record_and_the_answer_that_the_record_holds(notebook):
    *_, record, answer = [cell for cell in code(notebook) if "solution" not in tags(cell)]
    name = re.search(r"results\.write\(\"(\w+)\"", source(record))[1]
    assert f'origin["answer"] = answers.answer("{name}", ' in source(record)
    assert source(answer).splitlines()[-1] == 'Markdown(origin["answer"])'


def test_it_explains_before_it_computes_and_closes_in_words(notebook):
    kinds = [cell["cell_type"] for cell in notebook["cells"]]
    assert kinds.count("markdown") >= kinds.count("code") / 2
    assert [cell["cell_type"] for cell in notebook["cells"] if "solution" not in tags(cell)][-1] == "markdown"
