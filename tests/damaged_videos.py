"""Is damage to a video told? 252 damaged and 75 intact files, read as by `index`: `reports/damaged_videos.json`.

Drawn films of many kinds, and real clips if available, are damaged by a seeded generator (`damages`), 28 files by each
kind. A file is *refused* with an error, or *flagged* as damaged, or as one on which two readers differ. If nothing is
said, its frames are compared with those of the intact file: *the same*; *right pictures*, each a frame of the intact
file, but fewer, more or in another order, as of a film that was cut so; or *silent*: a wrong picture that nothing tells
of. An intact file of which anything is said is a *false alarm*. `make test-faults` runs it.

    python tests/damaged_videos.py [--files 252] [--intact 75] [--seed 0] [--clips ../shared/clips] [--out RECORD]
"""

import argparse
import os
import tempfile
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np
from damages import DAMAGES
from films import FILMS
from video_fuzz import digest

from amc import video
from amc.base import paths, provenance, seal
from amc.datasets import videos
from amc.datasets.table import Clip, ClipTable
from amc.datasets.videos import Facts

SHARED = Path(__file__).resolve().parents[2] / "shared" / "clips"
FILES, INTACT = 252, 75
KNOWN = 19  # silent ones of seed 0: nearly all of codecs without a check, such as raw pictures, FFV1 and VP9
HOW = ("refused", "flagged", "the same", "right pictures", "silent")
LARGEST = 300_000  # bytes of a real clip: a longer film shows nothing else, and takes minutes
BROKEN = ("decord_corrupted",)  # real clips that are not intact


class File(NamedTuple):
    """A file, the intact one that it was made from, and how it was damaged; "" if not at all."""

    path: Path
    source: Path
    damage: str


def sources(folder: Path, clips: Path | None, count: int) -> list[Path]:
    """`count` intact videos: the real clips that are small, and drawn films of as many kinds as possible."""
    real = sorted(clips.rglob("*")) if clips else []
    real = [path for path in real if path.suffix in (".mp4", ".mkv", ".gif") and path.stem not in BROKEN]
    real = [path for path in real if path.stat().st_size <= LARGEST]
    kinds = np.unique(np.linspace(0, len(FILMS) - 1, count - len(real)).round().astype(int))
    return [FILMS[k].make(folder) for k in kinds] + real


def damaged(whole: list[Path], folder: Path, count: int, seed: int) -> Iterator[File]:
    """`count` files, of each kind of damage equally many."""
    for number in range(count):
        rng = np.random.default_rng([seed, number])
        source, damage = whole[rng.integers(len(whole))], DAMAGES[number % len(DAMAGES)]
        path = folder / f"{number:04} {damage.__name__}{source.suffix}"
        path.write_bytes(damage(bytearray(source.read_bytes()), rng))
        yield File(path, source, damage.__name__)


def frames(path: str) -> list[str]:
    """A digest of each frame."""
    read = video.stream(path, range(video.probe(path).num_frames))
    return [digest(frame.permute(1, 2, 0).numpy())[0] for _, part in read for frame in part]


def judge(file: File, facts: Facts) -> str:
    """One of HOW."""
    if facts.error:
        return "refused"
    if facts.damage or facts.doubt:
        return "flagged"
    found, right = frames(str(file.path)), frames(str(file.source))
    if found == right:
        return "the same"
    return "right pictures" if set(found) <= set(right) else "silent"


def examined(files: list[File], name: str) -> dict[str, Facts]:
    """What the reader of `index` says of each file."""
    clips = tuple(Clip(str(file.path), file.path, (0,), "test", 0) for file in files)
    found = videos.examine(ClipTable(name, ("x",), clips), name, workers=2, log=lambda line: None)
    return {clip.id: facts for clip, facts in found}


def run(folder: Path, clips: Path | None, *, files: int = FILES, intact: int = INTACT, seed: int = 0) -> dict:
    """Counts of HOW for all files and by kind of damage, names of the silent ones, and false alarms."""
    os.environ["AMC_CACHE"] = str(folder / "cache")
    (folder / "whole").mkdir(parents=True)
    (folder / "damaged").mkdir()
    whole = sources(folder / "whole", clips, intact)
    broken = list(damaged(whole, folder / "damaged", files, seed))
    told = examined([File(path, path, "") for path in whole], "whole")
    alarms = {Path(path).name: facts for path, facts in told.items() if facts.error or facts.damage or facts.doubt}
    told = examined(broken, "damaged")
    rows = [(file, judge(file, told[str(file.path)])) for file in broken]
    names = [damage.__name__ for damage in DAMAGES]
    return {
        "intact": len(whole),
        "damaged": len(broken),
        "false_alarms": {name: facts.error or facts.damage or facts.doubt for name, facts in alarms.items()},
        "found": {how: sum(row[1] == how for row in rows) for how in HOW},
        "by_damage": {name: dict(Counter(how for file, how in rows if file.damage == name)) for name in names},
        "silent": [f"{file.path.name} of {file.source.name}" for file, how in rows if how == "silent"],
    }


def main() -> None:
    """Make and read the files, print the counts and write the record."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=FILES)
    parser.add_argument("--intact", type=int, default=INTACT)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--clips", type=Path, default=SHARED if SHARED.is_dir() else None)
    parser.add_argument("--out", type=Path, default=paths.reports() / "damaged_videos.json")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        found = run(Path(folder), given.clips, files=given.files, intact=given.intact, seed=given.seed)
    for key, value in found.items():
        print(f"{key}: {value}")
    seal.write_json(given.out, found | {"seed": given.seed, "provenance": provenance.collect()}, indent=1)


if __name__ == "__main__":
    main()
