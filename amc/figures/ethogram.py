"""Figures of an ethogram: behaviours over time with their scores, time budget, transitions; agreement: `beside_human`.

An `Ethogram` or tables in, matplotlib Figures out. Each shows the stamp, which warns of limits.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from amc.figures import words
from amc.figures.style import HUMAN, INK, MODEL, PALE, SHADE, WARNING, WIDTH, stamped, styled

if TYPE_CHECKING:  # figures do not import the package that they draw for
    from amc.ethogram.record import Ethogram

EDGE = 0.8  # points around a bar: keeps half a second in an hour, less than a pixel, visible
POINTS = 1500  # of a curve; more cannot be distinguished on paper


def chosen(shown: Ethogram, most: int, human: Ethogram | None = None) -> list[int]:
    """The behaviours to draw: all with a bout of the model or the human, then by highest score, up to `most`.

    So everything that is counted is visible.
    """
    lasting = shown.frames.any(axis=0) | (False if human is None else human.frames.any(axis=0))
    order = np.lexsort((-shown.probs.max(axis=0), ~lasting))
    return sorted(order[: max(most, int(lasting.sum()))].tolist())


@styled
def ethogram(shown: Ethogram, *, most: int = 8, human: Ethogram | None = None) -> Figure:
    """One row per behaviour: its bouts as bars, below them its probability over time and the threshold.

    human: the human's annotation, drawn above the model's bars; the title counts the bouts of both. A strip on top
    marks out-of-distribution frames; the number of training clips, if known, is beside each name.
    """
    columns = chosen(shown, most, human)
    figure = Figure((WIDTH, 1.9 + 0.62 * len(columns)), layout="constrained")
    axes = figure.subplots()
    unit, name = time_unit(shown.edges[-1])
    for y, c in enumerate(columns):
        axes.axhspan(y - 0.48, y + 0.48, color=PALE, alpha=0.35 if y % 2 else 0, linewidth=0, zorder=0)
        times, scores = _curve(shown.edges, shown.probs[:, c])
        base = y + 0.44
        axes.fill_between(times / unit, base - 0.46 * scores, base, color=SHADE, alpha=0.45, linewidth=0, step="post")
        axes.hlines(base - 0.46 * shown.threshold[c], 0, shown.edges[-1] / unit, color=INK, lw=0.8, ls=(0, (4, 3)))
        rows = [(shown, MODEL, -0.24)] + ([(human, HUMAN, -0.42)] if human else [])
        for source, color, at in rows:
            spans = [_span(source, b, unit) for b in source.bouts if b.behaviour == shown.names[c]]
            high = 0.16 if human else 0.2
            axes.broken_barh(spans, (y + at, high), facecolors=color, edgecolor=color, lw=EDGE, zorder=3)
        if c == columns[0]:
            for value in (0, 1):
                axes.text(
                    1.005, base - 0.46 * value, value, va="center", fontsize=10, transform=axes.get_yaxis_transform()
                )
    top = -0.6
    if shown.is_out_of_distribution is not None and shown.is_out_of_distribution.any():
        spans = stretches(shown.is_out_of_distribution, shown.edges, unit)
        look = {"facecolors": WARNING, "hatch": "//", "edgecolor": "white", "linewidth": 0.1}
        axes.broken_barh(spans, (-0.88, 0.22), **look)
        top = -1
    strip = {-0.77: "unlike the training clips"} if top == -1 else {}
    axes.set(ylim=(len(columns) - 0.45, top), yticks=[*strip, *range(len(columns))], xlabel=f"time, {name}")
    axes.set(yticklabels=[*strip.values(), *(_supported(shown, c) for c in columns)], xlim=(0, shown.edges[-1] / unit))
    axes.tick_params(axis="y", length=0)
    keys = [Patch(color=MODEL, label="bout (stretch) marked by the model")] + [
        Patch(color=HUMAN, label="bout marked by the human")
    ] * (human is not None)
    keys += [Patch(color=SHADE, alpha=0.45, label="probability by the model, 0 to 1")]
    keys += [Line2D([], [], color=INK, lw=0.8, ls=(0, (4, 3)), label="threshold: above it the model says yes")]
    if shown.is_out_of_distribution is None:
        keys += [Line2D([], [], linestyle="", label="unlike the training clips: not known")]
    figure.legend(handles=keys, loc="outside lower center", ncols=3, frameon=False)
    if shown.support is not None:
        axes.set_ylabel("behaviour (clips to learn it from)")
    found = f"the model marks {_bouts(shown)}" + (f", the human {_bouts(human)}" if human else "")
    stamp = words.doubts(shown.stamp, [shown.names[c] for c in columns])
    stamped(figure, axes, f"In the video {shown.name} {found}{_hidden(shown, columns)}", stamp)
    return figure


def _bouts(shown: Ethogram) -> str:
    """`12 bouts of 5 behaviours`."""
    counts = {"bout": len(shown.bouts), "behaviour": len({bout.behaviour for bout in shown.bouts})}
    return " of ".join(f"{number} {noun}{'s' * (number != 1)}" for noun, number in counts.items())


def _supported(shown: Ethogram, c: int) -> str:
    clips = None if shown.support is None else shown.support[c]
    return shown.names[c] if clips is None else f"{shown.names[c]} ({clips})"


def _hidden(shown: Ethogram, columns: Sequence) -> str:
    hidden = len(shown.names) - len(columns)
    return f" ({hidden} other behaviour{'s' * (hidden != 1)} not drawn)" if hidden else ""


def stretches(mask: np.ndarray, edges: np.ndarray, unit: float) -> list[tuple[float, float]]:
    """Start and length of each run of True in a mask (N,)."""
    steps = np.flatnonzero(np.diff(np.pad(mask.astype(int), 1))).reshape(-1, 2)
    return [(edges[a] / unit, (edges[b] - edges[a]) / unit) for a, b in steps]


def time_unit(seconds: float) -> tuple[float, str]:
    """The unit of the time axis of a video of so many seconds: its seconds and its name."""
    return (60.0, "min") if seconds > 300 else (1.0, "s")


def _span(shown: Ethogram, bout, unit: float) -> tuple[float, float]:
    start, stop = shown.edges[bout.start], shown.edges[bout.stop]
    return start / unit, (stop - start) / unit


def _curve(edges: np.ndarray, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Times and values to draw: the highest value of each of at most POINTS groups of frames."""
    starts = np.unique(np.linspace(0, len(values), min(POINTS, len(values)), endpoint=False).astype(int))
    pooled = np.maximum.reduceat(values, starts)
    return np.append(edges[starts], edges[-1]), np.append(pooled, pooled[-1])


