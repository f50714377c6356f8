"""What a visitor keeps, as files: a table, JSON, BibTeX, a IIIF manifest, a sheet to print."""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import Any, Final, Literal, TypeAlias

from artsim import __version__
from artsim.catalog.cells import csv_lines
from artsim.catalog.kinds import PAINTINGS
from artsim.errors import PaintingNotFoundError
from artsim.render.exchange import to_bibtex, to_iiif
from artsim.render.output import dump_json
from artsim.render.text import clean, date_text, field_text, title_text, web_link
from artsim.search.listing import Listed, Listing
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

    Their payloads have a field ``note``, where the visitor wrote one. `address` is that of the
    server, without a slash at its end, `question` that of the question that was open, else "".
    """

    works: Listing
    gallery: Gallery
    address: str
    question: str = ""

    @classmethod
    def of(cls, gallery: Gallery, asked: SelectionForm, address: str) -> Selection:
        """Return what a visitor keeps; PaintingNotFoundError where all of it is gone."""
        notes = {work.id: work.note for work in asked.works}
        points = {PAINTINGS.point_id(painting_id): painting_id for painting_id in notes}
        found = gallery[PAINTINGS].retrieve(list(points))
        works = [
            Listed(at, {**shown(record.payload), **({"note": note} if note else {})})
            for at, record in found.items()
            for note in [notes[points[at]]]
        ]
        if not works:
            raise PaintingNotFoundError("the gallery has none of these works now")
        settings = {"gallery": gallery.name}
        return cls(Listing(tuple(works), len(works), settings), gallery, address, asked.question)

    @property
    def made_by(self) -> str:
        """What made a file, of which gallery, and when."""
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        return f"artsim {__version__}, {self.gallery.name or 'default gallery'}, {today}"

    def picture_id(self, work: Listed) -> str:
        """Return what the picture of a work is called in addresses."""
        return picture_id(self.gallery, work.payload["painting_id"])

    def to_file(self, form: Form) -> str:
        """Return the content of a file of that form."""
        if form == "csv":
            fields = ["note", *PAINTINGS.fields]
            rows = (list(map(work.payload.get, fields)) for work in self.works.points)
            return "".join(csv_lines(fields, rows))
        if form == "json":
            own = {"made_by": self.made_by, "question": self.question or None}
            return dump_json({**self.works.to_dict(), **own}, indent=2)
        if form == "bibtex":
            return to_bibtex(self.works)
        services = {
            str(work.payload["painting_id"]): f"{self.address}/iiif/3/{self.picture_id(work)}"
            for work in self.works.points
            if not web_link(work.payload.get("image_uri"))
        }
        return to_iiif(self.works, base=f"{self.address}/iiif", services=services)

    def to_print(self) -> dict[str, Any]:
        """Return what the sheet to print shows of each work, in words."""
        works = [
            {
                "title": title_text(work.payload),
                "lines": self._lines(work),
                "note": clean(work.payload.get("note", ""), 5000),
                "picture": f"/iiif/3/{self.picture_id(work)}/full/!1000,1000/0/default.webp",
                "link": web_link(work.payload.get("source_url", "")),
            }
            for work in self.works.points
        ]
        return {"works": works, "made_by": self.made_by, "question": self.question}

    @staticmethod
    def _lines(work: Listed) -> list[str]:
        payload = work.payload
        names = ("medium", "institution", "painting_id", "rights")
        lines = [field_text(payload, "artist"), date_text(payload)]
        return [line for line in (*lines, *(field_text(payload, n) for n in names)) if line]
