"""Commands on a gallery as it is: `show`, `info`, `facets`, `export`, `delete`, `push`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from artsim.catalog.progress import counted
from artsim.commands.common import (
    PLACE,
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
    OnDiskOption,
    OverwriteOption,
    Place,
    Quantization,
    ReplicasOption,
    SchoolOption,
    ShardsOption,
    StyleOption,
    TableOrJson,
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
    write_json,
)
from artsim.errors import StoreDamagedError

if TYPE_CHECKING:
    from artsim.search.export import Form
    from artsim.store.gallery import Gallery


def show(
    painting_ids: Annotated[list[str], typer.Argument(metavar="ID...", help="Ids in the gallery.")],
    output_format: TableOrJson = "table",
    gallery: GalleryOption = None,
    url: UrlOption = None,
    api_key: ApiKeyOption = None,
    home: HomeOption = None,
    wait: WaitOption = None,
) -> None:
    """Show paintings: their metadata, their vectors and their faces."""
    with expected_errors():
        from artsim.search.inspect import describe_painting

        with Place(gallery, url, api_key, home, wait).open() as opened:
            described = [describe_painting(opened, painting_id) for painting_id in painting_ids]
        if output_format == "json":
            write_json(described[0] if len(described) == 1 else described)
        else:
            from artsim.render.table import payload_table, print_table

            for place, payload in enumerate(described):
                if place:
                    sys.stdout.write("\n")
                print_table(payload_table(payload), sys.stdout)


def info(
    output_format: TableOrJson = "table",
    gallery: GalleryOption = None,
    url: UrlOption = None,
    api_key: ApiKeyOption = None,
    home: HomeOption = None,
    wait: WaitOption = None,
) -> None:
    """List the galleries with their paintings, faces, encoders and size on disk.

    With --gallery only that one. One that is damaged or in use is listed as such.
    """
    with expected_errors():
        from artsim.search.inspect import describe_store, list_errors

        with Place(gallery, url, api_key, home, wait).open() as opened:
            described = describe_store(opened, alone=gallery is not None)
        if output_format == "json":
            write_json(described)
        else:
            from artsim.render.table import print_store, store_notes

            print_store(described, sys.stdout)
            say_notes(store_notes(described))
        errors = list_errors(described)
        if output_format != "json":
            for error in errors:
                say(
                    f"Error: {error['message']}"
                    + (f" ({error['hint']})" if "hint" in error else "")
                )
        if errors:
            raise typer.Exit(1)


def facets(
    field: Annotated[str, typer.Argument(help="Such as artist, date, style or extra.NAME.")],
    faces: Annotated[bool, typer.Option("--faces", help="Count faces, not paintings.")] = False,
    kind: KindOption = None,
    limit: Annotated[int, typer.Option("--limit", "-k", min=1, help="Most values.")] = 50,
    output_format: TableOrJson = "table",
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
    gallery: GalleryOption = None,
    url: UrlOption = None,
    api_key: ApiKeyOption = None,
    home: HomeOption = None,
    wait: WaitOption = None,
) -> None:
    """List the values of a field and how many works have each.

    "date" counts by decades, "extra" what a manifest had beside the known fields.

    Example: artsim facets artist --style Baroque --year 1600..1650
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
        from artsim.search.listing import count_values

        with Place(gallery, url, api_key, home, wait).open() as opened:
            counts = count_values(
                opened, field, filters, kind=chosen_kind(kind, faces), limit=limit
            )
        say_notes(counts.notes)
        if output_format == "json":
            write_json(counts.to_dict())
        elif counts.values:
            from artsim.render.table import facets_table, print_table

            print_table(facets_table(counts), sys.stdout)


