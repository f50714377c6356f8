"""Maps of a collection: an interactive HTML page, or a PNG of dots or of pictures."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from artsim.domain.collection_map import CollectionMap
from artsim.errors import RenderError
from artsim.render import map_html, map_png
from artsim.render.map_fields import find_fields
from artsim.render.map_thumbnails import choose_side, pack_thumbnails

Report = Callable[[int], None]


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


def check_map_path(path: Path) -> None:
    """Raise RenderError unless a map can be written to `path`, before hours are spent on it."""
    if path.suffix.lower() not in {".png", ".html", ".htm"}:
        raise RenderError(f"{path}: a map's name ends in .html or .png, not in {path.suffix!r}")
    if not path.parent.is_dir():
        raise RenderError(f"{path}: there is no folder {path.parent}; make it first")
    if path.is_dir():
        raise RenderError(f"{path}: this is a folder; give the name of a file")


def write_map(
    made: CollectionMap,
    path: Path,
    style: MapStyle | None = None,
    *,
    report: Report = lambda done: None,
) -> WrittenMap:
    """Write a map as a PNG or a self-contained HTML page, by its suffix.

    Pictures are read from the points' ``image_uri``; a point whose picture cannot be read
    is a dot. The file appears whole or not at all.

    Parameters
    ----------
    made : CollectionMap
        From `artsim.evaluation.collection_map.make_map`.
    path : Path
        Ends in ``.png``, ``.html`` or ``.htm``; a file of that name is replaced.
    style : MapStyle, optional
        Color, thumbnails, pictures.
    report : callable, optional
        Called with the number of points whose pictures are read.

    Raises
    ------
    QueryError
        If no point has a value of the field to be colored by.
    RenderError
        If the suffix is another, the folder is missing, or the file cannot be written.
    """
    check_map_path(path)
    style = style or MapStyle()
    fields = find_fields(made.payloads, style.color_by)
    if path.suffix.lower() == ".png":
        field = fields[0] if fields else None
        if style.pictures:
            content, missing = map_png.draw_pictures(made, field, report)
        else:
            content, missing = map_png.draw_dots(made, field), 0
        return WrittenMap(path, _replace(path, [content]), missing)
    thumbnails = None
    if style.thumbnail_side != 0:
        side = style.thumbnail_side or choose_side(len(made))
        thumbnails = pack_thumbnails(made, side, report)
    pieces = (piece.encode("utf-8") for piece in map_html.to_html(made, fields, thumbnails))
    missing = 0 if thumbnails is None else thumbnails.missing
    return WrittenMap(path, _replace(path, pieces), missing)


def _replace(path: Path, content: Iterable[bytes]) -> int:
    """Write a file beside its place, move it there whole, and return its size."""
    # Made by open, not tempfile, so that the umask decides who may read it.
    part = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part")
    size = 0
    try:
        try:
            with part.open("wb") as file:
                for piece in content:
                    size += file.write(piece)
            part.replace(path)
        finally:
            with suppress(OSError):
                part.unlink(missing_ok=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise RenderError(f"{path}: the map cannot be written: {reason}") from error
    return size
