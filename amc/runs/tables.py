"""Score files in, rows of the paper's tables out: both averagings with intervals, beside chance and the paper's number.

Numbers are percent. Nothing here needs a model; the threshold is chosen on the validation scores.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from amc import intervals, metrics
from amc.aggregate import AGGREGATES, choose_threshold, label_sets
from amc.base.errors import AmcError
from amc.datasets.table import ClipTable
from amc.runs.results import paper_tables
from amc.scores import Scores

PAPER = {"paper": "map", "paper_metric": "metric", "paper_source": "source", "paper_evidence": "evidence"}
# Limits of tail and head in training positives, for the generated worlds; other data sets use Animal Kingdom's.
BANDS = dict.fromkeys(("synth", "synth-menagerie"), (20, 100))
PUBLISHED_BANDS = (100, 500)
INTERVALS = tuple(f"{name}{end}" for name in metrics.MAPS for end in ("", "_low", "_high"))


def rows(
    val: Scores | Sequence[Scores], test: Scores | Sequence[Scores], *, tables: tuple[int, ...] = (2, 3)
) -> list[dict]:
    """The rows of one system: one for each of the paper's `tables` that contains it, else one without a table.

    val, test: the score files of a run, or of runs that differ in their seed alone. Numbers of several are means over
    the `seeds`, `map_macro_sd` and `map_micro_sd` their standard deviations, and the intervals are over seeds and
    videos together; `seed` is then None.
    """
    vals, tests = _listed(val), _listed(test)
    cfg = tests[0].meta["experiment"]
    cell = {"method": cfg["method"], "scheme": cfg["sampling"]["scheme"], "modality": cfg["pixels"]["modality"]}
    papers = [
        {"table": paper["table"]} | {key: paper[column] for key, column in PAPER.items()}
        for paper in paper_tables()
        if paper["table"] in tables
        and (paper["method"], paper["modality"]) == (cell["method"], cell["modality"])
        and paper["scheme"] in ("", cell["scheme"])  # Table 1 names the scheme of our own row only
    ]
    each = [_measured(*files) | _training(files[1]) for files in zip(vals, tests, strict=True)]
    facts = {"seed": cfg["seed"] if len(tests) == 1 else None, "seeds": len(tests)}
    facts |= maps(tests) | {name: _mean([one[name] for one in each]) for name in each[0]}
    return [cell | paper | facts for paper in papers or [dict.fromkeys(("table", *PAPER))]]


def maps(tests: Sequence[Scores]) -> dict:
    """Both mAPs of a system's seeds with intervals, and their standard deviation over seeds, None for one; percent."""
    found = {}
    for name, estimate in intervals.estimates(tests[0].labels, _fused(tests)).items():
        found |= intervals.columns(name, estimate.percent())
        found[f"{name}_sd"] = 100 * float(estimate.values.std(ddof=1)) if len(tests) > 1 else None
    return found


def _listed(scores: Scores | Sequence[Scores]) -> list[Scores]:
    return [scores] if isinstance(scores, Scores) else [*scores]


def _fused(system: Sequence[Scores]) -> np.ndarray:
    """The mean over the classifiers of each seed, (S, V, C)."""
    return np.stack([AGGREGATES["mean"](scores.probs) for scores in system])


def _mean(values: list) -> object:
    """The mean over seeds of numbers; whether one of them says True; of anything else the first."""
    if len(values) == 1 or not all(isinstance(value, int | float) for value in values):
        return values[0]
    return any(values) if isinstance(values[0], bool) else float(np.mean(values))


def _measured(val: Scores, test: Scores) -> dict:
    [probs], [chosen_on] = _fused([test]), _fused([val])
    positives = np.array(test.meta["train_positives"])
    found = {f"chance_{name[4:]}": 100 * value for name, value in metrics.chance(test.labels, positives).items()}
    threshold = choose_threshold(val.labels, chosen_on)
    found |= {name: 100 * value for name, value in metrics.f1(test.labels, label_sets(probs, threshold)).items()}
    ap = metrics.average_precision(test.labels, probs)
    edges = BANDS.get(test.meta["experiment"]["dataset"], PUBLISHED_BANDS)
    found |= {name: 100 * v for name, v in metrics.head_middle_tail(ap, positives, edges=edges).items()}
    unseen = is_unseen(test)
    for name, mask in (("seen_species", ~unseen), ("unseen_species", unseen)):
        found[name] = 100 * metrics.map_macro(test.labels[mask], probs[mask]) if mask.any() else None
    found |= _by_name_alone(test, probs)
    single = (test.labels.sum(axis=1) == 1).all()
    found["top1"] = 100 * metrics.top1(test.labels, probs) if single else None
    return found | {"threshold": threshold, "videos": len(test.ids), "behaviours": int(np.isfinite(ap).sum())}


def _by_name_alone(test: Scores, probs: np.ndarray) -> dict:
    """Macro mAP of the behaviours held out in training, under the protocol unseen-behaviours; else None."""
    name = "unseen_behaviours"
    if not (hidden := list(test.meta.get("hidden", ()))):
        return dict.fromkeys((name, f"{name}_low", f"{name}_high", f"{name}_chance"))
    labels, probs = test.labels[:, hidden], probs[:, hidden]
    macro = intervals.estimates(labels, probs)["map_macro"]
    chance = 100 * np.nanmean(metrics.expected_ap(labels.sum(axis=0), len(labels)))
    return intervals.columns(name, macro.percent()) | {f"{name}_chance": chance}


