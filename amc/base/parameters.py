"""From a notebook's parameter cell to a checked configuration: wrong values and misspelt names stop the run at once.

papermill only warns about an unknown name and runs with the default; here it is an error.
"""

import ast
import difflib
import inspect
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar, get_args

from amc.base.errors import AmcError, shorten_interrupts

T = TypeVar("T")
INJECTED = "# Parameters"  # the first line of the cell that papermill inserts


def take(namespace: dict, function: Callable[..., T], *, also: tuple[str, ...] = ()) -> T:
    """Call `function` with the notebook's variables of the same names.

    From now on an interrupt of the notebook is one line, and markup in a styled table is shown as text.

    namespace: the notebook's globals(); also: parameters that the notebook uses itself. Raises AmcError for an
    unknown name given to papermill, with the allowed ones, and for a list, number or null where text is declared;
    `function` raises its own errors for wrong values.
    """
    import pandas as pd  # not at the top: commands import this module too

    if "get_ipython" in namespace:
        shorten_interrupts(namespace["get_ipython"]())
    pd.set_option("styler.format.escape", "html")
    kinds = {name: parameter.annotation for name, parameter in inspect.signature(function).parameters.items()}
    wanted, cells = tuple(kinds), namespace.get("In", ())
    allowed = [*wanted, *also]
    for name in _injected(cells):
        if name not in allowed:
            close = difflib.get_close_matches(name, allowed, n=1)
            hint = f"did you mean {close[0]}? " if close else ""
            raise AmcError(f"parameter {name!r} is not known; {hint}choose from: {', '.join(allowed)}")
    kinds = {name: str for name in _texts(cells) if name in also} | kinds
    for name, kind in kinds.items():
        is_text = str in (kind, *get_args(kind))  # str, or such as str | int
        if is_text and name in namespace and not isinstance(namespace[name], kind):
            raise AmcError(
                f'{name}: {namespace[name]!r} is not text; give text, "" for none, several names with commas between '
                f"them, a number as text with papermill -r {name} …"
            )
    return function(**asked(namespace, function))


def asked(namespace: dict, function: Callable, *, also: tuple[str, ...] = ()) -> dict:
    """The variables that `take` would use, and the notebook's own parameters, for a record of how it was made."""
    return {name: namespace[name] for name in (*inspect.signature(function).parameters, *also) if name in namespace}


def flag(name: str, value: object) -> bool:
    """`value` if it is True or False; papermill passes `-p flag false` as text. Raises AmcError."""
    if not isinstance(value, bool):
        raise AmcError(f"{name}: {value!r} is not a truth value; give True or False, as in -p {name} True")
    return value


def whole(name: str, value: object, low: int, high: int | None = None) -> int:
    """`value` where it is a whole number from `low` to `high` (None: no bound). Raises AmcError."""
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    if not is_whole or value < low or (high is not None and value > high):
        bounds = f"of at least {low}" if high is None else f"from {low} to {high}"
        raise AmcError(f"{name}: {value!r} is not allowed; give a whole number {bounds}")
    return value


def file(name: str, value: object) -> Path | None:
    """The file that `value` names, None where it is empty. Raises AmcError where there is none."""
    path = Path(str(value)).expanduser()
    if value and not path.is_file():
        raise AmcError(f"{name}: {value!r} is no file; give the path of one, or leave it empty")
    return path if value else None


def _texts(cells: list[str]) -> list[str]:
    """Names that a parameter cell declares as text: `name: str = …`."""
    found = []
    for source in cells:
        try:
            nodes = ast.parse(source).body
        except SyntaxError:  # a magic, or an unfinished line
            continue
        declared = [node for node in nodes if isinstance(node, ast.AnnAssign)]
        found += [node.target.id for node in declared if ast.unparse(node.annotation) == "str"]
    return found


def _injected(cells: list[str]) -> list[str]:
    """Names assigned in the cells that papermill injected, from the kernel's history of executed cells."""
    trees = [ast.parse(source) for source in cells if source.startswith(INJECTED)]
    return [
        target.id for tree in trees for node in tree.body if isinstance(node, ast.Assign) for target in node.targets
    ]
