"""What local points verify comes first: the very work, a detail of it, or a photograph of it.

A gallery with points answers a picture in up to three steps. The nearest works are checked by
points, those near to one of their details too; where these leave most of the picture open,
windows of it are searched, and what is near to them is checked. What is found comes first, the
rest as it was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final, NamedTuple

import numpy as np

from artsim.catalog.arrays import Embedding, RGBImage
from artsim.catalog.hits import Corners, Evidence, Hit, Note, rank_order
from artsim.catalog.kinds import FACES, PAINTINGS, POINTS, Box, Crop, EncoderInfo
from artsim.catalog.payload import AnyOf, Criteria
from artsim.errors import EncoderError, QueryError
from artsim.images.details import cut
from artsim.images.local_points import (
    QUERY_COUNT,
    Match,
    Points,
    evidence_of,
    load_opencv,
    local_points,
    match_all,
    outside,
)
from artsim.images.windows import find_windows
from artsim.search.filters import build_criteria
from artsim.search.models import Models
from artsim.search.probes import Target
from artsim.search.question import IdQuery, ImageQuery, PixelsQuery, Question, SearchOptions
from artsim.store.gallery import Gallery
from artsim.store.protocol import Collection, Record, SearchRequest

CANDIDATES: Final = 50
"""Works that are checked at once: the nearest, the nearest by their details, those of windows."""

PHOTO_SIDE: Final = 1024
PHOTO_COUNT: Final = 2000
"""In how large a photograph points are looked for, and how many: a painting is a part of it."""

_FIRST: Final = 10
"""Works that are checked before the other candidates, which are not where these explain all."""

_OF_WINDOW: Final = 20
"""Hits of a window, the last of which says how near works are to it by chance."""

_COVERED: Final = 0.6
"""Share of a window from which on it shows what has been found already."""

_ALL_OF_IT: Final = 0.4
"""Share of a picture from which on what was found is taken for all that it shows."""

Find = Callable[[SearchOptions], list[Hit]]


def is_checked(question: Question, gallery: Gallery) -> bool:
    """Return whether the answer begins with what points verify.

    Of a picture that is no work of the gallery, where hits are in the order of nearness.

    Raises
    ------
    QueryError
        If a photograph's paintings are asked for and the query is no picture, or is for faces.
    """
    options, kind = question.options, question.kind
    in_photo = options.look == "in-photo"
    if in_photo:
        _check_photo(question)
    by_nearness = options.rerank is None or options.rerank_weight is not None
    return (
        options.look != "whole"
        and (kind.is_whole or kind.by_whole)
        and isinstance(question.query, ImageQuery | PixelsQuery)
        and by_nearness
        and options.group_by is None
        and (in_photo or POINTS in gallery[PAINTINGS].schema.vectors)
    )


def _check_photo(question: Question) -> None:
    options = question.options
    if isinstance(question.query, IdQuery) or not question.pictures or len(question.pictures) > 1:
        raise QueryError("a photograph that shows paintings is one picture, and no id or text")
    if question.kind.name == FACES.name or options.group_by or options.rerank:
        raise QueryError(
            "paintings in a photograph are found by windows and points: not as faces, grouped or "
            "re-ranked"
        )


def verified(
    question: Question,
    gallery: Gallery,
    target: Target,
    encoders: Sequence[EncoderInfo],
    models: Models,
    find: Find,
    criteria: Criteria,
) -> tuple[list[Hit], list[str]]:
    """Return the hits, those first that points verify, most points first; and remarks.

    `find` answers as if there were no points, by works that meet the `criteria`.
    """
    options = question.options
    wanted = options.offset + options.limit
    plain = find(replace(options, offset=0, limit=max(wanted, CANDIDATES)))
    (probe,) = target.probes
    (vector,) = list(probe.vectors.values())[:1]
    picture = probe.crop
    remarks = _why_not(gallery)
    if picture is None or (remarks and options.look is None):
        return plain[options.offset : wanted], remarks
    search = _Search(question, gallery, encoders[0], criteria)
    has_points = not remarks
    found: list[Hit] = []
    matches: list[Match] = []
    if options.look is None:
        points = local_points(picture, count=QUERY_COUNT)
        of_parts = _best(search.parts(vector, 2 * CANDIDATES))
        for few in (slice(0, _FIRST), slice(_FIRST, CANDIDATES)):
            if _shows_more(found, picture):
                more, how = search.check(points, [*plain[few], *of_parts[few]])
                found, matches = [*found, *more], [*matches, *how]
    if has_points and _shows_more(found, picture):
        found += _in_windows(search, picture, vector, models, found, matches)
    elif not has_points:
        found = _standing_out(_ask_windows(search, picture, find_windows(picture), vector, models))[
            :CANDIDATES
        ]
    ids = {hit.painting_id for hit in found}
    rest = [search.with_evidence(hit) for hit in plain if hit.painting_id not in ids]
    if has_points:
        found.sort(key=lambda hit: (-_inliers(hit), hit.painting_id))
    return [*found, *rest][options.offset : wanted], remarks


def _why_not(gallery: Gallery) -> list[str]:
    """Return why nothing can be verified by points; empty where it can."""
    if POINTS not in gallery[PAINTINGS].schema.vectors:
        told = "nothing is verified by points, which this gallery lacks: ingest its source again"
        return [Note(told, hint="artsim ingest SOURCE --details")]
    try:
        load_opencv()
    except EncoderError as error:
        return [Note(f"nothing is verified by points: {error}", hint=error.hint)]
    return []


def _inliers(hit: Hit) -> int:
    return 0 if hit.evidence is None else hit.evidence.inliers


def _best(hits: Iterable[Hit]) -> list[Hit]:
    """Return the best hit of each painting, best first, as many as are checked."""
    best: dict[str, Hit] = {}
    for hit in sorted(hits, key=rank_order):
        best.setdefault(hit.painting_id, hit)
    return list(best.values())[:CANDIDATES]


@dataclass(frozen=True, slots=True)
class _Search:
    """What one question's candidates are looked for with; `evidence` is what was said of them."""

    question: Question
    gallery: Gallery
    encoder: EncoderInfo
    criteria: Criteria
    evidence: dict[str, Evidence] = field(default_factory=dict)

    def parts(self, vector: Embedding, limit: int) -> list[Hit]:
        """Return the nearest details, where whole pictures are asked for."""
        kinds = self.gallery.kinds if self.question.kind.is_whole else ()
        found: list[Hit] = []
        for kind in kinds:
            if kind.by_whole and self.encoder.vector_name in self.gallery[kind].schema.vectors:
                filtered = build_criteria(self.question.filters, self.gallery[kind], self.gallery)
                left_out = Criteria(must_not=self.criteria.must_not)
                criteria = filtered[0] & self.question.criteria & left_out
                found += self._nearest(self.gallery[kind], [vector], criteria, limit)[0]
        return found

    def wholes(self, vectors: Sequence[Embedding]) -> list[list[Hit]]:
        """Return for each vector the nearest of what is asked for."""
        collection = self.gallery[self.question.kind]
        return self._nearest(collection, vectors, self.criteria, _OF_WINDOW)

    def _nearest(
        self, collection: Collection, vectors: Sequence[Embedding], criteria: Criteria, limit: int
    ) -> list[list[Hit]]:
        options, name = self.question.options, self.encoder.vector_name
        more = {"min_score": options.min_score, "exact": options.exact}
        return collection.search(
            [SearchRequest(vector, name, criteria, limit, **more) for vector in vectors]  # type: ignore[arg-type]
        )

    def check(self, points: Points, hits: Sequence[Hit]) -> tuple[list[Hit], list[Match]]:
        """Return those of which points say that they are in the query, and how."""
        best = {hit.painting_id: hit for hit in reversed(hits)}
        for known in self.evidence.keys() & best.keys():
            if self.evidence[known].is_found:
                del best[known]
        if not best:
            return [], []
        ids = AnyOf("painting_id", tuple(best))
        # The criteria again: a detail may meet what its painting does not.
        criteria = self.criteria if self.question.kind.is_whole else Criteria()
        records = [
            record
            for record in self.gallery[PAINTINGS].scroll(
                criteria & Criteria((ids,)), with_vectors=(POINTS,)
            )
            if POINTS in record.vectors
        ]
        records.sort(key=lambda record: str(record.payload["painting_id"]))
        matches = match_all(points, [record.vectors[POINTS] for record in records])
        found: list[tuple[Hit, Match]] = []
        for record, match in zip(records, matches, strict=True):
            painting_id, evidence = str(record.payload["painting_id"]), evidence_of(match)
            if evidence.is_found or painting_id not in self.evidence:
                self.evidence[painting_id] = evidence
            if evidence.is_found:
                found.append((self._hit(best[painting_id], record, evidence), match))
        return [hit for hit, _ in found], [match for _, match in found]

    def _hit(self, hit: Hit, record: Record, evidence: Evidence) -> Hit:
        """Return the hit of what was asked for: of a painting, where a detail of it was nearest."""
        if not self.question.kind.is_whole:
            return replace(hit, evidence=evidence)
        return Hit(record.point_id, hit.score, record.payload, evidence=evidence)

    def with_evidence(self, hit: Hit) -> Hit:
        """Return a hit with what points say of it, if they were looked at."""
        return replace(hit, evidence=self.evidence.get(hit.painting_id))


