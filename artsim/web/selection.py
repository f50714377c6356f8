"""What a visitor keeps, as files: a table, JSON, BibTeX, a IIIF manifest, a sheet to print."""

from __future__ import annotations

import datetime
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from artsim import __version__
from artsim.catalog.cells import csv_lines
from artsim.catalog.hits import SCHEMA
from artsim.catalog.kinds import PAINTINGS
from artsim.render.output import dump_json
from artsim.render.text import clean, date_text, field_text, title_text, web_link


@dataclass(frozen=True, slots=True)
class Kept:
    """A work that was kept: what its picture is called in addresses, and the visitor's note."""

    painting_id: str
    picture_id: str
    note: str
    payload: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Selection:
    """Works that were kept, in their order.

    Attributes
    ----------
    address : str
        Of the server, without a slash at its end.
    question : str
        Address of the question that was open, else "".
    """

    works: Sequence[Kept]
    gallery: str | None
    address: str
    question: str = ""

    @property
    def made_by(self) -> str:
        """What made the file, and when."""
        today = datetime.datetime.now(datetime.UTC).date().isoformat()
        return f"artsim {__version__}, {self.gallery or 'default gallery'}, {today}"


def to_csv(selection: Selection) -> str:
    """Return a row for each work: the fields of its payload, and the note before them."""
    fields = list(PAINTINGS.fields)
    rows = ([work.note, *map(work.payload.get, fields)] for work in selection.works)
    return "".join(csv_lines(["note", *fields], rows))


def to_json(selection: Selection) -> str:
    """Return the selection as one object, with what it was made by."""
    works = [
        {"painting_id": work.painting_id, "note": work.note, "payload": work.payload}
        for work in selection.works
    ]
    document = {
        "schema": SCHEMA,
        "made_by": selection.made_by,
        "gallery": selection.gallery,
        "question": selection.question or None,
        "works": works,
    }
    return dump_json(document, indent=2)


_LATEX: Final = {
    "\\": r"\textbackslash{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    **{char: f"\\{char}" for char in "&%$#_{}"},
}


def _latex(text: str) -> str:
    return "".join(_LATEX.get(char, char) for char in text)


def to_bibtex(selection: Selection) -> str:
    """Return an entry ``@artwork`` of biblatex for each work; keys are the ids, as far as they go.

    Dates are as the museum words them where they are no year, which biblatex could not read.
    """
    entries, taken = [], set[str]()
    for work in selection.works:
        stem = re.sub(r"[^A-Za-z0-9:.+/-]+", "-", work.painting_id).strip("-") or "work"
        key = next(k for n in range(len(taken) + 1) if (k := stem + f"-{n}" * bool(n)) not in taken)
        taken.add(key)
        entries.append(_bibtex_entry(key, work))
    return "\n".join(entries)


def _bibtex_entry(key: str, work: Kept) -> str:
    payload, date = work.payload, date_text(work.payload)
    size = [payload.get(name) for name in ("height_cm", "width_cm")]
    fields = {
        "author": f"{{{_latex(field_text(payload, 'artist'))}}}" if payload.get("artist") else "",
        "title": f"{{{_latex(title_text(payload))}}}",
        "date" if re.fullmatch(r"\d{4}", date) else "year": _latex(date),
        "type": _latex(field_text(payload, "medium")),
        "howpublished": f"{size[0]:g} × {size[1]:g} cm" if all(size) else "",  # noqa: RUF001
        "institution": _latex(field_text(payload, "institution")),
        "note": _latex(clean(work.note)),
        "addendum": _latex(field_text(payload, "rights")),
        "url": web_link(payload.get("source_url", "")),
    }
    lines = [f"  {name} = {{{value}}}," for name, value in fields.items() if value]
    return "\n".join([f"@artwork{{{key},", *lines, "}", ""])


def to_manifest(selection: Selection, label: str) -> str:
    """Return a manifest of the IIIF Presentation API 3 with a canvas for each work.

    Its pictures are those of this server; a viewer of another site can read them only where that
    is allowed to.
    """
    base = selection.address
    return dump_json(
        {
            "@context": "http://iiif.io/api/presentation/3/context.json",
            "id": f"{base}/iiif/selection",
            "type": "Manifest",
            "label": {"none": [label]},
            "summary": {"none": [selection.made_by]},
            "items": [_canvas(work, base) for work in selection.works],
        },
        indent=2,
    )


def _canvas(work: Kept, base: str) -> dict[str, Any]:
    payload, service = work.payload, f"{base}/iiif/3/{work.picture_id}"
    width, height = (int(payload.get(f"image_{of}") or 1000) for of in ("width", "height"))
    canvas, size = f"{service}/canvas", {"width": width, "height": height}
    body = {
        "id": f"{service}/full/max/0/default.jpg",
        "type": "Image",
        "format": "image/jpeg",
        **size,
        "service": [{"id": service, "type": "ImageService3", "profile": "level0"}],
    }
    said = {
        "Artist": field_text(payload, "artist"),
        "Date": date_text(payload),
        "Medium": field_text(payload, "medium"),
        "Museum": field_text(payload, "institution"),
        "Id": work.painting_id,
        "Note": clean(work.note, 2000),
    }
    link, rights = web_link(payload.get("source_url", "")), field_text(payload, "rights")
    statement = {"label": {"en": ["Rights"]}, "value": {"none": [rights]}}
    return {
        "id": canvas,
        "type": "Canvas",
        "label": {"none": [title_text(payload)]},
        **size,
        "metadata": [
            {"label": {"en": [name]}, "value": {"none": [text]}}
            for name, text in said.items()
            if text
        ],
        **({"requiredStatement": statement} if rights else {}),
        **({"homepage": [_homepage(link, payload)]} if link else {}),
        "items": [
            {
                "id": f"{canvas}/page",
                "type": "AnnotationPage",
                "items": [
                    {
                        "id": f"{canvas}/page/picture",
                        "type": "Annotation",
                        "motivation": "painting",
                        "target": canvas,
                        "body": body,
                    }
                ],
            }
        ],
    }


def _homepage(link: str, payload: Mapping[str, Any]) -> dict[str, Any]:
    label = {"none": [title_text(payload)]}
    return {"id": link, "type": "Text", "label": label, "format": "text/html"}


def to_print(selection: Selection) -> dict[str, Any]:
    """Return what the sheet to print shows of each work, in words."""
    works = [
        {
            "title": title_text(work.payload),
            "lines": [
                line
                for line in (
                    field_text(work.payload, "artist"),
                    date_text(work.payload),
                    field_text(work.payload, "medium"),
                    field_text(work.payload, "institution"),
                    work.painting_id,
                    field_text(work.payload, "rights"),
                )
                if line
            ],
            "note": clean(work.note, 5000),
            "picture": f"/iiif/3/{work.picture_id}/full/!1000,1000/0/default.webp",
            "link": web_link(work.payload.get("source_url", "")),
        }
        for work in selection.works
    ]
    return {"works": works, "made_by": selection.made_by, "question": selection.question}
