"""People: the faces of a gallery in groups that may each be of one person, for a person to judge.

Two faces may be of one person where each is among the other's nearest, and both are nearer to each
other than to the faces around them. What a person wrote of faces holds: those of one name stay
together, those of two names apart.

References
----------
.. [1] Matějka, Novotný, Plchot, Burget, Sánchez & Černocký (2017). Analysis of score normalization
   in multilingual speaker recognition. Interspeech (adaptive symmetric normalization).
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Final, TypeAlias

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Embeddings, Pixels
from artsim.catalog.hits import JSON, Note
from artsim.catalog.kinds import FACE_ENCODER, FACES, EncoderInfo, Kind
from artsim.catalog.names import fold_text
from artsim.catalog.payload import Criteria, Payload
from artsim.errors import QueryError
from artsim.search.answer import sure_faces
from artsim.search.filters import Filters, build_criteria
from artsim.search.models import Models, choose_encoders
from artsim.search.named_faces import (
    BOX_COLUMNS,
    NamedFace,
    NamesFile,
    Unplaced,
    find_people,
    names_of,
    place_faces,
)
from artsim.search.neighbors import Indices, VectorTable, over_blocks, read_vectors
from artsim.search.question import SearchOptions, describe_criteria, output_form
from artsim.store.gallery import Gallery

Floats: TypeAlias = npt.NDArray[np.float64]

THRESHOLD: Final = 1.5
"""Least mean likeness of two groups that are put together: see docs/quality.md."""

MOST_FACES: Final = 50_000
"""Most that are compared at once: two minutes of one core, as 20,000 take 19 seconds."""

NEIGHBORS: Final = 20
COHORT: Final = 100
"""Nearest faces by which a cosine is judged; of small galleries a third of the others."""

LIFETIME: Final = 80
"""Most years between works that may show one sitter, unless a person says that they do."""

_NOT_WHO: Final = (
    "these are groups by {}, which sees how faces are painted and not who it is; ingest the source "
    "again"
)
_LEAST_SPREAD: Final = 1e-3
_LEAST_COHORT: Final = 5


@dataclass(frozen=True, slots=True)
class GroupOptions:
    """How faces are grouped.

    `threshold` is the least likeness of two groups that become one: how many standard deviations
    their faces are on average nearer to each other than each is to its nearest `COHORT` faces.
    Groups have `least_faces` at least, unless a person named one of them. `least_face`,
    `least_certainty` and `all_faces` are as of searches.
    """

    threshold: float = THRESHOLD
    least_faces: int = 2
    all_faces: bool = False
    least_face: int | None = None
    least_certainty: float | None = None


@dataclass(frozen=True, slots=True)
class PersonFace:
    """A face of a group: what its point says, and its mean likeness to the others of the group.

    `name` is what a person called it, "" where nobody did: that it is in the group says no more
    than that it may be the same person.
    """

    point_id: str
    payload: Payload
    name: str = ""
    likeness: float | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as an object of docs/output.md; what is unknown is absent."""
        name = {"name": self.name} if self.name else {}
        likeness = {} if self.likeness is None else {"likeness": self.likeness}
        found = {"painting_id": self.payload["painting_id"], "point_id": self.point_id}
        return {**found, **name, **likeness, "payload": self.payload}


@dataclass(frozen=True, slots=True)
class PersonGroup:
    """Faces that may be of one person, by date.

    `number` is that of the file of names where its faces are there; `name` the one that was given
    to any of them, else "". `likeness` is the mean over its pairs.
    """

    number: int
    name: str
    likeness: float | None
    faces: tuple[PersonFace, ...]

    @property
    def named(self) -> int:
        """How many of the faces a person named."""
        return sum(bool(face.name) for face in self.faces)

    def to_dict(self) -> dict[str, Any]:
        """Return it as an object of docs/output.md; what is unknown is absent."""
        name = {"name": self.name} if self.name else {}
        likeness = {} if self.likeness is None else {"likeness": self.likeness}
        faces = [face.to_dict() for face in self.faces]
        return {"number": self.number, **name, **likeness, "faces": faces}


@dataclass(frozen=True, slots=True)
class People:
    """The faces of a gallery in groups, named ones first, then by falling likeness.

    `compared` is how many faces were compared, `file` what was read of names, `placed` which of its
    rows are of which point, `unplaced` what a person said of faces that are not found, and `grays`
    the small gray pictures by point, of faces whose pictures are not on this machine.
    """

    groups: tuple[PersonGroup, ...]
    compared: int
    file: NamesFile
    placed: Mapping[str, NamedFace]
    unplaced: tuple[Unplaced, ...]
    settings: Mapping[str, JSON] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    grays: Mapping[str, Pixels] = field(default_factory=dict, repr=False, compare=False)

    @property
    def kind(self) -> Kind:
        """What is grouped."""
        return FACES

    def to_dict(self) -> dict[str, Any]:
        """Return it as ``artsim people --format json`` writes it: see docs/output.md."""
        return output_form(
            settings=self.settings,
            notes=self.notes,
            compared=self.compared,
            people=[group.to_dict() for group in self.groups],
            unplaced=[one.to_dict() for one in self.unplaced],
        )


