"""Vectors in the plane: PCA, t-SNE and UMAP, the same for the same seed; and a grid of cells."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Embeddings
from artsim.errors import ConfigError

Positions = npt.NDArray[np.float32]
"""Shape (N, 2): x to the right and y downward, as on a screen."""

Method = Literal["tsne", "umap", "pca"]

PERPLEXITY: Final = 30.0
"""Default of van der Maaten & Hinton's program and of scikit-learn."""

_DIMS: Final = 50
"""What is left by PCA before t-SNE or UMAP, as van der Maaten & Hinton (2008) do: it
drops noise and makes the search for neighbors several times quicker."""

_LEAST: Final = 6
"""Fewer points have no neighborhoods to keep; PCA shows them as well as can be."""

_ONE_THREAD: Final = 3000
"""Up to this many points threads wait for each other longer than they compute."""

_SAMPLE: Final = 2000

_EXACT: Final = 900
"""Most points that are assigned to cells at once: the time grows with the cube."""


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


def project(
    vectors: Embeddings,
    method: Method = "tsne",
    *,
    perplexity: float = PERPLEXITY,
    seed: int = 0,
) -> Positions:
    """Return a place in the plane for each of N unit vectors, as `fit_unit_square` leaves them.

    Parameters
    ----------
    method : {"tsne", "umap", "pca"}
        t-SNE [1]_ and UMAP [2]_ begin from the first two principal components, which
        keeps the large-scale order that a random start would lose [3]_. Fewer than 6
        vectors, or ones that are all equal, are placed by PCA.
    perplexity : float
        Of t-SNE, at least 1: about how many neighbors count for each point; UMAP takes
        half of it, which at the default is UMAP's own number of neighbors. Cut to what N
        points can bear.
    seed : int
        Equal arguments give equal places on one machine.

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
