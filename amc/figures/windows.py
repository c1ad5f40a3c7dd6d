"""Which frames the classifiers see: three schemes on one time axis, and the chosen pictures.

Plans and tables in, matplotlib Figures out (paper sec. 2).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.artist import Artist
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from amc.base.wording import listed
from amc.figures import style, words
from amc.figures.style import INK, PALE, SCHEME_COLORS, SHADE, WARNING, WIDTH, styled
from amc.sampling import Window

HIT = {"marker": "o", "ls": "", "markersize": 17, "markerfacecolor": "none", "markeredgecolor": WARNING, "mew": 2}
BAND = {"facecolor": SHADE, "alpha": 0.3, "edgecolor": INK}  # the time of the shortest event


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

    events: (behaviour, start, stop) in frames, drawn with the number of classifiers per scheme that see it, those of
    the shortest in the title, its time as a band through all rows; film: uint8 (K, H, W, 3) or (K, 3, H, W), the
    middle frames of K equal parts.
    """
    heights = [0.36 * len(windows) for windows in plans.values()] + [0.36 * len(events)] * bool(events)
    wide = 0.86 * WIDTH  # so that letters are large enough at half of a slide
    heights += [wide * 0.8 / len(film)] if film is not None else []
    figure = Figure((wide, sum(heights) + 0.3 * len(heights) + 2.0), layout="constrained")
    panels = figure.subplots(len(heights), 1, sharex=True, height_ratios=heights, squeeze=False)[:, 0]
    for axes, (scheme, windows) in zip(panels, plans.items(), strict=False):
        _plan(axes, windows, scheme, _shortest(events))
        for _, start, stop in [_shortest(events)] * bool(events):
            axes.axvspan(start, stop, **BAND, zorder=1.5)  # over the parts of the video, behind the marks
    if events:
        _events(panels[len(plans)], plans, events, num_frames)
    if film is not None:
        edges = np.linspace(0, num_frames, len(film) + 1)
        for picture, start, stop in zip(style.pictures(film), edges, edges[1:], strict=False):
            panels[-1].imshow(picture, extent=(start, stop, 0, 1), aspect="auto", interpolation="nearest")
        panels[-1].vlines(edges[1:-1], 0, 1, color="white", linewidth=3)
        panels[-1].set(yticks=[], ylim=(0, 1))
        panels[-1].spines[:].set_visible(False)
    panels[-1].set(xlim=limits(num_frames), xlabel="frame")
    below = -0.6 / heights[-1]  # in heights of the last panel: below the frame numbers
    panels[-1].secondary_xaxis(below, functions=(lambda x: x / fps, lambda x: x * fps)).set_xlabel("time, s")
    handles = keys(plans) + [Patch(**BAND, label=f"when it happens: {_shortest(events)[0]}")] * bool(events)
    handles += [Line2D([], [], **HIT, label="a frame of it")] * bool(events)
    figure.legend(handles=handles, loc="outside lower center", ncols=3, frameon=False, columnspacing=1.2)
    words.explain(figure, "classifier")
    style.headline(figure, _caught(plans, events))
    return figure


def _caught(plans: Mapping[str, Sequence[Window]], events: Sequence[tuple]) -> str:
    """How many classifiers of each scheme see the shortest event; without events how many frames they see."""
    if not events:
        counts = (f"{len({f for w in windows for f in w.frames})} with {name}" for name, windows in plans.items())
        return f"Different frames of the video that the classifiers see: {listed(counts)}"
    name, start, stop = _shortest(events)
    counts = (f"{_seeing(windows, start, stop)} of {len(windows)} with {scheme}" for scheme, windows in plans.items())
    of = f"{name}, the shortest event" if len(events) > 1 else name
    return f"How many classifiers get a frame of {of}: {listed(counts)}"


def _shortest(events: Sequence[tuple[str, float, float]]) -> tuple[str, float, float]:
    return min(events, key=lambda event: event[2] - event[1], default=("", 0, 0))


def limits(num_frames: int) -> tuple[float, float]:
    """The ends of a time axis: a little beyond the video, so that the first and the last mark are seen in full."""
    return -0.01 * num_frames, 1.01 * num_frames


def _seeing(windows: Sequence[Window], start: float, stop: float) -> int:
    """How many classifiers have a frame in a span of frames."""
    return sum(any(start <= frame < stop for frame in window.frames) for window in windows)


def _events(axes, plans: Mapping[str, Sequence[Window]], events: Sequence[tuple], num_frames: int) -> None:
    """One bar per event; at the right a column per scheme with the number of classifiers that see it."""
    beside = {"ha": "center", "fontsize": 12, "transform": axes.get_yaxis_transform()}
    for k, (scheme, windows) in enumerate(plans.items()):
        name, color = scheme.replace("-", "-\n"), SCHEME_COLORS[scheme]
        axes.text(1.06 + 0.11 * k, -0.6, name, color=color, weight="bold", va="bottom", **beside)
        for y, (_, start, stop) in enumerate(events):
            count = f"{_seeing(windows, start, stop)} of {len(windows)}"
            axes.text(1.06 + 0.11 * k, y, count, va="center", **beside)
    for y, (_, start, stop) in enumerate(events):
        axes.barh(y, stop - start, 0.6, start, color=SHADE, linewidth=0)
    names = [name for name, _, _ in events]
    times = [names[: y + 1].count(name) for y, name in enumerate(names)]
    numbered = [f"{name} ({time})" if names.count(name) > 1 else name for name, time in zip(names, times, strict=True)]
    axes.set(yticks=range(len(events)), yticklabels=numbered, ylim=(len(events) - 0.5, -0.5))
    axes.set_title("what happens", loc="left")
    axes.set_title("seen by how many classifiers →", loc="right", fontsize=12)


