"""Small pictures of the points of a map, singly and packed into sheets for a page."""

from __future__ import annotations

import base64
import io
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from typing import Final

import numpy as np
from PIL import Image

from artsim.catalog.collection_map import CollectionMap
from artsim.catalog.payload import Payload
from artsim.errors import ImageError
from artsim.files import local_path
from artsim.images.load import load_image

SHEET_CELLS: Final = 8
"""Thumbnails along a side of a sheet: a page decodes 64 at once, in some milliseconds."""

_WEBP_QUALITY: Final = 68
_FACE_MARGIN: Final = 1.4
"""Side of the square around a face to the longer side of its box."""

_MAX_SIDE_FOR_FACES: Final = 1600

Report = Callable[[int], None]
"""Told how many points are done."""


@dataclass(frozen=True, slots=True)
class Sheet:
    """Up to 64 thumbnails in one picture.

    Attributes
    ----------
    column, row : int
        Which eight columns and rows of the map's grid it holds, counted from 0.
    webp : str
        The picture as WebP, in base64.
    """

    column: int
    row: int
    webp: str


@dataclass(frozen=True, slots=True)
class Thumbnails:
    """The sheets of a map.

    Attributes
    ----------
    side : int
        Pixels of a cell of a sheet; each thumbnail stands in its cell's top left corner.
    sizes : ndarray of uint16, shape (N, 2)
        Width and height of each point's thumbnail; 0, 0 where there is none.
    sheets : tuple of Sheet
        In order of row and column; without those that would be empty.
    """

    side: int
    sizes: np.ndarray[tuple[int, ...], np.dtype[np.uint16]]
    sheets: tuple[Sheet, ...]

    @property
    def missing(self) -> int:
        """How many points have no thumbnail."""
        return int((self.sizes[:, 0] == 0).sum())


def choose_side(count: int) -> int:
    """Return the side of thumbnails that keeps a page of `count` of 10,000 under some 30 MB."""
    return 192 if count <= 1500 else 144 if count <= 4000 else 112 if count <= 10_000 else 80


def load_thumbnail(payload: Payload, side: int) -> Image.Image | None:
    """Return the point's picture, or its face, at most `side` on a side.

    None where the gallery does not say where the file is, it is elsewhere, missing or
    damaged.
    """
    uri = payload.get("image_uri")
    path = local_path(uri) if isinstance(uri, str) else None
    if path is None:
        return None
    box = payload.get("box")
    try:
        if isinstance(box, (list, tuple)) and len(box) == 4:
            return _load_face(payload, side)
        return Image.fromarray(load_image(path, max_side=side).pixels)
    except (ImageError, ValueError, TypeError):
        # The latter two: a box that another program wrote.
        return None


def _load_face(payload: Payload, side: int) -> Image.Image | None:
    x, y, width, height = (float(part) for part in payload["box"])
    path = local_path(payload["image_uri"])
    if path is None or not (width > 0 and height > 0):
        return None
    span = max(width, height) * _FACE_MARGIN
    full = max(payload.get("image_width") or 0, payload.get("image_height") or 0)
    # As many pixels of the whole as bring the face to the size wanted.
    wanted = min(_MAX_SIDE_FOR_FACES, side * full / span) if full else _MAX_SIDE_FOR_FACES
    loaded = load_image(path, max_side=max(side, round(wanted)))
    scale = loaded.pixels.shape[1] / loaded.width
    picture = Image.fromarray(loaded.pixels)
    span = min(span * scale, *picture.size)
    left = min(max(0.0, (x + width / 2) * scale - span / 2), picture.width - span)
    top = min(max(0.0, (y + height / 2) * scale - span / 2), picture.height - span)
    return picture.resize(
        (side, side), Image.Resampling.LANCZOS, box=(left, top, left + span, top + span)
    )


def load_many(payloads: Sequence[Payload], side: int, report: Report) -> list[Image.Image | None]:
    """Return the thumbnail of each point, loaded by several threads."""
    found: list[Image.Image | None] = []
    with _workers() as pool:
        try:
            for picture in pool.map(lambda payload: load_thumbnail(payload, side), payloads):
                found.append(picture)
                report(len(found))
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return found


def pack_thumbnails(made: CollectionMap, side: int, report: Report) -> Thumbnails:
    """Return the thumbnails of a map in sheets that hold what lies close together.

    Parameters
    ----------
    side : int
        Most pixels of a thumbnail's side.
    report : callable
        Called with the number of points that are done.
    """
    blocks = made.cells // SHEET_CELLS
    order = np.lexsort((np.arange(len(made)), blocks[:, 0], blocks[:, 1]))
    groups = [
        (key, list(rows)) for key, rows in groupby(order.tolist(), lambda i: tuple(blocks[i]))
    ]
    sizes = np.zeros((len(made), 2), np.uint16)
    sheets: list[Sheet] = []
    done = 0

    def pack(group: tuple[tuple[int, int], list[int]]) -> str:
        return _pack(made, group[1], side, sizes)

    with _workers() as pool:
        try:
            for ((column, row), rows), webp in zip(groups, pool.map(pack, groups), strict=True):
                if webp:
                    sheets.append(Sheet(int(column), int(row), webp))
                done += len(rows)
                report(done)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    return Thumbnails(side, sizes, tuple(sheets))


def _pack(
    made: CollectionMap,
    rows: Sequence[int],
    side: int,
    sizes: np.ndarray[tuple[int, ...], np.dtype[np.uint16]],
) -> str:
    """Return one sheet as base64 of WebP, "" if none of its pictures can be read."""
    inside = made.cells[rows] % SHEET_CELLS
    columns, lines = (int(most) + 1 for most in inside.max(axis=0))
    sheet = Image.new("RGB", (columns * side, lines * side), (128, 128, 128))
    for row, (column, line) in zip(rows, inside.tolist(), strict=True):
        picture = load_thumbnail(made.payloads[row], side)
        if picture is not None:
            sheet.paste(picture, (column * side, line * side))
            sizes[row] = picture.size
    if not sizes[rows].any():
        return ""
    buffer = io.BytesIO()
    sheet.save(buffer, "WEBP", quality=_WEBP_QUALITY, method=4)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


def _workers() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(min(16, (os.cpu_count() or 1) + 1))
