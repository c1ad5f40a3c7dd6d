"""Your own clips: a folder with a `labels.csv` of two columns in, the table of clips out.

    file,labels
    morning/zebra_01.mp4,grazing;walking
    morning/zebra_02.mp4,grazing

Labels of a clip are joined by `;`. A third column `source` may name the video that a clip was cut from: clips of one
source stay together, so that no test clip has a sister in training. Behaviours are numbered by the alphabet.
"""

import hashlib
from collections import Counter
from itertools import pairwise
from pathlib import Path

from amc.datasets import charades
from amc.datasets.table import SPLITS, Clip, ClipTable, inside
from amc.errors import AmcError, AnnotationError

PATTERN = (True, False, True, False, True)  # which sources of a behaviour are for training, again and again


def index(root: Path | str) -> ClipTable:
    """Table of the clips of `labels.csv`; a few a behaviour suffice.

    Sources are dealt out by a hash of their names, the rarest behaviours first and to training first, so the same
    folder gives the same splits everywhere. Raises AmcError for a missing table or too few sources, AnnotationError
    with every wrong line.
    """
    root = Path(root)
    file = root / "labels.csv"
    if not file.is_file():
        raise AmcError(f"folder: {file} is missing; write a line `file,labels` and one a clip, labels joined by ;")
    rows, wrong, seen = charades.read_rows(file, ("file", "labels")), [], {}
    for line, row in enumerate(rows, start=2):
        labels = {name.strip() for name in row["labels"].split(";") if name.strip()}
        try:
            path = inside(root, row["file"].strip(), f"{file}:{line}")
            if not labels:
                raise AmcError(f"{file}:{line}: {row['file']} has no label; give one, or remove the line")
            if not path.exists():
                raise AmcError(f"{file}:{line}: {path} is missing; restore it, or remove the line")
            if path in seen:
                raise AmcError(f"{file}:{line}: {row['file']} is listed already; join its labels by ;")
            seen[path] = (row["file"].strip(), (row.get("source") or row["file"]).strip(), labels)
        except AmcError as error:
            wrong.append(str(error))
    if wrong:
        raise AnnotationError(wrong)
    names = tuple(sorted(set().union(*(labels for _, _, labels in seen.values())), key=str.casefold))
    sources: dict[str, set[str]] = {}
    for _, source, labels in seen.values():
        sources.setdefault(source, set()).update(labels)
    splits = _deal(sources, file)
    clips = tuple(
        Clip(name, path, tuple(sorted(map(names.index, labels))), splits[source], group=source)
        for path, (name, source, labels) in seen.items()
    )
    untrained = sorted(set(names) - {names[label] for clip in clips if clip.split == "train" for label in clip.labels})
    notes = (f"no training clip of {', '.join(untrained)}: label more of it",) if untrained else ()
    alike = [pair for pair in pairwise(names) if pair[0].casefold() == pair[1].casefold()]
    notes += tuple(f"{one} and {other} are two behaviours: were they meant to be one?" for one, other in alike)
    return ClipTable("folder", names, clips, notes)


def _deal(sources: dict[str, set[str]], file: Path) -> dict[str, str]:
    """The split of each source."""
    counts = Counter(name for labels in sources.values() for name in labels)
    order = sorted(sources, key=lambda source: hashlib.sha256(source.encode()).digest())
    splits, turns = {}, Counter()
    for name in sorted(counts, key=lambda name: (counts[name], name)):
        for source in order:
            if name in sources[source] and source not in splits:
                is_trained = PATTERN[turns[name] % len(PATTERN)]
                dealt = Counter(splits.values())  # the others by turns, so that few a behaviour fill both
                splits[source] = "train" if is_trained else "val" if dealt["val"] < dealt["test"] else "test"
                turns[name] += 1
    if missing := [split for split in SPLITS if split not in splits.values()]:
        raise AmcError(f"{file}: {len(sources)} sources leave none for {missing[0]}; label more clips")
    return splits
