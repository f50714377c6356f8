"""Copies: the pictures of a gallery that show one work, or part of one, in groups.

Pairs that may be tied are the nearest by embedding, and by the small gray pictures, also mirrored;
each is then checked (`artsim.search.copy_ties`), and what is tied is in one group.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import itemgetter
from typing import Any, Final

import numpy as np
from PIL import Image

from artsim.catalog.arrays import Embeddings, Pixels
from artsim.catalog.hits import JSON, SCHEMA, Hit, Note, plain_json
from artsim.catalog.kinds import PAINTINGS
from artsim.catalog.payload import EVERYTHING, AnyOf, Criteria, HasVector
from artsim.catalog.progress import Progress, SilentProgress, counted
from artsim.catalog.scale import noted_scales
from artsim.errors import listed
from artsim.search.copy_ties import POINTS, TIES, Checker, Tie, TieKind
from artsim.search.filters import Filters, build_criteria
from artsim.search.listing import Listed
from artsim.search.models import Models, choose_encoders
from artsim.search.neighbors import BLOCK_SCORES, Indices, over_blocks
from artsim.search.question import SearchOptions, describe_criteria
from artsim.search.rerank import PIXELS
from artsim.store.gallery import Gallery
from artsim.store.protocol import Collection

NEAREST: Final = 8
"""So many nearest works by embedding, and by small gray pictures either way, may be copies."""

NO_POINTS: Final = Note(
    "not checked by points, which this gallery has not: details, and copies whose tones or frames "
    "differ, are not found; ingest its source again",
    hint="artsim ingest --details",
)

LEAST_CORRELATION: Final = 0.8
"""Of small gray pictures that may be copies: other scans of a work have 0.93 and more."""

_SIDE: Final = 16
"""Side of the grays that are compared with everything: a sixteenth of the memory of all."""

_PAGE: Final = 256

_PAIRS: Final = 32
"""Pairs that are checked at once, with what is read of their works: Ctrl-C waits for them."""


@dataclass(frozen=True, slots=True)
class CopyGroup:
    """Works that are tied to each other, directly or through others, by their ids.

    `ties` are between them, the closest first.
    """

    number: int
    works: tuple[Listed, ...]
    ties: tuple[Tie, ...]


@dataclass(frozen=True, slots=True)
class Copies:
    """The groups of a gallery, those with the closest ties first, then the largest.

    `compared` is how many works were compared, `candidates` how many pairs of them were checked.
    """

    groups: tuple[CopyGroup, ...]
    compared: int
    candidates: int
    settings: Mapping[str, JSON] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """Return it as ``artsim copies --format json`` writes it: see docs/output.md."""
        found: dict[str, Any] = plain_json(
            {
                "schema": SCHEMA,
                "settings": {name: v for name, v in self.settings.items() if v is not None},
                "notes": self.notes,
                "compared": self.compared,
                "candidates": self.candidates,
                "groups": [
                    {
                        "number": group.number,
                        "works": [work.to_dict() for work in group.works],
                        "ties": [_tie_form(tie, group) for tie in group.ties],
                    }
                    for group in self.groups
                ],
            }
        )
        return found


def _tie_form(tie: Tie, group: CopyGroup) -> dict[str, Any]:
    ids = {work.point_id: str(work.payload["painting_id"]) for work in group.works}
    return {"first": ids[tie.first], "second": ids[tie.second], **tie.to_dict()}


def find_copies(
    gallery: Gallery,
    filters: Filters | None = None,
    *,
    encoder: str | None = None,
    models: Models | None = None,
    progress: Progress | None = None,
) -> Copies:
    """Put the works of a gallery that show one work, or part of one, into groups.

    Works that meet the filters are compared with one another. In memory are an embedding and a
    gray picture of 16 x 16 of each, the rest is read for some pairs at a time.

    Raises
    ------
    CollectionNotFoundError, EncoderMismatchError
        If there is no such gallery, or it has no vectors of the encoder.
    QueryError, StoreError
        If the filters make no sense, or the database fails.
    """
    paintings, progress = gallery[PAINTINGS], progress or SilentProgress()
    known = gallery.encoders(PAINTINGS)
    info = choose_encoders(known, encoder and [encoder], models or Models())[0]
    criteria, notes = build_criteria(filters or Filters(), paintings, gallery)
    try:
        tied = find_ties(paintings, info.vector_name, criteria, progress=progress)
        groups = _groups(paintings, tied.ties)
    finally:
        progress.finish()
    if POINTS not in paintings.schema.vectors:
        notes.append(NO_POINTS)
    return Copies(
        groups,
        compared=tied.compared,
        candidates=tied.candidates,
        settings={
            "gallery": gallery.name,
            "location": gallery.store.location,
            "encoder": info.vector_name,
            "criteria": describe_criteria(criteria),
        },
        notes=tuple(notes),
    )


@dataclass(frozen=True, slots=True)
class Tied:
    """The ties among `compared` works, of which so many pairs were `candidates`."""

    ties: tuple[Tie, ...]
    compared: int
    candidates: int


def find_ties(
    paintings: Collection,
    vector_name: str,
    criteria: Criteria = EVERYTHING,
    *,
    nearest: int = NEAREST,
    progress: Progress | None = None,
) -> Tied:
    """Return the ties among the works that meet `criteria`; see `find_copies`.

    Of each work the `nearest` are checked, by embedding and by small gray pictures either way.
    """
    progress = progress or SilentProgress()
    scale = noted_scales(paintings.schema.notes).get(vector_name)
    table = _read(paintings, vector_name, criteria, progress)
    pairs = table.pairs(nearest, progress)
    ties = _ties(paintings, table, pairs, Checker.of(paintings, scale), progress)
    return Tied(tuple(ties), len(table.point_ids), len(pairs))


def join(ties: Iterable[Tie]) -> list[list[str]]:
    """Return the ids that are tied to each other, directly or through others, both in order."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = [(tie.first, tie.second) for tie in ties]
    ids = sorted({name for pair in pairs for name in pair})
    if not ids:
        return []
    place = {name: i for i, name in enumerate(ids)}
    ends = np.array([[place[one], place[other]] for one, other in pairs]).T
    graph = coo_array((np.ones(len(pairs)), ends), shape=(len(ids), len(ids)))
    count, labels = connected_components(graph, directed=False)
    groups: list[list[str]] = [[] for _ in range(count)]
    for name, label in zip(ids, labels.tolist(), strict=True):
        groups[label].append(name)
    return groups


