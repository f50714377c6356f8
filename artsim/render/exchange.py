"""Works for other programs: BibTeX, by which they are cited, and IIIF, in which they are viewed."""

from __future__ import annotations

import json
import mimetypes
import re
import unicodedata
import uuid
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from artsim.catalog.hits import Hit
from artsim.catalog.payload import NAMESPACE, field_value
from artsim.catalog.progress import counted
from artsim.files import GENERATOR
from artsim.render.text import (
    LATEX,
    clean,
    date_text,
    describe_list_settings,
    describe_listing,
    describe_query,
    describe_settings,
    field_text,
    format_score,
    id_text,
    title_text,
    untaken,
    verdict_text,
    web_link,
)
from artsim.search.answer import Answer
from artsim.search.listing import Listing

BASE: Final = "https://artsim.invalid/iiif"
"""Ids of a manifest have to begin so; this host, after RFC 6761, is nobody's and never will be."""

# Keys of `extra`: what a museum wants to be said beside a picture, its own number of the work, and
# addresses, of a picture that is also a file here, and of an image service of IIIF.
CREDITS: Final = ("rights_note", "credit_line", "credit")
NUMBERS: Final = ("object_number", "accession_number", "inventory_number")
IMAGES: Final = ("image_url", "primaryImage")
SERVICES: Final = ("iiif_image", "iiifurl")

_LONGEST_NOTE: Final = 5000

# Not \{ and \}: BibTeX counts braces, whatever stands before them.
_LATEX: Final = LATEX | {ord("{"): r"\textbraceleft{}", ord("}"): r"\textbraceright{}"}
_UNSAFE_KEY: Final = re.compile(r"[^A-Za-z0-9_.:+/-]+")
_CC0: Final = re.compile(r"\bCC[ -]?0\b|\bCC Zero\b", re.IGNORECASE)
_TERMS: Final = re.compile(
    r"https?://((?:creativecommons\.org/(?:licenses|publicdomain)|rightsstatements\.org/vocab)"
    r"/[A-Za-z0-9./-]+)"
)


@dataclass(frozen=True, slots=True)
class Work:
    """A work of an answer, a list or a selection.

    Beside its payload something is `said` of it, by what that is called, and somebody may have made
    a `note`. The `picture` is a body of IIIF; None is what the payload says of public addresses.
    """

    payload: Mapping[str, Any]
    said: Mapping[str, str] = field(default_factory=dict)
    note: str = ""
    picture: Mapping[str, Any] | None = None


def to_bibtex(answer: Answer | Listing) -> str:
    """Return an entry for each work, best first, as `bibtex_of` writes them."""
    return bibtex_of(_works(answer), " · ".join(filter(None, _described(answer))))


def bibtex_of(works: Iterable[Work], heading: str) -> str:
    """Return an entry ``@artwork`` for each work, in UTF-8 for biblatex and BibTeX.

    That is biblatex's type for works of the visual arts [1]_; standard styles set it, as classic
    BibTeX does what it does not know, like ``@misc``. Artists and titles stand in two pairs of
    braces, so that nothing in them is taken for several names, or set in lower case.

    References
    ----------
    .. [1] Kime, Wemheuer & Lehman. The biblatex package, section 2.1.3.
    """
    # What stands between entries is a comment, but for an @.
    lines = [f"% {GENERATOR}: {clean(heading, 1000)}".replace("@", "(at)"), ""]
    taken: set[str] = set()
    for work in works:
        lines += [f"@artwork{{{_key(work.payload, taken)},"]
        lines += [f"  {name} = {{{value}}}," for name, value in _fields(work).items() if value]
        lines += ["}", ""]
    return "\n".join(lines)


def _key(payload: Mapping[str, Any], taken: set[str]) -> str:
    plain = unicodedata.normalize("NFKD", id_text(payload)).encode("ascii", "ignore").decode()
    # BibTeX tells keys apart without regard to case.
    return untaken(_UNSAFE_KEY.sub("-", plain).strip("-") or "work", taken)


