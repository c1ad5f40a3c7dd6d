"""Numbers of a record in words: values with intervals, differences, lists of names. Plain text, no Markdown."""

import math
from collections.abc import Sequence

from amc.base.wording import listed
from amc.runs import tables

METRICS = {"map_macro": "macro", "map_micro": "micro"}


def number(value: float | None) -> float:
    """The value; NaN for None, which a record has in its place."""
    return math.nan if value is None else float(value)


def triple(row: dict, name: str, *, scale: float = 1) -> tuple[float, float, float]:
    """`name`, `name_low`, `name_high` of a row, times `scale`; NaN where there is none."""
    return tuple(scale * number(row.get(f"{name}{end}")) for end in ("", "_low", "_high"))


def span(values: Sequence[float | None], spec: str = ".1f", unit: str = "") -> str:
    """A value with its 95 % interval, from (value, low, high): `36.9 % (95 % 34.9 to 44.6)`. spec: of the format."""
    value, low, high = map(number, values)
    if math.isnan(value):
        return "not measurable"
    return f"{value:{spec}}{unit} (95 % {low:{spec}} to {high:{spec}})" if low <= high else f"{value:{spec}}{unit}"


def spoken(text: str) -> str:
    """A text in which the first interval says what it is, and the others stand in brackets alone."""
    before, mark, after = text.partition("(95 % ")
    return f"{before}{mark and '(95 % interval '}{after.replace(mark or '(', '(')}"


def count(number: int, noun: str) -> str:
    """`1 clip`, `2 clips`."""
    return f"{number} {noun}{'' if number == 1 else 's'}"


def change(found: dict) -> str:
    """A difference in both mAPs as of `tables.compare`, in points, with intervals; what it shows tells `found_in`."""
    parts = []
    for metric, name in METRICS.items():
        values = [number(found.get(f"{metric}_{what}")) for what in ("difference", "low", "high")]
        parts += [f"{name} {span(values, '+.1f')}"] * math.isfinite(values[0])
    return f"{listed(parts)} points" if parts else "not measurable"


def found_in(found: dict, least: dict) -> list[str]:
    """The metrics, `macro` and `micro`, in which a difference is found.

    least: the smallest difference that the test finds, by metric (`noise.detectable`), in points.
    """
    return [name for metric, name in METRICS.items() if direction(found, metric, least=number(least[metric]))]


def direction(found: dict, metric: str = "map_macro", *, least: float = 0) -> int:
    """`tables.direction`, also for a difference that a record holds as None: 0."""
    known = {f"{metric}_{what}": number(found.get(f"{metric}_{what}")) for what in ("difference", "low", "high")}
    return tables.direction(known, metric, least=least)


def effect(low: float, high: float, more: str, less: str, neither: str) -> str:
    """One of three wordings, by where 0 lies in an interval; `neither` also for NaN."""
    return more if low > 0 else less if high < 0 else neither


def above_chance(row: dict, metric: str = "map_macro") -> bool:
    """Whether the whole interval of an mAP is above chance, in a row of `tables.rows`."""
    return number(row.get(f"{metric}_low")) > number(row.get(f"chance_{METRICS[metric]}"))


def against_chance(row: dict) -> str:
    """Both mAPs of a row of `tables.rows` beside chance: `macro mAP 62.0 (95 % …) is above chance, 22.8, …`."""
    parts = []
    for metric, name in METRICS.items():
        values, chance = triple(row, metric), number(row.get(f"chance_{name}"))
        verdict = effect(values[1] - chance, values[2] - chance, "above", "below", "not significantly different from")
        parts.append(f"{name} mAP {span(values)} is {verdict} chance, {chance:.1f},")
    return listed(parts).rstrip(",")


def nothing_yet(size: str) -> str:
    """The beginning of a sentence about a model that is not above chance."""
    return f"at size {size} the model knows nothing yet"


LIMITS = {
    "smoke": "Size smoke shows that the pipeline runs, not how well the method works",
    "demo": "Size demo is one trained model on few clips, so intervals are wide",
}


def limits(size: str) -> list[str]:
    """A sentence that limits what a small size shows; none for other sizes."""
    return [LIMITS[size]] if size in LIMITS else []


def sentence(text: str) -> str:
    """`text` with a capital at its beginning and one full stop at its end."""
    return f"{text[:1].upper()}{text[1:].rstrip('.')}."
