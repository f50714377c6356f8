"""Copies: the pictures of a gallery that show one work, or part of one, in groups.

Pairs that may be tied are the nearest by embedding, and by the small gray pictures, also mirrored;
each is then checked, and what is tied is in one group. Where both have local points
(`artsim.images.local_points`), a homography says which part of the one shows which part of the
other, and the small gray pictures are compared after it; where they have none, as they are. Which
values make which tie was measured: see docs/quality.md.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import groupby
from operator import itemgetter
from typing import Any, Final, Literal, TypeAlias, get_args

import numpy as np
from PIL import Image

from artsim.catalog.arrays import Embeddings, Pixels
from artsim.catalog.hits import JSON, Corners, Hit, Note
from artsim.catalog.kinds import PAINTINGS, POINTS
from artsim.catalog.payload import AnyOf, Criteria, HasVector, Payload, first_text
from artsim.catalog.progress import Progress, SilentProgress, counted
from artsim.catalog.scale import LEVELS, noted_scales
from artsim.errors import listed
from artsim.images.local_points import Match, grid, is_inside, match_all
from artsim.images.pixels import mirrored, ssim
from artsim.search.filters import Filters, build_criteria
from artsim.search.listing import Listed
from artsim.search.models import Models, choose_encoders
from artsim.search.neighbors import BLOCK_SCORES, Indices, over_blocks
from artsim.search.question import SearchOptions, describe_criteria, output_form
from artsim.search.rerank import PIXELS
from artsim.search.verdicts import SAME_SSIM
from artsim.store.gallery import Gallery
from artsim.store.protocol import Collection, Record

TieKind: TypeAlias = Literal[
    "same photograph",
    "other photograph",
    "mirrored",
    "copy or version",
    "detail of",
    "shared motif",
]
"""How two pictures are tied."""

TIES: Final[tuple[TieKind, ...]] = get_args(TieKind)
"""Every kind of tie, the closest first."""

SAME_PHOTOGRAPH: Final = 0.95
"""Least structural similarity of two copies of one photograph."""

ONE_WORK: Final = 0.8
"""Least structural similarity of two photographs of one work, once they are aligned."""

VERSION: Final = 0.6
"""The same of a copy or version of it; what is aligned and less similar shares a motif."""

TIED_INLIERS: Final = 12
"""Least pairs of points that tie two works of a gallery, of which there are very many pairs."""

PART: Final = 0.62
"""Most of a picture that a detail of it shows."""

NEAREST: Final = 8
"""So many nearest works by embedding, and by small gray pictures either way, may be copies."""

LEAST_CORRELATION: Final = 0.8
"""Of small gray pictures that may be copies: other scans of a work have 0.93 and more."""

NO_POINTS: Final = Note(
    "not checked by points, which this gallery has not: details, and copies whose tones or frames "
    "differ, are not found; ingest its source again",
    hint="artsim ingest --details",
)

_FEW_POINTS: Final = 100
"""Pictures with fewer points, as monochromes, may be tied by pixels alone."""

_UNUSUAL: Final = (0.998, 0.9995)
"""Shares of all pairs that are less near than what pixels alone may tie, as it is and mirrored."""

_SMALL_SIDE: Final = 16
"""Side of the grays that are compared with everything: a sixteenth of the memory of all."""

_GRID_SIDE: Final = 32
_FEWEST_CELLS: Final = 16
_ANOTHER_SIZE: Final = 1.1
_PAGE: Final = 256

_PAIRS: Final = 32
"""Pairs that are checked at once, with what is read of their works: Ctrl-C waits for them."""


@dataclass(frozen=True, slots=True)
class Tie:
    """That two pictures are tied, and the evidence.

    `first` and `second` are ids of points; of a detail the first is the detail. `cosine` is of
    their embeddings, `ssim` of the small gray pictures: where points were matched of what both
    show, one laid upon the other; else of all, or of one with the other in a mirror, as `mirrored`
    says. `inliers` are pairs of points that agree, None where points were not compared, `outline`
    the corners of the first picture in the second, in fractions of its width and height, and
    `shown` how much of the first picture's area the second shows, and of the second's the first.
    """

    first: str
    second: str
    kind: TieKind
    cosine: float
    ssim: float
    mirrored: bool = False
    inliers: int | None = None
    outline: Corners = ()
    shown: tuple[float, float] = (1.0, 1.0)

    @property
    def ends(self) -> tuple[str, str]:
        """The ids of both."""
        return self.first, self.second

    @property
    def is_copy(self) -> bool:
        """Whether the one is of the other, or of a version of it: more than a shared motif."""
        return self.kind != "shared motif"

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence as an object of docs/output.md."""
        by_points = {
            "inliers": self.inliers,
            "outline": [[round(x, 4), round(y, 4)] for x, y in self.outline],
            "shown": [round(share, 3) for share in self.shown],
        }
        return {
            "kind": self.kind,
            "checked": "pixels" if self.inliers is None else "points",
            "cosine": round(self.cosine, 4),
            "ssim": round(self.ssim, 4),
            "mirrored": self.mirrored,
            **({} if self.inliers is None else by_points),
        }


