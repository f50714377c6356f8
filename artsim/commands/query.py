"""`artsim query`."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import typer

from artsim.commands.common import (
    ApiKeyOption,
    ArtistOption,
    AttributionOption,
    DeviceOption,
    FaceScoreOption,
    GalleryOption,
    GenreOption,
    HomeOption,
    InstitutionOption,
    MaxMegapixelsOption,
    MediumOption,
    MinFaceOption,
    NotOption,
    OverwriteOption,
    Place,
    SchoolOption,
    StyleOption,
    TagOption,
    TitleOption,
    UrlOption,
    WaitOption,
    WeightsOption,
    WhereOption,
    YearOption,
    expected_errors,
    make_filters,
    say,
    say_notes,
)
from artsim.commands.outputs import OUTPUT, OutputOption, Outputs, Print0Option

if TYPE_CHECKING:
    from artsim.catalog.results import SearchResult
    from artsim.search.queries import ImageQuery, PictureQuery, Query

Method = Literal["ssim", "rmse"]

RANKING = "Ranking"
_ID_PREFIX = "id:"
_STDIN: Final = "standard input"
_MAX_STDIN: Final = 256 << 20
"""Most bytes of a picture on the standard input, which is in memory as a whole."""

Format = Literal["table", "json", "jsonl", "csv", "xlsx", "paths"]

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
NotSameArtistOption = Annotated[
    bool,
    typer.Option(
        "--not-same-artist",
        help="Leave out the query painting's own artist.",
        rich_help_panel="Filters",
    ),
]
IncludeSelfOption = Annotated[
    bool,
    typer.Option("--include-self", help="Keep the query picture.", rich_help_panel="Filters"),
]
LimitOption = Annotated[
    int, typer.Option("--limit", "-k", min=1, help="How many.", rich_help_panel=RANKING)
]
OffsetOption = Annotated[
    int, typer.Option(min=0, help="After skipping how many.", rich_help_panel=RANKING)
]
MinScoreOption = Annotated[
    float | None,
    typer.Option(min=-1.0, max=1.0, help="Least cosine.", rich_help_panel=RANKING),
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
RerankOption = Annotated[
    Method | None,
    typer.Option(
        help="Reorder the first hits by pixels: for faithful copies.", rich_help_panel=RANKING
    ),
]
RerankDepthOption = Annotated[
    int, typer.Option(min=1, help="How many first hits.", rich_help_panel=RANKING)
]
RerankWeightOption = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=100,
        help="Reorder by the cosine plus so much of the second score.",
        show_default="the second score alone",
        rich_help_panel=RANKING,
    ),
]
GroupByOption = Annotated[
    str | None,
    typer.Option(metavar="FIELD", help="Best of each artist, style, …", rich_help_panel=RANKING),
]
GroupSizeOption = Annotated[
    int, typer.Option(min=1, help="How many of each.", rich_help_panel=RANKING)
]
OutputFormatOption = Annotated[
    Format | None,
    typer.Option(
        "--format",
        "-f",
        help="A table for people; for programs json (all there is), jsonl (a line a hit), csv, "
        "or paths (of the pictures alone); xlsx for Excel.",
        show_default="by the ending of --output, else table",
        rich_help_panel=OUTPUT,
    ),
]
SheetOption = Annotated[
    list[Path] | None,
    typer.Option(
        metavar="FILE",
        help="Contact sheet to write, .png or .html; repeatable.",
        rich_help_panel=OUTPUT,
    ),
]
ExactOption = Annotated[
    bool, typer.Option("--exact", help="Search without the index.", rich_help_panel=RANKING)
]


def query(
    image: ImageArgument = None,
    painting_id: PaintingIdOption = None,
    text: TextOption = None,
    like: LikeOption = None,
    unlike: UnlikeOption = None,
    faces: FacesOption = False,
    face: FaceOption = None,
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
    not_same_artist: NotSameArtistOption = False,
    include_self: IncludeSelfOption = False,
    limit: LimitOption = 10,
    offset: OffsetOption = 0,
    min_score: MinScoreOption = None,
    encoder: EncoderOption = None,
    rerank: RerankOption = None,
    rerank_depth: RerankDepthOption = 100,
    rerank_weight: RerankWeightOption = None,
    group_by: GroupByOption = None,
    group_size: GroupSizeOption = 1,
    output_format: OutputFormatOption = None,
    output: OutputOption = None,
    print0: Print0Option = False,
    sheet: SheetOption = None,
    overwrite: OverwriteOption = False,
    exact: ExactOption = False,
    weights: WeightsOption = None,
    device: DeviceOption = "auto",
    min_face: MinFaceOption = None,
    face_score: FaceScoreOption = None,
    max_megapixels: MaxMegapixelsOption = 200.0,
    gallery: GalleryOption = None,
    url: UrlOption = None,
    api_key: ApiKeyOption = None,
    home: HomeOption = None,
    wait: WaitOption = None,
) -> None:
    """Find the paintings, or the faces, most similar to a picture.

    Example: artsim query girl.jpg --faces --artist "Frans Hals" --rerank ssim
    """
    by_faces = faces or face is not None
    if rerank_weight is not None and rerank is None:
        raise typer.BadParameter("--rerank-weight needs --rerank ssim or --rerank rmse")
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
        from artsim.search.answer import answer
        from artsim.search.models import Models
        from artsim.search.options import SearchOptions

        options = SearchOptions(
            limit=limit,
            offset=offset,
            min_score=min_score,
            rerank=rerank,
            rerank_depth=rerank_depth,
            rerank_weight=rerank_weight,
            group_by=group_by,
            group_size=group_size,
            include_self=include_self,
            not_same_artist=not_same_artist,
            exact=exact,
        )
        asked = _make_query(image or [], painting_id, text, like, unlike)
        models = Models(
            weights=weights,
            device=device,
            min_face=min_face,
            face_score=face_score,
            max_megapixels=max_megapixels,
        )
        place = Place(gallery, url, api_key, home, wait)
        outputs = Outputs(
            output,
            output_format,
            print0,
            sheet or (),
            overwrite,
            place.settings.home,
            _files(asked),
        ).checked()
        with place.open() as opened:
            outputs.check_paintings(opened)
            result = answer(
                opened,
                asked,
                filters,
                options,
                faces=by_faces,
                face=face,
                encoders=encoder,
                models=models,
            )
        _show(result, outputs)


def _make_query(
    images: list[str],
    painting_id: str | None,
    text: str | None,
    like: list[str] | None,
    unlike: list[str] | None,
) -> Query:
    from artsim.search.queries import ExamplesQuery, IdQuery, TextQuery

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
    from artsim.search.queries import IdQuery

    if text.startswith(_ID_PREFIX):
        return IdQuery(text.removeprefix(_ID_PREFIX))
    return _picture_file(text)


def _picture_file(text: str) -> ImageQuery:
    from artsim.errors import ImageError
    from artsim.files import local_path
    from artsim.search.queries import ImageQuery

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
    from artsim.search.queries import ImageQuery

    if sys.stdin.isatty():
        raise ImageError(
            "standard input is a terminal, where a picture is expected",
            hint="artsim query - < girl.jpg",
        )
    content = sys.stdin.buffer.read(_MAX_STDIN + 1)
    if len(content) > _MAX_STDIN:
        raise ImageError(f"{_STDIN}: more than {_MAX_STDIN >> 20} MiB; give the path of a file")
    return ImageQuery(content, _STDIN)


def _files(query: Query) -> tuple[Path, ...]:
    """Return the files of the query's pictures, which nothing is written over."""
    from artsim.search.queries import ExamplesQuery, ImageQuery

    parts = (*query.like, *query.unlike) if isinstance(query, ExamplesQuery) else (query,)
    paths = (part.path for part in parts if isinstance(part, ImageQuery))
    return tuple(path for path in paths if path is not None)


def _show(result: SearchResult, outputs: Outputs) -> None:
    say_notes([*result.notes, *_remarks(result, outputs.form)])
    if not result.hits:
        say(f"Nothing found: {result.why_empty}{_way_out(result)}.")
    elif outputs.form == "table" and outputs.path is None:
        from artsim.render.table import print_hits

        print_hits(result, sys.stdout)
    outputs.write(result, len(result.hits))
    outputs.write_sheets(result)


def _remarks(result: SearchResult, output_format: Format | None) -> Iterator[str]:
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


def _way_out(result: SearchResult) -> str:
    from artsim.search.why_empty import ONLY_ITSELF

    return "; --include-self keeps it" if result.why_empty == ONLY_ITSELF else ""
