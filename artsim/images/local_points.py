"""Local points of a picture, and whether two pictures show the same thing by them.

Details, photographs on a wall, copies and mirror images share points with the picture that they are
of, where vectors of whole pictures see something else. No weights are needed: points are SIFT [1]_,
described as RootSIFT [2]_, and a homography by MAGSAC [3]_ has to bring them upon each other.

References
----------
.. [1] Lowe (2004). Distinctive image features from scale-invariant keypoints. IJCV 60, 91-110.
.. [2] Arandjelović & Zisserman (2012). Three things everyone should know to improve object
   retrieval. CVPR.
.. [3] Barath, Noskova, Ivashechkin & Matas (2020). MAGSAC++, a fast, reliable and accurate robust
   estimator. CVPR.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import RGBImage
from artsim.catalog.hits import Evidence, Relation
from artsim.catalog.kinds import POINT_DIM
from artsim.catalog.progress import counted
from artsim.errors import EncoderError

Points: TypeAlias = npt.NDArray[np.uint8]
"""Local points of a picture, of shape (1 + N, `POINT_DIM`), after the first row strongest first.

A row is a descriptor of 128 numbers and the place, x and y as two bytes each (the higher one
first), in 65535ths of the picture's longer side. The first row is no point: its place is the
picture's bottom right corner, so that the shape is known and that nothing was found is a value too,
and its first number says how much color the picture has, as `_color` has it.
"""

POINT_COUNT: Final = 500  # most points of a painting that are kept
QUERY_COUNT: Final = 1000  # most of a query picture, in which the painting may be a small part
FOUND_INLIERS: Final = 10  # least pairs of points at which one picture is said to be in another
_SIDE: Final = 512  # pixels of the longer side of the picture that points are looked for in
_ENLARGED: Final = 2.0  # most by which a smaller picture is enlarged

POINT_DETECTOR: Final = f"sift-{_SIDE}-{POINT_COUNT}-v1"
"""Identity of what finds and describes points, which a painting notes: other ones are made anew."""

_CONTRAST: Final = 0.01
_CELLS: Final = 8
_RATIO: Final = 0.85
_UNITS: Final = 65535.0
_DESCRIBED: Final = 512.0  # as which 1 of a descriptor's numbers is stored, as COLMAP has it
_TOLERANCE: Final = 0.01  # most by which a pair may be off, of the work's longer side
_PIXELS: Final = 1000.0  # in which OpenCV is told of a side: in fractions of one it finds little
_SHOWN: Final = 60  # most pairs that an answer has, of all places of the picture
_TICKS: Final = 16
_MOST: Final = 0.6  # share of a picture that the other one shows, from which on it is all of it
_COLORED: Final = 16
_ENOUGH: Final = 16  # fewest points of a picture that are found in another one of it: not all are
_NAMES: Final = ("the query", "the work")
_FEWEST: Final = 6
_MAX_ITERATIONS: Final = 1000
_Places: TypeAlias = npt.NDArray[np.float64]
_NO_PAIRS: Final = np.empty((0, 4))


@dataclass(frozen=True, slots=True)
class Match:
    """What two pictures' points say of whether one shows what the other does.

    The homography leads from the query to the work, in units of each picture's longer side,
    mirroring and all. Pairs are of shape (inliers, 4): x and y in the query, then in the work, in
    these units, in which both sizes are too, width and height.
    """

    inliers: int = 0  # pairs that one homography brings upon each other; 0: there is none
    mirrored: bool = False  # whether it was the mirror image of the query
    unsure: str = ""  # why points would find nothing even if there were something
    homography: _Places = field(default_factory=lambda: np.eye(3))
    pairs: _Places = field(default_factory=lambda: _NO_PAIRS)
    query_size: tuple[float, float] = (1.0, 1.0)
    work_size: tuple[float, float] = (1.0, 1.0)

    def outline(self, *, of_work: bool = False) -> _Places:
        """Return the query's corners in the work, or the work's in the query, of shape (4, 2).

        They begin at the top left, go clockwise as seen in their own picture, and are in fractions
        of width and height of the other one, which they may lie outside of.
        """
        return self.onto(np.array([(0.0, 0.0), (1, 0), (1, 1), (0, 1)]), of_work=of_work)

    def onto(self, places: _Places, *, of_work: bool = False) -> _Places:
        """Return where places in the query are in the work, or `of_work` in the query.

        Both are (x, y) of shape (N, 2) in fractions of the width and height of their picture.
        """
        sizes = (self.query_size, self.work_size)
        own, other = sizes[::-1] if of_work else sizes
        way = np.linalg.inv(self.homography) if of_work else self.homography
        return _through(way, places * own) / other

    def shown(self, ticks: int, *, of_work: bool = False) -> float:
        """Return how much of the query the work shows, or the other way, by so many places a side.

        It is a share of the picture's area.
        """
        return float(is_inside(self.onto(grid(ticks), of_work=of_work)).mean())


def grid(side: int) -> _Places:
    """Return the middles of `side` x `side` cells of a picture, row by row, in fractions of it."""
    return (np.indices((side, side))[::-1].reshape(2, -1).T + 0.5) / side


def is_inside(places: _Places) -> npt.NDArray[np.bool_]:
    """Return which places, in fractions of a picture's sides, lie in it."""
    return np.asarray(((places >= 0) & (places <= 1)).all(axis=1))


