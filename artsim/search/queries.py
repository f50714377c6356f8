"""What can be asked for."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias


@dataclass(frozen=True, slots=True)
class ImageQuery:
    """Paintings like the picture in a file."""

    path: Path


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
    """Paintings like some pictures and unlike others, each a file or an id.

    The query vector is the mean of `like`; with `unlike`, moved away from their mean by
    the difference of both, as Qdrant's ``average_vector`` recommendation does.
    """

    like: tuple[ImageQuery | IdQuery, ...]
    unlike: tuple[ImageQuery | IdQuery, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a query with nothing to be like."""
        if not self.like:
            raise ValueError("at least one picture to be like is needed")


Query: TypeAlias = ImageQuery | IdQuery | TextQuery | ExamplesQuery
PictureQuery: TypeAlias = ImageQuery | IdQuery
