"""What a contact sheet shows: pictures, captions and faces, before it takes a form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any, Final

from PIL import Image

from artsim.catalog.hits import Hit
from artsim.catalog.kinds import Box
from artsim.catalog.payload import Payload
from artsim.catalog.progress import counted
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
from artsim.search.answer import Answer
from artsim.search.listing import Listing
from artsim.search.probes import PictureSource

MAX_HITS: Final = 400
"""Most hits on one sheet; the sheet says how many it leaves out."""

MAX_QUERY_FACES: Final = 24
"""Most faces outlined in the query picture."""

CROP_SIDE: Final = 192
"""Pixels of the enlarged crop of a face."""

_CROP_MARGIN: Final = 1.5
"""Side of a face's crop to the longer side of its box: chin and hair are in it."""


@dataclass(frozen=True, slots=True)
class Outline:
    """A face on a picture: its box in parts of the picture (0..1), its number, its crop."""

    box: Box
    label: str
    crop: Image.Image


@dataclass(frozen=True, slots=True)
class Card:
    """One picture with its caption.

    `details` are lines under the title, `mark` the rank of a hit or what a query picture is for,
    `aspect` is width to height of the picture or of what would be there, `text` a text query,
    shown in a picture's place. `problem` says why there is no picture, `link` leads to a web page
    about the painting, `file` to the picture itself.
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

    @property
    def is_asked(self) -> bool:
        """Whether it is of the query, which one looks at first."""
        return bool(self.mark) and not self.is_hit

    @property
    def alt(self) -> str:
        """What is said in the picture's place."""
        return ", ".join(part for part in (self.title, *self.details) if part) or "painting"

    def with_picture(self, picture: Image.Image, max_side: int) -> Card:
        """Return the card with a picture of at most `max_side` on it, which is changed."""
        aspect = picture.width / picture.height
        picture.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
        return replace(self, picture=picture, aspect=aspect)


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


def make_sheet(result: Answer, title: str | None = None, *, max_side: int) -> Sheet:
    """Load the pictures of `result`, none larger than `max_side`, and word its captions."""
    hits = result.hits[:MAX_HITS]
    cards = [_hit_card(hit, result.first_rank + i, result, max_side) for i, hit in enumerate(hits)]
    sections: list[Section] = []
    start = 0
    for group in result.groups:
        if part := cards[start : start + len(group.hits)]:
            sections.append(Section(clean(group.value, 120), tuple(part)))
        start += len(group.hits)
    if rest := cards[start:]:
        sections.append(Section("", tuple(rest)))
    remark = "" if hits else "Nothing was found."
    if len(hits) < len(result.hits):
        remark = f"The first {len(hits)} of {len(result.hits)} hits are shown."
    heading = clean(title, 160) if title else describe_query(result)
    query = _query_cards(result, max_side)
    return Sheet(heading, describe_settings(result), query, tuple(sections), remark)


def make_list_sheet(listing: Listing, title: str | None = None, *, max_side: int) -> Sheet:
    """Load the pictures of a list, none larger than `max_side`, and word its captions."""
    points = listing.points[:MAX_HITS]
    cards = tuple(_found_card(point.payload, "", "", max_side) for point in points)
    remark = "" if points else "Nothing meets all of this."
    if points and len(points) < listing.total:
        remark = f"{len(points)} of {listing.total} are shown."
    heading = clean(title, 160) if title else describe_listing(listing)
    sections = (Section("", cards),) if cards else ()
    return Sheet(heading, describe_list_settings(listing), (), sections, remark)


def _query_cards(result: Answer, max_side: int) -> tuple[Card, ...]:
    if text := result.query.get("text"):
        return (Card("", mark="query", text=clean(text), aspect=1.25),)
    if result.examples:
        # On a sheet of many examples each gets less room, so it needs fewer pixels.
        side = 2 * max_side if len(result.examples) < 2 else max_side
        asked = (result.query.get(role) for role in ("like", "unlike"))
        names = [str(name) for part in asked if isinstance(part, Sequence) for name in part]
        return tuple(
            _asked_card(example.image, example.payload, name, Card("", mark=example.role), [], side)
            for example, name in zip_longest(result.examples, names[: len(result.examples)])
        )
    if result.query_image is None and result.query_payload is None:
        return ()
    faces = [(face.box, str(face.index)) for face in result.query_faces[:MAX_QUERY_FACES]]
    words = "" if not faces else counted(len(result.query_faces), "face")
    if len(faces) == 1 and result.query.get("face") is not None:
        words = f"face {result.query_faces[0].index}"
    name = str(result.query.get("image") or result.query.get("pixels") or "")
    image, payload = result.query_image, result.query_payload
    blank = Card("", mark="query", scores=words)
    return (_asked_card(image, payload, name, blank, faces, 2 * max_side),)


def _asked_card(
    image: PictureSource | None,
    payload: Mapping[str, Any] | None,
    name: str | None,
    blank: Card,
    faces: Sequence[tuple[Box, str]],
    max_side: int,
) -> Card:
    """Return `blank` as a picture of the query, called `name` where the gallery lacks it."""
    if isinstance(image, Path):
        name = image.name
        blank = replace(blank, file=image.absolute().as_uri())
    if payload is None:
        blank = replace(blank, title=clean(name or "", 120) or "a picture")
    else:
        blank = described(payload, blank, title_text(payload))
    if image is not None:
        return _picture_card(image, payload or {}, faces, max_side, blank)
    return card_of(payload or {}, blank, max_side, faces)


