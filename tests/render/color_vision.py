"""Colors as eyes see them that lack a kind of cones."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from PIL.ImageColor import getrgb
from skimage.color import rgb2lab

# For linear RGB: Machado, Oliveira & Fernandes (2009), TVCG 15, severity 1.
DEFICIENCIES: dict[str, Any] = {
    "none": np.eye(3),
    "protan": [
        [0.152286, 1.052583, -0.204868],
        [0.114503, 0.786281, 0.099216],
        [-0.003882, -0.048116, 1.051998],
    ],
    "deutan": [
        [0.367322, 0.860646, -0.227968],
        [0.280085, 0.672501, 0.047413],
        [-0.011820, 0.042940, 0.968881],
    ],
    "tritan": [
        [1.255528, -0.076749, -0.178779],
        [-0.078411, 0.930809, 0.147602],
        [0.004733, 0.691367, 0.303900],
    ],
}


def linear(colors: Sequence[str]) -> np.ndarray:
    parts = np.array([getrgb(color) for color in colors]) / 255
    return np.where(parts <= 0.04045, parts / 12.92, ((parts + 0.055) / 1.055) ** 2.4)


def seen(colors: Sequence[str], deficiency: str) -> np.ndarray:
    """Return the colors as Lab, of shape (N, 3)."""
    light = np.clip(linear(colors) @ np.transpose(DEFICIENCIES[deficiency]), 0, 1)
    shown = np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055)
    return rgb2lab(shown[None])[0]
