"""The copies task's report: tables by depth, bars by edit, failures to be looked at."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from artsim.domain.payload import painting_point_id
from artsim.domain.results import JSON
from artsim.errors import ImageError
from artsim.evaluation.bootstrap import estimate_mean
from artsim.evaluation.contenders import Contender
from artsim.evaluation.copies_originals import Originals, load_original
from artsim.evaluation.copies_search import DEPTHS, LIMIT, Miss, Tally
from artsim.evaluation.provenance import library_versions, timestamp
from artsim.evaluation.report import (
    BarPlot,
    Column,
    Picture,
    PictureGroup,
    PictureRow,
    QueryValues,
    Report,
    Row,
    Table,
)
from artsim.images.edits import EDITS, edit_picture
from artsim.search.models import Models
from artsim.store.gallery import Gallery

MEAN: Final = "mean"
"""Column of the mean over the edits."""

_FAILURES_OF_EDIT: Final = 2
_FAILURES_OF_TWINS: Final = 8

_TITLES: Final = {
    1: "Paintings found first by a copy: R@1",
    10: "Paintings among the first ten of a copy: R@10",
}
_TWIN_COLUMNS: Final = {1: "recall_at_1", 10: "recall_at_10"}


@dataclass(frozen=True, slots=True)
class Found:
    """What the report is made of.

    Attributes
    ----------
    copied : tuple of str
        Ids of the paintings whose copies were searched for, in the order of the tallies.
    copies : mapping of str to Tally
        By edit.
    skipped : mapping of str to str
        By painting id why a sampled painting was not copied.
    twins : Tally
        Of the paintings in ``originals.twins``, in their order.
    """

    contenders: Sequence[Contender]
    originals: Originals
    copied: tuple[str, ...]
    copies: Mapping[str, Tally]
    skipped: Mapping[str, str]
    twins: Tally

    def values(self, contender: str, edit: str, depth: int) -> npt.NDArray[np.float64]:
        """Return, for each copied painting, whether it was found; of `MEAN` how often."""
        if edit != MEAN:
            return self.copies[edit].found(contender, depth)
        of_edits = [tally.found(contender, depth) for tally in self.copies.values()]
        return np.asarray(np.mean(of_edits, axis=0))

    @property
    def best(self) -> str:
        """Contender with the most copies found first; the first of equals."""
        names = [contender.name for contender in self.contenders]
        return max(names, key=lambda name: float(self.values(name, MEAN, 1).mean()))

    @property
    def best_of_twins(self) -> str:
        """Contender with the most twins found first; the first of equals."""
        names = [contender.name for contender in self.contenders]
        return max(names, key=lambda name: float(self.twins.found(name, 1).mean()))


def make_report(
    found: Found, gallery: Gallery, models: Models, *, settings: Mapping[str, JSON]
) -> Report:
    """Put the report together; pictures of failures are read and edited once more."""
    seed = int(str(settings["seed"]))
    tables = [_copies_table(found, depth, seed) for depth in DEPTHS]
    values = [value for depth in DEPTHS for value in _copies_values(found, depth)]
    failures = [_failed_copies(found, gallery, models, seed)]
    if found.originals.twins:
        tables.append(_twins_table(found, str(settings["twins"]), seed))
        values += _twins_values(found)
        failures.append(_failed_twins(found, gallery))
    return Report(
        task="copies",
        title=f"How {gallery.name or 'the gallery'} finds {len(found.copied):,} of its "
        f"{len(found.originals.payloads):,} paintings from copies",
        settings={"gallery": gallery.name, "location": gallery.store.location, **settings},
        versions=library_versions(),
        created=timestamp(),
        tables=tuple(tables),
        query_values=tuple(values),
        plots=tuple(_plots(found, seed)),
        failures=tuple(group for group in failures if group.rows),
        notes=tuple(_notes(found, settings)),
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


def _twins_table(found: Found, field: str, seed: int) -> Table:
    columns = tuple(Column(name, f"R@{depth}") for depth, name in _TWIN_COLUMNS.items())
    rows = [
        Row(
            contender.name,
            {
                name: estimate_mean(found.twins.found(contender.name, depth), seed=seed)
                for depth, name in _TWIN_COLUMNS.items()
            },
        )
        for contender in found.contenders
    ]
    twins = found.originals.twins
    paintings = len({frozenset({one, *others}) for one, others in twins.items()})
    note = (
        f"{len(twins):,} pictures of {paintings:,} paintings that {field} says have more than "
        "one; each is a query by its id, and any other picture of its painting is right."
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


def _failed_copies(found: Found, gallery: Gallery, models: Models, seed: int) -> PictureGroup:
    """Return the worst failures of the best contender, some of each edit."""
    rows = []
    for edit, tally in found.copies.items():
        for miss in tally.worst(found.best, _FAILURES_OF_EDIT):
            painting_id = found.copied[miss.place]
            try:
                original = load_original(found.originals.payloads[painting_id], models)
            except ImageError:
                continue  # gone since it was searched for; the tables have counted it
            copy = edit_picture(original, edit, painting_id=painting_id, seed=seed)
            drawn = ", ".join(
                f"{name.replace('_', ' ')} {value:.3g}" for name, value in copy.parameters.items()
            )
            query = Picture({}, (EDITS[edit].title, drawn), pixels=copy.pixels)
            rows.append(_row(query, painting_id, found.originals.same[painting_id], miss, gallery))
    title = f"Copies whose painting was not found first, by edit: {found.best}"
    return PictureGroup(title, tuple(rows))


def _failed_twins(found: Found, gallery: Gallery) -> PictureGroup:
    ids = tuple(found.originals.twins)
    best = found.best_of_twins
    rows = [
        _row(Picture({}), ids[miss.place], found.originals.twins[ids[miss.place]], miss, gallery)
        for miss in found.twins.worst(best, _FAILURES_OF_TWINS)
    ]
    return PictureGroup(
        f"Pictures whose painting's others were not found first: {best}", tuple(rows)
    )


def _row(
    query: Picture, painting_id: str, right: frozenset[str], miss: Miss, gallery: Gallery
) -> PictureRow:
    own = painting_point_id(painting_id)
    records = gallery.paintings.retrieve([own, *(point_id for point_id, _ in miss.hits)])
    hits = [
        Picture(
            records[point_id].payload,
            (f"score {score:.3f}",),
            right=str(records[point_id].payload["painting_id"]) in right,
        )
        for point_id, score in miss.hits
        if point_id in records
    ]
    payload = records[own].payload if own in records else {"painting_id": painting_id}
    place = f"at rank {miss.rank}" if miss.rank else f"not among the first {LIMIT}"
    return PictureRow(
        Picture(payload, query.caption, pixels=query.pixels),
        tuple(hits),
        f"What was to be found is {place}.",
    )


def _notes(found: Found, settings: Mapping[str, JSON]) -> list[str]:
    notes = [
        f"Each of {len(found.copied):,} paintings, drawn by seed {settings['seed']}, was edited "
        "in every way and searched for by the edited picture; it is right to find the "
        "painting itself, another picture of the same painting, or an equal file. "
        "Intervals are 95 % bootstrap intervals over paintings."
    ]
    if found.skipped:
        first = next(iter(found.skipped.values()))
        notes.append(
            f"{len(found.skipped):,} more paintings of the sample were left out, because their "
            f"pictures could not be used. The first: {first}"
        )
    if settings["twins"] is not None and not found.originals.twins:
        notes.append(
            f"No two paintings share a value of {settings['twins']}, so there are no real copies "
            "to search for; another field may name them (--twins FIELD)."
        )
    return notes
