"""The handcrafted encoder: no download, no torch; an earlier default.

Three uses keep it: it teaches the built-in encoder in training, its Gabor energies are steps of
the recurrent classifier, and it reads galleries whose vectors are ``builtin-v1``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from artsim.catalog.arrays import Embedding, Embeddings, RGBImage
from artsim.encoders.base import Encoder, Prepared
from artsim.encoders.cards import Card, Family, read_cards

FloatArray = npt.NDArray[np.float32]

SIDE: Final = 192  # side in pixels of the square that every picture is squashed to
# What was learned from unlabeled pictures; ``benchmarks/fit_handcrafted.py`` remakes it.
CONSTANTS: Final = Path(__file__).with_suffix(".npz")
_REACH: Final = 3.0  # deviations from a Gabor filter's peak at which its frequencies end
_DAMPING: Final = 6e-3  # about the mean gradient that rounding to 8 bits leaves in a flat place

_SMALL: Final = 200_000
"""Multiplications in one product. OpenBLAS spreads larger ones than 262,144 over threads, which
wait for each other actively, and rounds by how many share."""

# These bring the opponent axes of Oklab to about the spread of lightness.
_CHROMA_GAIN: Final = np.array([1.0, 2.5, 2.5], dtype=np.float32)[:, None, None]
_PLACE_GAIN: Final = np.float32(0.35)  # of a patch's place beside its colors (Sánchez et al. 2012)

# Ottosson (2020), https://bottosson.github.io/posts/oklab/: linear sRGB to cone responses, and
# the cube roots of those to lightness and the two opponent axes.
_LMS_FROM_RGB: Final = np.array([
    [0.4122214708, 0.5363325363, 0.0514459929],
    [0.2119034982, 0.6806995451, 0.1073969566],
    [0.0883024619, 0.2817188376, 0.6299787005],
], dtype=np.float32)  # fmt: skip
_OKLAB_FROM_LMS: Final = np.array([
    [0.2104542553, 0.7936177850, -0.0040720468],
    [1.9779984951, -2.4285922050, 0.4505937099],
    [0.0259040371, 0.7827717662, -0.8086757660],
], dtype=np.float32)  # fmt: skip


class HandcraftedEncoder(Encoder):
    """Composition, color and texture of a painting, by five handcrafted blocks.

    A picture is squashed to a square and brought to Oklab, in which equal steps look equally large.
    Each of `BLOCKS` then says one thing of it, is centered on the mean of other paintings, turned
    to its principal axes and whitened by about a third (Jégou & Chum 2012), and scaled to length 1;
    see ``docs/decisions/0002-built-in-encoder.md``. The same picture gives the same bits, whatever
    the batch and the threads. One of one color is described by that alone; no vector is zero.
    """

    def prepare(self, image: RGBImage) -> Prepared:
        """Return the picture's embedding, of shape (D,): all of the work is done here."""
        return embed(image, read_constants())

    def compute(self, batch: Prepared) -> npt.NDArray[Any]:
        """Return the embeddings."""
        return batch

    def encode_prepared(self, batch: Sequence[Prepared]) -> Embeddings:
        """Stack N prepared pictures, which are unit rows to the bit."""
        return np.stack(batch)


class Codebook(NamedTuple):
    """Gaussian mixture over whitened local descriptors; covariances are diagonal."""

    center: FloatArray  # (D,), mean of the raw descriptors
    axes: FloatArray  # (D, P), the projection that decorrelates them
    weights: FloatArray  # (K,), of the mixture; they sum to 1
    means: FloatArray  # (K, P), of its components
    variances: FloatArray  # (K, P)


@dataclass(frozen=True)
class Projection:
    """Affine map from a block's raw values to a few decorrelated ones."""

    center: FloatArray  # (D,), mean over the pictures it was fitted on
    axes: npt.NDArray[np.int8]  # (D, K), in units of `scales`: few levels take little room
    scales: FloatArray  # (K,)

    @cached_property
    def _matrix(self) -> FloatArray:
        return np.ascontiguousarray((self.axes * self.scales).T.astype(np.float32))

    def __call__(self, vector: FloatArray) -> FloatArray:
        """Project one vector of shape (D,) to shape (K,)."""
        # Not `@`, for the reason that `_SMALL` gives; einsum stays on this thread.
        return np.asarray(np.einsum("kd,d->k", self._matrix, vector - self.center), np.float32)


class Constants(NamedTuple):
    """Codebooks and projections, by block."""

    books: Mapping[str, Codebook]
    projections: Mapping[str, Projection]