def group_people(
    gallery: Gallery,
    filters: Filters | None = None,
    options: GroupOptions | None = None,
    *,
    encoder: str | None = None,
    models: Models | None = None,
) -> People:
    """Put the faces of a gallery into groups that may each be of one person.

    Every face that meets the filters is compared with all others that do; what is far and what is
    near is told by all faces of the gallery that are large and certain enough. Faces of one
    painting, and of works more than `LIFETIME` years apart, are of different people, unless they
    have one name. ``filters.people`` keeps the groups with a face that has such a name.

    Raises
    ------
    QueryError
        If there are more than `MOST_FACES`, or no file has the names that are asked for.
    MetadataError
        If the gallery's file of names makes no sense.
    CollectionNotFoundError, EncoderMismatchError
        If the gallery has no faces, or no vectors of the encoder.
    """
    filters, options = filters or Filters(), options or GroupOptions()
    faces = gallery[FACES]
    info = choose_encoders(gallery.encoders(FACES), encoder and [encoder], models or Models())[0]
    file = names_of(gallery)
    criteria, notes = build_criteria(replace(filters, people=()), faces, gallery)
    wanted, remarks = find_people(file, filters.people) if filters.people else ({}, [])
    notes += remarks
    if info.kind != "face":
        notes.append(Note(_NOT_WHO.format(info.name), hint=f"--face-encoder {FACE_ENCODER}"))
    table, chosen = _read(gallery, info, criteria, options)
    placed = place_faces(file.rows, gallery)
    groups = _numbered(_groups(table, chosen, placed.faces, options), placed.faces)
    if filters.people:
        groups = [one for one in groups if fold_text(one.name) in wanted]
    return People(
        groups=tuple(groups),
        compared=len(chosen),
        file=file,
        placed=placed.faces,
        # A row that says nothing artsim wrote itself.
        unplaced=tuple(one for one in placed.unplaced if one.row.says_something),
        settings={
            "gallery": gallery.name,
            "location": gallery.store.location,
            "encoder": info.vector_name,
            "criteria": describe_criteria(criteria),
            "people": list(wanted.values()) or None,
            "names": str(file.path) if file.columns else None,
            **{name: getattr(options, name) for name in GroupOptions.__dataclass_fields__},
        },
        notes=tuple(notes),
    )


def _read(
    gallery: Gallery, info: EncoderInfo, criteria: Criteria, options: GroupOptions
) -> tuple[VectorTable, Indices]:
    """Return the faces by which cosines are judged, and which of them are to be grouped."""
    faces = gallery[FACES]
    own = ("all_faces", "least_face", "least_certainty")
    sure = sure_faces(SearchOptions(**{name: getattr(options, name) for name in own}))
    every = faces.count(sure)
    count = faces.count(criteria & sure) if criteria != Criteria() else every
    if count > MOST_FACES:
        raise QueryError(
            f"{count:,} faces, of which at most {MOST_FACES:,} are compared at once; narrow them "
            "by filters",
            hint="--artist NAME; --year 1600..1650; --least-face PX",
        )
    if not count:
        empty = np.empty((0, info.dim), dtype=np.float32)
        return VectorTable((), (), empty), np.empty(0, dtype=np.intp)
    around = sure if every <= MOST_FACES else criteria & sure
    table = read_vectors(faces, info.vector_name, around)
    if around is sure and count < every:
        meets = {record.point_id for record in faces.scroll(criteria & sure, payload_fields=())}
        chosen = [i for i, point_id in enumerate(table.point_ids) if point_id in meets]
        return table, np.array(chosen, dtype=np.intp)
    return table, np.arange(len(table))


