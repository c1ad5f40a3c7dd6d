"""One clip from its frames to its scores: film strips, time lines, scores, key frames.

Arrays in, matplotlib Figures out. Pictures may have their channels first or last.
"""

import math
import textwrap
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from amc.base.errors import AmcError
from amc.base.wording import listed
from amc.figures import style, words
from amc.figures.style import INK, MODEL, PALE, SHADE, TRUTH, WARNING, WIDTH, styled
from amc.figures.windows import keys, limits, looks
from amc.sampling import Window

AGAIN = {"color": INK, "linewidth": 1.2, "marker": "o", "markersize": 8, "markerfacecolor": "white"}


@styled
def film_strip(
    frames: np.ndarray,
    captions: Sequence[str],
    *,
    title: str = "",
    columns: int = 8,
    key: style.Key | None = None,
    terms: Sequence[str] = (),
    note: str = "",
) -> Figure:
    """Pictures in reading order, `columns` to a row, with a caption under each.

    frames: uint8 (T, H, W, 3) or (T, 3, H, W); key: to the colours of flow among them; terms: of `words.MEANINGS`,
    explained below, as is `note`. Raises AmcError.
    """
    pictures = style.pictures(frames)
    if len(captions) != len(pictures):
        raise AmcError(f"captions: {len(captions)}, but {len(pictures)} frames; give one for each")
    columns = min(columns, len(pictures))
    rows = math.ceil(len(pictures) / columns)
    side = WIDTH / max(columns, 4)  # inches; limits the size of a few pictures
    height = rows * (side * pictures.shape[1] / pictures.shape[2] + 0.25 * (1 + captions[0].count("\n")))
    lines = len(terms) + math.ceil(len(note) / (9 * side * columns))
    figure = Figure((side * columns, height + (0.4 if title else 0) + 0.25 * lines), layout="constrained")
    figure.get_layout_engine().set(w_pad=0.03, h_pad=0.03, wspace=0, hspace=0)
    panels = figure.subplots(rows, columns, squeeze=False).ravel()
    for axes, picture, caption in zip(panels, pictures, captions, strict=False):
        style.image(axes, picture)
        axes.set_anchor("N")
        axes.set_xlabel(caption, fontsize=12, labelpad=3)
    for axes in panels[len(pictures) :]:
        axes.axis("off")
    if key:
        style.key(panels[columns - 1], key)
    if title:
        style.headline(figure, title)
    if terms:
        words.explain(figure, *terms)
    if note:
        words.note(figure, note)
    return figure


def interleaved(
    slots: np.ndarray,
    indices: Sequence[int],
    *,
    modality: str = "rgb+flow",
    title: str = "",
    key: style.Key | None = None,
) -> Figure:
    """The model's input: I₁ F₁ I₂ F₂ …, each slot with its name and the index of its frame in the video.

    slots: uint8 pictures of one clip, T of them; indices: its P frames; title: by default the number of slots and what
    they hold; key: to the colours of its flow.
    """
    letters = [(letter, name) for letter, name in (("I", "rgb"), ("F", "flow")) if name in modality]
    kinds = [(style.slot(letter, p + 1), index, name) for p, index in enumerate(indices) for letter, name in letters]
    captions = [f"{slot}: {'picture' if name == 'rgb' else 'motion'}\nframe {index}" for slot, index, name in kinds]
    hold = {"rgb": "frames", "flow": "pictures of motion"}
    both = f"{len(indices)} frames of a video, each followed by a picture of its motion"
    title = title or f"The model gets {hold.get(modality) or both}"
    key = key if "flow" in modality else None
    return film_strip(slots, captions, title=title, key=key, terms=["I, F"] if key else ())


