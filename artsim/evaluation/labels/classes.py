"""Which classes of works are found best, and which worst."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final

import numpy as np

from artsim.evaluation.metrics import Floats, Integers
from artsim.evaluation.relevance import Labels
from artsim.evaluation.report import BarPlot, Cell, Column, Row, Table
from artsim.evaluation.statistics import Estimate, estimate_mean

_ENDS: Final = 10
"""Most classes shown as best, and as worst."""


@dataclass(frozen=True)
class Classes:
    """Precision at `k` of several searches, for queries of C classes.

    Attributes
    ----------
    field, name : str
        By what works are classed; of the main table.
    rows : ndarray of int, shape (Q,)
        Queries, as numbers of works.
    precision : mapping of str to ndarray of float64, shape (Q,)
        By the search's name.
    """

    field: str
    name: str
    k: int
    labels: Labels
    rows: Integers
    precision: Mapping[str, Floats]

    @cached_property
    def queries(self) -> dict[int, Integers]:
        """Places in `rows` of each class's queries; classes without are left out."""
        by_class: dict[int, list[int]] = {}
        for place, row in enumerate(self.rows.tolist()):
            for value in self.labels.of_work[row]:
                by_class.setdefault(value, []).append(place)
        return {value: np.array(places) for value, places in sorted(by_class.items())}

    @cached_property
    def large(self) -> list[int]:
        """Classes in which a precision of 1 is possible; all, where these are too few."""
        enough = [c for c in self.queries if len(self.labels.members[c]) > self.k]
        return enough if len(enough) >= min(_ENDS, len(self.queries)) else list(self.queries)

    @cached_property
    def ranking(self) -> list[int]:
        """The `large` classes, best first by the mean over all searches."""

        def order(value: int) -> tuple[float, str]:
            means = [values[self.queries[value]].mean() for values in self.precision.values()]
            return (-float(np.mean(means)), self.labels.names[value])

        return sorted(self.large, key=order)

    @cached_property
    def shown(self) -> list[int]:
        """The best and the worst of the `ranking`."""
        if len(self.ranking) <= 2 * _ENDS:
            return self.ranking
        return [*self.ranking[:_ENDS], *self.ranking[-_ENDS:]]

    def estimates(self, value: int) -> dict[str, Estimate]:
        """Return a class's precision by search."""
        places = self.queries[value]
        return {name: estimate_mean(values[places]) for name, values in self.precision.items()}

    @property
    def note(self) -> str:
        """Which classes are shown."""
        left_out = len(self.queries) - len(self.large)
        which = (
            f"The best {_ENDS} and the worst {_ENDS} of {len(self.ranking):,}"
            if len(self.shown) < len(self.ranking)
            else f"All {len(self.ranking):,}"
        )
        small = f"; {left_out:,} of at most {self.k} works are not shown" if left_out else ""
        return f"{which}, by P@{self.k} on average over the searches{small}."


def class_table(classes: Classes) -> Table:
    """Return a row for each class shown: how many works it has, and each search's precision."""
    rows = []
    for value in classes.shown:
        values: dict[str, Cell] = {
            "works": len(classes.labels.members[value]),
            "queries": len(classes.queries[value]),
            **classes.estimates(value),
        }
        rows.append(Row(classes.labels.names[value], values))
    return Table(
        name=f"{classes.name}_classes",
        title=f"Best and worst {classes.field}: P@{classes.k}",
        row_heading=classes.field,
        columns=(
            Column("works", "works", "count", None),
            Column("queries", "queries", "count", None),
            *(Column(name, name, better=None) for name in classes.precision),
        ),
        rows=tuple(rows),
        notes=(classes.note,),
    )


def class_bars(classes: Classes) -> list[BarPlot]:
    """Return the classes shown as bars, one series for each search."""
    estimates = [classes.estimates(value) for value in classes.shown]
    return [
        BarPlot(
            name=f"{classes.name}_classes",
            title=f"Best and worst {classes.field}: P@{classes.k}",
            value_label=f"P@{classes.k}",
            labels=tuple(classes.labels.names[value] for value in classes.shown),
            series={name: [found[name] for found in estimates] for name in classes.precision},
            note=classes.note,
        )
    ]
