"""Excel's files, read back by openpyxl and, where it is there, by LibreOffice."""

from __future__ import annotations

import csv
import io
import re
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import openpyxl
import pytest

from artsim.catalog.cells import MAX_EXTRA, payload_columns
from artsim.catalog.hits import Hit
from artsim.catalog.payload import PAINTING_FIELDS
from artsim.errors import ExportError
from artsim.files import FileKind, check_file
from artsim.render.output import write_form
from artsim.search import export as spreadsheet
from artsim.search.answer import Answer
from artsim.search.export import MAX_TEXT, write_workbook
from artsim.search.question import IdQuery, Question

WORKBOOK = FileKind("file", ExportError)
COLUMNS = ["painting_id", "title", "year_start", "width_cm", "tags", "image_uri", "extra.Größe"]
ROW = ["G 002", "Das Mädchen", 1640, 62.2, ["a|b", "c"], "file:///bilder/m%C3%A4dchen.jpg", "groß"]


def written(*rows: list[object], columns: list[str] = COLUMNS) -> io.BytesIO:
    stream = io.BytesIO()
    assert write_workbook(stream, "hits", columns, rows) == len(rows)
    return stream


def sheet_of(stream: io.BytesIO) -> openpyxl.worksheet.worksheet.Worksheet:
    book = openpyxl.load_workbook(stream)
    assert book.sheetnames == ["hits"]
    return book["hits"]


def test_a_row_comes_back_with_its_types() -> None:
    sheet = sheet_of(written(ROW))
    header, row = sheet.iter_rows()
    assert [cell.value for cell in header] == COLUMNS
    assert all(cell.font.bold for cell in header)
    assert [cell.value for cell in row] == [*ROW[:4], r"a\|b|c", *ROW[5:]]
    assert [cell.data_type for cell in row] == ["s", "s", "n", "n", "s", "s", "s"]
    assert sheet.freeze_panes == "A2"
    assert sheet.auto_filter.ref == "A1:G2"
    assert sheet.column_dimensions["B"].width == 40
    assert row[5].hyperlink.target == ROW[5]


