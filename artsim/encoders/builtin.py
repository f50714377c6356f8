"""The built-in image encoder: closed form, no download, no torch."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar, Final

import numpy as np
import numpy.typing as npt

from artsim.domain.arrays import Embeddings, RGBImage
from artsim.domain.encoder_info import EncoderInfo
from artsim.encoders.base import Prepared
from artsim.encoders.handcrafted.color import cell_means, oklab, soft_histogram
from artsim.encoders.handcrafted.gabor import energies_of_spectrum, spectrum_of
from artsim.encoders.handcrafted.gradients import binary_patterns, orientation_histograms

_SIDE: Final = 192
_PAD: Final = 32
_FREQUENCIES: Final = (0.25, 0.125, 0.0625, 0.03125)
_ORIENTATIONS: Final = 6
_DIM: Final = 979


class BuiltinEncoder:
    """Composition, color and texture of a painting."""

    INFO: ClassVar[EncoderInfo] = EncoderInfo(
        name="builtin", spec="builtin", vector_name="builtin-v1", dim=_DIM
    )

    @property
    def info(self) -> EncoderInfo:
        """Identity and dimension."""
        return self.INFO

    def prepare(self, image: RGBImage) -> Prepared:
        """Return the picture's embedding; all of the work is done here."""
        planes = oklab(_canonical(image))
        blocks = (
            (1.0, _layout(planes)),
            (1.0, _palette(planes)),
            (1.0, _gabor(planes)),
            (0.7, _gradients(planes)),
            (0.5, _patterns(planes)),
        )
        return _unit(np.concatenate([w * _unit(block) for w, block in blocks]))

    def encode_prepared(self, batch: Sequence[Prepared]) -> Embeddings:
        """Stack N prepared pictures into unit rows of shape (N, D)."""
        return np.stack(batch).astype(np.float32, copy=False)

    def encode(self, images: Sequence[RGBImage]) -> Embeddings:
        """Encode N pictures, each of its own size, into unit rows of shape (N, D)."""
        return self.encode_prepared([self.prepare(image) for image in images])


def _canonical(image: RGBImage) -> RGBImage:
    """Squash the picture to a square of the canonical side."""
    from PIL import Image

    picture = Image.fromarray(image).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)
    return np.asarray(picture, dtype=np.uint8)


def _layout(planes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    cells = cell_means(planes, 8, 8) * np.array([1, 3, 3], dtype=np.float32)[:, None, None]
    cells[0] -= 0.5
    return cells.ravel()


def _palette(planes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.sqrt(soft_histogram(planes, (0.0, -0.12, -0.12), (1.0, 0.16, 0.16), (6, 6, 6)))


def _gabor(planes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    padded = np.pad(planes[0] - planes[0].mean(), _PAD, mode="reflect")
    spectrum = spectrum_of(padded)
    pooled = []
    for frequency in _FREQUENCIES:
        energies = energies_of_spectrum(spectrum, frequency, _ORIENTATIONS)
        count = energies.shape[1]
        margin = count * _PAD // padded.shape[0]
        inner = energies[:, margin : count - margin, margin : count - margin]
        pooled.append(_pool(inner, 4))
    return np.asarray(np.concatenate(pooled).ravel() ** 0.25, dtype=np.float32)[: 24 * 16]


def _pool(maps: npt.NDArray[np.float32], cells: int) -> npt.NDArray[np.float32]:
    edges = np.linspace(0, maps.shape[1], cells + 1).round().astype(int)
    rows = np.add.reduceat(maps, edges[:-1], axis=1)
    sums = np.add.reduceat(rows, edges[:-1], axis=2)
    size = np.diff(edges)
    return np.asarray(sums / (size[:, None] * size[None, :]), dtype=np.float32)


def _gradients(planes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.sqrt(orientation_histograms(planes[0], 4, 8)).ravel()


def _patterns(planes: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return np.sqrt(np.concatenate([binary_patterns(planes[0], 1)]))


def _unit(vector: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    norm = float(np.linalg.norm(vector))
    return vector if norm == 0.0 else (vector / np.float32(norm)).astype(np.float32)
