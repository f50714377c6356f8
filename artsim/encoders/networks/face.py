"""A backbone of timm that ends as networks for faces do."""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import nn

from artsim.encoders.networks.timm_network import build_timm


class FaceNetwork(nn.Module):
    """A backbone, and normalized numbers of a length of one's own in place of its last ones.

    What a backbone pools is often never negative, so that no two pictures could be
    unlike. Batch normalization, dropout, a linear layer and batch normalization again are
    the ending that ArcFace found best [1]_.

    Parameters
    ----------
    model : str
        timm's name.
    dim : int
        Length of the embedding.
    dropout : float
        In training only.
    **settings
        Of the backbone, as timm takes them.

    References
    ----------
    .. [1] Deng, Guo, Xue & Zafeiriou (2019). ArcFace. CVPR; option E of its first version,
           arXiv:1801.07698v1, section 3.2.2.
    """

    def __init__(self, model: str, dim: int = 256, dropout: float = 0.1, **settings: Any) -> None:
        super().__init__()
        self.backbone = build_timm(model=model, **settings)
        taken = _length(self.backbone)
        self.ending = nn.Sequential(
            nn.BatchNorm1d(taken),
            nn.Dropout(dropout),
            nn.Linear(taken, dim),
            nn.BatchNorm1d(dim),
        )

    def forward(self, pictures: torch.Tensor) -> torch.Tensor:
        """Return embeddings of any length, shape (N, dim), of normalized pictures."""
        return cast("torch.Tensor", self.ending(self.backbone(pictures)))


def _length(backbone: Any) -> int:
    """Return how many numbers a backbone of timm gives; its last layer may widen its maps."""
    return int(getattr(backbone, "head_hidden_size", None) or backbone.num_features)
