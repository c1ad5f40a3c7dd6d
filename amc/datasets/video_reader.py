"""A process that reads videos to their end: one path a line on stdin, one line of facts for each on stdout.

It may crash, as decoders do at broken files: `videos.examine` then knows at which.
"""

import json
import sys

from amc import video
from amc.video import VideoError


def facts(path: str) -> dict:
    """Frames that decode, and why no more do: reading the last one decodes all that it depends on."""
    try:
        info = video.probe(path)
        video.read_frames(path, [0, info.num_frames - 1])
    except VideoError as error:
        return {"num_frames": 0, "error": str(error)}
    return {"num_frames": info.num_frames}


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(facts(json.loads(line))) + "\n")
        sys.stdout.flush()
