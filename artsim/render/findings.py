"""What is found beside hits, as tables and sheets: faces, people, copies, and what a film shows."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import accumulate
from pathlib import Path
from typing import Any, Final, TextIO, TypeVar

import numpy as np
from PIL import Image

from artsim.catalog.arrays import Pixels
from artsim.catalog.cells import BOM, csv_lines
from artsim.catalog.film_names import clock, frame_place
from artsim.catalog.kinds import Box
from artsim.catalog.progress import counted
from artsim.errors import ImageError, RenderError
from artsim.files import FileKind, local_path, write_file
from artsim.render.output import dump_json
from artsim.render.picture_cards import Card, Sheet, card_of, face_of, load_outlined
from artsim.render.table import Column, print_columns, print_table, rows_table
from artsim.render.text import (
    clean,
    date_text,
    describe_search,
    field_text,
    first_few,
    format_score,
    id_text,
    picture_link,
    title_text,
    verdict_text,
)
from artsim.search.copy_groups import Copies, CopyGroup, Tie
from artsim.search.film_query import FilmAnswer, Sighting
from artsim.search.inspect import FacesOf
from artsim.search.listing import Listed
from artsim.search.people import People, PersonFace, PersonGroup
from artsim.search.probes import PictureSource
from artsim.search.question import describe_criteria

G = TypeVar("G")
MOST_CARDS: Final = 400  # of one sheet; it says how many it leaves out
MOST_SIGHTINGS: Final = 200  # most sightings on one sheet; the sheet says how many it leaves out
_CROP: Final = 240  # pixels of a crop: sharp on a card
_COLUMNS: Final = 6
_NAMED: Final = 6


# Faces of a picture


def faces_sheet(found: FacesOf, max_side: int) -> Sheet:
    """Return a picture with its faces outlined, and each of them by itself with its number."""
    outlined = [(face.box, str(face.index)) for face in found.faces]
    payload, name = found.payload or {}, clean(Path(found.name).name, 120)
    own = "" if found.payload else name
    query = card_of(payload, 2 * max_side, image=found.image, faces=outlined, title=own)
    crops = _crops(found.image, payload, outlined)
    cards = []
    for face in found.faces[:MOST_CARDS]:
        crop = crops.get(str(face.index)) or _from_gray(found.grays.get(face.index))
        sure = "sure" if face.is_sure() else "doubtful"
        certainty = sure if face.score is None else f"{sure} ({face.score:.2f})"
        cards.append(
            Card(
                found.names.get(face.index, ""),
                (f"{face.size:.0f} pixels, {certainty}",),
                mark=str(face.index),
                picture=crop,
                problem="" if crop else query.problem,
                is_hit=True,
            )
        )
    shown = own or title_text(payload)
    remark = "" if cards else "No face was found."
    # The crops stand beside the picture, larger than its card would have them.
    query = _without_crops(query)
    return Sheet(shown, counted(len(found.faces), "face"), (query,), [("", cards)], remark)


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


def _from_gray(pixels: Pixels | None) -> Image.Image | None:
    if pixels is None:
        return None
    side = round(len(pixels) ** 0.5)
    small = Image.fromarray(np.asarray(pixels, dtype=np.uint8).reshape(side, side)).convert("RGB")
    return small.resize((_CROP, _CROP), Image.Resampling.LANCZOS)


def _without_crops(card: Card) -> Card:
    return replace(card, outlines=tuple(replace(of, only_outlined=True) for of in card.outlines))


# People


def people_sheet(people: People, _side: int) -> Sheet:
    """Return each group with its faces cut out, and what is known of their paintings."""
    shown, remarks = _groups_that_fit(people.groups, lambda group: len(group.faces))
    crops = _crops_of([face for group in shown for face in group.faces[:MOST_CARDS]])
    sections = [
        (_of_person(group), [_face_card(face, crops, people) for face in group.faces[:MOST_CARDS]])
        for group in shown
    ]
    remarks = remarks if shown else ["No two faces are alike enough."]
    if people.unplaced:
        remarks.append(f"Not found: {'; '.join(map(str, people.unplaced[:20]))}.")
    heading = f"{counted(len(people.groups), 'group')} of faces that may be one person's"
    settings = describe_search(
        people.settings,
        [
            f"{counted(people.compared, 'face')} compared",
            f"likeness at least {people.settings.get('threshold'):g}",
        ],
        (face.payload for group in people.groups for face in group.faces),
    )
    return Sheet(heading, settings, (), sections, " ".join(remarks), columns=_COLUMNS)


def print_people(people: People, limit: int, stream: TextIO) -> None:
    """Write the first groups as a table of the stream's width."""
    groups = people.groups[:limit]
    likenesses = ["" if g.likeness is None else f"{g.likeness:.2f}" for g in groups]
    columns = {
        "number": Column("#", [str(g.number) for g in groups], right=True, style="dim"),
        "name": Column("name", [clean(g.name, 200) for g in groups], 12, "bold"),
        "faces": Column("faces", [_count(g) for g in groups], right=True),
        "likeness": Column("likeness", likenesses, right=True, rank=2),
        "artists": Column("artists", [_artists(g.faces, 4) for g in groups], 14, rank=3),
        "years": Column("years", [_years(g) for g in groups], rank=1),
        "id": Column("paintings", [_paintings(g.faces) for g in groups], 24),
    }
    print_columns(columns, stream)


