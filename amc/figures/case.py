"""One clip with everything known about it: its film, its truth, the frames and scores of each classifier.

Arrays in, a matplotlib Figure out.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from amc.figures import style, words
from amc.figures.style import INK, MODEL, SHADE, WIDTH, styled

HAPPENS = 0.35  # opacity of the time in which a behaviour happens
LABELS = (  # of a behaviour without a verdict, by 2 × annotated + predicted
    "neither annotated nor predicted",
    "PREDICTED (not annotated)",
    "MISSED (annotated, not predicted)",
    "found (annotated and predicted)",
)


@dataclass(frozen=True)
class Case:
    """A clip and its errors; times are in frames, 0 to num_frames."""

    num_frames: int
    fps: float
    frames: np.ndarray  # (M, P), frames of each classifier
    probs: np.ndarray  # (M, C) of the behaviours to show
    names: Sequence[str]  # (C,)
    written: np.ndarray  # (C,) bool
    predicted: np.ndarray  # (C,) bool
    threshold: np.ndarray  # (C,)
    truth: np.ndarray | None = None  # (num_frames, C) bool
    film: np.ndarray | None = None  # uint8 (K, H, W, 3) or (K, 3, H, W), of K equal parts of the clip
    verdicts: Sequence[str] = ()  # (C,) on each error, in words; "" if there is none


@styled
def case(shown: Case, *, title: str, kind: str = "") -> Figure:
    """One clip over one time axis: its film, and one row per behaviour with truth, prediction and scores.

    Left: each mark is a frame that a classifier sees, in the classifier's row. Right: each bar is the score of one
    classifier for all its frames; the last bar is the mean of all scores. kind: of errors, explained below.
    """
    strips = [] if shown.film is None else [shown.film]
    heights = [WIDTH * 0.72 / len(strip) for strip in strips]
    heights += [max(0.8, 0.2 * (len(shown.probs) + 1))] * len(shown.names)
    figure = Figure((WIDTH, sum(heights) + 0.35 * len(shown.names) + 2.6), layout="constrained")
    shape = {"height_ratios": heights, "width_ratios": [6, 1]}
    panels, bars = figure.subplots(len(heights), 2, sharex="col", squeeze=False, **shape).T
    for axes, empty, strip in zip(panels, bars, strips, strict=False):
        _strip(axes, strip, shown.num_frames)
        empty.axis("off")
    for c, (axes, right) in enumerate(zip(panels[len(strips) :], bars[len(strips) :], strict=True)):
        _behaviour(axes, right, shown, c)
    panels[-1].set_xlim(0, shown.num_frames)
    if np.isfinite(shown.fps):
        panels[-1].xaxis.set_major_formatter(lambda frame, _: f"{frame / shown.fps:.3g}")
        panels[-1].set_xticks(np.arange(0, shown.num_frames / shown.fps, 1) * shown.fps)
    panels[-1].set_xlabel("time, s" if np.isfinite(shown.fps) else "frame")
    bars[-1].set(xlim=(0, 1), xticks=[0, 0.5, 1], xticklabels=["0", "½", "1"], xlabel="score\n(probability)")
    keys = [Patch(color=SHADE, alpha=HAPPENS, label="when it really happens")] * (shown.truth is not None)
    keys += [
        Line2D(
            [],
            [],
            color=INK,
            marker="|",
            ls="",
            markersize=9,
            markeredgewidth=2,
            label="frame that the classifier sees",
        )
    ]
    keys += [Patch(color=SHADE, label="score of one classifier"), Patch(color=MODEL, label="mean score")]
    predicted = f"threshold: predicted from {shown.threshold[0]:.2g} on"
    keys += [Line2D([], [], color=INK, linestyle="--", label=predicted)]
    figure.legend(handles=keys, loc="outside lower center", ncols=3, frameon=False, columnspacing=1.2)
    words.explain(figure, "classifier", "annotated")
    if kind:
        below = figure.legends[0].get_title()
        below.set_text(f"kind of errors: {kind} ({words.ERRORS[kind]})\n{below.get_text()}")
    style.headline(figure, title)
    return figure


def _strip(axes, strip: np.ndarray, num_frames: int) -> None:
    edges = np.linspace(0, num_frames, len(strip) + 1)
    for picture, start, stop in zip(style.pictures(strip), edges, edges[1:], strict=False):
        axes.imshow(picture, extent=(start, stop, 0, 1), aspect="auto", interpolation="hanning")
    axes.vlines(edges[1:-1], 0, 1, color=SHADE, linewidth=1)
    axes.set(yticks=[0.5], yticklabels=["film"], ylim=(0, 1))
    axes.tick_params(length=0, labelbottom=False)
    axes.spines[:].set_visible(True)


def _behaviour(axes, right, shown: Case, c: int) -> None:
    """One row of a case: where the behaviour happens, which frames each classifier sees, and its score."""
    if shown.truth is not None:
        changes = np.flatnonzero(np.diff(np.pad(shown.truth[:, c].astype(int), 1)))
        for start, stop in changes.reshape(-1, 2):
            axes.axvspan(start, stop, color=SHADE, alpha=HAPPENS, linewidth=0)
    classifiers = np.arange(len(shown.probs))
    for m, row in enumerate(shown.frames):
        axes.plot(row + 0.5, np.full(len(row), m), "|", color=INK, markersize=9, markeredgewidth=2)
    right.barh(classifiers, shown.probs[:, c], 0.7, color=SHADE)
    right.barh(len(classifiers), shown.probs[:, c].mean(), 0.8, color=MODEL)
    right.axvline(shown.threshold[c], color=INK, linestyle="--", linewidth=1)
    label = LABELS[2 * int(shown.written[c]) + int(shown.predicted[c])]
    verdict = shown.verdicts[c] if len(shown.verdicts) else ""
    step = 1 + len(classifiers) // 6  # so that the numbers do not overlap
    axes.set(yticks=classifiers[::step], ylabel="classifier" if c == 0 else "")
    axes.set_yticklabels(classifiers[::step] + 1, fontsize=11)
    right.set(yticks=[len(classifiers)], yticklabels=["mean"])
    right.tick_params(axis="y", length=0, labelsize=12)
    for panel in (axes, right):
        panel.set_ylim(len(classifiers) + 0.6, -0.6)
    axes.set_title(f"{shown.names[c]}: {verdict or label}", loc="left", fontsize=12.5, pad=3)
