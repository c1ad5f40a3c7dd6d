"""Errors of a recogniser: one clip with everything known about it, kinds of errors counted, calibration, confusions.

Arrays and rows in, matplotlib Figures out.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from amc.figures import style
from amc.figures.style import INK, MODALITY_COLORS, PALE, SCHEME_COLORS, SHADE, WIDTH, styled

AGAINST = {"written": (SHADE, "s", "--"), "truth": ("#117733", "o", "-")}


@dataclass(frozen=True)
class Case:
    """A clip as its errors are looked at; frames count from 0 to num_frames."""

    num_frames: int
    fps: float
    frames: np.ndarray  # (M, P), where each classifier looked
    probs: np.ndarray  # (M, C) of the behaviours to show
    names: Sequence[str]  # (C,)
    written: np.ndarray  # (C,) bool
    predicted: np.ndarray  # (C,) bool
    threshold: np.ndarray  # (C,)
    truth: np.ndarray | None = None  # (num_frames, C) bool
    film: np.ndarray | None = None  # uint8 (K, H, W, 3) or (K, 3, H, W), of K equal parts of the clip
    motion: np.ndarray | None = None  # their flow as pictures, likewise


@styled
def case(shown: Case, *, title: str) -> Figure:
    """One clip over one time axis: its film, its flow, and for each behaviour truth, scores of classifiers, labels.

    A classifier's score is a line from its first to its last frame, with a mark at each; the mean stands at the right.
    """
    strips = {name: strip for name, strip in (("film", shown.film), ("flow", shown.motion)) if strip is not None}
    heights = [WIDTH * 0.72 / len(strip) for strip in strips.values()] + [0.85] * len(shown.names)
    figure = Figure((WIDTH, sum(heights) + 1.7), layout="constrained")
    panels = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
    for axes, (name, strip) in zip(panels, strips.items(), strict=False):
        edges = np.linspace(0, shown.num_frames, len(strip) + 1)
        for picture, start, stop in zip(style.pictures(strip), edges, edges[1:], strict=False):
            axes.imshow(picture, extent=(start, stop, 0, 1), aspect="auto", interpolation="nearest")
        axes.set(yticks=[0.5], yticklabels=[name], ylim=(0, 1))
        axes.tick_params(length=0)
        axes.spines[:].set_visible(False)
    for c, axes in enumerate(panels[len(strips) :]):
        _behaviour(axes, shown, c)
    panels[-1].set_xlim(0, shown.num_frames)
    if np.isfinite(shown.fps):
        panels[-1].xaxis.set_major_formatter(lambda frame, _: f"{frame / shown.fps:.3g}")
        panels[-1].set_xticks(np.arange(0, shown.num_frames / shown.fps, 1) * shown.fps)
    panels[-1].set_xlabel("time, s" if np.isfinite(shown.fps) else "frame")
    keys = [Patch(color=PALE, label="truly happens")] * (shown.truth is not None)
    keys += [Line2D([], [], color=INK, marker="o", label="score of a classifier, at its frames")]
    keys += [Line2D([], [], color=SCHEME_COLORS["sparse"], marker="D", ls="", markersize=9, label="mean")]
    keys += [Line2D([], [], color=INK, linestyle="--", label=f"threshold {shown.threshold[0]:.2g}")]
    figure.legend(handles=keys, loc="outside lower center", ncols=4, frameon=False)
    figure.suptitle(title, fontsize=13, wrap=True)
    return figure


def _behaviour(axes, shown: Case, c: int) -> None:
    """One row of a case: where the behaviour truly happens, each classifier's score, the mean and the verdict."""
    if shown.truth is not None:
        changes = np.flatnonzero(np.diff(np.pad(shown.truth[:, c].astype(int), 1)))
        for start, stop in changes.reshape(-1, 2):
            axes.axvspan(start, stop, color=PALE, linewidth=0)
    for row, prob in zip(shown.frames, shown.probs[:, c], strict=True):
        axes.plot(row + 0.5, np.full(len(row), prob), color=INK, marker="o", markersize=4, linewidth=1.2)
    axes.axhline(shown.threshold[c], color=INK, linestyle="--", linewidth=1)
    mean = shown.probs[:, c].mean()
    axes.plot(
        1.015,
        mean,
        "D",
        color=SCHEME_COLORS["sparse"],
        markersize=9,
        transform=axes.get_yaxis_transform(),
        clip_on=False,
    )
    verdicts = {(1, 1): "written, found", (1, 0): "written, MISSED", (0, 1): "EXTRA, not written", (0, 0): "neither"}
    verdict = verdicts[int(shown.written[c]), int(shown.predicted[c])]
    axes.set(ylim=(-0.05, 1.05), yticks=[0, 1])
    axes.set_ylabel(f"{shown.names[c]}\n{verdict}", rotation=0, ha="right", va="center", labelpad=4, fontsize=12)


