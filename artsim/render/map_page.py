"""Maps as files: a self-contained, interactive HTML page, or a PNG; and their colors."""

from __future__ import annotations

import base64
import io
import json
import math
import os
import re
import textwrap
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import numpy as np
import numpy.typing as npt
from markupsafe import Markup
from PIL import Image, ImageDraw
from PIL.ImageColor import getrgb

from artsim.catalog.names import parse_attribution
from artsim.catalog.payload import Payload, field_values, most_written
from artsim.errors import ImageError, QueryError, RenderError
from artsim.files import GENERATOR, FileKind, check_file, local_path, picture_files, write_file
from artsim.render.collection_map import CollectionMap
from artsim.render.pages import LIGHT, LOOKS, digest, environment, static
from artsim.render.picture_cards import face_of, load_outlined
from artsim.render.plots import drawing
from artsim.render.text import clean, date_text, field_text, id_text, picture_link, web_link

if TYPE_CHECKING:
    from matplotlib.figure import Figure

MAP: Final = FileKind("map", RenderError, (".html", ".htm", ".png"))

CATEGORICAL: Final[list[str]] = LOOKS["map"]["categorical"]
OTHER: Final[str] = LOOKS["map"]["other"]
UNKNOWN: Final[str] = LOOKS["map"]["unknown"]
WALL: Final[str] = LOOKS["map"]["wall"]
BLANK: Final[str] = LOOKS["map"]["blank"]
PLOT: Final = 1600  # pixels of the longer side of a plot of dots
SHEET_CELLS: Final = 8  # thumbnails along a side: a page decodes 64 at once in milliseconds

# In the order in which they stand in the page, within one function.
_JS: Final = ("data", "camera", "places", "thumbnails", "state", "draw", "panel", "input", "main")

MAX_VALUES: Final = 2000  # of a category, told apart by name; rarer ones are "other"

_FIELDS: Final = (
    *("style", "artist", "genre", "year_start", "school", "attribution", "medium", "institution"),
    *("tags", "rights", "source", "width_cm", "height_cm", "face_count", "face_size"),
    "detection_score",
)
"""What a map can be colored by; nobody says, by the first that the points have."""

_LABELS: Final[Mapping[str, str]] = {
    "year_start": "date",
    "tags": "tag",
    "width_cm": "width (cm)",
    "height_cm": "height (cm)",
    "face_count": "number of faces",
    "face_size": "size of the face (px)",
    "detection_score": "certainty of the face",
}

Report = Callable[[int], None]  # told how many points are done

One = TypeVar("One")
Other = TypeVar("Other")


