"""All reading of pixels: a video file or a folder of numbered pictures in, RGB frames by index out.

PyAV reads video files, on every platform, and Pillow folders of pictures. Frame n is the n-th frame of decoding the
whole file (also at a variable rate), as it is displayed; `index` finds its packet, and `decode` takes the frame that
comes from that packet. decord, the second reader, is independent of both and is chosen by name; it is correct for
H.264 without open groups of pictures, and shifts or repeats frames of other kinds of file.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
import torch
from av.video.reformatter import VideoReformatter
from PIL import Image

from amc.base import digests
from amc.base.errors import AmcError, VideoError, choice
from amc.video import cuts, decode, packets, pictures
from amc.video import index as indexing

try:
    import decord
except ImportError:  # no wheel for ARM (Apple silicon included) or for Windows from conda
    decord = None
else:
    decord.logging.set_level(decord.logging.QUIET)  # FFmpeg's own messages; every failure raises an exception

CHUNK_BYTES = 8e6  # of frames that `stream` holds at once; more cause page faults and gain nothing
INTERLACED = "interlaced: each frame holds two half pictures, taken one after the other"
HDR = {16: "PQ", 18: "HLG"}  # transfer characteristics, ITU-T H.273 table 3


@dataclass(frozen=True)
class VideoInfo:
    """Properties of a video, and which reader reads it."""

    path: str
    num_frames: int
    fps: float  # mean over the video; nan for a folder of pictures
    width: int  # as displayed, as is height
    height: int
    duration: float  # seconds; nan for a folder of pictures
    reader: str  # pyav | pictures
    notes: tuple[str, ...] = ()  # what is unusual about it, one sentence each


def probe(path: Path | str) -> VideoInfo:
    """Properties of the video at `path`. Reads all packets; decodes the first frame, or all if packets do not suffice.

    Raises VideoError if it is missing, empty, not a video, or ends before its container says it should.
    """
    return _probe(*_identity(path))


def read_frames(path: Path | str, indices: Sequence[int], *, reader: str = "pyav") -> torch.Tensor:
    """The frames of `path` at `indices`, in the order asked, repeats allowed.

    reader: "pyav", or "decord" for comparison, on video files only. Returns (T, 3, H, W) uint8 RGB. Raises VideoError
    for what `probe` refuses, for an index outside 0..num_frames-1, and for a frame that does not decode or depends
    on one that does not; AmcError for an unknown reader.
    """
    choice("reader", reader, tuple(READERS))
    info = probe(path)
    if len(indices) == 0:
        raise VideoError(f"{path}: no frame was asked for; give at least one index")
    wanted, back = np.unique(np.asarray(indices, dtype=np.int64), return_inverse=True)
    if wanted[0] < 0 or wanted[-1] >= info.num_frames:
        wrong = wanted[0] if wanted[0] < 0 else wanted[-1]
        raise VideoError(f"{path}: no frame {wrong}; it has {info.num_frames}, indices 0 to {info.num_frames - 1}")
    read = pictures.read if info.reader == "pictures" else READERS[reader]
    frames = np.empty((len(wanted), 3, info.height, info.width), np.uint8)
    for place, picture in enumerate(read(info.path, wanted.tolist())):
        frames[place] = _planes(info, picture, wanted[place])
    is_sorted = np.array_equal(back, np.arange(len(wanted)))
    return torch.from_numpy(frames if is_sorted else frames[back])


def stream(path: Path | str, indices: Sequence[int]) -> Iterator[tuple[list[int], torch.Tensor]]:
    """The frames of `path` at ascending `indices`, a few at a time: any length in one pass and constant memory.

    Yields (indices, frames), frames uint8 (n, 3, H, W) RGB, at most CHUNK_BYTES of them. Raises VideoError as
    `read_frames` does, after all frames before the damage, and where the video changes its size.
    """
    info = probe(path)
    if len(indices) == 0 or indices[0] < 0 or indices[-1] >= info.num_frames or (np.diff(indices) <= 0).any():
        raise VideoError(f"{path}: expected ascending frame indices from 0 to {info.num_frames - 1}")
    read = pictures.read if info.reader == "pictures" else _pyav
    size, numbers, frames = max(1, int(CHUNK_BYTES / (3 * info.width * info.height))), [], []
    try:
        for number, picture in zip(indices, read(info.path, indices), strict=True):
            numbers.append(number)
            frames.append(_planes(info, picture, number))
            if len(frames) == size or number == indices[-1]:
                yield numbers, torch.from_numpy(np.stack(frames))
                numbers, frames = [], []
    except VideoError:
        if frames:
            yield numbers, torch.from_numpy(np.stack(frames))
        raise


def _planes(info: VideoInfo, picture: np.ndarray, number: int) -> np.ndarray:
    """A picture (H, W, 3) as (3, H, W). Raises VideoError if its size is not the video's."""
    if picture.shape[:2] != (info.height, info.width):
        sizes = f"{picture.shape[1]} x {picture.shape[0]}, the first of {info.width} x {info.height}"
        raise VideoError(f"{info.path}: frame {number} is of {sizes}; convert it to one size", frame=int(number))
    return picture.transpose(2, 0, 1)


