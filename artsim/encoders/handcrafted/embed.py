"""From a picture to the built-in encoder's vector."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Embedding, RGBImage
from artsim.encoders.handcrafted.blocks import BLOCKS, Block, Canvas, paint
from artsim.encoders.handcrafted.constants import Constants
from artsim.encoders.handcrafted.fisher import Codebook, fisher_vector

FloatArray = npt.NDArray[np.float32]


def describe(canvas: Canvas, block: Block, books: Mapping[str, Codebook]) -> FloatArray:
    """Return what one block says of a picture, of length 1, or zeros if it says nothing."""
    values = block.describe(canvas)
    if block.components:
        return fisher_vector(values, books[block.name])
    return _unit(values)


def embed(image: RGBImage, constants: Constants) -> Embedding:
    """Return the unit vector of a picture: its blocks, projected, weighted and joined."""
    canvas = paint(image)
    parts = [
        np.float32(np.sqrt(block.weight))
        * _unit(constants.projections[block.name](describe(canvas, block, constants.books)))
        for block in BLOCKS
    ]
    return _unit(np.concatenate(parts))


def _unit(vector: FloatArray) -> FloatArray:
    norm = np.float32(np.linalg.norm(vector))
    return vector / norm if norm > 0 else vector
