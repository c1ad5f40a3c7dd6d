"""Attention: of class tokens to patches, between slots, and how a video refines the texts.

Arrays in, matplotlib Figures out. Weights are relative to uniform attention (1).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import seaborn as sns
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from amc.figures import style
from amc.figures.style import ATTENTION, INK, MODALITY_COLORS, MODEL, PALE, SHADE, WIDTH, styled

DARK, COVER = 0.98, 0.6  # quantile of attention at which its colour is saturated, and its opacity there


def slot_names(num_slots: int, modality: str) -> tuple[list[str], list[str]]:
    """Names of the T slots, I₁ F₁ I₂ …, and the colours of their modalities."""
    letters = {"rgb": "I", "flow": "F", "rgb+flow": "IF"}[modality]
    kinds = [letters[slot % len(letters)] for slot in range(num_slots)]
    names = [f"{kind}{style.subscript(slot // len(letters) + 1)}" for slot, kind in enumerate(kinds)]
    return names, [MODALITY_COLORS["flow" if kind == "F" else "rgb"] for kind in kinds]


@styled
def patches(
    slots: np.ndarray,
    maps: np.ndarray,
    *,
    modality: str,
    parts: np.ndarray | None = None,
    key: style.Key | None = None,
    title: str = "",
) -> Figure:
    """The slots of a clip, uint8 (T, 3, H, W), and below each its class token's attention: maps (T, rows, columns).

    Only what is above uniform is coloured, over a grey picture, so that the animal stays visible. One scale for all, up
    to a high quantile, so that no single patch sets it. parts: (T,) in 0..1, the share of the attention that goes to
    patches; key: to the colours of flow.
    """
    names, colors = slot_names(len(slots), modality)
    size = 0.86 * WIDTH / len(slots)
    figure = Figure((WIDTH, 2 * size + 1.5), layout="constrained")
    panels = figure.subplots(2, len(slots), squeeze=False)
    norm = Normalize(1, max(2.0, float(np.quantile(maps, DARK))))
    full = [1 - COVER * (1 - part) for part in to_rgb(ATTENTION)]  # as it looks over white
    scale = ScalarMappable(norm, LinearSegmentedColormap.from_list("", ["white", full]))
    height, width = style.pictures(slots).shape[1:3]
    for k, ((above, below), picture) in enumerate(zip(panels.T, style.pictures(slots), strict=True)):
        style.image(above, picture, colors[k])
        above.set_title(names[k])
        grey = 80 + picture.mean(axis=-1, keepdims=True).repeat(3, axis=-1) * 175 / 255  # light below the heat
        style.image(below, grey.astype(np.uint8), colors[k])
        heat = np.clip(norm(maps[k]), 0, 1)
        below.imshow(np.full((*heat.shape, 3), to_rgb(ATTENTION)), alpha=COVER * heat,
                     extent=(-0.5, width - 0.5, height - 0.5, -0.5))  # fmt: skip
        if parts is not None:
            below.set_xlabel(f"{100 * parts[k]:.0f} %\nto patches", fontsize=12)
    figure.colorbar(scale, ax=panels[1].tolist(), label="attention,\n× uniform", shrink=0.9, pad=0.01, extend="max")
    if key and "flow" in modality:
        style.key(panels[0, -1], key)
    figure.suptitle(title, fontsize=14)
    return figure


@styled
def exchange(weights: Mapping[str, np.ndarray], *, modality: str) -> Figure:
    """Attention between slots, relative to uniform: a matrix (T, T) for each title, one row per query slot."""
    names, colors = slot_names(len(next(iter(weights.values()))), modality)
    columns = min(len(weights), 2)
    rows = -(-len(weights) // columns)
    figure = Figure((WIDTH, rows * WIDTH / 2.35 + 0.4), layout="constrained")
    panels = figure.subplots(rows, columns, squeeze=False)
    most = max(2.0, float(np.quantile(list(weights.values()), DARK)))
    for axes, (title, matrix) in zip(panels.flat, weights.items(), strict=False):
        sns.heatmap(matrix, ax=axes, cmap="Blues", vmin=0, vmax=most, square=True, annot=len(names) <= 10, fmt=".1f",
                    annot_kws={"fontsize": 12}, xticklabels=names, yticklabels=names, cbar=False)  # fmt: skip
        axes.set(title=title, xlabel="attended slot (key)", ylabel="attending slot (query)")
        axes.tick_params(axis="both", rotation=0, length=0)
        for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
            for label, color in zip(labels, colors, strict=True):
                label.set_bbox({"facecolor": color, "alpha": 0.45, "edgecolor": "none", "pad": 2})
    for axes in panels.flat[len(weights) :]:
        axes.axis("off")
    heats = panels.flat[0].collections[0]
    figure.colorbar(heats, ax=panels.ravel().tolist(), label="attention, × uniform", shrink=0.6, extend="max")
    return figure


@styled
def nudges(
    before: np.ndarray, after: np.ndarray, names: Sequence[str], *, written: np.ndarray, top: int = 10, title: str = ""
) -> Figure:
    """The texts nearest to a video after it refines them, and beside each its change on a scale of its own.

    before, after: cosines (C,); labels `written` (C,) bool are ticked and always shown.
    """
    order = [c for rank, c in enumerate(np.argsort(-after, kind="stable")) if rank < top or written[c]]
    figure = Figure((WIDTH, 0.4 * len(order) + 1.3), layout="constrained")
    left, right = figure.subplots(1, 2, sharey=True)
    places, moves = np.arange(len(order)), (after - before)[order]
    left.barh(places, after[order], 0.6, color=MODEL)
    bars = right.barh(places, moves, 0.6, color=SHADE)
    right.bar_label(bars, [f"{move:+.2g}".replace("-", "−") for move in moves], padding=4, fontsize=11)
    for axes in (left, right):
        axes.axvline(0, color=INK, linewidth=1)
    right.margins(x=0.25)
    right.xaxis.set_major_locator(MaxNLocator(4))
    for y in np.flatnonzero(written[order]):
        for axes in (left, right):
            axes.axhspan(y - 0.45, y + 0.45, color=PALE, zorder=0)
    labels = [f"✓ {names[c]}" if written[c] else names[c] for c in order]
    left.set(
        yticks=places, yticklabels=labels, ylim=(len(order) - 0.5, -0.5), xlabel="cosine of video and refined text"
    )
    left.set_title("✓ annotated label" if written.any() else "", loc="left", fontsize=12)
    right.set_xlabel("change from CLIP's text (enlarged)")
    right.tick_params(axis="y", length=0)
    figure.suptitle(title, fontsize=14)
    return figure
