"""Animal Kingdom (action recognition): its folder in, the table of clips out. Synth Kingdom writes the same files.

Labels come from `annotation/train.csv` and `val.csv` (val is the test split), or their `_light` form, or else from the
workbook; names, species and their taxonomy from `AR_metadata.xlsx` or, if that is missing, names and species from
`annotation/actions.csv` and `metadata.csv`. Names follow the workbook's `Action` sheet: six are wrong in
`df_action.xlsx`.
"""

import ast
import os
import zlib
from collections.abc import Mapping, Set
from pathlib import Path
from typing import NamedTuple
from zipfile import BadZipFile

from amc.base.errors import AmcError, AnnotationError
from amc.datasets import cached, charades, delimited
from amc.datasets.table import Clip, ClipTable

BROKEN = "ZAKHHVKA"  # cannot be decoded in any copy; a training clip
ACTION_COLUMNS = ("Label", "Action")
LEVELS = ("Sub-Class", "Class", "Parent Class")  # groups of an animal in the workbook, narrow to wide
WORKBOOK = "AR_metadata.xlsx"
SHEETS = {  # the columns that are used
    "Action": ACTION_COLUMNS,
    "AR": ("video_id", "type", "labels", "list_animal_action"),
    "Animal": ("Animal", *LEVELS),
    "CARe": ("train_test", "animal"),
}
CUT = '"]'  # end of a name in sheet CARe that was cut at an apostrophe
HELP = "request Animal Kingdom as data/README.md says, or name its folder"


class _Metadata(NamedTuple):
    """All metadata besides the labels of clips."""

    source: Path
    names: tuple[str, ...]  # of behaviours
    rows: list[dict]  # one per clip
    taxonomy: Mapping[str, tuple[str, ...]]  # groups of each animal, by its `_folded` name
    unseen: Set[str]  # animals, `_folded`, that are held out


def index(root: Path | str, *, name: str = "animal-kingdom") -> ClipTable:
    """Table of every clip that has a video under `root`, training clips first, without the one known to be broken.

    Videos lie in `video/<id>.mp4` or, as numbered frames, in `image/<id>/`. The annotation is parsed once and then
    cached. Raises AmcError for a missing or bad file, AnnotationError for wrong rows and absent videos.
    """
    root = Path(root)
    suffix, folder = (".mp4", root / "video") if (root / "video").is_dir() else ("", root / "image")
    if not folder.is_dir():
        raise AmcError(f"{name}: no videos in {root / 'video'} and no frames in {folder}; {HELP}")
    table = cached.table(f"{name} {folder} {suffix}", _sources(root), lambda: _read(root, name, folder, suffix))
    present = set(os.listdir(folder))
    if absent := [clip for clip in table.clips if clip.path.name not in present]:
        raise AnnotationError([f"{clip.path} is missing but annotated ({clip.split}); {HELP}" for clip in absent])
    return table


def index_metadata(xlsx: Path | str) -> ClipTable:
    """Table of all 30,100 clips from `AR_metadata.xlsx` only, for work on the annotation: no video is needed.

    Raises AmcError for a missing or foreign file.
    """
    xlsx = Path(xlsx)
    folder = xlsx.parent / "video"
    return cached.table(
        f"workbook {folder}", [xlsx], lambda: _from_workbook(_workbook(xlsx), "animal-kingdom", folder, ".mp4")
    )


def _sources(root: Path) -> list[Path]:
    files = (f"{file}{form}.csv" for file in charades.FILES for form in ("", "_light"))
    annotation = [root / "annotation" / file for file in (*files, "actions.csv", "metadata.csv", WORKBOOK)]
    return [root / WORKBOOK, *annotation]


def _read(root: Path, name: str, folder: Path, suffix: str) -> ClipTable:
    known = _metadata(root)
    if known.source.suffix == ".xlsx" and not any((root / "annotation").glob("*.csv")):
        return _from_workbook(known, name, folder, suffix, leave_out=(BROKEN,))
    species = {row["video_id"]: _species(row, known.source) for row in known.rows}
    clips, notes, changing = [], [], 0
    rows = charades.splits(lambda file: _rows(root, file, len(known.names)), root / "annotation")
    for split, clip_id, entry in rows:
        if clip_id == BROKEN:
            notes.append(f"{BROKEN} ({split}) is left out: its video is known to be broken")
            continue
        changing += len(entry.label_sets) > 1
        path = folder / (clip_id + suffix)
        clips.append(_clip(clip_id, path, entry.first, split, entry.num_frames, species.get(clip_id, "")))
    if changing:
        notes.append(f"the labels of {changing} clips change between frames; the first row counts")
    return _table(name, known, clips, notes)


def _from_workbook(
    known: _Metadata, name: str, folder: Path, suffix: str, leave_out: tuple[str, ...] = ()
) -> ClipTable:
    xlsx, clips, wrong = known.source, [], []
    for line, row in enumerate(known.rows, start=2):
        try:
            charades.check_id(row["video_id"])
            labels = charades.parse(str(row["labels"]), len(known.names))
        except ValueError as error:
            wrong.append(f"{xlsx}, sheet AR, row {line}: clip {row['video_id']!r} {error}; restore the published file")
            continue
        if row["video_id"] not in leave_out:
            path = folder / f"{row['video_id']}{suffix}"
            clips.append(_clip(row["video_id"], path, labels, row["type"], None, _species(row, xlsx)))
    if wrong:
        raise AnnotationError(wrong)
    notes = [f"{clip_id} is left out: its video is known to be broken" for clip_id in leave_out]
    return _table(name, known, clips, notes)


def _clip(clip_id: str, path: Path, labels: tuple[int, ...], split: str, num_frames: int | None, species: str) -> Clip:
    # Clips whose ids share the last four letters seem to be cut from one source video.
    return Clip(clip_id, path, labels, split, num_frames, species, group=clip_id[-4:])


