"""What an evaluation found: tables, values per query, plots and pictures; and as JSON.

The tasks make a `Report`; a renderer turns it into a table on the terminal, a page and plots.
Nothing here knows how it will look. The JSON form is documented in ``docs/output.md`` and is a
public interface: within one `REPORT_SCHEMA` fields are added, never renamed or removed.
"""

from __future__ import annotations

import json
import math
import platform
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    StrictBool,
    TypeAdapter,
    ValidationError,
)
from pydantic.types import Strict

from artsim import __version__
from artsim.catalog.hits import JSON, plain_json
from artsim.catalog.payload import Payload
from artsim.errors import ReportError
from artsim.evaluation.statistics import Estimate

REPORT_SCHEMA: Final = 1
"""Version of the form; it changes only when a program would have to."""

MAX_BYTES: Final = 512 * 1024 * 1024
"""Largest file that `read_report` takes; a report of 100,000 queries has some 50 MB."""

Number = Annotated[float, Strict(), BeforeValidator(lambda v: math.nan if v is None else v)]
"""A number; null stands for one that was not finite."""

Cell: TypeAlias = Annotated[float, Strict()] | Annotated[int, Strict()] | str | Estimate | None
"""One value of a table; None where it could not be measured (the row's note says why)."""

Unit = Literal["share", "score", "count", "ms", "seconds", "ratio", "text"]
"""``share`` is in 0..1 and shown in percent; ``score`` is shown with three decimals."""

if TYPE_CHECKING:
    _Values = npt.NDArray[np.float64]
    _Counts = npt.NDArray[np.int64]
    _Pixels = npt.NDArray[np.uint8]
    _Settings = Mapping[str, JSON]
else:
    _Pixels, _Settings = Any, dict[str, Any]
    _Values = Annotated[list[Number], AfterValidator(lambda v: np.array(v, dtype=np.float64))]
    _Counts = Annotated[
        list[list[Annotated[int, Strict(), Field(ge=0, lt=2**63)]]],
        AfterValidator(lambda rows: _square(rows)),
    ]


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
    signed: StrictBool = False


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
    measured: StrictBool = True


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of the same columns.

    Attributes
    ----------
    name, title : str
        For programs, and for people.
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
    values: _Values

    def __post_init__(self) -> None:
        """Refuse values that do not fit their queries."""
        if self.values.shape != (len(self.query_ids),):
            expected = f"{len(self.query_ids)} values, one for each query"
            raise ValueError(f"values: expected {expected}, found shape {self.values.shape}")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plot, from left to right."""

    name: str
    x: tuple[Number, ...]
    y: tuple[Number, ...]
    dashed: StrictBool = False

    def __post_init__(self) -> None:
        """Refuse points without one of their places."""
        if len(self.x) != len(self.y):
            expected = f"{len(self.x)} numbers, as many as x has"
            raise ValueError(f"y: expected {expected}, found {len(self.y)}")


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
    kind: Literal["lines"] = field(default="lines", kw_only=True)


@dataclass(frozen=True, slots=True)
class BarPlot:
    """Bars with intervals: one group of bars for each label, one bar in it for each series."""

    name: str
    title: str
    value_label: str
    labels: tuple[str, ...]
    series: Mapping[str, Sequence[Estimate | Annotated[float, Strict()] | None]]
    unit: Unit = "share"
    note: str = ""
    kind: Literal["bars"] = field(default="bars", kw_only=True)

    def __post_init__(self) -> None:
        """Refuse bars without a label."""
        for name, bars in self.series.items():
            if len(bars) != len(self.labels):
                expected = f"{len(self.labels)} bars"
                raise ValueError(f"series.{name}: expected {expected}, found {len(bars)}")


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
    counts: _Counts
    note: str = ""
    row_label: str = ROW_LABEL
    column_label: str = COLUMN_LABEL
    kind: Literal["confusion"] = field(default="confusion", kw_only=True)

    def __post_init__(self) -> None:
        """Refuse counts that do not fit the classes."""
        count = len(self.classes)
        if self.counts.shape != (count, count):
            expected = f"{count} rows of {count} counts"
            raise ValueError(f"counts: expected {expected}, found {self.counts.shape}")


Plot: TypeAlias = Annotated[LinePlot | BarPlot | ConfusionPlot, Field(discriminator="kind")]


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
        The picture itself, where it is not the file's (an edited copy); not in JSON.
    """

    payload: Payload
    caption: tuple[str, ...] = ()
    right: StrictBool | None = None
    pixels: _Pixels | None = None


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
class Parts:
    """What one part of an evaluation adds to the report; parts add up in order."""

    tables: tuple[Table, ...] = ()
    query_values: tuple[QueryValues, ...] = ()
    plots: tuple[Plot, ...] = ()
    failures: tuple[PictureGroup, ...] = ()
    notes: tuple[str, ...] = ()

    def __add__(self, other: Parts) -> Parts:
        """Return both, one after the other."""
        return Parts(*(getattr(self, f.name) + getattr(other, f.name) for f in fields(Parts)))


