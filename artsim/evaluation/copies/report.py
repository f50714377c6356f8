"""The copies task's report: tables by depth, bars by edit, failures to be looked at."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Final

from artsim.evaluation.contenders import Contender
from artsim.evaluation.copies.failures import failed_copies, failed_twins
from artsim.evaluation.copies.found import MEAN, Found
from artsim.evaluation.copies.options import CopiesOptions
from artsim.evaluation.copies.search import DEPTHS
from artsim.evaluation.report import (
    BarPlot,
    Column,
    QueryValues,
    Report,
    Row,
    Table,
    library_versions,
    timestamp,
)
from artsim.evaluation.statistics import estimate_mean
from artsim.images.edits import EDITS, JPEG_QUALITY
from artsim.search.models import Models
from artsim.store.gallery import Gallery

_TITLES: Final = {
    1: "Paintings found first by a copy: R@1",
    10: "Paintings among the first ten of a copy: R@10",
}
_TWIN_COLUMNS: Final = {1: "recall_at_1", 10: "recall_at_10"}


def make_report(found: Found, gallery: Gallery, options: CopiesOptions, models: Models) -> Report:
    """Put the report together."""
    seed = options.seed
    tables = [_copies_table(found, depth, seed) for depth in DEPTHS]
    values = [value for depth in DEPTHS for value in _copies_values(found, depth)]
    failures = [failed_copies(found, gallery, models, seed)]
    if found.originals.twins:
        tables.append(_twins_table(found, options))
        values += _twins_values(found)
        failures.append(failed_twins(found, gallery))
    return Report(
        task="copies",
        title=f"How {gallery.name or 'the gallery'} finds {len(found.copied):,} of its "
        f"{len(found.originals.payloads):,} paintings from copies",
        settings={
            "gallery": gallery.name,
            "location": gallery.store.location,
            **asdict(options),
            "encoders": [info.vector_name for info in found.encoders],
            "device": models.device,
        },
        versions=library_versions(),
        created=timestamp(),
        tables=tuple(tables),
        query_values=tuple(values),
        plots=tuple(_plots(found, seed)),
        failures=tuple(group for group in failures if group.rows),
        notes=tuple(_notes(found, options)),
    )


def _copies_table(found: Found, depth: int, seed: int) -> Table:
    columns = [Column(MEAN, "all edits")]
    columns += [Column(edit, EDITS[edit].title) for edit in found.copies]
    rows = [
        Row(
            contender.name,
            {
                column.name: estimate_mean(
                    found.values(contender.name, column.name, depth), seed=seed
                )
                for column in columns
            },
        )
        for contender in found.contenders
    ]
    return Table(_table_name(depth), _TITLES[depth], "encoder", tuple(columns), tuple(rows))


def _copies_values(found: Found, depth: int) -> list[QueryValues]:
    return [
        QueryValues(
            _table_name(depth),
            contender.name,
            edit,
            found.copied,
            found.values(contender.name, edit, depth),
        )
        for contender in found.contenders
        for edit in (MEAN, *found.copies)
    ]


def _table_name(depth: int) -> str:
    return f"recall_at_{depth}"


def _twins_table(found: Found, options: CopiesOptions) -> Table:
    columns = tuple(Column(name, f"R@{depth}") for depth, name in _TWIN_COLUMNS.items())
    rows = [
        Row(
            contender.name,
            {
                name: estimate_mean(found.twins.found(contender.name, depth), seed=options.seed)
                for depth, name in _TWIN_COLUMNS.items()
            },
        )
        for contender in found.contenders
    ]
    twins = found.originals.twins
    paintings = len({frozenset({one, *others}) for one, others in twins.items()})
    note = (
        f"{len(twins):,} pictures of {paintings:,} paintings that by {options.twins} have more "
        "than one; each is a query by its id, and any other picture of its painting is right."
    )
    return Table(
        "twins", "Other pictures of the same painting", "encoder", columns, tuple(rows), (note,)
    )


def _twins_values(found: Found) -> list[QueryValues]:
    ids = tuple(found.originals.twins)
    return [
        QueryValues("twins", contender.name, name, ids, found.twins.found(contender.name, depth))
        for contender in found.contenders
        for depth, name in _TWIN_COLUMNS.items()
    ]


def _plots(found: Found, seed: int) -> list[BarPlot]:
    """Return bars of the encoders side by side, and of each beside its re-rankings."""
    plain = [one for one in found.contenders if one.rerank is None]
    plots = [_bars(found, "encoders", "Paintings found first by a copy", plain, seed)]
    for base in plain:
        family = [one for one in found.contenders if one.encoders == base.encoders]
        if len(family) > 1:
            title = f"Paintings found first by a copy, re-ranked: {base.name}"
            plots.append(_bars(found, f"rerank-{base.name}", title, family, seed))
    return plots


def _bars(
    found: Found, name: str, title: str, contenders: Sequence[Contender], seed: int
) -> BarPlot:
    return BarPlot(
        name=f"copies-{name}",
        title=title,
        value_label="R@1",
        labels=tuple(EDITS[edit].title for edit in found.copies),
        series={
            one.name: [
                estimate_mean(found.values(one.name, edit, 1), seed=seed) for edit in found.copies
            ]
            for one in contenders
        },
        note=f"{len(found.copied):,} paintings; intervals are 95 % over paintings.",
    )


def _without_width(queries: int) -> str:
    """Say what an interval without width leaves open, by the rule of three [1]_.

    References
    ----------
    .. [1] Hanley & Lippman-Hand (1983). If nothing goes wrong, is everything all right?
       JAMA 249, 1743-1745.
    """
    hidden = min(100.0, 300 / queries)
    return (
        f"Where all {queries:,} were found, or none, the interval has no width; the true share "
        f"may still be up to {hidden:.1f} % away."
    )


def _notes(found: Found, options: CopiesOptions) -> list[str]:
    notes = [
        f"Each of {len(found.copied):,} paintings, drawn by seed {options.seed}, was edited "
        "in every way and searched for by the edited picture; it is right to find the "
        "painting itself, another picture of the same painting, or an equal file. "
        "Intervals are 95 % bootstrap intervals over paintings.",
        _without_width(len(found.copied)),
        "Crop and detail are shares of the picture's area, JPEG is at quality "
        f"{JPEG_QUALITY} of 100, rotation is by 1 to 3 degrees; what was drawn for a copy is "
        "written beside the failures.",
    ]
    if found.skipped:
        first = next(iter(found.skipped.values()))
        notes.append(
            f"{len(found.skipped):,} more paintings of the sample were left out, because their "
            f"pictures could not be used. The first: {first}"
        )
    if options.twins is not None and not found.originals.twins:
        notes.append(
            f"No two paintings share a value of {options.twins}, so there are no real copies "
            "to search for; another field may name them (--twins FIELD)."
        )
    return notes
