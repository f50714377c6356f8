"""What every encoder and face detector can do."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Embeddings, RGBImage
from artsim.catalog.kinds import Crop, DetectedFace, EncoderInfo
from artsim.errors import EncoderError

# `squash` shows the whole picture, its sides scaled apart; `crop` its center, undistorted.
Fit = Literal["squash", "crop"]
Interpolation = Literal["bilinear", "bicubic", "lanczos", "nearest"]
Triple = tuple[float, float, float]

IMAGENET_MEAN: Final[Triple] = (0.485, 0.456, 0.406)
IMAGENET_STD: Final[Triple] = (0.229, 0.224, 0.225)
_LONGEST: Final = 16  # most times as long as wide that a strip is when it is enlarged


@dataclass(frozen=True, slots=True)
class Preprocessing:
    """What a network expects of its input."""

    height: int  # of the input, in pixels
    width: int
    fit: Fit = "squash"
    crop_share: float = 1.0  # with ``crop``: the cut-out's side, relative to the short one
    interpolation: Interpolation = "bicubic"  # Pillow's filter, low-pass where it shrinks
    mean: Triple = IMAGENET_MEAN  # by channel (red, green, blue), for values in 0..1
    std: Triple = IMAGENET_STD

    def fit_image(self, image: RGBImage) -> npt.NDArray[np.uint8]:
        """Return the picture at that size, uint8 (height, width, 3), cropped as by torchvision."""
        from PIL import Image

        picture = Image.fromarray(np.ascontiguousarray(image))
        resample = Image.Resampling[self.interpolation.upper()]
        if self.fit == "squash":
            return np.asarray(picture.resize((self.width, self.height), resample))
        # Of a very long strip the middle will do: enlarged, all of it would fill the memory.
        width, height = picture.size
        longest = _LONGEST * min(width, height)
        left, top = max(0, (width - longest) // 2), max(0, (height - longest) // 2)
        picture = picture.crop((left, top, width - left, height - top))
        short = math.floor(min(self.width, self.height) / self.crop_share)
        short = max(short, self.width, self.height)
        width, height = (int(short * side / min(picture.size)) for side in picture.size)
        picture = picture.resize((width, height), resample)
        left, top = round((width - self.width) / 2), round((height - self.height) / 2)
        return np.asarray(picture.crop((left, top, left + self.width, top + self.height)))


# One picture as its encoder wants it; of one shape and dtype for one encoder.
Prepared: TypeAlias = npt.NDArray[Any]

MapReader: TypeAlias = Callable[
    [Sequence[Prepared]], tuple[npt.NDArray[np.float32], npt.NDArray[np.float32]]
]
"""From N prepared pictures to vectors of any length, (N, D), and the maps that they are the
means of, (N, D, rows, columns): what an encoder sees in each part of a picture."""


class Encoder(ABC):
    """Model from picture to unit vector; a family's own supplies `prepare` and `compute`.

    `prepare` is the work per picture, which reader threads share; `encode_prepared` that per batch.
    A picture's vector does not depend on its neighbours in the batch beyond rounding.
    """

    def __init__(self, info: EncoderInfo) -> None:
        self.info: Final = info

    @abstractmethod
    def prepare(self, image: RGBImage) -> Prepared:
        """Return one picture of any size ready for a batch; safe to call from threads."""

    def prepare_crop(self, crop: Crop) -> Prepared:
        """Return one part of a picture ready for a batch; safe to call from threads."""
        return self.prepare(crop.pixels)

    @abstractmethod
    def compute(self, batch: Prepared) -> npt.NDArray[Any]:
        """Return rows (N, D) of any length for N prepared pictures, stacked."""

    def encode_prepared(self, batch: Sequence[Prepared]) -> Embeddings:
        """Encode N prepared pictures, N at least 1, into unit rows of shape (N, D)."""
        return unit_rows(self.compute(np.stack(batch)), encoder=self.info.name)

    def encode_beside(self, batch: Sequence[Prepared]) -> Embeddings:
        """Encode as `encode_prepared`, while other threads encode other batches."""
        return self.encode_prepared(batch)

    def encode(self, images: Sequence[RGBImage]) -> Embeddings:
        """Encode N pictures, each of its own size, into unit rows of shape (N, D)."""
        return self.encode_prepared([self.prepare(image) for image in images])

    def encode_crops(self, crops: Sequence[Crop]) -> Embeddings:
        """Encode N parts of pictures, or whole ones, into unit rows of shape (N, D)."""
        return self.encode_prepared([self.prepare_crop(crop) for crop in crops])

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

    def detect(self, image: RGBImage) -> list[DetectedFace]:
        """Return every face, highest score first, equal scores by x and y."""


def unit_rows(rows: npt.NDArray[Any], *, encoder: str) -> Embeddings:
    """Scale rows of shape (N, D) to length 1; a row of zeros becomes one of equal numbers.

    Raises `EncoderError` if a number is not finite: weights are damaged, or overflow where reduced.
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
