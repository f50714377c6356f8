"""Remake the built-in encoder's constants from pictures, without labels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import RGBImage
from artsim.encoders.handcrafted.blocks import BLOCKS, Block, paint
from artsim.encoders.handcrafted.constants import Constants
from artsim.encoders.handcrafted.embed import describe
from artsim.encoders.handcrafted.fisher import Codebook, fit_codebook
from artsim.encoders.handcrafted.projection import fit_projection

WHITENING: Final = 0.35
"""A third of the way from principal components to whitened ones; measured."""

_COARSE: Final = 5
"""Levels a side of the axes of Fisher vectors, whose thousands of values can take it."""

_FINE: Final = 127
"""Levels a side of the axes of the other blocks, which are small anyhow."""

_SAMPLES: Final = 60
"""Local descriptors of each picture that a codebook is fitted on."""


def fit_constants(images: Sequence[RGBImage], *, seed: int = 0) -> Constants:
    """Fit codebooks, then the projections of what they and the other blocks say.

    Parameters
    ----------
    images : sequence of RGBImage
        Some hundred pictures at least, each of any size; they are gone through twice.
    seed : int
        Of the sample of local descriptors and of the start of the clustering.
    """
    books = {block.name: _fit_book(block, images, seed) for block in BLOCKS if block.components}
    rows: dict[str, list[npt.NDArray[np.float32]]] = {block.name: [] for block in BLOCKS}
    for image in images:
        canvas = paint(image)
        for block in BLOCKS:
            rows[block.name].append(describe(canvas, block, books))
    return Constants(
        books=books,
        projections={
            block.name: fit_projection(
                np.stack(rows[block.name]),
                block.dim,
                WHITENING,
                levels=_COARSE if block.components else _FINE,
            )
            for block in BLOCKS
        },
    )


def _fit_book(block: Block, images: Sequence[RGBImage], seed: int) -> Codebook:
    rng = np.random.default_rng(seed)
    samples = []
    for image in images:
        local = block.describe(paint(image))
        samples.append(local[rng.choice(len(local), min(_SAMPLES, len(local)), replace=False)])
    return fit_codebook(np.concatenate(samples), block.axes, block.components, seed=seed)
