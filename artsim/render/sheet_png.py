"""A contact sheet drawn as one PNG, 1600 pixels wide.

Pictures hang on a common base line with their captions under it, on the off-white of a
gallery wall. Hits stand right of the query; where they are many, they go on below it.
"""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from PIL import Image, ImageDraw, PngImagePlugin

from artsim.files import GENERATOR
from artsim.render.cards import Card, Outline, Sheet
from artsim.render.fonts import Color, Type, load_type

CARD_SIDE: Final = 640
"""Most pixels that a picture is given on the sheet."""

WIDTH: Final = 1600
MARGIN: Final = 56
WALL: Final[Color] = (249, 247, 243)
INK: Final[Color] = (33, 31, 28)
MUTED: Final[Color] = (112, 106, 97)
LINE: Final[Color] = (220, 215, 206)
BLANK: Final[Color] = (238, 234, 227)
ACCENT: Final[Color] = (255, 176, 0)
"""Amber, of the outlines of faces: hardly any paint is so bright."""

HALO: Final[Color] = (33, 31, 28)
"""Dark edge of an outline, so that it shows on light paint too."""

_MOST_BESIDE: Final = 12
_GUTTER: Final = 32
_ROW_GAP: Final = 36
_MAX_ENLARGEMENT: Final = 2.0
_CROP: Final = 88


@dataclass(frozen=True, slots=True)
class _Rect:
    x: int
    y: int
    width: int
    height: int


@dataclass(frozen=True, slots=True)
class _Lane:
    """Columns of cards: where the first begins, how many, how wide each."""

    x: int
    columns: int
    cell: int

    @property
    def width(self) -> int:
        return self.columns * (self.cell + _GUTTER) - _GUTTER


