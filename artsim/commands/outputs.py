"""Where an answer or a list goes: stdout or a file, and contact sheets."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from artsim.commands.command_line import say
from artsim.commands.options import OverwriteOption

if TYPE_CHECKING:
    from artsim.render.output import Form
    from artsim.search.answer import Answer
    from artsim.search.listing import Listing
    from artsim.store.gallery import Gallery

OUTPUT = "Output"


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """Where an answer goes, and in which form."""

    output_format: Annotated[
        Literal["table", "json", "jsonl", "csv", "xlsx", "paths"] | None,
        typer.Option(
            "--format",
            "-f",
            help="A table for people; for programs json (all there is), jsonl (a line a hit), "
            "csv, or paths (of the pictures alone); xlsx for Excel.",
            show_default="by the ending of --output, else table",
            rich_help_panel=OUTPUT,
        ),
    ] = None
    output: Annotated[
        Path | None,
        typer.Option(
            "--output",
            "-o",
            metavar="FILE",
            help="File for the answer: .csv, .xlsx, .json, .jsonl or .txt.",
            show_default="stdout",
            rich_help_panel=OUTPUT,
        ),
    ] = None
    print0: Annotated[
        bool,
        typer.Option(
            "--print0", help="With paths: end each with a NUL byte.", rich_help_panel=OUTPUT
        ),
    ] = False
    sheet: Annotated[
        list[Path] | None,
        typer.Option(
            metavar="FILE",
            help="Contact sheet to write, .png or .html; repeatable.",
            rich_help_panel=OUTPUT,
        ),
    ] = None
    overwrite: OverwriteOption = False

    def checked(
        self, home: Path, inputs: Sequence[Path] = (), question: Path | None = None
    ) -> Outputs:
        """Return what is written, or refuse what could not be written after the search."""
        sheets = self.sheet or ()
        asked = Outputs(
            self.output, self.output_format, self.print0, sheets, self.overwrite, home, inputs
        )
        return replace(asked, question=question).checked()


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a query or a list writes, and whether it may.

    Attributes
    ----------
    path : Path or None
        File for the answer; None is stdout.
    form : str or None
        As asked for; None goes by the file's ending.
    null : bool
        Whether paths end with a NUL byte.
    sheets : sequence of Path
    overwrite : bool
        Whether files may be replaced that artsim did not make.
    home : Path
        Data folder, in which is noted what was written.
    inputs : sequence of Path
        The query's own pictures, which are never replaced.
    question : Path or None
        File for the question.
    """

    path: Path | None
    form: Form | None
    null: bool
    sheets: Sequence[Path]
    overwrite: bool
    home: Path
    inputs: Sequence[Path] = ()
    question: Path | None = None

    def checked(self) -> Outputs:
        """Return them with their form, or refuse what could not be written after the search."""
        from artsim.files import check_file, choose_form
        from artsim.render.output import ANSWER, ENDINGS
        from artsim.render.sheet import SHEET

        if self.path is not None:
            form = choose_form(self.path, self.form, ENDINGS, ANSWER)
        else:
            form = self.form or "table"
            if form == "xlsx" and sys.stdout.isatty():
                raise typer.BadParameter("xlsx is not for a terminal: --output FILE.xlsx")
        if self.null and form != "paths":
            raise typer.BadParameter("--print0 is for --format paths")
        if form == "xlsx":
            from artsim.search.export import check_spreadsheet

            check_spreadsheet(0)
        kinds = dict.fromkeys(self.sheets, SHEET)
        if self.path is not None:
            kinds[self.path] = ANSWER
        if self.question is not None:
            from artsim.search.replay import QUESTION

            kinds[self.question] = QUESTION
        for path, kind in kinds.items():
            check_file(path, kind, overwrite=self.overwrite, inputs=self.inputs, home=self.home)
        return replace(self, form=form)

    def check_paintings(self, gallery: Gallery) -> None:
        """Refuse to write where a picture of the gallery lies."""
        from artsim.render.output import ANSWER
        from artsim.render.sheet import SHEET
        from artsim.search.inspect import check_no_painting

        for sheet in self.sheets:
            check_no_painting(gallery, sheet, SHEET)
        if self.path is not None:
            check_no_painting(gallery, self.path, ANSWER)
        if self.question is not None:
            from artsim.search.replay import QUESTION

            check_no_painting(gallery, self.question, QUESTION)

    def write(self, answer: Answer | Listing, count: int) -> None:
        """Write the answer, which has `count` hits or points."""
        from artsim.render.output import write_form, write_form_file

        form = self.form or "table"
        if self.path is not None:
            write_form_file(
                answer,
                form,
                self.path,
                null=self.null,
                overwrite=self.overwrite,
                inputs=self.inputs,
                home=self.home,
            )
            say(f"Wrote {count} row{'' if count == 1 else 's'} to {self.path}.")
        elif form != "table":
            write_form(answer, form, sys.stdout.buffer, null=self.null)
            sys.stdout.buffer.flush()

    def write_sheets(self, answer: Answer | Listing) -> None:
        """Write the contact sheets."""
        for sheet in self.sheets:
            from artsim.render.sheet import write_sheet

            write_sheet(answer, sheet, overwrite=self.overwrite)
            say(f"Sheet: {sheet}")
