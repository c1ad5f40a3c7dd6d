"""Watch a video of any length: windows slide over time, each is scored as if it were a clip of its own.

A video and an `Eye` in; probabilities and embeddings a window out. The video is decoded once, in order; a frame and
its flow are made into pictures when they pass, and forgotten when the last window that sees them has passed. A window
of the whole of a clip has the scores that `scores.predict` gives the clip.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from amc import flow, flow_color, transforms, video
from amc.base.errors import AmcError, VideoError
from amc.base.progress import SILENCE
from amc.datasets.clips import planned
from amc.ethogram import timeline
from amc.ethogram.eye import Eye

AT_ONCE = 1e6  # bytes of pictures that go through the model together; more leave the processor cache


@dataclass(frozen=True)
class Sliding:
    """Windows over time."""

    seconds: float = 2.0  # length of a window; training clips are 2 to 10 s long
    stride: float = 0.5  # seconds from one start to the next

    def __post_init__(self):
        timeline.check_windows(seconds=self.seconds, stride=self.stride)


@dataclass(frozen=True)
class Seen:
    """What was seen in W windows of a video of N frames."""

    info: video.VideoInfo
    edges: np.ndarray  # (N + 1,) seconds
    windows: tuple[timeline.Range, ...]  # W
    probs: np.ndarray  # (W, C), the mean over the classifiers (paper sec. 2)
    embeddings: np.ndarray  # (W, E), likewise

    @property
    def frame_probs(self) -> np.ndarray:
        """(N, C): the mean over the windows that hold a frame."""
        return timeline.spread(self.probs, self.windows, len(self.edges) - 1)


def watch(
    path: Path | str,
    eye: Eye,
    sliding: Sliding,
    *,
    device: str = "cpu",
    report: Callable[[str], None] | None = None,
) -> Seen:
    """Score every window of a video; `report` gets a line now and then.

    Of a video that is damaged on its way the windows before that are scored, and the notes of `info` say so. Raises
    AmcError for a video that cannot be read or whose times are not known, and for scores that are not finite.
    """
    info = video.probe(path)
    edges = timeline.edges(video.frame_times(path), info.fps)
    windows = timeline.slide(edges, seconds=sliding.seconds, stride=sliding.stride)
    parts, waiting, done = [], [], 0
    started = told = time.perf_counter()
    try:
        for done, clips in enumerate(_clips(path, eye, windows, info.num_frames, device), start=1):
            waiting.append(clips)
            if len(waiting) * clips.nbytes >= AT_ONCE:
                parts.append(_scored(eye, waiting, device))
                waiting = []
                _check_finite(path, eye, edges, windows, *parts[-1], before=done - len(parts[-1][0]))
            if report and time.perf_counter() - told > SILENCE:
                told = time.perf_counter()
                at = edges[windows[done - 1][1]]
                report(f"{at:.0f} of {edges[-1]:.0f} s watched, {at / (told - started):.1f} times real time")
    except VideoError as error:  # the windows before the damage were seen
        if error.frame is None or not done:
            raise
        windows, edges = windows[:done], edges[: windows[done - 1][1] + 1]
        info = replace(info, notes=(*info.notes, f"watched to {edges[-1]:.2f} s only: {error}"))
    if waiting:
        parts.append(_scored(eye, waiting, device))
        _check_finite(path, eye, edges, windows, *parts[-1], before=done - len(waiting))
    probs, embeddings = map(np.concatenate, zip(*parts, strict=True))
    return Seen(info, edges, windows, probs, embeddings)


def _scored(eye: Eye, clips: list[Tensor], device: str) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities (W, C) and embeddings (W, E) of W windows of M clips each, the mean over their classifiers."""
    both = eye.look(torch.stack(clips).flatten(0, 1).to(device))
    return tuple(each.unflatten(0, (len(clips), -1)).mean(dim=1).cpu().numpy() for each in both)


