"""What every encoder and face detector can do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeAlias, runtime_checkable

import numpy.typing as npt

from artsim.catalog.arrays import Embeddings, RGBImage
from artsim.catalog.encoder_info import EncoderInfo
from artsim.catalog.faces import DetectedFace

Prepared: TypeAlias = npt.NDArray[Any]
"""One picture as its encoder wants it; of one shape and dtype for one encoder."""


class Encoder(Protocol):
    """Model from picture to unit vector.

    `prepare` is the work per picture, which reader threads share; `encode_prepared` the
    work per batch. A picture's vector does not depend on its neighbours in the batch
    beyond rounding.
    """

    @property
    def info(self) -> EncoderInfo:
        """Identity and dimension."""
        ...

    def prepare(self, image: RGBImage) -> Prepared:
        """Return one picture of any size ready for a batch; safe to call from threads."""
        ...

    def encode_prepared(self, batch: Sequence[Prepared]) -> Embeddings:
        """Encode N prepared pictures, N at least 1, into unit rows of shape (N, D)."""
        ...

    def encode(self, images: Sequence[RGBImage]) -> Embeddings:
        """Encode N pictures, each of its own size, into unit rows of shape (N, D)."""
        ...


@runtime_checkable
class TextEncoder(Encoder, Protocol):
    """Encoder whose space texts share."""

    def encode_text(self, texts: Sequence[str]) -> Embeddings:
        """Encode N texts into unit rows of shape (N, D)."""
        ...


class FaceDetector(Protocol):
    """Finder of the faces of a picture."""

    @property
    def identity(self) -> str:
        """Model, version and thresholds: other faces come only of another identity."""
        ...

    def detect(self, image: RGBImage) -> list[DetectedFace]:
        """Return every face, highest score first, equal scores by x and y."""
        ...
