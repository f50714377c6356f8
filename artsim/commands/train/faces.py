"""`artsim train faces`: a face encoder from pictures of people."""

from __future__ import annotations

from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from artsim.catalog.progress import counted
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
    from artsim.training.faces.run import FacesRun
    from artsim.training.split import Side

SourcesArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="SOURCE",
        help="Folders with a subfolder a person, or folders and manifests with metadata.",
    ),
]
OutOption = Annotated[
    Path,
    typer.Option("--out", "-o", metavar="DIR", help="Folder of the encoder and all of the run."),
]
ByOption = Annotated[
    str,
    typer.Option(
        metavar="FIELD",
        help="Field that says whom a picture shows; person is extra.person, else the subfolder.",
    ),
]
NetworkOption = Annotated[
    str,
    typer.Option(help="painting, inception-resnet-v1, or a model of timm.", rich_help_panel=RECIPE),
]
BeginOption = Annotated[
    Path | None,
    typer.Option(
        exists=True,
        dir_okay=False,
        help="File of the network's weights to begin with.",
        show_default="random weights",
        rich_help_panel=RECIPE,
    ),
]
SideOption = Annotated[
    int | None,
    typer.Option(
        min=8,
        help="Pixels a side that the network sees of a face.",
        show_default="160 for inception-resnet-v1, else 112",
        rich_help_panel=RECIPE,
    ),
]
LossOption = Annotated[
    Literal["contrastive", "margin"],
    typer.Option(
        help="contrastive (Hadsell et al. 2006) or margin (ArcFace).", rich_help_panel=RECIPE
    ),
]
MarginOption = Annotated[
    float | None,
    typer.Option(
        min=0,
        max=2,
        help="Of the loss: a distance for contrastive, radians for margin.",
        show_default="1 for contrastive, 0.3 for margin",
        rich_help_panel=RECIPE,
    ),
]
DecoderOption = Annotated[
    bool | None,
    typer.Option(
        "--decoder/--no-decoder",
        help="Whether the face is rebuilt from its embedding as well.",
        show_default="with the contrastive loss",
        rich_help_panel=RECIPE,
    ),
]
DecoderWeightOption = Annotated[
    float,
    typer.Option(min=1e-6, help="Of the decoder's loss.", rich_help_panel=RECIPE),
]
EpochsOption = Annotated[
    int, typer.Option(min=1, help="Passes over the faces.", rich_help_panel=RECIPE)
]
BatchPeopleOption = Annotated[
    int, typer.Option("--people", min=2, help="In a batch.", rich_help_panel=RECIPE)
]
BatchFacesOption = Annotated[
    int, typer.Option("--faces", min=2, help="Of each person in a batch.", rich_help_panel=RECIPE)
]
RateOption = Annotated[
    float | None,
    typer.Option(
        min=1e-8,
        help="Highest learning rate.",
        show_default="1e-3, and 1e-4 with --weights",
        rich_help_panel=RECIPE,
    ),
]
TestShareOption = Annotated[
    float, typer.Option(min=0, max=0.9, help="Of the people, held back to judge by.")
]
ValidationShareOption = Annotated[
    float,
    typer.Option(min=0, max=0.9, help="Of the people, to choose the best epoch by."),
]


def faces(
    sources: SourcesArgument,
    out: OutOption,
    by: ByOption = "person",
    network: NetworkOption = "painting",
    weights: BeginOption = None,
    side: SideOption = None,
    loss: LossOption = "margin",
    margin: MarginOption = None,
    decoder: DecoderOption = None,
    decoder_weight: DecoderWeightOption = 1.0,
    epochs: EpochsOption = 30,
    batch_people: BatchPeopleOption = 16,
    batch_faces: BatchFacesOption = 4,
    learning_rate: RateOption = None,
    test_share: TestShareOption = 0.2,
    validation_share: ValidationShareOption = 0.1,
    seed: SeedOption = 0,
    restart: RestartOption = False,
    device: DeviceOption = "auto",
) -> None:
    """Train a face encoder that tells people apart, and set some people aside to judge it by.

    A run that was interrupted is simply run again. The name of the encoder goes to stdout;
    DIR/test is a source of the pictures of people it never saw, with pairs to verify.

    Example: artsim train faces ~/lfw --by extra.person --out lfw-faces
    """
    check_shares(test_share, validation_share)
    if loss == "margin" and margin is not None and margin > 1.5:
        raise typer.BadParameter("--margin is an angle in radians for this loss, at most 1.5")
    if loss == "contrastive" and margin == 0:
        raise typer.BadParameter("--margin is a distance for this loss, above 0")
    with expected_errors():
        from artsim.render.plots import write_losses
        from artsim.render.progress import make_progress
        from artsim.training.faces.options import FacesRecipe
        from artsim.training.faces.run import train_faces
        from artsim.training.loop import LoopOptions

        recipe = FacesRecipe(
            network=network,
            side=side,
            weights=weights,
            loss=loss,
            margin=margin,
            decoder=decoder,
            decoder_weight=decoder_weight,
            epochs=epochs,
            people=batch_people,
            faces=batch_faces,
            learning_rate=learning_rate,
            test=test_share,
            validation=validation_share,
            seed=seed,
        )
        with going_on_later():
            run = train_faces(
                sources,
                out,
                recipe,
                by=by,
                device=device,
                options=LoopOptions(restart=restart),
                progress=make_progress(),
            )
        plot = write_losses(
            out / "losses.png",
            run.trained.history,
            title=f"Training of {out.absolute().name}",
            overwrite=True,  # the folder is the training's own
        )
        _report(run, plot)
        typer.echo(run.trained.spec)


def _report(run: FacesRun, plot: Path) -> None:
    """Say what was used, what was left out, and how to judge the encoder."""
    say_problems(run.people.problems)
    say_problems(run.found.unreadable)
    left_out = {
        "without a face": len(run.found.without_face),
        "that cannot be read": len(run.found.unreadable),
        "of nobody named": run.people.unlabeled,
        "with damaged metadata": len(run.people.problems),
    }
    notes = [f"{count} {what}" for what, count in left_out.items() if count]
    if notes:
        say(f"Left out: pictures, {', '.join(notes)}.")
    chosen = any("validation" in losses for losses in run.trained.history)
    purposes: dict[Side, str] = {
        "train": "Trained on",
        "validation": "The epoch was chosen by" if chosen else "Too few to choose an epoch by",
        "test": "Held back",
    }
    for side, purpose in purposes.items():
        rows, (_, people) = run.trained.faces.rows(side), run.trained.faces.codes(side)
        persons = "1 person" if len(people) == 1 else f"{len(people):,} people"
        say(f"{purpose}: {counted(len(rows), 'face')} of {persons}.")
    say(f"Kept: the network after step {run.trained.kept_step}; losses: {plot}")
    if len(run.trained.faces.codes("test")[1]) > 1:
        unseen, encoder = quote(str(run.unseen)), quote(f"file:{run.unseen.parent}")
        pairs = quote(str(run.unseen / "pairs.csv"))
        say(f"Next: artsim ingest {unseen} --gallery unseen --face-encoder {encoder}")
        say(f"Then: artsim evaluate faces --gallery unseen --by extra.person --pairs {pairs}")
