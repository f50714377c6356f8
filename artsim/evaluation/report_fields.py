"""Fields of a JSON document, taken by name and kind: what is wrong is named with its place.

Everything here raises ValueError with the place, what was expected and what was found.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any, TypeVar

_T = TypeVar("_T")


class Fields:
    """A JSON object and its place, from which fields are taken by name and kind."""

    def __init__(self, value: object, place: str) -> None:
        if not isinstance(value, dict):
            raise wrong(place, "an object", value)
        self.raw: dict[str, Any] = value
        self.place = place

    def get(self, name: str, kind: type[_T], what: str = "a value") -> _T:
        """Return the value of `name`, which must be there and be of `kind`."""
        if name not in self.raw:
            raise ValueError(f"{self.place}: expected a field {name!r}, found none")
        value = self.raw[name]
        if not isinstance(value, kind):
            raise wrong(self._at(name), what, value)
        return value

    def text(self, name: str) -> str:
        """Return a text."""
        return self.get(name, str, "a text")

    def flag(self, name: str) -> bool:
        """Return true or false."""
        return self.get(name, bool, "true or false")

    def child(self, name: str) -> Fields:
        """Return an object."""
        return Fields(self.get(name, object), self._at(name))

    def each(self, name: str, parse: Callable[[object, str], _T]) -> tuple[_T, ...]:
        """Return the parts of a list, each through `parse`, which gets its place as well."""
        return parse_list(self.get(name, object), self._at(name), parse)

    def number(self, name: str) -> float:
        """Return a number; null is not a number."""
        return parse_number(self.get(name, object), self._at(name))

    def count(self, name: str) -> int:
        """Return a whole number from 0."""
        return parse_count(self.get(name, object), self._at(name))

    def choice(self, name: str, choices: tuple[Any, ...]) -> Any:
        """Return a value that is one of `choices`."""
        value = self.get(name, object)
        # 1 equals True, and is none of them.
        if not any(type(value) is type(choice) and value == choice for choice in choices):
            expected = " or ".join(shown(choice) for choice in choices)
            raise wrong(self._at(name), expected, value)
        return value

    def _at(self, name: str) -> str:
        return name if self.place == "the report" else f"{self.place}.{name}"


def parse_list(value: object, place: str, parse: Callable[[object, str], _T]) -> tuple[_T, ...]:
    """Return the parts of a list, each through `parse`."""
    if not isinstance(value, list):
        raise wrong(place, "a list", value)
    return tuple(parse(part, f"{place}[{i}]") for i, part in enumerate(value))


def parse_text(value: object, place: str) -> str:
    """Return a text."""
    if not isinstance(value, str):
        raise wrong(place, "a text", value)
    return value


def parse_texts(value: object, place: str) -> tuple[str, ...]:
    """Return a list of texts."""
    return parse_list(value, place, parse_text)


def parse_number(value: object, place: str) -> float:
    """Return a number; null stands for one that was not finite."""
    if value is None:
        return math.nan
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise wrong(place, "a number", value)
    try:
        return float(value)
    except OverflowError as error:
        raise wrong(place, "a number of double precision", value) from error


def parse_count(value: object, place: str) -> int:
    """Return a whole number from 0 that NumPy can hold."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < 2**63:
        raise wrong(place, "a whole number from 0", value)
    return value


def parse_range(value: object, place: str) -> tuple[float, float] | None:
    """Return two finite numbers, or None for null."""
    if value is None:
        return None
    ends = parse_list(value, place, parse_number)
    if len(ends) != 2 or not all(map(math.isfinite, ends)):
        raise wrong(place, "two numbers", value)
    return ends[0], ends[1]


def wrong(place: str, expected: str, found: object) -> ValueError:
    """Return the error of a value that is not what was expected."""
    return ValueError(f"{place}: expected {expected}, found {shown(found)}")


def shown(value: object) -> str:
    """Return a value in few words: a wrong file may hold anything."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**12 else "a huge number"
    return text if len(text) <= 40 else f"{text[:39]}…"
