"""`artsim map`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from artsim.commands.command_line import say, say_notes
from artsim.commands.evaluate import SeedOption
from artsim.commands.options import FilterOptions, OverwriteOption, Place, as_command

if TYPE_CHECKING:
    from artsim.catalog.progress import Progress
    from artsim.render.collection_map import CollectionMap
    from artsim.render.map_page import MapStyle, WrittenMap

LAYOUT = "Layout"
LOOK = "Look"

MapFilesOption = Annotated[
    list[Path],
    typer.Option(
        "--out",
        "-o",
        metavar="FILE",
        help="Map to write, .html (interactive) or .png; repeatable.",
    ),
]
EncoderOption = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        "-e",
        help="Of those the gallery has.",
        show_default="the gallery's first",
        rich_help_panel=LAYOUT,
    ),
]
MethodOption = Annotated[
    Literal["tsne", "umap", "pca"],
    typer.Option(help="UMAP needs: pip install 'artsim\\[umap]'.", rich_help_panel=LAYOUT),
]
PerplexityOption = Annotated[
    float,
    typer.Option(
        min=1, help="About how many neighbors count for each picture.", rich_help_panel=LAYOUT
    ),
]
LimitOption = Annotated[
    int,
    typer.Option(
        "--limit", "-k", min=1, help="Of more a random sample is shown.", rich_help_panel=LAYOUT
    ),
]
FacesOption = Annotated[bool, typer.Option("--faces", help="Map the faces instead.")]
ColorByOption = Annotated[
    str | None,
    typer.Option(
        metavar="FIELD",
        help="style, artist, year_start, extra.NAME, …",
        show_default="the first that is known",
        rich_help_panel=LOOK,
    ),
]
ThumbnailSizeOption = Annotated[
    int | None,
    typer.Option(
        min=16,
        max=512,
        help="Pixels of the page's thumbnails.",
        show_default="by how many there are",
        rich_help_panel=LOOK,
    ),
]
NoThumbnailsOption = Annotated[
    bool, typer.Option("--no-thumbnails", help="A small page of dots.", rich_help_panel=LOOK)
]
PicturesOption = Annotated[
    bool,
    typer.Option(
        "--pictures",
        help="In a PNG show the pictures, side by side, instead of dots.",
        rich_help_panel=LOOK,
    ),
]


@as_command
def map_collection(
    *,
    out: MapFilesOption = [Path("map.html")],  # noqa: B006 - typer copies it
    faces: FacesOption = False,
    encoder: EncoderOption = None,
    method: MethodOption = "tsne",
    perplexity: PerplexityOption = 30.0,
    seed: SeedOption = 0,
    limit: LimitOption = 10_000,
    color_by: ColorByOption = None,
    thumbnail_size: ThumbnailSizeOption = None,
    no_thumbnails: NoThumbnailsOption = False,
    pictures: PicturesOption = False,
    overwrite: OverwriteOption = False,
    filtered: FilterOptions,
    place: Place,
) -> None:
    """Lay the collection out in the plane, alike beside alike, to be looked through.

    Example: artsim map --color-by artist --out map.html --out map.png
    """
    if thumbnail_size is not None and no_thumbnails:
        raise typer.BadParameter("--thumbnail-size and --no-thumbnails exclude each other")
    from artsim.files import check_file
    from artsim.render.collection_map import MapOptions, make_map
    from artsim.render.map_page import MAP, MapStyle
    from artsim.render.progress import make_progress
    from artsim.search.filters import build_criteria, check_field
    from artsim.search.inspect import check_no_painting

    for path in out:
        check_file(path, MAP, overwrite=overwrite)
    if color_by is not None:
        check_field(color_by)
    options = MapOptions(method, perplexity, seed, limit, faces, color_by)
    progress = make_progress()
    with place.open() as opened:
        for path in out:
            check_no_painting(opened, path, MAP)
        collection = opened.faces if faces else opened.paintings
        criteria, notes = build_criteria(filtered.filters(), collection)
        say_notes(notes)
        made = make_map(opened, options, criteria, encoder=encoder, progress=progress)
    say_notes(made.notes)
    look = MapStyle(color_by, 0 if no_thumbnails else thumbnail_size, pictures)
    _write(made, out, look, overwrite, progress)


def _write(
    made: CollectionMap, paths: list[Path], look: MapStyle, overwrite: bool, progress: Progress
) -> None:
    from artsim.render.map_page import write_map

    for path in paths:
        progress.start(len(made), f"Drawing {path.name}")
        try:
            written = write_map(made, path, look, report=progress.update, overwrite=overwrite)
        finally:
            progress.finish()
        say(f"Map: {_describe(written, made)}")
    say(made.trust)


def _describe(written: WrittenMap, made: CollectionMap) -> str:
    from artsim.render.text import format_bytes

    words = f"{written.path} ({made.kind}, {format_bytes(written.size)})"
    if not written.missing:
        return words
    of = "no picture" if written.missing == len(made) else f"{written.missing:,} without a picture"
    return f"{words}; {of}: the files are missing, elsewhere or damaged"