def _fields(work: Work) -> dict[str, str]:
    """Return the fields of an entry; "" are those that are unknown."""
    payload = work.payload

    def text(name: str) -> str:
        return field_text(payload, name).translate(_LATEX)

    start, end = payload.get("year_start"), payload.get("year_end")
    year, date = str(start) if start is not None and start == end and start > 0 else "", ""
    if not year and start is not None and end is not None:
        date = "/".join(dict.fromkeys([_edtf(start), _edtf(end)]))
    dated = "" if date_text(payload) == str(start) else date_text(payload)
    notes = filter(None, [dated, _extra(payload, NUMBERS), _extra(payload, CREDITS)])
    return {
        "author": text("artist") and f"{{{text('artist')}}}",
        "title": f"{{{title_text(payload).translate(_LATEX)}}}",
        "year": year,
        "date": date,
        "howpublished": ", ".join(filter(None, [text("medium"), _size_text(payload)])),
        "organization": text("institution"),
        "note": ". ".join(notes).translate(_LATEX),
        "rights": text("rights"),
        "url": web_link(payload.get("source_url", "")),
        "annotation": clean(work.note, _LONGEST_NOTE).translate(_LATEX),
    }


def _edtf(year: int) -> str:
    """Return a year as biblatex's dates have it: of four digits, negative before year 0."""
    return f"{year:05d}" if year < 0 else f"{year:04d}"


def _size_text(payload: Mapping[str, Any]) -> str:
    height, width = payload.get("height_cm"), payload.get("width_cm")
    return f"{height:g} x {width:g} cm" if height and width else ""


def _extra(payload: Mapping[str, Any], keys: Sequence[str]) -> str:
    """Return the first of these that is known."""
    found = (field_value(payload, f"extra.{key}") for key in keys)
    return clean(next((value for value in found if value), ""))


def to_iiif(answer: Answer | Listing, *, base: str = BASE) -> str:
    """Return a manifest with a canvas for each work, best first, as `manifest_of` writes it.

    `base` is the address under which its ids are.
    """
    works = list(_works(answer))
    heading, settings = _described(answer)
    ids = json.dumps([heading, settings, *(id_text(work.payload) for work in works)])
    hidden = sum(_image(work) is None for work in works)
    summary = [settings, f"no public address: {counted(hidden, 'picture')}" if hidden else ""]
    own = f"{base}/{uuid.uuid5(NAMESPACE, ids)}"
    return manifest_of(works, heading, " · ".join(filter(None, summary)), own=own)


def manifest_of(works: Iterable[Work], label: str, summary: str, *, own: str) -> str:
    """Return a manifest of IIIF Presentation 3 [1]_ with a canvas for each work.

    A canvas has a picture where that has a public address: the work's ``image_uri`` on the web, or
    what ``extra`` has under `IMAGES` or `SERVICES`. Files of this machine are never named. `own`
    is the address under which the ids of this very manifest are.

    References
    ----------
    .. [1] IIIF Presentation API 3.0, https://iiif.io/api/presentation/3.0/
    """
    manifest = {
        "@context": "http://iiif.io/api/presentation/3/context.json",
        "id": f"{own}/manifest.json",
        "type": "Manifest",
        "label": {"none": [label]},
        "summary": {"none": [_not_markup(summary or GENERATOR)]},
        "items": [_canvas(f"{own}/{n}", work) for n, work in enumerate(works, start=1)],
    }
    return json.dumps(manifest, ensure_ascii=False, indent=2) + "\n"


