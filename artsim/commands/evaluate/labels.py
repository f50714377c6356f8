"""`artsim evaluate labels`."""

from __future__ import annotations

from typing import Annotated

import typer

from artsim.commands.common import (
    ApiKeyOption,
    ArtistOption,
    AttributionOption,
    GalleryOption,
    GenreOption,
    HomeOption,
    InstitutionOption,
    MediumOption,
    NotOption,
    OverwriteOption,
    Place,
    SchoolOption,
    StyleOption,
    TagOption,
    TitleOption,
    UrlOption,
    WaitOption,
    WhereOption,
    YearOption,
    expected_errors,
    make_filters,
    say_notes,
)
from artsim.commands.evaluate.common import (
    EncodersOption,
    ExactOption,
    FormatOption,
    OutOption,
    RerankDepthOption,
    RerankOption,
    RerankWeightsOption,
    SeedOption,
    check_out,
    rerank_methods,
    rerank_weights,
    show_report,
)

ByOption = Annotated[
    list[str],
    typer.Option(
        metavar="FIELD",
        help="Right answers share it with the query: artist, style, extra.NAME; repeatable.",
    ),
]
ExcludeOption = Annotated[
    list[str] | None,
    typer.Option(metavar="FIELD", help="Leave out what shares it with the query; repeatable."),
]
DepthsOption = Annotated[
    list[int], typer.Option("--depth", "-k", min=1, help="Of P@k and R@k; repeatable.")
]
FusedOption = Annotated[
    bool, typer.Option("--fused", help="Also with all the encoders fused, as a row.")
]
LimitQueriesOption = Annotated[
    int | None,
    typer.Option(
        min=1, metavar="N", help="Only so many queries, drawn by --seed.", show_default="all"
    ),
]


def labels(
    by: ByOption,
    exclude: ExcludeOption = None,
    depth: DepthsOption = [1, 5, 10],  # noqa: B006 - typer copies it
    encoder: EncodersOption = None,
    fused: FusedOption = False,
    rerank: RerankOption = None,
    rerank_depth: RerankDepthOption = 100,
    rerank_weight: RerankWeightsOption = None,
    exact: ExactOption = False,
    limit_queries: LimitQueriesOption = None,
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
    seed: SeedOption = 0,
    out: OutOption = None,
    overwrite: OverwriteOption = False,
    output_format: FormatOption = "table",
    gallery: GalleryOption = None,
    url: UrlOption = None,
    api_key: ApiKeyOption = None,
    home: HomeOption = None,
    wait: WaitOption = None,
) -> None:
    """Say how well searches find works of the same artist, style or any other field.

    Every work is the query once, against all others.

    Example: artsim evaluate labels --by style --exclude artist --rerank ssim --out report
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
        from artsim.evaluation.tasks.labels import LabelsOptions, evaluate_labels
        from artsim.render.progress import make_progress

        options = LabelsOptions(
            by=tuple(by),
            exclude=tuple(exclude or ()),
            ks=tuple(depth),
            encoders=tuple(encoder or ()),
            fused=fused,
            rerank=rerank_methods(rerank),
            rerank_depth=rerank_depth,
            rerank_weights=rerank_weights(rerank, rerank_weight),
            filters=filters,
            exact=exact,
            limit_queries=limit_queries,
            seed=seed,
        )
        with Place(gallery, url, api_key, home, wait).open() as opened:
            check_out(out, overwrite, opened)
            report = evaluate_labels(opened, options, progress=make_progress())
        say_notes(report.notes)
        show_report(report, output_format, out, overwrite=overwrite)
