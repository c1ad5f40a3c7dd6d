"""One table of clips for every data set: ids, paths, label sets, splits in; matrices and sub-tables out. No pixels."""

import hashlib
import os
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from amc.base.errors import AmcError, choice
from amc.datasets import names as behaviours

if TYPE_CHECKING:  # tables of real data sets need no renderer
    from amc.synth.drawn import Drawn

SPLITS = ("train", "val", "test")
BACKGROUND = -1  # in place of a label, where clips without any take their turn


@dataclass(frozen=True)
class Clip:
    """One video and its annotation."""

    id: str
    path: Path  # a video file, or a folder of numbered images
    labels: tuple[int, ...]  # indices into ClipTable.names
    split: str  # train | val | test
    num_frames: int | None = None  # None if the annotation does not give it
    species: str = ""  # several are joined by ";"
    group: str = ""  # source video: clips of one group are never in both train and val; "" is a group of its own
    is_background: bool = False  # a human looked, and saw none of the behaviours: no label
    unreadable: str = ""  # why its video cannot be decoded, if `python -m amc index` found that


@dataclass(frozen=True)
class ClipTable:
    """The clips of a data set, checked on construction: unique ids, known splits, labels inside the list of names, and
    names that training, tables and CLIP's text tower can distinguish.

    `notes` has one line for everything that the reader left out or repaired. Raises AmcError.
    """

    name: str
    names: tuple[str, ...]  # behaviours, by label id
    clips: tuple[Clip, ...]
    notes: tuple[str, ...] = ()
    taxonomy: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # species: its groups, narrow to wide
    held_out: tuple[str, ...] = ()  # species that the data set's authors reserve for tests on unseen animals
    hidden: tuple[int, ...] = ()  # labels hidden in training, under the protocol unseen-behaviours
    remedy: str = "get it again"  # what to do about a video that cannot be read
    drawn: "Drawn | None" = None  # of a generated world: scripts and true flow by clip id

    def __post_init__(self):
        if not self.clips or not self.names:
            raise AmcError(f"{self.name}: no {'clips' if self.names else 'behaviours'}; check its annotation files")
        behaviours.check(self.names, self.name)
        value, times = Counter(clip.id for clip in self.clips).most_common(1)[0]
        if times > 1:
            raise AmcError(f"{self.name}: clip {value!r} occurs {times} times, expected once; remove the copies")
        for clip in self.clips:
            choice(f"{self.name}: split of clip {clip.id}", clip.split, SPLITS)
            if not clip.labels and not clip.is_background:
                raise AmcError(f"{self.name}: clip {clip.id} has no label; give it at least one or remove it")
            if unknown := [label for label in clip.labels if not 0 <= label < len(self.names)]:
                raise AmcError(
                    f"{self.name}: clip {clip.id} has the unknown label {unknown[0]}; labels run from 0 to "
                    f"{len(self.names) - 1}; correct its annotation or the list of names"
                )

    def __len__(self) -> int:
        return len(self.clips)

    def split(self, name: str) -> "ClipTable":
        """The clips of one split, in order. Raises AmcError when the split is unknown or empty."""
        choice("split", name, SPLITS)
        clips = tuple(clip for clip in self.clips if clip.split == name)
        if not clips:
            raise AmcError(f"{self.name}: no clip in split {name!r}; it has {self.counts()}")
        return replace(self, clips=clips)

    def species(self) -> list[str]:
        """The species of all clips, sorted."""
        return sorted({name for clip in self.clips for name in clip.species.split(";") if name})

    def limit(self, num_clips: int) -> "ClipTable":
        """At most the first `num_clips` clips of each split, for quick looks; a note says so."""
        seen = {name: 0 for name in SPLITS}
        clips = []
        for clip in self.clips:
            seen[clip.split] += 1
            if seen[clip.split] <= num_clips:
                clips.append(clip)
        note = f"limited to the first {num_clips} clips of each split, {len(clips)} of {len(self.clips)}"
        return replace(self, clips=tuple(clips), notes=(*self.notes, note))

    def subset(self, num_clips: int) -> "ClipTable":
        """Only `num_clips` training clips, the first of each behaviour before the second of any; other splits whole.

        A smaller subset is part of a larger one. The order is that of a hash of the ids.
        """
        train = [clip for clip in self.clips if clip.split == "train"]
        turns: Counter = Counter()
        ranked = []
        for clip in sorted(train, key=lambda clip: hashlib.sha256(clip.id.encode()).digest()):
            shown = clip.labels or (BACKGROUND,)
            rarest = min(shown, key=lambda label: (turns[label], label))
            ranked.append((turns[rarest], len(ranked), clip.id))
            turns.update(shown)
        kept = {name for _, _, name in sorted(ranked)[:num_clips]}
        clips = tuple(clip for clip in self.clips if clip.split != "train" or clip.id in kept)
        note = f"only {len(kept)} of {len(train)} training clips, as asked"
        return replace(self, clips=clips, notes=(*self.notes, note))

    def labels(self) -> np.ndarray:
        """Label matrix (V, C) bool, in the order of clips and names."""
        matrix = np.zeros((len(self.clips), len(self.names)), dtype=bool)
        rows = np.repeat(np.arange(len(self.clips)), [len(clip.labels) for clip in self.clips])
        matrix[rows, [label for clip in self.clips for label in clip.labels]] = True
        return matrix

    def counts(self) -> dict[str, int]:
        """Number of clips in each non-empty split."""
        counted = Counter(clip.split for clip in self.clips)
        return {name: counted[name] for name in SPLITS if counted[name]}

    def num_sources(self, split: str) -> int:
        """Number of source videos of a split; a clip of an unknown one counts as a video of its own."""
        return len({_group(clip) for clip in self.clips if clip.split == split})

    def checksum(self) -> str:
        """sha256 (hex) of names, ids, labels and splits: the same annotation gives the same value on every machine."""
        lines = [repr(self.names), *(f"{clip.id} {clip.split} {sorted(clip.labels)}" for clip in self.clips)]
        return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def inside(root: Path, name: str, place: str) -> Path:
    """`root / name`. Raises AmcError, which says `place`, for a name that leads outside `root`."""
    path = Path(os.path.normpath(root / name))  # links inside the folder may lead elsewhere: the user made them
    if not name or not path.is_relative_to(os.path.normpath(root)):
        raise AmcError(f"{place}: the path {name!r} leaves the folder of the data; correct it")
    return path


