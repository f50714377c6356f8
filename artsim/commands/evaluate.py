"""`artsim evaluate`: how good the answers are, task by task, and comparisons of reports."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import typer

from artsim.catalog.kinds import FACES
from artsim.commands.command_line import say, say_notes
from artsim.commands.options import (
    EncoderOptions,
    FilterOptions,
    Form,
    Place,
    chosen_kind,
    device_option,
    kind_option,
    max_megapixels_option,
    option,
    overwrite_option,
    report_format_option,
    seed_option,
)
from artsim.search.rerank import RERANKERS

if TYPE_CHECKING:
    from artsim.evaluation.report import Report
    from artsim.store.gallery import Gallery

_flag = partial(option, False)


@dataclass(frozen=True, slots=True)
class Choices:
    """In which ways the gallery is searched."""

    encoder: list[str] | None = option(
        None,
        "Of those the gallery has; repeatable: each is a row.",
        *("--encoder", "-e"),
        show_default="all the gallery has",
    )
    rerank: list[str] | None = option(
        None, "Also with the first hits reordered; repeatable: each is a row.", names=RERANKERS
    )
    rerank_depth: int = option(100, "How many first hits are reordered.", min=1)
    rerank_weight: list[float] | None = option(
        None,
        "Also by the cosine plus so much of the second score; repeatable: each is a row.",
        min=0,
        max=100,
    )
    fused: bool = _flag("Also all encoders fused, as a row of its own.", "--fused")
    exact: bool = _flag("Compare with every painting instead of by the index.", "--exact")
    seed: int = seed_option()

    def said(self, default: Sequence[str] = ()) -> dict[str, Any]:
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

    output_format: Form = report_format_option()
    out: Path | None = option(
        None,
        "Folder for report.html, report.json, tables as CSV and LaTeX, plots as PNG and SVG.",
        *("--out", "-o"),
        file_okay=False,
        metavar="DIR",
    )
    overwrite: bool = overwrite_option()

    def check(self, gallery: Gallery | None = None, inputs: Sequence[Path] = ()) -> None:
        """Refuse, before an evaluation takes its time, a folder that has no place for it."""
        if self.out is None:
            return
        from artsim.render.report_page import REPORT, check_report_folder
        from artsim.search.inspect import check_no_painting

        for path in check_report_folder(self.out, overwrite=self.overwrite, inputs=inputs):
            if gallery is not None:
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
    form: Form,
    out: Path | None,
    *,
    overwrite: bool = False,
    inputs: Sequence[Path] = (),
) -> None:
    """Write `report` to stdout, and to the folder `out` where there is one."""
    if form == "json":
        from artsim.evaluation.report import report_text

        sys.stdout.buffer.write(report_text(report).encode())
        sys.stdout.buffer.flush()
    else:
        from artsim.render.report_table import print_report

        print_report(report, sys.stdout)
    if out is not None:
        from artsim.render.report_page import write_report

        say(f"Report: {write_report(report, out, overwrite=overwrite, inputs=inputs)}")


def compare(
    context: typer.Context,
    reports: tuple[Path, Path] | None = option(
        None,
        "By how much report B is better than A, and whether that is more than chance.",
        "--compare",
        metavar="A.json B.json",
    ),
    rows: tuple[str, str] | None = option(
        None,
        "With --compare: this row of A and that row of B, which may be one report.",
        metavar="A B",
    ),
    *,
    output: Output,
) -> None:
    """Compare two reports, where no task is named."""
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


def copies(
    *,
    queries: int | None = option(None, "How many paintings are copied.", min=1, show_default="200"),
    fraction: float | None = option(
        None, "Share of the paintings that are copied, instead.", min=0.0001, max=1.0
    ),
    edit: list[str] | None = option(
        None,
        "Way of copying; repeatable: crop, detail, mirror, grayscale, fade, varnish, "
        "frame, jpeg, rotate, perspective, scratches.",
        metavar="NAME",
        show_default="all of them",
    ),
    twins: str = option(
        "extra.near_dup_group",
        "What other pictures of one painting share; none: do not look.",
        metavar="FIELD",
    ),
    choices: Choices,
    encoding: EncoderOptions,
    output: Output,
    place: Place,
) -> None:
    """Search by copies."""
    if queries is not None and fraction is not None:
        raise typer.BadParameter("give --queries or --fraction, not both")
    from artsim.evaluation.edits import EDITS
    from artsim.evaluation.tasks.copies import CopiesOptions, evaluate_copies

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
    output.of(evaluate_copies, place, options, models=encoding.models())


_of_boxes = partial(option, panel="Boxes drawn by hand")


def faces(
    *,
    by: str | None = option(
        None,
        "Field that says who a picture shows.",
        metavar="FIELD",
        show_default="extra.person, where pictures have it",
    ),
    pairs: Path | None = option(
        None,
        "Pairs to verify: file_a, file_b, same (1 or 0), and fold if there are folds.",
        exists=True,
        dir_okay=False,
        metavar="CSV",
    ),
    boxes: str | None = _of_boxes(
        None,
        "Field with boxes of people, x1:y1:x2:y2;… in pixels of the original.",
        metavar="FIELD",
        show_default="extra.person_boxes, where paintings have it",
    ),
    upper: float = _of_boxes(
        0.6,
        "Part of a person's box, from the top, that holds the center of the face.",
        min=0.01,
        max=1.0,
    ),
    iou: float | None = _of_boxes(
        None, "The boxes are of faces, which are found by this overlap.", min=0.01, max=1.0
    ),
    least_person: int = _of_boxes(100, "Height in pixels of boxes that count.", min=0),
    limit_queries: int | None = option(None, "Search by a sample of so many faces only.", min=1),
    choices: Choices,
    output: Output,
    place: Place,
) -> None:
    """Judge what is found of faces."""
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


def pixels(
    *,
    fraction: float = option(0.2, "Share of the paintings that are queries.", min=0.0001, max=1.0),
    queries: int | None = option(None, "How many are queries, instead of a share.", min=1),
    hits: int = option(5, "Hits compared per query.", "--hits", "-k", min=1),
    size: int = option(200, "Side of the squares that are compared.", min=7, max=2048),
    faces: bool | None = option(
        None, "Also faces.", "--faces/--no-faces", show_default="if the gallery has any"
    ),
    face_encoder: list[str] | None = option(
        None,
        "Of those the faces have; repeatable: each is a row.",
        show_default="all the gallery has",
    ),
    not_same_artist: bool = _flag("Leave out hits by the query's artist.", "--not-same-artist"),
    best_limit: int = option(
        500,
        "Look for the best possible hits among at most so many; 0 leaves them out.",
        min=0,
    ),
    published: bool = option(True, "Beside the published figures.", "--published/--no-published"),
    lpips: Literal["alex", "vgg", "squeeze", "none"] = option(
        "alex", "Backbone of LPIPS, where its weights are here."
    ),
    device: str = device_option(),
    max_megapixels: float = max_megapixels_option(),
    choices: Choices,
    output: Output,
    place: Place,
) -> None:
    """Compare paintings and their hits pixel by pixel."""
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
        **choices.said(("ssim", "rmse")),
    )
    models = Models(device=device, max_megapixels=max_megapixels)
    output.of(evaluate_pixels, place, options, models=models)


def labels(
    *,
    by: list[str] = option(
        ...,
        "Right answers share it with the query: artist, style, extra.NAME; repeatable.",
        metavar="FIELD",
    ),
    exclude: list[str] | None = option(
        None, "Leave out what shares it with the query; repeatable.", metavar="FIELD"
    ),
    kind: str | None = kind_option(),
    depth: list[int] = option([1, 5, 10], "Of P@k and R@k; repeatable.", "--depth", "-k", min=1),
    limit_queries: int | None = option(
        None, "Only so many queries, drawn by --seed.", min=1, metavar="N", show_default="all"
    ),
    choices: Choices,
    filters: FilterOptions,
    output: Output,
    place: Place,
) -> None:
    """Say how well searches find works that share a field."""
    from artsim.evaluation.tasks.labels import LabelsOptions, evaluate_labels

    options = LabelsOptions(
        tuple(by),
        tuple(exclude or ()),
        tuple(depth),
        kind=chosen_kind(kind),
        filters=filters.filters(),
        limit_queries=limit_queries,
        **choices.said(),
    )
    output.of(evaluate_labels, place, options, noted=True)
