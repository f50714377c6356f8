"""What a training came to, as a report like any other: tables, plots, notes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from artsim.evaluation.report import (
    Cell,
    Column,
    ConfusionPlot,
    Line,
    LinePlot,
    Plot,
    Report,
    Row,
    Table,
    library_versions,
    timestamp,
)
from artsim.evaluation.statistics import Estimate
from artsim.render.text import first_few
from artsim.training.classifier_training import ClassifierOutcome
from artsim.training.heads import SURENESS, published_for

_LISTED: Final = 5  # most classes or problems that a note names
_TOP: Final = 5


def classifier_report(outcome: ClassifierOutcome) -> Report:
    """Return the report of a classifier's training, of the task ``train classifier``."""
    kind, sides = outcome.config.kind, outcome.sides
    name = f"{kind}, {outcome.encoder}" if kind == "linear" else kind
    return Report(
        task="train classifier",
        title=f"{outcome.config.field} by {name}: {len(sides.train):,} works to learn from, "
        f"{len(sides.test):,} to test on, {len(outcome.scores.classes):,} classes",
        settings=dict(outcome.settings),
        versions=library_versions(("timm",)),
        created=timestamp(),
        tables=(_scores(outcome, name), _calibration(outcome, name), _classes(outcome)),
        plots=_plots(outcome),
        notes=tuple(_notes(outcome)),
    )


def _scores(outcome: ClassifierOutcome, name: str) -> Table:
    scores = outcome.scores
    own: dict[str, Cell] = {
        "accuracy": Estimate(scores.accuracy, *scores.accuracy_interval, scores.count),
        "balanced_accuracy": scores.balanced_accuracy,
        "macro_f1": scores.macro_f1,
        "works": scores.count,
    }
    columns = [
        Column("accuracy", "accuracy"),
        Column("balanced_accuracy", "balanced accuracy"),
        Column("macro_f1", "macro F1"),
    ]
    if len(scores.classes) > _TOP:
        own["top_5"] = scores.top_5
        columns.append(Column("top_5", "among first 5"))
    columns.append(Column("works", "works", "count", None))
    majority: dict[str, Cell] = {"accuracy": scores.majority, "works": scores.count}
    rows = [Row(name, own), Row("always the most frequent class", majority, measured=False)]
    rows += [
        Row(figure.name, {"accuracy": figure.accuracy}, figure.note, measured=False)
        for figure in published_for(outcome.config.field)
    ]
    by_artist = outcome.settings.get("split") == "artist"
    by = "of artists that it never saw" if by_artist else "drawn at random"
    return Table(
        name="scores",
        title=f"The {outcome.config.field} of works that were put aside",
        row_heading="classifier",
        columns=tuple(columns),
        rows=tuple(rows),
        notes=(f"Works {by}; Wilson's 95 % interval. Abstentions are not counted here.",),
    )


def _calibration(outcome: ClassifierOutcome, name: str) -> Table:
    scores, config = outcome.scores, outcome.config
    values: dict[str, Cell] = {
        "coverage": scores.coverage,
        "answered_accuracy": scores.answered_accuracy if scores.coverage else None,
        "threshold": config.threshold,
        "calibration_error": scores.calibration_error,
        "log_loss": scores.log_loss,
        "temperature": config.temperature,
    }
    say = f"works of the training side that were held out say with {SURENESS:.0%} confidence that"
    right = f"{config.precision:.0%} of answers are right"
    chosen = (
        f"At a probability of {config.threshold:.3f} and above it answers: from there on, {say} "
        f"{right}."
        if config.threshold is not None
        else f"It never answers: for no probability do the {say} {right} from there on; add works, "
        "or lower --precision."
    )
    return Table(
        name="calibration",
        title="How sure it is, and when it says nothing",
        row_heading="classifier",
        columns=(
            Column("coverage", "answered"),
            Column("answered_accuracy", "right, of these"),
            Column("threshold", "from probability", "score", None),
            Column("calibration_error", "calibration error", "share", "lower"),
            Column("log_loss", "log loss", "score", "lower"),
            Column("temperature", "temperature", "ratio", None),
        ),
        rows=(Row(name, values),),
        notes=(chosen,),
    )


def _classes(outcome: ClassifierOutcome) -> Table:
    rows = []
    for score in outcome.scores.classes:
        values: dict[str, Cell] = {"support": score.support}
        if score.support:
            values |= {"precision": score.precision, "recall": score.recall, "f1": score.f1}
        rows.append(Row(score.name, values, "" if score.support else "no work of it was put aside"))
    return Table(
        name="classes",
        title="Class by class",
        row_heading=outcome.config.field,
        columns=(
            Column("precision", "precision", better=None),
            Column("recall", "recall", better=None),
            Column("f1", "F1", better=None),
            Column("support", "works", "count", None),
        ),
        rows=tuple(rows),
    )


def _plots(outcome: ClassifierOutcome) -> tuple[Plot, ...]:
    curve, scores = outcome.curve, outcome.scores
    confusion = ConfusionPlot(
        name="confusion",
        title=f"The {outcome.config.field} of works and what the classifier takes it for",
        classes=tuple(score.name for score in scores.classes),
        counts=scores.confusion,
        note="The most probable class of each work of the test side, abstentions or not.",
        row_label="work's, with its count",
        column_label="classifier's",
    )
    loss = LinePlot(
        name="training",
        title=f"How the training went: {curve.y_label}",
        x_label=curve.x_label,
        y_label=curve.y_label,
        lines=(Line(curve.name, curve.x, curve.y),),
        x_scale="log" if curve.log_x else "linear",
    )
    return confusion, loss


def _notes(outcome: ClassifierOutcome) -> Iterator[str]:
    labeled, untrained = outcome.sides.labeled, outcome.sides.untrained
    if labeled.left_out:
        least = outcome.settings.get("min_works")
        yield f"Left out, with fewer than {least} works: {_listed(labeled.left_out)}."
    if untrained:
        why = "since all of their artists fell to one part of the split"
        yield f"Left out, {why}: {_listed(untrained)}."
    if labeled.without:
        yield f"{labeled.without:,} works have no {outcome.config.field} and were left out."
    if outcome.problems:
        yield f"Could not be read: {first_few(outcome.problems, _LISTED, '; ', '; and')}."


def _listed(counts: Mapping[str, int]) -> str:
    """Return classes with their counts, largest first."""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return first_few([f"{name} ({count})" for name, count in ordered], _LISTED)