@dataclass(frozen=True, slots=True)
class Report:
    """All that one evaluation found.

    Attributes
    ----------
    task : str
        ``labels``, ``pixels``, ``faces``, ``copies``, ``compare`` or ``train classifier``.
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
    settings: _Settings
    versions: Mapping[str, str]
    created: str
    tables: tuple[Table, ...]
    query_values: tuple[QueryValues, ...] = ()
    plots: tuple[Plot, ...] = ()
    failures: tuple[PictureGroup, ...] = ()
    notes: tuple[str, ...] = ()


def library_versions(more: Sequence[str] = ()) -> dict[str, str]:
    """Return the versions of artsim, Python and the libraries that results depend on.

    Of the distributions in `more` as well; one that is not installed is left out.
    """
    found = {"artsim": __version__, "python": platform.python_version()}
    results = ("numpy", "pillow", "scikit-image", "scikit-learn", "torch", "onnxruntime")
    for name in (*results, "qdrant-client", "qdrant-edge-py", *more):
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def timestamp() -> str:
    """Return the present moment in UTC, as ISO 8601 to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def flat_settings(settings: Mapping[str, JSON], before: str = "") -> Iterator[tuple[str, str]]:
    """Yield settings as names and texts, those within others with a dot; unset ones not."""
    for name, value in settings.items():
        if isinstance(value, Mapping):
            yield from flat_settings(value, f"{before}{name}.")
        elif text := _words(value):
            yield f"{before}{name}", text


def _words(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Mapping):
        parts = ((name, _words(part)) for name, part in value.items())
        return " ".join(f"{name} {text}" for name, text in parts if text)
    if isinstance(value, (list, tuple)):
        return ", ".join(filter(None, map(_words, value)))
    return str(value)


def report_document(report: Report) -> dict[str, Any]:
    """Return a report as what JSON can hold: dicts, lists, texts and numbers.

    Values per query are rounded to six significant digits, and pixels of pictures that
    are in no file are left out. A number that is not finite is None.
    """
    # Most rows are of the same queries, whose ids would be most of the file.
    queries = list(dict.fromkeys(part.query_ids for part in report.query_values))
    place = {ids: i for i, ids in enumerate(queries)}
    document = {"schema": REPORT_SCHEMA, **_plain(report), "queries": _plain(queries)}
    document["query_values"] = [
        {
            "table": part.table,
            "row": part.row,
            "column": part.column,
            "queries": place[part.query_ids],
            "values": [_rounded(value) for value in part.values.tolist()],
        }
        for part in report.query_values
    ]
    return document


