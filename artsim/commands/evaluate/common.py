"""Options that the tasks share, and what becomes of a report."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from artsim.commands.common import names_of, one_of, say
from artsim.search.rerank import RERANKERS

if TYPE_CHECKING:
    from artsim.evaluation.report import Report
    from artsim.store.gallery import Gallery


OutOption = Annotated[
    Path | None,
    typer.Option(
        "--out",
        "-o",
        file_okay=False,
        metavar="DIR",
        help="Folder for report.html, report.json and the plots.",
    ),
]
FormatOption = Annotated[
    Literal["table", "json"],
    typer.Option("--format", "-f", help="Form on stdout: a table for people, json for programs."),
]
SeedOption = Annotated[int, typer.Option(min=0, help="Of samples and intervals.")]
EncodersOption = Annotated[
    list[str] | None,
    typer.Option(
        "--encoder",
        "-e",
        help="Of those the gallery has; repeatable: each is a row.",
        show_default="all the gallery has",
    ),
]


RerankOption = Annotated[
    list[str] | None,
    typer.Option(
        parser=one_of(RERANKERS),
        metavar=names_of(RERANKERS),
        help="Also with the first hits reordered; repeatable: each is a row.",
    ),
]
RerankDepthOption = Annotated[int, typer.Option(min=1, help="How many first hits are reordered.")]
RerankWeightsOption = Annotated[
    list[float] | None,
    typer.Option(
        "--rerank-weight",
        min=0,
        max=100,
        help="Also by the cosine plus so much of the second score; repeatable: each is a row.",
    ),
]
ExactOption = Annotated[
    bool, typer.Option("--exact", help="Compare with every painting instead of by the index.")
]


def rerank_methods(chosen: Sequence[str] | None) -> tuple[str, ...]:
    """Return the second scores that were chosen, each once."""
    return tuple(dict.fromkeys(chosen or ()))


def rerank_weights(
    chosen: Sequence[str] | None, weights: Sequence[float] | None
) -> tuple[float, ...]:
    """Return the weights that were chosen, which there must be a second score for."""
    if weights and not chosen:
        raise typer.BadParameter("--rerank-weight needs --rerank ssim or --rerank rmse")
    return tuple(weights or ())


def check_out(
    out: Path | None,
    overwrite: bool,
    gallery: Gallery | None = None,
    inputs: Sequence[Path] = (),
) -> None:
    """Refuse, before an evaluation takes its time, a folder that its report has no place in."""
    if out is None:
        return
    from artsim.render.report_page import REPORT, check_report_folder

    for path in check_report_folder(out, overwrite=overwrite, inputs=inputs):
        if gallery is not None:
            from artsim.search.inspect import check_no_painting

            check_no_painting(gallery, path, REPORT)


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
