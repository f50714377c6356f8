"""`artsim evaluate speed`."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from artsim.commands.common import OverwriteOption, expected_errors, say
from artsim.commands.evaluate.common import (
    FormatOption,
    OutOption,
    SeedOption,
    check_out,
    show_report,
)


class PartName(StrEnum):
    """What can be measured, as `artsim.evaluation.speed.options.PARTS` lists it."""

    INGEST = "ingest"
    FACES = "faces"
    RERANK = "rerank"
    COLD = "cold"
    SEARCH = "search"
    KILL = "kill"
    LEAVE_ONE_OUT = "leave-one-out"


OnlyOption = Annotated[
    list[PartName] | None,
    typer.Option(help="Measure only this; repeatable.", show_default="everything"),
]
DataOption = Annotated[
    Path | None,
    typer.Option(
        metavar="DIR",
        help="Folder of pictures to ingest and to look for faces in; it is only read.",
        show_default="made-up pictures",
    ),
]
EncoderOption = Annotated[
    str | None,
    typer.Option(
        "--encoder",
        "-e",
        help="Learned encoder to ingest with. See `artsim models`.",
        show_default="ResNet-50 with random weights",
    ),
]
CheckOption = Annotated[
    bool, typer.Option("--check", help="End with exit code 1 if a promise is broken.")
]


def speed(
    only: OnlyOption = None,
    data: DataOption = None,
    encoder: EncoderOption = None,
    check: CheckOption = False,
    seed: SeedOption = 0,
    out: OutOption = None,
    overwrite: OverwriteOption = False,
    output_format: FormatOption = "table",
) -> None:
    """Measure on this machine what artsim promises, beside a baseline of the same run.

    It takes a quarter of an hour on two cores, and means something where the machine does
    nothing else. Everything happens in temporary folders; no gallery is touched.

    Example: artsim evaluate speed --only search --only cold --data ~/pictures
    """
    with expected_errors():
        from artsim.evaluation.speed.measured import broken_promises
        from artsim.evaluation.speed.options import SpeedOptions
        from artsim.evaluation.speed.task import evaluate_speed
        from artsim.render.progress import PlainProgress

        options = SpeedOptions(tuple(part.value for part in only or ()), data, encoder, seed)
        check_out(out, overwrite)
        try:
            # Lines, not a live bar: drawing it ten times a second would be measured too.
            report = evaluate_speed(options, progress=PlainProgress(sys.stderr))
        except KeyboardInterrupt:
            say("Interrupted. Nothing is left of it; the same command starts anew.")
            raise typer.Exit(130) from None
        show_report(report, output_format, out, overwrite=overwrite)
        broken = broken_promises(report)
        if check and broken:
            say(f"Broken: {'; '.join(broken)}")
            raise typer.Exit(1)