def frame_times(path: Path | str) -> np.ndarray:
    """When each frame is shown, (N,) float64 seconds since the video begins: exact at any rate, constant or variable.

    The first is 0 unless a file begins with frames that do not decode. Files that store no times (raw streams) have
    the mean rate throughout. Raises VideoError as `probe` does, and for a folder of pictures, which has no time.
    """
    if probe(path).reader == "pictures":
        raise VideoError(f"{path}: a folder of pictures has no time; make a video of it")
    return _index(*_identity(path)).times.copy()


def shots(path: Path | str) -> tuple[cuts.Range, ...]:
    """First frame, and one past the last, of each shot of a video: it decodes all of it, once for several calls.

    Raises VideoError as `probe` does.
    """
    return _shots(*_identity(path))


def has_second_opinion(path: Path | str) -> bool:
    """Whether decord is installed and reads this kind of file correctly: H.264 by packets, all key frames IDR.

    Not of interlaced frames, whose colours it spreads over both half pictures.
    """
    info = probe(path)
    is_plain = info.reader == "pyav" and INTERLACED not in info.notes
    return decord is not None and is_plain and _index(*_identity(path)).is_closed


def damage(path: Path | str) -> str:
    """Where the data of a video file are wrong, found by decoding all of it without concealing errors; "" if nowhere.

    Decoders hide most damage: a file may be read to its end and show wrong pictures.
    """
    return "" if probe(path).reader == "pictures" else packets.damage(str(path))


def _identity(path: Path | str) -> tuple[str, str]:
    """A path, with the state of its file or pictures, which shows that one has changed. Raises VideoError."""
    try:
        state = digests.state(path)
    except AmcError as error:
        raise VideoError(str(error)) from error
    return str(Path(path)), state


@lru_cache(maxsize=65536)  # every read needs it
def _probe(path: str, state: str) -> VideoInfo:
    if Path(path).is_dir():
        first = next(pictures.read(path, [0]))
        nan = float("nan")
        return VideoInfo(path, len(pictures.files(path)), nan, first.shape[1], first.shape[0], nan, "pictures")
    index = _index(path, state)
    [(_, frame)] = decode.frames(path, index, [0])
    height, width, _ = decode.picture(frame, VideoReformatter()).shape
    notes = [*index.notes]
    if frame.interlaced_frame:
        notes.append(INTERLACED)
    if transfer := HDR.get(int(frame.color_trc)):
        notes.append(f"high dynamic range ({transfer}): its colours are read as they are stored, and look pale")
    return VideoInfo(path, len(index.frames), index.fps, width, height, index.duration, "pyav", tuple(notes))


@lru_cache(maxsize=256)  # an hour of video takes some megabytes
def _index(path: str, state: str) -> indexing.Index:
    return indexing.index(path)


@lru_cache(maxsize=64)
def _shots(path: str, state: str) -> tuple[cuts.Range, ...]:
    height, width = (4 * side for side in cuts.SIZE)  # FFmpeg's AREA alone is too coarse
    info = probe(path)
    numbers = range(info.num_frames)
    if info.reader == "pictures":
        whole = map(Image.fromarray, pictures.read(path, numbers))
        small = (np.asarray(picture.resize((width, height), Image.Resampling.BOX)) for picture in whole)
    else:
        to_rgb = partial(VideoReformatter().reformat, width=width, height=height, format="rgb24", interpolation="AREA")
        decoded = decode.frames(path, _index(path, state), numbers)
        small = (to_rgb(frame).to_ndarray() for _, frame in decoded)
    return cuts.between_cuts(small, info.num_frames)


def _pyav(path: str, indices: Sequence[int]) -> Iterator[np.ndarray]:
    reformatter = VideoReformatter()
    for _, frame in decode.frames(path, _index(*_identity(path)), indices):
        yield decode.picture(frame, reformatter)


def _decord(path: str, indices: Sequence[int]) -> Iterator[np.ndarray]:
    if decord is None:
        raise VideoError(f"{path}: decord is not installed; pip install decord, or leave the reader out")
    reader, expected = None, probe(path).num_frames
    try:
        reader = decord.VideoReader(path, num_threads=1)
        if len(reader) != expected:
            raise VideoError(f"{path}: decord counts {len(reader)} frames of {expected}; leave the reader out")
        yield from reader.get_batch(list(indices)).asnumpy()
    except (decord.DECORDError, RuntimeError) as error:
        reason = re.sub(r"^.*?\.cc:\d+: (Check failed: )?(\[.*?\] ?)?", "", str(error).splitlines()[0]).split(".")[0]
        raise VideoError(f"{path}: decord could not decode it ({reason}); leave the reader out") from error
    finally:
        del reader  # kept, it would decode the whole clip in the background; shared by threads, it aborts


# A path and ascending indices in, pictures (H, W, 3) uint8 RGB out, one by one.
READERS: dict[str, Callable[[str, Sequence[int]], Iterator[np.ndarray]]] = {"pyav": _pyav, "decord": _decord}
