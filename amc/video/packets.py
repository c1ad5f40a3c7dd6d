"""What a video file holds: which packet brings which frame, when it is shown, and where decoding may begin.

A path in, an `Index` out. H.264, HEVC, VP9 and AV1 in containers that give every frame a packet and a time of its own,
and codecs whose every frame stands alone, are indexed by their packets, without decoding. All others are decoded once
from end to end: times that are missing or estimated, fields, hidden frames and lost beginnings are then no guesses.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from amc.errors import VideoError
from amc.video import h264

TIMED = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "flv")  # containers in which a packet is a frame and has its time
SINGLE = ("h264", "hevc", "vp9", "av1")  # codecs that bring one frame per packet there
UNTIMED = ("avi", "asf")  # containers that know when packets are decoded, not when their frames are shown
ESTIMATED = ("mpegts", "mpeg")  # containers that declare no length: FFmpeg looks at the end for it
PICTURE_FORMATS = ("image2", "tty", "concat", "hls", "dash")  # no videos: pictures, text, and lists of other files
# Of files alone: a text that FFmpeg takes for a playlist must not open addresses. Wrong tags are nobody's concern.
OPEN = {"options": {"protocol_whitelist": "file"}, "metadata_errors": "replace"}


@dataclass(frozen=True)
class Index:
    """P packets of a video stream, in the order of the file, and the N frames that they bring, as they are shown."""

    frames: np.ndarray  # (N,) the packet of each frame
    times: np.ndarray  # (N,) seconds since the video stream begins
    numbers: np.ndarray  # (P,) the frame of each packet, -1 where it brings none that is shown
    # (P,) float: in this order packets are shown, nan where that is not known; None where decoders do not tell from
    # which packet a frame comes, and frames are known by counting alone.
    ranks: np.ndarray | None
    keys: np.ndarray  # (K,) packets marked as key frames
    droppable: np.ndarray  # (P,) bool: no other frame needs it
    marks: tuple[tuple, ...]  # (P,) what a packet is recognised by: its time and size
    is_closed: bool  # H.264 by packets whose every key frame is an IDR: nothing reaches across it
    fps: float  # mean over the video
    duration: float  # seconds
    notes: tuple[str, ...]  # what is odd about the file, a sentence each

    def start(self, number: int) -> int:
        """The packet at which decoding has to begin for a frame: the last key frame before it in both orders."""
        packet = self.frames[number]
        for key in self.keys[: np.searchsorted(self.keys, packet, side="right")][::-1]:
            if self.ranks[key] <= self.ranks[packet]:  # else the frame is shown before the key frame, and may need more
                return int(key)
        return 0

    def stop(self, number: int) -> int:
        """The last packet that a frame needs: its own, or the last of its fields'."""
        place = np.searchsorted(self._origins, self.frames[number], side="right")
        return int(self._origins[place]) - 1 if place < len(self._origins) else len(self.marks) - 1

    @cached_property
    def _origins(self) -> np.ndarray:
        """Packets that bring frames, ascending."""
        return np.sort(self.frames)


