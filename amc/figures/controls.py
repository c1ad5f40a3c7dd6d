"""What is left of each score when its input is damaged (notebooks 03 and 04): rows in, a matplotlib Figure out."""

from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from amc.base.errors import AmcError
from amc.base.wording import listed
from amc.figures import words
from amc.figures.style import INK, MODALITY_COLORS, PALE, SHADE, WIDTH, headline, styled

INTACT = "intact"
HARDLY, HALF = 0.9, 0.5  # of the margin over chance that is left: hardly anything is lost, half of it or more
LEAD = "of their lead over chance"
CHECK = "another video"  # the control that has to cost nearly all: its panel tells whether it does, not the title
ROOM = 1.85  # the width of a panel by that of its scores: on the right stands what each row keeps
APART = 0.16  # half the distance between the intact and the damaged score of one row, in rows


@styled
def what_is_left(rows: Sequence[dict]) -> Figure:
    """One panel per control: macro mAP of every row, intact and damaged, with 95 % intervals; dashed: sees no video.

    rows: as `companion.controls.measure`, percent. Beside each row stands how much of its margin over chance it keeps;
    the title tells what hardly costs most rows anything and what costs them half of it. Raises AmcError without a
    damaged row.
    """
    names = list(dict.fromkeys(row["run"] for row in rows))
    each = [[row["control"] for row in rows if row["run"] == name and row["control"] != INTACT] for name in names]
    kinds = list(dict.fromkeys(kind for found in sorted(each, key=len, reverse=True) for kind in found))  # in order
    if not kinds:
        raise AmcError("controls: no row of a damaged input to draw; give a run that sees video")
    figure = Figure((WIDTH, 3.2 + 0.62 * len(names)), layout="constrained")
    panels = figure.subplots(1, len(kinds), sharex=True, sharey=True, squeeze=False)[0]
    for axes, kind in zip(panels, kinds, strict=True):
        _panel(axes, rows, kind, names)
    labels = _called(rows, names)
    panels[0].set(yticks=range(len(names)), yticklabels=labels, ylim=(len(names) - 0.4, -0.6))
    panels[0].set_xlim(0, ROOM * max(row["map_macro_high"] for row in rows))
    for axes in panels:
        axes.set_xlabel("macro mAP, %", fontsize=12.5)
    panels[0].set_xticks([tick for tick in (0, 50, 100) if tick <= panels[0].get_xlim()[1]])
    headline(figure, f"{rows[0]['videos']} test videos: {_found(rows, kinds)}")
    modalities = [name for name in MODALITY_COLORS if name in {row["modality"] for row in rows}]
    point = {"marker": "o", "markersize": 9, "markeredgecolor": INK, "linestyle": ""}
    keys = [Line2D([], [], markerfacecolor="white", label="intact", **point)]
    for name in modalities:
        keys += [Line2D([], [], mfc=MODALITY_COLORS[name], label=f"damaged: {words.INPUTS[name]}", **point)]
    keys += [Line2D([], [], color=INK, linewidth=1.5, label="95 % interval over videos")]
    keys += [Line2D([], [], color=SHADE, linestyle="--", label="chance")]
    figure.legend(handles=keys, loc="outside lower center", ncols=3, frameon=False)
    left = [row["left"] for row in rows if row["control"] != INTACT and row["left"] is not None]
    beyond = ["below 0 %"] * any(not 0 <= round(100 * part) <= 100 for part in left)
    words.explain(figure, "%", *beyond, "mAP", "macro", words.rows(labels))
    words.note(figure, "the mAP of few videos is higher on average, so compare within this picture")
    return figure


def _is_by_method(rows: Sequence[dict]) -> bool:
    return len({row["method"] for row in rows}) > 1


def _called(rows: Sequence[dict], names: list[str]) -> list[str]:
    """The runs as names of rows: their methods if these differ, else scheme and modality; seeds if they differ."""
    first = {row["run"]: row for row in rows}
    called = []
    for name in names:
        run, _, seed = name.partition(" seed ")
        of = first[name]["method"] if _is_by_method(rows) else words.system(run).replace(", ", ",\n")
        called.append(of if len({row["seed"] for row in rows}) == 1 else f"{of}, seed {seed}")
    return called


