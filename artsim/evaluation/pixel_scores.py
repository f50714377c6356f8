"""How alike two pictures are, pixel by pixel and to a network, for many pairs at once."""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, Final, TypeAlias

import numpy as np
import numpy.typing as npt
from PIL import Image

from artsim.catalog.arrays import RGBImage
from artsim.catalog.payload import Payload
from artsim.errors import ImageError
from artsim.evaluation.report import Picture, PictureGroup, PictureRow, QueryValues
from artsim.evaluation.statistics import Estimate, estimate_mean
from artsim.files import local_path
from artsim.images.pixels import rmse, ssim, ssim_color

if TYPE_CHECKING:
    from artsim.encoders.lpips import LpipsDistance
    from artsim.images.load import LoadedImage

Values: TypeAlias = npt.NDArray[np.float64]
"""Of one pair, in the order of `METRICS`, shape (6,); NaN where LPIPS is not there."""

METRICS: Final = {
    "ssim_color": "higher",
    "ssim_own_range": "higher",
    "rmse_color": "lower",
    "ssim_gray": "higher",
    "rmse_gray": "lower",
    "lpips": "lower",
}
"""Columns of the tables, and which values are nearer."""

BEST: Final = "best possible"
"""Name of the row whose hits each metric itself puts first."""

KEPT_BYTES: Final = 256 * 1024 * 1024
"""Most memory for pictures that wait to be used again."""

_SSIM, _RMSE = 0, 2  # in METRICS
_BLOCK: Final = 64
_KEPT: Final = 10  # most failures of a row that are remembered


@dataclass(frozen=True, slots=True)
class Subject:
    """What is compared: a painting, or one part of it, such as a face.

    Attributes
    ----------
    key : str
        The painting's id, or the point id of the part.
    payload : dict
        With ``painting_id`` and ``image_uri``; a part's with ``box`` or ``landmarks``.
    """

    key: str
    payload: Payload

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


def pair_key(pair: Pair) -> tuple[str, str]:
    """Return what tells pairs apart."""
    return pair[0].key, pair[1].key


