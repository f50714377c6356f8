"""What is refused before it is decoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from artsim.errors import ImageError

_LONGEST_SIDE: Final = 1_000_000
"""Decoders keep some bytes for each row, however short it is."""

_BYTES_A_PIXEL: Final = 9.5
_ALWAYS_ALLOWED: Final = 1 << 28


@dataclass(frozen=True, slots=True)
class ImageLimits:
    """What is refused before anything is decoded.

    Attributes
    ----------
    max_megapixels : float
        Most pixels of a picture, in millions. What takes more than 9.5 bytes of memory for
        each of them to decode is refused too (256 MB are always allowed): of formats that
        are decoded as a whole, a WebP of more than 59 % of these pixels, and an AVIF with
        alpha of more than 47 %. A side may have 1,000,000 pixels.
    max_bytes : int
        Most bytes of a file.
    """

    max_megapixels: float = 200.0
    max_bytes: int = 1 << 30

    def __post_init__(self) -> None:
        """Refuse limits that nothing could meet."""
        if not self.max_megapixels > 0 or self.max_bytes < 1:
            raise ValueError(f"limits must be positive, not {self}")


def check_pixels(size: tuple[int, int], place: str, limits: ImageLimits) -> None:
    """Refuse a picture over the limit on pixels.

    Raises
    ------
    ImageError
        If it is so.
    """
    width, height = size
    if width < 1 or height < 1:
        raise ValueError("no pixels")
    if width * height > limits.max_megapixels * 1e6:
        raise ImageError(
            f"{place}: {width:,} x {height:,} pixels are {width * height / 1e6:,.1f} megapixels, "
            f"and the limit is {limits.max_megapixels:g}; shrink the picture or raise the limit",
            hint="--max-megapixels",
        )
    if max(size) > _LONGEST_SIDE:
        raise ImageError(
            f"{place}: {width:,} x {height:,} pixels, and a side may have {_LONGEST_SIDE:,}; "
            "crop the picture"
        )


def check_memory(cost: int, what: str, limits: ImageLimits) -> None:
    """Refuse a picture that takes more bytes to decode than its pixels are worth.

    Parameters
    ----------
    what : str
        The place, and "this" with the format.

    Raises
    ------
    ImageError
        If it is so.
    """
    most = max(_ALWAYS_ALLOWED, _BYTES_A_PIXEL * limits.max_megapixels * 1e6)
    if cost > most:
        raise ImageError(
            f"{what} takes {cost / 1e9:.1f} GB of memory to decode, and with a limit of "
            f"{limits.max_megapixels:g} megapixels {most / 1e9:.1f} GB are allowed; "
            "save it as a JPEG or raise the limit",
            hint="--max-megapixels",
        )
