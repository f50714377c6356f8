"""Commands that ask of pictures: `query`, `replay`, `compare` and `classify`."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Final

import typer

from artsim.catalog.film_names import is_film
from artsim.catalog.hits import Classification
from artsim.catalog.kinds import DEFAULT_ENCODER, Region
from artsim.commands.command_line import say, say_notes, write_json
from artsim.commands.options import (
    EncoderOptions,
    FaceOptions,
    FilterOptions,
    Form,
    OutputOptions,
    Outputs,
    Place,
    chosen_kind,
    picture_file,
    picture_or_id,
)
from artsim.errors import ImageError
from artsim.images.memory import ImageLimits
from artsim.render.table import print_classification, print_comparison, print_hits
from artsim.render.text import describe_left_out, describe_query_faces, describe_region
from artsim.search.answer import ONLY_ITSELF, Answer, answer
from artsim.search.models import Models
from artsim.search.question import (
    COPIES,
    ExamplesQuery,
    IdQuery,
    ImageQuery,
    Query,
    Question,
    SearchOptions,
    TextQuery,
)
from artsim.search.replay import SavedQuestion, list_changes, read_question, save_question

_STDIN: Final = "standard input"
_MAX_STDIN: Final = 256 << 20  # of a picture, which is in memory as a whole


def query(
    *,
    # As text: a Path would make one slash of the two of a web address, before it can be named.
    image: tuple[str, ...] = (),
    painting_id: str | None = None,
    text: str | None = None,
    like: tuple[str, ...] = (),
    unlike: tuple[str, ...] = (),
    region: str | None = None,
    faces: bool = False,
    alike: bool = False,
    face: int | None = None,
    details: bool = False,
    kind: str | None = None,
    copies: bool = False,
    whole: bool = False,
    in_photo: bool = False,
    filtered: FilterOptions,
    ranking: SearchOptions,
    encoder: tuple[str, ...] = (),
    written: OutputOptions,
    save: Path | None = None,
    max_film_hours: float = 6.0,
    encoding: EncoderOptions,
    sure: FaceOptions,
    place: Place,
) -> None:
    """Ask a question of the options, and show the answer."""
    if image and is_film(Path(image[0])):
        others = (image[1:], painting_id, text, like, unlike, region, faces, alike, details, kind)
        if any(others) or copies or save or face is not None or ranking != SearchOptions():
            raise typer.BadParameter(
                "a film is searched by as a whole: beside it only filters, --encoder, --sheet and "
                "--format table or json are possible"
            )
        film = Path(image[0])
        _ask_by_film(film, filtered, encoder, written, encoding, max_film_hours, place)
        return
    if alike and encoder:
        raise typer.BadParameter("--alike is --faces --encoder builtin; name no other encoder")
    of_faces = faces or alike or (kind is None and face is not None and not details)
    if copies:
        if ranking.rerank is not None:
            raise typer.BadParameter("--copies re-ranks in its own way; leave --rerank out")
        ranking = replace(ranking, **COPIES)
    if whole and in_photo:
        raise typer.BadParameter("a picture is looked at --whole or --in-photo, not both")
    if whole or in_photo:
        ranking = replace(ranking, look="whole" if whole else "in-photo")
    question = Question(
        _make_query(image, painting_id, text, like, unlike, region),
        chosen_kind(kind, faces=of_faces, details=details),
        face,
        filtered.filters(),
        encoders=(DEFAULT_ENCODER,) if alike else encoder,
        options=ranking,
    )
    outputs = written.checked(place.settings.home, question.files, save)
    _ask(question, encoding.models(sure), place, outputs)


def _ask_by_film(
    film: Path,
    filtered: FilterOptions,
    encoder: tuple[str, ...],
    written: OutputOptions,
    encoding: EncoderOptions,
    max_hours: float,
    place: Place,
) -> None:
    from artsim.render.findings import print_sightings
    from artsim.render.progress_bars import make_progress
    from artsim.search.film_query import find_in_film

    form = written.output_format or "table"
    if len(encoder) > 1 or form not in ("table", "json") or written.output or written.print0:
        raise typer.BadParameter(
            "of a film there is one --encoder, and --format table or json on stdout"
        )
    outputs = written.checked(place.settings.home, [film])
    with place.open() as opened:
        outputs.check_paintings(opened)
        found = find_in_film(
            opened,
            film,
            filtered.filters(),
            encoder=encoder[0] if encoder else None,
            models=encoding.models(),
            limits=ImageLimits(encoding.max_megapixels, max_film_hours=max_hours),
            progress=make_progress("second"),
        )
    say_notes(found.notes)
    if form == "json":
        write_json(found.to_dict())
    elif found.sightings:
        print_sightings(found, sys.stdout)
    else:
        say(f"Nothing found: nothing of this gallery is seen in {film}.")
    outputs.write_sheets(found)


def replay(*, file: Path, written: OutputOptions, encoding: EncoderOptions, place: Place) -> None:
    """Ask a saved question again."""
    saved = read_question(file)
    # Its address is not asked: a file of somebody else's would choose where keys are sent.
    if place.gallery is None:
        place = replace(place, gallery=saved.source.gallery)
    outputs = written.checked(place.settings.home, (file, *saved.question.files))
    gone = (path for path in saved.question.files if not path.exists())
    say_notes([f"{path}: the picture is gone since" for path in gone])
    _ask(saved.question, encoding.models(FaceOptions(**saved.faces)), place, outputs, saved)


def compare(
    *,
    first: str,
    second: str,
    encoder: tuple[str, ...] = (),
    output_format: Form = "table",
    sheet: tuple[Path, ...] = (),
    overwrite: bool = False,
    encoding: EncoderOptions,
    sure: FaceOptions,
    place: Place,
) -> None:
    """Compare two pictures."""
    from artsim.search.comparison import compare as compare_pictures

    one, other = (picture_or_id(text, plain=True) for text in (first, second))
    files = [path for of in (one, other) if (path := getattr(of, "path", None)) is not None]
    outputs = OutputOptions(sheet=sheet, overwrite=overwrite).checked(place.settings.home, files)
    with place.open() as opened:
        outputs.check_paintings(opened)
        models = encoding.models(sure)
        found = compare_pictures(opened, one, other, models, encoders=encoder)
    if output_format == "json":
        write_json(found.to_dict())
    else:
        print_comparison(found, sys.stdout)
    outputs.write_sheets(found)


def _ask(
    question: Question,
    models: Models,
    place: Place,
    outputs: Outputs,
    saved: SavedQuestion | None = None,
) -> None:
    with place.open() as opened:
        outputs.check_paintings(opened)
        result = answer(opened, question, models)
    if saved is not None:
        say_notes(list_changes(saved, result))
    say_notes([*result.notes, *_remarks(result, outputs.form)])
    if not result.hits:
        kept = "; --include-self keeps it" if result.why_empty == ONLY_ITSELF else ""
        say(f"Nothing found: {result.why_empty}{kept}.")
    elif outputs.as_table:
        print_hits(result, sys.stdout)
    outputs.write(result, len(result.hits))
    outputs.write_sheets(result)
    if outputs.question is not None:
        save_question(result, outputs.question, models=models, **outputs.door)
        say(f"Question: {outputs.question}")


def _make_query(
    images: tuple[str, ...],
    painting_id: str | None,
    text: str | None,
    like: tuple[str, ...],
    unlike: tuple[str, ...],
    region: str | None,
) -> Query:
    if len(images) > 1:
        raise typer.BadParameter(
            f"{len(images)} pictures, where one is expected: run artsim for each, or search by "
            "all of them together with --like A --like B"
        )
    ways = [bool(images), painting_id is not None, text is not None, bool(like or unlike)]
    if sum(ways) != 1:
        raise typer.BadParameter(
            "give one query: a picture, or --id, or --text, or --like (with --unlike)"
        )
    if region is not None and not images and painting_id is None:
        raise typer.BadParameter(
            "--region is of a picture or --id; of examples write --like a.jpg@10%,10%,50%,50%"
        )
    part = None if region is None else Region.parse(region)
    if images:
        picture = _standard_input() if images == ("-",) else picture_file(images[0])
        return replace(picture, region=part)
    if painting_id is not None:
        return IdQuery(painting_id, part)
    if text is not None:
        return TextQuery(text)
    if not like:
        raise typer.BadParameter("--unlike needs at least one --like")
    return ExamplesQuery(tuple(map(_example, like)), tuple(map(_example, unlike)))


def _example(text: str) -> IdQuery | ImageQuery:
    """Return the picture, or the region of one that ``@`` and the region's text follow."""
    name, at, region = text.rpartition("@")
    if at and not region and text.startswith("id:"):  # which ends an id that looks like a region
        return picture_or_id(name)
    if not at or region.count(",") != 3 or Path(text).exists():
        return picture_or_id(text)
    return replace(picture_or_id(name), region=Region.parse(region))


