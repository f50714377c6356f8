# ruff: noqa: RUF001 - hostile names have such letters
"""A report with everything in it: all cells, plots and pictures, and hostile texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from artsim.evaluation.report import (
    BarPlot,
    Column,
    ConfusionPlot,
    Line,
    LinePlot,
    Picture,
    PictureGroup,
    PictureRow,
    QueryValues,
    Report,
    Row,
    Table,
)
from artsim.evaluation.statistics import Estimate

HOSTILE = (
    '<script>alert("x")</script>',
    "$\\frac{1}{0}$ and $_{",
    "</style></title>&amp;<img src=http://evil.example/x.png onerror=alert(1)>",
    "睡蓮の池 (Water Lilies)",
    "דיוקן אישה",
    "\x1b[31mred\x1b[0m\x07 [bold]markup[/bold]",
    "_underscored",
    "a" * 300,
    "\u202eright to left\u202c, half \ud83d of a pair",
    "",
)

COLUMNS = (
    Column("precision_at_1", "P@1"),
    Column("rmse", "RMSE", "score", "lower"),
    Column("works", "works", "count", None),
    Column("p95", "query, p95", "ms", "lower"),
    Column("total", "total", "seconds", "lower"),
    Column("ratio", "of the bare product", "ratio", "lower"),
    Column("verdict", "in words", "text", None),
    Column("change", "change", "share", None, signed=True),
)


def values(**named: Any) -> dict[str, Any]:
    return named


def main_table() -> Table:
    """Every kind of cell, and rows that were not measured."""
    rows = [
        Row(
            "builtin",
            values(
                precision_at_1=Estimate(0.301, 0.287, 0.315, 3974),
                rmse=0.27812,
                works=3974,
                p95=12.345,
                total=0.0421,
                ratio=1.874,
                verdict="kept",
                change=Estimate(-0.0004, -0.012, 0.011, 3974),
            ),
        ),
        Row(
            "resnet50v2-stage3",
            values(
                precision_at_1=Estimate(0.36, 0.345, 0.375, 3974),
                rmse=Estimate(0.261, 0.25, 0.27, 30),
                works=1_234_567,
                p95=1234.5,
                total=123.4,
                ratio=0.5,
                change=0.059,
            ),
        ),
        Row("random order", values(precision_at_1=0.0112, works=0, rmse=None)),
        Row("vgg16 (published)", values(rmse=0.26, precision_at_1=0.99), "As published.", False),
        Row("vgg16", {}, "Its weights are missing.", False),
        Row("resnet50", {}, "Its weights are missing.", False),
    ]
    rows += [
        Row(f"{text} {i}", values(precision_at_1=0.1, verdict=text), text)
        for i, text in enumerate(HOSTILE)
    ]
    return Table("labels.artist", "Same artist", "encoder", COLUMNS, tuple(rows), HOSTILE[:3])


def plots() -> tuple[LinePlot | BarPlot | ConfusionPlot, ...]:
    """Every kind of plot, with hostile names, many lines and missing values."""
    rng = np.random.default_rng(0)
    x = tuple(np.linspace(0, 1, 40).tolist())
    lines = [Line(text, x, tuple((1 - np.array(x)).tolist())) for text in HOSTILE]
    lines.append(Line("random", (0.0, 1.0), (0.1, 0.1), dashed=True))
    far = (0.0, 1e-3, 1e-2, 0.1, 1.0)
    return (
        LinePlot("pr/artist", HOSTILE[0], "recall", HOSTILE[1], tuple(lines), note=HOSTILE[2]),
        LinePlot(
            "roc",
            "ROC",
            "false accepts",
            "true accepts",
            (Line("e", far, (0.0, 0.5, 0.7, 0.9, 1.0)), Line("empty", (), ())),
            "log",
            (1e-3, 1.0),
            (0.0, 1.0),
        ),
        BarPlot(
            "classes",
            "By class",
            "P@10",
            HOSTILE,
            {text: [Estimate(0.5, 0.4, 0.6, 9), None, *[0.25] * 8] for text in HOSTILE[:2]},
        ),
        BarPlot(
            "few",
            "Few",
            "RMSE",
            ("whole", "face"),
            {"none": (-0.2, 0.3), "a": (0.1, None)},
            "score",
        ),
        ConfusionPlot("many", "Many", tuple(map(str, range(50))), rng.integers(0, 9, (50, 50))),
        ConfusionPlot("some", "Some", HOSTILE, rng.integers(0, 99, (10, 10))),
        ConfusionPlot("two", "Two", ("a", "b"), np.array([[3, 1], [0, 0]])),
    )


def failures(folder: Path) -> tuple[PictureGroup, ...]:
    """Pictures that are there, gone, elsewhere, only in memory, and a face."""
    path = folder / "wide & narrow.png"
    Image.new("RGB", (300, 100), (10, 120, 200)).save(path)
    there = {
        "painting_id": "p1",
        "title": HOSTILE[0],
        "artist": HOSTILE[3],
        "date_text": "c. 1500–25",
        "image_uri": path.as_uri(),
        "image_width": 300,
        "image_height": 100,
        "source_url": 'https://museum.example/a"b',
    }
    gone = there | {
        "image_uri": (folder / "gone.png").as_uri(),
        "source_url": "javascript:alert(1)",
    }
    elsewhere = {"painting_id": "p3", "image_uri": "https://museum.example/p3.jpg"}
    face = there | {"face_index": 0, "box": [20, 10, 60, 70]}
    edited = np.full((60, 40, 3), 90, dtype=np.uint8)
    hits = (
        Picture(there, ("0.912", HOSTILE[2]), True),
        Picture(gone, (), False),
        Picture(elsewhere),
        Picture(face, ("face",), True),
    )
    first = PictureRow(Picture(there), hits, HOSTILE[0])
    second = PictureRow(Picture(there, ("mirrored",), None, edited), (Picture({}, (), False),))
    return (PictureGroup(HOSTILE[2], (first, second)), PictureGroup("None", ()))


def query_values(seed: int = 0, gain: float = 0.0) -> tuple[QueryValues, ...]:
    """Hits and misses of 200 queries by two encoders; the second's are better by `gain`."""
    rng = np.random.default_rng(seed)
    ids = tuple(f"q{i}" for i in range(200))
    shared = rng.random(200)
    return tuple(
        QueryValues("labels.artist", row, column, ids, np.clip(drawn, 0, 1))
        for row, better in (("builtin", 0.0), ("resnet50v2-stage3", gain))
        for column, drawn in (
            ("precision_at_1", (shared < 0.3 + better).astype(np.float64)),
            ("rmse", shared / 3 - better / 2),
        )
    )


