"""Results: one JSON per notebook, and the paper's numbers for comparison."""

import csv
import math
from pathlib import Path

import numpy as np

from amc.base import paths, seal
from amc.base.errors import AmcError


def write(notebook: str, parameters: dict, rows: list[dict], provenance: dict) -> Path:
    """Write `results/<notebook>.json` of `paths.reports()`, atomically. NaN becomes null.

    Called by a notebook's last cell: the file's presence means that the run finished. Raises AmcError.
    """
    path = paths.reports() / "results" / f"{notebook}.json"
    record = {"notebook": notebook, "parameters": parameters, "provenance": provenance, "rows": rows}
    seal.write_json(path, _plain(record), indent=1)
    return path


def load(path: Path) -> dict:
    """The result in a file that `write` left. Raises AmcError when it is missing, damaged or changed by hand."""
    try:
        record = seal.read_json(path)
        return {key: record[key] for key in ("notebook", "parameters", "provenance", "rows")}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise AmcError(f"{path}: no readable result ({error}); run its notebook first") from error


def score_file(reports: Path, *parts: str) -> Path:
    """The score file of a run in `reports`: its data set and size, `table1` for a row of Table 1, its name."""
    return reports / "scores" / f"{'-'.join(parts).replace(' ', '-')}.npz"


def validation_file(path: Path) -> Path:
    """The validation scores that belong to a file, whether or not they exist: `<its name>-val.npz` beside it."""
    return path.with_name(f"{path.stem}-val.npz")


def paper_tables() -> list[dict]:
    """Rows of `data/paper_tables.csv`, the paper's numbers.

    Columns: table (int), method, scheme, modality, map (percent), metric, source, evidence (for the metric).
    """
    return [row | {"table": int(row["table"])} for row in _published("paper_tables.csv")]


def leaderboard() -> list[dict]:
    """Rows of `data/leaderboard.csv`, numbers of other papers on the same benchmark.

    Columns: system, map (percent), metric, modality, source, evidence.
    """
    return _published("leaderboard.csv")


def _published(name: str) -> list[dict]:
    with (paths.root() / "data" / name).open(encoding="utf-8", newline="") as file:
        return [row | {"map": float(row["map"])} for row in csv.DictReader(file)]


def _plain(value: object) -> object:
    """`value` in JSON's own types: arrays and tuples as lists, paths as text, numbers that are not finite as None."""
    if isinstance(value, dict):
        return {str(key): _plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(entry) for entry in value]
    if isinstance(value, np.ndarray | np.generic):
        return _plain(value.tolist())
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value) if isinstance(value, Path) else value
