"""The one door to pixels: a video file or a folder of numbered pictures in, RGB frames by index out.

decord reads what it can, PyAV what decord cannot (GIF, AV1, some transport streams and edit lists), Pillow folders of
pictures such as Animal Kingdom's `image/<ID>` (OpenCV reads no PNG once decord is loaded). `VideoInfo.reader` says
which one, and why. Index n is the n-th frame that decodes (at a variable rate too), as it is displayed. Readers live
for one call: a decord reader left alive decodes the whole clip in the background, and one shared by threads aborts.

The readers agree bit by bit, but for 10-bit and odd-height 4:2:0 video, whose chroma their FFmpegs interpolate
differently (on average 0.9 of 255 levels in a VP9 clip of 321 x 241). A file goes to the same reader every time.
"""

import re
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import av
import numpy as np
import torch
from PIL import Image, ImageOps

from amc.errors import AmcError

try:
    import decord
except ImportError:  # no wheel for macOS on Apple silicon; PyAV reads everything there
    decord = None
else:
    decord.logging.set_level(decord.logging.QUIET)  # FFmpeg's own chatter; every failure arrives as an exception

PICTURES = (".jpg", ".jpeg", ".png")
CHUNK_BYTES = 8e6  # of frames that `stream` holds at once; more of them cost page faults and bring nothing


class VideoError(AmcError):
    """A video that is missing, damaged or not a video, or a frame it does not have."""


@dataclass(frozen=True)
class VideoInfo:
    """What a video holds, and which reader reads it."""

    path: str
    num_frames: int
    fps: float  # mean over the video; nan for a folder of pictures
    width: int  # as displayed, as is height
    height: int
    duration: float  # seconds; nan for a folder of pictures
    reader: str  # decord | pyav: why decord could not | pictures


def probe(path: Path | str) -> VideoInfo:
    """What `path` holds; reads every packet, but decodes only the first frame.

    Raises VideoError if it is missing, empty, not a video, or ends before its container says it should.
    """
    path = Path(path)
    try:
        stat = path.stat()
    except OSError as error:
        raise VideoError(f"{path}: cannot be read ({error.strerror}); check the path") from error
    if path.is_file() and stat.st_size == 0:
        raise VideoError(f"{path}: empty file; fetch it again")
    return _probe(str(path), stat.st_size, stat.st_mtime_ns)


def read_frames(path: Path | str, indices: Sequence[int]) -> torch.Tensor:
    """The frames of `path` at `indices`, in the order asked, repeats allowed.

    Returns (T, 3, H, W) uint8 RGB. Raises VideoError for what `probe` refuses, for an index outside 0..num_frames-1,
    and for a frame that does not decode.
    """
    info = probe(path)
    if len(indices) == 0:
        raise VideoError(f"{path}: no frame was asked for; give at least one index")
    wanted, back = np.unique(np.asarray(indices, dtype=np.int64), return_inverse=True)
    if wanted[0] < 0 or wanted[-1] >= info.num_frames:
        wrong = wanted[0] if wanted[0] < 0 else wanted[-1]
        raise VideoError(f"{path}: no frame {wrong}; it has {info.num_frames}, indices 0 to {info.num_frames - 1}")
    reader = info.reader.split(":")[0]
    try:
        frames = READERS[reader](info.path, wanted.tolist())
    except VideoError as error:
        if reader != "decord":
            raise
        frames = _pyav(info.path, wanted.tolist())
        warnings.warn(f"{error}; PyAV read it instead", stacklevel=2)
    return torch.from_numpy(frames)[torch.from_numpy(back)].permute(0, 3, 1, 2).contiguous()  # (T, 3, H, W)


def stream(path: Path | str, indices: Sequence[int]) -> Iterator[tuple[list[int], torch.Tensor]]:
    """The frames of `path` at ascending `indices`, a few at a time: a video of any length in one pass and flat memory.

    Yields (indices, frames), frames uint8 (n, 3, H, W) RGB, at most CHUNK_BYTES of them. By PyAV always, or Pillow for
    a folder of pictures. Raises VideoError as `read_frames` does, and where the video changes its size.
    """
    info = probe(path)
    if len(indices) == 0 or indices[0] < 0 or indices[-1] >= info.num_frames or (np.diff(indices) <= 0).any():
        raise VideoError(f"{path}: expected ascending frame indices from 0 to {info.num_frames - 1}")
    size = max(1, int(CHUNK_BYTES / (3 * info.width * info.height)))
    if info.reader == "pictures":
        parts = (indices[k : k + size] for k in range(0, len(indices), size))
        chunks = ((list(part), _read_pictures(info.path, list(part))) for part in parts)
    else:
        chunks = _chunks(info.path, indices, size)
    for wanted, frames in chunks:
        if frames.shape[1:3] != (info.height, info.width):
            raise VideoError(f"{path}: frame {wanted[0]} is of another size than the first; convert it to one size")
        yield wanted, torch.from_numpy(frames).permute(0, 3, 1, 2)


def frame_times(path: Path | str) -> np.ndarray:
    """When each frame is shown, (N,) float64 seconds since the first: exact at any rate, constant or variable.

    From the packets, without decoding; containers that store no times (raw streams) have the mean rate throughout.
    Raises VideoError as `probe` does, and for a folder of pictures, which has no time.
    """
    info = probe(path)
    if info.reader == "pictures":
        raise VideoError(f"{path}: a folder of pictures has no time; make a video of it")
    with av.open(info.path) as container:
        packets = container.demux(container.streams.video[0])
        stamps = [(packet.pts, packet.time_base) for packet in packets if packet.size and not packet.is_discard]
    if any(pts is None for pts, _ in stamps):
        return np.arange(info.num_frames) / info.fps
    first = min(pts for pts, _ in stamps)
    return np.array(sorted(float((pts - first) * base) for pts, base in stamps))


