"""What can be asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import numpy as np

from artsim.domain.arrays import RGBImage


@dataclass(frozen=True, slots=True)
class ImageQuery:
    """Paintings like the picture in a file."""

    path: Path


@dataclass(frozen=True, slots=True, eq=False)
class PixelsQuery:
    """Paintings like a picture in memory, which may be no file: a photograph, an edit.

    No painting of the gallery is taken for the query picture itself and left out.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (h, w, 3)
        Upright sRGB; a larger one is shrunk, as that of a file is.
    name : str
        What the answer calls it.
    """

    pixels: RGBImage
    name: str = "a picture"

    def __post_init__(self) -> None:
        """Refuse what is no picture."""
        shape = self.pixels.shape
        if len(shape) != 3 or shape[2] != 3 or 0 in shape or self.pixels.dtype != np.uint8:
            raise ValueError(f"expected uint8 of shape (h, w, 3), not {self.pixels.dtype} {shape}")


@dataclass(frozen=True, slots=True)
class IdQuery:
    """Paintings like one of the gallery; no picture is read and no model loaded."""

    painting_id: str


@dataclass(frozen=True, slots=True)
class TextQuery:
    """Paintings that a text describes; only for encoders that take texts."""

    text: str


@dataclass(frozen=True, slots=True)
class ExamplesQuery:
    """Paintings like some pictures and unlike others, each a file, pixels or an id.

    The query vector is the mean of `like`; with `unlike`, moved away from their mean by
    the difference of both, as Qdrant's ``average_vector`` recommendation does.
    """

    like: tuple[PictureQuery, ...]
    unlike: tuple[PictureQuery, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a query with nothing to be like."""
        if not self.like:
            raise ValueError("at least one picture to be like is needed")


Query: TypeAlias = ImageQuery | PixelsQuery | IdQuery | TextQuery | ExamplesQuery
PictureQuery: TypeAlias = ImageQuery | PixelsQuery | IdQuery
