"""What a backbone and Gabor filters say of a picture's parts, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import RGBImage
from artsim.encoders.base import Encoder, Prepared
from artsim.encoders.tiles import ENERGIES, STEPS, cut_tiles, gabor_responses

_BATCH: Final = 32
"""Tiles that the backbone takes at once."""


class SequenceReader:
    """Makes sequences of steps from pictures.

    Parameters
    ----------
    base : Encoder
        The backbone; it is not changed.
    """

    def __init__(self, base: Encoder) -> None:
        self.base = base

    @property
    def numbers(self) -> int:
        """Numbers of a step: the backbone's vector, then the Gabor responses."""
        return self.base.info.dim + ENERGIES

    def prepare(self, image: RGBImage) -> Prepared:
        """Return the parts of a picture: a structured array of shape (STEPS,).

        Its fields are ``base``, a part as the backbone wants it, and ``energies``.
        """
        tiles = cut_tiles(image)
        ready = [self.base.prepare(tile) for tile in tiles]
        fields = [
            ("base", ready[0].dtype, ready[0].shape),
            ("energies", np.dtype(np.float32), (ENERGIES,)),
        ]
        parts = np.empty(STEPS, dtype=np.dtype(fields))
        for position, (tile, part) in enumerate(zip(tiles, ready, strict=True)):
            parts["base"][position] = part
            parts["energies"][position] = gabor_responses(tile)
        return parts

    def encode_prepared(self, batch: Sequence[Prepared]) -> npt.NDArray[np.float32]:
        """Return sequences of N prepared pictures, shape (N, STEPS, numbers)."""
        parts = np.stack(batch)
        tiles = parts["base"].reshape(-1, *parts["base"].shape[2:])
        rows = [
            self.base.encode_prepared(list(tiles[start : start + _BATCH]))
            for start in range(0, len(tiles), _BATCH)
        ]
        vectors = np.concatenate(rows).reshape(*parts.shape, -1)
        return np.concatenate([vectors, parts["energies"]], axis=-1, dtype=np.float32)
