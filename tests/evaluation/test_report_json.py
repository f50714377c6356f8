import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from made_up_report import HOSTILE, make_report

from artsim.errors import ReportError
from artsim.evaluation import report as report_json
from artsim.evaluation.report import (
    BarPlot,
    ConfusionPlot,
    Picture,
    PictureGroup,
    PictureRow,
    Plot,
    QueryValues,
    Report,
    Row,
    Table,
    read_report,
    report_document,
    report_text,
)
from artsim.evaluation.statistics import Estimate

DOCUMENT = Path(__file__).parents[2] / "docs" / "output.md"


def written(report: Report, folder: Path) -> Path:
    path = folder / "report.json"
    path.write_text(report_text(report), encoding="utf-8")
    return path


def without_pixels(report: Report) -> Report:
    def bare(picture: Picture) -> Picture:
        return replace(picture, pixels=None)

    groups = tuple(
        PictureGroup(
            group.title,
            tuple(
                PictureRow(bare(row.query), tuple(map(bare, row.hits)), row.note)
                for row in group.rows
            ),
        )
        for group in report.failures
    )
    return replace(report, failures=groups)


def comparable(plot: Plot) -> Any:
    if isinstance(plot, ConfusionPlot):
        return plot.title, plot.classes, plot.counts.tolist(), plot.row_label, plot.column_label
    if isinstance(plot, BarPlot):
        return replace(plot, series={name: tuple(bars) for name, bars in plot.series.items()})
    return plot


def test_a_report_comes_back_as_it_was(tmp_path: Path) -> None:
    # Half of a surrogate pair is no text that UTF-8 can hold.
    whole = json.loads(json.dumps(HOSTILE).replace("\\ud83d", "?"))
    report = make_report(tmp_path, notes=tuple(whole))
    tables = tuple(
        replace(t, rows=tuple(r for r in t.rows if "half" not in r.name)) for t in report.tables
    )
    plots = tuple(p for p in report.plots if p.name in {"roc", "few", "two", "many"})
    report = replace(report, tables=tables, plots=plots)
    back = read_report(written(report, tmp_path))
    expected = without_pixels(report)
    for name in ("task", "title", "settings", "versions", "created", "notes", "tables", "failures"):
        assert getattr(back, name) == getattr(expected, name), name
    assert list(map(comparable, back.plots)) == list(map(comparable, expected.plots))
    for ours, theirs in zip(back.query_values, expected.query_values, strict=True):
        assert replace(ours, values=theirs.values) == theirs
        np.testing.assert_allclose(ours.values, theirs.values, rtol=5e-6)
    assert report_text(back) == report_text(report)


@given(
    st.lists(st.floats(allow_nan=True, allow_infinity=True), max_size=20),
    st.one_of(
        st.none(), st.floats(allow_nan=False, allow_infinity=False), st.integers(), st.text()
    ),
)
def test_any_numbers_are_kept_to_six_digits(values: list[float], cell: Any) -> None:
    ids = tuple(map(str, range(len(values))))
    query = QueryValues("t", "r", "c", ids, np.array(values, dtype=np.float64))
    report = Report(
        "t", "t", {}, {}, "now", (Table("t", "t", "r", (), (Row("r", {"c": cell}),)),), (query,)
    )
    document = json.loads(report_text(report))
    back = report_json.parse_report(document)
    expected = np.where(np.isfinite(values), values, np.nan) if values else np.array([])
    np.testing.assert_allclose(back.query_values[0].values, expected, rtol=5e-6)
    if not isinstance(cell, str):
        assert back.tables[0].rows[0].values["c"] == cell


def test_numbers_that_json_lacks_are_null() -> None:
    row = Row(
        "r",
        {
            "a": float("nan"),
            "b": Estimate(float("inf"), 0, 1, 2),
            "c": Estimate(0.5, 0, float("nan"), 2),
        },
    )
    report = Report("t", "t", {"x": float("nan")}, {}, "now", (Table("t", "t", "r", (), (row,)),))
    document = json.loads(report_text(report), parse_constant=pytest.fail)
    assert document["tables"][0]["rows"][0]["values"] == {"a": None, "b": None, "c": 0.5}
    assert document["settings"] == {"x": None}


def test_numbers_of_numpy_are_numbers() -> None:
    row = Row("r", {"a": np.float64(0.5), "b": np.int64(3), "c": np.float32(0.25)})  # type: ignore[dict-item]
    report = Report(
        "t",
        "t",
        {"seeds": np.arange(2)},
        {},
        "now",
        (Table("t", "t", "r", (), (row,)),),  # type: ignore[dict-item]
    )
    document = json.loads(report_text(report))
    assert document["tables"][0]["rows"][0]["values"] == {"a": 0.5, "b": 3, "c": 0.25}
    assert document["settings"] == {"seeds": [0, 1]}


def test_queries_that_rows_share_are_written_once(tmp_path: Path) -> None:
    document = report_document(make_report(tmp_path))
    assert len(document["queries"]) == 1
    assert [part["queries"] for part in document["query_values"]] == [0, 0, 0, 0]
    assert "pixels" not in report_text(make_report(tmp_path))


