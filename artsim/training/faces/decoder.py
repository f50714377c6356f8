"""The decoder, which rebuilds a face from its embedding while the encoder is trained.

What is to be rebuilt must not be thrown away: beside a loss that only compares people, it
keeps an embedding of few people from saying no more than which of them it is. An encoder is
used without it.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Final

import torch
from torch import nn
from torch.nn import functional

REBUILT_SIDE: Final = 64
"""Pixels a side of what is rebuilt: enough for a face, and a sixth of a crop's work."""

_CHANNELS: Final = (128, 96, 64, 32, 16)
_FIRST_SIDE: Final = 4


class CropDecoder(nn.Module):
    """From embeddings to small pictures, each stage twice as wide and high.

    The reconstruction that reverse search on Labeled Faces in the Wild adds to a contrastive
    loss: an autoencoder [1]_ whose code is the embedding. Stages enlarge by
    repetition before they convolve, which leaves no checkered pattern [2]_.

    References
    ----------
    .. [1] Hinton & Salakhutdinov (2006). Reducing the dimensionality of data with neural
           networks. Science 313.
    .. [2] Odena, Dumoulin & Olah (2016). Deconvolution and checkerboard artifacts. Distill,
           doi:10.23915/distill.00003.
    """

    def __init__(self, dim: int) -> None:
        super().__init__()
        self.first = nn.Linear(dim, _CHANNELS[0] * _FIRST_SIDE**2)
        stages: list[nn.Module] = []
        for taken, given in pairwise(_CHANNELS):
            stages += [
                nn.Upsample(scale_factor=2),
                nn.Conv2d(taken, given, 3, padding=1, bias=False),
                nn.BatchNorm2d(given),
                nn.ReLU(inplace=True),
            ]
        self.stages = nn.Sequential(*stages, nn.Conv2d(_CHANNELS[-1], 3, 3, padding=1))

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        """Return pictures (N, 3, REBUILT_SIDE, REBUILT_SIDE) in 0..1 of unit rows (N, D)."""
        maps = self.first(rows).reshape(-1, _CHANNELS[0], _FIRST_SIDE, _FIRST_SIDE)
        return torch.sigmoid(self.stages(maps))


def reconstruction_loss(rebuilt: torch.Tensor, crops: torch.Tensor) -> torch.Tensor:
    """Return the mean squared error against crops (N, 3, H, W) in 0..1, shrunk to match."""
    small = functional.interpolate(
        crops, rebuilt.shape[-2:], mode="bilinear", align_corners=False, antialias=True
    )
    return functional.mse_loss(rebuilt, small)
