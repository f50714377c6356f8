"""How alike two pictures are, pixel by pixel and to a network, for many pairs at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import zip_longest
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from artsim.catalog.arrays import RGBImage
from artsim.catalog.payload import Payload
from artsim.errors import ImageError
from artsim.evaluation.metrics import Floats
from artsim.evaluation.report import Column, Picture, PictureGroup, PictureRow, QueryValues
from artsim.evaluation.runner import load_picture
from artsim.evaluation.statistics import Estimate, estimate_mean
from artsim.images.pixels import rmse, ssim, ssim_color
from artsim.search.models import Models

if TYPE_CHECKING:
    from artsim.encoders.lpips import LpipsDistance
    from artsim.images.load import LoadedImage

COLUMNS: Final = (
    Column("ssim_color", "SSIM", "score", "higher"),
    Column("ssim_own_range", "SSIM own range", "score", "higher"),
    Column("rmse_color", "RMSE", "score", "lower"),
    Column("ssim_gray", "SSIM gray", "score", "higher"),
    Column("rmse_gray", "RMSE gray", "score", "lower"),
    Column("lpips", "LPIPS", "score", "lower"),
)
METRICS: Final = {column.name: column.better for column in COLUMNS}
"""Which values are nearer.

The values of a pair are of shape (6,), in this order; NaN where LPIPS is not there.
"""

BEST: Final = "best possible"
"""Name of the row whose hits each metric itself puts first."""

KEPT_BYTES: Final = 256 * 1024 * 1024
"""Most memory for pictures that wait to be used again."""

_SSIM, _RMSE = 0, 2  # in METRICS
_BLOCK: Final = 64
_KEPT: Final = 5  # most failures of a row that are remembered


@dataclass(frozen=True, slots=True)
class Subject:
    """What is compared: a painting, or one part of it, such as a face.

    `key` is the painting's id, or the point id of the part; the payload has ``painting_id`` and
    ``image_uri``, a part's also ``box`` or ``landmarks``.
    """

    key: str
    payload: Payload = field(compare=False)

    @property
    def painting_id(self) -> str:
        """Id of the painting."""
        return str(self.payload["painting_id"])

    @property
    def painting(self) -> Subject:
        """The painting that it is, or that it is a part of."""
        return Subject(self.painting_id, self.payload)


Pair: TypeAlias = tuple[Subject, Subject]
"""A query, or one of its parts, and a hit."""


class Pictures:
    """Loader of pictures of `size` x `size` pixels, whole ones and parts of them.

    `problems` say why a file could not be used, by painting id; or a part, by its point id.
    """

    def __init__(self, size: int, models: Models) -> None:
        self._size, self._models = size, models
        self.problems: dict[str, str] = {}
        self._kept = lru_cache(max(1, KEPT_BYTES // (3 * size * size)))(self._load)

    def whole(self, subject: Subject) -> RGBImage | None:
        """Return the whole picture, squashed to the square; None if its file is of no use."""
        return self._kept(subject, False)

    def part(self, subject: Subject) -> RGBImage | None:
        """Return a part: a face cut out upright as its encoder saw it, another by its box."""
        return self._kept(subject, True)

    def _load(self, subject: Subject, is_part: bool) -> RGBImage | None:
        place = subject.painting_id
        if place in self.problems or subject.key in self.problems:
            return None
        try:
            image = load_picture(subject.payload, self._models)
            place = subject.key
            if is_part:
                return _cut(image, subject.payload, self._size)
            return squash(image.pixels, self._size)
        except ImageError as error:
            self.problems[place] = str(error)
            return None


def squash(image: RGBImage, size: int) -> RGBImage:
    """Return `image` as a square of `size` pixels, whatever its format.

    Bilinear, as the published program does it: where it enlarges, as all of the
    published pictures need, the two agree; where it shrinks, both smooth first.
    """
    square = Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR)
    return np.array(square)


def _cut(image: LoadedImage, payload: Payload, size: int) -> RGBImage:
    # Places are in pixels of the original; what was loaded may be smaller.
    scale = image.pixels.shape[1] / image.width
    if "box" in payload and "landmarks" not in payload and "face_index" not in payload:
        left, top, width, height = (round(float(x) * scale) for x in payload["box"])
        part = image.pixels[max(top, 0) : top + max(height, 1), max(left, 0) : left + max(width, 1)]
        return squash(np.ascontiguousarray(part), size)
    from artsim.encoders.face_detectors import CROP_MARGIN
    from artsim.images.align import align_face

    try:
        landmarks = np.array(payload.get("landmarks", ()), dtype=np.float32) * scale
        return align_face(image.pixels, landmarks, size=size, margin=CROP_MARGIN)
    except ValueError as error:
        raise ImageError(
            f"a face of {payload['painting_id']!r} has no landmarks of a face ({error}); "
            "ingest its source again"
        ) from error


Load: TypeAlias = Callable[[Subject], RGBImage | None]
"""Gives a subject's picture, or None where it cannot be had."""


