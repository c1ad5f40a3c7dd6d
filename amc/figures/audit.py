"""A benchmark seen through its annotation: long tail, leaderboard, leakage, noise (notebook 08).

Rows and arrays in, matplotlib Figures out.
"""

from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import NullFormatter

from amc.base.errors import AmcError
from amc.base.wording import listed
from amc.figures import style, words
from amc.figures.style import BAND_COLORS, INK, MODALITY_COLORS, MODEL, PALE, SHADE, WIDTH, styled

METRIC_NAMES = {
    "macro": "macro mAP", "micro by batch": "micro mAP by batch", "micro": "micro mAP, whole test split"
}  # fmt: skip
FEW = 5  # test clips below which an AP tells little
NARROW = 20  # points of an interval, among behaviours with FEW test clips
GROUPS = (1, 2, 3, 5, 10, 20, 50, 100, 1000)  # of test clips that show a behaviour: edges of groups


@styled
def long_tail(train: np.ndarray, test: np.ndarray, bands: Mapping[str, np.ndarray]) -> Figure:
    """Clips of each behaviour, most frequent first: bars for training, coloured by band, and dots for the test split.

    train, test: counts (C,); bands: masks (C,) by name, as `metrics.bands` has them. The title tells the shares of the
    first and the last band, the legend those of all, with the fewest and the most training clips of their behaviours.
    """
    order = np.argsort(-np.asarray(train), kind="stable")
    places, figure = np.arange(len(order)), Figure((WIDTH, 5.1), layout="constrained")
    axes = figure.subplots()
    parts = {name: 100 * train[mask].sum() / train.sum() for name, mask in bands.items()}
    for name, mask in bands.items():
        inside = mask[order]
        ends = (
            " to ".join(dict.fromkeys(map(str, np.quantile(train[mask], (0, 1)).astype(int)))) if mask.any() else "no"
        )
        label = f"{name}: {mask.sum()} behaviours of {ends} training clips, {parts[name]:.0f} % of all labels"
        axes.bar(places[inside], train[order][inside], width=1, color=BAND_COLORS[name], label=label)
    seen = test[order] > 0
    axes.plot(
        places[seen], test[order][seen], "o", color="white", markeredgecolor=INK, markersize=5, label="test clips"
    )
    none = f"no test clip: {(~seen).sum()} behaviours"
    axes.plot(places[~seen], np.full((~seen).sum(), 0.7), "x", color=INK, markersize=6, label=none)
    axes.set(yscale="log", ylim=(0.5, None), xlim=(-1, len(order)), ylabel="clips (logarithmic)")
    axes.set_xlabel("behaviours, most frequent in training first")
    axes.yaxis.set_major_formatter("{x:g}")
    axes.legend(frameon=False, loc="upper right")
    axes.grid(axis="y", color=PALE)
    axes.set_axisbelow(True)
    shares = [f"{part:.0f} % for {bands[name].sum()} behaviours ({name})" for name, part in parts.items()]
    style.headline(figure, f"Of all training labels, {listed([shares[0], shares[-1]])}")
    return figure


