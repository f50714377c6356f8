"""What a gallery holds, without searching it."""

from __future__ import annotations

from dataclasses import asdict

from artsim.domain.criteria import AnyOf, Criteria, Scalar
from artsim.domain.payload import FACE_FIELDS, PAINTING_FIELDS
from artsim.domain.results import JSON
from artsim.errors import QueryError
from artsim.search.filters import Filters, build_criteria
from artsim.search.probes import find_painting
from artsim.search.queries import IdQuery
from artsim.store.base import Collection
from artsim.store.gallery import Gallery, list_galleries, read_encoders


def describe_painting(gallery: Gallery, painting_id: str) -> dict[str, JSON]:
    """Return a painting's payload, the names of its vectors, and its faces.

    Raises
    ------
    PaintingNotFoundError
        If the gallery has no such painting.
    """
    paintings = gallery.paintings
    record = find_painting(IdQuery(painting_id), paintings, list(paintings.schema.vectors))
    faces: list[JSON] = []
    if gallery.has_faces:
        of_painting = Criteria((AnyOf("painting_id", (painting_id,)),))
        own = [name for name in FACE_FIELDS if name not in PAINTING_FIELDS]
        found = gallery.faces.scroll(of_painting, payload_fields=own)
        faces = [face.payload for face in sorted(found, key=lambda f: f.payload["face_index"])]
    return {
        **record.payload,
        "point_id": record.point_id,
        "vectors": sorted(record.vectors),
        "faces": faces,
    }


def describe_store(gallery: Gallery) -> dict[str, JSON]:
    """Return every gallery of a store: collections, counts, encoders, bytes on disk."""
    store = gallery.store
    return {
        "location": store.location,
        "galleries": [
            {
                "gallery": name,
                "collections": [
                    _describe_collection(store.open_collection(collection))
                    for collection in (
                        Gallery(store, name).paintings_name,
                        Gallery(store, name).faces_name,
                    )
                    if collection in store.list_collections()
                ],
            }
            for name in list_galleries(store)
        ],
    }


def _describe_collection(collection: Collection) -> dict[str, JSON]:
    stats = collection.stats()
    return {
        "name": collection.name,
        "points": stats.points,
        "bytes_on_disk": stats.bytes_on_disk,
        "encoders": [asdict(info) for info in read_encoders(collection).values()],
    }


def count_values(
    gallery: Gallery, field: str, filters: Filters, *, faces: bool = False, limit: int = 50
) -> tuple[list[tuple[Scalar, int]], list[str]]:
    """Return the values of a field, most frequent first, with how many works have each.

    Returns
    -------
    counts : list of (value, int)
    notes : list of str
        Remarks on how the filters were understood.

    Raises
    ------
    QueryError
        If the field has no values to count.
    """
    collection = gallery.faces if faces else gallery.paintings
    fields = FACE_FIELDS if faces else PAINTING_FIELDS
    countable = [name for name, kind in fields.items() if kind in ("keyword", "integer")]
    if field not in countable:
        raise QueryError(
            f"the values of {field!r} cannot be counted; fields: {', '.join(countable)}"
        )
    criteria, notes = build_criteria(filters, collection)
    counts = collection.facet(field, criteria, limit=limit)
    return [(count.value, count.count) for count in counts], notes
