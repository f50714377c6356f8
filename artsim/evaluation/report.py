"""What an evaluation found: tables, values per query, plots and pictures, as plain data.

The tasks make a `Report`; a renderer turns it into a table on the terminal, a page, plots
and JSON. Nothing here knows how it will look.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt

from artsim.catalog.payload import Payload
from artsim.catalog.results import JSON
from artsim.evaluation.bootstrap import Estimate

Cell: TypeAlias = Estimate | float | int | str | None
"""One value of a table; None where it could not be measured (the row's note says why)."""

Unit = Literal["share", "score", "count", "ms", "seconds", "ratio", "text"]
"""``share`` is in 0..1 and shown in percent; ``score`` is shown with three decimals."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table.

    Attributes
    ----------
    name : str
        Stable name for programs, such as ``precision_at_10``.
    heading : str
        What people read, such as ``P@10``.
    unit : str
        How a value is to be read; see `Unit`.
    better : {"higher", "lower"} or None
        Which values are better; None where neither is.
    signed : bool
        Whether a value above zero is shown with a plus sign, as a difference is.
    """

    name: str
    heading: str
    unit: Unit = "share"
    better: Literal["higher", "lower"] | None = "higher"
    signed: bool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: what was measured, and its values by column name.

    Attributes
    ----------
    name : str
        Unique in its table and stable from run to run, since reports are compared by it.
    values : mapping of str to Cell
        By column name; a column that is missing was not measured.
    note : str
        Why values are missing, or where published values come from.
    measured : bool
        False for a row that does not compete: it cites published figures, names missing
        weights, or is a bound that no ranking reaches.
    """

    name: str
    values: Mapping[str, Cell]
    note: str = ""
    measured: bool = True


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of the same columns.

    Attributes
    ----------
    name : str
        Stable name for programs.
    title : str
        Headline for people.
    row_heading : str
        What a row is: ``encoder``, ``edit``, ``artist``.
    notes : tuple of str
        What a reader must know to read it right, one sentence or two each.
    """

    name: str
    title: str
    row_heading: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QueryValues:
    """The values of one row and column, query by query: what paired comparisons need.

    Attributes
    ----------
    table, row, column : str
        Whose mean they make.
    query_ids : tuple of str
        Unique; a painting id, a face's point id, or a pair of them joined by a space.
    values : ndarray of float64, shape (N,)
        In the order of `query_ids`.
    """

    table: str
    row: str
    column: str
    query_ids: tuple[str, ...]
    values: npt.NDArray[np.float64]

    def __post_init__(self) -> None:
        """Refuse values that do not fit their queries."""
        if self.values.shape != (len(self.query_ids),):
            raise ValueError(
                f"expected {len(self.query_ids)} values, one for each query, "
                f"got shape {self.values.shape}"
            )


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plot, from left to right."""

    name: str
    x: tuple[float, ...]
    y: tuple[float, ...]
    dashed: bool = False


@dataclass(frozen=True, slots=True)
class LinePlot:
    """Curves over common axes: precision-recall, ROC, score by depth."""

    name: str
    title: str
    x_label: str
    y_label: str
    lines: tuple[Line, ...]
    x_scale: Literal["linear", "log"] = "linear"
    x_range: tuple[float, float] | None = None
    y_range: tuple[float, float] | None = None
    note: str = ""


@dataclass(frozen=True, slots=True)
class BarPlot:
    """Bars with intervals: one group of bars for each label, one bar in it for each series."""

    name: str
    title: str
    value_label: str
    labels: tuple[str, ...]
    series: Mapping[str, Sequence[Estimate | float | None]]
    unit: Unit = "share"
    note: str = ""


ROW_LABEL: Final = "query's, with its count"
COLUMN_LABEL: Final = "nearest neighbor's"


@dataclass(frozen=True, slots=True)
class ConfusionPlot:
    """How often a query of one class got a neighbor, or a guess, of another.

    Attributes
    ----------
    counts : ndarray of int, shape (C, C)
        Row: the query's class; column: its nearest neighbor's.
    row_label, column_label : str
        Whose class a row is, and a column.
    """

    name: str
    title: str
    classes: tuple[str, ...]
    counts: npt.NDArray[np.int64]
    note: str = ""
    row_label: str = ROW_LABEL
    column_label: str = COLUMN_LABEL


Plot: TypeAlias = LinePlot | BarPlot | ConfusionPlot


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of the report: where it is, what is written under it.

    Attributes
    ----------
    payload : dict
        Of the painting or face, with its ``image_uri``.
    caption : tuple of str
        Short lines under the picture, added to title and artist.
    right : bool or None
        Whether it is what was to be found; None where that is no question.
    pixels : ndarray of uint8, shape (H, W, 3), or None
        The picture itself, where it is not the file's (an edited copy).
    """

    payload: Payload
    caption: tuple[str, ...] = ()
    right: bool | None = None
    pixels: npt.NDArray[np.uint8] | None = None


@dataclass(frozen=True, slots=True)
class PictureRow:
    """A query and what came back for it: a failure worth looking at."""

    query: Picture
    hits: tuple[Picture, ...]
    note: str = ""


@dataclass(frozen=True, slots=True)
class PictureGroup:
    """Pictures under one headline."""

    title: str
    rows: tuple[PictureRow, ...]


@dataclass(frozen=True, slots=True)
class Report:
    """All that one evaluation found.

    Attributes
    ----------
    task : str
        ``labels``, ``pixels``, ``faces``, ``copies`` or ``train classifier``.
    title : str
        One line: what was evaluated on what.
    settings : mapping
        Everything that could change the result: gallery, encoders, options, seed.
    versions : mapping of str to str
        Of artsim, Python and the libraries that matter.
    created : str
        ISO 8601, with time zone.
    query_values : tuple of QueryValues
        For paired comparison with another report.
    failures : tuple of PictureGroup
        What went most wrong, to be looked at.
    """

    task: str
    title: str
    settings: Mapping[str, JSON]
    versions: Mapping[str, str]
    created: str
    tables: tuple[Table, ...]
    query_values: tuple[QueryValues, ...] = ()
    plots: tuple[Plot, ...] = ()
    failures: tuple[PictureGroup, ...] = ()
    notes: tuple[str, ...] = ()
