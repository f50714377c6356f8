"""Collections that an ingest writes to, and what scores mean in them once they have grown."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Final

import numpy as np

from artsim.catalog.criteria import AnyOf, Condition, Criteria, HasVector
from artsim.catalog.encoder_info import EncoderInfo
from artsim.catalog.kinds import KINDS, Cutter, Kind
from artsim.catalog.names import sitter_of
from artsim.catalog.payload import Payload
from artsim.catalog.scale import NONE, Scale, noted_scales
from artsim.encoders.base import Encoder
from artsim.encoders.registry import find_maker
from artsim.encoders.trained import read_cohort
from artsim.errors import EncoderMismatchError
from artsim.store.gallery import Gallery, read_encoders, without_frames
from artsim.store.protocol import Collection, Record, SearchRequest

POINTS_NOTE: Final = "point_detector"
"""Field in which a painting notes how its local points were made."""

RENAMED_FROM = "renamed_from"
"""Field that a painting has while it takes the place of the one of that id: a run that dies
in between has left both, and the next one knows."""


@dataclass(frozen=True, slots=True)
class Target:
    """One kind of points that an ingest makes, or at least keeps up with their paintings.

    Parts that nobody looks for have no encoders and no cutter, whole pictures no cutter;
    there is no collection where the gallery has none of the kind and gets none.
    """

    kind: Kind
    collection: Collection | None = None
    encoders: Sequence[Encoder] = ()
    cutter: Cutter | None = None

    @property
    def vector_names(self) -> set[str]:
        """Names of the vectors that the encoders make."""
        return {encoder.info.vector_name for encoder in self.encoders}

    def was_cut(self, painting: Payload) -> bool:
        """Return whether this cutter looked for a painting's parts."""
        identity = None if self.cutter is None else self.cutter.identity
        return identity is not None and painting.get(self.kind.cutter_field) == identity

    def lacks_vectors(self, painting: Payload) -> bool:
        """Return whether an encoder has not seen a painting's parts."""
        return not self.vector_names <= set(painting.get(self.kind.encoders_field, ()))


@dataclass(frozen=True, slots=True)
class Known:
    """What the gallery has of one painting.

    `parts` are by kind, with their vectors, in order; only where an encoder is to be added.
    """

    payload: Payload
    vector_names: set[str] = field(default_factory=set)
    parts: dict[str, list[Record]] = field(default_factory=dict)

    @property
    def painting_id(self) -> str:
        """Id that the gallery has it under."""
        return str(self.payload["painting_id"])

    @property
    def metadata(self) -> Payload:
        """The payload without the notes on parts and points."""
        notes = {name for kind in KINDS.values() if kind.cutter for name in kind.state_fields}
        notes.add(POINTS_NOTE)
        return {name: value for name, value in self.payload.items() if name not in notes}

    def state(self, kind: Kind) -> Payload:
        """Return the notes on parts of a kind."""
        return {name: v for name, v in self.payload.items() if name in kind.state_fields}


def look_up(painting_ids: Sequence[str], targets: Sequence[Target]) -> dict[str, Known]:
    """Return what the gallery has of each painting that it has."""
    whole, *parts = targets
    paintings = whole.collection
    if paintings is None:
        return {}
    records = paintings.retrieve([whole.kind.point_id(i) for i in painting_ids])
    known = [Known(record.payload) for record in records.values()]
    found = {one.painting_id: one for one in known}
    for name in whole.vector_names if found else ():
        criteria = points_of(found, HasVector(name))
        for record in paintings.scroll(criteria, payload_fields=["painting_id"]):
            found[str(record.payload["painting_id"])].vector_names.add(name)
    for target in parts:
        lacking = [
            one.painting_id
            for one in known
            if target.was_cut(one.payload) and target.lacks_vectors(one.payload)
        ]
        if target.collection is not None and lacking:
            names, index = list(target.collection.schema.vectors), target.kind.index_field
            cut = target.collection.scroll(points_of(lacking), with_vectors=names)
            for record in sorted(cut, key=lambda record: int(record.payload[index])):
                of_painting = found[str(record.payload["painting_id"])].parts
                of_painting.setdefault(target.kind.name, []).append(record)
    return found


def points_of(painting_ids: Iterable[str], *others: Condition) -> Criteria:
    """Return what the points of these paintings meet, and no other points."""
    return Criteria((AnyOf("painting_id", tuple(painting_ids)), *others))


