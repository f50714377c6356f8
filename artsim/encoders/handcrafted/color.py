"""Oklab, and means over cells."""

from __future__ import annotations

from functools import cache

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import RGBImage

FloatArray = npt.NDArray[np.float32]

# Ottosson (2020), "A perceptual color space for image processing"
# (https://bottosson.github.io/posts/oklab/): linear sRGB to cone responses, and the
# cube roots of those to lightness and the two opponent axes.
_LMS_FROM_RGB = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ],
    dtype=np.float32,
)
_OKLAB_FROM_LMS = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ],
    dtype=np.float32,
)


@cache
def _linear_from_srgb() -> FloatArray:
    """Return the sRGB transfer function (IEC 61966-2-1) of the 256 possible values."""
    value = np.arange(256) / 255.0
    linear = np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4)
    return linear.astype(np.float32)


def oklab(image: RGBImage) -> FloatArray:
    """Return `image` in Oklab, planes first.

    Returns
    -------
    ndarray of float32, shape (3, height, width)
        Lightness in 0..1; green-red and blue-yellow, about -0.4..0.4.
    """
    linear = _linear_from_srgb()[image]
    lab = np.cbrt(linear @ _LMS_FROM_RGB.T) @ _OKLAB_FROM_LMS.T
    return np.ascontiguousarray(lab.transpose(2, 0, 1), dtype=np.float32)


def cell_means(planes: FloatArray, rows: int, columns: int) -> FloatArray:
    """Return the mean of each plane in each cell of a grid, shape (C, rows, columns).

    Height and width must be multiples of `rows` and `columns`.
    """
    count, height, width = planes.shape
    cells = planes.reshape(count, rows, height // rows, columns, width // columns)
    return np.asarray(cells.mean(axis=(2, 4)), dtype=np.float32)
