"""`artsim evaluate pixels`."""

from __future__ import annotations

from typing import Annotated, Literal

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
    expected_errors,
)
from artsim.commands.evaluate.common import (
    EncodersOption,
    ExactOption,
    FormatOption,
    OutOption,
    RerankDepthOption,
    SeedOption,
    check_out,
    rerank_methods,
    show_report,
)

FractionOption = Annotated[
    float, typer.Option(min=0.0001, max=1.0, help="Share of the paintings that are queries.")
]
QueriesOption = Annotated[
    int | None, typer.Option(min=1, help="How many are queries, instead of a share.")
]
HitsOption = Annotated[int, typer.Option("--hits", "-k", min=1, help="Hits compared per query.")]
SizeOption = Annotated[
    int, typer.Option(min=7, max=2048, help="Side of the squares that are compared.")
]
FacesOption = Annotated[
    bool | None,
    typer.Option("--faces/--no-faces", help="Also faces.", show_default="if the gallery has any"),
]
FaceEncodersOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Of those the faces have; repeatable: each is a row.",
        show_default="all the gallery has",
    ),
]
PixelsRerankOption = Annotated[
    list[str] | None,
    typer.Option(
        help="Also with the first hits reordered; repeatable: each is a row.",
        show_default="ssim and rmse",
    ),
]
NotSameArtistOption = Annotated[
    bool, typer.Option("--not-same-artist", help="Leave out hits by the query's artist.")
]
BestLimitOption = Annotated[
    int,
    typer.Option(
        min=0, help="Look for the best possible hits among at most so many; 0 leaves them out."
    ),
]
PublishedOption = Annotated[
    bool, typer.Option("--published/--no-published", help="Beside the published figures.")
]
LpipsOption = Annotated[
    Literal["alex", "vgg", "squeeze", "none"],
    typer.Option(help="Backbone of LPIPS, where its weights are here."),
]


def pixels(
    fraction: FractionOption = 0.2,
    queries: QueriesOption = None,
    seed: SeedOption = 0,
    hits: HitsOption = 5,
    size: SizeOption = 200,
    faces: FacesOption = None,
    encoder: EncodersOption = None,
    face_encoder: FaceEncodersOption = None,
    rerank: PixelsRerankOption = None,
    rerank_depth: RerankDepthOption = 100,
    not_same_artist: NotSameArtistOption = False,
    exact: ExactOption = False,
    best_limit: BestLimitOption = 500,
    published: PublishedOption = True,
    lpips: LpipsOption = "alex",
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
    """Compare paintings and their hits pixel by pixel: SSIM, RMSE, LPIPS.

    Example: artsim evaluate pixels --fraction 0.2 --out report
    """
    with expected_errors():
        from artsim.catalog.kinds import FACES
        from artsim.evaluation.tasks.pixels import PixelsOptions, evaluate_pixels
        from artsim.render.progress import make_progress
        from artsim.search.models import Models

        options = PixelsOptions(
            fraction=fraction,
            queries=queries,
            seed=seed,
            k=hits,
            size=size,
            encoders=tuple(encoder or ()),
            face_encoders=tuple(face_encoder or ()),
            rerank=rerank_methods(rerank) or ("ssim", "rmse"),
            rerank_depth=rerank_depth,
            kinds=None if faces is None else (FACES,) if faces else (),
            not_same_artist=not_same_artist,
            exact=exact,
            best_limit=best_limit,
            published=published,
            lpips=None if lpips == "none" else lpips,
        )
        models = Models(device=device, max_megapixels=max_megapixels)
        with Place(gallery, url, api_key, home, wait).open() as opened:
            check_out(out, overwrite, opened)
            report = evaluate_pixels(opened, options, models=models, progress=make_progress())
        show_report(report, output_format, out, overwrite=overwrite)
