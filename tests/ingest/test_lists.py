"""Lists in every encoding and format, and what is in them that no list should have."""

# ruff: noqa: RUF001 - dashes that other encodings have are the subject

from __future__ import annotations

import csv
import datetime
import os
import shutil
import sys
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import openpyxl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from artsim.catalog.payload import MAX_DEPTH
from artsim.errors import MetadataError, SourceError
from artsim.ingest.manifest import open_manifest
from artsim.ingest.records import Problem, Row, SourcePainting
from artsim.ingest.sources import read_source


def values(path: Path) -> list[dict[str, Any]]:
    rows = list(open_manifest(path).rows())
    assert len(rows) == open_manifest(path).count()
    return [dict(row.values) for row in rows if isinstance(row, Row)]


def bad_rows(path: Path) -> dict[int, str]:
    problems = [row for row in open_manifest(path).rows() if isinstance(row, Problem)]
    return {row.line or 0: reason_of(row) for row in problems}


def reason_of(problem: Problem) -> str:
    """What is wrong, without where."""
    return problem.reason.removeprefix(f"{problem.place}, line {problem.line}: ")


def read(source: Path) -> tuple[list[SourcePainting], list[Problem]]:
    entries = list(read_source(source))
    assert read_source(source).count() == len(entries)
    paintings = [entry for entry in entries if isinstance(entry, SourcePainting)]
    return paintings, [entry for entry in entries if isinstance(entry, Problem)]


def make_files(folder: Path, *names: str) -> Path:
    folder.mkdir(exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"picture")
    return folder


# --- encodings ---------------------------------------------------------------------

TEXT = 'file;artist;title\r\na.jpg;Dürer;"Hase, „jung“"\r\nb.jpg;Goya;Œuvre – 5 €\r\n'
ROWS = [
    {"file": "a.jpg", "artist": "Dürer", "title": "Hase, „jung“"},
    {"file": "b.jpg", "artist": "Goya", "title": "Œuvre – 5 €"},
]


@pytest.mark.parametrize(
    ("encoding", "said"),
    [
        ("utf-8", None),
        ("utf-8-sig", None),
        ("cp1252", "Windows-1252"),
        ("utf-16", "UTF-16"),
        ("utf-16-le", "UTF-16"),
        ("utf-16-be", "UTF-16"),
    ],
)
@pytest.mark.parametrize("name", ["Liste.csv", "Liste.tsv", "Liste.txt"])
def test_a_list_is_read_in_the_encoding_it_has(
    tmp_path: Path, name: str, encoding: str, said: str | None
) -> None:
    path = tmp_path / name
    text = TEXT if name.endswith("csv") else TEXT.replace(";", "\t")
    path.write_bytes(text.encode(encoding))
    assert values(path) == ROWS
    notes = read_source(path).notes
    assert [note.split(";")[0] for note in notes] == (
        [f"{name} was read as {said}"] if said else []
    )


def test_json_lines_in_utf16_as_powershell_writes_them(tmp_path: Path) -> None:
    path = tmp_path / "list.jsonl"
    path.write_bytes('{"file": "a.jpg", "artist": "Dürer"}\r\n'.encode("utf-16"))
    assert values(path) == [{"file": "a.jpg", "artist": "Dürer"}]


def test_text_in_no_known_encoding_is_refused_with_the_place(tmp_path: Path) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(b"file,artist\na.jpg,Goya\nb.jpg,D\x81rer\n")  # code page 850
    with pytest.raises(MetadataError, match=r"UTF-16 nor Windows-1252 \(line 3 .* 0x81\)"):
        open_manifest(path)
    path.write_bytes(b"PK\x03\x04\xfe\xff\x00\x01" * 500)
    with pytest.raises(MetadataError, match="in neither UTF-8"):
        open_manifest(path)