@styled
def kinds(rows: Sequence[dict]) -> Figure:
    """Errors of each kind a hundred videos with 95 % intervals; where truth is known, which part of the extra is true.

    rows: of `errors.tally`.
    """
    table = pd.DataFrame(rows)
    has_truth = "true" in table
    figure = Figure((WIDTH, 0.55 * len(table) + 1.6), layout="constrained")
    panels = figure.subplots(1, 1 + has_truth, sharey=True, squeeze=False)[0]
    places = np.arange(len(table))
    panels[0].barh(places, table["rate"], color=SCHEME_COLORS["sparse"], height=0.6, alpha=0.75)
    panels[0].hlines(places, table["rate_low"], table["rate_high"], color=INK, linewidth=2.5)
    panels[0].set(yticks=places, yticklabels=table["kind"], ylim=(len(table) - 0.5, -0.5))
    panels[0].set_xlabel("errors a hundred videos, 95 % interval")
    if has_truth:
        panels[1].plot(table["true"], places, AGAINST["truth"][1], color=AGAINST["truth"][0], markersize=11)
        panels[1].hlines(places, table["true_low"], table["true_high"], color=AGAINST["truth"][0], linewidth=2.5)
        for place, count in zip(places, table["extra"], strict=True):
            panels[1].text(107, place, f"of {count}" if count else "none", va="center", fontsize=12, color=INK)
        panels[1].set(xlim=(-5, 122), xticks=range(0, 101, 20), xlabel="predicted, not written: truly happens, %")
    for axes in panels:
        axes.grid(axis="x", color=PALE)
        axes.set_axisbelow(True)
    return figure


@styled
def against_truth(rows: Sequence[dict]) -> Figure:
    """The same scores measured against what is written and against what happens. rows: of `errors.against_truth`."""
    table = pd.DataFrame(rows)
    figure = Figure((0.75 * WIDTH, 4.2), layout="constrained")
    axes = figure.subplots()
    metrics = list(dict.fromkeys(table["metric"]))
    for place, metric in enumerate(metrics):
        for offset, (against, (color, marker, _)) in zip((-0.12, 0.12), AGAINST.items(), strict=True):
            [row] = table[(table["metric"] == metric) & (table["against"] == against)].to_dict("records")
            axes.vlines(place + offset, row["low"], row["high"], color=color, linewidth=3)
            axes.plot(place + offset, row["value"], marker, color=color, markersize=13, markeredgecolor=INK)
    names = [metric.removeprefix("map_") + " mAP" for metric in metrics]
    axes.set(
        xticks=range(len(metrics)), xticklabels=names, xlim=(-0.5, len(metrics) - 0.5), ylim=(0, None), ylabel="mAP, %"
    )
    keys = [
        Line2D([], [], color=c, marker=m, ls="", markersize=11, label=f"against {k}")
        for k, (c, m, _) in AGAINST.items()
    ]
    keys += [Line2D([], [], color=INK, linewidth=2.5, label="95 % interval")]
    figure.legend(handles=keys, loc="outside lower center", ncols=3, frameon=False)
    axes.grid(axis="y", color=PALE)
    return figure


