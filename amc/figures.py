"""Arrays in, matplotlib Figures out, and PNGs of them with alternative text for notebooks and reports.

No tensor, model or pyplot state. A scheme and a modality have one colour each in every figure (Paul Tol's sets, safe
for the colour-blind and apart in grey too). Pictures may have their channels first or last.
"""

import io
import math
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
import seaborn as sns
from IPython import display
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from PIL import Image

from amc import paths
from amc.errors import AmcError
from amc.sampling import Window

SCHEME_COLORS = {"dense": "#DDAA33", "semi-dense": "#BB5566", "sparse": "#004488"}
MODALITY_COLORS = {"rgb": "#88CCEE", "flow": "#CC6677", "rgb+flow": "#332288"}
INK, SHADE, PALE = "#222222", "#777777", "#E4E4E4"
MARKERS = {"macro": "o", "micro": "s"}  # the averaging of an mAP
PANELS = {"2": ("Table 2: which frames (RGB only)", "scheme"), "3": ("Table 3: which pictures (sparse)", "modality")}
WIDTH = 11  # inches, the same for all figures, so that fonts look the same in all of them
DPIS = (130, 110, 90, 75, 60)  # tried until a figure is small enough
SHOWN_DPI = 88  # screen pixels an inch in a notebook
REPORT_BYTES, NOTEBOOK_BYTES = 200_000, 62_000  # a figure on disk; one in an executed notebook of at most 500 kB
STYLE = {
    "font.size": 13, "axes.titlesize": 14, "axes.labelsize": 13, "xtick.labelsize": 12, "ytick.labelsize": 12,
    "legend.fontsize": 12, "axes.edgecolor": SHADE, "axes.spines.top": False, "axes.spines.right": False,
    "text.color": INK, "axes.labelcolor": INK, "xtick.color": INK, "ytick.color": INK, "hatch.color": SHADE,
}  # fmt: skip
styled = mpl.rc_context(STYLE)


@styled
def film_strip(
    frames: np.ndarray, captions: Sequence[str], *, title: str = "", columns: int = 8, edges: Sequence[str] = ()
) -> Figure:
    """Pictures in reading order, `columns` to a row, with a caption under each.

    frames: uint8 (T, H, W, 3) or (T, 3, H, W); edges: colours of their frames, none by default. Raises AmcError.
    """
    pictures = _pictures(frames)
    if len(captions) != len(pictures) or (edges and len(edges) != len(pictures)):
        raise AmcError(f"captions: {len(captions)}, edges: {len(edges)}, but {len(pictures)} frames; give one for each")
    columns = min(columns, len(pictures))
    rows = math.ceil(len(pictures) / columns)
    cell = WIDTH / max(columns, 4)  # inches; few pictures do not become huge
    height = rows * (cell * pictures.shape[1] / pictures.shape[2] + 0.25 * (1 + captions[0].count("\n")))
    figure = Figure((cell * columns, height + (0.4 if title else 0)), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0, hspace=0)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, picture, caption, edge in zip(panels, pictures, captions, edges or [None] * len(pictures), strict=False):
        _image(axes, picture, edge)
        axes.set_anchor("N")
        axes.set_xlabel(caption, fontsize=12, labelpad=3)
    for axes in panels[len(pictures) :]:
        axes.axis("off")
    if title:
        figure.suptitle(title, fontsize=14)
    return figure


def interleaved(slots: np.ndarray, indices: Sequence[int], *, modality: str = "rgb+flow", title: str = "") -> Figure:
    """What the model sees: I₁ F₁ I₂ F₂ …, each slot with its name and the frame of the video that it comes from.

    slots: uint8 pictures of one clip, T of them; indices: its P frames.
    """
    letters = [(letter, name) for letter, name in (("I", "rgb"), ("F", "flow")) if name in modality]
    kinds = [(f"{letter}$_{{{p + 1}}}$", index, name) for p, index in enumerate(indices) for letter, name in letters]
    captions = [f"{slot}\n{'frame' if name == 'rgb' else 'flow of'} {index}" for slot, index, name in kinds]
    return film_strip(slots, captions, title=title, edges=[MODALITY_COLORS[name] for _, _, name in kinds])