CHANGES: list[tuple[str, Any, str]] = [
    ("schema", 2, "schema: expected 1, found 2"),
    ("title", 5, "title: expected a valid string, found 5"),
    ("tables", {}, "tables: expected a valid tuple, found {}"),
    ("tables.0.columns.0.unit", "miles", "columns.0.unit: expected 'share', .*, found 'miles'"),
    ("tables.0.rows.0.measured", 1, "rows.0.measured: expected a valid boolean, found 1"),
    ("tables.0.rows.0.values.works", [], r"values.works.* expected a .*, found \[\]"),
    ("tables.0.rows.0.values.precision_at_1.low", "x", "low: expected a valid number, found 'x'"),
    ("tables.0.rows.0.values.precision_at_1.count", -1, "count: expected greater than .* 0"),
    ("query_values.0.queries", 7, "query_values.0.queries: expected the number of one of 1 lists"),
    ("query_values.0.queries", None, "query_values.0.queries: expected the number of one of 1"),
    ("query_values.0.values", [1, 0], r"values: expected 200 values, .*, found shape \(2,\)"),
    ("queries.0.1", "q0", "expected each query once, found one twice"),
    ("queries", [[1]], "queries.0.0: expected a valid string, found 1"),
    ("plots.0.kind", "pie", "'pie' found using 'kind' does not match any of the expected tags"),
    ("plots.0.lines.0.y", [1], "y: expected 40 numbers, as many as x has, found 1"),
    ("plots.2.labels", [], "expected 0 bars, found 10"),
    ("plots.6.counts", [[1, 2]], "counts: expected 1 rows of 1 counts"),
    ("plots.6.counts", [[1]], "counts: expected 2 rows of 2 counts"),
    ("plots.6.counts.0.0", 2**70, "counts.0.0: expected less than 9223372036854775808"),
    ("failures.0.rows.0.query.payload", None, "payload: expected a valid dictionary, found None"),
]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> str:
    """Everything that a report can hold, as a file holds it."""
    return report_text(make_report(tmp_path_factory.mktemp("report")))


def test_what_is_wrong_is_named_with_its_place(whole: str, tmp_path: Path) -> None:
    path = tmp_path / "changed.json"
    for place, value, message in CHANGES:
        document = json.loads(whole)
        *way, last = (int(step) if step.isdecimal() else step for step in place.split("."))
        part: Any = document
        for step in way:
            part = part[step]
        part[last] = value
        path.write_text(json.dumps(document), encoding="utf-8")
        with pytest.raises(ReportError, match=message) as caught:
            read_report(path)
        assert str(caught.value).startswith(f"{path}: ")
        assert "give the report.json that an evaluation wrote" in str(caught.value)


@pytest.mark.parametrize("name", ["task", "tables", "queries"])
def test_a_field_that_is_missing_is_named(name: str, whole: str) -> None:
    document = json.loads(whole)
    del document[name]
    with pytest.raises(ValueError, match=f"^{name}: expected a field of that name"):
        report_json.parse_report(document)


@pytest.mark.parametrize(
    "raw",
    [b"", b"{", b"<html>", b"\xff\xfe\x00", b"[" * 100_000, b"1" * 10_000],
    ids=["empty", "cut", "html", "bytes", "deep", "digits"],
)
def test_a_file_that_is_no_json_is_refused(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(raw)
    with pytest.raises(ReportError, match="expected a report in JSON, found something else"):
        read_report(path)


@pytest.mark.parametrize("raw", [b"[]", b"null", b'"x"', b"{}"])
def test_json_that_is_no_report_is_refused(raw: bytes, tmp_path: Path) -> None:
    path = tmp_path / "report.json"
    path.write_bytes(raw)
    with pytest.raises(ReportError, match=r"expected .*; give the report"):
        read_report(path)


def test_a_file_that_is_missing_or_too_large_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(ReportError, match="No such file"):
        read_report(tmp_path / "none.json")
    with pytest.raises(ReportError, match="cannot be read"):
        read_report(tmp_path)
    monkeypatch.setattr(report_json, "MAX_BYTES", 100)
    path = written(make_report(tmp_path), tmp_path)
    with pytest.raises(ReportError, match="at most 100 bytes, found"):
        read_report(path)


def test_every_field_is_documented(tmp_path: Path) -> None:
    section = DOCUMENT.read_text(encoding="utf-8").split("\n## Evaluation reports\n")[1]
    open_names = {"settings", "versions", "payload", "values", "series"}

    def names(value: Any) -> set[str]:
        if isinstance(value, dict):
            deeper = (names(part) for name, part in value.items() if name not in open_names)
            return set(value).union(*deeper)
        return set().union(*map(names, value)) if isinstance(value, list) else set()

    found = names(report_document(make_report(tmp_path))) | {"value", "low", "high", "count"}
    assert {name for name in found if f"`{name}`" not in section} == set()
