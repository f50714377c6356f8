import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from made_up_report import COLUMNS, make_report, query_values, rows_of
from typer.testing import CliRunner

from artsim.cli import app
from artsim.errors import ReportError
from artsim.evaluation.compare import compare_reports
from artsim.evaluation.report import QueryValues, Report, Row, Table, read_report, report_text

PLAIN_COLUMNS = (*COLUMNS[:2],)


def plain(tmp_path: Path, *, gain: float = 0.0, **more: object) -> Report:
    table = Table("labels.artist", "Same artist", "encoder", PLAIN_COLUMNS, ())
    parts = {"tables": (table,), "plots": (), "failures": (), "notes": ()} | more
    return make_report(tmp_path, gain=gain, **parts)


def random_report(tmp_path: Path, seed: int, gain: float = 0.0, rows: int = 1) -> Report:
    """Values of 100 queries that two reports have in common but for noise."""
    rng, hard = np.random.default_rng(seed), np.random.default_rng(99).random(100)
    ids = tuple(f"q{i}" for i in range(100))
    values = tuple(
        QueryValues(
            "labels.artist", f"r{row}", "precision_at_1", ids, hard + gain + rng.normal(0, 0.2, 100)
        )
        for row in range(rows)
    )
    return plain(tmp_path, query_values=values)


def test_a_gain_is_found_and_which_way_is_better_depends_on_the_column(tmp_path: Path) -> None:
    result = compare_reports(plain(tmp_path), plain(tmp_path, gain=0.2))
    shares = rows_of(result, "labels.artist")
    assert shares["builtin · P@1"].values["verdict"] == "identical"
    better = shares["resnet50v2-stage3 · P@1"].values
    first, second = (
        {(v.row, v.column): v.values for v in query_values(gain=g)} for g in (0.0, 0.2)
    )
    key = ("resnet50v2-stage3", "precision_at_1")
    assert better["first"] == pytest.approx(first[key].mean())
    assert better["second"] == pytest.approx(second[key].mean())
    assert better["difference"].value == pytest.approx((second[key] - first[key]).mean())
    assert better["difference"].low > 0
    assert (better["verdict"], better["queries"]) == ("better", 200)
    # RMSE went down, and down is better.
    errors = rows_of(result, "labels.artist.score")
    assert [t.title for t in result.tables[:2]] == ["Same artist: P@1", "Same artist: RMSE"]
    rmse = errors["resnet50v2-stage3 · RMSE"].values
    assert rmse["difference"].high < 0
    assert rmse["verdict"] == "better"
    back = compare_reports(plain(tmp_path, gain=0.2), plain(tmp_path))
    assert rows_of(back, "labels.artist")["resnet50v2-stage3 · P@1"].values["verdict"] == "worse"


def test_a_column_without_a_better_is_higher_or_lower(tmp_path: Path) -> None:
    columns = tuple(replace(column, better=None) for column in PLAIN_COLUMNS)
    table = Table("labels.artist", "Same artist", "encoder", columns, ())
    result = compare_reports(
        plain(tmp_path, tables=(table,)), plain(tmp_path, gain=0.2, tables=(table,))
    )
    row = rows_of(result, "labels.artist")["resnet50v2-stage3 · P@1"]
    assert row.values["verdict"] == "higher"


def test_noise_is_not_taken_for_progress(tmp_path: Path) -> None:
    """Of 40 comparisons of equals some intervals leave out zero; none is called better."""
    first, second = (random_report(tmp_path, seed, rows=40) for seed in (1, 2))
    verdicts = [
        row.values["verdict"]
        for row in rows_of(compare_reports(first, second), "labels.artist").values()
    ]
    assert len(verdicts) == 40
    assert set(verdicts) <= {"no difference shown", "perhaps better", "perhaps worse"}
    assert verdicts.count("no difference shown") >= 34
    assert any(str(verdict).startswith("perhaps") for verdict in verdicts)


def test_only_common_queries_count(tmp_path: Path) -> None:
    first, second = random_report(tmp_path, 1), random_report(tmp_path, 2)
    (ours,), (theirs,) = first.query_values, second.query_values
    turned = QueryValues(
        theirs.table,
        theirs.row,
        theirs.column,
        theirs.query_ids[::-1][:60],
        theirs.values[::-1][:60],
    )
    ours.values[99] = np.nan
    result = compare_reports(first, replace(second, query_values=(turned,)))
    (row,) = rows_of(result, "labels.artist").values()
    assert row.values["queries"] == 59
    assert row.values["difference"].value == pytest.approx(
        (theirs.values[40:99] - ours.values[40:99]).mean()
    )
    assert row.note == "59 queries in common, of 100 in A and 60 in B."


