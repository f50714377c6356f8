"""`artsim evaluate`: how good the answers are, task by task, and comparisons of reports."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, TypeVar

import typer

from artsim.catalog.kinds import FACES
from artsim.commands.command_line import say, say_notes
from artsim.commands.options import EncoderOptions, FilterOptions, Form, Place, chosen_kind
from artsim.evaluation.compare import compare_reports
from artsim.evaluation.report import Report, read_report, report_text
from artsim.evaluation.runner import SearchChoices
from artsim.evaluation.tasks.faces import FacesOptions
from artsim.render.progress_bars import make_progress
from artsim.render.report_forms import REPORT, check_report_folder, print_report, write_report
from artsim.search.inspect import check_no_painting
from artsim.search.models import Models
from artsim.search.rerank import RERANKERS
from artsim.store.gallery import Gallery

Chosen = TypeVar("Chosen", bound=SearchChoices)


@dataclass(frozen=True, slots=True)
class Output:
    """Where the report goes."""

    output_format: Form = "table"
    out: Path | None = None
    overwrite: bool = False

    def check(self, gallery: Gallery | None = None, inputs: Sequence[Path] = ()) -> None:
        """Refuse, before an evaluation takes its time, a folder that has no place for it."""
        if self.out is None:
            return
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
        with place.open() as opened:
            self.check(opened)
            report = evaluate(opened, options, progress=make_progress(), **more)
        if noted:
            say_notes(report.notes)
        self.show(report)

    def show(self, report: Report, inputs: Sequence[Path] = ()) -> None:
        """Write `report` to stdout, and to the folder where there is one."""
        if self.output_format == "json":
            sys.stdout.buffer.write(report_text(report).encode())
            sys.stdout.buffer.flush()
        else:
            print_report(report, sys.stdout)
        if self.out is not None:
            page = write_report(report, self.out, overwrite=self.overwrite, inputs=inputs)
            say(f"Report: {page}")


def _checked(choices: Chosen, default: Iterable[str] = ()) -> Chosen:
    """Return choices that make sense together, with `default` re-rankers if none is named."""
    if choices.rerank_weights and not choices.rerank:
        named = " or ".join(f"--rerank {name}" for name in RERANKERS)
        raise typer.BadParameter(f"--rerank-weight needs {named}")
    return replace(choices, rerank=tuple(dict.fromkeys(choices.rerank or default)))


def compare(
    context: typer.Context,
    reports: tuple[Path, Path] | None = None,
    rows: tuple[str, str] | None = None,
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
    output.check(inputs=reports)
    first, second = (read_report(path) for path in reports)
    names = (str(reports[0]), str(reports[1]))
    output.show(compare_reports(first, second, rows=rows, names=names), inputs=reports)


def copies(
    *,
    queries: int | None = None,
    fraction: float | None = None,
    edit: tuple[str, ...] = (),
    hard: bool = False,
    look: tuple[str, ...] = (),
    twins: str = "extra.near_dup_group",
    choices: SearchChoices,
    encoding: EncoderOptions,
    output: Output,
    place: Place,
) -> None:
    """Search by copies."""
    if queries is not None and fraction is not None:
        raise typer.BadParameter("give --queries or --fraction, not both")
    from artsim.evaluation.edits import EDITS, EVERY_EDIT, HARD_EDITS
    from artsim.evaluation.runner import LOOKS
    from artsim.evaluation.tasks.copies import CopiesOptions, evaluate_copies

    for option, given, known in (("--edit", edit, EVERY_EDIT), ("--look", look, LOOKS)):
        for name in given:
            if name not in known:
                listed = ", ".join(known)
                raise typer.BadParameter(f"{option} {name!r}: expected one of {listed}")
    options = CopiesOptions(
        queries=queries,
        fraction=fraction,
        edits=tuple(dict.fromkeys([*(edit or EDITS), *(HARD_EDITS if hard else ())])),
        looks=tuple(dict.fromkeys(look)),
        twins=None if twins == "none" else twins,
        **asdict(_checked(choices)),
    )
    output.of(evaluate_copies, place, options, models=encoding.models())


def films(
    *,
    clips: int = 10,
    encoder: tuple[str, ...] = (),
    twins: str = "extra.near_dup_group",
    baselines: bool = True,
    seed: int = 0,
    encoding: EncoderOptions,
    output: Output,
    place: Place,
) -> None:
    """Search by clips of films that show paintings."""
    from artsim.evaluation.tasks.films import FilmsOptions, evaluate_films

    options = FilmsOptions(
        clips=clips,
        encoders=encoder,
        twins=None if twins == "none" else twins,
        baselines=baselines,
        seed=seed,
    )
    output.of(evaluate_films, place, options, models=encoding.models())


def faces(*, options: FacesOptions, output: Output, place: Place) -> None:
    """Judge what is found of faces."""
    from artsim.evaluation.tasks.faces import evaluate_faces

    output.of(evaluate_faces, place, _checked(options))


def pixels(
    *,
    fraction: float = 0.2,
    queries: int | None = None,
    hits: int = 5,
    size: int = 200,
    faces: bool | None = None,
    face_encoder: tuple[str, ...] = (),
    not_same_artist: bool = False,
    best_limit: int = 500,
    published: bool = True,
    lpips: Literal["alex", "vgg", "squeeze", "none"] = "alex",
    device: str = "auto",
    max_megapixels: float = 200.0,
    choices: SearchChoices,
    output: Output,
    place: Place,
) -> None:
    """Compare paintings and their hits pixel by pixel."""
    from artsim.evaluation.tasks.pixels import PixelsOptions, evaluate_pixels

    options = PixelsOptions(
        fraction=fraction,
        queries=queries,
        k=hits,
        size=size,
        face_encoders=face_encoder,
        kinds=None if faces is None else (FACES,) if faces else (),
        not_same_artist=not_same_artist,
        best_limit=best_limit,
        published=published,
        lpips=None if lpips == "none" else lpips,
        **asdict(_checked(choices, RERANKERS)),
    )
    models = Models(device=device, max_megapixels=max_megapixels)
    output.of(evaluate_pixels, place, options, models=models)


def labels(
    *,
    by: tuple[str, ...],
    exclude: tuple[str, ...] = (),
    kind: str | None = None,
    depth: tuple[int, ...] = (1, 5, 10),
    limit_queries: int | None = None,
    choices: SearchChoices,
    filters: FilterOptions,
    output: Output,
    place: Place,
) -> None:
    """Say how well searches find works that share a field."""
    from artsim.evaluation.tasks.labels import LabelsOptions, evaluate_labels

    options = LabelsOptions(
        by,
        exclude,
        depth,
        kind=chosen_kind(kind),
        filters=filters.filters(),
        limit_queries=limit_queries,
        **asdict(_checked(choices)),
    )
    output.of(evaluate_labels, place, options, noted=True)
