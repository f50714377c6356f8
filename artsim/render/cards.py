"""What a contact sheet shows: pictures, captions and faces, before it takes a form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

from PIL import Image

from artsim.catalog.faces import Box
from artsim.catalog.hits import Hit
from artsim.catalog.payload import Payload
from artsim.catalog.results import Listing, PictureSource, SearchResult
from artsim.errors import ImageError
from artsim.files import local_path
from artsim.images.load import LoadedImage, load_image, load_image_bytes, shrink_image
from artsim.render.text import (
    clean,
    date_text,
    describe_list_settings,
    describe_listing,
    describe_query,
    describe_settings,
    field_text,
    format_score,
    id_text,
    picture_link,
    title_text,
    web_link,
)

MAX_HITS: Final = 400
"""Most hits on one sheet; the sheet says how many it leaves out."""

MAX_QUERY_FACES: Final = 24
"""Most faces outlined in the query picture."""

CROP_SIDE: Final = 192
"""Pixels of the enlarged crop of a face."""

_CROP_MARGIN: Final = 1.5
"""Side of a face's crop to the longer side of its box: chin and hair are in it."""

_MAX_SIDE_FOR_CROPS: Final = 3000
"""A face so small that it needs a larger picture than this stays blurred."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A face on a picture: its box in parts of the picture (0..1), its number, its crop."""

    box: Box
    label: str
    crop: Image.Image


@dataclass(frozen=True, slots=True)
class Card:
    """One picture with its caption.

    Attributes
    ----------
    title : str
        Headline of the caption.
    details : tuple of str
        Lines under it: artist, date.
    scores : str
        Line of scores.
    mark : str
        Rank of a hit, or what a query picture is for.
    picture : Image or None
        The picture, shrunk; None where there is none.
    problem : str
        Why there is no picture.
    aspect : float
        Width to height, of the picture or of what would be there.
    outlines : tuple of Outline
        Faces to show.
    text : str
        A text query, shown in a picture's place.
    link : str
        Web page about the painting.
    is_hit : bool
        Whether it was found rather than asked for.
    painting_id : str
        Its id, where it is one of the gallery.
    file : str
        Address that opens the picture itself.
    """

    title: str
    details: tuple[str, ...] = ()
    scores: str = ""
    mark: str = ""
    picture: Image.Image | None = None
    problem: str = ""
    aspect: float = 1.0
    outlines: tuple[Outline, ...] = ()
    text: str = ""
    link: str = ""
    is_hit: bool = False
    painting_id: str = ""
    file: str = ""


@dataclass(frozen=True, slots=True)
class Section:
    """Cards under one heading; the heading is "" where hits are not grouped."""

    heading: str
    cards: tuple[Card, ...]


@dataclass(frozen=True, slots=True)
class Sheet:
    """All that a sheet shows, whatever its form."""

    title: str
    subtitle: str
    query: tuple[Card, ...]
    sections: tuple[Section, ...]
    remark: str = ""

    @property
    def hit_count(self) -> int:
        """Number of hits on the sheet."""
        return sum(len(section.cards) for section in self.sections)


def make_sheet(result: SearchResult, title: str | None = None, *, max_side: int) -> Sheet:
    """Load the pictures of `result`, none larger than `max_side`, and word its captions."""
    hits = result.hits[:MAX_HITS]
    cards = [
        _hit_card(hit, result.first_rank + row, result, max_side) for row, hit in enumerate(hits)
    ]
    sections: list[Section] = []
    start = 0
    for group in result.groups:
        if part := cards[start : start + len(group.hits)]:
            sections.append(Section(clean(group.value, 120), tuple(part)))
        start += len(group.hits)
    if rest := cards[start:]:
        sections.append(Section("", tuple(rest)))
    remark = ""
    if not hits:
        remark = "Nothing was found."
    elif len(hits) < len(result.hits):
        remark = f"The first {len(hits)} of {len(result.hits)} hits are shown."
    return Sheet(
        title=clean(title, 160) if title else describe_query(result),
        subtitle=describe_settings(result),
        query=_query_cards(result, max_side),
        sections=tuple(sections),
        remark=remark,
    )


def make_list_sheet(listing: Listing, title: str | None = None, *, max_side: int) -> Sheet:
    """Load the pictures of a list, none larger than `max_side`, and word its captions."""
    points = listing.points[:MAX_HITS]
    cards = tuple(_found_card(point.payload, "", "", max_side) for point in points)
    remark = ""
    if not points:
        remark = "Nothing meets all of this."
    elif len(points) < listing.total:
        remark = f"{len(points)} of {listing.total} are shown."
    return Sheet(
        title=clean(title, 160) if title else describe_listing(listing),
        subtitle=describe_list_settings(listing),
        query=(),
        sections=(Section("", cards),) if cards else (),
        remark=remark,
    )


