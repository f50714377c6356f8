"""From a query to the vectors that are searched for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from artsim.catalog.arrays import Embedding, Pixels, RGBImage, Vector
from artsim.catalog.criteria import AnyOf, Condition, Criteria
from artsim.catalog.encoder_info import EncoderInfo
from artsim.catalog.payload import Payload, painting_point_id
from artsim.catalog.results import Example, PictureSource, QueryFace
from artsim.errors import PaintingNotFoundError, QueryError, shortened
from artsim.search.models import Models
from artsim.search.queries import ExamplesQuery, IdQuery, PictureQuery, PixelsQuery, TextQuery
from artsim.search.rerank import PIXELS
from artsim.store.base import Collection, Record

if TYPE_CHECKING:
    from artsim.images.load import LoadedImage


@dataclass(frozen=True, slots=True)
class Probe:
    """What one ranking is by: a vector for each encoder, and pixels to re-rank with.

    Attributes
    ----------
    vectors : mapping of str to ndarray
        By vector name; several are fused.
    pixels : tuple of ndarray
        Of the query pictures; empty where the query is no picture.
    face : int or None
        Index of the query face.
    """

    vectors: Mapping[str, Embedding]
    pixels: tuple[Pixels, ...] = ()
    face: int | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A query, ready to be searched for.

    Attributes
    ----------
    itself : tuple of Condition
        Which paintings of the gallery the query pictures are, each to be left out.
    painting : dict or None
        Payload of the query painting, where the gallery has it.
    same_files : tuple of dict
        Payloads of all paintings whose picture is the very file that is searched by.
    """

    probes: tuple[Probe, ...]
    itself: tuple[Condition, ...] = ()
    painting: Payload | None = None
    image: PictureSource | None = None
    faces: tuple[QueryFace, ...] = ()
    examples: tuple[Example, ...] = ()
    same_files: tuple[Payload, ...] = ()


def probe_picture(
    query: PictureQuery, paintings: Collection, encoders: Sequence[EncoderInfo], models: Models
) -> Target:
    """Make ready a search by one whole picture."""
    if isinstance(query, IdQuery):
        record = find_painting(query, paintings, [*(e.vector_name for e in encoders), PIXELS])
        vectors = {e.vector_name: _vector(record, e.vector_name, query) for e in encoders}
        return Target(
            probes=(Probe(vectors, (_vector(record, PIXELS, query),)),),
            itself=(AnyOf("painting_id", (query.painting_id,)),),
            painting=record.payload,
        )
    if isinstance(query, PixelsQuery):
        return replace(probe_pixels([query.pixels], encoders, models)[0], image=query.pixels)
    image = models.image(query.picture, query.name)
    target = Target(tuple(_encode_pictures([image.pixels], encoders, models)))
    return of_file(target, image, query.picture, paintings)


def probe_pixels(
    pictures: Sequence[RGBImage], encoders: Sequence[EncoderInfo], models: Models
) -> list[Target]:
    """Make ready a search by each of N pictures in memory, encoded as one batch.

    Parameters
    ----------
    pictures : sequence of ndarray of uint8, shape (h, w, 3)
        Each of its own size; larger ones are shrunk as `load_image` shrinks a file's.

    Returns
    -------
    list of Target
        In the order of `pictures`; none leaves out any painting.
    """
    from artsim.images.load import shrink_image

    shrunk = [shrink_image(picture) for picture in pictures]
    return [Target((probe,)) for probe in _encode_pictures(shrunk, encoders, models)]


def probe_text(query: TextQuery, encoders: Sequence[EncoderInfo], models: Models) -> Target:
    """Make ready a search by text.

    Raises
    ------
    QueryError
        If one of the encoders takes no texts.
    """
    from artsim.encoders.base import TextEncoder

    vectors: dict[str, Embedding] = {}
    for info in encoders:
        encoder = models.encoder(info) if info.takes_text else None
        if not isinstance(encoder, TextEncoder):
            raise QueryError(
                f"the encoder {info.name!r} takes no texts; add one that does",
                hint="artsim ingest SOURCE --encoder clip",
            )
        vectors[info.vector_name] = encoder.encode_text([query.text])[0]
    return Target((Probe(vectors),))


