"""From a question to the vectors that are searched for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, cast

import numpy as np

from artsim.catalog.arrays import Embedding, RGBImage, Vector
from artsim.catalog.kinds import (
    FACES,
    PAINTINGS,
    POINTS,
    SURE_SCORE,
    SURE_SIZE,
    Box,
    Crop,
    EncoderInfo,
    Kind,
)
from artsim.catalog.payload import AnyOf, Condition, Criteria, Payload
from artsim.errors import NoFaceError, PaintingNotFoundError, QueryError, shortened
from artsim.files import local_path
from artsim.search.models import Models
from artsim.search.question import (
    ExamplesQuery,
    IdQuery,
    ImageQuery,
    PictureQuery,
    PixelsQuery,
    Query,
    Question,
    TextQuery,
)
from artsim.search.rerank import PIXELS, RERANKERS
from artsim.store.gallery import Gallery
from artsim.store.protocol import Collection, Record

if TYPE_CHECKING:
    from artsim.images.load import LoadedImage

PictureSource: TypeAlias = Path | bytes | RGBImage
"""A picture's file, what is in it, or its pixels."""

UNLIKE: Final = 0.25
"""How far the vector of what is wanted moves away from that of what is not, by their difference.

After J. J. Rocchio, "Relevance feedback in information retrieval" (The SMART Retrieval System,
1971): what is unlike counts for less than what is like. Measured by benchmarks.quality_feedback;
Qdrant's ``average_vector``, which has 1, loses works of the artist (docs/quality.md)."""

REGION_SIDE: Final = 4096
"""Most pixels on the long side of a picture of which a region is cut: more than a whole picture
is given, so that a small part is sharp, and few enough (50 MB) for many visitors at once."""


@dataclass(frozen=True, slots=True)
class Probe:
    """What one ranking is by: a vector for each encoder, and the pictures to re-rank with.

    Vectors are by name, and several are fused; of each query picture there are the named vectors
    that re-rankers compare. `part` is the index of the query picture's part that this is; it was
    encoded from the pixels `crop`, or stored as the point `point_id`.
    """

    vectors: Mapping[str, Embedding]
    pictures: tuple[Mapping[str, Vector], ...] = ()
    part: int | None = None
    crop: RGBImage | None = field(default=None, repr=False, compare=False)
    point_id: str | None = None


@dataclass(frozen=True, slots=True)
class QueryFace:
    """One face, or other part, of the query picture: `Hit.query_face` refers to its index.

    The box is in pixels of the upright picture at its full size, the score the detector's, 0..1.
    """

    index: int
    box: Box
    score: float | None = None

    @classmethod
    def of(cls, payload: Payload, index: int) -> QueryFace:
        """Return what a part's payload says of where it is, and how sure."""
        score = payload.get("detection_score")
        return cls(index, Box(*map(float, payload["box"])), None if score is None else float(score))

    def to_dict(self) -> dict[str, Any]:
        """Return it as an object of docs/output.md."""
        return {**asdict(self), "box": astuple(self.box)}

    @property
    def size(self) -> float:
        """Its short side in pixels."""
        return min(self.box.width, self.box.height)

    def is_sure(self, least: float = SURE_SIZE, certainty: float = SURE_SCORE) -> bool:
        """Whether its short side and its score, where it has one, are at least these."""
        score = 1.0 if self.score is None else self.score
        return self.size >= least and score >= certainty


@dataclass(frozen=True, slots=True)
class Example:
    """A picture that the query was to be like, or unlike, with its metadata in the gallery."""

    image: PictureSource | None = field(repr=False, compare=False)
    role: Literal["like", "unlike"]
    payload: Payload | None = None
    region: Box | None = None


@dataclass(frozen=True, slots=True)
class Target:
    """A query, ready to be searched for.

    `itself` says which paintings of the gallery the query pictures are, each to be left out, and
    `painting` is the payload of the query painting, where the gallery has it. `parts` of the query
    picture are one for each probe, none where whole pictures are searched. `same_files` are
    payloads of all paintings whose picture is the very file that is searched by, `asked` the query
    with the SHA-256 of its files, and `region` the part of the query picture that is searched by,
    in pixels at its full size, None: all.
    """

    probes: tuple[Probe, ...]
    itself: tuple[Condition, ...] = ()
    painting: Payload | None = None
    image: PictureSource | None = None
    parts: tuple[QueryFace, ...] = ()
    examples: tuple[Example, ...] = ()
    same_files: tuple[Payload, ...] = ()
    asked: Query | None = None
    region: Box | None = None


