"""Fisher vectors: how a picture's local descriptors depart from those of all pictures."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from artsim.encoders.handcrafted.products import inner_product, row_product

FloatArray = npt.NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class Codebook:
    """Gaussian mixture over whitened local descriptors.

    Attributes
    ----------
    center : ndarray of float32, shape (D,)
        Mean of the raw descriptors.
    axes : ndarray of float32, shape (D, P)
        Projection that decorrelates them.
    weights : ndarray of float32, shape (K,)
        Of the mixture; they sum to 1.
    means, variances : ndarray of float32, shape (K, P)
        Of its components; covariances are diagonal.
    """

    center: FloatArray
    axes: FloatArray
    weights: FloatArray
    means: FloatArray
    variances: FloatArray

    @property
    def size(self) -> int:
        """Length of a Fisher vector, 2 K P."""
        return 2 * self.means.size


def posteriors(projected: FloatArray, book: Codebook) -> FloatArray:
    """Return the probability of each component for each projected descriptor, shape (N, K)."""
    precision = 1.0 / book.variances
    log = row_product(projected * projected, (-0.5 * precision).T)
    log += row_product(projected, (book.means * precision).T)
    log += (
        np.log(book.weights)
        - 0.5 * np.log(book.variances).sum(axis=1)
        - 0.5 * (book.means * book.means * precision).sum(axis=1)
    )
    log -= log.max(axis=1, keepdims=True)
    np.exp(log, out=log)
    log /= log.sum(axis=1, keepdims=True)
    return log


def fisher_vector(descriptors: FloatArray, book: Codebook) -> FloatArray:
    """Return the improved Fisher vector of a picture's local descriptors [1]_.

    The gradient of the mixture's log-likelihood by its means and deviations, under the
    diagonal approximation of the Fisher information; then the signed square root and
    length 1.

    Parameters
    ----------
    descriptors : ndarray of float32, shape (N, D)
        N at least 1.

    Returns
    -------
    ndarray of float32, shape (2 * K * P,)
        By means, then by deviations.

    References
    ----------
    .. [1] Perronnin, Sánchez & Mensink (2010). Improving the Fisher kernel for
           large-scale image classification. ECCV.
    """
    projected = row_product(descriptors - book.center, book.axes)
    share = posteriors(projected, book)
    share /= np.float32(len(projected))
    mass = share.sum(axis=0)[:, None]
    first = inner_product(share, projected)
    second = inner_product(share, projected * projected)
    by_mean = (first - mass * book.means) / np.sqrt(book.variances * book.weights[:, None])
    moment = second - 2 * first * book.means + mass * book.means**2
    by_deviation = (moment / book.variances - mass) / np.sqrt(2 * book.weights[:, None])
    vector = np.concatenate([by_mean.ravel(), by_deviation.ravel()])
    vector = np.sign(vector) * np.sqrt(np.abs(vector))
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), dtype=np.float32)


def fit_codebook(
    descriptors: FloatArray, axes: int, components: int, *, seed: int = 0, rounds: int = 25
) -> Codebook:
    """Fit a codebook by principal axes, k-means and expectation maximization.

    Parameters
    ----------
    descriptors : ndarray of float32, shape (N, D)
        A sample of many pictures' descriptors, N well above `components`.
    axes, components : int
        P and K of the codebook.
    """
    center = np.asarray(descriptors.mean(axis=0), dtype=np.float32)
    projection = _whitening_axes(descriptors - center, axes)
    projected = np.asarray((descriptors - center) @ projection, dtype=np.float32)
    nearest = _k_means(projected, components, np.random.default_rng(seed))
    share = np.eye(components, dtype=np.float32)[nearest]
    floor = 1e-2 * projected.var(axis=0)
    for _ in range(rounds):
        mass = share.sum(axis=0) + 1e-6
        means = share.T @ projected / mass[:, None]
        spread = share.T @ (projected * projected) / mass[:, None] - means**2
        book = Codebook(
            center=center,
            axes=projection,
            weights=mass / mass.sum(),
            means=means,
            variances=np.maximum(spread, floor),
        )
        share = posteriors(projected, book)
    return book


def _whitening_axes(centered: FloatArray, count: int) -> FloatArray:
    """Return principal axes scaled to unit variance; weak ones are not blown up."""
    values, vectors = np.linalg.eigh(np.cov(centered, rowvar=False).astype(np.float64))
    values, vectors = values[::-1][:count], vectors[:, ::-1][:, :count]
    return np.asarray(vectors / np.sqrt(values + 1e-3 * values[0]), dtype=np.float32)


def _k_means(
    points: FloatArray, count: int, rng: np.random.Generator, rounds: int = 15
) -> npt.NDArray[np.intp]:
    """Return the cluster of each point (Lloyd's algorithm); empty clusters are drawn anew."""
    means = points[rng.choice(len(points), count, replace=False)]
    for _ in range(rounds):
        nearest = _nearest(points, means)
        for k in range(count):
            members = points[nearest == k]
            means[k] = members.mean(axis=0) if len(members) else points[rng.integers(len(points))]
    return _nearest(points, means)


def _nearest(points: FloatArray, means: FloatArray) -> npt.NDArray[np.intp]:
    squares = (means * means).sum(axis=1) - 2 * points @ means.T
    return np.asarray(squares.argmin(axis=1))
