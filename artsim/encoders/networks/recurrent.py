"""A recurrent network over the parts of a picture."""

from __future__ import annotations

from typing import cast

import torch
from torch import nn


class RecurrentNetwork(nn.Module):
    """Bidirectional LSTM [1]_ over what a frozen backbone and Gabor filters say of each part.

    The convolutional-recurrent classifier of ArtExtract [2]_: there a ConvNeXt reads the
    picture and its Gabor responses, and a recurrent network reads the feature sequence.

    Parameters
    ----------
    base_dim, energies : int
        Numbers of a step: those of the backbone come first.
    hidden : int
        Units of each direction; the embedding has twice as many numbers.
    dropout : float
        Share of a step's numbers that are left out in training.

    References
    ----------
    .. [1] Hochreiter & Schmidhuber (1997). Long short-term memory. Neural Computation 9(8).
    .. [2] ArtExtract: convolutional-recurrent classification of WikiArt by style, artist
           and genre (HumanAI, Google Summer of Code).
    """

    def __init__(
        self, base_dim: int, energies: int, hidden: int = 192, dropout: float = 0.3
    ) -> None:
        super().__init__()
        self.base_dim = base_dim
        self.norm_base = nn.LayerNorm(base_dim)
        self.norm_energies = nn.LayerNorm(energies)
        self.project = nn.Linear(base_dim + energies, 2 * hidden)
        self.dropout = nn.Dropout(dropout)
        self.recurrent = nn.LSTM(2 * hidden, hidden, batch_first=True, bidirectional=True)

    def forward(self, steps: torch.Tensor) -> torch.Tensor:
        """Return embeddings (N, 2 * hidden) of sequences (N, T, base_dim + energies)."""
        base = self.norm_base(steps[..., : self.base_dim])
        energies = self.norm_energies(steps[..., self.base_dim :])
        taken = self.dropout(torch.cat([base, energies], dim=-1))
        taken = self.dropout(nn.functional.gelu(self.project(taken)))
        states, _ = self.recurrent(taken)
        return cast("torch.Tensor", states.mean(dim=1))
