"""Lists in plain text, for titles, messages and answers."""

from collections.abc import Iterable, Sequence


def listed(names: Iterable[object], *, word: str = "and") -> str:
    """`a, b and c`, or with another word; `nothing` for none."""
    *others, last = [str(name) for name in names] or ["nothing"]
    return f"{', '.join(others)} {word} {last}" if others else last


def with_interval(values: Sequence[float], spec: str = ".1f") -> str:
    """`36.9 [34.9, 44.6]`, from (value, low, high). spec: of the format."""
    value, low, high = (f"{each:{spec}}" for each in values)
    return f"{value} [{low}, {high}]"


def first_few(names: Sequence[object], most: int = 10) -> str:
    """`a, b and 4 more`: at most `most` names."""
    more = len(names) - most
    return ", ".join(map(str, names[:most])) + (f" and {more} more" if more > 0 else "")