def make_report(folder: Path, *, gain: float = 0.0, **more: Any) -> Report:
    """Return the report; `gain` makes its second encoder better."""
    parts: dict[str, Any] = {
        "task": "labels",
        "title": f"Same artist {HOSTILE[0]}",
        "settings": {
            "gallery": "demo",
            "encoders": ["builtin", HOSTILE[0]],
            "k": [1, 5],
            "exact": False,
            "rerank": None,
            "criteria": {"must": [{"field": "style", "any_of": ["Baroque"]}], "must_not": []},
        },
        "versions": {"artsim": "0.1.0", "numpy": "2.0"},
        "created": "2026-11-20T12:00:00+00:00",
        "tables": (main_table(), Table("none", "Nothing", "row", (), ())),
        "query_values": query_values(gain=gain),
        "plots": plots(),
        "failures": failures(folder),
        "notes": HOSTILE,
    }
    return Report(**(parts | more))


def rows_of(report: Report, table: str) -> dict[str, Row]:
    """Return the rows of one table by name."""
    (found,) = [t for t in report.tables if t.name == table]
    return {row.name: row for row in found.rows}


def table_of(report: Report, name: str) -> Table:
    """Return a table by its name."""
    return next(table for table in report.tables if table.name == name)


def row_of(report: Report, table: str, row: str) -> Row:
    """Return a row by its table's name and its own."""
    return rows_of(report, table)[row]


def estimate_of(report: Report, table: str, row: str, column: str) -> Estimate:
    """Return a cell, which is an estimate."""
    cell = row_of(report, table, row).values[column]
    assert isinstance(cell, Estimate)
    assert cell.low <= cell.value <= cell.high
    return cell


def values_of(report: Report, table: str, row: str, column: str) -> dict[str, float]:
    """Return the values of a row and column by query."""
    found = [v for v in report.query_values if (v.table, v.row, v.column) == (table, row, column)]
    assert len(found) == 1
    return dict(zip(found[0].query_ids, found[0].values.tolist(), strict=True))
