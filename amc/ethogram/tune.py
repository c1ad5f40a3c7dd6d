"""Which window and threshold find the bouts of annotated videos best: settings for `predict`, by their bout F1.

A threshold from validation clips is right for the question whether a clip shows a behaviour, not where a bout begins
and ends. One threshold serves all behaviours: one for each is fitted to the few bouts it is chosen on. The videos must
not be ones on which the model was trained, or is measured.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from amc.base.errors import AmcError
from amc.base.progress import Log, headed
from amc.ethogram import agreement, annotations, predict
from amc.ethogram.bouts import Bout, Rules
from amc.ethogram.comparison import events_of
from amc.ethogram.events import Annotation
from amc.ethogram.predictor import VideoPredictor
from amc.ethogram.record import Ethogram
from amc.ethogram.sliding_window import sliding_window
from amc.ethogram.timeline import SlidingWindow

WINDOWS = (SlidingWindow(2.0, 0.5), SlidingWindow(1.0, 0.25))
THRESHOLDS = tuple(np.round(np.arange(0.05, 0.96, 0.05), 2).tolist())
Compared = tuple[Ethogram, Sequence[Bout]]  # of one video, and all bouts of the human in it


class Tuned(NamedTuple):
    """The settings with the highest bout F1 on V videos, and what every setting reaches."""

    sliding: SlidingWindow
    threshold: float
    bout_f1: float
    table: pd.DataFrame  # one row per window and threshold: seconds, stride, threshold, bout_f1 and its parts

    @property
    def options(self) -> str:
        """As options of `python -m amc predict`."""
        return f"--seconds {self.sliding.seconds:g} --stride {self.sliding.stride:g} --threshold {self.threshold:g}"


def tune(
    videos: Mapping[str, Path],
    predictor: VideoPredictor,
    truth: Callable[[Ethogram], Compared],
    rules: Rules,
    *,
    device: str = "cpu",
    log: Log,
) -> Tuned:
    """The best settings on videos whose bouts are known; `log` gets what is left out.

    videos: by name. truth: what an ethogram is compared with, `beside` for the annotation of a human. Raises AmcError
    if there is no bout to compare.
    """
    predictor, undecided = predictor.to(device), np.ones(len(predictor.names))
    pairs: dict[SlidingWindow, list[Compared]] = {sliding: [] for sliding in WINDOWS}
    for name, path in videos.items():
        told = headed(log, name)
        try:
            seen = [sliding_window(path, predictor, sliding, device=device, log=told) for sliding in WINDOWS]
            found = [truth(predict.ethogram(name, path, each, predictor, undecided, rules)) for each in seen]
        except AmcError as error:
            log(f"note: {name}: left out, {error}")
            continue
        for sliding, pair in zip(WINDOWS, found, strict=True):
            pairs[sliding].append(pair)
    if not any(bouts for _, bouts in pairs[WINDOWS[0]]):
        raise AmcError("tune: no bout of the model's behaviours is known in these videos; give others")
    return choose(pairs)


def beside(shown: Ethogram, human: Annotation) -> Compared:
    """An ethogram of what the human has looked for, behaviours and frames, and the human's bouts. Raises AmcError."""
    events, counted = events_of(shown, human)
    names, _ = agreement.common(shown.names, list(human.behaviours))
    at = [c for c, name in enumerate(shown.names) if name in names.values()]
    probs = shown.probs[:, at] if counted is None else shown.probs[:, at] * counted[:, None]
    lasting = [event for event in events if not event.is_point and event.behaviour in names]
    written = [replace(event, behaviour=names[event.behaviour]) for event in lasting]
    own = {"names": tuple(shown.names[c] for c in at), "threshold": shown.threshold[at], "support": None}
    return replace(shown, probs=probs, **own), annotations.bouts(written, shown.edges, counted=counted)


def choose(pairs: Mapping[SlidingWindow, Sequence[Compared]]) -> Tuned:
    """The window and threshold with the highest bout F1 over all videos; of equal ones the highest threshold."""
    rows = [
        {"seconds": sliding.seconds, "stride": sliding.stride, "threshold": threshold} | _measured(compared, threshold)
        for sliding, compared in pairs.items()
        for threshold in THRESHOLDS[::-1]
    ]
    best = max(range(len(rows)), key=lambda row: rows[row]["bout_f1"])
    sliding = SlidingWindow(rows[best]["seconds"], rows[best]["stride"])
    return Tuned(sliding, rows[best]["threshold"], rows[best]["bout_f1"], pd.DataFrame(rows))


def _measured(compared: Sequence[Compared], threshold: float) -> dict:
    """Bouts of the human, of the model and of both at one threshold, and their F1; bouts match as in `agreement`."""
    counts = {"human_bouts": 0, "model_bouts": 0, "matched": 0}
    for shown, human in compared:
        model = shown.at(threshold).bouts
        for name, count in zip(counts, (len(human), len(model), len(agreement.matched(human, model))), strict=True):
            counts[name] += count
    return counts | {"bout_f1": 2 * counts["matched"] / max(counts["human_bouts"] + counts["model_bouts"], 1)}