def _found(rows: Sequence[dict], kinds: list[str]) -> str:
    """With which damage most models do as well, and which costs most of them half of their margin over chance.

    Only controls that every row has, without CHECK if there are others; those of flow are for the panels, if some rows
    get none.
    """
    left = {kind: [row["left"] for row in rows if row["control"] == kind and row["left"] is not None] for kind in kinds}
    most = max(map(len, left.values()), default=0)
    if not most:
        return "no model is above chance, so there is nothing to lose"
    parts = {kind: np.array(values) for kind, values in left.items() if len(values) == most}
    parts = {kind: part for kind, part in parts.items() if kind != CHECK} or parts
    told = _by_most({kind: part >= HARDLY for kind, part in parts.items()}, "do as well")
    told += _by_most({kind: part <= HALF for kind, part in parts.items()}, f"lose half or more {LEAD}")
    named = "; ".join(told)
    for kind, part in parts.items():
        if (damaged := words.CONTROLS[kind][1]) not in named:
            ends = " to ".join(dict.fromkeys(f"{100 * end:.0f}" for end in (part.min(), part.max())))
            told.append(f"{damaged}, {_all(most)} {_said(f'keep {ends} % {LEAD}', most)}")
    found = "; ".join(told)
    return found if most == 1 else f"of {most} models, {found}"


def _by_most(applies: dict[str, np.ndarray], verb: str) -> list[str]:
    """How many models do as well or lose much with each damage, for those with which most do, all models first."""
    found = {words.CONTROLS[kind][1]: rows for kind, rows in applies.items() if rows.mean() > 0.5}
    everyone = [what for what, rows in found.items() if rows.all()]
    many = len(next(iter(applies.values())))
    told = [f"{_all(many)} {_said(verb, many)} {listed(everyone, word='or')}"] if everyone else []
    return told + [f"{rows.sum()} {_said(verb, rows.sum())} {how}" for how, rows in found.items() if not rows.all()]


def _all(many: int) -> str:
    return f"all {many}" if many > 1 else "the model"


def _said(verb: str, many: int) -> str:
    """What models do, said of so many of them."""
    if many > 1:
        return verb
    first, _, rest = verb.partition(" ")
    return f"{'does' if first == 'do' else f'{first}s'} {rest}".replace("their", "its")


def _panel(axes: Axes, rows: Sequence[dict], kind: str, names: list[str]) -> None:
    """One control: for each row its intact score above, its damaged score below, and a line between them."""
    intact = {row["run"]: row for row in rows if row["control"] == INTACT}
    damaged = {row["run"]: row for row in rows if row["control"] == kind}
    _told_once(axes, [(place, intact[name]["modality"]) for place, name in enumerate(names) if name not in damaged])
    for place, name in enumerate(names):
        if name not in damaged:
            continue
        axes.plot([intact[name]["chance_macro"]] * 2, [place - 0.5, place + 0.5], color=SHADE, linestyle="--", zorder=1)
        both = (intact[name], place - APART, "white"), (damaged[name], place + APART, None)
        axes.plot([row["map_macro"] for row, _, _ in both], [at for _, at, _ in both], color=SHADE, linewidth=1)
        for row, at, face in both:
            axes.plot([row["map_macro_low"], row["map_macro_high"]], [at] * 2, color=INK, linewidth=1.5)
            look = {"markersize": 9, "markerfacecolor": face or MODALITY_COLORS[row["modality"]]}
            axes.plot(row["map_macro"], at, "o", markeredgecolor=INK, zorder=3, **look)
        if damaged[name]["left"] is not None:
            part = f"{round(100 * damaged[name]['left'])} %".replace("-", "−")
            axes.text(0.99, place, part, ha="right", va="center", fontsize=11, transform=axes.get_yaxis_transform())
    axes.set_title(words.CONTROLS[kind][0], fontsize=13)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color=PALE)
    axes.set_axisbelow(True)


def _told_once(axes: Axes, without: Sequence[tuple[int, str]]) -> None:
    """Write why rows have no such control, once for neighbours with the same reason: their places and modalities."""
    runs: list[list[tuple[int, str]]] = []
    for place, modality in without:
        if runs and runs[-1][-1][0] == place - 1 and runs[-1][-1][1] == modality:
            runs[-1].append((place, modality))
        else:
            runs.append([(place, modality)])
    look = {"transform": axes.get_yaxis_transform(), "ha": "center", "va": "center", "color": SHADE}
    for run in runs:
        (first, modality), (last, _) = run[0], run[-1]
        why = "the same as\nanother video" if modality != "rgb" else f"{'get' if last > first else 'gets'} no\nmotion"
        axes.text(0.5, (first + last) / 2, why, fontsize=11, **look)
        if last > first:
            ends = [first - 0.3, (first + last) / 2 - 0.5, (first + last) / 2 + 0.5, last + 0.3]
            axes.vlines([0.5, 0.5], ends[::2], ends[1::2], color=PALE, transform=axes.get_yaxis_transform(), lw=2)
