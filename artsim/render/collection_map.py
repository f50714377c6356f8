"""A gallery laid out in the plane by PCA, t-SNE or UMAP, and on a grid of cells."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Embeddings
from artsim.catalog.kinds import FACES, PAINTINGS, short_names
from artsim.catalog.payload import EVERYTHING, Criteria, HasVector, Known, Payload
from artsim.catalog.progress import Progress, SilentProgress, counted
from artsim.catalog.scale import Scale, noted_scales
from artsim.errors import ConfigError, QueryError
from artsim.render.text import clean
from artsim.search.models import Models, choose_encoders
from artsim.search.neighbors import VectorTable, read_vectors
from artsim.store.gallery import Gallery
from artsim.store.protocol import Collection, Record

NEIGHBORS: Final = 8
_PAGE: Final = 1000

Positions = npt.NDArray[np.float32]  # shape (N, 2): x to the right and y downward, as on a screen

Method = Literal["tsne", "umap", "pca"]

METHOD_WORDS: Final[Mapping[Method, str]] = {"tsne": "t-SNE", "umap": "UMAP", "pca": "PCA"}

PERPLEXITY: Final = 30.0  # default of van der Maaten & Hinton's program and of scikit-learn
_DIMS: Final = 50  # what is left by PCA before t-SNE or UMAP, as van der Maaten & Hinton (2008) do
_LEAST: Final = 6  # fewer points have no neighborhoods to keep; PCA shows them as well as can be
_ONE_THREAD: Final = 3000  # for so few points threads wait longer than they compute
_SAMPLE: Final = 2000
_EXACT: Final = 900  # most points that are assigned to cells at once: the time grows with the cube


@dataclass(frozen=True, slots=True)
class Faithfulness:
    """How far nearness on a map can be trusted, measured on `sample` points.

    `trustworthiness` is that of Venna & Kaski (2001), ICANN: 1 where no point is near another
    on the map without being so in the vectors. `kept` is the mean share, in 0..1, of a point's
    `k` nearest on the map that are among its `k` nearest by the vectors; `by_chance` that on
    a map that knows nothing.
    """

    trustworthiness: float
    kept: float
    by_chance: float
    k: int
    sample: int


@dataclass(frozen=True, slots=True)
class CollectionMap:
    """N paintings or faces in the plane, in order of painting id.

    `positions` are as `fit_unit_square` leaves them, `cells` columns and rows, of shape (N, 2), on
    a grid where each point has a cell to itself; `neighbors` and their `scores` are in the
    vectors' own space, as `nearest_others` returns them. `encoder` is a short name, `scale` what
    the scores mean, None where that was not measured. So many as `total` met the filters: more
    than N where a sample was drawn. Of too few points there is no `faithfulness`.
    """

    point_ids: tuple[str, ...]
    payloads: tuple[Payload, ...]
    positions: Positions
    cells: npt.NDArray[np.int32]
    neighbors: npt.NDArray[np.int32]
    scores: npt.NDArray[np.float32]
    method: Method
    encoder: str
    gallery: str | None
    faces: bool
    total: int
    faithfulness: Faithfulness | None = None
    notes: tuple[str, ...] = ()
    scale: Scale | None = None

    def __len__(self) -> int:
        """Return N."""
        return len(self.point_ids)

    @property
    def kind(self) -> str:
        """What the points are, for N of them: ``1 painting``, ``20 faces``."""
        return counted(len(self), "face" if self.faces else "painting")

    @property
    def title(self) -> str:
        """A heading: what is shown, and of which gallery."""
        return f"{self.kind} of {clean(self.gallery, 60)}" if self.gallery else self.kind

    @property
    def subtitle(self) -> str:
        """How the map was made, and its notes."""
        how = f"{METHOD_WORDS[self.method]} of the vectors of {clean(self.encoder, 80)}"
        return " · ".join((how, *self.notes))

    @property
    def trust(self) -> str:
        """In a sentence how far the nearness on the map can be trusted."""
        found = self.faithfulness
        if found is None:
            return "Too few points to say how faithful the map is."
        sample = f", measured on {found.sample:,} points" if found.sample >= 2000 else ""
        return (
            f"Of the {found.k} nearest on the map, {found.kept:.0%} are among the {found.k} "
            f"nearest by the encoder (by chance {found.by_chance:.1%}); "
            f"trustworthiness {found.trustworthiness:.2f} of 1{sample}."
        )


@dataclass(frozen=True, slots=True)
class MapOptions:
    """How a gallery, or its faces, is laid out: `method` and `perplexity` are as of `project`.

    Of more points than `limit` a sample is drawn, by the `seed`. Some point must have the field
    `color_by`, which is found out before the long work.
    """

    method: Method = "tsne"
    perplexity: float = PERPLEXITY
    seed: int = 0
    limit: int = 10_000
    faces: bool = False
    color_by: str | None = None

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if self.limit < 1 or not self.perplexity >= 1 or self.seed < 0:
            raise ValueError(f"limit and perplexity are at least 1, a seed at least 0: {self}")


def make_map(
    gallery: Gallery,
    options: MapOptions | None = None,
    criteria: Criteria = EVERYTHING,
    *,
    encoder: str | None = None,
    models: Models | None = None,
    progress: Progress | None = None,
) -> CollectionMap:
    """Lay out the paintings, or the faces, that meet `criteria`, by vectors of one `encoder`.

    That is by default the gallery's first. `models` name encoders by their specs; none is loaded.

    Raises
    ------
    QueryError
        If no point meets `criteria` and has a vector, or none has the field
        `options.color_by`.
    EncoderMismatchError
        If the gallery has no vectors of `encoder`.
    ConfigError
        If UMAP is asked for and not installed.
    StoreError
        If the database cannot be reached.
    """
    options, progress = options or MapOptions(), progress or SilentProgress()
    collection, name, shown = _choose(gallery, options, encoder, models or Models())
    try:
        table, total = _read(collection, name, criteria, options, progress)
        count, seed = len(table), options.seed
        vectors = np.asarray(table.vectors, np.float32)
        # Nobody knows how many steps it takes: it ends when it no longer gains anything.
        progress.start(None, f"Laying out {count:,} by {METHOD_WORDS[options.method]}")
        positions = project(vectors, options.method, perplexity=options.perplexity, seed=seed)
        progress.start(count, "Finding each one's nearest")
        groups = np.unique([p["painting_id"] for p in table.payloads], return_inverse=True)[1]
        neighbors, scores = nearest_others(vectors, groups, NEIGHBORS)
        progress.start(None, "Measuring the map")
        return CollectionMap(
            table.point_ids,
            table.payloads,
            positions,
            assign_cells(positions, *choose_grid(count)),
            neighbors,
            scores,
            options.method,
            shown,
            gallery.name,
            options.faces,
            total,
            measure_faithfulness(vectors, positions, seed=seed),
            _notes(count, total, options),
            noted_scales(collection.schema.notes).get(name),
        )
    finally:
        progress.finish()


def _choose(
    gallery: Gallery, options: MapOptions, encoder: str | None, models: Models
) -> tuple[Collection, str, str]:
    """Return the collection, the vectors to lay out, and the short name of their encoder."""
    kind = FACES if options.faces else PAINTINGS
    collection, recorded = gallery[kind], gallery.encoders(kind)
    chosen = choose_encoders(recorded, None if encoder is None else [encoder], models)
    if not chosen:
        raise QueryError(f"{collection.name!r} has no encoder; ingest its pictures first")
    names = zip(recorded, short_names(list(recorded.values())), strict=True)
    return collection, chosen[0].vector_name, dict(names)[chosen[0].vector_name]


def _read(
    collection: Collection, name: str, criteria: Criteria, options: MapOptions, progress: Progress
) -> tuple[VectorTable, int]:
    """Return the points to lay out with their vectors, and how many there were to choose from."""
    with_vector = criteria & Criteria(must=(HasVector(name),))
    total = collection.count(with_vector)
    if options.color_by is not None and total:
        known = Criteria(must=(Known(options.color_by),))
        if not collection.count(with_vector & known):
            raise QueryError(
                f"nothing in {collection.name!r} that meets the filters has a "
                f"{options.color_by!r} to be colored by; name a field that its paintings have",
                hint="artsim show ID",
            )
    progress.start(min(total, options.limit), "Reading the vectors")
    if total <= options.limit:
        return read_vectors(collection, name, criteria), total
    ids = [record.point_id for record in collection.scroll(with_vector, payload_fields=())]
    order = np.random.default_rng(options.seed).permutation(len(ids))[: options.limit]
    found: list[Record] = []
    for start in range(0, len(order), _PAGE):
        part = [ids[row] for row in order[start : start + _PAGE]]
        found += collection.retrieve(part, with_vectors=(name,)).values()
        progress.update(len(found))
    found.sort(key=lambda record: (str(record.payload["painting_id"]), record.point_id))
    vectors = np.stack([record.vectors[name] for record in found])
    points = tuple(record.point_id for record in found)
    return VectorTable(points, tuple(record.payload for record in found), vectors), total


def _notes(count: int, total: int, options: MapOptions) -> tuple[str, ...]:
    notes = []
    if count < total:
        notes.append(
            f"{count:,} of {total:,} are shown, drawn at random with seed {options.seed}; "
            "more with --limit"
        )
    usable = effective_perplexity(options.perplexity, count)
    if options.method == "tsne" and usable < options.perplexity:
        notes.append(f"perplexity {usable:g} instead of {options.perplexity:g}: too few points")
    return tuple(notes)


def nearest_others(
    vectors: Embeddings, groups: npt.NDArray[np.intp], k: int
) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.float32]]:
    """Return each unit row's `k` nearest rows of other groups by cosine, and their cosines.

    Both are of shape (N, k), best first, equal cosines in order of row; -1 and 0 fill rows that
    are short. Rows of one group are not each other's neighbors.
    """
    from sklearn.neighbors import NearestNeighbors

    own = np.bincount(groups).max()  # so many of the nearest are at most of its own group
    width = min(len(vectors), 3 * k + own)
    search = NearestNeighbors(n_neighbors=width, algorithm="brute").fit(vectors)
    distances, rows = search.kneighbors(vectors)
    barred = groups[rows] == groups[:, None]
    order = np.lexsort((rows, distances, barred))[:, :k]
    found = np.where(barred, -1, rows), np.where(barred, 0, 1 - distances**2 / 2)
    neighbors, scores = (np.take_along_axis(each, order, axis=1) for each in found)
    room = ((0, 0), (0, k - order.shape[1]))
    return (
        np.pad(neighbors, room, constant_values=-1).astype(np.int32),
        np.pad(scores, room).astype(np.float32),
    )


# In the plane


def project(
    vectors: Embeddings,
    method: Method = "tsne",
    *,
    perplexity: float = PERPLEXITY,
    seed: int = 0,
) -> Positions:
    """Return a place in the plane for each of N unit vectors, as `fit_unit_square` leaves them.

    t-SNE [1]_ and UMAP [2]_ begin from the first two principal components, which keeps the
    large-scale order that a random start would lose [3]_; fewer than 6 vectors, or ones that are
    all equal, are placed by PCA. The `perplexity`, at least 1, is about how many neighbors count
    for each point, cut to what N can bear; UMAP takes half of it, by default its own number of
    neighbors. Equal arguments give equal places on one machine.

    Raises
    ------
    ValueError
        If the shape is another, a number is not finite, or `perplexity` is below 1.
    ConfigError
        If UMAP is asked for and not installed.

    References
    ----------
    .. [1] van der Maaten & Hinton (2008). Visualizing data using t-SNE. JMLR 9, 2579-2605.
    .. [2] McInnes, Healy & Melville (2018). UMAP: uniform manifold approximation and
       projection for dimension reduction. arXiv:1802.03426.
    .. [3] Kobak & Linderman (2021). Initialization is critical for preserving global data
       structure in both t-SNE and UMAP. Nature Biotechnology 39, 156-157.
    """
    if vectors.ndim != 2 or len(vectors) == 0 or not np.isfinite(vectors).all():
        raise ValueError(f"expected finite vectors of shape (N, D), N at least 1: {vectors.shape}")
    if not perplexity >= 1:
        raise ValueError(f"perplexity must be at least 1, not {perplexity}")
    if method == "umap":
        try:
            from umap import UMAP
        except ImportError as exc:
            raise ConfigError(
                "UMAP is not installed; install it with: pip install 'artsim[umap]', or use t-SNE",
                hint="--method tsne",
            ) from exc
    reduced = principal_components(vectors, _DIMS)
    start = reduced[:, :2]
    if method == "pca" or len(vectors) < _LEAST or not float(start[:, 0].std()) > 0:
        return fit_unit_square(start)
    if method == "umap":
        neighbors = max(2, min(round(perplexity / 2), len(vectors) - 1))
        # UMAP's own starts span 20 units; its forces are tuned to that. A seed allows one
        # job only, and UMAP warns unless it is asked for one.
        begin = start / np.abs(start).max() * 10
        umap = UMAP(n_neighbors=neighbors, init=begin, random_state=seed, n_jobs=1)
        return fit_unit_square(umap.fit_transform(reduced))
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    tsne = TSNE(
        perplexity=effective_perplexity(perplexity, len(vectors)),
        init=start / start[:, 0].std() * 1e-4,
        random_state=seed,
    )
    with threadpool_limits(1 if len(reduced) <= _ONE_THREAD else None, "openmp"):
        return fit_unit_square(tsne.fit_transform(reduced))


def effective_perplexity(perplexity: float, count: int) -> float:
    """Return the perplexity that `count` points can bear: three neighbors for each of it."""
    return max(1.0, min(perplexity, (count - 1) / 3))


def principal_components(vectors: Embeddings, dims: int) -> npt.NDArray[np.float32]:
    """Return the coordinates of N vectors along at most `dims` principal axes, zeros up to 2."""
    from sklearn.decomposition import PCA

    count, width = vectors.shape
    found = np.zeros((count, 0), np.float32)
    # scikit-learn divides by the total variance, and by N - 1.
    if count > 1 and np.ptp(vectors, axis=0).any():
        solver = "covariance_eigh" if count > width else "full"
        wide = vectors.astype(np.float64)  # a covariance loses half the digits of its vectors
        found = PCA(min(dims, count, width), svd_solver=solver).fit_transform(wide)
    return np.pad(found, ((0, 0), (0, max(0, 2 - found.shape[1])))).astype(np.float32)


def fit_unit_square(positions: npt.NDArray[np.floating[Any]]) -> Positions:
    """Return positions of the same shape in 0..1: the longer side fills it, centered."""
    low, high = positions.min(axis=0), positions.max(axis=0)
    scaled = (positions - (low + high) / 2) / (float((high - low).max()) or 1.0) + 0.5
    inside: npt.NDArray[np.floating[Any]] = np.clip(scaled, 0.0, 1.0)
    return inside.astype(np.float32)


def measure_faithfulness(
    vectors: Embeddings, positions: Positions, *, k: int = 8, seed: int = 0
) -> Faithfulness | None:
    """Say how far nearness on a map agrees with nearness of the vectors; None for under 6 points.

    It is measured by the `k` nearest of each point, fewer on small maps, in a sample of 2,000.
    """
    if len(vectors) < _LEAST:
        return None
    from sklearn.manifold import trustworthiness
    from sklearn.neighbors import NearestNeighbors

    rows = np.sort(np.random.default_rng(seed).permutation(len(vectors))[:_SAMPLE])
    k = min(k, (len(rows) - 1) // 2)
    high, flat = vectors[rows], positions[rows].astype(np.float64)
    search = NearestNeighbors(n_neighbors=k, algorithm="brute")
    near, near_flat = (search.fit(of).kneighbors(return_distance=False) for of in (high, flat))
    kept = (near[:, :, None] == near_flat[:, None, :]).any(axis=2).mean()
    return Faithfulness(
        trustworthiness=float(trustworthiness(high, flat, n_neighbors=k)),
        kept=float(kept),
        by_chance=k / (len(rows) - 1),
        k=k,
        sample=len(rows),
    )


def choose_grid(count: int, aspect: float = 4 / 3) -> tuple[int, int]:
    """Return columns and rows of a grid of about `aspect` that `count` points nearly fill."""
    ideal = math.sqrt(count * aspect)
    near = range(max(1, math.floor(0.85 * ideal)), math.ceil(1.15 * ideal) + 1)
    columns = min(near, key=lambda wide: (-count % wide, abs(wide - ideal)))
    return columns, math.ceil(count / columns)


def assign_cells(positions: Positions, columns: int, rows: int) -> npt.NDArray[np.int32]:
    """Give each point a cell of its own, near its place; shape (N, 2) of column and row.

    Up to 900 points this is the assignment with the least sum of squared ways, as pictures are
    laid out by Quadrianto et al. (2010), Kernelized sorting, PAMI 32. More are halved again and
    again, points and cells alike, across the longer side of the cells: a k-d tree with one cell
    a leaf, whose last branches are assigned exactly.

    Raises
    ------
    ValueError
        If the grid has fewer cells than there are points.
    """
    count = len(positions)
    if columns * rows < count:
        raise ValueError(f"{count} points do not fit on a grid of {columns} x {rows}")
    low, high = positions.min(axis=0), positions.max(axis=0)
    spread = np.where(high > low, high - low, 1.0)
    scaled = (positions - low) / spread * (columns - 1, rows - 1)
    grid = np.stack(np.divmod(np.arange(columns * rows), columns)[::-1], axis=1)
    # The last row is not full: what is missing stays free at its end.
    found = np.zeros((count, 2), np.int32)
    _assign(scaled, np.arange(count), grid[:count], found)
    return found


def _assign(
    places: npt.NDArray[np.floating],
    points: npt.NDArray[np.intp],
    cells: npt.NDArray[np.intp],
    found: npt.NDArray[np.int32],
) -> None:
    """Give `points` the `cells`, as many of the one as of the other."""
    if len(points) <= _EXACT:
        from scipy.optimize import linear_sum_assignment
        from scipy.spatial.distance import cdist

        _, chosen = linear_sum_assignment(cdist(places[points], cells, "sqeuclidean"))
        found[points] = cells[chosen]
        return
    axis = int(np.argmax(np.ptp(cells, axis=0)))
    half = len(cells) // 2
    by_cell = np.lexsort((cells[:, 1 - axis], cells[:, axis]))
    by_place = np.lexsort((points, places[points, 1 - axis], places[points, axis]))
    for part in (slice(None, half), slice(half, None)):
        _assign(places, points[by_place[part]], cells[by_cell[part]], found)
