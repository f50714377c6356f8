"""Contact sheets: the query and its hits side by side, as one PNG or HTML file."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from artsim.errors import RenderError
from artsim.files import FileKind, check_file, picture_files, write_file
from artsim.render.picture_cards import Sheet, make_list_sheet, make_sheet
from artsim.search.answer import Answer
from artsim.search.listing import Listing

SHEET: Final = FileKind("sheet", RenderError, (".png", ".html", ".htm"))

HTML_SIDE: Final = 480
"""Most pixels of a hit's picture on a page: sharp at a card's width, some 40 kB."""

PNG_SIDE: Final = 640
"""Most pixels that a picture is given on a PNG."""

_POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"
"""There is no script on the page, and none may run."""


def write_sheet(
    result: Answer | Listing,
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write `result` as a contact sheet, a PNG or a self-contained HTML file by its suffix.

    Pictures are read from the hits' ``image_uri``; one that cannot be read leaves a
    placeholder with the reason. The file appears whole or not at all.

    Parameters
    ----------
    result : Answer or Listing
        What was found, or a list. At most `artsim.render.picture_cards.MAX_HITS` hits are shown.
    path : str or path
        Ends in ``.png``, ``.html`` or ``.htm``.
    title : str, optional
        Heading; by default it says what was asked.
    overwrite : bool
        Whether a file may be replaced that artsim did not make; never a picture of `result`.

    Raises
    ------
    RenderError
        If the suffix is another, the folder is missing, the place is taken, or the file
        cannot be written.
    """
    path = Path(path)
    pictures = tuple(_pictures(result)) if path.exists() else ()
    check_file(path, SHEET, overwrite=overwrite, inputs=pictures)
    is_png = path.suffix.lower() == ".png"
    side = PNG_SIDE if is_png else HTML_SIDE
    if isinstance(result, Listing):
        sheet = make_list_sheet(result, title, max_side=side)
    else:
        sheet = make_sheet(result, title, max_side=side)
    if is_png:
        from artsim.render.sheet_png import draw_png

        content = draw_png(sheet)
    else:
        content = to_html(sheet).encode("utf-8")
    with write_file(path, SHEET, overwrite=overwrite, inputs=pictures) as stream:
        stream.write(content)


def to_html(sheet: Sheet) -> str:
    """Return the sheet as the text of an HTML file, to be written in UTF-8."""
    from artsim.render.pages import environment, static

    page = environment().get_template("sheet.html")
    style = static("colors.css", "sheet.css")
    return page.render(policy=_POLICY, title=sheet.title, style=style, sheet=sheet)


def _pictures(result: Answer | Listing) -> Iterator[Path]:
    """Yield the files of the pictures that the sheet shows."""
    if isinstance(result, Listing):
        payloads = [point.payload for point in result.points]
    else:
        shown = [result.query_image, *(example.image for example in result.examples)]
        yield from (picture for picture in shown if isinstance(picture, Path))
        asked = [result.query_payload, *(example.payload for example in result.examples)]
        payloads = [payload for payload in asked if payload] + [hit.payload for hit in result.hits]
    yield from picture_files(payloads)