@styled
def leaderboard(published: Sequence[dict], blind: Sequence[dict]) -> Figure:
    """Published numbers, one panel per metric, best last, with those of predictors that see no pixel.

    published: `system`, `map` (percent), `metric` (beginning with a key of METRIC_NAMES), `modality`. blind: `method`,
    and, in percent, `map_macro`, `map_micro` with `_low`, `_high`; drawn in the panel of their metric. The title
    compares `species` of `blind` with the published ones. Raises AmcError for an unknown metric.
    """
    panels = {metric: [] for metric in METRIC_NAMES}
    for row in sorted(published, key=lambda row: row["map"]):
        panels[panel(row["metric"])].append(row)
    heights = [len(rows) + len(blind) * (metric != "micro by batch") for metric, rows in panels.items()]
    best = next((row for row in blind if row["method"] == "species"), None)  # others know labels of test clips
    figure = Figure((0.82 * WIDTH, 2.8 + 0.27 * sum(heights)), layout="constrained")
    axes = figure.subplots(len(panels), 1, sharex=True, height_ratios=np.maximum(heights, 1))
    for ax, (metric, rows) in zip(axes, panels.items(), strict=True):
        key, names = f"map_{metric}", []
        for row in blind if metric != "micro by batch" else ():
            ax.barh(len(names), row[key], color=SHADE if row is best else PALE, edgecolor=SHADE, height=0.7)
            ax.plot([row[f"{key}_low"], row[f"{key}_high"]], [len(names)] * 2, color=INK, linewidth=2)
            ax.text(max(row[key], row[f"{key}_high"]) + 1, len(names), f"{row[key]:.1f}", va="center", fontsize=11)
            names.append(row["method"])
        for row in rows:
            ax.barh(len(names), row["map"], color=MODALITY_COLORS[row["modality"]], height=0.7)
            number = ax.text(row["map"] + 1, len(names), f"{row['map']:.1f}", va="center", fontsize=11)
            number.set_bbox({"color": "white", "pad": 0.5})  # over the line of the title
            names.append(row["system"])
        ax.set(yticks=range(len(names)), yticklabels=names, xlim=(0, 90), ylim=(-0.6, len(names) - 0.4))
        ax.set_title(METRIC_NAMES[metric], loc="left", fontsize=13, fontweight="bold")
        ax.tick_params(axis="y", length=0)
        ax.grid(axis="x", color=PALE)
        ax.set_axisbelow(True)
    axes[-1].set(xlabel="mAP, %")
    keys = [Patch(facecolor=color, label=f"published, {words.INPUTS[name]}") for name, color in MODALITY_COLORS.items()]
    keys += [Patch(facecolor=PALE, edgecolor=SHADE, label="another guess without a pixel (measured here)")]
    if best:
        keys += [Patch(facecolor=SHADE, label="guess from the species alone (measured here)")]
        keys += [Line2D([], [], color=INK, linestyle=":", linewidth=1.5, label="macro mAP of the species alone")]
    keys += [Line2D([], [], color=INK, linewidth=2, label="95 % interval over test clips")]
    figure.legend(handles=keys, loc="outside lower center", ncols=2, frameon=False)
    words.explain(figure, "macro, micro", "by batch", *["species", "+ co-occurrence"] * bool(blind))
    if best:
        axes[0].axvline(best["map_macro"], color=INK, linestyle=":", linewidth=1.5)
    style.headline(figure, _compared(best, panels["macro"]) if best else _highest(published))
    return figure


def _compared(best: dict, rivals: Sequence[dict]) -> str:
    """How many published results the macro mAP of a predictor that sees no pixel exceeds."""
    names = [row["system"].partition(",")[0] for row in rivals]
    below = sum(row["map"] < best["map_macro"] for row in rivals)
    twice = f" ({len({*names})} systems, some there twice)" if len(names) > len({*names}) else ""
    title = f"Guessing from the {best['method']} alone, without a pixel, reaches {best['map_macro']:.0f} % macro mAP, "
    return f"{title}above {below} of {len(names)} published results{twice}"


def _highest(published: Sequence[dict]) -> str:
    top = max(published, key=lambda row: row["map"])
    return f"The highest published mAP: {top['system']}, {top['map']:.1f} % ({METRIC_NAMES[panel(top['metric'])]})"


def panel(name: str) -> str:
    """The panel of a metric named as in the tables: `micro by inference` is micro. Raises AmcError for another."""
    for metric in ("micro by batch", "macro", "micro"):
        if name.startswith(metric):
            return metric
    raise AmcError(f"leaderboard: the metric {name!r} is not known; write one of: {', '.join(METRIC_NAMES)}")


@styled
def likeness(groups: Mapping[str, Sequence[float]]) -> Figure:
    """Label overlap of test clips with training clips: the mean of each kind of training clip, with its interval.

    groups: by kind of training clip, the most alike first, Jaccard overlaps (0 to 1) of the same test clips. The title
    tells how much each kind adds to the next one, the first with its interval. Raises AmcError when they are empty.
    """
    if not all(len(values) for values in groups.values()):
        raise AmcError("likeness: no test clip shares a source with training; there is nothing to draw")
    figure = Figure((WIDTH, 1.8 + 0.6 * len(groups)), layout="constrained")
    axes = figure.subplots()
    for place, values in enumerate(groups.values()):
        mean, half = np.mean(values), 1.96 * np.std(values) / np.sqrt(len(values))
        axes.barh(place, mean, color=PALE, edgecolor=INK, height=0.6)
        label = "95 % interval over test clips" if not place else None
        axes.plot([mean - half, mean + half], [place] * 2, color=INK, linewidth=3, label=label)
        axes.text(mean + half + 0.005, place, f"{mean:.3f}", va="center")
    axes.set(yticks=range(len(groups)), yticklabels=list(groups), xlim=(0, None), ylim=(len(groups) - 0.5, -0.5))
    axes.set(xlabel="overlap of labels with a training clip: 0 none, 1 the same labels (Jaccard index)")
    figure.legend(loc="outside lower center", frameon=False)
    words.explain(figure, "source", "95 % interval")
    style.headline(figure, _added([np.asarray(values) for values in groups.values()]))
    return figure


