"""`artsim list`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from artsim.commands.common import (
    ApiKeyOption,
    ArtistOption,
    AttributionOption,
    GalleryOption,
    GenreOption,
    HomeOption,
    InstitutionOption,
    KindOption,
    MediumOption,
    NotOption,
    OverwriteOption,
    Place,
    SchoolOption,
    StyleOption,
    TagOption,
    TitleOption,
    UrlOption,
    WaitOption,
    WhereOption,
    YearOption,
    chosen_kind,
    expected_errors,
    make_filters,
    say,
    say_notes,
)
from artsim.commands.outputs import OutputOption, Outputs, Print0Option
from artsim.commands.query import OutputFormatOption, SheetOption

if TYPE_CHECKING:
    from artsim.search.listing import Listing


def list_gallery(
    faces: Annotated[bool, typer.Option("--faces", help="List faces, not paintings.")] = False,
    kind: KindOption = None,
    limit: Annotated[int, typer.Option("--limit", "-k", min=1, help="How many.")] = 50,
    offset: Annotated[int, typer.Option(min=0, help="After skipping how many.")] = 0,
    sort: Annotated[
        str,
        typer.Option(metavar="FIELD", help="In order of: date, artist, title, id, any field."),
    ] = "date",
    artist: ArtistOption = None,
    attribution: AttributionOption = None,
    style: StyleOption = None,
    genre: GenreOption = None,
    school: SchoolOption = None,
    medium: MediumOption = None,
    institution: InstitutionOption = None,
    tag: TagOption = None,
    year: YearOption = None,
    title: TitleOption = None,
    where: WhereOption = None,
    where_not: NotOption = None,
    output_format: OutputFormatOption = None,
    output: OutputOption = None,
    print0: Print0Option = False,
    sheet: SheetOption = None,
    overwrite: OverwriteOption = False,
    gallery: GalleryOption = None,
    url: UrlOption = None,
    api_key: ApiKeyOption = None,
    home: HomeOption = None,
    wait: WaitOption = None,
) -> None:
    """List the paintings that meet filters; without any, all.

    Example: artsim list --genre portrait --year 1620-1650 --sheet portraits.png
    """
    filters = make_filters(
        artist=artist,
        attribution=attribution,
        style=style,
        genre=genre,
        school=school,
        medium=medium,
        institution=institution,
        tags=tag,
        year=year,
        title=title,
        where=where,
        where_not=where_not,
    )
    with expected_errors():
        from artsim.search.listing import list_paintings

        place = Place(gallery, url, api_key, home, wait)
        outputs = Outputs(
            output, output_format, print0, sheet or (), overwrite, place.settings.home
        ).checked()
        with place.open() as opened:
            outputs.check_paintings(opened)
            listing = list_paintings(
                opened,
                filters,
                kind=chosen_kind(kind, faces),
                limit=limit,
                offset=offset,
                sort=sort,
            )
        _show(listing, offset, outputs)
        outputs.write_sheets(listing)


def _show(listing: Listing, offset: int, outputs: Outputs) -> None:
    from artsim.render.table import print_listing
    from artsim.render.text import describe_listing

    say_notes(listing.notes)
    is_table = outputs.form == "table" and outputs.path is None
    if is_table and listing.points:
        print_listing(listing, sys.stdout)
    outputs.write(listing, len(listing.points))
    behind = offset + len(listing.points)
    more = f"; the next ones: --offset {behind}" if 0 < behind < listing.total else ""
    if is_table or more:
        say(f"{describe_listing(listing)}{more}.")
