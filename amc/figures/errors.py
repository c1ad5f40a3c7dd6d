"""Errors of a model: kinds of errors counted and compared, annotation against truth, confusions.

Rows and tables in, matplotlib Figures out.
"""

import textwrap
from collections.abc import Iterable, Sequence

import numpy as np
import pandas as pd
import seaborn as sns
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch, Rectangle

from amc.base.wording import listed
from amc.figures import style, words
from amc.figures.style import HUMAN, INK, MODALITY_COLORS, MODEL, PALE, SCHEME_COLORS, SHADE, TRUTH, WIDTH, styled

AGAINST = {"annotated": (SHADE, "s"), "truth": (TRUTH, "o")}
ENOUGH = 20  # misses, so that a share of them is worth a title
MARKERS = {"dense": "s", "semi-dense": "D", "sparse": "v", "rgb": "P", "flow": "o", "rgb+flow": "^"}


@styled
def kinds(rows: Sequence[dict]) -> Figure:
    """Errors of each kind per 100 videos with intervals; if the truth is known, divided into model's and annotator's.

    rows: of `errors.tally`, whose last counts errors of no kind and stands apart. The title tells the most frequent
    kind of the others, which are in order, and whether errors of no kind are still more frequent.
    """
    named, last = sorted(rows[:-1], key=lambda row: -row["rate"]), rows[-1]
    table = pd.DataFrame([*named, last])
    figure = Figure((WIDTH, 0.7 * len(table) + 2.7), layout="constrained")
    axes, places = figure.subplots(), np.append(np.arange(len(table) - 1), len(table) - 0.6)
    theirs = table["rate"] * table["part"].fillna(0) / 100 if "part" in table else 0 * table["rate"]
    axes.barh(places, theirs, 0.6, color=HUMAN)
    *_, none = axes.barh(places, table["rate"] - theirs, 0.6, left=theirs, color=MODEL)
    none.set(alpha=0.45, hatch="//")
    axes.axhline(places[-1] - 0.7, color=SHADE, linewidth=1)
    axes.hlines(places, table["rate_low"], table["rate_high"], color=INK, linewidth=2)
    for place, rate, high in zip(places, table["rate"], table["rate_high"], strict=True):
        axes.text(max(rate, high), place, f"  {rate:.0f}", va="center")
    axes.set(yticks=places, yticklabels=_labels(table["kind"]), ylim=(places[-1] + 0.5, -0.5))
    axes.set_xlim(0, max(1.1 * table[["rate", "rate_high"]].max(axis=None), 1))  # numbers are right of the bars
    axes.set_xlabel("errors (missed, or predicted but not annotated)\nper 100 videos; some errors are of several kinds")
    keys = [Patch(color=MODEL, label="the model is wrong" if "part" in table else "errors")]
    keys += [Patch(color=HUMAN, label="it happens, but the annotator left it out")] * ("part" in table)
    keys += [Patch(facecolor=MODEL, alpha=0.45, hatch="//", label="of no named kind")]
    keys += [Line2D([], [], color=INK, linewidth=2, label="95 % interval over videos")]
    figure.legend(handles=keys, loc="outside lower center", ncols=2, frameon=False)
    words.explain(figure, "annotated", "95 % interval")
    axes.grid(axis="x", color=PALE)
    axes.set_axisbelow(True)
    most = f"“{named[0]['kind']}” is the most frequent ({named[0]['rate']:.0f} per 100 videos)"
    title = f"Of the named kinds of errors, {most}"
    if last["rate"] > named[0]["rate"]:
        told = f"More errors are of no named kind ({last['rate']:.0f} per 100 videos) than of any named one"
        title = f"{told}; of the named kinds, {most.removesuffix(' per 100 videos)')})"
    style.headline(figure, title)
    return figure