@styled
def timeline(
    windows: Sequence[Window],
    *,
    num_frames: int,
    fps: float,
    scheme: str,
    events: Sequence[tuple[str, float, float]] = (),
) -> Figure:
    """What each classifier sees: its window, its context if it sees any, its frames; below, the true events.

    windows: of `sampling.plan`; fps: nan leaves out the axis in seconds; events: (behaviour, start, stop) in frames.
    The title counts the frames that are seen; circles on a line mark a frame that several classifiers see.
    """
    names = list(dict.fromkeys(name for name, _, _ in events))
    rows = [f"classifier {m + 1}" for m in range(len(windows))] + names
    figure = Figure((WIDTH, 2.3 + 0.42 * len(rows)), layout="constrained")
    axes = figure.subplots()
    for y, window in enumerate(windows):
        looks(axes, y, window, scheme)
    marks = Counter(frame for window in windows for frame in window.frames)
    again = {frame: count for frame, count in marks.items() if count > 1}
    for frame in again:
        places = [y for y, window in enumerate(windows) if frame in window.frames]
        axes.plot([frame + 0.5] * len(places), places, **AGAIN)
    for name, start, stop in events:
        axes.barh(len(windows) + names.index(name), stop - start, 0.5, start, color=SHADE, linewidth=0)
    axes.set(yticks=range(len(rows)), yticklabels=rows, ylim=(len(rows) - 0.4, -0.6), xlim=limits(num_frames))
    axes.set_xlabel("frame")
    if math.isfinite(fps):
        axes.secondary_xaxis("top", functions=(lambda x: x / fps, lambda x: x * fps)).set_xlabel("time, s")
    handles = keys({scheme: windows})
    handles += [Line2D([], [], **AGAIN, label="the same frame")] * bool(again)
    handles += [Patch(color=SHADE, label="when it really happens")] * bool(events)
    figure.legend(handles=handles, loc="outside lower center", ncols=4, frameon=False)
    share = f"{len(marks)} of {num_frames} frames ({100 * len(marks) / num_frames:.0f} %)"
    share += f", {len(again)}~of~them~{_often(again.values())}".replace("~", "\N{NO-BREAK SPACE}") if again else ""
    style.headline(figure, f"{len(windows)} classifiers together see {share}; {words.SCHEMES[scheme]}")
    words.explain(figure, "classifier")
    return figure


def _often(counts: Iterable[int]) -> str:
    """Several counts in words: `twice`, if each is 2."""
    least, most = min(counts), max(counts)
    often = "twice" if least == 2 else f"{least} times"
    return often if least == most else f"{often} or more"


@styled
def scores(
    values: np.ndarray,
    names: Sequence[str],
    *,
    truth: np.ndarray | None = None,
    threshold: float | None = None,
    top: int = 8,
    label: str = "score: probability that the model gives to a behaviour",
    when: str = "",
) -> Figure:
    """The `top` behaviours of one video: each classifier's score, their mean, and which reach the threshold.

    values: (M, C); truth: (C,) bool, annotated labels, ticked and always shown, even with low scores; when: begins the
    title, such as `Before training`, which tells what is predicted or, without a threshold, how the labels rank.
    """
    values, truth = np.asarray(values, float), np.zeros(len(names), bool) if truth is None else np.asarray(truth, bool)
    means = values.mean(axis=0)
    order = [c for rank, c in enumerate(np.argsort(-means, kind="stable")) if rank < top or truth[c]]
    figure = Figure((WIDTH * 0.8, 2.8 + 0.4 * len(order)), layout="constrained")
    axes, color = figure.subplots(), MODEL
    for y, c in enumerate(order):
        is_predicted = threshold is None or means[c] >= threshold
        axes.plot(values[:, c], np.full(len(values), y), "|", color=INK, markersize=15, markeredgewidth=2, zorder=3)
        axes.plot(means[c], y, "o", color=color, markersize=12, markerfacecolor=color if is_predicted else "white")
        if truth[c]:
            axes.axhspan(y - 0.46, y + 0.46, color=PALE, linewidth=0, zorder=0)
    keys = [Line2D([], [], color=INK, marker="|", markersize=13, markeredgewidth=2, ls="", label="one classifier")]
    mean = "mean of all" if threshold is None else "mean (filled: predicted)"
    keys += [Line2D([], [], color=color, marker="o", markersize=11, ls="", label=mean)]
    keys += [Patch(color=PALE, label="✓ annotated")] * bool(truth.any())
    if threshold is not None:
        axes.axvline(threshold, color=INK, linestyle="--", linewidth=1.5)
        keys += [Line2D([], [], color=INK, linestyle="--", label=f"threshold: predicted from {threshold:.2g} on")]
    labels = [f"✓ {names[c]}" if truth[c] else names[c] for c in order]
    axes.set(yticks=range(len(order)), yticklabels=labels, ylim=(len(order) - 0.5, -0.5), xlabel=label)
    axes.set_xlim(left=min(0, axes.get_xlim()[0]))
    if len(order) < len(names):
        also = ", and all that are annotated" if len(order) > top else ""
        axes.set_title(
            f"the {top} of {len(names)} names that {'fit best' if threshold is None else 'score highest'}{also}"
        )
    columns = 3 if threshold is None else 2
    figure.legend(handles=keys, loc="outside lower center", ncols=columns, frameon=False, columnspacing=1.2)
    words.explain(figure, "classifier", *["annotated"] * bool(truth.any()))
    style.headline(figure, (f"{when}: " if when else "") + _scored(means, names, truth, threshold))
    return figure


