"""Where classifiers look: three schemes over one time axis, what they miss, short videos, how sparse spreads.

Plans and tables in, matplotlib Figures out (paper sec. 2).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from amc.figures import style
from amc.figures.style import INK, PALE, SCHEME_COLORS, SHADE, WIDTH, styled
from amc.sampling import Window

LINES = {"dense": "-", "semi-dense": "--", "sparse": ":"}
MARKS = {"dense": "s", "semi-dense": "D", "sparse": "o"}
RULES = {"regular": ("#999933", "s"), "random": ("#CC6677", "D"), "quasi-random": (SCHEME_COLORS["sparse"], "o")}


@styled
def schemes(
    plans: Mapping[str, Sequence[Window]],
    *,
    num_frames: int,
    fps: float,
    events: Sequence[tuple[str, float, float]] = (),
    film: np.ndarray | None = None,
) -> Figure:
    """The plans of several schemes, the true events and the frames of one video, all over the same time axis.

    events: (behaviour, start, stop) in frames; film: uint8 (K, H, W, 3) or (K, 3, H, W), the middle frames of K equal
    parts of the video.
    """
    names = list(dict.fromkeys(name for name, _, _ in events))
    heights = [0.36 * len(windows) for windows in plans.values()] + [0.36 * len(names)] * bool(names)
    heights += [WIDTH * 0.82 / len(film)] if film is not None else []
    figure = Figure((WIDTH, sum(heights) + 0.3 * len(heights) + 1.5), layout="constrained")
    panels = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
    for axes, (scheme, windows) in zip(panels, plans.items(), strict=False):
        _plan(axes, windows, scheme)
    if names:
        axes = panels[len(plans)]
        for name, start, stop in events:
            axes.barh(names.index(name), stop - start, 0.6, start, color=SHADE, linewidth=0)
        axes.set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.5, -0.5))
        axes.set_title("what truly happens", loc="left")
    if film is not None:
        edges = np.linspace(0, num_frames, len(film) + 1)
        for picture, start, stop in zip(style.pictures(film), edges, edges[1:], strict=False):
            panels[-1].imshow(picture, extent=(start, stop, 0, 1), aspect="auto", interpolation="nearest")
        panels[-1].set(yticks=[], ylim=(0, 1))
        panels[-1].spines[:].set_visible(False)
    panels[-1].set(xlim=(0, num_frames), xlabel="frame")
    below = -0.55 / heights[-1]  # of the last panel, as a part of its height: under the frames' own numbers
    panels[-1].secondary_xaxis(below, functions=(lambda x: x / fps, lambda x: x * fps)).set_xlabel("time, s")
    keys = [Patch(color=SHADE, alpha=0.45, label="main window"), Patch(fc=PALE, hatch="////", label="context")]
    keys += [Line2D([], [], color=INK, marker="|", markersize=14, markeredgewidth=2.5, ls="", label="chosen frame")]
    figure.legend(handles=keys, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _plan(axes, windows: Sequence[Window], scheme: str) -> None:
    for y, window in enumerate(windows):
        for start, stop in window.context if scheme == "semi-dense" else ():  # dense never looks at its context
            axes.barh(y, stop - start, 0.7, start, color=PALE, hatch="////", linewidth=0)
        main = window.main[1] - window.main[0]
        axes.barh(y, main, 0.7, window.main[0], color=SCHEME_COLORS[scheme], alpha=0.45, linewidth=0)
        axes.vlines(np.add(window.frames, 0.5), y - 0.42, y + 0.42, color=INK, linewidth=2.5)
    axes.set(yticks=range(len(windows)), yticklabels=[f"classifier {m + 1}" for m in range(len(windows))])
    axes.set_ylim(len(windows) - 0.5, -0.5)
    axes.set_title(scheme, loc="left")
    axes.tick_params(axis="x", length=0)


@styled
def unseen(table: pd.DataFrame, *, num_frames: int, num_windows: int, frames: int) -> Figure:
    """The share of frames that no classifier sees: against M, against P and against the length of the video.

    table: columns scheme, num_windows, frames, num_frames, unseen (0 to 1); one of the three counts varies at a time
    about the values given.
    """
    here = {"num_windows": num_windows, "frames": frames, "num_frames": num_frames}
    labels = {
        "num_windows": "M, classifiers",
        "frames": "P, frames a classifier",
        "num_frames": "length of the video, frames",
    }
    figure = Figure((WIDTH, 4.4), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    for axes, (name, label) in zip(panels, labels.items(), strict=True):
        others = [other for other in here if other != name]
        part = table[(table[others] == [here[other] for other in others]).all(axis=1)]
        for scheme, line in part.groupby("scheme", sort=False):
            look = {"color": SCHEME_COLORS[scheme], "ls": LINES[scheme], "marker": MARKS[scheme], "lw": 2.5, "ms": 6}
            axes.plot(line[name], 100 * line["unseen"], label=scheme, **look)
        axes.axvline(here[name], color=SHADE, linestyle="--", linewidth=1)
        axes.set(xlabel=label, ylim=(0, 103))
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.grid(color=PALE)
    panels[0].set_ylabel("frames that no classifier sees, %")
    handles, names = panels[0].get_legend_handles_labels()
    handles.append(Line2D([], [], color=SHADE, linestyle="--", linewidth=1))
    figure.legend(handles, [*names, "value in the other panels"], loc="outside lower center", ncols=4, frameon=False)
    return figure


@styled
def catches(by_length: pd.DataFrame, by_frames: pd.DataFrame) -> Figure:
    """How likely an event is seen: a short one by at least one classifier; one of any length by what part of them.

    by_length, by_frames: of `coverage.rates`, by `seconds`, intervals of pandas', and by `frames`. Bands: 95 %.
    """
    figure = Figure((WIDTH, 4.8), layout="constrained")
    panels = figure.subplots(1, 2)
    for axes, (name, table, x) in zip(
        panels, (("any", by_frames, "frames"), ("share", by_length, "seconds")), strict=True
    ):
        for scheme, line in table.groupby("scheme", sort=False):
            places = [getattr(value, "mid", value) for value in line[x]]
            color = SCHEME_COLORS[scheme]
            look = {"color": color, "ls": LINES[scheme], "marker": MARKS[scheme], "lw": 2.5, "ms": 8}
            axes.plot(places, 100 * line[name], label=scheme, **look)
            axes.fill_between(places, 100 * line[f"{name}_low"], 100 * line[f"{name}_high"], color=color, alpha=0.2)
        axes.set(ylim=(0, 103))
        axes.grid(color=PALE)
    panels[0].set(xscale="log", xlabel="P, frames a classifier", ylabel="events seen by any classifier, %")
    panels[0].set_title("events shorter than a second")
    places = sorted(set(by_frames["frames"]))
    panels[0].set_xticks(places, places)
    panels[0].minorticks_off()
    panels[1].set(xlabel="length of the event, s", ylabel="classifiers that see it, mean %", xlim=(0, None))
    panels[1].set_title("events of any length")
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False)
    return figure


@styled
def short_videos(plans: Mapping[str, Mapping[int, Sequence[Window]]]) -> Figure:
    """Videos of few frames: which frame each scheme shows how often, all classifiers together.

    plans: by scheme, by the video's number of frames.
    """
    figure = Figure((WIDTH, 4.6), layout="constrained")
    for axes, (scheme, by_length) in zip(figure.subplots(1, len(plans), sharey=True), plans.items(), strict=True):
        for y, (length, windows) in enumerate(by_length.items()):
            counts = np.bincount([frame for window in windows for frame in window.frames], minlength=length)
            axes.barh(y, length, 0.8, -0.5, color=PALE, linewidth=0)
            ink = INK if scheme == "dense" else "white"  # on yellow, white could not be read
            for frame in np.flatnonzero(counts):
                axes.plot(frame, y, "o", color=SCHEME_COLORS[scheme], markersize=17)
                axes.text(frame, y, counts[frame], color=ink, ha="center", va="center", fontsize=11, weight="bold")
        longest = max(by_length)
        axes.set(xlabel="frame", title=scheme, xlim=(-0.9, longest - 0.1), yticks=range(len(by_length)))
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.set_yticklabels([f"{length} frame{'s' * (length > 1)}" for length in by_length])
        axes.set_ylim(len(by_length) - 0.5, -0.5)
    keys = [Line2D([], [], marker="o", ls="", markersize=14, color=SHADE, label="shown so many times")]
    figure.legend(
        handles=[*keys, Patch(color=PALE, label="the video")], loc="outside lower center", ncols=2, frameon=False
    )
    return figure


@styled
def spread(places: Mapping[str, np.ndarray], gaps: Mapping[str, np.ndarray]) -> Figure:
    """Three ways to spread M x P frames over a video: where they fall, and how long a stretch is left without any.

    places: (M, P) in 0..1 by rule; gaps: by rule, the largest gap for 1, 2, … classifiers, (draws, K), 0 to 1.
    """
    figure = Figure((WIDTH, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1])
    for y, (rule, rows) in enumerate(places.items()):
        color, marker = RULES[rule]
        for m, row in enumerate(rows):
            left.plot(row, np.full(len(row), y + 0.13 * (m - (len(rows) - 1) / 2)), marker, color=color, markersize=6)
        left.vlines(np.arange(rows.shape[1] + 1) / rows.shape[1], y - 0.42, y + 0.42, color=SHADE, linewidth=1)
    left.set(yticks=range(len(places)), yticklabels=places, ylim=(len(places) - 0.5, -0.5), xlim=(-0.01, 1.01))
    left.set(xlabel="place in the video, 0 to 1", title="one row of marks a classifier, one mark a segment")
    for rule, draws in gaps.items():
        color, marker = RULES[rule]
        x, middle = np.arange(1, draws.shape[1] + 1), 100 * np.median(draws, axis=0)
        right.plot(x, middle, color=color, marker=marker, label=rule, linewidth=2.5, markersize=6)
        if len(draws) > 1:
            right.fill_between(x, *(100 * np.quantile(draws, (0.05, 0.95), axis=0)), color=color, alpha=0.2, lw=0)
    right.set(xlabel="M, classifiers", ylabel="longest gap, % of the video", ylim=(0, None))
    right.grid(color=PALE)
    right.legend(frameon=False, title="band: 90 % of draws", title_fontsize=11)
    return figure
