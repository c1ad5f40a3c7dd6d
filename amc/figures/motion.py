"""Optical flow: fields and their errors, colour scales, methods, failures, distance of the frames.

Arrays and tables in, matplotlib Figures out. Pictures are uint8 with channels first or last.
"""

from collections.abc import Mapping, Sequence

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
SAME = 0.01  # mean difference of two pictures, 0 to 1, that nobody sees
ERROR = "error of the estimated motion, pixels (end-point error)"


@styled
def fields(
    frame: np.ndarray,
    pictures: Mapping[str, np.ndarray],
    errors: Mapping[str, np.ndarray],
    *,
    label: str = "end-point error",
    key: style.Key | None = None,
) -> Figure:
    """A frame and pictures of its flow by method; below, if known, maps of their errors (H, W), px, on one scale.

    label: the kind of error, of which the title tells the smallest; key: to the colours of flow.
    """
    columns = {"frame": frame, **pictures}
    width = (WIDTH - 2) / len(columns)
    figure = Figure((WIDTH, 2 * width * np.shape(frame)[-2] / np.shape(frame)[-1] + 1.6), layout="constrained")
    panels = figure.subplots(2, len(columns), squeeze=False)
    for axes, (name, picture) in zip(panels[0], columns.items(), strict=True):
        style.image(axes, style.pictures(np.asarray(picture)[None])[0])
        axes.set_title(words.FLOW.get(name, name).replace(" (", "\n("), fontsize=12)
    if key:
        style.key(panels[0, -1], key)
    finite = {name: error[np.isfinite(error)] for name, error in errors.items()}
    worst = max((np.quantile(error, 0.99) for error in finite.values()), default=1.0)
    for axes in panels[1]:
        axes.axis("off")
    for name, error in errors.items():
        axes = panels[1, list(columns).index(name)]
        axes.axis("on")
        shown = _error_map(axes, error, worst)
        axes.set_xlabel(f"{finite[name].mean():.2f}\non average")
    figure.colorbar(shown, ax=panels.ravel().tolist(), label="error, pixels", shrink=0.35, anchor=(0, 0.15))
    beside = panels[1, list(columns).index(next(iter(errors))) - 1]  # the empty panel to the left of the first map
    beside.text(0.95, 0.5, label.replace(" ", "\n"), ha="right", va="center", fontsize=13, transform=beside.transAxes)
    means = {name: values.mean() for name, values in finite.items()}
    best = min(means, key=means.get)
    words.explain(figure, "DIS", "RAFT")
    style.headline(
        figure,
        f"On this frame {words.FLOW.get(best, best)} has the smallest {label} on average, {means[best]:.2f} pixels",
    )
    return figure


def _error_map(axes, error: np.ndarray, worst: float):
    """One map of errors, clipped at `worst`, large ones dark; returns the image, for a colour bar."""
    shown = axes.imshow(np.minimum(error, worst), cmap="Greys", vmin=0, vmax=worst)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=True, color=PALE)
    return shown


@styled
def worst_cases(rows: Mapping[str, Sequence[np.ndarray]], *, method: str, key: style.Key | None = None) -> Figure:
    """Where a method fails: per condition one row of frame, true flow, its flow as pictures, and its EPE (H, W), px."""
    figure = Figure((0.9 * WIDTH, 0.175 * WIDTH * len(rows) + 1.3), layout="constrained")
    panels = figure.subplots(len(rows), 4, squeeze=False)
    most = max(float(np.quantile(pictures[-1], 0.95)) for pictures in rows.values())
    for axes_row, (name, (*pictures, error)) in zip(panels, rows.items(), strict=True):
        for axes, picture in zip(axes_row, pictures, strict=False):
            style.image(axes, style.pictures(np.asarray(picture)[None])[0])
        shown = _error_map(axes_row[-1], np.asarray(error), most)
        axes_row[0].set_ylabel(f"{words.FLOW.get(name, name)}\nerror {np.mean(np.asarray(error)):.1f} pixels")
    called = words.FLOW.get(method, method)
    for axes, title in zip(panels[0], ("frame", "true motion", f"estimate\nby {called}", "error"), strict=True):
        axes.set_title(title)
    bar = {"label": "error, pixels", "extend": "max", "pad": 0.02}
    figure.colorbar(shown, ax=panels[min(1, len(rows) - 1) :, -1].tolist(), **bar)
    if key and len(rows) > 1:  # above the colour bar
        style.key(panels[0, -1], key)
    means = [float(np.mean(np.asarray(pictures[-1]))) for pictures in rows.values()]
    words.explain(figure, "RAFT" if method.startswith("raft") else "DIS")
    worst = f"In its worst cases {called} is wrong by {min(means):.1f} to {max(means):.1f} pixels on average"
    style.headline(figure, f"{worst}: {listed(words.FLOW.get(name, name) for name in rows)}")
    return figure