def _training(test: Scores) -> dict:
    """Cost and initial weights of a trained run; a blind row is not trained and sees no frames."""
    if "fit" not in test.meta:
        return dict.fromkeys(("scheme", "modality"), "") | dict.fromkeys(("gflops", "parameters"))
    fit, cfg = test.meta["fit"], test.meta["experiment"]
    clip = f"{cfg['backbone']} {cfg['pretrained']}"
    own = f"{cfg['network']} {Path(cfg['init_from']).name or 'random'}" if cfg["network"] else ""
    return {
        **test.meta["cost"],
        "views": test.logits.shape[1],
        "frames": test.frames.shape[2],
        "stride": cfg["sampling"]["stride"],
        "epochs": len(fit["losses"]),
        "best_epoch": fit["best_epoch"],
        "still_improving": fit["is_improving"],
        "training_seconds": fit["seconds"],
        "pretraining_seconds": test.meta["pretraining"]["seconds"],
        "products": test.meta.get("products", "float32"),  # those of transformers, in training
        "weights": own if cfg["sampling"]["stride"] else f"{own}, {clip}".removeprefix(", "),  # strided: no CLIP
    }


def is_unseen(scores: Scores) -> np.ndarray:
    """Which videos show an animal that no training clip shows: bool (V,); none if the score file lacks the species."""
    seen = {*scores.meta.get("train_species", ";".join(scores.species).split(";")), ""}
    return np.array([not seen >= set(names.split(";")) for names in scores.species])


def compare(first: Scores | Sequence[Scores], second: Scores | Sequence[Scores]) -> dict[str, float]:
    """`second` minus `first` in points of mAP, with paired 95 % intervals over the same videos; a system or its seeds.

    With several seeds of a system the intervals are over its seeds too. With one seed each they hold for these two
    trained models only: others of the same two systems may differ the other way. Returns `difference`, `low`, `high`,
    `p` (0 to 1) and `error`, the standard error, each after the metric's name. Raises AmcError for unlike videos.
    """
    one, other = _listed(first), _listed(second)
    if any(scores.ids.tolist() != one[0].ids.tolist() for scores in (*one, *other)):
        raise AmcError("compare: the score files are of different videos; score the same split with both systems")
    found = intervals.difference(one[0].labels, _fused(other), _fused(one))
    return {f"{name}_{what}": v if what == "p" else 100 * v for name in metrics.MAPS for what, v in found[name].items()}


def points(difference: dict, metric: str = "map_macro") -> tuple[float, float, float]:
    """(value, low, high) of a difference as of `compare`, in points."""
    return tuple(difference[f"{metric}_{what}"] for what in ("difference", "low", "high"))


def direction(difference: dict, metric: str = "map_macro", *, least: float = 0) -> int:
    """Whether a difference is found, 1 (more) or -1 (less): its interval excludes 0, and it is not below `least`.

    difference: as of `compare`. least: what can be found, in points (`noise.detectable`). 0: not found.
    """
    value, low, high = points(difference, metric)
    is_found = (low > 0 or high < 0) and abs(value) >= least
    return (1 if low > 0 else -1) if is_found else 0


def reading(name: str, difference: dict, metric: str = "map_macro", *, least: float = 0) -> str:
    """One sentence on a difference and its interval, by the rule of `direction`."""
    value, low, high = points(difference, metric)
    sign = direction(difference, metric, least=least)
    verdict = {1: "more", -1: "less"}.get(sign, "not significant (the 95 % interval includes 0)")
    if not sign and (low > 0 or high < 0):
        verdict = f"not found, being below the {least:.1f} points that this test finds in 80 % of runs"
    averaging = metric.removeprefix("map_")
    return f"{name}: {value:+.1f} points of {averaging} mAP, 95 % interval {low:+.1f} to {high:+.1f}: {verdict}."


def chance_line(train: ClipTable, val: ClipTable) -> str:
    """One line: the validation mAP of a model that sees no video. Only epochs above it have learnt something."""
    chance = metrics.chance(val.labels(), train.labels().mean(axis=0))["map_micro"]
    return f"validation: {len(val)} clips; micro mAP by chance, from the labels' frequency alone: {100 * chance:.1f} %"


def result_line(scores: Scores) -> str:
    """One line: both mAPs of the test split with 95 % intervals, and chance."""
    labels, probs = scores.labels, AGGREGATES["mean"](scores.probs)
    if not labels.any():
        return "no test clip has a label, so nothing was measured"
    found = intervals.estimates(labels, probs)
    macro, micro = (_with_interval(found[name]) for name in metrics.MAPS)
    chance = metrics.against_chance(labels, probs)
    random = f"by chance {100 * chance['chance']:.1f} %, p {chance['p']:.2g}"
    return f"test macro mAP {macro}, {random}; micro {micro}; 95 % intervals over {len(labels)} clips"


def _with_interval(found: intervals.Estimate) -> str:
    """An mAP in percent; a perfect ranking of few clips has no interval, and says nothing of other clips."""
    value, low, high = found.percent()
    return f"{value:.1f} % ({f'{low:.1f} to {high:.1f}' if low < high else 'no interval'})"
