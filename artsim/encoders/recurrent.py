"""Encoders of the recurrent kind: a trained network over a frozen encoder's vectors of parts."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image

from artsim.catalog.arrays import RGBImage
from artsim.encoders.base import Encoder, Prepared
from artsim.encoders.cards import Card
from artsim.encoders.devices import on_one_core, pick_device
from artsim.encoders.handcrafted import cell_energies

GRID: Final = 3  # parts of a picture a side
STEPS: Final = 1 + GRID * GRID  # of a sequence: the whole, then its parts row by row
_SIDE: Final = 96  # of the gray square whose Gabor energies are taken, in pixels
_FREQUENCIES: Final = (0.25, 0.125, 0.0625)
_ORIENTATIONS: Final = 6
_CELLS: Final = 2

ENERGIES: Final = len(_FREQUENCIES) * _ORIENTATIONS * _CELLS * _CELLS
"""How many numbers of a step are Gabor energies."""

_BATCH: Final = 32  # parts that the base encoder takes at once


class SequenceReader:
    """Makes sequences of steps from pictures: a base encoder's vector and Gabor energies each."""

    def __init__(self, base: Encoder) -> None:
        self.base = base

    def prepare(self, image: RGBImage) -> Prepared:
        """Return the parts of a picture: a structured array of shape (STEPS,).

        Its fields are ``base``, a part as the base encoder wants it, and ``energies``.
        """
        tiles = _cut_tiles(image)
        ready = [self.base.prepare(tile) for tile in tiles]
        fields = [
            ("base", ready[0].dtype, ready[0].shape),
            ("energies", np.dtype(np.float32), (ENERGIES,)),
        ]
        parts = np.empty(STEPS, dtype=np.dtype(fields))
        parts["base"] = ready
        parts["energies"] = [_gabor_energies(tile) for tile in tiles]
        return parts

    def encode_prepared(self, batch: Sequence[Prepared]) -> npt.NDArray[np.float32]:
        """Return sequences of N prepared pictures, shape (N, STEPS, D + ENERGIES)."""
        parts = np.stack(batch)
        tiles = parts["base"].reshape(-1, *parts["base"].shape[2:])
        rows = [
            self.base.encode_prepared(list(tiles[start : start + _BATCH]))
            for start in range(0, len(tiles), _BATCH)
        ]
        vectors = np.concatenate(rows).reshape(*parts.shape, -1)
        return np.concatenate([vectors, parts["energies"]], axis=-1, dtype=np.float32)


class RecurrentEncoder(Encoder):
    """From a picture to the parts' sequence, and from that to a unit vector."""

    def __init__(
        self, card: Card, base: Encoder, network: torch.nn.Module, *, device: str = "auto"
    ) -> None:
        # A base encoder outside torch may run on devices that torch has not, and the reverse.
        self._device = pick_device(device)
        self._network = network.eval().requires_grad_(False).to(self._device)
        self._reader = SequenceReader(base)
        super().__init__(card.info())

    def prepare(self, image: RGBImage) -> Prepared:
        """Return the parts of the picture as the base encoder wants them."""
        return self._reader.prepare(image)

    def compute(self, batch: Prepared) -> npt.NDArray[Any]:
        """Return rows (N, D) of any length for N prepared pictures."""
        if len(batch) == 1 and self._device.type == "cpu":
            return on_one_core(lambda: self._compute(batch))
        return self._compute(batch)

    def _compute(self, batch: Prepared) -> npt.NDArray[Any]:
        steps = torch.from_numpy(self._reader.encode_prepared(list(batch))).to(self._device)
        with torch.inference_mode():
            return np.asarray(self._network(steps).cpu().numpy())


def _cut_tiles(image: RGBImage) -> list[RGBImage]:
    """Return the whole picture and its parts; of one with fewer pixels than these they repeat."""
    rows, columns = (_edges(size) for size in image.shape[:2])
    parts = [image[top:bottom, left:right] for top, bottom in rows for left, right in columns]
    return [image, *parts]


def _edges(size: int) -> list[tuple[int, int]]:
    starts = [min(size - 1, size * i // GRID) for i in range(GRID)]
    ends = [max(start + 1, size * (i + 1) // GRID) for i, start in enumerate(starts)]
    return list(zip(starts, ends, strict=True))


def _gabor_energies(tile: RGBImage) -> npt.NDArray[np.float32]:
    """Return the roots of mean Gabor energies by scale, orientation and quarter of the tile."""
    gray = Image.fromarray(np.ascontiguousarray(tile)).convert("L")
    square = gray.resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    plane = np.asarray(square, dtype=np.float32) / np.float32(255)
    energies = cell_energies(plane, _FREQUENCIES, _ORIENTATIONS, cells=_CELLS)
    # Twice the square root, as the handcrafted encoder takes it: few strong edges are evened out.
    return np.asarray(np.maximum(energies.ravel(), 0) ** 0.25, dtype=np.float32)
