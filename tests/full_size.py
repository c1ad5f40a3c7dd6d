"""A dry run at Animal Kingdom's full size, without its videos: `python tests/full_size.py build FOLDER WORKBOOK`.

30,100 clips with the real names and labels, 145 rows a clip as the published Charades files have them, over a few
hundred distinct Synth Kingdom videos. Each file ends in a box of its own, so that all have different contents, as real
ones have. The name of the published workbook's file is given; it is not ours to ship.

    python tests/full_size.py build FOLDER WORKBOOK     the folder (1 GB), to be used as --data-root
    python tests/full_size.py index FOLDER              seconds and memory of the index: the first time and the second
"""

import argparse
import json
import resource
import shutil
import subprocess
import sys
import time
from pathlib import Path

ROWS = 145  # frames a clip: 4.4 million rows in all


def build(folder: Path, workbook: Path, size: str) -> None:
    """Lay the folder out; what is there already stays."""
    from amc.datasets import animal_kingdom, catalogue, charades

    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(workbook, folder / "AR_metadata.xlsx")
    table = animal_kingdom.index_metadata(folder / "AR_metadata.xlsx")
    for split, file in (("train", "train.csv"), ("test", "val.csv")):
        clips = [(clip.id, n, ROWS, clip.labels) for n, clip in enumerate(table.split(split).clips)]
        charades.write(folder / "annotation" / file, clips, split)
    videos = [clip.path.read_bytes() for clip in catalogue.load("synth", size=size).clips]
    (folder / "video").mkdir(exist_ok=True)
    for number, clip in enumerate(table.clips):
        mark = number.to_bytes(8, "big")
        path = folder / "video" / f"{clip.id}.mp4"
        path.write_bytes(videos[number % len(videos)] + (8 + len(mark)).to_bytes(4, "big") + b"free" + mark)


def index(folder: Path) -> None:
    """Both ways to the table, each in a process of its own: the first time, and again when it is remembered."""
    ways = {
        "4.4 million Charades rows": f"animal_kingdom.index({str(folder)!r})",
        "AR_metadata.xlsx alone": f"animal_kingdom.index_metadata({str(folder / 'AR_metadata.xlsx')!r})",
    }
    for what, call in ways.items():
        for turn in ("first", "second"):
            code = f"from amc.datasets import animal_kingdom; print(len({call}))"
            started = time.perf_counter()
            done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
            seconds = time.perf_counter() - started
            peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1e6  # of the largest child so far, GB
            row = {"from": what, "time": turn, "clips": int(done.stdout), "seconds": seconds, "largest_gb": peak}
            print(json.dumps(row))


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=["build", "index"])
    parser.add_argument("folder", type=Path)
    parser.add_argument("workbook", type=Path, nargs="?")
    parser.add_argument("--size", default="smoke", help="of the Synth Kingdom whose videos are used")
    given = parser.parse_args()
    if given.what == "build":
        build(given.folder, given.workbook, given.size)
    else:
        index(given.folder)