@dataclass(frozen=True, slots=True)
class Collapsed:
    """A hit that was left out of an answer as a copy of a better one, or of a copy of it.

    `kind` is its closest tie to any of these.
    """

    painting_id: str
    score: float
    copy_of: str
    kind: TieKind


def remark_on(collapsed: Sequence[Collapsed]) -> str:
    """Return in words which hits were left out as copies."""
    told = [f"{one.painting_id} ({one.kind}, as {one.copy_of})" for one in collapsed]
    return f"{counted(len(told), 'hit')} left out as copies of better ones: {listed(told)}"


def collapse(
    hits: Sequence[Hit], paintings: Collection, vector_name: str, options: SearchOptions
) -> tuple[list[Hit], tuple[Collapsed, ...]]:
    """Return the hits that are asked for, without copies of better ones, and these."""
    among = Criteria((AnyOf("painting_id", tuple(hit.painting_id for hit in hits)),))
    ties = [tie for tie in find_ties(paintings, vector_name, among).ties if tie.is_copy]
    group_of = {name: number for number, names in enumerate(join(ties)) for name in names}
    best: dict[int, Hit] = {}
    kept = [
        hit
        for hit in hits
        if (group := group_of.get(hit.point_id)) is None or best.setdefault(group, hit) is hit
    ]
    shown = kept[options.offset : options.offset + options.limit]
    there = {hit.point_id for hit in shown}
    left_out = []
    for hit in hits:
        first = best.get(group_of.get(hit.point_id, -1), hit)
        if first is not hit and first.point_id in there:
            own = min((tie for tie in ties if hit.point_id in tie.ends), key=_by_closeness)
            left_out.append(Collapsed(hit.painting_id, hit.best_score, first.painting_id, own.kind))
    return shown, tuple(left_out)


# Pairs


@dataclass(frozen=True, slots=True)
class _Table:
    """N works with their embeddings and small gray pictures, all unit rows, these also mirrored."""

    point_ids: list[str]
    vectors: Embeddings
    grays: Embeddings
    mirrored: Embeddings

    def pairs(self, nearest: int, progress: Progress) -> Indices:
        """Return which pairs may be tied, shape (M, 2), each once, in order."""
        least, none = LEAST_CORRELATION, -1.0
        ways = (
            (self.vectors, self.vectors, none),
            (self.grays, self.grays, least),
            (self.mirrored, self.grays, least),
        )
        count, found = len(self.point_ids), [np.empty((0, 2), np.intp)]
        progress.start(len(ways) * count, "Looking for pairs")
        for number, (queries, works, enough) in enumerate(ways):

            def tell(done: int, before: int = number * count) -> None:
                progress.update(before + done)

            found += _nearest(queries, works, nearest, enough, tell)
        return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)


