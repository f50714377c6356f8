"""How well people who are not trained on are told apart, while training goes on."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt
import torch

MOST_FACES: Final = 1000
"""That are compared with each other; a seeded sample of more."""


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
