"""What `artsim evaluate` does without a task: compare two reports."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from artsim.commands.common import OverwriteOption, expected_errors
from artsim.commands.evaluate.common import FormatOption, OutOption, check_out, show_report


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
    out: OutOption = None,
    overwrite: OverwriteOption = False,
    output_format: FormatOption = "table",
) -> None:
    """Say how good the answers are.

    Example: artsim evaluate --compare before/report.json after/report.json
    """
    if context.invoked_subcommand is not None:
        if reports is not None or rows is not None:
            raise typer.BadParameter("--compare takes two reports and no task")
        if out is not None or output_format != "table":
            raise typer.BadParameter("--out and --format come after the task")
        return
    if reports is None:
        raise typer.BadParameter("name a task, or two reports: --compare A.json B.json")
    with expected_errors():
        from artsim.evaluation.compare import compare_reports
        from artsim.evaluation.report import read_report

        check_out(out, overwrite, inputs=reports)
        first, second = (read_report(path) for path in reports)
        names = (str(reports[0]), str(reports[1]))
        made = compare_reports(first, second, rows=rows, names=names)
        show_report(made, output_format, out, overwrite=overwrite, inputs=reports)
