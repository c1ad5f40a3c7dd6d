"""One clip from its frames to its scores: film strips, time lines, motion fields, the scores of its classifiers.

Arrays in, matplotlib Figures out. Pictures may have their channels first or last.
"""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from amc.base.errors import AmcError
from amc.figures import style
from amc.figures.style import INK, MODALITY_COLORS, MODEL, PALE, SHADE, WIDTH, styled
from amc.figures.windows import keys, looks
from amc.sampling import Window


@styled
def film_strip(
    frames: np.ndarray,
    captions: Sequence[str],
    *,
    title: str = "",
    columns: int = 8,
    edges: Sequence[str] = (),
    key: style.Key | None = None,
) -> Figure:
    """Pictures in reading order, `columns` to a row, with a caption under each.

    frames: uint8 (T, H, W, 3) or (T, 3, H, W); edges: colours of their frames, none by default; key: to the colours of
    flow among them. Raises AmcError.
    """
    pictures = style.pictures(frames)
    if len(captions) != len(pictures) or (edges and len(edges) != len(pictures)):
        raise AmcError(f"captions: {len(captions)}, edges: {len(edges)}, but {len(pictures)} frames; give one for each")
    columns = min(columns, len(pictures))
    rows = math.ceil(len(pictures) / columns)
    side = WIDTH / max(columns, 4)  # inches; limits the size of a few pictures
    height = rows * (side * pictures.shape[1] / pictures.shape[2] + 0.25 * (1 + captions[0].count("\n")))
    figure = Figure((side * columns, height + (0.4 if title else 0)), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0, hspace=0)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, picture, caption, edge in zip(panels, pictures, captions, edges or [None] * len(pictures), strict=False):
        style.image(axes, picture, edge)
        axes.set_anchor("N")
        axes.set_xlabel(caption, fontsize=12, labelpad=3)
    for axes in panels[len(pictures) :]:
        axes.axis("off")
    if key:
        style.key(panels[columns - 1], key)
    if title:
        figure.suptitle(title, fontsize=14)
    return figure


def interleaved(
    slots: np.ndarray,
    indices: Sequence[int],
    *,
    modality: str = "rgb+flow",
    title: str = "",
    key: style.Key | None = None,
) -> Figure:
    """The model's input: I₁ F₁ I₂ F₂ …, each slot with its name and the index of its frame in the video.

    slots: uint8 pictures of one clip, T of them; indices: its P frames; key: to the colours of its flow.
    """
    letters = [(letter, name) for letter, name in (("I", "rgb"), ("F", "flow")) if name in modality]
    numbered = [(style.subscript(p), index) for p, index in enumerate(indices, start=1)]
    kinds = [(letter + low, index, name) for low, index in numbered for letter, name in letters]
    captions = [f"{slot}\n{'frame' if name == 'rgb' else 'flow of'} {index}" for slot, index, name in kinds]
    edges = [MODALITY_COLORS[name] for _, _, name in kinds]
    return film_strip(slots, captions, title=title, edges=edges, key=key if "flow" in modality else None)