def _canvas(own: str, work: Work) -> dict[str, Any]:
    payload, said, dated = work.payload, work.said, date_text(work.payload)
    named = ", ".join(filter(None, (field_text(payload, "artist"), title_text(payload))))
    width, height = (payload.get(f"image_{side}") for side in ("width", "height"))
    rank = f"{said['Rank']}. " if "Rank" in said else ""
    canvas: dict[str, Any] = {
        "id": own,
        "type": "Canvas",
        "label": {"none": [f"{rank}{named}{f' ({dated})' if dated else ''}"]},
        "width": width or 1000,
        "height": height or 1000,
        "metadata": [
            {"label": {"en": [name]}, "value": {"none": [_not_markup(fact)]}}
            for name, fact in _facts(work).items()
            if fact
        ],
    }
    rights = field_text(payload, "rights")
    if statement := ". ".join(filter(None, (_extra(payload, CREDITS), rights))):
        value = {"none": [_not_markup(statement)]}
        canvas["requiredStatement"] = {"label": {"en": ["Rights"]}, "value": value}
    if terms := _terms(rights):
        canvas["rights"] = terms
    if link := web_link(payload.get("source_url", "")):
        label = {"none": [field_text(payload, "institution") or urlsplit(link).hostname or link]}
        canvas["homepage"] = [{"id": link, "type": "Text", "label": label, "format": "text/html"}]
    canvas["items"] = []
    if image := _image(work):
        annotation = {
            "id": f"{own}/painting",
            "type": "Annotation",
            "motivation": "painting",
            "body": image,
            "target": own,
        }
        page = {"id": f"{own}/page", "type": "AnnotationPage", "items": [annotation]}
        canvas["items"].append(page)
    return canvas


def _facts(work: Work) -> dict[str, str]:
    payload = work.payload
    return {
        "Artist": field_text(payload, "artist"),
        "Date": date_text(payload),
        "Medium": field_text(payload, "medium"),
        "Dimensions": _size_text(payload),
        "Institution": field_text(payload, "institution"),
        "Number": _extra(payload, NUMBERS),
        "Id": id_text(payload),
        **work.said,
        "Note": clean(work.note, _LONGEST_NOTE),
    }


def _not_markup(text: str) -> str:
    """Return a text so that viewers do not take it for HTML, which begins and ends like this."""
    return f"{text} " if text.startswith("<") and text.endswith(">") else text


def _image(work: Work) -> Mapping[str, Any] | None:
    """Return the body that shows a work's picture, None where no public address is known."""
    if work.picture is not None:
        return work.picture
    payload = work.payload
    for key in SERVICES:
        if service := web_link(field_value(payload, f"extra.{key}")).rstrip("/"):
            of_two = {"@id": service, "@type": "ImageService2", "profile": "level1"}
            place = f"{service}/full/max/0/default.jpg"
            return {"id": place, "type": "Image", "format": "image/jpeg", "service": [of_two]}
    places = [payload.get("image_uri"), *(field_value(payload, f"extra.{key}") for key in IMAGES)]
    for place in filter(None, map(web_link, places)):
        guessed, _ = mimetypes.guess_type(urlsplit(place).path)
        is_image = (guessed or "").startswith("image/")
        return {"id": place, "type": "Image", "format": guessed if is_image else "image/jpeg"}
    return None


def _terms(rights: str) -> str:
    """Return the address of a licence or statement that IIIF knows; "" where none is named."""
    if found := _TERMS.search(rights):
        return f"http://{found[1]}"
    return "http://creativecommons.org/publicdomain/zero/1.0/" if _CC0.search(rights) else ""


def _described(answer: Answer | Listing) -> tuple[str, str]:
    if isinstance(answer, Listing):
        return describe_listing(answer), describe_list_settings(answer)
    return describe_query(answer), describe_settings(answer)


def _works(answer: Answer | Listing) -> Iterator[Work]:
    """Yield each work once, with what the answer says of it."""
    seen: set[str] = set()
    if isinstance(answer, Listing):
        found = (Work(point.payload) for point in answer.points)
    else:
        found = (
            Work(hit.payload, {"Rank": str(rank), **_scores(answer, hit)})
            for rank, hit, _ in answer.ranked()
        )
    for work in found:
        painting_id = str(work.payload.get("painting_id"))
        if painting_id not in seen:
            seen.add(painting_id)
            yield work


def _scores(answer: Answer, hit: Hit) -> dict[str, str]:
    reranked = {} if hit.rerank_score is None else {answer.rerank_name: hit.rerank_score}
    scores = {answer.score_name: hit.score, **reranked}
    shown = {name.capitalize(): format_score(score) for name, score in scores.items()}
    return {**shown, "Verdict": verdict_text(hit.verdict)}
