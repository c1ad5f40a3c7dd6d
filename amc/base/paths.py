"""Absolute paths of the repository, its data, its cache and its reports; and atomic writing of files.

Environment variables override them: AMC_ROOT, AMC_DATA, AMC_CACHE, AMC_REPORTS. An empty one is treated as not set.
"""

import hashlib
import os
import re
import socket
import stat
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import lru_cache
from pathlib import Path
from typing import IO

import psutil

from amc.base.errors import AmcError

TEMPORARY = re.compile(r"\..+\.(?P<host>[0-9a-f]{8})-(?P<pid>[0-9]+)\.[0-9a-f]{8}(\.[^.]*)?", re.DOTALL)  # `atomic`


def root() -> Path:
    """The repository: AMC_ROOT, else the first folder upwards with `amc` and `notebooks`, else this file's."""
    if named := _named("AMC_ROOT"):
        return named
    source = Path(__file__).resolve().parents[1]
    for folder in [Path.cwd(), *Path.cwd().parents, source.parent]:
        if (folder / "amc" / "__init__.py").exists() and (folder / "notebooks").is_dir():
            return folder.resolve()
    raise AmcError(f"repository not found from {Path.cwd()} nor from {source}; set AMC_ROOT to its folder")


def data() -> Path:
    """Where data sets and weights lie (AMC_DATA, by default `data` of the repository)."""
    return _named("AMC_DATA") or root() / "data"


def cache() -> Path:
    """Where everything that can be recomputed is stored (AMC_CACHE, by default `data/cache`)."""
    return _named("AMC_CACHE") or data() / "cache"


def reports() -> Path:
    """Where a run writes its results: AMC_REPORTS, by default `out`, which git ignores.

    The committed records, scores and figures lie in `root() / "reports"`. Only `python -m amc reproduce` and
    `make test-faults` write there; code that reads them names that folder, and a run by hand does not change them.
    """
    return _named("AMC_REPORTS") or root() / "out"


def folder(path: Path | str) -> Path:
    """`path`, created if it does not exist; raises AmcError if it is not writable."""
    path = Path(path)
    try:
        path.mkdir(parents=True, exist_ok=True)
        if not os.access(path, os.W_OK):
            raise PermissionError(None, "not permitted")
    except OSError as error:
        raise unwritable(path, error.strerror) from error
    return path


def check_writable(path: Path | str) -> None:
    """Raise AmcError unless files can be written to a folder, which need not exist: before hours of work for it."""
    place, reason = Path(path).absolute(), ""
    try:
        while not place.exists() and place != place.parent:
            place = place.parent
        if not place.is_dir():
            reason = f"{place} is no folder"
        elif not os.access(place, os.W_OK | os.X_OK):
            reason = "not permitted"
    except OSError as error:
        reason = error.strerror
    if reason:
        raise unwritable(path, reason)


def unwritable(path: Path | str, reason: str | None) -> AmcError:
    """The error for a folder that nothing can be written to."""
    return AmcError(f"{path}: cannot be written to ({reason}); {another(path)}")


def unwritten(path: Path | str, error: OSError) -> AmcError:
    """The error for a file whose writing failed half-way."""
    return AmcError(f"{path}: could not be written ({error.strerror or error}); free the disk or {another(path)}")


def another(path: Path | str) -> str:
    """What to do where nothing can be written to `path`, with the variable that sets a folder of ours."""
    place = Path(path).absolute()
    with suppress(AmcError):  # without a repository there is only what the variables name
        ours = {"AMC_CACHE": cache(), "AMC_REPORTS": reports(), "AMC_DATA": data()}
        for variable, folder_of_it in ours.items():
            if place.is_relative_to(folder_of_it):
                return f"choose another folder, with {variable}"
    return "choose another folder"


def regular(path: Path | str, advice: str) -> Path:
    """`path`, if it is a file: a pipe would be waited for, and a device may have no end.

    Raises AmcError, which says what is there instead and ends with `advice`.
    """
    path = Path(path)
    try:
        mode = path.stat().st_mode
    except FileNotFoundError as error:
        raise AmcError(f"{path}: no such file or folder; {advice}") from error
    except (OSError, ValueError) as error:  # ValueError: a null character
        raise AmcError(f"{path}: cannot be read ({getattr(error, 'strerror', error)}); {advice}") from error
    if not stat.S_ISREG(mode):
        raise AmcError(f"{path}: is {'a folder' if stat.S_ISDIR(mode) else 'no regular file'}; {advice}")
    return path


def short(path: Path) -> str:
    """A path as a user reads it: from the current folder if it lies below."""
    relative = os.path.relpath(path)
    return str(path) if relative.startswith("..") else relative


def _named(variable: str) -> Path | None:
    """The folder that an environment variable names, None where it is not set or empty."""
    value = os.environ.get(variable, "").strip()
    return Path(value).expanduser().resolve() if value else None


@contextmanager
def atomic(path: Path | str, *, is_cache: bool = False) -> Iterator[Path]:
    """A temporary path to write to; it becomes `path` when the block succeeds, and is deleted when it fails.

    Readers never see half a file, also after a power cut, and of two writers the last one wins completely. What killed
    processes left in the folder is removed. A full disk or a folder that is not writable raises AmcError and leaves an
    earlier `path` unchanged. is_cache: the file is sealed and can be computed again, so nobody waits for the disk; a
    power cut may lose it.
    """
    path = Path(path)
    temporary = path.with_name(f".{path.name}.{_host()}-{os.getpid()}.{uuid.uuid4().hex[:8]}{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        sweep(path.parent)
        yield temporary
        if not is_cache:
            _to_disk(temporary)
        os.replace(temporary, path)
        if not is_cache:
            with suppress(OSError):  # some network disks have no such call for folders
                _to_disk(path.parent)
    except OSError as error:
        raise unwritten(path, error) from error
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> Path:
    """Write a text as it is, UTF-8, atomically; returns `path`. Raises AmcError."""
    with atomic(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="")
    return path


def is_still(file: IO, path: Path | str) -> bool:
    """Whether `path` is the open `file`, which no other has replaced since it was opened."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), os.stat(path))
    except OSError:
        return False


def is_temporary(path: Path) -> bool:
    """Whether `atomic` gave this path: the file is being written, or its writer was killed."""
    return TEMPORARY.fullmatch(path.name) is not None


@lru_cache(maxsize=4096)
def sweep(folder: Path) -> None:
    """Remove the temporary files of this machine's dead processes from a folder; each process does so once."""
    with suppress(OSError):  # another process may sweep it too
        for entry in os.scandir(folder):
            found = TEMPORARY.fullmatch(entry.name)
            if found and found["host"] == _host() and not psutil.pid_exists(int(found["pid"])):
                os.unlink(entry.path)


@lru_cache(maxsize=1)
def _host() -> str:
    """This machine: others that share a folder have processes of the same numbers."""
    return hashlib.sha256(socket.gethostname().encode()).hexdigest()[:8]


def _to_disk(path: Path) -> None:
    """Wait until a file, or the list of files of a folder, is on the disk."""
    if os.name == "nt" and path.is_dir():  # Windows opens no folders
        return
    descriptor = os.open(path, os.O_RDWR if os.name == "nt" else os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
