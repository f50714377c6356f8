"""From a query to the vectors that are searched for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from artsim.domain.arrays import Embedding, Pixels, RGBImage, Vector
from artsim.domain.criteria import AnyOf, Condition, Criteria
from artsim.domain.encoder_info import EncoderInfo
from artsim.domain.payload import Payload, painting_point_id
from artsim.domain.results import Example, QueryFace
from artsim.errors import PaintingNotFoundError, QueryError
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
    """

    probes: tuple[Probe, ...]
    itself: tuple[Condition, ...] = ()
    painting: Payload | None = None
    image: Path | None = None
    faces: tuple[QueryFace, ...] = ()
    examples: tuple[Example, ...] = ()


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
        return probe_pixels([query.pixels], encoders, models)[0]
    image = models.image(query.picture, query.name)
    return Target(
        probes=tuple(_encode_pictures([image.pixels], encoders, models)),
        itself=(same_file(image),),
        painting=same_painting(image, paintings),
        image=query.path,
    )


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
                f"the encoder {info.name!r} takes no texts; "
                "add one that does: artsim ingest SOURCE --encoder clip"
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
    examples = [Example(t.image, "like") for t in like if t.image is not None]
    examples += [Example(t.image, "unlike") for t in unlike if t.image is not None]
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
            f"{paintings.name} holds no painting with the id {query.painting_id!r}; "
            "`artsim export --format jsonl` lists the ids"
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


def same_file(image: LoadedImage) -> Condition:
    """Return the condition that a painting's picture is this very file."""
    return AnyOf("image_sha256", (image.sha256,))


def same_painting(image: LoadedImage, paintings: Collection) -> Payload | None:
    """Return the payload of the painting whose picture is this very file, if there is one."""
    records = paintings.scroll(Criteria((same_file(image),)), page_size=1)
    return next((record.payload for record in records), None)


def _mean_vector(targets: Sequence[Target], name: str) -> Embedding:
    vectors = np.stack([target.probes[0].vectors[name] for target in targets])
    return np.asarray(vectors.mean(axis=0), dtype=np.float32)


def _unit(vector: Embedding) -> Embedding:
    norm = float(np.linalg.norm(vector))
    if norm == 0.0:
        raise QueryError("the pictures to be like and unlike cancel out; leave one of them out")
    return (vector / norm).astype(np.float32)