@styled
def time_budget(shown: Ethogram, *, human: Ethogram | None = None) -> Figure:
    """Share of the video of each behaviour with a bout, with seconds and number of bouts; beside it the human's.

    Says so if they overlap beyond 100 %. Without any bout, the first behaviours are drawn.
    """
    budgets = {"model": shown.budget()} | ({"human": human.budget()} if human else {})
    table = budgets["model"].sort_values("Total duration (s)", ascending=False, kind="stable")
    lasting = sum(budget["Total duration (s)"] for budget in budgets.values())[table.index] > 0
    table = table[lasting] if lasting.any() else table.head(8)
    figure = Figure((WIDTH * 0.8, 1.3 + (0.42 if human is None else 0.6) * len(table)), layout="constrained")
    axes, places = figure.subplots(), np.arange(len(table))
    share = table["% of total length"].to_numpy()
    overlap = f"; behaviours overlap, so the model's sum is {share.sum():.0f} %" if share.sum() > 100.5 else ""
    most = max(1, *(budget["% of total length"].max() for budget in budgets.values()))
    for k, (name, budget) in enumerate(budgets.items()):
        high, color = 0.62 / len(budgets), {"model": MODEL, "human": HUMAN}[name]
        lanes = places - 0.31 + high * (k + 0.5)
        axes.barh(lanes, budget["% of total length"][table.index], color=color, height=high, label=f"by the {name}")
        for lane, (_, row) in zip(lanes, budget.loc[table.index].iterrows(), strict=True):
            count = int(row["Total number of occurences"])
            text = f"{row['Total duration (s)']:.1f} s in {count} bout{'s' * (count != 1)}" if count else "never"
            axes.text(row["% of total length"] + 0.012 * most, lane, text, va="center", fontsize=12 - len(budgets) + 1)
    axes.set(yticks=places, yticklabels=table["Behavior"], ylim=(len(table) - 0.5, -0.5))
    axes.set(xlim=(0, most * 1.28), xlabel=f"% of the {shown.edges[-1]:.0f} s of the video{overlap}")
    axes.set_xticks([tick for tick in axes.get_xticks() if tick <= 100])  # room for text beyond 100
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=PALE)
    axes.set_axisbelow(True)
    first = table.index[0]
    longest = f"the model sees {table['Behavior'][first]} longest, {share[0]:.0f} % of the time"
    if human and share[0]:
        longest += f", the human {budgets['human']['% of total length'][first]:.0f} %"
    if human:
        figure.legend(loc="outside lower center", ncols=2, frameon=False)
    words.explain(figure, "bout")
    hidden = len(shown.names) - len(table)
    unseen = f" ({hidden} more, seen by neither, not drawn)" if human else f" ({hidden} more never)"
    never = unseen if hidden and lasting.any() else _hidden(shown, table)
    stamp = words.doubts(shown.stamp, table["Behavior"])
    stamped(figure, axes, f"In the video {shown.name} {longest if share[0] else 'nothing is seen'}{never}", stamp)
    return figure


