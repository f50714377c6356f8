"""What a visitor keeps, as files: a table, JSON, BibTeX, a IIIF manifest, a sheet to print."""

from __future__ import annotations

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from artsim import __version__
from artsim.catalog.cells import csv_lines
from artsim.catalog.hits import SCHEMA
from artsim.catalog.kinds import PAINTINGS
from artsim.errors import PaintingNotFoundError
from artsim.render.exchange import Work, bibtex_of, manifest_of
from artsim.render.output import dump_json
from artsim.render.text import clean, date_text, field_text, title_text, web_link
from artsim.store.gallery import Gallery
from artsim.web.forms import SelectionForm, picture_id, shown

Form: TypeAlias = Literal["csv", "json", "bibtex", "iiif", "print"]

TYPES: Final = {
    "csv": "text/csv; charset=utf-8",
    "json": "application/json",
    "bibtex": "application/x-bibtex; charset=utf-8",
    "iiif": "application/ld+json",
}

ENDINGS: Final = {"csv": "csv", "json": "json", "bibtex": "bib", "iiif": "json"}


@dataclass(frozen=True, slots=True)
class Selection:
    """Works that were kept, in their order, as the gallery has them now.

    `address` is that of the server, without a slash at its end, `question` that of the question
    that was open, else "".
    """

    works: tuple[Work, ...]
    gallery: Gallery
    address: str
    question: str = ""

    @classmethod
    def of(cls, gallery: Gallery, asked: SelectionForm, address: str) -> Selection:
        """Return what a visitor keeps; PaintingNotFoundError where all of it is gone."""
        notes = {PAINTINGS.point_id(work.id): work.note for work in asked.works}
        found = gallery[PAINTINGS].retrieve(list(notes))
        works = [
            Work(
                shown(record.payload),
                note=notes[at],
                picture=_picture(f"{address}/iiif/3/{picture_id(gallery, at)}", record.payload),
            )
            for at, record in found.items()
        ]
        if not works:
            raise PaintingNotFoundError("the gallery has none of these works now")
        return cls(tuple(works), gallery, address, asked.question)

    @property
    def made_by(self) -> str:
        """What made a file, of which gallery, and when."""
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        return f"artsim {__version__}, {self.gallery.name or 'default gallery'}, {today}"

    def to_file(self, form: Form, title: str) -> str:
        """Return the content of a file of that form, called `title` where it has a heading."""
        if form == "csv":
            fields = list(PAINTINGS.fields)
            rows = ([work.note, *map(work.payload.get, fields)] for work in self.works)
            return "".join(csv_lines(["note", *fields], rows))
        if form == "bibtex":
            return bibtex_of(self.works, self.made_by)
        if form == "iiif":
            return manifest_of(self.works, title, self.made_by, own=f"{self.address}/iiif/kept")
        works = [{"note": work.note, "payload": work.payload} for work in self.works]
        own = {"made_by": self.made_by, "question": self.question or None}
        return dump_json({"schema": SCHEMA, **own, "works": works}, indent=2)

    def to_print(self) -> dict[str, Any]:
        """Return what the sheet to print shows of each work, in words."""
        works = [
            {
                "title": title_text(work.payload),
                "lines": _lines(work.payload),
                "note": clean(work.note, 5000),
                "picture": picture["id"].replace("/full/max/", "/full/!1000,1000/"),
                "link": web_link(work.payload.get("source_url", "")),
            }
            for work in self.works
            for picture in [work.picture or {"id": ""}]
        ]
        return {"works": works, "made_by": self.made_by, "question": self.question}


def _picture(service: str, payload: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return how this server shows a picture, where it is a file of this machine."""
    if web_link(payload.get("image_uri")):
        return None
    of_three = {"id": service, "type": "ImageService3", "profile": "level0"}
    place = f"{service}/full/max/0/default.jpg"
    return {"id": place, "type": "Image", "format": "image/jpeg", "service": [of_three]}


def _lines(payload: Mapping[str, Any]) -> list[str]:
    names = ("medium", "institution", "painting_id", "rights")
    lines = [field_text(payload, "artist"), date_text(payload)]
    return [line for line in (*lines, *(field_text(payload, n) for n in names)) if line]
