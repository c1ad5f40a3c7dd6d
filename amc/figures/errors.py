"""Errors of a model: kinds of errors counted and compared, annotation against truth, confusions.

Rows and tables in, matplotlib Figures out.
"""

from collections.abc import Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from amc.base.wording import listed
from amc.figures import style, words
from amc.figures.style import HUMAN, INK, MODALITY_COLORS, MODEL, PALE, SCHEME_COLORS, SHADE, TRUTH, WIDTH, styled

AGAINST = {"annotated": (SHADE, "s"), "truth": (TRUTH, "o")}


@styled
def kinds(rows: Sequence[dict]) -> Figure:
    """Errors of each kind per 100 videos with intervals; if the truth is known, divided into model's and annotator's.

    rows: of `errors.tally`, whose last counts errors of no kind. The title tells the most frequent kind.
    """
    table = pd.DataFrame(rows)
    figure = Figure((WIDTH, 0.7 * len(table) + 2.3), layout="constrained")
    axes, places = figure.subplots(), np.arange(len(table))
    theirs = table["rate"] * table["part"].fillna(0) / 100 if "part" in table else 0 * table["rate"]
    axes.barh(places, theirs, 0.6, color=HUMAN)
    axes.barh(places, table["rate"] - theirs, 0.6, left=theirs, color=MODEL)
    axes.hlines(places, table["rate_low"], table["rate_high"], color=INK, linewidth=2)
    for place, rate, high in zip(places, table["rate"], table["rate_high"], strict=True):
        axes.text(max(rate, high), place, f"  {rate:.0f}", va="center")
    labels = [words.error(kind) for kind in table["kind"]]
    axes.set(yticks=places, yticklabels=labels, ylim=(len(table) - 0.5, -0.5))
    axes.set_xlabel("errors per 100 videos (missed, or predicted but not annotated; some are of several kinds)")
    keys = [Patch(color=MODEL, label="the model is wrong" if "part" in table else "errors")]
    keys += [Patch(color=HUMAN, label="it happens, but the annotator left it out")] * ("part" in table)
    keys += [Line2D([], [], color=INK, linewidth=2, label="95 % interval over videos")]
    figure.legend(handles=keys, loc="outside lower center", ncols=3, frameon=False)
    words.explain(figure, "annotated", "95 % interval")
    axes.grid(axis="x", color=PALE)
    axes.set_axisbelow(True)
    most, none = table.loc[table["rate"].iloc[:-1].idxmax()], table.iloc[-1]
    named = f"The most frequent kind of errors is “{most['kind']}”, {most['rate']:.0f} per 100 videos"
    style.headline(figure, f"{named}; {none['rate']:.0f} are of none of the four kinds")
    return figure


@styled
def against_truth(rows: Sequence[dict]) -> Figure:
    """How much better the same scores are against the truth than against the annotation, with paired differences.

    rows: of `errors.against_truth`. Only the differences have intervals: those of a resampled macro mAP are too high.
    """
    table = pd.DataFrame(rows).pivot(index="metric", columns="against")
    figure = Figure((0.85 * WIDTH, 4), layout="constrained")
    axes, values, difference = figure.subplots(), table["value"], "truth − annotated"
    axes.hlines(range(len(table)), values["annotated"], values["truth"], color=INK, linewidth=1.5)
    for name, label in (("annotated", "by the annotator's labels"), ("truth", "by what really happens")):
        look = {"markersize": 13, "markeredgecolor": INK, "label": f"judged {label}"}
        axes.plot(values[name], range(len(table)), AGAINST[name][1], color=AGAINST[name][0], **look)
    for place, metric in enumerate(table.index):
        more, low, high = (table.loc[metric, (column, difference)] for column in ("value", "low", "high"))
        text = f"{more:+.1f} points\n(95 % interval {low:+.1f} to {high:+.1f})".replace("-", "−")
        axes.annotate(text, (values.loc[metric, ["annotated", "truth"]].max(), place), (14, 0), va="center",
                      textcoords="offset points", fontsize=12)  # fmt: skip
    axes.set(yticks=range(len(table)), yticklabels=[words.AVERAGED[metric] for metric in table.index], xlim=(0, 115))
    axes.set(ylim=(len(table) - 0.4, -0.6), xticks=range(0, 101, 20), xlabel=words.MAP)
    axes.grid(axis="x", color=PALE)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    words.explain(figure, "mAP", "annotated", "95 % interval")
    ends = zip(values[difference], table["low"][difference], table["high"][difference], strict=True)
    unsure = " (an interval that includes 0)"
    told = listed(f"{more:+.1f}{unsure * (low <= 0 <= high)}".replace("-", "−") for more, low, high in ends)
    verb = "is higher by" if (values[difference] > 0).all() else "changes by"
    style.headline(figure, f"Judged by what really happens, the mAP of the same scores {verb} {told} points")
    return figure


