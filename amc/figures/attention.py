"""Attention: of class tokens to patches, between slots, and how a video refines the texts.

Arrays in, matplotlib Figures out. Weights are relative to uniform attention (1).
"""

from collections.abc import Mapping, Sequence

import numpy as np
import seaborn as sns
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import MaxNLocator

from amc.base.wording import listed
from amc.figures import style
from amc.figures.style import ATTENTION, INK, MODALITY_COLORS, MODEL, PALE, SHADE, WIDTH, styled

DARK, COVER = 0.98, 0.6  # quantile of attention at which its colour is saturated, and its opacity there


def slot_names(num_slots: int, modality: str) -> tuple[list[str], list[str]]:
    """Names of the T slots, I₁ F₁ I₂ …, and the colours of their modalities."""
    letters = {"rgb": "I", "flow": "F", "rgb+flow": "IF"}[modality]
    kinds = [letters[slot % len(letters)] for slot in range(num_slots)]
    names = [style.slot(kind, slot // len(letters) + 1) for slot, kind in enumerate(kinds)]
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
    (names, colors), slots = slot_names(len(slots), modality), style.pictures(slots)
    high = slots.shape[1] / slots.shape[2]  # a slot is one wide
    figure = Figure((WIDTH, 0.8 * WIDTH / len(slots) * high * 2 + 1.6), layout="constrained")
    above, below = figure.subplots(2, 1)  # an axes for each slot would double the time of a layout
    norm = Normalize(1, max(2.0, float(np.quantile(maps, DARK))))
    grey = 80 + slots.mean(axis=-1, keepdims=True).repeat(3, axis=-1) * 175 / 255  # light below the heat
    _row(above, slots, colors)
    _row(below, grey.astype(np.uint8), colors)
    for image, heat in zip(list(below.images), np.clip(norm(maps), 0, 1), strict=True):
        tint = np.full((*heat.shape, 3), to_rgb(ATTENTION))
        below.imshow(tint, alpha=COVER * heat, extent=image.get_extent(), interpolation="nearest")
    above.set_xticks(range(len(slots)), names, fontsize=14)
    above.xaxis.tick_top()
    if parts is not None:
        below.set_xticks(range(len(slots)), [f"{100 * part:.0f} %\nto patches" for part in parts])
    for axes, text in ((above, "slots"), (below, "attention of\neach slot")):
        axes.set(ylabel=text, xlim=(-0.5, len(slots) - 0.5), ylim=(-high / 2, high / 2))
        axes.tick_params(length=0)
    full = [1 - COVER * (1 - part) for part in to_rgb(ATTENTION)]  # as it looks over white
    scale = ScalarMappable(norm, LinearSegmentedColormap.from_list("", ["white", full]))
    figure.colorbar(scale, ax=below, label="attention,\n× uniform", shrink=0.9, pad=0.02, extend="max")
    if key and "flow" in modality:
        style.key(above, key, left=1.03, width=0.8 / len(slots))
    style.headline(figure, title)
    return figure


def _row(axes, pictures: np.ndarray, colors: Sequence[str]) -> None:
    """Pictures (T, H, W, 3) side by side, around 0, 1, 2, …, in frames of these colours."""
    half, up = 0.46, 0.46 * pictures.shape[1] / pictures.shape[2]
    for k, (picture, color) in enumerate(zip(pictures, colors, strict=True)):
        axes.imshow(picture, extent=(k - half, k + half, -up, up), interpolation="nearest")
        axes.add_patch(Rectangle((k - half, -up), 2 * half, 2 * up, fill=False, edgecolor=color, linewidth=4))
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_visible(False)


@styled
def exchange(weights: Mapping[str, np.ndarray], *, modality: str) -> Figure:
    """Attention between slots, relative to uniform: a matrix (T, T) for each title, one row per query slot.

    The title tells the share that goes to slots of the other kind, or to other slots if there is one kind.
    """
    names, colors = slot_names(len(next(iter(weights.values()))), modality)
    columns = min(len(weights), 2)
    rows = -(-len(weights) // columns)
    figure = Figure((WIDTH, rows * WIDTH / 2.35 + 0.9), layout="constrained")
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
    is_flow = np.array([name.startswith("F") for name in names])
    both = is_flow.any() and not is_flow.all()
    other = is_flow[:, None] != is_flow if both else ~np.eye(len(names), dtype=bool)
    shares = listed(f"{100 * (m * other).sum() / m.sum():.0f} % ({title})" for title, m in weights.items())
    goes = "crosses between frames and flow" if both else "goes to other slots"
    style.headline(figure, f"Attention that {goes} (uniform: {100 * other.mean():.0f} %): {shares}")
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
    right.set_xlabel("change by the video (enlarged scale)")
    right.tick_params(axis="y", length=0)
    style.headline(figure, title)
    return figure