@styled
def timeline(
    windows: Sequence[Window],
    *,
    num_frames: int,
    fps: float,
    scheme: str,
    events: Sequence[tuple[str, float, float]] = (),
) -> Figure:
    """Where each classifier looks: its main window, its context, its frames; below, what truly happens, if known.

    windows: of `sampling.plan`; fps: nan leaves out the axis in seconds; events: (behaviour, start, stop) in frames.
    """
    names = list(dict.fromkeys(name for name, _, _ in events))
    rows = [f"classifier {m + 1}" for m in range(len(windows))] + names
    figure = Figure((WIDTH, 1.6 + 0.42 * len(rows)), layout="constrained")
    axes, color = figure.subplots(), SCHEME_COLORS[scheme]
    for y, window in enumerate(windows):
        for start, stop in window.context:
            axes.barh(y, stop - start, 0.62, start, color=PALE, hatch="////", linewidth=0)
        axes.barh(y, np.ptp(window.main), 0.62, window.main[0], color=color, alpha=0.45, linewidth=0)
        axes.vlines(np.add(window.frames, 0.5), y - 0.4, y + 0.4, color=INK, linewidth=2.5)
    for name, start, stop in events:
        axes.barh(len(windows) + names.index(name), stop - start, 0.5, start, color=SHADE, linewidth=0)
    axes.set(yticks=range(len(rows)), yticklabels=rows, ylim=(len(rows) - 0.4, -0.6), xlim=(0, num_frames))
    axes.set_xlabel("frame")
    if math.isfinite(fps):
        axes.secondary_xaxis("top", functions=(lambda x: x / fps, lambda x: x * fps)).set_xlabel("time, s")
    keys = [Patch(color=color, alpha=0.45, label="main window" if scheme != "sparse" else "whole video")]
    keys += [Patch(facecolor=PALE, hatch="////", label="context")] * any(window.context for window in windows)
    keys += [Line2D([], [], color=INK, marker="|", markersize=14, markeredgewidth=2.5, ls="", label="chosen frame")]
    keys += [Patch(color=SHADE, label="what truly happens")] * bool(events)
    figure.legend(handles=keys, loc="outside lower center", ncols=4, frameon=False)
    return figure


