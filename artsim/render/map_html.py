"""A map as one self-contained, interactive HTML page.

The page asks for nothing from anywhere: data, pictures, style and script stand inside, and
its content security policy lets no other script run, whatever the metadata holds. Metadata
enters the page as JSON and from there as text, never as markup.
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import re
from collections.abc import Iterator, Sequence
from html import escape
from importlib import resources
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from artsim.catalog.collection_map import CollectionMap
from artsim.catalog.payload import Payload
from artsim.render.map_colors import CATEGORICAL, OTHER, SEQUENTIAL, UNKNOWN
from artsim.render.map_fields import CategoryField, ColorField
from artsim.render.map_thumbnails import Thumbnails
from artsim.render.map_words import describe_faithfulness, map_subtitle, map_title
from artsim.render.text import clean, date_text, field_text, id_text, picture_link

_SCRIPTS: Final = (
    "data.js",
    "camera.js",
    "places.js",
    "thumbnails.js",
    "state.js",
    "draw.js",
    "panel.js",
    "input.js",
    "main.js",
)
"""In the order in which they stand in the page, within one function."""

_LEVELS: Final = 65535
_SCORE_STEPS: Final = 10_000


def to_html(
    made: CollectionMap, fields: Sequence[ColorField], thumbnails: Thumbnails | None
) -> Iterator[str]:
    """Yield the text of the page, piece by piece, to be written in UTF-8.

    Parameters
    ----------
    made : CollectionMap
        What to show.
    fields : sequence of CategoryField or NumberField
        What can be colored by, the first one to begin with.
    thumbnails : Thumbnails or None
        None shows dots only.
    """
    style = _asset("page.css")
    script = '(() => {\n"use strict";\n' + "\n".join(map(_asset, _SCRIPTS)) + "})();\n"
    policy = (
        "default-src 'none'; img-src data: blob:; "
        f"style-src 'sha256-{_digest(style)}'; script-src 'sha256-{_digest(script)}'"
    )
    parts = {
        "POLICY": policy,
        "TITLE": escape(map_title(made)),
        "SUBTITLE": escape(map_subtitle(made)),
        "FAITHFULNESS": escape(describe_faithfulness(made.faithfulness)),
        "STYLE": style,
        "SCRIPT": script,
        "DATA": _json(page_data(made, fields, thumbnails)),
    }
    # Only the template's own marks are replaced: a title may well hold "%DATA%".
    for piece in re.split(r"(%[A-Z]+%)", _asset("page.html")):
        name = piece.strip("%")
        if piece == "%SHEETS%":
            yield from _sheets(thumbnails)
        else:
            yield parts[name] if piece == f"%{name}%" else piece


def page_data(
    made: CollectionMap, fields: Sequence[ColorField], thumbnails: Thumbnails | None
) -> dict[str, Any]:
    """Return what the page's script reads, ready for JSON.

    Numbers of which every point has one are little-endian arrays in base64: places as
    uint16 in 65,535ths, cosines as int16 in 10,000ths.
    """
    payloads = made.payloads
    return {
        "columns": int(made.cells[:, 0].max()) + 1,
        "rows": int(made.cells[:, 1].max()) + 1,
        "x": _packed(np.rint(made.positions[:, 0] * _LEVELS), "<u2"),
        "y": _packed(np.rint(made.positions[:, 1] * _LEVELS), "<u2"),
        "column": _packed(made.cells[:, 0], "<u2"),
        "row": _packed(made.cells[:, 1], "<u2"),
        "neighbors": _packed(made.neighbors, "<i4"),
        "scores": _packed(np.rint(made.scores * _SCORE_STEPS), "<i2"),
        "id": [id_text(payload) for payload in payloads],
        "name": [_name(payload) for payload in payloads],
        "artist": [field_text(payload, "artist") for payload in payloads],
        "date": [date_text(payload) for payload in payloads],
        "link": [_link(payload) for payload in payloads],
        "pictures": _pictures(payloads),
        "fields": [_field(field) for field in fields],
        "palette": CATEGORICAL,
        "scale": SEQUENTIAL,
        "other": OTHER,
        "unknown": UNKNOWN,
        "thumbnails": None
        if thumbnails is None
        else {
            "side": thumbnails.side,
            "sizes": _packed(thumbnails.sizes, "<u2"),
            "sheets": [[sheet.column, sheet.row] for sheet in thumbnails.sheets],
        },
    }


def _sheets(thumbnails: Thumbnails | None) -> Iterator[str]:
    # Outside of the JSON, so that a sheet is read only when its pictures are looked at.
    for number, sheet in enumerate(() if thumbnails is None else thumbnails.sheets):
        yield f'<script type="text/plain" id="sheet-{number}">{sheet.webp}</script>\n'


def _name(payload: Payload) -> str:
    return field_text(payload, "title") or clean(payload["painting_id"])


def _link(payload: Payload) -> str:
    link = str(payload.get("source_url", ""))
    return clean(link, 2000) if link.lower().startswith(("https://", "http://")) else ""


def _pictures(payloads: Sequence[Payload]) -> dict[str, Any]:
    """Return the addresses of the pictures' files, what they begin with alike said once."""
    links = [picture_link(payload) for payload in payloads]
    base = os.path.commonprefix([link for link in links if link])  # noqa: RUF071 - of any text
    return {"base": base, "rest": [link[len(base) :] if link else None for link in links]}


def _field(field: ColorField) -> dict[str, Any]:
    if isinstance(field, CategoryField):
        return {
            "kind": "category",
            "name": clean(field.name, 100),
            "label": field.label,
            "values": field.values,
            "codes": _packed(np.array(field.codes), "<i2"),
        }
    return {
        "kind": "number",
        "name": clean(field.name, 100),
        "label": field.label,
        "values": [
            None if value is None else int(value) if value.is_integer() else value
            for value in field.values
        ],
        "low": field.low,
        "high": field.high,
    }


def _packed(numbers: npt.NDArray[Any], dtype: str) -> str:
    return base64.b64encode(np.ascontiguousarray(numbers).astype(dtype).tobytes()).decode("ascii")


def _json(value: object) -> str:
    # With "<" escaped nothing in the data can end its element or begin a comment.
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.replace("<", "\\u003c")


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode("ascii")


def _asset(name: str) -> str:
    return resources.files("artsim.render").joinpath("map_page", name).read_text(encoding="utf-8")
