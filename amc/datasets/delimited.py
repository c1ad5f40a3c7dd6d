"""Reads every text table of the package: a file in, its rows with their line numbers out.

`escape` writes names that a spreadsheet would compute with an apostrophe before their sign, as spreadsheets do.

It accepts what spreadsheets, R and scripts write: a comma, semicolon or tab between cells, quotes, blanks around cells,
empty columns at the end, empty lines, any kind of line end, UTF-8 with or without a byte order mark, UTF-16 with one.
What could hide a cell or a row is an error with file and line: a row longer than its header, a quote that is not closed
in its line, another encoding.
"""

import csv
import re
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from amc.base import paths
from amc.base.errors import AmcError, AnnotationError

SEPARATORS = (",", ";", "\t")
SIGNS = ("=", "+", "-", "@")  # a text that begins with one is a formula for a spreadsheet
MARKS = (b"\xff\xfe", b"\xfe\xff")  # the first bytes of a UTF-16 file
SAVE = "save it as UTF-8 (in Excel: CSV UTF-8)"
EXCEL = re.compile(r'"?sep=(.)"?\s*')  # a first line that sets the separator for Excel, and is no row


class NoHeader(AmcError):
    """A file that is read, but in which no line is a header that was looked for: it is of another kind."""


@dataclass(frozen=True)
class Table:
    """A table whose header was found. `rows` can be read once, while the file is open: (line, cells), cells without
    blanks around them, at most as many as in the header; lines count from 1."""

    path: Path
    separator: str
    header: tuple[str, ...]  # as written, without unnamed columns at its end
    line: int  # of the header
    above: tuple[str, ...]  # the lines above it
    rows: Iterator[tuple[int, list[str]]]

    @property
    def names(self) -> list[str]:
        """The header in lower case, for finding columns."""
        return [name.casefold() for name in self.header]


@contextmanager
def opened(
    path: Path | str, is_header: Callable[[list[str]], bool], expected: str, *,
    separators: tuple[str, ...] = SEPARATORS, within: int = 1, fallback: str = "",
) -> Iterator[Table]:  # fmt: skip
    """The table below the first line for which `is_header` is true, with the separator that makes it true.

    is_header: gets the names in a line without blanks around them, case-folded. within: how many non-empty lines are
    tried. fallback: as for `lines`. Raises NoHeader, which says `expected`, if none is a header, and AmcError if the
    file is no text; reading the rows raises AnnotationError with every row that is longer than the header, or at the
    first broken quote.
    """
    path = Path(path)
    with closing(lines(path, fallback=fallback)) as text:
        above: list[str] = []
        for line in text:
            is_row = line.strip() and (above or not EXCEL.fullmatch(line))
            for separator in separators if is_row else ():
                header = _header(line, separator)
                if is_header([name.casefold() for name in header]):
                    rows = _rows(path, text, len(above) + 1, separator, header)
                    yield Table(path, separator, tuple(header), len(above) + 1, tuple(above), rows)
                    return
            above.append(line)
            within -= bool(is_row)
            if not within:
                break
    raise NoHeader(f"{path}: no header of {expected}; write it into the first line, or export the table again")


def read(path: Path | str, columns: tuple[str, ...], *, optional: tuple[str, ...] = ()) -> list[tuple[int, dict]]:
    """All rows of a small table as (line, cell by column): `columns`, and those of `optional` that it has.

    Case in header names is ignored. Raises AmcError with file and line if one of `columns` is missing, in the header or
    in a row, or occurs twice, if there is no row, and as `opened` does.
    """
    wanted = {name.casefold(): name for name in (*columns, *optional)}
    needed = {name.casefold() for name in columns}
    with opened(path, lambda names: needed <= set(names), f"the columns {','.join(columns)}") as table:
        rows = list(table.rows)
    names = table.names
    if twice := [name for name in wanted if names.count(name) > 1]:
        raise AmcError(f"{path}:{table.line}: has the column {wanted[twice[0]]} twice; rename one of them")
    if not rows:
        raise AmcError(f"{path}: has a header and no rows; write a row for each entry")
    least = max(map(names.index, needed)) + 1
    if short := [f"{path}:{line}: has fewer columns than {table.separator.join(columns)}; complete it"
                 for line, cells in rows if len(cells) < least]:  # fmt: skip
        raise AnnotationError(short)
    places = [(names.index(name), wanted[name]) for name in wanted if name in names]
    return [(line, {name: cells[at] if at < len(cells) else "" for at, name in places}) for line, cells in rows]


