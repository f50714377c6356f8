"""A contact sheet drawn as one PNG, 1600 pixels wide.

Pictures hang on a common base line with their captions under it, on the off-white of a
gallery wall. Hits stand right of the query; where they are many, they go on below it.
"""

from __future__ import annotations

import io
import math
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, Literal

from PIL import Image, ImageDraw, ImageFont, PngImagePlugin

from artsim.files import GENERATOR
from artsim.render.picture_cards import Card, Outline, Sheet
from artsim.render.plots import SCRIPT_FONTS, SERIF_FONTS

Color = tuple[int, int, int]

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

_FONTS: Final = {
    "serif": SERIF_FONTS,
    "sans": ("Source Sans 3", "Noto Sans", "Helvetica Neue", "Liberation Sans", "DejaVu Sans"),
}
"""Text fonts, best first; the last ones are matplotlib's own."""

_GUTTER: Final = 32
_ROW_GAP: Final = 36
_CROP: Final = 88


class Type:
    """A text font at one size, with others behind it for the letters it lacks."""

    def __init__(self, style: Literal["serif", "sans"], size: int) -> None:
        self._style: Literal["serif", "sans"] = style
        self._size = size
        self.ascent, self.descent = _font(_text_font(style), size).getmetrics()
        self.line_height = round((self.ascent + self.descent) * 1.12)

    def width(self, text: str) -> float:
        """Return the width of `text` on one line, in pixels."""
        return sum(font.getlength(run) for font, run in self._runs(text))

    def draw(self, brush: ImageDraw.ImageDraw, x: float, y: float, text: str, ink: Color) -> None:
        """Draw `text` on one line whose top left corner is (x, y)."""
        for font, run in self._runs(text):
            brush.text((x, y + self.ascent), run, font=font, fill=ink, anchor="ls")
            x += font.getlength(run)

    def wrap(self, text: str, width: float, lines: int) -> list[str]:
        """Break `text` into at most `lines` lines of `width`; the last may end in "…".

        Words longer than a line, and scripts without spaces, are broken anywhere.
        """
        wrapped: list[str] = []
        rest = text.strip()
        while rest and len(wrapped) < lines:
            if self.width(rest) <= width:
                return [*wrapped, rest]
            if len(wrapped) == lines - 1:
                return [*wrapped, self._cut(rest, width, "…").rstrip() + "…"]
            line = self._cut(rest, width, "")
            if rest[len(line) :][:1] not in {"", " "}:
                # Back to the last space or joint, unless that would leave the line short.
                end = max(line.rfind(" "), *(line.rfind(joint) + 1 for joint in "-_/"))
                line = line[:end] if end * 3 > len(line) else line
            wrapped.append(line.rstrip())
            rest = rest[len(line) :].lstrip()
        return wrapped

    def _cut(self, text: str, width: float, end: str) -> str:
        """Return the longest start of `text`, at least a letter, that fits with `end`."""
        low, high = 1, len(text) - 1
        while low < high:
            middle = (low + high + 1) // 2
            low, high = (
                (middle, high) if self.width(text[:middle] + end) <= width else (low, middle - 1)
            )
        while low > 1 and unicodedata.combining(text[low]):
            low -= 1
        return text[:low]

    def _runs(self, text: str) -> Iterator[tuple[ImageFont.FreeTypeFont, str]]:
        """Yield pieces of `text`, each with the font that has its letters."""
        start, file = 0, ""
        for place, char in enumerate(text):
            # Marks and spaces stay with their word, so that it is shaped as one.
            found = file if file and _is_joined(char) else _font_with(char, self._style)
            if found != file and file:
                yield _font(file, self._size), text[start:place]
                start = place
            file = found
        if text:
            yield _font(file, self._size), text[start:]


load_type = cache(Type)


def _is_joined(char: str) -> bool:
    return char in " \u200c\u200d" or unicodedata.combining(char) > 0


