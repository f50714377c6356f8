"""A contact sheet as one self-contained HTML file.

Pictures are embedded as bounded JPEGs and the style stands inside, so that the file can
be mailed and printed. There is no script, and its content security policy forbids any:
metadata could otherwise smuggle one in.
"""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from typing import Final

from artsim.render.cards import Card, Section, Sheet
from artsim.render.html_parts import TOKENS, crops_html, outline_html, picture_html

CARD_SIDE: Final = 480
"""Most pixels of a hit's embedded picture: sharp at a card's width, some 40 kB."""

_POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"

_STYLE: Final = (
    TOKENS
    + """
* { box-sizing: border-box; }
body {
  margin: 0; padding: clamp(1rem, 3.5vw, 3.5rem); background: var(--wall); color: var(--ink);
  font: 0.95rem/1.4 system-ui, "Helvetica Neue", "Noto Sans", Arial, sans-serif;
}
h1, h2, .title, blockquote {
  font-family: "Iowan Old Style", "Source Serif 4", "Noto Serif", Georgia, "Times New Roman", serif;
  font-weight: 400; overflow-wrap: anywhere;
}
header { border-bottom: 1px solid var(--line); margin-bottom: 1.8rem; padding-bottom: 1rem; }
h1 { font-size: clamp(1.5rem, 3vw, 2.3rem); line-height: 1.2; margin: 0; }
h2 { font-size: 1.5rem; margin: 0 0 0.8rem; }
section + section h2 { margin-top: 2.4rem; }
header p, .remark { color: var(--muted); margin: 0.4rem 0 0; overflow-wrap: anywhere; }
.sheet { display: grid; gap: 2rem; }
.query { display: grid; gap: 1.6rem; align-content: start; }
.hits {
  display: grid; gap: 2rem 1.6rem; list-style: none; margin: 0; padding: 0; align-items: end;
  grid-template-columns: repeat(auto-fill, minmax(min(9.5rem, 44%), 1fr));
  grid-template-rows: subgrid;
}
.hits > li { display: grid; grid-template-rows: subgrid; grid-row: span 2; gap: 0.7rem; }
figure { margin: 0; display: grid; gap: 0.7rem; }
.hits figure { grid-row: span 2; grid-template-rows: subgrid; }
.mount { align-self: end; position: relative; }
.mount img {
  display: block; width: 100%; height: 100%; outline: 1px solid var(--line); outline-offset: -1px;
}
.mount blockquote {
  margin: 0; padding: 1.4rem; font-size: 1.6rem; line-height: 1.3; text-align: center;
  border: 1px solid var(--line);
}
.missing {
  height: 100%; display: grid; place-items: center; padding: 0.8rem; text-align: center;
  background: var(--blank); border: 1px solid var(--line); color: var(--muted);
  font-size: 0.8rem; overflow-wrap: anywhere; overflow: hidden;
}
.face {
  position: absolute; border: 2px solid var(--accent);
  box-shadow: 0 0 0 1px #211f1c, inset 0 0 0 1px #211f1c;
}
.number {
  position: absolute; left: -2px; bottom: 100%; padding: 0 0.35em; background: var(--accent);
  color: #211f1c; font-size: 0.75rem; line-height: 1.35;
}
.face.low .number { bottom: auto; top: -2px; }
figcaption { display: flex; gap: 0.7rem; justify-content: space-between; min-width: 0; }
.query figcaption { flex-direction: column; }
.words { min-width: 0; overflow-wrap: break-word; }
.words > * { display: block; }
.mark { color: var(--muted); font-size: 0.8rem; text-transform: uppercase; letter-spacing: 0.06em; }
.title { font-size: 1.15rem; line-height: 1.25; }
.title, .detail {
  overflow: hidden; display: -webkit-box; -webkit-box-orient: vertical; -webkit-line-clamp: 3;
}
.rank { color: var(--muted); margin-right: 0.35em; }
.detail { color: var(--muted); }
.scores, .id { color: var(--muted); font-size: 0.85rem; font-variant-numeric: tabular-nums; }
.id { overflow-wrap: anywhere; -webkit-user-select: all; user-select: all; }
.crops { display: flex; flex-wrap: wrap; gap: 0.6rem; flex: none; align-content: start; }
.query .crops { flex: initial; }
.crop { position: relative; width: 4.6rem; height: 4.6rem; }
.crop img { width: 100%; height: 100%; display: block; border: 2px solid var(--accent); }
.crop .number { left: 0; top: 0; bottom: auto; }
a { color: inherit; text-decoration-color: var(--muted); text-underline-offset: 0.15em; }
@media (min-width: 56rem) {
  .sheet { grid-template-columns: minmax(15rem, 26rem) 1fr; gap: 2.8rem; }
  .sheet.alone { grid-template-columns: 1fr; }
  .query {
    position: sticky; top: 1.5rem; align-self: start; max-height: calc(100vh - 3rem);
    overflow: auto; scrollbar-width: thin; padding: 1px;
  }
  .query.many { grid-template-columns: 1fr 1fr; align-items: end; }
  .hits { grid-template-columns: repeat(auto-fill, minmax(13rem, 1fr)); }
}
@media (max-width: 26rem) { .hits .crop { width: 3.4rem; height: 3.4rem; } }
@media print {
  :root {
    --wall: #fff; --ink: #000; --muted: #555; --line: #ccc; --blank: #f3f3f3; font-size: 9pt;
  }
  body { padding: 0; font-size: 8pt; print-color-adjust: exact; }
  .sheet { display: block; }
  .query {
    position: static; max-height: none; overflow: visible; width: 6.5cm; margin-bottom: 0.8cm;
  }
  .query.many { width: auto; grid-template-columns: repeat(5, 1fr); }
  .hits { grid-template-columns: repeat(4, 1fr); gap: 0.6cm 0.5cm; }
  .hits > li, .hits figure, .mount { break-inside: avoid; }
  h2 { break-after: avoid; }
  .title { font-size: 10pt; }
  .crop { width: 1.3cm; height: 1.3cm; }
}
"""
)


