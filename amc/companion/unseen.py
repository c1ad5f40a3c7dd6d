"""Animals and behaviours held out from training: score files in, rows of results out (notebook 09).

Species are held out by the data set. Behaviours are held out by the protocol unseen-behaviours, so that the model knows
only their names (paper sec. 2: the nearest text embedding, of any text).
"""

import numpy as np

from amc import intervals, metrics
from amc.aggregate import AGGREGATES
from amc.baselines import species_prior
from amc.config import Experiment
from amc.datasets.table import ClipTable
from amc.runs import tables
from amc.runs.ablation import ablation
from amc.scores import Scores

HIDING = "unseen-behaviours"


def configs(
    *, dataset: str = "synth", size: str = "quick", scheme: str = "sparse", modality: str = "rgb+flow", seed: int = 0,
    flow_method: str = "", data_root: str = "",
) -> list[Experiment]:  # fmt: skip
    """The same run under the official protocol, and with some behaviours held out. Raises AmcError."""
    same = {"dataset": dataset, "size": size, "scheme": scheme, "modality": modality, "seeds": seed}
    same |= {"flow_method": flow_method, "data_root": data_root}
    return [ablation(**same, protocol=protocol)[0] for protocol in ("official", HIDING)]


def by_animal(test: Scores, table: ClipTable) -> list[dict]:
    """Macro mAP (percent) of known and of new animals, over the behaviours of both: one row per system and group.

    Systems: the model, and the blind predictors fitted on the same training clips. Empty if no test clip shows a new
    animal. test: scores of the official test split of `table`.
    """
    unseen = tables.is_unseen(test)
    both = test.labels[unseen].any(axis=0) & test.labels[~unseen].any(axis=0)
    if not both.any():
        return []
    systems = {"AnimalMotionCLIP": AGGREGATES["mean"](test.probs)}
    systems |= {name: predictor(table, "test")[0] for name, predictor in species_prior.BLIND.items()}
    rows = []
    for name, probs in systems.items():
        for group, mask in (("known animals", ~unseen), ("new animals", unseen)):
            facts = {"system": name, "group": group, "videos": int(mask.sum()), "behaviours": int(both.sum())}
            rows.append(facts | _macro(test.labels[mask][:, both], probs[mask][:, both]))
    return rows


def by_name(labelled: Scores, held_out: Scores, untrained: Scores) -> tuple[list[dict], list[dict]]:
    """Three systems on the held-out behaviours of the same test clips: rows of means, and rows per behaviour.

    labelled: trained on them too; held_out: trained without them; untrained: CLIP with untrained new modules.
    Percent, with 95 % intervals; `chance` is the mean AP of a ranking in random order. Behaviours without a test clip
    are left out.
    """
    hidden = [c for c in held_out.meta["hidden"] if held_out.labels[:, c].any()]
    labels = labelled.labels[:, hidden]
    chance = 100 * metrics.expected_ap(labels.sum(axis=0), len(labels))
    systems = {"trained on it": labelled, "held out": held_out, "untrained": untrained}
    probs = {name: AGGREGATES["mean"](scores.probs)[:, hidden] for name, scores in systems.items()}
    rows = [{"system": name} | _macro(labels, found) | {"chance": chance.mean()} for name, found in probs.items()]
    behaviours = []
    for n, c in enumerate(hidden):
        behaviour = {"behaviour": str(labelled.names[c]), "videos": int(labels[:, n].sum()), "chance": chance[n]}
        for name, found in probs.items():
            ap = _macro(labels[:, [n]], found[:, [n]])
            behaviour |= {name: ap["macro"], f"{name} low": ap["low"], f"{name} high": ap["high"]}
        behaviours.append(behaviour)
    return rows, behaviours


def gain(labels: np.ndarray, first: np.ndarray, second: np.ndarray) -> dict[str, float]:
    """Macro mAP of `second` minus `first` on the same videos, in points, with its paired 95 % interval."""
    found = intervals.difference(labels, second, first)["map_macro"]
    return {name: 100 * found[name] for name in ("difference", "low", "high")}


def _macro(labels: np.ndarray, probs: np.ndarray) -> dict[str, float]:
    macro = intervals.estimates(labels, probs)["map_macro"]
    return dict(zip(("macro", "low", "high"), macro.percent(), strict=True))