def make_target(
    question: Question, gallery: Gallery, encoders: Sequence[EncoderInfo], models: Models
) -> Target:
    """Make ready the search that a question asks for.

    NoFaceError if the query picture has no part of the question's kind, or none of that number;
    PaintingNotFoundError if the gallery has no painting of the query's id; QueryError if the
    encoders take no texts, or parts are searched by what has none.
    """
    query, kind, rerank = question.query, question.kind, question.options.rerank
    needs = () if rerank is None else RERANKERS[rerank].needs
    probing = _Probing(gallery, encoders, models, needs)
    of_one = isinstance(query, IdQuery | ImageQuery | PixelsQuery)
    by_whole = kind.is_whole or kind.by_whole
    if not of_one and not by_whole and (kind.own_encoders or question.part is not None):
        raise QueryError(
            f"{kind.name} are searched by one picture or one id, not by text or examples"
        )
    if isinstance(query, TextQuery):
        return _probe_text(query, encoders, models)
    if isinstance(query, ExamplesQuery):
        return probing.examples(query)
    return probing.whole(query) if by_whole else _only_part(probing.parts(query, kind), question)


def probe_pixels(
    pictures: Sequence[RGBImage],
    encoders: Sequence[EncoderInfo],
    models: Models,
    needs: Sequence[str] = (PIXELS,),
) -> list[Target]:
    """Make ready a search by each of N pictures in memory, encoded as one batch.

    `needs` are what re-rankers compare. Each is of its own size, and larger ones are shrunk as
    `load_image` shrinks a file's. No painting is left out.
    """
    shrunk = [Crop(_shrunk(picture), {}) for picture in pictures]
    return [Target((probe,)) for probe in _encode(shrunk, encoders, models, needs)]


def find_painting(painting_id: str, paintings: Collection, names: Sequence[str] = ()) -> Record:
    """Return the painting of that id, with the vectors of those names."""
    point_id = PAINTINGS.point_id(painting_id)
    record = paintings.retrieve([point_id], with_vectors=names).get(point_id)
    if record is None:
        raise PaintingNotFoundError(
            f"{shortened(paintings.name)} holds no painting with the id "
            f"{shortened(painting_id)!r}; give one that it has",
            hint="artsim list",
            painting_id=painting_id,
        )
    return record


def stored_vectors(
    collection: Collection, name: str, point_ids: Iterable[str]
) -> dict[str, Vector]:
    """Return the vectors of that name, by the ids of those points that have one."""
    found = collection.retrieve(list(point_ids), with_vectors=(name,), payload_fields=())
    return {one: of.vectors[name] for one, of in found.items() if name in of.vectors}


