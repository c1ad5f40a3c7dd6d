"""Animal Kingdom (action recognition): its folder in, the table of clips out. Synth Kingdom writes the same files.

Labels come from `annotation/train.csv` and `val.csv` (val is the test split); names, species and their taxonomy from
`AR_metadata.xlsx` or, where that is absent, names and species from `annotation/actions.csv` and `metadata.csv`. Names
follow the workbook's `Action` sheet: `df_action.xlsx` has six of them wrong.
"""

import ast
import zlib
from pathlib import Path
from zipfile import BadZipFile

import openpyxl

from amc.datasets import charades
from amc.datasets.table import Clip, ClipTable
from amc.errors import AmcError

BROKEN = "ZAKHHVKA"  # cannot be decoded in any copy; a training clip
FILES = {"train": "train", "val": "test"}  # file name: the split it holds
ACTION_COLUMNS, ROW_COLUMNS = ("Label", "Action"), ("video_id", "type", "labels", "list_animal_action")
LEVELS = ("Sub-Class", "Class", "Parent Class")  # of an animal in the workbook, near to far
HELP = "request Animal Kingdom as data/README.md says, or name its folder"


def index(root: Path | str, *, name: str = "animal-kingdom") -> ClipTable:
    """Table of every clip that has a video under `root`, training clips first, without the one known to be broken.

    Videos lie in `video/<id>.mp4` or, as numbered frames, in `image/<id>/`. Raises AmcError for a missing or bad file.
    """
    root = Path(root)
    names, rows, source = _metadata(root)
    species = {row["video_id"]: _species(row, source) for row in rows}
    suffix, folder = (".mp4", root / "video") if (root / "video").is_dir() else ("", root / "image")
    if not folder.is_dir():
        raise AmcError(f"{name}: no videos in {root / 'video'} and no frames in {folder}; {HELP}")
    present = {path.name for path in folder.iterdir()}
    clips, notes, changing = [], [], 0
    for file, split in FILES.items():
        for clip_id, entry in _rows(root, file).items():
            if clip_id == BROKEN:
                notes.append(f"{BROKEN} ({split}) is left out: its video is known to be broken")
                continue
            if clip_id + suffix not in present:
                raise AmcError(f"{name}: {folder / (clip_id + suffix)} is missing but annotated in {file}.csv; {HELP}")
            changing += len(entry.label_sets) > 1
            path = folder / (clip_id + suffix)
            clips.append(_clip(clip_id, path, entry.first, split, entry.num_frames, species.get(clip_id, "")))
    if changing:
        notes.append(f"the labels of {changing} clips change between frames; the first row counts")
    return _table(name, names, clips, notes, source)


def index_metadata(xlsx: Path | str, root: Path | str | None = None) -> ClipTable:
    """Table of all 30,100 clips from `AR_metadata.xlsx` alone, for work on the annotation: no video has to be there.

    `root` is where the paths point to, by default the folder of `xlsx`. Raises AmcError for a missing or foreign file.
    """
    xlsx = Path(xlsx)
    folder = Path(root or xlsx.parent) / "video"
    names, rows = _workbook(xlsx)
    clips = []
    for row in rows:
        clip_id, labels = row["video_id"], charades.parse(str(row["labels"]), xlsx, row["video_id"])
        clips.append(_clip(clip_id, folder / f"{clip_id}.mp4", labels, row["type"], None, _species(row, xlsx)))
    return _table("animal-kingdom", names, clips, [], xlsx)


def _clip(clip_id: str, path: Path, labels: tuple[int, ...], split: str, num_frames: int | None, species: str) -> Clip:
    # Clips whose ids share the last four letters seem to be cut from one source video.
    return Clip(clip_id, path, labels, split, num_frames, species, group=clip_id[-4:])


def _table(name: str, names: tuple[str, ...], clips: list[Clip], notes: list[str], source: Path) -> ClipTable:
    """Adds the taxonomy, where `source` is the workbook. Its sheets write animals in other cases: Montagu'S harrier."""
    animals = dict.fromkeys(animal for clip in clips for animal in clip.species.split(";") if animal)
    known = _taxonomy(source) if source.suffix == ".xlsx" else {}
    taxonomy = {animal: known[animal.casefold()] for animal in animals if animal.casefold() in known}
    left = {
        "clips without a species": [clip.id for clip in clips if not clip.species],
        "species without a taxonomy": [animal for animal in animals if known and animal not in taxonomy],
    }
    notes = [*notes, *(f"{what}: {len(which)}, first {which[0]}" for what, which in left.items() if which)]
    return ClipTable(name, names, tuple(clips), tuple(notes), taxonomy)


def _rows(root: Path, file: str) -> dict[str, charades.Entry]:
    full, light = (root / "annotation" / f"{file}{suffix}.csv" for suffix in ("", "_light"))
    if not full.exists() and not light.exists():
        raise AmcError(f"{full} is missing; {HELP}")
    return charades.read(full) if full.exists() else charades.read_light(light)


def _metadata(root: Path) -> tuple[tuple[str, ...], list[dict], Path]:
    """Behaviour names, one row a clip, and the file they come from."""
    workbooks = [folder / "AR_metadata.xlsx" for folder in (root, root / "annotation")]
    for path in workbooks:
        if path.exists():
            return *_workbook(path), path
    actions, metadata = (root / "annotation" / f"{name}.csv" for name in ("actions", "metadata"))
    if not actions.exists() or not metadata.exists():
        raise AmcError(f"{workbooks[0]} is missing, and so is {metadata if actions.exists() else actions}; {HELP}")
    names = _names(charades.read_rows(actions, ACTION_COLUMNS), actions)
    return names, charades.read_rows(metadata, ("video_id", "list_animal")), metadata


def _workbook(path: Path) -> tuple[tuple[str, ...], list[dict]]:
    """Behaviour names of sheet `Action`, and the rows of sheet `AR`: 30,100 in about two seconds."""
    return _names(_sheet(path, "Action", ACTION_COLUMNS), path), _sheet(path, "AR", ROW_COLUMNS)


def _taxonomy(path: Path) -> dict[str, tuple[str, ...]]:
    """Groups of each animal of sheet `Animal`, by its name in lower case."""
    rows = [row for row in _sheet(path, "Animal", ("Animal", *LEVELS)) if row["Animal"]]  # half of them are empty
    return {row["Animal"].strip().casefold(): tuple(row[level].strip() for level in LEVELS) for row in rows}


def _sheet(path: Path, title: str, columns: tuple[str, ...]) -> list[dict]:
    try:
        with path.open("rb") as file:
            rows = openpyxl.load_workbook(file, read_only=True)[title].iter_rows(values_only=True)
            header = next(rows, ())
            if missing := set(columns) - set(header):
                raise KeyError(f"sheet {title} lacks the columns {sorted(missing)}")
            return [dict(zip(header, row, strict=True)) for row in rows]
    except (OSError, KeyError, BadZipFile, zlib.error) as error:
        raise AmcError(f"{path}: not Animal Kingdom's AR_metadata.xlsx ({error}); {HELP}") from error


def _names(actions: list[dict], path: Path) -> tuple[str, ...]:
    """Names by label id. The one cell that is no number (Yawning's is `=#N/A`) takes the one id that is free."""
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