@dataclass(frozen=True, slots=True)
class Likenesses:
    """How near faces are to each other, judged by how near others are to them [1]_.

    The likeness of faces a and b of cosine c is the mean of (c - m) / s over both, where m and s
    are the mean and standard deviation of a face's cosines to its nearest faces of the cohort. A
    blurred face, which is near to many, is so like none of them.
    """

    vectors: Embeddings
    means: Floats
    spreads: Floats

    @classmethod
    def measured(cls, vectors: Embeddings, rows: Indices) -> Likenesses:
        """Return those of `rows`, of all faces' unit vectors, with the others as the cohort."""
        count = len(vectors)
        size = min(COHORT, max(_LEAST_COHORT, (count - 1) // 3), count - 1)
        if size < 1:
            return cls(vectors[rows], np.zeros(len(rows)), np.full(len(rows), np.inf))

        def judge(block: Indices) -> Floats:
            cosines = vectors[block] @ vectors.T
            cosines[np.arange(len(block)), block] = -np.inf
            nearest = -np.partition(-cosines, size - 1, axis=1)[:, :size].astype(np.float64)
            return np.stack([nearest.mean(axis=1), nearest.std(axis=1)], axis=1)

        found = np.concatenate(over_blocks(rows, count, judge))
        return cls(vectors[rows], found[:, 0], np.maximum(found[:, 1], _LEAST_SPREAD))

    def edges(self, least: float) -> list[tuple[int, int]]:
        """Return the pairs that are each other's nearest, the likest first."""
        count = len(self.vectors)
        size = min(NEIGHBORS, count - 1)
        if size < 1:
            return []

        def nearest(block: Indices) -> dict[tuple[int, int], float]:
            cosines = (self.vectors[block] @ self.vectors.T).astype(np.float64)
            own = (cosines - self.means[block, None]) / self.spreads[block, None]
            scores = (own + (cosines - self.means) / self.spreads) / 2
            scores[np.arange(len(block)), block] = -np.inf
            first = np.argpartition(-scores, size - 1, axis=1)[:, :size]
            found = zip(block.tolist(), first.tolist(), scores, strict=True)
            return {(i, j): row[j] for i, others, row in found for j in others if row[j] >= least}

        near: dict[tuple[int, int], float] = {}
        for found in over_blocks(np.arange(count), count, nearest):
            near |= found
        pairs = [(-score, i, j) for (i, j), score in near.items() if i < j and (j, i) in near]
        return [(i, j) for _, i, j in sorted(pairs)]


@dataclass(slots=True)
class _Cluster:
    """Faces put together so far, with sums by which likenesses to others are found.

    `years` are the earliest in which one of the works was finished, and the latest begun.
    """

    members: list[int]
    paintings: set[str]
    years: tuple[float, float]
    tags: set[str]
    nots: set[str]
    total: Floats
    weighted: Floats
    offset: float

    def likeness(self, other: _Cluster) -> float:
        """Return the mean likeness over all pairs of a face of each."""
        mine, its = len(self.members), len(other.members)
        crossed = self.weighted @ other.total + self.total @ other.weighted
        offsets = self.offset / mine + other.offset / its
        return float((crossed / (mine * its) - offsets) / 2)

    def is_apart(self, other: _Cluster) -> bool:
        """Whether a person, or a painting with both, says that these are two people."""
        said = bool(self.tags & other.nots or other.tags & self.nots)
        names = {tag for tag in self.tags | other.tags if tag.startswith("=")}
        first, last = self._years_with(other)
        is_long = last - first > LIFETIME
        return said or len(names) > 1 or is_long or bool(self.paintings & other.paintings)

    def _years_with(self, other: _Cluster) -> tuple[float, float]:
        return min(self.years[0], other.years[0]), max(self.years[1], other.years[1])

    def take(self, other: _Cluster) -> None:
        """Become one with another."""
        self.members += other.members
        self.paintings |= other.paintings
        self.years = self._years_with(other)
        self.tags |= other.tags
        self.nots |= other.nots
        self.total, self.weighted = self.total + other.total, self.weighted + other.weighted
        self.offset += other.offset


def cluster_faces(
    likenesses: Likenesses,
    payloads: Sequence[Payload],
    rows: Sequence[NamedFace | None],
    threshold: float,
) -> list[list[int]]:
    """Return the numbers of the faces in each group, most faces in one of their own.

    Pairs are taken from the likest on; the groups of both become one where these have a mean
    likeness of `threshold` and nothing says that they are two people.
    """
    clusters = [
        _cluster(i, likenesses, payload, row)
        for i, (payload, row) in enumerate(zip(payloads, rows, strict=True))
    ]
    of = list(range(len(clusters)))

    def join(first: int, second: int) -> None:
        one, other = clusters[of[first]], clusters[of[second]]
        for member in other.members:
            of[member] = of[first]
        one.take(other)

    by_name: dict[str, int] = {}
    for i, row in enumerate(rows):
        if row is not None and row.name:
            first = by_name.setdefault(row.key, i)
            if first != i:
                join(first, i)
    for first, second in likenesses.edges(threshold):
        one, other = clusters[of[first]], clusters[of[second]]
        if one is not other and not one.is_apart(other) and one.likeness(other) >= threshold:
            # The larger takes the smaller, so that each face moves seldom.
            join(*((first, second) if len(one.members) >= len(other.members) else (second, first)))
    return [clusters[i].members for i in range(len(clusters)) if of[i] == i]


def _cluster(i: int, of: Likenesses, payload: Payload, row: NamedFace | None) -> _Cluster:
    vector = of.vectors[i].astype(np.float64)
    tags, nots = set[str](), set[str]()
    if row is not None:
        # A name begins with "=", a number of a group with "#": a person may be called "4".
        nots = {prefix + word for word in row.nots for prefix in "=#"}
        tags = {f"={row.key}"} if row.name else set()
        tags |= {f"#{row.group}"} if row.group and row.group not in row.nots else set()
    start, end = payload.get("year_start"), payload.get("year_end")
    years = (math.inf if end is None else end, -math.inf if start is None else start)
    paintings, spread = {str(payload["painting_id"])}, of.spreads[i]
    offset = float(of.means[i] / spread)
    return _Cluster([i], paintings, years, tags, nots, vector, vector / spread, offset)


def _groups(
    table: VectorTable, chosen: Indices, placed: Mapping[str, NamedFace], options: GroupOptions
) -> list[PersonGroup]:
    if not len(chosen):
        return []
    vectors = np.asarray(table.vectors, dtype=np.float32)
    likenesses = Likenesses.measured(vectors, chosen)
    payloads = [table.payloads[i] for i in chosen]
    rows = [placed.get(table.point_ids[i]) for i in chosen]
    found = []
    for members in cluster_faces(likenesses, payloads, rows, options.threshold):
        named = [row for i in members if (row := rows[i]) is not None and row.name]
        if len(members) < options.least_faces and not named:
            continue
        alike = _mean_likenesses(likenesses, members)
        faces = [
            PersonFace(table.point_ids[chosen[i]], payloads[i], row.name if row else "", likeness)
            for i, likeness in zip(members, alike, strict=True)
            for row in [rows[i]]
        ]
        faces.sort(key=_by_date)
        mean = None if alike[0] is None else float(np.mean([float(a or 0) for a in alike]))
        name = named[0].name if named else ""
        found.append(PersonGroup(0, name, mean, tuple(faces)))
    return found


def _mean_likenesses(of: Likenesses, members: Sequence[int]) -> list[float | None]:
    """Return the mean likeness of each member to the others; None where there is no other."""
    if len(members) < 2:
        return [None]
    vectors, means, spreads = of.vectors[members], of.means[members], of.spreads[members]
    others = vectors.sum(axis=0, dtype=np.float64) - vectors
    cosines = np.einsum("ij,ij->i", vectors, others)
    # The same over all pairs, without their square in memory.
    shares = (vectors / spreads[:, None]).sum(axis=0) - vectors / spreads[:, None]
    crossed = np.einsum("ij,ij->i", vectors, shares)
    offsets = (means / spreads).sum() - means / spreads
    count = len(members) - 1
    mine = (cosines - count * means) / spreads
    return [float(value) for value in (mine + crossed - offsets) / (2 * count)]


def _by_date(face: PersonFace) -> tuple[int, str, int]:
    payload = face.payload
    year = payload.get("year_start", 10**6)
    return int(year), str(payload["painting_id"]), int(payload.get("face_index", 0))


def _numbered(groups: Sequence[PersonGroup], placed: Mapping[str, NamedFace]) -> list[PersonGroup]:
    """Return the groups in order, with the numbers that their faces have in the file, or new."""
    ordered = sorted(groups, key=lambda g: (not g.name, -(g.likeness or 0.0), g.faces[0].point_id))
    numbers = {name: int(row.group) for name, row in placed.items() if row.group.isdecimal()}
    new = max(numbers.values(), default=0) + 1
    used: set[int] = set()
    found = []
    for group in ordered:
        own = Counter(numbers[f.point_id] for f in group.faces if f.point_id in numbers)
        taken = [number for number, _ in own.most_common() if number not in used]
        number = taken[0] if taken else new
        used.add(number)
        new += not taken
        found.append(replace(group, number=number))
    return found


def unnamed_rows(people: People) -> dict[str, list[dict[str, object]]]:
    """Return a row for each face that the file of names has not, by the number of its group."""
    return {
        str(group.number): [
            _cells(face.payload, str(group.number))
            for face in group.faces
            if face.point_id not in people.placed
        ]
        for group in people.groups
    }


def _cells(payload: Payload, group: str) -> dict[str, object]:
    # Whole pixels: a spreadsheet of many a country takes 12.5 for the twelfth of May.
    box = dict(zip(BOX_COLUMNS, (round(float(side)) for side in payload["box"]), strict=True))
    said = {"face": "face_index", "picture_width": "image_width", "picture_height": "image_height"}
    said |= {name: name for name in ("title", "artist", "painting_id")}
    date = payload.get("date_text") or payload.get("year_start")
    named = {column: payload.get(name) for column, name in said.items()}
    return {"group": group, "date": date, **named, **box}
