"""Vectors in the plane: PCA, t-SNE and UMAP, the same for the same seed."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Embeddings
from artsim.catalog.collection_map import Faithfulness, Method, Positions
from artsim.errors import ConfigError

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
_SPREAD: Final = 1e-4


def project(
    vectors: Embeddings,
    method: Method = "tsne",
    *,
    perplexity: float = PERPLEXITY,
    seed: int = 0,
) -> Positions:
    """Return a place in the plane for each vector.

    Parameters
    ----------
    vectors : ndarray of float32, shape (N, D)
        Unit rows, N at least 1.
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

    Returns
    -------
    ndarray of float32, shape (N, 2)
        As `fit_unit_square` leaves them.

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
        umap = _load_umap()
    reduced = principal_components(vectors, _DIMS)
    start = reduced[:, :2]
    if method == "pca" or len(vectors) < _LEAST or not float(start[:, 0].std()) > 0:
        return fit_unit_square(start)
    if method == "umap":
        neighbors = max(2, min(round(perplexity / 2), len(vectors) - 1))
        return fit_unit_square(_umap(umap, reduced, start, neighbors, seed))
    return fit_unit_square(
        _tsne(reduced, start, effective_perplexity(perplexity, len(vectors)), seed)
    )


def effective_perplexity(perplexity: float, count: int) -> float:
    """Return the perplexity that `count` points can bear: three neighbors for each of it."""
    return max(1.0, min(perplexity, (count - 1) / 3))


def principal_components(vectors: Embeddings, dims: int) -> npt.NDArray[np.float32]:
    """Return the coordinates of N vectors along their first principal axes.

    Parameters
    ----------
    vectors : ndarray of float32, shape (N, D)
        N at least 1.
    dims : int
        How many axes; fewer come back where N or D has fewer, and zeros fill up to 2.

    Returns
    -------
    ndarray of float32, shape (N, min(N, D, dims)) or (N, 2)
        Each axis points to where its largest loading is positive.
    """
    from sklearn.decomposition import PCA

    count, width = vectors.shape
    found = np.zeros((count, 0), np.float32)
    # scikit-learn divides by the total variance, and by N - 1.
    if count > 1 and np.ptp(vectors, axis=0).any():
        solver = "covariance_eigh" if count > width else "full"
        wide = vectors.astype(np.float64)  # a covariance loses half the digits of its vectors
        found = PCA(min(dims, count, width), svd_solver=solver).fit_transform(wide)
    missing = max(0, 2 - found.shape[1])
    return np.pad(found, ((0, 0), (0, missing))).astype(np.float32)


def fit_unit_square(positions: npt.NDArray[np.floating[Any]]) -> Positions:
    """Return positions of the same shape in 0..1: the longer side fills it, centered."""
    low, high = positions.min(axis=0), positions.max(axis=0)
    side = float((high - low).max())
    middle = (low + high) / 2
    scaled = (positions - middle) / (side if side > 0 else 1.0) + 0.5
    inside: npt.NDArray[np.floating[Any]] = np.clip(scaled, 0.0, 1.0)
    return inside.astype(np.float32)


def measure_faithfulness(
    vectors: Embeddings, positions: Positions, *, k: int = 8, seed: int = 0
) -> Faithfulness | None:
    """Say how far nearness on a map agrees with nearness of the vectors.

    Parameters
    ----------
    vectors : ndarray of float32, shape (N, D)
        Unit rows.
    positions : ndarray of float32, shape (N, 2)
        Their places.
    k : int
        Number of neighbors; fewer on small maps.
    seed : int
        Of the sample of at most 2,000 points that is measured.

    Returns
    -------
    Faithfulness or None
        None for fewer than 6 points.
    """
    if len(vectors) < _LEAST:
        return None
    from sklearn.manifold import trustworthiness

    rng = np.random.default_rng(seed)
    rows = np.sort(rng.permutation(len(vectors))[:_SAMPLE])
    k = min(k, (len(rows) - 1) // 2)
    high, flat = vectors[rows], positions[rows].astype(np.float64)
    near = _nearest(high @ high.T, k)
    squares = (flat**2).sum(axis=1)
    near_flat = _nearest(2 * flat @ flat.T - squares[:, None] - squares[None, :], k)
    kept = [len(np.intersect1d(a, b)) / k for a, b in zip(near, near_flat, strict=True)]
    return Faithfulness(
        trustworthiness=float(trustworthiness(high, flat, n_neighbors=k)),
        kept=float(np.mean(kept)),
        by_chance=k / (len(rows) - 1),
        k=k,
        sample=len(rows),
    )


def _nearest(scores: npt.NDArray[np.floating[Any]], k: int) -> npt.NDArray[np.intp]:
    np.fill_diagonal(scores, -np.inf)
    order = np.argsort(-scores, axis=1, kind="stable")
    return order[:, :k]


def _tsne(
    reduced: npt.NDArray[np.float32],
    start: npt.NDArray[np.float32],
    perplexity: float,
    seed: int,
) -> npt.NDArray[np.float32]:
    from sklearn.manifold import TSNE
    from threadpoolctl import threadpool_limits

    model = TSNE(
        perplexity=perplexity,
        init=start / start[:, 0].std() * _SPREAD,
        random_state=seed,
    )
    few = len(reduced) <= _ONE_THREAD
    with threadpool_limits(1 if few else None, "openmp"):
        found: npt.NDArray[np.float32] = model.fit_transform(reduced)
    return found


def _load_umap() -> Callable[..., Any]:
    try:
        from umap import UMAP
    except ImportError as exc:
        raise ConfigError(
            "UMAP is not installed; install it with: pip install 'artsim[umap]', or use t-SNE",
            hint="--method tsne",
        ) from exc
    made: Callable[..., Any] = UMAP
    return made


def _umap(
    umap: Callable[..., Any],
    reduced: npt.NDArray[np.float32],
    start: npt.NDArray[np.float32],
    neighbors: int,
    seed: int,
) -> npt.NDArray[np.float32]:
    # UMAP's own starts span 20 units; its forces are tuned to that. A seed allows one
    # job only, and UMAP warns unless it is asked for one.
    model = umap(
        n_neighbors=neighbors,
        init=start / np.abs(start).max() * 10,
        random_state=seed,
        n_jobs=1,
    )
    found: npt.NDArray[np.float32] = model.fit_transform(reduced)
    return found
