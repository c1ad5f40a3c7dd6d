"""Watch a video of any length: windows slide over time, each is scored as if it were a clip of its own.

A video and an `Eye` in; probabilities and embeddings a window out. The video is decoded once, in order; a frame and
its flow are made into pictures when they pass, and forgotten when the last window that sees them has passed. A window
of the whole of a clip has the scores that `scores.predict` gives the clip.
"""

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from amc import flow, flow_color, transforms, video
from amc.datasets.clips import planned
from amc.errors import AmcError
from amc.ethogram import timeline
from amc.ethogram.eye import Eye
from amc.progress import SILENCE

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

    Raises AmcError for a video that cannot be read to its end, or whose times are not known, and where the model gives
    scores that are not finite.
    """
    info = video.probe(path)
    edges = timeline.edges(video.frame_times(path), info.fps)
    windows = timeline.slide(edges, seconds=sliding.seconds, stride=sliding.stride)
    probs, embeddings, waiting = [], [], []
    started = told = time.perf_counter()
    for done, clips in enumerate(_clips(path, eye, windows, info.num_frames, device), start=1):
        waiting.append(clips)
        if len(waiting) * clips.nbytes >= AT_ONCE or done == len(windows):
            each, video_vectors = eye.look(torch.stack(waiting).flatten(0, 1).to(device))
            probs.append(each.unflatten(0, (len(waiting), -1)).mean(dim=1).cpu().numpy())
            embeddings.append(video_vectors.unflatten(0, (len(waiting), -1)).mean(dim=1).cpu().numpy())
            _check_finite(path, eye, edges, windows[done - len(waiting) : done], probs[-1], embeddings[-1])
            waiting = []
        if report and time.perf_counter() - told > SILENCE:
            told = time.perf_counter()
            at = edges[windows[done - 1][1]]
            report(f"{at:.0f} of {edges[-1]:.0f} s watched, {at / (told - started):.1f} times real time")
    return Seen(info, edges, windows, np.concatenate(probs), np.concatenate(embeddings))


def _check_finite(
    path: Path | str, eye: Eye, edges: np.ndarray, windows: tuple, probs: np.ndarray, embeddings: np.ndarray
) -> None:
    """Raise AmcError, which names the window, for scores that are no numbers: they would pass for no behaviour."""
    is_wrong = ~np.isfinite(np.column_stack([probs, embeddings]))
    if is_wrong.any():
        window, column = np.argwhere(is_wrong)[0]
        what = f"the probability of {eye.names[column]!r}" if column < len(eye.names) else "the embedding"
        start, stop = (edges[edge] for edge in windows[window])
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