def to_html(sheet: Sheet) -> str:
    """Return the sheet as the text of an HTML file, to be written in UTF-8."""
    return "".join(_page(sheet))


def _page(sheet: Sheet) -> Iterator[str]:
    yield '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
    yield f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">\n'
    yield '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
    yield '<meta name="generator" content="artsim">\n'
    yield f"<title>{escape(sheet.title)}</title>\n<style>{_STYLE}</style>\n</head>\n<body>\n"
    yield f'<header>\n<h1 dir="auto">{escape(sheet.title)}</h1>\n'
    if sheet.subtitle:
        yield f"<p>{escape(sheet.subtitle)}</p>\n"
    yield "</header>\n"
    yield f'<main class="sheet{"" if sheet.query else " alone"}">\n'
    if sheet.query:
        yield f'<div class="query{" many" if len(sheet.query) > 2 else ""}">\n'
        for card in sheet.query:
            yield _figure(card, 1.3)
        yield "</div>\n"
    yield "<div>\n"
    for section in sheet.sections:
        yield from _section(section)
    if sheet.remark:
        yield f'<p class="remark">{escape(sheet.remark)}</p>\n'
    yield "</div>\n</main>\n</body>\n</html>\n"


def _section(section: Section) -> Iterator[str]:
    yield "<section>\n"
    if section.heading:
        yield f'<h2 dir="auto">{escape(section.heading)}</h2>\n'
    yield '<ol class="hits">\n'
    for card in section.cards:
        yield f"<li>\n{_figure(card, 1.2)}</li>\n"
    yield "</ol>\n</section>\n"


def _figure(card: Card, tallest: float) -> str:
    """Return a card; its picture is at most `tallest` times as high as the card is wide."""
    share = min(1.0, tallest * card.aspect) * 100
    shape = f"width:{share:.2f}%;aspect-ratio:{card.aspect:.4f}"
    if card.text:
        shape = ""
    elif card.picture is not None:
        # Not enlarged beyond what its pixels bear.
        shape += f";max-width:{2 * card.picture.width}px"
    style = f' style="{shape}"' if shape else ""
    picture = picture_html(card)
    if card.file and card.picture is not None:
        picture = f'<a href="{escape(card.file)}" rel="noopener noreferrer">{picture}</a>'
    return (
        f'<figure>\n<div class="mount"{style}>{picture}'
        f"{''.join(outline_html(outline) for outline in card.outlines)}</div>\n"
        f'<figcaption><div class="words">{_words(card)}</div>{crops_html(card)}</figcaption>\n'
        "</figure>\n"
    )


def _words(card: Card) -> str:
    parts: list[str] = []
    title = f"<bdi>{escape(card.title)}</bdi>"
    if card.link:
        title = f'<a href="{escape(card.link)}" rel="noopener noreferrer">{title}</a>'
    if card.is_hit and card.mark:
        title = f'<span class="rank">{escape(card.mark)}</span>{title}'
    elif card.mark:
        parts.append(f'<span class="mark">{escape(card.mark)}</span>')
    if card.title or card.is_hit:
        parts.append(f'<span class="title">{title}</span>')
    parts += [f'<span class="detail"><bdi>{escape(text)}</bdi></span>' for text in card.details]
    if card.painting_id:
        parts.append(f'<span class="id"><bdi>{escape(card.painting_id)}</bdi></span>')
    if card.scores:
        parts.append(f'<span class="scores">{escape(card.scores)}</span>')
    return "".join(parts)
