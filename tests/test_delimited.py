"""Tables of text are read as other programs write them, or refused with file and line; no cell and no row vanishes."""

import math

import pytest

from amc.base.errors import AmcError, AnnotationError
from amc.datasets import delimited

COLUMNS = ("file", "labels")
ROWS = [(2, {"file": "a.mp4", "labels": "walk;run"}), (3, {"file": "b.mp4", "labels": "rést"})]


def rows(path, data: bytes | str):
    path = path / "labels.csv"
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    return delimited.read(path, COLUMNS)


@pytest.mark.parametrize(
    "text",
    [
        "file,labels\na.mp4,walk;run\nb.mp4,rést\n",
        "file,labels\r\na.mp4,walk;run\r\nb.mp4,rést",
        "file,labels\ra.mp4,walk;run\rb.mp4,rést\r",
        "File,Labels\na.mp4, walk;run\nb.mp4 ,rést \n",
        "file,labels\na.mp4,walk;run,\nb.mp4,rést,,\n,,\n",
        'file;LABELS\na.mp4;"walk;run"\nb.mp4;rést\n',
        "file\tlabels\t\na.mp4\twalk;run\t\nb.mp4\trést\t\n",
        '"","file","labels"\n"1","a.mp4","walk;run"\n"2", "b.mp4", "rést"\n',
        "\ufefffile,labels\na.mp4,walk;run\nb.mp4,rést\n",
    ],
)
def test_what_spreadsheets_and_r_write_is_read(tmp_path, text):
    assert rows(tmp_path, text) == ROWS


def test_a_first_line_that_tells_excel_the_separator_and_empty_lines_are_no_rows_but_are_counted(tmp_path):
    text = 'sep=;\n\nfile;labels\n\na.mp4;"walk;run"\n\n\nb.mp4;rést\n'
    assert rows(tmp_path, text) == [(5, ROWS[0][1]), (8, ROWS[1][1])]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-8-sig"])
def test_an_encoding_that_says_what_it_is_is_read(tmp_path, encoding):
    assert rows(tmp_path, "file\tlabels\na.mp4\twalk;run\nb.mp4\trést\n".encode(encoding)) == ROWS


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("file,labels\n\n\nz.mp4,grazing,walking\n", "labels.csv:4: has 3 cells, more than the header .file,labels."),
        ("file;labels\nz.mp4;grazing;walking\n", "labels.csv:2: has 3 cells, more than the header .file;labels."),
        ('file,labels\na.mp4,run\n\nz.mp4,"walking\nb.mp4,run\n', "labels.csv:4: a quote opens and is not closed"),
        ('file,labels\nz.mp4,"walking\nb.mp4,"run"\n', "labels.csv:2: broken quotes"),
        ('file,labels\nz.mp4,"walking\nb.mp4,run"\n', "labels.csv:2: a quote opens that is only closed in line 3"),
        ('file,labels\nz.mp4,"walking" run\n', "labels.csv:2: broken quotes"),
        ("file,labels\n\nz.mp4\n", "labels.csv:3: has fewer columns than file,labels"),
        ("file,labels\na.mp4,walk\n\nb.mp4,résté\n".encode("cp1252"), "labels.csv:4: byte 0xE9 is no UTF-8; save it"),
        ("file,labels\na,b\n".encode("utf-16-le"), "labels.csv:1: is no text, or UTF-16 without a mark; save it"),
        ("file,labels\na,b\n".encode("utf-16")[:-1], "labels.csv:2: .* is no UTF-16"),
        ("file,labels,Labels\na,b,c\n", "labels.csv:1: has the column labels twice"),
        ("file,label\na,b\n", "labels.csv: no header of the columns file,labels"),
        ("a.mp4,walk\nfile,labels\n", "labels.csv: no header of the columns file,labels"),
        ("file,labels\n", "labels.csv: has a header and no rows"),
        ("", "labels.csv: no header"),
    ],
)
def test_what_could_hide_a_row_is_refused_with_file_and_line(tmp_path, data, message):
    with pytest.raises(AmcError, match=message) as error:
        rows(tmp_path, data)
    assert "\n" not in str(error.value)


def test_every_row_that_is_too_long_is_named(tmp_path):
    with pytest.raises(AnnotationError) as error:
        rows(tmp_path, "file,labels\na,b,c\nd,e\n\nf,g,h\n")
    assert [line.split(": has")[0][-2:] for line in error.value.lines] == [":2", ":5"]


def test_a_missing_file_is_told(tmp_path):
    with pytest.raises(AmcError, match="labels.csv: no such file or folder; check the path"):
        delimited.read(tmp_path / "labels.csv", COLUMNS)


def test_a_header_is_looked_for_below_a_block_and_short_rows_stay_short(tmp_path):
    path = tmp_path / "a.tsv"
    path.write_text('Observation id\tx\n\nPlayer\t"a;b"\nTime\tStatus\tComment\n1,5\tSTART\n2,5\tSTOP\tsaid "no"\n')
    with delimited.opened(path, lambda names: {"time", "status"} <= set(names), "BORIS", within=9) as table:
        assert (table.separator, table.line, table.header) == ("\t", 4, ("Time", "Status", "Comment"))
        assert list(table.rows) == [(5, ["1,5", "START"]), (6, ["2,5", "STOP", 'said "no"'])]
        assert len(table.above) == 3


@pytest.mark.parametrize(
    ("separator", "cell", "value"),
    [
        (";", "1,5", 1.5),
        ("\t", "-12,25", -12.25),
        (",", "1.5", 1.5),
        (";", "1e3", 1000),
        (";", "7", 7),
        (",", ".5", 0.5),
    ],
)
def test_a_decimal_comma_counts_where_commas_do_not_separate(separator, cell, value):
    assert delimited.number(cell, separator=separator) == value


@pytest.mark.parametrize(
    ("separator", "cell"), [(",", "1,5"), (";", "1,234,5"), (";", "1_0"), (";", "nan"), (";", ""), (";", "１")]
)
def test_what_is_no_plain_number_is_none(separator, cell):
    assert math.isnan(delimited.number(cell, separator=separator))
