"""Every notebook has the same anatomy: title, parameters, set-up, body, check, record, answer, close; no outputs."""

import ast
import io
import json
import re
import tokenize
from pathlib import Path

import pytest

NOTEBOOKS = sorted((Path(__file__).resolve().parents[1] / "notebooks").glob("*.ipynb"))
TAGS = {"parameters", "hide-input", "predict", "exercise", "answer", "solution"}
FOR_LEARNERS = {"answer", "solution"}  # a reader may skip these cells: the text above and the record do not need them
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


def told(notebook: dict) -> list[dict]:
    """The cells that tell the story, without those in which learners answer, and the solutions."""
    return [cell for cell in notebook["cells"] if not FOR_LEARNERS & set(tags(cell))]


def python(cell: dict) -> str:
    """The source without the one magic that is allowed."""
    return "\n".join("" if line == MAGIC else line for line in source(cell).splitlines())


def test_it_opens_with_a_title_and_a_quote_of_three_paragraphs(notebook):
    """Without an empty line between them the three would be rendered as one."""
    first = notebook["cells"][0]
    assert first["cell_type"] == "markdown"
    lines = source(first).splitlines()
    assert lines[0].startswith("# ")
    quoted = [line for line in lines if line.startswith(">")]
    assert [line.split("**")[1] for line in quoted[::2]] == ["Question.", "Paper.", "Time and hardware."]
    assert quoted[1::2] == [">", ">"]


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
    """Cells for learners do not count: the limits keep the story short, and exercises are no part of it."""
    counted = {
        cell["id"]: [line for line in source(cell).splitlines() if not is_import(line)] for cell in code(notebook)
    }
    assert max(map(len, counted.values())) <= 15
    cells = [counted[cell["id"]] for cell in told(notebook) if cell["cell_type"] == "code"]
    assert len(cells) <= 25 and sum(bool(line.strip()) for cell in cells for line in cell) <= 150


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


def test_it_is_tagged_with_the_known_tags_only(notebook):
    used = [tag for cell in notebook["cells"] for tag in tags(cell)]
    assert set(used) <= TAGS
    assert all(len(tags(cell)) <= 1 for cell in notebook["cells"])


def test_every_exercise_is_followed_by_a_cell_for_the_answer_and_a_folded_solution(notebook):
    cells = notebook["cells"]
    places = [place for place, cell in enumerate(cells) if tags(cell) == ["exercise"]]
    for number, place in enumerate(places, start=1):
        text, answer, solution = cells[place : place + 3]
        assert f"**Exercise {number}** (" in source(text)
        assert tags(answer) == ["answer"] and "exercises." in source(answer)
        assert tags(solution) == ["solution"] and source(solution).startswith(f"# Solution {number}\n")
        assert solution["metadata"]["jupyter"] == {"outputs_hidden": True, "source_hidden": True}
    assert sum(tags(cell) == ["solution"] for cell in cells) == len(places)


def test_a_prediction_is_asked_for_before_the_cell_that_answers_it_and_compared_after(notebook):
    [place] = [place for place, cell in enumerate(notebook["cells"]) if tags(cell) == ["predict"]]
    asked, *following = notebook["cells"][place + 1 :]
    assert tags(asked) == ["answer"] and "prediction = None" in source(asked)
    compared = next(n for n, cell in enumerate(following) if tags(cell) == ["answer"])
    assert "exercises.predicted(prediction" in source(following[compared])
    assert any(cell["cell_type"] == "code" for cell in following[:compared])


def test_no_answer_is_written_already(notebook):
    for cell in notebook["cells"]:
        for node in ast.walk(ast.parse(source(cell))) if tags(cell) == ["answer"] else ():
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]).startswith(("answer_", "prediction")):
                assert ast.unparse(node.value) == "None"


def test_it_ends_with_its_record_and_the_answer_that_the_record_holds(notebook):
    *_, record, answer = [cell for cell in told(notebook) if cell["cell_type"] == "code"]
    name = re.search(r"results\.write\(\"(\w+)\"", source(record))[1]
    assert f'origin["answer"] = answers.answer("{name}", ' in source(record)
    assert source(answer).splitlines()[-1] == 'Markdown(origin["answer"])'


def test_it_explains_before_it_computes_and_closes_in_words(notebook):
    kinds = [cell["cell_type"] for cell in told(notebook)]
    assert kinds.count("markdown") >= kinds.count("code") / 2
    assert kinds[-1] == "markdown"
