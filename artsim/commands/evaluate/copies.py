"""`artsim evaluate copies`."""

from __future__ import annotations

from typing import Annotated

import typer

from artsim.commands.common import (
    ApiKeyOption,
    DeviceOption,
    GalleryOption,
    HomeOption,
    MaxMegapixelsOption,
    OverwriteOption,
    Place,
    UrlOption,
    WaitOption,
    WeightsOption,
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

QueriesOption = Annotated[
    int | None,
    typer.Option(min=1, help="How many paintings are copied.", show_default="200"),
]
FractionOption = Annotated[
    float | None,
    typer.Option(min=0.0001, max=1.0, help="Share of the paintings that are copied, instead."),
]
EditsOption = Annotated[
    list[str] | None,
    typer.Option(
        "--edit",
        metavar="NAME",
        help="Way of copying; repeatable: crop, detail, mirror, grayscale, fade, varnish, "
        "frame, jpeg, rotate, perspective, scratches.",
        show_default="all of them",
    ),
]
FusedOption = Annotated[
    bool, typer.Option("--fused", help="Also all encoders fused, as a row of its own.")
]
TwinsOption = Annotated[
    str,
    typer.Option(
        metavar="FIELD", help="What other pictures of one painting share; none: do not look."
    ),
]


def copies(
    queries: QueriesOption = None,
    fraction: FractionOption = None,
    edit: EditsOption = None,
    seed: SeedOption = 0,
    encoder: EncodersOption = None,
    fused: FusedOption = False,
    rerank: RerankOption = None,
    rerank_depth: RerankDepthOption = 100,
    rerank_weight: RerankWeightsOption = None,
    exact: ExactOption = False,
    twins: TwinsOption = "extra.near_dup_group",
    weights: WeightsOption = None,
    device: DeviceOption = "auto",
    max_megapixels: MaxMegapixelsOption = 200.0,
    output_format: FormatOption = "table",
    out: OutOption = None,
    overwrite: OverwriteOption = False,
    gallery: GalleryOption = None,
    url: UrlOption = None,
    api_key: ApiKeyOption = None,
    home: HomeOption = None,
    wait: WaitOption = None,
) -> None:
    """Search by copies: cropped, framed, faded, photographed askew, ….

    Example: artsim evaluate copies --queries 100 --rerank ssim --out report
    """
    if queries is not None and fraction is not None:
        raise typer.BadParameter("give --queries or --fraction, not both")
    with expected_errors():
        from artsim.evaluation.edits import EDITS
        from artsim.evaluation.tasks.copies import CopiesOptions, evaluate_copies
        from artsim.render.progress import make_progress
        from artsim.search.models import Models

        for name in edit or ():
            if name not in EDITS:
                raise typer.BadParameter(f"--edit {name!r}: expected one of {', '.join(EDITS)}")
        options = CopiesOptions(
            queries=queries,
            fraction=fraction,
            edits=tuple(dict.fromkeys(edit or EDITS)),
            encoders=tuple(encoder or ()),
            fused=fused,
            rerank=rerank_methods(rerank),
            rerank_depth=rerank_depth,
            rerank_weights=rerank_weights(rerank, rerank_weight),
            exact=exact,
            twins=None if twins == "none" else twins,
            seed=seed,
        )
        models = Models(weights=weights, device=device, max_megapixels=max_megapixels)
        with Place(gallery, url, api_key, home, wait).open() as opened:
            check_out(out, overwrite, opened)
            report = evaluate_copies(opened, options, models=models, progress=make_progress())
        show_report(report, output_format, out, overwrite=overwrite)
