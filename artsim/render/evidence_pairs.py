"""Two pictures side by side with what their local points say: outlines and pairs, to be printed."""

from __future__ import annotations

from typing import Final

import numpy as np
from PIL import Image, ImageDraw

from artsim.catalog.hits import Corners, Evidence
from artsim.render.pages import LIGHT, LOOKS

ACCENT: Final = "#ffb000"
"""Amber, of outlines: hardly any paint is so bright."""

_HEIGHT: Final = 480
_WIDEST: Final = 1200
_GAP: Final = 24
_FINE: Final = 2
"""Drawn so many times as large, and shrunk: lines are smooth."""


def draw_pairs(query: Image.Image, work: Image.Image, evidence: Evidence) -> Image.Image:
    """Return the query at the left and the work at the right, `_HEIGHT` pixels high or less.

    In each is the outline of the other one; lines lead from places to what they are paired with.
    """
    both = [_scaled(picture) for picture in (query, work)]
    width, height = both[0].width + _FINE * _GAP + both[1].width, max(one.height for one in both)
    canvas = Image.new("RGB", (width, height), LOOKS["map"]["wall"])
    offsets = [(0, (height - both[0].height) // 2)]
    offsets.append((both[0].width + _FINE * _GAP, (height - both[1].height) // 2))
    for picture, offset in zip(both, offsets, strict=True):
        canvas.paste(picture, offset)
    outlined = [(evidence.query_outline, 0), (evidence.outline, 1)]
    for corners, side in outlined:
        lines = Image.new("L", both[side].size)
        for color, line in ((LIGHT.ink, 5 * _FINE), (ACCENT, 3 * _FINE)):
            lines = _outline(both[side].size, corners, line)
            canvas.paste(color, offsets[side], lines)
    _draw_lines(canvas, both, offsets, evidence)
    size = (width // _FINE, height // _FINE)
    shrunk = canvas.resize(size, Image.Resampling.LANCZOS)
    shrunk.thumbnail((_WIDEST, _HEIGHT), Image.Resampling.LANCZOS)
    return shrunk


def _scaled(picture: Image.Image) -> Image.Image:
    factor = _FINE * min(_HEIGHT / picture.height, _WIDEST / 2 / picture.width)
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def _outline(size: tuple[int, int], corners: Corners, line: int) -> Image.Image:
    """Return where an outline lies in a picture of that size; one that lies outside is cut off."""
    mask = Image.new("L", size)
    if len(corners):
        places = np.clip(np.array(corners), -3, 4) * size
        ends = [tuple(map(float, place)) for place in places]
        ImageDraw.Draw(mask).line([*ends, ends[0], ends[1]], 255, line, joint="curve")
    return mask


def _draw_lines(
    canvas: Image.Image,
    both: list[Image.Image],
    offsets: list[tuple[int, int]],
    evidence: Evidence,
) -> None:
    pairs = np.array(evidence.pairs).reshape(-1, 2, 2)
    sizes, starts = np.array([one.size for one in both]), np.array(offsets)
    ends = [[tuple(map(float, end)) for end in pair] for pair in pairs * sizes + starts]
    mask = Image.new("L", canvas.size)
    draw = ImageDraw.Draw(mask)
    for one, other in ends:
        draw.line((one, other), 130, _FINE)
    canvas.paste(ACCENT, (0, 0), mask)
    draw = ImageDraw.Draw(canvas)
    for pair in ends:
        for x, y in pair:
            draw.circle((x, y), 4 * _FINE, ACCENT, LIGHT.ink, _FINE)