def lines(path: Path | str, *, fallback: str = "") -> Iterator[str]:
    """Lines of a text file, each with its end. Raises AmcError unless it is UTF-8, or UTF-16 with a mark.

    fallback: the encoding of a file that is neither, such as cp1252; by default that is an error.
    """
    path, encoding = paths.regular(path, "check the path"), ""
    try:
        encoding = encoding_of(path, fallback=fallback)
        with path.open(encoding=encoding, newline="") as file:
            for number, line in enumerate(file, start=1):
                if "\0" in line:
                    raise AmcError(f"{path}:{number}: is no text, or UTF-16 without a mark; {SAVE}")
                yield line
    except UnicodeDecodeError as error:
        known = {"utf-16": "UTF-16", "utf-8-sig": "UTF-8"}.get(encoding, encoding)
        raise AmcError(f"{path}:{_undecodable(path, encoding)} is no {known}; {SAVE}") from error
    except OSError as error:
        raise AmcError(f"{path}: cannot be read ({error.strerror or error}); check the path") from error


def encoding_of(path: Path, *, fallback: str = "") -> str:
    """utf-16 if the file begins with its mark, else utf-8-sig, or `fallback` if it is not UTF-8. Raises OSError."""
    with path.open("rb") as file:
        if file.read(2) in MARKS:
            return "utf-16"
    if not fallback:
        return "utf-8-sig"
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            while file.read(1 << 20):
                pass
    except UnicodeDecodeError:
        return fallback
    return "utf-8-sig"


def number(cell: str, *, separator: str = "\t") -> float:
    """A number with a decimal point, or a decimal comma if comma is not the separator; NaN if it is none."""
    text = cell.replace(",", ".") if separator != "," and cell.count(",") == 1 else cell
    is_number = re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII)  # float() accepts 1_0 and nan
    return float(text) if is_number else float("nan")


def escape(value: object) -> object:
    """A cell as it is written; numbers stay as they are."""
    return f"'{value}" if isinstance(value, str) and _is_formula(value) else value


def unescape(text: str) -> str:
    """The text of a cell as it was before `escape`."""
    return text[1:] if text.startswith("'") and _is_formula(text) else text


def _is_formula(text: str) -> bool:
    """Whether `escape` changes a text; one with an apostrophe gets another, so that there is a way back."""
    return text.lstrip("'").startswith(SIGNS)


def _undecodable(path: Path, encoding: str) -> str:
    """Line and byte where decoding failed; the error's own position counts from the last block that was read."""
    data = path.read_bytes()
    try:
        data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].decode(encoding, "replace").count("\n") + 1
        return f"{line}: byte 0x{data[error.start]:02X}"
    return " it"  # the file has changed since


def _header(line: str, separator: str) -> list[str]:
    """The names in a line; none if it is no row of a table with this separator."""
    try:
        names = [name.strip() for name in next(_reader([line], separator), [])]
    except csv.Error:
        return []
    while names and not names[-1]:
        names.pop()
    return names


def _rows(
    path: Path, text: Iterator[str], above: int, separator: str, header: list[str]
) -> Iterator[tuple[int, list[str]]]:
    reader, wrong, width = _reader(text, separator), [], len(header)
    line = above  # of the last complete row: each is one line
    try:
        for cells in reader:
            line += 1
            if above + reader.line_num != line:
                end = above + reader.line_num
                said = f"a quote opens that is only closed in line {end}; close it, or remove the line break"
                raise AnnotationError([*wrong, f"{path}:{line}: {said}"])
            if separator != " ":
                cells = list(map(str.strip, cells))
            if len(cells) > width:
                if any(cells[width:]):
                    said = f"has {len(cells)} cells, more than the header ({separator.join(header)})"
                    wrong.append(f"{path}:{line}: {said}; put a cell with the separator in it in quotes, or remove one")
                    continue
                del cells[width:]
            if any(cells):
                yield line, cells
    except csv.Error as error:
        said = "a quote opens and is not closed" if "end of data" in str(error) else f"broken quotes ({error})"
        raise AnnotationError([*wrong, f"{path}:{line + 1}: {said}; close it, or remove it"]) from error
    if wrong:
        raise AnnotationError(wrong)


def _reader(text: Iterator[str] | list[str], separator: str) -> Iterator[list[str]]:
    return csv.reader(text, delimiter=separator, skipinitialspace=separator != " ", strict=True)
