"""A lock on a folder that one process at a time may write to. The system frees it when the process ends or is killed.

A hidden file in the folder names the process that has it. Windows has no such lock: there, nothing is kept out.
"""

import os
import socket
import time
import warnings
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import IO

import psutil

from amc.base import paths
from amc.base.errors import AmcError
from amc.base.progress import Log

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None

NAME = ".lock"
INTERVAL = 0.5  # seconds between two tries


@contextmanager
def held(folder: Path, *, log: Log | None = None) -> Iterator[None]:
    """Keep every other process that asks for this lock out of an existing folder while the block runs.

    log: gets a line when another process has it, and this one waits for it. Without `log` that raises AmcError, which
    names the user and the process.
    """
    if fcntl is None:
        yield
        return
    path, told = folder / NAME, ""
    while not _is_locked(file := _opened(path), path):
        file.close()
        owner = _owner(path)
        if owner and log is None:
            raise AmcError(f"{folder}: {owner} is writing here; wait until it ends, or choose another folder")
        if owner and owner != told:
            log(f"waits for {owner}, which is writing to {folder}")
            told = owner
        time.sleep(INTERVAL if told else 0)
    try:
        with suppress(OSError):  # a full disk: then it has no name
            file.truncate(0)
            file.write(_own_name())
            file.flush()
        yield
    finally:
        with suppress(OSError):
            path.unlink()
        with suppress(OSError):
            file.close()


def _own_name() -> str:
    process, since = psutil.Process(), f"{datetime.now():%Y-%m-%d %H:%M}"
    return f"process {process.pid} of {process.username()} on {socket.gethostname()}, since {since},"


def _opened(path: Path) -> IO[str]:
    try:
        return path.open("a", encoding="utf-8")
    except OSError as error:
        raise paths.unwritable(path.parent, error.strerror) from error


def _is_locked(file: IO[str], path: Path) -> bool:
    """Whether this process now has the lock: not if another one has it, or has just removed the file."""
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        return os.path.samestat(os.stat(path), os.fstat(file.fileno()))
    except (BlockingIOError, FileNotFoundError):
        return False
    except OSError as error:
        what = f"{path.parent}: this disk has no locks ({error.strerror}); start nothing else here"
        warnings.warn(what, stacklevel=4)
        return True


def _owner(path: Path) -> str:
    """The process that has the lock; empty where it has just ended."""
    try:
        return path.read_text(encoding="utf-8") or "another process"
    except OSError:
        return ""
