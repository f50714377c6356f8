"""Copies in groups: as a sheet, a table, CSV and JSON."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, Final, TextIO

from rich.text import Text

from artsim.catalog.cells import BOM, csv_lines
from artsim.catalog.kinds import Box
from artsim.catalog.progress import counted
from artsim.errors import RenderError
from artsim.files import FileKind, write_file
from artsim.render.output import dump_json
from artsim.render.picture_cards import Card, Sheet, card_of, groups_that_fit
from artsim.render.table import Column, fit, fitted_table, make_console, print_table
from artsim.render.text import clean, criteria_in_words, field_text
from artsim.search.copy_groups import Copies, CopyGroup, Tie
from artsim.search.listing import Listed

COPIES: Final = FileKind("file", RenderError, (".csv", ".json", ".html", ".htm", ".png"))
_NOTED: Final = FileKind("file", RenderError, (".csv", ".json"), noted=True)

_COLUMNS: Final = 6
_NAMED: Final = 6

_COLUMNS_OF_TIE: Final = (
    *("kind", "checked", "cosine", "ssim", "mirrored"),
    *("inliers", "shown", "outline"),
)
_FACTS: Final = ("painting_id", "title", "artist", "date_text", "institution", "image_uri")

TIE_COLUMNS: Final = (
    "group",
    *_COLUMNS_OF_TIE,
    *(f"{side}_{fact}" for side in ("first", "second") for fact in _FACTS),
)
"""Columns of CSV: a row is a tie; see docs/output.md."""


def write_copies(found: Copies, path: Path, **door: Any) -> int:
    """Write all ties as CSV or JSON, by the file's ending; return how many there are.

    `door` is as for `write_file`.
    """
    count = sum(len(group.ties) for group in found.groups)
    with write_file(path, _NOTED, **door) as stream:
        if path.suffix.lower() == ".json":
            stream.write(dump_json(found.to_dict(), indent=2).encode())
        else:
            stream.write(BOM.encode())
            stream.writelines(line.encode() for line in csv_lines(TIE_COLUMNS, _rows(found)))
    return count


def _rows(found: Copies) -> Iterator[list[object]]:
    for group in found.groups:
        works = {work.point_id: work.payload for work in group.works}
        for tie in group.ties:
            said = tie.to_dict()
            ends = (works[tie.first], works[tie.second])
            facts = [payload.get(fact) for payload in ends for fact in _FACTS]
            yield [group.number, *map(said.get, _COLUMNS_OF_TIE), *facts]


def copies_sheet(found: Copies, title: str, max_side: int) -> Sheet:
    """Return each group with its pictures, and how each is tied to the others."""
    shown, remarks = groups_that_fit(found.groups, lambda group: len(group.works))
    sections = [(_heading(group), _cards(group, max_side)) for group in shown]
    remarks = remarks if shown else ["No two pictures are tied."]
    heading = title or f"{counted(len(found.groups), 'group')} of copies"
    return Sheet(heading, _settings(found), (), sections, " ".join(remarks), columns=_COLUMNS)


def _settings(found: Copies) -> str:
    gallery = found.settings.get("gallery")
    parts = [
        f"gallery {clean(gallery)}" if gallery else "",
        f"encoder {clean(found.settings.get('encoder'))}",
        f"{counted(found.compared, 'work')} compared",
        *criteria_in_words(
            found.settings.get("criteria"), (w.payload for g in found.groups for w in g.works)
        ),
        *found.notes,
    ]
    return " · ".join(part for part in parts if part)


def _heading(group: CopyGroup) -> str:
    artists = dict.fromkeys(field_text(work.payload, "artist") for work in group.works)
    known = [name for name in artists if name]
    more = f" and {len(known) - 2} more" if len(known) > 2 else ""
    return " · ".join(filter(None, (str(group.number), _kinds(group), ", ".join(known[:2]) + more)))


def _kinds(group: CopyGroup) -> str:
    return ", ".join(dict.fromkeys(tie.kind for tie in group.ties))


def _cards(group: CopyGroup, max_side: int) -> list[Card]:
    cards = []
    for work in group.works:
        own = next(tie for tie in group.ties if work.point_id in tie.ends)
        caption: dict[str, Any] = {"faces": _parts(work, group), "scores": tie_text(own)}
        card = card_of(work.payload, max_side, is_hit=True, **caption)
        outlines = tuple(replace(of, only_outlined=True) for of in card.outlines)
        cards.append(replace(card, outlines=outlines))
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


def tie_text(tie: Tie) -> str:
    """Return a tie in words, with its evidence: ``same photograph · SSIM 0.98``."""
    kind = f"{tie.kind}, mirrored" if tie.mirrored and tie.kind != "mirrored" else tie.kind
    points = [] if tie.inliers is None else [counted(tie.inliers, "point")]
    measures = [f"SSIM {tie.ssim:.2f}", f"cosine {tie.cosine:.2f}"]
    return " · ".join([kind, *points, *measures])


def print_copies(found: Copies, limit: int, stream: TextIO) -> None:
    """Write the first groups as a table of the stream's width."""
    groups = found.groups[:limit]
    columns = {
        "number": Column("#", [str(group.number) for group in groups], right=True, style="dim"),
        "tie": Column("tie", [_kinds(group) for group in groups], 15),
        "works": Column("works", [str(len(group.works)) for group in groups], right=True),
        "evidence": Column("evidence", [tie_text(group.ties[0]) for group in groups], 12, rank=1),
        "title": Column("title", [_said(group, "title") for group in groups], 12, rank=2),
        "artist": Column("artist", [_said(group, "artist") for group in groups], 10, rank=3),
        "id": Column("paintings", [_ids(group) for group in groups], 24, "bold"),
    }
    columns = {key: column for key, column in columns.items() if any(column.cells)}
    columns, widths = fit(columns, make_console(stream).width)
    table = fitted_table(columns, widths)
    for row in zip(*(column.cells for column in columns.values()), strict=True):
        table.add_row(*map(Text, row))
    print_table(table, stream)


def _said(group: CopyGroup, field: str) -> str:
    return next(filter(None, (field_text(work.payload, field) for work in group.works)), "")


def _ids(group: CopyGroup) -> str:
    ids = [clean(work.payload["painting_id"], 200) for work in group.works]
    more = f", and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return ", ".join(ids[:_NAMED]) + more