@cache
def read_constants(path: Path = CONSTANTS) -> Constants:
    """Return the constants of a file: by default those that artsim ships."""
    with np.load(path, allow_pickle=False) as arrays:
        books, projections = {}, {}
        for block in BLOCKS:
            if block.components:
                fields = (arrays[f"{block.name}.book.{field}"] for field in Codebook._fields)
                books[block.name] = Codebook(*(values.astype(np.float32) for values in fields))
            projections[block.name] = Projection(
                *(arrays[f"{block.name}.projection.{f}"] for f in ("center", "axes", "scales"))
            )
    return Constants(books, projections)


def embed(image: RGBImage, constants: Constants) -> Embedding:
    """Return the unit vector of a picture: its blocks, projected, weighted and joined."""
    planes = paint(image)
    parts = [
        np.float32(np.sqrt(block.weight))
        * _unit(constants.projections[block.name](describe(planes, block, constants.books)))
        for block in BLOCKS
    ]
    return _unit(np.concatenate(parts))


def paint(image: RGBImage) -> FloatArray:
    """Return a picture as the blocks see it: Oklab, opponent axes amplified, (3, SIDE, SIDE)."""
    square = Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return np.asarray(oklab(np.asarray(square)) * _CHROMA_GAIN)


def describe(planes: FloatArray, block: Block, books: Mapping[str, Codebook]) -> FloatArray:
    """Return what one block says of a picture, of length 1, or zeros if it says nothing."""
    values = block.describe(planes)
    return fisher_vector(values, books[block.name]) if block.components else _unit(values)


def _unit(vector: FloatArray) -> FloatArray:
    norm = np.float32(np.linalg.norm(vector))
    return vector / norm if norm > 0 else vector


@cache
def _linear_from_srgb() -> FloatArray:
    """Return the sRGB transfer function (IEC 61966-2-1) of the 256 possible values."""
    value = np.arange(256) / 255.0
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return linear.astype(np.float32)


def oklab(image: RGBImage) -> FloatArray:
    """Return `image` in Oklab, shape (3, height, width): lightness, green-red, blue-yellow."""
    lab = np.cbrt(_linear_from_srgb()[image] @ _LMS_FROM_RGB.T) @ _OKLAB_FROM_LMS.T
    return np.ascontiguousarray(lab.transpose(2, 0, 1), dtype=np.float32)


def cell_means(planes: FloatArray, rows: int, columns: int) -> FloatArray:
    """Return the mean of each plane in each cell of a grid, shape (C, rows, columns)."""
    count, height, width = planes.shape
    cells = planes.reshape(count, rows, height // rows, columns, width // columns)
    return np.asarray(cells.mean(axis=(2, 4)), dtype=np.float32)


def cell_energies(
    plane: FloatArray, frequencies: tuple[float, ...], orientations: int, *, cells: int
) -> FloatArray:
    """Return the mean Gabor energies of a grid's cells, (scales * orientations, cells, cells).

    The energy is the sum of the squared responses of the even and the odd filter: of
    scikit-image's ``gabor_kernel(frequency, theta, bandwidth=1)`` at angles spread evenly over
    half a turn. The square plane is continued by reflection at its borders. Frequencies are in
    cycles per pixel, up to about 0.25.
    """
    border = plane.shape[0] // 6
    padded = np.pad(plane - plane.mean(), border, mode="reflect")
    spectrum = np.fft.fft2(padded)
    means = []
    for frequency in frequencies:
        maps = energy_maps(spectrum, frequency, orientations)
        margin = round(maps.shape[1] * border / padded.shape[0])
        inner = maps[:, margin : maps.shape[1] - margin, margin : maps.shape[2] - margin]
        # Cells whose borders are the nearest whole samples.
        edges = np.rint(np.linspace(0, inner.shape[1], cells + 1)).astype(np.intp)
        sums = np.add.reduceat(np.add.reduceat(inner, edges[:-1], axis=1), edges[:-1], axis=2)
        sides = np.diff(edges)
        means.append(np.asarray(sums / (sides[:, None] * sides[None, :]), dtype=np.float32))
    return np.concatenate(means)


def energy_maps(
    spectrum: npt.NDArray[np.complexfloating], frequency: float, orientations: int
) -> FloatArray:
    """Return the local energy of a periodic plane by orientation, shape (orientations, n, n).

    Only the filter's own window of the spectrum is transformed back: moving a spectrum changes the
    phase of the response, not its modulus, so that the energy is only sampled more sparsely.
    """
    size = spectrum.shape[0]
    rows, columns, gains = _gabor_windows(size, frequency, orientations)
    response = np.fft.ifft2(spectrum[rows, columns] * gains, axes=(1, 2))
    energies = (response.real**2 + response.imag**2) * (gains.shape[1] / size) ** 4
    return np.asarray(energies, dtype=np.float32)


@cache
def _gabor_windows(
    size: int, frequency: float, orientations: int
) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp], FloatArray]:
    """Return rows, columns and gains of each filter near its peak in a spectrum of `size`."""
    theta = np.pi * np.arange(orientations)[:, None] / orientations
    # Half the amplitude at one octave across: Petkov & Kruizinga (1997), as a deviation
    # in the spectrum, 1 / (2 pi) of the inverse of that in the plane.
    deviation = frequency / (3.0 * np.sqrt(2.0 * np.log(2.0)))
    half = int(np.ceil(_REACH * deviation * size))
    offsets = np.arange(-half, half)
    v, u = frequency * np.sin(theta), frequency * np.cos(theta)
    rows = np.rint(v * size).astype(np.intp) + offsets
    columns = np.rint(u * size).astype(np.intp) + offsets
    from_peak = (rows / size - v)[:, :, None] ** 2 + (columns / size - u)[:, None, :] ** 2
    gains = np.exp(-from_peak / (2.0 * deviation**2)).astype(np.float32)
    return (rows % size)[:, :, None], (columns % size)[:, None, :], gains


