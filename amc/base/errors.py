"""The error for a user's mistake: one line that says what is wrong, what was expected and what to do."""

import codecs
import io
import sys
from types import TracebackType
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # the commands run without IPython
    from IPython.core.interactiveshell import InteractiveShell


class AmcError(ValueError):
    """An error in the input, not in the code: a bad parameter, a missing or broken file, missing weights.

    The message is one `printable` line. `python -m amc` and a notebook show only that, without a traceback.
    """

    def __init__(self, message: str):
        super().__init__(printable(message))

    def _render_traceback_(self) -> list[str]:
        """What IPython shows in place of a traceback."""
        return [f"{type(self).__name__}: {self}"]


class VideoError(AmcError):
    """A video that is missing, damaged or not a video, or a frame it does not have.

    frame: the first unreadable frame, where those before it can be read; None where nothing can be read.
    """

    def __init__(self, message: str, *, frame: int | None = None):
        self.frame = frame
        super().__init__(message)


class AnnotationError(AmcError):
    """All errors of an annotation, one line each in `lines`; the message is the first, with their number.

    advice: how to list them all, such as a command, if known.
    """

    def __init__(self, lines: list[str] | tuple[str, ...], advice: str = ""):
        self.lines = tuple(lines)
        more = f" ({len(lines)} such mistakes{advice and '; '}{advice})" if len(lines) > 1 else ""
        super().__init__(lines[0] + more)


class NotFinite(AmcError):
    """A computed value that is not finite; callers that know its source put that name in front."""


def choice(name: str, value: object, allowed: list[str] | tuple[str, ...]) -> None:
    """Raise AmcError unless `value` is one of `allowed`, naming the argument, the value and the choices."""
    if value not in allowed:
        raise AmcError(f"{name}: {value!r} is not known; choose one of: {', '.join(map(str, allowed))}")


def first_line(error: Exception, most: int = 160) -> str:
    """The first line of a library's message, at most `most` letters of it; it may be empty."""
    return (str(error).splitlines() or [""])[0][:most]


def shorten_interrupts(shell: "InteractiveShell") -> None:
    """From now on a cell of IPython's `shell` that is interrupted shows one line in place of a traceback."""
    shell.set_custom_exc((KeyboardInterrupt,), _interrupted)


def _interrupted(
    shell: "InteractiveShell", kind: type, error: KeyboardInterrupt, trace: TracebackType, tb_offset: int | None = None
) -> None:
    """Show the line, or the one that the error brings; IPython sets the arguments."""
    if not hasattr(error, "_render_traceback_"):
        error._render_traceback_ = lambda: ["stopped; run the cell again"]
    shell.showtraceback((kind, error, trace))


def printable(text: object) -> str:
    """A path, or any text that contains one, as one line of UTF-8 that every terminal, table and JSON file accepts.

    A byte of a file's name that is not UTF-8, which Python stores as half of a surrogate pair, becomes `\\xe8`; line
    ends and other unprintable characters become escapes too. Printable characters are unchanged.
    """
    letters = str(text)
    return letters if letters.isprintable() else "".join(map(_escaped, letters))


def _escaped(letter: str) -> str:
    if letter.isprintable():
        return letter
    is_byte = 0xDC80 <= ord(letter) <= 0xDCFF  # how os.fsdecode stores a byte
    return f"\\x{ord(letter) - 0xDC00:02x}" if is_byte else letter.encode("unicode_escape").decode()


def print_any_path() -> None:
    """From now on print accepts every path: what is not UTF-8 or not in the terminal's encoding is escaped."""
    codecs.register_error("printable", _replaced)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="printable")


def _replaced(error: UnicodeEncodeError) -> tuple[str, int]:
    part = printable(error.object[error.start : error.end])
    return part.encode("ascii", "backslashreplace").decode(), error.end