def _lane(left: int, right: int, columns: int) -> _Lane:
    return _Lane(left, columns, (right - left - _GUTTER * (columns - 1)) // columns)


def _lane_at(lanes: Sequence[tuple[int, _Lane]], y: int) -> _Lane:
    """Return the last lane that begins at `y` or above."""
    return next((lane for top, lane in reversed(lanes) if y >= top), lanes[0][1])


def draw_png(sheet: Sheet) -> bytes:
    """Return the sheet as a PNG file, `WIDTH` pixels wide and as high as it needs."""
    # Drawn twice: what the first pass only measures, the second one draws.
    height = _Painter(Image.new("RGB", (1, 1)), dry=True).draw(sheet)
    canvas = Image.new("RGB", (WIDTH, height), WALL)
    _Painter(canvas, dry=False).draw(sheet)
    notes = PngImagePlugin.PngInfo()
    notes.add_itxt("Title", sheet.title)
    notes.add_text("Software", GENERATOR)
    buffer = io.BytesIO()
    canvas.save(buffer, "PNG", pnginfo=notes)
    return buffer.getvalue()


def choose_columns(count: int) -> int:
    """Return how many columns show `count` hits well beside the query."""
    # A single hit takes half, to be about as large as the query.
    if count in (1, 2, 4):
        return 2
    return 3 if count in (3, 5, 6, 9) else 4 if count <= 60 else 5


class _Painter:
    """Draws a sheet from top to bottom; a dry one only finds out how high it is."""

    def __init__(self, canvas: Image.Image, *, dry: bool) -> None:
        self._canvas = canvas
        self._draw = ImageDraw.Draw(canvas)
        self._dry = dry

    def draw(self, sheet: Sheet) -> int:
        """Draw everything and return the height it takes."""
        top = self._header(sheet)
        count = max((len(section.cards) for section in sheet.sections), default=0)
        grouped = len(sheet.sections) > 1
        if not sheet.query:
            lane = _lane(MARGIN, WIDTH - MARGIN, 4 if count <= 12 else 6)
            return self._sections(sheet, top, [(top, lane)]) + MARGIN
        few = sheet.hit_count <= _MOST_BESIDE
        columns = 6 if sheet.hit_count <= 60 else 7
        whole = _lane(MARGIN, WIDTH - MARGIN, columns)
        query = _Lane(MARGIN, 1, 2 * whole.cell + _GUTTER)
        if len(sheet.query) > 2:
            query = _lane(MARGIN, MARGIN + query.cell, 2)
        query_bottom = self._grid(sheet.query, top, [(top, query)], most_height=580)
        x = MARGIN + 2 * (whole.cell + _GUTTER)
        beside = _lane(x, WIDTH - MARGIN, 4 if grouped else choose_columns(count))
        lanes = [(top, beside)] if few else [(top, beside), (query_bottom + _GUTTER, whole)]
        bottom = self._sections(sheet, top, lanes)
        line_bottom = max(bottom, query_bottom) if few else query_bottom
        self._line(x - _GUTTER // 2, top, x - _GUTTER // 2, line_bottom)
        return max(bottom, query_bottom) + MARGIN

    def _header(self, sheet: Sheet) -> int:
        y = MARGIN - 8
        inner = WIDTH - 2 * MARGIN
        for kind, text, ink in (
            (load_type("serif", 38), sheet.title, INK),
            (load_type("sans", 18), sheet.subtitle, MUTED),
        ):
            for line in kind.wrap(text, inner, 2):
                self._text(kind, MARGIN, y, line, ink)
                y += kind.line_height
        y += 16
        self._line(MARGIN, y, WIDTH - MARGIN, y)
        return y + 30

    def _sections(self, sheet: Sheet, top: int, lanes: Sequence[tuple[int, _Lane]]) -> int:
        y = top
        heading, plain = load_type("serif", 26), load_type("sans", 18)
        for section in sheet.sections:
            if section.heading:
                y += 0 if section is sheet.sections[0] else 14
                lane = _lane_at(lanes, y)
                for line in heading.wrap(section.heading, lane.width, 1):
                    self._text(heading, lane.x, y, line, INK)
                    y += heading.line_height + 12
            y = self._grid(section.cards, y, lanes) + _ROW_GAP
        if sheet.remark:
            self._text(plain, _lane_at(lanes, y).x, y, sheet.remark, MUTED)
            return y + plain.line_height
        return y - _ROW_GAP if sheet.sections else y

    def _grid(
        self,
        cards: Sequence[Card],
        top: int,
        lanes: Sequence[tuple[int, _Lane]],
        most_height: int | None = None,
    ) -> int:
        """Draw cards row by row and return where they end."""
        y, i = top, 0
        while i < len(cards):
            lane = _lane_at(lanes, y)
            row = cards[i : i + lane.columns]
            y = self._row(row, lane, y, most_height or round(lane.cell * 1.2)) + _ROW_GAP
            i += len(row)
        return y - _ROW_GAP

    def _row(self, cards: Sequence[Card], lane: _Lane, top: int, most_height: int) -> int:
        """Draw cards side by side, pictures on one base line, and return where they end."""
        sizes = [_fit(card, lane.cell, most_height) for card in cards]
        base = top + max(height for _, height in sizes)
        bottom = base
        for i, (card, (width, height)) in enumerate(zip(cards, sizes, strict=True)):
            x = lane.x + i * (lane.cell + _GUTTER)
            self._picture(card, _Rect(x, base - height, width, height))
            bottom = max(bottom, self._under(card, x, base + 12, lane.cell))
        return bottom

    def _picture(self, card: Card, place: _Rect) -> None:
        if self._dry:
            return
        box = (place.x, place.y, place.x + place.width - 1, place.y + place.height - 1)
        if card.picture is not None:
            size = (place.width, place.height)
            self._canvas.paste(card.picture.resize(size, Image.Resampling.LANCZOS), box[:2])
            self._draw.rectangle((box[0] - 1, box[1] - 1, box[2] + 1, box[3] + 1), outline=LINE)
            for outline in card.outlines:
                self._outline(outline, place)
            return
        self._draw.rectangle(box, fill=WALL if card.text else BLANK, outline=LINE)
        if card.text:
            self._centered(load_type("serif", 30), f"“{card.text}”", place, INK)
        else:
            self._centered(load_type("sans", 15), card.problem, place, MUTED)

    def _centered(self, kind: Type, text: str, place: _Rect, ink: Color) -> None:
        room = place.width - 32
        lines = kind.wrap(text, room, max(1, (place.height - 24) // kind.line_height))
        y = place.y + (place.height - len(lines) * kind.line_height) // 2
        for line in lines:
            x = place.x + (place.width - kind.width(line)) / 2
            kind.draw(self._draw, x, y, line, ink)
            y += kind.line_height

    def _outline(self, outline: Outline, place: _Rect) -> None:
        left = place.x + round(outline.box.x * place.width)
        top = place.y + round(outline.box.y * place.height)
        right = place.x + round((outline.box.x + outline.box.width) * place.width) - 1
        bottom = place.y + round((outline.box.y + outline.box.height) * place.height) - 1
        right, bottom = max(right, left + 4), max(bottom, top + 4)
        self._draw.rectangle((left - 1, top - 1, right + 1, bottom + 1), outline=HALO)
        self._draw.rectangle((left, top, right, bottom), outline=ACCENT, width=2)
        self._draw.rectangle((left + 2, top + 2, right - 2, bottom - 2), outline=HALO)
        if outline.label:
            # Above the box, so that a small face stays to be seen.
            self._tag(outline.label, left, top - 20 if top - 20 >= place.y else top)

    def _tag(self, label: str, x: int, y: int) -> None:
        kind = load_type("sans", 14)
        width = round(kind.width(label)) + 10
        self._draw.rectangle((x, y, x + width, y + 19), fill=ACCENT)
        kind.draw(self._draw, x + 5, y + 10 - (kind.ascent + kind.descent) / 2, label, HALO)

    def _under(self, card: Card, x: int, top: int, width: int) -> int:
        """Draw a card's caption and crops of faces and return where they end."""
        beside = card.is_hit and card.outlines
        y = top
        for line, kind, ink in _caption(card, width - _CROP - 12 if beside else width):
            self._text(kind, x, y, line, ink)
            y += kind.line_height
        if beside:
            self._crop(card.outlines[0], x + width - _CROP, top + 3)
            return max(y, top + 3 + _CROP)
        step = _CROP + 10
        per_row = max(1, (width + 10) // step)
        for i, outline in enumerate(card.outlines):
            self._crop(outline, x + i % per_row * step, y + 12 + i // per_row * step)
        rows = math.ceil(len(card.outlines) / per_row)
        return y + 12 + rows * step - 10 if rows else y

    def _crop(self, outline: Outline, x: int, y: int) -> None:
        if self._dry:
            return
        small = outline.crop.resize((_CROP, _CROP), Image.Resampling.LANCZOS)
        self._canvas.paste(small, (x, y))
        self._draw.rectangle((x, y, x + _CROP - 1, y + _CROP - 1), outline=ACCENT, width=2)
        if outline.label:
            self._tag(outline.label, x, y)

    def _text(self, kind: Type, x: int, y: int, text: str, ink: Color) -> None:
        if not self._dry:
            kind.draw(self._draw, x, y, text, ink)

    def _line(self, x: int, y: int, to_x: int, to_y: int) -> None:
        if not self._dry:
            self._draw.line((x, y, to_x, to_y), fill=LINE)


def _fit(card: Card, width: int, height: int) -> tuple[int, int]:
    """Return the size of a card's picture within `width` by `height`, its shape kept."""
    scale = min(width / card.aspect, height)
    if card.picture is not None:
        scale = min(scale, card.picture.height * _MAX_ENLARGEMENT)
    return max(1, round(scale * card.aspect)), max(1, round(scale))


def _caption(card: Card, width: int) -> list[tuple[str, Type, Color]]:
    """Break a card's caption into lines, each with its type and color."""
    title, plain, small = load_type("serif", 20), load_type("sans", 16), load_type("sans", 14)
    lines: list[tuple[str, Type, Color]] = []
    if not card.is_hit:
        lines.append((card.mark.upper(), small, MUTED))
    head = f"{card.mark}  {card.title}" if card.is_hit and card.mark else card.title
    # A crop of a face leaves little width, but its height must be filled anyway.
    most = 3 if card.is_hit and card.outlines else 2
    lines += [(line, title, INK) for line in title.wrap(head, width, most)]
    for detail in card.details:
        lines += [(line, plain, MUTED) for line in plain.wrap(detail, width, 2)]
    # An id is of use only whole; one of 1000 letters is in the table and on the page.
    lines += [(line, small, MUTED) for line in small.wrap(card.painting_id, width, 4)]
    lines += [(line, small, MUTED) for line in small.wrap(card.scores, width, 2)]
    return lines
