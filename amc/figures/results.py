"""Results over many clips: the paper's Tables 2 and 3, label counts, learning curves.

Rows and arrays in, matplotlib Figures out.
"""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import MaxNLocator

from amc.base.errors import AmcError
from amc.figures import words
from amc.figures.style import INK, MARKERS, MODALITY_COLORS, MODEL, PALE, SCHEME_COLORS, SHADE, WIDTH, headline, styled

PANELS = {"2": "scheme", "3": "modality"}  # what a table of the paper varies
COLUMNS = 5  # of learning curves, at most


@styled
def ablation(rows: Sequence[dict]) -> Figure:
    """The paper's Tables 2 and 3: both mAPs of each row with 95 % intervals, beside chance.

    Colours are those of modalities in both tables. The paper's numbers, of other videos, are left to the tables: on the
    same axis they would look like a result to compare with. The title tells the best row of each table, if any.
    rows: as in reports/results, percent; one panel per table, one point per seed. Values that are None or nan are left
    out. Raises AmcError when there is no row.
    """
    if not rows:
        raise AmcError("ablation: no rows to draw; train one of the runs of Tables 2 and 3 first")
    data = pd.DataFrame(rows).assign(table=[str(row.get("table")).removesuffix(".0") for row in rows])
    tables = sorted(data["table"].unique())
    figure = Figure((WIDTH if len(tables) > 1 else 0.65 * WIDTH, 6), layout="constrained")
    panels = figure.subplots(1, len(tables), sharey=True, squeeze=False)[0]
    told = [_panel(axes, data[data["table"] == table], table) for axes, table in zip(panels, tables, strict=True)]
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
    drawn = [name for name in MODALITY_COLORS if name in set(data["modality"])]
    keys += [Patch(color=MODALITY_COLORS[name], label=words.INPUTS[name]) for name in drawn]
    figure.legend(handles=keys, loc="outside lower center", ncols=3 if len(tables) > 1 else 2, frameon=False)
    terms = ["dense, semi-dense, sparse"] if set(data["scheme"]) & set(words.SCHEMES) else []
    words.explain(figure, "mAP", "macro, micro", "chance", "95 % interval", *terms)
    found = "; ".join(filter(None, told)) or f"both mAPs of {words.system(_name(data.iloc[0]))}"
    headline(figure, _capital(found))
    return figure


def _name(row: pd.Series) -> str:
    return f"{row['scheme']} {row['modality']}"


def _panel(axes: Axes, data: pd.DataFrame, table: str) -> str:
    """One table: schemes or modalities side by side, macro left, micro right. Returns what it shows."""
    axis = PANELS.get(table)
    names = SCHEME_COLORS if axis == "scheme" else MODALITY_COLORS
    label = data[axis] if axis else data["scheme"] + " " + data["modality"]
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
    called = [words.INPUTS.get(name, words.system(name)).replace(", ", "\n") for name in order]
    axes.set(xticks=range(len(order)), xticklabels=called, xlim=(-0.5, len(order) - 0.5), xlabel="")
    others = {"scheme": "frames alone", "modality": "sparse"}.get(axis)
    axes.set_title(f"{words.CHOICES[axis]} ({others})" if axis else "Not in the paper")
    axes.grid(axis="y", color=PALE, zorder=0)
    return _best(data.groupby(label), words.CHOICES.get(axis, "the run"))


def _best(systems, what: str) -> str:
    """Whether the macro mAP of one of several systems, rows grouped by their name, lies above all others' intervals."""
    if not {"map_macro", "map_macro_low", "map_macro_high"} <= set(systems.obj) or len(systems) < 2:
        return ""
    means, low, high = (systems[f"map_macro{end}"].mean().dropna() for end in ("", "_low", "_high"))
    if len(means) < 2:
        return ""
    best, ends = means.idxmax(), f"macro mAP {means.min():.1f} to {means.max():.1f} %"
    if not low[best] > high.drop(best).max():
        return f"{what} makes no clear difference ({ends})"
    called, following = (words.INPUTS.get(name, words.system(name)) for name in (best, means.drop(best).idxmax()))
    return f"best is {called} (macro mAP {means[best]:.1f} %), then {following} ({means.drop(best).max():.1f} %)"


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
    """Loss on training and on validation clips by epoch, one panel per system; a dot marks the epoch that is kept.

    The dot is filled if that was the last epoch: the run was still improving. The title counts these. Seeds share a
    panel. fits: by run name, e.g. "sparse rgb seed 0" or "I3D seed 0", the `fit` of its score file: losses,
    validation_losses, best_epoch. Raises AmcError without any.
    """
    if not fits:
        raise AmcError("learning curves: no run was trained; give one that is")
    systems: dict[str, list[dict]] = {}
    for name, fit in fits.items():
        systems.setdefault(name.partition(" seed ")[0], []).append(fit)
    columns = min(len(systems), COLUMNS)
    rows = -(-len(systems) // columns)
    figure = Figure((WIDTH, 2.7 * rows + 1.9), layout="constrained")
    panels = figure.subplots(rows, columns, sharex=True, sharey=True, squeeze=False)
    dot = {"markeredgecolor": MODEL, "markeredgewidth": 2, "markersize": 9, "zorder": 3}
    for axes in panels.flat[len(systems) :]:
        axes.axis("off")
    for axes in panels.flat[max(len(systems) - columns, 0) : len(systems)]:  # with none below
        axes.set_xlabel("epoch")
        axes.tick_params(labelbottom=True)
    for axes, (system, runs) in zip(panels.flat, systems.items(), strict=False):
        for fit in runs:
            epochs, best = np.arange(1, len(fit["losses"]) + 1), fit["best_epoch"]
            axes.plot(epochs, fit["losses"], color=SHADE, linestyle="--", linewidth=1.5, marker=".")
            axes.plot(epochs, fit["validation_losses"], color=INK, linewidth=2)
            axes.plot(best, fit["validation_losses"][best - 1], "o", markerfacecolor=_filled(fit), **dot)
        axes.set_title(_capital(words.system(system)).replace(", ", ",\n"), fontsize=12)
        axes.grid(color=PALE)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=True))
        axes.yaxis.set_major_locator(MaxNLocator(5))
    figure.supylabel("loss", fontsize=13)
    keys = [Line2D([], [], color=SHADE, linestyle="--", linewidth=1.5, label="loss on training clips")]
    keys += [Line2D([], [], color=INK, linewidth=2, label="loss on validation clips")]
    keys += [Line2D([], [], marker="o", mfc="white", linestyle="", label="its lowest: this epoch is kept", **dot)]
    keys += [Line2D([], [], marker="o", mfc=MODEL, linestyle="", label="lowest in the last: still improving", **dot)]
    figure.legend(handles=keys, loc="outside lower center", ncols=2, frameon=False)
    words.explain(figure, "loss", "epoch", "validation clips", words.rows(systems))
    last = sum(_filled(fit) == MODEL for fit in fits.values())
    headline(figure, f"{last} of {len(fits)} models were still improving on validation clips in their last epoch")
    return figure


def _filled(fit: dict) -> str:
    """The colour inside the dot of a run: that of its edge if its last epoch is the best."""
    return MODEL if 1 < fit["best_epoch"] == len(fit["losses"]) else "white"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
