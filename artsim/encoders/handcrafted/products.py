"""Matrix products that stay on the calling thread."""

from __future__ import annotations

from typing import Final

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float32]

_SMALL: Final = 200_000
"""Multiplications in one product. OpenBLAS spreads larger ones than 262,144 over threads,
which wait for each other actively: beside other busy threads, such as the readers of an
ingest, a picture then takes many times as long. It also rounds by how many threads share."""


def row_product(rows: FloatArray, matrix: FloatArray) -> FloatArray:
    """Return ``rows @ matrix`` for many rows, shape (N, P), in small products."""
    count, width = rows.shape
    step = max(1, _SMALL // matrix.size)
    whole = count // step * step
    product = np.empty((count, matrix.shape[1]), dtype=np.float32)
    if whole:
        product[:whole] = (rows[:whole].reshape(-1, step, width) @ matrix).reshape(whole, -1)
    if whole < count:
        product[whole:] = rows[whole:] @ matrix
    return product


def inner_product(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return ``left.T @ right`` for many rows of both, shape (K, P), in small products."""
    count = len(left)
    step = max(1, _SMALL // (left.shape[1] * right.shape[1]))
    whole = count // step * step
    total = left[whole:].T @ right[whole:]
    if whole:
        lefts = left[:whole].reshape(-1, step, left.shape[1]).transpose(0, 2, 1)
        total = total + (lefts @ right[:whole].reshape(-1, step, right.shape[1])).sum(axis=0)
    return np.asarray(total, dtype=np.float32)
