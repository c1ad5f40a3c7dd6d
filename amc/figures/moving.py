"""Moving pictures for notebooks: panels side by side in a loop that plays at once and needs no player.

Arrays in, HTML out. It holds an animated WebP, which JupyterLab shows as a picture, and a still for readers who asked
their system for less motion. Its colours are not exact, but close (a test measures it); a GIF has 256 colours at most,
too few for a colour wheel.
"""

import html
import io
import math
from base64 import b64encode
from collections.abc import Mapping, Sequence

import numpy as np
from IPython.display import HTML
from matplotlib.font_manager import findfont
from PIL import Image, ImageDraw, ImageFont

from amc.base.errors import AmcError
from amc.figures.style import INK, SHOWN_DPI, WIDTH, Key, pictures

MOST_BYTES = 290_000  # of one moving picture, a third more as text in a notebook
QUALITIES = (85, 70, 55, 40, 25)  # of WebP: the first that keeps to MOST_BYTES, or the last
LONGEST = 8.0  # seconds; a longer video is played faster
HIGH, GAP, LINE, KEY, WHEEL = 256, 10, 26, 140, 64  # pixels: a panel at most, between panels, a line of text, the key
EMPTY = 236  # grey level of a slot that is still empty


def pace(num_frames: int, fps: float, *, count: int = 40, every: range = range(0)) -> tuple[list[int], list[float]]:
    """Which frames to show, about `count` and all of `every`, and for how many seconds each.

    It is the speed of the video, unless this is longer than LONGEST or its `fps` is not known (nan).
    """
    shown = sorted({*range(0, num_frames, math.ceil(num_frames / count)), *every} & {*range(num_frames)})
    seconds = num_frames / fps
    per_frame = (seconds if seconds < LONGEST else LONGEST) / num_frames
    return shown, (np.diff([*shown, num_frames]) * per_frame).tolist()


def filling(slots: np.ndarray, frames: Sequence[int], shown: Sequence[int], *, columns: int = 4) -> np.ndarray:
    """A panel for `moving`: a grid of slots, in which each one appears when the video comes to its frame.

    slots: uint8 (T, H, W, 3) or (T, 3, H, W), in reading order; frames: the frame of each; shown: those of the K
    pictures. Returns uint8 (K, rows of the grid, its columns, 3).
    """
    slots = np.stack([_at_most(slot, HIGH // 2) for slot in pictures(slots)])
    rows = math.ceil(len(slots) / columns)
    grid = np.full((rows * columns, *slots.shape[1:]), 255, np.uint8)
    panels = []
    for now in shown:
        is_seen = (np.asarray(frames) <= now)[:, None, None, None]
        grid[: len(slots)] = np.where(is_seen, slots, EMPTY)
        edged = np.pad(grid, ((0, 0), (2, 2), (2, 2), (0, 0)), constant_values=255)
        lines = edged.reshape(rows, columns, *edged.shape[1:]).swapaxes(1, 2)
        panels.append(lines.reshape(rows * edged.shape[1], columns * edged.shape[2], 3))
    return np.stack(panels)


def moving(
    panels: Mapping[str, np.ndarray], seconds: Sequence[float], *, alt: str, key: Key | None = None, still: int = 0
) -> HTML:
    """`panels` side by side under their titles, as one picture that moves, in a loop.

    panels: uint8 (K, H, W, 3) or (K, 3, H, W) by title, K pictures each; seconds: how long each is shown; key: to the
    colours of flow; still: the number of the picture for those who prefer no motion. Raises AmcError for an empty `alt`
    and for panels of different lengths.
    """
    if not alt.strip():
        raise AmcError("alt: empty; write a sentence on what the moving picture shows")
    if wrong := {name: len(panel) for name, panel in panels.items() if len(panel) != len(seconds)}:
        raise AmcError(f"panels: {wrong} pictures, but {len(seconds)} values of seconds; give one for each picture")
    drawn = _drawn({name: pictures(panel) for name, panel in panels.items()}, key)
    milliseconds = [max(20, round(1000 * each)) for each in seconds]
    for quality in QUALITIES:
        stored = io.BytesIO()
        drawn[0].save(stored, "webp", save_all=True, append_images=drawn[1:], duration=milliseconds, quality=quality)
        if stored.tell() <= MOST_BYTES:
            break
    single = io.BytesIO()
    drawn[still].save(single, "webp", quality=QUALITIES[0])
    said = html.escape(alt, quote=True)
    return HTML(
        "<details open><summary>moving picture: click here to hide it</summary><picture>"
        f'<source media="(prefers-reduced-motion: reduce)" srcset="{_address(single)}">'
        f'<img alt="{said}" width="{drawn[0].width}" src="{_address(stored)}"></picture></details>'
    )


def _at_most(picture: np.ndarray, high: int) -> np.ndarray:
    """A picture (H, W, 3), made smaller if it is higher than `high`."""
    image = Image.fromarray(np.ascontiguousarray(picture))
    image.thumbnail((image.width, high))
    return np.asarray(image)


def _address(stored: io.BytesIO) -> str:
    return f"data:image/webp;base64,{b64encode(stored.getvalue()).decode()}"


def _drawn(panels: dict[str, np.ndarray], key: Key | None) -> list[Image.Image]:
    """Each of the K pictures: titles, panels of one height, the key."""
    ratios = [panel.shape[2] / panel.shape[1] for panel in panels.values()]
    room = round(SHOWN_DPI * WIDTH) - GAP * len(panels) - (KEY + GAP if key else 0)
    high = min(HIGH, int(room / sum(ratios)))
    widths = [round(high * ratio) for ratio in ratios]
    lefts = np.cumsum([0, *(width + GAP for width in widths)]).tolist()
    size = (lefts[-1] + KEY, LINE + max(high, WHEEL + 110)) if key else (lefts[-1] - GAP, LINE + high)
    blank = Image.new("RGB", size, "white")
    draw = ImageDraw.Draw(blank)
    for left, name in zip(lefts, panels):
        draw.text((left, 2), name, INK, _font(17))
    if key:
        wheel = Image.fromarray(pictures(np.asarray(key.wheel)[None])[0]).resize(
            (WHEEL, WHEEL), Image.Resampling.LANCZOS
        )
        middle, top = lefts[-1] + KEY // 2, LINE + 16
        blank.paste(wheel, (middle - WHEEL // 2, top))
        for x, y, word, anchor in ((0, 0, "up", "mb"), (-WHEEL // 2 - 3, WHEEL // 2, "left", "rm"),
                                   (WHEEL // 2 + 3, WHEEL // 2, "right", "lm"), (0, WHEEL, "down", "mt")):  # fmt: skip
            draw.text((middle + x, top + y), word, INK, _font(13), anchor=anchor)
        draw.multiline_text((lefts[-1], top + WHEEL + 22), key.said, INK, _font(13))
    made = []
    for index in range(len(next(iter(panels.values())))):
        picture = blank.copy()
        for left, width, panel in zip(lefts, widths, panels.values()):
            part = Image.fromarray(np.ascontiguousarray(panel[index]))
            picture.paste(part.resize((width, high), Image.Resampling.BICUBIC), (left, LINE))
        made.append(picture)
    return made


def _font(points: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(findfont("DejaVu Sans"), points)  # comes with matplotlib
