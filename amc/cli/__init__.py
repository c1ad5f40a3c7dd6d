"""The commands of `python -m amc`: `parser` turns arguments into options, `commands` runs them."""


def say(line: str) -> None:
    """A log that prints each line at once, also into a pipe."""
    print(line, flush=True)
