"""Taking paintings out of a gallery."""

from __future__ import annotations

from collections.abc import Sequence

from artsim.catalog.criteria import AnyOf, Criteria
from artsim.store.base import Collection
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
    paintings = gallery.paintings
    records = paintings.scroll(criteria, payload_fields=["painting_id"])
    ids = [str(record.payload["painting_id"]) for record in records]
    delete_by_id(ids, paintings, gallery.faces_if_any)


def delete_by_id(
    painting_ids: Sequence[str], paintings: Collection, faces: Collection | None
) -> None:
    """Delete paintings, each after its faces."""
    for start in range(0, len(painting_ids), _AT_ONCE):
        some = Criteria((AnyOf("painting_id", tuple(painting_ids[start : start + _AT_ONCE])),))
        if faces is not None:
            faces.delete(some)
        paintings.delete(some)


def delete_gallery(gallery: Gallery) -> None:
    """Delete the gallery's collections with all that is in them."""
    gallery.store.delete_collection(gallery.faces_name)
    gallery.store.delete_collection(gallery.paintings_name)