class _Standing(NamedTuple):
    """A hit of a window, and by how much it is nearer than the last of the window's hits.

    A bare wall is near to many works alike, and nearer than a small painting askew is to itself.
    """

    margin: float
    hit: Hit


def _shows_more(found: Sequence[Hit], picture: RGBImage) -> bool:
    """Return whether most of a picture may show something else than what was found in it."""
    seen = np.zeros(picture.shape[:2], np.bool_)
    for box in _masks(found, picture):
        left, top = round(box.x), round(box.y)
        seen[top : round(box.y + box.height), left : round(box.x + box.width)] = True
    return bool(seen.mean() < _ALL_OF_IT)


def _ask_windows(
    search: _Search,
    picture: RGBImage,
    boxes: Sequence[Box],
    vector: Embedding,
    models: Models,
) -> list[list[_Standing]]:
    """Return what is nearest to the whole picture, of that vector, and to each window of it."""
    crops = [Crop(cut(picture, box), {}) for box in boxes]
    rows = models.encode(search.encoder, crops) if crops else ()
    least = search.question.options.min_score
    found = []
    for hits in search.wholes([vector, *rows]):
        # Where the least score keeps some away, the next one has that at the most.
        chance = least
        if chance is None or len(hits) == _OF_WINDOW:
            chance = min((hit.score for hit in hits), default=0.0)
        found.append([_Standing(hit.score - chance, hit) for hit in hits])
    return found