@cache
def _font(file: str, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(file, size)


@cache
def _installed() -> dict[str, str]:
    """Return upright fonts of usual weight by name, as files; matplotlib's own are there."""
    from matplotlib.font_manager import fontManager

    fonts = [f for f in fontManager.ttflist if f.style == "normal" and f.weight in (400, "normal")]
    return {font.name: font.fname for font in fonts}


@cache
def _text_font(style: Literal["serif", "sans"]) -> str:
    files = (_installed()[name] for name in _FONTS[style] if name in _installed())
    return next(file for file in files if _letters(file))


@cache
def _font_with(char: str, style: Literal["serif", "sans"]) -> str:
    """Return a font that has `char`, else the text font, which draws a box."""
    names = ("DejaVu Sans", *SCRIPT_FONTS)
    files = [_text_font(style), *(_installed()[name] for name in names if name in _installed())]
    return next((file for file in files if ord(char) in _letters(file)), files[0])


@cache
def _letters(file: str) -> frozenset[int]:
    from matplotlib.ft2font import FT2Font

    try:
        return frozenset(FT2Font(file).get_charmap())
    except (OSError, RuntimeError):
        return frozenset()  # damaged since matplotlib looked


@dataclass(frozen=True, slots=True)
class _Lane:
    """Columns of cards: where the first begins, how many, how wide each."""

    x: int
    columns: int
    cell: int


def _lane(left: int, right: int, columns: int) -> _Lane:
    return _Lane(left, columns, (right - left - _GUTTER * (columns - 1)) // columns)


def _lane_at(lanes: Sequence[tuple[int, _Lane]], y: int) -> _Lane:
    """Return the last lane that begins at `y` or above."""
    return next((lane for top, lane in reversed(lanes) if y >= top), lanes[0][1])


def draw_png(sheet: Sheet) -> bytes:
    """Return the sheet as a PNG file, `WIDTH` pixels wide and as high as it needs."""
    layout = _Layout()
    height = layout.lay_out(sheet)
    canvas = Image.new("RGB", (WIDTH, height), WALL)
    brush = ImageDraw.Draw(canvas)
    for draw in layout.drawn:
        draw(canvas, brush)
    notes = PngImagePlugin.PngInfo()
    notes.add_itxt("Title", sheet.title)
    notes.add_text("Software", GENERATOR)
    buffer = io.BytesIO()
    canvas.save(buffer, "PNG", pnginfo=notes)
    return buffer.getvalue()


class _Layout:
    """Places a sheet's parts from top to bottom; what draws them waits for the height."""

    def __init__(self) -> None:
        self.drawn: list[Callable[[Image.Image, ImageDraw.ImageDraw], None]] = []

    def lay_out(self, sheet: Sheet) -> int:
        """Place everything and return the height it takes."""
        top = self._header(sheet)
        count = max((len(section.cards) for section in sheet.sections), default=0)
        if not sheet.query:
            lane = _lane(MARGIN, WIDTH - MARGIN, 4 if count <= 12 else 6)
            return self._sections(sheet, top, [(top, lane)]) + MARGIN
        few = sheet.hit_count <= 12
        whole = _lane(MARGIN, WIDTH - MARGIN, 6 if sheet.hit_count <= 60 else 7)
        query = _Lane(MARGIN, 1, 2 * whole.cell + _GUTTER)
        if len(sheet.query) > 2:
            query = _lane(MARGIN, MARGIN + query.cell, 2)
        query_bottom = self._grid(sheet.query, top, [(top, query)], most_height=580)
        x = MARGIN + 2 * (whole.cell + _GUTTER)
        # A single hit takes half, to be about as large as the query.
        columns = {1: 2, 2: 2, 4: 2, 3: 3, 5: 3, 6: 3, 9: 3}.get(count, 4 if count <= 60 else 5)
        beside = _lane(x, WIDTH - MARGIN, 4 if len(sheet.sections) > 1 else columns)
        lanes = [(top, beside)] if few else [(top, beside), (query_bottom + _GUTTER, whole)]
        bottom = self._sections(sheet, top, lanes)
        line_bottom = max(bottom, query_bottom) if few else query_bottom
        self._line(x - _GUTTER // 2, top, x - _GUTTER // 2, line_bottom)
        return max(bottom, query_bottom) + MARGIN

    def _header(self, sheet: Sheet) -> int:
        y, inner = MARGIN - 8, WIDTH - 2 * MARGIN
        y = self._text(load_type("serif", 38), MARGIN, y, sheet.title, INK, inner, 2)
        y = self._text(load_type("sans", 18), MARGIN, y, sheet.subtitle, MUTED, inner, 2) + 16
        self._line(MARGIN, y, WIDTH - MARGIN, y)
        return y + 30

    def _sections(self, sheet: Sheet, top: int, lanes: Sequence[tuple[int, _Lane]]) -> int:
        y = top
        for number, section in enumerate(sheet.sections):
            if section.heading:
                y += 14 if number else 0
                lane, kind = _lane_at(lanes, y), load_type("serif", 26)
                y = self._text(kind, lane.x, y, section.heading, INK, lane.cell * lane.columns) + 12
            y = self._grid(section.cards, y, lanes) + _ROW_GAP
        if sheet.remark:
            kind = load_type("sans", 18)
            return self._text(kind, _lane_at(lanes, y).x, y, sheet.remark, MUTED, WIDTH)
        return y - _ROW_GAP if sheet.sections else y

    def _grid(
        self,
        cards: Sequence[Card],
        top: int,
        lanes: Sequence[tuple[int, _Lane]],
        most_height: int | None = None,
    ) -> int:
        """Place cards row by row, pictures of a row on one base line; return where they end."""
        y, i = top, 0
        while i < len(cards):
            lane = _lane_at(lanes, y)
            row = cards[i : i + lane.columns]
            sizes = [_fit(card, lane.cell, most_height or round(lane.cell * 1.2)) for card in row]
            base = y + max(height for _, height in sizes)
            y = base
            for column, (card, (width, height)) in enumerate(zip(row, sizes, strict=True)):
                x = lane.x + column * (lane.cell + _GUTTER)
                self._picture(card, x, base - height, width, height)
                y = max(y, self._under(card, x, base + 12, lane.cell))
            y += _ROW_GAP
            i += len(row)
        return y - _ROW_GAP

    def _picture(self, card: Card, x: int, y: int, width: int, height: int) -> None:
        box = (x, y, x + width - 1, y + height - 1)
        if card.picture is not None:
            self._paste(card.picture, x, y, (width, height))
            self._box((x - 1, y - 1, x + width, y + height), outline=LINE)
            for outline in card.outlines:
                self._outline(outline, x, y, width, height)
            return
        self._box(box, fill=WALL if card.text else BLANK, outline=LINE)
        kind, ink = load_type("sans", 15), MUTED
        if card.text:
            kind, ink = load_type("serif", 30), INK
        text = f"“{card.text}”" if card.text else card.problem
        lines = kind.wrap(text, width - 32, max(1, (height - 24) // kind.line_height))
        y += (height - len(lines) * kind.line_height) // 2
        for line in lines:
            self._text(kind, x + round((width - kind.width(line)) / 2), y, line, ink)
            y += kind.line_height

    def _outline(self, outline: Outline, x: int, y: int, width: int, height: int) -> None:
        left, top = x + round(outline.box.x * width), y + round(outline.box.y * height)
        right = x + round((outline.box.x + outline.box.width) * width) - 1
        bottom = y + round((outline.box.y + outline.box.height) * height) - 1
        right, bottom = max(right, left + 4), max(bottom, top + 4)
        self._box((left - 1, top - 1, right + 1, bottom + 1), outline=HALO)
        self._box((left, top, right, bottom), outline=ACCENT, line=2)
        self._box((left + 2, top + 2, right - 2, bottom - 2), outline=HALO)
        # Above the box, so that a small face stays to be seen.
        self._tag(outline.label, left, top - 20 if top - 20 >= y else top)

    def _tag(self, label: str, x: int, y: int) -> None:
        if label:
            kind = load_type("sans", 14)
            self._box((x, y, x + round(kind.width(label)) + 10, y + 19), fill=ACCENT)
            self._text(kind, x + 5, y + 10 - (kind.ascent + kind.descent) // 2, label, HALO)

    def _under(self, card: Card, x: int, top: int, width: int) -> int:
        """Place a card's caption and crops of faces and return where they end."""
        beside = card.is_hit and card.outlines
        room = width - _CROP - 12 if beside else width
        title, plain, small = load_type("serif", 20), load_type("sans", 16), load_type("sans", 14)
        head = f"{card.mark}  {card.title}" if card.is_hit and card.mark else card.title
        y = top
        if not card.is_hit:
            y = self._text(small, x, y, card.mark.upper(), MUTED)
        # A crop of a face leaves little width, but its height must be filled anyway.
        y = self._text(title, x, y, head, INK, room, 3 if beside else 2)
        for detail in card.details:
            y = self._text(plain, x, y, detail, MUTED, room, 2)
        # An id is of use only whole; one of 1000 letters is in the table and on the page.
        y = self._text(small, x, y, card.painting_id, MUTED, room, 4)
        y = self._text(small, x, y, card.scores, MUTED, room, 2)
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
        self._paste(outline.crop, x, y, (_CROP, _CROP))
        self._box((x, y, x + _CROP - 1, y + _CROP - 1), outline=ACCENT, line=2)
        self._tag(outline.label, x, y)

    def _paste(self, picture: Image.Image, x: int, y: int, size: tuple[int, int]) -> None:
        def draw(canvas: Image.Image, _: ImageDraw.ImageDraw) -> None:
            canvas.paste(picture.resize(size, Image.Resampling.LANCZOS), (x, y))

        self.drawn.append(draw)

    def _box(
        self,
        box: tuple[int, int, int, int],
        fill: Color | None = None,
        outline: Color | None = None,
        line: int = 1,
    ) -> None:
        self.drawn.append(lambda _, brush: brush.rectangle(box, fill, outline, line))

    def _line(self, x: int, y: int, to_x: int, to_y: int) -> None:
        self.drawn.append(lambda _, brush: brush.line((x, y, to_x, to_y), fill=LINE))

    def _text(
        self, kind: Type, x: int, y: int, text: str, ink: Color, room: float = WIDTH, most: int = 1
    ) -> int:
        """Place `text` in at most so many lines, and return where they end."""
        lines = kind.wrap(text, room, most)

        def draw(_: Image.Image, brush: ImageDraw.ImageDraw) -> None:
            for number, line in enumerate(lines):
                kind.draw(brush, x, y + number * kind.line_height, line, ink)

        self.drawn.append(draw)
        return y + kind.line_height * len(lines)


def _fit(card: Card, width: int, height: int) -> tuple[int, int]:
    """Return the size of a card's picture within `width` by `height`, its shape kept."""
    scale = min(width / card.aspect, height)
    if card.picture is not None:
        scale = min(scale, card.picture.height * 2.0)  # not blown up more than that
    return max(1, round(scale * card.aspect)), max(1, round(scale))
