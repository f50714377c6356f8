"""What local points verify comes first: the very work, a detail of it, or a photograph of it.

A gallery with points answers a picture in up to three steps. The nearest works are checked by
points, those near to one of their details too; where these leave most of the picture open, windows
of it are searched, and what is near to them is checked. What is found comes first, the rest as it
was.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final, TypeAlias

import numpy as np

from artsim.catalog.arrays import Embedding, RGBImage
from artsim.catalog.hits import Evidence, Hit, Note, rank_order
from artsim.catalog.kinds import FACES, PAINTINGS, POINTS, Box, Crop, EncoderInfo, Kind
from artsim.catalog.payload import EVERYTHING, AnyOf, Criteria
from artsim.errors import EncoderError, QueryError
from artsim.images.details import cut, find_windows
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
from artsim.search.filters import build_criteria
from artsim.search.models import Models
from artsim.search.probes import Target
from artsim.search.question import IdQuery, ImageQuery, PixelsQuery, Question, SearchOptions
from artsim.search.verdicts import is_by_nearness
from artsim.store.gallery import Gallery
from artsim.store.protocol import SearchRequest

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

Find: TypeAlias = Callable[[SearchOptions], list[Hit]]


def verified(
    question: Question,
    gallery: Gallery,
    target: Target,
    encoders: Sequence[EncoderInfo],
    models: Models,
    find: Find,
    criteria: Criteria,
) -> tuple[list[Hit], list[str]]:
    """Return the hits, where points verify some those first, most points first; and remarks.

    `find` answers as if there were no points, by works that meet the `criteria`.

    Raises
    ------
    QueryError
        If a photograph's paintings are asked for and the query is no picture, or is for faces.
    """
    options = question.options
    if not _is_checked(question, gallery):
        return find(options), []
    wanted = options.offset + options.limit
    plain = find(replace(options, offset=0, limit=max(wanted, CANDIDATES)))
    (probe,) = target.probes
    remarks = _why_not(gallery)
    if probe.crop is None or (remarks and options.look is None):
        return plain[options.offset : wanted], remarks
    vector = probe.vectors[encoders[0].vector_name]
    search = _Search(question, gallery, criteria, encoders[0], models, probe.crop, vector)
    found, matches = search.among(plain) if options.look is None else ([], [])
    if remarks:
        found = _standing_out(search.ask_windows(find_windows(probe.crop)))[:CANDIDATES]
    elif search.shows_more(found):
        found += search.in_windows(found, matches)
    ids = {hit.painting_id for hit in found}
    rest = [
        replace(hit, evidence=search.evidence.get(hit.painting_id))
        for hit in plain
        if hit.painting_id not in ids
    ]
    if not remarks:
        found.sort(key=lambda hit: (-hit.evidence.inliers if hit.evidence else 0, hit.painting_id))
    return [*found, *rest][options.offset : wanted], remarks


def _is_checked(question: Question, gallery: Gallery) -> bool:
    """Return whether the answer begins with what points verify.

    Of a picture that is no work of the gallery, where hits are in the order of nearness.
    """
    options, query, kind = question.options, question.query, question.kind
    in_photo = options.look == "in-photo"
    if in_photo and (isinstance(query, IdQuery) or len(question.pictures) != 1):
        raise QueryError("a photograph that shows paintings is one picture, and no id or text")
    if in_photo and (kind.name == FACES.name or options.group_by or options.rerank):
        raise QueryError(
            "paintings in a photograph are found by windows and points: not as faces, grouped or "
            "re-ranked"
        )
    return (
        options.look != "whole"
        and (kind.is_whole or kind.by_whole)
        and isinstance(query, ImageQuery | PixelsQuery)
        and is_by_nearness(options)
        and (in_photo or POINTS in gallery[PAINTINGS].schema.vectors)
    )


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


_Standing: TypeAlias = tuple[float, Hit]
"""A hit of a window, and by how much it is nearer than the last of the window's hits.

