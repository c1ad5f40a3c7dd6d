"""How far scores can be trusted: how often they are right, F1 on films of known events, what more training clips bring.

Arrays and rows in, matplotlib Figures out.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.legend_handler import HandlerTuple
from matplotlib.lines import Line2D

from amc.base.wording import listed
from amc.figures import style, words
from amc.figures.style import INK, MODEL, PALE, SHADE, TRUTH, WIDTH, stamped, styled

AGAINST = {  # colour, marker, line, name in the legend, in the title
    "annotated": (SHADE, "s", "--", "it is annotated", "are annotated"),
    "truth": (TRUTH, "o", "-", "it really happens", "really happen"),
}
SURE = 0.5  # score from which a title counts


@styled
def reliability(found: Mapping[str, Mapping[str, np.ndarray]]) -> Figure:
    """Calibration: how many of 100 scores are right, for bins of scores, with the number of each bin above it.

    found: by `annotated` and `truth`, of `metrics.reliability`. The right panel and the title count the scores from
    SURE on. Marks of one bin are drawn beside each other.
    """
    figure = Figure((0.85 * WIDTH, 6.2), layout="constrained")
    axes, right = figure.subplots(1, 2, sharey=True, width_ratios=[6, 1])
    axes.plot([0, 1], [0, 100], color=SHADE, linewidth=1.5, linestyle=":", label="as often as the score promises")
    for name, bins in found.items():
        color, marker, line, label, _ = AGAINST[name]
        x, low, high = bins["confidence"], *_wilson(bins["frequency"], bins["count"])
        x = x + (0.009 if name == "truth" else -0.009)
        axes.vlines(x, 100 * low, 100 * high, color=color, lw=2, alpha=0.7)
        look = {"color": color, "marker": marker, "markersize": 8, "lw": 2, "label": f"right: {label}"}
        axes.plot(x, 100 * bins["frequency"], line, **look)
    counts = next(iter(found.values()))["count"]
    edges = np.linspace(0, 1, len(counts) + 1)
    top = axes.secondary_xaxis("top")
    top.set_xticks((edges[1:] + edges[:-1]) / 2, [f"{count:,}" for count in counts], fontsize=11, color=SHADE)
    top.set_xlabel("how many scores are in this range", fontsize=11, color=SHADE)
    top.tick_params(length=0)
    top.spines[:].set_visible(False)
    axes.set_xlabel("score: probability that the model gives to a behaviour")
    axes.set_ylabel("of 100 such scores, so many are right")
    axes.set(xlim=(-0.02, 1.02), ylim=(-3, 105), xticks=np.arange(0, 1.01, 0.1), yticks=range(0, 101, 20))
    axes.grid(color=PALE)
    counted = _sure(found)
    _summary(right, counted)
    handles, labels = axes.get_legend_handles_labels()
    handles += [tuple(Line2D([], [], color=AGAINST[name][0], marker="|", ls="", ms=14, mew=2) for name in found)]
    look = {"handler_map": {tuple: HandlerTuple(ndivide=None)}, "ncols": 2, "frameon": False}
    figure.legend(handles, [*labels, "95 % interval"], loc="outside lower center", **look)
    words.explain(figure, "annotated", "95 % interval")
    promised, *are = counted.values() or [0]
    told = listed(f"{value:.0f} {AGAINST[name][4]}" for name, value in zip(found, are))
    title = f"Of 100 scores of {SURE:g} or more, the model promises that {promised:.0f} are right: {told}"
    style.headline(figure, title if counted else f"No behaviour has a score of {SURE:g} or more")
    return figure


def _sure(found: Mapping[str, Mapping[str, np.ndarray]]) -> dict[str, float]:
    """Of 100 scores from SURE on, how many should be right by what they say, and how many are; empty without any."""
    counted = {}
    for name, bins in found.items():
        sure = np.flatnonzero((bins["count"] > 0) & (np.nan_to_num(bins["confidence"]) >= SURE))
        if len(sure):
            many = bins["count"][sure]
            means = (100 * np.average(bins[key][sure], weights=many) for key in ("confidence", "frequency"))
            counted["promised"], counted[name] = means
    return counted


def _summary(axes, counted: Mapping[str, float]) -> None:
    """The numbers of `_sure`, with the marks of the other panel and its y axis."""
    axes.set(xlim=(0, 1), xticks=[], title=f"all from\n{SURE:g} on")
    axes.grid(axis="y", color=PALE)
    axes.tick_params(length=0)
    places = np.array(sorted(counted.values()))
    places = np.maximum.accumulate(places - 6 * np.arange(len(places))) + 6 * np.arange(len(places))  # apart
    for place, (name, value) in zip(places, sorted(counted.items(), key=lambda pair: pair[1]), strict=True):
        if name == "promised":
            axes.hlines(value, 0, 0.45, color=SHADE, linewidth=1.5, linestyle=":")
        else:
            axes.plot(0.22, value, AGAINST[name][1], color=AGAINST[name][0], markersize=10)
        axes.text(0.5, place, f"{value:.0f}", va="center")


def _wilson(frequency: np.ndarray, count: np.ndarray, z: float = 1.96) -> tuple[np.ndarray, np.ndarray]:
    """Ends of Wilson's 95 % interval of a frequency among `count` pairs, taken as independent."""
    count = np.where(count > 0, count, np.nan)
    middle = (frequency + z**2 / (2 * count)) / (1 + z**2 / count)
    half = z / (1 + z**2 / count) * np.sqrt(frequency * (1 - frequency) / count + z**2 / (4 * count**2))
    return middle - half, middle + half


