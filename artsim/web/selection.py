"""What a visitor keeps, as files: a table, JSON, BibTeX, a IIIF manifest, a sheet to print."""

from __future__ import annotations

import datetime
from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Final, Literal

from fastapi import APIRouter, Form, Request
from pydantic import ValidationError
from starlette.responses import HTMLResponse, Response

from artsim import __version__
from artsim.catalog.cells import csv_lines
from artsim.catalog.hits import SCHEMA
from artsim.catalog.kinds import PAINTINGS
from artsim.errors import PaintingNotFoundError, QueryError
from artsim.render.exchange import Work, bibtex_of, manifest_of
from artsim.render.output import dump_json
from artsim.render.text import clean, date_text, field_text, title_text, web_link
from artsim.store.gallery import Gallery
from artsim.web.forms import PROBLEMS, SelectionForm, picture_id, shown, told
from artsim.web.page import language_of, render_page, texts
from artsim.web.sharing import GalleryGiven

_FILES: Final = {
    "csv": ("csv", "text/csv; charset=utf-8"),
    "json": ("json", "application/json"),
    "bibtex": ("bib", "application/x-bibtex; charset=utf-8"),
    "iiif": ("json", "application/ld+json"),
}
"""Ending and type of what is no sheet to print."""

router = APIRouter(prefix="/api/v1", tags=["paintings"], responses=PROBLEMS)


@router.post("/selection", response_class=Response)
def selection(
    request: Request,
    gallery: GalleryGiven,
    form: Annotated[Literal["csv", "json", "bibtex", "iiif", "print"], Form()],
    selection: Annotated[str, Form(max_length=4_000_000, description="A SelectionForm.")],
) -> Any:
    """Write kept works as CSV, JSON, BibTeX, a IIIF manifest, or a sheet to print."""
    try:
        asked = SelectionForm.model_validate_json(selection)
    except ValidationError as exc:
        raise QueryError(f"selection.{told(exc.errors())}") from exc
    address, language = str(request.base_url).rstrip("/"), language_of(request)
    works = _kept(gallery, asked, address)
    today = datetime.datetime.now(datetime.UTC).date().isoformat()
    made_by = f"artsim {__version__}, {gallery.name or 'default gallery'}, {today}"
    if form == "print":
        shown_works = [_on_sheet(work) for work in works]
        sheet = {"works": shown_works, "made_by": made_by, "question": asked.question}
        return HTMLResponse(render_page("kept.html", language, sheet=sheet))
    if form == "csv":
        fields = list(PAINTINGS.fields)
        rows = ([work.note, *map(work.payload.get, fields)] for work in works)
        content = "".join(csv_lines(["note", *fields], rows))
    elif form == "bibtex":
        content = bibtex_of(works, made_by)
    elif form == "iiif":
        title, own = texts()[language]["kept_title"], f"{address}/iiif/kept"
        content = manifest_of(works, title, made_by, own=own)
    else:
        said = [{"note": work.note, "payload": work.payload} for work in works]
        about = {"schema": SCHEMA, "made_by": made_by, "question": asked.question or None}
        content = dump_json({**about, "works": said}, indent=2)
    ending, kind = _FILES[form]
    headers = {"content-disposition": f'attachment; filename="artsim-{form}.{ending}"'}
    return Response(content, media_type=kind, headers=headers)


def _kept(gallery: Gallery, asked: SelectionForm, address: str) -> Sequence[Work]:
    """Return the works in their order, as the gallery has them now; an error where all are gone."""
    notes = {PAINTINGS.point_id(work.id): work.note for work in asked.works}
    found = gallery[PAINTINGS].retrieve(list(notes))
    if not found:
        raise PaintingNotFoundError("the gallery has none of these works now")
    return [
        Work(
            shown(record.payload),
            note=notes[at],
            picture=_picture(f"{address}/iiif/3/{picture_id(gallery, at)}", record.payload),
        )
        for at, record in found.items()
    ]


def _picture(service: str, payload: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return how this server shows a picture, where it is a file of this machine."""
    if web_link(payload.get("image_uri")):
        return None
    of_three = {"id": service, "type": "ImageService3", "profile": "level0"}
    place = f"{service}/full/max/0/default.jpg"
    return {"id": place, "type": "Image", "format": "image/jpeg", "service": [of_three]}


def _on_sheet(work: Work) -> dict[str, Any]:
    """Return what the sheet to print shows of a work, in words."""
    payload, picture = work.payload, work.picture or {"id": ""}
    more = (
        field_text(payload, name) for name in ("medium", "institution", "painting_id", "rights")
    )
    lines = [field_text(payload, "artist"), date_text(payload), *more]
    return {
        "title": title_text(payload),
        "lines": [line for line in lines if line],
        "note": clean(work.note, 5000),
        "picture": picture["id"].replace("/full/max/", "/full/!1000,1000/"),
        "link": web_link(payload.get("source_url", "")),
    }