@dataclass(frozen=True, slots=True)
class MapStyle:
    """How a map looks.

    It is colored by the field `color_by`, or the first of style, artist, genre and date that the
    points have. The page's thumbnails have `thumbnail_side` pixels, 16 to 512; None chooses by
    their number, 0 leaves them out. A PNG shows dots, or `pictures` side by side.
    """

    color_by: str | None = None
    thumbnail_side: int | None = None
    pictures: bool = False

    def __post_init__(self) -> None:
        """Refuse thumbnails that nobody could see or store."""
        if self.thumbnail_side not in (None, 0, *range(16, 513)):
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
    """Write a map as a PNG or a self-contained HTML page, by its suffix, whole or not at all.

    Pictures are read from the points' ``image_uri``, of which `report` is told; a point whose
    picture cannot be read is a dot. With `overwrite` a file may be replaced that artsim did not
    make, but never a picture of the map.

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
    if path.suffix.lower() == ".png":
        field = fields[0] if fields else None
        content, missing = draw_png(made, field, report if style.pictures else None)
    else:
        data = page_data(made, fields)
        sheets: dict[tuple[int, int], str] = {}
        if style.thumbnail_side != 0:
            side = style.thumbnail_side or choose_side(len(made))
            sizes, sheets = pack_thumbnails(made, side, report)
            missing = int((sizes[:, 0] == 0).sum())
            packed = _packed(sizes, "<u2")
            data["thumbnails"] = {"side": side, "sizes": packed, "sheets": list(sheets)}
        content = to_html(made, data, list(sheets.values())).encode()
    with write_file(path, MAP, overwrite=overwrite, inputs=pictures) as stream:
        stream.write(content)
    return WrittenMap(path, len(content), missing)


# The PNG


def draw_png(
    made: CollectionMap, field: ColorField | None, report: Report | None = None
) -> tuple[bytes, int]:
    """Return a PNG of dots, or of pictures where `report` is told of them, and how many lack."""
    from matplotlib.figure import Figure

    colors = point_colors(field, len(made))
    plot, missing = None, 0
    size = np.maximum(PLOT // 2, np.rint(PLOT * np.ptp(made.positions, axis=0)))
    if report is not None:
        plot, missing = _paste_pictures(made, colors if field else None, report)
        size = np.array(plot.size)
    unit = max(0.6, float(max(size)) / PLOT)
    with drawing("map"):
        # What stands around the axes is beyond the figure, which grows by it when it is saved.
        figure = Figure(size / 100, dpi=100)
        figure.set_layout_engine("none")
        axes = figure.add_axes((0, 0, 1, 1))
        axes.axis("off")
        if plot is not None:
            axes.imshow(plot, interpolation="nearest", aspect="auto")
        else:
            side = min(28.0, max(5.0, 0.48 * (float(size.prod()) / len(made)) ** 0.5))
            # Those without a color of their own lie below.
            order = np.argsort([color not in (OTHER, UNKNOWN) for color in colors], kind="stable")
            style: Any = {"edgecolors": WALL, "linewidths": 0.8, "clip_on": False}
            x, y = made.positions[order].T
            axes.scatter(x, y, (0.72 * side) ** 2, c=[colors[i] for i in order], **style)
            axes.margins(0)
            axes.invert_yaxis()
        _put_words(figure, made, field, unit)
        buffer = io.BytesIO()
        around: Any = {"bbox_inches": "tight", "pad_inches": 0.56 * unit, "facecolor": WALL}
        notes = {"Title": made.title, "Software": GENERATOR}
        figure.savefig(buffer, format="png", metadata=notes, **around)
    return buffer.getvalue(), missing


def _put_words(figure: Figure, made: CollectionMap, field: ColorField | None, unit: float) -> None:
    """Write heading, legend, and how far the map can be trusted around the figure."""
    from matplotlib.lines import Line2D

    width, height = figure.get_size_inches() * 100 / unit

    def put(y: float, text: str, letter: float, size: float, va: str, **style: Any) -> int:
        room = int(max(700, width) / letter)
        lines = textwrap.wrap(text, room, max_lines=3, placeholder="…")
        figure.text(0, y, "\n".join(lines), fontsize=size * unit, va=va, **style)
        return len(lines)

    lines = put(1 + 36 / height, made.subtitle, 11, 15, "bottom", color=LIGHT.muted)
    put(1 + (46 + 28 * lines) / height, made.title, 23, 31, "bottom", fontfamily="serif")
    put(-36 / height, made.trust, 10.5, 14, "top", color=LIGHT.muted)
    if field is not None:
        dot: Any = {"marker": "o", "linestyle": "", "markersize": 13 * unit}
        rows = _legend_rows(field)
        figure.legend(
            [Line2D([], [], color=color, **dot) for color, _ in rows],
            [text for _, text in rows],
            title=field.label,
            bbox_to_anchor=(1 + 30 / float(width), 1),
            loc="upper left",
            alignment="left",
            borderaxespad=0,
            handlelength=1.0,
            fontsize=15 * unit,
            title_fontproperties={"family": "serif", "size": 20 * unit},
        )


def _paste_pictures(
    made: CollectionMap, colors: Sequence[str] | None, report: Report
) -> tuple[Image.Image, int]:
    """Return every picture in a cell of its own, on a bar in its color, and how many lack."""
    columns, rows = (int(most) + 1 for most in made.cells.max(axis=0))
    cell = max(24, min(192, 4800 // max(columns, rows)))
    bar = max(2, cell // 18) if colors else 0
    side = cell - max(2, cell // 14)
    plot = Image.new("RGB", (columns * cell, rows * cell), WALL)
    brush = ImageDraw.Draw(plot)
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
        if colors:
            right = left + picture.width - 1
            brush.rectangle((left, bottom, right, bottom + bar - 1), fill=colors[row])
    return plot, missing


def scale_colors(shares: Sequence[float]) -> list[str]:
    """Return the colors at these shares of a sequential scale (viridis), clipped to 0..1."""
    from matplotlib import colormaps
    from matplotlib.colors import to_hex

    return [to_hex(color) for color in colormaps["viridis"](shares)]


def point_colors(field: ColorField | None, count: int) -> list[str]:
    """Return the color of each of `count` points; one for all where there is no field."""
    if field is None:
        return [CATEGORICAL[0]] * count
    if field.codes:
        own = dict(enumerate(CATEGORICAL)) | {-1: UNKNOWN}
        return [own.get(code, OTHER) for code in field.codes]
    span = (field.high - field.low) or 1.0
    colors = scale_colors([((value or 0) - field.low) / span for value in field.numbers])
    pairs = zip(field.numbers, colors, strict=True)
    return [UNKNOWN if value is None else color for value, color in pairs]


def _legend_rows(field: ColorField) -> list[tuple[str, str]]:
    if field.codes:
        pairs = zip(CATEGORICAL, field.values, field.counts, strict=False)
        rows = [
            (color, f"{textwrap.shorten(value, 28, placeholder='…')}  {count:,}")
            for color, value, count in pairs
        ]
        if others := sum(code >= len(CATEGORICAL) for code in field.codes):
            rows.append((OTHER, f"other  {others:,}"))
    else:
        steps = np.linspace(field.low, field.high, 7)
        # Years are not to be grouped by thousands.
        words = [f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}" for value in steps]
        rows = list(zip(scale_colors(np.linspace(0, 1, 7).tolist()), words, strict=True))
    return [*rows, (UNKNOWN, f"unknown  {field.unknown:,}")] if field.unknown else rows


# What it can be colored by


@dataclass(frozen=True, slots=True)
class ColorField:
    """A field to color by, called `label` where people read.

    Of numbers, `numbers` has one for each point, None where it is unknown, and all but the
    outermost 1 % are in `low`..`high`. Of names, `values` are at most `MAX_VALUES`, most frequent
    first, equals by name; `counts` says how many points have each, and `codes` has for each point
    the index of its value, of a list the first: ``len(values)`` where that is not listed, -1 where
    it is unknown.
    """

    name: str
    label: str
    values: tuple[str, ...] = ()
    counts: tuple[int, ...] = ()
    codes: tuple[int, ...] = ()
    numbers: tuple[float | None, ...] = ()
    low: float = 0.0
    high: float = 0.0

    @property
    def unknown(self) -> int:
        """Number of points of which it is unknown."""
        return self.numbers.count(None) + self.codes.count(-1)

    def is_useful(self) -> bool:
        """Whether it is known of 2 % of the points and tells some apart, but not all."""
        count = len(self.numbers or self.codes)
        tells = self.low < self.high
        if self.codes:
            tells = len(self.values) >= 2 and self.counts[0] >= 2
        return tells and count - self.unknown >= max(2, 0.02 * count)


def find_fields(payloads: Sequence[Payload], wanted: str | None = None) -> list[ColorField]:
    """Return the fields worth coloring by, `wanted` or the most telling one first.

    `wanted` is taken in any case, others where they are useful. `QueryError` if no point has it.
    """
    extras = (payload.get("extra") for payload in payloads)
    more = Counter(str(name) for extra in extras if isinstance(extra, Mapping) for name in extra)
    most = sorted(more, key=lambda name: (-more[name], name))[:12]
    made = (_make_field(name, payloads) for name in (*_FIELDS, *(f"extra.{n}" for n in most)))
    found = [field for field in made if field and field.is_useful()]
    if wanted is None:
        return found
    first = _make_field(wanted, payloads)
    if first is None:
        known = ", ".join(field.name for field in found) or "none"
        raise QueryError(
            f"nothing on the map has a {wanted!r} to be colored by; fields that it has: {known}"
        )
    return [first, *(field for field in found if field.name != wanted)]


def _make_field(name: str, payloads: Sequence[Payload]) -> ColorField | None:
    found = (next(iter(field_values(payload, name)), None) for payload in payloads)
    values = [None if isinstance(v, Mapping) or v == "" else v for v in found]
    known = [value for value in values if value is not None]
    if not known:
        return None
    label = _LABELS.get(name) or clean(name.removeprefix("extra.").replace("_", " "), 40)
    if all(_is_number(value) for value in known):
        low, high = np.quantile([float(value) for value in known], (0.01, 0.99))
        numbers = tuple(None if value is None else float(value) for value in values)
        return ColorField(name, label, numbers=numbers, low=float(low), high=float(high))
    keys: list[Any] = values
    if name == "artist":
        # Artists are told apart by their key, however a work writes the name, and named without
        # "circle of" and the like, which is of one work only.
        keys = [payload.get("artist_key", payload.get("artist")) for payload in payloads]
        values = [v if v is None else parse_attribution(str(v)).artist or v for v in values]
    spellings: dict[str, list[str]] = {}
    of_points = [None if key is None else str(key) for key in keys]
    for key, value in zip(of_points, values, strict=True):
        if key is not None:
            spellings.setdefault(key, []).append(clean(value, 80))
    listed = sorted(spellings, key=lambda key: (-len(spellings[key]), key))[:MAX_VALUES]
    number: dict[str | None, int] = {None: -1} | {key: code for code, key in enumerate(listed)}
    return ColorField(
        name,
        label,
        tuple(most_written(spellings[key]) for key in listed),
        tuple(len(spellings[key]) for key in listed),
        tuple(number.get(key, len(listed)) for key in of_points),
    )


def _is_number(value: object) -> bool:
    if isinstance(value, str):
        # What a table brought under `extra` is text.
        return re.fullmatch(r"-?\d{1,9}(\.\d{1,9})?", value) is not None
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)


# Pictures


def choose_side(count: int) -> int:
    """Return the side of thumbnails that keeps a page of `count` of 10,000 under some 30 MB."""
    return 192 if count <= 1500 else 144 if count <= 4000 else 112 if count <= 10_000 else 80


def load_thumbnail(payload: Payload, side: int) -> Image.Image | None:
    """Return the point's picture, or its face, at most `side` on a side; None without one."""
    uri = payload.get("image_uri")
    path = local_path(uri) if isinstance(uri, str) else None
    if path is None:
        return None
    found = face_of(payload)
    try:
        picture, faces = load_outlined(path, payload, found, side, crop_side=side, most=1600)
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


