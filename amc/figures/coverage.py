"""What sampling plans cover: unseen frames, caught events, short videos, where sparse rules put their frames.

Plans and tables in, matplotlib Figures out.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from amc.base.wording import listed
from amc.figures import style, words
from amc.figures.style import INK, PALE, SCHEME_COLORS, SHADE, WARNING, WIDTH, styled
from amc.sampling import Window

LINES = {"dense": "-", "semi-dense": "--", "sparse": ":"}
MARKS = {"dense": "s", "semi-dense": "D", "sparse": "o"}
LOOKS = {  # open marks over smaller ones, because sparse often equals another scheme
    scheme: {"color": SCHEME_COLORS[scheme], "ls": LINES[scheme], "marker": MARKS[scheme], "lw": 2.5, "ms": size}
    | {"markerfacecolor": "none" if scheme == "sparse" else SCHEME_COLORS[scheme], "mew": 1.8}
    for scheme, size in {"dense": 5, "semi-dense": 5, "sparse": 10}.items()
}
LIGHT = 0.4  # opacity of every second classifier
RULES = {"regular": (INK, "s"), "random": (SHADE, "D"), "quasi-random": (SCHEME_COLORS["sparse"], "o")}
MEANING = {
    "regular": "all classifiers\nthe same",
    "random": "by chance",
    "quasi-random": "by a rule that\nmixes evenly",
}


@styled
def unseen(table: pd.DataFrame, *, num_frames: int, num_windows: int, frames: int) -> Figure:
    """The share of frames that no classifier sees: against M, against P and against the length of the video.

    table: columns scheme, num_windows, frames, num_frames, unseen (0 to 1); one of the three counts varies at a time,
    the others have the given values, which stand above it, and whose shares the title tells.
    """
    here = {"num_windows": num_windows, "frames": frames, "num_frames": num_frames}
    labels = {
        "num_windows": "number of classifiers (M)",
        "frames": "frames per classifier (P)",
        "num_frames": "frames in the video",
    }
    fixed = {"num_windows": f"{num_windows} classifiers", "frames": f"{frames} frames each"}
    fixed["num_frames"] = f"a video of {num_frames} frames"
    figure = Figure((WIDTH, 5), layout="constrained")
    panels = figure.subplots(1, 3, sharey=True)
    for axes, (name, label) in zip(panels, labels.items(), strict=True):
        others = [other for other in here if other != name]
        part = table[(table[others] == [here[other] for other in others]).all(axis=1)]
        for scheme, line in part.groupby("scheme", sort=False):
            axes.plot(line[name], 100 * line["unseen"], label=words.SCHEMES[scheme], **LOOKS[scheme])
        axes.axvline(here[name], color=SHADE, linestyle="--", linewidth=1)
        axes.set(xlabel=label, ylim=(0, 103), title=",\n".join(fixed[other] for other in others))
        axes.title.set_fontsize(12)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.grid(color=PALE)
    panels[0].set_ylabel("frames that no classifier sees, %")
    handles, names = panels[0].get_legend_handles_labels()
    handles.append(Line2D([], [], color=SHADE, linestyle="--", linewidth=1))
    figure.legend(handles, [*names, "as in the title"], loc="outside lower center", ncols=2, frameon=False)
    words.explain(figure, "classifier")
    now = table[(table[list(here)] == list(here.values())).all(axis=1)].drop_duplicates("scheme")
    shares = listed(f"{100 * row.unseen:.0f} % ({row.scheme})" for row in now.itertuples())
    leave = f"Of the {num_frames} frames of a video, {num_windows} classifiers with {frames} frames each leave"
    style.headline(figure, f"{leave} {shares} unseen")
    return figure


@styled
def unseen_by_place(table: Mapping[str, Sequence[np.ndarray]], counts: Sequence[int], *, frames: int) -> Figure:
    """The places in a video that no classifier sees, one row per number of classifiers: white between those that are.

    Right of each row the number of frames that are seen, which the title compares for the largest number of
    classifiers, in bold. Dark and light change where the classifier does; a line joins the frames of one classifier, if
    no other one has frames between them.

    table: by scheme, for each of `counts` classifiers which of them, from 1 on, sees each frame, int (N,), 0: none;
    frames: P of each.
    """
    figure = Figure((WIDTH, len(table) * (0.22 * len(counts) + 0.4) + 1.6), layout="constrained")
    for axes, (scheme, rows) in zip(figure.subplots(len(table), 1, sharex=True, squeeze=False)[:, 0], table.items()):
        for y, numbers in enumerate(rows):
            at = np.flatnonzero(numbers)
            shades = np.cumsum(np.diff(numbers[at], prepend=0) != 0) % 2  # another one at every change
            colors = [to_rgba(SCHEME_COLORS[scheme], 1 if shade else LIGHT) for shade in shades]
            axes.broken_barh(
                [(frame / len(numbers), 1 / len(numbers)) for frame in at], (y - 0.4, 0.8), color=colors, lw=0
            )
            for first, last in _spans(numbers):
                axes.plot(
                    [first / len(numbers), (last + 1) / len(numbers)], [y, y], color=SCHEME_COLORS[scheme], lw=1.5
                )
            weight = "bold" if y == len(rows) - 1 else "normal"
            axes.text(1.01, y, f"{len(at)}", va="center", fontsize=11, weight=weight)
        axes.set(yticks=range(len(counts)), yticklabels=counts, ylim=(len(counts) - 0.5, -0.5), xlim=(0, 1))
        axes.set(xticks=[0, 0.5, 1], xticklabels=["start", "middle", "end of the video"])
        axes.set_title(words.SCHEMES[scheme], loc="left", color=SCHEME_COLORS[scheme], weight="bold")
        axes.set_title("frames that at least one sees", loc="right", fontsize=12)
    figure.supylabel("number of classifiers", fontsize=13)
    key = "neighbouring marks of different classifiers have different shades; white: seen by none"
    joined = any(_spans(numbers) for rows in table.values() for numbers in rows[1:])
    key += "\na line: the frames of one classifier, where they do not mix with those of others" if joined else ""
    alone = "\nwith only 1 classifier, its part is the whole video" if 1 in counts else ""
    figure.supxlabel(f"a mark: a frame, {frames} for each classifier; {key}{alone}", fontsize=12)
    words.explain(figure, "classifier")
    whole = len(next(iter(table.values()))[-1])
    told = listed(f"{(rows[-1] > 0).sum()} with {scheme}" for scheme, rows in table.items())
    style.headline(figure, f"Of {whole} frames of a video, {counts[-1]} classifiers together see {told}")
    return figure


def _spans(numbers: np.ndarray) -> list[tuple[int, int]]:
    """The first and the last frame of each classifier, if no two of them mix; numbers (N,) as in `unseen_by_place`."""
    at = np.flatnonzero(numbers)
    found = {number: at[numbers[at] == number] for number in numbers[at]}
    spans = sorted((int(each[0]), int(each[-1])) for each in found.values())
    return spans if all(before[1] < after[0] for before, after in zip(spans, spans[1:])) and len(spans) > 1 else []


@styled
def catches(by_length: pd.DataFrame, by_frames: pd.DataFrame, *, num_windows: int, frames: int) -> Figure:
    """How often any classifier sees a short event; for all events, the share of classifiers and the number of frames.

    by_length, by_frames: of `coverage.rates`, by `seconds`, intervals of pandas', and by `frames`. Bands: 95 %. The
    title compares the shares of classifiers for the shortest events, which are ringed in the middle panel.
    """
    figure = Figure((WIDTH, 5.2), layout="constrained")
    panels = figure.subplots(1, 3)
    columns = {
        "any": (by_frames, "frames", 100, "% of the events", "Does any classifier get a frame\nof an event under 1 s?"),
        "share": (
            by_length,
            "seconds",
            100,
            "% of the classifiers",
            "How many classifiers get a\nframe of an event of any length?",
        ),
        "looks": (
            by_length,
            "seconds",
            1,
            "frames",
            "Frames per classifier\nthat sees the event",
        ),
    }
    for axes, (name, (table, x, unit, label, title)) in zip(panels, columns.items(), strict=True):
        for scheme, line in table.groupby("scheme", sort=False):
            places = [getattr(value, "mid", value) for value in line[x]]
            axes.plot(places, unit * line[name], label=words.SCHEMES[scheme], **LOOKS[scheme])
            low, high = (unit * line[f"{name}_{end}"] for end in ("low", "high"))
            axes.fill_between(places, low, high, color=SCHEME_COLORS[scheme], alpha=0.2)
        axes.set(ylim=(0, 108 if unit == 100 else None), ylabel=label, title=title)
        axes.grid(color=PALE)
    panels[0].set(xscale="log", xlabel="frames per classifier (P)")
    places = sorted(set(by_frames["frames"]))
    panels[0].set_xticks(places, places)
    panels[0].minorticks_off()
    for axes in panels[1:]:
        axes.set(xlabel="length of the event, s\n(mark: middle of a range)", xlim=(0, None))
    handles, names = panels[0].get_legend_handles_labels()
    handles.append(Patch(color=SHADE, alpha=0.4))
    figure.legend(handles, [*names, "95 % interval over clips"], loc="outside lower center", ncols=2, frameon=False)
    words.explain(figure, "classifier", "event", "95 % interval")
    first = by_length.drop_duplicates("scheme")
    shares = listed(f"{100 * row.share:.0f} % with {row.scheme}" for row in first.itertuples())
    longest = getattr(first["seconds"].iloc[0], "right", first["seconds"].iloc[0])
    for row in first.itertuples():
        at = getattr(row.seconds, "mid", row.seconds)
        panels[1].plot(at, 100 * row.share, "o", color=INK, ms=17, markerfacecolor="none", mew=1.5, clip_on=False)
    ringed = "\n".join(f"{row.scheme} {100 * row.share:.0f} %" for row in first.itertuples())
    panels[1].text(0.98, 0.02, f"ringed, at most {longest:g} s:\n{ringed}", ha="right", va="bottom", fontsize=11,
                   transform=panels[1].transAxes)  # fmt: skip
    sizes = f"{num_windows} classifiers with {frames} frames each"
    style.headline(figure, f"Of the classifiers, {shares} see an event of at most {longest:g} s (middle; {sizes})")
    return figure


@styled
def short_videos(plans: Mapping[str, Mapping[int, Sequence[Window]]]) -> Figure:
    """Short videos: how often all classifiers together take each frame, one panel per scheme and length of the video.

    plans: by scheme, by the video's number of frames. The title counts the different frames of the longest.
    """
    lengths = list(next(iter(plans.values())))
    figure = Figure((WIDTH, 2.2 + 1.3 * len(lengths)), layout="constrained")
    panels = figure.subplots(len(lengths), len(plans), squeeze=False)
    used = {scheme: [_taken(by_length[length], length) for length in lengths] for scheme, by_length in plans.items()}
    most = max(counts.max() for rows in used.values() for counts in rows)
    for column, (scheme, rows) in zip(panels.T, used.items(), strict=True):
        name = words.SCHEMES[scheme].replace(": ", ":\n")
        column[0].set_title(name, color=SCHEME_COLORS[scheme], weight="bold", fontsize=12)
        for axes, counts in zip(column, rows, strict=True):
            axes.bar(range(len(counts)), counts, 0.8, color=SCHEME_COLORS[scheme])
            for frame, count in enumerate(counts):
                axes.text(frame, count, f"{count}", ha="center", va="bottom", fontsize=12)
            axes.set(xlim=(-0.6, max(lengths) - 0.4), xticks=range(len(counts)), ylim=(0, 1.25 * most), yticks=[])
            axes.tick_params(axis="x", length=0)
        column[-1].set_xlabel("frame of the video (the first: 0)")
    for axes, length in zip(panels[:, 0], lengths, strict=True):
        axes.set_ylabel(f"video of\n{length} frame{'s' * (length > 1)}")
    figure.supxlabel("a bar: how often the classifiers together take this frame; 0: none of them gets it", fontsize=12)
    words.explain(figure, "classifier")
    plan = next(iter(next(iter(plans.values())).values()))
    different = listed(f"{(rows[-1] > 0).sum()} with {scheme}" for scheme, rows in used.items())
    taken = f"{len(plan)} classifiers that get {len(plan[0].frames)} frames each see {different}"
    style.headline(figure, f"Of a video of only {lengths[-1]} frames, {taken}")
    return figure


def _taken(windows: Sequence[Window], length: int) -> np.ndarray:
    """How often each of `length` frames is taken by all classifiers together."""
    return np.bincount([frame for window in windows for frame in window.frames], minlength=length)


@styled
def spread(places: Mapping[str, np.ndarray], gaps: Mapping[str, np.ndarray]) -> Figure:
    """Three ways to spread M x P frames over a video: where they fall, and the longest gap.

    places: (M, P) in 0..1 by rule; gaps: by rule, the largest gap for 1, 2, … classifiers, (draws, K), 0 to 1. The
    title compares the gaps of the M classifiers on the left, where a bracket shows the longest.
    """
    figure = Figure((WIDTH, 5), layout="constrained")
    left, right = figure.subplots(1, 2, width_ratios=[1.25, 1])
    for y, (rule, rows) in enumerate(places.items()):
        color, marker = RULES[rule]
        for m, row in enumerate(rows):
            left.plot(row, np.full(len(row), y + 0.13 * (m - (len(rows) - 1) / 2)), marker, color=color, markersize=6)
        ends = np.concatenate([[0], np.sort(rows, axis=None), [1]])
        k = np.diff(ends).argmax()
        bracket = {"arrowstyle": "|-|,widthA=0.3,widthB=0.3", "color": WARNING}
        left.annotate("", (ends[k], y + 0.35), (ends[k + 1], y + 0.35), arrowprops=bracket)
        left.vlines(np.arange(rows.shape[1] + 1) / rows.shape[1], y - 0.42, y + 0.42, color=SHADE, linewidth=1)
    names = [f"{rule}:\n{MEANING[rule]}" for rule in places]
    left.set(yticks=range(len(places)), yticklabels=names, ylim=(len(places) - 0.5, -0.5), xlim=(-0.01, 1.01))
    left.set_title("A mark: a frame; a row of marks: a classifier;\nred bracket: the longest part without a frame")
    left.set(xlabel="place in the video (0: start, 1: end; lines: equal parts)")
    left.set_xticks([0, 0.25, 0.5, 0.75, 1], ["0", "¼", "½", "¾", "1"])
    for rule, draws in gaps.items():
        color, marker = RULES[rule]
        x, middle = np.arange(1, draws.shape[1] + 1), 100 * np.median(draws, axis=0)
        right.plot(x, middle, color=color, marker=marker, label=rule, linewidth=2.5, markersize=6)
        if len(draws) > 1:
            right.fill_between(x, *(100 * np.quantile(draws, (0.05, 0.95), axis=0)), color=color, alpha=0.2, lw=0)
    right.set(xlabel="number of classifiers (M)", ylabel="% of the video", ylim=(0, None))
    right.set_title("Longest part without a frame\nof any classifier")
    right.grid(color=PALE)
    right.legend(frameon=False, title="line: median, band: 90 %\nof random draws", title_fontsize=12)
    count = len(next(iter(places.values())))
    middles = {rule: 100 * np.median(draws[:, min(count, draws.shape[1]) - 1]) for rule, draws in gaps.items()}
    for rule, gap in middles.items():
        side = {"xytext": (-4, -14), "ha": "right"} if gap == min(middles.values()) else {"xytext": (5, 4)}
        look = {"color": RULES[rule][0], "weight": "bold", "textcoords": "offset points"}
        right.annotate(f"{gap:.0f} %", (count, gap), **side, **look)
    right.axvline(count, color=SHADE, linestyle="--", linewidth=1)
    told = listed(f"{gap:.0f} % ({rule})" for rule, gap in sorted(middles.items(), key=lambda item: item[1]))
    words.explain(figure, "classifier")
    style.headline(figure, f"The longest part of a video that {count} classifiers leave unseen: {told} of it")
    return figure
