"""A process that reads videos to their end: one path a line on stdin, one line of facts for each on stdout.

It may crash, as decoders do at broken files: `videos.examine` then knows at which.
"""

import json
import sys

from amc import video
from amc.video import VideoError


def facts(path: str) -> dict:
    """Frames that decode, and why no more do: every one is decoded, in memory that does not grow with the video."""
    try:
        info = video.probe(path)
        for _ in video.stream(path, range(info.num_frames)):
            pass
    except VideoError as error:
        return {"num_frames": 0, "error": str(error)}
    return {"num_frames": info.num_frames}


if __name__ == "__main__":
    for line in sys.stdin:
        sys.stdout.write(json.dumps(facts(json.loads(line))) + "\n")
        sys.stdout.flush()