def pack_thumbnails(
    made: CollectionMap, side: int, report: Report
) -> tuple[npt.NDArray[np.uint16], dict[tuple[int, int], str]]:
    """Return the sizes of a map's thumbnails, at most `side`, and sheets of them.

    Sizes are of shape (N, 2), 0, 0 where there is no picture. Sheets are WebP in base64, by which
    eight columns and rows of the map's grid they hold, without those that would be empty.
    """
    blocks = made.cells // SHEET_CELLS
    order = np.lexsort((np.arange(len(made)), blocks[:, 0], blocks[:, 1]))
    groups = [list(rows) for _, rows in groupby(order.tolist(), lambda i: tuple(blocks[i]))]
    sizes = np.zeros((len(made), 2), np.uint16)
    sheets: dict[tuple[int, int], str] = {}
    done = 0
    packed = in_threads(lambda rows: _pack(made, rows, side, sizes), groups)
    for rows, webp in zip(groups, packed, strict=True):
        if webp:
            column, row = blocks[rows[0]].tolist()
            sheets[column, row] = webp
        done += len(rows)
        report(done)
    return sizes, sheets


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


def to_html(made: CollectionMap, data: dict[str, Any], sheets: Sequence[str]) -> str:
    """Return the text of the page; `sheets` stand in it as they are."""
    style = static("map.css")
    scripts = static(*(f"map/{name}.js" for name in _JS))
    script = Markup('(() => {\n"use strict";\n') + scripts + Markup("})();\n")
    # With "<" escaped nothing in the data can end its element or begin a comment.
    text = json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return (
        environment()
        .get_template("map.html")
        .render(
            policy="default-src 'none'; img-src data: blob:; "
            f"style-src {digest(style)}; script-src {digest(script)}",
            title=made.title,
            subtitle=made.subtitle,
            faithfulness=made.trust,
            style=style,
            script=script,
            data=Markup(text.replace("<", "\\u003c")),
            # Outside of the JSON, so that a sheet is read only when its pictures are looked at.
            sheets=sheets,
        )
    )