A bare wall is near to many works alike, and nearer than a small painting askew is to itself."""


@dataclass(frozen=True, slots=True)
class _Search:
    """What is looked for in one picture, of that vector; `evidence` is what was said of works."""

    question: Question
    gallery: Gallery
    criteria: Criteria
    encoder: EncoderInfo
    models: Models
    picture: RGBImage
    vector: Embedding
    evidence: dict[str, Evidence] = field(default_factory=dict)

    def among(self, plain: Sequence[Hit]) -> tuple[list[Hit], list[Match]]:
        """Return which of the nearest works are there, and of those with the nearest details."""
        found: list[Hit] = []
        matches: list[Match] = []
        points, of_parts = local_points(self.picture, count=QUERY_COUNT), self._best_parts()
        for few in (slice(0, _FIRST), slice(_FIRST, CANDIDATES)):
            if self.shows_more(found):
                more, how = self._check(points, [*plain[few], *of_parts[few]])
                found, matches = [*found, *more], [*matches, *how]
        return found, matches

    def _best_parts(self) -> list[Hit]:
        """Return the nearest detail of each painting, where whole pictures are asked for."""
        kinds = self.gallery.kinds if self.question.kind.is_whole else ()
        found: list[Hit] = []
        for kind in kinds:
            if kind.by_whole and self.encoder.vector_name in self.gallery[kind].schema.vectors:
                filtered = build_criteria(self.question.filters, self.gallery[kind], self.gallery)
                left_out = Criteria(must_not=self.criteria.must_not)
                criteria = filtered[0] & self.question.criteria & left_out
                found += self._nearest(kind, [self.vector], criteria, 2 * CANDIDATES)[0]
        best: dict[str, Hit] = {}
        for hit in sorted(found, key=rank_order):
            best.setdefault(hit.painting_id, hit)
        return list(best.values())[:CANDIDATES]

    def _nearest(
        self, kind: Kind, vectors: Sequence[Embedding], criteria: Criteria, limit: int
    ) -> list[list[Hit]]:
        options, name = self.question.options, self.encoder.vector_name
        least, exact = options.min_score, options.exact
        return self.gallery[kind].search(
            [
                SearchRequest(vector, name, criteria, limit, min_score=least, exact=exact)
                for vector in vectors
            ]
        )

    def _check(self, points: Points, hits: Sequence[Hit]) -> tuple[list[Hit], list[Match]]:
        """Return those of which points say that they are in the picture, and how."""
        best = {hit.painting_id: hit for hit in reversed(hits)}
        for known in self.evidence.keys() & best.keys():
            if self.evidence[known].is_found:
                del best[known]
        if not best:
            return [], []
        # The criteria again: a detail may meet what its painting does not.
        criteria = self.criteria if self.question.kind.is_whole else EVERYTHING
        among = criteria & Criteria((AnyOf("painting_id", tuple(best)),))
        scrolled = self.gallery[PAINTINGS].scroll(among, with_vectors=(POINTS,))
        records = [record for record in scrolled if POINTS in record.vectors]
        records.sort(key=lambda record: str(record.payload["painting_id"]))
        matches = match_all(points, [record.vectors[POINTS] for record in records])
        found: list[Hit] = []
        how: list[Match] = []
        for record, match in zip(records, matches, strict=True):
            painting_id, evidence = str(record.payload["painting_id"]), evidence_of(match)
            if evidence.is_found or painting_id not in self.evidence:
                self.evidence[painting_id] = evidence
            if evidence.is_found:
                hit = replace(best[painting_id], evidence=evidence)
                if self.question.kind.is_whole:  # of the painting, where a detail was nearest
                    hit = Hit(record.point_id, hit.score, record.payload, evidence=evidence)
                found.append(hit)
                how.append(match)
        return found, how

    def shows_more(self, found: Sequence[Hit]) -> bool:
        """Return whether most of the picture may show something else than what was found."""
        seen = np.zeros(self.picture.shape[:2], np.bool_)
        for box in self._masks(found):
            left, top = round(box.x), round(box.y)
            seen[top : round(box.y + box.height), left : round(box.x + box.width)] = True
        return bool(seen.mean() < _ALL_OF_IT)

    def ask_windows(self, boxes: Sequence[Box]) -> list[list[_Standing]]:
        """Return what is nearest to the whole picture, and to each window of it."""
        crops = [Crop(cut(self.picture, box), {}) for box in boxes]
        rows = self.models.encode(self.encoder, crops) if crops else ()
        least, kind = self.question.options.min_score, self.question.kind
        found = []
        for hits in self._nearest(kind, [self.vector, *rows], self.criteria, _OF_WINDOW):
            # Where the least score keeps some away, the next one has that at the most.
            chance = least
            if chance is None or len(hits) == _OF_WINDOW:
                chance = min((hit.score for hit in hits), default=0.0)
            found.append([(hit.score - chance, hit) for hit in hits])
        return found

    def in_windows(self, known: Sequence[Hit], matches: Sequence[Match]) -> list[Hit]:
        """Return what else is in some window of the picture, beside what is known to be in it.

        What was found is masked, and the rest is searched for more until there is none. What is
        known is masked only then: the gallery may have other pictures of the same work.
        """
        height, width = self.picture.shape[:2]
        boxes = [Box(0, 0, width, height), *find_windows(self.picture)]
        hits = self.ask_windows(boxes[1:])
        points = local_points(self.picture, count=PHOTO_COUNT, side=PHOTO_SIDE)
        done, found = {hit.painting_id for hit in known}, list[Hit]()
        while True:
            pooled = [hit for hit in _standing_out(hits) if hit.painting_id not in done]
            new, how = self._check(points, pooled[:CANDIDATES])
            if not (new or done):
                new, how = self._check(points, pooled[CANDIDATES : 2 * CANDIDATES])
            if not (new or matches):
                return found
            done |= {hit.painting_id for hit in [*pooled[:CANDIDATES], *new]}
            for match in [*matches, *how]:
                points = outside(points, match)
            masks = self._masks([*known, *new])
            found, matches = [*found, *new], how
            left = [i for i, box in enumerate(boxes) if not _is_covered(box, masks)]
            boxes, hits = [boxes[i] for i in left], [hits[i] for i in left]

    def _masks(self, found: Sequence[Hit]) -> list[Box]:
        """Return the upright boxes around what was found, in pixels of the picture."""
        masks = []
        for outline in (hit.evidence.query_outline for hit in found if hit.evidence):
            places = np.clip(outline, 0, 1) * self.picture.shape[1::-1]
            (left, top), (right, bottom) = places.min(axis=0), places.max(axis=0)
            masks.append(Box(left, top, right - left, bottom - top))
        return masks


def _standing_out(answers: Iterable[Sequence[_Standing]]) -> list[Hit]:
    """Return of each painting in several windows the hit that stands out most, most first."""
    best: dict[str, Hit] = {}
    for _, hit in sorted(chain(*answers), key=lambda one: (-one[0], one[1].painting_id)):
        best.setdefault(hit.painting_id, hit)
    return list(best.values())


def _is_covered(box: Box, masks: Sequence[Box]) -> bool:
    area = box.width * box.height
    return any(box.shared(mask) > _COVERED * area for mask in masks)