def color_patches(planes: FloatArray, size: int, step: int) -> FloatArray:
    """Return small patches of color as they are, every `step` pixels: (N, C * size * size)."""
    windows = np.lib.stride_tricks.sliding_window_view(planes, (size, size), axis=(1, 2))
    chosen = windows[:, ::step, ::step].transpose(1, 2, 0, 3, 4)
    return np.ascontiguousarray(chosen).reshape(-1, planes.shape[0] * size * size)


def gradient_windows(plane: FloatArray, cell: int, window: int, bins: int) -> FloatArray:
    """Return a dense RootSIFT, (N, window * window * bins): windows begin at every cell.

    Descriptors are divided by their sum, damped so that flat places stay near zero, and rooted.
    """
    cells = cell_orientations(plane, cell, bins)
    windows = np.lib.stride_tricks.sliding_window_view(cells, (window, window), axis=(0, 1))
    rows = np.ascontiguousarray(windows).reshape(-1, bins * window * window)
    damping = np.float32(_DAMPING * window * window)
    shares = rows / (rows.sum(axis=1, keepdims=True) + damping)
    return np.asarray(np.sqrt(shares), dtype=np.float32)


def cell_orientations(plane: FloatArray, cell: int, bins: int) -> FloatArray:
    """Return cells' mean gradients by signed orientation, (rows, columns, bins), split linearly."""
    size = plane.shape[0]
    count = size // cell
    dy, dx = np.gradient(plane)
    magnitude = np.hypot(dx, dy)
    position = (np.arctan2(dy, dx) * np.float32(bins / (2 * np.pi))) % bins
    floor = position.astype(np.int64)
    part = position - floor
    number = np.arange(size) // cell
    start = (number[:, None] * count + number[None, :]) * bins
    index = np.concatenate([(start + floor % bins).ravel(), (start + (floor + 1) % bins).ravel()])
    weight = np.concatenate([(magnitude * (1 - part)).ravel(), (magnitude * part).ravel()])
    sums = np.bincount(index, weights=weight, minlength=count * count * bins)
    return np.asarray(sums / cell**2, dtype=np.float32).reshape(count, count, bins)


def fisher_vector(descriptors: FloatArray, book: Codebook) -> FloatArray:
    """Return the improved Fisher vector, (2 * K * P,), of a picture's local descriptors (N, D).

    The gradient of the mixture's log-likelihood by its means, then by its deviations, under the
    diagonal approximation of the Fisher information; its signed root, of length 1.
    """
    projected = _row_product(descriptors - book.center, book.axes)
    share = posteriors(projected, book)
    share /= np.float32(len(projected))
    mass = share.sum(axis=0)[:, None]
    first = _inner_product(share, projected)
    second = _inner_product(share, projected * projected)
    by_mean = (first - mass * book.means) / np.sqrt(book.variances * book.weights[:, None])
    moment = second - 2 * first * book.means + mass * book.means**2
    by_deviation = (moment / book.variances - mass) / np.sqrt(2 * book.weights[:, None])
    vector = np.concatenate([by_mean.ravel(), by_deviation.ravel()])
    vector = np.sign(vector) * np.sqrt(np.abs(vector))
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12), dtype=np.float32)


