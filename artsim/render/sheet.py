"""Contact sheets: the query and its hits side by side, as one PNG or HTML file."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby, islice, zip_longest
from pathlib import Path
from typing import Any, Final, TypeAlias

from PIL import Image, ImageOps

from artsim.catalog.hits import Hit
from artsim.catalog.progress import counted
from artsim.errors import RenderError
from artsim.files import FileKind, check_file, picture_files, write_file
from artsim.render.findings import copies_sheet, faces_sheet, film_sheet, people_sheet
from artsim.render.picture_cards import CROP_SIDE, Card, Sheet, card_of, draw_pairs
from artsim.render.text import (
    clean,
    describe_evidence,
    describe_likelihoods,
    describe_list_settings,
    describe_listing,
    describe_query,
    describe_settings,
    format_score,
    meaning_text,
    sentence,
    title_text,
    verdict_text,
)
from artsim.search.answer import Answer
from artsim.search.comparison import Compared, Comparison, Likeness
from artsim.search.copy_groups import Copies
from artsim.search.film_query import FilmAnswer
from artsim.search.inspect import FacesOf
from artsim.search.listing import Listing
from artsim.search.people import People

Shown: TypeAlias = Answer | Listing | Comparison | People | FacesOf | Copies | FilmAnswer
"""What a contact sheet can show."""

SHEET: Final = FileKind("sheet", RenderError, (".png", ".html", ".htm"))
MAX_HITS: Final = 400  # most hits on one sheet; the sheet says how many it leaves out
MAX_QUERY_FACES: Final = 24  # most faces outlined in the query picture
MAX_EVIDENCE: Final = 12  # hits that stand beside the query again, with the points that found them
_IN_BOTH: Final = "What is in both, by local points"
MAX_FACE_PAIRS: Final = 8  # most pairs of faces that a comparison shows
HTML_SIDE: Final = 480  # pixels of a picture on a page: sharp at a card's width, some 40 kB
PNG_SIDE: Final = 640  # most pixels that a picture is given on a PNG
# There is no script on the page, and none may run.
_POLICY: Final = "default-src 'none'; img-src data:; style-src 'unsafe-inline'"


def write_sheet(
    result: Shown,
    path: str | os.PathLike[str],
    *,
    title: str | None = None,
    overwrite: bool = False,
) -> None:
    """Write `result` as a contact sheet, a PNG or a self-contained HTML file by its suffix.

    Pictures are read from the hits' ``image_uri``; one that cannot be read leaves a placeholder
    with the reason. The file appears whole or not at all. At most `MAX_HITS` hits are shown, under
    the `title`, which by default says what was asked. With `overwrite` a file may be replaced that
    artsim did not make, but never a picture of `result`.

    Raises
    ------
    RenderError
        If the suffix is another than ``.png``, ``.html`` and ``.htm``, the folder is missing, the
        place is taken, or the file cannot be written.
    """
    path = Path(path)
    pictures = _pictures(result) if path.exists() else []
    check_file(path, SHEET, overwrite=overwrite, inputs=pictures)
    is_png = path.suffix.lower() == ".png"
    sheet = _MAKERS[type(result)](result, PNG_SIDE if is_png else HTML_SIDE)
    if heading := clean(title or "", 160):
        sheet = replace(sheet, title=heading)
    if is_png:
        from artsim.render.sheet_png import draw_png

        content = draw_png(sheet)
    else:
        from artsim.render.pages import environment, static

        page = environment().get_template("sheet.html")
        style = static("colors.css", "sheet.css")
        content = page.render(policy=_POLICY, title=sheet.title, style=style, sheet=sheet).encode()
    with write_file(path, SHEET, overwrite=overwrite, inputs=pictures) as stream:
        stream.write(content)


def _pictures(result: Shown) -> list[Path]:
    """Return the files of the pictures that the sheet shows."""
    if isinstance(result, People):
        return list(picture_files(face.payload for of in result.groups for face in of.faces))
    if isinstance(result, Copies):
        return list(picture_files(work.payload for of in result.groups for work in of.works))
    if isinstance(result, FilmAnswer):
        return [result.film, *picture_files(s.hit.payload for s in result.sightings)]
    if isinstance(result, FacesOf):
        own = [result.image] if isinstance(result.image, Path) else []
        return [*own, *picture_files([result.payload or {}])]
    if isinstance(result, Comparison):
        both = (result.first, result.second)
        files = [of.image for of in both if isinstance(of.image, Path)]
        return [*files, *picture_files(of.payload for of in both if of.payload)]
    if isinstance(result, Listing):
        return list(picture_files(point.payload for point in result.points))
    shown = [result.query_image, *(example.image for example in result.examples)]
    asked = [result.query_payload, *(example.payload for example in result.examples)]
    payloads = [payload for payload in asked if payload] + [hit.payload for hit in result.hits]
    return [*(p for p in shown if isinstance(p, Path)), *picture_files(payloads)]


def _answer_sheet(result: Answer, max_side: int) -> Sheet:
    found = islice(result.ranked(), MAX_HITS)
    sections = [
        (clean(name or "", 120), [_hit_card(hit, rank, result, max_side) for rank, hit, _ in part])
        for name, part in groupby(found, key=lambda ranked: ranked[2])
    ]
    if result.falls_off is not None:  # of hits that are not grouped
        (_, cards), after = sections[0], result.falls_off
        rest = [("Here the list falls off", cards[after:])] if cards[after:] else []
        sections = [("", cards[:after]), *rest]
    query = _query_cards(result, max_side)
    if shown := _evidence_cards(result, query, [card for _, some in sections for card in some]):
        sections.append((_IN_BOTH, shown))
    remark = "" if result.hits else "Nothing was found."
    if len(result.hits) > MAX_HITS:
        remark = f"The first {MAX_HITS} of {len(result.hits)} hits are shown."
    return Sheet(describe_query(result), describe_settings(result), query, sections, remark)


def _evidence_cards(result: Answer, query: Sequence[Card], hits: Sequence[Card]) -> list[Card]:
    """Return the query beside each hit in which points found it, the places joined by lines."""
    pictures = [card.picture for card in query if card.picture is not None][-1:]
    cards = []
    for (_, hit, _), card in zip(result.ranked(), hits, strict=False):
        found = hit.evidence
        if pictures and found is not None and found.is_found and card.picture is not None:
            drawn = draw_pairs(pictures[0], card.picture, found)
            told = _drawn(drawn, f"{card.mark}  {card.title}", describe_evidence(found))
            cards.append(replace(told, is_wide=True))
    return cards[:MAX_EVIDENCE]


def _list_sheet(listing: Listing, max_side: int) -> Sheet:
    points = listing.points[:MAX_HITS]
    cards = [card_of(point.payload, max_side, is_hit=True) for point in points]
    remark = "" if points else "Nothing meets all of this."
    if points and len(points) < listing.total:
        remark = f"{len(points)} of {listing.total} are shown."
    heading, settings = describe_listing(listing), describe_list_settings(listing)
    return Sheet(heading, settings, (), [("", cards)] if cards else [], remark)


def _query_cards(result: Answer, max_side: int) -> tuple[Card, ...]:
    if text := result.query.get("text"):
        return (Card("", mark="query", text=clean(text), aspect=1.25),)
    if result.examples:
        # On a sheet of many examples each gets less room, so it needs fewer pixels.
        side = 2 * max_side if len(result.examples) < 2 else max_side
        asked = (result.query.get(role) for role in ("like", "unlike"))
        names = [str(name) for part in asked if isinstance(part, Sequence) for name in part]
        cards: list[Card] = []
        for example, name in zip_longest(result.examples, names[: len(result.examples)]):
            title = _name(example.image, name, example.payload)
            shown: Any = {"image": example.image, "faces": (), "region": example.region}
            shown |= {"title": title, "mark": example.role}
            cards += _with_part(card_of(example.payload or {}, side, **shown), side)
        return tuple(cards)
    image, payload = result.query_image, result.query_payload
    if image is None and payload is None:
        return ()
    faces = [(face.box, str(face.index)) for face in result.query_faces[:MAX_QUERY_FACES]]
    words = "" if not faces else counted(len(result.query_faces), "face")
    if len(faces) == 1 and result.query.get("face") is not None:
        words = f"face {result.query_faces[0].index}"
    title = _name(image, result.query.get("image") or result.query.get("pixels"), payload)
    shown = {"image": image, "faces": faces, "region": result.query_region}
    shown |= {"title": title, "mark": "query", "scores": words}
    return _with_part(card_of(payload or {}, 2 * max_side, **shown), max_side)


def _with_part(card: Card, max_side: int) -> tuple[Card, ...]:
    """Return the card of a query picture, and one of the region that is searched by, if any."""
    for outline in card.outlines[:1]:
        if outline.only_outlined:
            part = outline.crop
            part.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
            aspect = part.width / part.height
            mark = "the part searched by" if card.mark == "query" else f"{card.mark} this part"
            return card, Card("", mark=mark, picture=part, aspect=aspect)
    return (card,)


def _name(image: object, name: object, payload: object) -> str:
    """Return what a picture of the query is called that the gallery lacks."""
    if payload is not None:
        return ""
    return clean(image.name if isinstance(image, Path) else name or "", 120) or "a picture"


def _hit_card(hit: Hit, rank: int, result: Answer, max_side: int) -> Card:
    name = result.score_name
    scores = [format_score(hit.score) if name == "score" else f"{name} {format_score(hit.score)}"]
    scores += filter(None, [meaning_text(hit)])
    if hit.rerank_score is not None:
        *weight, method = clean(result.rerank_name, 30).split()
        scores.append(" ".join([*weight, method.upper(), format_score(hit.rerank_score)]))
    if hit.query_face is not None and len(result.query_faces) > 1:
        scores.append(f"like face {hit.query_face}")
    return card_of(hit.payload, max_side, scores=" · ".join(scores), mark=str(rank), is_hit=True)


def _comparison_sheet(found: Comparison, max_side: int) -> Sheet:
    """Return both with their faces, one upon the other, and mirrored; then face by face."""
    sides = {"A": found.first, "B": found.second}
    cards = [_compared_card(of, mark, max_side) for mark, of in sides.items()]
    first, second = (card.picture for card in cards)
    overlaid: list[Card] = []
    if first is not None and second is not None:
        turned = (found.ssim_mirrored, found.rmse_mirrored)
        for picture, name, (ssim, rmse) in (
            (second, "A and B overlaid", (found.ssim, found.rmse)),
            (ImageOps.mirror(second), "A and B mirrored, overlaid", turned),
        ):
            blend = Image.blend(first, picture.resize(first.size), 0.5)
            measures = f"SSIM {format_score(ssim)} · RMSE {format_score(rmse)}"
            overlaid.append(_drawn(blend, name, measures))
    sections = [("", [*cards, *overlaid])]
    is_drawn = found.evidence.is_found and not any(of.region for of in sides.values())
    if is_drawn and first is not None and second is not None:
        drawn = draw_pairs(first, second, found.evidence)
        told = sentence(found.by_points("A", "B"))
        pairs = _drawn(drawn, told, f"{counted(found.evidence.inliers, 'point')} agree")
        sections.append((_IN_BOTH, [replace(pairs, is_wide=True)]))
    if faces := [*_faced(found, *cards)]:
        sections.append(("Face by face", faces))
    wholes = [f"Cosine {_measured(of)} ({of.encoder})" for of in found.wholes]
    names = " and ".join(_compared_name(of) for of in sides.values())
    subtitle = f"{sentence(found.why)} {'; '.join(wholes)}."
    return Sheet(names, subtitle, (), sections, " ".join(describe_likelihoods(found)))


def _faced(found: Comparison, first: Card, second: Card) -> Iterator[Card]:
    """Yield the crops of two faces side by side, the nearest first, with what their cosine says."""
    crops = [{of.label: of.crop for of in card.outlines} for card in (first, second)]
    for likeness in found.faces[:MAX_FACE_PAIRS]:
        one, other = map(str, likeness.faces or ("", ""))
        if one in crops[0] and other in crops[1]:
            pair = Image.new("RGB", (2 * CROP_SIDE, CROP_SIDE))
            pair.paste(crops[0][one])
            pair.paste(crops[1][other], (CROP_SIDE, 0))
            yield _drawn(pair, f"Face {one} of A, face {other} of B", _measured(likeness))


def _measured(likeness: Likeness) -> str:
    return " · ".join(filter(None, [format_score(likeness.cosine), verdict_text(likeness.verdict)]))


def _compared_card(of: Compared, mark: str, max_side: int) -> Card:
    faces = [(face.box, str(face.index)) for face in of.faces]
    name = "" if of.payload else _compared_name(of)
    shown: Any = {"image": of.image, "faces": faces, "title": name, "mark": mark}
    return card_of(of.payload or {}, 2 * max_side, **shown)


def _drawn(picture: Image.Image, title: str, scores: str) -> Card:
    aspect = picture.width / picture.height
    return Card(title, scores=scores, picture=picture, aspect=aspect, is_hit=True)


def _compared_name(of: Compared) -> str:
    return title_text(of.payload) if of.payload else clean(Path(of.name).name, 120)


_MAKERS: Final[Mapping[type, Callable[[Any, int], Sheet]]] = {
    Answer: _answer_sheet,
    Listing: _list_sheet,
    Comparison: _comparison_sheet,
    People: people_sheet,
    FacesOf: faces_sheet,
    Copies: copies_sheet,
    FilmAnswer: film_sheet,
}
