"""A picture as a sequence: the whole, then its parts row by row."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import RGBImage
from artsim.encoders.handcrafted.gabor import cell_energies

GRID: Final = 3
"""Parts a side."""

STEPS: Final = 1 + GRID * GRID
"""Length of the sequence."""

_SIDE: Final = 96
"""Of the gray square whose Gabor energies are taken, in pixels."""

_FREQUENCIES: Final = (0.25, 0.125, 0.0625)
_ORIENTATIONS: Final = 6
_CELLS: Final = 2

ENERGIES: Final = len(_FREQUENCIES) * _ORIENTATIONS * _CELLS * _CELLS
"""How many numbers `gabor_responses` returns."""


def cut_tiles(image: RGBImage) -> list[RGBImage]:
    """Return the whole picture and its `GRID` x `GRID` parts, row by row.

    The parts border on each other; of a picture with fewer pixels than parts they repeat.
    """
    height, width = image.shape[:2]
    rows, columns = _edges(height), _edges(width)
    parts = [image[top:bottom, left:right] for top, bottom in rows for left, right in columns]
    return [image, *parts]


def gabor_responses(tile: RGBImage) -> npt.NDArray[np.float32]:
    """Return the roots of mean Gabor energies by scale, orientation and quarter of the tile.

    Parameters
    ----------
    tile : ndarray of uint8, shape (h, w, 3)

    Returns
    -------
    ndarray of float32, shape (ENERGIES,)
    """
    from PIL import Image

    gray = Image.fromarray(np.ascontiguousarray(tile)).convert("L")
    square = gray.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    plane = np.asarray(square, dtype=np.float32) / np.float32(255)
    energies = cell_energies(plane, _FREQUENCIES, _ORIENTATIONS, cells=_CELLS)
    # Twice the square root, as the handcrafted encoder takes it: few strong edges are evened out.
    return np.asarray(np.maximum(energies.ravel(), 0) ** 0.25, dtype=np.float32)


def _edges(size: int) -> list[tuple[int, int]]:
    starts = [min(size - 1, size * i // GRID) for i in range(GRID)]
    ends = [max(start + 1, size * (i + 1) // GRID) for i, start in enumerate(starts)]
    return list(zip(starts, ends, strict=True))
