"""Progress of a long loop: a progress bar on a terminal, or a line from time to time for a log."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from tqdm.std import tqdm

T = TypeVar("T")
Log = Callable[[str], None]
LOG_INTERVAL = 15  # seconds between progress lines of a long loop


def headed(log: Log, head: str) -> Log:
    """A log whose lines begin with `head`."""
    return lambda line: log(f"{head}: {line}")


def silent(line: str) -> None:
    """A log that discards its lines."""


def progress(items: Iterable[T], what: str, *, total: int, unit: str, log: Log | None) -> Iterator[T]:
    """The items one by one, with a progress bar or, if `log` is given, a line to it every LOG_INTERVAL seconds.

    A line says how many of `total` are done and how long the others will take. A loop shorter than LOG_INTERVAL logs
    nothing.
    """
    if log is None:
        file = sys.stdout if "ipykernel" in sys.modules else None  # a notebook shows stderr in red
        yield from tqdm(items, desc=what, total=total, unit=unit, file=file)
        return
    last, pace = time.perf_counter(), Pace()
    for done, item in enumerate(items, start=1):
        yield item
        now = pace.step()
        if now - last > LOG_INTERVAL:
            last = now
            log(f"{what}: {done} of {total} {unit}, {pace.left(total - done):.0f} s left")


class Pace:
    """Mean time per step, without the first one, which waits for libraries, processes and files."""

    def __init__(self):
        self.first = self.last = 0.0
        self.steps = 0

    def step(self) -> float:
        """Record the end of a step; returns time.perf_counter()."""
        self.last = time.perf_counter()
        self.first = self.first or self.last
        self.steps += 1
        return self.last

    def left(self, steps: int) -> float:
        """Seconds that `steps` more steps will take at the mean pace so far."""
        return (self.last - self.first) / max(self.steps - 1, 1) * steps
