"""Figures of an ethogram: behaviours over time with their scores, time budget, transitions, agreement.

An `Ethogram` or tables in, matplotlib Figures out. Each shows the stamp, which warns of limits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from amc.figures import words
from amc.figures.style import HUMAN, INK, MODEL, PALE, SHADE, WARNING, WIDTH, stamped, styled

if TYPE_CHECKING:  # figures do not import the package that they draw for
    from amc.ethogram.record import Ethogram

AGREEMENT = {"both": INK, "human only": HUMAN, "model only": MODEL}
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
    unit, name = _unit(shown.edges[-1])
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
    top = -0.6
    if shown.is_out_of_distribution is not None and shown.is_out_of_distribution.any():
        spans = _stretches(shown.is_out_of_distribution, shown.edges, unit)
        look = {"facecolors": WARNING, "hatch": "//", "edgecolor": "white", "linewidth": 0.1}
        axes.broken_barh(spans, (-0.88, 0.22), **look)
        top = -1
    axes.set(ylim=(len(columns) - 0.45, top), yticks=range(len(columns)), xlabel=f"time, {name}")
    axes.set(yticklabels=[_supported(shown, c) for c in columns], xlim=(0, shown.edges[-1] / unit))
    axes.tick_params(axis="y", length=0)
    keys = [Patch(color=MODEL, label="bout (stretch), by the model")] + [
        Patch(color=HUMAN, label="bout, by the human")
    ] * (human is not None)
    keys += [Patch(color=SHADE, alpha=0.45, label="probability by the model")]
    keys += [Line2D([], [], color=INK, lw=0.8, ls=(0, (4, 3)), label="threshold: from here on it happens")]
    keys += [Patch(facecolor=WARNING, hatch="//", edgecolor="white", label="unlike the training clips")] * (top < -0.9)
    if shown.is_out_of_distribution is None:
        keys += [Line2D([], [], linestyle="", label="unlike the training clips: not known")]
    figure.legend(handles=keys, loc="outside lower center", ncols=3, frameon=False)
    if shown.support is not None:
        axes.set_ylabel("behaviour (clips to learn it from)")
    found = f"the model finds {_bouts(shown)}" + (f", the human {_bouts(human)}" if human else "")
    stamped(figure, axes, f"In the video {shown.name} {found}{_hidden(shown, columns)}", shown.stamp)
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
    return f" ({hidden} others not drawn)" if hidden else ""


def _stretches(mask: np.ndarray, edges: np.ndarray, unit: float) -> list[tuple[float, float]]:
    """Start and length of each run of True in a mask (N,)."""
    steps = np.flatnonzero(np.diff(np.pad(mask.astype(int), 1))).reshape(-1, 2)
    return [(edges[a] / unit, (edges[b] - edges[a]) / unit) for a, b in steps]


def _unit(seconds: float) -> tuple[float, str]:
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
def time_budget(shown: Ethogram) -> Figure:
    """Share of the video of each behaviour with a bout, with seconds and number of bouts.

    Says so if they overlap beyond 100 %. Without any bout, the first behaviours are drawn.
    """
    table = shown.budget().sort_values("Total duration (s)", ascending=False, kind="stable")
    table = table[table["Total duration (s)"] > 0] if shown.bouts else table.head(8)
    figure = Figure((WIDTH * 0.8, 1.3 + 0.42 * len(table)), layout="constrained")
    axes, places = figure.subplots(), np.arange(len(table))
    share = table["% of total length"].to_numpy()
    overlap = f"; behaviours overlap, so the sum is {share.sum():.0f} %" if share.sum() > 100.5 else ""
    axes.barh(places, share, color=MODEL, height=0.62)
    for place, (_, row) in zip(places, table.iterrows(), strict=True):
        count = int(row["Total number of occurences"])
        text = f"{row['Total duration (s)']:.1f} s in {count} bout{'s' * (count != 1)}" if count else "never"
        axes.text(row["% of total length"] + 0.012 * max(share.max(), 1), place, text, va="center", fontsize=12)
    axes.set(yticks=places, yticklabels=table["Behavior"], ylim=(len(table) - 0.5, -0.5))
    axes.set(xlim=(0, max(share.max(), 1) * 1.28), xlabel=f"% of the {shown.edges[-1]:.0f} s of the video{overlap}")
    axes.set_xticks([tick for tick in axes.get_xticks() if tick <= 100])  # room for text beyond 100
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=PALE)
    axes.set_axisbelow(True)
    longest = (
        f"the model sees {table['Behavior'].iloc[0]} longest, {share[0]:.0f} % of the time"
        if share[0]
        else "nothing is seen"
    )
    words.explain(figure, "bout")
    hidden = len(shown.names) - len(table)
    never = f" ({hidden} other{'s' * (hidden != 1)} never)" if hidden and shown.bouts else _hidden(shown, table)
    stamped(figure, axes, f"In the video {shown.name} {longest}{never}", shown.stamp)
    return figure


@styled
def transitions(shown: Ethogram, *, most: int = 12) -> Figure:
    """Which behaviour begins next: the `most` frequent pairs, and how many times each of them occurs."""
    counts = shown.transitions().stack()
    pairs = counts[counts > 0].sort_values(ascending=False, kind="stable")
    figure = Figure((WIDTH * 0.8, 1.6 + 0.42 * min(len(pairs), most)), layout="constrained")
    axes, drawn = figure.subplots(), pairs.head(most)
    axes.barh(range(len(drawn)), drawn, color=MODEL, height=0.62)
    axes.set(
        yticks=range(len(drawn)),
        yticklabels=[" → ".join(pair) for pair in drawn.index],
        xlabel="how many times a bout of the second begins next after one of the first",
    )
    axes.set_ylim(max(len(drawn), 1) - 0.5, -0.5)
    axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
    if drawn.empty:  # there is nothing to count
        axes.set_axis_off()
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=PALE)
    axes.set_axisbelow(True)
    found = "no behaviour follows another"
    if len(pairs):
        found = f"{pairs.sum():.0f} times a behaviour follows another, {' → '.join(pairs.index[0])} most often"
    if len(pairs) and pairs.max() == 1:
        found = "no behaviour follows the same one twice: too few to show a pattern"
    words.explain(figure, "bout")
    hidden = f" ({len(pairs) - most} rarer pairs not drawn)" if len(pairs) > most else ""
    stamped(figure, axes, f"In the video {shown.name} {found}{hidden}", shown.stamp)
    return figure


@styled
def confusion(table: pd.DataFrame, *, stamp: str = "") -> Figure:
    """The model's behaviour (columns) in percent of the human's seconds (rows); only what occurs in either.

    table: seconds, of `agreement.confusion`; those of each row are beside its name.
    """
    used = [name for name in table.index if table.loc[name].sum() + table[name].sum() > 0 or name == "nothing"]
    seconds, whole = table.loc[used, used], table.loc[used, used].sum(axis=1)
    percent = 100 * seconds.div(whole.where(whole > 0, 1), axis=0)
    called = ["nothing else" if name == "nothing" else name for name in used]  # beside what both see
    percent.index = [f"{name} ({time:.1f} s)" for name, time in zip(called, whole, strict=True)]
    size = 0.48 * len(used)
    figure = Figure((min(WIDTH, 4.4 + 1.35 * size), 2.6 + size), layout="constrained")
    axes, values = figure.subplots(), percent.to_numpy()
    axes.imshow(values, cmap="Blues", vmin=0, vmax=values.max() or 1, aspect="auto")
    for (row, column), value in np.ndenumerate(values):
        look = {"color": "white" if value > 0.6 * values.max() else INK, "fontsize": 11}
        axes.text(column, row, f"{value:.0f} %" if value else "·", ha="center", va="center", **look)
        if row == column:
            axes.add_patch(Rectangle((column - 0.47, row - 0.47), 0.94, 0.94, fill=False, ec=HUMAN, lw=2.5))
    axes.set_xticks(range(len(used)), called, rotation=40, ha="right", rotation_mode="anchor")
    axes.set(yticks=range(len(used)), yticklabels=percent.index, ylabel="while the human wrote …")
    axes.set_xlabel("… the model said (a row adds up to 100 %; orange: both the same)")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    figure.supxlabel(
        "a cell: share of the seconds beside the row's name (behaviours at the same time all count); ·: none",
        fontsize=12,
    )
    annotated = [name for name in used if name != "nothing"]
    found, total = sum(seconds.loc[name, name] for name in annotated), whole[annotated].sum()
    part = f"{100 * found / total:.0f} % of" if total else "none of"
    stamped(
        figure, axes, f"The model says the same as the human for {part} the {total:.0f} s that the human wrote", stamp
    )
    return figure


@styled
def agreement(
    human: np.ndarray, model: np.ndarray, names: Sequence[str], edges: np.ndarray, *,
    counted: np.ndarray | None = None, stamp: str = "",
):  # fmt: skip
    """Where human and model agree over time, one row per behaviour that either of them marks.

    human, model: bool (N, C); edges (N + 1,) seconds; counted: bool (N,), the frames that the human has labelled, by
    default all.
    """
    used = (human | model).any(axis=0) if (human | model).any() else np.ones(len(names), bool)
    human, model, names = human[:, used], model[:, used], [name for name, is_used in zip(names, used) if is_used]
    figure = Figure((WIDTH, 1.5 + 0.42 * len(names)), layout="constrained")
    axes, (unit, name) = figure.subplots(), _unit(edges[-1])
    masks = {"both": human & model, "human only": human & ~model, "model only": model & ~human}
    for kind, mask in masks.items():
        for y in range(len(names)):
            spans = _stretches(mask[:, y], edges, unit)
            high, at = (0.7, -0.35) if kind == "both" else (0.35, -0.35 if kind == "human only" else 0.0)
            color = AGREEMENT[kind]
            axes.broken_barh(spans, (y + at, high), facecolors=color, edgecolor=color, lw=EDGE)
    axes.set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.5), xlabel=f"time, {name}")
    axes.set_xlim(0, edges[-1] / unit)
    axes.tick_params(axis="y", length=0)
    keys = [Patch(color=color, label=f"{kind}: it happens") for kind, color in AGREEMENT.items()]
    if counted is not None and not counted.all():
        axes.broken_barh(_stretches(~counted, edges, unit), (-0.5, len(names)), facecolors=PALE, zorder=0)
        keys += [Patch(color=PALE, label="not labelled")]
    figure.legend(handles=keys, loc="outside lower center", ncols=4, frameon=False)
    seconds = np.diff(edges) if counted is None else np.diff(edges) * counted
    both, either = (float(seconds @ mask.sum(axis=1)) for mask in (human & model, human | model))
    part = f"{100 * both / either:.0f} %" if either else "none"
    stamped(
        figure, axes, f"Human and model agree for {part} of the time in which either of them sees a behaviour", stamp
    )
    return figure
