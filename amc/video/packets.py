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

TIMED = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "flv")  # containers in which a packet is a frame and has its time
SINGLE = ("h264", "hevc", "vp9", "av1")  # codecs that bring one frame per packet there
PICTURE_FORMATS = ("image2", "tty", "concat", "hls", "dash")  # no videos: pictures, text, and lists of other files
# Of files alone: a text that FFmpeg takes for a playlist must not open addresses. Wrong tags are nobody's concern.
OPEN = {"options": {"protocol_whitelist": "file"}, "metadata_errors": "replace"}


@dataclass(frozen=True)
class Index:
    """P packets of a video stream, in the order of the file, and the N frames that they bring, as they are shown."""

    frames: np.ndarray  # (N,) the packet of each frame
    times: np.ndarray  # (N,) seconds since the video stream begins
    numbers: np.ndarray  # (P,) the frame of each packet, -1 where it brings none that is shown
    ranks: np.ndarray  # (P,) float: in this order packets are shown; nan where that is not known
    keys: np.ndarray  # (K,) packets marked as key frames
    droppable: np.ndarray  # (P,) bool: no other frame needs it
    marks: tuple[tuple, ...]  # (P,) what a packet is recognised by: its time and size
    is_counted: bool  # decoders do not tell from which packet a frame comes: frames are known by counting alone
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
    pts: list[int | None]
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
            notes=[], pts=[], marks=[], keys=[], hidden=[], droppable=[], is_closed=True,
        )  # fmt: skip
        if (count := len(films(container))) > 1:
            found.notes.append(f"holds {count} video streams, of which the first is read")
        units = nal_units(found.codec, context.extradata)
        end = num_packets = 0
        for packet in container.demux():
            if packet.pts is not None:  # audio may outlast the picture: the end is that of all streams
                end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            if packet.stream is not stream or (packet.dts is packet.pts is None and not packet.size):
                continue  # another stream's, or the last one, which only tells that the file ends
            num_packets += 1  # an AVI file counts empty ones too, which repeat the frame before
            if packet.size:
                kinds = units(memoryview(packet)) if units else ()
                found.pts.append(packet.pts)
                found.marks.append(mark(packet))
                found.keys.append(packet.is_keyframe)
                found.hidden.append(packet.is_discard)
                found.droppable.append(bool(kinds) and all(kind in DROPPABLE or kind == SLICE for kind in kinds))
                found.is_closed &= not packet.is_keyframe or any(kind & 31 == IDR for kind in kinds)
        _refuse_cut(path, found, stream, num_packets, end)
    return found


def _refuse_cut(path: str, found: _Walked, stream: VideoStream, num_packets: int, end: float) -> None:
    """Raise VideoError where the container says that there should be more than there is."""
    declared = found.duration
    rounding = 0.1 if num_packets < stream.frames else 0.1 + 0.05 * declared  # seconds, forgiven
    is_cut = end < declared - rounding or (found.container == "gif" and _lacks_trailer(path))
    is_cut |= found.container == "avi" and num_packets < stream.frames
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
    if None in found.pts:  # every frame stands alone, so they are shown as they lie in the file
        ranks, seconds = np.arange(len(found.pts), dtype=float), None
    else:
        ranks = np.array(found.pts, dtype=float)
        seconds = ranks * found.step
    frames = shown[np.argsort(ranks[shown], kind="stable")]
    times = None if seconds is None else seconds[frames]
    return _index(found, frames, ranks, None if times is None else times - times[:1])


def _by_decoding(path: str, found: _Walked) -> Index:
    """Decode everything in order, and keep what came of it: from which packet each frame is, and its time."""
    origins, stamps, lost = [], [], []
    with opened(path) as (container, stream):
        for frame in decoded(container, stream, lost):
            origins.append(origin(frame))
            stamps.append(None if frame.pts is None else frame.pts * found.step)
    if not origins:
        raise VideoError(f"{path}: damaged, no frame of it decodes; fetch it again")
    is_counted = None in origins or len(set(origins)) < len(origins)
    frames = np.arange(len(origins)) if is_counted else np.array(origins)
    ranks = np.full(len(found.marks), np.nan)
    if not is_counted:
        ranks[frames] = np.arange(len(frames))
    times = None
    if None not in stamps:
        times = np.array(stamps) - stamps[0]
        if skipped := 0 if is_counted else int(frames.min()):
            begin = min((found.marks[0][0] or 0) * found.step, stamps[0])
            times = np.array(stamps) - begin
            found.notes.append(
                f"begins without a key frame: its first {skipped} packets do not decode, and frame 0 is shown at "
                f"{times[0]:.3f} s"
            )
    if lost:
        found.notes.append(f"damaged: {len(lost)} of its {len(found.marks)} packets do not decode")
    if len(frames) < len(found.marks):
        found.droppable = [False] * len(found.marks)  # of two fields in two packets, none may be missed
    return _index(found, frames, ranks, times, is_counted=is_counted)


