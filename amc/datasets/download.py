"""Is a download whole? The folder of a data set in, one line for everything that is wrong with it out; and archives."""

import lzma
import os
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from amc.datasets import catalogue, videos
from amc.datasets.table import inside
from amc.errors import AmcError, AnnotationError, choice

# What the publishers say. Of Animal Kingdom's 24,004 training clips one is known to be broken and left out.
PUBLISHED = {  # None: a number that is not known, of clips that there must be
    "animal-kingdom": {"behaviours": 140, "train": 24_003, "test": 6_096},
    "kabr": {"behaviours": 8, "train": None, "test": None},
    "mammalnet": {"behaviours": 12, "train": None, "val": None, "test": None},
    "folder": {"behaviours": None, "train": None, "val": None, "test": None},  # one's own clips
}

DAMAGED = (  # what archives of the three kinds raise that are cut, damaged, encrypted or packed in an unknown way
    OSError, EOFError, RuntimeError, NotImplementedError, zlib.error, lzma.LZMAError, tarfile.TarError,
    zipfile.BadZipFile,
)  # fmt: skip


def check(name: str, root: Path | str | None, *, workers: int, report: Callable[[str], None]) -> list[str]:
    """Everything that is wrong with the data set `name` in `root`, one line each with what to do; empty: nothing is.

    The annotation first; when it stands, every video is read once by `workers` processes, which is remembered. report:
    gets progress, counts beside the published ones, and what was repaired. Raises AmcError where nothing can be read.
    """
    choice("dataset", name, list(PUBLISHED))
    folder = catalogue.folder(name, root)
    try:
        table = catalogue.DATASETS[name](folder)
    except AnnotationError as error:
        return list(error.lines)
    counts = dict.fromkeys(PUBLISHED[name], 0) | {"behaviours": len(table.names)} | table.counts()
    report(f"{name} in {folder}: {len(table)} clips")
    wrong = []
    for what, count in counts.items():
        expected = PUBLISHED[name].get(what)
        report(f"{what:>12}: {count:6}" + ("" if expected is None else f", published {expected}"))
        if expected not in (None, count) or not count:
            expected = "some" if expected is None else expected
            wrong.append(
                f"{what}: {count}, but {expected} were published; a part of the download is missing or another"
            )
    for note in table.notes:
        report(f"note: {note}")
    decoded = 0
    for clip, facts in videos.examine(table, name, workers=workers, report=report):
        decoded += not facts.error
        if facts.error:
            wrong.append(f"{clip.id} ({clip.split}): {facts.error}; get this file again")
        elif clip.num_frames and facts.num_frames < clip.num_frames:
            says = "{} ({}): {} frames decode, {} are annotated; its own length counts, or get this file again"
            wrong.append(says.format(clip.id, clip.split, facts.num_frames, clip.num_frames))
    report(f"{decoded} of {len(table)} videos decode to their end")
    return wrong


def unpack(archive: Path | str, folder: Path | str) -> int:
    """Unpack a tar (of any compression) or zip file into `folder`; returns how many files it held.

    Nothing is written when a member would lie outside the folder or is neither a file nor a folder (links, devices).
    Raises AmcError for such a member, with its name, and for a file that is no archive, or a damaged or encrypted one.
    """
    archive, folder = Path(archive), Path(folder)
    try:
        if zipfile.is_zipfile(archive):
            with zipfile.ZipFile(archive) as file:
                members = [
                    (part.filename, (part.external_attr >> 16) & 0o170000 != 0o120000) for part in file.infolist()
                ]
                _refuse(archive, folder, members)
                file.extractall(folder)
                return sum(not part.is_dir() for part in file.infolist())
        with tarfile.open(archive) as file:
            parts = file.getmembers()
            _read_to_end(file)
            _refuse(archive, folder, [(part.name, part.isfile() or part.isdir()) for part in parts])
            file.extractall(folder, filter="data")
            return sum(part.isfile() for part in parts)
    except DAMAGED as error:
        raise AmcError(f"{archive}: cannot be unpacked ({error}); get it again") from error


def _read_to_end(file: tarfile.TarFile) -> None:
    """Raise one of DAMAGED unless only the zeros of an archive's end follow, and the checksum of a compressed one is
    right: tarfile takes a damaged header for the end."""
    rest = 0
    while block := file.fileobj.read(1 << 20):
        rest += len(block)
        if block.strip(b"\0"):
            raise tarfile.ReadError("damaged before its end")
    if rest < tarfile.BLOCKSIZE:
        raise tarfile.ReadError("its end is missing")


def _refuse(archive: Path, folder: Path, members: list[tuple[str, bool]]) -> None:
    for name, is_plain in members:
        if not is_plain:
            raise AmcError(f"{archive}: {name} is neither a file nor a folder; nothing was unpacked, get it again")
        inside(folder, name.rstrip("/" + os.sep), str(archive))
