"""Results over many clips: the paper's Tables 2 and 3, label counts, learning curves.

Rows and arrays in, matplotlib Figures out.
"""

from collections.abc import Mapping, Sequence
from itertools import cycle

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.ticker import MaxNLocator

from amc.base.errors import AmcError
from amc.config import METHOD
from amc.figures.style import INK, MARKERS, MODALITY_COLORS, PALE, SCHEME_COLORS, SHADE, WIDTH, headline, styled

PANELS = {"2": ("Table 2: sampling scheme (RGB)", "scheme"), "3": ("Table 3: modality (sparse)", "modality")}
LINES = {"rgb": "-", "flow": ":", "rgb+flow": "--"}


@styled
def ablation(rows: Sequence[dict]) -> Figure:
    """The paper's Tables 2 and 3: both mAPs of each row with 95 % intervals, beside chance.

    Colours are those of modalities in both tables. The paper's number, of other videos, is written under the row's
    name: on the same axis it would look like a result to compare with.
    rows: as in reports/results, percent; one panel per table, one point per seed. Values that are None or nan are left
    out. Raises AmcError when there is no row.
    """
    if not rows:
        raise AmcError("ablation: no rows to draw; train one of the runs of Tables 2 and 3 first")
    data = pd.DataFrame(rows).assign(table=[str(row.get("table")) for row in rows])
    tables = sorted(data["table"].unique())
    figure = Figure((WIDTH if len(tables) > 1 else 0.65 * WIDTH, 5.6), layout="constrained")
    panels = figure.subplots(1, len(tables), sharey=True, squeeze=False)[0]
    for axes, table in zip(panels, tables, strict=True):
        _panel(axes, data[data["table"] == table], *PANELS.get(table, ("Not in the paper", None)))
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
    keys += [Line2D([], [], color=SHADE, linestyle="--", linewidth=1.5, label="chance")]
    figure.legend(handles=keys, loc="outside lower center", ncols=min(2 * len(tables), 4), frameon=False)
    return figure


def _panel(axes: Axes, data: pd.DataFrame, title: str, axis: str | None) -> None:
    """One table: schemes or modalities side by side, macro left, micro right."""
    names = SCHEME_COLORS if axis == "scheme" else MODALITY_COLORS
    label = data[axis] if axis else data["scheme"] + "\n" + data["modality"]
    order = [name for name in names if name in set(label)] if axis else list(dict.fromkeys(label))
    seeds = sorted(data["seed"].unique()) if "seed" in data else [0]
    spread = [0.08 * (seeds.index(seed) - (len(seeds) - 1) / 2) for seed in data.get("seed", [0] * len(data))]
    place = np.array([order.index(name) for name in label], dtype=float)
    ink = data["modality"].map(MODALITY_COLORS).tolist()  # so a run that both tables have looks the same in both
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
    paper = data.get("paper", pd.Series(np.nan, data.index)).astype(float).groupby(label).first()
    names = [name if np.isnan(paper[name]) else f"{name}\n(paper: {paper[name]:.1f})" for name in order]
    about = "in brackets: the paper's mAP, on Animal Kingdom" if paper.notna().any() else ""
    axes.set(xticks=range(len(order)), xticklabels=names, xlim=(-0.5, len(order) - 0.5), xlabel=about)
    means = data["map_macro"].astype(float).groupby(label).mean() if "map_macro" in data else pd.Series(dtype=float)
    axes.set_title(f"{title}\nmacro mAP {means.min():.1f} to {means.max():.1f}" if len(means.dropna()) > 1 else title)
    axes.grid(axis="y", color=PALE, zorder=0)


