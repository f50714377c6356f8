"""What trainings lessen: losses of batches, and how well unseen people are told apart."""

from __future__ import annotations

import math
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import nn
from torch.nn import functional

CONTRASTIVE_MARGIN: Final = 1.0
"""Distance of different people's unit embeddings that is enough: a cosine of 0.5."""

ANGULAR_MARGIN: Final = 0.3
ANGULAR_SCALE: Final = 32.0
"""ArcFace has 0.5 and 64 for tens of thousands of people. For a hundred, CosFace's bound
(section 3.3) asks for a scale of 9 only; half of ArcFace's leaves enough to spare."""

_LEAST_SQUARE: Final = 1e-12
"""Under the square root, whose slope at 0 is infinite."""


def contrast(
    embeddings: torch.Tensor,
    labels: torch.Tensor,
    *,
    temperature: float = 0.1,
    ignored: torch.Tensor | None = None,
) -> torch.Tensor:
    """Return the supervised contrastive loss [1]_ of a batch, its mean over the rows.

    Parameters
    ----------
    embeddings : Tensor, shape (N, D)
        Unit rows.
    labels : Tensor of int, shape (N,)
        Rows of the same label are to be alike; with one label a picture and two views
        of it, it is the loss of SimCLR [2]_.
    ignored : Tensor of bool, shape (N, N), optional
        Pairs that neither attract nor repel each other.

    Returns
    -------
    Tensor
        0 where no row has another one to be like.

    References
    ----------
    .. [1] Khosla, Teterwak, Wang, Sarna, Tian, Isola, Maschinot, Liu & Krishnan (2020).
       Supervised contrastive learning. NeurIPS. Equation 2.
    .. [2] Chen, Kornblith, Norouzi & Hinton (2020). A simple framework for contrastive
       learning of visual representations. ICML.
    """
    similarities = embeddings @ embeddings.T / temperature
    left_out = torch.eye(len(embeddings), dtype=torch.bool, device=embeddings.device)
    if ignored is not None:
        left_out = left_out | ignored
    similarities = similarities.masked_fill(left_out, -1e4)
    chances = similarities - torch.logsumexp(similarities, dim=1, keepdim=True)
    alike = (labels[:, None] == labels[None, :]) & ~left_out
    counts = alike.sum(dim=1)
    sums = (chances * alike).sum(dim=1)
    if not bool(counts.any()):
        return sums.sum() * 0
    return -(sums[counts > 0] / counts[counts > 0]).mean()


def cells_loss(seen: torch.Tensor, cells: torch.Tensor) -> torch.Tensor:
    """Return the mean of 1 - cosine over all cells that show something."""
    is_shown = cells.abs().sum(1) > 0
    cosines = functional.cosine_similarity(seen, cells, dim=1)
    return ((1 - cosines) * is_shown).sum() / is_shown.sum().clamp(min=1)


class ContrastiveLoss(nn.Module):
    """Pairs of one person are drawn together, others pushed apart up to a margin [1]_.

    Of all pairs of a batch: the mean of d² over those of one person, and of
    max(0, margin - d)² over those of different people, half of each. A batch has many more
    of the latter; the two means make up for it.

    Parameters
    ----------
    margin : float
        In 0..2, the greatest distance of unit embeddings.

    References
    ----------
    .. [1] Hadsell, Chopra & LeCun (2006). Dimensionality reduction by learning an
           invariant mapping. CVPR, equation 4.
    """

    def __init__(self, margin: float = CONTRASTIVE_MARGIN) -> None:
        super().__init__()
        if not 0 < margin <= 2:
            raise ValueError(f"margin must lie in 0..2 and above 0, not {margin}")
        self.margin = margin

    def forward(self, rows: torch.Tensor, people: torch.Tensor) -> torch.Tensor:
        """Return the loss of unit rows (N, D) of people (N,); 0 where there are no pairs."""
        first, second = torch.triu_indices(len(rows), len(rows), 1, device=rows.device)
        squares = (2 - 2 * (rows @ rows.T)[first, second]).clamp_min(_LEAST_SQUARE)
        same = people[first] == people[second]
        apart = (self.margin - squares.sqrt()).clamp_min(0).square()
        return (_mean(squares, same) + _mean(apart, ~same)) / 2


