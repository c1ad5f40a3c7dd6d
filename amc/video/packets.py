"""The packets of a video file: a path in; their times, key frames and kinds out, or frames with their packets."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import av
import numpy as np
from av.container import InputContainer
from av.stream import Disposition
from av.video.frame import PictureType, VideoFrame
from av.video.stream import VideoStream

from amc.base.errors import VideoError
from amc.video import h264

ESTIMATED = ("mpegts", "mpeg")  # containers that declare no length: FFmpeg estimates it from the end
NO_VIDEOS = (  # pictures, lists of other files, and bytes that FFmpeg would draw as a terminal does
    "image2", "concat", "hls", "dash", "tty", "bin", "xbin", "adf", "idf",
)  # fmt: skip
MAX_PIXELS = 100_000_000  # of a frame: more than 12K film has; a small file may declare gigabytes
LIMIT = {"max_pixels": str(MAX_PIXELS)}
STRICT = {"err_detect": "crccheck+bitstream+buffer+explode"}  # an error ends decoding; explode alone finds fewer
# Local files only: a text that FFmpeg takes for a playlist must not open addresses. Wrong tags do not matter.
OPEN = {"options": {"protocol_whitelist": "file", **LIMIT}, "metadata_errors": "replace"}


@contextmanager
def opened(path: str) -> Iterator[tuple[InputContainer, VideoStream]]:
    """The file and its main video stream: the first one that is not a cover picture."""
    try:
        if not Path(path).stat().st_size:
            raise VideoError(f"{path}: empty file; fetch it again")
        with av.open(path, **OPEN) as container:
            name = container.format.name
            if name in NO_VIDEOS or name.endswith("_pipe"):
                raise VideoError(f"{path}: a text, a list or a single picture, not a video")
            if not (streams := films(container)):
                raise VideoError(f"{path}: has no video stream")
            context = streams[0].codec_context
            if context.width * context.height > MAX_PIXELS:
                size = f"{context.width} x {context.height} pixels, at most {MAX_PIXELS / 1e6:.0f} million can be read"
                raise VideoError(f"{path}: its frames have {size}; make it smaller")
            context.thread_count = 1  # one process per core is faster than several threads
            context.options = LIMIT  # also of a later frame
            context.copy_opaque = True  # each frame carries the number of its packet
            yield container, streams[0]
    except (av.FFmpegError, OSError, UnicodeError, IndexError) as error:  # IndexError: streams that appear later
        raise VideoError(
            f"{path}: not a video, or damaged ({getattr(error, 'strerror', None) or error}); fetch it again"
        ) from error


def films(container: InputContainer) -> list[VideoStream]:
    """The video streams that are not cover pictures."""
    return [s for s in container.streams.video if not s.disposition & Disposition.attached_pic]


@dataclass
class Walked:
    """What one pass over the packets showed."""

    container: str
    codec: str
    is_intra: bool  # the codec only has key frames
    is_reordered: bool  # frames are not shown in the order in which they are decoded
    step: float  # seconds per unit of time
    fps: float
    duration: float
    notes: list[str]
    pts: list[int | None]  # when a packet's frame is shown
    dts: list[int | None]  # when it is to be decoded
    marks: list[tuple]
    keys: list[bool]
    hidden: list[bool]  # hidden by an edit list
    droppable: list[bool]
    is_closed: bool


def walk(path: str) -> Walked:
    """Read all packets without decoding any. Raises VideoError for a file that is not a video or is cut off."""
    with opened(path) as (container, stream):
        context = stream.codec_context
        found = Walked(
            container=container.format.name, codec=context.codec.canonical_name, is_intra=context.codec.intra_only,
            is_reordered=bool(context.has_b_frames),
            step=float(stream.time_base), fps=float(stream.average_rate or stream.guessed_rate or "nan"),
            duration=(container.duration or 0) / av.time_base,
            notes=[], pts=[], dts=[], marks=[], keys=[], hidden=[], droppable=[], is_closed=True,
        )  # fmt: skip
        if (count := len(films(container))) > 1:
            found.notes.append(f"holds {count} video streams, of which the first is read")
        units = h264.units(context.extradata)
        end = num_packets = 0
        for packet in container.demux():
            if packet.pts is not None:  # audio may be longer than the video: the end is that of all streams
                end = max(end, float((packet.pts + (packet.duration or 0)) * packet.time_base))
            if packet.stream is not stream or (packet.dts is packet.pts is None and not packet.size):
                continue  # of another stream, or the empty last one, which marks the end
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


def _refuse_cut(path: str, found: Walked, stream: VideoStream, num_packets: int, end: float) -> None:
    """Raise VideoError where the container declares more than the file holds."""
    declared = 0.0 if found.container in ESTIMATED else found.duration
    if found.container == "avi":  # its length is that of the data present, but its header has the number of frames
        declared = max(declared, stream.frames * found.step)
    rounding = 0.1 if num_packets < stream.frames else 0.1 + 0.05 * declared  # seconds, tolerated
    is_cut = end < declared - rounding
    is_cut |= found.container == "gif" and Path(path).read_bytes().rstrip(b"\0")[-1:] != b";"  # the end of a whole one
    is_cut |= found.container == "asf" and Path(path).stat().st_size < _asf_size(path)
    if is_cut or not found.marks:
        promised = f"{stream.frames or 'more'} frames" + (f", {declared:.2f} s" if declared else "")
        held = f"holds {num_packets} frames, {end:.2f} s"
        raise VideoError(f"{path}: truncated, it {held}, where its container promises {promised}; fetch it again")


def _asf_size(path: str) -> int:
    """Bytes of a whole ASF or WMV file, from its file properties object (ASF specification 3.2); 0: unknown."""
    with open(path, "rb") as file:
        found = file.read(65536).partition(bytes.fromhex("a1dcab8c47a9cf118ee400c00c205365"))[2]
    return int.from_bytes(found[24:32], "little")


def mark(packet: av.Packet) -> tuple:
    """What identifies a packet when the file is read again."""
    return packet.dts if packet.pts is None else packet.pts, packet.size


def real_packets(container: InputContainer, stream: VideoStream) -> Iterator[av.Packet]:
    """The non-empty packets of a stream, in file order."""
    return (packet for packet in container.demux(stream) if packet.size)


def tag(packet: av.Packet, ordinal: int) -> None:
    """Attach a packet's place in the file to it, which the decoder passes on to its frame."""
    packet.opaque = [ordinal]  # a new list each: PyAV identifies objects by identity, and equal small integers are one


