"""Answers and lists in the form that was asked for, on a stream or in a file."""

from __future__ import annotations

import io
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import BinaryIO, Final, Literal

from artsim.catalog.cells import BOM
from artsim.errors import RenderError
from artsim.files import FileKind, write_file
from artsim.render.output import write_output
from artsim.search.answer import Answer
from artsim.search.listing import Listing

Form = Literal["table", "json", "jsonl", "csv", "xlsx", "paths"]

ENDINGS: Final[Mapping[Form, tuple[str, ...]]] = {
    "table": (".txt",),
    "json": (".json",),
    "jsonl": (".jsonl", ".ndjson"),
    "csv": (".csv",),
    "xlsx": (".xlsx",),
    "paths": (".txt",),
}
"""Of the names of files, by form."""

ANSWER: Final = FileKind("file", RenderError, noted=True)


def write_form(
    answer: Answer | Listing, form: Form, stream: BinaryIO, *, null: bool = False
) -> None:
    """Write an answer or a list to `stream`, in UTF-8 whatever the locale.

    Parameters
    ----------
    form : {"table", "json", "jsonl", "csv", "xlsx", "paths"}
        See docs/output.md.
    stream : binary file
        For the standard output, ``sys.stdout.buffer``.
    null : bool
        End each path with a NUL byte instead of a line feed.
    """
    if form == "table":
        _write_table(answer, stream)
    elif isinstance(answer, Answer):
        write_output(answer, form, stream, null=null)
    else:
        from artsim.render.listing import write_listing

        write_listing(answer, form, stream, null=null)


def write_form_file(
    answer: Answer | Listing,
    form: Form,
    path: Path,
    *,
    null: bool = False,
    overwrite: bool = False,
    inputs: Iterable[Path] = (),
    home: Path | None = None,
) -> None:
    """Write an answer or a list to a file, whole or not at all.

    CSV begins with a byte order mark, by which spreadsheets know UTF-8; on a stream it does not.

    Parameters
    ----------
    overwrite, inputs, home
        As for `artsim.files.check_file`.

    Raises
    ------
    RenderError
        As that function.
    """
    with write_file(path, ANSWER, overwrite=overwrite, inputs=inputs, home=home) as stream:
        if form == "csv":
            stream.write(BOM.encode())
        write_form(answer, form, stream, null=null)


def _write_table(answer: Answer | Listing, stream: BinaryIO) -> None:
    text = io.TextIOWrapper(stream, "utf-8", "replace")
    if isinstance(answer, Answer):
        from artsim.render.table import print_hits

        print_hits(answer, text)
    else:
        from artsim.render.listing import print_listing

        print_listing(answer, text)
    text.flush()
    text.detach()
