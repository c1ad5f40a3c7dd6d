"""The one error a user's mistake raises: a single line that says what is wrong, what was expected and what to do."""

import codecs
import io
import sys


class AmcError(ValueError):
    """A mistake of input, not of code: a bad parameter, a missing or broken file, absent weights.

    The message is one `printable` line. `python -m amc` prints it alone, without a traceback; a notebook ends with it.
    """

    def __init__(self, message: str):
        super().__init__(printable(message))


class VideoError(AmcError):
    """A video that is missing, damaged or not a video, or a frame it does not have.

    frame: the first frame that cannot be had, where those before it can; None where nothing can be read.
    """

    def __init__(self, message: str, *, frame: int | None = None):
        self.frame = frame
        super().__init__(message)


class AnnotationError(AmcError):
    """Every mistake of an annotation, one line each in `lines`; the message is the first, and how many there are.

    advice: what names them all, such as a command, where the one who raises knows it.
    """

    def __init__(self, lines: list[str] | tuple[str, ...], advice: str = ""):
        self.lines = tuple(lines)
        more = f" ({len(lines)} such mistakes{advice and '; '}{advice})" if len(lines) > 1 else ""
        super().__init__(lines[0] + more)


class NotFinite(AmcError):
    """A computed value that is no finite number; whoever knows what it was computed of adds that name in front."""


def choice(name: str, value: object, allowed: list[str] | tuple[str, ...]) -> None:
    """Raise AmcError unless `value` is one of `allowed`, naming the argument, the value and the choices."""
    if value not in allowed:
        raise AmcError(f"{name}: {value!r} is not known; choose one of: {', '.join(map(str, allowed))}")


def printable(text: object) -> str:
    """A path, or any text with one in it, as every terminal, table and JSON file takes it: one line of UTF-8.

    A byte of a file's name that is no UTF-8, which Python keeps as half of a surrogate pair, becomes `\\xe8`; line ends
    and what else cannot be printed become escapes too. What can be printed stays as it is.
    """
    letters = str(text)
    return letters if letters.isprintable() else "".join(map(_escaped, letters))


def _escaped(letter: str) -> str:
    if letter.isprintable():
        return letter
    is_byte = 0xDC80 <= ord(letter) <= 0xDCFF  # os.fsdecode's way to keep a byte
    return f"\\x{ord(letter) - 0xDC00:02x}" if is_byte else letter.encode("unicode_escape").decode()


def print_any_path() -> None:
    """From here on print takes every path: what is no UTF-8, or what the terminal's own encoding lacks, is escaped."""
    codecs.register_error("printable", _replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="printable")


def _replaced(error: UnicodeEncodeError) -> tuple[str, int]:
    part = printable(error.object[error.start : error.end])
    return part.encode("ascii", "backslashreplace").decode(), error.end
