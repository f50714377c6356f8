"""What ties two pictures of a gallery: one photograph, one work, a version of it, a part, a motif.

Where both have local points (`artsim.images.local_points`), a homography says which part of the
one shows which part of the other, and the small gray pictures are compared after it; where they
have none, as they are. Which values make which tie was measured: see docs/quality.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, get_args

import numpy as np

from artsim.catalog.arrays import Pixels
from artsim.catalog.hits import Corners
from artsim.catalog.kinds import POINTS as POINTS
from artsim.catalog.payload import Payload, first_text
from artsim.catalog.scale import LEVELS, Scale
from artsim.search.rerank import PIXELS
from artsim.search.verdicts import SAME_SSIM
from artsim.store.protocol import Collection, Record

if TYPE_CHECKING:
    from artsim.images.local_points import Match

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

_FEW_POINTS: Final = 100
"""Pictures with fewer points, as monochromes, may be tied by pixels alone."""

_UNUSUAL: Final = (0.998, 0.9995)
"""Shares of all pairs that are less near than what pixels alone may tie, as it is and mirrored."""

_SIDE: Final = 32
_FEWEST_CELLS: Final = 16
_ANOTHER_SIZE: Final = 1.1


@dataclass(frozen=True, slots=True)
class Tie:
    """That two pictures are tied, and the evidence.

    Attributes
    ----------
    first, second : str
        Ids of their points; of a detail the first is the detail.
    kind : str
        One of `TIES`.
    cosine : float
        Of their embeddings.
    ssim : float
        Structural similarity of the small gray pictures: where points were matched of what both
        show, one laid upon the other; else of all, or of one with the other in a mirror.
    mirrored : bool
        Whether the one is seen in a mirror.
    inliers : int or None
        Pairs of points that agree; None where points were not compared.
    outline : tuple of (float, float)
        Corners of the first picture in the second, in fractions of its width and height; () where
        points were not compared.
    shown : tuple of float
        How much of the first picture's area the second shows, and of the second's the first.
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

    @property
    def checked(self) -> str:
        """What the tie was checked by: ``points`` or ``pixels``."""
        return "pixels" if self.inliers is None else "points"

    def to_dict(self) -> dict[str, Any]:
        """Return the evidence as an object of docs/output.md."""
        corners = [[round(x, 4), round(y, 4)] for x, y in self.outline]
        shown = [round(share, 3) for share in self.shown]
        by_points = {"inliers": self.inliers, "outline": corners, "shown": shown}
        return {
            "kind": self.kind,
            "checked": self.checked,
            "cosine": round(self.cosine, 4),
            "ssim": round(self.ssim, 4),
            "mirrored": self.mirrored,
            **({} if self.inliers is None else by_points),
        }


@dataclass(frozen=True, slots=True)
class Checker:
    """Says whether two works of a collection are tied; `needs` are the vectors that it compares.

    `least` is the least cosine of pictures that pixels alone may tie, and `least_turned` of those
    that they tie in a mirror, as pictures of two or three plain fields agree with many.
    """

    least: float = -1.0
    least_turned: float = -1.0
    needs: tuple[str, ...] = (PIXELS,)

    @classmethod
    def of(cls, paintings: Collection, scale: Scale | None) -> Checker:
        """Return what checks pairs of this collection."""
        points = (POINTS,) if POINTS in paintings.schema.vectors else ()
        if scale is None:
            return cls(needs=(PIXELS, *points))
        # By pairs: where most works have a copy, very near is nearer than many of them.
        unusual = np.minimum(np.interp(_UNUSUAL, LEVELS, scale.pairs), scale.very_near)
        least, turned = unusual.tolist()
        return cls(least, turned, (PIXELS, *points))

    def check(
        self, first: Record, others: Sequence[Record], cosines: Sequence[float]
    ) -> Iterator[Tie]:
        """Yield the ties between one work and each of some others, which have what is needed."""
        matched = [other for other in others if POINTS in self.needs and _have_points(first, other)]
        matches: dict[str, Match] = {}
        if matched:
            from artsim.images.local_points import match_all

            found = match_all(first.vectors[POINTS], [other.vectors[POINTS] for other in matched])
            matches = {other.point_id: of for other, of in zip(matched, found, strict=True)}
        for other, cosine in zip(others, cosines, strict=True):
            match = matches.get(other.point_id)
            if match is not None and match.inliers >= TIED_INLIERS:
                yield _by_points(first, other, cosine, match)
            elif match is None or _is_flat(first) or _is_flat(other):
                yield from self._by_pixels(first, other, cosine)

    def _by_pixels(self, first: Record, other: Record, cosine: float) -> Iterator[Tie]:
        from artsim.images.pixels import mirrored, ssim

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


def _have_points(*works: Record) -> bool:
    return all(POINTS in work.vectors for work in works)


def _is_flat(work: Record) -> bool:
    return len(work.vectors[POINTS]) <= _FEW_POINTS


def _by_points(first: Record, second: Record, cosine: float, match: Match) -> Tie:
    """Return the tie of two works that points have tied."""
    shown = (match.shown(_SIDE), match.shown(_SIDE, of_work=True))
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


# One picture upon the other


def _aligned_ssim(first: Pixels, second: Pixels, match: Match) -> float:
    """Return the structural similarity of what two small gray pictures both show.

    Both are sampled on one grid over the part of the first that the second shows, as finely as the
    coarser of them has it.
    """
    from PIL import Image
    from scipy.ndimage import map_coordinates

    from artsim.images.local_points import grid, is_inside
    from artsim.images.pixels import ssim

    cells_of_all = grid(_SIDE)
    seen = cells_of_all[is_inside(match.onto(cells_of_all))]
    if len(first) != len(second) or not len(seen):
        return 0.0
    side, margin = math.isqrt(len(first)), 0.5 / _SIDE
    low, high = seen.min(axis=0) - margin, seen.max(axis=0) + margin
    places = low + grid(side) * (high - low)
    there = np.ptp(match.onto(np.stack([low, high])), axis=0)
    extent = min(float((high - low).min()), float(there.min()))
    cells = int(np.clip(side * extent, _FEWEST_CELLS, side))
    both = []
    for pixels, at in ((first, places), (second, match.onto(places))):
        where = at[:, ::-1].T * side - 0.5
        picture = pixels.reshape(side, side).astype(np.float64)
        sampled = map_coordinates(picture, where, order=1, mode="nearest").round()
        square = Image.fromarray(sampled.reshape(side, side).astype(np.uint8))
        both.append(np.asarray(square.resize((cells, cells), Image.Resampling.BOX)).reshape(-1))
    return float(ssim(both[0], both[1][None])[0])