@dataclass(frozen=True, slots=True)
class CopyGroup:
    """Works that are tied to each other, directly or through others, by their ids.

    `ties` are between them, the closest first.
    """

    number: int
    works: tuple[Listed, ...]
    ties: tuple[Tie, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return it as an object of docs/output.md."""
        ids = {work.point_id: str(work.payload["painting_id"]) for work in self.works}
        ties = [
            {"first": ids[tie.first], "second": ids[tie.second], **tie.to_dict()}
            for tie in self.ties
        ]
        works = [work.to_dict() for work in self.works]
        return {"number": self.number, "works": works, "ties": ties}


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
        return output_form(
            settings=self.settings,
            notes=self.notes,
            compared=self.compared,
            candidates=self.candidates,
            groups=[group.to_dict() for group in self.groups],
        )


def find_copies(
    gallery: Gallery,
    filters: Filters | None = None,
    *,
    encoder: str | None = None,
    progress: Progress | None = None,
) -> Copies:
    """Put the works of a gallery that show one work, or part of one, into groups.

    Works that meet the filters are compared with one another. In memory are an embedding and a gray
    picture of 16 x 16 of each, the rest is read for some pairs at a time. What is raised is as of a
    search by id.
    """
    paintings, progress = gallery[PAINTINGS], progress or SilentProgress()
    info = choose_encoders(gallery.encoders(PAINTINGS), encoder and [encoder], Models())[0]
    criteria, notes = build_criteria(filters or Filters(), paintings, gallery)
    try:
        table = _read(paintings, info.vector_name, criteria, progress)
        pairs = table.pairs(progress)
        groups = _groups(paintings, _ties(paintings, table, pairs, progress))
    finally:
        progress.finish()
    if POINTS not in paintings.schema.vectors:
        notes.append(NO_POINTS)
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


def find_ties(
    paintings: Collection, vector_name: str, criteria: Criteria, progress: Progress | None = None
) -> list[Tie]:
    """Return the ties among the works that meet `criteria`; see `find_copies`."""
    progress = progress or SilentProgress()
    table = _read(paintings, vector_name, criteria, progress)
    return _ties(paintings, table, table.pairs(progress), progress)


def join(ties: Iterable[Tie]) -> list[list[str]]:
    """Return the ids that are tied to each other, directly or through others, both in order."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    pairs = [tie.ends for tie in ties]
    if not pairs:
        return []
    ids, ends = np.unique(np.array(pairs), return_inverse=True)
    first, second = ends.reshape(-1, 2).T
    graph = coo_array((np.ones(len(pairs)), (first, second)), shape=(len(ids), len(ids)))
    count, labels = connected_components(graph, directed=False)
    groups: list[list[str]] = [[] for _ in range(count)]
    for name, label in zip(ids.tolist(), labels.tolist(), strict=True):
        groups[label].append(name)
    return groups


def _group_of(ties: Iterable[Tie]) -> dict[str, int]:
    return {name: number for number, names in enumerate(join(ties)) for name in names}


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
    ties = [tie for tie in find_ties(paintings, vector_name, among) if tie.is_copy]
    group_of = _group_of(ties)
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


def _groups(paintings: Collection, ties: Sequence[Tie]) -> tuple[CopyGroup, ...]:
    """Return what the ties join, those of copies and those of a shared motif apart."""
    made: list[list[Tie]] = []
    for some in ([tie for tie in ties if tie.is_copy], [tie for tie in ties if not tie.is_copy]):
        group_of, own = _group_of(some), defaultdict(list)
        for tie in some:
            own[group_of[tie.first]].append(tie)
        made += own.values()
    ids = sorted({name for tie in ties for name in tie.ends})
    works: dict[str, Listed] = {}
    for start in range(0, len(ids), _PAGE):
        found = paintings.retrieve(ids[start : start + _PAGE])
        works |= {name: Listed(name, record.payload) for name, record in found.items()}
    groups = []
    for of in made:
        there = {name for tie in of for name in tie.ends}
        shown = sorted((works[name] for name in there), key=_by_id)
        groups.append(CopyGroup(0, tuple(shown), tuple(sorted(of, key=_by_closeness))))
    groups.sort(key=lambda of: (TIES.index(of.ties[0].kind), -len(of.works), _by_id(of.works[0])))
    return tuple(replace(group, number=number) for number, group in enumerate(groups, start=1))


def _by_id(work: Listed) -> str:
    return str(work.payload["painting_id"])


def _by_closeness(tie: Tie) -> tuple[int, float, str, str]:
    return TIES.index(tie.kind), -tie.ssim, tie.first, tie.second


@dataclass(frozen=True, slots=True)
class _Table:
    """N works with their embeddings and small gray pictures, all unit rows, these also mirrored."""

    vector_name: str
    point_ids: list[str]
    vectors: Embeddings
    grays: Embeddings
    mirrored: Embeddings

    def pairs(self, progress: Progress) -> Indices:
        """Return which pairs may be tied, shape (M, 2), each once, in order."""
        ways = (
            (self.vectors, self.vectors, -1.0),
            (self.grays, self.grays, LEAST_CORRELATION),
            (self.mirrored, self.grays, LEAST_CORRELATION),
        )
        count, found = len(self.point_ids), [np.empty((0, 2), np.intp)]
        progress.start(len(ways) * count, "Looking for pairs")
        for number, (queries, works, least) in enumerate(ways):

            def tell(done: int, before: int = number * count) -> None:
                progress.update(before + done)

            found += _nearest(queries, works, least, tell)
        return np.unique(np.sort(np.concatenate(found), axis=1), axis=0)


def _nearest(
    queries: Embeddings, works: Embeddings, least: float, on_done: Callable[[int], None]
) -> list[Indices]:
    """Return each row of `queries` beside the nearest of the other `works` that are so near."""
    count = len(works)
    size = min(NEAREST, count - 1)
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
        return _Table(vector_name, [], empty, empty, empty)
    stacked = np.stack(grays)
    turned = stacked.reshape(-1, _SMALL_SIDE, _SMALL_SIDE)[:, :, ::-1].reshape(stacked.shape)
    turned = np.ascontiguousarray(turned)
    return _Table(vector_name, point_ids, np.stack(vectors), stacked, turned)


def _small(pixels: Pixels) -> Embeddings:
    """Return a smaller gray picture as a unit row without its mean: dot products correlate."""
    side = math.isqrt(len(pixels))
    small = _shrunk(pixels.reshape(side, side), _SMALL_SIDE).astype(np.float32)
    small = small - small.mean()
    unit: Embeddings = small / max(float(np.linalg.norm(small)), 1e-6)
    return unit


def _shrunk(square: Pixels, side: int) -> Pixels:
    small = Image.fromarray(square).resize((side, side), Image.Resampling.BOX)
    return np.asarray(small).reshape(-1)


def _ties(paintings: Collection, table: _Table, pairs: Indices, progress: Progress) -> list[Tie]:
    """Return the ties among pairs, of which some are read and checked at a time."""
    checker = _Checker.of(paintings, table.vector_name)

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


@dataclass(frozen=True, slots=True)
class _Checker:
    """Says whether two works of a collection are tied; `needs` are the vectors that it compares.

    `least` is the least cosine of pictures that pixels alone may tie, and `least_turned` of those
    that they tie in a mirror, as pictures of two or three plain fields agree with many.
    """

    needs: tuple[str, ...]
    least: float = -1.0
    least_turned: float = -1.0

    @classmethod
    def of(cls, paintings: Collection, vector_name: str) -> _Checker:
        """Return what checks pairs of this collection that have those vectors."""
        needs = (PIXELS, POINTS) if POINTS in paintings.schema.vectors else (PIXELS,)
        scale = noted_scales(paintings.schema.notes).get(vector_name)
        if scale is None:
            return cls(needs)
        # By pairs: where most works have a copy, very near is nearer than many of them.
        unusual = np.minimum(np.interp(_UNUSUAL, LEVELS, scale.pairs), scale.very_near)
        return cls(needs, *unusual.tolist())

    def check(
        self, first: Record, others: Sequence[Record], cosines: Sequence[float]
    ) -> Iterator[Tie]:
        """Yield the ties between one work and each of some others, which have what is needed."""
        having = [other for other in others if POINTS in other.vectors]
        matches: dict[str, Match] = {}
        if having and POINTS in first.vectors:
            found = match_all(first.vectors[POINTS], [other.vectors[POINTS] for other in having])
            matches = {other.point_id: of for other, of in zip(having, found, strict=True)}
        for other, cosine in zip(others, cosines, strict=True):
            match = matches.get(other.point_id)
            if match is not None and match.inliers >= TIED_INLIERS:
                yield _by_points(first, other, cosine, match)
            elif match is None or _is_flat(first) or _is_flat(other):
                yield from self._by_pixels(first, other, cosine)

    def _by_pixels(self, first: Record, other: Record, cosine: float) -> Iterator[Tie]:
        one, two = first.vectors[PIXELS], other.vectors[PIXELS]
        if len(one) != len(two):
            return
        straight, turned = ssim(two, np.stack([one, mirrored(one)])).tolist()
        is_turned, score = turned > straight, max(straight, turned)
        if score >= SAME_SSIM and cosine >= (self.least_turned if is_turned else self.least):
            kind: TieKind = "mirrored" if is_turned else "other photograph"
            if not is_turned and score >= SAME_PHOTOGRAPH:
                kind = "same photograph"
            yield Tie(first.point_id, other.point_id, kind, cosine, score, is_turned)


def _is_flat(work: Record) -> bool:
    return len(work.vectors[POINTS]) <= _FEW_POINTS


def _by_points(first: Record, second: Record, cosine: float, match: Match) -> Tie:
    """Return the tie of two works that points have tied."""
    shown = (match.shown(_GRID_SIDE), match.shown(_GRID_SIDE, of_work=True))
    score = _aligned_ssim(first.vectors[PIXELS], second.vectors[PIXELS], match)
    outline = match.outline()
    kind: TieKind = "copy or version"
    if score < VERSION:
        kind = "shared motif"
    elif min(shown) < PART:
        kind = "detail of"
    elif match.mirrored:
        kind = "mirrored"
    elif score >= ONE_WORK and not _are_two_works(first.payload, second.payload):
        kind = "same photograph" if score >= SAME_PHOTOGRAPH else "other photograph"
    ends = (first.point_id, second.point_id)
    if kind == "detail of" and shown[0] < shown[1]:  # the second is the detail
        ends, shown = ends[::-1], shown[::-1]
        outline = match.outline(of_work=True)
    corners = tuple((float(x), float(y)) for x, y in outline)
    return Tie(*ends, kind, cosine, score, match.mirrored, match.inliers, corners, shown)


def _are_two_works(one: Payload, other: Payload) -> bool:
    """Return whether the metadata says so: other artists, or other sizes."""
    artists = {first_text(payload, "artist_key") for payload in (one, other)} - {None}
    if len(artists) > 1:
        return True
    for side in ("height_cm", "width_cm"):
        small, large = sorted(float(payload.get(side) or 0) for payload in (one, other))
        if large > _ANOTHER_SIZE * small > 0:
            return True
    return False


def _aligned_ssim(first: Pixels, second: Pixels, match: Match) -> float:
    """Return the structural similarity of what two small gray pictures both show.

    Both are sampled on one grid over the part of the first that the second shows, as finely as the
    coarser of them has it.
    """
    from scipy.ndimage import map_coordinates

    cells_of_all = grid(_GRID_SIDE)
    seen = cells_of_all[is_inside(match.onto(cells_of_all))]
    if len(first) != len(second) or not len(seen):
        return 0.0
    side, margin = math.isqrt(len(first)), 0.5 / _GRID_SIDE
    low, high = seen.min(axis=0) - margin, seen.max(axis=0) + margin
    places = low + grid(side) * (high - low)
    there = np.ptp(match.onto(np.stack([low, high])), axis=0)
    extent = min(float((high - low).min()), float(there.min()))
    cells = int(np.clip(side * extent, _FEWEST_CELLS, side))
    both = []
    for pixels, at in ((first, places), (second, match.onto(places))):
        picture = pixels.reshape(side, side).astype(np.float64)
        where = at[:, ::-1].T * side - 0.5
        sampled = map_coordinates(picture, where, order=1, mode="nearest").round()
        both.append(_shrunk(sampled.reshape(side, side).astype(np.uint8), cells))
    return float(ssim(both[0], both[1][None])[0])
