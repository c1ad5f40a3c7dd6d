"""A copy of a video with what the model says drawn into it: H.264, the same frames at the same times, without sound.

A video and its ethogram in, a video file out; one frame at a time, so any length takes the same memory.
"""

from fractions import Fraction
from pathlib import Path

import av
import cv2
import numpy as np

from amc import video
from amc.ethogram.record import Ethogram
from amc.paths import atomic

INK, SHADOW, STAMP = (255, 255, 255), (0, 0, 0), (255, 90, 90)  # RGB
TICKS = 90_000  # a second, the clock of MPEG: the times of any frame rate are exact to 11 microseconds
FONT = cv2.FONT_HERSHEY_SIMPLEX


def write(source: Path | str, shown: Ethogram, path: Path, *, max_side: int = 0) -> Path:
    """Draw time, frame index and the behaviours of each frame with their probabilities, the stamp below.

    max_side: pixels; larger videos are made smaller, 0 keeps their size. Raises AmcError where the source cannot be
    read to its end or the copy cannot be written, and leaves no half of it.
    """
    info = video.probe(source)
    ratio = min(1.0, max_side / max(info.width, info.height)) if max_side else 1.0
    width, height = (max(2, round(side * ratio / 2) * 2) for side in (info.width, info.height))  # H.264 wants it even
    with atomic(path) as temporary, av.open(str(temporary), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(shown.fps).limit_denominator(1001))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, TICKS)
        stream.codec_context.options = {"crf": "23", "preset": "veryfast"}
        for numbers, frames in video.stream(source, range(info.num_frames)):
            for number, frame in zip(numbers, frames.permute(0, 2, 3, 1).numpy(), strict=True):
                drawn = av.VideoFrame.from_ndarray(_draw(frame, shown, number, (width, height)), format="rgb24")
                drawn.pts, drawn.time_base = round(shown.edges[number] * TICKS), Fraction(1, TICKS)
                container.mux(stream.encode(drawn))
        container.mux(stream.encode())
    return path


def _draw(frame: np.ndarray, shown: Ethogram, number: int, size: tuple[int, int]) -> np.ndarray:
    """One frame (H, W, 3) RGB at `size`, with its lines of text."""
    picture = cv2.resize(np.ascontiguousarray(frame), size, interpolation=cv2.INTER_AREA)
    scale = max(size[1], 120) / 720
    going = [(f"{shown.names[c]} {shown.probs[number, c]:.2f}", INK) for c in np.flatnonzero(shown.frames[number])]
    lines = [(f"{shown.edges[number]:.3f} s, frame {number}", INK), *going]
    for k, (text, color) in enumerate(lines):
        _text(picture, text, (round(12 * scale) + 2, round((k + 1) * 32 * scale) + 6), scale, color)
    if shown.unlike is not None and shown.unlike[number]:
        _text(picture, "unlike training", (round(12 * scale) + 2, size[1] - round(44 * scale)), scale, STAMP)
    if shown.stamp:
        _text(picture, shown.stamp, (round(12 * scale) + 2, size[1] - round(14 * scale) - 2), scale * 0.8, STAMP)
    return picture


def _text(picture: np.ndarray, text: str, at: tuple[int, int], scale: float, color: tuple[int, int, int]) -> None:
    plain = text.encode("ascii", "replace").decode()  # the font knows no other letters
    for ink, extra in ((SHADOW, 3), (color, 1)):
        cv2.putText(picture, plain, at, FONT, scale, ink, max(1, round(extra * scale + 0.5)), cv2.LINE_AA)