def _groups_that_fit(groups: Sequence[G], size: Callable[[G], int]) -> tuple[list[G], list[str]]:
    """Return the first groups, at most `MOST_CARDS` cards together but for the first, and a remark.

    There is none where all are shown.
    """
    sums = accumulate(size(group) for group in groups)
    shown = [group for group, cards in zip(groups, sums, strict=True) if cards <= MOST_CARDS]
    shown = shown or list(groups[:1])
    left = len(shown) < len(groups)
    return shown, [f"The first {len(shown)} of {len(groups)} groups are shown."] if left else []


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


def _of_person(group: PersonGroup) -> str:
    named = f"{_count(group)} named" if 0 < group.named < len(group.faces) else ""
    parts = (clean(group.name, 120), named, _artists(group.faces, 2), _years(group))
    return " · ".join(filter(None, (str(group.number), *parts)))


def _count(group: PersonGroup) -> str:
    count = len(group.faces)
    return f"{group.named} of {count}" if 0 < group.named < count else str(count)


def _artists(works: Iterable[PersonFace | Listed], most: int) -> str:
    names = dict.fromkeys(field_text(work.payload, "artist") for work in works)
    return first_few([name for name in names if name], most)


def _paintings(works: Iterable[PersonFace | Listed]) -> str:
    ids = [clean(work.payload["painting_id"], 200) for work in works]
    return first_few(ids, _NAMED, more=", and")


def _years(group: PersonGroup) -> str:
    ends = (face.payload.get(f"year_{end}") for face in group.faces for end in ("start", "end"))
    years = [year for year in ends if isinstance(year, int)]
    both = dict.fromkeys((str(min(years)), str(max(years)))) if years else ()
    return "–".join(both)  # noqa: RUF001 - an en dash


def _face_card(face: PersonFace, crops: Mapping[str, Image.Image], people: People) -> Card:
    crop = crops.get(face.point_id) or _from_gray(people.grays.get(face.point_id))
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


# Copies

COPIES: Final = FileKind("file", RenderError, (".csv", ".json", ".html", ".htm", ".png"))
_NOTED: Final = FileKind("file", RenderError, (".csv", ".json"), noted=True)

_OF_TIE: Final = ("kind", "checked", "cosine", "ssim", "mirrored", "inliers", "shown", "outline")
_FACTS: Final = ("painting_id", "title", "artist", "date_text", "institution", "image_uri")

TIE_COLUMNS: Final = (
    "group",
    *_OF_TIE,
    *(f"{side}_{fact}" for side in ("first", "second") for fact in _FACTS),
)
"""Columns of CSV: a row is a tie; see docs/output.md."""