def evidence_of(match: Match) -> Evidence:
    """Return what a match says: whether the work was found, how, and where."""
    if match.inliers < FOUND_INLIERS:
        found: Literal["not found", "not checked"] = "not checked" if match.unsure else "not found"
        return Evidence(found, match.inliers, why=match.unsure)
    both = np.hstack([match.pairs[:, :2] / match.query_size, match.pairs[:, 2:] / match.work_size])
    return Evidence(
        "found",
        match.inliers,
        match.mirrored,
        _relation(match),
        _rounded(match.outline()),
        _rounded(match.outline(of_work=True)),
        _rounded(both[np.linspace(0, len(both) - 1, min(len(both), _SHOWN)).astype(int)]),
    )


def _relation(match: Match) -> Relation:
    """Return what the query is to the work, by the shares of each that the other one shows."""
    of_work = match.shown(_TICKS, of_work=True)
    if match.shown(_TICKS) >= _MOST:
        return "same picture" if of_work >= _MOST else "detail"
    return "shown" if of_work >= _MOST else "part"


def _rounded(rows: _Places) -> tuple[Any, ...]:
    return tuple(tuple(row) for row in rows.round(4).tolist())


def outside(points: Points, match: Match) -> Points:
    """Return the query's points that do not lie where the work was found in it."""
    covered = is_inside(match.onto(place_of(points) / match.query_size))
    return points[np.r_[True, ~covered]]


def place_of(points: Points) -> _Places:
    """Return the points' places as (x, y) of shape (N, 2), in units of the longer side."""
    return _places(points)[1:]


def local_points(picture: RGBImage, *, count: int = POINT_COUNT, side: int = _SIDE) -> Points:
    """Return the points of a picture, at most `count` of them and the first row.

    They are looked for where its longer side has `side` pixels. The strongest of each part of the
    picture come first, then the second ones, and so on, so that every beginning of the rows is
    spread over the whole picture. EncoderError if OpenCV is not installed.
    """
    cv2 = load_opencv()
    height, width = picture.shape[:2]
    factor = min(_ENLARGED, side / max(height, width))
    gray = cv2.cvtColor(np.ascontiguousarray(picture), cv2.COLOR_RGB2GRAY)
    size = max(1, round(width * factor)), max(1, round(height * factor))
    way = cv2.INTER_AREA if factor < 1 else cv2.INTER_CUBIC
    with _one_thread(cv2):
        gray = cv2.resize(gray, size, interpolation=way)
        sift = cv2.SIFT_create(contrastThreshold=_CONTRAST)
        found = sift.detect(gray, None)
        kept = [found[i] for i in _spread(found, size)[:count]]
        # Of none OpenCV says that a vector is too long.
        kept, described = sift.compute(gray, kept) if kept else ([], None)
    rows = np.zeros((1 + len(kept), POINT_DIM), np.uint8)
    rows[0, 0] = _color(picture)
    longer = max(size)
    places = np.array([size, *(point.pt for point in kept)], np.float64)
    rows[:, 128:] = np.clip(places / longer * _UNITS, 0, _UNITS).astype(">u2").view(np.uint8)
    if kept:
        shares = described / np.maximum(described.sum(axis=1, keepdims=True), 1e-9)
        rows[1:, :128] = np.minimum(np.sqrt(shares) * _DESCRIBED, 255).round()
    return rows


