"""KABR (zebras and giraffes from a drone): its folder, or a small folder of labelled clips, in; the table of clips out.

KABR labels frames; a clip's label set is the union over its frames. Its `val.csv` is the test split.
"""

import json
import os
from pathlib import Path

from amc.base.errors import AmcError, AnnotationError, choice
from amc.datasets import cached, charades, delimited
from amc.datasets.table import Clip, ClipTable, inside

NAMES = ("Walk", "Graze", "Browse", "Head Up", "Auto-Groom", "Trot", "Run", "Occluded")  # order of KABR's classes.json
SPECIES = {"ZG": "Grevy's zebra", "ZP": "plains zebra", "G": "giraffe"}  # by the prefix of the id


def index(root: Path | str) -> ClipTable:
    """Table of KABR's own layout (`annotation/`, `dataset/image/`) or of clips beside a `labels.csv`."""
    root = Path(root)
    if (root / "annotation").is_dir():
        sources = [root / "annotation" / name for name in ("train.csv", "val.csv", "classes.json")]
        table = cached.table(f"kabr {root}", sources, lambda: _published(root))
        if absent := [clip for clip in table.clips if not os.path.isdir(clip.path)]:
            says = "kabr: {} is missing but annotated ({}); complete the download"
            raise AnnotationError([says.format(clip.path, clip.split) for clip in absent])
        return table
    if (root / "labels.csv").exists():
        return _folder(root)
    raise AmcError(f"kabr: {root} has neither annotation/ nor labels.csv; get KABR as data/README.md says")


def _published(root: Path) -> ClipTable:
    folder = root / "annotation"
    names, clips = _names(folder / "classes.json"), []
    for split, clip_id, entry in charades.splits(
        lambda file: charades.read(folder / f"{file}.csv", len(names)), folder
    ):
        path, video = root / "dataset" / "image" / clip_id, clip_id.split(".")[0]
        species = SPECIES.get(video.rstrip("0123456789"), "")
        clips.append(Clip(clip_id, path, entry.union, split, entry.num_frames, species, group=video))
    return ClipTable("kabr", names, tuple(clips))


def _names(path: Path) -> tuple[str, ...]:
    try:
        classes = json.loads(path.read_text(encoding="utf-8"))
        if sorted(classes.values()) == list(range(len(classes))):
            return tuple(sorted(classes, key=classes.get))
    except (OSError, ValueError, TypeError, AttributeError) as error:
        raise AmcError(f"{path}: cannot be read ({error}); get KABR as data/README.md says") from error
    raise AmcError(f"{path}: ids {sorted(classes.values())}, expected 0, 1, 2 …; restore the published file")


def _folder(root: Path) -> ClipTable:
    """Clips of a `labels.csv`; the test split is the last species by name, which is not in training."""
    file = root / "labels.csv"
    rows = delimited.read(file, ("file", "kabr_video_id", "species", "behaviour"))
    held_out = max(row["species"] for _, row in rows)
    if all(row["species"] == held_out for _, row in rows):
        raise AmcError(f"{file}: one species only, but the test split is a species of its own; add another")
    clips, wrong = [], []
    for line, row in rows:
        place = f"{file}:{line}"
        try:
            path = inside(root, row["file"], place)
            choice(f"{place}: behaviour", row["behaviour"], NAMES)
            if not os.path.exists(path):
                raise AmcError(f"{place}: {path} is missing; restore it or remove its row")
        except AmcError as error:
            wrong.append(str(error))
            continue
        split = "test" if row["species"] == held_out else "train"
        labels = (NAMES.index(row["behaviour"]),)
        clips.append(Clip(path.stem, path, labels, split, None, row["species"], row["kabr_video_id"]))
    if wrong:
        raise AnnotationError(wrong)
    return ClipTable("kabr", NAMES, tuple(clips), (f"small folder: the test split is the species {held_out!r}",))
