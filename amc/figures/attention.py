"""Attention: of class tokens to patches, between slots, and how a video refines the texts.

Arrays in, matplotlib Figures out. Weights are relative to uniform attention (1).
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.cm import ScalarMappable
from matplotlib.colors import LinearSegmentedColormap, Normalize, to_rgb
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from amc.base.wording import listed
from amc.figures import style, words
from amc.figures.style import ATTENTION, INK, MODALITY_COLORS, MODEL, PALE, WIDTH, styled

DARK, COVER = 0.98, 0.6  # quantile of attention at which its colour is saturated, and its opacity there
MOST_COLUMNS = 5  # of slots side by side; more are drawn in two blocks
HIGHEST = "gold"  # frame of the square with the highest attention


def slot_names(num_slots: int, modality: str) -> tuple[list[str], list[str]]:
    """Names of the T slots, `frame 1`, `motion 1`, `frame 2`, …, and the colours of their modalities."""
    modalities = modality.split("+")
    kinds = [modalities[slot % len(modalities)] for slot in range(num_slots)]
    called = {"rgb": "frame", "flow": "motion"}
    names = [f"{called[kind]} {slot // len(modalities) + 1}" for slot, kind in enumerate(kinds)]
    return names, [MODALITY_COLORS[kind] for kind in kinds]


@styled
def patches(
    slots: np.ndarray,
    maps: np.ndarray,
    *,
    modality: str,
    key: style.Key | None = None,
    animals: np.ndarray | None = None,
    title: str = "",
) -> Figure:
    """The slots of a clip, uint8 (T, 3, H, W), and below each its class token's attention: maps (T, rows, columns).

    Only what is above uniform is coloured, over a grey picture, so that the animal stays visible. One scale for all, up
    to a high quantile, so that no single patch sets it. key: to the colours of flow; animals: bool (T, H', W'), where
    the animals are, if known; title: what ends the title, which tells how often the maximum is on an animal, or how
    concentrated the attention is.
    """
    (names, colors), slots = slot_names(len(slots), modality), style.pictures(slots)
    columns = len(slots) if len(slots) <= MOST_COLUMNS else -(-len(slots) // 2)
    blocks, high = -(-len(slots) // columns), slots.shape[1] / slots.shape[2]  # a slot is one wide
    rise, pitch = 1.05 * high, 2.1 * high + 0.4  # from one row of a block to the other, from block to block
    side = WIDTH * min(0.8 / columns, 0.14)
    figure = Figure((WIDTH, side * pitch * blocks + 2.2), layout="constrained")
    axes = figure.subplots()  # one axes for each slot would take many times as long to lay out
    norm = Normalize(1, max(2.0, float(np.quantile(maps, DARK))))
    grey = 80 + slots.mean(axis=-1, keepdims=True).repeat(3, axis=-1) * 175 / 255  # light below the heat
    for k, (name, color) in enumerate(zip(names, colors, strict=True)):
        x, y = k % columns, -(k // columns) * pitch
        _picture(axes, slots[k], color, x, y)
        _picture(axes, grey[k].astype(np.uint8), color, x, y - rise)
        _heat(axes, maps[k], norm)
        if animals is not None:
            outline = {"colors": INK, "linewidths": 1, "origin": "upper", "extent": axes.images[-1].get_extent()}
            axes.contour(animals[k], [0.5], **outline)
        axes.text(x, y + 0.49 * high, name, ha="center", va="bottom", fontsize=13)
    rows = [-block * pitch - below for block in range(blocks) for below in (0, rise)]
    axes.set(yticks=rows, yticklabels=["what the\nmodel gets", "where\nit looks"] * blocks, xticks=[])
    axes.set(xlim=(-0.5, columns - 0.5), ylim=(rows[-1] - high / 2 - 0.18, high / 2 + 0.18))
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    full = [1 - COVER * (1 - part) for part in to_rgb(ATTENTION)]  # as it looks over white
    scale = ScalarMappable(norm, LinearSegmentedColormap.from_list("", ["white", full]))
    bar = {"location": "bottom", "shrink": 0.4, "aspect": 30, "extend": "max"}
    figure.colorbar(scale, ax=axes, label="attention to a square of the same picture (1: as if spread evenly)", **bar)
    if key and "flow" in modality:
        style.key(axes, key)
    look = {"facecolor": "white", "linewidth": 3}
    keys = {"frame": "a frame of the video", "motion": "its motion"}
    edges = [Patch(edgecolor=dict(zip(names, colors))[f"{kind} 1"], label=told, **look)
             for kind, told in keys.items() if f"{kind} 1" in names]  # fmt: skip
    edges += [Patch(edgecolor=HIGHEST, label="the square with the most attention", **look)]
    edges += [Patch(facecolor="white", edgecolor=INK, label="outline of the animal")] * (animals is not None)
    figure.legend(handles=edges, loc="outside lower center", ncols=2, frameon=False)
    words.explain(figure, "attention", "layer")
    style.headline(figure, f"{_concentration(maps) if animals is None else _on_animals(maps, animals)}{title}")
    return figure


def _concentration(maps: np.ndarray) -> str:
    """On which part of the squares of maps (T, rows, columns) half of the attention falls, mean over slots."""
    ranked = -np.sort(-maps.reshape(len(maps), -1))
    most = 100 * ((ranked.cumsum(axis=1) < ranked.sum(axis=1, keepdims=True) / 2).mean() + 1 / ranked.shape[1])
    return f"Half of the model's attention inside a picture falls on {most:.0f} % of it"


def _on_animals(maps: np.ndarray, animals: np.ndarray) -> str:
    """In how many of the T maps (T, rows, columns) the highest attention is on a square with a part of an animal.

    Beside it, in how many it would be if each square were equally likely.
    """
    for axis in (1, 2):  # whether each square has a marked pixel
        starts = np.linspace(0, animals.shape[axis], maps.shape[axis], endpoint=False).astype(int)
        animals = np.logical_or.reduceat(animals, starts, axis=axis)
    count, flat = len(maps), maps.reshape(len(maps), -1)
    hits = animals.reshape(count, -1)[np.arange(count), flat.argmax(axis=1)].sum()
    told = f"The square with the most attention (yellow) touches the animal (outline) in {hits} of {count} pictures"
    return f"{told}, by chance in {animals.reshape(count, -1).mean(axis=1).sum():.1f}"


def _picture(axes, picture: np.ndarray, color: str, x: float, y: float) -> None:
    """A picture (H, W, 3) around a place, one wide with its margin, in a frame of this colour."""
    half, up = 0.46, 0.46 * picture.shape[0] / picture.shape[1]
    axes.imshow(picture, extent=(x - half, x + half, y - up, y + up), interpolation="nearest")
    axes.add_patch(Rectangle((x - half, y - up), 2 * half, 2 * up, fill=False, edgecolor=color, linewidth=4))


def _heat(axes, weights: np.ndarray, norm: Normalize) -> None:
    """Attention (rows, columns) over the picture that was drawn last, with a frame around its maximum."""
    extent = left, right, low, up = axes.images[-1].get_extent()
    tint = np.full((*weights.shape, 3), to_rgb(ATTENTION))
    axes.imshow(tint, alpha=COVER * np.clip(norm(weights), 0, 1), extent=extent, interpolation="nearest")
    row, column = np.unravel_index(weights.argmax(), weights.shape)
    wide, tall = (right - left) / weights.shape[1], (up - low) / weights.shape[0]
    corner = left + column * wide, up - (row + 1) * tall
    axes.add_patch(Rectangle(corner, wide, tall, fill=False, edgecolor=HIGHEST, linewidth=2.5))


@styled
def exchange(weights: Mapping[str, np.ndarray], *, modality: str) -> Figure:
    """The share of attention that goes to slots of the other kind, or to other slots if there is one kind.

    weights: attention between slots, (T, T) for each stage of the network, one row per attending slot, rows sum to 1.
    One bar per stage and kind of attending slot, and a line at the share if it were spread evenly.
    """
    names, _ = slot_names(len(next(iter(weights.values()))), modality)
    is_flow = np.array([name.startswith("motion") for name in names])
    both = is_flow.any() and not is_flow.all()
    other = is_flow[:, None] != is_flow if both else ~np.eye(len(names), dtype=bool)
    kinds = {"rgb": ~is_flow, "flow": is_flow} if both else {modality: np.ones(len(names), bool)}
    figure = Figure((0.9 * WIDTH, 2.3 + 0.55 * len(weights) * len(kinds)), layout="constrained")
    axes, high = figure.subplots(), 0.8 / len(kinds)
    drawn: dict[str, list[float]] = {when: [] for when in weights}
    for y, (when, matrix) in enumerate(weights.items()):
        for k, (kind, asks) in enumerate(kinds.items()):
            share, place = 100 * (matrix * other)[asks].sum() / matrix[asks].sum(), y - 0.4 + high * (k + 0.5)
            drawn[when].append(share)
            axes.barh(
                place, share, 0.92 * high, color=MODALITY_COLORS[kind], label=_asks(kind, both) if not y else None
            )
            inside = share > 15  # the number stands in its bar, away from the dashed line
            axes.text(share + 1 - 2 * inside, place, f"{share:.0f} %", va="center", ha="right" if inside else "left")
    even = 100 * other.mean()
    axes.axvline(even, color=INK, linestyle="--", label=f"if it were spread evenly: {even:.0f} %")
    axes.set(yticks=range(len(weights)), yticklabels=weights, ylim=(len(weights) - 0.5, -0.5), xlim=(0, 100))
    goes = "pictures of the other kind" if both else "other pictures of the video"
    axes.set(xticks=range(0, 101, 20), xlabel=f"attention that goes to {goes}, %")
    axes.tick_params(axis="y", length=0)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    words.explain(figure, "attention", "motion")
    whens = [when.partition("\n")[0] for when in drawn]
    first, *second = zip(*drawn.values(), strict=True)
    whens[0] = f"of their attention {whens[0]}"
    told = listed(f"{share:.0f} % {when}" for share, when in zip(first, whens, strict=True))
    gives = "Frames give motion" if both else "Pictures give each other"
    back = "".join(f"; motion gives frames {listed(f'{share:.0f} %' for share in shares)}" for shares in second)
    style.headline(figure, f"{gives} {told}{back}")
    return figure


def _asks(kind: str, both: bool) -> str:
    """What looks where, in a legend."""
    if not both:
        return "a picture looks at the others"
    return "a frame looks at motion" if kind == "rgb" else "motion looks at a frame"


@styled
def nudges(
    before: np.ndarray, after: np.ndarray, names: Sequence[str], *, written: np.ndarray, top: int = 10, title: str = ""
) -> Figure:
    """The texts nearest to a video after it refines them, and where they were before.

    The title tells the ranks of the annotated texts before and after.

    before, after: cosines (C,); labels `written` (C,) bool are ticked and always shown; title: what ends the title.
    """
    order = [c for rank, c in enumerate(np.argsort(-after, kind="stable")) if rank < top or written[c]]
    figure = Figure((WIDTH * 0.8, 0.4 * len(order) + 2.6), layout="constrained")
    axes, places = figure.subplots(), np.arange(len(order))
    axes.hlines(places, before[order], after[order], color=INK, linewidth=2)
    look = {"markeredgecolor": INK, "markersize": 11}
    axes.plot(before[order], places, "o", color="white", label="the name alone", **look)
    axes.plot(after[order], places, "o", color=MODEL, label="the name, adapted to this video", **look)
    for y in np.flatnonzero(written[order]):
        axes.axhspan(y - 0.45, y + 0.45, color=PALE, zorder=0, label="✓ annotated label" if y == places[0] else None)
    labels = [f"✓ {names[c]}" if written[c] else names[c] for c in order]
    axes.set(yticks=places, yticklabels=labels, ylim=(len(order) - 0.5, -0.5))
    left_out = f"\n(the {len(order)} of {len(names)} names that fit best)" if len(order) < len(names) else ""
    axes.set_xlabel(f"{words.FITS}{left_out}")
    axes.grid(axis="x", color=PALE)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    words.explain(figure, "name", "annotated")
    ranks = _ranks(before, after, names, written)
    style.headline(figure, f"Of {len(names)} names, adapted to the video, {ranks}{title}")
    return figure


def _ranks(before: np.ndarray, after: np.ndarray, names: Sequence[str], written: np.ndarray) -> str:
    """The ranks among all C texts of the annotated ones, or without these of the best one, before and after."""
    was, now = (1 + (-values).argsort(kind="stable").argsort(kind="stable") for values in (before, after))
    shown = np.flatnonzero(written) if written.any() else [int(now.argmin())]
    return listed(
        f"{names[c]} {'stays at' if was[c] == now[c] else f'goes from {was[c]} to'} rank {now[c]}" for c in shown
    )
