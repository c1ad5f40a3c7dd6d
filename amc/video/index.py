"""The index of a video file: which packet holds which frame, when it is shown, and where decoding may begin.

A path in, an `Index` out. H.264, HEVC, VP9 and AV1 in containers that give every frame its own packet and time, and
codecs with key frames only, are indexed by their packets, without decoding. All others are decoded once completely:
then nothing is guessed about missing or estimated times, fields, hidden frames and lost beginnings.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from amc.base.errors import VideoError
from amc.video.packets import Walked, checksum, decoded, opened, origin, walk

TIMED = ("mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "flv")  # one packet per frame, with its time
SINGLE = ("h264", "hevc", "vp9", "av1")  # codecs with one frame per packet there
UNTIMED = ("avi", "asf")  # containers that store when packets are decoded, not when their frames are shown


@dataclass(frozen=True)
class Index:
    """P packets of a video stream, in file order, and their N frames, in display order."""

    frames: np.ndarray  # (N,) the packet of each frame
    times: np.ndarray  # (N,) seconds since the video stream begins
    numbers: np.ndarray  # (P,) the frame of each packet, -1 where it has none that is shown
    # (P,) float: the display order of packets, nan where it is unknown; None where decoders do not report the packet
    # of a frame, and frames are identified by counting only.
    ranks: np.ndarray | None
    keys: np.ndarray  # (K,) packets marked as key frames
    droppable: np.ndarray  # (P,) bool: no other frame needs it
    sums: tuple[int, ...]  # (N,) checksums of the decoded frames; empty where none was decoded
    marks: tuple[tuple, ...]  # (P,) what identifies a packet: its time and size
    is_closed: bool  # H.264 by packets, every key frame an IDR: no frame depends on frames across it
    fps: float  # mean over the video
    duration: float  # seconds
    notes: tuple[str, ...]  # what is unusual about the file, one sentence each

    def start(self, number: int) -> int:
        """The packet where decoding must begin for a frame: the last key frame before it in file and display order."""
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
        """Packets that hold frames, ascending."""
        return np.sort(self.frames)


def index(path: str) -> Index:
    """The index of a video file. Raises VideoError if it is not a video, is cut off, or has no frame."""
    walked = walk(path)
    return _by_packets(walked) if _is_plain(walked) else _by_decoding(path, walked)


def _is_plain(found: Walked) -> bool:
    """Whether packets alone identify the frames: one each, all times known and different, from a key frame on."""
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
        # If the decoder reorders frames, times in packet order cannot be display times.
        and not (found.is_reordered and all(a < b for a, b in pairwise(found.pts)))
    )


def _by_packets(found: Walked) -> Index:
    shown = np.flatnonzero(~np.array(found.hidden))
    # Where all are key frames, they are shown in file order, whatever their times.
    ranks = np.arange(len(found.pts)) if found.is_intra else np.array(found.pts)
    frames = shown[np.argsort(ranks[shown], kind="stable")]
    return _index(found, frames, ranks.astype(float), [found.pts[packet] for packet in frames])


def _by_decoding(path: str, found: Walked) -> Index:
    """Decode everything in order, and record the packet and the time of each frame."""
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
        found.droppable = [False] * len(found.marks)  # where two packets hold two fields, both are needed
    ranks = np.full(len(found.marks), np.nan)
    ranks[origins] = np.arange(len(origins))
    return _index(found, np.array(origins), ranks, stamps, sums)


def _times(found: Walked, frames: np.ndarray, stamps: list[int | None], is_counted: bool) -> np.ndarray:
    """Seconds of each frame since the stream begins.

    Where a container stores no display times, decoding times serve as well: sorted, they differ from them by a constant
    delay. With neither, all frames last equally long.
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
    """ranks: None where frames are identified by counting; stamps: when each frame is shown, in units of `step`."""
    times = _times(found, frames, stamps, is_counted=ranks is None)
    numbers, fps = np.full(len(found.marks), -1), found.fps
    if ranks is not None:
        numbers[frames] = np.arange(len(frames))
    measured = float((len(times) - 1) / (times[-1] - times[0])) if len(times) > 1 else fps
    if not abs(fps / measured - 1) < 0.01:  # all raw streams are reported as 25 frames per second
        fps = measured
    return Index(
        frames, times, numbers, ranks, np.flatnonzero(found.keys), np.array(found.droppable), tuple(sums),
        tuple(found.marks),
        is_closed=found.codec == "h264" and found.is_closed and not any(found.hidden) and found.container in TIMED,
        fps=fps, duration=found.duration or len(frames) / fps, notes=tuple(found.notes),
    )  # fmt: skip
