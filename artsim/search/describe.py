"""Queries and criteria as JSON, for the record that goes with every answer."""

from __future__ import annotations

from artsim.catalog.criteria import AnyOf, Between, Condition, Criteria, HasVector, Known, Words
from artsim.catalog.results import JSON
from artsim.search.queries import (
    ExamplesQuery,
    IdQuery,
    ImageQuery,
    PictureQuery,
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
    if isinstance(query, IdQuery):
        return {"id": query.painting_id}
    # Only a path can be read again; a picture in memory has but a name.
    kind = "image" if isinstance(query, ImageQuery) and query.path is not None else "pixels"
    return {kind: query.name}


def describe_criteria(criteria: Criteria) -> dict[str, JSON]:
    """Return the conditions in lists ``must`` and ``must_not``, each an object."""
    return {
        "must": [_condition(condition) for condition in criteria.must],
        "must_not": [_condition(condition) for condition in criteria.must_not],
    }


def _picture(query: PictureQuery) -> str:
    return query.painting_id if isinstance(query, IdQuery) else query.name


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