def score_pairs(
    pairs: Iterable[Pair], load: Load, perceptual: LpipsDistance | None = None
) -> dict[Pair, Floats]:
    """Compare the pictures of each pair once; one of which a picture cannot be had is left out."""
    hits_of: dict[Subject, list[Subject]] = defaultdict(list)
    for query, hit in dict.fromkeys(pairs):
        hits_of[query].append(hit)
    found: dict[Pair, Floats] = {}
    for query, hits in hits_of.items():
        if (picture := load(query)) is None:
            continue
        for start in range(0, len(hits), _BLOCK):
            block = ((hit, load(hit)) for hit in hits[start : start + _BLOCK])
            here = {(query, hit): other for hit, other in block if other is not None}
            if here:
                values = compare(picture, np.stack([*here.values()]), perceptual)
                found.update(zip(here, values, strict=True))
    return found


def compare(
    query: RGBImage, pictures: npt.NDArray[np.uint8], perceptual: LpipsDistance | None = None
) -> Floats:
    """Compare a picture of (side, side, 3), side at least 7, with N others of its size.

    Returns values of shape (N, 6), in the order of `METRICS`: SSIM in color, that of the query's
    own range of levels, RMSE in color, both in gray, and LPIPS, which is NaN without `perceptual`.
    """
    count = len(pictures)
    gray, *grays = (np.array(Image.fromarray(p).convert("L")).ravel() for p in (query, *pictures))
    values = np.full((count, len(METRICS)), np.nan)
    # Of a picture of one level there is no such range; 1 is the least that levels differ by.
    own_range = max(1.0, float(np.ptp(query)))
    values[:, 0], values[:, 1] = ssim_color(query, pictures, data_ranges=(255.0, own_range))
    values[:, 2] = rmse(query.reshape(-1), pictures.reshape(count, -1))
    values[:, 3], values[:, 4] = ssim(gray, np.stack(grays)), rmse(gray, np.stack(grays))
    if perceptual is not None:
        values[:, 5] = perceptual.distances(query, pictures)
    return values


def best_possible(scores: Mapping[Pair, Floats], k: int) -> Floats:
    """Return, for each metric, the values of the K hits that this very metric puts first.

    A hit that several parts of the query were compared with counts by the one nearest to it.
    Nearest first, of shape (K or fewer, 6); NaN where a metric is not there.
    """
    signs = np.array([1.0 if better == "higher" else -1.0 for better in METRICS.values()])
    nearest: dict[Subject, Floats] = {}
    for (_, hit), values in scores.items():
        nearest[hit] = np.maximum(nearest.get(hit, -np.inf), signs * values)
    ordered = np.sort(-np.array([*nearest.values()]).reshape(-1, len(METRICS)), axis=0)
    return np.asarray(-ordered[:k] * signs)


