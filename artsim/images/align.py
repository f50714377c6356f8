"""Faces cut out of pictures, upright and of one size."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from artsim.catalog.arrays import RGBImage

TEMPLATE_SIDE: Final = 112  # side of the square that `TEMPLATE` lies in

TEMPLATE: Final = (
    (38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655),
    (70.7299, 92.2041),
)  # fmt: skip
"""Where ArcFace (Deng et al. 2019, CVPR; `arcface_src` of insightface's ``face_align.py``) has
the eyes, the nose and the corners of the mouth, as (x, y)."""

# Around what the warp reads, for the support of the shrinking filter.
_SURROUND: Final = 3.0


def align_face(
    image: RGBImage,
    landmarks: npt.NDArray[np.float32],
    *,
    size: int = 160,
    margin: float = 0.15,
) -> RGBImage:
    """Return the face as a square crop, its five landmarks brought to fixed places.

    The similarity transform (turn, scale, shift) that fits the landmarks to `TEMPLATE`
    best in the sense of least squares [1]_. Faces larger than the crop are shrunk by an
    antialiasing filter first; the warp is bilinear, and beyond the picture its border
    goes on.

    Parameters
    ----------
    image : ndarray of uint8, shape (h, w, 3)
    landmarks : ndarray of float, shape (5, 2)
        (x, y) of the left eye, right eye, nose, left and right corner of the mouth, as
        seen in the picture, in pixels of `image`; (0, 0) is the middle of the first.
    size : int
        Side of the crop in pixels, at least 1.
    margin : float
        What is added on each side of the template's square, as a share of its side;
        0 gives ArcFace's own crop, which cuts the forehead.

    Returns
    -------
    ndarray of uint8, shape (size, size, 3)

    References
    ----------
    .. [1] Umeyama (1991). Least-squares estimation of transformation parameters
       between two point patterns. IEEE TPAMI 13, 376-380.
    """
    if size < 1 or not margin > -0.5:
        raise ValueError(f"no crop of size {size} with margin {margin}")
    points = np.asarray(landmarks, dtype=np.float64)
    if points.shape != (5, 2) or not np.isfinite(points).all():
        raise ValueError(f"expected five finite landmarks of shape (5, 2), not {landmarks!r}")
    if np.ptp(points, axis=0).max() < 1e-3:
        raise ValueError("the five landmarks are one point")
    return warp(image, points, crop_template(size, margin), size)


def crop_template(size: int, margin: float) -> npt.NDArray[np.float64]:
    """Return where a crop of `align_face` has the five landmarks, shape (5, 2)."""
    scale = size / (TEMPLATE_SIDE * (1 + 2 * margin))
    return (np.array(TEMPLATE) + 0.5 + margin * TEMPLATE_SIDE) * scale - 0.5


def warp(image: RGBImage, points: npt.ArrayLike, goal: npt.ArrayLike, size: int) -> RGBImage:
    """Return the square of `size` pixels in which `points` of the image come nearest to `goal`.

    Both are of shape (N, 2); see `align_face`.
    """
    turn, shift = _similarity(np.asarray(goal, np.float64), np.asarray(points, np.float64))
    corners = np.array([0, size - 1, 1j * (size - 1), (1 + 1j) * (size - 1)]) * turn + shift
    region, left, top, shrink = _shrunk_region(image, corners, abs(turn))
    x, y = np.meshgrid(np.arange(size), np.arange(size))
    source = (x + 1j * y) * turn + shift
    return _bilinear(
        region,
        (source.real + 0.5 - left) / shrink[0] - 0.5,
        (source.imag + 0.5 - top) / shrink[1] - 0.5,
    )


def _similarity(
    start: npt.NDArray[np.float64], goal: npt.NDArray[np.float64]
) -> tuple[complex, complex]:
    """Return (turn, shift) such that ``turn * z + shift`` brings `start` nearest to `goal`.

    Points are complex numbers here, by which a turn with a scale is one factor, never a
    reflection, and its least squares a division; the same as Umeyama's in the plane.
    """
    a, b = start @ (1, 1j), goal @ (1, 1j)
    a_mean, b_mean = a.mean(), b.mean()
    turn = np.vdot(a - a_mean, b - b_mean) / np.vdot(a - a_mean, a - a_mean).real
    return complex(turn), complex(b_mean - turn * a_mean)


def _shrunk_region(
    image: RGBImage, corners: npt.NDArray[np.complex128], scale: float
) -> tuple[RGBImage, int, int, tuple[float, float]]:
    """Return the part of `image` around `corners`, shrunk by `scale` if that is above 1.

    Also its left and top in `image`, and by how much it was shrunk along x and y.
    """
    height, width = image.shape[:2]
    surround = _SURROUND * max(1.0, scale)
    left, right = _span(corners.real, surround, width)
    top, bottom = _span(corners.imag, surround, height)
    region = np.ascontiguousarray(image[top:bottom, left:right])
    if scale <= 1:
        return region, left, top, (1.0, 1.0)
    size = (max(1, round((right - left) / scale)), max(1, round((bottom - top) / scale)))
    small = np.asarray(Image.fromarray(region).resize(size, Image.Resampling.HAMMING))
    return small, left, top, ((right - left) / size[0], (bottom - top) / size[1])


def _span(values: npt.NDArray[np.float64], surround: float, length: int) -> tuple[int, int]:
    first = int(np.clip(np.floor(values.min() - surround), 0, length - 1))
    last = int(np.clip(np.ceil(values.max() + surround), 0, length - 1))
    return first, last + 1


def _bilinear(image: RGBImage, x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]) -> RGBImage:
    height, width = image.shape[:2]
    x, y = np.clip(x, 0, width - 1), np.clip(y, 0, height - 1)
    left, top = x.astype(np.intp), y.astype(np.intp)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    along = (x - left).astype(np.float32)[..., None]
    down = (y - top).astype(np.float32)[..., None]
    upper = image[top, left] * (1 - along) + image[top, right] * along
    lower = image[bottom, left] * (1 - along) + image[bottom, right] * along
    blended: RGBImage = np.rint(upper * (1 - down) + lower * down).astype(np.uint8)
    return blended
