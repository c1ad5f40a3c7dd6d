"""Check that a download is complete: the folder of a data set in, one line per problem out; and unpack archives."""

import lzma
import os
import shutil
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import IO, NamedTuple

from amc.base import paths
from amc.base.errors import AmcError, AnnotationError, choice
from amc.base.progress import Log
from amc.datasets import catalogue, videos
from amc.datasets.table import inside

# Published numbers. One of Animal Kingdom's 24,004 training clips is known to be broken and is left out.
PUBLISHED = {  # None: an unknown number, but there must be clips
    "animal-kingdom": {"behaviours": 140, "train": 24_003, "test": 6_096},
    "kabr": {"behaviours": 8, "train": None, "test": None},
    "mammalnet": {"behaviours": 12, "train": None, "val": None, "test": None},
    "folder": {"behaviours": None, "train": None, "val": None, "test": None},  # the user's own clips
}

ZIP = (b"PK\3\4", b"PK\5\6", b"PK\7\x08")  # first bytes of a zip file: a member, the end of an empty one, a part
BLOCK_SIZE = 1 << 20  # bytes per read
DAMAGED = (  # raised by the three kinds of archives if cut, damaged, encrypted or packed in an unknown way
    OSError, EOFError, RuntimeError, NotImplementedError, ValueError, OverflowError, zlib.error, lzma.LZMAError,
    tarfile.TarError, zipfile.BadZipFile,
)  # fmt: skip


def check(name: str, root: Path | str | None, *, workers: int, log: Log) -> list[str]:
    """All problems of the data set `name` in `root`, one line each with what to do; empty if there are none.

    The annotation comes first; if it is correct, every video is read once by `workers` processes, and the results are
    stored. log: gets progress, counts beside the published ones, and repairs. Raises AmcError if nothing can be read.
    """
    choice("dataset", name, list(PUBLISHED))
    folder = catalogue.folder(name, root)
    try:
        table = catalogue.DATASETS[name](folder)
    except AnnotationError as error:
        return list(error.lines)
    counts = dict.fromkeys(PUBLISHED[name], 0) | {"behaviours": len(table.names)} | table.counts()
    log(f"{name} in {folder}: {len(table)} clips")
    wrong = []
    for what, count in counts.items():
        expected = PUBLISHED[name].get(what)
        log(f"{what:>12}: {count:6}" + ("" if expected is None else f", published {expected}"))
        if expected not in (None, count) or not count:
            expected = "some" if expected is None else expected
            wrong.append(
                f"{what}: {count}, but {expected} were published; a part of the download is missing or another"
            )
    for note in table.notes:
        log(f"note: {note}")
    decoded = 0
    for clip, facts in videos.examine(table, name, workers=workers, log=log):
        decoded += not facts.error
        if facts.error:
            wrong.append(f"{clip.id} ({clip.split}): {facts.error}; get this file again")
        elif clip.num_frames and facts.num_frames < clip.num_frames:
            says = "{} ({}): {} frames decode, {} are annotated; its own length counts, or get this file again"
            wrong.append(says.format(clip.id, clip.split, facts.num_frames, clip.num_frames))
        if facts.damage:
            says = "{} ({}): damaged, decodes to {} frames: {}; get this file again"
            wrong.append(says.format(clip.id, clip.split, facts.num_frames, facts.damage))
        if facts.doubt:
            wrong.append(f"{clip.id} ({clip.split}): {facts.doubt}; convert it anew, as with ffmpeg")
    log(f"{decoded} of {len(table)} videos decode to their end")
    return wrong


def unpack(archive: Path | str, folder: Path | str) -> int:
    """Unpack a tar (of any compression) or zip file into `folder`; returns how many files it held.

    The kind is read from the first bytes: a tar may end with a zip. Every file is written under a temporary name and
    renamed when complete, so a stop leaves no partial file. Nothing is written if a member would lie outside the folder
    or in another's place, or is neither a file nor a folder (links, devices), or if there is no file, or they would not
    fit on the disk. Raises AmcError for that, and for a file that is no archive, or is cut, damaged or encrypted.
    """
    archive, folder = paths.regular(archive, "give a tar or zip file"), Path(folder)
    try:
        with archive.open("rb") as file:
            is_zip = file.read(4) in ZIP
        with zipfile.ZipFile(archive) if is_zip else tarfile.open(archive) as file:
            members = _of_zip(file) if is_zip else _of_tar(file)
            _refuse(archive, folder, members)
            for member in members:
                _write(member, folder)
    except AmcError:  # it is a ValueError
        raise
    except zipfile.BadZipFile as error:
        # A zip file's directory is at its end; without it nothing shows that it is a zip.
        cut = "its end is missing, so it was cut: " if "not a zip file" in str(error) else ""
        raise AmcError(f"{archive}: cannot be unpacked ({cut}{error}); get it again") from error
    except DAMAGED as error:
        reason = str(error).partition(":\n")[0]  # tarfile adds a line for each compression
        raise AmcError(f"{archive}: cannot be unpacked ({reason}); get it again") from error
    return sum(not member.is_folder for member in members)