def _hit_card(hit: Hit, rank: int, result: Answer, max_side: int) -> Card:
    name = result.score_name
    scores = [format_score(hit.score) if name == "score" else f"{name} {format_score(hit.score)}"]
    if hit.rerank_score is not None:
        method = clean(result.rerank_name, 30).upper()
        scores.append(f"{method} {format_score(hit.rerank_score)}")
    if hit.query_face is not None and len(result.query_faces) > 1:
        scores.append(f"like face {hit.query_face}")
    return _found_card(hit.payload, str(rank), " · ".join(scores), max_side)


def _found_card(payload: Payload, mark: str, scores: str, max_side: int) -> Card:
    blank = Card("", scores=scores, mark=mark, is_hit=True)
    return card_of(payload, described(payload, blank, title_text(payload)), max_side)


def described(payload: Mapping[str, Any], blank: Card, title: str) -> Card:
    """Return `blank` with what a payload says of a painting of the gallery."""
    parts = (field_text(payload, "artist"), date_text(payload))
    return replace(
        blank,
        title=title,
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
    # A found face has no number: those on the sheet are of the query's faces.
    faces = face_of(payload) if faces is None else faces
    return _picture_card(path, payload, faces, max_side, blank)


def _picture_card(
    image: PictureSource,
    payload: Mapping[str, Any],
    faces: Sequence[tuple[Box, str]],
    max_side: int,
    blank: Card,
) -> Card:
    """Return `blank` with a picture in it, or with the reason there is none."""
    try:
        picture, outlines = load_outlined(image, payload, faces, max_side)
    except ImageError as error:
        reason = str(error)
        if isinstance(image, Path):
            reason = reason.replace(str(image), image.name)  # enough of its path on a sheet
        return _without_picture(blank, payload, clean(reason, 200))
    return replace(blank, outlines=tuple(outlines)).with_picture(picture, max_side)


def load_outlined(
    image: PictureSource,
    payload: Mapping[str, Any],
    faces: Sequence[tuple[Box, str]],
    max_side: int,
    *,
    crop_side: int = CROP_SIDE,
    most: int = 3000,
) -> tuple[Image.Image, list[Outline]]:
    """Load a picture with its faces, each cut out `crop_side` pixels wide.

    Parameters
    ----------
    payload : mapping
        Says how large the picture was when the boxes of `faces` were measured.
    faces : sequence of (Box, str)
        In pixels of that size, each with its label; what lies outside is left out.
    max_side : int
        Pixels of the longer side that are needed; more come where a face is small, ...
    most : int
        ... but no more than these: a face that would need a larger picture stays blurred.

    Raises
    ------
    ImageError
        If the picture cannot be read.
    """
    width, height = _size(payload)
    smallest = min((max(box.width, box.height) for box, _ in faces), default=0.0)
    enough = max_side
    if smallest > 0:
        # Without the metadata's size the picture may be of any: load as much as allowed.
        wanted = crop_side / (smallest * _CROP_MARGIN) * max(width, height)
        enough = max(max_side, int(min(most, wanted)) if width else most)
    if isinstance(image, Path):
        loaded = load_image(image, max_side=enough)
    elif isinstance(image, bytes):
        loaded = load_image_bytes(image, "the query picture", max_side=enough)
    else:
        rows, columns = image.shape[:2]
        loaded = LoadedImage(shrink_image(image, enough), columns, rows, "")
    picture = Image.fromarray(loaded.pixels)
    # The boxes were measured on the ingested file, which may have been replaced since.
    full = (width or loaded.width, height or loaded.height)
    found = (_outline(picture, box, full, label, crop_side) for box, label in faces)
    return picture, [outline for outline in found if outline]


def _without_picture(blank: Card, payload: Mapping[str, Any], problem: str) -> Card:
    width, height = _size(payload)
    aspect = min(2.0, max(0.5, width / height)) if width else 1.0
    return replace(blank, problem=problem, aspect=aspect)


def _size(payload: Mapping[str, Any]) -> tuple[int, int]:
    """Return width and height of the original from the metadata, (0, 0) if unknown."""
    width, height = payload.get("image_width"), payload.get("image_height")
    if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
        return width, height
    return 0, 0


def face_of(payload: Mapping[str, Any]) -> list[tuple[Box, str]]:
    """Return the box of the face that a payload is of, unnamed; none if it makes no sense."""
    value = payload.get("box")
    if not isinstance(value, (list, tuple)) or len(value) != 4:
        return []
    if not all(isinstance(part, (int, float)) for part in value):
        return []
    box = Box(*map(float, value))
    return [(box, "")] if box.width > 0 and box.height > 0 else []


def _outline(
    picture: Image.Image, box: Box, full: tuple[int, int], label: str, crop_side: int
) -> Outline | None:
    """Return the outline of a box given in pixels of the `full` size; None if it is outside."""
    left, right = (min(1.0, max(0.0, x / full[0])) for x in (box.x, box.x + box.width))
    top, bottom = (min(1.0, max(0.0, y / full[1])) for y in (box.y, box.y + box.height))
    if not (left < right and top < bottom):
        return None
    parts = Box(left, top, right - left, bottom - top)
    width, height = picture.size
    if min(width, height) < 2:
        return Outline(parts, label, picture.resize((crop_side, crop_side)))
    side = max(parts.width * width, parts.height * height) * _CROP_MARGIN
    side = max(2.0, min(side, width, height))
    x = min(max(0.0, (left + right) / 2 * width - side / 2), width - side)
    y = min(max(0.0, (top + bottom) / 2 * height - side / 2), height - side)
    area = (x, y, x + side, y + side)
    crop = picture.resize((crop_side, crop_side), Image.Resampling.LANCZOS, box=area)
    return Outline(parts, label, crop)
