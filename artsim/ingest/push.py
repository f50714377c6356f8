"""Copying a whole gallery to another store, such as a server that outgrows one machine."""

from __future__ import annotations

from collections.abc import Callable
from math import isqrt

from artsim.catalog.progress import Progress, SilentProgress
from artsim.store.base import Collection, ServerOptions
from artsim.store.copy import CopyCounts, copy_collection
from artsim.store.gallery import PIXELS, Gallery, noted_reading


def push_gallery(
    source: Gallery,
    target: Gallery,
    *,
    options: ServerOptions | None = None,
    progress: Progress | None = None,
) -> CopyCounts:
    """Copy paintings and faces into `target`, which is made if need be.

    Points that are there with the same content are left: cut short at any moment, the same
    call goes on. What `target` has beside them stays.

    Parameters
    ----------
    options : ServerOptions, optional
        How a server lays new collections out.

    Returns
    -------
    CopyCounts
        Of paintings and faces together.

    Raises
    ------
    CollectionNotFoundError
        If `source` holds nothing.
    SchemaMismatchError
        If `target` has other vectors of the same name.
    StoreError
        If either database fails.
    """
    progress = progress or SilentProgress()
    parts: list[tuple[Collection, Collection]] = []
    encoders = list(source.image_encoders().values())
    side = _pixels_side(source.paintings)
    reading = noted_reading(source.paintings.schema.notes)
    paintings = target.create_paintings(
        encoders, pixels_side=side, options=options, reading=reading
    )
    parts.append((source.paintings, paintings))
    if source.has_faces:
        encoders = list(source.face_encoders().values())
        side = _pixels_side(source.faces)
        reading = noted_reading(source.faces.schema.notes)
        faces = target.create_faces(encoders, pixels_side=side, options=options, reading=reading)
        parts.append((source.faces, faces))
    done = CopyCounts(total=sum(copied.count() for copied, _ in parts))
    progress.start(done.total, f"Copying to {target.store.location}")
    try:
        # Faces first, as an ingest writes them: a painting's notes on faces are never ahead.
        for copied, into in reversed(parts):
            counts = copy_collection(copied, into, progress=_reporter(progress, done))
            done = _sum(done, counts)
    finally:
        progress.finish()
    target.settle_reading()
    return done


def _pixels_side(collection: Collection) -> int:
    pixels = collection.schema.vectors.get(PIXELS)
    return 64 if pixels is None else isqrt(pixels.dim)


def _reporter(progress: Progress, before: CopyCounts) -> Callable[[CopyCounts], None]:
    def report(counts: CopyCounts) -> None:
        now = _sum(before, counts)
        progress.update(now.done, skipped=now.unchanged)

    return report


def _sum(before: CopyCounts, counts: CopyCounts) -> CopyCounts:
    return CopyCounts(
        before.total, before.written + counts.written, before.unchanged + counts.unchanged
    )
