"""A folder of numbered pictures, such as Animal Kingdom's `image/<ID>`, read as a video."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from amc.base.errors import VideoError
from amc.video.packets import MAX_PIXELS

SUFFIXES = (".jpg", ".jpeg", ".png")


def files(folder: str) -> list[Path]:
    """The pictures of `folder` in the order of the last number in their names. Raises VideoError."""
    found = [file for file in Path(folder).iterdir() if file.suffix.lower() in SUFFIXES and file.name[0] != "."]
    numbered = {int(number[-1]): file for file in found if (number := re.findall(r"\d+", file.stem))}
    if not found or len(numbered) < len(found):
        raise VideoError(f"{folder}: expected {', '.join(SUFFIXES)} files with one distinct number each in their names")
    return [numbered[number] for number in sorted(numbered)]


def read(folder: str, indices: Sequence[int]) -> Iterator[np.ndarray]:
    """The pictures at `indices`, each (H, W, 3) uint8 RGB. Raises VideoError."""
    ordered = files(folder)
    for number in indices:
        try:
            with Image.open(ordered[number]) as picture:
                if picture.width * picture.height > MAX_PIXELS:
                    size = f"{picture.width} x {picture.height}"
                    raise VideoError(f"{ordered[number]}: has {size} pixels; make it smaller", frame=number)
                yield _rgb(ImageOps.exif_transpose(picture), ordered[number])
        except VideoError:
            raise
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            # Pillow reports some damaged PNG files as SyntaxError.
            raise VideoError(f"{ordered[number]}: not a picture, or damaged; fetch it again", frame=number) from error


def _rgb(picture: Image.Image, file: Path) -> np.ndarray:
    """(H, W, 3) uint8; 16 bits are scaled to 8. Pillow would clip values above 255."""
    if picture.mode.startswith("I;16"):
        levels = np.asarray(picture).astype(np.uint32)
        return np.repeat(((levels * 255 + 32767) // 65535).astype(np.uint8)[..., None], 3, axis=-1)
    if picture.mode in ("I", "F"):
        raise VideoError(f"{file}: holds 32 bits per pixel, whose range is not known; save it with 8 or 16")
    return np.asarray(picture.convert("RGB"))
