"""What `predict` is asked for, besides videos and a model; and rules for each behaviour, from a table."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import numpy as np

from amc.base.errors import AmcError
from amc.datasets import delimited
from amc.datasets.names import clean
from amc.ethogram.bouts import Rules
from amc.ethogram.formats import nwb
from amc.ethogram.timeline import SlidingWindow

NAMES = {"min_seconds": "min_bout", "bin_seconds": "bin"}  # of fields that the command calls otherwise
FIELDS = {"min_bout": "min_seconds", "max_gap": "max_gap"}  # of `Rules`, by column


@dataclass(frozen=True)
class Options:
    """How videos are predicted on, and what is written. Each but `human` is a part of the run's id. Raises AmcError."""

    sliding: SlidingWindow = field(default_factory=SlidingWindow)
    rules: Rules = field(default_factory=Rules)
    threshold: float = 0.0  # for all behaviours; 0: chosen on validation data, or 0.5 for zero-shot
    own_threshold: Mapping[str, float] = field(default_factory=dict)  # of behaviours that have another one
    bin_seconds: float = 0.0  # of the time budget's bins; 0: none
    crop: str = ""  # X,Y,W,H or a table of boxes: what is cut from each frame (`crops`)
    annotate: bool = False  # also write a copy of each video with labels drawn into it
    nwb: bool = False  # also write an NWB file of each video
    human: tuple[str, ...] = ()  # files of human annotation, or folders of them, to compare with
    subject: str = ""  # of the annotation, to compare with; empty: each and all together
    device: str = "cpu"

    def __post_init__(self):
        if self.nwb:
            nwb.check()
        if self.bin_seconds and not 1 <= self.bin_seconds < np.inf:
            raise AmcError(f"bin: {self.bin_seconds} is not allowed; give 1 second or more, or 0 for no bins")

    @property
    def named(self) -> dict:
        """All but `human`, as JSON types by the names that the command's options have."""
        found = {name: value for name, value in asdict(self).items() if name != "human"}
        found |= found.pop("sliding") | found.pop("rules")
        found["rules"] = [found.pop("each"), found.pop("own_threshold")]
        return {NAMES.get(name, name): value for name, value in found.items()}


def read_rules(path: Path | str, rules: Rules) -> tuple[Rules, dict[str, float]]:
    """`rules` with those of each behaviour in a table; and the thresholds that it gives.

    Columns: behaviour, threshold, min_bout, max_gap. An empty cell, or a behaviour without a row, has the value of the
    command. behaviours.csv of a run is such a table. Raises AmcError, naming file and line, for a wrong value, a
    behaviour twice, and a file of another kind.
    """
    each, thresholds = {}, {}
    try:
        rows = delimited.read(path, ("behaviour",), optional=("threshold", *FIELDS))
    except delimited.NoHeader as error:
        columns = ",".join(("behaviour", "threshold", *FIELDS))
        raise AmcError(f"{path}: is no table of rules; give a CSV with the columns {columns}") from error
    for line, cells in rows:
        name = clean(delimited.unescape(cells["behaviour"]))
        if not name or name in each:
            says = f"{name!r} is there twice; give it one line" if name else "names no behaviour; write its name"
            raise AmcError(f"{path}:{line}: {says}")
        values = {column: _number(f"{path}:{line}", column, cells.get(column, "")) for column in ("threshold", *FIELDS)}
        if values["threshold"] is not None:
            thresholds[name] = values["threshold"]
        own = {FIELDS[column]: values[column] for column in FIELDS if values[column] is not None}
        each[name] = replace(rules, **own)
    return replace(rules, each=each), thresholds


def check_rules(rules: Rules, thresholds: Mapping[str, float], names: Sequence[str]) -> None:
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
