"""Frames of a video file by number, each proven to be the one that was asked for.

A path, its `Index` and ascending numbers in; frames out, in order. Decoding begins at the key frame before, and every
packet carries its place in the file through the decoder: a frame is identified by its packet, never by counting.
Packets without a wanted frame that no other frame needs are not decoded. If a key frame turns out not to be one, the
file is decoded from its beginning; if a frame, or one that it may depend on, is damaged, that is an error.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain

import av
import numpy as np
from av.container import InputContainer
from av.video.codeccontext import VideoCodecContext
from av.video.frame import VideoFrame
from av.video.reformatter import VideoReformatter
from av.video.stream import VideoStream

from amc.base.errors import VideoError
from amc.video.index import Index
from amc.video.packets import checksum, decoded, is_key, mark, opened, origin, real_packets, tag

FAR = 2000  # packets up to which reading on is preferred to seeking
LATE = 64  # frames after which a missing one counts as lost; no codec delays that many


class _Unproven(Exception):
    """Decoding did not really begin at a key frame."""


@dataclass
class _Stretch:
    """Packets to decode one after another, from a key frame to the last one that is needed."""

    start: int
    stop: int  # the last packet
    numbers: list[int]  # the wanted frames in it, ascending
    is_whole: bool = False  # from the beginning of the file, with all packets


def frames(path: str, index: Index, wanted: Sequence[int]) -> Iterator[tuple[int, VideoFrame]]:
    """The frames of ascending numbers, with their numbers, as they are stored.

    Raises VideoError, whose `frame` is the first unreadable one, after all frames before it.
    """
    if index.ranks is None:
        yield from _counted(path, index, wanted)
        return
    done = 0
    try:
        for item in _all(path, index, _stretches(index, wanted)):
            yield item
            done += 1
    except _Unproven:
        left = list(wanted[done:])
        yield from _all(path, index, [_Stretch(0, max(map(index.stop, left)), left, is_whole=True)])


def _stretches(index: Index, wanted: Sequence[int]) -> list[_Stretch]:
    """The stretches for these frames; adjacent ones are joined, so that nothing is decoded twice or needlessly."""
    stretches: list[_Stretch] = []
    for number in wanted:
        start, stop = index.start(number), index.stop(number)
        if stretches and start <= stretches[-1].stop + 1:
            stretches[-1].stop = max(stretches[-1].stop, stop)
            stretches[-1].numbers.append(number)
        else:
            stretches.append(_Stretch(start, stop, [number]))
    return stretches


def _all(path: str, index: Index, stretches: list[_Stretch]) -> Iterator[tuple[int, VideoFrame]]:
    with opened(path) as (container, stream):
        packets = _Packets(path, container, stream, index)
        for stretch in stretches:
            yield from _Decoding(path, index, stretch).run(stream.codec_context, packets)
            stream.codec_context.flush_buffers()


class _Packets:
    """The packets of a video stream, each with its place in the file."""

    def __init__(self, path: str, container: InputContainer, stream: VideoStream, index: Index):
        self._path, self._container, self._stream, self._index = path, container, stream, index
        self._packets, self._next, self._has_sought = real_packets(container, stream), 0, False

    def between(self, start: int, stop: int) -> Iterator[tuple[int, av.Packet]]:
        """Packets from `start` to `stop`; later calls must ask for later ones."""
        if start - self._next > FAR:
            self._seek(start)
        while self._next <= stop:
            packet = next(self._packets, None)
            if packet is None or mark(packet) != self._index.marks[self._next]:
                if self._has_sought:
                    raise _Unproven
                raise VideoError(f"{self._path}: changed while it was read; read it again")
            self._next += 1
            if self._next > start:
                yield self._next - 1, packet

    def _seek(self, start: int) -> None:
        """Seek near `start` with the container's index; the packet found there shows the place reached."""
        stamp, self._has_sought = self._index.marks[start][0], True
        try:
            self._container.seek(stamp, stream=self._stream)
        except (av.FFmpegError, TypeError) as error:
            raise _Unproven from error
        packets = real_packets(self._container, self._stream)
        first = next(packets, None)
        places = [] if first is None else [n for n, known in enumerate(self._index.marks) if known == mark(first)]
        if len(places) != 1 or places[0] > start:
            raise _Unproven
        self._packets, self._next = chain([first], packets), places[0]


