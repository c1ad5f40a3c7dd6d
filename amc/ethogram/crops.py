"""Where the animal is: a box, or a table of boxes, in; the part of each frame that the model sees out.

    X,Y,W,H                                       one box in all frames of all videos
    video,frame,x,y,w,h (and track or subject)    boxes of a detector; each track is a subject of its own

x and y are the left upper corner, pixels; frames are counted from 0. A track is cut out as a square as large as its
largest box, around the middle of the box, so that motion keeps its scale. Between two boxes the place is interpolated;
before the first and after the last one nothing is predicted.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

import numpy as np
import torch
from torch import Tensor

from amc import video
from amc.base.errors import AmcError, VideoError, printable
from amc.base.wording import first_few
from amc.datasets import delimited
from amc.ethogram import inputs
from amc.ethogram.matching import key, meant, placed
from amc.ethogram.record import unique_name

COLUMNS = ("video", "frame", "x", "y", "w", "h")
TRACK = ("track", "subject")  # either may be there
NOBODY: Mapping = MappingProxyType({})


@dataclass(frozen=True)
class Crop:
    """A part of each frame."""

    frames: np.ndarray  # (K,) with a box, ascending
    centres: np.ndarray  # (K, 2) of the boxes: x, y, pixels
    size: tuple[int, int]  # width, height, pixels
    subject: str = ""  # empty: none is named
    is_track: bool = False  # seen from its first to its last box only; a fixed box is seen throughout

    def span(self, num_frames: int) -> tuple[int, int]:
        """The frames start … stop - 1 in which it is seen. Raises AmcError for boxes after the video's end."""
        if not self.is_track:
            return 0, num_frames
        if self.frames[-1] >= num_frames:
            says = f"a box in frame {self.frames[-1]}, but the video has {num_frames} frames"
            raise AmcError(f"crop: {says}; count frames from 0, and give the boxes of this video")
        return int(self.frames[0]), int(self.frames[-1]) + 1

    def cut(self, numbers: Sequence[int], frames: Tensor) -> Tensor:
        """The part of each frame: (n, 3, H, W) uint8 in, (n, 3, h, w) out; numbers: of the frames. Raises AmcError."""
        room = np.array(frames.shape[:-3:-1])  # W, H
        size = np.minimum(self.size, room.min()) if self.is_track else np.array(self.size)
        places = np.column_stack([np.interp(numbers, self.frames, axis) for axis in self.centres.T]) - size / 2
        corners = np.floor(places + 0.5).astype(int)
        if not self.is_track and ((corners < 0).any() or (corners + size > room).any()):
            raise _outside(*room)
        corners = corners.clip(0, room - size)  # boxes of detectors may reach outside
        width, height = size
        parts = [frame[:, y : y + height, x : x + width] for frame, (x, y) in zip(frames, corners, strict=True)]
        return torch.stack(parts)

    @property
    def digest(self) -> str:
        """The same for the same boxes."""
        parts = (self.frames.tolist(), self.centres.tolist(), self.size, self.is_track)
        return hashlib.sha256(repr(parts).encode()).hexdigest()[:16]

    @property
    def notes(self) -> list[str]:
        """What is to be known about the boxes."""
        missing = int(self.frames[-1] - self.frames[0] + 1 - len(self.frames))
        return [f"{missing} frames between its boxes have none; their places are interpolated"] * (missing > 0)


class Job(NamedTuple):
    """A video, or one animal in it."""

    video: str  # its name
    path: Path
    crop: Crop | None = None

    @property
    def name(self) -> str:
        """As names of files begin."""
        return unique_name(self.video, self.crop.subject if self.crop else "")


def read(given: str) -> Crop | dict[str, list[Crop]] | None:
    """The box or table of `--crop`: one crop for all videos, or those of each video by the name in the table.

    Raises AmcError, naming file and line, for what is neither. None for an empty text.
    """
    if not given:
        return None
    try:
        x, y, width, height = map(int, given.split(","))
    except ValueError:
        if not Path(given).is_file():
            says = f"{given} is neither a box nor a file"
            raise AmcError(f"crop: {says}; give X,Y,W,H in pixels, such as 40,0,320,320, or a table of boxes") from None
        return _tracks(Path(given))
    if x < 0 or y < 0 or width < 1 or height < 1:
        raise AmcError(f"crop: {given} is no box; give X,Y,W,H in pixels, such as 40,0,320,320, or a table of boxes")
    return Crop(np.array([0]), np.array([[x + width / 2, y + height / 2]]), (width, height))


