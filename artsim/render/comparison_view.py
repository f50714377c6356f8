"""Two compared pictures: as a table, and side by side on a contact sheet."""

from __future__ import annotations

from pathlib import Path
from typing import TextIO

from PIL import Image, ImageOps

from artsim.render.picture_cards import Card, Sheet, card_of
from artsim.render.table import print_table, rows_table
from artsim.render.text import clean, format_score, title_text, verdict_text
from artsim.search.comparison import Compared, Comparison


def print_comparison(found: Comparison, stream: TextIO) -> None:
    """Write the measures as a table, and the verdict with its reason."""
    rows: list[tuple[str, str, str]] = [
        (f"cosine, {of.encoder}", format_score(of.cosine), verdict_text(of.verdict))
        for of in found.wholes
    ]
    for name in ("ssim", "rmse"):
        rows.append((name.upper(), format_score(getattr(found, name)), ""))
        rows.append(
            (f"{name.upper()}, mirrored", format_score(getattr(found, f"{name}_mirrored")), "")
        )
    for of in found.faces:
        one, other = of.faces or (0, 0)
        named = f"face {one} and face {other}, {of.encoder}"
        rows.append((named, format_score(of.cosine), verdict_text(of.verdict)))
    print_table(rows_table(("measure", "value", "verdict"), rows, right=("value",)), stream)
    stream.write(f"\n{found.why[0].upper()}{found.why[1:]}.\n")


def comparison_sheet(found: Comparison, title: str, max_side: int) -> Sheet:
    """Return both at one scale with their faces, one upon the other, and the second mirrored."""
    cards = [_card(of, mark, max_side) for of, mark in ((found.first, "A"), (found.second, "B"))]
    first, second = (card.picture for card in cards)
    more: list[Card] = []
    if first is not None and second is not None:
        mirrored = ImageOps.mirror(second)
        for picture, name in (
            (second, "A and B overlaid"),
            (mirrored, "A and B mirrored, overlaid"),
        ):
            more.append(_drawn(Image.blend(first, picture.resize(first.size), 0.5), name))
    measures = [f"cosine {format_score(of.cosine)} ({of.encoder})" for of in found.wholes]
    measures += [f"SSIM {format_score(found.ssim)}, mirrored {format_score(found.ssim_mirrored)}"]
    for of in found.faces[:8]:
        one, other = of.faces or (0, 0)
        measures.append(f"faces {one} and {other} {format_score(of.cosine)}")
    names = " and ".join(_name(of) for of in (found.first, found.second))
    why = f"{found.why[0].upper()}{found.why[1:]}."
    return Sheet(title or names, why, (), [("", [*cards, *more])], " · ".join(measures))


def _card(of: Compared, mark: str, max_side: int) -> Card:
    faces = [(face.box, str(face.index)) for face in of.faces]
    name = "" if of.payload else _name(of)
    return card_of(
        of.payload or {}, 2 * max_side, image=of.image, faces=faces, title=name, mark=mark
    )


def _drawn(picture: Image.Image, title: str) -> Card:
    return Card(title, picture=picture, aspect=picture.width / picture.height, is_hit=True)


def _name(of: Compared) -> str:
    return title_text(of.payload) if of.payload else clean(Path(of.name).name, 120)
