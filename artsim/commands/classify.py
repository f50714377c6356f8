"""`artsim classify`."""

from __future__ import annotations

import sys
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from artsim.commands.command_line import say, write_json
from artsim.commands.options import EncoderOptions, Form, Place

if TYPE_CHECKING:
    from artsim.catalog.hits import Classification


def classify(
    *,
    images: list[Path],
    model: Path | None = None,
    by: str | None = None,
    k: int = 10,
    encoder: str | None = None,
    least: float | None = None,
    top: int = 5,
    encoding: EncoderOptions,
    output_format: Form = "table",
    place: Place,
) -> None:
    """Say of which style, artist or genre pictures are, or abstain."""
    if (model is None) == (by is None):
        raise typer.BadParameter("give a trained classifier (--model DIR), or a field (--by FIELD)")
    if model is not None and encoder is not None:
        raise typer.BadParameter("--encoder is for --by; a classifier has its own")
    from artsim.encoders.classifier import load_classifier
    from artsim.images.load import ImageLimits
    from artsim.search.neighbors import MAJORITY, classify_by_neighbors

    with ExitStack() as opened:
        classify_one: Callable[[Path], Classification]
        if model is not None:
            source: dict[str, Any] = {"model": str(model)}
            trained = load_classifier(model, device=encoding.device, weights=encoding.weights)
            limits = ImageLimits(max_megapixels=encoding.max_megapixels)
            classify_one = partial(trained.classify, threshold=least, limits=limits)
        else:
            source = {"by": by, "k": k}
            classify_one = partial(
                classify_by_neighbors,
                opened.enter_context(place.open()),
                field=str(by),
                k=k,
                threshold=MAJORITY if least is None else least,
                encoder=encoder,
                models=encoding.models(),
            )
        all_read = _answer(images, classify_one, source, output_format, top)
    if not all_read:
        raise typer.Exit(1)


def _answer(
    images: list[Path],
    classify_one: Callable[[Path], Classification],
    source: dict[str, Any],
    output_format: Form,
    top: int,
) -> bool:
    """Write what is said of each picture; one that cannot be read does not stop the others."""
    from artsim.errors import ImageError
    from artsim.render.output import classifications_document
    from artsim.render.table import print_classification

    found: list[Classification] = []
    for path in images:
        try:
            found.append(classify_one(path))
        except ImageError as error:
            say(f"Error: {error.with_hint}")
            continue
        if output_format == "table":
            print_classification(found[-1], sys.stdout, top=top)
    if output_format == "json":
        write_json(classifications_document(found, source))
    return len(found) == len(images)
