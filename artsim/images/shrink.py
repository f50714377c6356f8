"""Any decoded picture as a small one of 8 bits, with little memory beside its own."""

from __future__ import annotations

from typing import Final, TypeAlias

from PIL import Image

from artsim.images.color import BAND_PIXELS, Depth, decode_levels, depth_of, needs_decoding

Box: TypeAlias = tuple[float, float, float, float]

_GAP: Final = 2.0
"""Box-filter down to this many times the size wanted, then Lanczos; Pillow's `reducing_gap`."""


def shrink_levels(
    image: Image.Image, target: tuple[int, int], box: Box | None = None
) -> Image.Image:
    """Return a loaded picture as opaque 8-bit levels of the size `target`.

    The same to the bit as decoding the whole and shrinking it afterwards, but a picture
    whose numbers have to be turned into others is so block by block.

    Parameters
    ----------
    target : tuple of int
        Width and height, no larger than the picture's.
    box : tuple of float, optional
        The part of `image` that is the picture, where a scaled decode made it larger.
    """
    depth = depth_of(image)
    width, height = image.size
    factor = int(width / target[0] / _GAP) or 1, int(height / target[1] / _GAP) or 1
    if box is None and (depth or needs_decoding(image)) and width * height > BAND_PIXELS:
        reduced = _reduced(image, factor, depth)
        whole = (0.0, 0.0, width / factor[0], height / factor[1])
        return reduced.resize(target, Image.Resampling.LANCZOS, box=whole)
    levels = decode_levels(image, depth)
    if levels.size == target:
        return levels
    return levels.resize(target, Image.Resampling.LANCZOS, box=box, reducing_gap=_GAP)


def _reduced(image: Image.Image, factor: tuple[int, int], depth: Depth | None) -> Image.Image:
    """Return the levels of `image`, each the mean of a square of `factor` pixels."""
    width, height = image.size
    across, down = factor
    # Blocks of whole squares, as wide as the picture if that leaves enough rows to them.
    columns = min(width, max(1, BAND_PIXELS // down // across) * across)
    rows = max(1, BAND_PIXELS // columns // down) * down
    mode = decode_levels(image.crop((0, 0, 1, 1)), depth).mode
    result = Image.new(mode, (-(-width // across), -(-height // down)))
    for top in range(0, height, rows):
        for left in range(0, width, columns):
            part = image.crop((left, top, min(left + columns, width), min(top + rows, height)))
            levels = decode_levels(part, depth).reduce(factor)
            result.paste(levels, (left // across, top // down))
    return result
