"""Your own clips: a folder with a `labels.csv` of two columns in, the table of clips out.

    file,labels
    morning/zebra_01.mp4,grazing;walking
    morning/zebra_02.mp4,grazing

Labels of a clip are joined by `;`; `background` alone means that it shows none of the behaviours. A third column
`source` may name the video that a clip was cut from: clips of one source stay in one split, so that none is in both
test and training. Behaviours are numbered alphabetically. If semicolons separate the columns, as in Excel in many
countries, a cell with several labels is in quotes.
"""

import hashlib
import os
from collections import Counter
from pathlib import Path

from amc.base.errors import AmcError, AnnotationError
from amc.datasets import delimited
from amc.datasets.names import check, clean, key
from amc.datasets.table import SPLITS, Clip, ClipTable, inside

TABLE = "labels.csv"
BACKGROUND = "background"  # DeepEthogram's word for a frame without any behaviour
PART = 0.2  # of the clips, which validation and test should have each
PATTERN = (True, False, True, False, True)  # which sources of a behaviour are for training, repeated


def index(root: Path | str) -> ClipTable:
    """Table of the clips of `labels.csv`; a few per behaviour suffice. Equal names (`names.key`) are one behaviour.

    Sources are assigned to splits, the rarest behaviours first and to training first: those with most clips, then by a
    hash of their names, so the same folder gives the same splits everywhere. Raises AmcError for a missing table or too
    few sources, AnnotationError with every wrong line.
    """
    root = Path(root)
    file = root / TABLE
    if not file.is_file():
        says = "write a line `file,labels` and one for each clip, with `;` between labels"
        raise AmcError(f"folder: {file} is missing; {says}; or give a folder of whole videos with their annotation")
    seen = _rows(root, file)
    spelt, notes = _spelt(Counter(label for _, _, labels in seen.values() for label in labels))
    names = tuple(sorted(set(spelt.values()), key=lambda name: (name.casefold(), name)))
    sizes = Counter(source for _, source, _ in seen.values())
    order = sorted(sizes, key=lambda source: (-sizes[source], hashlib.sha256(source.encode()).digest()))
    sources: dict[str, set[str]] = {source: set() for source in order}
    for _, source, labels in seen.values():
        sources[source].update(spelt[label] for label in labels)
    splits = _filled(_deal(sources, file), sources, sizes)
    clips = tuple(
        Clip(
            name, path, tuple(sorted({names.index(spelt[label]) for label in labels})), splits[source], group=source,
            is_background=not labels,
        )
        for path, (name, source, labels) in seen.items()
    )  # fmt: skip
    untrained = sorted(set(names) - {names[label] for clip in clips if clip.split == "train" for label in clip.labels})
    notes = ([f"no training clip of {', '.join(untrained)}: label more of it"] if untrained else []) + notes
    return ClipTable("folder", names, clips, tuple(notes))


def _rows(root: Path, file: Path) -> dict[Path, tuple[str, str, set[str]]]:
    """File as written, source and labels of each clip by its path."""
    wrong, seen = [], {}
    for line, row in delimited.read(file, ("file", "labels"), optional=("source",)):
        place, name = f"{file}:{line}", row["file"]
        labels = {clean(label) for label in row["labels"].split(";")} - {""}
        try:
            path = inside(root, name, place)
            if not labels:
                raise AmcError(f"{place}: {name} has no label; give one, or remove the line")
            labels = labels if {key(label) for label in labels} != {BACKGROUND} else set()
            check(list({key(label): label for label in labels}.values()), place)
            if not os.path.exists(path):
                raise AmcError(f"{place}: {path} is missing; restore it, or remove the line")
            if path in seen:
                raise AmcError(f"{place}: {name} is listed already; join its labels by ;")
            seen[path] = (name, row.get("source") or name, labels)
        except AmcError as error:
            wrong.append(str(error))
    if wrong:
        raise AnnotationError(wrong)
    return seen


def _spelt(counts: Counter) -> tuple[dict[str, str], list[str]]:
    """The spelling of each label, the most frequent among equal names; and notes on the other spellings."""
    spelt: dict[str, str] = {}
    for label in sorted(counts, key=lambda label: (-counts[label], label)):
        spelt.setdefault(key(label), label)
    others = sorted(label for label in counts if spelt[key(label)] != label)
    notes = [f"{label} is taken as {spelt[key(label)]}, the same behaviour in another spelling" for label in others]
    return {label: spelt[key(label)] for label in counts}, notes


def _deal(sources: dict[str, set[str]], file: Path) -> dict[str, str]:
    """The split of each source, which are taken in the given order; those of background alone are for training."""
    counts = Counter(name for labels in sources.values() for name in labels)
    splits, turns = {}, Counter()
    for name in sorted(counts, key=lambda name: (counts[name], name)):
        for source in sources:
            if name in sources[source] and source not in splits:
                is_trained = PATTERN[turns[name] % len(PATTERN)]
                dealt = Counter(splits.values())  # the others alternate, so that a few per behaviour fill both
                splits[source] = "train" if is_trained else "val" if dealt["val"] < dealt["test"] else "test"
                turns[name] += 1
    for split in SPLITS[1:]:  # of three sources, each split gets one
        trained = [source for source in reversed(splits) if splits[source] == "train"]
        if split not in splits.values() and len(trained) > 1:
            splits[trained[0]] = split
    splits |= {source: "train" for source in sources if source not in splits}
    if missing := [split for split in SPLITS if split not in splits.values()]:
        raise AmcError(f"{file}: {len(sources)} sources leave none for {missing[0]}; label more clips")
    return splits


def _filled(splits: dict[str, str], sources: dict[str, set[str]], sizes: Counter) -> dict[str, str]:
    """The same splits, where validation and test got `PART` of the clips from training, as far as that is possible.

    Training keeps half of the sources of each behaviour. sizes: clips of each source.
    """
    splits, counts = dict(splits), Counter(name for labels in sources.values() for name in labels)
    for source in reversed(sources):
        trained = Counter(name for other, labels in sources.items() if splits[other] == "train" for name in labels)
        filled = {name: sum(sizes[other] for other in sources if splits[other] == name) for name in SPLITS[1:]}
        emptiest = min(filled, key=lambda name: filled[name])
        if splits[source] != "train" or filled[emptiest] + sizes[source] > PART * sizes.total():
            continue
        if all(trained[name] - 1 >= max(counts[name] / 2, 1) for name in sources[source]):
            splits[source] = emptiest
    return splits
