"""What the training of an encoder lessens."""

from __future__ import annotations

import torch


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
