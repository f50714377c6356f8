"""The two searches: paintings like a query, and faces like those of a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from itertools import groupby

from artsim.catalog.criteria import EVERYTHING, AnyOf, Criteria
from artsim.catalog.encoder_info import EncoderInfo, short_names
from artsim.catalog.hits import Hit
from artsim.catalog.results import JSON, HitGroup, SearchResult
from artsim.errors import EncoderMismatchError, QueryError
from artsim.search.describe import describe_criteria, describe_query
from artsim.search.face_probes import probe_faces
from artsim.search.fields import check_field
from artsim.search.find import find_hits, group_key, group_label
from artsim.search.models import Models
from artsim.search.options import SearchOptions
from artsim.search.probes import Target, probe_examples, probe_picture, probe_text
from artsim.search.queries import ExamplesQuery, PictureQuery, Query, TextQuery, check_query
from artsim.search.why_empty import why_empty
from artsim.store.base import Collection
from artsim.store.gallery import Gallery


def find_similar(
    gallery: Gallery,
    query: Query,
    criteria: Criteria = EVERYTHING,
    options: SearchOptions | None = None,
    *,
    encoders: Sequence[str] | None = None,
    models: Models | None = None,
) -> SearchResult:
    """Find the paintings most similar to a picture, a painting of the gallery, or a text.

    Parameters
    ----------
    gallery : Gallery
        From `open_gallery`.
    query : ImageQuery, PixelsQuery, IdQuery, TextQuery or ExamplesQuery
        What is searched for. By id no model is loaded.
    criteria : Criteria
        Only paintings that meet them; from `build_criteria` or by hand.
    options : SearchOptions, optional
        How many hits, re-ranking, grouping and so on.
    encoders : sequence of str, optional
        Names of encoders that the gallery has vectors of; several are fused. By default
        the first it was ingested with (for texts the first that takes them).
    models : Models, optional
        Where encoders are loaded from; keep one for many queries, it keeps them loaded.

    Returns
    -------
    SearchResult
        Hits best first, equal scores by ``painting_id``.

    Raises
    ------
    QueryError
        If the gallery cannot answer such a query.
    EncoderMismatchError
        If the gallery has no vectors of an encoder.
    PaintingNotFoundError
        If it has no painting of the query's id.
    ImageError, WeightsError, StoreError
        If the picture cannot be read, a model not loaded, the database not reached.
    """
    options = _checked(options, gallery)
    models = models or Models()
    check_query(query)
    paintings = gallery.paintings
    chosen = choose_encoders(
        gallery.image_encoders(), encoders, models, for_text=isinstance(query, TextQuery)
    )
    if isinstance(query, TextQuery):
        target = probe_text(query, chosen, models)
    elif isinstance(query, ExamplesQuery):
        target = probe_examples(query, paintings, chosen, models)
    else:
        target = probe_picture(query, paintings, chosen, models)
    return _result(describe_query(query), gallery, paintings, target, chosen, criteria, options)


def find_similar_faces(
    gallery: Gallery,
    query: PictureQuery,
    criteria: Criteria = EVERYTHING,
    options: SearchOptions | None = None,
    *,
    face: int | None = None,
    encoders: Sequence[str] | None = None,
    models: Models | None = None,
) -> SearchResult:
    """Find the faces most similar to those of a picture, or to one of them.

    Parameters
    ----------
    face : int, optional
        Index of the only face of the picture to search by, from 0; by default each face
        is searched by, and every hit says which one found it (``query_face``).
    gallery, query, criteria, options, encoders, models
        As for `find_similar`.

    Raises
    ------
    NoFaceError
        If the picture has no face, or none of that index.
    """
    options = _checked(options, gallery)
    models = models or Models()
    check_query(query)
    collections = gallery.paintings, gallery.faces
    chosen = choose_encoders(gallery.face_encoders(), encoders, models)
    target = probe_faces(query, face, collections, chosen, models)
    described = {**describe_query(query), "faces": True, "face": face}
    return _result(described, gallery, gallery.faces, target, chosen, criteria, options)


def choose_encoders(
    recorded: Mapping[str, EncoderInfo],
    names: Sequence[str] | None,
    models: Models,
    *,
    for_text: bool = False,
) -> list[EncoderInfo]:
    """Return the gallery's encoders of the given names, or the one to use where none is given.

    Raises
    ------
    EncoderMismatchError
        If the gallery has no vectors of one of them; naming those it has.
    """
    if not names:
        usable = [info for info in recorded.values() if info.takes_text or not for_text]
        return (usable or list(recorded.values()))[:1]
    chosen = {}
    for name in names:
        info = _recorded(recorded, name, models)
        chosen[info.vector_name] = info
    return list(chosen.values())


def _recorded(recorded: Mapping[str, EncoderInfo], name: str, models: Models) -> EncoderInfo:
    shown = short_names(list(recorded.values()))
    for info, short_name in zip(recorded.values(), shown, strict=True):
        if name in (info.name, info.spec, info.vector_name, short_name):
            return info
    vector_name = models.vector_name(name)
    if vector_name in recorded:
        return replace(recorded[vector_name], spec=name)
    have = ", ".join(f"{info.name} ({info.vector_name})" for info in recorded.values())
    raise EncoderMismatchError(
        f"the gallery has no vectors {vector_name!r} of the encoder {name!r}; it has: {have}. "
        "Add them by an ingest",
        hint=f"artsim ingest SOURCE --encoder {name}",
    )


def _checked(options: SearchOptions | None, gallery: Gallery) -> SearchOptions:
    if options is None:
        return SearchOptions()
    if options.group_by is not None:
        check_field(options.group_by, gallery.paintings)
    return options


def _left_out(target: Target, options: SearchOptions) -> Criteria:
    left_out = () if options.include_self else target.itself
    if options.not_same_artist:
        key = (target.painting or {}).get("artist_key")
        if key is None:
            raise QueryError(
                "the gallery does not know the artist of the query painting, so that works by "
                "the same artist cannot be left out; name the artist",
                hint="--not artist=NAME",
            )
        left_out += (AnyOf("artist_key", (key,)),)
    return Criteria(must_not=left_out)


def _result(
    query: Mapping[str, JSON],
    gallery: Gallery,
    collection: Collection,
    target: Target,
    encoders: Sequence[EncoderInfo],
    criteria: Criteria,
    options: SearchOptions,
) -> SearchResult:
    left_out = _left_out(target, options)
    hits = find_hits(target, collection, criteria & left_out, options)
    reason = ""
    if not hits:
        point = "face" if query.get("faces") else "painting"
        reason = why_empty(target, collection, criteria, left_out, options, point=point)
    settings = {
        "gallery": gallery.name,
        "location": gallery.store.location,
        "encoders": [info.vector_name for info in encoders],
        "criteria": describe_criteria(criteria),
        **asdict(options),
    }
    return SearchResult(
        hits=hits,
        query=query,
        settings=settings,
        query_image=target.image,
        query_payload=target.painting,
        query_faces=target.faces,
        examples=target.examples,
        groups=() if options.group_by is None else _groups(hits, options.group_by),
        left_out=() if options.include_self else target.same_files,
        why_empty=reason,
    )


def _groups(hits: Sequence[Hit], field: str) -> tuple[HitGroup, ...]:
    by_key = groupby(hits, key=lambda hit: group_key(hit, field))
    grouped = [tuple(of_key) for _, of_key in by_key]
    return tuple(HitGroup(str(group_label(hits[0], field)), hits) for hits in grouped)
