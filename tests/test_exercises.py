"""What a learner reads below an exercise: known right, wrong and missing answers."""

import ast
import json

import numpy as np
import pytest
import torch
from user_commands import NOTEBOOKS

from amc.companion import exercises

HINT = "look again"


@pytest.mark.parametrize(
    "answer, true",
    [
        (3, 3),
        (np.int64(3), 3),
        (torch.tensor(0.5), 0.5),
        (True, np.bool_(True)),
        (" walking", "Walking"),
        ({"Walking", "eating"}, {"Eating", "Walking"}),
        (["b", "a"], {"a", "b"}),
        ("a", {"a"}),
        ((0, 2), [0, 2]),
        (np.array([0, 2]), [0, 2]),
        ({"a": 1}, {"A": 1.0}),
        ([], []),
        (set(), set()),
        (0, 0),
    ],
)
def test_a_right_answer_is_right_however_it_is_written(answer, true):
    assert exercises.check(answer, true, hint=HINT) == exercises.RIGHT


@pytest.mark.parametrize(
    "answer, true, said",
    [
        (2, 3, "Not yet (too low): look again"),
        (4.5, 3, "Not yet (too high): look again"),
        (float("nan"), 3, "Not yet (too high): look again"),
        ("3", 3, "Not yet (give a number): look again"),
        (True, 1, "Not yet (give a number): look again"),
        (1, True, "Not yet (give True or False): look again"),
        (False, True, "Not yet: look again"),
        ("eating", "walking", "Not yet: look again"),
        (5, "walking", "Not yet (give a text): look again"),
        ({"a", "c", "d"}, {"a", "b"}, "Not yet (1 missing, 2 too many): look again"),
        (None, {"a"}, exercises.UNANSWERED),
        ([0], [0, 2], "Not yet (1 values, not 2): look again"),
        ([2, 0], [0, 2], "Not yet: look again"),
        (2, [0, 2], "Not yet (give a list): look again"),
        ({"a": 2}, {"a": 1}, "Not yet: look again"),
        (3, {"a": 1}, "Not yet (give a dict): look again"),
        ({"a": 1}, {"a"}, "Not yet (give a set): look again"),
        ([["a"]], {"a"}, "Not yet (1 missing, 1 too many): look again"),
    ],
)
def test_a_wrong_answer_is_told_why_in_one_line(answer, true, said):
    assert exercises.check(answer, true, hint=HINT) == said


def test_a_number_may_be_off_by_as_much_as_allowed():
    assert exercises.check(10.5, 10, within=0.5, hint=HINT) == exercises.RIGHT
    assert exercises.check(10.6, 10, within=0.5, hint=HINT).startswith("Not yet (too high)")
    assert exercises.check([0, 9], [0, 10], within=1, hint=HINT) == exercises.RIGHT
    assert exercises.check([0, 8], [0, 10], within=1, hint=HINT).startswith("Not yet")


def test_each_of_several_accepted_answers_is_right():
    assert exercises.check("b", "a", "b", hint=HINT) == exercises.RIGHT
    assert exercises.check("c", "a", "b", hint=HINT) == "Not yet: look again"


@pytest.mark.parametrize("accepted", [(), (None,)])
def test_without_a_truth_an_answer_is_neither_right_nor_wrong(accepted):
    assert exercises.check(1, *accepted, hint=HINT) == exercises.NOTHING
    assert exercises.predicted(1, *accepted, hint=HINT) == exercises.NOTHING
    assert exercises.check(None, *accepted, hint=HINT) == exercises.UNANSWERED


def test_a_prediction_is_compared_and_a_missing_one_is_asked_for():
    assert exercises.predicted(8, 8, hint=HINT) == "As you predicted."
    assert exercises.predicted(4, 8, hint=HINT) == "Not as you predicted: look again"
    assert exercises.predicted(None, 8, hint=HINT) == exercises.NO_PREDICTION


RULES = {"return a number": lambda out: isinstance(out, int), "return more than 2": lambda out: out > 2}


@pytest.mark.parametrize(
    "function, said",
    [
        (lambda x: x + 2, "Right."),
        (lambda x: x, "Not yet: return more than 2"),
        (str, "Not yet: return a number"),
        (lambda x: x / 0, "Not yet: your code stops with ZeroDivisionError: division by zero"),
        (lambda: 1, "Not yet: your code stops with TypeError"),
        (lambda x: None, exercises.UNANSWERED),
        (None, exercises.UNANSWERED),
    ],
)
def test_a_function_is_told_the_first_rule_that_its_result_breaks(function, said):
    assert exercises.tried(function, (1,), RULES).startswith(said)


def test_a_rule_that_fails_on_an_unexpected_result_is_a_broken_rule():
    assert exercises.tried(lambda: "a", (), {"return numbers": lambda out: out.sum() > 0}) == "Not yet: return numbers"


def test_a_function_cannot_change_the_objects_of_the_notebook():
    frames = [1, 2]
    assert exercises.tried(lambda given: given.clear() or 3, (frames,), RULES) == exercises.RIGHT
    assert frames == [1, 2]


def cells(path) -> list[dict]:
    return [cell for cell in json.loads(path.read_text(encoding="utf-8"))["cells"] if cell["cell_type"] == "code"]


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_no_answer_cell_needs_a_solution(path):
    """Copies for a class have no solutions, and a learner may run an answer before or without them."""
    made, needed = {True: set(), False: set()}, set()
    for cell in cells(path):
        tags = cell["metadata"].get("tags", [])
        tree = ast.parse("".join(cell["source"]).replace("%matplotlib inline", ""))
        for node in ast.walk(tree):
            if isinstance(node, ast.Name):
                if isinstance(node.ctx, ast.Store):
                    made["solution" in tags].add(node.id)
                elif "answer" in tags:
                    needed.add(node.id)
            elif isinstance(node, ast.alias | ast.FunctionDef):
                made["solution" in tags].add((getattr(node, "asname", None) or node.name).split(".")[-1])
            elif isinstance(node, ast.arg):
                made["solution" in tags].add(node.arg)
    assert needed & (made[True] - made[False]) == set()


def names_made(source: str) -> set[str]:
    """Names that the cell itself assigns, imports or defines; not those inside functions and comprehensions."""
    made = set()
    for statement in ast.parse(source.replace("%matplotlib inline", "")).body:
        if isinstance(statement, ast.FunctionDef):
            made.add(statement.name)
        for target in getattr(statement, "targets", []) + [getattr(statement, "target", None)]:
            made |= {node.id for node in ast.walk(target) if isinstance(node, ast.Name)} if target else set()
    return made


@pytest.mark.parametrize("path", sorted(NOTEBOOKS.glob("*.ipynb")), ids=lambda path: path.stem)
def test_an_answer_cell_overwrites_no_name_of_the_notebook(path):
    made = {True: set(), False: set()}
    for cell in cells(path):
        tags = cell["metadata"].get("tags", [])
        if "solution" not in tags:
            made["answer" in tags] |= names_made("".join(cell["source"]))
    assert made[True] & made[False] == set()
