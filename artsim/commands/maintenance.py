"""Commands that change what galleries are kept: `export`, `push`, `delete`, `repair`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import typer

from artsim.catalog.kinds import PAINTINGS
from artsim.catalog.progress import counted
from artsim.commands.command_line import say, say_notes, write_json
from artsim.commands.options import FilterOptions, Form, Place, chosen_kind
from artsim.errors import StoreDamagedError
from artsim.files import check_file, choose_form
from artsim.ingest.prune import delete_gallery, delete_paintings
from artsim.render.progress_bars import make_progress
from artsim.render.text import first_few
from artsim.search.export import ENDINGS, EXPORT, export_gallery
from artsim.search.export import Form as ExportForm
from artsim.search.filters import build_criteria
from artsim.store.gallery import Gallery, open_gallery
from artsim.store.protocol import ServerOptions
from artsim.store.repair import CollectionRepair

SHOWN_IDS = 20
SOME_LOST = 3  # exit code of a repair after which something has to be ingested again


def export(
    *,
    output: Path | None = None,
    output_format: Literal["jsonl", "parquet", "csv", "xlsx"] | None = None,
    faces: bool = False,
    kind: str | None = None,
    vectors: bool = False,
    overwrite: bool = False,
    filtered: FilterOptions,
    place: Place,
) -> None:
    """Write a gallery's metadata, and its vectors on request."""
    chosen = chosen_kind(kind, faces=faces)
    form = _export_form(output, output_format, vectors, overwrite, place)
    with place.open() as opened:
        criteria, notes = build_criteria(filtered.filters(), opened[chosen], opened)
        say_notes(notes)
        count = export_gallery(
            opened,
            sys.stdout.buffer if output is None else output,
            criteria,
            form=form,
            kind=chosen,
            vectors=vectors,
            overwrite=overwrite,
            home=place.settings.home,
        )
    if output is not None:
        say(f"Wrote {counted(count, chosen.noun)} to {output}.")


def _export_form(
    output: Path | None, given: ExportForm | None, vectors: bool, overwrite: bool, place: Place
) -> ExportForm:
    """Return the form of an export, or refuse it before the gallery is read."""
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
    to: tuple[str, ...],
    to_gallery: str | None = None,
    layout: ServerOptions,
    gallery: str | None = None,
    api_key: str | None = None,
    home: Path | None = None,
    wait: float | None = None,
) -> None:
    """Copy an embedded gallery to a server."""
    from artsim.ingest.upkeep import push_gallery

    with (
        Place(gallery, home=home, wait=wait).open(embedded=True) as source,
        open_gallery(name=to_gallery or source.name, url=",".join(to), api_key=api_key) as target,
    ):
        copied = push_gallery(source, target, options=layout, progress=make_progress("painting"))
        location = target.store.location
    was = "was" if copied.unchanged == 1 else "were"
    say(
        f"Copied {counted(copied.written, 'point')} to {location}; "
        f"{copied.unchanged:,} {was} there already."
    )


def delete(
    *,
    painting_ids: tuple[str, ...] = (),
    filtered: FilterOptions,
    everything: bool = False,
    yes: bool = False,
    place: Place,
) -> None:
    """Delete paintings and their faces, by id or by filter."""
    filters = filtered.filters(painting_id=painting_ids)
    if everything == (not filters.is_empty):
        raise typer.BadParameter("say what: ids, or filters, or --all alone")
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
        _ = [gallery[kind] for kind in gallery.kinds]
    except StoreDamagedError as error:
        return str(error)
    return None


def repair(*, output_format: Form = "table", place: Place) -> None:
    """Save what can be read of a damaged gallery; give a server's today's settings."""
    from artsim.ingest.upkeep import repair_gallery

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
        if repaired.folder_damage is not None:
            say(f"The data folder was mended: {repaired.folder_damage}")
        for line in (line for made in repaired.collections for line in _about(made)):
            say(line)
        if repaired.was_sound:
            say("Nothing is wrong with it; nothing was changed.")
    if any(made.missing or made.without_some_vectors for made in repaired.collections):
        raise typer.Exit(SOME_LOST)


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
        shown = first_few(made.painting_ids, SHOWN_IDS)
        rest = " (all with --format json)" if len(made.painting_ids) > SHOWN_IDS else ""
        yield f"  Not in it any more, so ingest again unless you deleted them: {shown}{rest}"
    yield f"  As it was, it is kept in {made.copy}; delete that when you miss nothing."
