"""Which frames the classifiers see: three schemes on one time axis, what they miss, short videos, sparse places.

Plans and tables in, matplotlib Figures out (paper sec. 2).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from amc.figures import style
from amc.figures.style import INK, PALE, SCHEME_COLORS, SHADE, WIDTH, styled
from amc.sampling import Window

LINES = {"dense": "-", "semi-dense": "--", "sparse": ":"}
MARKS = {"dense": "s", "semi-dense": "D", "sparse": "o"}
RULES = {"regular": (INK, "s"), "random": (SHADE, "D"), "quasi-random": (SCHEME_COLORS["sparse"], "o")}


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

    events: (behaviour, start, stop) in frames, drawn with the number of classifiers per scheme that see it; film:
    uint8 (K, H, W, 3) or (K, 3, H, W), the middle frames of K equal parts of the video.
    """
    heights = [0.36 * len(windows) for windows in plans.values()] + [0.36 * len(events)] * bool(events)
    heights += [WIDTH * 0.82 / len(film)] if film is not None else []
    figure = Figure((WIDTH, sum(heights) + 0.3 * len(heights) + 1.5), layout="constrained")
    panels = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
    for axes, (scheme, windows) in zip(panels, plans.items(), strict=False):
        _plan(axes, windows, scheme)
    if events:
        _events(panels[len(plans)], plans, events, num_frames)
    if film is not None:
        edges = np.linspace(0, num_frames, len(film) + 1)
        for picture, start, stop in zip(style.pictures(film), edges, edges[1:], strict=False):
            panels[-1].imshow(picture, extent=(start, stop, 0, 1), aspect="auto", interpolation="nearest")
        panels[-1].set(yticks=[], ylim=(0, 1))
        panels[-1].spines[:].set_visible(False)
    panels[-1].set(xlim=(0, num_frames), xlabel="frame")
    below = -0.55 / heights[-1]  # in heights of the last panel: below the frame numbers
    panels[-1].secondary_xaxis(below, functions=(lambda x: x / fps, lambda x: x * fps)).set_xlabel("time, s")
    figure.legend(handles=keys(plans), loc="outside lower center", ncols=4, frameon=False)
    return figure


def _events(axes, plans: Mapping[str, Sequence[Window]], events: Sequence[tuple], num_frames: int) -> None:
    """One bar per event; at the right the number of classifiers that see it, in the schemes' order and colours."""
    for y, (_, start, stop) in enumerate(events):
        axes.barh(y, stop - start, 0.6, start, color=SHADE, linewidth=0)
        for k, (scheme, windows) in enumerate(plans.items()):
            count = sum(any(start <= frame < stop for frame in window.frames) for window in windows)
            axes.text(1.02 + 0.03 * k, y, count, color=SCHEME_COLORS[scheme] if count else INK, weight="bold",
                      ha="center", va="center", transform=axes.get_yaxis_transform())  # fmt: skip
    axes.set(yticks=range(len(events)), yticklabels=[name for name, _, _ in events], ylim=(len(events) - 0.5, -0.5))
    axes.set_title("ground truth", loc="left")
    count = len(next(iter(plans.values())))
    axes.set_title(f"classifiers that see it, of {count}: {' · '.join(plans)} →", loc="right", fontsize=12)


@styled
def chosen(
    frames: Mapping[str, Sequence[np.ndarray]],
    plans: Mapping[str, Sequence[Window]],
    *,
    events: Sequence[tuple[str, float, float]] = (),
) -> Figure:
    """The frames that each classifier sees, one block per scheme, one row per classifier.

    frames: by scheme, for each classifier uint8 (P, H, W, 3) or (P, 3, H, W). Only the frames of the shortest event are
    in colour, with a dark edge.
    """
    rows, columns = (len(next(iter(frames.values()))), len(next(iter(frames.values()))[0]))
    shortest = min(events, key=lambda event: event[2] - event[1], default=("", 0, 0))
    side = 0.94 * WIDTH / (len(frames) * columns)
    figure = Figure((WIDTH, rows * (side + 0.22) + 1.0), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.02, hspace=0.02)
    blocks = np.atleast_1d(figure.subfigures(1, len(frames)))
    for block, (scheme, rolls) in zip(blocks, frames.items(), strict=True):
        block.suptitle(scheme, fontsize=14, color=SCHEME_COLORS[scheme], weight="bold")
        panels = block.subplots(rows, columns, squeeze=False)
        for y, (roll, window) in enumerate(zip(rolls, plans[scheme], strict=False)):
            for axes, picture, index in zip(panels[y], style.pictures(roll), window.frames, strict=False):
                is_inside = not shortest[0] or shortest[1] <= index < shortest[2]
                grey = picture.mean(axis=-1, keepdims=True).repeat(3, axis=-1).astype(np.uint8)
                style.image(axes, picture if is_inside else grey, INK if is_inside and shortest[0] else PALE)
                axes.set_xlabel(index, fontsize=11, labelpad=2)
    if shortest[0]:
        figure.supxlabel(
            f"frame number; one row per classifier; in colour: frames of {shortest[0]}, the shortest event", fontsize=12
        )
    return figure