@contextmanager
def opened(path: str) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The file and the video stream in it that counts: the first one that is no cover picture."""
    try:
        with av.open(path, **OPEN) as container:
            name = container.format.name
            if name in PICTURE_FORMATS or name.endswith("_pipe"):
                raise VideoError(f"{path}: a text, a list or a single picture, not a video")
            if not (streams := films(container)):
                raise VideoError(f"{path}: has no video stream")
            streams[0].codec_context.thread_count = 1  # a process per core is faster than several threads
            streams[0].codec_context.copy_opaque = True  # each frame tells from which packet it comes
            yield container, streams[0]
    except (av.FFmpegError, OSError, UnicodeError) as error:
        raise VideoError(
            f"{path}: not a video, or damaged ({getattr(error, 'strerror', None) or error}); fetch it again"
        ) from error


def films(container: InputContainer) -> list[VideoStream]:
    """The video streams that are no cover pictures."""
    return [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]


def index(path: str) -> Index:
    """The index of a video file. Raises VideoError for what is no video, is cut off, or brings no frame."""
    walked = _walk(path)
    return _by_packets(walked) if _is_plain(walked) else _by_decoding(path, walked)


@dataclass
class _Walked:
    """What one pass over the packets showed."""

    container: str
    codec: str
    is_intra: bool  # the codec has key frames only
    step: float  # seconds per unit of time
    fps: float
    duration: float
    notes: list[str]
    pts: list[int | None]  # when a packet's frame is shown
    dts: list[int | None]  # when it is to be decoded
    marks: list[tuple]
    keys: list[bool]
    hidden: list[bool]  # by an edit list
    droppable: list[bool]
    is_closed: bool


def _walk(path: str) -> _Walked:
    with opened(path) as (container, stream):
        context = stream.codec_context
        found = _Walked(
            container=container.format.name, codec=context.codec.canonical_name, is_intra=context.codec.intra_only,
            step=float(stream.time_base), fps=float(stream.average_rate or stream.guessed_rate or "nan"),
            duration=(container.duration or 0) / av.time_base,
            notes=[], pts=[], dts=[], marks=[], keys=[], hidden=[], droppable=[], is_closed=True,
        )  # fmt: skip
        if (count := len(films(container))) > 1:
            found.notes.append(f"holds {count} video streams, of which the first is read")
        units = h264.units(context.extradata)
        end = num_packets = 0
        for packet in container.demux():
            if packet.pts is not None:  # audio may outlast the picture: the end is that of all streams
                end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            if packet.stream is not stream or (packet.dts is packet.pts is None and not packet.size):
                continue  # another stream's, or the last one, which only tells that the file ends
            num_packets += 1
            if packet.size:
                found.pts.append(packet.pts)
                found.dts.append(packet.dts)
                found.marks.append(mark(packet))
                found.keys.append(packet.is_keyframe)
                found.hidden.append(packet.is_discard)
                kinds = units(memoryview(packet)) if found.codec == "h264" else []
                found.droppable.append(h264.is_droppable(kinds))
                found.is_closed &= not packet.is_keyframe or h264.is_closed(kinds)
        _refuse_cut(path, found, stream, num_packets, end)
    return found


def _refuse_cut(path: str, found: _Walked, stream: VideoStream, num_packets: int, end: float) -> None:
    """Raise VideoError where the container says that there should be more than there is."""
    declared = 0.0 if found.container in ESTIMATED else found.duration
    if found.container == "avi":  # its length is that of what is there, but its header has the number of frames
        declared = max(declared, stream.frames * found.step)
    rounding = 0.1 if num_packets < stream.frames else 0.1 + 0.05 * declared  # seconds, forgiven
    is_cut = end < declared - rounding or (found.container == "gif" and _lacks_trailer(path))
    if is_cut or not found.marks:
        counted = f"{num_packets} of {stream.frames or 'unknown'} frames"
        raise VideoError(f"{path}: truncated, {counted} in {end:.2f} of {declared:.2f} s; fetch it again")


def _lacks_trailer(path: str) -> bool:
    return Path(path).read_bytes().rstrip(b"\0")[-1:] != b";"  # a whole GIF ends with a semicolon


def mark(packet: av.Packet) -> tuple:
    """What a packet is recognised by when the file is read again."""
    return packet.dts if packet.pts is None else packet.pts, packet.size


def _is_plain(found: _Walked) -> bool:
    """Whether packets alone tell the frames: one each, all of known and different times, from a key frame on."""
    if found.is_intra:
        return all(found.keys)
    shown = [pts for pts, hidden in zip(found.pts, found.hidden, strict=True) if not hidden]
    return (
        found.container in TIMED
        and found.codec in SINGLE
        and None not in found.pts
        and len(set(shown)) == len(shown) > 0
        and found.keys[0]
        and found.pts[0] <= min(shown)
    )


def _by_packets(found: _Walked) -> Index:
    shown = np.flatnonzero(~np.array(found.hidden))
    # Where times are missing every frame stands alone: they are shown as they lie in the file.
    ranks = np.arange(len(found.pts)) if None in found.pts else np.array(found.pts)
    frames = shown[np.argsort(ranks[shown], kind="stable")]
    return _index(found, frames, ranks.astype(float), [found.pts[packet] for packet in frames])


def _by_decoding(path: str, found: _Walked) -> Index:
    """Decode everything in order, and keep what came of it: from which packet each frame is, and its time."""
    origins, stamps, lost = [], [], []
    with opened(path) as (container, stream):
        for frame in decoded(container, stream, lost, has_begun=found.keys[0]):
            origins.append(origin(frame))
            stamps.append(frame.pts)
    if not origins:
        raise VideoError(f"{path}: damaged, no frame of it decodes; fetch it again")
    if lost:
        found.notes.append(f"damaged: {len(lost)} of its {len(found.marks)} packets do not decode")
    if None in origins or len(set(origins)) < len(origins):
        return _index(found, np.arange(len(origins)), None, stamps)
    if len(origins) < len(found.marks):
        found.droppable = [False] * len(found.marks)  # of two fields in two packets, none may be missed
    ranks = np.full(len(found.marks), np.nan)
    ranks[origins] = np.arange(len(origins))
    return _index(found, np.array(origins), ranks, stamps)


def _times(found: _Walked, frames: np.ndarray, stamps: list[int | None], is_counted: bool) -> np.ndarray:
    """Seconds of each frame since the stream begins.

    Where a container does not say when frames are shown, the times at which they are decoded say it too: sorted, they
    are later by the same delay throughout. With neither, all frames last equally long.
    """
    kinds = [] if found.container in UNTIMED and not is_counted else [(stamps, found.pts)]
    kinds += [] if is_counted else [([found.dts[packet] for packet in np.sort(frames)], found.dts)]
    for own, all_of_them in kinds:
        if None in own or (np.diff(own) <= 0).any():
            continue
        skipped = 0 if is_counted else int(frames.min())
        begin = min([own[0], *(stamp for stamp in all_of_them[:skipped] if stamp is not None)])
        times = (np.array(own) - begin) * found.step
        if skipped:
            found.notes.append(
                f"begins without a key frame: its first {skipped} packets do not decode, and frame 0 is shown at "
                f"{times[0]:.3f} s"
            )
        return times
    found.notes.append("tells no time for each frame, so all are taken to last equally long")
    return np.arange(len(frames)) / found.fps


def real_packets(container: InputContainer, stream: VideoStream) -> Iterator[av.Packet]:
    """The packets of a stream that hold something, in the order of the file."""
    return (packet for packet in container.demux(stream) if packet.size)


def tag(packet: av.Packet, ordinal: int) -> None:
    """Send a packet's place in the file through the decoder with it."""
    packet.opaque = [ordinal]  # a new object each: PyAV knows them by identity, and small numbers are one and the same