def test_one_line_that_is_not_utf8_among_those_that_are(tmp_path: Path) -> None:
    good = "file,artist\na.jpg,Dürer\nb.jpg,Holbein d. Ä.\n".encode()
    for mark in (b"", b"\xef\xbb\xbf"):
        path = tmp_path / "list.csv"
        path.write_bytes(mark + good + b"c.jpg,D\xfcrer\nd.jpg,Goya\n")
        assert [row["file"] for row in values_of_good_rows(path)] == ["a.jpg", "b.jpg", "d.jpg"]
        assert bad_rows(path) == {4: "is not UTF-8: it holds the byte 0xfc"}
    path = tmp_path / "list.jsonl"
    path.write_bytes(b'{"file": "a.jpg"}\n{"file": "D\x81rer.jpg"}\n{"file": "b.jpg"}\n')
    assert [row["file"] for row in values_of_good_rows(path)] == ["a.jpg", "b.jpg"]
    assert bad_rows(path) == {2: "is not UTF-8: it holds the byte 0x81"}


def values_of_good_rows(path: Path) -> list[dict[str, Any]]:
    return [dict(row.values) for row in open_manifest(path).rows() if isinstance(row, Row)]


# --- CSV ---------------------------------------------------------------------------


def test_cells_may_be_long_and_pythons_limit_is_left_alone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "list.csv"
    long = "line one\n" * 20_000
    path.write_text(f'file,note\na.jpg,"{long}"\nb.jpg,"{long * 3}"\nc.jpg,x\n')
    monkeypatch.setattr("artsim.ingest.manifest.LONGEST_LINE", 2 * len(long))
    before = csv.field_size_limit(1000)
    try:
        assert [row["file"] for row in values_of_good_rows(path)] == ["a.jpg", "c.jpg"]
        assert values_of_good_rows(path)[0]["note"] == long
        # One problem, though its other lines look like rows of one cell.
        assert list(bad_rows(path)) == [20_003]
        assert csv.field_size_limit() == 1000
    finally:
        csv.field_size_limit(before)


@pytest.mark.parametrize("name", ["list.csv", "list.jsonl"])
def test_a_line_too_long_to_be_a_row_is_its_own_problem(tmp_path: Path, name: str) -> None:
    rows = {
        "list.csv": ["file", "a.jpg", "x" * (9 << 20), "b.jpg"],
        "list.jsonl": ['{"file": "a.jpg"}', '{"file": "' + "x" * (9 << 20), '{"file": "b.jpg"}'],
    }
    path = tmp_path / name
    path.write_text("\n".join(rows[name]))
    assert [row["file"] for row in values_of_good_rows(path)] == ["a.jpg", "b.jpg"]
    assert ["longer than 8 MiB" in reason for reason in bad_rows(path).values()] == [True]


@pytest.mark.parametrize("text", [
    "\n\nfile;title\na.jpg;x\n", "sep=;\nfile;title\na.jpg;x\n", "file;title\ra.jpg;x\r",
])  # fmt: skip
def test_what_programs_put_before_and_between_lines(tmp_path: Path, text: str) -> None:
    path = tmp_path / "list.csv"
    path.write_bytes(text.encode())
    assert values(path) == [{"file": "a.jpg", "title": "x"}]


# --- JSON Lines --------------------------------------------------------------------


def test_json_that_no_gallery_could_hold_costs_only_its_row(tmp_path: Path) -> None:
    make_files(tmp_path, "a.jpg", "b.jpg", "c.jpg")
    path = tmp_path / "list.jsonl"
    objects = '{"a":' * 123 + "1" + "}" * 123
    path.write_text("\n".join([
        '{"file": "a.jpg"}',
        f'{{"file": "b.jpg", "x": {objects}}}',
        *(f'{{"file": "b.jpg", "x": {"[" * n}{"]" * n}}}' for n in (MAX_DEPTH + 1, 900, 100_000)),
        f'{{"file": {"[" * 900}{"]" * 900}}}',
        *(f'{{"file": "b.jpg", "x": {n}}}' for n in (10**400, 2**64, -(2**63) - 1, "9" * 6000)),
        f'{{"file": "b.jpg", "id": {10**30}}}',
        '{"file": "c.jpg", "big": 18446744073709551615, "f": 1e999}',
    ]))  # fmt: skip
    paintings, problems = read(path)
    assert [painting.image_path.name for painting in paintings] == ["a.jpg", "c.jpg"]
    assert [problem.line for problem in problems] == [2, 3, 4, 5, 6, 7, 8, 9, 10, 11]
    assert all("a whole number of more than 64 bits" in p.reason for p in problems[5:])
    assert paintings[1].payload["extra"] == {"big": 2**64 - 1, "f": "1e999"}