def page_data(made: CollectionMap, fields: Sequence[ColorField]) -> dict[str, Any]:
    """Return what the page's script reads, ready for JSON.

    Numbers of which every point has one are little-endian arrays in base64: places as
    uint16 in 65,535ths, cosines as int16 in 10,000ths. What the addresses of the pictures'
    files begin with alike is said once. `meaning` is null where the scores' was not measured.
    """
    payloads, scale = made.payloads, made.scale
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
        "meaning": scale
        and {
            "near": scale.near,
            "very_near": scale.very_near,
            "percentiles": _packed(np.rint(scale.percentiles(made.scores) * 1000), "<u4"),
        },
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
        "palette": list(map(getrgb, CATEGORICAL)),
        "scale": list(map(getrgb, scale_colors(np.linspace(0, 1, 9).tolist()))),
        "other": getrgb(OTHER),
        "unknown": getrgb(UNKNOWN),
        "thumbnails": None,
    }


def _field(field: ColorField) -> dict[str, Any]:
    shown: dict[str, Any] = {"name": clean(field.name, 100), "label": field.label}
    if field.codes:
        codes = _packed(np.array(field.codes), "<i2")
        return {"kind": "category", **shown, "values": field.values, "codes": codes}
    values = [int(v) if v is not None and v.is_integer() else v for v in field.numbers]
    return {"kind": "number", **shown, "values": values, "low": field.low, "high": field.high}


def _packed(numbers: npt.NDArray[Any], dtype: str) -> str:
    return base64.b64encode(np.ascontiguousarray(numbers).astype(dtype).tobytes()).decode("ascii")
