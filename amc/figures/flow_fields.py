"""Fields of optical flow as pictures: arrows and colours, errors by method, scales of colours, worst cases.

Arrays in, matplotlib Figures out. Pictures are uint8 with channels first or last.
"""

import math
import textwrap
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure

from amc.base.wording import listed
from amc.figures import style, words
from amc.figures.style import INK, PALE, WIDTH, styled

SAME = 0.01  # mean difference of two pictures, 0 to 1, that nobody sees
FASTEST = 0.02  # share of the pixels whose motion a figure tells
APART = 0.5  # pixels per frame: what moves so much unlike most of the picture is no background


@styled
def motion_field(
    frame: np.ndarray,
    vectors: np.ndarray,
    pictures: dict[str, np.ndarray],
    key: style.Key,
    *,
    stretch: float = 2.0,
    true: np.ndarray | None = None,
    animal: np.ndarray | None = None,
) -> Figure:
    """A frame with its motion as arrows, colour-coded motion, and the colour key.

    The title tells the median motion, that of the background and of the animal if `animal` tells where this is, else
    that of the frame and, below, of what moves least like it.

    frame (H, W, 3) or (3, H, W) uint8; vectors (2, H, W), px per frame, u right and v down; pictures: by title, as
    frame. Arrows are `stretch` times as long as the motion. true: the true motion, as vectors, if it is known: the
    title then tells how wrong the estimate is, and the motion stands below. animal: bool (H, W).
    """
    vectors, shape = np.asarray(vectors), style.pictures(np.asarray(frame)[None]).shape
    side = (WIDTH - 2) / (1 + len(pictures))
    figure = Figure((WIDTH, min(side * shape[1] / shape[2], 4.5) + 2.3), layout="constrained")
    panels = figure.subplots(1, 1 + len(pictures))
    for axes, picture in zip(panels, [frame, *pictures.values()], strict=True):
        style.image(axes, style.pictures(np.asarray(picture)[None])[0])
    step = max(1, min(vectors.shape[1:]) // 9)
    y, x = np.mgrid[step // 2 : vectors.shape[1] : step, step // 2 : vectors.shape[2] : step]
    u, v = vectors[:, y, x]
    arrows = {"angles": "xy", "scale_units": "xy", "scale": 1 / stretch, "headwidth": 4, "headlength": 4}
    panels[0].quiver(x, y, u, v, color="white", edgecolor=INK, linewidth=0.6, width=0.009, **arrows)
    for axes, title in zip(
        panels, [f"a frame; arrows: its estimated\nmotion, {stretch:g} times as long", *pictures], strict=True
    ):
        axes.set_title(title, fontsize=13)
    style.key(panels[-1], key)
    most, rest = _motion(vectors, animal)
    if true is not None:
        style.headline(figure, _error(vectors, np.asarray(true)))
        below = [f"estimate: {most}, {rest}", f"truth: {', '.join(_motion(np.asarray(true), animal))}"]
    else:
        told = f"Until the next frame, {most}"
        style.headline(figure, told if animal is None else f"{told}, {rest}")
        below = [rest] if animal is None else []
    figure.supxlabel("\n".join(textwrap.fill(line, 115) for line in below), fontsize=12)
    return figure


def _motion(vectors: np.ndarray, animal: np.ndarray | None) -> tuple[str, str]:
    """The median motion of a field (2, H, W) in words, and that of the animal, or of what is least like it."""
    if animal is not None and animal.any() and not animal.all():
        return f"the background {_moves(vectors[:, ~animal])}", f"most of the animal {_moves(vectors[:, animal])}"
    unlike = np.linalg.norm(vectors - np.median(vectors, axis=(1, 2), keepdims=True), axis=0)
    part = vectors[:, unlike >= np.quantile(unlike, 1 - FASTEST)]
    rest = f"the {100 * FASTEST:.0f} % of it that are least like this: their middle {_moves(part)}"
    return f"most of the picture {_moves(vectors.reshape(2, -1))}", rest


def _moves(vectors: np.ndarray) -> str:
    """The median of vectors (2, N) in words."""
    u, v = np.median(vectors, axis=1)
    if math.hypot(u, v) < 0.05:
        return "rests"
    across, along = "left" if u < 0 else "right", "up" if v < 0 else "down"
    toward = across if abs(u) > 2 * abs(v) else along if abs(v) > 2 * abs(u) else f"{along} and {across}"
    return f"moves {math.hypot(u, v):.1f} pixels {toward}"


def _error(vectors: np.ndarray, true: np.ndarray) -> str:
    """The mean end-point error where the true motion is that of most of the picture, and the largest elsewhere."""
    wrong = np.linalg.norm(vectors - true, axis=0)
    moves = np.linalg.norm(true - np.median(true, axis=(1, 2), keepdims=True), axis=0) > APART
    if not 0 < moves.mean() < 0.5:  # all the same, or no background
        return f"The estimated motion is wrong by {wrong.mean():.1f} pixels on average, {wrong.max():.1f} at most"
    parts = f"{wrong[~moves].mean():.1f} pixels on average in the background, and by up to {wrong[moves].max():.1f}"
    return f"The estimated motion is wrong by {parts} in what moves against it"


@styled
def fields(
    frame: np.ndarray,
    pictures: Mapping[str, np.ndarray],
    errors: Mapping[str, np.ndarray],
    *,
    label: str = "end-point error",
    key: style.Key | None = None,
    animal: np.ndarray | None = None,
) -> Figure:
    """A frame and pictures of its flow by method; below, if known, maps of their errors (H, W), px, on one scale.

    label: the kind of error, of which the title tells the smallest; key: to the colours of flow; animal: bool (H, W),
    where an animal is, if known: its error is told beside that of the whole picture.
    """
    columns = {"frame": frame, **pictures}
    width = (WIDTH - 2) / len(columns)
    figure = Figure((WIDTH, 2 * width * np.shape(frame)[-2] / np.shape(frame)[-1] + 2.6), layout="constrained")
    panels = figure.subplots(2, len(columns), squeeze=False)
    for axes, (name, picture) in zip(panels[0], columns.items(), strict=True):
        style.image(axes, style.pictures(np.asarray(picture)[None])[0])
        axes.set_title(words.FLOW.get(name, name).replace(" (", "\n("), fontsize=12)
    if key:
        style.key(panels[0, -1], key)
    masks = {"picture": np.ones(np.shape(next(iter(errors.values()))), bool)}
    masks |= {"animal": animal} if animal is not None and animal.any() else {}
    means = {part: {name: _mean(error[mask]) for name, error in errors.items()} for part, mask in masks.items()}
    worst = max(np.quantile(error[np.isfinite(error)], 0.99) for error in errors.values())
    for axes in panels[1]:
        axes.axis("off")
    for name, error in errors.items():
        axes = panels[1, list(columns).index(name)]
        axes.axis("on")
        shown = _error_map(axes, error, worst)
        axes.set_xlabel("\n".join(f"{part} {mean[name]:.2f}" for part, mean in means.items()), fontsize=12)
    beside = panels[1, list(columns).index(next(iter(errors))) - 1]  # the empty panel to the left of the first map
    style.scale(beside, shown, f"{label},\npixels", x=0.9, side="left")
    parts = " and ".join({"picture": "the whole picture", "animal": "the animal alone"}[part] for part in means)
    figure.supxlabel(f"below a map: the error on average over {parts}, pixels", fontsize=12)
    words.explain(figure, "DIS", "RAFT")
    told = []
    for part, mean in means.items():
        least = f"{min(mean.values()):.2f}"
        who = listed(words.FLOW.get(name, name) for name, value in mean.items() if f"{value:.2f}" == least)
        told.append(f"{least} pixels on the {'whole ' * (part == 'picture')}{part} by {who}")
    style.headline(figure, f"Smallest {label} on this frame, on average: {', '.join(told)}")
    return figure


def _mean(error: np.ndarray) -> float:
    """The mean of those errors that are finite."""
    return float(error[np.isfinite(error)].mean())


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
    style.scale(panels[-1, -1], shown, "error, pixels")
    if key and len(rows) > 1:  # above the scale of errors
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
