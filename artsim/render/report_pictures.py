"""The pictures of a report: what was asked, what came back, and whether it was right."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from typing import Any, Final

from PIL import Image

from artsim.evaluation.report import Picture, PictureGroup, PictureRow
from artsim.render.cards import Card, card_of
from artsim.render.html_parts import crops_html, outline_html, picture_html
from artsim.render.text import clean, date_text, field_text

MAX_PICTURES: Final = 600
"""Most pictures on a page, which is then some 10 MB."""

PICTURE_SIDE: Final = 320
"""Most pixels of an embedded picture's longer side: sharp at twice the size it has."""

_HEIGHT: Final = 8.2
_WIDEST: Final = 14.0


def groups_html(groups: tuple[PictureGroup, ...]) -> Iterator[str]:
    """Yield a section for each group, at most `MAX_PICTURES` pictures in all."""
    left = MAX_PICTURES
    for number, group in enumerate(groups, 1):
        title = escape(clean(group.title))
        yield f'<section id="pictures-{number}">\n<h2 dir="auto">{title}</h2>\n'
        for position, row in enumerate(group.rows):
            left -= 1 + len(row.hits)
            if left < 0:
                rest = len(group.rows) - position
                rows = "1 more row is" if rest == 1 else f"{rest} more rows are"
                yield f'<p class="note">{rows} only in report.json.</p>\n'
                break
            yield _row(row)
        yield "</section>\n"


def _row(row: PictureRow) -> str:
    hits = "".join(f"<li>{_figure(hit)}</li>\n" for hit in row.hits)
    note = f'<p class="note" dir="auto">{escape(clean(row.note, 1000))}</p>\n' if row.note else ""
    return (
        f'<div class="failure">\n{note}<div class="strip">\n<div class="query">'
        f'{_figure(row.query)}</div>\n<ol class="hits">\n{hits}</ol>\n</div>\n</div>\n'
    )


def _figure(picture: Picture) -> str:
    card = _card(picture)
    height = min(_HEIGHT, _WIDEST / card.aspect)
    shape = f"width:{height * card.aspect:.2f}rem;height:{height:.2f}rem"
    outlines = "".join(outline_html(outline) for outline in card.outlines)
    return (
        f'<figure class="picture"><div class="frame"><div class="mount" style="{shape}">'
        f"{picture_html(card)}{outlines}</div></div><figcaption>{_mark(picture.right)}"
        f"{_caption(card, picture)}{crops_html(card)}</figcaption></figure>"
    )


def _card(picture: Picture) -> Card:
    payload = picture.payload
    parts = (field_text(payload, "artist"), date_text(payload))
    blank = Card(
        title=field_text(payload, "title") or clean(payload.get("painting_id", ""), 120),
        details=tuple(part for part in parts if part),
        link=_link(payload),
    )
    if picture.pixels is None:
        return card_of(payload, blank, PICTURE_SIDE)
    shown = Image.fromarray(picture.pixels)
    aspect = shown.width / shown.height
    shown.thumbnail((PICTURE_SIDE, PICTURE_SIDE), Image.Resampling.LANCZOS)
    return Card(blank.title, blank.details, link=blank.link, picture=shown, aspect=aspect)


def _link(payload: Mapping[str, Any]) -> str:
    link = str(payload.get("source_url", ""))
    return link if link.lower().startswith(("https://", "http://")) else ""


def _mark(right: bool | None) -> str:
    if right is None:
        return ""
    return '<span class="right">✓ right</span>' if right else '<span class="wrong">✗ wrong</span>'


def _caption(card: Card, picture: Picture) -> str:
    title = f"<bdi>{escape(card.title)}</bdi>"
    if card.link:
        title = f'<a href="{escape(card.link)}" rel="noopener noreferrer">{title}</a>'
    lines = [f'<span class="title">{title}</span>']
    lines += [f'<span class="detail"><bdi>{escape(text)}</bdi></span>' for text in card.details]
    # The caption may name the class, which often is the artist.
    said = [text for line in picture.caption if (text := clean(line, 200)) not in card.details]
    lines += [f'<span class="line"><bdi>{escape(text)}</bdi></span>' for text in said]
    return "".join(lines)