@dataclass(frozen=True, slots=True)
class _Probing:
    """What all probes of one search are made with; `needs` are what re-rankers compare."""

    gallery: Gallery
    encoders: Sequence[EncoderInfo]
    models: Models
    needs: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """The vectors that searches are by."""
        return [encoder.vector_name for encoder in self.encoders]

    def whole(self, query: PictureQuery) -> Target:
        """Search by one whole picture, or a region of it."""
        if isinstance(query, IdQuery) and query.region is None:
            paintings, painting_id = self.gallery[PAINTINGS], query.painting_id
            record = find_painting(painting_id, paintings, [*self.names, *self.needs])
            probe = self._of_record(record, f"the painting {painting_id!r} has")
            itself = AnyOf("painting_id", (painting_id,))
            return Target((probe,), (itself,), record.payload, asked=query)
        image, target = self._look_at(query)
        probes = _encode([Crop(image.pixels, {})], self.encoders, self.models, self.needs)
        return replace(target, probes=tuple(probes))

    def _look_at(self, query: PictureQuery) -> tuple[LoadedImage, Target]:
        """Return the pixels of the picture, or its region, and what is known of it."""
        from artsim.images.load import LoadedImage, cut_image

        side = None if query.region is None else REGION_SIDE
        if isinstance(query, PixelsQuery):
            height, width = query.pixels.shape[:2]
            image = LoadedImage(query.pixels, width, height, "")
            target = Target((), image=query.pixels, asked=query)
        elif isinstance(query, ImageQuery):
            image = self.models.image(query.picture, query.name, max_side=side)
            target = self._of_file(query, image)
        else:
            record = find_painting(query.painting_id, self.gallery[PAINTINGS])
            image = self._ingested(record.payload, side)
            itself = AnyOf("painting_id", (query.painting_id,))
            target = Target((), (itself,), record.payload, asked=query)
        if query.region is None:
            return replace(image, pixels=_shrunk(image.pixels)), target
        box = query.region.within(image.width, image.height, query.name)
        return cut_image(image, box), replace(target, region=box)

    def _ingested(self, payload: Payload, side: int | None) -> LoadedImage:
        """Return a painting's picture from its file, for a region of it."""
        uri, painting_id = payload.get("image_uri"), str(payload["painting_id"])
        path = local_path(uri) if isinstance(uri, str) else None
        if path is None:
            where = f"at {shortened(uri)}" if isinstance(uri, str) else "nowhere that is known"
            raise QueryError(
                f"the picture of {shortened(painting_id)!r} is {where}, and not a file here of "
                "which a region can be cut; save it, and search by a region of the file",
                hint="artsim query FILE --region",
                painting_id=painting_id,
            )
        image = self.models.image(path, max_side=side)
        if payload.get("image_sha256", image.sha256) != image.sha256:
            raise QueryError(
                f"the file of {shortened(painting_id)!r} has changed since it was ingested, and a "
                "region may be of another picture now; ingest its source again",
                hint="artsim ingest SOURCE",
                painting_id=painting_id,
            )
        return image

    def examples(self, query: ExamplesQuery) -> Target:
        """Search by pictures to be like and unlike."""
        like = [self.whole(picture) for picture in query.like]
        unlike = [self.whole(picture) for picture in query.unlike]
        vectors = {}
        for name in self.names:
            wanted = _mean_vector(like, name)
            if unlike:
                wanted = wanted + UNLIKE * (wanted - _mean_vector(unlike, name))
            norm = float(np.linalg.norm(wanted))
            if norm == 0.0:
                raise QueryError(
                    "the pictures to be like and unlike cancel out; leave one of them out"
                )
            vectors[name] = (wanted / norm).astype(np.float32)
        examples = [Example(t.image, "like", t.painting, t.region) for t in like]
        examples += [Example(t.image, "unlike", t.painting, t.region) for t in unlike]
        asked = [tuple(target.asked for target in targets) for targets in (like, unlike)]
        return Target(
            probes=(Probe(vectors, tuple(p for t in like for p in t.probes[0].pictures)),),
            itself=tuple(condition for target in [*like, *unlike] for condition in target.itself),
            painting=like[0].painting if len(like) == 1 else None,
            examples=tuple(examples),
            asked=ExamplesQuery(*cast("Any", asked)),
        )

    def parts(self, query: PictureQuery, kind: Kind) -> Target:
        """Search by every part of a picture: those in the gallery, or cut out of it."""
        if isinstance(query, IdQuery) and query.region is None:
            return self._stored_parts(query, kind)
        image, target = self._look_at(query)
        crops = self.models.cut(kind, image.pixels, image.width)
        probes = _encode(crops, self.encoders, self.models, self.needs)
        probes = [replace(probe, part=i) for i, probe in enumerate(probes)]
        parts = [QueryFace.of(crop.payload, i) for i, crop in enumerate(crops)]
        if (cut := target.region) is not None:  # boxes are in pixels of the whole picture
            boxes = [replace(p.box, x=p.box.x + cut.x, y=p.box.y + cut.y) for p in parts]
            parts = [replace(part, box=box) for part, box in zip(parts, boxes, strict=True)]
        return replace(target, probes=tuple(probes), parts=tuple(parts))

    def _stored_parts(self, query: IdQuery, kind: Kind) -> Target:
        painting_id = query.painting_id
        painting = find_painting(painting_id, self.gallery[PAINTINGS]).payload
        itself = AnyOf("painting_id", (painting_id,))
        hint = "--face-encoder" if kind.own_encoders else ""
        whose = f"the {kind.name} of {shortened(painting_id)!r} have"
        found = []
        for record in self.gallery[kind].scroll(
            Criteria((itself,)), with_vectors=[*self.names, *self.needs]
        ):
            probe = self._of_record(record, whose, hint, painting_id)
            try:
                part = QueryFace.of(record.payload, int(record.payload[kind.index_field]))
            except (LookupError, TypeError, ValueError) as exc:
                raise QueryError(
                    f"a {kind.noun} of {shortened(painting_id)!r} does not say where it is "
                    f"({shortened(str(exc))}); ingest its source again",
                    painting_id=painting_id,
                ) from exc
            found.append((replace(probe, part=part.index), part))
        found.sort(key=lambda pair: pair[1].index)
        probes, parts = tuple(probe for probe, _ in found), tuple(part for _, part in found)
        return Target(probes, (itself,), painting, parts=parts, asked=query)

    def _of_record(
        self, record: Record, whose: str, hint: str = "", about: str | None = None
    ) -> Probe:
        for name in (*self.names, *self.needs):
            if name not in record.vectors:
                of_points = name == POINTS
                how = "its points" if of_points else "that encoder"
                raise QueryError(
                    f"{whose} no vector {name!r}; ingest its source again with {how}",
                    hint="artsim ingest SOURCE --details" if of_points else hint,
                    painting_id=about,
                )
        pictures = {name: record.vectors[name] for name in self.needs}
        vectors = {name: record.vectors[name] for name in self.names}
        return Probe(vectors, (pictures,), point_id=record.point_id)

    def _of_file(self, query: ImageQuery, image: LoadedImage) -> Target:
        """Return a target without probes, with what the gallery knows of the very file.

        Of several paintings with the same bytes, the query painting is the one at its path.
        """
        same_bytes = AnyOf("image_sha256", (image.sha256,))
        records = self.gallery[PAINTINGS].scroll(Criteria((same_bytes,)))
        known = [record.payload for record in records]
        paths = set() if query.path is None else {query.path.absolute(), query.path.resolve()}
        here = {path.as_uri() for path in paths}
        known.sort(key=lambda of: (of.get("image_uri") not in here, str(of["painting_id"])))
        return Target(
            (),
            itself=(same_bytes,),
            painting=known[0] if known else None,
            image=query.picture,
            same_files=tuple(known),
            asked=replace(query, sha256=image.sha256),
        )


