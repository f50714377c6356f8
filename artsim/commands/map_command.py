"""`artsim map`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal

import typer

from artsim.catalog.kinds import FACES, PAINTINGS
from artsim.commands.command_line import say, say_notes
from artsim.commands.options import FilterOptions, Place

if TYPE_CHECKING:
    from artsim.catalog.progress import Progress
    from artsim.render.collection_map import CollectionMap
    from artsim.render.map_page import MapStyle, WrittenMap


def map_collection(
    *,
    out: list[Path] = [Path("map.html")],  # noqa: B006 - typer copies it
    faces: bool = False,
    encoder: str | None = None,
    method: Literal["tsne", "umap", "pca"] = "tsne",
    perplexity: float = 30.0,
    seed: int = 0,
    limit: int = 10_000,
    color_by: str | None = None,
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
        criteria, notes = build_criteria(filtered.filters(), collection, opened)
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