def _scored(means: np.ndarray, names: Sequence[str], truth: np.ndarray, threshold: float | None) -> str:
    """What mean scores (C,) say of a video, beside its annotated labels if there are any."""
    annotated = [names[c] for c in np.flatnonzero(truth)]
    if threshold is None:
        ranks = [f"{1 + (means > means[c]).sum()} ({names[c]})" for c in np.flatnonzero(truth)]
        found = f"the right ones rank {listed(ranks)}" if ranks else f"{names[int(means.argmax())]} fits the video best"
        return f"of {len(names)} names of behaviours {found}"
    predicted = [names[c] for c in np.flatnonzero(means >= threshold)]
    if predicted == annotated:
        return f"{listed(predicted)} predicted, exactly as annotated"
    return f"{listed(predicted)} predicted" + (f", annotated {listed(annotated)}" if annotated else "")


@styled
def key_frames(
    frames: np.ndarray,
    motion: np.ndarray,
    labels: Sequence[str],
    *,
    key: style.Key,
    stamp: str = "",
    title: str = "",
    verdicts: Sequence[str] = (),
) -> Figure:
    """Frames, such as one per bout, the label of each above, its flow below, and the key to its colours.

    frames, motion: uint8 (K, H, W, 3) or (K, 3, H, W); verdicts: below each, if known, such as `right`.
    """
    frames, motion = style.pictures(frames), style.pictures(motion)
    columns = min(len(frames), 5)
    rows = -(-len(frames) // columns)
    high = (WIDTH - 2) / max(columns, 4) * frames.shape[1] / frames.shape[2]
    below = max((verdict.count("\n") + 1 for verdict in verdicts), default=0)
    figure = Figure((WIDTH, rows * (2.2 * high + 0.6 + 0.22 * below) + 0.8), layout="constrained")
    figure.get_layout_engine().set(h_pad=0.02, w_pad=0.03, hspace=0)
    panels = figure.subplots(2 * rows, columns, squeeze=False)
    for k in range(rows * columns):
        upper, lower = (panels[2 * (k // columns) + below, k % columns] for below in (0, 1))
        if k < len(frames):
            style.image(upper, frames[k])
            style.image(lower, motion[k])
            upper.set_title(labels[k], fontsize=12)
            if verdicts:
                lower.set_xlabel(verdicts[k], fontsize=12, color=TRUTH if verdicts[k] == "right" else WARNING)
            if k % columns == 0:
                upper.set_ylabel("frame"), lower.set_ylabel("motion")
        else:
            upper.set_visible(False), lower.set_visible(False)
    style.key(panels[0, columns - 1], key, more="one colour all over:\nthe camera moves")
    told = "\n".join(["", *textwrap.wrap(stamp, 100)] if stamp else [])  # a line below the key
    figure.supxlabel(told, fontsize=12, color=WARNING)
    style.headline(figure, title)
    return figure
