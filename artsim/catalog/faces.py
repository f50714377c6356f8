"""Faces as a detector reports them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True)
class Box:
    """Upright rectangle in pixels, (x, y) its top left corner."""

    x: float
    y: float
    width: float
    height: float

    def scaled(self, factor: float) -> Box:
        """Return the box in a picture `factor` times as large."""
        return Box(self.x * factor, self.y * factor, self.width * factor, self.height * factor)


@dataclass(frozen=True, slots=True)
class DetectedFace:
    """One face of a picture.

    Attributes
    ----------
    box : Box
        In pixels of the picture that was given to the detector, clipped to it.
    landmarks : ndarray of float32, shape (5, 2)
        (x, y) of the eye at the left of the picture, the eye at its right, the nose,
        the mouth's left and its right corner; same pixels as `box`.
    score : float
        The detector's confidence, in 0..1.
    """

    box: Box
    landmarks: npt.NDArray[np.float32]
    score: float


def prominence(box: Box, size: tuple[float, float] | None) -> float:
    """Return how much a face looks like the one that its picture is of: large, near the middle.

    The box's area minus twice the squared distance of its center from the picture's, in
    pixels. This is how facenet picks the face of a photograph of LFW [1]_.

    Parameters
    ----------
    size : tuple of two float or None
        Width and height of the picture; where they are unknown, only the area counts.

    References
    ----------
    .. [1] Sandberg. facenet, ``src/align/align_dataset_mtcnn.py``.
    """
    area = box.width * box.height
    if size is None:
        return area
    right, down = box.x + box.width / 2 - size[0] / 2, box.y + box.height / 2 - size[1] / 2
    return area - 2.0 * (right**2 + down**2)