def _standard_input() -> ImageQuery:
    if sys.stdin.isatty():
        raise ImageError(
            "standard input is a terminal, where a picture is expected",
            hint="artsim query - < girl.jpg",
        )
    content = sys.stdin.buffer.read(_MAX_STDIN + 1)
    if len(content) > _MAX_STDIN:
        raise ImageError(f"{_STDIN}: more than {_MAX_STDIN >> 20} MiB; give the path of a file")
    return ImageQuery(content, _STDIN)


def _remarks(result: Answer, output_format: str | None) -> Iterator[str]:
    """Yield what a person should know of the query, with the option that changes it."""
    if result.left_out:
        kept = "it" if len(result.left_out) == 1 else "them"
        yield f"{describe_left_out(result)} (--include-self keeps {kept})"
    if output_format != "table":
        return
    if result.query_region is not None:
        yield describe_region(result.query_region)
    if result.query_faces:
        yield describe_query_faces(result)
    count = (result.query_payload or {}).get("face_count", 0)
    if count and not result.is_of_faces and not result.examples:
        yield (
            "1 face in this picture: --faces searches by it"
            if count == 1
            else f"{count} faces in this picture: --faces searches by them"
        )


def classify(
    *,
    images: tuple[Path, ...],
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
    from artsim.search.classify_neighbors import MAJORITY, classify_by_neighbors

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
        all_read = _classify_all(images, classify_one, source, output_format, top)
    if not all_read:
        raise typer.Exit(1)


def _classify_all(
    images: tuple[Path, ...],
    classify_one: Callable[[Path], Classification],
    source: dict[str, Any],
    output_format: Form,
    top: int,
) -> bool:
    """Write what is said of each picture; one that cannot be read does not stop the others."""
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
        from artsim.render.output import classifications_document

        write_json(classifications_document(found, source))
    return len(found) == len(images)
