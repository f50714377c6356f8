"""What is seen in a film, as a table and as a sheet."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, TextIO

from rich.text import Text

from artsim.catalog.film_names import clock, frame_place
from artsim.catalog.progress import counted
from artsim.render.picture_cards import Card, Sheet, card_of
from artsim.render.table import Column, fit, fitted_table, make_console, print_table
from artsim.render.text import (
    clean,
    criteria_in_words,
    date_text,
    field_text,
    format_score,
    id_text,
    title_text,
    verdict_text,
)
from artsim.search.film_query import FilmAnswer, Sighting
from artsim.search.question import describe_criteria

MOST_SIGHTINGS: Final = 200
"""Most sightings on one sheet; the sheet says how many it leaves out."""


def exact_clock(seconds: float) -> str:
    """Return a time with its tenths, as ``1:23.4``."""
    whole, tenths = divmod(round(seconds * 10), 10)
    return f"{clock(whole)}.{tenths}"


def print_sightings(found: FilmAnswer, stream: TextIO) -> None:
    """Write what is seen when as a table of the stream's width."""
    seen = found.sightings
    payloads = [sighting.hit.payload for sighting in seen]
    columns = {
        "from": Column("from", [exact_clock(s.start) for s in seen], right=True),
        "to": Column("to", [exact_clock(s.end) for s in seen], right=True),
        "title": Column("title", [_title(s) for s in seen], 14, "bold"),
        "artist": Column("artist", [field_text(p, "artist") for p in payloads], 12, rank=1),
        "date": Column("date", [date_text(p) for p in payloads], 9, rank=0),
        "there": Column("of it", [_there(s) for s in seen]),
        "points": Column("points", [_points(s) for s in seen], right=True, rank=3),
        "score": Column("score", [format_score(s.hit.score) for s in seen], right=True, rank=4),
        "verdict": Column("verdict", [verdict_text(s.hit.verdict) for s in seen], rank=2),
        "id": Column("id", [_id(s) for s in seen], 40),
    }
    columns = {key: column for key, column in columns.items() if any(column.cells)}
    columns, widths = fit(columns, make_console(stream).width)
    table = fitted_table(columns, widths)
    for row in zip(*(column.cells for column in columns.values()), strict=True):
        table.add_row(*map(Text, row))
    print_table(table, stream)


def film_sheet(found: FilmAnswer, title: str, max_side: int) -> Sheet:
    """Return a section for each sighting: the film's frame, and what is seen in it."""
    shown = found.sightings[:MOST_SIGHTINGS]
    sections = [(_when(sighting), _cards(found, sighting, max_side)) for sighting in shown]
    remark = "" if shown else "Nothing of this gallery is seen in it."
    if len(shown) < len(found.sightings):
        remark = f"The first {len(shown)} of {len(found.sightings)} are shown."
    gallery = found.source.gallery
    payloads = [sighting.hit.payload for sighting in shown]
    settings = [
        f"gallery {clean(gallery)}" if gallery else "",
        f"{counted(found.looks, 'frame')} of {exact_clock(found.duration)} searched by",
        *criteria_in_words(describe_criteria(found.criteria), payloads),
        *found.notes,
    ]
    heading = title or f"What is seen in {clean(found.film.name, 120)}"
    return Sheet(heading, " · ".join(filter(None, settings)), (), sections, remark, columns=4)


def _cards(found: FilmAnswer, sighting: Sighting, max_side: int) -> list[Card]:
    frame = frame_place(found.film, sighting.time)
    part = f"#t={sighting.start:.2f},{sighting.end:.2f}"
    name = f"{clean(found.film.name, 80)}, {exact_clock(sighting.time)}"
    own = card_of({}, max_side, image=frame, faces=(), title=name, is_hit=True)
    points = f"{_points(sighting)} points in common" if _points(sighting) else ""
    said = (format_score(sighting.hit.score), verdict_text(sighting.hit.verdict), points)
    scores = " · ".join(filter(None, (*said, _there(sighting))))
    link = found.film.absolute().as_uri() + part
    return [
        replace(own, file=link),
        card_of(sighting.hit.payload, max_side, faces=(), scores=scores, is_hit=True),
    ]


def _points(sighting: Sighting) -> str:
    evidence = sighting.hit.evidence
    return "" if evidence is None else str(evidence.inliers)


def _when(sighting: Sighting) -> str:
    return f"{exact_clock(sighting.start)} to {exact_clock(sighting.end)}"


def _title(sighting: Sighting) -> str:
    """Return the painting's title, or the name of the gallery's film."""
    if sighting.film_start is None:
        return title_text(sighting.hit.payload)
    return str(field_text(sighting.hit.payload, "title")).rpartition(", ")[0]


def _there(sighting: Sighting) -> str:
    """Return from when to when it is in the gallery's film; "" where it is a painting."""
    if sighting.film_start is None or sighting.film_end is None:
        return ""
    return f"{exact_clock(sighting.film_start)} to {exact_clock(sighting.film_end)}"


def _id(sighting: Sighting) -> str:
    return id_text(sighting.hit.payload)
