"""Answers as a search gives them, from a query and settings as their JSON has them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from artsim.catalog.hits import Hit
from artsim.catalog.kinds import FACES, PAINTINGS
from artsim.search.answer import Answer
from artsim.search.inspect import Source
from artsim.search.question import (
    ExamplesQuery,
    IdQuery,
    ImageQuery,
    PixelsQuery,
    Query,
    Question,
    SearchOptions,
    TextQuery,
)


def made_answer(
    hits: Sequence[Hit],
    query: Mapping[str, Any] | None = None,
    settings: Mapping[str, Any] | None = None,
    **rest: Any,
) -> Answer:
    asked, given = {"id": "query", **(query or {})}, dict(settings or {})
    kind = FACES if asked.get("faces") else PAINTINGS
    encoders = tuple(given.pop("encoders", ()))
    source = Source(given.pop("gallery", None), given.pop("location", ""), encoders=encoders)
    question = Question(made_query(asked), kind, asked.get("face"), options=SearchOptions(**given))
    return Answer(question, list(hits), source, **rest)


def made_query(asked: Mapping[str, Any]) -> Query:
    match asked:
        case {"image": path}:
            return ImageQuery(path)
        case {"pixels": name}:
            return PixelsQuery(np.zeros((1, 1, 3), np.uint8), name)
        case {"text": text}:
            return TextQuery(text)
        case {"like": like}:
            unlike = map(IdQuery, asked.get("unlike", ()))
            return ExamplesQuery(tuple(map(IdQuery, like)), tuple(unlike))
    return IdQuery(asked["id"])
