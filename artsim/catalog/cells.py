"""Metadata as rows of a table: the cells of CSV files and spreadsheets."""

from __future__ import annotations

import csv
import itertools
import json
import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, Final

from artsim.catalog.hits import plain_json
from artsim.catalog.names import fold_text

MAX_EXTRA: Final = 1000
"""Most keys of ``extra`` that have a column of their own; a spreadsheet has 16,384 columns."""

BOM: Final = "\ufeff"
"""Byte order mark, by which spreadsheets know that a file is UTF-8."""

_FORMULA_STARTS: Final = ("=", "+", "-", "@", "\t", "\n")
"""What a spreadsheet takes for a formula, after OWASP's page "CSV Injection"."""

_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f]")
"""All but tab and line feed: terminals obey them, and XML has no place for most."""


def csv_lines(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> Iterator[str]:
    """Yield a header row and `rows`, of `csv_cell`, after RFC 4180 with line feeds."""
    # A writer gives back what its file's `write` does.
    writer = csv.writer(SimpleNamespace(write=str), lineterminator="\n")
    for row in itertools.chain([columns], rows):
        yield writer.writerow(map(csv_cell, row))


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

    `fields` are without ``extra``; `keys` are those of it with a column ``extra.KEY``. Where it
    `has_rest`, a last column ``extra`` holds, as an object, what has none.
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


_CENTIMETERS: Final = {
    "mm": 0.1, "millimeter": 0.1, "millimeters": 0.1, "millimetres": 0.1,
    "cm": 1.0, "centimeter": 1.0, "centimeters": 1.0, "centimetres": 1.0, "zentimeter": 1.0,
    "m": 100.0, "in": 2.54, "inch": 2.54, "inches": 2.54, "zoll": 2.54, '"': 2.54,
}  # fmt: skip

_LARGEST: Final = 10_000.0  # centimeters; more is no painting
_LONGEST: Final = 1000  # characters of a text that are looked at

_NUMBER: Final = (
    r"[0-9]{1,5}(?:[.,][0-9]{1,10})?(?:[ -][0-9]{1,2}/[0-9]{1,2})?|[0-9]{1,2}/[0-9]{1,2}"
)
_UNIT: Final = "|".join(sorted(map(re.escape, _CENTIMETERS), key=len, reverse=True))
_LABELS: Final = {
    "height": "h|ht|height|high|hohe|hoch|hauteur|haut|altezza|alt|alto|altura|hoogte|hoog",
    "width": "w|b|l|br|width|wide|breite|breit|largeur|larg|longueur|larghezza|lungh|ancho|anchura|"
    "breedte|breed|lengte|length|lange",
    "diameter": "diam|dm|ø|diameter|durchmesser|diametre|diametro",
}
_LABEL: Final = "|".join(f"(?P<{kind}>{words})" for kind, words in _LABELS.items())
_MEASURE: Final = rf"({_NUMBER})\s*(?:({_UNIT})(?![a-z]))?\.?"
_BEFORE: Final = re.compile(
    rf"(?<![^\W\d_])(?:{_LABEL})(?![^\W\d_])[.:=]?\s*"
    rf"(?:[(\[]?(?:in|en)\s+(?P<said>{_UNIT})[)\]]?\s*:?\s*)?"
    rf"(?P<number>{_NUMBER})(?![0-9])\s*(?:(?P<unit>{_UNIT})(?![a-z]))?"
)
_BEHIND: Final = re.compile(
    rf"(?<![0-9.,/])(?P<number>{_NUMBER})\s*(?:(?P<unit>{_UNIT})(?![a-z])\.?)?\s*"
    rf"[(\[]?(?:{_LABEL})(?![^\W\d_])"
)
_PAIR: Final = re.compile(
    rf"(?<![0-9.,/-])(?<![0-9]m )(?<![0-9] m ){_MEASURE}\s*(?:x|by|\*)\s*{_MEASURE}"
    rf"(?:\s*(?:x|by|\*)\s*{_MEASURE})?(?![0-9])"
)
_SINGLE: Final = re.compile(
    rf"(?:(?:{_LABEL})[.:]?\s*)?{_MEASURE}(?:\s*[(\[]\s*{_MEASURE}\s*[)\]])?"
)
_ORDER: Final = re.compile(r"(?<![a-z])[(\[]?([hbwl]) ?x ?([hbwl])(?: ?x ?[a-z])?[)\]]?(?![a-z])")
_UNFRAMED: Final = re.compile(
    r"\b(?:ohne rahmen|sans cadre|senza cornice|sin marco|zonder lijst)\b"
)
_FRAMED: Final = re.compile(
    r"\b(?:frame[d]?|rahmen|gerahmt|cadre|encadree?|cornice|marco|lijst|mount|mat|passepartout)\b"
)
_FRACTIONS: Final = re.compile("[\u00bc-\u00be\u2150-\u215e]")


@dataclass(frozen=True, slots=True)
class Size:
    """Centimeters, as far as a text gives them."""

    height: float | None = None
    width: float | None = None


def read_size(text: str, *, heading: str = "") -> Size | None:
    """Read a text of dimensions: ``62,2 x 34,8 cm``, ``H. 62 cm; B. 35 cm``.

    The height comes first, as museums write, unless labels or the heading (``B x H``) say
    otherwise. Centimeters are taken before inches where both are given, the work before
    its frame; a third number is the depth. Of a round picture the diameter is both. The unit
    of the heading, the column's name, holds where the cell has none. None if there is no size,
    or no unit: ``1024 x 768`` may be pixels.
    """
    plain = _plain(text)
    order = _ORDER.search(plain) or _ORDER.search(_plain(heading))
    plain = _ORDER.sub(" ", plain)
    unit = _only_unit(plain) or _only_unit(_plain(heading))
    parts = re.split(r"[;\n|]", _UNFRAMED.sub(" ", plain))
    unframed = ";".join(part for part in parts if not _FRAMED.search(part))
    sizes = (read(part, unit) for part in (unframed, plain) for read in (_labeled, _first_pair))
    size = next(filter(None, sizes), None)
    if size and order and order[2] == "h" and size.height and size.width:
        return Size(size.width, size.height)
    return size


def read_length(text: str, *, heading: str = "") -> float | None:
    """Read one length, ``24 1/2 in. (62.2 cm)``, in centimeters; None if it is none."""
    found = _SINGLE.fullmatch(_plain(text))
    if found is None:
        return None
    number, unit, other, other_unit = found.groups()[-4:]
    if other and other_unit in ("cm", "mm", "m"):
        number, unit = other, other_unit
    return _centimeters(number, unit or _only_unit(_plain(heading)) or "cm")


def _plain(text: str) -> str:
    spaced = _FRACTIONS.sub(
        lambda match: " " + unicodedata.normalize("NFKD", match[0]).replace("\u2044", "/"),
        text[:_LONGEST],
    )
    folded = fold_text(spaced.replace("\u00d7", "x").replace("\u2715", "x"))
    folded = re.sub("[\u201d\u2033]|''", '"', folded)
    return " ".join(folded.split(" ")).strip()


def _only_unit(text: str) -> str:
    """Return the one unit that stands in a text or a column's name; "" if none or several."""
    words = set(re.findall(rf"(?<![a-z])(?:{_UNIT})(?![a-z])", text.replace("_", " ")))
    # "In" is a word of several languages besides a unit.
    units = words - {"in"} or words
    return units.pop() if len(units) == 1 else ""


def _labeled(text: str, unit: str) -> Size | None:
    for pattern in (_BEFORE, _BEHIND):
        found: dict[str, float] = {}
        for match in pattern.finditer(text):
            kind = next(kind for kind in _LABELS if match[kind])
            own = match["unit"] or match.groupdict().get("said") or unit
            length = _centimeters(match["number"], own)
            if length is not None:
                found.setdefault(kind, length)
        if found.keys() & {"height", "width"}:
            return Size(found.get("height"), found.get("width"))
        if "diameter" in found and not _PAIR.search(text):
            return Size(found["diameter"], found["diameter"])
    return None


def _first_pair(text: str, unit: str) -> Size | None:
    sizes = []
    for match in _PAIR.finditer(text):
        first, its_unit, second, second_unit, _, third_unit = match.groups()
        last = third_unit or second_unit or its_unit or unit
        height = _centimeters(first, its_unit or last)
        width = _centimeters(second, second_unit or last)
        if height is not None and width is not None:
            sizes.append((_CENTIMETERS[last] == 2.54, Size(height, width)))
    return next((size for _, size in sorted(sizes, key=lambda pair: pair[0])), None)


def _centimeters(number: str, unit: str) -> float | None:
    if unit not in _CENTIMETERS:
        return None
    whole, _, fraction = number.replace("-", " ").rpartition(" ")
    if "/" not in fraction:
        whole, fraction = number, ""
    if unit == "mm" and re.fullmatch(r"[0-9]{1,2},[0-9]{3}", whole):
        whole = whole.replace(",", "")
    above, _, below = fraction.partition("/")
    value = float(whole.replace(",", ".") or 0)
    if fraction and int(below):
        value += int(above) / int(below)
    size = round(value * _CENTIMETERS[unit], 3)
    return size if 0 < size <= _LARGEST else None
