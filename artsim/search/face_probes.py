"""From the faces of a picture to the vectors that are searched for."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from artsim.catalog.arrays import RGBImage
from artsim.catalog.criteria import AnyOf, Criteria
from artsim.catalog.encoder_info import EncoderInfo
from artsim.catalog.faces import Box
from artsim.catalog.results import QueryFace
from artsim.errors import NoFaceError, QueryError, shortened
from artsim.search.models import Models
from artsim.search.probes import Probe, Target, find_painting, of_file
from artsim.search.queries import IdQuery, ImageQuery, PictureQuery, PixelsQuery
from artsim.search.rerank import PIXELS
from artsim.store.base import Collection, Record


def probe_faces(
    query: PictureQuery,
    face: int | None,
    collections: tuple[Collection, Collection],
    encoders: Sequence[EncoderInfo],
    models: Models,
) -> Target:
    """Make ready a search by every face of a picture, or by one of them.

    Parameters
    ----------
    face : int or None
        Index of the only face to search by; faces count from 0, surest first.
    collections : tuple of Collection
        Paintings and faces.

    Raises
    ------
    NoFaceError
        If the picture has no face, or none of that index.
    """
    paintings, faces = collections
    if isinstance(query, IdQuery):
        target = _faces_of_painting(query, paintings, faces, encoders)
        place = f"the painting {query.painting_id!r}"
    elif isinstance(query, PixelsQuery):
        target = _faces_of_pixels(query, encoders, models)
        place = query.name
    else:
        target = _faces_of_file(query, paintings, encoders, models)
        place = query.name
    if not target.faces:
        raise NoFaceError(
            f"{place}: no face was found; search by the whole picture, or allow smaller or "
            "less certain faces",
            hint="without --faces; --min-face, --face-score",
        )
    if face is None:
        return target
    kept = [i for i, found in enumerate(target.faces) if found.index == face]
    if not kept:
        raise NoFaceError(
            f"{place}: there is no face {face}; it has {len(target.faces)}, counted from 0"
        )
    return replace(
        target,
        probes=tuple(target.probes[i] for i in kept),
        faces=tuple(target.faces[i] for i in kept),
    )


def _faces_of_painting(
    query: IdQuery, paintings: Collection, faces: Collection, encoders: Sequence[EncoderInfo]
) -> Target:
    painting = find_painting(query, paintings).payload
    itself = AnyOf("painting_id", (query.painting_id,))
    names = [encoder.vector_name for encoder in encoders]
    probes, found = [], []
    records = faces.scroll(Criteria((itself,)), with_vectors=[*names, PIXELS])
    for probe, face in sorted(
        (_face_of(record, names, query.painting_id) for record in records),
        key=lambda pair: pair[1].index,
    ):
        probes.append(probe)
        found.append(face)
    return Target(tuple(probes), (itself,), painting, faces=tuple(found))


def _face_of(record: Record, names: Sequence[str], painting_id: str) -> tuple[Probe, QueryFace]:
    missing = [name for name in [*names, PIXELS] if name not in record.vectors]
    if missing:
        raise QueryError(
            f"the faces of {shortened(painting_id)!r} have no vector {missing[0]!r}; "
            "ingest its source again with that encoder",
            hint="--face-encoder",
            painting_id=painting_id,
        )
    try:
        index = int(record.payload["face_index"])
        box = Box(*record.payload["box"])
        score = float(record.payload["detection_score"])
    except (LookupError, TypeError, ValueError) as exc:
        raise QueryError(
            f"a face of {shortened(painting_id)!r} does not say where it is ({exc}); ingest its "
            "source again",
            painting_id=painting_id,
        ) from exc
    vectors = {name: record.vectors[name] for name in names}
    return Probe(vectors, (record.vectors[PIXELS],), index), QueryFace(index, box, score)


def _faces_of_file(
    query: ImageQuery, paintings: Collection, encoders: Sequence[EncoderInfo], models: Models
) -> Target:
    image = models.image(query.picture, query.name)
    target = _faces_of_picture(image.pixels, image.width, encoders, models)
    return of_file(target, image, query.picture, paintings)


def _faces_of_pixels(query: PixelsQuery, encoders: Sequence[EncoderInfo], models: Models) -> Target:
    from artsim.images.load import shrink_image

    picture = shrink_image(query.pixels)
    target = _faces_of_picture(picture, query.pixels.shape[1], encoders, models)
    return replace(target, image=query.pixels)


def _faces_of_picture(
    picture: RGBImage, width: int, encoders: Sequence[EncoderInfo], models: Models
) -> Target:
    """Return the faces of a picture that at its full size is `width` pixels wide."""
    from artsim.encoders.face_crops import find_faces
    from artsim.images.pixels import to_pixels

    scale = width / picture.shape[1]
    crops = find_faces(picture, models.detector())
    rows = {
        e.vector_name: models.encoder(e).encode([found.crop for found in crops])
        for e in encoders
        if crops
    }
    return Target(
        probes=tuple(
            Probe({name: row[i] for name, row in rows.items()}, (to_pixels(found.crop),), i)
            for i, found in enumerate(crops)
        ),
        faces=tuple(
            QueryFace(i, found.face.box.scaled(scale), found.face.score)
            for i, found in enumerate(crops)
        ),
    )
