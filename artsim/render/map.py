"""Maps of a collection: an interactive HTML page, or a PNG of dots or of pictures."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from artsim.catalog.collection_map import CollectionMap
from artsim.errors import RenderError
from artsim.files import FileKind, check_file, picture_files, write_file
from artsim.render import map_html, map_png
from artsim.render.map_fields import find_fields
from artsim.render.map_thumbnails import choose_side, pack_thumbnails

Report = Callable[[int], None]

MAP: Final = FileKind("map", RenderError, (".html", ".htm", ".png"))


@dataclass(frozen=True, slots=True)
class MapStyle:
    """How a map looks.

    Attributes
    ----------
    color_by : str or None
        Field of the payload; by default the first of style, artist, genre and date that
        the points have.
    thumbnail_side : int or None
        Pixels of the page's thumbnails, 16 to 512; None chooses by their number; 0 leaves
        them out.
    pictures : bool
        A PNG shows the pictures side by side instead of dots.
    """

    color_by: str | None = None
    thumbnail_side: int | None = None
    pictures: bool = False

    def __post_init__(self) -> None:
        """Refuse thumbnails that nobody could see or store."""
        if self.thumbnail_side is not None and not (
            self.thumbnail_side == 0 or 16 <= self.thumbnail_side <= 512
        ):
            raise ValueError(f"thumbnails have 16 to 512 pixels, or 0: {self.thumbnail_side}")


@dataclass(frozen=True, slots=True)
class WrittenMap:
    """What became of a map: its file, its bytes, and how many pictures could not be read."""

    path: Path
    size: int
    missing: int


def write_map(
    made: CollectionMap,
    path: str | os.PathLike[str],
    style: MapStyle | None = None,
    *,
    report: Report = lambda done: None,
    overwrite: bool = False,
) -> WrittenMap:
    """Write a map as a PNG or a self-contained HTML page, by its suffix.

    Pictures are read from the points' ``image_uri``; a point whose picture cannot be read
    is a dot. The file appears whole or not at all.

    Parameters
    ----------
    made : CollectionMap
        From `artsim.evaluation.collection_map.make_map`.
    path : str or path
        Ends in ``.png``, ``.html`` or ``.htm``.
    style : MapStyle, optional
        Color, thumbnails, pictures.
    report : callable, optional
        Called with the number of points whose pictures are read.
    overwrite : bool
        Whether a file may be replaced that artsim did not make; never a picture of the map.

    Raises
    ------
    QueryError
        If no point has a value of the field to be colored by.
    RenderError
        If the suffix is another, the folder is missing, the place is taken, or the file
        cannot be written.
    """
    path = Path(path)
    pictures = tuple(picture_files(made.payloads)) if path.exists() else ()
    check_file(path, MAP, overwrite=overwrite, inputs=pictures)
    style = style or MapStyle()
    fields = find_fields(made.payloads, style.color_by)
    missing = 0
    content: Iterable[bytes]
    if path.suffix.lower() == ".png":
        field = fields[0] if fields else None
        if style.pictures:
            drawn, missing = map_png.draw_pictures(made, field, report)
        else:
            drawn = map_png.draw_dots(made, field)
        content = [drawn]
    else:
        thumbnails = None
        if style.thumbnail_side != 0:
            side = style.thumbnail_side or choose_side(len(made))
            thumbnails = pack_thumbnails(made, side, report)
            missing = thumbnails.missing
        content = (piece.encode("utf-8") for piece in map_html.to_html(made, fields, thumbnails))
    with write_file(path, MAP, overwrite=overwrite, inputs=pictures) as stream:
        size = sum(stream.write(piece) for piece in content)
    return WrittenMap(path, size, missing)
