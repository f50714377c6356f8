"""What the pages share: colors, embedded pictures, faces outlined on them."""

from __future__ import annotations

import base64
import io
from html import escape
from typing import Final

from PIL import Image

from artsim.render.cards import Card, Outline

TOKENS: Final = """
:root {
  color-scheme: light dark;
  --wall: #f9f7f3; --ink: #211f1c; --muted: #6b655c; --line: #dcd7ce; --blank: #eeeae3;
  --accent: #ffb000;
}
@media (prefers-color-scheme: dark) {
  :root { --wall: #191817; --ink: #efece6; --muted: #a8a195; --line: #3a3733; --blank: #262422; }
}
"""
"""Colors of a page, in the light and in the dark."""

_JPEG_QUALITY: Final = 82


def picture_html(card: Card) -> str:
    """Return the picture of a card, or what stands in its place."""
    if card.text:
        return f'<blockquote dir="auto">“{escape(card.text)}”</blockquote>'
    if card.picture is None:
        return f'<div class="missing">{escape(card.problem)}</div>'
    alt = ", ".join(part for part in (card.title, *card.details) if part) or "painting"
    width, height = card.picture.size
    # A query is what one looks at first: it is there before the page is shown.
    asked = card.mark and not card.is_hit
    when = 'decoding="sync"' if asked else 'loading="lazy" decoding="async"'
    return (
        f'<img src="{data_uri(card.picture)}" alt="{escape(alt)}" '
        f'width="{width}" height="{height}" {when}>'
    )


def outline_html(outline: Outline) -> str:
    """Return the outline of a face, to lie over the picture."""
    box = outline.box
    place = f"left:{box.x:.2%};top:{box.y:.2%};width:{box.width:.2%};height:{box.height:.2%}"
    low = " low" if box.y < 0.08 else ""
    return f'<span class="face{low}" style="{place}">{_number(outline)}</span>'


def _number(outline: Outline) -> str:
    return f'<span class="number">{escape(outline.label)}</span>' if outline.label else ""


def crops_html(card: Card) -> str:
    """Return the enlarged faces of a card; "" where it has none."""
    crops = "".join(
        f'<div class="crop"><img src="{data_uri(outline.crop)}" '
        f'alt="{escape(f"face {outline.label}".strip())}" loading="lazy">{_number(outline)}</div>'
        for outline in card.outlines
    )
    return f'<div class="crops">{crops}</div>' if crops else ""


def data_uri(picture: Image.Image) -> str:
    """Return a picture as a JPEG in an address of its own."""
    buffer = io.BytesIO()
    picture.save(buffer, "JPEG", quality=_JPEG_QUALITY, optimize=True, progressive=True)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")
