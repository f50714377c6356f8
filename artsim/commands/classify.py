"""`artsim classify`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from artsim.commands.command_line import say, write_json
from artsim.commands.options import EncoderOptions, Form, Place

if TYPE_CHECKING:
    from artsim.catalog.hits import Classification

    Classify = Callable[[Path], Classification]


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
    source: dict[str, Any] = {"model": str(model)} if model else {"by": by, "k": k}
    if model is not None:
        opened = _trained(model, least, encoding)
    else:
        opened = _vote(place, str(by), k, least, encoder, encoding)
    with opened as classify_one:
        all_read = _answer(images, classify_one, source, output_format, top)
    if not all_read:
        raise typer.Exit(1)


@contextmanager
def _trained(folder: Path, least: float | None, encoding: EncoderOptions) -> Iterator[Classify]:
    from artsim.encoders.classifier import load_classifier
    from artsim.images.load import ImageLimits

    classifier = load_classifier(folder, device=encoding.device, weights=encoding.weights)
    limits = ImageLimits(max_megapixels=encoding.max_megapixels)
    yield lambda path: classifier.classify(path, threshold=least, limits=limits)


@contextmanager
def _vote(
    place: Place,
    field: str,
    k: int,
    least: float | None,
    encoder: str | None,
    encoding: EncoderOptions,
) -> Iterator[Classify]:
    from artsim.search.classify_neighbors import MAJORITY, classify_by_neighbors

    with place.open() as gallery:
        yield lambda path: classify_by_neighbors(
            gallery,
            path,
            field,
            k=k,
            threshold=MAJORITY if least is None else least,
            encoder=encoder,
            models=encoding.models(),
        )


def _answer(
    images: list[Path],
    classify_one: Classify,
    source: dict[str, Any],
    output_format: str,
    top: int,
) -> bool:
    """Write what is said of each picture; one that cannot be read does not stop the others."""
    from artsim.errors import ImageError
    from artsim.render.output import classifications_document
    from artsim.render.table import print_classification

    found: list[Classification] = []
    failures = 0
    for path in images:
        try:
            found.append(classify_one(path))
        except ImageError as error:
            say(f"Error: {error.with_hint}")
            failures += 1
            continue
        if output_format == "table":
            print_classification(found[-1], sys.stdout, top=top)
    if output_format == "json":
        write_json(classifications_document(found, source))
    return failures == 0
