"""Figures of Table 1: accuracy and cost of each method, and one model under every averaging called mAP."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from amc.config import METHOD
from amc.figures import words
from amc.figures.style import INK, MARKERS, MODALITY_COLORS, PALE, SHADE, WIDTH, headline, styled

OURS = MODALITY_COLORS["rgb+flow"]  # the paper's own method


@styled
def accuracy_against_cost(rows: Sequence[dict]) -> Figure:
    """Table 1, one row per method, the cheapest on top: both mAPs with 95 % intervals, GFLOPs per video, parameters.

    rows: `method`, `gflops` and `parameters` (millions; None for a blind method, below a line), and, in percent,
    `map_macro`, `map_macro_low`, `map_macro_high` and the same for micro.
    """
    rows = sorted(rows, key=lambda row: (row["gflops"] is None, row["gflops"] or -row["map_macro"]))
    best, seeing = max(rows, key=lambda row: row["map_macro"]), [row for row in rows if row["gflops"] is not None]
    figure = Figure((WIDTH, 2.6 + 0.52 * len(rows)), layout="constrained")
    left, *costs = figure.subplots(1, 3, sharey=True, width_ratios=(2.6, 1, 1))
    for place, row in enumerate(rows):
        color = OURS if row["method"] == METHOD else "white"
        for (averaging, marker), lane in zip(MARKERS.items(), (-0.13, 0.13), strict=True):
            ends = [row[f"map_{averaging}{end}"] for end in ("_low", "_high")]
            left.plot(ends, [place + lane] * 2, color=INK, linewidth=1.5)
            look = {"color": color, "markeredgecolor": INK, "markersize": 10}
            left.plot(row[f"map_{averaging}"], place + lane, marker, **look)
    names = [words.method(row["method"]) for row in rows]
    left.set(yticks=range(len(rows)), yticklabels=names, ylim=(len(rows) - 0.5, -0.5), xlim=(0, None), xlabel="mAP, %")
    _bars(costs[0], seeing, "gflops", "GFLOPs per video")
    _bars(costs[1], seeing, "parameters", "parameters (millions)")
    for axes in (left, *costs):
        axes.axhline(len(seeing) - 0.5, color=SHADE, linestyle="--", linewidth=1.5)
        axes.grid(axis="x", color=PALE)
        axes.set_axisbelow(True)
    look = {"color": "white", "markeredgecolor": INK, "markersize": 10, "linestyle": ""}
    keys = [Line2D([], [], marker=marker, label=f"{name} mAP", **look) for name, marker in MARKERS.items()]
    keys += [Line2D([], [], color=INK, linewidth=1.5, label="95 % interval over videos")]
    keys += [Patch(facecolor=OURS, edgecolor=INK, label=f"{METHOD}, the method under test")]
    figure.legend(handles=keys, loc="outside lower center", ncols=4, frameon=False)
    terms = ["class frequency, species prior"] if len(seeing) < len(rows) else []
    words.explain(figure, "mAP", "macro, micro", "95 % interval", "GFLOPs", "names", *terms)
    most = ", more than any other" * (best is seeing[-1]) if seeing else ""
    cost = "" if best["gflops"] is None else f", at {best['gflops']:.2g} GFLOPs per video{most}"
    headline(figure, f"{best['method']} has the highest macro mAP, {best['map_macro']:.0f} %{cost}")
    return figure


def _bars(axes: Axes, rows: Sequence[dict], key: str, label: str) -> None:
    """One cost of each method as a bar with its number."""
    colors = [OURS if row["method"] == METHOD else PALE for row in rows]
    bars = axes.barh(range(len(rows)), [row[key] for row in rows], 0.6, color=colors, edgecolor=INK)
    axes.bar_label(bars, [f"{row[key]:.3g}" for row in rows], padding=4, fontsize=12)
    axes.set_xlabel(label, fontsize=12)
    axes.margins(x=0.45)
    axes.tick_params(axis="y", length=0)


@styled
def metric_mix(rows: Sequence[dict], *, batches: Sequence[int]) -> Figure:
    """The same scores under every averaging that is called mAP: macro, micro, micro by batch of each size.

    rows: `method`, `map_macro`, `map_micro` and `by_batch`, a dict from batch size to mAP, in percent; top row first.
    """
    figure = Figure((WIDTH, 2.8 + 0.52 * len(rows)), layout="constrained")
    axes, places = figure.subplots(), np.arange(len(rows))
    looks = {"macro": (MARKERS["macro"], "white", 110), "micro": (MARKERS["micro"], INK, 90)}
    looks |= {f"micro by batch of {b}": ("D", str(c), 60) for b, c in zip(batches, np.linspace(0.9, 0.4, len(batches)))}
    values = np.array([[r["map_macro"], r["map_micro"], *(r["by_batch"][b] for b in batches)] for r in rows])  # (R, K)
    axes.hlines(
        places, values.min(axis=1), values.max(axis=1), color=SHADE, linewidth=2.5, zorder=1, label="lowest to highest"
    )
    for column, (name, (marker, color, size)) in zip(values.T, looks.items(), strict=True):
        lane = places + 0.22 * (marker == "D")  # lower, as they would hide the nearby micro mAP
        axes.scatter(column, lane, size, marker=marker, facecolor=color, edgecolor=INK, label=name, zorder=3)
    shown = next((k for k, row in enumerate(rows) if row["method"] == METHOD), int(np.ptp(values, axis=1).argmax()))
    for place, row in enumerate(values):
        weight = "bold" if place == shown else "normal"
        axes.text(row.max() + 1.5, place, f"{row.min():.0f} to {row.max():.0f} %", va="center", weight=weight)
    names = [words.method(row["method"]) for row in rows]
    axes.set(yticks=places, yticklabels=names, ylim=(len(rows) - 0.5, -0.5), xlim=(0, 1.25 * values.max()))
    axes.get_yticklabels()[shown].set_fontweight("bold")
    axes.set(xlabel="mAP, %")
    axes.grid(axis="x", color=PALE)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    blind = ["class frequency, species prior"] if any(row["method"] in words.BLIND for row in rows) else []
    words.explain(figure, "mAP", "macro, micro", *["by batch"] * bool(batches), "names", *blind)
    ends = f"{values[shown].min():.0f} to {values[shown].max():.0f} %"
    headline(figure, f"The same scores of {rows[shown]['method']} have {ends} mAP, depending on how it is averaged")
    return figure
