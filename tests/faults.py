"""Faults in writers, provoked on purpose: a part of `reliability`, which `make test-faults` runs.

Each writer of `fault_writers` runs in a forked child that is killed when it opens, renames or syncs its n-th file, for
every n; at random moments; with a full disk; twice at once; with a clock that jumps. Then it runs again undisturbed and
has to leave the same bits. Every kind of file has bits flipped, and no flip may change what is read. `test_faults.py`
does a part of this in `make test`.
"""

import io
import os
import random
import resource
import shutil
import signal
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

import test_seal
from fault_kinds import KINDS
from fault_writers import WRITERS, Writer, content, enter

from amc.base import bundled
from amc.base.errors import AmcError

REFUSED, BROKEN = 3, 4  # exit statuses of a child: one line of ours, and anything else
FLIPS, RANDOM = 500, 25  # of each kind of file, and kills of each writer
DISKS = (0, 64, 512, 4096)  # bytes that a file may have on a full disk
YEAR = 365 * 24 * 3600


class Result(NamedTuple):
    """How many cases of a promise were tried, and those that failed."""

    cases: int
    failed: list[str]
    known: int = 0  # failures that nothing of ours can mend


def child(writer: Writer, folder: Path, before: Callable[[], None] | None = None) -> int:
    """The number of a process that runs a writer."""
    if number := os.fork():
        return number
    status, sys.stderr = BROKEN, io.StringIO()  # no file, which a full disk would stop
    try:
        enter(folder)
        writer.prepare(folder)
        if before:
            before()
        writer.act(folder)
        status = 0
    except AmcError as error:
        status = REFUSED if "\n" not in str(error) else BROKEN
    except BaseException:
        os.write(2, traceback.format_exc().encode())
    finally:
        os._exit(status)


def status_of(number: int) -> int:
    """Exit status of a child, negative for the signal that ended it."""
    return os.waitstatus_to_exitcode(os.waitpid(number, 0)[1])


def undisturbed(writer: Writer, place: Path, name: str = "right") -> dict[str, bytes]:
    """What a writer leaves in a new folder."""
    folder = place / name
    folder.mkdir()
    assert status_of(child(writer, folder)) == 0
    return content(folder, writer)


def kill_at(steps: dict[str, int], kind: str, number: int) -> Callable[[], None]:
    """Count the steps of each kind that a process takes, and kill it before its `number`-th of `kind`; 0: never."""

    def step(name: str) -> None:
        steps[name] += 1
        if (name, steps[name]) == (kind, number):
            os.kill(os.getpid(), signal.SIGKILL)

    def hook(event: str, given: tuple) -> None:
        if event == "os.rename":
            step("rename")
        elif event == "open" and isinstance(given[0], str | os.PathLike) and given[2] & (os.O_WRONLY | os.O_RDWR):
            step("open")

    def begin() -> None:
        sys.addaudithook(hook)
        fsync = os.fsync
        os.fsync = lambda descriptor: (step("fsync"), fsync(descriptor))[1]

    return begin


def count(writer: Writer, folder: Path) -> dict[str, int]:
    """How many steps of each kind a writer takes."""
    folder.mkdir()
    steps, told = {"open": 0, "rename": 0, "fsync": 0}, os.pipe()
    begin = kill_at(steps, "", 0)
    counted = writer._replace(act=lambda place: (writer.act(place), os.write(told[1], repr(steps).encode())))
    assert status_of(child(counted, folder, begin)) == 0
    return eval(os.read(told[0], 999).decode())


def again(writer: Writer, folder: Path, right: dict[str, bytes], what: str, failed: list[str]) -> None:
    """Run a writer once more after a fault: note a failure unless it leaves the right bits."""
    if (status := status_of(child(writer, folder))) or content(folder, writer) != right:
        failed.append(f"{writer.name}: {what}: status {status}")
    shutil.rmtree(folder)


def kills(place: Path, writers: tuple[Writer, ...] = WRITERS, *, every: int = 1) -> Result:
    """A kill before every `every`-th step of each kind."""
    cases, failed = 0, []
    for writer in writers:
        right = undisturbed(writer, place, f"right {writer.name}")
        for kind, steps in count(writer, place / f"count {writer.name}").items():
            for number in range(1, steps + 1, every):
                folder = place / "killed"
                folder.mkdir()
                status_of(child(writer, folder, kill_at({"open": 0, "rename": 0, "fsync": 0}, kind, number)))
                again(writer, folder, right, f"killed at {kind} {number}", failed)
                cases += 1
    return Result(cases, failed)


