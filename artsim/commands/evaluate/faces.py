"""`artsim evaluate faces`: found in paintings, told apart, and found again."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from artsim.commands.common import (
    ApiKeyOption,
    GalleryOption,
    HomeOption,
    OverwriteOption,
    Place,
    UrlOption,
    WaitOption,
    expected_errors,
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

BOXES = "Boxes drawn by hand"

ByOption = Annotated[
    str | None,
    typer.Option(
        metavar="FIELD",
        help="Field that says who a picture shows.",
        show_default="extra.person, where pictures have it",
    ),
]
PairsOption = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        metavar="CSV",
        help="Pairs to verify: file_a, file_b, same (1 or 0), and fold if there are folds.",
    ),
]
BoxesOption = Annotated[
    str | None,
    typer.Option(
        metavar="FIELD",
        help="Field with boxes of people, x1:y1:x2:y2;… in pixels of the original.",
        show_default="extra.person_boxes, where paintings have it",
        rich_help_panel=BOXES,
    ),
]
UpperOption = Annotated[
    float,
    typer.Option(
        min=0.01,
        max=1.0,
        help="Part of a person's box, from the top, that holds the center of the face.",
        rich_help_panel=BOXES,
    ),
]
IouOption = Annotated[
    float | None,
    typer.Option(
        min=0.01,
        max=1.0,
        help="The boxes are of faces, which are found by this overlap.",
        rich_help_panel=BOXES,
    ),
]
LeastPersonOption = Annotated[
    int, typer.Option(min=0, help="Height in pixels of boxes that count.", rich_help_panel=BOXES)
]
LimitQueriesOption = Annotated[
    int | None, typer.Option(min=1, help="Search by a sample of so many faces only.")
]


def faces(
    by: ByOption = None,
    pairs: PairsOption = None,
    boxes: BoxesOption = None,
    upper: UpperOption = 0.6,
    iou: IouOption = None,
    least_person: LeastPersonOption = 100,
    encoder: EncodersOption = None,
    rerank: RerankOption = None,
    rerank_depth: RerankDepthOption = 100,
    rerank_weight: RerankWeightsOption = None,
    exact: ExactOption = False,
    limit_queries: LimitQueriesOption = None,
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
    """Faces: how many people's were found, and whether the same person is told and found again.

    Each part runs where there is something to hold it to: boxes of people, a list of pairs,
    a field that says who a picture shows.

    Example: artsim evaluate faces --gallery lfw --by extra.person --pairs pairs.csv
    """
    with expected_errors():
        from artsim.evaluation.picture_faces import FacesOptions
        from artsim.evaluation.tasks.faces import evaluate_faces
        from artsim.render.progress import make_progress

        options = FacesOptions(
            by=by,
            boxes=boxes,
            pairs=pairs,
            encoders=tuple(encoder or ()),
            rerank=rerank_methods(rerank),
            rerank_depth=rerank_depth,
            rerank_weights=rerank_weights(rerank, rerank_weight),
            exact=exact,
            upper=upper,
            iou=iou,
            least_person=least_person,
            limit_queries=limit_queries,
            seed=seed,
        )
        with Place(gallery, url, api_key, home, wait).open() as opened:
            check_out(out, overwrite, opened)
            report = evaluate_faces(opened, options, progress=make_progress())
        show_report(report, output_format, out, overwrite=overwrite)