@styled
def confusions(matrix: np.ndarray, names: Sequence[str], missed: np.ndarray, *, most: int = 7) -> Figure:
    """Confusions: matrix (C, C) of `errors.confusions`; missed: (C,), how often each behaviour was missed.

    The title tells the largest share of the first row.
    """
    rows = [c for c in np.argsort(-missed, kind="stable")[:most] if missed[c]]
    columns = [
        c for c in np.argsort(-(matrix * missed[:, None]).sum(axis=0), kind="stable")[:most] if matrix[:, c].any()
    ]
    figure = Figure((WIDTH, 0.42 * max(len(rows), 2) + 3.5), layout="constrained")
    axes = figure.subplots()
    data = 100 * matrix[np.ix_(rows, columns)]
    labels = {"xticklabels": [names[c] for c in columns], "yticklabels": [f"{names[c]}  ({missed[c]})" for c in rows]}
    numbers = np.where(data > 0, np.char.mod("%.0f %%", data), "")
    sns.heatmap(data, ax=axes, cmap="Blues", vmin=0, vmax=160,  # pale enough for dark numbers
                annot=numbers, fmt="", linewidths=1,
                annot_kws={"fontsize": 13, "color": INK}, cbar=False, **labels)  # fmt: skip
    axes.set(xlabel="… this is predicted, though not annotated (share of the row's videos; empty: in none)")
    part = f", the {len(rows)} missed most" if len(rows) < (missed > 0).sum() else ""
    axes.set(ylabel=f"where this is missed\n(in how many videos{part}) …")
    axes.set_xticklabels(axes.get_xticklabels(), rotation=35, ha="right", rotation_mode="anchor")
    most = data[0].max()
    instead = f"{names[columns[int(data[0].argmax())]]}, in {most:.0f} % of these videos" if most else "nothing"
    words.explain(figure, "annotated", "missed")
    style.headline(figure, f"{names[rows[0]]} is missed most often; predicted there, but not annotated: {instead}")
    return figure


