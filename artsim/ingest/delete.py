"""Taking paintings out of a gallery."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice

from artsim.domain.criteria import AnyOf, Criteria
from artsim.store.gallery import Gallery

_AT_ONCE = 500


def delete_paintings(gallery: Gallery, criteria: Criteria) -> None:
    """Delete the paintings that meet `criteria`, each after its faces.

    Interrupted, it leaves every painting either whole or without faces; run again, it
    finishes.

    Raises
    ------
    ValueError
        If `criteria` is empty: `delete_gallery` deletes everything.
    """
    if not criteria.must and not criteria.must_not:
        raise ValueError("criteria must not be empty")
    paintings, faces = gallery.paintings, gallery.faces_if_any
    records = paintings.scroll(criteria, payload_fields=["painting_id"])
    ids = [str(record.payload["painting_id"]) for record in records]
    for some in _in_parts(ids):
        condition = Criteria((AnyOf("painting_id", some),))
        if faces is not None:
            faces.delete(condition)
        paintings.delete(condition)


def delete_gallery(gallery: Gallery) -> None:
    """Delete the gallery's collections with all that is in them."""
    gallery.store.delete_collection(gallery.faces_name)
    gallery.store.delete_collection(gallery.paintings_name)


def _in_parts(ids: list[str]) -> Iterator[tuple[str, ...]]:
    rest = iter(ids)
    while part := tuple(islice(rest, _AT_ONCE)):
        yield part