@styled
def scales(
    frame: np.ndarray, pictures: Mapping[str, Mapping[str, np.ndarray]], *, keys: Sequence[style.Key] = ()
) -> Figure:
    """A frame, and pictures of its motion at two speeds: by scale of colours (rows), then by speed (columns).

    The title tells on which scale the speeds can be told apart. keys: to the colours of each scale.
    """
    figure = Figure((WIDTH, 2.9 * len(pictures) + 0.8), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1, 2.6])
    shown, told = left.subplots(), []
    style.image(shown, style.pictures(np.asarray(frame)[None])[0])
    shown.set_title("a frame of the video")
    blocks = np.atleast_1d(right.subfigures(len(pictures), 1))
    for y, (block, (scale, by_speed)) in enumerate(zip(blocks, pictures.items(), strict=True)):
        panels = block.subplots(1, len(by_speed))
        for axes, (speed, picture) in zip(panels, by_speed.items(), strict=True):
            style.image(axes, style.pictures(np.asarray(picture)[None])[0])
            axes.set_title(speed, fontsize=12)
        if keys:
            style.key(panels[-1], keys[y])
        first, *_, last = by_speed.values()
        apart = np.abs(np.subtract(first, last, dtype=float)).mean() / 255
        differ = "they differ" if apart > SAME else "they look the same"
        block.suptitle(f"{scale}: {differ}", fontsize=13, weight="bold")
        told.append(f"{scale} {differ}")
    style.headline(figure, f"Slow and fast motion as colours: {'; '.join(told)}")
    return figure


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
    axes.set(xscale="log", xlabel="processor time per pair of frames, milliseconds", ylim=(0, None))
    axes.set_ylabel(ERROR.replace(", ", ",\n"))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_locator(LogLocator(subs=(2, 5)))
    axes.xaxis.set_minor_formatter("{x:g}")
    axes.margins(x=0.1)
    best = table.loc[table["epe"].idxmin()]
    called = words.FLOW.get(best["method"], best["method"])
    axes.set_title(f"{called} has the smallest error of motion: {best['epe']:.2f} pixels on average")
    words.explain(figure, "DIS", "RAFT", "95 % interval")
    title = "method; bars and band:\n95 % interval over clips"
    figure.legend(loc="outside right center", frameon=False, title=title, title_fontsize=12, alignment="left")
    return figure


@styled
def failures(table: pd.DataFrame, *, few: int = 5) -> Figure:
    """EPE of each method under pairs of opposite conditions, with intervals where there are at least `few` clips.

    table: of `flow_errors.conditions`.
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
    first = best.value_counts().index[0]
    others = [name for name in order if best[name] != first]
    told = f"in all {len(order)} situations"
    if others:
        told = f"in {len(order) - len(others)} of {len(order)} situations (not: {', '.join(others)})"
    axes.set_title(f"{words.FLOW.get(first, first)} has the smallest error of motion {told}")
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=5, frameon=False)
    words.explain(figure, "DIS", "RAFT", "95 % interval")
    return figure


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
                  title=f"band: 95 % interval\nover {clips} clips", title_fontsize=12)  # fmt: skip
    least, ends = table.groupby("step")["epe"].min(), (places[0], places[-1])
    for step in ends:
        axes.annotate(
            f"{least[step]:.1f}", (step, least[step]), (0, -8), textcoords="offset points", ha="center", va="top"
        )
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
        words.INPUTS[row.modality] + (f"\n({words.FLOW.get(row.flow, row.flow)})" if row.flow != names[0] else "")
        for row in table.itertuples()
    ]
    figure.axes[0].set(yticks=range(len(table)), yticklabels=labels, ylim=(len(table) - 0.5, -0.5))
    figure.axes[1].axvline(0, color=INK)
    bars = Line2D(
        [], [], color=SHADE, linewidth=3, label="95 % interval over test videos (right: of paired differences)"
    )
    figure.legend(handles=[bars], loc="outside lower center", frameon=False)
    words.explain(figure, "mAP", "macro", "DIS", "RAFT", "95 % interval")
    told = [_compared(modality, table[table["modality"] == modality]) for modality in order[1:]]
    style.headline(figure, f"Compared with frames alone, {'; '.join(told)}")
    return figure


def _compared(modality: str, part: pd.DataFrame) -> str:
    """The differences of one kind of input from frames alone, and how many of them are significant."""
    ends = " to ".join(dict.fromkeys(f"{end:+.0f}" for end in (part["more"].min(), part["more"].max())))
    found = {"worse": (part["more_high"] < 0).sum(), "better": (part["more_low"] > 0).sum()}
    sure = listed(f"clearly {word} in {n} of {len(part)} cases" for word, n in found.items() if n)
    told = sure if any(found.values()) else "neither clearly worse nor better"
    where = f", all {len(part)}" if len(part) > 1 else ""
    return f"{words.INPUTS[modality]}: {told} ({ends} points{where})".replace("-", "−")