def test_a_file_of_other_json_is_refused_with_what_was_expected(tmp_path: Path) -> None:
    path = tmp_path / "list.jsonl"
    path.write_text('[\n  {"file": "a.jpg"},\n]\n')
    with pytest.raises(MetadataError, match=r"line 1: is not JSON: .*expected JSON Lines, one"):
        open_manifest(path)


# --- Parquet -----------------------------------------------------------------------

NS = 1_234_567_891


@pytest.mark.parametrize(
    ("column", "expected"),
    [
        (pa.array([NS], pa.timestamp("ns")), "1970-01-01T00:00:01.234567891"),
        (pa.array([[NS]], pa.list_(pa.timestamp("ns"))), ["1970-01-01T00:00:01.234567891"]),
        (
            pa.array([{"a": NS}], pa.struct([("a", pa.timestamp("ns"))])),
            {"a": "1970-01-01T00:00:01.234567891"},
        ),
        (pa.array([4_000_000], pa.int32()).cast(pa.date32()), "12921-08-18"),
        (pa.array([2**30], pa.int32()).cast(pa.date32()), "value out of range: 1073741824"),
        (pa.array([2**62], pa.timestamp("us")), f"value out of range: {2**62}"),
        (pa.array([NS], pa.time64("ns")), "00:00:01.234567891"),
        (pa.array([NS], pa.duration("ns")), f"{NS} ns"),
        (pa.array([2**62], pa.duration("s")), f"{2**62} s"),
        (pa.array([b"D\xfcrer"], pa.binary()).view(pa.string()), "D\N{REPLACEMENT CHARACTER}rer"),
    ],
)
def test_parquet_values_that_python_cannot_hold_are_text(
    tmp_path: Path, column: pa.Array, expected: object
) -> None:
    make_files(tmp_path, "a.jpg")
    path = tmp_path / "list.parquet"
    pq.write_table(pa.table({"image": ["a.jpg"], "other": column}), path)
    assert values(path) == [{"image": "a.jpg", "other": expected}]
    paintings, problems = read(path)
    assert problems == []
    assert paintings[0].payload["extra"] == {"other": expected}


def test_nested_parquet_is_its_rows_problem(tmp_path: Path) -> None:
    make_files(tmp_path, "a.jpg", "b.jpg")
    kind, deep = pa.int32(), 1
    for _ in range(MAX_DEPTH):
        kind, deep = pa.struct([("a", kind)]), {"a": deep}
    path = tmp_path / "list.parquet"
    table = pa.table({"image": ["a.jpg", "b.jpg"], "x": pa.array([None, deep], kind)})
    pq.write_table(table, path)
    paintings, problems = read(path)
    assert [painting.painting_id for painting in paintings] == ["a.jpg"]
    assert f"more than {MAX_DEPTH} levels deep" in problems[0].reason


def test_a_text_that_parquet_has_once_is_not_multiplied(tmp_path: Path) -> None:
    path = tmp_path / "list.parquet"
    long = pa.DictionaryArray.from_arrays(pa.array([0] * 500, pa.int32()), pa.array(["x" * 10**6]))
    pq.write_table(pa.table({"image": [f"{n}.jpg" for n in range(500)], "x": long}), path)
    before = pa.default_memory_pool().max_memory()
    rows = open_manifest(path).rows()
    assert sum(len(row.values["x"]) for row in rows if isinstance(row, Row)) == 500 * 10**6
    assert pa.default_memory_pool().max_memory() < max(before, 200 << 20)


# --- Excel -------------------------------------------------------------------------


def make_workbook(path: Path, **sheets: list[list[object]]) -> Path:
    book = openpyxl.Workbook()
    book.remove(book.active)
    for title, rows in sheets.items():
        sheet = book.create_sheet(title)
        for row in rows:
            sheet.append(row)
    book.save(path)
    return path


