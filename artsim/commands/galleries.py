"""Commands that look into galleries: what they hold, the faces and copies in them, map and page."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from artsim.catalog.kinds import FACES, PAINTINGS
from artsim.catalog.progress import counted
from artsim.commands.command_line import say, say_notes, write_json
from artsim.commands.options import (
    EncoderOptions,
    FaceOptions,
    FilterOptions,
    Form,
    OutputOptions,
    Place,
    chosen_kind,
    picture_or_id,
)
from artsim.errors import ConfigError
from artsim.render.collection_map import CollectionMap, MapOptions, make_map
from artsim.render.text import describe_listing, format_bytes
from artsim.search.filters import build_criteria, check_field
from artsim.search.inspect import (
    describe_painting,
    describe_store,
    list_errors,
    list_faces,
    read_grays,
)
from artsim.search.listing import count_values, list_paintings
from artsim.search.named_faces import check_names_file, write_names
from artsim.search.people import GroupOptions, People, group_people, unnamed_rows
from artsim.search.question import IdQuery

if TYPE_CHECKING:
    from artsim.render.map_page import WrittenMap


def info(*, output_format: Form = "table", place: Place) -> None:
    """List the galleries of a store, or one of them."""
    with place.open() as opened:
        described: Mapping[str, Any] = describe_store(opened, alone=place.gallery is not None)
    errors = list_errors(described)
    if output_format == "json":
        write_json(described)
    else:
        from artsim.render.table import print_store

        print_store(described, sys.stdout)
        for gallery in described["galleries"]:
            name = gallery["gallery"] or "(default)"
            say_notes([f"{name}: {note}" for note in gallery["notes"]])
        for error in errors:
            say(f"Error: {error['message']}" + (f" ({error['hint']})" if "hint" in error else ""))
    if errors:
        raise typer.Exit(1)


def list_gallery(
    *,
    faces: bool = False,
    kind: str | None = None,
    limit: int = 50,
    offset: int = 0,
    sort: str = "date",
    filtered: FilterOptions,
    written: OutputOptions,
    place: Place,
) -> None:
    """List the paintings that meet filters."""
    outputs, of = written.checked(place.settings.home), chosen_kind(kind, faces=faces)
    with place.open() as opened:
        outputs.check_paintings(opened)
        listing = list_paintings(
            opened, filtered.filters(), kind=of, limit=limit, offset=offset, sort=sort
        )
    say_notes(listing.notes)
    if outputs.as_table and listing.points:
        from artsim.render.table import print_listing

        print_listing(listing, sys.stdout)
    outputs.write(listing, len(listing.points))
    behind = offset + len(listing.points)
    more = f"; the next ones: --offset {behind}" if 0 < behind < listing.total else ""
    if outputs.as_table or more:
        say(f"{describe_listing(listing)}{more}.")
    outputs.write_sheets(listing)


def facets(
    *,
    field: str,
    faces: bool = False,
    kind: str | None = None,
    limit: int = 50,
    output_format: Form = "table",
    filtered: FilterOptions,
    place: Place,
) -> None:
    """List the values of a field and how many works have each."""
    of = chosen_kind(kind, faces=faces)
    with place.open() as opened:
        counts = count_values(opened, field, filtered.filters(), kind=of, limit=limit)
    say_notes(counts.notes)
    if output_format == "json":
        write_json(counts.to_dict())
    elif counts.values:
        from artsim.render.table import facets_table, print_table

        print_table(facets_table(counts), sys.stdout)


def show(*, painting_ids: tuple[str, ...], output_format: Form = "table", place: Place) -> None:
    """Show all there is of some paintings."""
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


def models(*, output_format: Form = "table") -> None:
    """List the encoders."""
    from artsim.encoders.registry import list_cards

    cards = list_cards()
    if output_format == "json":
        write_json([card.listed() for card in cards])
    else:
        from artsim.render.table import print_models

        print_models(cards, sys.stdout)


# Faces, people and copies


def faces(
    *,
    picture: str,
    person: tuple[str, ...] = (),
    output_format: Form = "table",
    out: tuple[Path, ...] = (),
    names: Path | None = None,
    overwrite: bool = False,
    encoding: EncoderOptions,
    sure: FaceOptions,
    place: Place,
) -> None:
    """Show the faces of a picture with their numbers."""
    query = picture_or_id(picture, plain=True)
    files = [path] if (path := getattr(query, "path", None)) is not None else []
    outputs = OutputOptions(sheet=out, overwrite=overwrite).checked(place.settings.home, files)
    with place.open(names=names) if isinstance(query, IdQuery) else nullcontext() as opened:
        if opened is not None:
            outputs.check_paintings(opened)
        found = list_faces(opened, query, encoding.models(sure), people=person)
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
    options: GroupOptions,
    limit: int = 50,
    encoder: str | None = None,
    output_format: Form = "table",
    out: tuple[Path, ...] = (),
    overwrite: bool = False,
    names: Path | None = None,
    write: Path | None = None,
    filtered: FilterOptions,
    place: Place,
) -> None:
    """Show the faces of a gallery in groups that may each be of one person."""
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
    say_notes([*found.notes, *(f"not found: {one}" for one in found.unplaced)])
    if output_format == "json":
        write_json(found.to_dict())
    else:
        from artsim.render.findings import print_people

        if found.groups:
            print_people(found, limit, sys.stdout)
        _say_groups(len(found.groups), limit, counted(found.compared, "face"))
        if found.groups and not found.file.columns:
            say("To name them: artsim people --write FILE.csv")
    outputs.write_sheets(found)
    if write is not None:
        _write_names(found, write, home, place_of_names)


def _say_groups(count: int, limit: int, of: str) -> None:
    first, more = "", ""
    if count > limit:
        first, more = f"The first {limit} of ", f" (--limit {count} shows all)"
    say(f"{first}{counted(count, 'group')} among {of}{more}.")


def _write_names(found: People, path: Path, home: Path, kept: Path | None) -> None:
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
    out: tuple[Path, ...] = (),
    overwrite: bool = False,
    filtered: FilterOptions,
    place: Place,
) -> None:
    """Show the pictures of a gallery that show one work, or part of one, in groups."""
    from artsim.render.findings import COPIES, print_copies, write_copies
    from artsim.render.progress_bars import make_progress
    from artsim.render.sheet import write_sheet
    from artsim.search.copy_groups import find_copies

    outputs = OutputOptions(sheet=out, overwrite=overwrite).checked(
        place.settings.home, kind=COPIES
    )
    with place.open() as opened:
        outputs.check_paintings(opened)
        found = find_copies(opened, filtered.filters(), encoder=encoder, progress=make_progress())
    say_notes(found.notes)
    if output_format == "json":
        write_json(found.to_dict())
    else:
        if found.groups:
            print_copies(found, limit, sys.stdout)
        _say_groups(len(found.groups), limit, counted(found.compared, "work"))
    for path in out:
        if path.suffix.lower() in (".csv", ".json"):
            count = write_copies(found, path, **outputs.door)
            say(f"Wrote {counted(count, 'tie')} to {path}.")
        else:
            write_sheet(found, path, overwrite=overwrite)
            say(f"Sheet: {path}")


# The whole gallery


def map_collection(
    *,
    out: tuple[Path, ...] = (Path("map.html"),),
    encoder: str | None = None,
    options: MapOptions,
    thumbnail_size: int | None = None,
    no_thumbnails: bool = False,
    pictures: bool = False,
    overwrite: bool = False,
    filtered: FilterOptions,
    place: Place,
) -> None:
    """Lay the collection out in the plane, alike beside alike."""
    if thumbnail_size is not None and no_thumbnails:
        raise typer.BadParameter("--thumbnail-size and --no-thumbnails exclude each other")
    from artsim.render.map_page import MAP, MapStyle, write_map
    from artsim.render.progress_bars import make_progress

    outputs = OutputOptions(sheet=out, overwrite=overwrite).checked(place.settings.home, kind=MAP)
    if options.color_by is not None:
        check_field(options.color_by)
    progress = make_progress()
    with place.open() as opened:
        outputs.check_paintings(opened)
        collection = opened[FACES if options.faces else PAINTINGS]
        criteria, notes = build_criteria(filtered.filters(), collection, opened)
        say_notes(notes)
        made = make_map(opened, options, criteria, encoder=encoder, progress=progress)
    say_notes(made.notes)
    look = MapStyle(options.color_by, 0 if no_thumbnails else thumbnail_size, pictures)
    for path in out:
        progress.start(len(made), f"Drawing {path.name}")
        try:
            written = write_map(made, path, look, report=progress.update, overwrite=overwrite)
        finally:
            progress.finish()
        say(f"Map: {_of_map(written, made)}")
    say(made.trust)


def _of_map(written: WrittenMap, made: CollectionMap) -> str:
    words = f"{written.path} ({made.kind}, {format_bytes(written.size)})"
    if not written.missing:
        return words
    of = "no picture" if written.missing == len(made) else f"{written.missing:,} without a picture"
    return f"{words}; {of}: the files are missing, elsewhere or damaged"


def serve(
    *,
    host: str = "127.0.0.1",
    port: int = 8000,
    no_browser: bool = False,
    images: tuple[Path, ...] = (),
    allow_origin: tuple[str, ...] = (),
    encoding: EncoderOptions,
    place: Place,
) -> None:
    """Serve the page over a gallery."""
    try:
        from artsim.web import guard, serving
    except ModuleNotFoundError as exc:
        raise ConfigError(
            f"the page needs {exc.name}, which is not installed; install artsim with its page",
            hint="pip install 'artsim[web]'",
        ) from exc

    sites = guard.sites_named(allow_origin)
    with place.open() as opened:
        serving.serve(
            opened,
            place.settings.home,
            host=host,
            port=port,
            folders=images,
            is_named=opened.name is not None,
            models=encoding.models(FaceOptions()),
            sites=sites,
            browser=not no_browser,
            say=say,
        )
