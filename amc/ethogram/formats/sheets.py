"""The tables in a file: text with any separator and encoding, or a workbook, in; header and rows with their place out.

Text is read by `datasets.delimited`, workbooks (XLSX, XLS, ODS) by pandas and its libraries. The kind of file is
recognised by its first bytes: a workbook may be called `.csv`, and text `.xls`.
"""

import csv
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from io import BytesIO
from pathlib import Path

import pandas as pd

from amc.base.errors import AmcError
from amc.datasets import delimited
from amc.datasets.delimited import NoHeader

HEADER_LINES = 100  # BORIS 7 puts a block about the observation, players and variables above its table
OLD_EXCEL = b"\xd0\xcf\x11\xe0"  # first bytes of XLS
ENGINES = {"XLSX": "openpyxl", "XLS": "xlrd", "ODS": "odf"}  # pandas' names
PACKAGES = {"openpyxl": "openpyxl", "xlrd": "xlrd", "odf": "odfpy"}


@dataclass(frozen=True)
class Sheet:
    """A table whose header was found. Its rows can be read once, while the file is open."""

    where: str  # the file, and the sheet if there are several
    header: tuple[str, ...]  # as written
    line: int  # of the header, from 1
    above: list[list[str]]  # the cells of the lines above the header
    rows: Iterator[tuple[int, list[str]]]  # line, cells
    number: Callable[[str], float]  # of a cell, with decimal point or comma; NaN if it is none
    notes: tuple[str, ...] = ()


@contextmanager
def opened(path: Path, is_header: Callable[[list[str]], bool], expected: str, *, within: int) -> Iterator[list[Sheet]]:
    """Every table of a file, below the first line for which `is_header` is true (its names, in lower case).

    within: how many lines may be the header. Raises NoHeader, which says `expected`, if there is none; AmcError if the
    file cannot be read, or needs a library that is not installed.
    """
    if kind := _kind(path):
        yield _workbook(path, kind, is_header, expected, within)
        return
    with delimited.opened(
        path, is_header, expected, separators=("\t", ",", ";"), within=within, fallback="cp1252"
    ) as table:
        above = [list(row) for row in csv.reader(table.above, delimiter=table.separator)]
        is_old = delimited.encoding_of(path, fallback="cp1252") == "cp1252"
        notes = (f"{path}: is no UTF-8, read as Windows text (cp1252); check names with accents",) if is_old else ()
        number = partial(delimited.number, separator=table.separator)
        yield [Sheet(str(path), table.header, table.line, above, table.rows, number, notes)]


def _kind(path: Path) -> str:
    """XLSX, XLS or ODS; empty for anything else."""
    try:
        with path.open("rb") as file:
            first = file.read(4)
        if first == OLD_EXCEL:
            return "XLS"
        if first[:2] == b"PK":
            with zipfile.ZipFile(path) as archive:
                return "ODS" if "content.xml" in archive.namelist() else "XLSX"
    except OSError as error:
        raise AmcError(f"{path}: cannot be read ({error.strerror or error}); check the path") from error
    except zipfile.BadZipFile as error:
        raise AmcError(f"{path}: is a damaged workbook ({error}); export it again") from error
    return ""


def _workbook(path: Path, kind: str, is_header: Callable, expected: str, within: int) -> list[Sheet]:
    """The sheets of a workbook that have a header; those without one are noted."""
    engine = ENGINES[kind]
    try:
        content = _without_void(path) if kind == "ODS" else path
        found = pd.read_excel(content, sheet_name=None, header=None, dtype=object, na_filter=False, engine=engine)
    except ImportError as error:
        package = PACKAGES[engine]
        says = f"reading {kind} needs the package {package}; python -m pip install {package}, or export it as TSV"
        raise AmcError(f"{path}: {says}") from error
    except Exception as error:  # each library has errors of its own for a damaged file
        raise AmcError(f"{path}: no readable {kind} ({error}); export it again, for example as TSV") from error
    sheets, others = [], []
    for name, table in found.items():
        rows = [[_text(cell) for cell in row] for row in table.itertuples(index=False)]
        where = str(path) if len(found) == 1 else f"{path}[{name}]"
        at = next((k for k, row in enumerate(rows[:within]) if is_header([cell.casefold() for cell in row])), None)
        if at is None:
            others.append(str(name))
            continue
        below = ((line, row) for line, row in enumerate(rows[at + 1 :], start=at + 2) if any(row))
        sheets.append(Sheet(where, tuple(rows[at]), at + 1, rows[:at], below, delimited.number))
    if not sheets:
        raise NoHeader(f"{path}: no header of {expected}; write it into the first line, or export the table again")
    if others:
        sheets[0] = replace(sheets[0], notes=(f"{path}: sheets without events left out: {', '.join(others)}",))
    return sheets


def _without_void(path: Path) -> BytesIO:
    """An ODS file whose empty cells have no type: BORIS writes "void" there, which pandas refuses."""
    from odf.namespaces import OFFICENS  # here: odfpy is optional
    from odf.opendocument import load
    from odf.table import TableCell

    document, content = load(str(path)), BytesIO()
    for cell in document.getElementsByType(TableCell):
        if cell.attributes.get((OFFICENS, "value-type")) == "void":
            del cell.attributes[(OFFICENS, "value-type")]
    document.write(content)
    content.seek(0)
    return content


def _text(cell: object) -> str:
    return "" if cell is None or cell is pd.NaT else str(cell).strip()