class _Decoding:
    """The decoding of one stretch.

    A frame is yielded once every packet before its own has decoded: the frames it may depend on are undamaged.
    """

    def __init__(self, path: str, index: Index, stretch: _Stretch):
        self.path, self.index, self.stretch = path, index, stretch
        self.wanted, self.todo = set(stretch.numbers), deque(stretch.numbers)
        self.held: dict[int, VideoFrame] = {}  # frames that wait to be yielded
        self.due: set[int] = set()  # packets whose frames have not come yet
        self.latest = -1  # the packet of the last decoded frame
        self.broken: int | None = None  # the first packet that is known to be damaged
        self.is_proven = not stretch.start
        packets = np.arange(stretch.start, stretch.stop + 1)
        numbers, is_shown = index.numbers[packets], index.numbers[packets] >= 0
        if stretch.start:  # frames shown before the key frame may need earlier ones, and are not checked
            is_shown &= index.ranks[packets] >= index.ranks[stretch.start]
        self.numbers = dict(zip(packets[is_shown].tolist(), numbers[is_shown].tolist(), strict=True))  # by packet
        is_needless = index.droppable[packets] & ~np.isin(numbers, stretch.numbers)
        self.needless = set() if stretch.is_whole else set(packets[is_needless].tolist())

    def run(self, context: VideoCodecContext, packets: _Packets) -> Iterator[tuple[int, VideoFrame]]:
        """The wanted frames, ascending. Raises _Unproven, or VideoError after all frames before the damage."""
        for ordinal, packet in packets.between(self.stretch.start, self.stretch.stop):
            if ordinal in self.needless:
                continue
            if ordinal in self.numbers:
                self.due.add(ordinal)
            tag(packet, ordinal)
            self._send(context, packet, ordinal)
            yield from self._ready()
            if self.broken is not None:
                break
        self._send(context, None, self.stretch.stop)
        self._give_up(self.due)
        yield from self._ready()
        if self.todo:
            raise self._error()

    def _send(self, context: VideoCodecContext, packet: av.Packet | None, ordinal: int) -> None:
        try:
            decoded = context.decode(packet)
        except av.FFmpegError:
            is_leading = self.index.numbers[ordinal] >= 0 and ordinal not in self.numbers
            if not is_leading and ordinal >= self.index.frames.min():  # frames of a lost beginning are not shown
                self._break(ordinal)
            return
        for frame in decoded:
            self._take(frame)

    def _take(self, frame: VideoFrame) -> None:
        packet = origin(frame)
        number = self.numbers.get(packet)
        if number is None:
            return
        self.due.discard(packet)
        if packet == self.stretch.start:
            if not self.is_proven and not is_key(frame):
                raise _Unproven
            self.is_proven = True
        if frame.is_corrupt:
            self._break(packet)
        if number < self.numbers.get(self.latest, -1):
            self._break(self.latest)  # it came too early: a key frame is lost, or the file has wrong times
        self.latest = packet
        if number in self.wanted:
            if self.index.sums and checksum(frame) != self.index.sums[number]:
                if not self.stretch.is_whole:
                    raise _Unproven  # damage or a false key frame: decode again from the beginning
                self._break(packet)  # damage that decodes differently every time
            self.held[number] = frame
        if len(self.due) > LATE:
            self._give_up({other for other in self.due if self.numbers[other] < number - LATE})

    def _give_up(self, packets: set[int]) -> None:
        """These packets gave no frame: what depends on them is damaged, unless the whole file decodes like that."""
        self.due = self.due - packets
        if packets and not self.stretch.is_whole:
            self._break(min(packets))

    def _break(self, ordinal: int) -> None:
        if not self.is_proven:
            raise _Unproven
        self.broken = ordinal if self.broken is None else min(ordinal, self.broken)

    def _ready(self) -> Iterator[tuple[int, VideoFrame]]:
        while self.todo and self.todo[0] in self.held:
            packet = self.index.frames[self.todo[0]]
            if self.broken is not None and packet >= self.broken:
                return
            if self.due and min(self.due) < packet:
                return
            number = self.todo.popleft()
            yield number, self.held.pop(number)

    def _error(self) -> VideoError:
        number = self.todo[0]
        if self.broken is not None and 0 <= (first := int(self.index.numbers[self.broken])) < number:
            number = first
        return VideoError(
            f"{self.path}: damaged at frame {number} ({self.index.times[number]:.2f} s), which does not decode; ask "
            "for frames before it, or fetch the file again",
            frame=number,
        )


def _counted(path: str, index: Index, wanted: Sequence[int]) -> Iterator[tuple[int, VideoFrame]]:
    """Frames by counting from the beginning, where decoders do not report their packets."""
    todo = deque(wanted)
    with opened(path) as (container, stream):
        for number, frame in enumerate(decoded(container, stream, lost := [], has_begun=0 in index.keys)):
            if number == todo[0]:
                if frame.is_corrupt or lost:
                    break
                yield todo.popleft(), frame
            if not todo:
                return
    raise VideoError(f"{path}: damaged at frame {todo[0]}, which does not decode; fetch it again", frame=todo[0])


def picture(frame: VideoFrame, reformatter: VideoReformatter) -> np.ndarray:
    """A frame as it is displayed, uint8 (H, W, 3) RGB: rotated and flipped as the file says."""
    plane = (rgb := reformatter.reformat(frame, format="rgb24")).planes[0]
    shown = np.ndarray((rgb.height, rgb.width, 3), np.uint8, buffer=plane, strides=(plane.line_size, 3, 1))
    matrix = frame.side_data.get("DISPLAYMATRIX")
    return shown if matrix is None else upright(shown, np.frombuffer(matrix, np.int32).reshape(3, 3))


def upright(picture: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Apply a display matrix (ISO/IEC 14496-12 8.2.2) of quarter turns and flips; others leave the picture unchanged.

    A point (x, y) is shown at (a x + c y, b x + d y), y downwards.
    """
    (a, b), (c, d) = np.sign(matrix[:2, :2])
    if a and d and not b and not c:
        right, down = a, d
    elif b and c and not a and not d:
        picture, right, down = picture.swapaxes(0, 1), c, b
    else:
        return picture
    return picture[:: int(down), :: int(right)]
