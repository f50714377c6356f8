"""Maps as files: a self-contained, interactive HTML page, or a PNG."""

from __future__ import annotations

import base64
import io
import json
import os
import textwrap
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from PIL import Image, ImageDraw

from artsim.catalog.payload import Payload
from artsim.errors import ImageError, RenderError
from artsim.files import GENERATOR, FileKind, check_file, local_path, picture_files, write_file
from artsim.render.collection_map import (
    CATEGORICAL,
    OTHER,
    SEQUENTIAL,
    UNKNOWN,
    CategoryField,
    CollectionMap,
    Color,
    ColorField,
    find_fields,
    point_colors,
    scale_color,
)
from artsim.render.pages import digest, environment, static
from artsim.render.picture_cards import face_of, load_outlined
from artsim.render.plots import LIGHT, drawing
from artsim.render.text import clean, date_text, field_text, id_text, picture_link, web_link

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WALL: Final[Color] = (249, 247, 243)
BLANK: Final[Color] = (238, 234, 227)

PLOT: Final = 1600
"""Pixels of the longer side of a plot of dots."""

Place = tuple[float, float, float, float]


def draw_dots(made: CollectionMap, field: ColorField | None) -> bytes:
    """Return a PNG with a dot for each point, in the color of its value of `field`."""
    low, high = made.positions.min(axis=0), made.positions.max(axis=0)
    width, height = (max(PLOT // 2, round(PLOT * float(part))) for part in high - low)
    count = len(made)
    radius = min(14.0, max(2.5, 0.24 * (width * height / count) ** 0.5))
    middle = np.where(high > low, (low + high) / 2, low)
    span = np.where(high > low, high - low, 1.0)
    inner = np.array([width, height]) - 2 * (radius + 2)
    places = ((made.positions - middle) / span + 0.5) * inner + radius + 2
    # Those without a color of their own lie below.
    if isinstance(field, CategoryField):
        own = [0 <= code < len(CATEGORICAL) for code in field.codes]
    else:
        own = [True] * count if field is None else [value is not None for value in field.values]
    order = np.argsort(own, kind="stable")
    colors = [_hex(color) for color in np.array(point_colors(field, count))[order]]

    def draw(figure: Figure, place: Place) -> None:
        axes = figure.add_axes(place)
        axes.set(xlim=(0, width), ylim=(height, 0))
        axes.axis("off")
        x, y = places[order].T
        size = (2 * radius) ** 2
        axes.scatter(x, y, size, colors, edgecolors=_hex(WALL), linewidths=0.8, clip_on=False)

    return _framed(made, field, (width, height), draw)


def draw_pictures(
    made: CollectionMap, field: ColorField | None, report: Report
) -> tuple[bytes, int]:
    """Return a PNG with every picture in a cell of its own, and how many could not be read.

    Each picture stands on a bar in the color of its value of `field`.
    """
    columns, rows = (int(most) + 1 for most in made.cells.max(axis=0))
    cell = max(24, min(192, 4800 // max(columns, rows)))
    bar = max(2, cell // 18) if field is not None else 0
    side = cell - max(2, cell // 14)
    plot = Image.new("RGB", (columns * cell, rows * cell), WALL)
    brush = ImageDraw.Draw(plot)
    colors = point_colors(field, len(made))
    missing = 0
    pictures = in_threads(lambda payload: load_thumbnail(payload, side - bar), made.payloads)
    for row, picture in enumerate(pictures):
        report(row + 1)
        x, y = (int(part) * cell for part in made.cells[row])
        if picture is None:
            missing += 1
            picture = Image.new("RGB", (side - bar, side - bar), BLANK)
        left, bottom = x + (cell - picture.width) // 2, y + (cell + side) // 2 - bar
        plot.paste(picture, (left, bottom - picture.height))
        if bar:
            right = left + picture.width - 1
            brush.rectangle((left, bottom, right, bottom + bar - 1), fill=colors[row])

    def draw(figure: Figure, place: Place) -> None:
        x, y = (round(part * size) for part, size in zip(place, figure.bbox.size, strict=False))
        figure.figimage(np.asarray(plot), x, y, origin="upper")

    return _framed(made, field, plot.size, draw), missing


def _framed(
    made: CollectionMap,
    field: ColorField | None,
    size: tuple[int, int],
    draw: Callable[[Figure, Place], None],
) -> bytes:
    """Return a PNG of what `draw` draws, with a heading, a legend and a footer in proportion."""
    from matplotlib.figure import Figure

    unit = max(0.6, max(size) / PLOT)
    margin, side = round(56 * unit), round(380 * unit) if field else 0
    legend = _legend_rows(field) if field else []
    width = 2 * margin + max(size[0], round(700 * unit)) + side
    body = max(size[1], round((len(legend) + 2) * 32 * unit))

    def wrapped(text: str, letter: float, most: int) -> list[str]:
        room = int((width - 2 * margin) / (letter * unit))
        return textwrap.wrap(text, room, max_lines=most, placeholder="…")

    above = [(text, 42, 52, LIGHT.ink) for text in wrapped(made.title, 23, 2)]
    above += [(text, 20, 28, LIGHT.muted) for text in wrapped(made.subtitle, 11, 3)]
    below = [(text, 19, 27, LIGHT.muted) for text in wrapped(made.trust, 10.5, 3)]
    top = margin + round((sum(line for *_, line, _ in above) + 24) * unit)
    foot = top + body + round(24 * unit)
    height = foot + round(sum(line for *_, line, _ in below) * unit) + margin
    with drawing("map"):
        figure = Figure((width / 72, height / 72), dpi=72, facecolor=_hex(WALL))
        figure.set_layout_engine("none")
        for y, lines in ((margin, above), (foot, below)):
            for text, letter, line, ink in lines:
                style: Any = {"color": ink, "fontsize": letter * unit, "va": "top"}
                style["fontfamily"] = "serif" if letter > 40 else "sans-serif"
                figure.text(margin / width, 1 - y / height, text, **style)
                y += round(line * unit)
        bottom = (height - top - size[1]) / height
        draw(figure, (margin / width, bottom, size[0] / width, size[1] / height))
        if field is not None:
            left = (width - margin - side + 30 * unit) / width
            _put_legend(figure, field.label, legend, (left, 1 - top / height), unit)
        return _encoded(figure, made.title)


def _encoded(figure: Figure, title: str) -> bytes:
    buffer = io.BytesIO()
    notes = {"Title": title, "Software": GENERATOR}
    figure.savefig(buffer, format="png", metadata=notes, facecolor=_hex(WALL))
    return buffer.getvalue()


def _put_legend(
    figure: Figure,
    title: str,
    rows: Sequence[tuple[Color, str]],
    corner: tuple[float, float],
    unit: float,
) -> None:
    from matplotlib.lines import Line2D

    dot: Any = {"marker": "o", "linestyle": "", "markersize": 16 * unit}
    look: Any = {"loc": "upper left", "alignment": "left", "borderaxespad": 0, "borderpad": 0}
    figure.legend(
        [Line2D([], [], color=_hex(color), **dot) for color, _ in rows],
        [text for _, text in rows],
        title=title,
        bbox_to_anchor=corner,
        fontsize=20 * unit,
        title_fontproperties={"family": "serif", "size": 26 * unit},
        handlelength=0.8,
        handletextpad=0.5,
        **look,
    )


def _hex(color: Sequence[int]) -> str:
    return "#{:02x}{:02x}{:02x}".format(*color)


def _legend_rows(field: ColorField) -> list[tuple[Color, str]]:
    if isinstance(field, CategoryField):
        pairs = zip(CATEGORICAL, field.values, field.counts, strict=False)
        rows = [
            (color, f"{textwrap.shorten(value, 28, placeholder='…')}  {count:,}")
            for color, value, count in pairs
        ]
        unknown = sum(code < 0 for code in field.codes)
        if others := sum(code >= len(CATEGORICAL) for code in field.codes):
            rows.append((OTHER, f"other  {others:,}"))
    else:
        steps = np.linspace(field.low, field.high, 7)
        # Years are not to be grouped by thousands.
        words = [f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}" for value in steps]
        rows = [(scale_color(i / 6), text) for i, text in enumerate(words)]
        unknown = len(field.values) - field.known
    if unknown:
        rows.append((UNKNOWN, f"unknown  {unknown:,}"))
    return rows


MAP: Final = FileKind("map", RenderError, (".html", ".htm", ".png"))

SHEET_CELLS: Final = 8
"""Thumbnails along a side of a sheet: a page decodes 64 at once, in some milliseconds."""

_SCRIPTS: Final = (
    *("data", "camera", "places", "thumbnails", "state", "draw", "panel", "input", "main"),
)
"""In the order in which they stand in the page, within one function."""

Report = Callable[[int], None]
"""Told how many points are done."""

One = TypeVar("One")
Other = TypeVar("Other")


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
        From `artsim.render.collection_map.make_map`.
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
            drawn, missing = draw_pictures(made, field, report)
        else:
            drawn = draw_dots(made, field)
        content = [drawn]
    else:
        thumbnails = None
        if style.thumbnail_side != 0:
            side = style.thumbnail_side or choose_side(len(made))
            thumbnails = pack_thumbnails(made, side, report)
            missing = int((thumbnails.sizes[:, 0] == 0).sum())
        content = (piece.encode("utf-8") for piece in to_html(made, fields, thumbnails))
    with write_file(path, MAP, overwrite=overwrite, inputs=pictures) as stream:
        size = sum(stream.write(piece) for piece in content)
    return WrittenMap(path, size, missing)


# Pictures


@dataclass(frozen=True, slots=True)
class Thumbnails:
    """Small pictures of the points, packed into sheets.

    Attributes
    ----------
    side : int
        Pixels of a cell of a sheet; each thumbnail stands in its cell's top left corner.
    sizes : ndarray of uint16, shape (N, 2)
        Width and height of each point's thumbnail; 0, 0 where there is none.
    sheets : list of (int, int, str)
        Which eight columns and rows of the map's grid a sheet holds, and its picture as WebP in
        base64; in order of row and column, without those that would be empty.
    """

    side: int
    sizes: npt.NDArray[np.uint16]
    sheets: list[tuple[int, int, str]]


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
    try:
        picture, faces = load_outlined(
            path, payload, face_of(payload), side, crop_side=side, most=1600
        )
    except ImageError:
        return None
    if faces:
        return faces[0].crop
    picture.thumbnail((side, side), Image.Resampling.LANCZOS)
    return picture


def in_threads(work: Callable[[One], Other], parts: Sequence[One]) -> Iterator[Other]:
    """Yield what `work` makes of each part, in order, several at a time."""
    with ThreadPoolExecutor(min(16, (os.cpu_count() or 1) + 1)) as pool:
        try:
            yield from pool.map(work, parts)
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def pack_thumbnails(made: CollectionMap, side: int, report: Report) -> Thumbnails:
    """Return the thumbnails of a map, at most `side` on a side, by what lies close together."""
    blocks = made.cells // SHEET_CELLS
    order = np.lexsort((np.arange(len(made)), blocks[:, 0], blocks[:, 1]))
    groups = [list(rows) for _, rows in groupby(order.tolist(), lambda i: tuple(blocks[i]))]
    sizes = np.zeros((len(made), 2), np.uint16)
    sheets: list[tuple[int, int, str]] = []
    done = 0
    packed = in_threads(lambda rows: _pack(made, rows, side, sizes), groups)
    for rows, webp in zip(groups, packed, strict=True):
        if webp:
            column, row = blocks[rows[0]].tolist()
            sheets.append((column, row, webp))
        done += len(rows)
        report(done)
    return Thumbnails(side, sizes, sheets)


def _pack(made: CollectionMap, rows: list[int], side: int, sizes: npt.NDArray[np.uint16]) -> str:
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
    sheet.save(buffer, "WEBP", quality=68, method=4)
    return base64.b64encode(buffer.getvalue()).decode("ascii")


# The page


def to_html(
    made: CollectionMap, fields: Sequence[ColorField], thumbnails: Thumbnails | None
) -> Iterator[str]:
    """Yield the text of the page, piece by piece, to be written in UTF-8.

    Parameters
    ----------
    fields : sequence of CategoryField or NumberField
        What can be colored by, the first one to begin with.
    thumbnails : Thumbnails or None
        None shows dots only.
    """
    style = static("map.css")
    scripts = static(*(f"map/{name}.js" for name in _SCRIPTS))
    script = Markup('(() => {\n"use strict";\n') + scripts + Markup("})();\n")
    data = page_data(made, fields, thumbnails)
    # With "<" escaped nothing in the data can end its element or begin a comment.
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    yield from (
        environment()
        .get_template("map.html")
        .generate(
            policy="default-src 'none'; img-src data: blob:; "
            f"style-src {digest(style)}; script-src {digest(script)}",
            title=made.title,
            subtitle=made.subtitle,
            faithfulness=made.trust,
            style=style,
            script=script,
            data=Markup(text.replace("<", "\\u003c")),
            # Outside of the JSON, so that a sheet is read only when its pictures are looked at.
            sheets=[] if thumbnails is None else [webp for *_, webp in thumbnails.sheets],
        )
    )


def page_data(
    made: CollectionMap, fields: Sequence[ColorField], thumbnails: Thumbnails | None
) -> dict[str, Any]:
    """Return what the page's script reads, ready for JSON.

    Numbers of which every point has one are little-endian arrays in base64: places as
    uint16 in 65,535ths, cosines as int16 in 10,000ths. What the addresses of the pictures'
    files begin with alike is said once.
    """
    payloads = made.payloads
    links = [picture_link(payload) for payload in payloads]
    base = os.path.commonprefix([link for link in links if link])  # noqa: RUF071 - of any text
    return {
        "columns": int(made.cells[:, 0].max()) + 1,
        "rows": int(made.cells[:, 1].max()) + 1,
        "x": _packed(np.rint(made.positions[:, 0] * 65535), "<u2"),
        "y": _packed(np.rint(made.positions[:, 1] * 65535), "<u2"),
        "column": _packed(made.cells[:, 0], "<u2"),
        "row": _packed(made.cells[:, 1], "<u2"),
        "neighbors": _packed(made.neighbors, "<i4"),
        "scores": _packed(np.rint(made.scores * 10_000), "<i2"),
        "id": [id_text(p) for p in payloads],
        "name": [field_text(p, "title") or clean(p["painting_id"]) for p in payloads],
        "artist": [field_text(p, "artist") for p in payloads],
        "date": [date_text(p) for p in payloads],
        "link": [clean(web_link(p.get("source_url", "")), 2000) for p in payloads],
        "pictures": {
            "base": base,
            "rest": [link[len(base) :] if link else None for link in links],
        },
        "fields": [_field(field) for field in fields],
        "palette": CATEGORICAL,
        "scale": SEQUENTIAL,
        "other": OTHER,
        "unknown": UNKNOWN,
        "thumbnails": thumbnails
        and {
            "side": thumbnails.side,
            "sizes": _packed(thumbnails.sizes, "<u2"),
            "sheets": [[column, row] for column, row, _ in thumbnails.sheets],
        },
    }


def _field(field: ColorField) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": clean(field.name, 100), "label": field.label}
    if isinstance(field, CategoryField):
        codes = _packed(np.array(field.codes), "<i2")
        return {"kind": "category", **shown, "values": field.values, "codes": codes}
    values = [int(v) if v is not None and v.is_integer() else v for v in field.values]
    return {"kind": "number", **shown, "values": values, "low": field.low, "high": field.high}


def _packed(numbers: npt.NDArray[Any], dtype: str) -> str:
    return base64.b64encode(np.ascontiguousarray(numbers).astype(dtype).tobytes()).decode("ascii")
