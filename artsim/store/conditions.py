"""Criteria as filters of Qdrant, in the form that its REST interface has them."""

from __future__ import annotations

import re
from typing import Any, Final, TypeAlias

from artsim.catalog.payload import (
    AnyOf,
    Between,
    Condition,
    Criteria,
    HasVector,
    Known,
    Shows,
    Words,
    unicode_text,
)
from artsim.errors import StoreError

Clause: TypeAlias = dict[str, Any]
"""A condition, or a filter, which may stand where a condition does."""

_PLAIN_PATH: Final = re.compile(r"[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*")


def build_filter(criteria: Criteria) -> Clause | None:
    """Return `criteria` as a filter; None where every point meets them.

    ValueError if a condition compares with True or False: the embedded engine cannot.
    """
    must = [_build_condition(c) for c in criteria.must]
    # Each denied within the others, not beside them: of a condition that is both asked for and
    # denied, Qdrant 1.18.3 answers what meets it.
    must += [{"must_not": [_build_condition(c)]} for c in criteria.must_not]
    return {"must": must} if must else None


def _build_condition(condition: Condition) -> Clause:
    if isinstance(condition, HasVector):
        return {"has_vector": condition.vector_name}
    if isinstance(condition, Shows):
        return {"has_id": list(condition.point_ids)}
    return _one_of([_build_at(path, condition) for path in _paths(condition.field)])


def _one_of(either: list[Clause]) -> Clause:
    return either[0] if len(either) == 1 else {"should": either}


def _paths(field: str) -> list[str]:
    """Return where a field may be, as JSON paths of Qdrant.

    What follows ``extra.`` is a column's name as people write it: it may have blanks,
    brackets and dots, and where it has dots between plain names, it may lead into objects.
    """
    name = field.removeprefix("extra.")
    if name == field or not name:
        return [field]
    if '"' in name:
        raise StoreError(f"{field}: a field with a quotation mark in its name cannot be compared")
    if not _PLAIN_PATH.fullmatch(name):
        return [f'extra."{name}"']
    return [field, f'extra."{name}"'] if "." in name else [field]


def _build_at(path: str, condition: AnyOf | Between | Words | Known) -> Clause:
    match condition:
        case AnyOf(_, values):
            if any(isinstance(value, bool) for value in values):
                raise ValueError(
                    f"{path}: cannot be compared with True or False; use text or a number"
                )
            # Qdrant matches integers only with integers, and no floats at all; a range of one
            # number finds both.
            numbers = [value for value in values if not isinstance(value, str)]
            either = [{"key": path, "range": {"gte": n, "lte": n}} for n in numbers]
            strings = [unicode_text(value) for value in values if isinstance(value, str)]
            if strings or not either:
                either.append({"key": path, "match": {"any": strings}})
            return _one_of(either)
        case Between(_, least, most) if least is not None or most is not None:
            return {"key": path, "range": {"gte": least, "lte": most}}
        case Words(_, text):
            # A text without a word would otherwise meet everything or nothing,
            # depending on the engine's version.
            has_word = any(character.isalnum() for character in text)
            return {"key": path, "match": {"text": unicode_text(text)} if has_word else {"any": []}}
    return {"must_not": [{"is_empty": {"key": path}}]}
