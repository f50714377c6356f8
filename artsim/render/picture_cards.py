"""Pictures with captions, faces and what points pair, as contact sheets and reports show them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import numpy as np
from PIL import Image, ImageDraw

from artsim.catalog.hits import Corners, Evidence
from artsim.catalog.kinds import Box
from artsim.errors import ImageError
from artsim.files import local_path
from artsim.images.load import LoadedImage, load_image, load_image_bytes, shrink_image
from artsim.render.pages import LIGHT, LOOKS
from artsim.render.text import (
    clean,
    date_text,
    field_text,
    id_text,
    picture_link,
    title_text,
    web_link,
)
from artsim.search.probes import PictureSource

ACCENT: Final = "#ffb000"  # amber, of outlines: hardly any paint is so bright
CROP_SIDE: Final = 192  # pixels of the enlarged crop of a face
_CROP_MARGIN: Final = 1.5  # side of a face's crop to its box's: chin and hair are in it
_PAIR_HEIGHT: Final = 480
_PAIR_WIDTH: Final = 1200
_GAP: Final = 24
_FINE: Final = 2  # pairs are drawn so many times as large, and shrunk: lines are smooth


@dataclass(frozen=True, slots=True)
class Outline:
    """A face on a picture: its box in parts of the picture (0..1), its number, its crop.

    Or the region that was searched by, whose crop is that part alone. `only_outlined` are those
    whose crops stand elsewhere.
    """

    box: Box
    label: str
    crop: Image.Image
    only_outlined: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """One picture with its caption.

    `mark` is the rank of a hit or what a query picture is for, `aspect` width to height of the
    picture or of what would be there, `text` a text query in its place; `problem` says why there
    is none. `link` leads to a web page about the painting, `file` to the picture; `credit` is who
    has the work, and by which rights it may be shown. One that `is_wide` takes two columns, as all
    of its section do.
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
    credit: str = ""
    is_wide: bool = False

    @property
    def faces(self) -> tuple[Outline, ...]:
        """The outlines whose crops stand under the picture."""
        return tuple(outline for outline in self.outlines if not outline.only_outlined)

    @property
    def alt(self) -> str:
        """What is said in the picture's place."""
        return ", ".join(part for part in (self.title, *self.details) if part) or "painting"


@dataclass(frozen=True, slots=True)
class Sheet:
    """All that a contact sheet shows, whatever its form.

    A section is a heading, "" where hits are not grouped, and cards. Where there are `columns`,
    small sections stand beside each other in so many columns.
    """

    title: str
    subtitle: str
    query: tuple[Card, ...]
    sections: list[tuple[str, list[Card]]]
    remark: str = ""
    columns: int = 0

    @property
    def hit_count(self) -> int:
        """Number of hits on the sheet."""
        return sum(len(cards) for _, cards in self.sections)


def card_of(
    payload: Mapping[str, Any],
    max_side: int,
    *,
    image: PictureSource | None = None,
    faces: Sequence[tuple[Box, str]] | None = None,
    region: Box | None = None,
    title: str = "",
    **caption: Any,
) -> Card:
    """Return a card with what a payload says of a painting, and its picture or why there is none.

    The picture is `image`, or that which the payload names, of at most `max_side` pixels on its
    longer side. Outlined are the `region` and `faces`, boxes in pixels of the picture at its full
    size, these with their labels, or the face that the payload is of. A `caption` is more
    attributes of `Card`.
    """
    file = image.absolute().as_uri() if isinstance(image, Path) else picture_link(payload)
    card = _captioned(payload, title, file=file, **caption)
    uri = payload.get("image_uri")
    if image is None and isinstance(uri, str):
        image = local_path(uri)
        problem = f"The picture is elsewhere: {clean(uri, 160)}"
    else:
        problem = "The gallery does not say where the picture is."
    if image is not None:
        # A found face has no number: those on the sheet are of the query's faces.
        found = face_of(payload) if faces is None else faces
        try:
            picture, outlines = load_outlined(image, payload, found, max_side, region=region)
        except ImageError as error:
            problem = str(error)
            if isinstance(image, Path):
                problem = problem.replace(str(image), image.name)  # enough of its path on a sheet
        else:
            aspect = picture.width / picture.height
            picture.thumbnail((max_side, max_side), Image.Resampling.LANCZOS)
            return replace(card, picture=picture, aspect=aspect, outlines=tuple(outlines))
    width, height = _size(payload)
    aspect = min(2.0, max(0.5, width / height)) if width else 1.0
    return replace(card, problem=clean(problem, 200), aspect=aspect)


def _captioned(payload: Mapping[str, Any], title: str, **caption: Any) -> Card:
    details = (field_text(payload, "artist"), date_text(payload))
    credit = (field_text(payload, "institution"), field_text(payload, "rights"))
    return Card(
        title or title_text(payload),
        tuple(filter(None, details)),
        painting_id=id_text(payload),
        link=web_link(payload.get("source_url", "")),
        credit=". ".join(filter(None, credit)),
        **caption,
    )


