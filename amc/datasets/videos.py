"""Which videos of a data set decode, and how far: each is read once, in processes that may crash; results are stored.

A video that decoded once is not read again until its content changes. `python -m amc index` reads all of them; from
then on `apply` adds the results to every table. Each result is a sealed line (`base.sealed_lines`).
"""

import json
import os
import subprocess
import sys
import threading
import warnings
from collections.abc import Iterator
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from queue import Empty, Queue

from amc.base import paths, sealed_lines
from amc.base.digests import digest
from amc.base.errors import AmcError
from amc.base.progress import Log, progress
from amc.datasets.table import Clip, ClipTable

COMMAND = [sys.executable, "-m", "amc.datasets.video_reader"]
TIMEOUT = 120  # seconds for one video, then its reader is killed


@dataclass(frozen=True)
class Facts:
    """The result of reading a video."""

    num_frames: int
    error: str = ""  # why it cannot be read to its end; empty if it can
    doubt: str = ""  # how two readers disagree about it; empty if they agree, or if only one can read it
    damage: str = ""  # where its data are wrong, though it decodes: some of its pictures may be wrong too


def apply(table: ClipTable, name: str) -> ClipTable:
    """The table, with the results of `examine`: lengths that decode, and videos that cannot be read.

    A clip that is shorter than its annotation says is planned over the existing frames. An unreadable one is left out
    of training and validation; in the test split it stays and is marked, so that it counts (see `clips.ClipViews`).
    Notes count both. Videos that were not examined are assumed to be as annotated.
    """
    known = remembered(name)
    if not known:
        return table
    clips, short, damaged, dropped, black = [], [], [], [], []
    for clip in table.clips:
        facts = known.get(_identity(clip.path))
        if facts and facts.error:
            (black if clip.split == "test" else dropped).append(clip.id)
            clips += [replace(clip, unreadable=facts.error)] if clip.split == "test" else []
            continue
        if facts and clip.num_frames and facts.num_frames < clip.num_frames:
            short.append(clip.id)
        if facts and facts.damage:
            damaged.append(clip.id)
        clips.append(replace(clip, num_frames=facts.num_frames) if facts else clip)
    notes = {
        "videos shorter than annotated, whose own length counts": short,
        "damaged videos that decode, some of whose pictures may be wrong": damaged,
        "unreadable clips left out of training": dropped,
        "unreadable test clips, which are scored as black pictures": black,
    }
    named = (f"{what}: {len(ids)}, first {ids[0]}" for what, ids in notes.items() if ids)
    return replace(table, clips=tuple(clips), notes=(*table.notes, *named))


def examine(table: ClipTable, name: str, *, workers: int, log: Log) -> Iterator[tuple[Clip, Facts]]:
    """Facts of every clip's video, in no order; those not known to decode are read now, and stored one by one.

    Videos that could not be read are tried again: a picture may have been repaired, or a disk be back.

    workers: processes. A video at which a process crashes or is silent for TIMEOUT seconds is unreadable. log: gets
    a line from time to time, with the time left.
    """
    known = remembered(name)
    waiting = []
    for clip in table.clips:
        if (facts := known.get(_identity(clip.path))) and not facts.error:
            yield clip, facts
        else:
            waiting.append(clip)
    if waiting:
        paths.folder(_file(name).parent)  # what cannot be stored is not read
    if sealed_lines.read(_file(name)).damaged:
        sealed_lines.write(_file(name), ([key, *astuple(facts)] for key, facts in known.items()))
    found = _read(waiting, workers)
    for clip, key, facts in progress(found, "reading videos", total=len(waiting), unit="videos", log=log):
        if key == _identity(clip.path):  # else it was replaced meanwhile; the next call reads it again
            sealed_lines.append(_file(name), [key, *astuple(facts)])
        yield clip, facts


def remembered(name: str) -> dict[str, Facts]:
    """Facts by the digest of a video. A line that is damaged, unfinished or of an earlier version gives a warning."""
    lines = sealed_lines.read(_file(name))
    if lines.damaged:
        what = f"{_file(name)}: {lines.damaged} lines are damaged, unfinished or of an earlier version"
        warnings.warn(f"{what}; run `python -m amc index {name}` again, which reads those videos", stacklevel=2)
    return {key: Facts(*facts) for key, *facts in lines.intact}


def _file(name: str) -> Path:
    return paths.cache() / "videos" / f"{name}.jsonl"


def _identity(path: Path) -> str:
    """The digest of a video; the path of one that cannot be read, which its reader reports."""
    try:
        return digest(path)
    except AmcError:
        return os.path.abspath(path)


def _read(clips: list[Clip], workers: int) -> Iterator[tuple[Clip, str, Facts]]:
    """Each clip, the identity of its video before it was read, and the facts."""
    todo, done = Queue(), Queue()
    for clip in clips:
        todo.put(clip)
    threads = [threading.Thread(target=_drive, args=(todo, done), daemon=True) for _ in range(min(workers, len(clips)))]
    for thread in threads:
        thread.start()
    try:
        for _ in clips:
            yield done.get()
    finally:
        todo.queue.clear()  # stopped: start no more readers, and report no video as unreadable


def _drive(todo: Queue, done: Queue) -> None:
    """Feed one reading process; start another whenever it dies, and report its current video as unreadable."""
    process = None
    while True:
        try:
            clip = todo.get_nowait()
        except Empty:
            break
        key = _identity(clip.path)
        try:
            process = process or _start()
        except OSError as error:
            done.put((clip, key, Facts(0, f"no reader could be started ({error})")))
            continue
        timer = threading.Timer(TIMEOUT, process.kill)
        timer.start()
        try:
            process.stdin.write(json.dumps(str(clip.path)) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except OSError:
            answer = ""
        timer.cancel()
        if answer:
            done.put((clip, key, Facts(**json.loads(answer))))
        else:
            status = process.wait()
            done.put((clip, key, Facts(0, f"the reader ended at it (status {status}), or was silent for {TIMEOUT} s")))
            process = None
    if process:
        process.stdin.close()
        process.wait()


def _start() -> subprocess.Popen:
    return subprocess.Popen(
        COMMAND,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,  # a Ctrl-C must reach only this process: else the video would be reported as unreadable
    )
