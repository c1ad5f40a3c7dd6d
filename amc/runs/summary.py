"""What a run says about its mAPs, in one line: with intervals, and beside chance. Tables and scores in, text out."""

from amc import intervals, metrics
from amc.aggregate import AGGREGATES
from amc.datasets.table import ClipTable
from amc.scores import Scores


def by_chance(train: ClipTable, val: ClipTable) -> str:
    """What validation shows of a model that sees no video: the lines of the epochs mean something only above it."""
    chance = metrics.chance(val.labels(), train.labels().mean(axis=0))["map_micro"]
    return f"validation: {len(val)} clips; micro mAP by chance, from the labels' frequency alone: {100 * chance:.1f} %"


def tested(scores: Scores) -> str:
    """Both mAPs of the test split with 95 % intervals, and chance."""
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
