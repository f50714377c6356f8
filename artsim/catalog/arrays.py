"""Array types that cross layers."""

from __future__ import annotations

from typing import Any, TypeAlias

import numpy as np
import numpy.typing as npt

RGBImage: TypeAlias = npt.NDArray[np.uint8]
"""8-bit sRGB picture of shape (height, width, 3), upright."""

Embedding: TypeAlias = npt.NDArray[np.float32]
"""Unit-length vector of shape (D,)."""

Embeddings: TypeAlias = npt.NDArray[np.float32]
"""Unit-length rows of shape (N, D)."""

Pixels: TypeAlias = npt.NDArray[np.uint8]
"""Small gray picture in row-major order, shape (side * side,), values 0..255."""

Vector: TypeAlias = npt.NDArray[Any]
"""Embedding or pixels, as a named vector of a point."""
