"""Animals and behaviours held out from training (notebook 09): rows in, matplotlib Figures out."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from amc.figures import words
from amc.figures.style import INK, MODEL, PALE, SHADE, WIDTH, headline, styled

GROUP_LOOKS = {"known animals": ("o", INK), "new animals": ("s", "white")}
MEANING = {
    "trained on it": "trained on it: knows clips of it",
    "held out": "held out: the trained model knows only its name",
    "untrained": "untrained: CLIP before any training on videos",
}
SYSTEM_LOOKS = {  # marker, face, size, offset from the middle of the row: distinct without colour
    "trained on it": ("o", INK, 10, -0.23),
    "held out": ("s", MODEL, 10, 0),
    "untrained": ("^", "white", 10, 0.23),
}


@styled
def animals(rows: Sequence[dict]) -> Figure:
    """Macro mAP of known and of new animals, one line per system. rows: as `companion.unseen.by_animal`, percent.

    The title tells the difference of the first system, with an interval from those of the two groups, whose videos are
    not the same (Zou and Donner, 2008).
    """
    names = list(dict.fromkeys(row["system"] for row in rows))
    figure = Figure((WIDTH, 1.8 + 0.8 * len(names)), layout="constrained")
    axes = figure.subplots()
    for row in rows:
        marker, face = GROUP_LOOKS[row["group"]]
        place = names.index(row["system"]) + 0.18 * (1 if row["group"] == "new animals" else -1)
        axes.plot([row["low"], row["high"]], [place] * 2, color=INK, linewidth=2)
        what = " (species that training never showed)" * (row["group"] == "new animals")
        label = f"{row['group']}{what}: {row['videos']} videos" if row["system"] == names[0] else None
        axes.plot(
            row["macro"], place, marker, color=face, markeredgecolor=INK, markersize=11, label=label, linestyle=""
        )
    axes.set(
        yticks=range(len(names)),
        yticklabels=[words.method(name) for name in names],
        ylim=(len(names) - 0.4, -0.6),
        xlim=(0, None),
    )
    axes.set(
        xlabel=f"macro mAP over the {rows[0]['behaviours']} behaviours that occur in both groups, %, 95 % interval"
    )
    headline(figure, _changed(names[0], *(next(row for row in rows if row["group"] == group) for group in GROUP_LOOKS)))
    axes.grid(axis="x", color=PALE)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=len(GROUP_LOOKS), frameon=False)
    words.explain(figure, "mAP", "macro", "class frequency, species prior", "95 % interval")
    return figure


def _changed(name: str, known: dict, new: dict) -> str:
    """The difference of two groups of a system, and whether its interval includes 0."""
    more = new["macro"] - known["macro"]
    low = more - math.hypot(new["macro"] - new["low"], known["high"] - known["macro"])
    high = more + math.hypot(new["high"] - new["macro"], known["macro"] - known["low"])
    word = "too uncertain to tell" if low <= 0 <= high else "a clear drop" if more < 0 else "a clear rise"
    told = f"macro mAP {known['macro']:.0f} % on known animals, {new['macro']:.0f} % on new ones"
    return f"{name}: {told}; {word} ({more:+.0f} points, 95 % interval {low:+.0f} to {high:+.0f})".replace("-", "−")


@styled
def behaviours(rows: Sequence[dict], *, few: int = 5) -> Figure:
    """AP of each held-out behaviour by three systems (trained on it, without it, untrained), with chance.

    rows: as the second of `companion.unseen.by_name`, percent; the easiest by name first. 95 % intervals, where at
    least `few` test videos show the behaviour.
    """
    rows = sorted(rows, key=lambda row: -row["held out"])
    figure = Figure((WIDTH, 2 + 0.7 * len(rows)), layout="constrained")
    axes, places = figure.subplots(), np.arange(len(rows))
    sure = np.array([row["videos"] >= few for row in rows])
    axes.vlines(
        [row["chance"] for row in rows],
        places - 0.35,
        places + 0.35,
        color=SHADE,
        lw=2.5,
        label="chance (better: the whole line lies right of it)",
    )
    for name, (marker, face, size, aside) in SYSTEM_LOOKS.items():
        values, look = [row[name] for row in rows], {"markeredgecolor": INK, "markersize": size, "linestyle": ""}
        low, high = (np.array([row[f"{name} {end}"] for row in rows]) for end in ("low", "high"))
        axes.hlines(places[sure] + aside, low[sure], high[sure], color=INK, linewidth=1.5)
        axes.plot(values, places + aside, marker, color=face, label=MEANING[name], zorder=3, **look)
    labels = [f"{row['behaviour']} ({row['videos']}{'' if s else ': too few'})" for row, s in zip(rows, sure)]
    axes.set(yticks=places, yticklabels=labels, ylim=(len(rows) - 0.5, -0.5), xlim=(0, None))
    axes.set(xlabel="AP, %, 95 % interval (in brackets: test videos)")
    above, before = (
        sum(row[f"{name} low"] > row["chance"] for row, s in zip(rows, sure) if s) for name in ("held out", "untrained")
    )
    found = f"Of {sure.sum()} behaviours left out of training, the trained model finds {above} better than chance"
    found += f", the untrained one {before}"
    headline(
        figure, found if sure.any() else f"Fewer than {few} test videos of each held-out behaviour: too few to tell"
    )
    axes.grid(axis="x", color=PALE)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=2, frameon=False)
    words.explain(figure, "AP", "95 % interval")
    return figure
