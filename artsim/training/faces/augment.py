"""Faces as they might also have been photographed: mirrored, moved, in other light."""

from __future__ import annotations

from typing import Final

import numpy as np
import torch
from torch.nn import functional

MOST_SHIFT: Final = 0.06
"""Of the side, either way."""

MOST_ZOOM: Final = 0.1
MOST_TURN: Final = 0.1
"""Radians. Crops are aligned, so that little is left for zoom and turn."""

MOST_LIGHT: Final = 0.25
"""By which brightness and contrast change, as shares."""

GRAY_SHARE: Final = 0.1
"""Of the faces, that lose their color: it is the light's more than the person's."""


def augment(crops: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    """Return crops (N, 3, H, W) in 0..1 as they might also have been, by draws of `random`."""
    return _relight(_move(crops, random), random)


def _move(crops: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    count = len(crops)
    zoom = 1 + random.uniform(-MOST_ZOOM, MOST_ZOOM, count)
    turn = random.uniform(-MOST_TURN, MOST_TURN, count)
    shift = random.uniform(-2 * MOST_SHIFT, 2 * MOST_SHIFT, (count, 2))  # the side has length 2
    mirror = np.where(random.random(count) < 0.5, -1.0, 1.0)
    places = np.empty((count, 2, 3), dtype=np.float32)
    places[:, 0, 0], places[:, 0, 1] = zoom * mirror * np.cos(turn), -zoom * np.sin(turn)
    places[:, 1, 0], places[:, 1, 1] = zoom * mirror * np.sin(turn), zoom * np.cos(turn)
    places[:, :, 2] = shift
    grid = functional.affine_grid(
        torch.from_numpy(places).to(crops.device), list(crops.shape), align_corners=False
    )
    return functional.grid_sample(crops, grid, padding_mode="border", align_corners=False)


def _relight(crops: torch.Tensor, random: np.random.Generator) -> torch.Tensor:
    count = len(crops)
    factors = 1 + random.uniform(-MOST_LIGHT, MOST_LIGHT, (2, count, 1, 1, 1)).astype(np.float32)
    brightness, contrast = torch.from_numpy(factors).to(crops.device)
    gray = torch.from_numpy(random.random((count, 1, 1, 1)) < GRAY_SHARE).to(crops.device)
    colored = torch.where(gray, crops.mean(1, keepdim=True), crops)
    means = colored.mean((1, 2, 3), keepdim=True)
    relit: torch.Tensor = ((colored - means) * contrast + means) * brightness
    return relit.clamp(0, 1)
