"""Attention to look at: where class tokens look in their pictures, what slots exchange, how a video moves texts.

Arrays in, matplotlib Figures out. Weights are drawn relative to uniform attention: 1 is no preference.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import seaborn as sns
from matplotlib.colors import Normalize
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from amc.figures import style
from amc.figures.style import INK, MODALITY_COLORS, PALE, SCHEME_COLORS, SHADE, WIDTH, styled

HEAT = "magma"  # rises evenly in lightness, so it reads in grey


def slot_names(num_slots: int, modality: str) -> tuple[list[str], list[str]]:
    """Names of the T slots, I₁ F₁ I₂ …, and the colour of each one's modality."""
    letters = {"rgb": "I", "flow": "F", "rgb+flow": "IF"}[modality]
    kinds = [letters[slot % len(letters)] for slot in range(num_slots)]
    names = [f"{kind}$_{{{slot // len(letters) + 1}}}$" for slot, kind in enumerate(kinds)]
    return names, [MODALITY_COLORS["flow" if kind == "F" else "rgb"] for kind in kinds]


@styled
def patches(slots: np.ndarray, maps: np.ndarray, *, modality: str, title: str = "") -> Figure:
    """The slots of a clip, uint8 (T, 3, H, W), and below each where its class token looks: maps (T, rows, columns)."""
    names, colors = slot_names(len(slots), modality)
    pictures = style.pictures(slots)
    size = WIDTH * 0.9 / len(slots)
    figure = Figure((WIDTH, 2 * size + 1.1), layout="constrained")
    panels = figure.subplots(2, len(slots), squeeze=False)
    norm = Normalize(0, float(np.max(maps)))
    height, width = pictures.shape[1:3]
    for (above, below), picture, heat, name, color in zip(panels.T, pictures, maps, names, colors, strict=True):
        style.image(above, picture, color)
        above.set_title(name)
        style.image(below, picture, color)
        shown = below.imshow(heat, extent=(-0.5, width - 0.5, height - 0.5, -0.5), cmap=HEAT, norm=norm, alpha=0.75)
    figure.colorbar(shown, ax=panels[1].tolist(), label="× uniform", shrink=0.9, pad=0.01)
    figure.suptitle(title, fontsize=14)
    return figure


@styled
def exchange(weights: Mapping[str, np.ndarray], *, modality: str) -> Figure:
    """Who looks at whom: for each title a matrix (T, T), a row the slot that asks, relative to uniform."""
    first = next(iter(weights.values()))
    names, colors = slot_names(len(first), modality)
    figure = Figure((WIDTH, WIDTH / max(len(weights), 2) + 0.5), layout="constrained")
    panels = figure.subplots(1, len(weights), squeeze=False)[0]
    furthest = max(0.05, *(float(np.abs(matrix - 1).max()) for matrix in weights.values()))
    for axes, (title, matrix) in zip(panels, weights.items(), strict=True):
        annotate = len(names) <= 8
        sns.heatmap(matrix, ax=axes, cmap="PuOr_r", vmin=1 - furthest, vmax=1 + furthest, square=True,
                    annot=annotate, fmt=".2f", annot_kws={"fontsize": 9.5}, xticklabels=names, yticklabels=names,
                    cbar=axes is panels[-1], cbar_kws={"label": "× uniform", "shrink": 0.7})  # fmt: skip
        axes.set(title=title, xlabel="is looked at")
        axes.tick_params(axis="y", rotation=0)
        for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
            for label, color in zip(labels, colors, strict=True):
                label.set_bbox({"facecolor": color, "alpha": 0.45, "edgecolor": "none", "pad": 2})
    panels[0].set_ylabel("looks")
    return figure


@styled
def nudges(
    before: np.ndarray, after: np.ndarray, names: Sequence[str], *, written: np.ndarray, top: int = 10, title: str = ""
) -> Figure:
    """The texts nearest to a video, before and after it has moved them; `written` labels (C,) bool are always shown."""
    order = [c for rank, c in enumerate(np.argsort(-after, kind="stable")) if rank < top or written[c]]
    figure = Figure((0.8 * WIDTH, 0.4 * len(order) + 1.7), layout="constrained")
    axes = figure.subplots()
    for y, c in enumerate(order):
        axes.annotate("", (after[c], y), (before[c], y), arrowprops={"arrowstyle": "-|>", "color": SHADE, "lw": 1.8})
        if written[c]:
            axes.axhspan(y - 0.45, y + 0.45, color=PALE, zorder=0)
    places = np.arange(len(order))
    axes.plot(before[order], places, "o", color=INK, markerfacecolor="white", markersize=9)
    axes.plot(after[order], places, "D", color=SCHEME_COLORS["sparse"], markersize=10)
    labels = [f"✓ {names[c]}" if written[c] else names[c] for c in order]
    axes.set(
        yticks=places, yticklabels=labels, ylim=(len(order) - 0.5, -0.5), xlabel="cosine of video and text", title=title
    )
    keys = [Line2D([], [], color=INK, marker="o", markerfacecolor="white", ls="", markersize=9, label="CLIP's text")]
    keys += [
        Line2D([], [], color=SCHEME_COLORS["sparse"], marker="D", ls="", markersize=9, label="moved by this video")
    ]
    figure.legend(handles=keys, loc="outside lower center", ncols=2, frameon=False)
    return figure
