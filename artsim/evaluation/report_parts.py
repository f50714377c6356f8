"""Parts of a report from JSON, each checked: what is wrong is named with its place."""

from __future__ import annotations

from typing import Final, get_args

import numpy as np

from artsim.evaluation.bootstrap import Estimate
from artsim.evaluation.report import (
    COLUMN_LABEL,
    ROW_LABEL,
    BarPlot,
    Cell,
    Column,
    ConfusionPlot,
    Line,
    LinePlot,
    Picture,
    PictureGroup,
    PictureRow,
    Plot,
    QueryValues,
    Report,
    Row,
    Table,
    Unit,
)
from artsim.evaluation.report_fields import (
    Fields,
    parse_count,
    parse_list,
    parse_number,
    parse_range,
    parse_text,
    parse_texts,
    shown,
    wrong,
)

REPORT_SCHEMA: Final = 1
"""Version of the form; it changes only when a program would have to."""


def parse_report(document: object) -> Report:
    """Return the report that a JSON document holds.

    Raises
    ------
    ValueError
        If it is no report of this schema; the message says where, what was expected and
        what was found.
    """
    top = Fields(document, "the report")
    schema = top.get("schema", object)
    if schema != REPORT_SCHEMA or isinstance(schema, bool):
        raise ValueError(f"expected schema {REPORT_SCHEMA}, found {shown(schema)}")
    queries = top.each("queries", parse_texts)
    return Report(
        task=top.text("task"),
        title=top.text("title"),
        settings=top.child("settings").raw,
        versions={name: str(text) for name, text in top.child("versions").raw.items()},
        created=top.text("created"),
        tables=top.each("tables", _table),
        query_values=top.each("query_values", lambda v, at: _query_values(v, at, queries)),
        plots=top.each("plots", _plot),
        failures=top.each("failures", _group),
        notes=top.each("notes", parse_text),
    )


def _cell(value: object, place: str) -> Cell:
    if isinstance(value, dict):
        return _estimate(value, place)
    if isinstance(value, bool) or not (value is None or isinstance(value, (int, float, str))):
        raise wrong(place, "a number, a text, null or an estimate", value)
    return value


def _estimate(value: object, place: str) -> Estimate:
    fields = Fields(value, place)
    return Estimate(
        fields.number("value"), fields.number("low"), fields.number("high"), fields.count("count")
    )


def _bar(value: object, place: str) -> Estimate | float | None:
    if value is None:
        return None
    return _estimate(value, place) if isinstance(value, dict) else parse_number(value, place)


def _table(value: object, place: str) -> Table:
    fields = Fields(value, place)
    return Table(
        name=fields.text("name"),
        title=fields.text("title"),
        row_heading=fields.text("row_heading"),
        columns=fields.each("columns", _column),
        rows=fields.each("rows", _row),
        notes=fields.each("notes", parse_text),
    )


def _column(value: object, place: str) -> Column:
    fields = Fields(value, place)
    return Column(
        name=fields.text("name"),
        heading=fields.text("heading"),
        unit=fields.choice("unit", get_args(Unit)),
        better=fields.choice("better", ("higher", "lower", None)),
        signed=fields.flag("signed"),
    )


def _row(value: object, place: str) -> Row:
    fields = Fields(value, place)
    cells = fields.child("values").raw
    return Row(
        name=fields.text("name"),
        values={name: _cell(cell, f"{place}.values.{name}") for name, cell in cells.items()},
        note=fields.text("note"),
        measured=fields.flag("measured"),
    )


def _query_values(value: object, place: str, queries: tuple[tuple[str, ...], ...]) -> QueryValues:
    fields = Fields(value, place)
    position = fields.count("queries")
    if position >= len(queries):
        raise wrong(f"{place}.queries", f"one of {len(queries)} lists of queries", position)
    values = np.array(fields.each("values", parse_number), dtype=np.float64)
    if len(set(queries[position])) != len(queries[position]):
        raise ValueError(f"queries[{position}]: expected each query once, found one twice")
    if len(values) != len(queries[position]):
        raise wrong(f"{place}.values", f"{len(queries[position])} values", len(values))
    return QueryValues(
        fields.text("table"), fields.text("row"), fields.text("column"), queries[position], values
    )


def _plot(value: object, place: str) -> Plot:
    fields = Fields(value, place)
    kind = fields.choice("kind", ("lines", "bars", "confusion"))
    if kind == "lines":
        return _line_plot(fields)
    return _bar_plot(fields) if kind == "bars" else _confusion_plot(fields)


def _line_plot(fields: Fields) -> LinePlot:
    return LinePlot(
        name=fields.text("name"),
        title=fields.text("title"),
        x_label=fields.text("x_label"),
        y_label=fields.text("y_label"),
        lines=fields.each("lines", _line),
        x_scale=fields.choice("x_scale", ("linear", "log")),
        x_range=parse_range(fields.get("x_range", object), f"{fields.place}.x_range"),
        y_range=parse_range(fields.get("y_range", object), f"{fields.place}.y_range"),
        note=fields.text("note"),
    )


def _line(value: object, place: str) -> Line:
    fields = Fields(value, place)
    x, y = fields.each("x", parse_number), fields.each("y", parse_number)
    if len(x) != len(y):
        raise wrong(f"{place}.y", f"{len(x)} numbers, as many as x has", len(y))
    return Line(fields.text("name"), x, y, fields.flag("dashed"))


def _bar_plot(fields: Fields) -> BarPlot:
    labels = fields.each("labels", parse_text)
    series = fields.child("series")
    bars = {name: series.each(name, _bar) for name in series.raw}
    for name, values in bars.items():
        if len(values) != len(labels):
            raise wrong(f"{series.place}.{name}", f"{len(labels)} bars", len(values))
    return BarPlot(
        name=fields.text("name"),
        title=fields.text("title"),
        value_label=fields.text("value_label"),
        labels=labels,
        series=bars,
        unit=fields.choice("unit", get_args(Unit)),
        note=fields.text("note"),
    )


def _confusion_plot(fields: Fields) -> ConfusionPlot:
    classes = fields.each("classes", parse_text)
    rows = fields.each("counts", lambda row, at: parse_list(row, at, parse_count))
    if len(rows) != len(classes) or any(len(row) != len(classes) for row in rows):
        expected = f"{len(classes)} rows of {len(classes)} counts"
        raise ValueError(f"{fields.place}.counts: expected {expected}, found others")
    return ConfusionPlot(
        name=fields.text("name"),
        title=fields.text("title"),
        classes=classes,
        counts=np.array(rows, dtype=np.int64).reshape(len(classes), len(classes)),
        note=fields.text("note"),
        # Reports of earlier versions have neither.
        row_label=parse_text(fields.raw.get("row_label", ROW_LABEL), f"{fields.place}.row_label"),
        column_label=parse_text(
            fields.raw.get("column_label", COLUMN_LABEL), f"{fields.place}.column_label"
        ),
    )


def _group(value: object, place: str) -> PictureGroup:
    fields = Fields(value, place)
    return PictureGroup(fields.text("title"), fields.each("rows", _picture_row))


def _picture_row(value: object, place: str) -> PictureRow:
    fields = Fields(value, place)
    query = _picture(fields.get("query", object), f"{place}.query")
    return PictureRow(query, fields.each("hits", _picture), fields.text("note"))


def _picture(value: object, place: str) -> Picture:
    fields = Fields(value, place)
    return Picture(
        payload=fields.child("payload").raw,
        caption=fields.each("caption", parse_text),
        right=fields.choice("right", (True, False, None)),
    )