@pytest.mark.parametrize(
    "text", ["=1+1", "=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "#N/A", "1640", "true", " x ", "a\nb"]
)
def test_a_text_is_a_text(text: str) -> None:
    (cell,) = next(sheet_of(written([text], columns=["title"])).iter_rows(min_row=2))
    assert (cell.data_type, cell.value) == ("s", text)


def test_what_no_cell_holds_is_left_out() -> None:
    hostile = "\x1b]0;x\x07\x00\x0b\x1f\x7f\x9b\ufffe\ud800é\r\n\U0001f5bc"
    rows: list[list[object]] = [[hostile], [float("nan")], [None], [True], [10**18], [10**14]]
    values = [row[0].value for row in sheet_of(written(*rows, columns=["a"])).iter_rows(min_row=2)]
    assert values == ["]0;x?é\n\U0001f5bc", None, None, True, str(10**18), 10**14]


@pytest.mark.parametrize("char", ["x", "\U0001f5bc"])
def test_long_texts_are_cut_where_excel_would_call_the_file_damaged(char: str) -> None:
    fits = char * (MAX_TEXT * 2 // len(char.encode("utf-16-le")))
    stream = written([char * 40_000], [fits], columns=["title"])
    cut, whole = (row[0].value for row in sheet_of(stream).iter_rows(min_row=2))
    assert len(cut.encode("utf-16-le")) // 2 in (MAX_TEXT, MAX_TEXT - 1)
    assert cut.endswith(char + "…")
    assert "…" not in whole


@pytest.mark.parametrize(
    "address",
    ["javascript:alert(1)", "file://server/share/x.png", "vbscript:x", "x.png", "http://["],
)
def test_nothing_that_runs_or_reaches_out_is_a_link(address: str) -> None:
    (cell,) = next(sheet_of(written([address], columns=["source_url"])).iter_rows(min_row=2))
    assert (cell.value, cell.hyperlink) == (address, None)


def test_more_rows_than_a_sheet_has_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spreadsheet, "MAX_ROWS", 2)
    written(["a"], ["b"], columns=["title"])
    with pytest.raises(ExportError, match="holds 2 rows, not 3"):
        written(["a"], ["b"], ["c"], columns=["title"])


def test_without_openpyxl_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(ExportError, match="openpyxl") as caught:
        written(["a"], columns=["title"])
    assert caught.value.hint == "pip install 'artsim[excel]'"


def test_a_workbook_of_hits_has_a_column_for_each_key() -> None:
    hits = [
        Hit("p", 0.5, {"painting_id": "a", "extra": {"Raum": 3, "Wand": {"Seite": "links"}}}),
        Hit("q", 0.25, {"painting_id": "b", "title": "=1", "extra": {"Raum": "4"}}),
    ]
    stream = io.BytesIO()
    write_form(Answer(Question(IdQuery("a")), hits), "xlsx", stream)
    header, *rows = sheet_of(stream).iter_rows(values_only=True)
    fields = [field for field in PAINTING_FIELDS if field != "extra"]
    own = ["rank", "score", "rerank_score", "query_face", "group", "verdict", "percentile"]
    assert list(header) == [*own, *fields, "extra.Raum", "extra.Wand"]
    first, second = (dict(zip(header, row, strict=True)) for row in rows)
    assert (first["rank"], first["score"], first["extra.Raum"]) == (1, 0.5, 3)
    assert first["extra.Wand"] == '{"Seite": "links"}'
    assert (second["title"], second["extra.Raum"], second["extra.Wand"]) == ("=1", "4", None)


@pytest.mark.parametrize("program", ["Excel", "LibreOffice"])
def test_a_workbook_that_another_program_saved_is_the_users(tmp_path: Path, program: str) -> None:
    """Neither takes the author's name out."""
    path, saved = tmp_path / "hits.xlsx", tmp_path / "saved.xlsx"
    path.write_bytes(written(ROW).getvalue())
    check_file(path, WORKBOOK)
    with zipfile.ZipFile(path) as old, zipfile.ZipFile(saved, "w") as new:
        for name in old.namelist():
            content = old.read(name)
            if program == "Excel":
                content = content.replace(b"lastModifiedBy>artsim<", b"lastModifiedBy>Anna<")
            elif name == "docProps/app.xml":
                content = re.sub(rb"<AppVersion>.*?<", b"<AppVersion>15.0000<", content)
            new.writestr(name, content)
    with pytest.raises(ExportError, match="did not make"):
        check_file(saved, WORKBOOK)


def test_keys_without_end_share_a_column() -> None:
    payloads = [{"extra": {"often": 1, f"key {number}": number}} for number in range(MAX_EXTRA + 9)]
    columns = payload_columns(["title", "extra"], payloads)
    assert columns.names[0] == "title"
    assert "extra.often" in columns.names
    assert columns.names[-1] == "extra"
    assert len(columns.names) == MAX_EXTRA + 2
    for payload in payloads:
        row = dict(zip(columns.names, columns.row(payload), strict=True))
        own = {n[6:]: v for n, v in row.items() if n.startswith("extra.") and v is not None}
        assert own | (row["extra"] or {}) == payload["extra"]


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("soffice") is None, reason="LibreOffice is not installed")
def test_libreoffice_reads_it(tmp_path: Path) -> None:
    path = tmp_path / "hits.xlsx"
    formula = ["=1+1", "=SUM(1;2)", 1641, 0.5, [], "file:///x.jpg", "\x1b[31mrot"]
    path.write_bytes(written(ROW, formula).getvalue())
    profile = f"-env:UserInstallation={(tmp_path / 'profile').as_uri()}"
    command = [
        "soffice",
        profile,
        "--headless",
        "--convert-to",
        "csv:Text - txt - csv (StarCalc):44,34,76",
    ]
    subprocess.run([*command, "--outdir", tmp_path, path], check=True, capture_output=True)
    text = (tmp_path / "hits.csv").read_text(encoding="utf-8")
    header, first, second = csv.reader(io.StringIO(text))
    assert header == COLUMNS
    assert first[:4] == ["G 002", "Das Mädchen", "1640", "62.2"]
    assert second[:2] == ["=1+1", "=SUM(1;2)"]