def _plan(axes, windows: Sequence[Window], scheme: str) -> None:
    for y, window in enumerate(windows):
        looks(axes, y, window, scheme)
    axes.set(yticks=range(len(windows)), yticklabels=[f"classifier {m + 1}" for m in range(len(windows))])
    axes.set_ylim(len(windows) - 0.5, -0.5)
    axes.set_title(scheme, loc="left")
    axes.tick_params(axis="x", length=0)


def looks(axes, y: float, window: Window, scheme: str) -> None:
    """Draw what one classifier sees at height `y`: its window, its context, its frames.

    Every classifier has a context, the rest of the video; it is drawn only if the classifier sees a frame of it.
    """
    if is_context_seen(window):
        for start, stop in window.context:
            axes.barh(y, stop - start, 0.7, start, color=PALE, hatch="////", linewidth=0)
    fill = {"color": SCHEME_COLORS[scheme], "alpha": 0.45, "linewidth": 0}
    outline = {"facecolor": "white", "edgecolor": SCHEME_COLORS[scheme], "linewidth": 1.2}  # no window
    is_whole = scheme == "sparse"
    axes.barh(y, window.main[1] - window.main[0], 0.7, window.main[0], **(outline if is_whole else fill))
    axes.vlines(np.add(window.frames, 0.5), y - 0.42, y + 0.42, color=INK, linewidth=2.5)


def is_context_seen(window: Window) -> bool:
    """Whether any frame of a window lies outside its main range: never with dense and sparse, nor for M = 1."""
    return any(start <= frame < stop for start, stop in window.context for frame in window.frames)


def keys(plans: Mapping[str, Sequence[Window]]) -> list[Artist]:
    """The legend of `looks` for the plans of these schemes."""
    main = [scheme for scheme in plans if scheme != "sparse"]
    shown = [Patch(color=SCHEME_COLORS[scheme], alpha=0.45, label=f"main window ({scheme})") for scheme in main]
    has_context = any(is_context_seen(window) for windows in plans.values() for window in windows)
    shown += [Patch(fc=PALE, hatch="////", label="context")] * has_context
    shown += [Patch(fc="white", ec=SCHEME_COLORS["sparse"], label="whole video (sparse)")] * ("sparse" in plans)
    look = {"marker": "|", "markersize": 14, "markeredgewidth": 2.5, "ls": ""}
    return [*shown, Line2D([], [], color=INK, label="chosen frame", **look)]


