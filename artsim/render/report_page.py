"""Reports as files: a page, JSON, tables as CSV and LaTeX, plots as PNG and SVG."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from artsim.errors import ReportError
from artsim.evaluation.report import (
    Picture,
    PictureRow,
    Plot,
    Report,
    Table,
    flat_settings,
    report_text,
)
from artsim.files import FileKind, check_file, write_file
from artsim.render import report_table
from artsim.render.picture_cards import Card, card_of
from artsim.render.text import clean, field_text, id_text

REPORT: Final = FileKind("report", ReportError)

TABLES: Final = FileKind("report", ReportError, noted=True)
"""Tables of a report, which have no room for a mark."""

MAX_PICTURES: Final = 600
"""Most pictures on a page, which is then some 10 MB."""

PICTURE_SIDE: Final = 320
"""Most pixels of an embedded picture's longer side: sharp at twice the size it has."""


def check_report_folder(
    out: Path, *, overwrite: bool = False, inputs: Iterable[Path] = ()
) -> list[Path]:
    """Return the files of an earlier report that would be replaced in a folder.

    Which plots and tables there will be is not known: without `overwrite`, none of the names of a
    report may be taken by a file that artsim did not make. `inputs` are never replaced.

    Raises
    ------
    ReportError
        If `out` is no folder, cannot be made or written to, or holds others' files of these
        names.
    """
    there = next(place for place in (out, *out.absolute().parents) if place.exists())
    if not there.is_dir():
        raise ReportError(
            f"{there}: expected a folder for the report, found a file; name another", path=there
        )
    if not os.access(there, os.W_OK):
        raise _unwritable(there, "no permission")
    forms = ("report.html", "report.json", "plot-*.png", "plot-*.svg", "table-*.csv", "table-*.tex")
    replaced = [place for form in forms for place in sorted(out.glob(form))]
    for place in replaced:
        check_file(place, _kind(place.name), overwrite=overwrite, inputs=inputs)
    return replaced


def _unwritable(out: Path, why: str) -> ReportError:
    return ReportError(
        f"{out}: the report cannot be written ({why}); give a folder that you may write to",
        hint="--out",
        path=out,
    )


def _kind(name: str) -> FileKind:
    return TABLES if name.endswith((".csv", ".tex")) else REPORT


def write_report(
    report: Report,
    out: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    inputs: Iterable[Path] = (),
) -> Path:
    """Write a report into the folder `out` and return the path of its page.

    These are ``report.html``, ``report.json``, ``plot-NAME.png`` and ``plot-NAME.svg`` of each
    plot, and ``table-NAME.csv`` and ``table-NAME.tex`` of each table. The folder is made where it
    is missing; an earlier report in it is replaced, other files are left alone. Each file appears
    whole or not at all, and the page last. Pictures are read from their ``image_uri``; one that
    cannot be read leaves a placeholder with the reason.

    Parameters
    ----------
    overwrite : bool
        Whether files may be replaced that artsim did not make.
    inputs : iterable of Path
        Files that are never replaced, such as reports that are read.

    Raises
    ------
    ReportError
        If `out` is no folder, cannot be written to, or holds others' files of these names.
    """
    out, kept = Path(out), tuple(inputs)
    check_report_folder(out, overwrite=overwrite, inputs=kept)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(out, error.strerror or str(error)) from error
    for name, content in _files(report):
        with write_file(out / name, _kind(name), overwrite=overwrite, inputs=kept) as stream:
            stream.write(content)
    return out / "report.html"


def _files(report: Report) -> Iterator[tuple[str, bytes]]:
    from artsim.render.plots import plot_png, plot_svg

    for name, plot in zip(file_names("plot", report.plots), report.plots, strict=True):
        yield f"{name}.png", plot_png(plot)
        yield f"{name}.svg", plot_svg(plot, titled=True)
    for name, table in zip(file_names("table", report.tables), report.tables, strict=True):
        yield f"{name}.csv", report_table.to_csv(table).encode("utf-8", "replace")
        yield f"{name}.tex", report_table.to_latex(table).encode("utf-8", "replace")
    yield "report.json", report_text(report).encode()
    yield "report.html", report_html(report).encode("utf-8", "replace")


def file_names(prefix: str, parts: Sequence[Plot | Table]) -> list[str]:
    """Return the name of each part's files: its own in plain letters, and no other's."""
    names: list[str] = []
    for part in parts:
        plain = re.sub(r"[^A-Za-z0-9_.]+", "-", part.name).strip("-.")[:80] or prefix
        name, number = f"{prefix}-{plain}", 1
        # Some file systems do not tell upper from lower case.
        while name.lower() in {taken.lower() for taken in names}:
            number += 1
            name = f"{prefix}-{plain}-{number}"
        names.append(name)
    return names


def report_html(report: Report) -> str:
    """Return the report as the text of an HTML file, to be written in UTF-8.

    Its only script sorts tables: a click on a heading sorts by it, a second one the other way, a
    third one as it was.
    """
    from artsim.render.pages import DARK, LIGHT, data_uri, digest, environment, static
    from artsim.render.plots import plot_svg

    script = static("report.js")
    themes = {"light": LIGHT, "dark": DARK}
    return (
        environment()
        .get_template("report.html")
        .render(
            report=report,
            card_of=_card,
            svg_uri=lambda plot, theme: data_uri(plot_svg(plot, themes[theme])),
            title=clean(report.title),
            policy="default-src 'none'; img-src data:; style-src 'unsafe-inline'; "
            f"script-src {digest(script)}; base-uri 'none'; form-action 'none'",
            style=static("colors.css", "report.css"),
            script=script,
            groups=list(_groups(report)),
            settings=dict(flat_settings(report.settings)),
            tables=report_table,
        )
    )


def _groups(report: Report) -> Iterator[tuple[Any, list[PictureRow], int]]:
    """Yield each group, its rows as far as there is room, and how many there is none for."""
    left = MAX_PICTURES
    for group in report.failures:
        shown: list[PictureRow] = []
        for row in group.rows:
            left -= 1 + len(row.hits)
            if left < 0:
                break
            shown.append(row)
        yield group, shown, len(group.rows) - len(shown)


def _card(picture: Picture) -> Card:
    payload, pixels = picture.payload, picture.pixels
    title = field_text(payload, "title") or id_text(payload)
    faces = None if pixels is None else ()
    return card_of(payload, PICTURE_SIDE, image=pixels, faces=faces, title=title, is_hit=True)
