"""The one error a user's mistake raises: a single line that says what is wrong, what was expected and what to do."""


class AmcError(ValueError):
    """A mistake of input, not of code: a bad parameter, a missing or broken file, absent weights.

    The message is one line. `python -m amc` prints it alone, without a traceback; a notebook ends with it.
    """


class VideoError(AmcError):
    """A video that is missing, damaged or not a video, or a frame it does not have.

    frame: the first frame that cannot be had, where those before it can; None where nothing can be read.
    """

    def __init__(self, message: str, *, frame: int | None = None):
        self.frame = frame
        super().__init__(message)


class AnnotationError(AmcError):
    """Every mistake of an annotation, one line each in `lines`; the message is the first, and how many there are."""

    def __init__(self, lines: list[str]):
        self.lines = tuple(lines)
        more = f" ({len(lines)} such mistakes; `python -m amc index` lists them all)" if len(lines) > 1 else ""
        super().__init__(lines[0] + more)


def choice(name: str, value: object, allowed: list[str] | tuple[str, ...]) -> None:
    """Raise AmcError unless `value` is one of `allowed`, naming the argument, the value and the choices."""
    if value not in allowed:
        raise AmcError(f"{name}: {value!r} is not known; choose one of: {', '.join(map(str, allowed))}")