def posteriors(projected: FloatArray, book: Codebook) -> FloatArray:
    """Return the probability of each component for each projected descriptor, shape (N, K)."""
    precision = 1.0 / book.variances
    log = _row_product(projected * projected, (-0.5 * precision).T)
    log += _row_product(projected, (book.means * precision).T)
    log += (
        np.log(book.weights)
        - 0.5 * np.log(book.variances).sum(axis=1)
        - 0.5 * (book.means * book.means * precision).sum(axis=1)
    )
    log -= log.max(axis=1, keepdims=True)
    np.exp(log, out=log)
    log /= log.sum(axis=1, keepdims=True)
    return log


def _row_product(rows: FloatArray, matrix: FloatArray) -> FloatArray:
    """Return ``rows @ matrix`` for many rows, shape (N, P), in small products."""
    count, width = rows.shape
    step = max(1, _SMALL // matrix.size)
    whole = count // step * step
    product = np.empty((count, matrix.shape[1]), dtype=np.float32)
    if whole:
        product[:whole] = (rows[:whole].reshape(-1, step, width) @ matrix).reshape(whole, -1)
    if whole < count:
        product[whole:] = rows[whole:] @ matrix
    return product


def _inner_product(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return ``left.T @ right`` for many rows of both, shape (K, P), in small products."""
    count = len(left)
    step = max(1, _SMALL // (left.shape[1] * right.shape[1]))
    whole = count // step * step
    total = left[whole:].T @ right[whole:]
    if whole:
        lefts = left[:whole].reshape(-1, step, left.shape[1]).transpose(0, 2, 1)
        total = total + (lefts @ right[:whole].reshape(-1, step, right.shape[1])).sum(axis=0)
    return np.asarray(total, dtype=np.float32)


class Block(NamedTuple):
    """One part of the descriptor."""

    name: str
    describe: Callable[[FloatArray], FloatArray]  # of planes a vector, or a Fisher vector's rows
    dim: int
    weight: float  # share of the squared length
    components: int = 0  # of its codebook; 0 is none
    axes: int = 0  # of the codebook's descriptors


def _patches(planes: FloatArray) -> FloatArray:
    patches = color_patches(planes, size=4, step=4)
    count = SIDE // 4
    along = (np.arange(count, dtype=np.float32) + 0.5) / count - 0.5
    grid = np.stack(np.meshgrid(along, along, indexing="ij"), axis=-1)
    places = _PLACE_GAIN * np.asarray(grid.reshape(-1, 2), dtype=np.float32)  # y, x
    return np.concatenate([patches, places], axis=1, dtype=np.float32)


def _strokes(planes: FloatArray) -> FloatArray:
    sides = (SIDE, SIDE // 2, SIDE // 4)
    scales = (cell_means(planes[:1], side, side)[0] for side in sides)
    return np.concatenate([gradient_windows(s, cell=4, window=4, bins=8) for s in scales])


def _energies(planes: FloatArray) -> FloatArray:
    # The fourth root is the square root, twice: of the energy, which gives an amplitude,
    # and of the amplitude, which evens out the few strong edges.
    energies = cell_energies(planes[0], (0.25, 0.125, 0.0625, 0.03125), 6, cells=4)
    return np.asarray(energies.ravel() ** 0.25, dtype=np.float32)


def _edges(planes: FloatArray) -> FloatArray:
    signed = cell_orientations(planes[0], cell=SIDE // 4, bins=16)
    return np.asarray(np.sqrt(signed[..., :8] + signed[..., 8:]).ravel(), dtype=np.float32)


def _layout(planes: FloatArray) -> FloatArray:
    cells = cell_means(planes, 8, 8)
    cells[0] -= 0.5
    return cells.ravel()


BLOCKS: Final = (
    Block("patches", _patches, dim=192, weight=1.0, components=64, axes=34),
    Block("strokes", _strokes, dim=192, weight=1.1, components=32, axes=64),
    Block("energies", _energies, dim=64, weight=0.1),
    Block("edges", _edges, dim=64, weight=0.1),
    Block("layout", _layout, dim=64, weight=0.15),
)
"""In the order in which they stand in a vector.

Color and touch: patches as they are (Coates, Lee & Ng 2011) with their places (Sánchez, Perronnin
& de Campos 2012), summed up as a Fisher vector (Perronnin, Sánchez & Mensink 2010). Drawing and
brushwork: dense SIFT (Lowe 2004), square-rooted (Arandjelović & Zisserman 2012), at three scales,
as another. Texture: the Gabor energies of painter identification (Johnson et al. 2008) over a grid
(Oliva & Torralba 2001). Composition in lines: gradients by unsigned orientation (Dalal & Triggs
2005); in color: mean Oklab color.
"""


def _load(card: Card, device: str) -> Encoder:  # it runs on the CPU wherever asked
    return HandcraftedEncoder(card.info())


FAMILY: Final = Family(load=_load, cards=read_cards("handcrafted"))
