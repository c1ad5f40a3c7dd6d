"""Animals and behaviours held out from training (notebook 09): rows in, matplotlib Figures out."""

from collections.abc import Sequence

import numpy as np
from matplotlib.figure import Figure

from amc.figures.style import INK, MODEL, PALE, SHADE, WIDTH, styled

GROUP_LOOKS = {"known animals": ("o", INK), "new animals": ("s", "white")}
SYSTEM_LOOKS = {  # marker, face, size, offset from the middle of the row: distinct without colour
    "trained on it": ("o", INK, 11, -0.18),
    "held out": ("s", MODEL, 10, 0),
    "untrained": ("^", "white", 10, 0.18),
    "chance": ("|", SHADE, 14, 0),
}


@styled
def animals(rows: Sequence[dict]) -> Figure:
    """Macro mAP of known and of new animals, one line per system. rows: as `companion.unseen.by_animal`, percent."""
    names = list(dict.fromkeys(row["system"] for row in rows))
    figure = Figure((WIDTH, 1.8 + 0.8 * len(names)), layout="constrained")
    axes = figure.subplots()
    for row in rows:
        marker, face = GROUP_LOOKS[row["group"]]
        place = names.index(row["system"]) + 0.18 * (1 if row["group"] == "new animals" else -1)
        axes.plot([row["low"], row["high"]], [place] * 2, color=INK, linewidth=2)
        label = f"{row['group']}: {row['videos']} videos" if row["system"] == names[0] else None
        axes.plot(
            row["macro"], place, marker, color=face, markeredgecolor=INK, markersize=11, label=label, linestyle=""
        )
    axes.set(yticks=range(len(names)), yticklabels=names, ylim=(len(names) - 0.4, -0.6), xlim=(0, None))
    axes.set(xlabel=f"macro mAP over the {rows[0]['behaviours']} behaviours of both groups, %, 95 % interval")
    axes.set_title("Known and new animals")
    axes.grid(axis="x", color=PALE)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=len(GROUP_LOOKS), frameon=False)
    return figure


@styled
def behaviours(rows: Sequence[dict]) -> Figure:
    """AP of each held-out behaviour by three systems (trained on it, without it, untrained), with chance.

    rows: as the second of `companion.unseen.by_name`, percent; the easiest by name first.
    """
    rows = sorted(rows, key=lambda row: -row["held out"])
    figure = Figure((WIDTH, 2 + 0.5 * len(rows)), layout="constrained")
    axes, places = figure.subplots(), np.arange(len(rows))
    ends = np.array([[row[name] for name in SYSTEM_LOOKS] for row in rows])
    axes.hlines(places, ends.min(axis=1), ends.max(axis=1), color=PALE, linewidth=3, zorder=1)
    for name, (marker, face, size, aside) in SYSTEM_LOOKS.items():
        values, look = [row[name] for row in rows], {"markeredgecolor": INK, "markersize": size, "linestyle": ""}
        axes.plot(values, places + aside, marker, color=face, label=name, zorder=3, **look)
    labels = [f"{row['behaviour']} ({row['videos']})" for row in rows]
    axes.set(yticks=places, yticklabels=labels, ylim=(len(rows) - 0.5, -0.5), xlim=(0, 103))
    axes.set(xlabel="average precision, % (in brackets: number of test videos)")
    axes.set_title("Behaviours held out from training")
    axes.grid(axis="x", color=PALE)
    axes.set_axisbelow(True)
    figure.legend(loc="outside lower center", ncols=len(SYSTEM_LOOKS), frameon=False)
    return figure
