"""The README's table of results, from the records of complete runs: nothing in it is typed by hand.

Every mAP is computed again from the score files beside a record, and compared with it.
"""

import math
from collections.abc import Iterable
from pathlib import Path

from amc.base import paths
from amc.base.errors import AmcError
from amc.base.wording import with_interval
from amc.config import METHOD
from amc.metrics import MAPS
from amc.runs import results, tables
from amc.scores import Scores

MARKS = ("<!-- results: written by `python -m amc readme`, do not edit -->", "<!-- end of results -->")
RECORDS = {  # by size: the record of each notebook, and its seeds
    "quick": {"reports/results/03_ablation.json": "0", "reports/results/04_state_of_the_art.json": "0"},
    "standard": {
        "reports/standard/results/03_ablation.json": "0,1,2",
        "reports/standard/results/04_state_of_the_art.json": "0,1,2",
    },
}
DEFAULTS = dict.fromkeys(("flow_method", "backbone", "pretrained", "kinetics", "data_root", "annotation"), "")
WHOLE = {
    "03_ablation": {"scheme": "all", "modality": "all"},
    "04_state_of_the_art": {"methods": "all", "dataset": "synth", "num_windows": 0, "epochs": 0, **DEFAULTS},
}
REAL = "Animal Kingdom's own annotation"
ROUNDING = 1e-6  # percent; another version of numpy may add in another order
INTERVALS = (
    "Intervals: 95 %. With one seed they are over test clips, for these weights only; with several, over seeds and "
    "clips, around their mean."
)
NOTE = f"{INTERVALS} Measured coverage: [record](reports/interval_coverage.json)."


def records(folder: Path | None = None) -> dict[str, list[dict]]:
    """The records in this repository that may be shown, by size; with `folder`, only sizes whose records lie in it.

    Raises AmcError for records of partial runs, of runs of several commits, and for a number that is not that of the
    score files. A notebook may be of a later commit than its runs, which it uses only if no stage has changed since.
    """
    placed = {
        size: {paths.root() / place: seeds for place, seeds in places.items()} for size, places in RECORDS.items()
    }
    here = folder or paths.root()
    shown = {size: each for size, each in placed.items() if all(path.is_relative_to(here) for path in each)}
    found = {size: [results.load(path) for path in each] for size, each in shown.items()}
    for size, each in found.items():
        for record, (path, seeds) in zip(each, shown[size].items(), strict=True):
            name, given, origin = record["notebook"], record["parameters"], record["provenance"]
            whole = WHOLE[name] | {"size": size, "seeds": seeds}
            if any(given[key] != value for key, value in whole.items()):
                raise AmcError(f"{name}: no whole run; run make {name} SIZE={size} SEEDS={seeds} again")
            commits = origin["run_commits"]
            if len(commits) != 1 or not all(commit.isalnum() for commit in [*commits, origin["commit"]]):
                raise AmcError(
                    f"{name}: runs of {', '.join(commits)}, notebook of {origin['commit']}, but one commit without "
                    "changes has to train all; commit, empty data/cache/runs, run "
                    f"make {name} SIZE={size} SEEDS={seeds}"
                )
            _recompute(record, path)
    return found


def _recompute(record: dict, path: Path) -> None:
    """Raise AmcError unless every mAP of a record is that of the score files, `../scores` seen from it."""
    given = record["parameters"]
    parts = [given["dataset"], given["size"], *["table1"] * (record["notebook"] == "04_state_of_the_art")]
    for row in record["rows"]:
        system = f"{row['scheme']} {row['modality']}" if row["method"] == METHOD else row["method"]
        seeds = given["seeds"].split(",")[: row["seeds"]]  # a row that sees no video is trained once
        files = [results.score_file(path.parents[1], *parts, f"{system} seed {seed}") for seed in seeds]
        for name, value in tables.maps([Scores.load(file) for file in files]).items():
            if value is not None and not math.isclose(value, row[name], abs_tol=ROUNDING):
                what = f"{path}: {name} of {system} is {row[name]}, but {value} by {files[0].name}"
                raise AmcError(f"{what}; run make reproduce again, which writes both")