class Pictures:
    """Loader of pictures of `size` x `size` pixels, whole ones and parts of them.

    Parameters
    ----------
    size : int
        Side in pixels.
    max_megapixels : float
        Largest file that is opened, in millions of pixels.

    Attributes
    ----------
    problems : dict of str to str
        Why a file could not be used, by painting id; or a part, by its point id.
    """

    def __init__(self, size: int, *, max_megapixels: float = 200.0) -> None:
        self._size = size
        self._max_megapixels = max_megapixels
        self._kept: OrderedDict[tuple[bool, str], RGBImage] = OrderedDict()
        self._room = max(1, KEPT_BYTES // (3 * size * size))
        self.problems: dict[str, str] = {}

    def whole(self, subject: Subject) -> RGBImage | None:
        """Return the whole picture, squashed to the square; None if its file is of no use."""
        return self._get(subject, False, lambda image: squash(image.pixels, self._size))

    def part(self, subject: Subject) -> RGBImage | None:
        """Return a part: a face cut out upright as its encoder saw it, another by its box."""
        return self._get(subject, True, lambda image: _cut(image, subject.payload, self._size))

    def _get(
        self, subject: Subject, is_part: bool, make: Callable[[LoadedImage], RGBImage]
    ) -> RGBImage | None:
        key = (is_part, subject.key)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        place = subject.painting_id
        if place in self.problems or subject.key in self.problems:
            return None
        try:
            image = self._load(subject.payload)
            place = subject.key
            self._kept[key] = make(image)
        except ImageError as error:
            self.problems[place] = str(error)
            return None
        if len(self._kept) > self._room:
            self._kept.popitem(last=False)
        return self._kept[key]

    def _load(self, payload: Payload) -> LoadedImage:
        from artsim.images.load import ImageLimits, load_image

        uri = str(payload.get("image_uri", ""))
        path = local_path(uri) if uri else None
        if path is None:
            raise ImageError(
                f"the painting {payload['painting_id']!r} has no picture file on this machine "
                f"(image_uri: {uri or 'none'}); ingest it from a folder that is here"
            )
        return load_image(path, limits=ImageLimits(max_megapixels=self._max_megapixels))


def squash(image: RGBImage, size: int) -> RGBImage:
    """Return `image` as a square of `size` pixels, whatever its format.

    Bilinear, as the published program does it: where it enlarges, as all of the
    published pictures need, the two agree; where it shrinks, both smooth first.
    """
    square = Image.fromarray(image).resize((size, size), Image.Resampling.BILINEAR)
    return np.array(square)


def to_gray(picture: RGBImage) -> RGBImage:
    """Return the luma of a picture after ITU-R BT.601, of shape (h, w), as Pillow computes it."""
    return np.array(Image.fromarray(picture).convert("L"))


def _cut(image: LoadedImage, payload: Payload, size: int) -> RGBImage:
    # Places are in pixels of the original; what was loaded may be smaller.
    scale = image.pixels.shape[1] / image.width
    if "box" in payload and "landmarks" not in payload and "face_index" not in payload:
        left, top, width, height = (round(float(x) * scale) for x in payload["box"])
        part = image.pixels[max(top, 0) : top + max(height, 1), max(left, 0) : left + max(width, 1)]
        return squash(np.ascontiguousarray(part), size)
    from artsim.encoders.face_crops import CROP_MARGIN
    from artsim.images.align import align_face

    try:
        landmarks = np.array(payload.get("landmarks", ()), dtype=np.float32) * scale
        return align_face(image.pixels, landmarks, size=size, margin=CROP_MARGIN)
    except ValueError as error:
        raise ImageError(
            f"a face of {payload['painting_id']!r} has no landmarks of a face ({error}); "
            "ingest its source again"
        ) from error


@dataclass(frozen=True, slots=True)
class View:
    """Which pictures of two subjects are compared, and by what.

    Attributes
    ----------
    load : callable
        Returns a subject's picture, or None where it cannot be had.
    perceptual : LpipsDistance or None
        LPIPS, where its weights are here.
    """

    load: Callable[[Subject], RGBImage | None]
    perceptual: LpipsDistance | None = None


def score_pairs(
    pairs: Iterable[Pair], view: View, *, with_lpips: bool = True
) -> dict[tuple[str, str], Values]:
    """Compare the pictures of each pair once.

    Returns
    -------
    dict of (str, str) to ndarray of float64, shape (6,)
        By the keys of query and hit; a pair of which a picture cannot be had is left out.
    """
    by_query: dict[str, dict[str, Pair]] = {}
    for pair in pairs:
        by_query.setdefault(pair[0].key, {})[pair[1].key] = pair
    found: dict[tuple[str, str], Values] = {}
    perceptual = view.perceptual if with_lpips else None
    for of_query in by_query.values():
        todo = list(of_query.values())
        query = view.load(todo[0][0])
        for start in range(0, len(todo) if query is not None else 0, _BLOCK):
            block = [(pair, view.load(pair[1])) for pair in todo[start : start + _BLOCK]]
            here = [(pair, picture) for pair, picture in block if picture is not None]
            if query is not None and here:
                values = compare(query, np.stack([picture for _, picture in here]), perceptual)
                found.update(zip((pair_key(pair) for pair, _ in here), values, strict=True))
    return found


def compare(
    query: RGBImage,
    pictures: npt.NDArray[np.uint8],
    perceptual: LpipsDistance | None = None,
) -> Values:
    """Compare a picture with N others of its size.

    Parameters
    ----------
    query : ndarray of uint8, shape (side, side, 3)
        Side at least 7.
    pictures : ndarray of uint8, shape (N, side, side, 3)

    Returns
    -------
    ndarray of float64, shape (N, 6)
        In the order of `METRICS`: SSIM in color, that of the query's own range of levels,
        RMSE in color, both in gray, and LPIPS, which is NaN without `perceptual`.
    """
    count = len(pictures)
    gray = to_gray(query).reshape(-1)
    grays = np.stack([to_gray(picture).reshape(-1) for picture in pictures])
    values = np.full((count, len(METRICS)), np.nan)
    # Of a picture of one level there is no such range; 1 is the least that levels differ by.
    own_range = max(1.0, float(np.ptp(query)))
    values[:, 0], values[:, 1] = ssim_color(query, pictures, data_ranges=(255.0, own_range))
    values[:, 2] = rmse(query.reshape(-1), pictures.reshape(count, -1))
    values[:, 3], values[:, 4] = ssim(gray, grays), rmse(gray, grays)
    if perceptual is not None:
        values[:, 5] = perceptual.distances(query, pictures)
    return values


def best_possible(scores: Mapping[tuple[str, str], Values], k: int) -> list[Values]:
    """Return, for each metric, the values of the K hits that this very metric puts first.

    A hit that several parts of the query were compared with counts by the one nearest to it.
    Nearest first, in the order of `METRICS`; empty where a metric is not there.
    """
    best: list[Values] = []
    for column, better in enumerate(METRICS.values()):
        nearer = max if better == "higher" else min
        nearest: dict[str, float] = {}
        for (_, hit), values in scores.items():
            value = float(values[column])
            if not np.isnan(value):
                nearest[hit] = nearer(nearest.get(hit, value), value)
        ordered = sorted(nearest.values(), reverse=better == "higher")
        best.append(np.array(ordered[:k], dtype=np.float64))
    return best


@dataclass(frozen=True, slots=True)
class _Answer:
    """One query's hits of one search, with what was compared."""

    query: str
    ssim: float
    pairs: Sequence[Pair]
    scores: Sequence[Values | None]


@dataclass(slots=True)
class Tally:
    """What the queries of one table came to.

    Attributes
    ----------
    k : int
        How many hits are compared.
    missing : dict of str to int
        By row, how many hits had no picture.
    """

    k: int
    missing: dict[str, int] = field(default_factory=lambda: defaultdict(int))
    _values: dict[tuple[str, str], dict[str, float]] = field(default_factory=dict)
    _by_rank: dict[str, list[list[float]]] = field(default_factory=dict)
    _worst: dict[str, list[_Answer]] = field(default_factory=lambda: defaultdict(list))

    def add(
        self,
        query: str,
        rankings: Mapping[str, Sequence[Pair]],
        everything: Sequence[Pair],
        view: View,
    ) -> None:
        """Compare a query with its hits of every search.

        Parameters
        ----------
        rankings : mapping of str to sequence of (Subject, Subject)
            By row, each pair a query and a hit, best first.
        everything : sequence of (Subject, Subject)
            All pairs there could be, for the best possible hits; empty leaves those out.
        view : View
            What is compared.
        """
        scores = score_pairs((pair for ranking in rankings.values() for pair in ranking), view)
        for row, ranking in rankings.items():
            values = [scores.get(pair_key(pair)) for pair in ranking]
            found = [value for value in values if value is not None]
            self.missing[row] += len(ranking) - len(found)
            self._add_ranks(row, values)
            if found:
                means = np.mean(found, axis=0)
                self._put(row, query, means)
                # A hit that is there twice, found by two parts, counts once.
                once = {
                    pair_key(p): v for p, v in zip(ranking, values, strict=True) if v is not None
                }
                ssim_mean = float(np.mean([value[_SSIM] for value in once.values()]))
                answers = self._worst[row]
                answers.append(_Answer(query, ssim_mean, ranking, values))
                answers.sort(key=lambda answer: (answer.ssim, answer.query))
                del answers[_KEPT:]
        if everything:
            best = best_possible(score_pairs(everything, view, with_lpips=False), self.k)
            means = np.array([values.mean() if len(values) else np.nan for values in best])
            self._put(BEST, query, means)
            self._add_ranks(BEST, [np.array([value]) for value in best[_SSIM]])

    def row_names(self) -> list[str]:
        """Return every row, in the order they came in, those without values too."""
        return list(dict.fromkeys([*self.missing, *(row for row, _ in self._values)]))

    def estimates(self, row: str, seed: int) -> dict[str, Estimate]:
        """Return a row's means with their intervals, by column."""
        return {
            column: estimate_mean(list(values.values()), seed=seed)
            for (name, column), values in self._values.items()
            if name == row
        }

    def query_values(self, table: str) -> tuple[QueryValues, ...]:
        """Return the values of every row and column, query by query."""
        return tuple(
            QueryValues(table, row, column, tuple(values), np.array(list(values.values())))
            for (row, column), values in self._values.items()
        )

    def by_rank(self) -> dict[str, list[float]]:
        """Return the mean SSIM in color at each rank, by row; a rank nobody had ends it."""
        return {
            row: [float(np.mean(values)) for values in takewhile(bool, ranks)]
            for row, ranks in self._by_rank.items()
        }

    def failures(self, what: str, rows: Sequence[str], count: int) -> tuple[PictureGroup, ...]:
        """Return the queries of least SSIM of each row, with their hits; `what` they are."""
        return tuple(
            PictureGroup(
                f"{what}, lowest SSIM with their hits: {row}",
                tuple(map(_picture_row, self._worst[row][:count])),
            )
            for row in rows
        )

    def _put(self, row: str, query: str, values: Values) -> None:
        for metric, value in zip(METRICS, values, strict=True):
            if not np.isnan(value):
                self._values.setdefault((row, metric), {})[query] = float(value)

    def _add_ranks(self, row: str, values: Sequence[Values | None]) -> None:
        ranks = self._by_rank.setdefault(row, [[] for _ in range(self.k)])
        for rank, value in enumerate(values[: self.k]):
            if value is not None:
                ranks[rank].append(float(value[_SSIM]))


def _picture_row(answer: _Answer) -> PictureRow:
    hits = []
    for (_, hit), values in zip(answer.pairs, answer.scores, strict=True):
        told = "no picture"
        if values is not None:
            told = f"SSIM {values[_SSIM]:.3f}, RMSE {values[_RMSE]:.3f}"
        hits.append(Picture(hit.payload, (told,)))
    query = Picture(answer.pairs[0][0].payload)
    return PictureRow(query, tuple(hits), f"mean SSIM {answer.ssim:.3f}")