def _labels(kinds: Iterable[str]) -> list[str]:
    """Kinds of errors with what they are, in lines short enough for the names of rows."""
    split = [words.error(kind).split("\n") for kind in kinds]
    return ["\n".join(textwrap.fill(x, len(x) // -(-len(x) // 34) + 9) for x in lines) for lines in split]


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
        text = f"{more:+.1f} points (95 % interval {low:+.1f} to {high:+.1f})".replace("-", "−")
        middle = values.loc[metric, ["annotated", "truth"]].mean().clip(25, 75)  # so that the text is within the axes
        axes.annotate(text, (middle, place), (0, 13), ha="center", textcoords="offset points", fontsize=12)
    axes.set(yticks=range(len(table)), yticklabels=[words.AVERAGED[metric] for metric in table.index])
    axes.set(xlim=(0, 100), ylim=(len(table) - 0.5, -0.7), xlabel=words.MAP)
    axes.grid(axis="x", color=PALE)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    words.explain(figure, "mAP", "annotated", "95 % interval")
    ends = zip(values[difference], table["low"][difference], table["high"][difference], strict=True)
    unsure = " (an interval that includes 0)"
    verb, sign = ("is higher by", "") if (values[difference] > 0).all() else ("changes by", "+")
    told = listed(f"{more:{sign}.1f}{unsure * (low <= 0 <= high)}".replace("-", "−") for more, low, high in ends)
    style.headline(figure, f"Judged by what really happens, the mAP of the same scores {verb} {told} points")
    return figure


@styled
def confusions(matrix: np.ndarray, names: Sequence[str], missed: np.ndarray, *, most: int = 7) -> Figure:
    """Confusions: matrix (C, C) of `errors.confusions`; missed: (C,), how often each behaviour was missed.

    The title tells the largest share, framed, among the rows of at least ENOUGH misses.
    """
    rows = [c for c in np.argsort(-missed, kind="stable")[:most] if missed[c]]
    columns = [
        c for c in np.argsort(-(matrix * missed[:, None]).sum(axis=0), kind="stable")[:most] if matrix[:, c].any()
    ]
    columns.sort(key=lambda c: rows.index(c) if c in rows else len(rows))  # in the order of the rows
    figure = Figure((WIDTH, 0.42 * max(len(rows), 2) + 3.5), layout="constrained")
    axes = figure.subplots()
    data = 100 * matrix[np.ix_(rows, columns)]
    labels = {"xticklabels": [names[c] for c in columns], "yticklabels": [f"{names[c]}  ({missed[c]})" for c in rows]}
    numbers = np.where(data > 0, np.char.mod("%.0f %%", data), "")
    sns.heatmap(data, ax=axes, cmap="Blues", vmin=0, vmax=160,  # pale enough for dark numbers
                annot=numbers, fmt="", linewidths=1,
                annot_kws={"fontsize": 13, "color": INK}, cbar=False, **labels)  # fmt: skip
    axes.set(xlabel="… the model says this, which is not annotated (share of the row's videos; empty: in none)")
    part = f", the {len(rows)} missed most" if len(rows) < (missed > 0).sum() else ""
    axes.set(ylabel=f"where this is missed\n(in how many videos{part}) …")
    axes.set_xticklabels(axes.get_xticklabels(), rotation=35, ha="right", rotation_mode="anchor")
    words.explain(figure, "annotated", "missed")
    told = np.where(missed[rows, None] >= min(ENOUGH, missed[rows[0]]), data, 0)
    row, column = np.unravel_index(told.argmax(), told.shape)
    where = f"Where {names[rows[row]]} is missed, the model most often says"
    if told.any():
        axes.add_patch(Rectangle((column, row), 1, 1, fill=False, edgecolor=INK, linewidth=3, clip_on=False))
        found = f"{names[columns[column]]}, which is not annotated ({told.max():.0f} %)"
    style.headline(figure, f"{where} {found if told.any() else 'nothing that is not annotated'}")
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
            for k, name in enumerate(present):
                part = rows[(rows[by] == name) & rows["kind"].isin(kinds)]
                _differences(axes, part, kinds, MARKERS[name], colors[name], 0.26 * (k - (len(present) - 1) / 2))
            axes.axvline(0, color=INK, linewidth=1.5)
            axes.set(yticks=range(len(kinds)), yticklabels=_labels(kinds), ylim=(len(kinds) - 0.5, -0.5))
            axes.grid(axis="x", color=PALE)
        pair[0].set_title(title)
        pair[1].set_title("a scale of its own", fontsize=12)
        look = {"ls": "", "ms": 11}
        keys += [Line2D([], [], color=colors[n], marker=MARKERS[n], label=words.INPUTS.get(n, n), **look)
                 for n in present]  # fmt: skip
    keys += [Patch(color=SHADE, label="filled: the 95 % interval (bar) excludes 0")]
    keys += [Patch(facecolor="white", edgecolor=SHADE, label="empty: it includes 0, perhaps no difference")]
    panels[0, 0].locator_params(axis="x", integer=True, nbins=7)
    panels[1, 0].set_xlabel(f"more or fewer (−) errors per 100 videos than {than}", x=1.06)  # of both panels
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
    mine = sure[(sure["run"] == best["run"]) & (sure["kind"] != best["kind"])]
    called = {kind: "other errors" if kind == words.NONE else f"“{kind}”" for kind in table["kind"]}
    told = [f"{-best['more']:.0f} fewer {called[best['kind']]} per 100 videos"]
    for word, rows in (("fewer", mine[mine["more"] < 0]), ("more", mine[mine["more"] > 0])):
        told += [f"{word} {listed(rows['kind'].map(called))}"] * (len(rows) > 0)
    is_motion_added = best["modality"] == "rgb+flow" and than == _input(best["scheme"], "rgb")
    run = _input(best["scheme"], best["modality"])
    changed = "adding motion" if is_motion_added else f"{run} instead of {than}"
    return f"{changed[0].upper()}{changed[1:]}: {', '.join(told)}"


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
