"""The annotation of a drawn world, in the file format of Animal Kingdom."""

from collections.abc import Iterable
from pathlib import Path

from amc.base.paths import atomic


def write(path: Path, clips: Iterable[tuple[str, int, int, tuple[int, ...]]], split: str) -> None:
    """Write clips of (id, number, num_frames, labels), one row per frame numbered from 1, as Animal Kingdom does."""
    with atomic(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        file.write("original_vido_id video_id frame_id path labels type\n")
        for clip, number, num_frames, labels in clips:
            joined = ",".join(map(str, labels))
            file.writelines(
                f"{clip} {number} {frame} {clip}/{clip}_t{frame:06d}.jpg {joined} {split}\n"
                for frame in range(1, num_frames + 1)
            )
