"""What is learned from: views of works, what to see in them, and what belongs together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt


@dataclass(frozen=True, slots=True, eq=False)
class Lessons:
    """The material of a training, of N works with V views each.

    Attributes
    ----------
    views : ndarray of uint8, shape (N, V, side, side, 3)
        View 0 is the whole picture.
    targets : ndarray of float32, shape (N, V, dim)
        What the network is to give for each view, whatever becomes of it: unit rows.
    groups : sequence of str
        What the works are drawn by: artists.
    labels : sequence of str or None
        What is to be told: styles; None where it is unknown.
    cells : sequence of ndarray of float16, shape (N, V, rows, columns, D)
        What teachers see in each cell of a view, as unit rows; of each teacher its own D.
    identity : str
        Changes with the works and their labels.
    """

    views: npt.NDArray[np.uint8]
    targets: npt.NDArray[np.float32]
    groups: Sequence[str]
    labels: Sequence[str | None]
    cells: Sequence[npt.NDArray[np.float16]] = ()
    identity: str = ""
