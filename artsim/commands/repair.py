"""`artsim repair`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import typer

from artsim.commands.common import (
    GalleryOption,
    HomeOption,
    Place,
    TableOrJson,
    UrlOption,
    WaitOption,
    expected_errors,
    say,
    write_json,
)

if TYPE_CHECKING:
    from artsim.ingest.upkeep import GalleryRepair
    from artsim.store.repair import CollectionRepair

SHOWN_IDS = 20

SOME_LOST = 3
"""Exit code of a repair after which something has to be ingested again."""


def repair(
    output_format: TableOrJson = "table",
    gallery: GalleryOption = None,
    url: UrlOption = None,
    home: HomeOption = None,
    wait: WaitOption = None,
) -> None:
    """Save what can be read of a damaged gallery, and keep it as it was beside.

    A sound gallery is left as it is. Interrupted, it is simply run again. The exit code is
    3 where something could not be saved.

    Example: artsim repair --gallery nga
    """
    with expected_errors():
        from artsim.ingest.upkeep import repair_gallery
        from artsim.render.progress import make_progress

        place = Place(gallery, url, None, home, wait)
        repaired = repair_gallery(
            place.settings, name=gallery, url=url, wait=wait, progress=make_progress("painting")
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
        yield f"{made.collection}: sound, {made.points:,} points."
        return
    yield f"{made.collection}: {made.damage}."
    lost = f"; {made.missing:,} could not be" if made.missing else ""
    yield f"  {made.points:,} points were saved and can be read again{lost}."
    if made.without_some_vectors:
        yield f"  {made.without_some_vectors:,} of them lost vectors: ingest their pictures again."
    if made.painting_ids:
        shown = ", ".join(made.painting_ids[:SHOWN_IDS])
        more = f" and {len(made.painting_ids) - SHOWN_IDS:,} more (all with --format json)"
        rest = more if len(made.painting_ids) > SHOWN_IDS else ""
        yield f"  Not in it any more, so ingest again unless you deleted them: {shown}{rest}"
    yield f"  As it was, it is kept in {made.copy}; delete that when you miss nothing."
