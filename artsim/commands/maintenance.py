"""Commands that change what galleries are kept: `export`, `push`, `delete`, `repair`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from artsim.catalog.kinds import PAINTINGS
from artsim.catalog.progress import counted
from artsim.commands.command_line import say, say_notes, write_json
from artsim.commands.options import FilterOptions, Form, KindOptions, Place, ServerLayout
from artsim.errors import StoreDamagedError

if TYPE_CHECKING:
    from artsim.ingest.upkeep import GalleryRepair
    from artsim.search.export import Form as ExportForm
    from artsim.store.gallery import Gallery
    from artsim.store.repair import CollectionRepair

SHOWN_IDS = 20

SOME_LOST = 3
"""Exit code of a repair after which something has to be ingested again."""


def export(
    *,
    output: Path | None = None,
    output_format: Literal["jsonl", "parquet", "csv", "xlsx"] | None = None,
    of: KindOptions,
    vectors: bool = False,
    overwrite: bool = False,
    filtered: FilterOptions,
    place: Place,
) -> None:
    """Write a gallery's metadata, and its vectors on request."""
    from artsim.search.export import export_gallery
    from artsim.search.filters import build_criteria

    kind = of.chosen
    form = _export_form(output, output_format, vectors, overwrite, place)
    with place.open() as opened:
        criteria, notes = build_criteria(filtered.filters(), opened[kind], opened)
        say_notes(notes)
        count = export_gallery(
            opened,
            sys.stdout.buffer if output is None else output,
            criteria,
            form=form,
            kind=kind,
            vectors=vectors,
            overwrite=overwrite,
            home=place.settings.home,
        )
    if output is not None:
        say(f"Wrote {counted(count, kind.noun)} to {output}.")


def _export_form(
    output: Path | None, given: ExportForm | None, vectors: bool, overwrite: bool, place: Place
) -> ExportForm:
    """Return the form of an export, or refuse it before the gallery is read."""
    from artsim.files import check_file, choose_form
    from artsim.search.export import ENDINGS, EXPORT

    if output is None:
        form = given or "jsonl"
        if form == "parquet" or (form == "xlsx" and sys.stdout.isatty()):
            raise typer.BadParameter(f"{form} needs a file: --output FILE.{form}")
    else:
        form = choose_form(output, given, ENDINGS, EXPORT)
        check_file(output, EXPORT, overwrite=overwrite, home=place.settings.home)
    if vectors and form in ("csv", "xlsx"):
        raise typer.BadParameter("--vectors is for jsonl and parquet; a cell holds none")
    return form


def push(
    *,
    to: list[str],
    to_gallery: str | None = None,
    layout: ServerLayout,
    gallery: str | None = None,
    api_key: str | None = None,
    home: Path | None = None,
    wait: float | None = None,
) -> None:
    """Copy an embedded gallery to a server."""
    from artsim.ingest.upkeep import push_gallery
    from artsim.render.progress_bars import make_progress
    from artsim.store.gallery import open_gallery

    with (
        Place(gallery, home=home, wait=wait).open(embedded=True) as source,
        open_gallery(name=to_gallery or source.name, url=",".join(to), api_key=api_key) as target,
    ):
        copied = push_gallery(
            source, target, options=layout.server(), progress=make_progress("painting")
        )
        location = target.store.location
    was = "was" if copied.unchanged == 1 else "were"
    say(
        f"Copied {counted(copied.written, 'point')} to {location}; "
        f"{copied.unchanged:,} {was} there already."
    )


def delete(
    *,
    painting_ids: list[str] | None = None,
    filtered: FilterOptions,
    everything: bool = False,
    yes: bool = False,
    place: Place,
) -> None:
    """Delete paintings and their faces, by id or by filter."""
    filters = filtered.filters(painting_id=painting_ids)
    if everything == (not filters.is_empty):
        raise typer.BadParameter("say what: ids, or filters, or --all alone")
    from artsim.ingest.upkeep import delete_gallery, delete_paintings
    from artsim.search.filters import build_criteria

    with place.open() as opened:
        damage = _damage(opened) if everything else None
        if damage is not None:
            say(damage)
            what = asked = f"the damaged gallery of {opened.store.location}"
        else:
            criteria, notes = build_criteria(filters, opened[PAINTINGS], opened)
            say_notes(notes)
            count = opened[PAINTINGS].count(criteria)
            what = f"{counted(count, 'painting')} of {opened.store.location}"
            asked = f"{what}, with their faces"
            if count == 0 and not everything:
                say("Nothing to delete.")
                return
        if not yes and not typer.confirm(f"Delete {asked}?", err=True):
            say("Nothing was deleted.")
            raise typer.Exit(1)
        if everything:
            delete_gallery(opened)
        else:
            delete_paintings(opened, criteria)
    say(f"Deleted {what}.")


def _damage(gallery: Gallery) -> str | None:
    """Return what is wrong with a gallery that cannot even be counted."""
    try:
        for kind in gallery.kinds:
            _ = gallery[kind]
    except StoreDamagedError as error:
        return str(error)
    return None


def repair(
    *,
    output_format: Form = "table",
    place: Place,
) -> None:
    """Save what can be read of a damaged gallery; give a server's today's settings."""
    from artsim.ingest.upkeep import repair_gallery
    from artsim.render.progress_bars import make_progress

    repaired = repair_gallery(
        place.settings,
        name=place.gallery,
        url=place.address,
        api_key=place.api_key,
        wait=place.wait,
        progress=make_progress("painting"),
    )
    if output_format == "json":
        write_json(repaired.to_dict())
    else:
        for line in _in_words(repaired):
            say(line)
    if any(made.missing or made.without_some_vectors for made in repaired.collections):
        raise typer.Exit(SOME_LOST)


def _in_words(repaired: GalleryRepair) -> Iterator[str]:
    if repaired.folder_damage is not None:
        yield f"The data folder was mended: {repaired.folder_damage}"
    for made in repaired.collections:
        yield from _about(made)
    if repaired.was_sound:
        yield "Nothing is wrong with it; nothing was changed."


def _about(made: CollectionRepair) -> Iterator[str]:
    if made.damage is None:
        state = "brought up to date" if made.renewed else "sound"
        yield f"{made.collection}: {state}, {made.points:,} points."
        if made.renewed:
            yield f"  It had {', '.join(made.renewed)}; the server rebuilds what follows from that "
            yield "  in the background, and answers meanwhile."
        return
    yield f"{made.collection}: {made.damage}."
    lost = f"; {made.missing:,} could not be" if made.missing else ""
    yield f"  {made.points:,} points were saved and can be read again{lost}."
    if made.without_some_vectors:
        yield f"  {made.without_some_vectors:,} of them lost vectors: ingest their pictures again."
    if made.painting_ids:
        more = len(made.painting_ids) - SHOWN_IDS
        rest = f" and {more:,} more (all with --format json)" if more > 0 else ""
        shown = ", ".join(made.painting_ids[:SHOWN_IDS]) + rest
        yield f"  Not in it any more, so ingest again unless you deleted them: {shown}"
    yield f"  As it was, it is kept in {made.copy}; delete that when you miss nothing."