def _plain(value: Any) -> Any:
    """Return parts of a report as JSON holds them."""
    if isinstance(value, Estimate) and not np.isfinite([value.value, value.low, value.high]).all():
        return plain_json(value.value)
    if is_dataclass(value):
        left_out = ("pixels", "query_values")
        names = (part.name for part in fields(value) if part.name not in left_out)
        return {name: _plain(getattr(value, name)) for name in names}
    if isinstance(value, Mapping):
        return {plain_json(str(name)): _plain(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(part) for part in value]
    return plain_json(value)


def _rounded(value: float) -> float | int | None:
    if not math.isfinite(value):
        return None
    short = float(f"{value:.6g}")
    return int(short) if short.is_integer() and abs(short) < 1e6 else short


def report_text(report: Report) -> str:
    """Return `report_document` as strict JSON: the parts of a list each on a line."""

    def dump(value: object) -> str:
        return json.dumps(value, ensure_ascii=False, allow_nan=False)

    lines = []
    for name, value in report_document(report).items():
        if isinstance(value, list) and value:
            parts = ",\n    ".join(map(dump, value))
            lines.append(f'  "{name}": [\n    {parts}\n  ]')
        else:
            lines.append(f'  "{name}": {dump(value)}')
    return "{\n" + ",\n".join(lines) + "\n}\n"


def read_report(path: Path) -> Report:
    """Read a report that `report_text` wrote, whatever its task.

    Returns
    -------
    Report
        Equal to what was written but for the rounding of values per query and the pixels
        that were left out.

    Raises
    ------
    ReportError
        If the file cannot be read, is no JSON, is of another schema, or is not what a
        report is: the message names the place in it.
    """
    problem = "the report cannot be read"
    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise ReportError(
                f"{path}: expected a report of at most {MAX_BYTES:,} bytes, found {size:,}; "
                "give the report.json of an evaluation"
            )
        raw = path.read_bytes()
        problem = "expected a report in JSON, found something else"
        document = json.loads(raw, parse_constant=_refuse)
    except (OSError, ValueError, RecursionError) as error:
        raise ReportError(
            f"{path}: {problem} ({getattr(error, 'strerror', None) or error}); "
            "give the report.json that an evaluation wrote",
            hint="artsim evaluate --out DIR",
            path=path,
        ) from error
    try:
        return parse_report(document)
    except ValueError as error:
        raise ReportError(
            f"{path}: {error}; make the report again", hint="artsim evaluate --out DIR", path=path
        ) from error


def parse_report(document: Any) -> Report:
    """Return the report that a JSON document holds.

    Raises
    ------
    ValueError
        If it is no report of this schema; the message says where, what was expected and
        what was found.
    """
    if not isinstance(document, dict):
        raise ValueError(f"the report: expected an object, found {_shown(document)}")
    schema = document.get("schema")
    if schema != REPORT_SCHEMA or isinstance(schema, bool):
        raise ValueError(f"the report: expected schema {REPORT_SCHEMA}, found {_shown(schema)}")
    try:
        if "queries" not in document:
            raise ValueError("the report: expected a field 'queries', found none")
        queries = _QUERIES.validate_python(document["queries"])
    except ValidationError as error:
        raise ValueError(_first_of(error, document, "queries")) from error
    for i, ids in enumerate(queries):
        if len(set(ids)) != len(ids):
            raise ValueError(f"queries[{i}]: expected each query once, found one twice")
    values = document.get("query_values")
    for i, part in enumerate(values if isinstance(values, list) else ()):
        position = part.get("queries") if isinstance(part, dict) else None
        if type(position) is not int or not 0 <= position < len(queries):
            expected = f"the number of one of {len(queries)} lists of queries"
            found = _shown(position)
            raise ValueError(f"query_values[{i}].queries: expected {expected}, found {found}")
        part["query_ids"] = queries[position]
    try:
        return _REPORT.validate_python(document)
    except ValidationError as error:
        raise ValueError(_first_of(error, document)) from error


_REPORT: Final = TypeAdapter(Report)
_QUERIES: Final = TypeAdapter(tuple[tuple[str, ...], ...])


def _first_of(error: ValidationError, document: Any, *within: str) -> str:
    """Return where pydantic found something wrong, what it expected, and what was there."""
    deepest = max(error.errors(include_url=False), key=lambda found: len(found["loc"]))
    place, value, missing = "the report", document, None
    for step in (*within, *deepest["loc"]):
        # What is no place in the document names the branch of a union.
        if isinstance(step, int) and isinstance(value, list) and step < len(value):
            place, value = f"{place}[{step}]", value[step]
        elif isinstance(value, dict) and step in value and step != value.get("kind"):
            place, value = f"{place}.{step}".removeprefix("the report."), value[step]
        else:
            missing = step
    if deepest["type"] == "missing":
        return f"{place}: expected a field {missing!r}, found none"
    if deepest["type"] == "union_tag_invalid":
        return f"{place}.kind: expected {deepest['ctx']['expected_tags']}, found {value['kind']!r}"
    if deepest["type"] == "value_error":
        said = str(deepest["ctx"]["error"])
        return f"{place}{': ' if said.startswith('expected') else '.'}{said}"
    expected = deepest["msg"].removeprefix("Input should be ")
    return f"{place}: expected {expected}, found {_shown(value)}"


def _square(rows: list[list[int]]) -> npt.NDArray[np.int64]:
    if any(len(row) != len(rows) for row in rows):
        raise ValueError(f"expected {len(rows)} rows of {len(rows)} counts, found others")
    return np.array(rows, dtype=np.int64).reshape(len(rows), len(rows))


def _refuse(constant: str) -> float:
    raise ValueError(f"{constant} is no number of JSON")


def _shown(value: object) -> str:
    """Return a value in few words: a wrong file may hold anything."""
    if isinstance(value, Mapping):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    if value is None or isinstance(value, bool):
        return json.dumps(value)
    text = repr(value) if not isinstance(value, int) or abs(value) < 10**12 else "a huge number"
    return text if len(text) <= 40 else f"{text[:39]}…"