class Tally:
    """What the queries of one table came to, whose first `k` hits are compared."""

    def __init__(self, k: int, load: Load, perceptual: LpipsDistance | None) -> None:
        self.k, self._load, self._perceptual = k, load, perceptual
        self.queries = 0
        self._scores: dict[str, dict[str, Sequence[Floats | None]]] = defaultdict(dict)
        self._worst: dict[str, list[tuple[float, str, PictureRow]]] = defaultdict(list)

    def add(
        self, query: str, rankings: Mapping[str, Sequence[Pair]], everything: Sequence[Pair]
    ) -> None:
        """Compare a query with its hits of every search, by row, each best first.

        `everything` are all pairs there could be, for the best possible hits; empty leaves
        those out.
        """
        self.queries += 1
        pairs = (pair for ranking in rankings.values() for pair in ranking)
        scores = score_pairs(pairs, self._load, self._perceptual)
        for row, ranking in rankings.items():
            values = [scores.get(pair) for pair in ranking]
            self._scores[row][query] = values
            # A hit that is there twice, found by two parts, counts once.
            once = [scores[pair][_SSIM] for pair in dict.fromkeys(ranking) if pair in scores]
            if once:
                mean, worst = float(np.mean(once)), self._worst[row]
                worst.append((mean, query, _picture_row(ranking, values, mean)))
                self._worst[row] = sorted(worst, key=lambda answer: answer[:2])[:_KEPT]
        best = best_possible(score_pairs(everything, self._load), self.k)
        if len(best):
            self._scores[BEST][query] = list(best)

    def missing(self, row: str) -> int:
        """Return how many hits had no picture."""
        return sum(value is None for values in self._scores[row].values() for value in values)

    def estimates(
        self, table: str, seed: int
    ) -> tuple[dict[str, dict[str, Estimate]], tuple[QueryValues, ...]]:
        """Return the means with their intervals, by row and column, and the values they are of."""
        estimates: dict[str, dict[str, Estimate]] = {}
        every = []
        for row, scores in self._scores.items():
            estimates[row] = {}
            by_query = {
                query: np.mean(found, axis=0)
                for query, values in scores.items()
                if (found := [value for value in values if value is not None])
            }
            for i, column in enumerate(METRICS):
                means = {q: of[i] for q, of in by_query.items() if not np.isnan(of[i])}
                if means:
                    values = np.array([*means.values()])
                    estimates[row][column] = estimate_mean(values, seed=seed)
                    every.append(QueryValues(table, row, column, tuple(means), values))
        return estimates, tuple(every)

    def by_rank(self) -> dict[str, list[float]]:
        """Return the mean SSIM in color at each rank, by row; a rank nobody had ends it."""
        curves: dict[str, list[float]] = {}
        for row, scores in self._scores.items():
            curves[row] = []
            for values in list(zip_longest(*scores.values()))[: self.k]:
                known = [float(value[_SSIM]) for value in values if value is not None]
                if not known:
                    break
                curves[row].append(float(np.mean(known)))
        return curves

    def failures(self, what: str, rows: Sequence[str]) -> tuple[PictureGroup, ...]:
        """Return the queries of least SSIM of each row, with their hits; `what` they are."""
        title = f"{what}, lowest SSIM with their hits: "
        return tuple(
            PictureGroup(title + row, tuple(shown for _, _, shown in self._worst[row]))
            for row in rows
        )


def _picture_row(
    ranking: Sequence[Pair], scores: Sequence[Floats | None], mean: float
) -> PictureRow:
    hits = []
    for (_, hit), values in zip(ranking, scores, strict=True):
        told = "no picture"
        if values is not None:
            told = f"SSIM {values[_SSIM]:.3f}, RMSE {values[_RMSE]:.3f}"
        hits.append(Picture(hit.payload, (told,)))
    return PictureRow(Picture(ranking[0][0].payload), tuple(hits), f"mean SSIM {mean:.3f}")
