"""`artsim map`."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from artsim.catalog.kinds import FACES, PAINTINGS
from artsim.commands.command_line import say, say_notes
from artsim.commands.options import (
    FilterOptions,
    Place,
    option,
    overwrite_option,
    seed_option,
)

if TYPE_CHECKING:
    from artsim.catalog.progress import Progress
    from artsim.render.collection_map import CollectionMap
    from artsim.render.map_page import MapStyle, WrittenMap

_layout = partial(option, panel="Layout")
_look = partial(option, panel="Look")


def map_collection(
    *,
    out: list[Path] = option(
        [Path("map.html")],
        "Map to write, .html (interactive) or .png; repeatable.",
        *("--out", "-o"),
        metavar="FILE",
    ),
    faces: bool = option(False, "Map the faces instead.", "--faces"),
    encoder: str | None = _layout(
        None,
        "Of those the gallery has.",
        *("--encoder", "-e"),
        show_default="the gallery's first",
    ),
    method: Literal["tsne", "umap", "pca"] = _layout(
        "tsne", "UMAP needs: pip install 'artsim\\[umap]'."
    ),
    perplexity: float = _layout(30.0, "About how many neighbors count for each picture.", min=1),
    seed: int = seed_option(),
    limit: int = _layout(10_000, "Of more a random sample is shown.", "--limit", "-k", min=1),
    color_by: str | None = _look(
        None,
        "style, artist, year_start, extra.NAME, …",
        metavar="FIELD",
        show_default="the first that is known",
    ),
    thumbnail_size: int | None = _look(
        None,
        "Pixels of the page's thumbnails.",
        min=16,
        max=512,
        show_default="by how many there are",
    ),
    no_thumbnails: bool = _look(False, "A small page of dots.", "--no-thumbnails"),
    pictures: bool = _look(
        False, "In a PNG show the pictures, side by side, instead of dots.", "--pictures"
    ),
    overwrite: bool = overwrite_option(),
    filtered: FilterOptions,
    place: Place,
) -> None:
    """Lay the collection out in the plane, alike beside alike."""
    if thumbnail_size is not None and no_thumbnails:
        raise typer.BadParameter("--thumbnail-size and --no-thumbnails exclude each other")
    from artsim.files import check_file
    from artsim.render.collection_map import MapOptions, make_map
    from artsim.render.map_page import MAP, MapStyle
    from artsim.render.progress_bars import make_progress
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
        collection = opened[FACES] if faces else opened[PAINTINGS]
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