@styled
def timeline(
    windows: Sequence[Window],
    *,
    num_frames: int,
    fps: float,
    scheme: str,
    events: Sequence[tuple[str, float, float]] = (),
) -> Figure:
    """What each classifier sees: its window, its context if it sees any, its frames; below, the true events.

    windows: of `sampling.plan`; fps: nan leaves out the axis in seconds; events: (behaviour, start, stop) in frames.
    """
    names = list(dict.fromkeys(name for name, _, _ in events))
    rows = [f"classifier {m + 1}" for m in range(len(windows))] + names
    figure = Figure((WIDTH, 1.6 + 0.42 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for y, window in enumerate(windows):
        looks(axes, y, window, scheme)
    for name, start, stop in events:
        axes.barh(len(windows) + names.index(name), stop - start, 0.5, start, color=SHADE, linewidth=0)
    axes.set(yticks=range(len(rows)), yticklabels=rows, ylim=(len(rows) - 0.4, -0.6), xlim=(0, num_frames))
    axes.set_xlabel("frame")
    if math.isfinite(fps):
        axes.secondary_xaxis("top", functions=(lambda x: x / fps, lambda x: x * fps)).set_xlabel("time, s")
    handles = keys({scheme: windows})
    handles += [Patch(color=SHADE, label="ground truth")] * bool(events)
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
    return figure


@styled
def motion_field(
    frame: np.ndarray,
    vectors: np.ndarray,
    pictures: dict[str, np.ndarray],
    legend: np.ndarray,
    *,
    max_px: float,
    stretch: float = 2.0,
) -> Figure:
    """A frame with its motion as arrows, colour-coded motion, and the colour key with its scale.

    frame (H, W, 3) or (3, H, W) uint8; vectors (2, H, W), px per frame, u right and v down; pictures: by title, as
    frame; legend: `flow_color.legend`, whose rim is `max_px`. Arrows are `stretch` times as long as the motion.
    """
    vectors, shape = np.asarray(vectors), style.pictures(np.asarray(frame)[None]).shape
    ratios = [shape[1] / shape[2]] * (1 + len(pictures))
    side = (WIDTH - 2.4) / len(ratios)
    figure = Figure((WIDTH, min(side * ratios[0], 4.5) + 0.9), layout="constrained")
    *panels, key = figure.subplots(1, len(ratios) + 1, width_ratios=[1] * len(ratios) + [1.7 / side])
    for axes, picture in zip(panels, [frame, *pictures.values()], strict=True):
        style.image(axes, style.pictures(np.asarray(picture)[None])[0])
    step = max(1, min(vectors.shape[1:]) // 9)
    y, x = np.mgrid[step // 2 : vectors.shape[1] : step, step // 2 : vectors.shape[2] : step]
    u, v = vectors[:, y, x]
    arrows = {"angles": "xy", "scale_units": "xy", "scale": 1 / stretch, "headwidth": 4, "headlength": 4}
    panels[0].quiver(x, y, u, v, color="white", edgecolor=INK, linewidth=0.6, width=0.009, **arrows)
    for axes, title in zip(panels, [f"frame; arrows: {stretch:g} × motion", *pictures], strict=True):
        axes.set_title(title)
    key.imshow(style.pictures(np.asarray(legend)[None])[0], extent=(-max_px, max_px, max_px, -max_px))
    ticks = [-max_px, 0, max_px]
    key.set(xticks=ticks, yticks=ticks, xlabel="u, px/frame", ylabel="v, px/frame", title="colour key")
    key.xaxis.set_major_formatter("{x:.3g}")
    key.yaxis.set_major_formatter("{x:.3g}")
    key.spines[:].set_visible(False)
    return figure


@styled
def scores(
    values: np.ndarray,
    names: Sequence[str],
    *,
    truth: np.ndarray | None = None,
    threshold: float | None = None,
    top: int = 8,
    label: str = "probability",
    title: str = "",
) -> Figure:
    """The `top` behaviours of one video: each classifier's score, their mean, and which reach the threshold.

    values: (M, C); truth: (C,) bool, annotated labels, ticked and always shown, even with low scores.
    """
    values, truth = np.asarray(values, float), np.zeros(len(names), bool) if truth is None else np.asarray(truth, bool)
    means = values.mean(axis=0)
    order = [c for rank, c in enumerate(np.argsort(-means, kind="stable")) if rank < top or truth[c]]
    figure = Figure((WIDTH * 0.8, 1.7 + 0.4 * len(order)), layout="constrained")
    axes, color = figure.subplots(), MODEL
    for y, c in enumerate(order):
        is_predicted = threshold is None or means[c] >= threshold
        axes.plot(values[:, c], np.full(len(values), y), "|", color=SHADE, markersize=15, markeredgewidth=2)
        axes.plot(means[c], y, "o", color=color, markersize=12, markerfacecolor=color if is_predicted else "white")
        if truth[c]:
            axes.axhspan(y - 0.46, y + 0.46, color=PALE, linewidth=0, zorder=0)
    keys = [Line2D([], [], color=SHADE, marker="|", markersize=13, markeredgewidth=2, ls="", label="one classifier")]
    mean = "mean" if threshold is None else "mean, filled: predicted"
    keys += [Line2D([], [], color=color, marker="o", markersize=11, ls="", label=mean)]
    keys += [Patch(color=PALE, label="✓ annotated label")] * bool(truth.any())
    if threshold is not None:
        axes.axvline(threshold, color=INK, linestyle="--", linewidth=1.5)
        keys += [Line2D([], [], color=INK, linestyle="--", label=f"threshold {threshold:.3g}")]
    labels = [f"✓ {names[c]}" if truth[c] else names[c] for c in order]
    axes.set(yticks=range(len(order)), yticklabels=labels, ylim=(len(order) - 0.5, -0.5), xlabel=label, title=title)
    figure.legend(handles=keys, loc="outside lower center", ncols=4, frameon=False)
    return figure