def origin(frame: VideoFrame) -> int | None:
    """The place of the packet that a frame comes from; None where the decoder does not say."""
    place = frame.opaque
    return None if place is None else place[0]


def decoded(
    container: InputContainer, stream: VideoStream, lost: list[int], *, has_begun: bool
) -> Iterator[VideoFrame]:
    """All frames from the first key frame on (before it decoders invent content), each with its packet's place.

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


def damage(path: str) -> str:
    """Where decoding stops if errors are not concealed, from the first key frame on; "" if nowhere."""
    with opened(path) as (container, stream):
        stream.codec_context.options = LIMIT | STRICT
        has_begun = False
        for ordinal, packet in enumerate(chain(real_packets(container, stream), [None])):
            has_begun = has_begun or packet is None or packet.is_keyframe
            try:
                frames = stream.codec_context.decode(packet) if has_begun else ()
            except av.FFmpegError as error:
                return f"packet {ordinal} does not decode ({error.strerror})"
            if any(frame.is_corrupt for frame in frames):
                return f"a frame before packet {ordinal} is corrupt"
    return ""


def checksum(frame: VideoFrame) -> int:
    """Checksum of a frame's pixels as decoded, without the padding of their memory."""
    total = 0
    for place, plane in enumerate(frame.planes):
        rows = np.frombuffer(plane, np.uint8).reshape(plane.height, -1)
        total = zlib.crc32(np.ascontiguousarray(rows[:, : _row_bytes(frame, place)]), total)
    return total


def _row_bytes(frame: VideoFrame, place: int) -> int:
    """Bytes of one row of pixels in the `place`-th plane; rows in memory may be longer."""
    layout = frame.format
    if len(frame.planes) == 1:
        return -(-frame.width * layout.padded_bits_per_pixel // 8)
    return sum(part.width * -(-part.bits // 8) for part in layout.components if part.plane == place)


def is_key(frame: VideoFrame) -> bool:
    """Whether decoding could start at this frame."""
    return bool(frame.key_frame) and frame.pict_type in (PictureType.I, PictureType.NONE)
