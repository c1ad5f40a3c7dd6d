"""The rows of `controls.measure` in words: a table, the scores that survive without the animal, and what explains them.

Rows in, texts out; nothing is scored here.
"""

from collections.abc import Sequence
from dataclasses import replace

from amc import intervals
from amc.base.wording import with_interval
from amc.baselines import species_prior
from amc.companion.controls import CONTROLS, INTACT, MOST, NO_ANIMAL, in_order, videos
from amc.config import Experiment
from amc.runs import experiment


def summary(rows: Sequence[dict]) -> list[dict]:
    """The rows of `measure` as texts, one line per run: macro mAP intact, and its change under each control."""
    lines: dict[str, dict] = {}
    kinds = [kind for kind in (INTACT, *CONTROLS) if kind in {row["control"] for row in rows}]
    for row in rows:
        line = lines.setdefault(row["run"], {"row": row["run"]} | dict.fromkeys(kinds, "–"))
        text = with_interval([row[f"map_macro_change{end}"] for end in ("", "_low", "_high")], "+.1f")
        line[row["control"]] = f"{row['map_macro']:.1f}" if row["control"] == INTACT else text
    return list(lines.values())


def survivors(rows: Sequence[dict]) -> list[dict]:
    """The rows whose score survives without the animal: no significant change, or over half of (intact - chance) left.

    A row that is not above chance when intact has no score to lose, and is left out.
    """
    of_it = [row for row in rows if row["control"] == NO_ANIMAL and row["left"] is not None]
    return [r for r in of_it if r["left"] > 0.5 or r["map_macro_change_low"] <= 0 <= r["map_macro_change_high"]]


def verdict(rows: Sequence[dict]) -> str:
    """One sentence on the rows whose score survives without the animal."""
    if not any(row["control"] == NO_ANIMAL for row in rows):
        return "Without the animal: left out, only a generated world can be drawn again without its animals."
    if not (found := survivors(rows)):
        return "Without the animal no row keeps its score: each loses significantly, and most of its margin."
    named = [
        f"{row['run']} ({row['map_macro']:.1f} of {row['map_macro'] - row['map_macro_change']:.1f} macro mAP, chance "
        f"{row['chance_macro']:.1f}; change {row['map_macro_change_low']:+.1f} to {row['map_macro_change_high']:+.1f})"
        for row in found
    ]
    return f"The score survives without the animal, and needs an explanation: {'; '.join(named)}."


def place_only(cfg: Experiment) -> str:
    """One sentence: the macro mAP of a predictor that knows the place of each clip and nothing else.

    It is the species prior with the environment of the clip's script in place of the species, on the clips of
    `measure`. What a score without the animal is above it comes from elsewhere: the camera's motion, or parts of the
    place that the script does not name. Empty for real videos, whose place nobody names.
    """
    table = experiment.load(cfg)
    if table.drawn is None:
        return ""
    clips = tuple(replace(clip, species=table.drawn.script(clip.id).environment) for clip in table.clips)
    scores = species_prior.predict("species prior", replace(table, clips=clips, taxonomy={}), "test", meta={})
    chosen = videos(scores, in_order(len(scores.ids), 0)[: MOST.get(cfg.size)])
    value = with_interval(intervals.estimates(chosen.labels, chosen.probs[:, 0])["map_macro"].percent())
    return f"A predictor that knows only the place of each clip has {value} macro mAP on these clips."
