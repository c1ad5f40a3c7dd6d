"""Exercises that check themselves: an answer and what is true in, one line of text out, which never shows the truth.

No function here fails on a wrong or missing answer, so that a notebook with open exercises runs to its end.
"""

import copy
import math
from collections.abc import Callable, Mapping
from numbers import Number
from typing import Any

UNANSWERED = "Write your answer, then run this cell."
NO_PREDICTION = "No prediction yet: write one in the cell before, then run both cells."
NOTHING = (
    "Nothing to compare with in this run: it needs ground truth, other parameters, or the run that the text names."
)
RIGHT = "Right."

Rules = dict[str, Callable[[Any], bool]]  # what to tell the learner if a result does not have this property


def check(answer: Any, *accepted: Any, hint: str, within: float = 0.0) -> str:
    """Whether `answer` equals one of the `accepted` values: right, or not yet and why.

    accepted: numbers, texts (upper and lower case are equal), True or False, sets (a list will do), lists, dicts and
    arrays; none, or only None, if this run cannot know. hint: where to look, without the answer. within: the largest
    absolute difference of a number.
    """
    if answer is None:
        return UNANSWERED
    known = [_plain(value) for value in accepted if value is not None]
    if not known:
        return NOTHING
    given = _plain(answer)
    return RIGHT if any(_equal(given, one, within) for one in known) else f"Not yet{_why(given, known[0])}: {hint}"


def predicted(prediction: Any, *measured: Any, hint: str, within: float = 0.0) -> str:
    """Whether what was predicted before a cell ran is what it `measured`; the arguments are those of `check`."""
    if prediction is None:
        return NO_PREDICTION
    verdict = check(prediction, *measured, hint=hint, within=within)
    return {RIGHT: "As you predicted.", NOTHING: NOTHING}.get(verdict, f"Not as you predicted: {hint}")


def tried(function: Callable | None, arguments: tuple, rules: Rules) -> str:
    """Whether what the learner's `function` returns for `arguments` keeps every rule; the first broken one is the hint.

    A function that is None or returns None is not written yet. It gets copies of the arguments.
    """
    if function is None:
        return UNANSWERED
    try:
        result = function(*copy.deepcopy(arguments))
    except Exception as error:
        return f"Not yet: your code stops with {type(error).__name__}: {error}"
    if result is None:
        return UNANSWERED
    broken = next((hint for hint, holds in rules.items() if not _holds(holds, result)), None)
    return RIGHT if broken is None else f"Not yet: {broken}"


def _holds(rule: Callable[[Any], bool], result: Any) -> bool:
    try:
        return bool(rule(result))
    except Exception:  # a result of an unexpected type or shape does not have the property
        return False


def _plain(value: Any) -> Any:
    """Arrays as lists, texts without case, sets as frozensets, so that == compares what they hold."""
    if hasattr(value, "tolist"):
        return _plain(value.tolist())
    if isinstance(value, str):
        return value.strip().casefold()
    if isinstance(value, Mapping):
        return {_plain(key): _plain(item) for key, item in value.items()}
    if isinstance(value, set | frozenset):
        return frozenset(_plain(item) for item in value)
    return [_plain(item) for item in value] if isinstance(value, list | tuple) else value


def _equal(given: Any, true: Any, within: float) -> bool:
    if isinstance(true, bool) or isinstance(given, bool):
        return given is true
    if isinstance(true, Number) and isinstance(given, Number):
        return math.isclose(given, true, rel_tol=1e-9, abs_tol=within)
    if isinstance(true, list) and isinstance(given, list):
        return len(given) == len(true) and all(_equal(a, b, within) for a, b in zip(given, true, strict=True))
    if isinstance(true, dict) and isinstance(given, dict):
        return given.keys() == true.keys() and all(_equal(given[key], true[key], within) for key in true)
    return _members(given) == true if isinstance(true, frozenset) else given == true


def _members(given: Any) -> Any:
    """What stands for a set: a list, or a single text or number."""
    if isinstance(given, list):
        return frozenset(str(item) if isinstance(item, list | dict) else item for item in given)
    return frozenset([given]) if isinstance(given, str | Number) else given


def _why(given: Any, true: Any) -> str:
    """What is wrong with an answer, if its type or size says so already."""
    if isinstance(true, frozenset):
        members = _members(given)
        if isinstance(members, frozenset):
            return f" ({len(true - members)} missing, {len(members - true)} too many)"
    if isinstance(true, bool):
        return "" if isinstance(given, bool) else " (give True or False)"
    if isinstance(true, Number):
        is_number = isinstance(given, Number) and not isinstance(given, bool)
        return f" (too {'low' if given < true else 'high'})" if is_number else " (give a number)"
    for kind, word in ((str, "a text"), (list, "a list"), (frozenset, "a set"), (dict, "a dict")):
        if isinstance(true, kind) and not isinstance(given, kind):
            return f" (give {word})"
    if isinstance(true, list):
        return f" ({len(given)} values, not {len(true)})" if len(given) != len(true) else ""
    return ""
