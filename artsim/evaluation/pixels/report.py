"""The pixel task's report: tables, bars, curves, failures, and what must be known to read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from artsim.config import Settings
from artsim.evaluation.pixels.published import NOTES as PUBLISHED_NOTES
from artsim.evaluation.pixels.published import PUBLISHED, missing_rows
from artsim.evaluation.pixels.searches import RANDOM
from artsim.evaluation.pixels.tally import BEST, Tally
from artsim.evaluation.report import (
    BarPlot,
    Column,
    Line,
    LinePlot,
    Plot,
    Report,
    Row,
    Table,
    library_versions,
    timestamp,
)
from artsim.store.gallery import Gallery

_FAILURES: Final = 5

_COLUMNS: Final = (
    Column("ssim_color", "SSIM", "score", "higher"),
    Column("ssim_own_range", "SSIM own range", "score", "higher"),
    Column("rmse_color", "RMSE", "score", "lower"),
    Column("ssim_gray", "SSIM gray", "score", "higher"),
    Column("rmse_gray", "RMSE gray", "score", "lower"),
    Column("lpips", "LPIPS", "score", "lower"),
)
_WHAT: Final = {
    "pictures": "Whole pictures",
    "face_pictures": "Whole pictures, of paintings with faces",
    "faces": "Faces",
}
_ABOUT: Final = {
    "pictures": "{count:,} paintings were searched, by the whole picture.",
    "face_pictures": (
        "The queries have faces. Searches by face look for the faces most like any of theirs, "
        "and then, as the published work does, the whole pictures those are in are compared; "
        "one that is hit by two faces counts twice. Searches by the whole picture stand beside."
    ),
    "faces": (
        "{count:,} faces were searched, by every face of a painting; a hit is compared with the "
        "face that found it, both cut out upright as encoders see them."
    ),
}


@dataclass(frozen=True, slots=True)
class Found:
    """What one table is made of.

    Attributes
    ----------
    subjects : int
        How many pictures, or faces, were searched.
    queries : int
        How many paintings were queries.
    skipped : int
        How many more would have been, had their picture been readable.
    problems : dict of str to str
        Every file that could not be used, with its reason.
    shown : tuple of str
        Rows whose worst queries are shown.
    """

    table: Literal["pictures", "face_pictures", "faces"]
    tally: Tally
    subjects: int
    queries: int
    skipped: int
    problems: Mapping[str, str]
    shown: tuple[str, ...]


def make_report(
    found: Sequence[Found],
    *,
    gallery: Gallery,
    settings: Mapping[str, Any],
    left_out: Sequence[str],
    weights: Settings | None,
) -> Report:
    """Put the report together.

    Parameters
    ----------
    settings : mapping
        With ``size``, ``k`` and ``seed``.
    left_out : sequence of str
        What was not measured, and why.
    weights : Settings or None
        Where the weights of the published encoders may be; None leaves the published
        figures out.
    """
    size, k, seed = settings["size"], settings["k"], settings["seed"]
    tables, plots, failures = [], [], []
    for one in found:
        beside = [] if weights is None else _beside(one, gallery, weights)
        tables.append(_table(one, [*beside, *_rows(one, seed)], size, k))
        plots += _plots(one, seed)
        failures += one.tally.failures(_WHAT[one.table], one.shown, _FAILURES)
    name = gallery.name or "the default gallery"
    return Report(
        task="pixels",
        title=f"How alike {found[0].queries} paintings of {name} and their first {k} hits are",
        settings={"gallery": gallery.name, "location": gallery.store.location, **settings},
        versions=library_versions(("lpips", "torchvision")),
        created=timestamp(),
        tables=tuple(tables),
        query_values=tuple(v for one in found for v in one.tally.query_values(one.table)),
        plots=tuple(plots),
        failures=tuple(failures),
        notes=(
            *_definitions(size, k),
            *left_out,
            *_problems(found),
            *(PUBLISHED_NOTES if weights is not None else ()),
        ),
    )


def _beside(one: Found, gallery: Gallery, weights: Settings) -> list[Row]:
    """Return the published rows, and those of encoders that the gallery does not have."""
    if one.table == "pictures":
        return [*PUBLISHED, *missing_rows(gallery.image_encoders(), weights)]
    return [row for row in PUBLISHED if one.table == "face_pictures" and "face" in row.name]


def _rows(one: Found, seed: int) -> list[Row]:
    rows = []
    for name in one.tally.row_names():
        notes = []
        if missing := one.tally.missing[name]:
            notes.append(f"hits without a readable picture: {missing}")
        if name == BEST:
            notes.append(
                "a bound, no ranking: each column takes the hits that this very figure puts "
                "first among all"
            )
        values = one.tally.estimates(name, seed)
        rows.append(Row(name, values, "; ".join(notes), measured=name != BEST))
    # The bound stands last, below what is bound by it.
    return sorted(rows, key=lambda row: (row.name == BEST, row.name == RANDOM))


def _table(one: Found, rows: Sequence[Row], size: int, k: int) -> Table:
    return Table(
        name=one.table,
        title=f"{_WHAT[one.table]}, {size} x {size}: {one.queries} queries, {k} hits each",
        row_heading="encoder",
        columns=_COLUMNS,
        rows=tuple(rows),
        notes=(_ABOUT[one.table].format(count=one.subjects),),
    )


def _plots(one: Found, seed: int) -> list[Plot]:
    what = _WHAT[one.table]
    estimates = {name: one.tally.estimates(name, seed) for name in one.tally.row_names()}
    return [
        BarPlot(
            f"{one.table}_ssim",
            f"{what}: SSIM, with 95 % intervals over queries",
            "mean SSIM",
            tuple(estimates),
            {
                "color": [values.get("ssim_color") for values in estimates.values()],
                "gray": [values.get("ssim_gray") for values in estimates.values()],
            },
            unit="score",
        ),
        LinePlot(
            f"{one.table}_ssim_by_rank",
            f"{what}: SSIM in color by rank",
            "rank",
            "mean SSIM",
            tuple(
                Line(name, _ranks(values), tuple(values), dashed=name in (RANDOM, BEST))
                for name, values in one.tally.by_rank().items()
                if values
            ),
        ),
    ]


def _ranks(values: Sequence[float]) -> tuple[float, ...]:
    return tuple(float(rank) for rank in range(1, len(values) + 1))


def _definitions(size: int, k: int) -> tuple[str, ...]:
    return (
        f"Pictures are squashed to {size} x {size} pixels (bilinear, 8 bits a channel). SSIM is "
        "that of Wang et al. (2004) as scikit-image computes it: means over all 7 x 7 windows of "
        "equal weights, sample covariance, K1 = 0.01, K2 = 0.03, data range 255; in color the "
        "mean of the three channels. For SSIM own range the data range is the query's greatest "
        "level minus its least, as the published program has it, which gives lower figures.",
        "RMSE is over all pixels and channels, of levels 0..1. Gray is 0.299 R + 0.587 G + "
        "0.114 B. LPIPS is version 0.1. Of RMSE and LPIPS less is nearer.",
        f"Each query's figures are means over its first {k} hits, the painting itself left out; "
        "a row is the mean over queries, with 95 % bootstrap intervals.",
        "Re-ranking compares the gallery's small gray pixels, not these pictures, and only "
        "reorders the first hits; it raises these figures because it aims at them. Whether it "
        "finds better works is what artsim evaluate labels and copies say.",
    )


def _problems(found: Sequence[Found]) -> list[str]:
    """Return what was left out because a file could not be read."""
    problems = found[-1].problems
    if not problems:
        return []
    skipped = max(one.skipped for one in found)
    first = next(iter(problems.values()))
    return [
        f"{len(problems)} pictures could not be read and were left out, {skipped} of them "
        f"queries; the first: {first}"
    ]