class _Member(NamedTuple):
    """A file or folder of an archive, and how to open it; time: of its last change, seconds, if known."""

    name: str
    size: int
    is_folder: bool
    is_plain: bool
    open: Callable[[], IO[bytes]]
    time: float | None = None


def _of_zip(file: zipfile.ZipFile) -> list[_Member]:
    is_link = [(part.external_attr >> 16) & 0o170000 == 0o120000 for part in file.infolist()]
    return [
        _Member(part.filename, part.file_size, part.is_dir(), not link, partial(file.open, part))
        for part, link in zip(file.infolist(), is_link, strict=True)
    ]


def _of_tar(file: tarfile.TarFile) -> list[_Member]:
    parts = file.getmembers()
    _read_to_end(file)
    return [
        _Member(
            part.name,
            part.size,
            part.isdir(),
            part.isfile() or part.isdir(),
            partial(file.extractfile, part),
            part.mtime,
        )
        for part in parts
    ]


def _read_to_end(file: tarfile.TarFile) -> None:
    """Raise one of DAMAGED unless only the zeros at an archive's end follow, and the checksum of a compressed one is
    correct: tarfile mistakes a damaged header for the end."""
    rest = 0
    while block := file.fileobj.read(BLOCK_SIZE):
        rest += len(block)
        if block.strip(b"\0"):
            raise tarfile.ReadError("damaged before its end")
    if rest < tarfile.BLOCKSIZE:
        raise tarfile.ReadError("its end is missing, so it was cut")


def _refuse(archive: Path, folder: Path, members: list[_Member]) -> None:
    if all(member.is_folder for member in members):
        raise AmcError(f"{archive}: holds no file; get it again")
    files, taken = [], {Path(os.path.normpath(folder))}  # taken: first by folders
    for member in members:
        if not member.is_plain:
            raise _refusal(archive, member, "is neither a file nor a folder")
        if "\0" in member.name:
            raise _refusal(archive, member, "has a null character in its name")
        place = inside(folder, _path(member), str(archive))
        if not member.is_folder:
            files.append((place, member))
            place = place.parent
        while place not in taken:
            taken.add(place)
            place = place.parent
    for place, member in files:
        if place in taken:
            raise _refusal(archive, member, "is in it twice, or as a file and a folder")
        taken.add(place)
    there = next(place for place in (folder, *folder.absolute().parents) if place.exists())
    needed, free = sum(member.size for member in members), shutil.disk_usage(there).free
    if needed > free:
        raise AmcError(
            f"{archive}: unpacks to {needed / 1e9:.1f} GB, but {folder} has {free / 1e9:.1f} GB free; free some, or "
            "choose a folder on another disk"
        )


def _refusal(archive: Path, member: _Member, reason: str) -> AmcError:
    return AmcError(f"{archive}: {member.name} {reason}; nothing was unpacked, get it again")


def _write(member: _Member, folder: Path) -> None:
    path = folder / _path(member)
    if member.is_folder:
        paths.folder(path)
        return
    with member.open() as source, paths.atomic(path) as temporary:
        with temporary.open("wb") as file:
            while block := _block(source):
                file.write(block)
        if temporary.stat().st_size != member.size:
            raise zipfile.BadZipFile(f"{member.name} has {temporary.stat().st_size} bytes, not {member.size}")
        if member.time is not None:
            with suppress(OSError, ValueError, OverflowError):  # a time that no file can have
                os.utime(temporary, (member.time, member.time))


def _block(source: IO[bytes]) -> bytes:
    """The next bytes; errors here are the archive's, not those of the disk that they are written to."""
    try:
        return source.read(BLOCK_SIZE)
    except DAMAGED as error:
        raise zipfile.BadZipFile(str(error)) from error


def _path(member: _Member) -> str:
    return member.name.rstrip("/" + os.sep)
