"""Queries and criteria as JSON, for the record that goes with every answer."""

from __future__ import annotations

from artsim.domain.criteria import AnyOf, Between, Condition, Criteria, HasVector, Known, Words
from artsim.domain.results import JSON
from artsim.search.queries import (
    ExamplesQuery,
    IdQuery,
    PictureQuery,
    PixelsQuery,
    Query,
    TextQuery,
)


def describe_query(query: Query) -> dict[str, JSON]:
    """Return what was asked: ``image``, ``pixels``, ``id``, ``text``, or ``like``, ``unlike``."""
    if isinstance(query, TextQuery):
        return {"text": query.text}
    if isinstance(query, ExamplesQuery):
        return {
            "like": [_picture(picture) for picture in query.like],
            "unlike": [_picture(picture) for picture in query.unlike],
        }
    kind = {IdQuery: "id", PixelsQuery: "pixels"}.get(type(query), "image")
    return {kind: _picture(query)}


def describe_criteria(criteria: Criteria) -> dict[str, JSON]:
    """Return the conditions in lists ``must`` and ``must_not``, each an object."""
    return {
        "must": [_condition(condition) for condition in criteria.must],
        "must_not": [_condition(condition) for condition in criteria.must_not],
    }


def _picture(query: PictureQuery) -> str:
    match query:
        case IdQuery(painting_id):
            return painting_id
        case PixelsQuery():
            return query.name
    return str(query.path)


def _condition(condition: Condition) -> dict[str, JSON]:
    match condition:
        case AnyOf(field, values):
            return {"field": field, "any_of": list(values)}
        case Between(field, least, most):
            return {"field": field, "least": least, "most": most}
        case Words(field, text):
            return {"field": field, "words": text}
        case Known(field):
            return {"field": field, "known": True}
        case HasVector(vector_name):
            return {"has_vector": vector_name}