@styled
def measured(rows: Sequence[dict], *, stamp: str = "") -> Figure:
    """Bout F1 and frame F1 with 95 % intervals, one row each: `name`, `value`, `low`, `high`, `films`."""
    figure = Figure((WIDTH * 0.8, 1.9 + 0.42 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for y, row in enumerate(rows):
        axes.hlines(y, row["low"], row["high"], color=MODEL, linewidth=3, alpha=0.5)
        axes.plot(row["value"], y, "o", color=MODEL, markersize=10)
    labels = [f"{words.F1[row['name']]} ({row['name']})" for row in rows]
    axes.set(yticks=range(len(rows)), yticklabels=labels, ylim=(len(rows) - 0.5, -0.5))
    axes.set(xlabel="F1; bars: 95 % interval over films", xlim=(0, 1))
    axes.grid(axis="x", color=PALE)
    axes.tick_params(axis="y", length=0)
    words.explain(figure, "F1", "whole stretch", "95 % interval")
    values = {row["name"]: f"{row['value']:.2f} over {words.F1[row['name']]}" for row in rows}
    strict = ", the stricter measure" * ("bout F1" in values)
    told = listed(f"{value}{strict * (name == 'bout F1')}" for name, value in sorted(values.items(), reverse=True))
    films = f"On {rows[0]['films']} films of known events"
    stamped(figure, axes, f"{films} the model's F1 is {told}", words.doubts(stamp))
    return figure


@styled
def learning_curve(rows: Sequence[dict], *, stamp: str = "") -> Figure:
    """Macro mAP by training clips: rows of `clips`, `map_macro` with `_low` and `_high`, `chance_macro`, percent.

    The title compares the fewest with the most clips: whether the intervals of their values overlap, and if not, which
    step brings most of the gain.
    """
    table = pd.DataFrame(rows)
    figure = Figure((WIDTH * 0.8, 4.8), layout="constrained")
    axes = figure.subplots()
    axes.fill_between(table["clips"], table["map_macro_low"], table["map_macro_high"], color=MODEL, alpha=0.25, lw=0,
                      label="95 % interval over test clips")  # fmt: skip
    axes.plot(table["clips"], table["map_macro"], "o-", color=MODEL, markersize=10, lw=2.5, label="trained model")
    axes.plot(table["clips"], table["chance_macro"], ":", color=INK, lw=2, label="chance: clips in random order")
    axes.set(xlabel="how many labelled clips the model was trained on (logarithmic)", ylim=(0, 100), xscale="log")
    axes.set_ylabel("how well it finds behaviours\nin new clips (mAP, %)")
    axes.set_xticks(table["clips"], table["clips"])
    axes.minorticks_off()
    axes.grid(color=PALE)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    words.explain(figure, "mAP", "95 % interval")
    first, last = table.iloc[0], table.iloc[-1]
    apart = last["map_macro_low"] > first["map_macro_high"]
    ends = " and ".join(f"{row['map_macro']:.0f} % with {row['clips']:.0f} clips" for row in (first, last))
    title = f"More clips to learn from {'help' if apart else 'bring no clear gain'}: {ends}"
    if apart and len(table) > 2:
        steps = table["map_macro"].diff()
        at, gain = int(steps.argmax()), last["map_macro"] - first["map_macro"]
        step = f"{table['clips'][at - 1]:.0f} to {table['clips'][at]:.0f} clips"
        title += f"; {100 * steps[at] / gain:.0f} % of this gain comes from {step}"
    alone = f"Trained on {last['clips']:.0f} clips, the model reaches {last['map_macro']:.0f} %"
    stamped(figure, axes, title if len(table) > 1 else alone, words.doubts(stamp))
    return figure
