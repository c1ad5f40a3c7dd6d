"""How good must flow be? The same run trained on the flow of several methods, and without flow."""

from collections.abc import Sequence

from amc import intervals
from amc.base.errors import AmcError, choice
from amc.config import Experiment
from amc.flow import METHODS
from amc.raft.weights import ARCHITECTURES, BUNDLED
from amc.runs import tables
from amc.runs.ablation import ablation
from amc.runs.experiment import Run, run_all

NONE = "none"  # frames alone: the baseline for flow
MODALITIES = ("flow", "rgb+flow")


def configs(methods: str, size: str, weights: str = "") -> list[Experiment]:
    """RGB, then flow alone and RGB with flow by each of `methods`, "dis,true": sparse, as in the paper's Table 3.

    No runs for an empty text. weights: a checkpoint of RAFT, for methods other than raft-synth. Raises AmcError for an
    unknown method, and for fewer than two methods.
    """
    names = [name.strip() for name in methods.split(",") if name.strip()]
    for name in names:
        choice("effect", name, list(METHODS))
    if not names:
        return []
    if len(set(names)) < max(len(names), 2):
        raise AmcError(f"effect: {methods!r} compares nothing; name two methods or more, each once")
    by = [("rgb", "")] + [(modality, name) for modality in MODALITIES for name in names]
    return [
        ablation(
            scheme="sparse",
            modality=modality,
            size=size,
            flow_method=name,
            flow_weights=weights if name in ARCHITECTURES and name != BUNDLED else "",
        )[0]
        for modality, name in by
    ]


def measured(methods: str, size: str, weights: str = "") -> tuple[list[dict], list[str]]:
    """`rows` and `readings` of the runs of `configs`, trained if necessary."""
    asked = configs(methods, size, weights)
    if not asked:
        return [], ["left out: the parameter effect is empty"]
    runs = run_all(asked)
    return rows(runs), readings(runs)


def rows(runs: Sequence[Run]) -> list[dict]:
    """One row per run: modality, flow method, both mAPs with intervals, the gain over frames alone, number of videos.

    The gain (`more`, `more_low`, `more_high`) is a difference in macro mAP, paired over the test videos. Percent and
    points.
    """
    alone = runs[0].scores("test")
    found = []
    for run in runs:
        pixels = run.cfg.pixels
        [row] = tables.rows(run.scores("val"), run.scores("test"), tables=())
        more = tables.compare(alone, run.scores("test"))
        found.append(
            {"modality": pixels.modality, "flow": pixels.flow_method if "flow" in pixels.modality else NONE}
            | {name: row[name] for name in tables.INTERVALS}
            | intervals.columns("more", tables.points(more))
            | {"videos": len(alone.labels)}
        )
    return found


def readings(runs: Sequence[Run]) -> list[str]:
    """One sentence per modality and pair of successive methods, on whether the second differs from the first."""
    said = []
    for modality in MODALITIES:
        of = [run for run in runs if run.cfg.pixels.modality == modality]
        for one, other in zip(of, of[1:], strict=False):
            names = f"{modality}, {other.cfg.pixels.flow_method} − {one.cfg.pixels.flow_method}"
            said.append(tables.reading(names, tables.compare(*(run.scores("test") for run in (one, other)))))
    return said
