"""Errors of optical flow: methods, failures, distance of the frames, what it adds; `flow_fields` has its pictures.

Tables in, matplotlib Figures out.
"""

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import LogLocator

from amc.base.wording import listed
from amc.figures import style, words
from amc.figures.style import FLOW_COLORS, INK, PALE, SHADE, WIDTH, styled

MARKERS = {"dis": "o", "dis-fast": "s", "dis-ultrafast": "^", "raft-small": "D", "raft-large": "P", "raft-synth": "v"}
METHODS = {"nothing moves": (SHADE, "X")} | {name: (FLOW_COLORS[name], marker) for name, marker in MARKERS.items()}
METHODS |= {"true": (INK, "*"), "none": (SHADE, "X")}  # colour and marker of each
ERROR = "error of the estimated motion, pixels (end-point error)"


@styled
def methods(table: pd.DataFrame) -> Figure:
    """Error against time of each method. table: one row per method with epe, low, high (px) and seconds per pair."""
    figure = Figure((WIDTH, 5), layout="constrained")
    axes = figure.subplots()
    for row in table.to_dict("records"):
        color, marker = METHODS[row["method"]]
        if row["seconds"]:
            axes.vlines(1000 * row["seconds"], row["low"], row["high"], color=color, linewidth=2.5)
            look = {"color": color, "markersize": 13, "markeredgecolor": INK, "linestyle": ""}
            look["label"] = words.FLOW.get(row["method"], row["method"])
            axes.plot(1000 * row["seconds"], row["epe"], marker, **look)
        else:
            axes.axhspan(row["low"], row["high"], color=PALE)
            axes.axhline(row["epe"], color=color, linestyle="--", label=words.FLOW.get(row["method"], row["method"]))
    axes.set(xscale="log", xlabel="processor time per pair of frames, milliseconds (logarithmic)", ylim=(0, None))
    axes.set_ylabel(ERROR.replace(", ", ",\n"))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    axes.xaxis.set_minor_formatter("{x:g}")
    axes.margins(x=0.1)
    best = table.loc[table["epe"].idxmin()]
    called = words.FLOW.get(best["method"], best["method"])
    told = f"{called} has the smallest error of motion, {best['epe']:.2f} pixels on average"
    timed = table[table["seconds"] > 0]
    fastest = timed.loc[timed["seconds"].idxmin()] if len(timed) else best
    if best["seconds"] > fastest["seconds"]:
        times = best["seconds"] / fastest["seconds"]
        told += f", and takes {times:.{0 if times >= 2 else 1}f} times as long as {words.FLOW[fastest['method']]}"
    style.headline(figure, told)
    words.explain(figure, "DIS", "RAFT", "95 % interval")
    title = "method; bars and band:\n95 % interval over clips"
    figure.legend(loc="outside right center", frameon=False, title=title, title_fontsize=12, alignment="left")
    return figure


@styled
def failures(table: pd.DataFrame, *, few: int = 5) -> Figure:
    """EPE of each method under pairs of opposite conditions, with intervals where there are at least `few` clips.

    The title tells the method with the smallest error, and where no other interval reaches that of the smallest. table:
    of `flow_errors.conditions`.
    """
    order = list(dict.fromkeys(table["condition"]))
    names = [name for name in METHODS if name in set(table["method"])]
    figure = Figure((WIDTH, 0.8 * len(order) + 1.7), layout="constrained")
    axes = figure.subplots()
    for k, name in enumerate(names):
        part, (color, marker) = table[table["method"] == name], METHODS[name]
        place = np.array([order.index(c) for c in part["condition"]]) + 0.15 * (k - (len(names) - 1) / 2)
        sure = part["clips"] >= few
        axes.hlines(place[sure], part["low"][sure], part["high"][sure], color=color, linewidth=2.5)
        axes.plot(
            part["epe"], place, marker, color=color, markeredgecolor=INK, markersize=9, label=words.FLOW.get(name, name)
        )
    clips = table.groupby("condition")["clips"].first()
    for edge in range(1, len(order)):
        axes.axhline(edge - 0.5, color=PALE if edge % 2 else SHADE, linewidth=1)
    counted = [f"{name} ({clips[name]} clips{': too few' if clips[name] < few else ''})" for name in order]
    axes.set(yticks=range(len(order)), yticklabels=counted)
    axes.set(ylim=(len(order) - 0.5, -0.5), xlim=(0, None), xlabel=f"{ERROR}; bars: 95 % interval")
    axes.grid(axis="x", color=PALE)
    best = table.loc[table.groupby("condition")["epe"].idxmin()].set_index("condition")["method"]
    clear = {name: _is_clear(part, few) for name, part in table.groupby("condition")}
    first = best.value_counts().index[0]
    won = [name for name in order if best[name] == first]
    told = f"{words.FLOW.get(first, first)} has the smallest error of motion in {len(won)} of {len(order)} situations"
    told += f", clearly in {sum(clear[name] for name in won)}"
    for name in order:
        if name not in won:
            other = words.FLOW.get(best[name], best[name]).replace("\n", " ")
            told += f"; {name}: {other + ', clearly' if clear[name] else 'none is clearly best'}"
    style.headline(figure, told)
    note = "clearly: no other bar reaches that of the smallest error"
    if any(clips[one] + clips[other] > clips.max() for one, other in zip(order[::2], order[1::2])):
        note += "; a clip can count in both rows of a pair, as it has frames or points of both kinds"
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False)
    words.note(figure, note)
    words.explain(figure, "DIS", "RAFT", "95 % interval")
    return figure