@styled
def unseen(table: pd.DataFrame, *, num_frames: int, num_windows: int, frames: int) -> Figure:
    """The share of frames that no classifier sees: against M, against P and against the length of the video.

    table: columns scheme, num_windows, frames, num_frames, unseen (0 to 1); one of the three counts varies at a time,
    the others have the given values.
    """
    here = {"num_windows": num_windows, "frames": frames, "num_frames": num_frames}
    labels = {
        "num_windows": "M, classifiers",
        "frames": "P, frames per classifier",
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
def unseen_by_place(
    table: Mapping[tuple[str, str], Sequence[np.ndarray]], values: Mapping[str, Sequence[int]]
) -> Figure:
    """The places in a video that no classifier sees, one row per video: white between the frames that one sees.

    table: by scheme and count (a key of `values`), for each value of the count whether each frame is seen, bool (N,).
    """
    labels = {"num_windows": "M, classifiers", "frames": "P, frames each", "num_frames": "length, frames"}
    names = list(dict.fromkeys(scheme for scheme, _ in table))
    figure = Figure((WIDTH, 2.2 * len(names) + 1.0), layout="constrained")
    panels = figure.subplots(len(names), len(values), sharex=True, squeeze=False)
    for axes_row, scheme in zip(panels, names, strict=True):
        for axes, (count, taken) in zip(axes_row, values.items(), strict=True):
            for y, seen in enumerate(table[scheme, count]):
                runs = np.flatnonzero(np.diff(np.pad(seen.astype(int), 1))).reshape(-1, 2) / len(seen)
                spans = [(start, stop - start) for start, stop in runs]
                axes.broken_barh(spans, (y - 0.4, 0.8), color=SCHEME_COLORS[scheme], linewidth=0)
            axes.set(yticks=range(len(taken)), ylim=(len(taken) - 0.5, -0.5), xlim=(0, 1), ylabel=labels[count])
            axes.set_yticklabels(taken, fontsize=9.5)
            axes.set(xticks=[0, 0.5, 1], xticklabels=["start", "middle", "end"])
        axes_row[0].set_title(scheme, loc="left", color=SCHEME_COLORS[scheme], weight="bold")
    figure.supxlabel("place in the video; coloured: a frame that a classifier sees", fontsize=13)
    return figure


@styled
def catches(by_length: pd.DataFrame, by_frames: pd.DataFrame, *, num_windows: int, frames: int) -> Figure:
    """How often any classifier sees a short event; for all events, the share of classifiers and the number of frames.

    by_length, by_frames: of `coverage.rates`, by `seconds`, intervals of pandas', and by `frames`. Bands: 95 %.
    """
    figure = Figure((WIDTH, 4.9), layout="constrained")
    panels = figure.subplots(1, 3)
    whole = f"P = {frames}, M = {num_windows}"
    columns = {
        "any": (by_frames, "frames", 100, "seen by any classifier, %", f"events under 1 s (M = {num_windows})"),
        "share": (by_length, "seconds", 100, "classifiers that see it, %", whole),
        "looks": (by_length, "seconds", 1, "frames of it per classifier that sees it", whole),
    }
    for axes, (name, (table, x, unit, label, title)) in zip(panels, columns.items(), strict=True):
        for scheme, line in table.groupby("scheme", sort=False):
            places = [getattr(value, "mid", value) for value in line[x]]
            color = SCHEME_COLORS[scheme]
            look = {"color": color, "ls": LINES[scheme], "marker": MARKS[scheme], "lw": 2.5, "ms": 8}
            axes.plot(places, unit * line[name], label=scheme, **look)
            axes.fill_between(places, unit * line[f"{name}_low"], unit * line[f"{name}_high"], color=color, alpha=0.2)
        axes.set(ylim=(0, 103 if unit == 100 else None), ylabel=label, title=title)
        axes.grid(color=PALE)
    panels[0].set(xscale="log", xlabel="P, frames per classifier")
    places = sorted(set(by_frames["frames"]))
    panels[0].set_xticks(places, places)
    panels[0].minorticks_off()
    for axes in panels[1:]:
        axes.set(xlabel="length of the event, s", xlim=(0, None))
    handles, names = panels[0].get_legend_handles_labels()
    figure.legend(handles, names, loc="outside lower center", ncols=3, frameon=False)
    return figure


@styled
def short_videos(plans: Mapping[str, Mapping[int, Sequence[Window]]]) -> Figure:
    """Short videos: how often each scheme uses each frame, over all classifiers.

    plans: by scheme, by the video's number of frames.
    """
    figure = Figure((WIDTH, 4.6), layout="constrained")
    for axes, (scheme, by_length) in zip(figure.subplots(1, len(plans), sharey=True), plans.items(), strict=True):
        for y, (length, windows) in enumerate(by_length.items()):
            counts = np.bincount([frame for window in windows for frame in window.frames], minlength=length)
            axes.barh(y, length, 0.8, -0.5, color=PALE, linewidth=0)
            ink = INK if scheme == "dense" else "white"  # white is unreadable on yellow
            for frame in np.flatnonzero(counts):
                axes.plot(frame, y, "o", color=SCHEME_COLORS[scheme], markersize=17)
                axes.text(frame, y, counts[frame], color=ink, ha="center", va="center", fontsize=11, weight="bold")
        longest = max(by_length)
        axes.set(xlabel="frame", title=scheme, xlim=(-0.9, longest - 0.1), yticks=range(len(by_length)))
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.set_yticklabels([f"{length} frame{'s' * (length > 1)}" for length in by_length])
        axes.set_ylim(len(by_length) - 0.5, -0.5)
    counted = Line2D([], [], marker="o", ls="", markersize=14, color=SHADE, label="number of times shown")
    handles = [counted, Patch(color=PALE, label="the video")]
    figure.legend(handles=handles, loc="outside lower center", ncols=2, frameon=False)
    return figure


@styled
def spread(places: Mapping[str, np.ndarray], gaps: Mapping[str, np.ndarray]) -> Figure:
    """Three ways to spread M x P frames over a video: where they fall, and the longest gap.

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
    left.set(xlabel="place in the video", title="one row: a classifier; one mark: a frame in its segment")
    left.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "¼", "½", "¾", "1"])
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
