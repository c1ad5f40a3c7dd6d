"""Figures of Table 1: accuracy against cost, and one model under every averaging called mAP."""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.ticker import LogLocator, NullLocator
from matplotlib.transforms import Bbox

from amc.config import METHOD
from amc.figures.style import INK, MARKERS, MODALITY_COLORS, PALE, SHADE, WIDTH, styled
from amc.metrics import MAPS

OURS, PEER = MODALITY_COLORS["rgb+flow"], PALE  # the paper's own method; the others of Table 1
# Places of a name around its point: left or right (x), above or below (y), and distance; the first free one is taken.
BESIDE = np.array([(x, y, far) for far in (1, 2, 3.5) for y in (0, 1, -1) for x in (1, -1, 0) if x or y])


@styled
def accuracy_against_cost(rows: Sequence[dict]) -> Figure:
    """Table 1 as accuracy against cost: both mAPs with 95 % intervals against GFLOPs per video; dashed: blind methods.

    rows: `method`, `gflops` (None for a blind method), `parameters` (millions: the area of a point), and, in percent,
    `map_macro`, `map_macro_low`, `map_macro_high` and the same for micro.
    """
    figure = Figure((WIDTH, 8.4), layout="constrained")
    seeing, blind = ([row for row in rows if (row["gflops"] is None) == is_blind] for is_blind in (False, True))
    largest = max(row["parameters"] for row in seeing)
    for axes, key in zip(figure.subplots(2, 1), MAPS, strict=True):
        axes.set(ylim=(0, 1.15 * max(row[f"{key}_high"] for row in rows)), ylabel=f"{key.removeprefix('map_')} mAP, %")
        for row in seeing:
            color, size = OURS if row["method"] == METHOD else PEER, 24 * (row["parameters"] / largest) ** 0.5
            axes.plot([row["gflops"]] * 2, [row[f"{key}_low"], row[f"{key}_high"]], color=INK, linewidth=1.5)
            axes.plot(row["gflops"], row[key], "o", markersize=size, color=color, markeredgecolor=INK)
        free = 0  # next free line of the margin, from below
        for row in sorted(blind, key=lambda row: row[key]):
            axes.axhline(row[key], color=SHADE, linestyle="--", linewidth=1.5, zorder=1)
            place, text = max(row[key], free), row["method"].replace(" ", "\n")
            axes.text(1.01, place, text, transform=axes.get_yaxis_transform(), fontsize=11, linespacing=1)
            free = place + 0.1 * axes.get_ylim()[1]
        axes.set(xscale="log", xlabel="GFLOPs per video")
        axes.xaxis.set(major_locator=LogLocator(subs=(1, 2, 5)), major_formatter="{x:g}", minor_locator=NullLocator())
        costs = [row["gflops"] for row in seeing]
        axes.set_xlim(min(costs) / 1.5, 2.2 * max(costs))  # room for a name on the right
        axes.grid(color=PALE)
        axes.set_axisbelow(True)
    figure.suptitle("Accuracy against cost (area: parameters; bars: 95 % interval over videos)", fontsize=14)
    figure.draw_without_rendering()  # places of names depend on the final layout
    figure.set_layout_engine("none")
    for axes, key in zip(figure.axes, MAPS, strict=True):
        points = {}  # one name per method, at its best seed; the best method chooses its place first
        for row in sorted(seeing, key=lambda row: -row[key]):
            points.setdefault(row["method"], (row["gflops"], row[key]))
        _name_points(axes, points)
    return figure


def _name_points(axes: Axes, points: Mapping[str, tuple[float, float]]) -> None:
    """Write each name beside its point, where it covers fewest points, intervals, lines and other names."""
    taken, pixels = [line.get_window_extent() for line in axes.lines], axes.figure.dpi / 72  # per point
    look = {"ha": "center", "va": "center", "fontsize": 12, "arrowprops": {"arrowstyle": "-", "color": SHADE}}
    for name, point in points.items():
        note = axes.annotate(name, point, (0, 0), textcoords="offset points", zorder=1.5, **look)
        half, center = Text.get_window_extent(note).size / 2, axes.transData.transform(point)
        middles = center + BESIDE[:, :2] * (half + BESIDE[:, 2:] * pixels * (14, 7))
        boxes = [Bbox([middle - half, middle + half]) for middle in middles]
        outside = [box.xmin < axes.bbox.xmin or box.xmax > axes.bbox.xmax or box.ymin < axes.bbox.ymin for box in boxes]
        best = np.argmin([box.count_overlaps(taken) + 9 * out for box, out in zip(boxes, outside, strict=True)])
        note.set_position((middles[best] - center) / pixels)
        note.arrow_patch.set_visible(BESIDE[best, 2] > 1)  # a line only to a distant name
        taken.append(boxes[best])


@styled
def metric_mix(rows: Sequence[dict], *, batches: Sequence[int]) -> Figure:
    """The same scores under every averaging that is called mAP: macro, micro, micro by batch of each size.

    rows: `method`, `map_macro`, `map_micro` and `by_batch`, a dict from batch size to mAP, in percent; top row first.
    """
    figure = Figure((WIDTH, 1.8 + 0.5 * len(rows)), layout="constrained")
    axes, places = figure.subplots(), np.arange(len(rows))
    looks = {"macro": (MARKERS["macro"], "white", 110), "micro": (MARKERS["micro"], INK, 90)}
    looks |= {f"micro by batch of {b}": ("D", str(c), 60) for b, c in zip(batches, np.linspace(0.9, 0.4, len(batches)))}
    values = np.array([[r["map_macro"], r["map_micro"], *(r["by_batch"][b] for b in batches)] for r in rows])  # (R, K)
    axes.hlines(places, values.min(axis=1), values.max(axis=1), color=SHADE, linewidth=2.5, zorder=1)
    for column, (name, (marker, color, size)) in zip(values.T, looks.items(), strict=True):
        lane = places + 0.22 * (marker == "D")  # lower, as they would hide the nearby micro mAP
        axes.scatter(column, lane, size, marker=marker, facecolor=color, edgecolor=INK, label=name, zorder=3)
    for place, row in zip(places, values, strict=True):
        axes.text(row.max() + 1.5, place, f"{np.ptp(row):.0f} points apart", va="center", fontsize=12)
    axes.set(yticks=places, yticklabels=[row["method"] for row in rows], ylim=(len(rows) - 0.5, -0.5), xlim=(0, None))
    axes.set(xlabel="mAP, %", title="The same scores, several mAPs: the averaging decides")
    axes.grid(axis="x", color=PALE)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=len(looks), frameon=False)
    return figure