@styled
def transitions(shown: Ethogram, *, most: int = 12) -> Figure:
    """Which behaviour begins next: the `most` frequent pairs of the model's bouts, and how often each of them occurs.

    The title tells how many bouts are followed by another, and the most frequent pair if chance hardly makes it so.
    """
    counts = shown.transitions().stack()
    pairs = counts[counts > 0].sort_values(ascending=False, kind="stable")
    figure = Figure((WIDTH * 0.8, 1.6 + 0.42 * min(len(pairs), most)), layout="constrained")
    axes, drawn = figure.subplots(), pairs.head(most)
    axes.barh(range(len(drawn)), drawn, color=MODEL, height=0.62)
    axes.set(
        yticks=range(len(drawn)),
        yticklabels=[" → ".join(pair) for pair in drawn.index],
        xlabel="A → B: how many times B follows A",
    )
    axes.set_ylim(max(len(drawn), 1) - 0.5, -0.5)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    if drawn.empty:  # there is nothing to count
        axes.set_axis_off()
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=PALE)
    axes.set_axisbelow(True)
    followed = shown.followed()
    found = f"{followed or 'none'} of the model's {len(shown.bouts)} bouts {'is' if followed < 2 else 'are'} followed"
    if len(pairs):
        is_clear = _is_rare(*[*pairs.head(2).astype(int), 0][:2])
        most_often = f"most often {' → '.join(pairs.index[0])}" if is_clear else "too few to tell which pair is usual"
        found += f" by another: {most_often}"
    rule = "B follows A: it is the next to begin, later than A, and before the film cuts"
    if pairs.sum() > followed:
        rule += f";\nof bouts that begin together each counts: {pairs.sum()} pairs"
    figure.supxlabel(rule, fontsize=12)
    words.explain(figure, "bout")
    hidden = f" ({len(pairs) - most} rarer pairs not drawn)" if len(pairs) > most else ""
    stamp = words.doubts(shown.stamp, list(dict.fromkeys(name for pair in drawn.index for name in pair)))
    stamped(figure, axes, f"In the video {shown.name}, {found}{hidden}", stamp)
    return figure


def _is_rare(first: int, second: int) -> bool:
    """Whether two equally frequent pairs would hardly (at most 5 %) occur so differently: a sign test."""
    total = first + second
    return 2 * sum(math.comb(total, k) for k in range(first, total + 1)) / 2**total <= 0.05
