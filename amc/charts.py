"""Charts of what was counted and trained, as matplotlib Figures: label frequencies, learning curves."""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from amc.figures import INK, MODALITY_COLORS, PALE, SCHEME_COLORS, SHADE, WIDTH, styled

LINES = {"rgb": "-", "flow": ":", "rgb+flow": "--"}


@styled
def label_counts(counts: np.ndarray, names: Sequence[str], *, most: int = 40) -> Figure:
    """Clips of each behaviour (C,), most frequent first; of more than `most` behaviours only the first are drawn."""
    order = np.argsort(-np.asarray(counts), kind="stable")[:most]
    figure = Figure((WIDTH, 4.4), layout="constrained")
    axes = figure.subplots()
    axes.bar(range(len(order)), np.asarray(counts)[order], color=SCHEME_COLORS["sparse"], width=0.75)
    for place, label in enumerate(order):
        axes.text(place, counts[label], str(counts[label]), ha="center", va="bottom", fontsize=11)
    axes.set_xticks(
        range(len(order)), [names[label] for label in order], rotation=50, ha="right", rotation_mode="anchor"
    )
    left_out = "" if len(order) == len(names) else f", {len(order)} of {len(names)} behaviours"
    axes.set(
        ylabel="training clips", xlim=(-0.6, len(order) - 0.4), title=f"How often each behaviour is written{left_out}"
    )
    axes.grid(axis="y", color=PALE, zorder=0)
    axes.set_axisbelow(True)
    return figure


@styled
def learning_curves(fits: Mapping[str, dict]) -> Figure:
    """Training loss and validation mAP by epoch, one line a cell; a dot marks the epoch that was kept.

    fits: by cell name, e.g. "sparse rgb seed 0" or "I3D seed 0", the `fit` of its score file: losses, validation (0 to
    1), best_epoch.
    """
    figure = Figure((WIDTH, 4.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    others = cycle(sns.color_palette("colorblind"))
    for name, fit in fits.items():
        scheme, modality = name.split()[:2]
        epochs = np.arange(1, len(fit["losses"]) + 1)
        color = MODALITY_COLORS.get(modality) if scheme == "sparse" else SCHEME_COLORS.get(scheme)
        color = color or next(others)
        look = {"color": color, "linewidth": 2.2, "marker": ".", "linestyle": LINES.get(modality, "-")}
        left.plot(epochs, fit["losses"], label=name, **look)
        right.plot(epochs, 100 * np.array(fit["validation"]), **look)
        best = fit["best_epoch"]
        right.plot(best, 100 * fit["validation"][best - 1], "o", color=color, markeredgecolor=INK, markersize=9)
    left.set(xlabel="epoch", ylabel="loss (binary cross-entropy)", yscale="log", title="Training clips")
    right.set(xlabel="epoch", ylabel="macro mAP, %", title="Validation clips")
    left.yaxis.set_major_formatter("{x:g}")
    left.yaxis.set_minor_formatter("{x:g}")
    for axes in (left, right):
        axes.grid(color=PALE)
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.tick_params(color=SHADE)
    figure.legend(loc="outside lower center", ncols=3, frameon=False)
    return figure
