"""Rules for each behaviour: a table with the columns behaviour, threshold, min_bout, max_gap in, `Rules` out.

An empty cell, or a behaviour without a row, has the value of the command. behaviours.csv of a run is such a table.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from amc.base.errors import AmcError
from amc.datasets import delimited
from amc.datasets.names import clean
from amc.ethogram.bouts import Rules

FIELDS = {"min_bout": "min_seconds", "max_gap": "max_gap"}  # of `Rules`, by column


def read(path: Path | str, rules: Rules) -> tuple[Rules, dict[str, float]]:
    """`rules` with those of each behaviour in the file; and the thresholds that it gives.

    Raises AmcError, naming file and line, for a wrong value, a behaviour twice, and a file of another kind.
    """
    each, thresholds = {}, {}
    for line, cells in delimited.read(path, ("behaviour",), optional=("threshold", *FIELDS)):
        name = clean(delimited.unescape(cells["behaviour"]))
        if not name or name in each:
            says = f"{name!r} is there twice; give it one line" if name else "names no behaviour; write its name"
            raise AmcError(f"{path}:{line}: {says}")
        values = {column: _number(f"{path}:{line}", column, cells.get(column, "")) for column in ("threshold", *FIELDS)}
        if values["threshold"] is not None:
            thresholds[name] = values["threshold"]
        own = {field: values[column] for column, field in FIELDS.items() if values[column] is not None}
        each[name] = replace(rules, **own)
    return replace(rules, each=each), thresholds


def check(rules: Rules, thresholds: Mapping[str, float], names: Sequence[str]) -> None:
    """Raise AmcError for rules of a behaviour that is none of `names`, the model's."""
    if unknown := [name for name in {**rules.each, **thresholds} if name not in names]:
        raise AmcError(f"rules: {unknown[0]!r} is no behaviour of the model; choose from: {', '.join(names)}")


def _number(place: str, column: str, cell: str) -> float | None:
    """The value of a cell; None for an empty one."""
    if not cell:
        return None
    try:
        value = float(cell.replace(",", "."))
    except ValueError:
        value = -1.0
    is_threshold = column == "threshold"
    if not 0 <= value < float("inf") or (is_threshold and not 0 < value <= 1):
        wanted = "a probability above 0 and up to 1" if is_threshold else "seconds from 0"
        raise AmcError(f"{place}: {column} {cell!r} is not allowed; give {wanted}, or nothing")
    return value