def export(
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="File to write: .csv, .xlsx, .jsonl or .parquet; stdout where none is given.",
        ),
    ] = None,
    output_format: Annotated[
        Literal["jsonl", "parquet", "csv", "xlsx"] | None,
        typer.Option(
            "--format", "-f", help="Form.", show_default="by the file's ending, else jsonl"
        ),
    ] = None,
    faces: Annotated[bool, typer.Option("--faces", help="Faces instead of paintings.")] = False,
    kind: KindOption = None,
    vectors: Annotated[
        bool, typer.Option("--vectors", help="With all vectors (jsonl, parquet).")
    ] = False,
    overwrite: OverwriteOption = False,
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
    gallery: GalleryOption = None,
    url: UrlOption = None,
    api_key: ApiKeyOption = None,
    home: HomeOption = None,
    wait: WaitOption = None,
) -> None:
    """Write a gallery's metadata as a table or JSON Lines, and its vectors on request.

    Example: artsim export --genre portrait --year 1600..1650 --output portraits.xlsx
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
        from artsim.search.export import export_gallery
        from artsim.search.filters import build_criteria

        of_kind = chosen_kind(kind, faces)
        place = Place(gallery, url, api_key, home, wait)
        form = _export_form(output, output_format, vectors, overwrite, place)
        with place.open() as opened:
            criteria, notes = build_criteria(filters, opened[of_kind])
            say_notes(notes)
            count = export_gallery(
                opened,
                sys.stdout.buffer if output is None else output,
                criteria,
                form=form,
                kind=of_kind,
                vectors=vectors,
                overwrite=overwrite,
                home=place.settings.home,
            )
        if output is not None:
            say(f"Wrote {counted(count, of_kind.noun)} to {output}.")


def _export_form(
    output: Path | None, given: Form | None, vectors: bool, overwrite: bool, place: Place
) -> Form:
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


def delete(
    painting_ids: Annotated[
        list[str] | None, typer.Argument(metavar="[ID]...", help="Ids in the gallery.")
    ] = None,
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
    everything: Annotated[
        bool, typer.Option("--all", help="The whole gallery, with its collections.")
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    gallery: GalleryOption = None,
    url: UrlOption = None,
    api_key: ApiKeyOption = None,
    home: HomeOption = None,
    wait: WaitOption = None,
) -> None:
    """Delete paintings and their faces, by id or by filter; asks first.

    The pictures' files stay where they are.
    """
    filters = make_filters(
        painting_id=painting_ids,
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
    if everything == (not filters.is_empty):
        raise typer.BadParameter("say what: ids, or filters, or --all alone")
    with expected_errors():
        from artsim.ingest.prune import delete_gallery, delete_paintings
        from artsim.search.filters import build_criteria

        with Place(gallery, url, api_key, home, wait).open() as opened:
            if everything and _delete_damaged(opened, yes=yes):
                return
            criteria, notes = build_criteria(filters, opened.paintings)
            say_notes(notes)
            count = opened.paintings.count(criteria)
            what = f"{counted(count, 'painting')} of {opened.store.location}"
            if count == 0 and not everything:
                say("Nothing to delete.")
                return
            if not yes and not typer.confirm(f"Delete {what}, with their faces?", err=True):
                say("Nothing was deleted.")
                raise typer.Exit(1)
            if everything:
                delete_gallery(opened)
            else:
                delete_paintings(opened, criteria)
        say(f"Deleted {what}.")


def _delete_damaged(opened: Gallery, *, yes: bool) -> bool:
    """Delete a gallery that cannot even be counted; return whether it is one."""
    from artsim.ingest.prune import delete_gallery

    try:
        _ = opened.paintings, opened.faces_if_any
    except StoreDamagedError as error:
        say(str(error))
        what = f"the damaged gallery of {opened.store.location}"
        if not yes and not typer.confirm(f"Delete {what}?", err=True):
            say("Nothing was deleted.")
            raise typer.Exit(1) from None
        delete_gallery(opened)
        say(f"Deleted {what}.")
        return True
    return False


def push(
    to: Annotated[str, typer.Option(help="Qdrant server to copy to.", show_default=False)],
    to_gallery: Annotated[
        str | None, typer.Option(help="Name there.", show_default="the same")
    ] = None,
    shards: ShardsOption = None,
    replicas: ReplicasOption = None,
    quantization: Quantization = "none",
    on_disk: OnDiskOption = False,
    gallery: GalleryOption = None,
    api_key: Annotated[
        str | None,
        typer.Option(
            help="Key of the server; better given as QDRANT_API_KEY.", rich_help_panel=PLACE
        ),
    ] = None,
    home: HomeOption = None,
    wait: WaitOption = None,
) -> None:
    """Copy an embedded gallery to a server; run again, it goes on where it stopped."""
    with expected_errors():
        from artsim.ingest.upkeep import push_gallery
        from artsim.render.progress import make_progress
        from artsim.store.base import ServerOptions
        from artsim.store.gallery import open_gallery

        options = ServerOptions(shards, replicas, quantization, on_disk)
        with (
            Place(gallery, None, None, home, wait).open_embedded() as source,
            open_gallery(name=to_gallery or source.name, url=to, api_key=api_key) as target,
        ):
            copied = push_gallery(
                source, target, options=options, progress=make_progress("painting")
            )
            location = target.store.location
        was = "was" if copied.unchanged == 1 else "were"
        say(
            f"Copied {counted(copied.written, 'point')} to {location}; "
            f"{copied.unchanged:,} {was} there already."
        )