def real_packets(container: InputContainer, stream: VideoStream) -> Iterator[av.Packet]:
    """The packets of a stream that hold something, in the order of the file."""
    return (packet for packet in container.demux(stream) if packet.size)


def tag(packet: av.Packet, ordinal: int) -> None:
    """Send a packet's place in the file through the decoder with it."""
    packet.opaque = [ordinal]  # a new object each: PyAV knows them by identity, and small numbers are one and the same


def origin(frame: VideoFrame) -> int | None:
    """The place of the packet that brought a frame; None where the decoder does not tell."""
    return None if frame.opaque is None else frame.opaque[0]


def decoded(container: InputContainer, stream: VideoStream, lost: list[int] | None = None) -> Iterator[VideoFrame]:
    """All frames from the first key frame on (before it decoders invent what they lack), each with its packet's place.

    lost: gets the places of packets that do not decode.
    """
    has_begun = False
    for ordinal, packet in enumerate(chain(real_packets(container, stream), [None])):
        if packet is not None:
            tag(packet, ordinal)
        try:
            frames = stream.codec_context.decode(packet)
        except av.FFmpegError:
            if lost is not None:
                lost.append(ordinal)
            continue
        for frame in frames:
            has_begun = has_begun or is_key(frame)
            if has_begun:
                yield frame


def _index(
    found: _Walked, frames: np.ndarray, ranks: np.ndarray, times: np.ndarray | None, *, is_counted: bool = False
) -> Index:
    numbers = np.full(len(found.marks), -1)
    if not is_counted:
        numbers[frames] = np.arange(len(frames))
    if times is None or (np.diff(times) <= 0).any():
        found.notes.append("tells no time for each frame, so all are taken to last equally long")
        times = np.arange(len(frames)) / found.fps
    duration = found.duration or len(frames) / found.fps
    is_closed = found.codec == "h264" and found.is_closed and not any(found.hidden) and found.container in TIMED
    return Index(
        frames, times, numbers, ranks, np.flatnonzero(found.keys), np.array(found.droppable), tuple(found.marks),
        is_counted, is_closed, found.fps, duration, tuple(found.notes),
    )  # fmt: skip


def is_key(frame: VideoFrame) -> bool:
    """Whether decoding may have begun at this frame."""
    return bool(frame.key_frame) and frame.pict_type in (PictureType.I, PictureType.NONE)


# Of H.264, ITU-T H.264 table 7-1: the low five bits of a unit's first byte are its type, the two above nal_ref_idc.
IDR, SLICE = 5, 1  # with SLICE of nal_ref_idc 0: a picture that no other one refers to
DROPPABLE = (6, 9, 12)  # supplemental information, delimiters and padding, likewise of nal_ref_idc 0


def nal_units(codec: str, extradata: bytes | None):
    """How to list the first bytes, without the zero bit, of all units of an H.264 packet; None for other codecs."""
    if codec != "h264":
        return None
    if extradata and extradata[0] == 1 and len(extradata) > 4:  # ISO/IEC 14496-15: units behind their lengths
        size = (extradata[4] & 3) + 1

        def lengths(data: memoryview) -> list[int]:
            at, kinds = 0, []
            while at + size < len(data):
                kinds.append(data[at + size])
                at += size + int.from_bytes(data[at : at + size], "big")
            return kinds

        return lengths

    def start_codes(data: memoryview) -> list[int]:
        return [part[0] for part in bytes(data).split(b"\0\0\1")[1:] if part]

    return start_codes
