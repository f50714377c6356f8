"""`artsim query`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from artsim.commands.command_line import say, say_notes
from artsim.commands.options import (
    EncoderOptions,
    FaceOptions,
    FilterOptions,
    KindOption,
    Place,
    as_command,
    chosen_kind,
    names_of,
    one_of,
)
from artsim.commands.outputs import OUTPUT, OutputOptions, Outputs
from artsim.search.rerank import RERANKERS

if TYPE_CHECKING:
    from artsim.search.answer import Answer
    from artsim.search.models import Models
    from artsim.search.question import ImageQuery, PictureQuery, Query, Question, SearchOptions
    from artsim.search.replay import SavedQuestion

RANKING = "Ranking"
_ID_PREFIX = "id:"
_STDIN: Final = "standard input"
_MAX_STDIN: Final = 256 << 20
"""Most bytes of a picture on the standard input, which is in memory as a whole."""


# As text: a Path would make one slash of the two of a web address, before it can be named.
ImageArgument = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="IMAGE",
        help="Query picture; - is the standard input.",
        show_default=False,
    ),
]
PaintingIdOption = Annotated[
    str | None, typer.Option("--id", help="Query painting, by its id in the gallery.")
]
TextOption = Annotated[
    str | None, typer.Option("--text", "-t", help="Query text, for encoders that take it.")
]
LikeOption = Annotated[
    list[str] | None, typer.Option(metavar="IMG", help="A picture, or id:ID; repeatable.")
]
UnlikeOption = Annotated[
    list[str] | None, typer.Option(metavar="IMG", help="A picture, or id:ID; repeatable.")
]
FacesOption = Annotated[bool, typer.Option("--faces", help="Search by the picture's faces.")]
FaceOption = Annotated[int | None, typer.Option(min=0, metavar="N", help="Only by face N, from 0.")]
SaveOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="File for the question, .json; artsim replay asks it again.",
        rich_help_panel=OUTPUT,
    ),
]
EncoderOption = Annotated[
    list[str] | None,
    typer.Option(
        "--encoder",
        "-e",
        help="Of those the gallery has; several are fused by reciprocal rank.",
        rich_help_panel=RANKING,
    ),
]


@dataclass(frozen=True, slots=True)
class RankingOptions:
    """How hits are chosen and ordered: the command line's `SearchOptions`."""

    limit: Annotated[
        int, typer.Option("--limit", "-k", min=1, help="How many.", rich_help_panel=RANKING)
    ] = 10
    offset: Annotated[
        int, typer.Option(min=0, help="After skipping how many.", rich_help_panel=RANKING)
    ] = 0
    min_score: Annotated[
        float | None,
        typer.Option(min=-1.0, max=1.0, help="Least cosine.", rich_help_panel=RANKING),
    ] = None
    rerank: Annotated[
        str | None,
        typer.Option(
            parser=one_of(RERANKERS),
            metavar=names_of(RERANKERS),
            help="Reorder the first hits by pixels: for faithful copies.",
            rich_help_panel=RANKING,
        ),
    ] = None
    rerank_depth: Annotated[
        int, typer.Option(min=1, help="How many first hits.", rich_help_panel=RANKING)
    ] = 100
    rerank_weight: Annotated[
        float | None,
        typer.Option(
            min=0,
            max=100,
            help="Reorder by the cosine plus so much of the second score.",
            show_default="the second score alone",
            rich_help_panel=RANKING,
        ),
    ] = None
    group_by: Annotated[
        str | None,
        typer.Option(
            metavar="FIELD", help="Best of each artist, style, …", rich_help_panel=RANKING
        ),
    ] = None
    group_size: Annotated[
        int, typer.Option(min=1, help="How many of each.", rich_help_panel=RANKING)
    ] = 1
    include_self: Annotated[
        bool,
        typer.Option("--include-self", help="Keep the query picture.", rich_help_panel="Filters"),
    ] = False
    not_same_artist: Annotated[
        bool,
        typer.Option(
            "--not-same-artist",
            help="Leave out the query painting's own artist.",
            rich_help_panel="Filters",
        ),
    ] = False
    exact: Annotated[
        bool, typer.Option("--exact", help="Search without the index.", rich_help_panel=RANKING)
    ] = False

    def search_options(self) -> SearchOptions:
        """Return them for the search."""
        from artsim.search.question import SearchOptions

        if self.rerank_weight is not None and self.rerank is None:
            raise typer.BadParameter("--rerank-weight needs --rerank ssim or --rerank rmse")
        return SearchOptions(**asdict(self))


@as_command
def query(
    *,
    image: ImageArgument = None,
    painting_id: PaintingIdOption = None,
    text: TextOption = None,
    like: LikeOption = None,
    unlike: UnlikeOption = None,
    faces: FacesOption = False,
    face: FaceOption = None,
    kind: KindOption = None,
    filtered: FilterOptions,
    ranking: RankingOptions,
    encoder: EncoderOption = None,
    written: OutputOptions,
    save: SaveOption = None,
    encoding: EncoderOptions,
    sure: FaceOptions,
    place: Place,
) -> None:
    """Find the paintings, or the faces, most similar to a picture.

    Example: artsim query girl.jpg --faces --artist "Frans Hals" --rerank ssim
    """
    from artsim.search.question import Question

    question = Question(
        _make_query(image or [], painting_id, text, like, unlike),
        chosen_kind(kind, faces or (kind is None and face is not None)),
        face,
        filtered.filters(),
        encoders=tuple(encoder or ()),
        options=ranking.search_options(),
    )
    outputs = written.checked(place.settings.home, _files(question), save)
    _ask(question, encoding.models(**asdict(sure)), place, outputs)


