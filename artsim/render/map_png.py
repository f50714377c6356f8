"""A map as one PNG: dots, or the pictures themselves side by side."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, PngImagePlugin

from artsim.catalog.collection_map import CollectionMap
from artsim.files import GENERATOR
from artsim.render.fonts import Color, Type, load_type
from artsim.render.map_colors import CATEGORICAL, OTHER, UNKNOWN, point_colors, scale_color
from artsim.render.map_fields import CategoryField, ColorField
from artsim.render.map_thumbnails import load_many
from artsim.render.map_words import describe_faithfulness, map_subtitle, map_title

WALL: Final[Color] = (249, 247, 243)
INK: Final[Color] = (33, 31, 28)
MUTED: Final[Color] = (112, 106, 97)
LINE: Final[Color] = (220, 215, 206)
BLANK: Final[Color] = (238, 234, 227)

PLOT: Final = 1600
"""Pixels of the longer side of a plot of dots."""

_FINER: Final = 3
"""How many times finer dots are drawn, to have smooth edges."""

_MOST_PIXELS: Final = 4800
_CELL: Final = (24, 192)
_LEGEND: Final = 380
_MARGIN: Final = 56

Report = Callable[[int], None]


def draw_dots(made: CollectionMap, field: ColorField | None) -> bytes:
    """Return a PNG with a dot for each point, in the color of its value of `field`."""
    low, high = made.positions.min(axis=0), made.positions.max(axis=0)
    width, height = (max(PLOT // 2, round(PLOT * float(part))) for part in high - low)
    count = len(made)
    radius = min(14.0, max(2.5, 0.24 * (width * height / count) ** 0.5))
    fine = Image.new("RGB", (width * _FINER, height * _FINER), WALL)
    brush = ImageDraw.Draw(fine)
    inner = np.array([width, height]) - 2 * (radius + 2)
    span = np.where(high > low, high - low, 1.0)
    middle = np.where(high > low, 0.0, 0.5)
    places = ((made.positions - low) / span + middle) * inner + radius + 2
    colors = point_colors(field, count)
    for row in _drawing_order(field, count):
        x, y = (float(part) * _FINER for part in places[row])
        brush.circle((x, y), (radius + 0.8) * _FINER, fill=WALL)
        brush.circle((x, y), radius * _FINER, fill=colors[row])
    plot = fine.resize((width, height), Image.Resampling.BOX)
    return _encode(_frame(plot, made, field), made)


def _drawing_order(field: ColorField | None, count: int) -> list[int]:
    """Return the points as they are drawn: those without a color of their own lie below."""
    if isinstance(field, CategoryField):
        return sorted(range(count), key=lambda row: 0 <= field.codes[row] < len(CATEGORICAL))
    if field is not None:
        return sorted(range(count), key=lambda row: field.values[row] is not None)
    return list(range(count))


def draw_pictures(
    made: CollectionMap, field: ColorField | None, report: Report
) -> tuple[bytes, int]:
    """Return a PNG with every picture in a cell of its own, and how many could not be read.

    Each picture stands on a bar in the color of its value of `field`.
    """
    columns, rows = (int(most) + 1 for most in made.cells.max(axis=0))
    cell = max(_CELL[0], min(_CELL[1], _MOST_PIXELS // max(columns, rows)))
    bar = max(2, cell // 18) if field is not None else 0
    side = cell - max(2, cell // 14)
    plot = Image.new("RGB", (columns * cell, rows * cell), WALL)
    brush = ImageDraw.Draw(plot)
    colors = point_colors(field, len(made))
    missing = 0
    pictures = load_many(made.payloads, side - bar, report)
    for row, picture in enumerate(pictures):
        x, y = (int(part) * cell for part in made.cells[row])
        box = (side - bar, side - bar)
        if picture is None:
            missing += 1
            picture = Image.new("RGB", box, BLANK)
        left, bottom = x + (cell - picture.width) // 2, y + (cell + side) // 2 - bar
        plot.paste(picture, (left, bottom - picture.height))
        if bar:
            right = left + picture.width - 1
            brush.rectangle((left, bottom, right, bottom + bar - 1), fill=colors[row])
    return _encode(_frame(plot, made, field), made), missing


def _frame(plot: Image.Image, made: CollectionMap, field: ColorField | None) -> Image.Image:
    """Return the plot with a heading, a legend and a footer, all in proportion to it."""
    unit = max(0.6, max(plot.size) / PLOT)
    margin, legend = round(_MARGIN * unit), round(_LEGEND * unit) if field else 0
    width = 2 * margin + max(plot.width, round(700 * unit)) + legend
    lines = _heading(made, unit, width - 2 * margin)
    top = margin + sum(kind.line_height for kind, _, _ in lines) + round(28 * unit)
    foot = load_type("sans", round(19 * unit))
    feet = foot.wrap(describe_faithfulness(made.faithfulness), width - 2 * margin, 3)
    body = plot.height
    if field is not None:
        body = max(body, _legend_height(field, unit))
    height = top + body + round(24 * unit) + len(feet) * foot.line_height + margin
    canvas = Image.new("RGB", (width, height), WALL)
    brush = ImageDraw.Draw(canvas)
    y = margin
    for kind, text, ink in lines:
        kind.draw(brush, margin, y, text, ink)
        y += kind.line_height
    canvas.paste(plot, (margin, top))
    if field is not None:
        _draw_legend(brush, field, width - margin - legend + round(40 * unit), top, unit)
    y = top + body + round(24 * unit)
    for text in feet:
        foot.draw(brush, margin, y, text, MUTED)
        y += foot.line_height
    return canvas


def _heading(made: CollectionMap, unit: float, width: float) -> list[tuple[Type, str, Color]]:
    title, words = load_type("serif", round(42 * unit)), load_type("sans", round(20 * unit))
    return [
        *((title, line, INK) for line in title.wrap(map_title(made), width, 2)),
        *((words, line, MUTED) for line in words.wrap(map_subtitle(made), width, 3)),
    ]


def _legend_rows(field: ColorField) -> list[tuple[Color, str]]:
    if isinstance(field, CategoryField):
        shown = len(CATEGORICAL)
        pairs = zip(CATEGORICAL, field.values, field.counts, strict=False)
        rows = [(color, f"{value}  {count:,}") for color, value, count in pairs]
        others = sum(code >= shown for code in field.codes)
        unknown = sum(code < 0 for code in field.codes)
        if others:
            rows.append((OTHER, f"other  {others:,}"))
    else:
        steps = np.linspace(field.low, field.high, 7)
        rows = [(scale_color(i / 6), _number(value)) for i, value in enumerate(steps)]
        unknown = len(field.values) - field.known
    if unknown:
        rows.append((UNKNOWN, f"unknown  {unknown:,}"))
    return rows


def _number(value: float) -> str:
    # Years are not to be grouped by thousands.
    return f"{value:.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _legend_height(field: ColorField, unit: float) -> int:
    kind = load_type("sans", round(20 * unit))
    return round((len(_legend_rows(field)) + 2) * kind.line_height * 1.25)


def _draw_legend(
    brush: ImageDraw.ImageDraw, field: ColorField, x: int, y: int, unit: float
) -> None:
    heading, kind = load_type("serif", round(26 * unit)), load_type("sans", round(20 * unit))
    room = round((_LEGEND - 40) * unit)
    heading.draw(brush, x, y, heading.wrap(field.label, room, 1)[0], INK)
    y += round(heading.line_height * 1.3)
    radius, step = round(8 * unit), round(kind.line_height * 1.25)
    for color, text in _legend_rows(field):
        center = (x + radius, y + kind.line_height // 2)
        brush.circle(center, radius, fill=color)
        for line in kind.wrap(text, room - 4 * radius, 1):
            kind.draw(brush, x + 3.2 * radius, y, line, INK)
        y += step


def _encode(canvas: Image.Image, made: CollectionMap) -> bytes:
    notes = PngImagePlugin.PngInfo()
    notes.add_itxt("Title", map_title(made))
    notes.add_text("Software", GENERATOR)
    buffer = io.BytesIO()
    canvas.save(buffer, "PNG", pnginfo=notes)
    return buffer.getvalue()