@styled
def motion_field(
    frame: np.ndarray,
    vectors: np.ndarray,
    pictures: dict[str, np.ndarray],
    legend: np.ndarray,
    *,
    max_px: float,
    stretch: float = 4.0,
) -> Figure:
    """A frame with its motion as arrows, coloured pictures of motion, and the key to their colours with its scale.

    frame (H, W, 3) or (3, H, W) uint8; vectors (2, H, W), px a frame, u right and v down; pictures: by title, as
    frame; legend: `flow_color.legend`, whose rim is `max_px`. Arrows are `stretch` times as long as the motion.
    """
    vectors, shape = np.asarray(vectors), _pictures(np.asarray(frame)[None]).shape
    ratios = [shape[1] / shape[2]] * (1 + len(pictures))
    side = (WIDTH - 2.4) / len(ratios)
    figure = Figure((WIDTH, min(side * ratios[0], 4.5) + 0.9), layout="constrained")
    *panels, key = figure.subplots(1, len(ratios) + 1, width_ratios=[1] * len(ratios) + [1.7 / side])
    for axes, picture in zip(panels, [frame, *pictures.values()], strict=True):
        _image(axes, _pictures(np.asarray(picture)[None])[0])
    step = max(1, min(vectors.shape[1:]) // 14)
    y, x = np.mgrid[step // 2 : vectors.shape[1] : step, step // 2 : vectors.shape[2] : step]
    u, v = vectors[:, y, x]
    arrows = {"angles": "xy", "scale_units": "xy", "scale": 1 / stretch, "headwidth": 4, "headlength": 4}
    panels[0].quiver(x, y, u, v, color="white", edgecolor=INK, linewidth=0.6, width=0.009, **arrows)
    for axes, title in zip(panels, [f"frame, arrows: motion × {stretch:g}", *pictures], strict=True):
        axes.set_title(title)
    key.imshow(_pictures(np.asarray(legend)[None])[0], extent=(-max_px, max_px, max_px, -max_px))
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

    values: (M, C); truth: (C,) bool, written labels, ticked and always shown, however low they score.
    """
    values, truth = np.asarray(values, float), np.zeros(len(names), bool) if truth is None else np.asarray(truth, bool)
    means = values.mean(axis=0)
    order = [c for rank, c in enumerate(np.argsort(-means, kind="stable")) if rank < top or truth[c]]
    figure = Figure((WIDTH * 0.8, 1.7 + 0.4 * len(order)), layout="constrained")
    axes, color = figure.subplots(), SCHEME_COLORS["sparse"]
    for y, c in enumerate(order):
        is_predicted = threshold is None or means[c] >= threshold
        axes.plot(values[:, c], np.full(len(values), y), "|", color=SHADE, markersize=15, markeredgewidth=2)
        axes.plot(means[c], y, "o", color=color, markersize=12, markerfacecolor=color if is_predicted else "white")
        if truth[c]:
            axes.axhspan(y - 0.46, y + 0.46, color=PALE, linewidth=0, zorder=0)
    keys = [Line2D([], [], color=SHADE, marker="|", markersize=13, markeredgewidth=2, ls="", label="one classifier")]
    mean = "mean" if threshold is None else "mean, filled: predicted"
    keys += [Line2D([], [], color=color, marker="o", markersize=11, ls="", label=mean)]
    keys += [Patch(color=PALE, label="✓ written label")] * bool(truth.any())
    if threshold is not None:
        axes.axvline(threshold, color=INK, linestyle="--", linewidth=1.5)
        keys += [Line2D([], [], color=INK, linestyle="--", label=f"threshold {threshold:.3g}")]
    labels = [f"✓ {names[c]}" if truth[c] else names[c] for c in order]
    axes.set(yticks=range(len(order)), yticklabels=labels, ylim=(len(order) - 0.5, -0.5), xlabel=label, title=title)
    figure.legend(handles=keys, loc="outside lower center", ncols=4, frameon=False)
    return figure


@styled
def ablation(rows: Sequence[dict], *, title: str = "") -> Figure:
    """The paper's Tables 2 and 3: both mAPs of each row with 95 % intervals, beside chance and the paper's number.

    rows: as in reports/results, percent; one panel for each table among them, one point for each seed. What is None or
    nan is left out. Raises AmcError when there is no row.
    """
    if not rows:
        raise AmcError("ablation: no rows to draw; run a cell of the tables first")
    data = pd.DataFrame(rows).assign(table=[str(row.get("table")) for row in rows])
    tables = sorted(data["table"].unique())
    figure = Figure((WIDTH if len(tables) > 1 else 0.65 * WIDTH, 5.6), layout="constrained")
    panels = figure.subplots(1, len(tables), sharey=True, squeeze=False)[0]
    for axes, table in zip(panels, tables, strict=True):
        _panel(axes, data[data["table"] == table], *PANELS.get(table, ("Beyond the paper", None)))
    panels[0].set(ylabel="mAP, %", ylim=(0, None))
    for averaging in MARKERS:
        for value in data.get(f"chance_{averaging}", pd.Series(dtype=float)).dropna().unique():
            for axes in panels:
                axes.axhline(value, color=SHADE, linestyle="--", linewidth=1.5, zorder=1)
            where = panels[-1].get_yaxis_transform()
            panels[-1].text(1.01, value, f"chance,\n{averaging}", transform=where, va="center", fontsize=11)
    point = {"color": INK, "markersize": 10, "linestyle": ""}
    keys = [Line2D([], [], marker=marker, label=f"{name} mAP", **point) for name, marker in MARKERS.items()]
    keys += [Line2D([], [], color=INK, linewidth=2.5, label="95 % interval over videos")]
    keys += [Line2D([], [], marker="D", markerfacecolor="white", label="paper, on Animal Kingdom", **point)]
    figure.legend(handles=keys, loc="outside lower center", ncols=min(2 * len(tables), 4), frameon=False)
    figure.suptitle(title, fontsize=14)
    return figure


def _panel(axes: Axes, data: pd.DataFrame, title: str, axis: str | None) -> None:
    """One table: schemes or modalities side by side, macro left and micro right of the middle, the paper's on it."""
    colors = SCHEME_COLORS if axis == "scheme" else MODALITY_COLORS
    label = data[axis] if axis else data["scheme"] + "\n" + data["modality"]
    order = [name for name in colors if name in set(label)] if axis else list(dict.fromkeys(label))
    seeds = sorted(data["seed"].unique()) if "seed" in data else [0]
    spread = [0.08 * (seeds.index(seed) - (len(seeds) - 1) / 2) for seed in data.get("seed", [0] * len(data))]
    place = np.array([order.index(name) for name in label], dtype=float)
    ink = data[axis or "modality"].map(colors).tolist()
    long = []
    for averaging, offset in (("macro", -0.2), ("micro", 0.2)):
        low, high, value = (
            data.get(f"map_{averaging}{end}", pd.Series(np.nan, data.index)).astype(float).to_numpy()
            for end in ("_low", "_high", "")
        )
        axes.vlines(place + offset + spread, low, high, colors=ink, linewidth=2.5)
        long.append(pd.DataFrame({"x": place + offset + spread, "mAP": value, "ink": ink, "averaging": averaging}))
    points = pd.concat(long, ignore_index=True)
    look = {"s": 130 if len(seeds) == 1 else 70, "edgecolor": INK, "markers": MARKERS, "palette": {c: c for c in ink}}
    sns.scatterplot(points, x="x", y="mAP", hue="ink", style="averaging", legend=False, ax=axes, zorder=3, **look)
    paper = data.get("paper", pd.Series(np.nan, data.index)).astype(float)
    axes.scatter(place, paper, s=80, marker="D", facecolor="white", edgecolor=ink, linewidth=2, zorder=3)
    axes.set(xticks=range(len(order)), xticklabels=order, xlim=(-0.5, len(order) - 0.5), xlabel="", title=title)
    axes.grid(axis="y", color=PALE, zorder=0)


def show(figure: Figure, alt: str) -> display.Image:
    """The figure as a PNG that Jupyter displays, with `alt` for those who cannot see it; the last line of a cell."""
    if not alt.strip():
        raise AmcError("alt: empty; say in a sentence what the figure shows")
    width = round(SHOWN_DPI * figure.get_figwidth())  # as wide as its neighbours, whatever its resolution
    return display.Image(data=_png(figure, NOTEBOOK_BYTES), format="png", alt=alt, width=width)


def save(figure: Figure, name: str) -> Path:
    """Write `reports/figures/<name>.png`, at most 200 kB, whole or not at all; returns its path."""
    path = paths.reports() / "figures" / f"{name}.png"
    with paths.atomic(path) as temporary:
        temporary.write_bytes(_png(figure, REPORT_BYTES))
    return path


@styled  # ticks are made when a figure is drawn
def _png(figure: Figure, limit: int) -> bytes:
    """PNG at the highest resolution that stays within `limit` bytes (else the lowest), with 33 levels a colour channel.

    Fewer levels, not a palette: a palette large enough for an animal leaves too few colours for the wheel.
    """
    for dpi in DPIS:
        drawn, reduced = io.BytesIO(), io.BytesIO()
        figure.savefig(drawn, format="png", dpi=dpi, facecolor="white", bbox_inches="tight", pad_inches=0.1)
        picture = Image.open(drawn).convert("RGB").point(lambda level: min((level + 4) // 8 * 8, 255))
        picture.save(reduced, format="png", optimize=True)
        if reduced.tell() <= limit:
            break
    return reduced.getvalue()


def _image(axes: Axes, picture: np.ndarray, edge: str | None = None) -> None:
    axes.imshow(picture, interpolation="nearest")  # pixels as they are, which a PNG also stores best
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set(visible=edge is not None, color=edge or INK, linewidth=4)


def _pictures(frames: np.ndarray) -> np.ndarray:
    frames = np.asarray(frames)
    if frames.ndim != 4 or not len(frames) or 3 not in (frames.shape[1], frames.shape[-1]):
        raise AmcError(f"frames: shape {frames.shape}; expected (T, H, W, 3) or (T, 3, H, W), T at least 1")
    return frames if frames.shape[-1] == 3 else np.moveaxis(frames, 1, -1)