def write_copies(found: Copies, path: Path, **door: Any) -> int:
    """Write all ties as CSV or JSON, by the file's ending; return how many there are.

    `door` is as for `write_file`.
    """
    with write_file(path, _NOTED, **door) as stream:
        if path.suffix.lower() == ".json":
            stream.write(dump_json(found.to_dict(), indent=2).encode())
        else:
            stream.write(BOM.encode())
            stream.writelines(line.encode() for line in csv_lines(TIE_COLUMNS, _rows(found)))
    return sum(len(group.ties) for group in found.groups)


def _rows(found: Copies) -> Iterator[list[object]]:
    for group in found.groups:
        works = {work.point_id: work.payload for work in group.works}
        for tie in group.ties:
            facts = [works[end].get(fact) for end in tie.ends for fact in _FACTS]
            yield [group.number, *map(tie.to_dict().get, _OF_TIE), *facts]


def copies_sheet(found: Copies, max_side: int) -> Sheet:
    """Return each group with its pictures, and how each is tied to the others."""
    shown, remarks = _groups_that_fit(found.groups, lambda group: len(group.works))
    sections = [(_of_copies(group), _cards(group, max_side)) for group in shown]
    remarks = remarks if shown else ["No two pictures are tied."]
    heading = f"{counted(len(found.groups), 'group')} of copies"
    settings = describe_search(
        found.settings,
        [f"{counted(found.compared, 'work')} compared"],
        (work.payload for group in found.groups for work in group.works),
        found.notes,
    )
    return Sheet(heading, settings, (), sections, " ".join(remarks), columns=_COLUMNS)


def print_copies(found: Copies, limit: int, stream: TextIO) -> None:
    """Write the first groups as a table of the stream's width."""
    groups = found.groups[:limit]
    columns = {
        "number": Column("#", [str(group.number) for group in groups], right=True, style="dim"),
        "tie": Column("tie", [_kinds(group) for group in groups], 15),
        "works": Column("works", [str(len(group.works)) for group in groups], right=True),
        "evidence": Column("evidence", [_tie_text(group.ties[0]) for group in groups], 12, rank=1),
        "title": Column("title", [_said(group, "title") for group in groups], 12, rank=2),
        "artist": Column("artist", [_said(group, "artist") for group in groups], 10, rank=3),
        "id": Column("paintings", [_paintings(group.works) for group in groups], 24, "bold"),
    }
    print_columns(columns, stream)


def _of_copies(group: CopyGroup) -> str:
    parts = (str(group.number), _kinds(group), _artists(group.works, 2))
    return " · ".join(filter(None, parts))


def _kinds(group: CopyGroup) -> str:
    return ", ".join(dict.fromkeys(tie.kind for tie in group.ties))


def _said(group: CopyGroup, field: str) -> str:
    return next(filter(None, (field_text(work.payload, field) for work in group.works)), "")


def _cards(group: CopyGroup, max_side: int) -> list[Card]:
    cards = []
    for work in group.works:
        scores = next(_tie_text(tie) for tie in group.ties if work.point_id in tie.ends)
        parts = _parts(work, group)
        card = card_of(work.payload, max_side, is_hit=True, faces=parts, scores=scores)
        cards.append(_without_crops(card))
    return cards


def _parts(work: Listed, group: CopyGroup) -> list[tuple[Box, str]]:
    """Return where details of a work lie in it, as boxes in its pixels."""
    width, height = (float(work.payload.get(f"image_{side}") or 0) for side in ("width", "height"))
    boxes = []
    for tie in group.ties:
        if tie.kind == "detail of" and tie.second == work.point_id and width:
            across, down = zip(*tie.outline, strict=True)
            left, right = (min(max(x, 0.0), 1.0) * width for x in (min(across), max(across)))
            top, bottom = (min(max(y, 0.0), 1.0) * height for y in (min(down), max(down)))
            boxes.append((Box(left, top, right - left, bottom - top), ""))
    return boxes


