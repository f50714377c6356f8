"""The blocks of the built-in encoder: what each one measures, and how much it counts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import RGBImage
from artsim.encoders.handcrafted.color import cell_means, oklab
from artsim.encoders.handcrafted.gabor import cell_energies
from artsim.encoders.handcrafted.local import cell_orientations, color_patches, gradient_windows

FloatArray: TypeAlias = npt.NDArray[np.float32]

SIDE: Final = 192
"""Side in pixels of the square that every picture is squashed to."""

_CHROMA_GAIN = np.array([1.0, 2.5, 2.5], dtype=np.float32)[:, None, None]
"""Brings the two opponent axes of Oklab to about the spread of lightness."""

_PLACE_GAIN = np.float32(0.35)
"""How much where a patch lies counts beside its colors (Sánchez et al. 2012)."""


@dataclass(frozen=True, slots=True)
class Canvas:
    """A picture as the blocks see it.

    Attributes
    ----------
    planes : ndarray of float32, shape (3, SIDE, SIDE)
        Oklab, the opponent axes amplified.
    """

    planes: FloatArray

    def lightness(self, halvings: int = 0) -> FloatArray:
        """Return the lightness at `SIDE` divided by two so many times, in 0..1."""
        side = SIDE >> halvings
        return np.asarray(cell_means(self.planes[:1], side, side)[0])


@dataclass(frozen=True, slots=True)
class Block:
    """One part of the descriptor.

    Attributes
    ----------
    name : str
        As in the file of constants.
    describe : callable
        From a canvas to a vector or, for a block with `components`, to the rows that
        its Fisher vector sums up.
    dim : int
        How many numbers it contributes.
    weight : float
        Its share of the squared length of a vector, before all are scaled to 1.
    components, axes : int
        Size of its codebook; 0 is none.
    """

    name: str
    describe: Callable[[Canvas], FloatArray]
    dim: int
    weight: float
    components: int = 0
    axes: int = 0


def paint(image: RGBImage) -> Canvas:
    """Squash a picture of any size to the canvas."""
    from PIL import Image

    square = Image.fromarray(image).resize((SIDE, SIDE), Image.Resampling.BICUBIC)
    return Canvas(oklab(np.asarray(square)) * _CHROMA_GAIN)


def _patches(canvas: Canvas) -> FloatArray:
    patches = color_patches(canvas.planes, size=4, step=4)
    places = _PLACE_GAIN * _places(SIDE // 4)
    return np.concatenate([patches, places], axis=1, dtype=np.float32)


def _places(count: int) -> FloatArray:
    """Return (y, x) of the cells of a grid, in -0.5..0.5, shape (count * count, 2)."""
    along = (np.arange(count, dtype=np.float32) + 0.5) / count - 0.5
    grid = np.stack(np.meshgrid(along, along, indexing="ij"), axis=-1)
    return np.asarray(grid.reshape(-1, 2), dtype=np.float32)


def _strokes(canvas: Canvas) -> FloatArray:
    scales = (canvas.lightness(halvings) for halvings in range(3))
    return np.concatenate([gradient_windows(s, cell=4, window=4, bins=8) for s in scales])


def _energies(canvas: Canvas) -> FloatArray:
    # The fourth root is the square root, twice: of the energy, which gives an amplitude,
    # and of the amplitude, which evens out the few strong edges.
    energies = cell_energies(canvas.lightness(), (0.25, 0.125, 0.0625, 0.03125), 6, cells=4)
    return np.asarray(energies.ravel() ** 0.25, dtype=np.float32)


def _edges(canvas: Canvas) -> FloatArray:
    signed = cell_orientations(canvas.lightness(), cell=SIDE // 4, bins=16)
    unsigned = signed[..., :8] + signed[..., 8:]
    return np.asarray(np.sqrt(unsigned).ravel(), dtype=np.float32)


def _layout(canvas: Canvas) -> FloatArray:
    cells = cell_means(canvas.planes, 8, 8)
    cells[0] -= 0.5
    return cells.ravel()


BLOCKS: Final = (
    Block("patches", _patches, dim=192, weight=1.0, components=64, axes=34),
    Block("strokes", _strokes, dim=192, weight=1.1, components=32, axes=64),
    Block("energies", _energies, dim=64, weight=0.1),
    Block("edges", _edges, dim=64, weight=0.1),
    Block("layout", _layout, dim=64, weight=0.15),
)
"""In the order in which they stand in a vector."""
