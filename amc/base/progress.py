"""How far a long loop is: a progress bar for whoever looks on, or a line now and then for a log."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from tqdm.std import tqdm

T = TypeVar("T")
Log = Callable[[str], None]
LOG_INTERVAL = 15  # seconds after which a long loop says how far it is


def silent(line: str) -> None:
    """A log that nobody reads."""


def progress(items: Iterable[T], what: str, *, total: int, unit: str, log: Log | None) -> Iterator[T]:
    """The items one by one, as a progress bar or, where `log` is given, in a line to it every LOG_INTERVAL seconds.

    A line says how many of `total` are done and how long the others will take. A loop that is shorter than that says
    nothing.
    """
    if log is None:
        yield from tqdm(items, desc=what, total=total, unit=unit)
        return
    last, pace = time.perf_counter(), Pace()
    for done, item in enumerate(items, start=1):
        yield item
        now = pace.step()
        if now - last > LOG_INTERVAL:
            last = now
            log(f"{what}: {done} of {total} {unit}, {pace.left(total - done):.0f} s left")


class Pace:
    """How fast steps follow each other, the first one left out: it waits for libraries, processes and files."""

    def __init__(self):
        self.first = self.last = 0.0
        self.steps = 0

    def step(self) -> float:
        """A step is done; returns the time, of time.perf_counter."""
        self.last = time.perf_counter()
        self.first = self.first or self.last
        self.steps += 1
        return self.last

    def left(self, steps: int) -> float:
        """Seconds that so many steps more will take at the mean pace so far."""
        return (self.last - self.first) / max(self.steps - 1, 1) * steps
