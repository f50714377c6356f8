"""Commands that look into galleries: `info`, `list`, `facets`, `show`, and `models`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Annotated

import typer

from artsim.commands.command_line import say, say_notes, write_json
from artsim.commands.options import FilterOptions, KindOptions, Place, TableOrJson, as_command
from artsim.commands.outputs import OutputOptions, Outputs

if TYPE_CHECKING:
    from artsim.search.listing import Listing


@as_command
def info(
    *,
    output_format: TableOrJson = "table",
    place: Place,
) -> None:
    """List the galleries with their paintings, faces, encoders and size on disk.

    With --gallery only that one. One that is damaged or in use is listed as such.
    """
    from artsim.search.inspect import describe_store, list_errors

    with place.open() as opened:
        described = describe_store(opened, alone=place.gallery is not None)
    if output_format == "json":
        write_json(described)
    else:
        from artsim.render.table import print_store, store_notes

        print_store(described, sys.stdout)
        say_notes(store_notes(described))
    errors = list_errors(described)
    if output_format != "json":
        for error in errors:
            say(f"Error: {error['message']}" + (f" ({error['hint']})" if "hint" in error else ""))
    if errors:
        raise typer.Exit(1)


@as_command
def list_gallery(
    *,
    of: KindOptions,
    limit: Annotated[int, typer.Option("--limit", "-k", min=1, help="How many.")] = 50,
    offset: Annotated[int, typer.Option(min=0, help="After skipping how many.")] = 0,
    sort: Annotated[
        str,
        typer.Option(metavar="FIELD", help="In order of: date, artist, title, id, any field."),
    ] = "date",
    filtered: FilterOptions,
    written: OutputOptions,
    place: Place,
) -> None:
    """List the paintings that meet filters; without any, all.

    Example: artsim list --genre portrait --year 1620-1650 --sheet portraits.png
    """
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
    is_table = outputs.form == "table" and outputs.path is None
    if is_table and listing.points:
        print_listing(listing, sys.stdout)
    outputs.write(listing, len(listing.points))
    behind = offset + len(listing.points)
    more = f"; the next ones: --offset {behind}" if 0 < behind < listing.total else ""
    if is_table or more:
        say(f"{describe_listing(listing)}{more}.")


@as_command
def facets(
    *,
    field: Annotated[str, typer.Argument(help="Such as artist, date, style or extra.NAME.")],
    of: KindOptions,
    limit: Annotated[int, typer.Option("--limit", "-k", min=1, help="Most values.")] = 50,
    output_format: TableOrJson = "table",
    filtered: FilterOptions,
    place: Place,
) -> None:
    """List the values of a field and how many works have each.

    "date" counts by decades, "extra" what a manifest had beside the known fields.

    Example: artsim facets artist --style Baroque --year 1600..1650
    """
    from artsim.search.listing import count_values

    with place.open() as opened:
        counts = count_values(opened, field, filtered.filters(), kind=of.chosen, limit=limit)
    say_notes(counts.notes)
    if output_format == "json":
        write_json(counts.to_dict())
    elif counts.values:
        from artsim.render.table import facets_table, print_table

        print_table(facets_table(counts), sys.stdout)


@as_command
def show(
    *,
    painting_ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids in the gallery.")],
    output_format: TableOrJson = "table",
    place: Place,
) -> None:
    """Show paintings: their metadata, their vectors and their faces."""
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


@as_command
def models(
    *,
    output_format: TableOrJson = "table",
) -> None:
    """List the encoders: dimension, size, licence, and whether the weights are here."""
    from artsim.encoders.registry import list_cards

    cards = list_cards()
    if output_format == "json":
        write_json([card.listed() for card in cards])
    else:
        from artsim.render.table import print_models

        print_models(cards, sys.stdout)
