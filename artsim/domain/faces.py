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