def load_outlined(
    image: PictureSource,
    payload: Mapping[str, Any],
    faces: Sequence[tuple[Box, str]],
    max_side: int,
    *,
    region: Box | None = None,
    crop_side: int = CROP_SIDE,
    most: int = 3000,
) -> tuple[Image.Image, list[Outline]]:
    """Load a picture with its faces, each cut out `crop_side` pixels wide, after a `region`.

    The boxes of faces were measured on a picture of the size that `payload` gives; what lies
    outside is left out. The picture has `max_side` pixels on its longer side, and more where a
    face is small, but at most `most`: a face that needs more stays blurred. Raises `ImageError`.
    """
    width, height = _size(payload)
    scales = [crop_side / (max(b.width, b.height, 1) * _CROP_MARGIN) for b, _ in faces]
    scales += [] if region is None else [max_side / max(region.width, region.height, 1)]
    enough = max_side
    if scales:
        # Without the metadata's size the picture may be of any: load as much as allowed.
        wanted = max(scales) * max(width, height)
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
    outlines = [outline for outline in found if outline]
    return picture, outlines if region is None else [_cut_out(picture, region, full), *outlines]


def _cut_out(picture: Image.Image, region: Box, full: tuple[int, int]) -> Outline:
    """Return the outline of a region, which lies within, and what it cuts out."""
    x, y = region.x / full[0], region.y / full[1]
    parts = Box(x, y, region.width / full[0], region.height / full[1])
    columns, rows = picture.size
    left, top = min(int(x * columns), columns - 1), min(int(y * rows), rows - 1)
    right = max(left + 1, round((x + parts.width) * columns))
    bottom = max(top + 1, round((y + parts.height) * rows))
    return Outline(parts, "", picture.crop((left, top, right, bottom)), only_outlined=True)


def _size(payload: Mapping[str, Any]) -> tuple[int, int]:
    """Return width and height of the original from the metadata, (0, 0) if unknown."""
    width, height = payload.get("image_width"), payload.get("image_height")
    if isinstance(width, int) and isinstance(height, int) and width > 0 and height > 0:
        return width, height
    return 0, 0


def face_of(payload: Mapping[str, Any]) -> list[tuple[Box, str]]:
    """Return the box of the face that a payload is of, unnamed; none if it makes no sense."""
    try:
        box = Box(*map(float, payload.get("box") or ()))
    except (TypeError, ValueError):
        return []
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


# Pairs of places


def draw_pairs(query: Image.Image, work: Image.Image, evidence: Evidence) -> Image.Image:
    """Return the query at the left and the work at the right, 480 pixels high or less.

    In each is the outline of the other one; lines lead from places to what they are paired with.
    """
    both = [_scaled(picture) for picture in (query, work)]
    beside = both[0].width + _FINE * _GAP
    width, height = beside + both[1].width, max(one.height for one in both)
    canvas = Image.new("RGB", (width, height), LOOKS["map"]["wall"])
    offsets = [(x, (height - one.height) // 2) for x, one in zip((0, beside), both, strict=True)]
    for picture, offset in zip(both, offsets, strict=True):
        canvas.paste(picture, offset)
    outlines = (evidence.query_outline, evidence.outline)
    for picture, offset, corners in zip(both, offsets, outlines, strict=True):
        for color, line in ((LIGHT.ink, 5 * _FINE), (ACCENT, 3 * _FINE)):
            canvas.paste(color, offset, _line_around(picture.size, corners, line))
    pairs = np.array(evidence.pairs).reshape(-1, 2, 2)
    places = pairs * np.array([one.size for one in both]) + np.array(offsets)
    ends = [[tuple(map(float, end)) for end in pair] for pair in places]
    mask = Image.new("L", canvas.size)
    draw = ImageDraw.Draw(mask)
    for one, other in ends:
        draw.line((one, other), 130, _FINE)
    canvas.paste(ACCENT, (0, 0), mask)
    draw = ImageDraw.Draw(canvas)
    for place in (end for pair in ends for end in pair):
        draw.circle(place, 4 * _FINE, ACCENT, LIGHT.ink, _FINE)
    shrunk = canvas.resize((width // _FINE, height // _FINE), Image.Resampling.LANCZOS)
    shrunk.thumbnail((_PAIR_WIDTH, _PAIR_HEIGHT), Image.Resampling.LANCZOS)
    return shrunk


def _scaled(picture: Image.Image) -> Image.Image:
    factor = _FINE * min(_PAIR_HEIGHT / picture.height, _PAIR_WIDTH / 2 / picture.width)
    size = (max(1, round(picture.width * factor)), max(1, round(picture.height * factor)))
    return picture.convert("RGB").resize(size, Image.Resampling.LANCZOS)


def _line_around(size: tuple[int, int], corners: Corners, line: int) -> Image.Image:
    """Return where an outline lies in a picture of that size; one that lies outside is cut off."""
    mask = Image.new("L", size)
    if len(corners):
        places = np.clip(np.array(corners), -3, 4) * size
        ends = [tuple(map(float, place)) for place in places]
        ImageDraw.Draw(mask).line([*ends, ends[0], ends[1]], 255, line, joint="curve")
    return mask
