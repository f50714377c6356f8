"""Rows of unit length."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Embeddings
from artsim.errors import EncoderError


def unit_rows(rows: npt.NDArray[Any], *, encoder: str) -> Embeddings:
    """Scale each row to length 1; a row of zeros becomes one of equal numbers.

    Parameters
    ----------
    rows : ndarray of float, shape (N, D)
    encoder : str
        Name for the message.

    Raises
    ------
    EncoderError
        If a number is not finite: the weights are damaged, or overflow in reduced
        precision.
    """
    wide = np.array(rows, dtype=np.float64)
    if not np.isfinite(wide).all():
        raise EncoderError(
            f"{encoder} gave numbers that are not finite; its weights are damaged, or of "
            "another model"
        )
    norms = np.linalg.norm(wide, axis=1, keepdims=True)
    empty = norms[:, 0] == 0
    wide[empty], norms[empty] = 1.0, np.sqrt(wide.shape[1])
    return np.asarray(wide / norms, dtype=np.float32)
