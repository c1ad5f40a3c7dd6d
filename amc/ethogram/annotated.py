"""A copy of a video with the predictions drawn into it: H.264, the same frames at the same times, without sound.

A video and its ethogram in, a video file out; one frame at a time, so memory does not grow with length.
"""

from fractions import Fraction
from functools import cache
from pathlib import Path

import av
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from amc import video
from amc.base.paths import atomic
from amc.ethogram.record import Ethogram

ENDING = "_annotated.mp4"  # of the name of such a copy
INK, SHADOW, STAMP = (255, 255, 255), (0, 0, 0), (255, 90, 90)  # RGB
TICKS = 90_000  # per second, MPEG's clock: the times of any frame rate are exact to 11 microseconds


def write(source: Path | str, shown: Ethogram, path: Path, *, max_side: int = 0) -> Path:
    """Draw time, frame index and the behaviours of each frame with their probabilities, the stamp below.

    max_side: pixels; larger videos are made smaller, 0 keeps their size. Raises AmcError if the source cannot be read
    to its end or the copy cannot be written, and leaves no partial copy.
    """
    info = video.probe(source)
    ratio = min(1.0, max_side / max(info.width, info.height)) if max_side else 1.0
    width, height = (max(2, round(side * ratio / 2) * 2) for side in (info.width, info.height))  # H.264 needs it even
    with atomic(path) as temporary, av.open(str(temporary), "w") as container:
        stream = container.add_stream("libx264", rate=Fraction(shown.fps).limit_denominator(1001))
        stream.width, stream.height, stream.pix_fmt = width, height, "yuv420p"
        stream.codec_context.time_base = Fraction(1, TICKS)
        stream.codec_context.options = {"crf": "23", "preset": "veryfast"}
        for numbers, frames in video.stream(source, range(shown.num_frames)):
            for number, frame in zip(numbers, frames.permute(0, 2, 3, 1).numpy(), strict=True):
                drawn = av.VideoFrame.from_ndarray(_draw(frame, shown, number, (width, height)), format="rgb24")
                drawn.pts, drawn.time_base = round(shown.edges[number] * TICKS), Fraction(1, TICKS)
                container.mux(stream.encode(drawn))
        container.mux(stream.encode())
    return path


def _draw(frame: np.ndarray, shown: Ethogram, number: int, size: tuple[int, int]) -> np.ndarray:
    """One frame (H, W, 3) RGB at `size`, with its lines of text."""
    picture = Image.fromarray(np.ascontiguousarray(frame)).resize(size, Image.Resampling.BILINEAR)
    draw = ImageDraw.Draw(picture)
    going = [f"{shown.names[c]} {shown.probs[number, c]:.2f}" for c in np.flatnonzero(shown.frames[number])]
    upper = [(text, INK) for text in (f"{shown.edges[number]:.3f} s, frame {number}", *going)]
    is_unlike = shown.is_out_of_distribution is not None and bool(shown.is_out_of_distribution[number])
    lower = [(text, STAMP) for text in ("unlike training" * is_unlike, shown.stamp) if text]
    font, high = _fitting(draw, [text for text, _ in upper + lower], size)
    places = [high * k for k in range(len(upper))] + [
        size[1] - high * (len(lower) - k) - high // 4 for k in range(len(lower))
    ]
    for (text, color), y in zip(upper + lower, places, strict=True):
        draw.text((high // 3, y + high // 6), text, color, font, stroke_width=max(1, high // 12), stroke_fill=SHADOW)
    return np.asarray(picture)


def _fitting(draw: ImageDraw.ImageDraw, texts: list[str], size: tuple[int, int]) -> tuple[ImageFont.ImageFont, int]:
    """A font in which all lines fit into a picture of `size`, and the line spacing, pixels."""
    points = max(11, round(size[1] / 22))
    wide = max(draw.textlength(text, _font(points)) for text in texts) + points
    tall = 1.3 * points * (len(texts) + 0.5)
    points = max(4, int(points * min(1, size[0] / wide, size[1] / tall)))
    return _font(points), round(1.3 * points)


@cache
def _font(points: int) -> ImageFont.ImageFont:
    from matplotlib.font_manager import findfont  # slow to import, and only needed for such copies

    return ImageFont.truetype(findfont("DejaVu Sans"), points)  # comes with matplotlib