@styled
def reliability(found: Mapping[str, Mapping[str, np.ndarray]], ece: Mapping[str, float]) -> Figure:
    """How often a behaviour is written (or happens) where the model says p, and how often it says so.

    found: by `written` and `truth`, of `metrics.reliability`; ece: expected calibration errors, 0 to 1.
    """
    figure = Figure((0.75 * WIDTH, 5.6), layout="constrained")
    axes, below = figure.subplots(2, 1, sharex=True, height_ratios=[3, 1])
    axes.plot([0, 1], [0, 1], color=SHADE, linewidth=1, linestyle=":")
    for name, bins in found.items():
        color, marker, line = AGAINST[name]
        label = f"{name}: expected calibration error {100 * ece[name]:.1f} %"
        axes.plot(
            bins["confidence"], bins["frequency"], line, color=color, marker=marker, markersize=9, lw=2.5, label=label
        )
    counts = next(iter(found.values()))["count"]
    edges = np.linspace(0, 1, len(counts) + 1)
    below.bar(edges[:-1], np.maximum(counts, 0.5), np.diff(edges), align="edge", color=PALE, edgecolor=SHADE)
    below.set(yscale="log", ylabel="pairs", xlabel="probability that the model gives", xlim=(0, 1))
    axes.set(ylabel="frequency of the label", ylim=(-0.02, 1.02), title="dotted: what it says is what happens")
    axes.legend(frameon=False, loc="upper left")
    axes.grid(color=PALE)
    return figure


@styled
def confusions(matrix: np.ndarray, names: Sequence[str], missed: np.ndarray, *, most: int = 10) -> Figure:
    """What is predicted instead: matrix (C, C) of `errors.confusions`, missed (C,) times that each was missed."""
    rows = [c for c in np.argsort(-missed, kind="stable")[:most] if missed[c]]
    columns = [
        c for c in np.argsort(-(matrix * missed[:, None]).sum(axis=0), kind="stable")[:most] if matrix[:, c].any()
    ]
    figure = Figure((WIDTH, 0.42 * max(len(rows), 2) + 2.6), layout="constrained")
    axes = figure.subplots()
    data = 100 * matrix[np.ix_(rows, columns)]
    labels = {"xticklabels": [names[c] for c in columns], "yticklabels": [f"{names[c]}  ({missed[c]})" for c in rows]}
    sns.heatmap(data, ax=axes, cmap="Blues", vmin=0, vmax=100, annot=True, fmt=".0f", linewidths=1,
                annot_kws={"fontsize": 11}, cbar_kws={"label": "% of the videos of a row"}, **labels)  # fmt: skip
    axes.set(xlabel="predicted, not written", ylabel="missed (times)")
    axes.set_xticklabels(axes.get_xticklabels(), rotation=35, ha="right", rotation_mode="anchor")
    return figure


@styled
def fixes(table: pd.DataFrame) -> Figure:
    """Errors of each kind a hundred videos, by run: schemes side by side, then modalities.

    table: rows of `errors.tally` of all runs, with scheme and modality.
    """
    parts = {"schemes, RGB only": (table[table["modality"] == "rgb"], "scheme", SCHEME_COLORS)}
    parts["modalities, sparse"] = (table[table["scheme"] == "sparse"], "modality", MODALITY_COLORS)
    order = list(dict.fromkeys(table["kind"]))
    figure = Figure((WIDTH, 0.75 * len(order) + 1.7), layout="constrained")
    for axes, (title, (rows, by, colors)) in zip(figure.subplots(1, 2, sharey=True), parts.items(), strict=True):
        present = [name for name in colors if name in set(rows[by])]
        for k, (name, marker) in enumerate(zip(present, "sDo", strict=False)):
            part = rows[rows[by] == name]
            place = np.array([order.index(kind) for kind in part["kind"]]) + 0.2 * (k - (len(present) - 1) / 2)
            axes.hlines(place, part["rate_low"], part["rate_high"], color=colors[name], linewidth=2.5)
            axes.plot(part["rate"], place, marker, color=colors[name], markeredgecolor=INK, markersize=10, label=name)
        axes.set(xlabel="errors a hundred videos, 95 % interval", title=title)
        axes.set_xlim(-0.03 * axes.get_xlim()[1], None)
        axes.grid(axis="x", color=PALE)
        axes.legend(frameon=False, loc="best")
    figure.axes[0].set(yticks=range(len(order)), yticklabels=order, ylim=(len(order) - 0.5, -0.5))
    return figure