@styled
def chosen(
    frames: Mapping[str, Sequence[np.ndarray]],
    plans: Mapping[str, Sequence[Window]],
    *,
    events: Sequence[tuple[str, float, float]] = (),
) -> Figure:
    """The frames that each classifier sees, one block per scheme, one row per classifier.

    The title counts the classifiers that see the shortest event.

    frames: by scheme, for each classifier uint8 (P, H, W, 3) or (P, 3, H, W). Only the frames of the shortest event are
    in colour, with a dark edge.
    """
    rows, columns = (len(next(iter(frames.values()))), len(next(iter(frames.values()))[0]))
    shortest = _shortest(events)
    side = 0.94 * WIDTH / (len(frames) * columns)
    figure = Figure((WIDTH, rows * (side + 0.22) + 1.5), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.02, h_pad=0.02, wspace=0.02, hspace=0.02)
    blocks = np.atleast_1d(figure.subfigures(1, len(frames), wspace=0.08))
    for block, (scheme, rolls) in zip(blocks, frames.items(), strict=True):
        name = words.SCHEMES[scheme].replace(": ", "\n")
        block.suptitle(name, fontsize=12, color=SCHEME_COLORS[scheme], weight="bold")
        panels = block.subplots(rows, columns, squeeze=False)
        for y, (roll, window) in enumerate(zip(rolls, plans[scheme], strict=False)):
            for axes, picture, index in zip(panels[y], style.pictures(roll), window.frames, strict=False):
                is_inside = not shortest[0] or shortest[1] <= index < shortest[2]
                grey = picture.mean(axis=-1, keepdims=True).repeat(3, axis=-1).astype(np.uint8)
                style.image(axes, picture if is_inside else grey, INK if is_inside and shortest[0] else PALE)
                axes.set_xlabel(index, fontsize=12, labelpad=2)
            panels[y, 0].set_ylabel(f"classifier {y + 1}" if block is blocks[0] else "", fontsize=12)
    drawn = {s: [w.frames[: len(roll)] for roll, w in zip(rolls, plans[s])] for s, rolls in frames.items()}
    style.headline(figure, _shown(drawn, shortest))
    about = f"; in colour: {shortest[0]}" if shortest[0] else ""
    figure.supxlabel(f"a row: what one classifier gets; a number: which frame of the video{about}", fontsize=12)
    words.explain(figure, "classifier")
    return figure


def _shown(drawn: Mapping[str, Sequence[Sequence[int]]], event: tuple[str, float, float]) -> str:
    """How many classifiers have a drawn frame of an event, by scheme."""
    if not event[0]:
        counts = (f"{sum(map(len, rolls))} with {scheme}" for scheme, rolls in drawn.items())
        return f"The frames that the classifiers see: {listed(counts)}"
    counts = []
    for scheme, rolls in drawn.items():
        shown = [sum(event[1] <= frame < event[2] for frame in frames) for frames in rolls]
        counts.append(f"{np.count_nonzero(shown)} of {len(rolls)} with {scheme} ({sum(shown)}\N{NO-BREAK SPACE}frames)")
    return f"How many classifiers get frames of {event[0]}, the shortest event: {listed(counts)}"


def _plan(axes, windows: Sequence[Window], scheme: str, event: tuple[str, float, float]) -> None:
    for y, window in enumerate(windows):
        looks(axes, y, window, scheme)
        hits = [frame + 0.5 for frame in window.frames if event[1] <= frame < event[2]]
        axes.plot(hits, [y] * len(hits), **HIT)
    axes.set(yticks=range(len(windows)), yticklabels=[f"classifier {m + 1}" for m in range(len(windows))])
    axes.set_ylim(len(windows) - 0.5, -0.5)
    gaps = {gap for window in windows for gap in np.diff(window.frames).tolist()}
    every = f"; about every {_ordinal(max(gaps))} frame" if gaps and max(gaps) - min(gaps) < 2 else ""
    axes.set_title(f"{words.SCHEMES[scheme]}{every}", loc="left")
    axes.tick_params(axis="x", length=0)


def _ordinal(number: int) -> str:
    """`1st`, `2nd`, `3rd`, `16th`."""
    ending = "th" if number % 100 in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(number % 10, "th")
    return f"{number}{ending}"


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
    shown = [
        Patch(color=SCHEME_COLORS[scheme], alpha=0.45, label=f"own part of the video ({scheme})") for scheme in main
    ]
    has_context = any(is_context_seen(window) for windows in plans.values() for window in windows)
    shown += [Patch(fc=PALE, hatch="////", label="rest of the video")] * has_context
    shown += [Patch(fc="white", ec=SCHEME_COLORS["sparse"], label="whole video (sparse)")] * ("sparse" in plans)
    look = {"marker": "|", "markersize": 14, "markeredgewidth": 2.5, "ls": ""}
    return [*shown, Line2D([], [], color=INK, label="frame that a classifier gets", **look)]
