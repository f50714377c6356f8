"""Answers and lists in the form that was asked for, on a stream or in a file.

For programs these are JSON, JSON Lines, CSV, paths, BibTeX and IIIF, all in UTF-8, and Excel. They
are documented in ``docs/output.md`` and are a public interface: within one
`artsim.catalog.hits.SCHEMA` fields are added, never renamed, removed or given another meaning.
"""

from __future__ import annotations

import io
import json
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal

from artsim.catalog.cells import BOM, csv_lines, payload_columns
from artsim.catalog.hits import Classification, Voter, plain_json
from artsim.errors import RenderError
from artsim.files import FileKind, local_path, write_file
from artsim.render.exchange import to_bibtex, to_iiif
from artsim.search.answer import Answer
from artsim.search.export import write_workbook
from artsim.search.listing import Listing

Form = Literal["table", "json", "jsonl", "csv", "xlsx", "paths", "bibtex", "iiif"]

ENDINGS: Final[Mapping[Form, tuple[str, ...]]] = {
    "table": (".txt",),
    "json": (".json",),
    "jsonl": (".jsonl", ".ndjson"),
    "csv": (".csv",),
    "xlsx": (".xlsx",),
    "paths": (".txt",),
    "bibtex": (".bib",),
    "iiif": (".json",),
}
"""Of the names of files, by form."""

ANSWER: Final = FileKind("file", RenderError, noted=True)

# Columns of hits that stand before those of the payload.
_OWN: Final = ("rank", "score", "rerank_score", "query_face", "group", "verdict", "percentile")


def write_form(
    answer: Answer | Listing, form: Form, stream: BinaryIO, *, null: bool = False
) -> None:
    """Write an answer or a list to `stream`, in UTF-8 whatever the locale; see docs/output.md.

    Columns of CSV depend only on whether it is of faces, those of a workbook also on the keys of
    ``extra`` that occur. With `null` each path ends with a NUL byte. `ExportError` is raised if a
    workbook is asked for and openpyxl is missing, or a sheet has fewer rows.
    """
    if form == "table":
        from artsim.render.table import print_hits, print_listing

        text = io.StringIO()
        if isinstance(answer, Answer):
            print_hits(answer, text)
        else:
            print_listing(answer, text)
        stream.write(text.getvalue().encode("utf-8", "replace"))
    elif form == "paths":
        stream.write(to_paths(answer, null=null))
    elif form == "xlsx":
        fields = answer.kind.fields
        columns = payload_columns(fields, (payload for _, payload in _rows(answer)))
        name, own = ("hits", _OWN) if isinstance(answer, Answer) else ("list", ())
        rows = ([*first, *columns.row(payload)] for first, payload in _rows(answer))
        write_workbook(stream, name, [*own, *columns.names], rows)
    else:
        stream.write(_TEXTS[form](answer).encode("utf-8", "replace"))


def write_form_file(
    answer: Answer | Listing, form: Form, path: Path, *, null: bool = False, **door: Any
) -> None:
    """Write an answer or a list to a file, whole or not at all; `door` is as for `write_file`.

    CSV begins with a byte order mark, by which spreadsheets know UTF-8; on a stream it does not.
    """
    with write_file(path, ANSWER, **door) as stream:
        if form == "csv":
            stream.write(BOM.encode())
        write_form(answer, form, stream, null=null)


def to_json(answer: Answer | Listing) -> str:
    """Return the whole answer as one JSON object, indented, with a final line feed."""
    return dump_json(answer.to_dict(), indent=2)


def to_jsonl(answer: Answer | Listing) -> str:
    """Return one JSON object a line for each hit or point, as in the list of `to_json`."""
    if isinstance(answer, Listing):
        return "".join(dump_json(point.to_dict()) for point in answer.points)
    return "".join(dump_json(hit.to_dict(rank, group)) for rank, hit, group in answer.ranked())


def to_csv(answer: Answer | Listing) -> str:
    """Return a header row and a row for each hit or point, after RFC 4180 with line feeds."""
    fields = list(answer.kind.fields)
    own = _OWN if isinstance(answer, Answer) else ()
    rows = ([*first, *map(payload.get, fields)] for first, payload in _rows(answer))
    return "".join(csv_lines([*own, *fields], rows))


def _rows(answer: Answer | Listing) -> Iterator[tuple[tuple[object, ...], Mapping[str, Any]]]:
    """Yield the values of `_OWN`, which a list has none of, and payloads."""
    if isinstance(answer, Listing):
        for point in answer.points:
            yield (), point.payload
        return
    for rank, hit, group in answer.ranked():
        said = hit.verdict
        meaning = (None, None) if said is None else (said.word, said.percentile)
        own = (rank, hit.score, hit.rerank_score, hit.query_face, group, *meaning)
        yield own, hit.payload


def to_paths(answer: Answer | Listing, *, null: bool = False) -> bytes:
    """Return the place of each picture, best first, each once; hits without one are left out.

    That is the local path, in the file system's own bytes, or the address of a picture that is
    elsewhere. Since a path may hold a line feed, `null` ends each with a NUL byte.
    """
    end = b"\0" if null else b"\n"
    places: dict[bytes, None] = {}
    for _, payload in _rows(answer):
        uri = payload.get("image_uri")
        if isinstance(uri, str):
            path = local_path(uri)
            places[uri.encode("utf-8", "replace") if path is None else os.fsencode(path)] = None
    return b"".join(place + end for place in places)


_TEXTS: Final[Mapping[Form, Callable[[Answer | Listing], str]]] = {
    "json": to_json,
    "jsonl": to_jsonl,
    "csv": to_csv,
    "bibtex": to_bibtex,
    "iiif": to_iiif,
}


def dump_json(value: object, *, indent: int | None = None) -> str:
    """Return `value` as `plain_json` with a final line feed."""
    text = json.dumps(plain_json(value), ensure_ascii=False, indent=indent, allow_nan=False)
    return text + "\n"


def classifications_document(
    found: Sequence[Classification], source: dict[str, Any]
) -> dict[str, Any]:
    """Return classifications as what JSON can hold; `source` says what answered."""
    pictures = [
        {
            "image": str(one.image),
            "field": one.field,
            "answer": one.answer,
            "threshold": one.threshold,
            "candidates": [asdict(candidate) for candidate in one.candidates],
            **({"voters": list(map(_voter, one.voters))} if one.voters else {}),
        }
        for one in found
    ]
    return {"schema": 1, **source, "pictures": pictures}


def _voter(voter: Voter) -> dict[str, Any]:
    return {
        "painting_id": voter.hit.painting_id,
        "score": voter.hit.score,
        **(voter.hit.verdict.to_dict() if voter.hit.verdict else {}),
        "weight": voter.weight,
        "labels": list(voter.labels),
        "payload": voter.hit.payload,
    }
