"""`artsim evaluate`: how good the answers are, task by task, and comparisons of reports."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from artsim.catalog.kinds import FACES
from artsim.commands.command_line import say, say_notes
from artsim.commands.options import (
    DeviceOption,
    EncoderOptions,
    FilterOptions,
    KindOption,
    MaxMegapixelsOption,
    OverwriteOption,
    Place,
    as_command,
    chosen_kind,
    names_of,
    one_of,
)
from artsim.search.rerank import RERANKERS

if TYPE_CHECKING:
    from artsim.evaluation.report import Report
    from artsim.store.gallery import Gallery

app = typer.Typer(name="evaluate", no_args_is_help=True, invoke_without_command=True)

BOXES = "Boxes drawn by hand"

FormatOption = Annotated[
    Literal["table", "json"],
    typer.Option("--format", "-f", help="Form on stdout: a table for people, json for programs."),
]
SeedOption = Annotated[int, typer.Option(min=0, help="Of samples and intervals.")]


@dataclass(frozen=True, slots=True)
class Choices:
    """In which ways the gallery is searched."""

    encoder: Annotated[
        list[str] | None,
        typer.Option(
            "--encoder",
            "-e",
            help="Of those the gallery has; repeatable: each is a row.",
            show_default="all the gallery has",
        ),
    ] = None
    rerank: Annotated[
        list[str] | None,
        typer.Option(
            parser=one_of(RERANKERS),
            metavar=names_of(RERANKERS),
            help="Also with the first hits reordered; repeatable: each is a row.",
        ),
    ] = None
    rerank_depth: Annotated[int, typer.Option(min=1, help="How many first hits are reordered.")] = (
        100
    )
    rerank_weight: Annotated[
        list[float] | None,
        typer.Option(
            min=0,
            max=100,
            help="Also by the cosine plus so much of the second score; repeatable: each is a row.",
        ),
    ] = None
    fused: Annotated[
        bool, typer.Option("--fused", help="Also all encoders fused, as a row of its own.")
    ] = False
    exact: Annotated[
        bool, typer.Option("--exact", help="Compare with every painting instead of by the index.")
    ] = False
    seed: SeedOption = 0

    def said(self, default: Iterable[str] = ()) -> dict[str, Any]:
        """Return them as settings of the library; `default` are re-rankers where none is named."""
        if self.rerank_weight and not self.rerank:
            named = " or ".join(f"--rerank {name}" for name in RERANKERS)
            raise typer.BadParameter(f"--rerank-weight needs {named}")
        return {
            "encoders": tuple(self.encoder or ()),
            "fused": self.fused,
            "rerank": tuple(dict.fromkeys(self.rerank or default)),
            "rerank_depth": self.rerank_depth,
            "rerank_weights": tuple(self.rerank_weight or ()),
            "exact": self.exact,
            "seed": self.seed,
        }


@dataclass(frozen=True, slots=True)
class Output:
    """Where the report goes."""

    output_format: FormatOption = "table"
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            "-o",
            file_okay=False,
            metavar="DIR",
            help="Folder for report.html, report.json, tables as CSV and LaTeX, plots as PNG "
            "and SVG.",
        ),
    ] = None
    overwrite: OverwriteOption = False

    def check(self, gallery: Gallery | None = None, inputs: Sequence[Path] = ()) -> None:
        """Refuse, before an evaluation takes its time, a folder that has no place for it."""
        if self.out is None:
            return
        from artsim.render.report_page import REPORT, check_report_folder

        for path in check_report_folder(self.out, overwrite=self.overwrite, inputs=inputs):
            if gallery is not None:
                from artsim.search.inspect import check_no_painting

                check_no_painting(gallery, path, REPORT)

    def of(
        self,
        evaluate: Callable[..., Report],
        place: Place,
        options: Any,
        *,
        noted: bool = False,
        **more: Any,
    ) -> None:
        """Evaluate a gallery and show the report, with its notes on stderr where `noted`."""
        from artsim.render.progress_bars import make_progress

        with place.open() as opened:
            self.check(opened)
            report = evaluate(opened, options, progress=make_progress(), **more)
        if noted:
            say_notes(report.notes)
        self.show(report)

    def show(self, report: Report, inputs: Sequence[Path] = ()) -> None:
        """Write `report` to stdout, and to the folder where there is one."""
        show_report(report, self.output_format, self.out, overwrite=self.overwrite, inputs=inputs)


def show_report(
    report: Report,
    output_format: Literal["table", "json"],
    out: Path | None,
    *,
    overwrite: bool = False,
    inputs: Sequence[Path] = (),
) -> None:
    """Write `report` to stdout, and to the folder `out` where there is one."""
    if output_format == "json":
        from artsim.evaluation.report import report_text

        sys.stdout.buffer.write(report_text(report).encode())
        sys.stdout.buffer.flush()
    else:
        from artsim.render.report_table import print_report

        print_report(report, sys.stdout)
    if out is not None:
        from artsim.render.report_page import write_report

        say(f"Report: {write_report(report, out, overwrite=overwrite, inputs=inputs)}")


@app.callback()
@as_command
def compare(
    context: typer.Context,
    reports: Annotated[
        tuple[Path, Path] | None,
        typer.Option(
            "--compare",
            metavar="A.json B.json",
            help="By how much report B is better than A, and whether that is more than chance.",
        ),
    ] = None,
    rows: Annotated[
        tuple[str, str] | None,
        typer.Option(
            metavar="A B",
            help="With --compare: this row of A and that row of B, which may be one report.",
        ),
    ] = None,
    *,
    output: Output,
) -> None:
    """Say how good the answers are.

    Example: artsim evaluate --compare before/report.json after/report.json
    """
    if context.invoked_subcommand is not None:
        if reports is not None or rows is not None:
            raise typer.BadParameter("--compare takes two reports and no task")
        if output.out is not None or output.output_format != "table":
            raise typer.BadParameter("--out and --format come after the task")
        return
    if reports is None:
        raise typer.BadParameter("name a task, or two reports: --compare A.json B.json")
    from artsim.evaluation.compare import compare_reports
    from artsim.evaluation.report import read_report

    output.check(inputs=reports)
    first, second = (read_report(path) for path in reports)
    names = (str(reports[0]), str(reports[1]))
    output.show(compare_reports(first, second, rows=rows, names=names), inputs=reports)


@app.command()
@as_command
def copies(
    queries: Annotated[
        int | None, typer.Option(min=1, help="How many paintings are copied.", show_default="200")
    ] = None,
    fraction: Annotated[
        float | None,
        typer.Option(min=0.0001, max=1.0, help="Share of the paintings that are copied, instead."),
    ] = None,
    edit: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Way of copying; repeatable: crop, detail, mirror, grayscale, fade, varnish, "
            "frame, jpeg, rotate, perspective, scratches.",
            show_default="all of them",
        ),
    ] = None,
    twins: Annotated[
        str,
        typer.Option(
            metavar="FIELD",
            help="What other pictures of one painting share; none: do not look.",
        ),
    ] = "extra.near_dup_group",
    *,
    choices: Choices,
    encoding: EncoderOptions,
    output: Output,
    place: Place,
) -> None:
    """Search by copies: cropped, framed, faded, photographed askew, ….

    Example: artsim evaluate copies --queries 100 --rerank ssim --out report
    """
    if queries is not None and fraction is not None:
        raise typer.BadParameter("give --queries or --fraction, not both")
    from artsim.evaluation.edits import EDITS
    from artsim.evaluation.tasks.copies import CopiesOptions, evaluate_copies
    from artsim.search.models import Models

    for name in edit or ():
        if name not in EDITS:
            raise typer.BadParameter(f"--edit {name!r}: expected one of {', '.join(EDITS)}")
    options = CopiesOptions(
        queries=queries,
        fraction=fraction,
        edits=tuple(dict.fromkeys(edit or EDITS)),
        twins=None if twins == "none" else twins,
        **choices.said(),
    )
    models = Models(
        weights=encoding.weights,
        device=encoding.device,
        max_megapixels=encoding.max_megapixels,
    )
    output.of(evaluate_copies, place, options, models=models)


@app.command()
@as_command
def faces(
    by: Annotated[
        str | None,
        typer.Option(
            metavar="FIELD",
            help="Field that says who a picture shows.",
            show_default="extra.person, where pictures have it",
        ),
    ] = None,
    pairs: Annotated[
        Path | None,
        typer.Option(
            exists=True,
            dir_okay=False,
            metavar="CSV",
            help="Pairs to verify: file_a, file_b, same (1 or 0), and fold if there are folds.",
        ),
    ] = None,
    boxes: Annotated[
        str | None,
        typer.Option(
            metavar="FIELD",
            help="Field with boxes of people, x1:y1:x2:y2;… in pixels of the original.",
            show_default="extra.person_boxes, where paintings have it",
            rich_help_panel=BOXES,
        ),
    ] = None,
    upper: Annotated[
        float,
        typer.Option(
            min=0.01,
            max=1.0,
            help="Part of a person's box, from the top, that holds the center of the face.",
            rich_help_panel=BOXES,
        ),
    ] = 0.6,
    iou: Annotated[
        float | None,
        typer.Option(
            min=0.01,
            max=1.0,
            help="The boxes are of faces, which are found by this overlap.",
            rich_help_panel=BOXES,
        ),
    ] = None,
    least_person: Annotated[
        int,
        typer.Option(min=0, help="Height in pixels of boxes that count.", rich_help_panel=BOXES),
    ] = 100,
    limit_queries: Annotated[
        int | None, typer.Option(min=1, help="Search by a sample of so many faces only.")
    ] = None,
    *,
    choices: Choices,
    output: Output,
    place: Place,
) -> None:
    """Faces: how many people's were found, and whether the same person is told and found again.

    Each part runs where there is something to hold it to: boxes of people, a list of pairs,
    a field that says who a picture shows.

    Example: artsim evaluate faces --gallery lfw --by extra.person --pairs pairs.csv
    """
    from artsim.evaluation.picture_faces import FacesOptions
    from artsim.evaluation.tasks.faces import evaluate_faces

    options = FacesOptions(
        by=by,
        boxes=boxes,
        pairs=pairs,
        upper=upper,
        iou=iou,
        least_person=least_person,
        limit_queries=limit_queries,
        **choices.said(),
    )
    output.of(evaluate_faces, place, options)


@app.command()
@as_command
def pixels(
    fraction: Annotated[
        float,
        typer.Option(min=0.0001, max=1.0, help="Share of the paintings that are queries."),
    ] = 0.2,
    queries: Annotated[
        int | None, typer.Option(min=1, help="How many are queries, instead of a share.")
    ] = None,
    hits: Annotated[int, typer.Option("--hits", "-k", min=1, help="Hits compared per query.")] = 5,
    size: Annotated[
        int, typer.Option(min=7, max=2048, help="Side of the squares that are compared.")
    ] = 200,
    faces: Annotated[
        bool | None,
        typer.Option(
            "--faces/--no-faces", help="Also faces.", show_default="if the gallery has any"
        ),
    ] = None,
    face_encoder: Annotated[
        list[str] | None,
        typer.Option(
            help="Of those the faces have; repeatable: each is a row.",
            show_default="all the gallery has",
        ),
    ] = None,
    not_same_artist: Annotated[
        bool, typer.Option("--not-same-artist", help="Leave out hits by the query's artist.")
    ] = False,
    best_limit: Annotated[
        int,
        typer.Option(
            min=0, help="Look for the best possible hits among at most so many; 0 leaves them out."
        ),
    ] = 500,
    published: Annotated[
        bool, typer.Option("--published/--no-published", help="Beside the published figures.")
    ] = True,
    lpips: Annotated[
        Literal["alex", "vgg", "squeeze", "none"],
        typer.Option(help="Backbone of LPIPS, where its weights are here."),
    ] = "alex",
    device: DeviceOption = "auto",
    max_megapixels: MaxMegapixelsOption = 200.0,
    *,
    choices: Choices,
    output: Output,
    place: Place,
) -> None:
    """Compare paintings and their hits pixel by pixel: SSIM, RMSE, LPIPS.

    They are also re-ranked in every way there is, unless --rerank says otherwise.

    Example: artsim evaluate pixels --fraction 0.2 --out report
    """
    from artsim.evaluation.tasks.pixels import PixelsOptions, evaluate_pixels
    from artsim.search.models import Models

    options = PixelsOptions(
        fraction=fraction,
        queries=queries,
        k=hits,
        size=size,
        face_encoders=tuple(face_encoder or ()),
        kinds=None if faces is None else (FACES,) if faces else (),
        not_same_artist=not_same_artist,
        best_limit=best_limit,
        published=published,
        lpips=None if lpips == "none" else lpips,
        **choices.said(RERANKERS),
    )
    models = Models(device=device, max_megapixels=max_megapixels)
    output.of(evaluate_pixels, place, options, models=models)


@app.command()
@as_command
def labels(
    by: Annotated[
        list[str],
        typer.Option(
            metavar="FIELD",
            help="Right answers share it with the query: artist, style, extra.NAME; repeatable.",
        ),
    ],
    exclude: Annotated[
        list[str] | None,
        typer.Option(metavar="FIELD", help="Leave out what shares it with the query; repeatable."),
    ] = None,
    kind: KindOption = None,
    depth: Annotated[
        list[int], typer.Option("--depth", "-k", min=1, help="Of P@k and R@k; repeatable.")
    ] = [1, 5, 10],  # noqa: B006 - typer copies it
    limit_queries: Annotated[
        int | None,
        typer.Option(
            min=1, metavar="N", help="Only so many queries, drawn by --seed.", show_default="all"
        ),
    ] = None,
    *,
    choices: Choices,
    filters: FilterOptions,
    output: Output,
    place: Place,
) -> None:
    """Say how well searches find works of the same artist, style or any other field.

    Every work is the query once, against all others.

    Example: artsim evaluate labels --by style --exclude artist --rerank ssim --out report
    """
    from artsim.evaluation.tasks.labels import LabelsOptions, evaluate_labels

    options = LabelsOptions(
        tuple(by),
        tuple(exclude or ()),
        tuple(depth),
        kind=chosen_kind(kind, False),
        filters=filters.filters(),
        limit_queries=limit_queries,
        **choices.said(),
    )
    output.of(evaluate_labels, place, options, noted=True)