def _tie_text(tie: Tie) -> str:
    """Return a tie in words, with its evidence: ``same photograph · SSIM 0.98``."""
    kind = f"{tie.kind}, mirrored" if tie.mirrored and tie.kind != "mirrored" else tie.kind
    points = [] if tie.inliers is None else [counted(tie.inliers, "point")]
    measures = [f"SSIM {tie.ssim:.2f}", f"cosine {tie.cosine:.2f}"]
    return " · ".join([kind, *points, *measures])


# What a film shows


def film_sheet(found: FilmAnswer, max_side: int) -> Sheet:
    """Return a section for each sighting: the film's frame, and what is seen in it."""
    shown = found.sightings[:MOST_SIGHTINGS]
    sections = [(_span(s.start, s.end), _seen_cards(found, s, max_side)) for s in shown]
    remark = "" if shown else "Nothing of this gallery is seen in it."
    if len(shown) < len(found.sightings):
        remark = f"The first {len(shown)} of {len(found.sightings)} are shown."
    settings = describe_search(
        {"gallery": found.source.gallery, "criteria": describe_criteria(found.criteria)},
        [f"{counted(found.looks, 'frame')} of {_exact_clock(found.duration)} searched by"],
        [sighting.hit.payload for sighting in shown],
        found.notes,
    )
    heading = f"What is seen in {clean(found.film.name, 120)}"
    return Sheet(heading, settings, (), sections, remark, columns=4)


def print_sightings(found: FilmAnswer, stream: TextIO) -> None:
    """Write what is seen when as a table of the stream's width."""
    seen = found.sightings
    payloads = [sighting.hit.payload for sighting in seen]
    columns = {
        "from": Column("from", [_exact_clock(s.start) for s in seen], right=True),
        "to": Column("to", [_exact_clock(s.end) for s in seen], right=True),
        "title": Column("title", [_seen_title(s) for s in seen], 14, "bold"),
        "artist": Column("artist", [field_text(p, "artist") for p in payloads], 12, rank=1),
        "date": Column("date", [date_text(p) for p in payloads], 9, rank=0),
        "there": Column("of it", [_span(s.film_start, s.film_end) for s in seen]),
        "points": Column("points", [_points(s) for s in seen], right=True, rank=3),
        "score": Column("score", [format_score(s.hit.score) for s in seen], right=True, rank=4),
        "verdict": Column("verdict", [verdict_text(s.hit.verdict) for s in seen], rank=2),
        "id": Column("id", [id_text(p) for p in payloads], 40),
    }
    print_columns(columns, stream)


def _seen_cards(found: FilmAnswer, sighting: Sighting, max_side: int) -> list[Card]:
    hit, points = sighting.hit, _points(sighting)
    name = f"{clean(found.film.name, 80)}, {_exact_clock(sighting.time)}"
    frame = frame_place(found.film, sighting.time)
    own = card_of({}, max_side, image=frame, faces=(), title=name, is_hit=True)
    link = f"{found.film.absolute().as_uri()}#t={sighting.start:.2f},{sighting.end:.2f}"
    said = (
        format_score(hit.score),
        verdict_text(hit.verdict),
        f"{points} points in common" if points else "",
        _span(sighting.film_start, sighting.film_end),
    )
    scores = " · ".join(filter(None, said))
    seen = card_of(hit.payload, max_side, faces=(), scores=scores, is_hit=True)
    return [replace(own, file=link), seen]


def _points(sighting: Sighting) -> str:
    evidence = sighting.hit.evidence
    return "" if evidence is None else str(evidence.inliers)


def _seen_title(sighting: Sighting) -> str:
    """Return the painting's title, or the name of the gallery's film."""
    if sighting.film_start is None:
        return title_text(sighting.hit.payload)
    return field_text(sighting.hit.payload, "title").rpartition(", ")[0]


def _span(start: float | None, end: float | None) -> str:
    """Return from when to when; "" of a painting, which is not in a film of the gallery."""
    if start is None or end is None:
        return ""
    return f"{_exact_clock(start)} to {_exact_clock(end)}"


def _exact_clock(seconds: float) -> str:
    """Return a time with its tenths, as ``1:23.4``."""
    whole, tenths = divmod(round(seconds * 10), 10)
    return f"{clock(whole)}.{tenths}"