def _standing_out(answers: Iterable[Sequence[_Standing]]) -> list[Hit]:
    """Return of each painting in several windows the hit that stands out most, most first."""
    every = sorted(chain(*answers), key=lambda one: (-one.margin, one.hit.painting_id))
    best: dict[str, Hit] = {}
    for one in every:
        best.setdefault(one.hit.painting_id, one.hit)
    return list(best.values())


def _in_windows(
    search: _Search,
    picture: RGBImage,
    vector: Embedding,
    models: Models,
    known: Sequence[Hit],
    matches: Sequence[Match],
) -> list[Hit]:
    """Return what else is in some window of a picture, beside what is known to be in it.

    What was found is masked, and the rest is searched for more until there is none. What is known
    is masked only then: the gallery may have other pictures of the same work.
    """
    boxes = [Box(0, 0, picture.shape[1], picture.shape[0]), *find_windows(picture)]
    hits = _ask_windows(search, picture, boxes[1:], vector, models)
    points = local_points(picture, count=PHOTO_COUNT, side=PHOTO_SIDE)
    done, found = {hit.painting_id for hit in known}, list[Hit]()
    while True:
        pooled = [hit for hit in _standing_out(hits) if hit.painting_id not in done]
        new, how = search.check(points, pooled[:CANDIDATES])
        if not (new or done):
            new, how = search.check(points, pooled[CANDIDATES : 2 * CANDIDATES])
        if not (new or matches):
            return found
        done |= {hit.painting_id for hit in [*pooled[:CANDIDATES], *new]}
        for match in [*matches, *how]:
            points = outside(points, match)
        masks = _masks([*known, *new], picture)
        found, matches = [*found, *new], how
        left = [i for i, box in enumerate(boxes) if not _is_covered(box, masks)]
        boxes, hits = [boxes[i] for i in left], [hits[i] for i in left]


def _masks(found: Sequence[Hit], picture: RGBImage) -> list[Box]:
    return [_bounds(hit.evidence.query_outline, picture) for hit in found if hit.evidence]


def _bounds(outline: Corners, picture: RGBImage) -> Box:
    """Return the upright box around an outline, in pixels of the picture."""
    places = np.clip(outline, 0, 1) * picture.shape[1::-1]
    (left, top), (right, bottom) = places.min(axis=0), places.max(axis=0)
    return Box(left, top, right - left, bottom - top)


def _is_covered(box: Box, masks: Sequence[Box]) -> bool:
    area = box.width * box.height
    return any(box.shared(mask) > _COVERED * area for mask in masks)
