"""Reports as files: a page, JSON, and the plots as PNG."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Final

from artsim.errors import ReportError
from artsim.evaluation.report import Plot, Report, report_text
from artsim.files import FileKind, check_file, write_file
from artsim.render.plots import plot_png
from artsim.render.report_html import report_html

REPORT: Final = FileKind("report", ReportError)

_NAMES: Final = ("report.html", "report.json")


def check_report_folder(
    out: Path, *, overwrite: bool = False, inputs: Iterable[Path] = ()
) -> list[Path]:
    """Refuse, before any work is done, a folder that a report could not be written into.

    Parameters
    ----------
    overwrite : bool
        Whether files may be replaced that artsim did not make. Without it, none of the names
        of a report may be taken by another's file; which plots there will be is not known.
    inputs : iterable of Path
        Files that are never replaced, such as reports that are read.

    Returns
    -------
    list of Path
        The files of an earlier report that would be replaced.

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
        raise ReportError(
            f"{there}: the report cannot be written; give a folder that you may write to",
            hint="--out",
            path=there,
        )
    kept = tuple(inputs)
    names = [*_NAMES, *sorted(place.name for place in out.glob("plot-*.png"))]
    replaced = [out / name for name in names if (out / name).exists()]
    for place in replaced:
        check_file(place, REPORT, overwrite=overwrite, inputs=kept)
    return replaced


def write_report(
    report: Report,
    out: str | os.PathLike[str],
    *,
    overwrite: bool = False,
    inputs: Iterable[Path] = (),
) -> Path:
    """Write ``report.html``, ``report.json`` and ``plot-NAME.png`` into the folder `out`.

    The folder is made where it is missing; an earlier report in it is replaced, other files
    are left alone. Each file appears whole or not at all, and the page last. Pictures are
    read from their ``image_uri``; one that cannot be read leaves a placeholder with the
    reason.

    Parameters
    ----------
    overwrite, inputs
        As for `check_report_folder`.

    Returns
    -------
    Path
        Of the page.

    Raises
    ------
    ReportError
        As `check_report_folder`.
    """
    out, kept = Path(out), tuple(inputs)
    check_report_folder(out, overwrite=overwrite, inputs=kept)
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ReportError(
            f"{out}: the report cannot be written ({error.strerror or error}); give a folder that "
            "you may write to",
            hint="--out",
            path=out,
        ) from error
    for name, content in _files(report):
        with write_file(out / name, REPORT, overwrite=overwrite, inputs=kept) as stream:
            stream.write(content)
    return out / "report.html"


def _files(report: Report) -> Iterator[tuple[str, bytes]]:
    for name, plot in zip(plot_file_names(report.plots), report.plots, strict=True):
        yield name, plot_png(plot)
    yield "report.json", report_text(report).encode("utf-8")
    yield "report.html", report_html(report).encode("utf-8", "replace")


def plot_file_names(plots: Sequence[Plot]) -> list[str]:
    """Return the name of each plot's file: its own in plain letters, and no other's."""
    names: list[str] = []
    for plot in plots:
        plain = re.sub(r"[^A-Za-z0-9_.]+", "-", plot.name).strip("-.")[:80] or "plot"
        name, number = f"plot-{plain}.png", 1
        # Some file systems do not tell upper from lower case.
        while name.lower() in {taken.lower() for taken in names}:
            number += 1
            name = f"plot-{plain}-{number}.png"
        names.append(name)
    return names