def test_a_workbook_is_read_as_a_list(tmp_path: Path) -> None:
    make_files(tmp_path, "a.jpg", "b.jpg")
    path = make_workbook(tmp_path / "Liste.xlsx", Info=[["Projekt", "Diss"]], Werke=[
        ["Werke der Sammlung, Stand 2020"],
        [],
        ["Filename", "Title", "Inventory no.", "Begun", "Seen", "Score", "Loan", None, "Good"],
        ["a.jpg", " Häsin ", 12.0, datetime.datetime(1999, 5, 6), datetime.time(7, 8), 1.5,
         datetime.timedelta(hours=30), "aside", True],
        [None, "", None],
        ["b.jpg", "#N/A", "0012", datetime.datetime(1999, 5, 6, 7, 8), None, 10**20],
    ])  # fmt: skip
    manifest = open_manifest(path, suits=lambda header: "Filename" in header)
    assert [row.values for row in manifest.rows() if isinstance(row, Row)] == [
        {"Filename": "a.jpg", "Title": "Häsin", "Inventory no.": 12,
         "Begun": datetime.date(1999, 5, 6), "Seen": datetime.time(7, 8), "Score": 1.5,
         "Loan": "1 day, 6:00:00", "Good": True},
        {"Filename": "b.jpg", "Title": None, "Inventory no.": "0012",
         "Begun": datetime.datetime(1999, 5, 6, 7, 8), "Seen": None, "Score": 1e20},
    ]  # fmt: skip
    for source in (tmp_path, path):
        paintings, problems = read(source)
        assert problems == []
        assert [painting.painting_id for painting in paintings] == ["12", "0012"]
        assert paintings[0].payload["title"] == "Häsin"
        assert read_source(source).notes == ("of Liste.xlsx the sheet 'Werke' was read",)
    assert [row.line for row in manifest.rows()] == [4, 6]


def test_formulas_have_their_saved_values_and_wrong_sizes_do_not_hide_cells(
    tmp_path: Path,
) -> None:
    path = make_workbook(tmp_path / "list.xlsx", A=[["file", "n"], ["a.jpg", "=6*7"]])
    changed = {b"<f>6*7</f><v />": b"<f>6*7</f><v>42</v>", b'ref="A1:B2"': b'ref="A1"'}
    change_part(path, "xl/worksheets/sheet1.xml", changed)
    assert values(path) == [{"file": "a.jpg", "n": 42}]


def change_part(path: Path, name: str, changes: dict[bytes, bytes]) -> Path:
    """Rewrite one part of a workbook; each change must apply."""
    with zipfile.ZipFile(path) as archive:
        parts = {part: archive.read(part) for part in archive.namelist()}
    for old, new in changes.items():
        assert old in parts[name], parts[name]
        parts[name] = parts[name].replace(old, new)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for part, content in parts.items():
            archive.writestr(part, content)
    return path


ROW = b'<row r="1">'
DOCTYPE = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">]>'


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({b'<row r="2">': b'<row r="99999999999">'}, "numbered higher"),
        ({ROW: ROW + b"<c/>" * 3_000_000}, "unpacks to more"),
        ({b"<worksheet": DOCTYPE + b"<worksheet"}, "XML entities"),
        ({b"</row>": b""}, "cannot be read as an Excel workbook"),
        ({b'"A2"': b'"#2"'}, "cannot be read as an Excel workbook"),
        ({b"<v>7</v>": b"<v>" + b"7" * 5000 + b"</v>"}, "cannot be read as an Excel workbook"),
    ],
)
def test_workbooks_made_to_harm(tmp_path: Path, changes: dict[bytes, bytes], message: str) -> None:
    path = make_workbook(tmp_path / "list.xlsx", A=[["file", "n"], ["a.jpg", 7]])
    change_part(path, "xl/worksheets/sheet1.xml", changes)
    assert path.stat().st_size < 1 << 20
    with pytest.raises(MetadataError, match=message):
        list(open_manifest(path).rows())


def test_a_workbook_that_unpacks_to_gigabytes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = make_workbook(tmp_path / "list.xlsx", A=[["file"], ["a.jpg"]])
    change_part(path, "docProps/app.xml", {b"<Properties": b" " * (9 << 20) + b"<Properties"})
    monkeypatch.setattr("artsim.ingest.tables._MAX_BYTES", 9 << 20)
    with pytest.raises(MetadataError, match="unpacks to more"):
        open_manifest(path)


