"""The linear head of a classifier: from unit vectors to probabilities, in NumPy."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Embeddings

Logits: TypeAlias = npt.NDArray[np.float64]
"""Scores of C classes for N pictures, shape (N, C); softmax turns them into probabilities."""


@dataclass(frozen=True, slots=True, eq=False)
class Head:
    """Softmax regression on an encoder's vectors.

    Attributes
    ----------
    weights : ndarray of float32, shape (C, D)
    bias : ndarray of float32, shape (C,)
    temperature : float
        What the logits are divided by so that probabilities are as large as they should
        be [1]_; above 0. It changes no order of classes.

    References
    ----------
    .. [1] Guo, Pleiss, Sun & Weinberger (2017). On calibration of modern neural networks.
           ICML.
    """

    weights: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]
    temperature: float = 1.0

    def __post_init__(self) -> None:
        """Refuse arrays that do not fit together or hold no numbers."""
        if self.weights.ndim != 2 or self.bias.shape != self.weights.shape[:1]:
            raise ValueError(
                f"weights of shape (C, D) and a bias of shape (C,) are expected, not "
                f"{self.weights.shape} and {self.bias.shape}"
            )
        if not (np.isfinite(self.weights).all() and np.isfinite(self.bias).all()):
            raise ValueError("weights or bias hold what is no finite number")
        if not 0 < self.temperature < float("inf"):
            raise ValueError(f"the temperature must be above 0, not {self.temperature}")

    def logits(self, vectors: Embeddings) -> Logits:
        """Return scores before the temperature, shape (N, C), of unit rows (N, D)."""
        wide = np.asarray(vectors, dtype=np.float64)
        return np.asarray(wide @ self.weights.astype(np.float64).T + self.bias)

    def probabilities(self, vectors: Embeddings) -> npt.NDArray[np.float64]:
        """Return calibrated probabilities, shape (N, C), of unit rows (N, D)."""
        return softmax(self.logits(vectors) / self.temperature)


def softmax(logits: Logits) -> npt.NDArray[np.float64]:
    """Return rows that add up to 1, without overflow."""
    shifted = np.exp(logits - logits.max(axis=1, keepdims=True))
    return np.asarray(shifted / shifted.sum(axis=1, keepdims=True))
