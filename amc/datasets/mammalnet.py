"""MammalNet (12 behaviours of 173 mammals): its lists and videos in, the table of clips out. One label per clip.

`train.csv`, `val.csv`, `test.csv` in `annotation/` or beside the videos, one clip per line: `path behaviour animal`
with one space between them. Its own validation split is used.
"""

import os
from pathlib import Path

from amc.base.errors import AmcError, AnnotationError
from amc.datasets import cached, delimited
from amc.datasets.table import SPLITS, Clip, ClipTable, inside

NAMES = (
    "drinks water", "sleeps", "eats food", "mates with other animals", "nurses its baby", "pees", "grooms", "poops",
    "fights", "hunts", "vomits", "gives birth",
)  # fmt: skip
HELP = "get MammalNet as data/README.md says"


def index(root: Path | str) -> ClipTable:
    """Table of every listed clip; paths in the lists are relative to `root/video`, or to `root` if that is missing.

    The lists give animals only as numbers: `animal 17`. Raises AmcError for a missing list, AnnotationError for wrong
    rows and absent videos.
    """
    root = Path(root)
    folder = root / "annotation" if (root / "annotation").is_dir() else root
    sources = [folder / f"{split}.csv" for split in SPLITS]
    if absent := [path for path in sources if not path.exists()]:
        raise AmcError(f"mammalnet: {absent[0]} is missing; {HELP}")
    videos = root / "video" if (root / "video").is_dir() else root
    table = cached.table(f"mammalnet {videos}", sources, lambda: _read(sources, videos))
    if gone := [clip for clip in table.clips if not os.path.exists(clip.path)]:
        raise AnnotationError([f"{clip.path} is missing but annotated ({clip.split}); {HELP}" for clip in gone])
    return table


def _read(sources: list[Path], videos: Path) -> ClipTable:
    clips, wrong, places = [], [], {}
    for path, split in zip(sources, SPLITS, strict=True):
        for line, text in enumerate(map(str.strip, delimited.lines(path)), start=1):
            if not text:
                continue
            place = f"{path}:{line}"
            try:
                name, behaviour, animal = text.rsplit(" ", 2)
                label, species, file = int(behaviour), int(animal), inside(videos, name, place)
                if not 0 <= label < len(NAMES):
                    raise AmcError(f"{place}: behaviour {label}, but they run from 0 to {len(NAMES) - 1}; correct it")
                if file in places:
                    raise AmcError(f"{place}: {name} is listed already, {places[file]}; remove one of them")
            except AmcError as error:
                wrong.append(str(error))
            except ValueError:
                wrong.append(f"{place}: {text!r}, expected such as 'Di4eEBZjkA4.mp4 1 1'; correct it")
            else:
                places[file] = place
                clips.append(Clip(name, file, (label,), split, None, f"animal {species}"))
    if wrong:
        raise AnnotationError(wrong)
    return ClipTable("mammalnet", NAMES, tuple(clips))
