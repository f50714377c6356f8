"""Commands that look into galleries: `info`, `list`, `facets`, `show`, and `models`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

import typer

from artsim.commands.command_line import say, say_notes, write_json
from artsim.commands.options import FilterOptions, Form, KindOptions, Place
from artsim.commands.outputs import OutputOptions, Outputs

if TYPE_CHECKING:
    from artsim.search.listing import Listing


def info(*, output_format: Form = "table", place: Place) -> None:
    """List the galleries of a store, or one of them."""
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


def models(*, output_format: Form = "table") -> None:
    """List the encoders."""
    from artsim.encoders.registry import list_cards

    cards = list_cards()
    if output_format == "json":
        write_json([card.listed() for card in cards])
    else:
        from artsim.render.table import print_models

        print_models(cards, sys.stdout)
