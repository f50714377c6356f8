"""The pixel task's report: tables, bars, curves, failures, and what must be known to read them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from artsim.config import Settings
from artsim.domain.encoder_info import EncoderInfo
from artsim.evaluation.pixels_published import NOTES as PUBLISHED_NOTES
from artsim.evaluation.pixels_published import PUBLISHED, missing_rows
from artsim.evaluation.pixels_searches import RANDOM, row_name
from artsim.evaluation.pixels_tally import BEST, Tally
from artsim.evaluation.provenance import library_versions, timestamp
from artsim.evaluation.report import BarPlot, Column, Line, LinePlot, Plot, Report, Row, Table
from artsim.store.gallery import Gallery

_FAILURES: Final = 5

_COLUMNS: Final = (
    Column("ssim_color", "SSIM", "score", "higher"),
    Column("rmse_color", "RMSE", "score", "lower"),
    Column("ssim_gray", "SSIM gray", "score", "higher"),
    Column("rmse_gray", "RMSE gray", "score", "lower"),
    Column("lpips", "LPIPS", "score", "lower"),
)
_WHOLE_COLUMNS: Final = (
    Column("whole_ssim", "SSIM whole picture", "score", "higher"),
    Column("whole_rmse", "RMSE whole picture", "score", "lower"),
)


@dataclass(frozen=True, slots=True)
class Found:
    """What one table is made of.

    Attributes
    ----------
    table : {"pictures", "faces"}
        Its name.
    subjects : int
        How many pictures, or faces, were searched.
    queries : int
        How many paintings were queries.
    skipped : tuple of str
        Ids of sampled paintings whose own picture could not be read.
    problems : dict of str to str
        Every file that could not be used, with its reason.
    encoders : tuple of EncoderInfo
        Those of its searches.
    """

    table: str
    tally: Tally
    subjects: int
    queries: int
    skipped: tuple[str, ...]
    problems: Mapping[str, str]
    encoders: tuple[EncoderInfo, ...]


def make_report(
    found: Sequence[Found],
    *,
    gallery: Gallery,
    settings: Mapping[str, Any],
    seed: int,
    lpips_note: str | None,
    missing_weights: Settings | None,
) -> Report:
    """Put the report together.

    Parameters
    ----------
    lpips_note : str or None
        Why LPIPS was not measured; None where it was.
    missing_weights : Settings or None
        Where the weights of the published encoders may be; None leaves the published
        figures out.
    """
    size, k = settings["size"], settings["k"]
    name = gallery.name or "the gallery"
    tables, plots, failures = [], [], []
    for one in found:
        beside = () if missing_weights is None else _beside(one, gallery, missing_weights)
        rows = [*beside, *_rows(one, seed, lpips_note)]
        tables.append(_table(one, rows, size, k))
        plots += _plots(one, seed)
        searched = [row_name(encoder, None) for encoder in one.encoders]
        failures += one.tally.failures(searched, _FAILURES)
    notes = [*_definitions(size, k), *([lpips_note] if lpips_note else []), *_problems(found)]
    return Report(
        task="pixels",
        title=f"How alike {found[0].queries} paintings of {name} and their first {k} hits are",
        settings={
            "gallery": gallery.name,
            "location": gallery.store.location,
            **settings,
            "encoders": [e.vector_name for one in found[:1] for e in one.encoders],
            "face_encoders": [e.vector_name for one in found[1:] for e in one.encoders],
        },
        versions=library_versions(("lpips", "torchvision")),
        created=timestamp(),
        tables=tuple(tables),
        query_values=tuple(v for one in found for v in one.tally.query_values(one.table)),
        plots=tuple(plots),
        failures=tuple(failures),
        notes=(*notes, *(PUBLISHED_NOTES if missing_weights is not None else ())),
    )


def _beside(one: Found, gallery: Gallery, settings: Settings) -> list[Row]:
    """Return the published rows, and those of encoders that the gallery does not have."""
    if one.table == "pictures":
        return [*PUBLISHED, *missing_rows(gallery.image_encoders(), settings)]
    moved = {"ssim_color": "whole_ssim", "rmse_color": "whole_rmse"}
    return [
        Row(row.name, {moved[c]: v for c, v in row.values.items()}, row.note, measured=False)
        for row in PUBLISHED
        if set(row.values) <= set(moved)
    ]


def _rows(one: Found, seed: int, lpips_note: str | None) -> list[Row]:
    rows = []
    for name in one.tally.row_names():
        notes = []
        if one.tally.missing[name]:
            notes.append(f"{one.tally.missing[name]} hits had no readable picture")
        if name == BEST:
            notes.append(
                "a bound, no ranking: each column takes the hits that this very figure puts "
                "first among all"
            )
        values = one.tally.estimates(name, seed)
        if lpips_note:
            rows.append(Row(name, {**values, "lpips": None}, "; ".join(notes), name != BEST))
        else:
            rows.append(Row(name, values, "; ".join(notes), name != BEST))
    # The bound stands last, below what is bound by it.
    return sorted(rows, key=lambda row: (row.name == BEST, row.name == RANDOM))


def _table(one: Found, rows: Sequence[Row], size: int, k: int) -> Table:
    if one.table == "pictures":
        title = f"Whole pictures of {size} x {size}: {one.queries} queries, {k} hits each"
        notes = (f"{one.subjects:,} paintings were searched, by the whole picture.",)
        return Table("pictures", title, "encoder", _COLUMNS, tuple(rows), notes)
    return Table(
        "faces",
        f"Faces of {size} x {size}: {one.queries} queries, {k} faces each",
        "face encoder",
        (*_COLUMNS, *_WHOLE_COLUMNS),
        tuple(rows),
        (
            f"{one.subjects:,} faces were searched, by every face of a painting; a hit is "
            "compared with the face that found it, both cut out upright as encoders see them.",
            "The last two columns compare the whole pictures that the faces are in, as the "
            "published work does after its search by face crops; a painting that is hit by "
            "two faces counts twice. The rows of whole pictures are of the same queries.",
        ),
    )


def _plots(one: Found, seed: int) -> list[Plot]:
    what = "pictures" if one.table == "pictures" else "faces"
    measured = [
        (name, values)
        for name in one.tally.row_names()
        if "ssim_color" in (values := one.tally.estimates(name, seed))
    ]
    curves = one.tally.by_rank()
    return [
        BarPlot(
            f"{one.table}_ssim",
            f"SSIM of {what}, with 95 % intervals over queries",
            "mean SSIM",
            tuple(name for name, _ in measured),
            {
                "color": [values["ssim_color"] for _, values in measured],
                "gray": [values["ssim_gray"] for _, values in measured],
            },
            unit="score",
        ),
        LinePlot(
            f"{one.table}_ssim_by_rank",
            f"SSIM of {what} in color, by rank",
            "rank",
            "mean SSIM",
            tuple(
                Line(
                    name,
                    tuple(float(rank + 1) for rank in range(len(values))),
                    tuple(values),
                    dashed=name in (RANDOM, BEST),
                )
                for name, values in curves.items()
            ),
        ),
    ]


def _definitions(size: int, k: int) -> tuple[str, ...]:
    return (
        f"Pictures are squashed to {size} x {size} pixels (bilinear, 8 bits a channel). SSIM is "
        "that of Wang et al. (2004) as scikit-image computes it: means over all 7 x 7 windows of "
        "equal weights, sample covariance, K1 = 0.01, K2 = 0.03, data range 255; in color the "
        "mean of the three channels. RMSE is over all pixels and channels, of levels 0..1. Gray "
        "is 0.299 R + 0.587 G + 0.114 B. LPIPS is version 0.1, lower is nearer.",
        f"Each query's figures are means over its first {k} hits, the painting itself left out; "
        "a row is the mean over queries, with 95 % bootstrap intervals.",
        "Re-ranking compares the gallery's small gray pixels, not these pictures, and can only "
        "reorder the first hits.",
    )


def _problems(found: Sequence[Found]) -> list[str]:
    """Return what was left out because a file could not be read."""
    problems = found[-1].problems
    if not problems:
        return []
    skipped = sum(len(one.skipped) for one in found)
    first = next(iter(problems.values()))
    return [
        f"{len(problems)} pictures could not be read and were left out, {skipped} of them "
        f"queries; the first: {first}"
    ]
