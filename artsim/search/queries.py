"""What can be asked for."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, TypeAlias

import numpy as np

from artsim.catalog.arrays import RGBImage
from artsim.errors import OptionError

if TYPE_CHECKING:
    from PIL.Image import Image

File: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO
"""A picture's file: its path, what is in it, or the open binary file."""


@dataclass(frozen=True, slots=True, init=False)
class ImageQuery:
    """Paintings like the picture in a file.

    Parameters
    ----------
    picture : str, path, bytes or binary file
        A path is read when the search is made, an open file, such as an upload, at once.
    name : str, optional
        What the answer calls the picture; by default its path, or the open file's name.

    Attributes
    ----------
    picture : Path or bytes
        The file's path, or what is in it.
    """

    picture: Path | bytes
    name: str

    def __init__(self, picture: File, name: str | None = None) -> None:
        """Read an open file; `TypeError` for what is no file of a picture."""
        given = name
        if isinstance(picture, str | os.PathLike):
            found: Path | bytes = Path(picture)
            given = given or str(found)
        elif isinstance(picture, bytes | bytearray | memoryview):
            found = bytes(picture)
        else:
            found, file_name = _read(picture)
            given = given or file_name
        object.__setattr__(self, "picture", found)
        object.__setattr__(self, "name", given or "a picture")

    @property
    def path(self) -> Path | None:
        """The picture's file, where it was named by its path."""
        return self.picture if isinstance(self.picture, Path) else None


def _read(file: BinaryIO) -> tuple[bytes, str | None]:
    """Return what is in an open file, and its name if it has one."""
    from artsim.images.load import ImageLimits

    read = getattr(file, "read", None)
    content = read(ImageLimits().max_bytes + 1) if callable(read) else None
    if not isinstance(content, bytes):
        raise TypeError(
            "a picture is asked for by a path, bytes or a binary file, and in memory by a "
            f"PixelsQuery, not by {type(file).__name__}"
        )
    name = getattr(file, "name", None)
    return content, name if isinstance(name, str) else None


@dataclass(frozen=True, slots=True, init=False, eq=False)
class PixelsQuery:
    """Paintings like a picture in memory, which may be no file: a photograph, an edit.

    No painting of the gallery is taken for the query picture itself and left out.

    Parameters
    ----------
    pixels : ndarray of uint8, shape (h, w, 3), or PIL.Image.Image
        Upright sRGB; a larger one is shrunk, as that of a file is. An image of Pillow is
        brought to sRGB by its own profile and orientation.
    name : str
        What the answer calls it.

    Attributes
    ----------
    pixels : ndarray of uint8, shape (h, w, 3)
    """

    pixels: RGBImage
    name: str

    def __init__(self, pixels: RGBImage | Image, name: str = "a picture") -> None:
        """Refuse what is no picture."""
        found = pixels if isinstance(pixels, np.ndarray) else _pixels_of(pixels)
        shape = found.shape
        if len(shape) != 3 or shape[2] != 3 or 0 in shape or found.dtype != np.uint8:
            raise OptionError(f"expected uint8 of shape (h, w, 3), not {found.dtype} {shape}")
        object.__setattr__(self, "pixels", found)
        object.__setattr__(self, "name", name)


def _pixels_of(image: Image) -> RGBImage:
    from PIL.Image import Image as PillowImage

    from artsim.images.load import load_image

    if not isinstance(image, PillowImage):
        raise TypeError(
            "a picture in memory is an array of uint8 of shape (h, w, 3) or an image of Pillow, "
            f"not {type(image).__name__}"
        )
    return load_image(image, max_side=max(1, *image.size)).pixels


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
            raise OptionError("at least one picture to be like is needed")


def check_query(query: object) -> None:
    """Refuse what is no query, in words: a path or a picture has to be made one first."""
    if not isinstance(query, ImageQuery | PixelsQuery | IdQuery | TextQuery | ExamplesQuery):
        raise TypeError(
            "a search is asked by a query, such as ImageQuery('a.jpg'), PixelsQuery(image), "
            f"IdQuery('1') or TextQuery('a ship'), not by {type(query).__name__}"
        )


Query: TypeAlias = ImageQuery | PixelsQuery | IdQuery | TextQuery | ExamplesQuery
PictureQuery: TypeAlias = ImageQuery | PixelsQuery | IdQuery