def test_two_rows_of_one_report(tmp_path: Path) -> None:
    report = plain(tmp_path, gain=0.2)
    result = compare_reports(report, report, rows=("builtin", "resnet50v2-stage3"))
    assert result.title == "resnet50v2-stage3 against builtin"
    (row,) = rows_of(result, "labels.artist").values()
    assert row.name == "builtin → resnet50v2-stage3 · P@1"
    assert row.values["verdict"] == "better"
    assert "left_out" not in {table.name for table in result.tables}
    with pytest.raises(ReportError, match=r"rows 'builtin' and 'nope'.*has builtin, resnet50"):
        compare_reports(report, report, rows=("builtin", "nope"))


def test_what_else_differs_and_what_was_left_out_is_listed(tmp_path: Path) -> None:
    first = plain(tmp_path, settings={"gallery": "a", "k": [1, 5], "same": 1, "in": {"deep": True}})
    table = Table("labels.artist", "Same artist", "encoder", PLAIN_COLUMNS, (Row("random", {}),))
    second = plain(
        tmp_path,
        settings={"gallery": "b", "k": [1, 5], "same": 1, "in": {"deep": False}},
        versions={"artsim": "0.2.0", "numpy": "2.0"},
        tables=(table, Table("classes", "Classes", "artist", (), (Row("x", {}), Row("y", {})))),
        query_values=query_values()[:2],
    )
    result = compare_reports(first, second)
    settings = rows_of(result, "settings")
    assert {name: tuple(row.values.values()) for name, row in settings.items()} == {
        "gallery": ("a", "b"),
        "in.deep": ("yes", "no"),
        "artsim (version)": ("0.1.0", "0.2.0"),
    }
    left_out = rows_of(result, "left_out")
    assert {name: row.values["why"] for name, row in left_out.items()} == {
        "labels.artist: resnet50v2-stage3": "only in A",
        "labels.artist: random": "only in B",
        "classes: all rows": "only in B",
    }


def test_reports_with_nothing_in_common_are_refused(tmp_path: Path) -> None:
    first = plain(tmp_path)
    with pytest.raises(ReportError, match=r"found none.*has none"):
        compare_reports(first, plain(tmp_path, query_values=()), names=("a.json", "b.json"))
    (values, *_) = query_values()
    strangers = replace(values, query_ids=tuple(f"other{i}" for i in range(200)))
    with pytest.raises(ReportError, match=r"^a\.json and b\.json: expected rows of the same name"):
        compare_reports(
            first, plain(tmp_path, query_values=(strangers,)), names=("a.json", "b.json")
        )


def test_a_comparison_is_a_report_like_any_other(tmp_path: Path) -> None:
    result = compare_reports(plain(tmp_path), plain(tmp_path, gain=0.2))
    path = tmp_path / "compared.json"
    path.write_text(report_text(result), encoding="utf-8")
    assert report_text(read_report(path)) == report_text(result)
    differences = {(v.table, v.row): v for v in result.query_values}
    for table in result.tables[:2]:
        for row in table.rows:
            mean = differences[table.name, row.name].values.mean()
            assert row.values["difference"].value == pytest.approx(mean)
    assert [plot.name for plot in result.plots] == [
        "difference-labels.artist",
        "difference-labels.artist.score",
    ]


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(app, ["evaluate", *map(str, arguments)])


def test_on_the_command_line(tmp_path: Path) -> None:
    paths = [tmp_path / "a.json", tmp_path / "b.json"]
    for path, gain in zip(paths, (0.0, 0.2), strict=True):
        path.write_text(report_text(plain(tmp_path, gain=gain)), encoding="utf-8")
    done = run("--compare", *paths, "--out", tmp_path / "out")
    assert done.exit_code == 0, done.stderr
    assert "resnet50v2-stage3 · P@1" in done.stdout
    assert (tmp_path / "out" / "report.html").is_file()
    assert (tmp_path / "out" / "plot-difference-labels.artist.png").is_file()
    rows = ("--rows", "builtin", "resnet50v2-stage3")
    asked = run("--compare", paths[1], paths[1], *rows, "--format", "json")
    assert json.loads(asked.stdout)["title"] == "resnet50v2-stage3 against builtin"


def test_wrong_use_is_told_in_one_line(tmp_path: Path) -> None:
    missing = run("--compare", tmp_path / "a.json", tmp_path / "b.json")
    assert missing.exit_code == 1
    assert missing.stderr.startswith(f"Error: {tmp_path / 'a.json'}: the report cannot be read")
    for arguments in (
        ["--rows", "a", "b"],
        ["--format", "json"],
        ["--compare", "a", "b", "labels"],
    ):
        assert run(*arguments).exit_code == 2, arguments