def test_what_is_no_workbook_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "list.xlsx"
    path.write_bytes(b"\xd0\xcf\x11\xe0" + bytes(600))
    with pytest.raises(MetadataError, match="protected by a password, or an old Excel"):
        open_manifest(path)
    path.write_bytes(b"file,title\n")
    with pytest.raises(MetadataError, match="cannot be read as an Excel workbook"):
        open_manifest(path)
    with pytest.raises(MetadataError, match="is empty"):
        open_manifest(make_workbook(path, A=[]))
    monkeypatch.setitem(sys.modules, "openpyxl", None)
    with pytest.raises(MetadataError, match="openpyxl has to be installed; or save it") as without:
        open_manifest(path)
    assert without.value.hint == "pip install 'artsim[excel]'"


@pytest.mark.parametrize("ending", ["xls", "xlsb", "ods", "numbers"])
def test_other_spreadsheets_get_a_way_out(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"list.{ending}"
    path.write_bytes(b"x")
    with pytest.raises(MetadataError, match=r"does not read; save it as \.xlsx or as CSV"):
        read_source(path)


# --- paths in lists ----------------------------------------------------------------


def test_names_that_no_file_has_are_problems_of_their_rows(tmp_path: Path) -> None:
    make_files(tmp_path, "a.jpg", "c.jpg")
    (tmp_path / "loop").symlink_to("loop")
    path = tmp_path / "list.csv"
    names = ["a.jpg", "x" * 300 + ".jpg", "y/" * 3000 + "z.jpg", "loop/b.jpg", "loop", "c.jpg"]
    path.write_text("file\n" + "\n".join(names))
    paintings, problems = read(path)
    assert [painting.painting_id for painting in paintings] == ["a.jpg", "c.jpg"]
    reasons = [reason_of(problem) for problem in problems]
    assert ["cannot be read: File name too long" in reason for reason in reasons[:2]] == [True] * 2
    assert ["levels of symbolic links" in reason for reason in reasons[2:]] == [True] * 2
    assert max(map(len, reasons)) < 250


@pytest.fixture
def locked_folder() -> Iterator[Path]:
    """A readable folder with one in it that can be listed and not entered, even by root."""
    folder = Path(tempfile.mkdtemp())
    try:
        make_files(folder, "a.jpg")
        make_files(folder / "locked", "b.jpg", "list.csv")
        (folder / "locked").chmod(0o644)
        folder.chmod(0o755)
        if os.geteuid() == 0:
            os.seteuid(65534)
        yield folder
    finally:
        os.seteuid(os.getuid())
        (folder / "locked").chmod(0o755)
        shutil.rmtree(folder)


def test_folders_that_may_not_be_entered(locked_folder: Path, tmp_path: Path) -> None:
    path = locked_folder / "list.csv"
    os.seteuid(os.getuid())
    path.write_text("file\nlocked/b.jpg\na.jpg\n")
    if os.geteuid() == 0:
        os.seteuid(65534)
    paintings, problems = read(path)
    assert [painting.painting_id for painting in paintings] == ["a.jpg"]
    assert "cannot be read: Permission denied" in problems[0].reason
    assert {one.painting_id for one in read(locked_folder)[0]} == {"a.jpg", "locked/b.jpg"}
    assert [one.painting_id for one in read(locked_folder / "locked")[0]] == ["b.jpg"]
    with pytest.raises(SourceError, match="cannot be read: Permission denied"):
        read_source(locked_folder / "locked" / "list.csv")
    with pytest.raises(MetadataError, match=r"no file .*list\.csv; Permission denied"):
        read_source(locked_folder, metadata=locked_folder / "locked" / "list.csv")
    with pytest.raises(SourceError, match="cannot be read: File name too long"):
        read_source(locked_folder / ("x" * 300))


def test_a_web_address_is_named_whole(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match=r"https://example\.org/x\.jpg is a web address"):
        read_source(Path("https://example.org/x.jpg"))
    path = tmp_path / "list.csv"
    path.write_text("file\nhttps://example.org/x.jpg\n")
    assert "'https://example.org/x.jpg', and nothing is downloaded" in read(path)[1][0].reason
