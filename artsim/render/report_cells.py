"""A report's values as people read them, on the terminal and on the page."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Final

from artsim.evaluation.report import Cell, Column, Row, Table, Unit
from artsim.evaluation.statistics import Estimate
from artsim.render.text import clean

MISSING: Final = "–"  # noqa: RUF001 - what stands in an empty cell is an en dash
"""What a cell shows that was not measured."""

_UNIT_WORDS: Final[dict[Unit, str]] = {"share": "%", "ms": "ms", "seconds": "s"}


def heading_text(column: Column) -> str:
    """Return a column's heading with its unit: ``P@10 %``."""
    unit = _UNIT_WORDS.get(column.unit, "")
    heading = clean(column.heading, 60)
    return heading if not unit or heading.endswith(unit) else f"{heading} {unit}".strip()


def cell_parts(cell: Cell, column: Column) -> tuple[str, str]:
    """Return a cell's value and its interval as texts; the interval is often ""."""
    if cell is None or (isinstance(cell, float) and not math.isfinite(cell)):
        return MISSING, ""
    if isinstance(cell, str):
        return clean(cell, 1000), ""
    if not isinstance(cell, Estimate):
        return number_text(cell, column.unit, signed=column.signed), ""
    if not math.isfinite(cell.value):
        return MISSING, ""
    value = number_text(cell.value, column.unit, signed=column.signed)
    if not (math.isfinite(cell.low) and math.isfinite(cell.high)):
        return value, ""
    low, high = (
        number_text(end, column.unit, signed=column.signed) for end in (cell.low, cell.high)
    )
    return value, f"[{low}, {high}]"


def cell_text(cell: Cell, column: Column) -> str:
    """Return a cell as one text: ``30.1 [28.7, 31.5]``."""
    return " ".join(part for part in cell_parts(cell, column) if part)


def number_text(number: float, unit: Unit, *, signed: bool = False) -> str:
    """Return a number in its unit, without the unit's name.

    Shares are in percent with one decimal, scores have three decimals, times and ratios
    three digits that count, counts none behind the point.
    """
    if unit == "share":
        return _fixed(100 * number, 1, signed)
    if unit == "score":
        # A probability of 0.000 would be none.
        return "<0.001" if 0 < number < 0.0005 and not signed else _fixed(number, 3, signed)
    if unit == "count" and float(number).is_integer():
        return _fixed(number, 0, signed)
    size = abs(number)
    decimals = 0 if size >= 100 else 1 if size >= 10 else 2 if size >= 0.1 else 3
    return _fixed(number, min(1, decimals) if unit == "count" else decimals, signed)


def _fixed(number: float, decimals: int, signed: bool) -> str:
    # Adding 0.0 turns a rounded -0.0 into 0.0.
    rounded = round(number, decimals) + 0.0
    sign = "+" if signed and rounded > 0 else ""
    return f"{sign}{rounded:,.{decimals}f}"


def number_of(cell: Cell) -> float | None:
    """Return the number that a cell is sorted and ranked by; None where it has none."""
    if isinstance(cell, Estimate):
        cell = cell.value
    if cell is None or isinstance(cell, str) or not math.isfinite(cell):
        return None
    return float(cell)


def best_rows(table: Table) -> dict[str, frozenset[str]]:
    """Return, for each column, the names of the rows that are best in it.

    Only measured rows compete. There is no best where fewer than two do, where neither
    direction is better, or where all are equal; rows that read the same share the mark.
    """
    best: dict[str, frozenset[str]] = {}
    for column in table.columns:
        found = _competitors(table.rows, column)
        shown = {name: number_text(value, column.unit) for name, value in found.items()}
        if column.better is None or len(set(shown.values())) < 2:
            best[column.name] = frozenset()
            continue
        pick = max if column.better == "higher" else min
        winner = shown[pick(found, key=lambda name: found[name])]
        best[column.name] = frozenset(name for name, text in shown.items() if text == winner)
    return best


def _competitors(rows: Sequence[Row], column: Column) -> dict[str, float]:
    numbers = {row.name: number_of(row.values.get(column.name)) for row in rows if row.measured}
    return {name: number for name, number in numbers.items() if number is not None}


def row_notes(table: Table) -> list[tuple[str, str]]:
    """Return the notes of rows as (names, note), rows of the same note together."""
    names: dict[str, list[str]] = {}
    for row in table.rows:
        if row.note:
            names.setdefault(clean(row.note, 1000), []).append(clean(row.name, 120))
    return [(", ".join(rows), note) for note, rows in names.items()]
