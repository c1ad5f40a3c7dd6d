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

from amc.base.wording import listed
from amc.figures import style
from amc.figures.style import ATTENTION, INK, MODALITY_COLORS, MODEL, PALE, WIDTH, styled

DARK, COVER = 0.98, 0.6  # quantile of attention at which its colour is saturated, and its opacity there


def slot_names(num_slots: int, modality: str) -> tuple[list[str], list[str]]:
    """Names of the T slots, `frame 1`, `motion 1`, `frame 2`, …, and the colours of their modalities."""
    modalities = modality.split("+")
    kinds = [modalities[slot % len(modalities)] for slot in range(num_slots)]
    words = {"rgb": "frame", "flow": "motion"}
    names = [f"{words[kind]} {slot // len(modalities) + 1}" for slot, kind in enumerate(kinds)]
    return names, [MODALITY_COLORS[kind] for kind in kinds]


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
    patches; key: to the colours of flow; title: what ends the title, which tells how concentrated the attention is.
    """
    (names, colors), slots = slot_names(len(slots), modality), style.pictures(slots)
    high = slots.shape[1] / slots.shape[2]  # a slot is one wide
    figure = Figure((WIDTH, 0.8 * WIDTH / len(slots) * high * 2 + 2), layout="constrained")
    axes, rise = figure.subplots(), 1.05 * high  # one axes for each slot would take many times as long to lay out
    norm = Normalize(1, max(2.0, float(np.quantile(maps, DARK))))
    grey = 80 + slots.mean(axis=-1, keepdims=True).repeat(3, axis=-1) * 175 / 255  # light below the heat
    _row(axes, slots, colors, rise)
    _row(axes, grey.astype(np.uint8), colors, 0)
    for image, heat in zip(axes.images[len(slots) :], np.clip(norm(maps), 0, 1), strict=True):
        tint = np.full((*heat.shape, 3), to_rgb(ATTENTION))
        axes.imshow(tint, alpha=COVER * heat, extent=image.get_extent(), interpolation="nearest")
    axes.set(yticks=[rise, 0], yticklabels=["what the\nmodel gets", "where\nit looks"])
    axes.set(xlim=(-0.5, len(slots) - 0.5), ylim=(-high / 2, rise + high / 2), xticks=[])
    top = axes.secondary_xaxis("top")
    top.set_xticks(range(len(slots)), names, fontsize=13, rotation=90 * (len(slots) > 10))
    if parts is not None:
        axes.set_xticks(range(len(slots)), [f"{100 * part:.0f} %" for part in parts])
        axes.set_xlabel("part of the attention that goes to the picture at all")
    for each in (axes, top):
        each.tick_params(length=0)
        each.spines[:].set_visible(False)
    full = [1 - COVER * (1 - part) for part in to_rgb(ATTENTION)]  # as it looks over white
    scale = ScalarMappable(norm, LinearSegmentedColormap.from_list("", ["white", full]))
    bar = {"location": "bottom", "shrink": 0.4, "aspect": 30, "extend": "max"}
    figure.colorbar(scale, ax=axes, label="attention (1: as if spread evenly)", **bar)
    if key and "flow" in modality:
        style.key(axes, key)
    ranked = -np.sort(-maps.reshape(len(maps), -1))
    most = 100 * ((ranked.cumsum(axis=1) < ranked.sum(axis=1, keepdims=True) / 2).mean() + 1 / ranked.shape[1])
    style.headline(figure, f"Where the model looks: half of its attention falls on {most:.0f} % of a picture{title}")
    return figure


def _row(axes, pictures: np.ndarray, colors: Sequence[str], y: float) -> None:
    """Pictures (T, H, W, 3) side by side, around 0, 1, 2, … at height `y`, in frames of these colours."""
    half, up = 0.46, 0.46 * pictures.shape[1] / pictures.shape[2]
    for k, (picture, color) in enumerate(zip(pictures, colors, strict=True)):
        axes.imshow(picture, extent=(k - half, k + half, y - up, y + up), interpolation="nearest")
        axes.add_patch(Rectangle((k - half, y - up), 2 * half, 2 * up, fill=False, edgecolor=color, linewidth=4))


@styled
def exchange(weights: Mapping[str, np.ndarray], *, modality: str) -> Figure:
    """Attention between slots: a matrix (T, T) for each title, one row per attending slot, rows sum to 1.

    The title tells the share that goes to slots of the other kind, or to other slots if there is one kind.
    """
    names, colors = slot_names(len(next(iter(weights.values()))), modality)
    figure = Figure((WIDTH, WIDTH / 2 + 0.6), layout="constrained")
    most = max(2 / len(names), float(np.quantile(list(weights.values()), DARK)))
    for axes, (title, matrix) in zip(figure.subplots(1, len(weights), squeeze=False)[0], weights.items(), strict=True):
        look = {"cmap": "Blues", "vmin": 0, "vmax": 100 * most, "cbar": False, "fmt": ".0f"}
        look |= {"annot": len(names) <= 10, "annot_kws": {"fontsize": 12}}
        sns.heatmap(100 * matrix, ax=axes, xticklabels=names, yticklabels=names, **look)
        axes.set_title(title)
        axes.set(xlabel="… at this picture (% of the row; dark: much)", ylabel="this picture looks …")
        axes.tick_params(axis="x", rotation=90, length=0)
        axes.tick_params(axis="y", rotation=0, length=0)
        for labels in (axes.get_xticklabels(), axes.get_yticklabels()):
            for label, color in zip(labels, colors, strict=True):
                label.set_bbox({"facecolor": color, "alpha": 0.45, "edgecolor": "none", "pad": 2})
    is_flow = np.array([name.startswith("motion") for name in names])
    both = is_flow.any() and not is_flow.all()
    other = is_flow[:, None] != is_flow if both else ~np.eye(len(names), dtype=bool)
    share = {title.partition("\n")[0]: 100 * (m * other).sum() / m.sum() for title, m in weights.items()}
    shares = listed(f"{part:.0f} % {when}" for when, part in share.items())
    goes = "between frames and motion" if both else "from a picture to another"
    even = f"spread evenly it would be {100 * other.mean():.0f} %"
    style.headline(figure, f"Attention {goes}: {shares}; {even}")
    return figure


@styled
def nudges(
    before: np.ndarray, after: np.ndarray, names: Sequence[str], *, written: np.ndarray, top: int = 10, title: str = ""
) -> Figure:
    """The texts nearest to a video after it refines them, and where they were before; the title has the median change.

    before, after: cosines (C,); labels `written` (C,) bool are ticked and always shown; title: what ends the title.
    """
    order = [c for rank, c in enumerate(np.argsort(-after, kind="stable")) if rank < top or written[c]]
    figure = Figure((WIDTH * 0.8, 0.4 * len(order) + 1.8), layout="constrained")
    axes, places = figure.subplots(), np.arange(len(order))
    axes.hlines(places, before[order], after[order], color=INK, linewidth=2)
    look = {"markeredgecolor": INK, "markersize": 11}
    axes.plot(before[order], places, "o", color="white", label="the name alone", **look)
    axes.plot(after[order], places, "o", color=MODEL, label="the name, adapted to this video", **look)
    for y in np.flatnonzero(written[order]):
        axes.axhspan(y - 0.45, y + 0.45, color=PALE, zorder=0, label="✓ annotated label" if y == places[0] else None)
    labels = [f"✓ {names[c]}" if written[c] else names[c] for c in order]
    axes.set(yticks=places, yticklabels=labels, ylim=(len(order) - 0.5, -0.5))
    axes.set_xlabel("how well the name fits the video (cosine, 1: perfectly)")
    axes.grid(axis="x", color=PALE)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    median = np.median(np.abs(after - before))
    style.headline(figure, f"Adapting the names to the video changes how well they fit by {median:.2f} (median){title}")
    return figure
