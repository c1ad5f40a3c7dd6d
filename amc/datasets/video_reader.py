"""A process that reads videos to their end: one path per line on stdin, one line of facts for each on stdout.

It may crash, as decoders do on broken files: `videos.examine` then reports at which one.
"""

import json
import sys

from amc import video
from amc.base import processes
from amc.video import VideoError

COMPARED = 4  # frames also read by the second reader, from the first to the last
FAR = 2.0  # mean difference in levels of 255: two readers differ by less, two frames of a moving film by more


def facts(path: str) -> dict:
    """Number of frames that decode, and why no more do: all are decoded, in memory independent of the video's length.

    If decord reads the kind of file correctly, some frames are compared with its; `doubt` says where the two differ.
    `damage` says where a decoder that conceals nothing would stop.
    """
    try:
        info = video.probe(path)
        for _ in video.stream(path, range(info.num_frames)):
            pass
    except VideoError as error:
        return {"num_frames": 0, "error": str(error)}
    return {"num_frames": info.num_frames, "doubt": _doubt(path, info.num_frames), "damage": video.damage(path)}


def _doubt(path: str, num_frames: int) -> str:
    if not video.has_second_opinion(path):
        return ""
    asked = sorted({round(k * (num_frames - 1) / (COMPARED - 1)) for k in range(COMPARED)})
    try:
        ours, theirs = (video.read_frames(path, asked, reader=name).float() for name in ("pyav", "decord"))
    except VideoError as error:
        return f"the second reader does not agree: {error}"
    wrong = [number for number, far in zip(asked, (ours - theirs).abs().mean((1, 2, 3)) > FAR, strict=True) if far]
    return f"{path}: PyAV and decord give different pictures for frames {wrong}" if wrong else ""


if __name__ == "__main__":
    processes.end_with_parent()  # killed, it could not end a reader amid a long video
    for line in sys.stdin:
        sys.stdout.write(json.dumps(facts(json.loads(line))) + "\n")
        sys.stdout.flush()
