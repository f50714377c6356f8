"""Commands that look into galleries: what they hold, their faces and the people on these."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from artsim.catalog.progress import counted
from artsim.commands.command_line import say, say_notes, write_json
from artsim.commands.options import (
    EncoderOptions,
    FaceOptions,
    FilterOptions,
    Form,
    KindOptions,
    Place,
    file_or_id,
)
from artsim.commands.outputs import OutputOptions, Outputs

if TYPE_CHECKING:
    from artsim.search.copy_groups import Copies
    from artsim.search.listing import Listing
    from artsim.search.people import People


def info(*, output_format: Form = "table", place: Place) -> None:
    """List the galleries of a store, or one of them."""
    from artsim.search.inspect import describe_store, list_errors

    with place.open() as opened:
        described: Mapping[str, Any] = describe_store(opened, alone=place.gallery is not None)
    if output_format == "json":
        write_json(described)
    else:
        from artsim.render.table import print_store

        print_store(described, sys.stdout)
        for gallery in described["galleries"]:
            name = gallery["gallery"] or "(default)"
            say_notes([f"{name}: {note}" for note in gallery["notes"]])
    errors = list_errors(described)
    if output_format != "json":
        for error in errors:
            say(f"Error: {error['message']}" + (f" ({error['hint']})" if "hint" in error else ""))
    if errors:
        raise typer.Exit(1)


def list_gallery(
    *,
    of: KindOptions,
    limit: int = 50,
    offset: int = 0,
    sort: str = "date",
    filtered: FilterOptions,
    written: OutputOptions,
    place: Place,
) -> None:
    """List the paintings that meet filters."""
    from artsim.search.listing import list_paintings

    outputs = written.checked(place.settings.home)
    with place.open() as opened:
        outputs.check_paintings(opened)
        listing = list_paintings(
            opened,
            filtered.filters(),
            kind=of.chosen,
            limit=limit,
            offset=offset,
            sort=sort,
        )
    _show_listing(listing, offset, outputs)
    outputs.write_sheets(listing)


def _show_listing(listing: Listing, offset: int, outputs: Outputs) -> None:
    from artsim.render.table import print_listing
    from artsim.render.text import describe_listing

    say_notes(listing.notes)
    if outputs.as_table and listing.points:
        print_listing(listing, sys.stdout)
    outputs.write(listing, len(listing.points))
    behind = offset + len(listing.points)
    more = f"; the next ones: --offset {behind}" if 0 < behind < listing.total else ""
    if outputs.as_table or more:
        say(f"{describe_listing(listing)}{more}.")


def facets(
    *,
    field: str,
    of: KindOptions,
    limit: int = 50,
    output_format: Form = "table",
    filtered: FilterOptions,
    place: Place,
) -> None:
    """List the values of a field and how many works have each."""
    from artsim.search.listing import count_values

    with place.open() as opened:
        counts = count_values(opened, field, filtered.filters(), kind=of.chosen, limit=limit)
    say_notes(counts.notes)
    if output_format == "json":
        write_json(counts.to_dict())
    elif counts.values:
        from artsim.render.table import facets_table, print_table

        print_table(facets_table(counts), sys.stdout)


def show(
    *,
    painting_ids: list[str],
    output_format: Form = "table",
    place: Place,
) -> None:
    """Show all there is of some paintings."""
    from artsim.search.inspect import describe_painting

    with place.open() as opened:
        described = [describe_painting(opened, painting_id) for painting_id in painting_ids]
    if output_format == "json":
        write_json(described[0] if len(described) == 1 else described)
    else:
        from artsim.render.table import payload_table, print_table

        for at, payload in enumerate(described):
            if at:
                sys.stdout.write("\n")
            print_table(payload_table(payload), sys.stdout)


def faces(
    *,
    picture: str,
    person: list[str] | None = None,
    output_format: Form = "table",
    out: list[Path] | None = None,
    names: Path | None = None,
    overwrite: bool = False,
    encoding: EncoderOptions,
    sure: FaceOptions,
    place: Place,
) -> None:
    """Show the faces of a picture with their numbers."""
    from artsim.search.inspect import list_faces
    from artsim.search.question import IdQuery

    query = file_or_id(picture)
    path = None if isinstance(query, IdQuery) else query.path
    outputs = OutputOptions(sheet=out, overwrite=overwrite).checked(
        place.settings.home, [] if path is None else [path]
    )
    models, people = encoding.models(sure), tuple(person or ())
    if isinstance(query, IdQuery):
        with place.open(names=names) as opened:
            outputs.check_paintings(opened)
            found = list_faces(opened, query, models, people=people)
    else:
        found = list_faces(None, query, models, people=people)
    say_notes([*found.notes, *(f"not found: {one}" for one in found.unplaced)])
    if output_format == "json":
        write_json(found.to_dict())
    elif found.faces:
        from artsim.render.findings import print_faces

        print_faces(found, sys.stdout)
    else:
        say("No face was found.")
    outputs.write_sheets(found)


def people(
    *,
    threshold: float | None = None,
    least_faces: int = 2,
    limit: int = 50,
    all_faces: bool = False,
    least_face: int | None = None,
    least_certainty: float | None = None,
    encoder: str | None = None,
    output_format: Form = "table",
    out: list[Path] | None = None,
    overwrite: bool = False,
    names: Path | None = None,
    write: Path | None = None,
    filtered: FilterOptions,
    place: Place,
) -> None:
    """Show the faces of a gallery in groups that may each be of one person."""
    from artsim.search.inspect import read_grays
    from artsim.search.named_faces import check_names_file
    from artsim.search.people import THRESHOLD, GroupOptions, group_people

    options = GroupOptions(
        THRESHOLD if threshold is None else threshold,
        least_faces,
        all_faces,
        least_face,
        least_certainty,
    )
    home = place.settings.home
    outputs = OutputOptions(sheet=out, overwrite=overwrite).checked(home)
    if write is not None:
        check_names_file(write, home=home)
    with place.open(names=names) as opened:
        outputs.check_paintings(opened)
        found = group_people(opened, filtered.filters(), options, encoder=encoder)
        if out:
            of_groups = [(f.point_id, f.payload) for group in found.groups for f in group.faces]
            found = replace(found, grays=read_grays(opened, of_groups))
        place_of_names = opened.names_file
    say_notes(found.notes)
    say_notes([f"not found: {one}" for one in found.unplaced])
    if output_format == "json":
        write_json(found.to_dict())
    else:
        _show_people(found, limit)
    outputs.write_sheets(found)
    if write is not None:
        _write_names(found, write, home, place_of_names)


def _show_people(found: People, limit: int) -> None:
    from artsim.render.findings import print_people

    if found.groups:
        print_people(found, limit, sys.stdout)
    count, of = len(found.groups), counted(found.compared, "face")
    first = f"The first {limit} of " if count > limit else ""
    more = f" (--limit {count} shows all)" if count > limit else ""
    say(f"{first}{counted(count, 'group')} among {of}{more}.")
    if found.groups and not found.file.columns:
        say("To name them: artsim people --write FILE.csv")


def _write_names(found: People, path: Path, home: Path, kept: Path | None) -> None:
    from artsim.search.named_faces import write_names
    from artsim.search.people import unnamed_rows

    new = unnamed_rows(found)
    rows = write_names(found.file, new, path, home=home)
    count = sum(map(len, new.values()))
    say(
        f"Wrote {counted(rows, 'row')} to {path}, {count} of them new: fill in the column name, "
        f"then keep it as {kept}, or name it by --names or ARTSIM_NAMES."
    )


def copies(
    *,
    limit: int = 50,
    encoder: str | None = None,
    output_format: Form = "table",
    out: list[Path] | None = None,
    overwrite: bool = False,
    filtered: FilterOptions,
    place: Place,
) -> None:
    """Show the pictures of a gallery that show one work, or part of one, in groups."""
    from artsim.files import check_file
    from artsim.render.findings import COPIES, write_copies
    from artsim.render.progress_bars import make_progress
    from artsim.render.sheet import write_sheet
    from artsim.search.copy_groups import find_copies
    from artsim.search.inspect import check_no_painting

    home = place.settings.home
    for path in out or ():
        check_file(path, COPIES, overwrite=overwrite, home=home)
    with place.open() as opened:
        for path in out or ():
            check_no_painting(opened, path, COPIES)
        found = find_copies(opened, filtered.filters(), encoder=encoder, progress=make_progress())
    say_notes(found.notes)
    if output_format == "json":
        write_json(found.to_dict())
    else:
        _show_copies(found, limit)
    for path in out or ():
        if path.suffix.lower() in (".csv", ".json"):
            count = write_copies(found, path, overwrite=overwrite, home=home)
            say(f"Wrote {counted(count, 'tie')} to {path}.")
        else:
            write_sheet(found, path, overwrite=overwrite)
            say(f"Sheet: {path}")


def _show_copies(found: Copies, limit: int) -> None:
    from artsim.render.findings import print_copies

    if found.groups:
        print_copies(found, limit, sys.stdout)
    count, of = len(found.groups), counted(found.compared, "work")
    first = f"The first {limit} of " if count > limit else ""
    more = f" (--limit {count} shows all)" if count > limit else ""
    say(f"{first}{counted(count, 'group')} among {of}{more}.")


def models(*, output_format: Form = "table") -> None:
    """List the encoders."""
    from artsim.encoders.registry import list_cards

    cards = list_cards()
    if output_format == "json":
        write_json([card.listed() for card in cards])
    else:
        from artsim.render.table import print_models

        print_models(cards, sys.stdout)