def origin(frame: VideoFrame) -> int | None:
    """The place of the packet that brought a frame; None where the decoder does not tell."""
    return None if frame.opaque is None else frame.opaque[0]


def decoded(
    container: InputContainer, stream: VideoStream, lost: list[int], *, has_begun: bool
) -> Iterator[VideoFrame]:
    """All frames from the first key frame on (before it decoders invent what they lack), each with its packet's place.

    lost: gets the places of packets that do not decode; has_begun: the first packet is known to be a key frame.
    """
    for ordinal, packet in enumerate(chain(real_packets(container, stream), [None])):
        if packet is not None:
            tag(packet, ordinal)
        try:
            frames = stream.codec_context.decode(packet)
        except av.FFmpegError:
            lost.append(ordinal)
            continue
        for frame in frames:
            has_begun = has_begun or is_key(frame)
            if has_begun:
                yield frame


def _index(found: _Walked, frames: np.ndarray, ranks: np.ndarray | None, stamps: list[int | None]) -> Index:
    """ranks: None where frames are known by counting alone; stamps: when each frame is shown, in units of `step`."""
    times = _times(found, frames, stamps, is_counted=ranks is None)
    numbers, fps = np.full(len(found.marks), -1), found.fps
    if ranks is not None:
        numbers[frames] = np.arange(len(frames))
    measured = (len(times) - 1) / (times[-1] - times[0]) if len(times) > 1 else fps
    if not abs(fps / measured - 1) < 0.01:  # raw streams are given 25 frames per second, whatever they have
        fps = measured
    return Index(
        frames, times, numbers, ranks, np.flatnonzero(found.keys), np.array(found.droppable), tuple(found.marks),
        is_closed=found.codec == "h264" and found.is_closed and not any(found.hidden) and found.container in TIMED,
        fps=fps, duration=found.duration or len(frames) / fps, notes=tuple(found.notes),
    )  # fmt: skip


def is_key(frame: VideoFrame) -> bool:
    """Whether decoding may have begun at this frame."""
    return bool(frame.key_frame) and frame.pict_type in (PictureType.I, PictureType.NONE)
