"""Learning what teachers see in each cell of a picture, beside what they say of the whole.

By it each part of a picture says what is right, as in hints to thin networks [1]_.

References
----------
.. [1] Romero, Ballas, Kahou, Chassang, Gatta & Bengio (2015). FitNets: hints for thin deep
   nets. ICLR.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

CELL_PIXELS: Final = 16
"""Side of the cells in which a network is asked: that of the last stage but one."""


class CellReader(nn.Module):
    """Tells what the teachers see in each cell from the maps of the last two stages.

    It is there for the training only.
    """

    def __init__(self, widths: Sequence[int], depth: int) -> None:
        super().__init__()
        self.last = nn.Conv2d(widths[-1], depth, 1)
        self.last_but_one = nn.Conv2d(widths[-2], depth, 1)

    def forward(self, maps: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return what is seen where, shape (N, depth, h, w), h and w of the finer maps."""
        finer: torch.Tensor = self.last_but_one(maps[-2])
        coarser = self.last(maps[-1])
        return finer + functional.interpolate(coarser, finer.shape[2:], mode="bilinear")


def cells_at(cells: npt.NDArray[np.float16], grid: torch.Tensor) -> torch.Tensor:
    """Return what is seen at the places of a grid, zeros outside the view.

    Parameters
    ----------
    cells : ndarray, shape (N, rows, columns, D)
    grid : Tensor, shape (N, h, w, 2)
        As `places` returns it.

    Returns
    -------
    Tensor of float32, shape (N, D, h, w)
    """
    found = functional.grid_sample(
        torch.from_numpy(cells).float().permute(0, 3, 1, 2),
        grid,
        padding_mode="border",
        align_corners=False,
    )
    is_inside = (grid.abs() <= 1).all(-1).unsqueeze(1)
    return functional.normalize(found, dim=1) * is_inside


def cells_loss(seen: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
    """Return the mean of 1 - cosine over all cells that show something."""
    is_shown = cells.abs().sum(1) > 0
    cosines = functional.cosine_similarity(seen, cells, dim=1)
    return ((1 - cosines) * is_shown).sum() / is_shown.sum().clamp(min=1)