def _is_clear(part: pd.DataFrame, few: int) -> bool:
    """Whether the interval of the smallest error of one condition is below all others, with enough clips."""
    best = part["epe"].idxmin()
    return bool(part.loc[best, "clips"] >= few and (part["low"].drop(best) > part.loc[best, "high"]).all())


@styled
def steps(table: pd.DataFrame) -> Figure:
    """EPE against the distance of the two frames. table: rows of `flow_errors.summary` with a column `step`.

    The title tells the smallest error of all methods at both ends.
    """
    figure = Figure((0.9 * WIDTH, 5), layout="constrained")
    axes = figure.subplots()
    for name, part in table.groupby("method", sort=False):
        color, marker = METHODS[name]
        line = "--" if name == "nothing moves" else "-"
        axes.plot(part["step"], part["epe"], line, color=color, marker=marker, markersize=9, linewidth=2.5,
                  label=words.FLOW.get(name, name))  # fmt: skip
        axes.fill_between(part["step"], part["low"], part["high"], color=color, alpha=0.18, linewidth=0)
    places = sorted(set(table["step"]))
    axes.set(xscale="log", yscale="log", xlabel="distance between the two frames (1: next to each other)")
    axes.set_ylabel(ERROR.replace(", ", ",\n") + ", logarithmic")
    axes.set_xticks(places, places)
    axes.minorticks_off()
    axes.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(color=PALE)
    clips = int(table["clips"].min())
    words.explain(figure, "DIS", "RAFT", "95 % interval")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right center", frameon=False,
                  title=f"band: 95 % interval\nover {clips} clips (other\npictures may use others)",
                  title_fontsize=12, alignment="left")  # fmt: skip
    least, ends = table.groupby("step")["epe"].min(), (places[0], places[-1])
    for step in ends:
        look = {"bbox": {"color": "white", "pad": 1}, "textcoords": "offset points", "ha": "center", "va": "top"}
        axes.annotate(f"{least[step]:.1f}", (step, least[step]), (0, -10), **look)
    told = listed(f"by {least[step]:.1f} pixels for frames {step} apart" for step in ends)
    style.headline(figure, f"Even the best method errs {told}")
    return figure


@styled
def effect(table: pd.DataFrame) -> Figure:
    """The gain by each flow method. table: of `flow_effect.rows`; its first row is frames alone.

    Left macro mAP, right its difference from frames alone; 95 % intervals over the test videos. The title tells the
    differences.
    """
    order = list(dict.fromkeys(table["modality"]))
    names = list(dict.fromkeys(table["flow"]))
    figure = Figure((WIDTH, 0.6 * len(table) + 2.2), layout="constrained")
    for axes, column, label in zip(
        figure.subplots(1, 2, sharey=True), ("map_macro", "more"),
        ("macro mAP, %", "difference from frames alone, points"), strict=True,
    ):  # fmt: skip
        for place, row in enumerate(table.to_dict("records")):
            if column == "more" and row["flow"] == names[0]:
                continue  # no difference from itself
            color, marker = METHODS[row["flow"]]
            axes.hlines(place, row[f"{column}_low"], row[f"{column}_high"], color=color, linewidth=3)
            axes.plot(row[column], place, marker, color=color, markeredgecolor=INK, markersize=12)
        for modality in order[1:]:
            axes.axhline(list(table["modality"]).index(modality) - 0.5, color=PALE)
        axes.set(xlabel=label)
        axes.grid(axis="x", color=PALE)
    labels = [
        words.INPUTS[row.modality] + (f",\n{words.FLOW.get(row.flow, row.flow)}" if row.flow != names[0] else "")
        for row in table.itertuples()
    ]
    figure.axes[0].set(yticks=range(len(table)), yticklabels=labels, ylim=(len(table) - 0.5, -0.5))
    figure.axes[1].axvline(0, color=INK)
    count = f"{table['videos'].iloc[0]} " if "videos" in table else ""
    over = f"95 % interval over {count}test videos (right: of paired differences)"
    bars = Line2D([], [], color=SHADE, linewidth=3, label=over)
    figure.legend(handles=[bars], loc="outside lower center", frameon=False)
    words.explain(figure, "mAP", "macro", "DIS", "RAFT", "95 % interval", "clearly")
    told = [_compared(modality, table[table["modality"] == modality]) for modality in order[1:]]
    style.headline(figure, "Compared with frames alone, " + ";\n".join(told))
    return figure


def _compared(modality: str, part: pd.DataFrame) -> str:
    """The differences of one kind of input from frames alone, and how many of them are significant."""
    ends = " to ".join(dict.fromkeys(f"{end:+.0f}" for end in (part["more"].min(), part["more"].max())))
    found = {"worse": (part["more_high"] < 0).sum(), "better": (part["more_low"] > 0).sum()}
    sure = listed(f"clearly {word} in {n} of {len(part)} cases" for word, n in found.items() if n)
    told = sure if any(found.values()) else "neither clearly worse nor better"
    return f"{words.INPUTS[modality]}: {told}, {ends} points".replace("-", "−")
