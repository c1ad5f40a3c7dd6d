"""The manifest of a drawn data set: `world.json`, sealed, with the sha256 of every file: a changed one is found.

    {"world": …, "size": …, "seed": …, "generator": …, "version": …, "files": {"annotation/actions.csv": sha256, …}}

Without `files` the drawing was interrupted.
"""

import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path

from amc.base import seal
from amc.base.digests import digest
from amc.base.errors import AmcError

NAME = "world.json"
FILES = "files"


def read(root: Path) -> dict:
    """The manifest of the data set in `root`; {} where it is absent or damaged."""
    try:
        return seal.read_json(root / NAME)
    except (OSError, ValueError):
        return {}


def write(root: Path, facts: Mapping, files: Iterable[str] = ()) -> None:
    """Write the manifest: `facts`, and the sha256 of `files`, paths in `root`; none while they are being drawn."""
    sums = {name: digest(root / name) for name in sorted(files)}
    seal.write_json(root / NAME, {**facts, **({FILES: sums} if sums else {})}, indent=0)


def is_whole(root: Path, known: Mapping) -> bool:
    """Whether every file of a manifest is there and as it was drawn; a changed one is removed, with a warning."""
    if FILES not in known:
        return False
    changed = [root / name for name, sha256 in known[FILES].items() if not _is_same(root / name, sha256)]
    for path in changed:
        if path.exists():
            warnings.warn(f"{path}: damaged, or changed since it was drawn; drawn again", stacklevel=3)
            path.unlink()
    return not changed


def check(root: Path, name: str) -> Path:
    """The file `name` of a data set. Raises AmcError unless it is as it was drawn."""
    if not _is_same(root / name, read(root).get(FILES, {}).get(name)):
        what = f"{root / name}: absent, damaged, or of an interrupted drawing, so the truth is not known"
        raise AmcError(f"{what}; remove the folder, and draw it again")
    return root / name


def keep(video: Path) -> None:
    """Note the sha256 of a single video beside it."""
    seal.write_json(_note(video), {"sha256": digest(video)})


def is_kept(video: Path) -> bool:
    """Whether a single video is there and as `keep` noted it; a warning tells of one that has changed since."""
    if not video.exists() or not _note(video).exists():
        return False
    try:
        is_same = _is_same(video, seal.read_json(_note(video))["sha256"])
    except (OSError, ValueError, KeyError):
        is_same = False
    if not is_same:
        warnings.warn(f"{video}: damaged, or changed since it was drawn; drawn again", stacklevel=3)
    return is_same


def _note(video: Path) -> Path:
    return video.with_suffix(".json")


def _is_same(path: Path, sha256: str | None) -> bool:
    return path.is_file() and digest(path) == sha256