def _query_cards(result: SearchResult, max_side: int) -> tuple[Card, ...]:
    if text := result.query.get("text"):
        return (Card("", mark="query", text=clean(text), aspect=1.25),)
    if result.examples:
        # On a sheet of many examples each gets less room, so it needs fewer pixels.
        side = 2 * max_side if len(result.examples) < 2 else max_side
        names = _example_names(result)
        return tuple(
            _asked_card(example.image, example.payload, name, Card("", mark=example.role), [], side)
            for example, name in zip(result.examples, names, strict=True)
        )
    if result.query_image is None and result.query_payload is None:
        return ()
    faces = [(face.box, str(face.index)) for face in result.query_faces[:MAX_QUERY_FACES]]
    name = str(result.query.get("image") or result.query.get("pixels") or "")
    blank = Card("", mark="query", scores=_face_words(result))
    image, payload = result.query_image, result.query_payload
    return (_asked_card(image, payload, name, blank, faces, 2 * max_side),)


def _example_names(result: SearchResult) -> list[str]:
    """Return what the query calls its examples, those to be like before the others."""
    asked = (result.query.get(role) for role in ("like", "unlike"))
    names = [str(name) for part in asked if isinstance(part, Sequence) for name in part]
    return [*names, *[""] * len(result.examples)][: len(result.examples)]


def _asked_card(
    image: PictureSource | None,
    payload: Mapping[str, Any] | None,
    name: str,
    blank: Card,
    faces: Sequence[tuple[Box, str]],
    max_side: int,
) -> Card:
    """Return `blank` as a picture of the query, called `name` where the gallery lacks it."""
    if isinstance(image, Path):
        name = image.name
        blank = replace(blank, file=image.absolute().as_uri())
    if payload is None:
        blank = replace(blank, title=clean(name, 120) or "a picture")
    else:
        blank = _described(payload, blank)
    if image is not None:
        return _picture_card(image, payload or {}, faces, max_side, blank)
    return card_of(payload or {}, blank, max_side, faces)


def _face_words(result: SearchResult) -> str:
    faces = result.query_faces
    if len(faces) == 1 and result.query.get("face") is not None:
        return f"face {faces[0].index}"
    return "" if not faces else "1 face" if len(faces) == 1 else f"{len(faces)} faces"


def _hit_card(hit: Hit, rank: int, result: SearchResult, max_side: int) -> Card:
    name = result.score_name
    scores = [format_score(hit.score) if name == "score" else f"{name} {format_score(hit.score)}"]
    if hit.rerank_score is not None:
        method = clean(result.settings.get("rerank") or "re-rank", 20).upper()
        scores.append(f"{method} {format_score(hit.rerank_score)}")
    if hit.query_face is not None and len(result.query_faces) > 1:
        scores.append(f"like face {hit.query_face}")
    return _found_card(hit.payload, str(rank), " · ".join(scores), max_side)


def _found_card(payload: Payload, mark: str, scores: str, max_side: int) -> Card:
    blank = Card("", scores=scores, mark=mark, is_hit=True)
    return card_of(payload, _described(payload, blank), max_side)


def _described(payload: Mapping[str, Any], blank: Card) -> Card:
    """Return `blank` with what a payload says of a painting of the gallery."""
    parts = (field_text(payload, "artist"), date_text(payload))
    return replace(
        blank,
        title=title_text(payload),
        details=tuple(part for part in parts if part),
        painting_id=id_text(payload),
        link=web_link(payload.get("source_url", "")),
        file=blank.file or picture_link(payload),
    )


def card_of(
    payload: Mapping[str, Any],
    blank: Card,
    max_side: int,
    faces: Sequence[tuple[Box, str]] | None = None,
) -> Card:
    """Return `blank` with the picture that a payload names, or with why there is none.

    Parameters
    ----------
    payload : mapping
        Of a painting, or of a face of one.
    max_side : int
        Most pixels of the picture's longer side.
    faces : sequence of (Box, str), optional
        Faces to outline, in pixels of the picture at its full size, each with its label;
        by default the one that the payload is of.
    """
    uri = payload.get("image_uri")
    if not isinstance(uri, str):
        return _without_picture(blank, payload, "The gallery does not say where the picture is.")
    path = local_path(uri)
    if path is None:
        return _without_picture(blank, payload, f"The picture is elsewhere: {clean(uri, 160)}")
    if faces is None:
        box = _box(payload.get("box"))
        # Without a number: those on the sheet are of the query's faces.
        faces = [] if box is None else [(box, "")]
    return _picture_card(path, payload, faces, max_side, blank)


