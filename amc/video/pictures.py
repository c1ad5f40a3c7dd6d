"""A folder of numbered pictures, such as Animal Kingdom's `image/<ID>`, read as a video."""

import re
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from amc.errors import VideoError

SUFFIXES = (".jpg", ".jpeg", ".png")


def files(folder: str) -> list[Path]:
    """The pictures of `folder` in the order of the last number in their names. Raises VideoError."""
    found = [file for file in Path(folder).iterdir() if file.suffix.lower() in SUFFIXES and file.name[0] != "."]
    numbered = {int(number[-1]): file for file in found if (number := re.findall(r"\d+", file.stem))}
    if not found or len(numbered) < len(found):
        raise VideoError(f"{folder}: expected {', '.join(SUFFIXES)} files with one distinct number each in their names")
    return [numbered[number] for number in sorted(numbered)]


def read(folder: str, indices: list[int]) -> np.ndarray:
    """The pictures at `indices`, uint8 (T, H, W, 3) RGB. Raises VideoError."""
    ordered, frames = files(folder), []
    for file in (ordered[index] for index in indices):
        try:
            with Image.open(file) as picture:
                frames.append(_rgb(ImageOps.exif_transpose(picture), file))
        except VideoError:
            raise
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise VideoError(f"{file}: not a picture, or damaged; fetch it again") from error  # SyntaxError: some PNGs
    return stack(folder, frames)


def _rgb(picture: Image.Image, file: Path) -> np.ndarray:
    """(H, W, 3) uint8; 16 bits are scaled to 8. Pillow would cut off all that is brighter than 255."""
    if picture.mode.startswith("I;16"):
        levels = np.asarray(picture).astype(np.uint32)
        return np.repeat(((levels * 255 + 32767) // 65535).astype(np.uint8)[..., None], 3, axis=-1)
    if picture.mode in ("I", "F"):
        raise VideoError(f"{file}: holds 32 bits per pixel, whose range is not known; save it with 8 or 16")
    return np.asarray(picture.convert("RGB"))


def stack(path: str, frames: list[np.ndarray]) -> np.ndarray:
    """One array of all frames. Raises VideoError where they differ in size."""
    sizes = sorted({frame.shape[1::-1] for frame in frames})
    if len(sizes) > 1:
        raise VideoError(f"{path}: frames of several sizes {sizes}; convert it to one size")
    return np.stack(frames)
