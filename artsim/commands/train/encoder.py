"""`artsim train encoder`: an encoder of pictures from pictures."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from artsim.commands.common import DeviceOption, expected_errors, say
from artsim.commands.train.common import (
    RECIPE,
    RestartOption,
    SeedOption,
    check_shares,
    going_on_later,
    say_problems,
)

if TYPE_CHECKING:
    from artsim.training.painting.run import PaintingRun

SourcesArgument = Annotated[
    list[Path], typer.Argument(metavar="SOURCE", help="Folders and manifests of pictures.")
]
OutOption = Annotated[
    Path,
    typer.Option("--out", "-o", metavar="DIR", help="Folder of the encoder and all of the run."),
]
TeachersOption = Annotated[
    list[str] | None,
    typer.Option(
        "--teacher",
        metavar="ENCODER",
        help="Encoder whose vectors are learned; repeatable: joined.",
        show_default="resnet50",
        rich_help_panel=RECIPE,
    ),
]
TeacherWeightsOption = Annotated[
    list[float] | None,
    typer.Option(
        "--teacher-weight",
        min=1e-3,
        help="How much each teacher counts, in their order.",
        show_default="1 each",
        rich_help_panel=RECIPE,
    ),
]
GroupOption = Annotated[
    str, typer.Option("--by", metavar="FIELD", help="Field by which works belong together.")
]
LabelOption = Annotated[str, typer.Option(metavar="FIELD", help="Field that is learned to tell.")]
PartsOption = Annotated[
    int,
    typer.Option(min=1, help="Views of each picture beside the whole.", rich_help_panel=RECIPE),
]
CellsOption = Annotated[
    bool,
    typer.Option(
        "--cells/--no-cells",
        help="Also learn what teachers from ONNX files see in each part of a picture.",
        rich_help_panel=RECIPE,
    ),
]
StepsOption = Annotated[int, typer.Option(min=1, help="Batches.", rich_help_panel=RECIPE)]
GroupsOption = Annotated[
    int, typer.Option("--groups", min=2, help="Groups in a batch.", rich_help_panel=RECIPE)
]
WorksOption = Annotated[
    int, typer.Option("--works", min=2, help="Works of each group.", rich_help_panel=RECIPE)
]
RateOption = Annotated[
    float, typer.Option(min=1e-8, help="Highest learning rate.", rich_help_panel=RECIPE)
]
TestShareOption = Annotated[
    float, typer.Option(min=0, max=0.9, help="Of the groups, held back to judge by.")
]
ValidationShareOption = Annotated[
    float, typer.Option(min=0, max=0.9, help="Of the groups, held back to choose settings by.")
]


def encoder(
    sources: SourcesArgument,
    out: OutOption,
    teacher: TeachersOption = None,
    teacher_weight: TeacherWeightsOption = None,
    by: GroupOption = "artist",
    label: LabelOption = "style",
    parts: PartsOption = 12,
    cells: CellsOption = True,
    steps: StepsOption = 4800,
    batch_groups: GroupsOption = 12,
    batch_works: WorksOption = 4,
    learning_rate: RateOption = 6e-3,
    test_share: TestShareOption = 0.25,
    validation_share: ValidationShareOption = 0.1,
    seed: SeedOption = 0,
    restart: RestartOption = False,
    device: DeviceOption = "auto",
) -> None:
    """Train a small encoder on your own pictures, and set some artists aside to judge it by.

    It learns to see as its teachers do, and which works are of one artist and style. A run
    that was interrupted is simply run again. The name of the encoder goes to stdout.

    Example: artsim train encoder ~/collection --teacher clip --out my-encoder
    """
    teachers = tuple(teacher or ("resnet50",))
    weights = tuple(teacher_weight or (1.0,) * len(teachers))
    if len(weights) != len(teachers):
        raise typer.BadParameter(
            f"{len(teachers)} --teacher and {len(weights)} --teacher-weight; give one each"
        )
    check_shares(test_share, validation_share)
    with expected_errors():
        from artsim.render.plots import write_losses
        from artsim.render.progress import make_progress
        from artsim.training.loop import LoopOptions
        from artsim.training.painting.options import LossWeights, PaintingOptions
        from artsim.training.painting.run import train_painting_encoder

        options = PaintingOptions(
            teachers=teachers,
            teacher_weights=weights,
            group=by,
            label=label,
            test=test_share,
            validation=validation_share,
            parts=parts,
            steps=steps,
            groups=batch_groups,
            works=batch_works,
            learning_rate=learning_rate,
            seed=seed,
            losses=LossWeights() if cells else LossWeights(cells=0.0),
        )
        with going_on_later():
            run = train_painting_encoder(
                sources,
                out,
                options,
                device=device,
                loop=LoopOptions(restart=restart),
                progress=make_progress(),
            )
        title = f"Training of {out.absolute().name}"
        # The folder is the training's own.
        plot = write_losses(out / "losses.png", run.history, title=title, overwrite=True)
        _report(run, out, plot)
        typer.echo(run.spec)


def _report(run: PaintingRun, out: Path, plot: Path) -> None:
    """Say what was used, what was left out, and how to judge the encoder."""
    say_problems(run.problems)
    if run.problems:
        say(f"Left out: {len(run.problems)} of the rows or files.")
    works = run.works
    say(
        f"Trained on {works['train']:,} works; held back {works['validation']:,} to choose by "
        f"and {works['test']:,} to judge by. Losses: {plot}"
    )
    if works["test"] > 1:
        unseen, spec = quote(str(out / "test")), quote(run.spec)
        say(f"Next: artsim ingest {unseen} --gallery unseen --no-faces --encoder {spec}")
        say("Then: artsim evaluate labels --gallery unseen --by artist --by style")
