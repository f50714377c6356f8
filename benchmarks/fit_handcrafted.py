"""Remake the handcrafted encoder's constants from a folder of pictures, without labels.

    python benchmarks/fit_handcrafted.py DIR OUT.npz

Every picture that Pillow's decoders know below DIR is used, in order of its path. New
constants make new vectors: rename ``vector_name`` in ``artsim/encoders/handcrafted.py``.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Final, overload

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import RGBImage
from artsim.encoders.handcrafted import (
    BLOCKS,
    Block,
    Codebook,
    Constants,
    FloatArray,
    Projection,
    describe,
    paint,
    posteriors,
)
from artsim.images.load import IMAGE_SUFFIXES, load_image

WHITENING: Final = 0.35
"""A third of the way from principal components to whitened ones; measured."""

_COARSE: Final = 5
"""Levels a side of the axes of Fisher vectors, whose thousands of values can take it."""

_FINE: Final = 127
"""Levels a side of the axes of the other blocks, which are small anyhow."""

_FEW: Final = 7
"""Up to so many levels a side, cutting off rare large values costs less than it saves."""

_SAMPLES: Final = 60
"""Local descriptors of each picture that a codebook is fitted on."""


def fit_constants(images: Sequence[RGBImage], *, seed: int = 0) -> Constants:
    """Fit codebooks, then the projections of what they and the other blocks say.

    Parameters
    ----------
    images : sequence of RGBImage
        Some hundred pictures at least, each of any size; they are gone through twice.
    seed : int
        Of the sample of local descriptors and of the start of the clustering.
    """
    books = {block.name: _fit_book(block, images, seed) for block in BLOCKS if block.components}
    rows: dict[str, list[FloatArray]] = {block.name: [] for block in BLOCKS}
    for image in images:
        planes = paint(image)
        for block in BLOCKS:
            rows[block.name].append(describe(planes, block, books))
    projections = {
        block.name: fit_projection(
            np.stack(rows[block.name]),
            block.dim,
            WHITENING,
            levels=_COARSE if block.components else _FINE,
        )
        for block in BLOCKS
    }
    return Constants(books, projections)


def _fit_book(block: Block, images: Sequence[RGBImage], seed: int) -> Codebook:
    rng = np.random.default_rng(seed)
    samples = []
    for image in images:
        local = block.describe(paint(image))
        samples.append(local[rng.choice(len(local), min(_SAMPLES, len(local)), replace=False)])
    return fit_codebook(np.concatenate(samples), block.axes, block.components, seed=seed)


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
    centered = descriptors - center
    values, vectors = np.linalg.eigh(np.cov(centered, rowvar=False).astype(np.float64))
    values, vectors = values[::-1][:axes], vectors[:, ::-1][:, :axes]
    # Scaled to unit variance; weak axes are not blown up.
    projection = np.asarray(vectors / np.sqrt(values + 1e-3 * values[0]), dtype=np.float32)
    projected = np.asarray(centered @ projection, dtype=np.float32)
    nearest = _k_means(projected, components, np.random.default_rng(seed))
    share = np.eye(components, dtype=np.float32)[nearest]
    floor = 1e-2 * projected.var(axis=0)
    for _ in range(rounds):
        mass = share.sum(axis=0) + 1e-6
        means = share.T @ projected / mass[:, None]
        spread = share.T @ (projected * projected) / mass[:, None] - means**2
        weights = mass / mass.sum()
        book = Codebook(center, projection, weights, means, np.maximum(spread, floor))
        share = posteriors(projected, book)
    return book


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


def fit_projection(rows: FloatArray, count: int, whitening: float, *, levels: int) -> Projection:
    """Fit principal axes whose variances are evened out in part (Jégou & Chum 2012).

    Parameters
    ----------
    rows : ndarray of float32, shape (N, D)
        One block of N pictures.
    count : int
        How many axes to keep; where `rows` varies along fewer, the rest are zero.
    whitening : float
        0 keeps an axis' deviation, 1 makes all of them equal; between, its power
        ``1 - whitening``.
    levels : int
        Steps on each side of zero that an axis' values are rounded to, at most 127.
    """
    center = rows.mean(axis=0, dtype=np.float64)
    _, deviations, axes = np.linalg.svd(rows - center, full_matrices=False)
    kept = min(count, int((deviations > 1e-6 * deviations[0]).sum()))
    scaled = np.zeros((rows.shape[1], count))
    scaled[:, :kept] = axes[:kept].T * (deviations[:kept] / deviations[0]) ** -whitening
    # The rounding errors of an axis' many values are independent, so that they average out in
    # its product with a picture. The step is near the one that is best for a normal
    # distribution [Max, 1960]: 0.59 deviations for 3 levels a side, 0.34 for 7.
    scales = np.abs(scaled).max(axis=0) / levels
    if levels <= _FEW:
        scales = np.minimum(scales, 1.4 * scaled.std(axis=0) / levels**0.75)
    scales = np.maximum(scales, 1e-12)
    steps = np.clip(np.rint(scaled / scales), -levels, levels)
    return Projection(center.astype(np.float32), steps.astype(np.int8), scales.astype(np.float32))


def write_constants(constants: Constants, path: Path) -> None:
    """Write the constants as compressed arrays, without pickles."""
    arrays = {
        f"{name}.book.{field}": values
        for name, book in constants.books.items()
        for field, values in book._asdict().items()
    } | {
        f"{name}.projection.{field}": getattr(projection, field)
        for name, projection in constants.projections.items()
        for field in ("center", "axes", "scales")
    }
    np.savez_compressed(path, **arrays)


class Pictures(Sequence[RGBImage]):
    """Pictures that are loaded whenever they are asked for, however many there are."""

    def __init__(self, paths: Sequence[Path]) -> None:
        self._paths = paths

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self._paths)

    @overload
    def __getitem__(self, index: int) -> RGBImage: ...

    @overload
    def __getitem__(self, index: slice) -> Pictures: ...

    def __getitem__(self, index: int | slice) -> RGBImage | Pictures:
        """Load one, or choose several."""
        if isinstance(index, slice):
            return Pictures(self._paths[index])
        return load_image(self._paths[index]).pixels


def main() -> None:
    """Fit and write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("pictures", type=Path, help="folder, searched recursively")
    parser.add_argument("out", type=Path, help="file to write")
    arguments = parser.parse_args()
    paths = sorted(p for p in arguments.pictures.rglob("*") if p.suffix.lower() in IMAGE_SUFFIXES)
    images = Pictures(paths)
    write_constants(fit_constants(images), arguments.out)
    print(f"{arguments.out}: from {len(images)} pictures, {arguments.out.stat().st_size} bytes")


if __name__ == "__main__":
    main()
