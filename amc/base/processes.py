"""Worker processes: started in the same way on every platform, and ended when this process stops.

Workers are always new processes (spawn), whatever Python's default: a process with threads must not be forked. A Ctrl-C
in a terminal reaches every process of a command; workers ignore it, so only the first process decides what happens, and
ends them.
"""

import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.managers import SyncManager
from pathlib import Path
from queue import Empty, Queue
from typing import TYPE_CHECKING, TypeVar

import psutil

from amc.base.errors import AmcError
from amc.base.progress import Log

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

Job = TypeVar("Job")
Result = TypeVar("Result")
CONTEXT = multiprocessing.get_context("spawn")
VARIABLE = "AMC_WORKERS"
ENDING = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
TIMEOUT = 5  # seconds to wait for killed processes to end
AGAIN = 0.1  # seconds until a lost stop is asked for again: outside the callback that lost it
_asked: list[int] = []  # the signals that have asked the block of `stoppable` to end


class Ended(KeyboardInterrupt):
    """A signal (Ctrl-C, another process, a closed terminal) asked this one to end; `signal` is its number."""

    def __init__(self, number: int):
        self.signal = number


class Stopped(Ended):
    """Work that was stopped: `advice` says how to continue it. A notebook shows only that, without a traceback."""

    def __init__(self, advice: str, number: int):
        super().__init__(number)
        self.advice = advice

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback."""
        return [f"stopped; {self.advice}"]


@contextmanager
def resumable(advice: Callable[[], str]) -> Iterator[None]:
    """Work that can be continued after a stop: `advice` is asked only then, of the innermost such block."""
    try:
        yield
    except Stopped:
        raise
    except KeyboardInterrupt as stop:
        raise Stopped(advice(), stop.signal if isinstance(stop, Ended) else signal.SIGINT) from None


def count(default: int | None = None) -> int:
    """Workers to start where no number is given: AMC_WORKERS, else `default`, else one per core. Raises AmcError."""
    text = os.environ.get(VARIABLE) or str(default or os.cpu_count() or 1)
    if not text.isdecimal() or int(text) < 1:
        raise AmcError(f"{VARIABLE}: {text!r} is not a number of processes; give 1 or more, or unset it")
    return int(text)


@contextmanager
def pool(workers: int) -> Iterator[ProcessPoolExecutor]:
    """A pool of `workers` processes. They end with the block: after their work, or at once when it is stopped.

    Raises AmcError when one of them is killed; unfinished work of all is then lost.
    """
    before = set(multiprocessing.active_children())
    with _held_back():
        executor = ProcessPoolExecutor(workers, CONTEXT, _begin)
        for _ in range(workers):  # each starts one, here where interrupts are blocked
            executor.submit(_nothing)
    try:
        yield executor
    except BrokenProcessPool as error:
        raise AmcError(
            f"a worker process was killed, probably out of memory; set {VARIABLE}=1 and run this again: one works at a "
            "time then, and what is finished is used again"
        ) from error
    except BaseException as error:
        if not isinstance(error, Exception):  # stopped: the workers' current tasks could take long
            for child in set(multiprocessing.active_children()) - before:
                child.kill()
        raise
    finally:
        executor.shutdown(cancel_futures=True)


@contextmanager
def queue() -> Iterator[Queue]:
    """A queue that can be passed to workers."""
    manager = SyncManager(ctx=CONTEXT)
    with _held_back():
        manager.start(_begin)
    with manager:
        yield manager.Queue()


def side_by_side(
    function: Callable[[Job, Log], Result], jobs: Sequence[Job], *, work: Sequence[int], workers: int, log: Log
) -> list[Result]:
    """`function(job, log)` of each job, in their order, each in a process of its own; all lines reach `log`.

    function and jobs can be pickled. work: relative time of each job; the longest begin first, so that the last to
    finish are short ones. Finished jobs keep what they have written even if another one fails; then the first failure
    is raised.
    """
    with queue() as lines, pool(min(workers, len(jobs))) as executor:
        order = sorted(range(len(jobs)), key=lambda job: work[job], reverse=True)
        futures = {executor.submit(_call, function, jobs[job], lines): job for job in order}
        started, running, whole = time.perf_counter(), set(futures), max(sum(work), 1)
        while running or not lines.empty():
            with suppress(Empty):
                log(lines.get(timeout=0.5))
            if ended := {future for future in running if future.done()}:
                running -= ended
                for failed in filter(None, (future.exception() for future in ended)):
                    if isinstance(failed, BrokenProcessPool):  # a killed worker ends all: `pool` says so
                        raise failed
                    log(f"failed, the others go on: {type(failed).__name__}: {failed}")
                part = sum(work[futures[future]] for future in running) / whole
                left = (time.perf_counter() - started) * part / max(1 - part, 1e-9)
                log(f"{len(jobs) - len(running)} of {len(jobs)} runs done, about {left / 60:.0f} min left")
        done = {futures[future]: future.result() for future in as_completed(futures)}
        return [done[job] for job in range(len(jobs))]


def _call(function: Callable[[Job, Log], Result], job: Job, lines: Queue) -> Result:
    return function(job, lines.put)


@contextmanager
def stoppable() -> Iterator[None]:
    """Ctrl-C, SIGTERM and SIGHUP all end the block by one exception, `Ended`. For the main thread.

    A stop that falls into a destructor or a callback, where Python can only print it, is asked for once more. One that
    a library turns into an error of its own, as torch does while it reads weights, is the stop again.
    """

    def end(number: int, frame: object) -> None:
        _asked.append(number)
        raise Ended(number)

    def lost(found: "sys.UnraisableHookArgs") -> None:
        stop = found.exc_value
        if not isinstance(stop, KeyboardInterrupt):
            return before(found)
        number = stop.signal if isinstance(stop, Ended) else signal.SIGINT
        threading.Timer(AGAIN, signal.raise_signal, (number,)).start()

    # torchrun ends its processes while they wait for each other, where no exception can be raised.
    is_alone = int(os.environ.get("WORLD_SIZE") or 1) == 1 and threading.current_thread() is threading.main_thread()
    usual = {number: signal.getsignal(number) for number in ENDING if is_alone}
    usual = {number: act for number, act in usual.items() if act in (signal.SIG_DFL, signal.default_int_handler)}
    before, sys.unraisablehook = sys.unraisablehook, lost
    try:
        for number in usual:
            signal.signal(number, end)
        yield
    except Exception:
        heed()
        raise
    finally:
        _asked.clear()
        sys.unraisablehook = before
        for number, act in usual.items():
            signal.signal(number, act)


def heed() -> None:
    """Raise the stop again that a library turned into the error being handled: for handlers that go on after any."""
    if _asked:
        raise Ended(_asked[-1]) from None


def run(command: list[str], *, cwd: Path, environment: dict[str, str]) -> int:
    """The exit status of a command, run in its own session: a Ctrl-C reaches only this process, which then ends the
    command and all that it has started. They end too when this process is killed."""
    watched = [sys.executable, "-m", __name__, *command]
    running = subprocess.Popen(watched, cwd=cwd, env=environment, start_new_session=True)
    try:
        return running.wait()
    except BaseException:
        end_children()
        raise


def end_children() -> None:
    """Kill every process that this one has started, and theirs; ignores Ctrl-C meanwhile."""
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C has to wait some seconds, too
    if hasattr(signal, "SIGCHLD"):  # torch's own raises an error when a worker of a DataLoader is killed
        signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    _kill_children()
    signal.signal(signal.SIGINT, before)


def _kill_children() -> None:
    for _ in range(TIMEOUT):
        children = [child for child in psutil.Process().children(recursive=True) if not _cleans_up(child)]
        for child in reversed(children):  # theirs first: a command of `run` ends as soon as its own child does
            with suppress(psutil.NoSuchProcess):  # it has ended meanwhile
                child.kill()
        if not psutil.wait_procs(children, timeout=1)[1]:
            break


def _cleans_up(child: psutil.Process) -> bool:
    """Whether it is Python's resource tracker, which ends after this process and removes its semaphores."""
    try:
        return child.ppid() == os.getpid() and "multiprocessing.resource_tracker" in " ".join(child.cmdline())
    except psutil.Error:
        return False


@contextmanager
def _held_back() -> Iterator[None]:
    """Processes started inside ignore Ctrl-C, even while they import; one that comes meanwhile acts afterwards."""
    if not hasattr(signal, "pthread_sigmask"):  # Windows
        yield
        return
    resource_tracker.ensure_running()  # started inside, it would let interrupts through again
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def loading(loader: "DataLoader") -> Iterator:
    """The items of a loader, whose worker processes ignore Ctrl-C: this one ends them."""
    if not loader.num_workers:
        return iter(loader)
    with _held_back():
        return iter(loader)


def _begin() -> None:
    """End this worker when the process that started it is killed: otherwise it would wait and keep its memory."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent = multiprocessing.parent_process()
    threading.Thread(target=lambda: (parent.join(), os._exit(1)), daemon=True).start()


def end_with_parent() -> None:
    """From now on, end this process and all that it has started when the one that started it has ended.

    It is no worker of a pool: those have `_begin`.
    """
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent:
            time.sleep(1)
        _kill_children()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _nothing() -> None:
    pass


if __name__ == "__main__":  # a command of `run`
    end_with_parent()
    sys.exit(subprocess.call(sys.argv[1:]))
