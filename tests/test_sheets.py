"""The same table in a workbook, in other encodings and under a wrong ending is the same annotation."""

import importlib.util
import io
import sys
import zipfile

import pandas as pd
import pytest
from test_annotations import AGGREGATED_7, BOUTS, EDGES, LABELS, SIMBA

from amc.base.errors import AmcError
from amc.ethogram import annotations

LIBRARIES = {"xlsx": "openpyxl", "ods": "odf", "xls": "xlrd"}


def workbook(path, *tables: str, engine: str = "openpyxl", header: bool = False) -> None:
    with pd.ExcelWriter(path, engine=engine) as writer:
        for number, text in enumerate(tables):
            table = pd.read_csv(io.StringIO(text), sep=None, engine="python", header=None, keep_default_na=False)
            values = [
                [float(c) if c.replace(".", "", 1).isdigit() else c for c in row]
                for row in table.astype(str).to_numpy()
            ]
            pd.DataFrame(values).to_excel(writer, sheet_name=f"obs {number}", header=header, index=False)


@pytest.mark.parametrize("text", [AGGREGATED_7, SIMBA, LABELS], ids=["BORIS", "SimBA", "DeepEthogram"])
@pytest.mark.parametrize("kind", ["xlsx", "ods"])
def test_a_workbook_holds_the_same_events(kind, text, tmp_path):
    pytest.importorskip(LIBRARIES[kind])
    path = tmp_path / f"Video10_labels.{kind}"
    workbook(path, text, engine=LIBRARIES[kind])
    assert annotations.bouts(annotations.read(path).of("Video10"), EDGES) == BOUTS
    path.rename(tmp_path / "Video10_labels.csv")  # what a workbook is called does not matter
    assert annotations.bouts(annotations.read(tmp_path / "Video10_labels.csv").of("Video10"), EDGES) == BOUTS


def test_an_ods_file_as_boris_writes_it_has_cells_of_type_void(tmp_path):
    odf = pytest.importorskip("odf.opendocument")
    from odf.table import TableCell

    workbook(tmp_path / "boris.ods", AGGREGATED_7, engine="odf")
    document = odf.load(str(tmp_path / "boris.ods"))
    cells = document.getElementsByType(TableCell)
    cells[-1].setAttribute("valuetype", "void")
    assert len(cells) > 40
    document.save(str(tmp_path / "boris.ods"))
    with pytest.raises(ValueError, match="void"):
        pd.read_excel(tmp_path / "boris.ods", engine="odf")
    assert annotations.bouts(annotations.read(tmp_path / "boris.ods").of("Video10"), EDGES) == BOUTS


def test_an_old_excel_file_holds_the_same_events(tmp_path):
    pytest.importorskip("xlrd")
    xlwt = pytest.importorskip("xlwt")  # BORIS's own writer of this format
    book = xlwt.Workbook()
    sheet = book.add_sheet("obs")
    for row, line in enumerate(AGGREGATED_7.splitlines()):
        for column, cell in enumerate(line.split("\t")):
            sheet.write(row, column, float(cell) if cell.replace(".", "", 1).isdigit() else cell)
    book.save(str(tmp_path / "boris.xls"))
    assert annotations.bouts(annotations.read(tmp_path / "boris.xls").of("Video10"), EDGES) == BOUTS


def test_every_sheet_of_a_workbook_is_read_and_others_are_noted(tmp_path):
    workbook(
        tmp_path / "study.xlsx",
        AGGREGATED_7,
        "Mouse,weight\na,2\n",
        AGGREGATED_7.replace("obs\t", "other\t").replace("Video10", "Video11"),
    )
    found = annotations.read(tmp_path / "study.xlsx")
    assert [len(found.of(name)) for name in ("Video10", "Video11")] == [3, 3]
    assert found.notes == (f"{tmp_path / 'study.xlsx'}: sheets without events left out: obs 1",)
    workbook(tmp_path / "study.xlsx", AGGREGATED_7, AGGREGATED_7.replace("2.0\t3.1", "3.1\t2.0"))
    with pytest.raises(AmcError, match=r"study.xlsx\[obs 1\]:3: stops at 2.0 before it starts at 3.1"):
        annotations.read(tmp_path / "study.xlsx")


def test_a_workbook_without_events_and_a_damaged_one_are_told_in_one_line(tmp_path):
    workbook(tmp_path / "weights.xlsx", "Mouse,weight\na,2\n")
    with pytest.raises(AmcError, match="weights.xlsx: no header of BORIS"):
        annotations.read(tmp_path / "weights.xlsx")
    whole = (tmp_path / "weights.xlsx").read_bytes()
    for data in (whole[:200], b"\xd0\xcf\x11\xe0" + bytes(600)):
        (tmp_path / "broken.xls").write_bytes(data)
        with pytest.raises(
            AmcError, match="broken.xls: (is a damaged workbook|no readable XLS|reading XLS needs)"
        ) as error:
            annotations.read(tmp_path / "broken.xls")
        assert "\n" not in str(error.value)


def test_a_package_that_is_missing_is_named_with_its_command(tmp_path, monkeypatch):
    workbook(tmp_path / "study.xlsx", SIMBA)
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    monkeypatch.setattr(importlib.util, "find_spec", lambda name, package=None: None)
    with pytest.raises(AmcError, match="reading XLSX needs the package openpyxl; python -m pip install openpyxl, or"):
        annotations.read(tmp_path / "study.xlsx")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_text_of_other_systems_is_read(separator, encoding, tmp_path):
    text = SIMBA.replace("sniffing", "Füße").replace(",", separator)
    (tmp_path / "bouts.csv").write_bytes(text.encode(encoding))
    found = annotations.read(tmp_path / "bouts.csv")
    assert set(found.behaviours) == {"attack", "Füße"} and len(found.of("Video10")) == 3
    assert [("cp1252" in note) for note in found.notes] == [True] * (encoding == "cp1252")


def test_broken_xml_inside_a_workbook_is_told_in_one_line(tmp_path):
    workbook(tmp_path / "whole.xlsx", SIMBA)
    with zipfile.ZipFile(tmp_path / "whole.xlsx") as whole, zipfile.ZipFile(tmp_path / "study.xlsx", "w") as broken:
        for name in whole.namelist():
            data = whole.read(name)
            broken.writestr(name, data[: len(data) // 2] if "sheet1" in name else data)
    with pytest.raises(AmcError, match="study.xlsx: no readable XLSX .*export it again") as error:
        annotations.read(tmp_path / "study.xlsx")
    assert "\n" not in str(error.value)