@styled
def fixes(table: pd.DataFrame, *, reference: str) -> Figure:
    """Difference in errors of each kind from the run `reference`: schemes, then modalities; significant ones filled.

    table: rows of `errors.differences` of all runs, with scheme and modality. The last kind, errors of no kind, has an
    axis of its own, because it is much more frequent.
    """
    parts = {f"{words.CHOICES['scheme']}\n(frames alone)": (table[table["modality"] == "rgb"], "scheme", SCHEME_COLORS)}
    parts[f"{words.CHOICES['modality']}\n(sparse)"] = (table[table["scheme"] == "sparse"], "modality", MODALITY_COLORS)
    order, than = list(dict.fromkeys(table["kind"])), _input(*reference.split()[:2])
    figure = Figure((WIDTH, 0.85 * len(order) + 4.1), layout="constrained")
    panels = figure.subplots(2, 2, sharey="row", sharex="row", height_ratios=[max(len(order) - 1, 1), 1])
    keys = []
    for pair, (title, (rows, by, colors)) in zip(panels.T, parts.items(), strict=True):
        rows = rows[rows["run"] != reference]
        present = [name for name in colors if name in set(rows[by])]
        for axes, kinds in zip(pair, (order[:-1], order[-1:]), strict=True):
            for k, (name, marker) in enumerate(zip(present, "sDo", strict=False)):
                part = rows[(rows[by] == name) & rows["kind"].isin(kinds)]
                _differences(axes, part, kinds, marker, colors[name], 0.26 * (k - (len(present) - 1) / 2))
            axes.axvline(0, color=INK, linewidth=1.5)
            names = [words.error(kind) for kind in kinds]
            axes.set(yticks=range(len(kinds)), yticklabels=names, ylim=(len(kinds) - 0.5, -0.5))
            axes.grid(axis="x", color=PALE)
        pair[0].set(title=title, xlabel=f"more or fewer (−) errors\nper 100 videos than\n{than}")
        pair[1].set_xlabel("more or fewer (−) errors\nper 100 videos;\na scale of its own")
        look = {"ls": "", "ms": 11}
        keys += [Line2D([], [], color=colors[n], marker=m, label=words.INPUTS.get(n, n), **look)
                 for n, m in zip(present, "sDo")]  # fmt: skip
    grey = {"color": SHADE, "marker": "o", "markeredgewidth": 2, "ls": "", "ms": 11}
    keys += [Line2D([], [], label="filled: the 95 % interval (bar) excludes 0", **grey)]
    keys += [Line2D([], [], markerfacecolor="white", label="empty: it includes 0, perhaps no difference", **grey)]
    figure.legend(handles=keys, loc="outside lower center", ncols=3, frameon=False)
    words.explain(figure, "annotated", "95 % interval", "dense, semi-dense, sparse")
    shown = table[(table["run"] != reference) & ((table["modality"] == "rgb") | (table["scheme"] == "sparse"))]
    style.headline(figure, _changed(shown, than))
    return figure


def _changed(table: pd.DataFrame, than: str) -> str:
    """Which run has the largest significant decrease in a kind of errors, and in which kinds it has fewer and more."""
    sure = table[_is_significant(table)]
    if not (sure["more"] < 0).any():
        return f"Compared with {than}, no run makes significantly fewer errors of any kind"
    best = sure.loc[sure["more"].idxmin()]
    mine = sure[sure["run"] == best["run"]]
    called = _input(best["scheme"], best["modality"])
    kind = "no named kind" if best["kind"] == words.NONE else f"the kind “{best['kind']}”"
    found = f"{called} make {-best['more']:.0f} fewer errors of {kind} per 100 videos"
    worse = f", but more of {listed(mine['kind'][mine['more'] > 0])}" if (mine["more"] > 0).any() else ""
    return f"Compared with {than}, {found}{worse}"


def _input(scheme: str, modality: str) -> str:
    """What a run gets, in words."""
    return f"{words.INPUTS[modality]} ({scheme})"


def _differences(axes, part: pd.DataFrame, kinds: Sequence[str], marker: str, color: str, aside: float) -> None:
    """Differences of one run with their intervals and values, `aside` of the rows of their kinds."""
    place = np.array([kinds.index(kind) for kind in part["kind"]]) + aside
    sure = _is_significant(part).to_numpy()
    axes.hlines(place, part["more_low"], part["more_high"], color=color, linewidth=3)
    for mask, face in ((sure, color), (~sure, "white")):
        look = {"color": color, "markerfacecolor": face, "markeredgewidth": 2, "markersize": 11}
        axes.plot(part["more"][mask], place[mask], marker, **look)
    for y, more in zip(place, part["more"], strict=True):
        text = f"{more:+.0f}".replace("-", "−") if abs(more) >= 0.5 else "0"
        axes.text(1.01, y, text, va="center", fontsize=11, transform=axes.get_yaxis_transform())


def _is_significant(table: pd.DataFrame) -> pd.Series:
    return (table["more_low"] > 0) | (table["more_high"] < 0)
