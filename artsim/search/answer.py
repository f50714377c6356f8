"""One question from beginning to end: filters, search, remarks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from artsim.catalog.results import SearchResult
from artsim.errors import QueryError
from artsim.search.filters import Filters, build_criteria
from artsim.search.models import Models
from artsim.search.options import SearchOptions
from artsim.search.queries import IdQuery, ImageQuery, PixelsQuery, Query
from artsim.search.similar import find_similar, find_similar_faces
from artsim.store.gallery import Gallery


def answer(
    gallery: Gallery,
    query: Query,
    filters: Filters,
    options: SearchOptions,
    *,
    faces: bool = False,
    face: int | None = None,
    encoders: Sequence[str] | None = None,
    models: Models | None = None,
) -> SearchResult:
    """Search with filters as people write them; remarks on them are in the result's notes.

    Parameters
    ----------
    faces : bool
        Search by the faces of the query picture, or by `face` alone.
    gallery, query, options, encoders, models
        As for `artsim.search.similar.find_similar`.

    Raises
    ------
    QueryError
        As that function; or if faces are asked for and the query is no picture.
    """
    criteria, notes = build_criteria(filters, gallery.faces if faces else gallery.paintings)
    if not faces:
        result = find_similar(gallery, query, criteria, options, encoders=encoders, models=models)
    elif isinstance(query, (ImageQuery, PixelsQuery, IdQuery)):
        result = find_similar_faces(
            gallery, query, criteria, options, face=face, encoders=encoders, models=models
        )
    else:
        raise QueryError("faces are searched by one picture or one id, not by text or examples")
    return replace(result, notes=(*notes, *result.notes))