def match_points(query: Points, work: Points, names: tuple[str, str] = _NAMES) -> Match:
    """Return how the query picture, or its mirror image, is in the work; see `match_all`."""
    return match_all(query, [work], names)[0]


def match_all(
    query: Points, works: Sequence[Points], names: tuple[str, str] = _NAMES
) -> list[Match]:
    """Return for each of several works how the query picture is in it, or it in the query.

    Points are paired that are each other's nearest, and nearer than the next by a ratio; of the
    homographies that bring pairs upon each other, those are left out that fold or distort a picture
    as no photograph does. The same pictures give the same answer, in any order. By `names`
    query and work are called in what is said of them.
    """
    cv2 = load_opencv()
    places = _places(query)
    size = (float(places[0, 0]), float(places[0, 1]))
    own = query[1:, :128].astype(np.float32)
    both = np.concatenate([own, own[:, _MIRRORED]])
    matches = []
    with _one_thread(cv2):
        for work in works:
            others = _places(work)
            likeness = both @ work[1:, :128].astype(np.float32).T
            best = Match(
                unsure=_why_unsure(query, work, names),
                query_size=size,
                work_size=(float(others[0, 0]), float(others[0, 1])),
            )
            for mirrored in (False, True):
                half = likeness[len(own) :] if mirrored else likeness[: len(own)]
                pairs = _pairs(half, places[1:], others[1:])
                if len(pairs) > max(_FEWEST - 1, best.inliers):
                    found = _register(cv2, pairs, mirrored=mirrored)
                    if found is not None and len(found[1]) > best.inliers:
                        best = replace(
                            best,
                            inliers=len(found[1]),
                            mirrored=mirrored,
                            homography=found[0],
                            pairs=found[1],
                        )
            matches.append(best)
    return matches


# --- the points of one picture -------------------------------------------------------


def _spread(found: Sequence[Any], size: tuple[int, int]) -> list[int]:
    """Return the points' order: the strongest of each cell of a grid, then the second ones, …."""
    if not found:
        return []
    places = np.array([point.pt for point in found])
    strength = np.array([point.response for point in found])
    cells = np.minimum(places / size * _CELLS, _CELLS - 1).astype(int)
    cell = cells[:, 0] * _CELLS + cells[:, 1]
    order = np.lexsort((places[:, 1], places[:, 0], -strength, cell))
    starts = np.r_[True, np.diff(cell[order]) != 0]
    first = np.maximum.accumulate(np.where(starts, np.arange(len(order)), 0))
    rank = np.arange(len(order)) - first
    ordered: list[int] = order[np.lexsort((-strength[order], rank))].tolist()
    return ordered


def _color(picture: RGBImage) -> int:
    """Return how much color a picture has beside that of its ink and its paper, in 0..255.

    Four times the standard deviation of red and of blue less green that no line by the lightness
    explains: gray pictures have 0, brown prints less than `_COLORED`, 95 of 100 paintings more.
    """
    colors = picture[::4, ::4].reshape(-1, 3).astype(np.float64)
    lightness = colors.mean(axis=1) - colors.mean()
    spread = max(float(lightness @ lightness), 1e-9)
    rest = []
    for chroma in (colors[:, 0] - colors[:, 1], colors[:, 2] - colors[:, 1]):
        chroma = chroma - chroma.mean()
        rest.append((chroma - (chroma @ lightness) / spread * lightness).std())
    return min(255, round(4 * float(np.hypot(*rest))))


_MIRRORED: Final = np.arange(128).reshape(4, 4, 8)[::-1][:, :, -np.arange(8) % 8].reshape(-1)
"""Where a mirror image's descriptor has the numbers of a picture's.

A descriptor has 4 rows of cells across its orientation, 4 columns along it, and 8 angles from it:
in a mirror image the rows are reversed, and the angles negated.
"""


def _places(points: Points) -> _Places:
    return np.ascontiguousarray(points[:, 128:]).view(">u2").astype(np.float64) / _UNITS


# --- two pictures --------------------------------------------------------------------


def _why_unsure(query: Points, work: Points, names: tuple[str, str]) -> str:
    """Return why points may miss that one picture shows the other, or ""."""
    for points, name in zip((query, work), names, strict=True):
        if len(points) - 1 < _ENOUGH:
            return f"{name} has only {counted(len(points) - 1, 'point')}"
    if query[0, 0] < _COLORED <= work[0, 0]:
        return f"{names[0]} has no color, as a print, and points do not find what prints are of"
    return ""


