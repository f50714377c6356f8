"""A contact sheet drawn as one PNG, 1600 pixels wide.

Pictures hang on a common base line with their captions under it, on the off-white of a
gallery wall. Hits stand right of the query; where they are many, they go on below it.
"""

from __future__ import annotations

import io
import math
import unicodedata
import warnings
from collections.abc import Callable, Iterator, Sequence
from functools import cache, partial
from typing import Final, Literal, NamedTuple, TypeAlias

import numpy as np
from PIL import Image, ImageDraw, PngImagePlugin

from artsim.files import GENERATOR
from artsim.render.pages import LIGHT, LOOKS, installed_fonts
from artsim.render.picture_cards import ACCENT, Card, Outline, Sheet

WIDTH: Final = 1600
MARGIN: Final = 56
WALL: Final[str] = LOOKS["map"]["wall"]
BLANK: Final[str] = LOOKS["map"]["blank"]

_GUTTER: Final = 32
_ROW_GAP: Final = 36
_CROP: Final = 88


class Type:
    """A text font at one size, with others behind it for the letters that it lacks."""

    def __init__(self, style: Literal["serif", "sans"], size: int) -> None:
        from matplotlib.font_manager import findfont, get_font

        self._font = get_font([findfont(name) for name in installed_fonts(style, "scripts")])
        self._size = size
        unit = size / self._font.units_per_EM
        self.ascent = round(self._font.ascender * unit)
        self.height = self.ascent - round(self._font.descender * unit)
        self.line_height = round(self.height * 1.12)

    def _set(self, text: str) -> None:
        from matplotlib.ft2font import LoadFlags

        self._font.set_size(self._size, 72)  # matplotlib has one font for all sizes
        with warnings.catch_warnings():
            # A script that no font has is drawn as boxes; a page shows it in its own fonts.
            warnings.filterwarnings("ignore", message=r"Glyph \d+ .* missing from")
            self._font.set_text(text, 0, flags=LoadFlags.TARGET_LIGHT)

    def width(self, text: str) -> float:
        """Return the width of `text` on one line, in pixels."""
        self._set(text)
        return float(self._font.get_width_height()[0] / 64)

    def draw(self, canvas: Image.Image, x: int, y: int, text: str, ink: str) -> None:
        """Draw `text` on one line whose top left corner is (x, y)."""
        self._set(text)
        self._font.draw_glyphs_to_bitmap()
        letters = Image.fromarray(np.asarray(self._font.get_image()))
        below = round(self._font.get_descent() / 64) + 1
        left = x + round(self._font.get_bitmap_offset()[0] / 64)
        canvas.paste(ink, (left, y + self.ascent + below - letters.height), letters)

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
            if self.width(text[:middle] + end) <= width:
                low = middle
            else:
                high = middle - 1
        while low > 1 and unicodedata.combining(text[low]):
            low -= 1
        return text[:low]


load_type = cache(Type)


_Section: TypeAlias = tuple[str, list[Card]]


