"""The model beside the human: seconds of each by behaviour of the other, and where both agree over time.

Arrays and tables in, matplotlib Figures out. Each shows the stamp, which warns of limits.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from amc.figures import words
from amc.figures.ethogram import EDGE, stretches, time_unit
from amc.figures.style import HUMAN, INK, MODEL, PALE, SHADE, WIDTH, stamped, styled

AGREEMENT = {"both": INK, "human only": HUMAN, "model only": MODEL}
SHORT = 3.0  # seconds of a row below which its shares tell little


@styled
def confusion(table: pd.DataFrame, *, length: float, stamp: str = "") -> Figure:
    """The model's behaviour (columns) in percent of the human's seconds (rows); only what occurs in either.

    table: seconds, of `agreement.confusion`; those of each row are beside its name, rows of less than SHORT are pale.
    length: seconds of the video.
    """
    used = [name for name in table.index if table.loc[name].sum() + table[name].sum() > 0 or name == "nothing"]
    seconds, whole = table.loc[used, used], table.loc[used, used].sum(axis=1)
    percent = 100 * seconds.div(whole.where(whole > 0, 1), axis=0)
    called = ["no other label:\nthe model misses" if name == "nothing" else name for name in used]
    rows = ["no other label: the model adds" if name == "nothing" else name for name in used]  # beside what both see
    percent.index = [f"{name} ({time:.1f} s)" for name, time in zip(rows, whole, strict=True)]
    is_short = (whole < SHORT).to_numpy()
    size = 0.48 * len(used)
    figure = Figure((min(WIDTH, 4.4 + 1.35 * size), 2.6 + size), layout="constrained")
    axes, values = figure.subplots(), percent.to_numpy()
    opaque = np.where(is_short, 0.25, 1.0)[:, None] * np.ones_like(values)
    axes.imshow(values, cmap="Blues", vmin=0, vmax=values.max() or 1, aspect="auto", alpha=opaque)
    for (row, column), value in np.ndenumerate(values):
        dark = "white" if value > 0.6 * values.max() else INK
        look = {"color": SHADE if is_short[row] else dark, "fontsize": 11}
        axes.text(column, row, f"{value:.0f} %" if value else "·", ha="center", va="center", **look)
        if row == column:
            axes.add_patch(Rectangle((column - 0.47, row - 0.47), 0.94, 0.94, fill=False, ec=HUMAN, lw=2.5))
    axes.set_xticks(range(len(used)), called, rotation=40, ha="right", rotation_mode="anchor")
    axes.set(yticks=range(len(used)), yticklabels=percent.index, ylabel="where the human says …")
    for label, short in zip(axes.get_yticklabels(), is_short, strict=True):
        label.set_color(SHADE if short else INK)
    axes.set_xlabel("… the model says (a row adds up to 100 %; orange: both the same)")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    pale = f"; pale: rows of less than {SHORT:g} s, too short to trust" if is_short.any() else ""
    lines = [f"a cell: share of the seconds beside the row's name; ·: none{pale}"]
    lines += ["of several behaviours, those that both name are paired first; the others share the time equally"]
    lines += ["the title's share: seconds that the human labelled, so what the model adds does not lower it"]
    figure.supxlabel("\n".join(lines), fontsize=12)
    annotated = [name for name in used if name != "nothing"]
    found, total = sum(seconds.loc[name, name] for name in annotated), whole[annotated].sum()
    part = f"{100 * found / total:.0f} % of" if total else "none of"
    several = f" (several behaviours at once, so more than the video's {length:.0f} s)" if total > length + 0.5 else ""
    told = f"The model says the same as the human for {part} the {total:.0f} s the human labelled{several}"
    stamped(figure, axes, told, words.doubts(stamp, annotated))
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
    axes, (unit, name) = figure.subplots(), time_unit(edges[-1])
    masks = {"both": human & model, "human only": human & ~model, "model only": model & ~human}
    for kind, mask in masks.items():
        for y in range(len(names)):
            spans = stretches(mask[:, y], edges, unit)
            high, at = (0.7, -0.35) if kind == "both" else (0.35, -0.35 if kind == "human only" else 0.0)
            color = AGREEMENT[kind]
            axes.broken_barh(spans, (y + at, high), facecolors=color, edgecolor=color, lw=EDGE)
    axes.set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.5), xlabel=f"time, {name}")
    axes.set_xlim(0, edges[-1] / unit)
    axes.tick_params(axis="y", length=0)
    keys = [Patch(color=color, label=f"{kind}: it happens") for kind, color in AGREEMENT.items()]
    if counted is not None and not counted.all():
        axes.broken_barh(stretches(~counted, edges, unit), (-0.5, len(names)), facecolors=PALE, zorder=0)
        keys += [Patch(color=PALE, label="not labelled")]
    figure.legend(handles=keys, loc="outside lower center", ncols=4, frameon=False)
    seconds = np.diff(edges) if counted is None else np.diff(edges) * counted
    both, either = (float(seconds @ mask.sum(axis=1)) for mask in (human & model, human | model))
    part = f"{100 * both / either:.0f} %" if either else "none"
    note = "the title's share: time of “both” in that of all three, over all rows; what only the model says lowers it"
    words.note(figure, note)
    told = f"Human and model agree for {part} of the time in which either of them sees a behaviour"
    stamped(figure, axes, told, words.doubts(stamp, names))
    return figure
