"""What a gallery holds, without searching it."""

from __future__ import annotations

from dataclasses import asdict

from artsim.domain.criteria import AnyOf, Criteria
from artsim.domain.payload import FACE_FIELDS, PAINTING_FIELDS
from artsim.domain.results import JSON
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