def probe_examples(
    query: ExamplesQuery, paintings: Collection, encoders: Sequence[EncoderInfo], models: Models
) -> Target:
    """Make ready a search by pictures to be like and unlike."""
    like = [probe_picture(picture, paintings, encoders, models) for picture in query.like]
    unlike = [probe_picture(picture, paintings, encoders, models) for picture in query.unlike]
    vectors = {}
    for info in encoders:
        wanted = _mean_vector(like, info.vector_name)
        if unlike:
            wanted = 2.0 * wanted - _mean_vector(unlike, info.vector_name)
        vectors[info.vector_name] = _unit(wanted)
    examples = [Example(t.image, "like", t.painting) for t in like]
    examples += [Example(t.image, "unlike", t.painting) for t in unlike]
    return Target(
        probes=(Probe(vectors, tuple(p for t in like for p in t.probes[0].pixels)),),
        itself=tuple(condition for target in [*like, *unlike] for condition in target.itself),
        painting=like[0].painting if len(like) == 1 else None,
        examples=tuple(examples),
    )


def find_painting(
    query: IdQuery, paintings: Collection, vector_names: Sequence[str] = ()
) -> Record:
    """Return the painting of that id.

    Raises
    ------
    PaintingNotFoundError
        If there is none.
    """
    point_id = painting_point_id(query.painting_id)
    record = paintings.retrieve([point_id], with_vectors=vector_names).get(point_id)
    if record is None:
        raise PaintingNotFoundError(
            f"{shortened(paintings.name)} holds no painting with the id "
            f"{shortened(query.painting_id)!r}; give one that it has",
            hint="artsim list",
            painting_id=query.painting_id,
        )
    return record


def _vector(record: Record, name: str, query: IdQuery) -> Vector:
    if name not in record.vectors:
        raise QueryError(
            f"the painting {query.painting_id!r} has no vector {name!r}; "
            "ingest its source again with that encoder"
        )
    return record.vectors[name]


def _encode_pictures(
    pictures: Sequence[RGBImage], encoders: Sequence[EncoderInfo], models: Models
) -> list[Probe]:
    from artsim.images.pixels import to_pixels

    if not pictures:
        return []
    rows = {e.vector_name: models.encoder(e).encode(pictures) for e in encoders}
    return [
        Probe({name: row[i] for name, row in rows.items()}, (to_pixels(picture),))
        for i, picture in enumerate(pictures)
    ]


def of_file(
    target: Target, image: LoadedImage, picture: Path | bytes, paintings: Collection
) -> Target:
    """Return the target of a file's picture, with what the gallery knows of the very file.

    Of several paintings with the same bytes, the query painting is the one at its path.
    """
    same_bytes = AnyOf("image_sha256", (image.sha256,))
    known = [record.payload for record in paintings.scroll(Criteria((same_bytes,)))]
    paths = {picture.absolute(), picture.resolve()} if isinstance(picture, Path) else set()
    here = {path.as_uri() for path in paths}
    known.sort(key=lambda of: (of.get("image_uri") not in here, str(of["painting_id"])))
    return replace(
        target,
        itself=(same_bytes,),
        painting=known[0] if known else None,
        image=picture,
        same_files=tuple(known),
    )


def _mean_vector(targets: Sequence[Target], name: str) -> Embedding:
    vectors = np.stack([target.probes[0].vectors[name] for target in targets])
    return np.asarray(vectors.mean(axis=0), dtype=np.float32)


def _unit(vector: Embedding) -> Embedding:
    norm = float(np.linalg.norm(vector))
    if norm == 0.0:
        raise QueryError("the pictures to be like and unlike cancel out; leave one of them out")
    return (vector / norm).astype(np.float32)
