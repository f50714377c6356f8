"""The fields that a map can be colored by: categories and numbers, point by point."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import numpy as np

from artsim.catalog.attribution import parse_attribution
from artsim.catalog.payload import Payload
from artsim.errors import QueryError
from artsim.render.text import clean

MAX_VALUES: Final = 2000
"""Most values of a category that are told apart by name; rarer ones are "other"."""

_CATEGORIES: Final = (
    "style",
    "artist",
    "genre",
    "school",
    "attribution",
    "medium",
    "institution",
    "tags",
    "rights",
    "source",
)
_NUMBERS: Final = (
    "year_start",
    "width_cm",
    "height_cm",
    "face_count",
    "face_size",
    "detection_score",
)
_LABELS: Final[Mapping[str, str]] = {
    "year_start": "date",
    "tags": "tag",
    "width_cm": "width (cm)",
    "height_cm": "height (cm)",
    "face_count": "number of faces",
    "face_size": "size of the face (px)",
    "detection_score": "certainty of the face",
}
_FIRST: Final = ("style", "artist", "genre", "year_start")
"""What a map is colored by when nobody says, the first that the points have."""

_MAX_EXTRA: Final = 12
_LEAST_KNOWN: Final = 0.02
_CLIPPED: Final = 0.01


@dataclass(frozen=True, slots=True)
class CategoryField:
    """A field of names.

    Attributes
    ----------
    name : str
        As in the payload, such as ``style`` or ``extra.room``.
    label : str
        What people read.
    values : tuple of str
        Most frequent first, equals by name, at most `MAX_VALUES`.
    counts : tuple of int
        How many points have each.
    codes : tuple of int
        For each point the index of its value, ``len(values)`` where that is not listed,
        -1 where it is unknown. Of a list the first value counts.
    """

    name: str
    label: str
    values: tuple[str, ...]
    counts: tuple[int, ...]
    codes: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NumberField:
    """A field of numbers.

    Attributes
    ----------
    name, label : str
        As of a `CategoryField`.
    values : tuple of float or None
        For each point; None is unknown.
    low, high : float
        Ends of the color scale: all but the outermost 1 % lie between them.
    """

    name: str
    label: str
    values: tuple[float | None, ...]
    low: float
    high: float

    @property
    def known(self) -> int:
        """How many points have a number."""
        return sum(value is not None for value in self.values)


ColorField: TypeAlias = CategoryField | NumberField


def find_fields(payloads: Sequence[Payload], wanted: str | None = None) -> list[ColorField]:
    """Return the fields worth coloring by, the one to begin with first.

    A field is worth it if it is known of at least 2 % of the points and tells some apart
    without telling all apart: a name must occur twice. `wanted` is taken in any case.

    Parameters
    ----------
    payloads : sequence of dict
        Of all points.
    wanted : str, optional
        Field to begin with.

    Raises
    ------
    QueryError
        If no point has a value of `wanted`.
    """
    found: list[ColorField] = []
    for name in (*_CATEGORIES, *_NUMBERS, *_extra_names(payloads)):
        field = _make_field(name, payloads)
        if field is not None and _is_useful(field, len(payloads)):
            found.append(field)
    if wanted is not None:
        first = next((field for field in found if field.name == wanted), None)
        if first is None and (first := _make_field(wanted, payloads)) is None:
            known = ", ".join(field.name for field in found) or "none"
            raise QueryError(
                f"nothing on the map has a {wanted!r} to be colored by; fields that it has: {known}"
            )
        return [first, *(field for field in found if field.name != wanted)]
    order = {name: place for place, name in enumerate(_FIRST)}
    return sorted(found, key=lambda field: order.get(field.name, len(order)))


def _extra_names(payloads: Sequence[Payload]) -> list[str]:
    """Return the most frequent fields under ``extra``."""
    counts: Counter[str] = Counter()
    for payload in payloads:
        extra = payload.get("extra")
        if isinstance(extra, Mapping):
            counts.update(str(name) for name in extra)
    ranked = sorted(counts, key=lambda name: (-counts[name], name))
    return [f"extra.{name}" for name in ranked[:_MAX_EXTRA]]


def _value(payload: Payload, name: str) -> Any:
    value: Any = payload
    # A name under `extra` may itself hold dots.
    for part in name.split(".", 1) if name.startswith("extra.") else (name,):
        value = value.get(part) if isinstance(value, Mapping) else None
    if isinstance(value, (list, tuple)):
        value = value[0] if value else None
    return None if isinstance(value, Mapping) or value == "" else value


def _make_field(name: str, payloads: Sequence[Payload]) -> ColorField | None:
    values = [_value(payload, name) for payload in payloads]
    known = [value for value in values if value is not None]
    if not known:
        return None
    label = _LABELS.get(name) or clean(name.removeprefix("extra.").replace("_", " "), 40)
    if all(_is_number(value) for value in known):
        numbers = [float(value) for value in known]
        low, high = np.quantile(numbers, (_CLIPPED, 1 - _CLIPPED))
        return NumberField(
            name,
            label,
            tuple(None if value is None else float(value) for value in values),
            float(low),
            float(high),
        )
    keys: list[Any] = values
    if name == "artist":
        # Artists are told apart by their key, however a work writes the name.
        keys = [payload.get("artist_key", payload.get("artist")) for payload in payloads]
        values = [_artist_alone(value) for value in values]
    return _category(name, label, keys, values)


def _artist_alone(value: object) -> object:
    """Return the name without "circle of" and the like, which is of one work only."""
    return value if value is None else parse_attribution(str(value)).artist or value


def _is_number(value: object) -> bool:
    if isinstance(value, str):
        # What a table brought under `extra` is text.
        return re.fullmatch(r"-?\d{1,9}(\.\d{1,9})?", value) is not None
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


def _category(name: str, label: str, keys: Sequence[Any], values: Sequence[Any]) -> CategoryField:
    counts: Counter[str] = Counter()
    spellings: dict[str, Counter[str]] = {}
    for key, value in zip(keys, values, strict=True):
        if key is not None:
            counts[str(key)] += 1
            spellings.setdefault(str(key), Counter())[clean(value, 80)] += 1
    ranked = sorted(counts, key=lambda key: (-counts[key], key))
    listed = ranked[:MAX_VALUES]
    number = {key: code for code, key in enumerate(listed)}
    return CategoryField(
        name,
        label,
        tuple(
            min(spellings[key].items(), key=lambda pair: (-pair[1], pair[0]))[0] for key in listed
        ),
        tuple(counts[key] for key in listed),
        tuple(-1 if key is None else number.get(str(key), len(listed)) for key in keys),
    )


def _is_useful(field: ColorField, count: int) -> bool:
    if isinstance(field, NumberField):
        return field.known >= max(2, _LEAST_KNOWN * count) and field.low < field.high
    known = sum(code >= 0 for code in field.codes)
    return known >= max(2, _LEAST_KNOWN * count) and len(field.values) >= 2 and field.counts[0] >= 2
