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
    last, first = time.perf_counter(), None
    for done, item in enumerate(items, start=1):
        yield item
        now = time.perf_counter()
        first = first or now  # the first item, which waits for libraries, processes and files, is no part of the pace
        if now - last > LOG_INTERVAL:
            last, left = now, (now - first) / max(done - 1, 1) * (total - done)
            log(f"{what}: {done} of {total} {unit}, {left:.0f} s left")