def _picture_card(
    image: PictureSource,
    payload: Mapping[str, Any],
    faces: Sequence[tuple[Box, str]],
    max_side: int,
    blank: Card,
) -> Card:
    """Return `blank` with a picture in it, or with the reason there is none."""
    width, height = _size(payload)
    smallest = min((max(box.width, box.height) for box, _ in faces), default=0.0)
    enough = max_side
    if smallest > 0:
        long_side = max(width, height, 1)
        # Without the metadata's size the picture may be of any: load as much as allowed.
        wanted = CROP_SIDE / (smallest * _CROP_MARGIN) * long_side if width else float("inf")
        enough = max(max_side, int(min(_MAX_SIDE_FOR_CROPS, wanted)))
    try:
        loaded = _load(image, enough)
    except ImageError as error:
        return _without_picture(blank, payload, _short_reason(error, image))
    picture = Image.fromarray(loaded.pixels)
    # The boxes were measured on the ingested file, which may have been replaced since.
    full = (width or loaded.width, height or loaded.height)
    outlines = tuple(
        outline for box, label in faces if (outline := _outline(picture, box, full, label))
    )
    aspect = picture.width / picture.height
    picture.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
    return replace(blank, picture=picture, aspect=aspect, outlines=outlines)


def _load(image: PictureSource, max_side: int) -> LoadedImage:
    if isinstance(image, Path):
        return load_image(image, max_side=max_side)
    if isinstance(image, bytes):
        return load_image_bytes(image, "the query picture", max_side=max_side)
    height, width = image.shape[:2]
    return LoadedImage(shrink_image(image, max_side), width, height, "")


def _without_picture(blank: Card, payload: Mapping[str, Any], problem: str) -> Card:
    width, height = _size(payload)
    aspect = min(2.0, max(0.5, width / height)) if width else 1.0
    return replace(blank, problem=problem, aspect=aspect)


def _short_reason(error: ImageError, image: PictureSource) -> str:
    """Return why a picture cannot be read; its name is enough of its path on a sheet."""
    text = str(error)
    return clean(text.replace(str(image), image.name) if isinstance(image, Path) else text, 200)


def _size(payload: Mapping[str, Any]) -> tuple[int, int]:
    """Return width and height of the original from the metadata, (0, 0) if unknown."""
    width, height = payload.get("image_width"), payload.get("image_height")
    if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
        return width, height
    return 0, 0


def _box(value: object) -> Box | None:
    """Return a payload's box, or None where it is missing or makes no sense."""
    if not isinstance(value, (list, tuple)) or len(value) != 4:
        return None
    if not all(isinstance(part, (int, float)) for part in value):
        return None
    x, y, width, height = (float(part) for part in value)
    return Box(x, y, width, height) if width > 0 and height > 0 else None


def _outline(picture: Image.Image, box: Box, full: tuple[int, int], label: str) -> Outline | None:
    """Return the outline of a box given in pixels of the `full` size; None if it is outside."""
    left, right = (min(1.0, max(0.0, x / full[0])) for x in (box.x, box.x + box.width))
    top, bottom = (min(1.0, max(0.0, y / full[1])) for y in (box.y, box.y + box.height))
    if not (left < right and top < bottom):
        return None
    parts = Box(left, top, right - left, bottom - top)
    return Outline(parts, label, _crop(picture, parts))


def _crop(picture: Image.Image, box: Box) -> Image.Image:
    """Return a square around a box given in parts of the picture, `CROP_SIDE` wide."""
    width, height = picture.size
    side = max(box.width * width, box.height * height) * _CROP_MARGIN
    side = max(2.0, min(side, width, height))
    x = (box.x + box.width / 2) * width - side / 2
    y = (box.y + box.height / 2) * height - side / 2
    x, y = min(max(0.0, x), width - side), min(max(0.0, y), height - side)
    if min(width, height) < 2:
        return picture.resize((CROP_SIDE, CROP_SIDE))
    return picture.resize(
        (CROP_SIDE, CROP_SIDE), Image.Resampling.LANCZOS, box=(x, y, x + side, y + side)
    )
