"""Metadata as rows of a table: the cells of CSV files and spreadsheets."""

from __future__ import annotations

import csv
import io
import itertools
import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from artsim.catalog.hits import plain_json

MAX_EXTRA: Final = 1000
"""Most keys of ``extra`` that have a column of their own; a spreadsheet has 16,384 columns."""

BOM: Final = "\ufeff"
"""Byte order mark, by which spreadsheets know that a file is UTF-8."""

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\n")
"""What a spreadsheet takes for a formula, after OWASP's page "CSV Injection"."""

_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""All but tab and line feed: terminals obey them, and XML has no place for most."""


def csv_lines(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield a header row and a row for each of `rows`, after RFC 4180 with line feeds.

    For the cells see `csv_cell`.
    """
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator="\n")
    for row in itertools.chain([columns], rows):
        writer.writerow(map(csv_cell, row))
        yield buffer.getvalue()
        buffer.seek(0)
        buffer.truncate()


def csv_cell(value: object) -> str | int | float:
    r"""Return a value as a cell: a number, or a text that no program obeys.

    Unknown values are empty; lists are joined by ``|`` (in their values ``|`` is written
    ``\|`` and a backslash twice), nested values are JSON. A text that a spreadsheet would run
    as a formula has an apostrophe put before it, control characters are left out.
    """
    value = plain_json(value)
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return value
    text = cell_text(value)
    return "'" + text if text.startswith(_FORMULA_STARTS) else text


def cell_text(value: object) -> str:
    """Return a value of JSON as the text of a cell, without control characters.

    Line breaks are line feeds: Python 3.11 does not quote a carriage return, which many
    readers take for the end of the row.
    """
    if value is None:
        return ""
    if isinstance(value, str):
        text = value
    elif isinstance(value, list) and not any(isinstance(part, (list, dict)) for part in value):
        text = "|".join(str(part).replace("\\", "\\\\").replace("|", "\\|") for part in value)
    else:
        text = json.dumps(value, ensure_ascii=False)
    return _CONTROLS.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))


@dataclass(frozen=True, slots=True)
class PayloadColumns:
    """How a payload is laid out in a row: its fields, then a column for each key of ``extra``.

    Attributes
    ----------
    fields : tuple of str
        Without ``extra``.
    keys : tuple of str
        Those of ``extra`` with a column of their own, ``extra.KEY``.
    has_rest : bool
        Whether a last column ``extra`` holds, as an object, what has none.
    """

    fields: tuple[str, ...]
    keys: tuple[str, ...]
    has_rest: bool

    @property
    def names(self) -> list[str]:
        """The header."""
        names = [*self.fields, *(f"extra.{key}" for key in self.keys)]
        return [*names, "extra"] if self.has_rest else names

    def row(self, payload: Mapping[str, Any]) -> list[object]:
        """Return the values of a payload in the order of `names`; None where it has none."""
        extra = payload.get("extra") or {}
        row = [*(payload.get(name) for name in self.fields), *(extra.get(key) for key in self.keys)]
        if self.has_rest:
            rest = {key: value for key, value in extra.items() if key not in set(self.keys)}
            row.append(rest or None)
        return row


def payload_columns(fields: Iterable[str], payloads: Iterable[Mapping[str, Any]]) -> PayloadColumns:
    """Return the columns of payloads, of which only ``extra`` is looked at.

    Keys of ``extra`` are in the order of the alphabet. Of more than `MAX_EXTRA` those that
    most payloads have get a column.
    """
    counts = Counter(key for payload in payloads for key in payload.get("extra") or {})
    ranked = sorted(counts, key=lambda key: (-counts[key], key))
    return PayloadColumns(
        tuple(name for name in fields if name != "extra"),
        tuple(sorted(ranked[:MAX_EXTRA])),
        len(ranked) > MAX_EXTRA,
    )
