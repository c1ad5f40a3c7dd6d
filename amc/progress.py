"""How far a long loop is: a progress bar for whoever looks on, or a line now and then for a log."""

import time
from collections.abc import Callable, Iterable, Iterator
from typing import TypeVar

from tqdm.std import tqdm

T = TypeVar("T")
Report = Callable[[str], None]
SILENCE = 15  # seconds after which a long loop says how far it is


def silent(line: str) -> None:
    """A report to nobody."""


def told(items: Iterable[T], what: str, *, total: int, unit: str, report: Report | None) -> Iterator[T]:
    """The items one by one, as a progress bar or, where `report` is given, in a line to it every SILENCE seconds.

    A line says how many of `total` are done and how long the others will take at the mean pace so far. A loop that is
    shorter than that says nothing.
    """
    if report is None:
        yield from tqdm(items, desc=what, total=total, unit=unit)
        return
    started = last = time.perf_counter()
    for done, item in enumerate(items, start=1):
        yield item
        now = time.perf_counter()
        if now - last > SILENCE:
            last = now
            report(f"{what}: {done} of {total} {unit}, {(now - started) / done * (total - done):.0f} s left")