def check_encoders(
    encoders: Iterable[EncoderInfo], recorded: Mapping[str, EncoderInfo], collection: str
) -> None:
    """Refuse an encoder that has the name of a recorded one but makes other vectors."""
    by_name = {info.name: info for info in recorded.values()}
    for info in encoders:
        old = by_name.get(info.name)
        if old is not None and info.vector_name not in recorded:
            maker = find_maker(old.vector_name)
            way_out, option = (
                ("an encoder that the gallery holds", "artsim info")
                if maker is None
                else (f"the encoder that makes the old ones, {maker!r}", f"--encoder {maker}")
            )
            raise EncoderMismatchError(
                f"{collection} holds vectors {old.vector_name!r} of the encoder {info.name!r}, "
                f"which now makes {info.vector_name!r}: their vectors cannot be compared; "
                f"ingest into a new gallery, or name {way_out}",
                hint=f"--gallery NAME; {option}",
            )


SAMPLE: Final = 800
"""Most points that are compared with each other and with the collection."""

_FEWEST: Final = 20
_OF_SITTER: Final = 50
"""Most faces of one sitter that are passed over to find the nearest of another."""
_GROWTH: Final = 0.1
_AT_ONCE: Final = 50


def measure_scales(gallery: Gallery) -> None:
    """Note what the scores of every encoder mean, where points came or went since by a tenth.

    Only points count that searches show: scales of an artsim that measured small and doubtful faces
    too are of more points, and measured anew where those were more than a tenth.
    """
    for kind in gallery.kinds:
        collection = gallery[kind]
        shown = kind.sure & without_frames(collection)
        points, scales = collection.count(shown), noted_scales(collection.schema.notes)
        before = dict(scales)
        for name in read_encoders(collection):
            known = scales.get(name)
            lacks = kind.is_whole and read_cohort(name) is not None
            if (
                known is None
                or abs(points - known.points) > _GROWTH * known.points
                or (lacks and not known.above)
            ):
                scale = _measure(collection, kind, shown, name, points)
                scales |= {} if scale is None else {name: scale}
        if scales != before:
            noted = {name: asdict(scale) for name, scale in scales.items()}
            collection.add_vectors({}, {**collection.schema.notes, "scales": noted})


def _measure(
    collection: Collection, kind: Kind, shown: Criteria, name: str, points: int
) -> Scale | None:
    """Return the scale of a sample: its first points, whose ids, being hashes, are in no order."""
    fields = ("painting_id", "artist_key", "attribution", "title", "extra")
    having = shown & Criteria((HasVector(name),))
    scrolled = collection.scroll(having, with_vectors=(name,), payload_fields=fields)
    sample = list(islice(scrolled, SAMPLE))
    if len(sample) < _FEWEST:
        return None
    vectors = np.stack([record.vectors[name] for record in sample])
    paintings = np.array([str(record.payload.get("painting_id")) for record in sample])
    others = np.triu(paintings[:, None] != paintings[None, :])
    found = np.array(list(_nearest_strangers(collection, kind, shown, name, sample)), np.float32)
    there = ~np.isnan(found)
    if there.sum() < _FEWEST:
        return None
    nearest, cohort = found[there], read_cohort(name) if kind.is_whole else None
    above = NONE if cohort is None else nearest - cohort.common(vectors[there])
    return Scale.measured(points, (vectors @ vectors.T)[others], nearest, above)


def _nearest_strangers(
    collection: Collection, kind: Kind, shown: Criteria, name: str, sample: Sequence[Record]
) -> Iterator[float]:
    """Yield the score of the nearest point by another artist, and of another sitter, that shows.

    It is no number where there is none.
    """
    for start in range(0, len(sample), _AT_ONCE):
        asked = sample[start : start + _AT_ONCE]
        sitters = [None if kind.is_whole else sitter_of(record.payload) for record in asked]
        requests = [
            SearchRequest(
                record.vectors[name],
                name,
                shown & _strangers_of(record),
                limit=1 if sitter is None else _OF_SITTER,
            )
            for record, sitter in zip(asked, sitters, strict=True)
        ]
        for hits, sitter in zip(collection.search(requests), sitters, strict=True):
            others = (h.score for h in hits if sitter is None or sitter_of(h.payload) != sitter)
            yield next(others, np.nan)


def _strangers_of(record: Record) -> Criteria:
    """Return what leaves out a point's painting, and the works by its artists."""
    own = ((name, record.payload.get(name)) for name in ("painting_id", "artist_key"))
    values = {name: tuple(v) if isinstance(v, list) else (v,) for name, v in own if v}
    return Criteria(must_not=tuple(AnyOf(name, value) for name, value in values.items()))
