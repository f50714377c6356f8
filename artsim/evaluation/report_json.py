"""A report as JSON, there and back.

The form is documented in ``docs/output.md`` and is a public interface: within one
`REPORT_SCHEMA` fields are added, never renamed, removed or given another meaning.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from artsim.catalog.results import plain_json
from artsim.errors import ReportError
from artsim.evaluation.bootstrap import Estimate
from artsim.evaluation.report import (
    BarPlot,
    Cell,
    ConfusionPlot,
    LinePlot,
    Picture,
    PictureGroup,
    Plot,
    QueryValues,
    Report,
    Table,
)
from artsim.evaluation.report_parts import REPORT_SCHEMA, parse_report

MAX_BYTES: Final = 512 * 1024 * 1024
"""Largest file that `read_report` takes; a report of 100,000 queries has some 50 MB."""


def report_document(report: Report) -> dict[str, Any]:
    """Return a report as what JSON can hold: dicts, lists, texts and numbers.

    Values per query are rounded to six significant digits, and pixels of pictures that
    are in no file are left out. A number that is not finite is None.
    """
    queries: dict[tuple[str, ...], int] = {}
    values = [_query_values(part, queries) for part in report.query_values]
    return {
        "schema": REPORT_SCHEMA,
        "task": report.task,
        "title": report.title,
        "created": report.created,
        "settings": plain_json(report.settings),
        "versions": dict(report.versions),
        "notes": list(report.notes),
        "tables": [_table(table) for table in report.tables],
        "plots": [_plot(plot) for plot in report.plots],
        "failures": [_group(group) for group in report.failures],
        "queries": [list(ids) for ids in queries],
        "query_values": values,
    }


def report_text(report: Report) -> str:
    """Return `report_document` as strict JSON: the parts of a list each on a line.

    Half of a surrogate pair, which UTF-8 cannot hold, becomes a question mark.
    """
    lines = []
    for name, value in report_document(report).items():
        if isinstance(value, list) and value:
            parts = ",\n    ".join(_dump(part) for part in value)
            lines.append(f'  "{name}": [\n    {parts}\n  ]')
        else:
            lines.append(f'  "{name}": {_dump(value)}')
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    return text.encode("utf-8", "replace").decode("utf-8")


def read_report(path: Path) -> Report:
    """Read a report that `report_text` wrote, whatever its task.

    Returns
    -------
    Report
        Equal to what was written but for the rounding of values per query and the pixels
        that were left out.

    Raises
    ------
    ReportError
        If the file cannot be read, is no JSON, is of another schema, or is not what a
        report is: the message names the place in it.
    """
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ReportError(
                f"{path}: expected a report of at most {MAX_BYTES:,} bytes, found {size:,}; "
                "give the report.json of an evaluation"
            )
        raw = path.read_bytes()
    except OSError as error:
        raise ReportError(
            f"{path}: the report cannot be read ({error.strerror or error}); "
            "give the report.json that an evaluation wrote",
            hint="artsim evaluate --out DIR",
            path=path,
        ) from error
    try:
        document = json.loads(raw, parse_constant=_refuse)
    except (ValueError, RecursionError) as error:
        raise ReportError(
            f"{path}: expected a report in JSON, found something else ({error}); "
            "give the report.json that an evaluation wrote",
            hint="artsim evaluate --out DIR",
            path=path,
        ) from error
    try:
        return parse_report(document)
    except ValueError as error:
        raise ReportError(
            f"{path}: {error}; make the report again",
            hint="artsim evaluate --out DIR",
            path=path,
        ) from error


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number of JSON")


def _dump(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False)


def _table(table: Table) -> dict[str, Any]:
    return {
        "name": table.name,
        "title": table.title,
        "row_heading": table.row_heading,
        "columns": [
            {
                "name": column.name,
                "heading": column.heading,
                "unit": column.unit,
                "better": column.better,
                "signed": column.signed,
            }
            for column in table.columns
        ],
        "rows": [
            {
                "name": row.name,
                "measured": row.measured,
                "note": row.note,
                "values": {name: cell_document(cell) for name, cell in row.values.items()},
            }
            for row in table.rows
        ],
        "notes": list(table.notes),
    }


def cell_document(cell: Cell) -> Any:
    """Return a cell as JSON: an estimate is an object, all else stands for itself."""
    if isinstance(cell, Estimate):
        if not all(map(math.isfinite, (cell.value, cell.low, cell.high))):
            return _number(cell.value)
        return {
            "value": float(cell.value),
            "low": float(cell.low),
            "high": float(cell.high),
            "count": int(cell.count),
        }
    plain = plain_json(cell)
    return int(plain) if isinstance(plain, bool) else plain


def _query_values(part: QueryValues, queries: dict[tuple[str, ...], int]) -> dict[str, Any]:
    # Most rows are of the same queries, whose ids would be most of the file.
    position = queries.setdefault(tuple(part.query_ids), len(queries))
    return {
        "table": part.table,
        "row": part.row,
        "column": part.column,
        "queries": position,
        "values": [_rounded(value) for value in part.values.tolist()],
    }


def _rounded(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    short = float(f"{value:.6g}")
    return int(short) if short.is_integer() and abs(short) < 1e6 else short


def _plot(plot: Plot) -> dict[str, Any]:
    own: dict[str, Any]
    if isinstance(plot, LinePlot):
        own = {
            "kind": "lines",
            "x_label": plot.x_label,
            "y_label": plot.y_label,
            "x_scale": plot.x_scale,
            "x_range": _optional_list(plot.x_range),
            "y_range": _optional_list(plot.y_range),
            "lines": [
                {
                    "name": line.name,
                    "dashed": line.dashed,
                    "x": [_number(value) for value in line.x],
                    "y": [_number(value) for value in line.y],
                }
                for line in plot.lines
            ],
        }
    elif isinstance(plot, BarPlot):
        own = {
            "kind": "bars",
            "value_label": plot.value_label,
            "unit": plot.unit,
            "labels": list(plot.labels),
            "series": {
                name: [cell_document(value) for value in values]
                for name, values in plot.series.items()
            },
        }
    else:
        own = _confusion(plot)
    return {"name": plot.name, "title": plot.title, "note": plot.note, **own}


def _confusion(plot: ConfusionPlot) -> dict[str, Any]:
    return {
        "kind": "confusion",
        "classes": list(plot.classes),
        "counts": [[int(count) for count in row] for row in plot.counts],
        "row_label": plot.row_label,
        "column_label": plot.column_label,
    }


def _optional_list(values: Iterable[float] | None) -> list[float] | None:
    return None if values is None else [float(value) for value in values]


def _group(group: PictureGroup) -> dict[str, Any]:
    return {
        "title": group.title,
        "rows": [
            {
                "note": row.note,
                "query": _picture(row.query),
                "hits": [_picture(hit) for hit in row.hits],
            }
            for row in group.rows
        ],
    }


def _picture(picture: Picture) -> dict[str, Any]:
    return {
        "right": picture.right,
        "caption": list(picture.caption),
        "payload": plain_json(picture.payload),
    }


def _number(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