class _Lane(NamedTuple):
    """Columns of cards: from which height on, where the first begins, how many, how wide each."""

    top: int
    x: int
    columns: int
    cell: int

    def halved(self) -> _Lane:
        """Return it with half as many columns, of twice the width."""
        columns = max(1, self.columns // 2)
        whole = self.columns * (self.cell + _GUTTER)
        return self._replace(columns=columns, cell=whole // columns - _GUTTER)


def _lane(top: int, left: int, right: int, columns: int) -> _Lane:
    return _Lane(top, left, columns, (right - left - _GUTTER * (columns - 1)) // columns)


def _lane_at(lanes: Sequence[_Lane], y: int) -> _Lane:
    """Return the last lane that begins at `y` or above."""
    return [lane for lane in lanes if y >= lane.top][-1]


def draw_png(sheet: Sheet) -> bytes:
    """Return the sheet as a PNG file, `WIDTH` pixels wide and as high as it needs."""
    layout = _Layout()
    canvas = Image.new("RGB", (WIDTH, layout.lay_out(sheet)), WALL)
    for draw in layout.drawn:
        draw(canvas)
    notes = PngImagePlugin.PngInfo()
    notes.add_itxt("Title", sheet.title)
    notes.add_text("Software", GENERATOR)
    buffer = io.BytesIO()
    canvas.save(buffer, "PNG", pnginfo=notes)
    return buffer.getvalue()


class _Layout:
    """Places a sheet's parts from top to bottom; what draws them waits for the height."""

    def __init__(self) -> None:
        self.drawn: list[Callable[[Image.Image], object]] = []

    def lay_out(self, sheet: Sheet) -> int:
        """Place everything and return the height it takes."""
        top = self._header(sheet)
        count = max((len(cards) for _, cards in sheet.sections), default=0)
        if not sheet.query:
            if sheet.columns:
                return self._flow(sheet, top) + MARGIN
            lane = _lane(top, MARGIN, WIDTH - MARGIN, 4 if count <= 12 else 6)
            return self._sections(sheet, top, [lane]) + MARGIN
        few = sheet.hit_count <= 12
        columns = 6 if sheet.hit_count <= 60 else 7
        cell = _lane(top, MARGIN, WIDTH - MARGIN, columns).cell
        query = _lane(top, MARGIN, MARGIN + 2 * cell + _GUTTER, 2 if len(sheet.query) > 2 else 1)
        query_bottom = self._grid(sheet.query, top, [query], most_height=580)
        x = MARGIN + 2 * (cell + _GUTTER)
        # A single hit takes half, to be about as large as the query.
        beside = {1: 2, 2: 2, 4: 2, 3: 3, 5: 3, 6: 3, 9: 3}.get(count, 4 if count <= 60 else 5)
        lanes = [_lane(top, x, WIDTH - MARGIN, 4 if len(sheet.sections) > 1 else beside)]
        if not few:
            lanes.append(_lane(query_bottom + _GUTTER, MARGIN, WIDTH - MARGIN, columns))
        bottom = max(self._sections(sheet, top, lanes), query_bottom)
        line_x = x - _GUTTER // 2
        self._box((line_x, top, line_x, bottom if few else query_bottom), outline=LIGHT.line)
        return bottom + MARGIN

    def _header(self, sheet: Sheet) -> int:
        y, inner = MARGIN - 8, WIDTH - 2 * MARGIN
        y = self._text(load_type("serif", 38), MARGIN, y, sheet.title, LIGHT.ink, inner, 2)
        y = self._text(load_type("sans", 18), MARGIN, y, sheet.subtitle, LIGHT.muted, inner, 2) + 16
        self._box((MARGIN, y, WIDTH - MARGIN, y), outline=LIGHT.line)
        return y + 30

    def _sections(self, sheet: Sheet, top: int, lanes: Sequence[_Lane]) -> int:
        y = top
        for number, (heading, cards) in enumerate(sheet.sections):
            if heading:
                y += 14 if number else 0
                lane, kind = _lane_at(lanes, y), load_type("serif", 26)
                y = self._text(kind, lane.x, y, heading, LIGHT.ink, lane.cell * lane.columns) + 12
            wide = bool(cards) and cards[0].is_wide
            y = self._grid(cards, y, [one.halved() for one in lanes] if wide else lanes) + _ROW_GAP
        if sheet.remark:
            lane, kind = _lane_at(lanes, y), load_type("sans", 18)
            room = lane.columns * (lane.cell + _GUTTER) - _GUTTER
            return self._text(kind, lane.x, y, sheet.remark, LIGHT.muted, room, 12)
        return y - _ROW_GAP if sheet.sections else y

    def _flow(self, sheet: Sheet, top: int) -> int:
        """Place sections beside each other, as many as have room in a row."""
        y, kind = top, load_type("serif", 22)
        whole = _lane(top, MARGIN, WIDTH - MARGIN, sheet.columns)
        for row in _rows(sheet.sections, sheet.columns):
            placed, column = [], 0
            for heading, cards in row:
                columns = min(len(cards), sheet.columns)
                x = MARGIN + column * (whole.cell + _GUTTER)
                width = columns * (whole.cell + _GUTTER) - _GUTTER
                self._box((x, y, x + width, y), outline=LIGHT.line)
                below = self._text(kind, x, y + 10, heading, LIGHT.ink, width, 2)
                placed.append((below, cards, _Lane(0, x, columns, whole.cell)))
                column += columns
            y = max(below for below, _, _ in placed) + 12
            y = max(self._grid(cards, y, [lane]) for _, cards, lane in placed) + _ROW_GAP
        remark = load_type("sans", 18)
        return self._text(remark, MARGIN, y, sheet.remark, LIGHT.muted, WIDTH - 2 * MARGIN, 12)

    def _grid(
        self, cards: Sequence[Card], y: int, lanes: Sequence[_Lane], most_height: int | None = None
    ) -> int:
        """Place cards row by row, pictures of a row on one base line; return where they end."""
        i = 0
        while i < len(cards):
            lane = _lane_at(lanes, y)
            row = cards[i : i + lane.columns]
            sizes = [_fit(card, lane.cell, most_height or round(lane.cell * 1.2)) for card in row]
            base = y + max(height for _, height in sizes)
            for column, (card, (width, height)) in enumerate(zip(row, sizes, strict=True)):
                x = lane.x + column * (lane.cell + _GUTTER)
                self._picture(card, x, base - height, width, height)
                y = max(y, self._under(card, x, base + 12, lane.cell))
            y += _ROW_GAP
            i += len(row)
        return y - _ROW_GAP

    def _picture(self, card: Card, x: int, y: int, width: int, height: int) -> None:
        if card.picture is not None:
            self._paste(card.picture, x, y, (width, height))
            self._box((x - 1, y - 1, x + width, y + height), outline=LIGHT.line)
            for outline in card.outlines:
                self._outline(outline, x, y, width, height)
            return
        fill, kind, ink, text = BLANK, load_type("sans", 15), LIGHT.muted, card.problem
        if card.text:
            fill, kind, ink, text = WALL, load_type("serif", 30), LIGHT.ink, f"“{card.text}”"
        self._box((x, y, x + width - 1, y + height - 1), fill=fill, outline=LIGHT.line)
        lines = kind.wrap(text, width - 32, max(1, (height - 24) // kind.line_height))
        y += (height - len(lines) * kind.line_height) // 2
        for line in lines:
            y = self._text(kind, x + round((width - kind.width(line)) / 2), y, line, ink)

    def _outline(self, outline: Outline, x: int, y: int, width: int, height: int) -> None:
        box = outline.box
        left, top = x + round(box.x * width), y + round(box.y * height)
        right = max(x + round((box.x + box.width) * width) - 1, left + 4)
        bottom = max(y + round((box.y + box.height) * height) - 1, top + 4)
        # Dark edges, so that the outline shows on light paint too.
        self._box((left - 1, top - 1, right + 1, bottom + 1), outline=LIGHT.ink)
        self._box((left, top, right, bottom), outline=ACCENT, line=2)
        self._box((left + 2, top + 2, right - 2, bottom - 2), outline=LIGHT.ink)
        # Above the box, so that a small face stays to be seen.
        self._tag(outline.label, left, top - 20 if top - 20 >= y else top)

    def _tag(self, label: str, x: int, y: int) -> None:
        if label:
            kind = load_type("sans", 14)
            self._box((x, y, x + round(kind.width(label)) + 10, y + 19), fill=ACCENT)
            self._text(kind, x + 5, y + 10 - kind.height // 2, label, LIGHT.ink)

    def _under(self, card: Card, x: int, top: int, width: int) -> int:
        """Place a card's caption and crops of faces and return where they end."""
        beside = card.is_hit and card.faces
        room = width - _CROP - 12 if beside else width
        title, plain, small = load_type("serif", 20), load_type("sans", 16), load_type("sans", 14)
        # The mark of order keeps the rank at the left of titles that are read from the right.
        rank = f"\N{LEFT-TO-RIGHT MARK}{card.mark}  " if card.is_hit and card.mark else ""
        y = top
        if not card.is_hit:
            y = self._text(small, x, y, card.mark.upper(), LIGHT.muted)
        # A crop of a face leaves little width, but its height must be filled anyway.
        y = self._text(title, x, y, rank + card.title, LIGHT.ink, room, 3 if beside else 2)
        for detail in card.details:
            y = self._text(plain, x, y, detail, LIGHT.muted, room, 2)
        # An id is of use only whole; one of 1000 letters is in the table and on the page.
        y = self._text(small, x, y, card.painting_id, LIGHT.muted, room, 4)
        y = self._text(small, x, y, card.scores, LIGHT.muted, room, 2)
        if beside:
            self._crop(card.faces[0], x + width - _CROP, top + 3)
            return max(y, top + 3 + _CROP)
        step = _CROP + 10
        per_row = max(1, (width + 10) // step)
        for i, outline in enumerate(card.faces):
            self._crop(outline, x + i % per_row * step, y + 12 + i // per_row * step)
        rows = math.ceil(len(card.faces) / per_row)
        return y + 12 + rows * step - 10 if rows else y

    def _crop(self, outline: Outline, x: int, y: int) -> None:
        self._paste(outline.crop, x, y, (_CROP, _CROP))
        self._box((x, y, x + _CROP - 1, y + _CROP - 1), outline=ACCENT, line=2)
        self._tag(outline.label, x, y)

    def _paste(self, picture: Image.Image, x: int, y: int, size: tuple[int, int]) -> None:
        lanczos = Image.Resampling.LANCZOS
        self.drawn.append(lambda canvas: canvas.paste(picture.resize(size, lanczos), (x, y)))

    def _box(
        self,
        box: tuple[int, int, int, int],
        fill: str | None = None,
        outline: str | None = None,
        line: int = 1,
    ) -> None:
        self.drawn.append(lambda canvas: ImageDraw.Draw(canvas).rectangle(box, fill, outline, line))

    def _text(
        self, kind: Type, x: int, y: int, text: str, ink: str, room: float = WIDTH, most: int = 1
    ) -> int:
        """Place `text` in at most so many lines, and return where they end."""
        for line in kind.wrap(text, room, most):
            self.drawn.append(partial(kind.draw, x=x, y=y, text=line, ink=ink))
            y += kind.line_height
        return y


def _rows(sections: Sequence[_Section], columns: int) -> Iterator[list[_Section]]:
    """Yield the sections that stand in a row of so many columns; a large one is alone."""
    row: list[_Section] = []
    for section in sections:
        if row and sum(len(cards) for _, cards in row) + len(section[1]) > columns:
            yield row
            row = []
        row.append(section)
    if row:
        yield row


def _fit(card: Card, width: int, height: int) -> tuple[int, int]:
    """Return the size of a card's picture within `width` by `height`, its shape kept."""
    scale = min(width / card.aspect, height)
    if card.picture is not None:
        scale = min(scale, card.picture.height * 2.0)  # not blown up more than that
    return max(1, round(scale * card.aspect)), max(1, round(scale))