def _probe_text(query: TextQuery, encoders: Sequence[EncoderInfo], models: Models) -> Target:
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
    return Target((Probe(vectors),), asked=query)


def _only_part(target: Target, question: Question) -> Target:
    """Return the target with the part that is asked for, or all of them."""
    query, kind, part = question.query, question.kind, question.part
    named = f"the painting {query.painting_id!r}" if isinstance(query, IdQuery) else ""
    place = named or getattr(query, "name", "")
    if region := getattr(query, "region", None):
        place = f"{place}, region {region}"
    if not target.parts:
        smaller = kind.name == FACES.name
        raise NoFaceError(
            f"{place}: no {kind.noun} was found; search by the whole picture"
            + (", or allow smaller or less certain faces" if smaller else ""),
            hint="without --faces; --min-face, --face-score" if smaller else "",
        )
    if part is not None:
        kept = [i for i, found in enumerate(target.parts) if found.index == part]
        refusal = f"there is no {kind.noun} {part}; it has {len(target.parts)}, counted from 0"
        hint = ""
    else:
        size, score = question.options.sure_face if kind.name == FACES.name else (0, 0)
        kept = [i for i, found in enumerate(target.parts) if found.is_sure(size, score)]
        refusal = (
            f"no {kind.noun} is large and certain enough, of {len(target.parts)} that were found; "
            "search by them all the same, or by the whole picture"
        )
        hint = "--all-faces; without --faces"
    if not kept:
        raise NoFaceError(f"{place}: {refusal}", hint=hint)
    probes = tuple(target.probes[i] for i in kept)
    return replace(target, probes=probes, parts=tuple(target.parts[i] for i in kept))


def _shrunk(picture: RGBImage) -> RGBImage:
    from artsim.images.load import shrink_image

    return shrink_image(picture)


def _encode(
    pictures: Sequence[Crop], encoders: Sequence[EncoderInfo], models: Models, needs: Sequence[str]
) -> list[Probe]:
    if not pictures:
        return []
    rows = {e.vector_name: models.encode(e, pictures) for e in encoders}
    return [
        Probe(
            {name: row[i] for name, row in rows.items()},
            (_compared(picture.pixels, needs),),
            crop=picture.pixels,
        )
        for i, picture in enumerate(pictures)
    ]


def _compared(picture: RGBImage, needs: Sequence[str]) -> dict[str, Vector]:
    """Return of a picture what re-rankers compare."""
    found: dict[str, Vector] = {}
    if PIXELS in needs:
        from artsim.images.pixels import to_pixels

        found[PIXELS] = to_pixels(picture)
    if POINTS in needs:
        from artsim.images.local_points import QUERY_COUNT, local_points

        found[POINTS] = local_points(picture, count=QUERY_COUNT)
    return found


def _mean_vector(targets: Sequence[Target], name: str) -> Embedding:
    vectors = np.stack([target.probes[0].vectors[name] for target in targets])
    return np.asarray(vectors.mean(axis=0), dtype=np.float32)
