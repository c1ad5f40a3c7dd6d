"""What a video file holds: which packet brings which frame, when it is shown, and where decoding may begin.

A path in, an `Index` out. H.264, HEVC, VP9 and AV1 in containers that give every frame a packet and a time of its own,
and codecs whose every frame stands alone, are indexed by their packets, without decoding. All others are decoded once
from end to end: times that are missing or estimated, fields, hidden frames and lost beginnings are then no guesses.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from amc.base.errors import VideoError
from amc.video.packets import Walked, checksum, decoded, opened, origin, walk

TIMED = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "flv")  # containers in which a packet is a frame and has its time
SINGLE = ("h264", "hevc", "vp9", "av1")  # codecs that bring one frame per packet there
UNTIMED = ("avi", "asf")  # containers that know when packets are decoded, not when their frames are shown


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
    sums: tuple[int, ...]  # (N,) checksums of the decoded frames; empty where none was decoded
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


def index(path: str) -> Index:
    """The index of a video file. Raises VideoError for what is no video, is cut off, or brings no frame."""
    walked = walk(path)
    return _by_packets(walked) if _is_plain(walked) else _by_decoding(path, walked)


def _is_plain(found: Walked) -> bool:
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
        # Where the decoder reorders, times that follow the packets cannot be those of the frames.
        and not (found.is_reordered and all(a < b for a, b in pairwise(found.pts)))
    )


def _by_packets(found: Walked) -> Index:
    shown = np.flatnonzero(~np.array(found.hidden))
    # Frames that stand alone are shown as they lie in the file, whatever their times.
    ranks = np.arange(len(found.pts)) if found.is_intra else np.array(found.pts)
    frames = shown[np.argsort(ranks[shown], kind="stable")]
    return _index(found, frames, ranks.astype(float), [found.pts[packet] for packet in frames])


def _by_decoding(path: str, found: Walked) -> Index:
    """Decode everything in order, and keep what came of it: from which packet each frame is, and its time."""
    origins, stamps, sums, lost = [], [], [], []
    with opened(path) as (container, stream):
        for frame in decoded(container, stream, lost, has_begun=found.keys[0]):
            origins.append(origin(frame))
            stamps.append(frame.pts)
            sums.append(checksum(frame))
    if not origins:
        raise VideoError(f"{path}: damaged, no frame of it decodes; fetch it again")
    if lost:
        found.notes.append(f"damaged: {len(lost)} of its {len(found.marks)} packets do not decode")
    elif len(origins) < len(found.marks):
        found.notes.append(
            f"its {len(found.marks)} packets bring {len(origins)} frames: fields, hidden ones, or damage"
        )
    if None in origins or len(set(origins)) < len(origins):
        return _index(found, np.arange(len(origins)), None, stamps, sums)
    if len(origins) < len(found.marks):
        found.droppable = [False] * len(found.marks)  # of two fields in two packets, none may be missed
    ranks = np.full(len(found.marks), np.nan)
    ranks[origins] = np.arange(len(origins))
    return _index(found, np.array(origins), ranks, stamps, sums)


def _times(found: Walked, frames: np.ndarray, stamps: list[int | None], is_counted: bool) -> np.ndarray:
    """Seconds of each frame since the stream begins.

    Where a container does not say when frames are shown, the times at which they are decoded say it too: sorted, they
    are later by the same delay throughout. With neither, all frames last equally long.
    """
    kinds = [] if found.container in UNTIMED and not is_counted else [(stamps, found.pts)]
    kinds += [] if is_counted else [([found.dts[packet] for packet in np.sort(frames)], found.dts)]
    for own, all_of_them in kinds:
        if None in own or (np.diff(own) <= 0).any():
            continue
        skipped = 0 if is_counted or found.keys[0] else int(frames.min())
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


def _index(
    found: Walked, frames: np.ndarray, ranks: np.ndarray | None, stamps: list[int | None], sums: Sequence[int] = ()
) -> Index:
    """ranks: None where frames are known by counting alone; stamps: when each frame is shown, in units of `step`."""
    times = _times(found, frames, stamps, is_counted=ranks is None)
    numbers, fps = np.full(len(found.marks), -1), found.fps
    if ranks is not None:
        numbers[frames] = np.arange(len(frames))
    measured = float((len(times) - 1) / (times[-1] - times[0])) if len(times) > 1 else fps
    if not abs(fps / measured - 1) < 0.01:  # raw streams are given 25 frames per second, whatever they have
        fps = measured
    return Index(
        frames, times, numbers, ranks, np.flatnonzero(found.keys), np.array(found.droppable), tuple(sums),
        tuple(found.marks),
        is_closed=found.codec == "h264" and found.is_closed and not any(found.hidden) and found.container in TIMED,
        fps=fps, duration=found.duration or len(frames) / fps, notes=tuple(found.notes),
    )  # fmt: skip
