"""Long calculations side by side, each in a process of its own; the lines of all of them reach one log."""

import queue
import time
from collections.abc import Callable, Sequence
from concurrent.futures import as_completed
from contextlib import suppress
from typing import TypeVar

from amc.base import processes
from amc.base.progress import Log

Job = TypeVar("Job")
Result = TypeVar("Result")


def compute(
    function: Callable[[Job, Log], Result], jobs: Sequence[Job], *, work: Sequence[int], workers: int, log: Log
) -> list[Result]:
    """`function(job, log)` of each job, in their order; function and jobs can be pickled.

    work: relative time of each job; the longest begin first, so that the last to finish are short ones. Finished jobs
    keep what they have written even if another one fails; then the first failure is raised.
    """
    with processes.queue() as lines, processes.pool(min(workers, len(jobs))) as pool:
        order = sorted(range(len(jobs)), key=lambda job: work[job], reverse=True)
        futures = {pool.submit(_call, function, jobs[job], lines): job for job in order}
        started, running, whole = time.perf_counter(), set(futures), max(sum(work), 1)
        while running or not lines.empty():
            with suppress(queue.Empty):
                log(lines.get(timeout=0.5))
            if ended := {future for future in running if future.done()}:
                running -= ended
                part = sum(work[futures[future]] for future in running) / whole
                left = (time.perf_counter() - started) * part / max(1 - part, 1e-9)
                log(f"{len(jobs) - len(running)} of {len(jobs)} runs done, about {left / 60:.0f} min left")
        done = {futures[future]: future.result() for future in as_completed(futures)}
        return [done[job] for job in range(len(jobs))]


def _call(function: Callable[[Job, Log], Result], job: Job, lines: queue.Queue) -> Result:
    return function(job, lines.put)
