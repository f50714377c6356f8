"""Faces as sheets and tables: those of a picture with their numbers, and people in groups."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TextIO

import numpy as np
from PIL import Image
from rich.text import Text

from artsim.catalog.arrays import Pixels
from artsim.catalog.kinds import Box
from artsim.catalog.progress import counted
from artsim.errors import ImageError
from artsim.files import local_path
from artsim.render.picture_cards import (
    MOST_CARDS,
    Card,
    Sheet,
    card_of,
    face_of,
    groups_that_fit,
    load_outlined,
)
from artsim.render.table import Column, fit, fitted_table, make_console, print_table, rows_table
from artsim.render.text import clean, criteria_in_words, field_text, picture_link, title_text
from artsim.search.inspect import FacesOf
from artsim.search.people import People, PersonFace, PersonGroup
from artsim.search.probes import PictureSource, QueryFace

_CROP: Final = 240
"""Pixels of a crop: sharp on a card."""

_COLUMNS: Final = 6
_NAMED: Final = 6


def faces_sheet(found: FacesOf, title: str, max_side: int) -> Sheet:
    """Return a picture with its faces outlined, and each of them by itself with its number."""
    outlined = [(face.box, str(face.index)) for face in found.faces]
    name = clean(Path(found.name).name, 120)
    query = card_of(
        found.payload or {},
        2 * max_side,
        image=found.image,
        faces=outlined,
        title="" if found.payload else name,
    )
    crops = _crops(found.image, found.payload or {}, outlined)
    cards = []
    for face in found.faces[:MOST_CARDS]:
        gray = found.grays.get(face.index)
        crop = crops.get(str(face.index)) or (None if gray is None else _from_gray(gray))
        problem = "" if crop else query.problem
        cards.append(
            Card(
                found.names.get(face.index, ""),
                (f"{face.size:.0f} pixels, {_certainty(face)}",),
                mark=str(face.index),
                picture=crop,
                problem=problem,
                is_hit=True,
            )
        )
    shown = title or (title_text(found.payload) if found.payload else name)
    # The crops stand beside the picture, larger than its card would have them.
    query = replace(query, outlines=tuple(replace(o, only_outlined=True) for o in query.outlines))
    remark = "" if cards else "No face was found."
    return Sheet(shown, counted(len(found.faces), "face"), (query,), [("", cards)], remark)


def _certainty(face: QueryFace) -> str:
    sure = "sure" if face.is_sure() else "doubtful"
    return sure if face.score is None else f"{sure} ({face.score:.2f})"


def _crops(
    image: PictureSource | None, payload: Mapping[str, Any], faces: Sequence[tuple[Box, str]]
) -> dict[str, Image.Image]:
    """Return crops of faces by their labels; without those outside, and none of no picture."""
    uri = payload.get("image_uri")
    if image is None and isinstance(uri, str):
        image = local_path(uri)
    if image is None:
        return {}
    try:
        _, outlines = load_outlined(image, payload, faces, _CROP, crop_side=_CROP)
    except ImageError:
        return {}
    return {outline.label: outline.crop for outline in outlines}


def _from_gray(pixels: Pixels) -> Image.Image:
    side = round(len(pixels) ** 0.5)
    small = Image.fromarray(np.asarray(pixels, dtype=np.uint8).reshape(side, side)).convert("RGB")
    return small.resize((_CROP, _CROP), Image.Resampling.LANCZOS)


def people_sheet(people: People, title: str) -> Sheet:
    """Return each group with its faces cut out, and what is known of their paintings."""
    shown, remarks = groups_that_fit(people.groups, lambda group: len(group.faces))
    crops = _crops_of([face for group in shown for face in group.faces[:MOST_CARDS]])
    sections = [
        (_heading(group), [_face_card(f, group, crops, people) for f in group.faces[:MOST_CARDS]])
        for group in shown
    ]
    remarks = remarks if shown else ["No two faces are alike enough."]
    if people.unplaced:
        remarks.append(f"Not found: {'; '.join(map(str, people.unplaced[:20]))}.")
    heading = title or f"{counted(len(people.groups), 'group')} of faces that may be one person's"
    return Sheet(heading, _settings(people), (), sections, " ".join(remarks), columns=_COLUMNS)


def _settings(people: People) -> str:
    gallery = people.settings.get("gallery")
    parts = [
        f"gallery {clean(gallery)}" if gallery else "",
        f"encoder {clean(people.settings.get('encoder'))}",
        f"{counted(people.compared, 'face')} compared",
        f"likeness at least {people.settings.get('threshold'):g}",
        *criteria_in_words(
            people.settings.get("criteria"), (f.payload for g in people.groups for f in g.faces)
        ),
    ]
    return " · ".join(part for part in parts if part)


def _crops_of(faces: Sequence[PersonFace]) -> dict[str, Image.Image]:
    """Return crops by point; each picture is read once."""
    by_picture: dict[object, list[PersonFace]] = {}
    for face in faces:
        by_picture.setdefault(face.payload.get("image_uri"), []).append(face)
    crops: dict[str, Image.Image] = {}
    for of_picture in by_picture.values():
        boxes = [(box, f.point_id) for f in of_picture for box, _ in face_of(f.payload)]
        crops |= _crops(None, of_picture[0].payload, boxes)
    return crops


def _heading(group: PersonGroup) -> str:
    is_partly = 0 < group.named < len(group.faces)
    named = f"{group.named} of {len(group.faces)} named" if is_partly else ""
    parts = (str(group.number), clean(group.name, 120), named, _artists(group, 2), _years(group))
    return " · ".join(filter(None, parts))


def _artists(group: PersonGroup, most: int) -> str:
    names = dict.fromkeys(field_text(face.payload, "artist") for face in group.faces)
    known = [name for name in names if name]
    more = f" and {len(known) - most} more" if len(known) > most else ""
    return ", ".join(known[:most]) + more


def _years(group: PersonGroup) -> str:
    years = [
        year
        for face in group.faces
        for name in ("year_start", "year_end")
        if isinstance(year := face.payload.get(name), int)
    ]
    if not years:
        return ""
    ends = dict.fromkeys((str(min(years)), str(max(years))))
    return "–".join(ends)  # noqa: RUF001 - an en dash


def _face_card(
    face: PersonFace, group: PersonGroup, crops: Mapping[str, Image.Image], people: People
) -> Card:
    gray = people.grays.get(face.point_id)
    crop = crops.get(face.point_id) or (None if gray is None else _from_gray(gray))
    said = [
        "named" if face.name else "",
        "" if face.likeness is None else f"likeness {face.likeness:.1f}",
        f"face {face.payload.get('face_index', 0)}",
    ]
    card = card_of(
        {k: v for k, v in face.payload.items() if k != "image_uri"},
        _CROP,
        faces=(),
        scores=" · ".join(filter(None, said)),
        is_hit=True,
    )
    problem = "" if crop else "The picture is elsewhere, and the gallery has no small one."
    return replace(card, picture=crop, aspect=1.0, problem=problem, file=picture_link(face.payload))


# Tables


def print_faces(found: FacesOf, stream: TextIO) -> None:
    """Write the faces of a picture with their numbers as a table."""
    headers = ["face", "at x, y", "width x height", "pixels", "certainty", ""]
    headers += ["name"] if found.names else []
    rows = (
        (
            face.index,
            f"{face.box.x:.0f}, {face.box.y:.0f}",
            f"{face.box.width:.0f} x {face.box.height:.0f}",
            f"{face.size:.0f}",
            "" if face.score is None else f"{face.score:.2f}",
            "sure" if face.is_sure() else "doubtful",
            *([found.names.get(face.index, "")] if found.names else []),
        )
        for face in found.faces
    )
    print_table(rows_table(headers, rows, right=("face", "pixels", "certainty")), stream)


def print_people(people: People, limit: int, stream: TextIO) -> None:
    """Write the first groups as a table of the stream's width."""
    groups = people.groups[:limit]
    columns = {
        "number": Column("#", [str(g.number) for g in groups], right=True, style="dim"),
        "name": Column("name", [clean(g.name, 200) for g in groups], 12, "bold"),
        "faces": Column("faces", [_count(group) for group in groups], right=True),
        "likeness": Column(
            "likeness",
            ["" if g.likeness is None else f"{g.likeness:.2f}" for g in groups],
            right=True,
            rank=2,
        ),
        "artists": Column("artists", [_artists(group, 4) for group in groups], 14, rank=3),
        "years": Column("years", [_years(group) for group in groups], rank=1),
        "id": Column("paintings", [_paintings(group) for group in groups], 24),
    }
    always = {"number", "faces", "id"}
    columns = {key: c for key, c in columns.items() if key in always or any(c.cells)}
    columns, widths = fit(columns, make_console(stream).width)
    table = fitted_table(columns, widths)
    for row in zip(*(column.cells for column in columns.values()), strict=True):
        table.add_row(*map(Text, row))
    print_table(table, stream)


def _count(group: PersonGroup) -> str:
    count = len(group.faces)
    return f"{group.named} of {count}" if 0 < group.named < count else str(count)


def _paintings(group: PersonGroup) -> str:
    ids = [clean(face.payload["painting_id"], 200) for face in group.faces]
    more = f", and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return ", ".join(ids[:_NAMED]) + more