def random_kills(place: Path, writers: tuple[Writer, ...] = WRITERS, *, each: int = RANDOM) -> Result:
    """Kills at random moments of a writer's usual time."""
    rng, failed = random.Random(0), []
    for writer in writers:
        started = time.perf_counter()
        right = undisturbed(writer, place, f"right {writer.name}")
        seconds = time.perf_counter() - started
        for _ in range(each):
            folder, moment = place / "killed", rng.uniform(0, seconds)
            folder.mkdir()
            number = child(writer, folder)
            time.sleep(moment)
            os.kill(number, signal.SIGKILL)
            status_of(number)
            again(writer, folder, right, f"killed after {moment:.3f} s", failed)
    return Result(len(writers) * each, failed)


def full_disks(place: Path, writers: tuple[Writer, ...] = WRITERS, *, disks: tuple[int, ...] = DISKS) -> Result:
    """No file can grow beyond a limit: a writer ends with one line or goes on without a cache, and restarts."""
    failed = []
    for writer in writers:
        right = undisturbed(writer, place, f"right {writer.name}")
        for limit in disks:
            folder = place / "full"
            folder.mkdir()
            limits = (limit, resource.RLIM_INFINITY)
            status = status_of(child(writer, folder, lambda at=limits: resource.setrlimit(resource.RLIMIT_FSIZE, at)))
            if status not in (0, REFUSED):
                failed.append(f"{writer.name}: a disk for {limit} bytes: status {status}, no line of ours")
            again(writer, folder, right, f"a disk for {limit} bytes", failed)
    return Result(len(writers) * len(disks), failed)


def two_at_once(place: Path, writers: tuple[Writer, ...] = WRITERS, *, each: int = 10) -> Result:
    """Two processes write the same: both end well, or one is refused with one line, and the result is right."""
    failed = []
    for writer in writers:
        right = undisturbed(writer, place, f"right {writer.name}")
        for turn in range(each):
            folder = place / "two"
            folder.mkdir()
            found = sorted(map(status_of, [child(writer, folder), child(writer, folder)]))
            if found not in ([0, 0], [0, REFUSED]) or content(folder, writer) != right:
                failed.append(f"{writer.name}: two at once, turn {turn}: {found}")
            shutil.rmtree(folder)
    return Result(len(writers) * each, failed)


def clock_jumps(place: Path, writers: tuple[Writer, ...] = WRITERS) -> Result:
    """The clock goes back or forward by a year between two runs, of which the second uses what the first left."""
    failed, now, now_ns = [], time.time, time.time_ns
    for writer in writers:
        right = undisturbed(writer, place, f"right {writer.name}")
        for jump in (-YEAR, YEAR):

            def change(jump: int = jump) -> None:
                time.time, time.time_ns = (lambda: now() + jump), (lambda: now_ns() + 10**9 * jump)

            folder = place / "clock"
            folder.mkdir()
            status_of(child(writer, folder, change))
            again(writer, folder, right, f"a clock {jump} s off", failed)
    return Result(2 * len(writers), failed)


def flips(place: Path, *, each: int = FLIPS) -> Result:
    """One bit of a file is flipped: it is told, or made again, or nothing that is read changes."""
    cases, failed = 0, []
    for name, kind in KINDS.items():
        folder = place / name.replace("/", " ")
        folder.mkdir()
        enter(folder)
        bundled.place = lambda name, folder=folder: folder / "weights" / f"{name}.safetensors"
        path, read = kind(folder)
        data, right = path.read_bytes(), read()
        for bit in random.Random(1).sample(range(8 * len(data)), min(each, 8 * len(data))):
            flipped = bytearray(data)
            flipped[bit // 8] ^= 1 << bit % 8
            path.write_bytes(flipped)
            cases += 1
            if not test_seal.is_noticed(read) and read() != right:
                failed.append(f"{name}: bit {bit} changes what is read, in silence")
            path.write_bytes(data)
    return Result(cases, failed)