@as_command
def replay(
    *,
    file: Annotated[Path, typer.Argument(metavar="FILE", help="As artsim query --save wrote it.")],
    written: OutputOptions,
    encoding: EncoderOptions,
    place: Place,
) -> None:
    """Ask a saved question again, and say what has changed since.

    Of the same gallery the answer is the same, byte for byte.

    Example: artsim replay girl.json --format json
    """
    from artsim.search.replay import missing_pictures, read_question

    saved = read_question(file)
    # Its address is not asked: a file of somebody else's would choose where keys are sent.
    if place.gallery is None:
        place = replace(place, gallery=saved.source.gallery)
    outputs = written.checked(place.settings.home, (file, *_files(saved.question)))
    say_notes([f"{path}: the picture is gone since" for path in missing_pictures(saved.question)])
    models = encoding.models(min_face=saved.min_face, face_score=saved.face_score)
    _ask(saved.question, models, place, outputs, saved)


def _ask(
    question: Question,
    models: Models,
    place: Place,
    outputs: Outputs,
    saved: SavedQuestion | None = None,
) -> None:
    from artsim.search.answer import answer

    with place.open() as opened:
        outputs.check_paintings(opened)
        result = answer(opened, question, models)
    if saved is not None:
        from artsim.search.replay import list_changes

        say_notes(list_changes(saved, result))
    _show(result, outputs)
    if outputs.question is not None:
        from artsim.search.replay import save_question

        save_question(
            result,
            outputs.question,
            models=models,
            overwrite=outputs.overwrite,
            inputs=outputs.inputs,
            home=outputs.home,
        )
        say(f"Question: {outputs.question}")


def _make_query(
    images: list[str],
    painting_id: str | None,
    text: str | None,
    like: list[str] | None,
    unlike: list[str] | None,
) -> Query:
    from artsim.search.question import ExamplesQuery, IdQuery, TextQuery

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
    if images:
        return _standard_input() if images == ["-"] else _picture_file(images[0])
    if painting_id is not None:
        return IdQuery(painting_id)
    if text is not None:
        return TextQuery(text)
    if not like:
        raise typer.BadParameter("--unlike needs at least one --like")
    return ExamplesQuery(tuple(map(_picture, like)), tuple(map(_picture, unlike or [])))


def _picture(text: str) -> PictureQuery:
    from artsim.search.question import IdQuery

    if text.startswith(_ID_PREFIX):
        return IdQuery(text.removeprefix(_ID_PREFIX))
    return _picture_file(text)


def _picture_file(text: str) -> ImageQuery:
    from artsim.errors import ImageError
    from artsim.files import local_path
    from artsim.search.question import ImageQuery

    path = local_path(text)
    if path is None:
        raise ImageError(f"{text}: artsim does not download pictures; save it and give its path")
    if path.is_dir():
        raise ImageError(
            f"{path}: a folder, where one picture is expected; give one of its pictures, or make "
            "a gallery of the folder",
            hint=f"artsim ingest {path}",
            path=path,
        )
    return ImageQuery(path)


def _standard_input() -> ImageQuery:
    from artsim.errors import ImageError
    from artsim.search.question import ImageQuery

    if sys.stdin.isatty():
        raise ImageError(
            "standard input is a terminal, where a picture is expected",
            hint="artsim query - < girl.jpg",
        )
    content = sys.stdin.buffer.read(_MAX_STDIN + 1)
    if len(content) > _MAX_STDIN:
        raise ImageError(f"{_STDIN}: more than {_MAX_STDIN >> 20} MiB; give the path of a file")
    return ImageQuery(content, _STDIN)


def _files(question: Question) -> tuple[Path, ...]:
    """Return the files of the query's pictures, which nothing is written over."""
    paths = (getattr(picture, "path", None) for picture in question.pictures)
    return tuple(path for path in paths if path is not None)


def _show(result: Answer, outputs: Outputs) -> None:
    say_notes([*result.notes, *_remarks(result, outputs.form)])
    if not result.hits:
        say(f"Nothing found: {result.why_empty}{_way_out(result)}.")
    elif outputs.form == "table" and outputs.path is None:
        from artsim.render.table import print_hits

        print_hits(result, sys.stdout)
    outputs.write(result, len(result.hits))
    outputs.write_sheets(result)


def _remarks(result: Answer, output_format: str | None) -> Iterator[str]:
    """Yield what a person should know of the query, with the option that changes it."""
    from artsim.render.text import describe_left_out, describe_query_faces

    if result.left_out:
        kept = "it" if len(result.left_out) == 1 else "them"
        yield f"{describe_left_out(result)} (--include-self keeps {kept})"
    if output_format != "table":
        return
    if result.query_faces:
        yield describe_query_faces(result)
    count = (result.query_payload or {}).get("face_count", 0)
    if count and not result.is_of_faces and not result.examples:
        yield (
            "1 face in this picture: --faces searches by it"
            if count == 1
            else f"{count} faces in this picture: --faces searches by them"
        )


def _way_out(result: Answer) -> str:
    from artsim.search.answer import ONLY_ITSELF

    return "; --include-self keeps it" if result.why_empty == ONLY_ITSELF else ""
