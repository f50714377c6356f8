"""What the pixel task searches for, and what each search puts first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import islice
from typing import Final, Literal

import numpy as np

from artsim.catalog.criteria import EVERYTHING, Criteria, HasVector, Known
from artsim.catalog.encoder_info import EncoderInfo
from artsim.catalog.kinds import FACES
from artsim.errors import QueryError
from artsim.evaluation.contenders import Contender
from artsim.evaluation.pixels.pictures import Subject
from artsim.evaluation.pixels.scores import Pair
from artsim.search.answer import find_similar
from artsim.search.models import Models, choose_encoders
from artsim.search.question import IdQuery, SearchOptions
from artsim.search.rerank import PIXELS
from artsim.store.base import Collection
from artsim.store.gallery import Gallery

RANDOM: Final = "random"
"""Name of the row whose hits are drawn by lot."""

_FIELDS: Final = (
    "painting_id",
    "title",
    "artist",
    "artist_key",
    "date_text",
    "image_uri",
    "image_width",
    "image_height",
)
_FACE_FIELDS: Final = (*_FIELDS, "face_index", "box", "landmarks")


@dataclass(frozen=True, slots=True)
class Searching:
    """How every search is done.

    Attributes
    ----------
    options : SearchOptions
        Of all searches but for re-ranking; ``limit`` is K.
    """

    options: SearchOptions
    models: Models

    def by(self, contender: Contender) -> SearchOptions:
        """Return the options of a contender's searches."""
        return contender.search_options(self.options)


@dataclass(frozen=True)
class Subjects:
    """The paintings, or faces, of a gallery that can be queries and hits.

    Attributes
    ----------
    by_painting : dict of str to tuple of Subject
        A painting's one picture, or its faces, in order of painting id.
    """

    by_painting: Mapping[str, tuple[Subject, ...]]
    not_same_artist: bool = False

    def __len__(self) -> int:
        """Return how many subjects there are."""
        return len(self.flat)

    @cached_property
    def flat(self) -> list[Subject]:
        """All subjects, in the order of `by_painting`."""
        return [subject for of_one in self.by_painting.values() for subject in of_one]

    def all_pairs(self, query: str) -> list[Pair]:
        """Return every pair of a subject of `query` and one that may be its hit."""
        others = [other for other in self.flat if self._may_be_hit(query, other)]
        return [(own, other) for own in self.by_painting[query] for other in others]

    def random_pairs(self, query: str, k: int, rng: np.random.Generator) -> list[Pair]:
        """Return K hits drawn by lot, each with a subject of `query` drawn by lot."""
        drawn = (self.flat[int(i)] for i in rng.permutation(len(self)))
        hits = list(islice((one for one in drawn if self._may_be_hit(query, one)), k))
        own = self.by_painting[query]
        return [(own[int(rng.integers(len(own)))], hit) for hit in hits]

    def _may_be_hit(self, query: str, other: Subject) -> bool:
        if other.painting_id == query:
            return False
        key = self.by_painting[query][0].payload.get("artist_key")
        return not (self.not_same_artist and other.payload.get("artist_key") == key)


def sample_queries(ids: Sequence[str], count: int, rng: np.random.Generator) -> list[str]:
    """Draw queries from `ids`, in order of ids; of one seed, more queries contain fewer."""
    return sorted(ids[int(i)] for i in rng.permutation(len(ids))[:count])


def read_subjects(
    collection: Collection,
    encoders: Sequence[EncoderInfo],
    *,
    not_same_artist: bool,
    part: Literal["paintings", "faces"],
) -> Subjects:
    """Read what has the vectors of every encoder, and pixels.

    With `not_same_artist` only works whose artist is known, since for others the search
    cannot tell.

    Raises
    ------
    QueryError
        If fewer than two paintings remain.
    """
    must = (*(HasVector(e.vector_name) for e in encoders), HasVector(PIXELS))
    known = (Known("artist_key"),) if not_same_artist else ()
    fields = _FACE_FIELDS if part == "faces" else _FIELDS
    grouped: dict[str, list[Subject]] = {}
    for record in collection.scroll(
        Criteria(must=(*must, *known)), payload_fields=fields, page_size=1000
    ):
        painting_id = str(record.payload["painting_id"])
        key = record.point_id if part == "faces" else painting_id
        grouped.setdefault(painting_id, []).append(Subject(key, record.payload))
    if len(grouped) < 2:
        raise QueryError(
            f"{collection.name!r} has {len(grouped)} paintings to compare, and two are needed",
            hint="artsim info",
        )
    ordered = {
        painting_id: tuple(sorted(grouped[painting_id], key=_face_index))
        for painting_id in sorted(grouped)
    }
    return Subjects(ordered, not_same_artist)


def search_paintings(
    gallery: Gallery,
    query: str,
    subjects: Subjects,
    contenders: Sequence[Contender],
    searching: Searching,
) -> dict[str, list[Pair]]:
    """Return what each search by the whole picture puts first, by the contender's name."""
    own = subjects.by_painting[query][0]
    found: dict[str, list[Pair]] = {}
    for contender in contenders:
        result = find_similar(
            gallery,
            IdQuery(query),
            EVERYTHING,
            searching.by(contender),
            encoders=contender.vector_names,
            models=searching.models,
        )
        hits = [Subject(hit.painting_id, hit.payload) for hit in result.hits]
        found[contender.name] = [(own, hit) for hit in hits]
    return found


def search_faces(
    gallery: Gallery,
    query: str,
    subjects: Subjects,
    contenders: Sequence[Contender],
    searching: Searching,
) -> dict[str, list[Pair]]:
    """Return what each search by the painting's faces puts first, by the contender's name.

    A hit is paired with the face of the query that found it.
    """
    own = {int(s.payload["face_index"]): s for s in subjects.by_painting[query]}
    found: dict[str, list[Pair]] = {}
    for contender in contenders:
        result = find_similar(
            gallery,
            IdQuery(query),
            EVERYTHING,
            searching.by(contender),
            kind=FACES,
            encoders=contender.vector_names,
            models=searching.models,
        )
        found[contender.name] = [
            (own[hit.query_face], Subject(hit.point_id, hit.payload))
            for hit in result.hits
            if hit.query_face is not None
        ]
    return found


def whole_pictures(pairs: Sequence[Pair]) -> list[Pair]:
    """Return the pairs of paintings that pairs of their faces belong to, in their order."""
    return [(painting_of(own), painting_of(hit)) for own, hit in pairs]


def painting_of(subject: Subject) -> Subject:
    """Return the painting that a subject is, or that a face belongs to."""
    return Subject(subject.painting_id, subject.payload)


def pick_encoders(
    recorded: Mapping[str, EncoderInfo], names: Sequence[str] | None, models: Models
) -> list[EncoderInfo]:
    """Return the encoders of the given names, or all that the gallery has."""
    return choose_encoders(recorded, names, models) if names else list(recorded.values())


def _face_index(subject: Subject) -> int:
    return int(subject.payload.get("face_index", 0))
