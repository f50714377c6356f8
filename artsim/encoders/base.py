"""What every encoder and face detector can do."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Any, Final, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Embeddings, RGBImage
from artsim.catalog.encoder_info import EncoderInfo
from artsim.catalog.faces import DetectedFace
from artsim.errors import EncoderError

Prepared: TypeAlias = npt.NDArray[Any]
"""One picture as its encoder wants it; of one shape and dtype for one encoder."""

MapReader: TypeAlias = Callable[
    [Sequence[Prepared]], tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
]
"""From N prepared pictures to vectors of any length, (N, D), and the maps that they are the
means of, (N, D, rows, columns): what an encoder sees in each part of a picture."""


class Encoder(ABC):
    """Model from picture to unit vector; a family's own supplies `prepare` and `compute`.

    `prepare` is the work per picture, which reader threads share; `encode_prepared` the
    work per batch. A picture's vector does not depend on its neighbours in the batch
    beyond rounding.

    Parameters
    ----------
    info : EncoderInfo
        Identity and dimension.
    """

    def __init__(self, info: EncoderInfo) -> None:
        self.info: Final = info

    @abstractmethod
    def prepare(self, image: RGBImage) -> Prepared:
        """Return one picture of any size ready for a batch; safe to call from threads."""

    @abstractmethod
    def compute(self, batch: Prepared) -> npt.NDArray[Any]:
        """Return rows (N, D) of any length for N prepared pictures, stacked."""

    def encode_prepared(self, batch: Sequence[Prepared]) -> Embeddings:
        """Encode N prepared pictures, N at least 1, into unit rows of shape (N, D)."""
        return unit_rows(self.compute(np.stack(batch)), encoder=self.info.name)

    def encode(self, images: Sequence[RGBImage]) -> Embeddings:
        """Encode N pictures, each of its own size, into unit rows of shape (N, D)."""
        return self.encode_prepared([self.prepare(image) for image in images])

    def open_maps(self) -> MapReader | None:
        """Return a reader of maps; None where its vectors are no means of such."""
        return None


class TextEncoder(Encoder):
    """Encoder whose space texts share."""

    @abstractmethod
    def encode_text(self, texts: Sequence[str]) -> Embeddings:
        """Encode N texts into unit rows of shape (N, D)."""


class FaceDetector(Protocol):
    """Finder of the faces of a picture."""

    @property
    def identity(self) -> str:
        """Model, version and thresholds: other faces come only of another identity."""
        ...

    def detect(self, image: RGBImage) -> list[DetectedFace]:
        """Return every face, highest score first, equal scores by x and y."""
        ...


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
