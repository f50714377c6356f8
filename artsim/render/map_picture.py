"""A map as one PNG: dots, or the pictures themselves side by side, with a legend."""

from __future__ import annotations

import io
import textwrap
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final

import numpy as np
from PIL import Image, ImageDraw

from artsim.files import GENERATOR
from artsim.render.collection_map import (
    CATEGORICAL,
    OTHER,
    UNKNOWN,
    CategoryField,
    CollectionMap,
    Color,
    ColorField,
    point_colors,
    scale_color,
)
from artsim.render.map_page import Report, in_threads, load_thumbnail
from artsim.render.plots import LIGHT, drawing

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
