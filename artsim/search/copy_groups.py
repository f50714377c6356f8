"""Copies: the pictures of a gallery that show one work, or part of one, in groups.

Pairs that may be tied are the nearest by embedding, and by the small gray pictures, also mirrored;
each is then checked (`artsim.search.copy_ties`), and what is tied is in one group.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from PIL import Image

from artsim.catalog.arrays import Embeddings, Pixels
from artsim.catalog.criteria import Criteria, HasVector
from artsim.catalog.hits import JSON, SCHEMA, plain_json
from artsim.catalog.kinds import PAINTINGS
from artsim.catalog.progress import Progress, SilentProgress
from artsim.catalog.scale import noted_scales
from artsim.search.copy_ties import TIES, Checker, Tie
from artsim.search.filters import Filters, build_criteria
from artsim.search.listing import Listed
from artsim.search.models import Models, choose_encoders
from artsim.search.neighbors import BLOCK_SCORES, Indices, over_blocks
from artsim.search.question import describe_criteria
from artsim.search.rerank import PIXELS
from artsim.store.gallery import Gallery
from artsim.store.protocol import Collection

NEAREST: Final = 8
"""So many nearest works by embedding, and by small gray pictures either way, may be copies."""

_SIDE: Final = 16
"""Side of the grays that are compared with everything: a sixteenth of the memory of all."""

_PAGE: Final = 256

_PAIRS: Final = 128
"""Pairs that are checked at once, with what is read of their works."""


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
    `grays` are small gray pictures by point, of works whose files are not on this machine.
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
    checker = Checker.of(paintings, noted_scales(paintings.schema.notes).get(info.vector_name))
    try:
        table = _read(paintings, info.vector_name, criteria, progress)
        pairs = table.pairs(progress)
        ties = _ties(paintings, table, pairs, checker, progress)
        groups = _groups(paintings, ties)
    finally:
        progress.finish()
    return Copies(
        groups,
        compared=len(table.point_ids),
        candidates=len(pairs),
        settings={
            "gallery": gallery.name,
            "location": gallery.store.location,
            "encoder": info.vector_name,
            "criteria": describe_criteria(criteria),
        },
        notes=tuple(notes),
    )


# Pairs


@dataclass(frozen=True, slots=True)
class _Table:
    """N works with their embeddings and small gray pictures, all unit rows, these also mirrored."""

    point_ids: list[str]
    vectors: Embeddings
    grays: Embeddings
    mirrored: Embeddings

    def pairs(self, progress: Progress) -> Indices:
        """Return which pairs may be tied, shape (M, 2), each once, in order."""
        ways = (self.vectors, self.vectors), (self.grays, self.grays), (self.mirrored, self.grays)
        count, found = len(self.point_ids), [np.empty((0, 2), np.intp)]
        progress.start(len(ways) * count, "Looking for pairs")
        for number, (queries, works) in enumerate(ways):

            def tell(done: int, before: int = number * count) -> None:
                progress.update(before + done)

            found += _nearest(queries, works, tell)
        return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)


def _nearest(
    queries: Embeddings, works: Embeddings, on_done: Callable[[int], None]
) -> list[Indices]:
    """Return each row of `queries` beside those of its nearest `works`, itself left out."""
    count = len(works)
    size = min(NEAREST, count - 1)
    if size < 1:
        return []

    def near(block: Indices) -> Indices:
        scores = queries[block] @ works.T
        scores[np.arange(len(block)), block] = -np.inf
        nearest = np.argpartition(-scores, size - 1, axis=1)[:, :size]
        return np.stack([np.repeat(block, size), nearest.reshape(-1)], axis=1)

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
        works = paintings.retrieve(ids, with_vectors=checker.needs, payload_fields=())
        cosines = np.einsum("ij,ij->i", table.vectors[some[:, 0]], table.vectors[some[:, 1]])
        named = [(table.point_ids[i], table.point_ids[j]) for i, j in some.tolist()]
        return checker.check(named, cosines.tolist(), works)

    progress.start(len(pairs), "Checking pairs")
    width = BLOCK_SCORES // _PAIRS
    blocks = over_blocks(np.arange(len(pairs)), width, check, on_done=progress.update)
    return [tie for block in blocks for tie in block]


# Groups


def _groups(paintings: Collection, ties: Sequence[Tie]) -> tuple[CopyGroup, ...]:
    """Return what the ties join, the works in order of their ids."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ids = sorted({name for tie in ties for name in (tie.first, tie.second)})
    if not ids:
        return ()
    place = {name: i for i, name in enumerate(ids)}
    ends = [[place[getattr(tie, end)] for tie in ties] for end in ("first", "second")]
    joined = coo_array((np.ones(len(ties)), ends), shape=(len(ids), len(ids)))
    _, label_of = connected_components(joined, directed=False)
    members, own = defaultdict(list), defaultdict(list)
    for start in range(0, len(ids), _PAGE):
        for name, record in paintings.retrieve(ids[start : start + _PAGE]).items():
            members[label_of[place[name]]].append(Listed(name, record.payload))
    for tie in ties:
        own[label_of[place[tie.first]]].append(tie)
    made = [
        (
            tuple(sorted(members[label], key=lambda of: str(of.payload["painting_id"]))),
            tuple(sorted(of, key=lambda tie: (TIES.index(tie.kind), -tie.ssim, tie.first))),
        )
        for label, of in own.items()
    ]
    made.sort(key=lambda of: (TIES.index(of[1][0].kind), -len(of[0]), of[0][0].point_id))
    return tuple(CopyGroup(number, *of) for number, of in enumerate(made, start=1))
