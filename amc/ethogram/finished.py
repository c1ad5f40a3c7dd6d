"""What is done in a folder: a sealed line for each finished video (or animal in it), with all that tables have of it.

A later call reads them, leaves out what is done, and writes the tables anew from all of them. A line is added when all
files of its video are written, so a kill loses at most one video. Of two lines of one video the last one counts.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pandas as pd

from amc.base import sealed_lines
from amc.base.digests import digest
from amc.base.errors import AmcError, printable
from amc.base.stages import STAGES
from amc.ethogram.exports import RECORD
from amc.ethogram.predictor import VideoPredictor
from amc.ethogram.record import unique_name

VERSION = 4  # of bouts and tables; raise it when the same scores give others: what is done is then predicted again
# Kinds of lines: a video; the name of one that no longer counts; name and sha256 of a project before it is written; the
# id and facts of a run before its first file.
VIDEO, GONE, PROJECT, RUN = "video", "gone", "project", "run"


@dataclass(frozen=True)
class Finished:
    """A video's part in the tables of its folder. JSON types, so what is read is what was written."""

    video: str  # its name
    subject: str  # the animal, if several are predicted apart
    file: str  # its path as it is: a byte that is not UTF-8 is half of a surrogate pair, see `printable`
    sha256: str  # of its content
    crop: str  # digest of the boxes that are cut from it; empty: none
    run: str  # `run_id` of the model and options
    frames: int
    seconds: float
    fps: float
    out_of_distribution: float | None  # share of frames; None: not known
    stamp: str
    notes: list[str]
    files: dict[str, str]  # sha256 by name
    events: list[list]  # of its observation in a BORIS project
    tables: dict[str, dict]  # by name, as `packed` gives them
    meant: list[str] = field(default_factory=list)  # the names in the human annotation that mean it

    @property
    def name(self) -> str:
        """As names of its files begin."""
        return unique_name(self.video, self.subject)

    @property
    def row(self) -> dict:
        """Its row in the report."""
        names = ("video", "subject", "file", "sha256", "frames", "seconds", "out_of_distribution")
        found = {name: getattr(self, name) for name in names}
        return found | {"file": printable(self.file), "bouts": len(self.tables["bouts"]["data"])}


class Record(NamedTuple):
    """What is known of a folder."""

    videos: dict[str, Finished]  # by name
    projects: set[tuple[str, str]]  # name and sha256 of every BORIS project that was written there
    runs: dict[str, dict]  # `run_facts` by id


def packed(table: pd.DataFrame) -> dict:
    """A table as JSON types."""
    return {"columns": list(table.columns), "data": table.to_numpy(dtype=object).tolist()}


def table(videos: Iterable[Finished], name: str) -> pd.DataFrame | None:
    """A table of all videos that have one of this name; None without any."""
    parts = [pd.DataFrame(**one.tables[name]) for one in videos if name in one.tables]
    return pd.concat(parts, ignore_index=True) if parts else None


def read(folder: Path) -> Record:
    """The record of a folder. Raises AmcError for one that cannot be read, or of another version."""
    path = folder / RECORD
    try:
        lines = sealed_lines.read(path).intact
        found: dict[str, Finished] = {}
        for kind, values in lines:
            if kind == VIDEO:
                one = Finished(**values)
                found[one.name] = one
            elif kind == GONE:
                found.pop(values, None)
    except (OSError, TypeError, ValueError) as error:
        says = f"cannot be continued from ({printable(error)})"
        raise AmcError(f"{printable(path)}: {says}; choose another folder for --out") from error
    projects = {tuple(values) for kind, values in lines if kind == PROJECT}
    return Record(found, projects, dict(values for kind, values in lines if kind == RUN))


def begin(folder: Path, run: str, facts: Mapping) -> None:
    """Record a run, and so that the folder is ours, before its first file. facts: `run_facts`. Raises AmcError."""
    sealed_lines.append(folder / RECORD, [RUN, [run, facts]])


def add(folder: Path, one: Finished) -> None:
    """Record a video whose files are all written. Raises AmcError."""
    sealed_lines.append(folder / RECORD, [VIDEO, asdict(one)])


def remove(folder: Path, gone: Iterable[Finished]) -> None:
    """Record that videos, or animals in them, no longer count, and delete those of their files that nobody has changed.

    Raises AmcError.
    """
    for one in gone:
        sealed_lines.append(folder / RECORD, [GONE, one.name])
        for name, sha256 in one.files.items():
            if content(folder / name) == sha256:
                (folder / name).unlink(missing_ok=True)


def add_project(folder: Path, name: str, sha256: str) -> None:
    """Record the content of a project that is written next. Raises AmcError."""
    sealed_lines.append(folder / RECORD, [PROJECT, [name, sha256]])


def names(known: Mapping[str, Finished], files: Iterable[Path]) -> dict[Path, str]:
    """Names of those files that the folder has: at the same path, or moved, with the same file name and content.

    No two files get one name.
    """
    files, found = [*files], {}
    given = {str(file): file for file in files}
    newest: dict[Path, str] = {}
    for one in reversed(known.values()):
        if one.file in given:
            newest.setdefault(given[one.file], one.video)
    for file, name in newest.items():  # of two with one name the newest record counts
        if name not in found.values():
            found[file] = name
    gone = [one for one in known.values() if one.video not in found.values() and not Path(one.file).exists()]
    for file in files:
        same = [one for one in gone if Path(one.file).name == file.name and one.sha256 == content(file)]
        moved = [one.video for one in same if one.video not in found.values()]
        if file not in found and moved:
            found[file] = moved[0]
    return found


def is_intact(one: Finished, folder: Path) -> bool:
    """Whether all files of a finished video are as they were written."""
    return all(content(folder / name) == sha256 for name, sha256 in one.files.items())


def content(file: Path) -> str:
    """sha256 of a file; empty if it cannot be read."""
    try:
        return digest(file)
    except AmcError:
        return ""


def run_facts(predictor: VideoPredictor, files: Iterable[Path], options: Mapping, threshold: np.ndarray) -> dict:
    """What tells two runs apart, by name: model, files of annotation, options (JSON types), thresholds (C,), versions.

    The model includes what its flow is computed by; AmcError is raised where weights of RAFT are missing.
    """
    model = [predictor.sha256, predictor.stamp]
    if "flow" in predictor.pixels.modality:
        from amc import flow  # slow to import

        model.append(flow.fingerprint_of(predictor.pixels))
    facts = {"model": model, "behaviours": predictor.names, "human": [content(path) for path in files], **options}
    facts |= {"threshold": [options.get("threshold"), threshold.tolist()], "version": [STAGES, VERSION]}
    return json.loads(json.dumps(facts, default=str))  # as they are read again


def run_id(facts: Mapping) -> str:
    """12 hex digits for `run_facts`. With the sha256 of a video, in the report, they identify its results."""
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()[:12]