def _pairs(likeness: npt.NDArray[np.float32], query: _Places, work: _Places) -> _Places:
    """Return the places of points that are each other's nearest, and clearly so; each place once.

    `likeness` is changed.
    """
    if min(likeness.shape) < 2:
        return _NO_PAIRS
    rows = np.arange(len(likeness))
    nearest = likeness.argmax(axis=1)
    best = likeness[rows, nearest]
    likeness[rows, nearest] = -np.inf
    # Descriptors are of unit length, so that the square of a distance is 2 - 2 cosines.
    one = 2 * _DESCRIBED**2
    clear = np.flatnonzero(one - 2 * best < _RATIO**2 * (one - 2 * likeness.max(axis=1)))
    likeness[rows, nearest] = best
    kept = clear[likeness[:, nearest[clear]].argmax(axis=0) == clear]
    pairs = np.hstack([query[kept], work[nearest[kept]]])
    # A point with two orientations is described twice, and counts once.
    for side in (slice(0, 2), slice(2, 4)):
        pairs = pairs[np.sort(np.unique(pairs[:, side], axis=0, return_index=True)[1])]
    return pairs


def _register(cv2: Any, pairs: _Places, *, mirrored: bool) -> tuple[_Places, _Places] | None:
    """Return the homography from query to work that most pairs agree on, and these."""
    flip = np.diag([-1.0, 1.0, 1.0]) if mirrored else np.eye(3)
    source = pairs[:, :2] * (flip[0, 0], 1.0)
    way, agree = cv2.findHomography(
        source * _PIXELS,
        pairs[:, 2:] * _PIXELS,
        cv2.USAC_MAGSAC,
        _TOLERANCE * _PIXELS,
        maxIters=_MAX_ITERATIONS,
        confidence=0.999,
    )
    if way is None or agree is None:
        return None
    way = np.diag([1 / _PIXELS, 1 / _PIXELS, 1]) @ way @ np.diag([_PIXELS, _PIXELS, 1])
    inside = agree.ravel().astype(bool)
    if inside.sum() < _FEWEST or not _is_plausible(way, source[inside]):
        return None
    return way @ flip, pairs[inside]


def _is_plausible(way: _Places, places: _Places) -> bool:
    """Return whether a homography is as that of a photograph, where its pairs are."""
    low, high = places.min(axis=0), places.max(axis=0)
    corners = np.array([low, (high[0], low[1]), high, (low[0], high[1]), (low + high) / 2])
    depths = corners @ way[2, :2] + way[2, 2]
    if (depths <= 0).any() and (depths >= 0).any():
        return False
    for corner, depth in zip(corners, depths, strict=True):
        onto = _through(way, corner[None])[0]
        slope = (way[:2, :2] - np.outer(onto, way[2, :2])) / depth
        large, small = np.linalg.svd(slope, compute_uv=False)
        if np.linalg.det(slope) <= 0 or large > 4 * small or not 0.05 < np.sqrt(large * small) < 20:
            return False
    return True


def _through(way: npt.NDArray[Any], places: _Places) -> _Places:
    onto = np.column_stack([places, np.ones(len(places))]) @ way.T
    return np.asarray(onto[:, :2] / onto[:, 2:])


# --- OpenCV --------------------------------------------------------------------------

_lock = threading.Lock()
_inside, _threads_before = 0, 0


@contextmanager
def _one_thread(cv2: Any) -> Iterator[None]:
    """Let OpenCV work in the calling thread alone, and leave its setting as it was.

    artsim's own threads, of which several may be in here, are one for each core already.
    """
    global _inside, _threads_before
    with _lock:
        if not _inside:
            _threads_before = cv2.getNumThreads()
            cv2.setNumThreads(1)
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if not _inside:
                cv2.setNumThreads(_threads_before)


def load_opencv() -> Any:
    """Return OpenCV, of the extra ``details``; EncoderError if it is not installed."""
    try:
        import cv2
    except ImportError as exc:
        raise EncoderError(
            "local points are found by OpenCV, which is not installed",
            hint="pip install 'artsim[details]'",
        ) from exc
    return cv2
