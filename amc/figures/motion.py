"""Optical flow to look at: fields beside each other with their errors, the trap of scales, methods, failures, steps.

Arrays and tables in, matplotlib Figures out. Pictures are uint8 with channels first or last.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from amc.figures import style
from amc.figures.style import INK, PALE, SHADE, WIDTH, styled

METHODS = {  # colour and marker; Tol's, apart in grey
    "nothing moves": (SHADE, "X"), "dis": ("#332288", "o"), "dis-fast": ("#44AA99", "s"),
    "dis-ultrafast": ("#88CCEE", "^"), "raft-small": ("#CC6677", "D"), "raft-large": ("#882255", "P"),
}  # fmt: skip


@styled
def fields(
    frame: np.ndarray,
    pictures: Mapping[str, np.ndarray],
    errors: Mapping[str, np.ndarray],
    *,
    unit: str = "px",
    title: str = "",
) -> Figure:
    """A frame and pictures of its flow by method; below, where known, maps of their errors (H, W) on one scale."""
    columns = {"frame": frame, **pictures}
    is_row = len(errors) < 2  # one map of errors stands beside its picture
    width = len(columns) + (len(errors) if is_row else 0)
    height = (2 - is_row) * WIDTH / width * np.shape(frame)[-2] / np.shape(frame)[-1] * 0.92 + 1
    figure = Figure((WIDTH, height), layout="constrained")
    panels = figure.subplots(2 - is_row, width, squeeze=False)
    for axes, (name, picture) in zip(panels[0], columns.items(), strict=False):
        style.image(axes, style.pictures(np.asarray(picture)[None])[0])
        axes.set_title(name, fontsize=13)
    finite = {name: error[np.isfinite(error)] for name, error in errors.items()}
    worst = max((np.quantile(error, 0.99) for error in finite.values()), default=1.0)
    for axes in panels[1] if not is_row else ():
        axes.axis("off")
    for name, error in errors.items():
        axes = panels[0, -1] if is_row else panels[1, list(columns).index(name)]
        axes.axis("on")
        shown = axes.imshow(np.minimum(error, worst), cmap="Blues", vmin=0, vmax=worst)
        axes.set(xticks=[], yticks=[], xlabel=f"mean {finite[name].mean():.2f} {unit}")
        figure.colorbar(shown, ax=axes, label=f"error, {unit}") if name == list(errors)[-1] else None
    figure.suptitle(title, fontsize=14)
    return figure


@styled
def scales(rows: Mapping[str, Sequence[np.ndarray]], columns: Sequence[str]) -> Figure:
    """A table of pictures, such as two motions (rows) on several colour scales (columns)."""
    figure = Figure((0.85 * WIDTH, 0.85 * WIDTH / len(columns) * len(rows) * 0.95 + 0.8), layout="constrained")
    panels = figure.subplots(len(rows), len(columns), squeeze=False)
    for y, (name, pictures) in enumerate(rows.items()):
        for axes, picture in zip(panels[y], pictures, strict=True):
            style.image(axes, style.pictures(np.asarray(picture)[None])[0])
        panels[y, 0].set_ylabel(name)
    for axes, name in zip(panels[0], columns, strict=True):
        axes.set_title(name)
    return figure


@styled
def methods(table: pd.DataFrame) -> Figure:
    """Error against time of each method. table: one row a method with epe, low, high (px) and seconds a pair."""
    figure = Figure((0.8 * WIDTH, 4.6), layout="constrained")
    axes = figure.subplots()
    for row in table.to_dict("records"):
        color, marker = METHODS[row["method"]]
        if row["seconds"]:
            axes.vlines(1000 * row["seconds"], row["low"], row["high"], color=color, linewidth=2.5)
            axes.plot(1000 * row["seconds"], row["epe"], marker, color=color, markersize=13, markeredgecolor=INK)
            place = (1000 * row["seconds"], row["epe"])
            axes.annotate(row["method"], place, xytext=(12, 0), textcoords="offset points", va="center")
        else:
            axes.axhspan(row["low"], row["high"], color=PALE)
            axes.axhline(row["epe"], color=color, linestyle="--", label=row["method"])
    axes.set(xscale="log", xlabel="time a pair of frames, ms (one core)", ylabel="end-point error, px", ylim=(0, None))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("{x:g}")
    axes.margins(x=0.25)
    axes.legend(frameon=False, title="95 % intervals over clips", title_fontsize=12)
    return figure


@styled
def failures(table: pd.DataFrame) -> Figure:
    """EPE of each method under pairs of opposite conditions. table: of `flow_errors.conditions`."""
    order = list(dict.fromkeys(table["condition"]))
    names = [name for name in METHODS if name in set(table["method"])]
    figure = Figure((WIDTH, 0.62 * len(order) + 1.7), layout="constrained")
    axes = figure.subplots()
    for k, name in enumerate(names):
        part, (color, marker) = table[table["method"] == name], METHODS[name]
        place = np.array([order.index(c) for c in part["condition"]]) + 0.15 * (k - (len(names) - 1) / 2)
        axes.hlines(place, part["low"], part["high"], color=color, linewidth=2.5)
        axes.plot(part["epe"], place, marker, color=color, markeredgecolor=INK, markersize=9, label=name)
    clips = table.groupby("condition")["clips"].first()
    for edge in range(2, len(order), 2):
        axes.axhline(edge - 0.5, color=SHADE, linewidth=1)
    axes.set(yticks=range(len(order)), yticklabels=[f"{name} ({clips[name]} clips)" for name in order])
    axes.set(ylim=(len(order) - 0.5, -0.5), xlim=(0, None), xlabel="end-point error, px, 95 % interval over clips")
    axes.grid(axis="x", color=PALE)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside lower center", ncols=4, frameon=False)
    return figure


@styled
def steps(table: pd.DataFrame) -> Figure:
    """EPE against the distance of the two frames. table: of `flow_errors.measure` for several steps."""
    means = table.groupby(["method", "step"], sort=False)["epe"].mean().reset_index()
    figure = Figure((0.8 * WIDTH, 4.4), layout="constrained")
    axes = figure.subplots()
    for name, part in means.groupby("method", sort=False):
        color, marker = METHODS[name]
        line = "--" if name == "nothing moves" else "-"
        axes.plot(part["step"], part["epe"], line, color=color, marker=marker, markersize=9, linewidth=2.5, label=name)
    places = sorted(set(means["step"]))
    axes.set(xscale="log", yscale="log", xlabel="frames between the two pictures", ylabel="end-point error, px")
    axes.set_xticks(places, places)
    axes.minorticks_off()
    axes.yaxis.set_major_formatter("{x:g}")
    axes.grid(color=PALE)
    figure.legend(*axes.get_legend_handles_labels(), loc="outside right center", frameon=False)
    return figure
