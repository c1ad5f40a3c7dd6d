"""The inputs of `predict`: videos and folders in, each video under a unique name out, and the files left out.

The names are used in tables and file names. They are unique even on a disk that ignores case (`Fox` and `fox`), and
the files of a video never collide with those of another or of the whole folder: `<name>_budget.csv` of `time.mp4`
would be the table of all time budgets.
"""

import hashlib
import os
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from amc.base import paths
from amc.base.errors import AmcError, VideoError, printable
from amc.base.wording import first_few
from amc.ethogram import annotated, exports
from amc.ethogram.formats import nwb
from amc.ethogram.matching import MOMENT, SUFFIXES, UNTRUSTED, key
from amc.video import packets

PICTURES = ("ethogram", "budget", "transitions", "key_frames", "agreement", "confusion")
ENDINGS = (
    *(f"_{name}" for name in exports.FILES),
    *(f"_{name}.png" for name in PICTURES),
    annotated.ENDING,
    nwb.ENDING,
)
LONGEST = 140  # bytes of a name; file names may have 255, including our endings and that of a file being written


class Inputs(NamedTuple):
    """The videos and other files that were found."""

    named: dict[str, Path]  # videos by their names
    notes: list[str]
    left_out: list[str]  # files of the given folders that are not videos


def videos(sources: Sequence[str | Path], *, has_moments: bool = False) -> Inputs:
    """Files as given; of folders and their subfolders all videos, by ending or by content, except our annotated copies.

    has_moments: also the clips that `suggest` has cut from other videos. Raises AmcError for a missing path, a device
    or a pipe, and if no video is left.
    """
    found, notes, left_out = [], [], []
    for source in map(Path, sources):
        if source.is_dir():
            inside, unread = _inside(source)
            own = [file for file in inside if file.name.endswith(annotated.ENDING)]
            cut = [] if has_moments else [file for file in inside if MOMENT.search(file.stem)]
            taken = [file for file in inside if file not in {*own, *cut} and is_video_file(file)]
            others = [file for file in inside if file not in {*own, *cut, *taken}]
            found += taken
            left_out += [printable(file) for file in others + own + cut + unread]
            kinds = {"files that are no videos": others, "annotated copies": own, "moments cut by suggest": cut}
            for what, files in kinds.items():
                notes += [f"{printable(source)}: {len(files)} {what} left out: {_names(files)}"] if files else []
            says = "folders that could not be read, or that are links, left out"
            notes += [f"{printable(source)}: {len(unread)} {says}: {_names(unread)}"] if unread else []
        else:
            found.append(paths.regular(source, "give videos, or folders of them"))
    found = list(dict.fromkeys(file.absolute() for file in found))  # a link keeps its own name
    if not found:
        raise AmcError(f"{', '.join(map(printable, sources))}: holds no video; give video files, or folders of them")
    return Inputs(named(found), notes, left_out)


def is_video_file(file: Path) -> bool:
    """Whether it has a video's ending or, under any name, contains moving pictures: no photo, sound or text."""
    if file.name.startswith("."):  # such as those that macOS writes beside each file on other disks
        return False
    if file.suffix.lower() in SUFFIXES:
        return True
    try:
        with packets.opened(str(file)):
            return True
    except VideoError:
        return False


def _inside(folder: Path) -> tuple[list[Path], list[Path]]:
    """All files below a folder in order, and the folders in it that cannot be read."""
    files, errors, unread = [], [], []
    for place, folders, names in os.walk(folder, onerror=errors.append):
        files += [Path(place, name) for name in names if Path(place, name).is_file()]
        unread += [Path(place, name) for name in folders if Path(place, name).is_symlink()]
    return sorted(files), sorted(unread + [Path(error.filename) for error in errors])


def _names(files: Sequence[Path]) -> str:
    """The first files, in a note; report.json has all."""
    return printable(first_few([file.name for file in files]))


def named(
    files: Sequence[Path], *, kept: Mapping[Path, str] = MappingProxyType({}), taken: Iterable[str] = ()
) -> dict[str, Path]:
    """Each file by its name without ending, as {name: file}.

    If that is taken or unusable: with ending, then with folder, with the whole path, with a fingerprint of the path.
    kept: names that files already have; taken: names of other videos.
    """
    ways = (
        lambda f: plain(f.stem),
        lambda f: plain(f.name),
        lambda f: plain(f"{f.parent.name}-{f.name}"),
        lambda f: plain(str(f).strip("/")),
        lambda f: f"{_cut(plain(f.stem))}~{hashlib.sha256(os.fsencode(f)).hexdigest()[:16]}",
    )
    taken, level = [*{*taken, *kept.values()}], {file: 0 for file in files if file not in kept}
    while True:
        names = {file: kept.get(file) or ways[level[file]](file) for file in files}
        counts = Counter(map(key, [*(names[file] for file in level), *taken]))
        again = [file for file in level if counts[key(names[file])] > 1 or not _is_free(names[file])]
        if not (again := [file for file in again if level[file] < len(ways) - 1]):
            break
        level |= {file: level[file] + 1 for file in again}
    found = {name: file for file, name in names.items()}
    assert len(set(map(key, found))) == len(files), "two videos of one name"
    return found


def _is_free(name: str) -> bool:
    """Whether the files of a video of this name would not replace others."""
    own = key(name)
    return (
        len(name.encode()) <= LONGEST
        and not own.endswith(UNTRUSTED)
        and not {f"{own}{ending}" for ending in ENDINGS} & {*exports.TABLES}
    )


def plain(name: str) -> str:
    """Text as a part of a file name: no slash, no backslash, no invisible characters."""
    text = printable(name).replace("/", "-").replace("\\", "-")
    return "".join(sign if sign.isprintable() else "_" for sign in text)


def _cut(name: str) -> str:
    return name.encode()[: LONGEST - 20].decode(errors="ignore")


def outputs(names: Sequence[str], out: Path) -> list[Path]:
    """Every file that a run may write, or remove if it is from an earlier run."""
    each = (f"{name}{mark}{ending}" for name in names for mark in ("", UNTRUSTED) for ending in ENDINGS)
    return [out / file for file in (*each, *exports.TABLES)]