def jobs(
    named: Mapping[str, Path], crops: Crop | Mapping[str, list[Crop]] | None, *, taken: Mapping[str, str] = NOBODY
) -> dict[str, Job]:
    """What is to be predicted, by name: not videos without boxes, where others have some.

    taken: by name of what is known already, its video. Raises AmcError if no video has boxes, or those of one may be
    another one's, and for a name that is taken.
    """
    own = _of_each(named, crops)
    found = [Job(name, path, crop) for name, path in named.items() for crop in own.get(name, ())]
    by_name = {key(job.name): job for job in found}
    others = {key(name): video for name, video in taken.items()}
    is_taken = any(others.get(name, job.video) != job.video for name, job in by_name.items())
    if is_taken or len(by_name) < len(found) or any(len(job.name.encode()) > inputs.LONGEST for job in found):
        raise AmcError("crop: two subjects would have one name, or a long one; give the tracks other, short names")
    return {job.name: job for job in found}


def refuse_outside(paths: Iterable[Path], box: Crop) -> None:
    """Raise AmcError for a box that reaches outside the pictures of every video; videos that cannot be read say so."""
    infos = []
    for path in paths:
        with suppress(VideoError):
            infos.append(info := video.probe(path))
            if (box.centres[0] + np.array(box.size) / 2 <= (info.width, info.height)).all():
                return
    if infos:
        raise _outside(infos[0].width, infos[0].height)


def _outside(width: int, height: int) -> AmcError:
    says = f"the box reaches outside the pictures, which have {width} x {height} pixels"
    return AmcError(f"crop: {says}; give X,Y,W,H inside them")


def stream(path: Path | str, indices: Sequence[int], crop: Crop | None) -> Iterator[tuple[list[int], Tensor]]:
    """`video.stream`, cut."""
    for numbers, frames in video.stream(path, indices):
        yield numbers, frames if crop is None else crop.cut(numbers, frames)


def _of_each(
    named: Mapping[str, Path], crops: Crop | Mapping[str, list[Crop]] | None
) -> dict[str, Sequence[Crop | None]]:
    """The crops of each video."""
    if not isinstance(crops, Mapping):
        return {name: [crops] for name in named}
    known = meant(crops, named)
    for name in named:
        if name in known.unclear:
            raise AmcError(f"crop: {known.unclear[name]}")
    if not known.written:
        names = [printable(path.name) for path in named.values()]
        raise AmcError(f"crop: has no boxes of {first_few(names)}, only of {first_few(list(crops))}; add them")
    return {name: _joined(name, [crop for text in own for crop in crops[text]]) for name, own in known.written.items()}


def _joined(name: str, crops: Sequence[Crop]) -> list[Crop]:
    """One crop of each subject of a video, where the table writes the video's name in several ways."""
    found: dict[str, Crop] = {}
    for crop in crops:
        if before := found.get(crop.subject):
            frames = np.concatenate([before.frames, crop.frames])
            order = np.argsort(frames)
            if len(np.unique(frames)) < len(frames):
                says = f"{name} {crop.subject}".strip()
                raise AmcError(f"crop: {says} has two boxes in one frame, under two names of the video; keep one")
            centres = np.concatenate([before.centres, crop.centres])[order]
            crop = replace(crop, frames=frames[order], centres=centres, size=max(before.size, crop.size))
        found[crop.subject] = crop
    return list(found.values())


def _tracks(path: Path) -> dict[str, list[Crop]]:
    """The tracks of each video in a table of boxes."""
    boxes: dict[tuple[str, str], dict[int, tuple[float, ...]]] = {}
    rows = delimited.read(path, COLUMNS, optional=TRACK)
    places = placed({row["video"] for _, row in rows}, path.parent)
    for line, row in rows:
        name, subject = places[row["video"]], inputs.plain(next((row[track] for track in TRACK if track in row), ""))
        frame, *box = (_number(f"{path}:{line}", column, row[column]) for column in COLUMNS[1:])
        own = boxes.setdefault((name, subject), {})
        if frame in own or frame != int(frame) or min(box[2:]) <= 0:
            says = f"frame {frame:g} of {row['video']} {subject}".strip()
            raise AmcError(f"{path}:{line}: {says} is there twice, no whole number, or has no size; correct the line")
        own[int(frame)] = tuple(box)
    found: dict[str, list[Crop]] = {}
    for (name, subject), own in boxes.items():
        frames, table = np.array(sorted(own)), np.array([own[frame] for frame in sorted(own)])
        side = int(np.ceil(table[:, 2:].max()))
        crop = Crop(frames, table[:, :2] + table[:, 2:] / 2, (side, side), subject, is_track=True)
        found.setdefault(name, []).append(crop)
    return found


def _number(place: str, column: str, cell: str) -> float:
    try:
        value = float(cell)
    except ValueError:
        value = float("nan")
    if not (np.isfinite(value) and (column != "frame" or value >= 0)):
        raise AmcError(f"{place}: {column} {cell!r} is no number of pixels or frame; expected a number")
    return value
