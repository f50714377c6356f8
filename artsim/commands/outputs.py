"""Where an answer or a list goes: stdout or a file, and contact sheets."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TypeAlias

import typer

from artsim.catalog.progress import counted
from artsim.commands.command_line import say

if TYPE_CHECKING:
    from artsim.files import FileKind
    from artsim.render.sheet import Shown
    from artsim.search.answer import Answer
    from artsim.search.listing import Listing
    from artsim.store.gallery import Gallery


Form: TypeAlias = Literal["table", "json", "jsonl", "csv", "xlsx", "paths", "bibtex", "iiif"]


@dataclass(frozen=True, slots=True)
class OutputOptions:
    """Where an answer goes, and in which form."""

    output_format: Form | None = None
    output: Path | None = None
    print0: bool = False
    sheet: list[Path] | None = None
    overwrite: bool = False

    def checked(
        self, home: Path, inputs: Sequence[Path] = (), question: Path | None = None
    ) -> Outputs:
        """Return what is written, or refuse what could not be written after the search."""
        from artsim.files import check_file, choose_form
        from artsim.render.output import ANSWER, ENDINGS
        from artsim.render.sheet import SHEET

        form: Form = self.output_format or "table"
        if self.output is not None:
            form = choose_form(self.output, self.output_format, ENDINGS, ANSWER)
        elif form == "xlsx" and sys.stdout.isatty():
            raise typer.BadParameter("xlsx is not for a terminal: --output FILE.xlsx")
        if self.print0 and form != "paths":
            raise typer.BadParameter("--print0 is for --format paths")
        if form == "xlsx":
            from artsim.search.export import check_spreadsheet

            check_spreadsheet(0)
        files = dict.fromkeys(self.sheet or (), SHEET)
        if self.output is not None:
            files[self.output] = ANSWER
        if question is not None:
            from artsim.search.replay import QUESTION

            files[question] = QUESTION
        for path, kind in files.items():
            check_file(path, kind, overwrite=self.overwrite, inputs=inputs, home=home)
        return Outputs(self, form, files, tuple(inputs), home, question)


@dataclass(frozen=True, slots=True)
class Outputs:
    """What a query or a list writes; `inputs` are the query's own pictures, never replaced."""

    options: OutputOptions
    form: Form
    files: Mapping[Path, FileKind]
    inputs: Sequence[Path]
    home: Path
    question: Path | None = None

    @property
    def as_table(self) -> bool:
        """Whether the answer is a table on the terminal."""
        return self.form == "table" and self.options.output is None

    @property
    def door(self) -> dict[str, Any]:
        """The arguments with which files are written."""
        return {"overwrite": self.options.overwrite, "inputs": self.inputs, "home": self.home}

    def check_paintings(self, gallery: Gallery) -> None:
        """Refuse to write where a picture of the gallery lies."""
        from artsim.search.inspect import check_no_painting

        for path, kind in self.files.items():
            check_no_painting(gallery, path, kind)

    def write(self, answer: Answer | Listing, count: int) -> None:
        """Write the answer, which has `count` hits or points, but for a table on the terminal."""
        from artsim.render.output import write_form, write_form_file

        path, null = self.options.output, self.options.print0
        if path is not None:
            write_form_file(answer, self.form, path, null=null, **self.door)
            say(f"Wrote {counted(count, 'row')} to {path}.")
        elif not self.as_table:
            write_form(answer, self.form, sys.stdout.buffer, null=null)
            sys.stdout.buffer.flush()

    def write_sheets(self, answer: Shown) -> None:
        """Write the contact sheets."""
        for sheet in self.options.sheet or ():
            from artsim.render.sheet import write_sheet

            write_sheet(answer, sheet, overwrite=self.options.overwrite)
            say(f"Sheet: {sheet}")
