import csv
import io
import re
from dataclasses import replace
from pathlib import Path

import pytest
from made_up_report import COLUMNS, make_report
from rich.cells import cell_len

from artsim.evaluation.report import Cell, Column, Report, Row, Table, Unit
from artsim.evaluation.statistics import Estimate
from artsim.render.report_forms import (
    best_rows,
    cell_text,
    heading_text,
    print_report,
    to_csv,
    to_latex,
)


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def printed(report: Report, width: int, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    monkeypatch.setenv("COLUMNS", str(width))
    stream = io.StringIO()
    print_report(report, stream)
    return stream.getvalue().splitlines()


@pytest.mark.parametrize(
    ("cell", "unit", "text"),
    [
        (Estimate(0.301, 0.287, 0.315, 9), "share", "30.1 [28.7, 31.5]"),
        (0.0112, "share", "1.1"),
        (1, "share", "100.0"),
        (-0.00001, "share", "0.0"),
        (Estimate(0.17, 0.16, 0.18, 9), "score", "0.170 [0.160, 0.180]"),
        (0.0002, "score", "<0.001"),
        (0.0, "score", "0.000"),
        (-0.0002, "score", "0.000"),
        (1234567, "count", "1,234,567"),
        (2.5, "count", "2.5"),
        (0.0421, "seconds", "0.042"),
        (12.345, "ms", "12.3"),
        (1234.5, "ms", "1,234"),
        (1.874, "ratio", "1.87"),
        ("kept", "ratio", "kept"),
        (None, "share", "–"),  # noqa: RUF001 - an en dash
        (float("nan"), "share", "–"),  # noqa: RUF001 - an en dash
        (Estimate(float("inf"), 0, 1, 9), "share", "–"),  # noqa: RUF001 - an en dash
        (Estimate(0.5, float("nan"), 1, 9), "share", "50.0"),
    ],
)
def test_a_cell_reads_by_its_unit(cell: Cell, unit: Unit, text: str) -> None:
    assert cell_text(cell, Column("c", "c", unit)) == text


def test_a_difference_has_its_sign() -> None:
    column = Column("d", "d", "share", None, signed=True)
    assert cell_text(Estimate(0.012, -0.003, 0.021, 9), column) == "+1.2 [-0.3, +2.1]"
    assert cell_text(0.0, column) == "0.0"


def test_a_heading_has_its_unit_once() -> None:
    assert heading_text(Column("p", "P@10")) == "P@10 %"
    assert heading_text(Column("p", "P@10 %")) == "P@10 %"
    assert heading_text(Column("p", "SSIM", "score")) == "SSIM"
    assert heading_text(Column("p", "query", "ms")) == "query ms"


def test_only_measured_rows_compete_and_equals_share_the_mark() -> None:
    columns = (
        Column("up", "up"),
        Column("down", "down", "score", "lower"),
        Column("n", "n", "count", None),
    )
    rows = (
        Row("a", {"up": 0.50001, "down": 0.3, "n": 1}),
        Row("b", {"up": Estimate(0.50002, 0.4, 0.6, 5), "down": 0.2, "n": 2}),
        Row("c", {"up": 0.1}),
        Row("published", {"up": 0.9, "down": 0.1, "n": 3}, measured=False),
    )
    best = best_rows(Table("t", "t", "row", columns, rows))
    assert best == {"up": {"a", "b"}, "down": {"b"}, "n": frozenset()}


def test_one_row_or_equal_rows_have_no_best() -> None:
    columns = (Column("up", "up"),)
    one = Table("t", "t", "row", columns, (Row("a", {"up": 0.5}), Row("b", {})))
    assert best_rows(one) == {"up": frozenset()}
    equal = Table("t", "t", "row", columns, (Row("a", {"up": 0.5}), Row("b", {"up": 0.5})))
    assert best_rows(equal) == {"up": frozenset()}


@pytest.mark.parametrize("width", [60, 80, 120, 200])
def test_every_cell_is_there_at_every_width(
    width: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = make_report(tmp_path)
    lines = printed(report, width, monkeypatch)
    text = "\n".join(lines)
    assert max(map(cell_len, lines)) <= width
    assert all(line == line.rstrip() for line in lines)
    for column in COLUMNS:
        assert heading_text(column) in text
    for part in ("30.1 [28.7, 31.5]", "36.0 [34.5, 37.5] *", "1,234,567", "0.042 *", "0.50 *"):
        assert part in text
    assert "\x1b" not in text
    assert "vgg16, resnet50: Its weights are missing." in text
    assert "* is the best of its column" in text


def test_names_are_whole_where_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "a rather long name of an encoder with its re-ranking by ssim"
    table = Table("t", "t", "encoder", COLUMNS[:2], (Row(name, {"rmse": 0.1}),))
    report = make_report(tmp_path, tables=(table,))
    assert any(line.startswith(name) for line in printed(report, 100, monkeypatch))


def test_on_a_terminal_the_best_is_bold_and_what_was_not_measured_dim(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TERM", "xterm-256color")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.delenv("NO_COLOR", raising=False)
    stream = Terminal()
    print_report(make_report(tmp_path), stream)
    text = stream.getvalue()
    assert "\x1b[1m36.0 [34.5, 37.5]\x1b[0m" in text
    assert "\x1b[2mvgg16 (published)" in text
    assert " *" not in text
    assert "\x1b[31m" not in text  # the escape in a name is gone
    assert "[bold]markup[/bold]" in text


def test_a_table_without_columns_or_rows_is_no_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    report = replace(
        make_report(tmp_path),
        tables=(Table("t", "Empty", "row", (), ()), Table("u", "Rows", "row", COLUMNS, ())),
        notes=(),
    )
    assert "Empty" in printed(report, 80, monkeypatch)


def test_csv_holds_the_numbers_themselves(tmp_path: Path) -> None:
    table = make_report(tmp_path).tables[0]
    rows = {row["row"]: row for row in csv.DictReader(io.StringIO(to_csv(table)))}
    builtin = rows["builtin"]
    assert float(builtin["precision_at_1"]) == 0.301
    assert float(builtin["precision_at_1_low"]) == 0.287
    assert float(builtin["rmse"]) == 0.27812
    assert (builtin["rmse_low"], builtin["verdict"], builtin["measured"]) == ("", "kept", "true")
    assert rows["vgg16"]["note"] == "Its weights are missing."
    assert rows["random order"]["rmse"] == ""
    assert len(rows) == len(table.rows)


def test_latex_has_a_cell_for_every_column_and_nothing_that_runs(tmp_path: Path) -> None:
    table = make_report(tmp_path).tables[0]
    text = to_latex(table)
    body = text.split("\\midrule\n")[1].split("\\bottomrule")[0].splitlines()
    assert len(body) == len(table.rows)
    assert all(re.fullmatch(r".*[^\\] \\\\", line) for line in body)
    assert {len(re.findall(r"(?<!\\)&", line)) for line in body} == {len(table.columns)}
    assert "\\textbf{36.0} {\\footnotesize [34.5, 37.5]}" in text
    assert "\\textit{vgg16 (published)}" in text
    assert "\\$\\textbackslash{}frac\\{1\\}\\{0\\}\\$" in text
    assert "% vgg16, resnet50: Its weights are missing." in text
    odd = Table("t", "t", "row", COLUMNS[:1], (Row("[x]", {}), Row("*y", {})))
    assert "\n{}[x] & " in to_latex(odd) and "\n{}*y & " in to_latex(odd)
