"""Score a video of any length: windows slide over time, and each is scored as if it were a clip of its own.

A video and a `VideoPredictor` in; probabilities and embeddings per window out. An edited video is first divided into
its shots: no window, and no flow, goes over a cut. Then it is decoded in order; the slots of each frame are made on the
way, and freed after the last window that needs them. A window over a whole clip gets the same scores as the clip from
`scores.predict`.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from amc import flow, transforms, video
from amc.base.errors import AmcError, VideoError
from amc.base.progress import LOG_INTERVAL, Log
from amc.datasets.clips import motion, planned, slots
from amc.ethogram import crops, timeline
from amc.ethogram.predictor import VideoPredictor
from amc.ethogram.timeline import SlidingWindow
from amc.video import packets

BATCH_BYTES = 1e6  # bytes of pictures per batch; more do not fit into the processor cache


@dataclass(frozen=True)
class WindowScores:
    """Scores of W windows of a video of N frames."""

    info: video.VideoInfo
    edges: np.ndarray  # (N + 1,) seconds
    windows: tuple[timeline.Range, ...]  # W
    probs: np.ndarray  # (W, C), the mean over the classifiers (paper sec. 2)
    embeddings: np.ndarray  # (W, E), likewise
    cuts: tuple[int, ...] = ()  # the first frame of each shot but the first

    @property
    def frame_probs(self) -> np.ndarray:
        """(N, C): the mean over the windows that hold a frame."""
        return self.spread(self.probs)

    def spread(self, values: np.ndarray) -> np.ndarray:
        """(N, C) from values of windows (W, C): the mean over those that hold a frame; 0 outside all of them."""
        first, stop = self.windows[0][0], self.windows[-1][1]
        windows = tuple((a - first, b - first) for a, b in self.windows)
        found = timeline.spread(values, windows, stop - first)
        return np.pad(found, ((first, len(self.edges) - 1 - stop), (0, 0)))


def sliding_window(
    path: Path | str,
    predictor: VideoPredictor,
    sliding: SlidingWindow,
    *,
    crop: crops.Crop | None = None,
    device: str = "cpu",
    log: Log | None = None,
) -> WindowScores:
    """Score every window of a video, or of the animal that `crop` follows; `log` gets progress lines.

    If a video is damaged at some point, the windows before it are scored, with a note in `info`; where that is depends
    on the frames that the model looks at, as others may be damaged earlier. Raises AmcError for a video that cannot be
    read or whose times are not known, and for scores that are not finite.
    """
    info = video.probe(path)
    edges = edges_of(path)
    shots = _shots(path, crop.span(info.num_frames) if crop else (0, info.num_frames))
    windows = tuple(
        (start + first, start + last)
        for start, stop in shots
        for first, last in timeline.slide(edges[start : stop + 1], seconds=sliding.seconds, stride=sliding.stride)
    )
    stream = partial(crops.stream, path, crop=crop)
    parts, waiting, done = [], {}, 0
    started = logged = time.perf_counter()
    try:
        for done, clips in enumerate(_clips(stream, predictor, windows, shots, device), start=1):
            waiting[windows[done - 1]] = clips
            if len(waiting) * clips.nbytes >= BATCH_BYTES:
                parts.append(_scored(path, predictor, waiting, edges, device))
                waiting = {}
            if log and time.perf_counter() - logged > LOG_INTERVAL:
                logged = time.perf_counter()
                at = edges[windows[done - 1][1]]
                log(f"{at:.0f} of {edges[-1]:.0f} s done, {at / (logged - started):.1f} times real time")
    except VideoError as error:  # the windows before the damage are scored
        if error.frame is None or not done:
            raise
        windows, edges = windows[:done], edges[: windows[done - 1][1] + 1]
        says = f"scored up to {edges[-1]:.2f} s only, by the frames that this model looks at: {error}"
        info = replace(info, notes=(*info.notes, says))
    if waiting:
        parts.append(_scored(path, predictor, waiting, edges, device))
    probs, embeddings = map(np.concatenate, zip(*parts, strict=True))
    return WindowScores(info, edges, windows, probs, embeddings, tuple(start for start, _ in shots[1:]))


def edges_of(path: Path | str) -> np.ndarray:
    """`timeline.edges` of a video, (N + 1,) seconds: if it is without sound, to its own end. Raises VideoError."""
    info = video.probe(path)
    with packets.opened(str(path)) as (container, _):  # sound may last longer, and some durations are estimates
        is_measured = not container.streams.audio and container.format.name not in packets.ESTIMATED
    end = info.duration if is_measured else float("nan")
    return timeline.edges(video.frame_times(path), info.fps, end=end)


def _scored(
    path: Path | str, predictor: VideoPredictor, clips: dict[timeline.Range, Tensor], edges: np.ndarray, device: str
) -> list[np.ndarray]:
    """Probabilities (W, C) and embeddings (W, E) of W windows of M clips each, the mean over their classifiers.

    Raises AmcError, naming the window, for scores that are not finite: they would look like "no behaviour".
    """
    both = predictor.predict(torch.stack([*clips.values()]).flatten(0, 1).to(device))
    found = [each.unflatten(0, (len(clips), -1)).mean(dim=1).cpu().numpy() for each in both]
    for values in found:
        if len(wrong := np.argwhere(~np.isfinite(values))):
            start, stop = (edges[edge] for edge in [*clips][wrong[0, 0]])
            what = f"the probability of {predictor.names[wrong[0, 1]]!r}" if values is found[0] else "the embedding"
            says = f"from {start:.2f} to {stop:.2f} s {what} is not finite; the model cannot be used"
            remedy = "its weights are damaged or of too low a precision: train or fetch them again"
            raise AmcError(f"{path}: {says}, {remedy}")
    return found


def _shots(path: Path | str, seen: timeline.Range) -> tuple[timeline.Range, ...]:
    """The shots of a video, cut to the frames that are seen: start … stop - 1."""
    cut = ((max(start, seen[0]), min(stop, seen[1])) for start, stop in video.shots(path))
    return tuple((start, stop) for start, stop in cut if start < stop)


def _clips(stream: Callable, predictor: VideoPredictor, windows: tuple, shots: tuple, device: str) -> Iterator[Tensor]:
    """The M clips of each window, uint8 (M, T, 3, size, size), in order."""

    @cache  # most windows have the same length
    def plan(length: int) -> tuple[tuple[int, ...], ...]:
        return tuple(planned(length, predictor.sampling))

    wanted = {start + k for start, stop in windows for row in plan(stop - start) for k in row}
    pictures: dict[int, Tensor] = {}
    made = _slots(stream, predictor, wanted, shots, device)
    for start, stop in windows:
        rows = [[start + k for k in row] for row in plan(stop - start)]
        while any(k not in pictures for row in rows for k in row):
            pictures |= next(made)
        for passed in [k for k in pictures if k < start]:
            del pictures[passed]
        yield torch.stack([torch.cat([pictures[k] for k in row]) for row in rows])


def _slots(
    stream: Callable, predictor: VideoPredictor, wanted: set[int], shots: tuple, device: str
) -> Iterator[dict[int, Tensor]]:
    """The slots of each wanted frame, uint8 (1 or 2, 3, size, size): the frame, its flow, or both in turn."""
    settings, size = predictor.pixels, predictor.classifier.preprocess.size
    has_flow = "flow" in settings.modality
    pair = _pairs(wanted, shots) if has_flow else {k: (k, k) for k in wanted}
    needed = sorted({k for both in pair.values() for k in both} | wanted)
    numbers, frames, newest = [], torch.empty(0), -1
    for new_numbers, new_frames in stream(needed):
        # The last frame of a part is kept until its successor arrives with the next part.
        frames = torch.cat([frames[-1:], new_frames]) if numbers else new_frames
        numbers = [*numbers[-1:], *new_numbers]
        at = {number: place for place, number in enumerate(numbers)}
        ready = [k for k in numbers if k in wanted and k > newest and pair[k][0] in at and pair[k][1] in at]
        if not ready:
            continue
        newest, shown, vectors = ready[-1], None, None
        if "rgb" in settings.modality:
            shown = transforms.resize_short_side(frames[[at[k] for k in ready]], None, settings.short_side)[0]
        if has_flow:
            first, second = ([at[pair[k][side]] for k in ready] for side in (0, 1))
            vectors = motion(frames, first, second, settings, device).half().float()  # rounded as in the store
        made = slots(*transforms.eval_view(shown, vectors, size), settings)
        yield dict(zip(ready, made.unflatten(0, (len(ready), -1)), strict=True))


def _pairs(wanted: set[int], shots: tuple) -> dict[int, tuple[int, int]]:
    """The pair of frames that gives the flow of each wanted frame, within its shot."""
    found = {}
    for start, stop in shots:
        own = [k for k in range(start, stop) if k in wanted]
        pairs = flow.flow_pairs([k - start for k in own], stop - start)
        found |= {k: (start + first, start + second) for k, (first, second) in zip(own, pairs, strict=True)}
    return found