class AngularMarginLoss(nn.Module):
    """ArcFace [1]_: the person must be recognized though an angle is added against it.

    Parameters
    ----------
    dim : int
        Length of the embeddings.
    people : int
        To be told apart: a learned direction for each, which the encoder does without.
    margin : float
        Radians that are added to the angle between a face and its person.
    scale : float
        Of the cosines, before the softmax.

    References
    ----------
    .. [1] Deng, Guo, Xue & Zafeiriou (2019). ArcFace: additive angular margin loss for deep
           face recognition. CVPR, equation 3. Where the angle would pass half a turn,
           insightface's ``margin * sin(margin)`` is taken off the cosine instead.
    """

    def __init__(
        self, dim: int, people: int, margin: float = ANGULAR_MARGIN, scale: float = ANGULAR_SCALE
    ) -> None:
        super().__init__()
        if not 0 <= margin < math.pi / 2:
            raise ValueError(f"margin must lie in 0..{math.pi / 2:.2f}, not {margin}")
        self.margin, self.scale = margin, scale
        self.directions = nn.Parameter(torch.empty(people, dim))
        nn.init.normal_(self.directions, std=0.01)

    def forward(self, rows: torch.Tensor, people: torch.Tensor) -> torch.Tensor:
        """Return the loss of unit rows (N, D) of people (N,)."""
        cosines = rows @ functional.normalize(self.directions).T
        own = cosines.gather(1, people[:, None])
        sines = (1 - own.square()).clamp_min(_LEAST_SQUARE).sqrt()
        turned = own * math.cos(self.margin) - sines * math.sin(self.margin)
        beyond = own - self.margin * math.sin(self.margin)
        harder = torch.where(own > -math.cos(self.margin), turned, beyond)
        scores = self.scale * cosines.scatter(1, people[:, None], harder)
        return functional.cross_entropy(scores, people)


def make_loss(
    name: Literal["contrastive", "margin"], *, dim: int, people: int, margin: float | None = None
) -> nn.Module:
    """Return the loss of that name; `margin` is its own by default."""
    if name == "contrastive":
        return ContrastiveLoss(CONTRASTIVE_MARGIN if margin is None else margin)
    return AngularMarginLoss(dim, people, ANGULAR_MARGIN if margin is None else margin)


def reconstruction_loss(rebuilt: torch.Tensor, crops: torch.Tensor) -> torch.Tensor:
    """Return the mean squared error against crops (N, 3, H, W) in 0..1, shrunk to match."""
    small = functional.interpolate(
        crops, rebuilt.shape[-2:], mode="bilinear", align_corners=False, antialias=True
    )
    return functional.mse_loss(rebuilt, small)


def misordered_share(rows: torch.Tensor, codes: npt.NDArray[np.intp]) -> float | None:
    """Return how often a pair of different people is at least as alike as one of one person.

    One minus the area under the ROC curve, a tie counting half: 0 is perfect, 0.5 chance.

    Parameters
    ----------
    rows : Tensor, shape (N, D)
        Unit embeddings.
    codes : ndarray of int, shape (N,)
        Number of each one's person.

    Returns
    -------
    float or None
        None where there are no pairs of either kind.
    """
    first, second = np.triu_indices(len(rows), k=1)
    cosines = (rows @ rows.T).double().cpu().numpy()[first, second]
    same = codes[first] == codes[second]
    if not same.any() or same.all():
        return None
    ranked = np.sort(cosines[same])
    below = np.searchsorted(ranked, cosines[~same], side="left")
    ties = np.searchsorted(ranked, cosines[~same], side="right") - below
    return float((below + ties / 2).mean() / len(ranked))


def _mean(values: torch.Tensor, chosen: torch.Tensor) -> torch.Tensor:
    return (values * chosen).sum() / chosen.sum().clamp_min(1)