@lru_cache(maxsize=65536)  # every read asks for it; size and time tell a changed file
def _probe(path: str, size: int, mtime_ns: int) -> VideoInfo:
    if Path(path).is_dir():
        num_frames, fps, duration = len(_pictures(path)), float("nan"), float("nan")
        first, reader = _read_pictures(path, [0]), "pictures"
    else:
        num_frames, fps, duration = _walk(path)
        try:
            first, reader = _decord(path, [0], expected=num_frames), "decord"
        except VideoError as error:
            first, reader = _pyav(path, [0]), f"pyav: {str(error).removeprefix(path + ': ')}"
    return VideoInfo(path, num_frames, fps, first.shape[2], first.shape[1], duration, reader)


def _walk(path: str) -> tuple[int, float, float]:
    """Frames, frames a second and seconds of a video, from its packets: nothing is decoded."""
    num_packets = num_frames = end = 0
    try:
        with av.open(path) as container:
            if container.format.name == "tty":  # FFmpeg would draw a .txt file as terminal art
                raise VideoError(f"{path}: a text file, not a video")
            if not container.streams.video:
                raise VideoError(f"{path}: has no video stream")
            stream = container.streams.video[0]
            for packet in container.demux():
                if packet.pts is not None:  # audio may outlast the picture: the end is that of all streams
                    end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
                if packet.size and packet.stream is stream:
                    num_packets += 1
                    num_frames += not packet.is_discard  # an edit list hides the packets marked so
            declared = (container.duration or 0) / av.time_base
            fps = float(stream.average_rate or "nan")
            rounding = 0.1 if num_packets < stream.frames else 0.1 + 0.05 * declared  # seconds, forgiven
            is_cut = end < declared - rounding or (container.format.name == "gif" and _lacks_trailer(path))
    except (av.FFmpegError, OSError) as error:
        raise VideoError(f"{path}: not a video, or damaged ({error.strerror})") from error
    if is_cut or num_frames == 0:
        raise VideoError(f"{path}: truncated, {num_packets} frames in {end:.2f} of {declared:.2f} s; fetch it again")
    return num_frames, fps, declared or num_frames / fps


def _lacks_trailer(path: str) -> bool:
    return Path(path).read_bytes().rstrip(b"\0")[-1:] != b";"  # a whole GIF ends with a semicolon


def _decord(path: str, indices: list[int], expected: int | None = None) -> np.ndarray:
    if decord is None:
        raise VideoError(f"{path}: decord is not installed")
    reader = None
    try:
        reader = decord.VideoReader(path, num_threads=1)
        if expected not in (None, len(reader)):
            raise VideoError(f"{path}: decord counts {len(reader)} frames of {expected}")
        return reader.get_batch(indices).asnumpy()
    except (decord.DECORDError, RuntimeError) as error:
        reason = re.sub(r"^.*?\.cc:\d+: (Check failed: )?(\[.*?\] ?)?", "", str(error).splitlines()[0]).split(".")[0]
        raise VideoError(f"{path}: decord could not decode it ({reason})") from error
    finally:
        del reader


def _pyav(path: str, indices: list[int]) -> np.ndarray:
    [(_, frames)] = _chunks(path, indices, len(indices))
    return frames


def _chunks(path: str, indices: Sequence[int], size: int) -> Iterator[tuple[list[int], np.ndarray]]:
    """Ascending frames by PyAV, `size` at a time, in one pass."""
    wanted, numbers, frames = set(indices), [], []
    try:
        with av.open(path) as container:
            container.streams.video[0].thread_count = 1
            for n, frame in enumerate(container.decode(video=0)):
                if n in wanted:
                    numbers.append(n)
                    frames.append(np.rot90(frame.to_ndarray(format="rgb24"), frame.rotation // 90))
                if len(frames) == size and n != indices[-1]:
                    yield numbers, _stack(path, frames)
                    numbers, frames = [], []
                if n == indices[-1]:
                    break
    except (av.FFmpegError, OSError) as error:
        raise VideoError(f"{path}: damaged, does not decode up to frame {indices[-1]} ({error.strerror})") from error
    if not numbers or numbers[-1] != indices[-1]:
        raise VideoError(f"{path}: damaged, frame {indices[-1]} is missing")
    yield numbers, _stack(path, frames)


def _pictures(folder: str) -> list[Path]:
    """The pictures of `folder` in the order of the last number in their names."""
    files = [file for file in Path(folder).iterdir() if file.suffix.lower() in PICTURES and file.name[0] != "."]
    numbered = {int(found[-1]): file for file in files if (found := re.findall(r"\d+", file.stem))}
    if not files or len(numbered) < len(files):
        raise VideoError(f"{folder}: expected {', '.join(PICTURES)} files with one distinct number each in their names")
    return [numbered[number] for number in sorted(numbered)]


def _read_pictures(folder: str, indices: list[int]) -> np.ndarray:
    files, frames = _pictures(folder), []
    for file in (files[index] for index in indices):
        try:
            with Image.open(file) as picture:
                frames.append(np.asarray(ImageOps.exif_transpose(picture).convert("RGB")))
        except (OSError, SyntaxError) as error:  # Pillow reports some damaged PNG files as a SyntaxError
            raise VideoError(f"{file}: not a picture, or damaged") from error
    return _stack(folder, frames)


def _stack(path: str, frames: list[np.ndarray]) -> np.ndarray:
    sizes = sorted({frame.shape[1::-1] for frame in frames})
    if len(sizes) > 1:
        raise VideoError(f"{path}: frames of several sizes {sizes}; expected one")
    return np.stack(frames)


READERS = {"decord": _decord, "pyav": _pyav, "pictures": _read_pictures}