def _check_finite(
    path: Path | str, eye: Eye, edges: np.ndarray, windows: tuple, probs: np.ndarray, embeddings: np.ndarray, *,
    before: int,
) -> None:  # fmt: skip
    """Raise AmcError, which names the window, for scores that are no numbers: they would pass for no behaviour.
    before: how many windows come before these."""
    is_wrong = ~np.isfinite(np.column_stack([probs, embeddings]))
    if is_wrong.any():
        window, column = np.argwhere(is_wrong)[0]
        what = f"the probability of {eye.names[column]!r}" if column < len(eye.names) else "the embedding"
        start, stop = (edges[edge] for edge in windows[before + window])
        remedy = "its weights are damaged or of too low a precision: train or fetch them again"
        raise AmcError(
            f"{path}: from {start:.2f} to {stop:.2f} s {what} is not finite; the model cannot be used, {remedy}"
        )


def _clips(path: Path | str, eye: Eye, windows: tuple, num_frames: int, device: str) -> Iterator[Tensor]:
    """The M clips of each window, uint8 (M, T, 3, size, size), in order."""

    @cache  # most windows are equally long
    def plan(length: int) -> tuple[tuple[int, ...], ...]:
        return tuple(planned(length, eye.sampling))

    wanted = {start + k for start, stop in windows for row in plan(stop - start) for k in row}
    pictures: dict[int, Tensor] = {}
    made = _pictures(path, eye, wanted, num_frames, device)
    for start, stop in windows:
        rows = [[start + k for k in row] for row in plan(stop - start)]
        while any(k not in pictures for row in rows for k in row):
            pictures |= next(made)
        for passed in [k for k in pictures if k < start]:
            del pictures[passed]
        yield torch.stack([torch.cat([pictures[k] for k in row]) for row in rows])


def _pictures(
    path: Path | str, eye: Eye, wanted: set[int], num_frames: int, device: str
) -> Iterator[dict[int, Tensor]]:
    """What the model sees of each wanted frame, uint8 (1 or 2, 3, size, size): the frame, its flow, or both in turn."""
    settings, size = eye.pixels, eye.recogniser.preprocess.size
    has_flow, scale = "flow" in settings.modality, settings.max_px * size / settings.stored
    pair = {k: flow.flow_pairs([k], num_frames)[0] for k in wanted} if has_flow else {k: (k, k) for k in wanted}
    needed = sorted({k for both in pair.values() for k in both} | wanted)
    numbers, frames, newest = [], torch.empty(0), -1
    for new_numbers, new_frames in video.stream(path, needed):
        # The last frame of a part waits for its successor, which the next part brings.
        frames = torch.cat([frames[-1:], new_frames]) if numbers else new_frames
        numbers = [*numbers[-1:], *new_numbers]
        at = {number: place for place, number in enumerate(numbers)}
        ready = [k for k in numbers if k in wanted and k > newest and pair[k][0] in at and pair[k][1] in at]
        if not ready:
            continue
        newest, small = ready[-1], transforms.resize_short_side(frames, None, settings.stored)[0]
        parts = []
        if "rgb" in settings.modality:
            parts.append(transforms.eval_view(small[[at[k] for k in ready]], None, size)[0])
        if has_flow:
            source = small if min(frames.shape[-2:]) > 2 * settings.stored else frames  # as clips.PixelReader does
            first, second = (source[[at[pair[k][side]] for k in ready]].to(device) for side in (0, 1))
            weights = settings.flow_weights or None
            vectors = flow.estimate(first, second, method=settings.flow_method, weights=weights).cpu()
            vectors = transforms.resize_short_side(None, vectors, settings.stored)[1].half().float()
            vectors = transforms.eval_view(None, vectors, size)[1]
            parts.append(flow_color.render(vectors, encoding=settings.encoding, max_px=scale))
        yield dict(zip(ready, torch.stack(parts, dim=1), strict=True))
