"""Which moments of videos would teach a model most: cut out, with its predictions as a BORIS project to be corrected.

    uncertain   the probability of a behaviour is near its threshold
    unlike      the moment is farther from the training clips than 95 % of the validation clips
    rare        a behaviour of few training clips may be shown

Corrected, the folder is annotation like any other: `training_clips` takes it with the videos that it lies among.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import numpy as np

from amc.base.errors import AmcError, printable
from amc.base.paths import folder, write_text
from amc.base.progress import Log
from amc.ethogram import inputs, predict
from amc.ethogram.bouts import Rules, from_frames, ordered
from amc.ethogram.evidence import FEW_CLIPS
from amc.ethogram.formats import boris_project
from amc.ethogram.predictor import VideoPredictor
from amc.ethogram.record import Ethogram
from amc.ethogram.sliding_window import WindowScores, sliding_window
from amc.ethogram.timeline import SlidingWindow
from amc.ethogram.training_clips import write_clip

CONTEXT = 1.0  # seconds before and after a window, so that a human sees where a behaviour begins
PROJECT = "suggested.boris"
REASONS = ("uncertain", "unlike", "rare")  # moments are taken from each in turn


class Moment(NamedTuple):
    """Frames start … stop - 1 of a video, and why it would teach: higher scores more, within one reason."""

    video: str
    start: int
    stop: int
    why: str
    behaviour: str  # that is uncertain or rare; empty for `unlike`
    score: float


def suggest(
    sources: Sequence[str | Path], predictor: VideoPredictor, out: Path, *, most: int, threshold: float = 0.0,
    device: str = "cpu", log: Log,
) -> list[Moment]:  # fmt: skip
    """Write the `most` moments of all videos that would teach most into `out`: clips and a project; in order of time.

    threshold: as for `predict`. Raises AmcError if `out` holds such a project, which may have been corrected, and if no
    video can be scored.
    """
    if most < 1:
        raise AmcError(f"most: {most} is no number of moments; give 1 or more")
    out = folder(out)
    if (out / PROJECT).exists():
        raise AmcError(f"{printable(out / PROJECT)}: is there already, perhaps corrected; choose another folder")
    named, notes, _ = inputs.videos(sources)
    chosen_from, predictor = predict.thresholds(predictor, threshold), predictor.to(device)
    stamps = predict.warn(predictor, list(named.values()), log)
    for note in notes:
        log(f"note: {note}")
    known, candidates = {}, []
    for name, path in named.items():
        try:
            seen = sliding_window(path, predictor, SlidingWindow(), device=device, log=log)
            known[name] = predict.ethogram(name, path, seen, predictor, chosen_from, Rules())
        except AmcError as error:
            log(f"failed: {error}")
            continue
        candidates += moments(name, seen, predictor, chosen_from)
    if not known:
        raise AmcError("videos: none could be scored; see the lines above")
    found = choose(candidates, most)
    observations = _cut(found, named, known, out)
    text = boris_project.text("suggested", observations, predictor.names, stamp="; ".join(stamps))
    write_text(out / PROJECT, text)  # last: its presence shows that all are there
    for moment in found:
        begin, end = (known[moment.video].edges[frame] for frame in (moment.start, moment.stop))
        log(f"{moment.video}, {begin:.1f} to {end:.1f} s: {moment.why} {moment.behaviour}".strip())
    log(f"{len(found)} moments of {len(known)} videos: {printable(out / PROJECT)}")
    return found


def moments(video: str, seen: WindowScores, predictor: VideoPredictor, threshold: np.ndarray) -> Iterator[Moment]:
    """Each window of a video with every reason that it has; threshold (C,)."""
    near = 1 - np.abs(seen.probs - threshold) / np.maximum(threshold, 1 - threshold)  # (W, C), 1 at the threshold
    counts = [row["training_clips"] for row in predictor.support]
    few = [c for c, count in enumerate(counts) if count is not None and count < FEW_CLIPS]
    few = few or [c for c, count in enumerate(counts) if count is not None and count == min(counts)]
    unlike = None if predictor.detector is None else predictor.detector.distance(seen.embeddings)
    for w, (start, stop) in enumerate(_wider(seen)):
        moment = partial(Moment, video, start, stop)
        c = int(near[w].argmax())
        yield moment("uncertain", predictor.names[c], float(near[w, c]))
        if unlike is not None and unlike[w] > 1:
            yield moment("unlike", "", float(unlike[w]))
        for c in few:
            yield moment("rare", predictor.names[c], float(seen.probs[w, c] / threshold[c]))


def choose(candidates: Sequence[Moment], most: int) -> list[Moment]:
    """Up to `most` moments that do not overlap, in order of video and time.

    Reasons take turns, and within a reason behaviours do; of each the moment with the highest score comes first.
    """
    waiting = {why: [moment for moment in candidates if moment.why == why] for why in REASONS}
    found: list[Moment] = []
    for why in cycle(REASONS):
        if len(found) == most or not any(waiting.values()):
            break
        counts = Counter(moment.behaviour for moment in found if moment.why == why)
        waiting[why].sort(key=lambda moment: (counts[moment.behaviour], -moment.score), reverse=True)
        while waiting[why]:
            moment = waiting[why].pop()
            if not any(_overlap(moment, other) for other in found):
                found.append(moment)
                break
    return sorted(found)


def _overlap(one: Moment, other: Moment) -> bool:
    return one.video == other.video and one.start < other.stop and other.start < one.stop


def _wider(seen: WindowScores) -> list[tuple[int, int]]:
    """The frames of each window with its context."""
    edges, count = seen.edges, len(seen.edges) - 1
    return [
        (
            int(np.searchsorted(edges, edges[start] - CONTEXT)),
            min(int(np.searchsorted(edges, edges[stop] + CONTEXT)), count),
        )
        for start, stop in seen.windows
    ]


def _cut(found: Sequence[Moment], named: dict[str, Path], known: dict[str, Ethogram], out: Path) -> dict[str, dict]:
    """Write the clip of each moment; observations of a BORIS project by name."""
    observations = {}
    for moment in found:
        shown = known[moment.video]
        name = f"{moment.video}@{shown.edges[moment.start]:.3f}s"  # as `matching.MOMENT`
        write_clip(named[moment.video], moment.start, moment.stop, out / f"{name}.mp4")
        observations[name] = _observation(shown, moment, f"{name}.mp4")
    return observations


def _observation(shown: Ethogram, moment: Moment, file: str) -> dict:
    """The parts of a video's bouts that lie in a moment, in the time of the clip that was cut."""
    bouts = ordered(from_frames(shown.frames[moment.start : moment.stop], shown.names))
    edges = np.arange(moment.stop - moment.start + 1) / shown.fps
    marks = boris_project.events(bouts, edges, stamp=shown.stamp)
    why = f"{moment.why} {moment.behaviour}".strip()
    said = ". ".join(filter(None, (why, shown.stamp)))
    return boris_project.observation(marks, float(edges[-1]), fps=shown.fps, media=file, stamp=said)
