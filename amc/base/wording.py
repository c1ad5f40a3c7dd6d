"""Lists in plain text, for titles, messages and answers."""

from collections.abc import Iterable


def listed(names: Iterable[object], *, word: str = "and") -> str:
    """`a, b and c`; `nothing` for none."""
    *others, last = [str(name) for name in names] or ["nothing"]
    return f"{', '.join(others)} {word} {last}" if others else last
