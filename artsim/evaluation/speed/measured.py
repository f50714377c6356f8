"""What a measurement of speed found: promises, each kept or not, and the numbers behind."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from artsim.evaluation.report import Column, Report, Row, Table

PROMISES: Final = "promises"
"""Name of the table of promises."""

_COLUMNS: Final = (
    Column("promised", "promised", "text", better=None),
    Column("measured", "measured", "text", better=None),
    Column("baseline", "baseline, same run", "text", better=None),
    Column("kept", "kept", "text", better=None),
)


@dataclass(frozen=True, slots=True)
class Promise:
    """What was promised and measured, in words, and a baseline of the same run.

    Attributes
    ----------
    kept : bool or None
        None where nothing was promised, or nothing could be measured.
    note : str
        What a reader must know: made-up pictures, too few of them.
    """

    name: str
    promised: str
    measured: str
    baseline: str
    kept: bool | None
    note: str = ""


@dataclass(frozen=True, slots=True)
class Measured:
    """What one measurement found: its promises, and its numbers, each in a column."""

    promises: tuple[Promise, ...]
    tables: tuple[Table, ...]


def promises_table(promises: Iterable[Promise]) -> Table:
    """Return the table of all promises."""
    return Table(
        PROMISES,
        "What is promised, and what was measured here",
        "promise",
        _COLUMNS,
        tuple(_row(promise) for promise in promises),
        ("The tables below hold the numbers.",),
    )


def broken_promises(report: Report) -> list[str]:
    """Return the names of the promises that a report of `evaluate_speed` found broken."""
    (table,) = [table for table in report.tables if table.name == PROMISES]
    return [row.name for row in table.rows if row.values["kept"] == "no"]


def _row(promise: Promise) -> Row:
    kept = None if promise.kept is None else "yes" if promise.kept else "no"
    values = {
        "promised": promise.promised,
        "measured": promise.measured,
        "baseline": promise.baseline,
        "kept": kept,
    }
    return Row(promise.name, values, promise.note)


def join_notes(*notes: str) -> str:
    """Return the notes that say something, in one line."""
    return "; ".join(note for note in notes if note)