def _added(overlaps: Sequence[np.ndarray]) -> str:
    """What the same source adds to the overlap, and what the same species: of clips of both, of the species, of any."""
    same, species, anything = overlaps
    gap, half = (same - species).mean(), 1.96 * (same - species).std() / np.sqrt(len(same))
    by_species = species.mean() - anything.mean()
    only = "only " if gap < by_species / 2 else ""
    told = f"Clips from one source share {only}{gap:.2f} more of their labels than others of one species"
    told += f" (95 % interval {gap - half:.3f} to {gap + half:.3f}), and these {by_species:.2f} more than any clips"
    return told.replace("-", "−")


@styled
def interval_widths(widths: Mapping[str, np.ndarray]) -> Figure:
    """The width of the 95 % interval of each behaviour's AP against its test positives, and medians of groups.

    widths: as `companion.noise.interval_widths`.
    """
    figure = Figure((WIDTH, 5.8), layout="constrained")
    axes = figure.subplots()
    positives, extents = widths["positives"], np.asarray(widths["high"]) - widths["low"]
    aside = np.exp(np.random.default_rng(0).uniform(-0.12, 0.12, len(positives)))  # equal counts side by side
    axes.plot(positives * aside, extents, "o", color=SHADE, alpha=0.5, markersize=5, label="one behaviour")
    groups = np.digitize(positives, GROUPS)
    middles = [(positives[groups == g].mean(), np.median(extents[groups == g])) for g in np.unique(groups)]
    axes.plot(
        *zip(*middles, strict=True),
        "o-",
        color=INK,
        linewidth=2.5,
        markersize=8,
        label="median of behaviours with about as many clips",
    )
    axes.set(xscale="log", xlabel="test clips that show the behaviour (logarithmic)", ylim=(0, 104))
    axes.set_ylabel("width of the 95 % interval, points of AP")
    few = positives < FEW
    extent = np.median(extents[few]) if few.any() else np.nan
    axes.axvspan(0.7, FEW - 0.5, color=PALE, zorder=0, label=f"fewer than {FEW} test clips")
    axes.hlines(
        extent, 0.7, FEW - 0.5, color=MODEL, linewidth=3, label=f"median of all {few.sum()} there: {extent:.0f}"
    )
    axes.set_xlim(0.7, None)
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.grid(color=PALE)
    axes.set_axisbelow(True)
    style.headline(
        figure,
        f"{few.sum()} of {len(positives)} behaviours have fewer than {FEW} test clips: "
        f"half of these have an interval of {extent:.0f} points or more",
    )
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    narrow = few & (extents < NARROW)
    if narrow.any() and np.max(np.asarray(widths["ap"])[narrow]) < NARROW:
        words.note(
            figure, f"points at the bottom left: hardly found (AP up to {widths['ap'][narrow].max():.0f} %), so narrow"
        )
    words.explain(figure, "AP", "95 % interval")
    return figure


@styled
def smallest_differences(differences: Sequence[dict], effect: float, share: float) -> Figure:
    """The smallest significant differences of both mAPs against the noise that two systems share.

    differences: as `companion.noise.smallest_differences`; effect: the published one, points of micro mAP; share:
    measured on a pair of trained systems.
    """
    figure = Figure((WIDTH, 5.4), layout="constrained")
    panels, smallest = figure.subplots(1, 2), []
    shares = [row["share"] for row in differences]
    for axes, name in zip(panels, ("macro", "micro"), strict=True):
        values = [row[f"map_{name}"] for row in differences]
        axes.plot(
            shares,
            values,
            f"{style.MARKERS[name]}-",
            color=INK,
            label="smallest difference that counts (is significant)",
        )
        smallest.append(here := np.interp(share, shares, values))
        axes.axvline(share, color=SHADE, linestyle="--", label="our models, with and without motion")
        axes.plot(share, here, style.MARKERS[name], color=MODEL, markersize=12, zorder=3)
        axes.annotate(f"{here:.2g}", (share, here), (7, 5), textcoords="offset points", color=MODEL, weight="bold")
        axes.set(xlabel="correlation of the errors of two models", xlim=(-0.05, 1.05))
        axes.set_ylim(0, 1.35 * max(*values, effect))
        axes.set_title(f"{name} mAP")
        axes.grid(color=PALE)
        axes.set_axisbelow(True)
    panels[0].set_ylabel("points of mAP")
    panels[1].axhline(effect, color=MODALITY_COLORS["rgb+flow"], linewidth=2.5)
    said = f"what motion adds in the paper: {effect:.2f}\n(its mAP seems to be micro)"
    panels[1].text(0, effect, said, va="bottom", fontsize=11)
    style.headline(
        figure,
        f"To count as real, a difference between models like ours must be at least {smallest[0]:.2g} points "
        f"(macro mAP) or {smallest[1]:.2g} points (micro mAP)",
    )
    figure.legend(*panels[0].get_legend_handles_labels(), loc="outside lower center", ncols=2, frameon=False)
    words.explain(figure, "macro, micro")
    return figure