def split_validation(table: ClipTable, fraction: float, *, seed: int = 0) -> ClipTable:
    """Move about `fraction` of the training clips to a validation split, whole groups (source videos) at a time.

    Groups are taken in the order of a hash of seed and name until the fraction is reached, so the order of the clips
    does not matter. Both splits keep at least one group. Raises AmcError if that is impossible or `val` already exists.
    """
    sizes = Counter(_group(clip) for clip in table.clips if clip.split == "train")
    if not 0 < fraction < 1 or len(sizes) < 2 or "val" in table.counts():
        raise AmcError(
            f"{table.name}: cannot carve a validation split of {fraction} from {len(sizes)} training groups, splits "
            f"{table.counts()}; needs 0 < fraction < 1, two groups or more, and no split 'val' yet"
        )
    order = sorted(sizes, key=lambda group: hashlib.sha256(f"{seed}/{group}".encode()).digest())
    before = np.cumsum([0, *(sizes[group] for group in order)])  # clips in the groups before each one
    chosen = {group for group, taken in zip(order[:-1], before, strict=False) if taken < fraction * before[-1]}
    moves = [clip.split == "train" and _group(clip) in chosen for clip in table.clips]
    clips = (replace(clip, split="val") if move else clip for clip, move in zip(table.clips, moves, strict=True))
    return replace(table, clips=tuple(clips))


def _group(clip: Clip) -> str:
    return clip.group or clip.id
