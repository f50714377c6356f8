"""Contact sheets: the query and its hits side by side, as one PNG or HTML file."""

from __future__ import annotations

import secrets
from contextlib import suppress
from pathlib import Path

from artsim.domain.results import Listing, SearchResult
from artsim.errors import RenderError
from artsim.render import sheet_html, sheet_png
from artsim.render.cards import make_list_sheet, make_sheet


def write_sheet(result: SearchResult | Listing, path: Path, *, title: str | None = None) -> None:
    """Write `result` as a contact sheet, a PNG or a self-contained HTML file by its suffix.

    Pictures are read from the hits' ``image_uri``; one that cannot be read leaves a
    placeholder with the reason. The file appears whole or not at all.

    Parameters
    ----------
    result : SearchResult or Listing
        What was found, or a list. At most `artsim.render.cards.MAX_HITS` hits are shown.
    path : Path
        Ends in ``.png``, ``.html`` or ``.htm``; a file of that name is replaced.
    title : str, optional
        Heading; by default it says what was asked.

    Raises
    ------
    RenderError
        If the suffix is another, the folder is missing, or the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in {".png", ".html", ".htm"}:
        raise RenderError(f"{path}: a sheet's name ends in .png or .html, not in {suffix!r}")
    if not path.parent.is_dir():
        raise RenderError(f"{path}: there is no folder {path.parent}; make it first")
    if path.is_dir():
        raise RenderError(f"{path}: this is a folder; give the name of a file")
    side = sheet_png.CARD_SIDE if suffix == ".png" else sheet_html.CARD_SIDE
    if isinstance(result, Listing):
        sheet = make_list_sheet(result, title, max_side=side)
    else:
        sheet = make_sheet(result, title, max_side=side)
    if suffix == ".png":
        content = sheet_png.draw_png(sheet)
    else:
        content = sheet_html.to_html(sheet).encode("utf-8")
    _replace(path, content)


def _replace(path: Path, content: bytes) -> None:
    # Made by open, not tempfile, so that the umask decides who may read it.
    part = path.with_name(f".{path.name[:100]}.{secrets.token_hex(4)}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        with suppress(OSError):
            part.unlink(missing_ok=True)
        reason = error.strerror or str(error)
        raise RenderError(f"{path}: the sheet cannot be written: {reason}") from error
