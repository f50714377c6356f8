"""`artsim train`: encoders and classifiers from one's own pictures."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING

import typer

from artsim.catalog.progress import counted
from artsim.commands.command_line import say
from artsim.commands.evaluate import Output
from artsim.commands.options import Form, parse_columns
from artsim.render.progress_bars import make_progress
from artsim.training.recipes import ClassifierOptions, FacesRecipe, LossWeights, PaintingOptions

if TYPE_CHECKING:
    from artsim.catalog.names import Side
    from artsim.training.face_training import FacesRun
    from artsim.training.painting_training import PaintingRun

_SHOWN_PROBLEMS = 5  # pictures that are named one by one; of more only the number is said


def encoder(
    *,
    sources: tuple[Path, ...],
    out: Path,
    teacher: tuple[str, ...] = (),
    teacher_weight: tuple[float, ...] = (),
    cells: bool = True,
    restart: bool = False,
    device: str = "auto",
    recipe: PaintingOptions,
) -> None:
    """Train an encoder, and show how that went."""
    teachers = teacher or ("resnet50",)
    weights = teacher_weight or (1.0,) * len(teachers)
    if len(weights) != len(teachers):
        raise typer.BadParameter(
            f"{len(teachers)} --teacher and {len(weights)} --teacher-weight; give one each"
        )
    _check_shares(recipe.test, recipe.validation)
    losses = LossWeights() if cells else LossWeights(cells=0.0)
    with _training():
        from artsim.training.loop import LoopOptions
        from artsim.training.painting_training import train_painting_encoder

        run = train_painting_encoder(
            sources,
            out,
            replace(recipe, teachers=teachers, teacher_weights=weights, losses=losses),
            device=device,
            loop=LoopOptions(restart=restart),
            progress=make_progress(),
        )
        _report_encoder(run, out, _plot(run.history, out))
        typer.echo(run.spec)


def _report_encoder(run: PaintingRun, out: Path, plot: Path) -> None:
    if run.problems:
        _say_problems(run.problems)
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


def classifier(
    *,
    sources: tuple[Path, ...],
    out: Path,
    cache: Path | None = None,
    column_map: tuple[str, ...] = (),
    restart: bool = False,
    device: str = "auto",
    output_format: Form = "table",
    recipe: ClassifierOptions,
) -> None:
    """Train a classifier, and show how good it is."""
    columns = parse_columns(column_map)
    with _training():
        from artsim.render.training_report import classifier_report
        from artsim.training.classifier_training import train_classifier

        outcome = train_classifier(
            sources,
            out,
            replace(recipe, cache=cache, device=device, restart=restart),
            column_map=columns,
            progress=make_progress(),
        )
        # The folder is the training's own.
        Output(output_format, out, overwrite=True).show(classifier_report(outcome))
        say(f"Classifier: {out}. Use it: artsim classify IMAGE --model {out}")


def faces(
    *,
    sources: tuple[Path, ...],
    out: Path,
    by: str = "person",
    restart: bool = False,
    device: str = "auto",
    recipe: FacesRecipe,
) -> None:
    """Train an encoder of faces, and show how that went."""
    _check_shares(recipe.test, recipe.validation)
    loss, margin = recipe.loss, recipe.margin
    if loss == "margin" and margin is not None and margin > 1.5:
        raise typer.BadParameter("--margin is an angle in radians for this loss, at most 1.5")
    if loss == "contrastive" and margin == 0:
        raise typer.BadParameter("--margin is a distance for this loss, above 0")
    with _training():
        from artsim.training.face_training import train_faces
        from artsim.training.loop import LoopOptions

        run = train_faces(
            sources,
            out,
            recipe,
            by=by,
            device=device,
            options=LoopOptions(restart=restart),
            progress=make_progress(),
        )
        _report_faces(run, _plot(run.trained.history, out))
        typer.echo(run.trained.spec)


def _report_faces(run: FacesRun, plot: Path) -> None:
    _say_problems(run.people.problems)
    _say_problems(run.found.problems)
    left_out = {
        "without a face": len(run.found.without),
        "that cannot be read": len(run.found.problems),
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


@contextmanager
def _training() -> Iterator[None]:
    """End an interrupted training with what to do next, and exit code 130."""
    try:
        yield
    except KeyboardInterrupt:
        say("Interrupted. The same command goes on from the last checkpoint.")
        raise typer.Exit(130) from None


def _check_shares(test: float, validation: float) -> None:
    if test + validation >= 1:
        raise typer.BadParameter("--test-share and --validation-share leave nothing to train on")


def _say_problems(problems: Sequence[object]) -> None:
    for problem in problems[:_SHOWN_PROBLEMS]:
        say(f"  {problem}")


def _plot(history: list[dict[str, float]], out: Path) -> Path:
    from artsim.render.plots import write_losses

    title = f"Training of {out.absolute().name}"
    # The folder is the training's own.
    return write_losses(out / "losses.png", history, title=title, overwrite=True)