@styled
def label_counts(counts: np.ndarray, names: Sequence[str], *, most: int = 40) -> Figure:
    """Clips of each behaviour (C,), most frequent first; only the first `most` behaviours are drawn."""
    order = np.argsort(-np.asarray(counts), kind="stable")[:most]
    figure = Figure((WIDTH, 4.4), layout="constrained")
    axes = figure.subplots()
    axes.bar(range(len(order)), np.asarray(counts)[order], color=SHADE, width=0.75)
    for place, label in enumerate(order):
        axes.text(place, counts[label], str(counts[label]), ha="center", va="bottom", fontsize=11)
    axes.set_xticks(
        range(len(order)), [names[label] for label in order], rotation=50, ha="right", rotation_mode="anchor"
    )
    left_out = "" if len(order) == len(names) else f", {len(order)} of {len(names)} behaviours"
    most, fewest = (f"{names[c]} has {counts[c]}" for c in (order[0], order[-1]))
    title = f"{most} training clips, {fewest}{left_out}"
    axes.set(ylabel="training clips", xlim=(-0.6, len(order) - 0.4), title=title)
    axes.grid(axis="y", color=PALE, zorder=0)
    axes.set_axisbelow(True)
    return figure


@styled
def learning_curves(fits: Mapping[str, dict]) -> Figure:
    """Training loss, validation loss and micro mAP by epoch, one line per run; a dot marks the epoch that was kept.

    Seeds of one system share its colour. Lines get thinner in the order of drawing, so that equal ones are all seen.
    fits: by run name, e.g. "sparse rgb seed 0" or "I3D seed 0", the `fit` of its score file: losses, validation_losses,
    validation (0 to 1), best_epoch, is_improving.
    """
    figure = Figure((WIDTH, 4.6), layout="constrained")
    left, middle, right = figure.subplots(1, 3)
    systems = list(dict.fromkeys(name.partition(" seed ")[0] for name in fits))
    colors = _colors(systems)
    for name, fit in fits.items():
        system = name.partition(" seed ")[0]
        epochs, color, place = np.arange(1, len(fit["losses"]) + 1), colors[system], systems.index(system)
        look = {"color": color, "linewidth": np.linspace(5, 1.5, len(systems))[place], "marker": "."}
        look["linestyle"] = LINES.get(system.rpartition(" ")[2], ("-", "--")[place % 2])
        left.plot(epochs, fit["losses"], label=system, **look)
        middle.plot(epochs, fit["validation_losses"], **look)
        right.plot(epochs, 100 * np.array(fit["validation"]), **look)
        best, dot = fit["best_epoch"], {"color": color, "markeredgecolor": INK, "markersize": 9}
        middle.plot(best, fit["validation_losses"][best - 1], "o", **dot)
        right.plot(best, 100 * fit["validation"][best - 1], "o", **dot)
    left.set(xlabel="epoch", ylabel="loss (binary cross-entropy)", yscale="log", title="Training clips")
    middle.set(xlabel="epoch", ylabel="loss (binary cross-entropy)", yscale="log", title="Validation clips")
    right.set(xlabel="epoch", ylabel="micro mAP, %", title="Validation clips")
    for axes in (left, middle):
        axes.yaxis.set_major_formatter("{x:g}")
        axes.yaxis.set_minor_formatter("{x:g}")
    for axes in (left, middle, right):
        axes.grid(color=PALE)
        axes.xaxis.set_major_locator(MaxNLocator(8, integer=True))
        axes.tick_params(color=SHADE)
    keys = dict(zip(*reversed(left.get_legend_handles_labels()), strict=True))  # one per system
    figure.legend(keys.values(), keys, loc="outside lower center", ncols=3, frameon=False)
    lowest = min(fits, key=lambda name: min(fits[name]["validation_losses"])).partition(" seed ")[0]
    improving = sum(fit["is_improving"] for fit in fits.values())
    ends = f"still falling at the last epoch in {improving} of {len(fits)} runs"
    headline(figure, f"{lowest} has the lowest validation loss; {ends}")
    return figure


def _colors(systems: Sequence[str]) -> dict[str, str]:
    """The colour of each system: of its modality under sparse, else of its scheme; other methods have their own."""
    others, colors = cycle(sns.color_palette("colorblind")), {METHOD: MODALITY_COLORS["rgb+flow"]}
    for system in systems:
        scheme, _, modality = system.partition(" ")
        known = MODALITY_COLORS.get(modality) if scheme == "sparse" else SCHEME_COLORS.get(scheme)
        colors.setdefault(system, known or next(others))
    return colors