def _table(name: str, known: _Metadata, clips: list[Clip], notes: list[str]) -> ClipTable:
    """Adds the taxonomy, if there is one. The workbook's sheets differ in upper and lower case: Montagu'S harrier."""
    animals = dict.fromkeys(animal for clip in clips for animal in clip.species.split(";") if animal)
    taxonomy = {a: known.taxonomy[_folded(a)] for a in animals if _folded(a) in known.taxonomy}
    folded = {_folded(animal) for animal in animals}
    left = {
        "clips without a species": [clip.id for clip in clips if not clip.species],
        "species without a taxonomy": [animal for animal in animals if known.taxonomy and animal not in taxonomy],
        "held-out animals that are in no clip": sorted(known.unseen - folded),
    }
    notes = [*notes, *(f"{what}: {len(which)}, first {which[0]}" for what, which in left.items() if which)]
    held_out = tuple(animal for animal in animals if _folded(animal) in known.unseen)
    return ClipTable(name, known.names, tuple(clips), tuple(notes), taxonomy, held_out)


def _rows(root: Path, file: str, num_classes: int) -> dict[str, charades.Entry]:
    full, light = (root / "annotation" / f"{file}{suffix}.csv" for suffix in ("", "_light"))
    if not full.exists() and not light.exists():
        raise AmcError(f"{full} is missing; {HELP}")
    return charades.read(full, num_classes) if full.exists() else charades.read_light(light, num_classes)


def _metadata(root: Path) -> _Metadata:
    workbooks = [folder / WORKBOOK for folder in (root, root / "annotation")]
    for path in workbooks:
        if path.exists():
            return _workbook(path)
    actions, metadata = (root / "annotation" / f"{name}.csv" for name in ("actions", "metadata"))
    if not actions.exists() or not metadata.exists():
        raise AmcError(f"{workbooks[0]} is missing, and so is {metadata if actions.exists() else actions}; {HELP}")
    names = _names([row for _, row in delimited.read(actions, ACTION_COLUMNS)], actions)
    rows = [row for _, row in delimited.read(metadata, ("video_id", "list_animal"))]
    return _Metadata(metadata, names, rows, {}, set())


def _workbook(path: Path) -> _Metadata:
    """All that is needed from the workbook, read in one pass.

    Held out are the animals of the test part of sheet `CARe`: horses, primates, lizards, spiders and water birds. The
    sheet's own clips are not those of `AR` and have eight actions that it does not name; only its choice of animals is
    used here. Some of its names are cut at an apostrophe: `S Duck"]` is Hartlaub's Duck.
    """
    sheets = _sheets(path)
    animals = [row for row in sheets["Animal"] if row["Animal"]]  # half of the rows are empty
    taxonomy = {_folded(row["Animal"]): tuple(row[level].strip() for level in LEVELS) for row in animals}
    held = {_folded(row["animal"]) for row in sheets["CARe"] if row["train_test"] == "test"}
    ends = tuple("'" + name.removesuffix(CUT) for name in held if name.endswith(CUT))
    unseen = {name for name in held if not name.endswith(CUT)} | {name for name in taxonomy if name.endswith(ends)}
    return _Metadata(path, _names(sheets["Action"], path), sheets["AR"], taxonomy, unseen)


def _folded(animal: str) -> str:
    """A name for comparing sheets: in lower case, with the Cyrillic first letter of one Common Eider replaced."""
    return animal.strip().casefold().replace("\N{CYRILLIC SMALL LETTER ES}", "c")


def _sheets(path: Path) -> dict[str, list[dict]]:
    """The rows of each of SHEETS, as dicts by column."""
    import openpyxl  # here, so that a cached table does not wait for it

    found = {}
    try:
        with path.open("rb") as file:
            workbook = openpyxl.load_workbook(file, read_only=True)
            for title, columns in SHEETS.items():
                rows = workbook[title].iter_rows(values_only=True)
                header = next(rows, ())
                if missing := set(columns) - set(header):
                    raise KeyError(f"sheet {title} lacks the columns {sorted(missing)}")
                found[title] = [dict(zip(header, row, strict=True)) for row in rows]
    except (OSError, KeyError, BadZipFile, zlib.error) as error:
        raise AmcError(f"{path}: not Animal Kingdom's AR_metadata.xlsx ({error}); {HELP}") from error
    return found


def _names(actions: list[dict], path: Path) -> tuple[str, ...]:
    """Names by label id. The only cell without a number (Yawning: `=#N/A`) gets the only unused id."""
    named = {int(row["Label"]): row["Action"] for row in actions if str(row["Label"]).isdigit()}
    strange = [row["Action"] for row in actions if not str(row["Label"]).isdigit()]
    free = sorted(set(range(len(actions))) - set(named))
    if len(strange) > 1 or len(free) != len(strange):
        raise AmcError(f"{path}: its actions must be numbered 0 to {len(actions) - 1} without gaps; missing: {free}")
    named.update(zip(free, strange, strict=True))
    return tuple(named[label] for label in range(len(actions)))


def _species(row: dict, path: Path) -> str:
    """Species of a clip joined by ";", from `list_animal` or a literal list of pairs, quoted twice in 411 clips."""
    if "list_animal" in row:
        return row["list_animal"]
    try:
        items = ast.literal_eval(row["list_animal_action"])
        pairs = [p for item in items for p in (ast.literal_eval(item) if isinstance(item, str) else [item])]
        return ";".join(dict.fromkeys(animal for animal, _ in pairs))
    except (ValueError, TypeError, SyntaxError) as error:
        raise AmcError(f"{path}: animals of {row['video_id']} cannot be read; restore the published file") from error
