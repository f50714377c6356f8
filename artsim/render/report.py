"""Reports as files: a page, JSON, and the plots as PNG."""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from artsim.errors import ReportError
from artsim.evaluation.report import Plot, Report
from artsim.evaluation.report_json import report_text
from artsim.render.plots import plot_png
from artsim.render.report_html import report_html


def write_report(report: Report, out: Path) -> Path:
    """Write ``report.html``, ``report.json`` and ``plot-NAME.png`` into the folder `out`.

    The folder is made where it is missing; files of these names are replaced, others are
    left alone. Each file appears whole or not at all, and the page last. Pictures are
    read from their ``image_uri``; one that cannot be read leaves a placeholder with the
    reason.

    Returns
    -------
    Path
        Of the page.

    Raises
    ------
    ReportError
        If `out` is no folder, or cannot be made or written to.
    """
    if out.exists() and not out.is_dir():
        raise ReportError(f"{out}: expected a folder for the report, found a file; name another")
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _unwritable(out, error) from error
    for name, content in _files(report):
        _replace(out / name, content)
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


def _replace(path: Path, content: bytes) -> None:
    # Made by write_bytes, not tempfile, so that the umask decides who may read it.
    part = path.with_name(f".{path.name}.{secrets.token_hex(4)}.part")
    try:
        part.write_bytes(content)
        part.replace(path)
    except OSError as error:
        raise _unwritable(path, error) from error
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


def _unwritable(path: Path, error: OSError) -> ReportError:
    return ReportError(
        f"{path}: the report cannot be written ({error.strerror or error}); "
        "give a folder that you may write to: --out DIR"
    )