def block(records: dict[str, list[dict]]) -> str:
    """The table and its marks: a line per row of the paper's tables, a column per size; a note on the intervals."""
    lines = [["row", "paper", *(f"`{size}`: macro, micro" for size in records)], ["---"] * (len(records) + 2)]
    for row in rows(records):
        cells = [", ".join(row["maps"][size]) if size in row["maps"] else "–" for size in records]
        lines.append([f"{row['table']}: {row['name']}", row["paper"], *cells])
    by_size = [facts(each) for each in records.values()]
    lines += [[name, "", *(each[name] for each in by_size)] for name in by_size[0]]
    table = [f"| {' | '.join(line)} |" for line in lines]
    return "\n".join([MARKS[0], *table, "", NOTE, MARKS[1]])


def rows(records: dict[str, list[dict]]) -> list[dict]:
    """The rows of the paper's tables that any size has, Table 1 first, as texts.

    Keys: table ("Table 2"), name ("sparse, rgb"), paper (its number and metric), maps: by size, macro and micro mAP in
    percent with their intervals; a size without this row is not in it.
    """
    by_place = {size: {_place(row): row for row in _rows(each)} for size, each in records.items()}
    listed = []
    for place in dict.fromkeys(place for measured in by_place.values() for place in measured):
        found = {size: measured[place] for size, measured in by_place.items() if place in measured}
        first = next(iter(found.values()))
        paper = " ".join(str(first[name]) for name in ("paper", "paper_metric") if first[name])
        maps = {size: _maps(row) for size, row in found.items()}
        listed.append({"table": place[0], "name": place[1], "paper": paper, "maps": maps})
    return listed


def facts(records: list[dict]) -> dict[str, str]:
    """How the records of a size were made, by name of the fact."""
    origin = records[0]["provenance"]
    return {
        "command": _command(records),
        "clips: training, test": "{train}, {test}".format(**origin["clips"]),
        "commit of all runs": _distinct(record["provenance"]["run_commits"][0] for record in records),
        "machine that made the tables": _distinct(
            "{count} cores, {model}".format(**record["provenance"]["cpu"]) for record in records
        ),
        "products of transformers": _distinct(row.get("products", "float32") for row in _trained(records)),
        "training, all rows, on one core": f"{training_seconds(records) / 60:.0f} min",
    }


def _command(records: list[dict]) -> str:
    """One command if all records have the same seeds, else one for each notebook."""
    given = {record["notebook"]: "SIZE={size} SEEDS={seeds}".format(**record["parameters"]) for record in records}
    if len(set(given.values())) == 1:
        given = {"reproduce": next(iter(given.values()))}
    return _distinct(f"`make {name} {values}`" for name, values in given.items())


def _distinct(texts: Iterable[str]) -> str:
    """Different texts in the order of the records."""
    return ", ".join(dict.fromkeys(texts))


def training_seconds(records: list[dict]) -> float:
    """The seconds of one core of all trainings, pre-training included; one that two tables share counts once."""
    trained = {}
    for record in records:
        for row in _trained([record]):
            system = row["method"], row["scheme"], row["modality"], row["seeds"]
            trained[*system, *record["provenance"].get("run_commits", ())] = row
    return sum(row["seeds"] * (row["training_seconds"] + row["pretraining_seconds"]) for row in trained.values())


def _trained(records: list[dict]) -> list[dict]:
    return [row for record in records for row in record["rows"] if "training_seconds" in row]


def write(path: Path) -> Path:
    """Write the table of `records` between its marks in the README at `path`."""
    text = path.read_text(encoding="utf-8")
    start, stop = (text.index(mark) for mark in MARKS)
    return paths.write_text(path, text[:start] + block(records()) + text[stop + len(MARKS[1]) :])


def _rows(records: list[dict]) -> list[dict]:
    """All rows of a size, those of Table 1 first, and the results of its blind rows on the real annotation."""
    real = [
        row | {"on": REAL} for record in records for row in record["provenance"].get("blind_on_real_annotation", ())
    ]
    rows = [row for record in records for row in record["rows"]]
    return sorted(rows, key=lambda row: row["table"] or 1) + real


def _place(row: dict) -> tuple[str, str]:
    """The table that a row belongs to, and its name there."""
    if row.get("on"):
        return row["on"], f"{row['method']}, sees no video"
    if row["table"] in (1, None):
        return "Table 1", row["method"] + ("" if row["table"] else ", sees no video")
    return f"Table {row['table']}", f"{row['scheme']}, {row['modality']}"


def _maps(row: dict) -> list[str]:
    return [with_interval([row[f"{name}{end}"] for end in ("", "_low", "_high")]) for name in MAPS]