def _nearest(
    queries: Embeddings, works: Embeddings, most: int, least: float, on_done: Callable[[int], None]
) -> list[Indices]:
    """Return each row of `queries` beside the nearest of the other `works` that are so near."""
    count = len(works)
    size = min(most, count - 1)
    if size < 1:
        return []

    def near(block: Indices) -> Indices:
        scores = queries[block] @ works.T
        scores[np.arange(len(block)), block] = -np.inf
        nearest = np.argpartition(-scores, size - 1, axis=1)[:, :size]
        enough = np.take_along_axis(scores, nearest, axis=1) >= least
        return np.stack([np.repeat(block, enough.sum(axis=1)), nearest[enough]], axis=1)

    return over_blocks(np.arange(count), count, near, on_done=on_done)


def _read(
    paintings: Collection, vector_name: str, criteria: Criteria, progress: Progress
) -> _Table:
    having = criteria & Criteria((HasVector(vector_name), HasVector(PIXELS)))
    progress.start(paintings.count(having), "Reading vectors")
    names, point_ids, vectors, grays = (vector_name, PIXELS), [], [], []
    for record in paintings.scroll(having, with_vectors=names, payload_fields=(), page_size=500):
        point_ids.append(record.point_id)
        vectors.append(np.asarray(record.vectors[vector_name], np.float32))
        grays.append(_small(record.vectors[PIXELS]))
        progress.update(len(point_ids))
    if not point_ids:
        empty = np.empty((0, 1), np.float32)
        return _Table([], empty, empty, empty)
    stacked = np.stack(grays)
    turned = stacked.reshape(-1, _SIDE, _SIDE)[:, :, ::-1].reshape(stacked.shape)
    return _Table(point_ids, np.stack(vectors), stacked, np.ascontiguousarray(turned))


def _small(pixels: Pixels) -> Embeddings:
    """Return a smaller gray picture as a unit row without its mean: dot products correlate."""
    side = round(len(pixels) ** 0.5)
    square = Image.fromarray(pixels.reshape(side, side))
    small = np.asarray(square.resize((_SIDE, _SIDE), Image.Resampling.BOX), np.float32).reshape(-1)
    small = small - small.mean()
    unit: Embeddings = small / max(float(np.linalg.norm(small)), 1e-6)
    return unit


def _ties(
    paintings: Collection, table: _Table, pairs: Indices, checker: Checker, progress: Progress
) -> list[Tie]:
    """Return the ties among pairs, of which some are read and checked at a time."""

    def check(block: Indices) -> list[Tie]:
        some = pairs[block]
        ids = [table.point_ids[i] for i in np.unique(some)]
        works = paintings.retrieve(
            ids, with_vectors=checker.needs, payload_fields=("artist_key", "height_cm", "width_cm")
        )
        found: list[Tie] = []
        for row, of_row in groupby(some.tolist(), key=itemgetter(0)):
            others = [j for _, j in of_row]
            cosines = table.vectors[others] @ table.vectors[row]
            records = [works[table.point_ids[j]] for j in others]
            found += checker.check(works[table.point_ids[row]], records, cosines.tolist())
        return found

    progress.start(len(pairs), "Checking pairs")
    width = BLOCK_SCORES // _PAIRS
    blocks = over_blocks(np.arange(len(pairs)), width, check, on_done=progress.update)
    return [tie for block in blocks for tie in block]


# Groups


def _groups(paintings: Collection, ties: Sequence[Tie]) -> tuple[CopyGroup, ...]:
    """Return what the ties join, those of copies and those of a shared motif apart."""
    of_copies = [tie for tie in ties if tie.is_copy]
    made = []
    for some in (of_copies, [tie for tie in ties if not tie.is_copy]):
        joined = join(some)
        group_of = {name: number for number, names in enumerate(joined) for name in names}
        own: dict[int, list[Tie]] = defaultdict(list)
        for tie in some:
            own[group_of[tie.first]].append(tie)
        made += [(names, own[number]) for number, names in enumerate(joined)]
    ids = sorted({name for names, _ in made for name in names})
    works: dict[str, Listed] = {}
    for start in range(0, len(ids), _PAGE):
        found = paintings.retrieve(ids[start : start + _PAGE])
        works |= {name: Listed(name, record.payload) for name, record in found.items()}
    groups = [
        CopyGroup(
            0,
            tuple(sorted((works[name] for name in names), key=_by_id)),
            tuple(sorted(of, key=_by_closeness)),
        )
        for names, of in made
    ]
    groups.sort(key=lambda of: (TIES.index(of.ties[0].kind), -len(of.works), _by_id(of.works[0])))
    return tuple(replace(group, number=number) for number, group in enumerate(groups, start=1))


def _by_id(work: Listed) -> str:
    return str(work.payload["painting_id"])


def _by_closeness(tie: Tie) -> tuple[int, float, str, str]:
    return TIES.index(tie.kind), -tie.ssim, tie.first, tie.second
