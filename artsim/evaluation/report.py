"""What an evaluation found: tables, values per query, plots and pictures; and as JSON.

The tasks make a `Report`; a renderer turns it into a table on the terminal, a page and plots.
Nothing here knows how it will look. The JSON form is documented in ``docs/output.md`` and is a
public interface: within one `REPORT_SCHEMA` fields are added, never renamed or removed.
"""

from __future__ import annotations

import json
import math
import platform
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, fields, is_dataclass
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Annotated, Any, Final, Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from jinja2 import Environment, PackageLoader, StrictUndefined
from pydantic import (
    AfterValidator,
    BeforeValidator,
    Field,
    GetPydanticSchema,
    StrictBool,
    TypeAdapter,
    ValidationError,
)
from pydantic.types import Strict
from pydantic_core import core_schema

from artsim import __version__
from artsim.catalog.arrays import RGBImage
from artsim.catalog.hits import JSON, plain_json
from artsim.catalog.payload import Payload
from artsim.errors import ReportError
from artsim.evaluation.statistics import Estimate

REPORT_SCHEMA: Final = 1
"""Version of the form; it changes only when a program would have to."""

MAX_BYTES: Final = 512 * 1024 * 1024
"""Largest file that `read_report` takes; a report of 100,000 queries has some 50 MB."""


def _as(form: Any, make: Callable[[Any], Any]) -> GetPydanticSchema:
    """Return what lets pydantic read a type from `form` in JSON."""
    after = core_schema.no_info_after_validator_function
    return GetPydanticSchema(lambda _, handler: after(make, handler(form)))


def _square(rows: list[list[int]]) -> npt.NDArray[np.int64]:
    if any(len(row) != len(rows) for row in rows):
        raise ValueError(f"expected {len(rows)} rows of {len(rows)} counts, found others")
    return np.array(rows, dtype=np.int64).reshape(len(rows), len(rows))


Number = Annotated[float, Strict(), BeforeValidator(lambda v: math.nan if v is None else v)]
"""A number; null stands for one that was not finite."""

Values = Annotated[npt.NDArray[np.float64], _as(list[Number], lambda v: np.array(v, np.float64))]
Counts = Annotated[
    npt.NDArray[np.int64],
    _as(list[list[Annotated[int, Strict(), Field(ge=0, lt=2**63)]]], _square),
]

Cell: TypeAlias = Annotated[float, Strict()] | Annotated[int, Strict()] | str | Estimate | None
"""One value of a table; None where it could not be measured (the row's note says why)."""

Unit = Literal["share", "score", "count", "ms", "seconds", "ratio", "text"]
"""``share`` is in 0..1 and shown in percent; ``score`` is shown with three decimals."""


def _expect(is_so: bool, place: str, expected: str, found: object) -> None:
    if not is_so:
        raise ValueError(f"{place}: expected {expected}, found {found}")


@dataclass(frozen=True, slots=True)
class Column:
    """One column of a table: `name` is for programs, `heading` for people.

    `better` says which values are better, None where neither is; of a `signed` one a value above
    zero is shown with a plus sign, as a difference is.
    """

    name: str
    heading: str
    unit: Unit = "share"
    better: Literal["higher", "lower"] | None = "higher"
    signed: StrictBool = False


@dataclass(frozen=True, slots=True)
class Row:
    """One line of a table: what was measured, and its values by column name, if they were.

    The name is unique in its table and stable from run to run, since reports are compared by it.
    A row is not `measured` that does not compete: it cites published figures, names missing
    weights, or is a bound that no ranking reaches.
    """

    name: str
    values: Mapping[str, Cell]
    note: str = ""
    measured: StrictBool = True


@dataclass(frozen=True, slots=True)
class Table:
    """Rows of the same columns; `row_heading` is what a row is: ``encoder``, ``edit``."""

    name: str
    title: str
    row_heading: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class QueryValues:
    """The values of one row and column, query by query: what paired comparisons need.

    A query's id is unique: a painting id, a face's point id, or a pair joined by a space.
    """

    table: str
    row: str
    column: str
    query_ids: tuple[str, ...]
    values: Values

    def __post_init__(self) -> None:
        """Refuse values that do not fit their queries."""
        count, shape = len(self.query_ids), self.values.shape
        expected = f"{count} values, one for each query"
        _expect(shape == (count,), "values", expected, f"shape {shape}")


@dataclass(frozen=True, slots=True)
class Line:
    """One line of a plot, from left to right."""

    name: str
    x: tuple[Number, ...]
    y: tuple[Number, ...]
    dashed: StrictBool = False

    def __post_init__(self) -> None:
        """Refuse points without one of their places."""
        expected = f"{len(self.x)} numbers, as many as x has"
        _expect(len(self.x) == len(self.y), "y", expected, len(self.y))


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
        count = len(self.labels)
        for name, bars in self.series.items():
            _expect(len(bars) == count, f"series.{name}", f"{count} bars", len(bars))


@dataclass(frozen=True, slots=True)
class ConfusionPlot:
    """How often a query of one class, a row, got a neighbor or a guess of another, a column."""

    name: str
    title: str
    classes: tuple[str, ...]
    counts: Counts
    note: str = ""
    row_label: str = "query's, with its count"
    column_label: str = "nearest neighbor's"
    kind: Literal["confusion"] = field(default="confusion", kw_only=True)

    def __post_init__(self) -> None:
        """Refuse counts that do not fit the classes."""
        count, shape = len(self.classes), self.counts.shape
        _expect(shape == (count, count), "counts", f"{count} rows of {count} counts", shape)


Plot: TypeAlias = Annotated[LinePlot | BarPlot | ConfusionPlot, Field(discriminator="kind")]


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture of the report: its payload, and short lines under it beside title and artist.

    `right` is whether it is what was to be found, None where that is no question; `pixels`, which
    are not in JSON, are the picture where it is not the file's, such as an edited copy.
    """

    payload: Payload
    caption: tuple[str, ...] = ()
    right: StrictBool | None = None
    pixels: Annotated[RGBImage | None, _as(None, lambda none: none)] = None


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
    """All that one evaluation found; its fields are those of ``docs/output.md``.

    `settings` are everything that could change the result, `failures` what went most wrong, to
    be looked at.
    """

    task: str
    title: str
    settings: Mapping[str, Any]
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
        with suppress(PackageNotFoundError):
            found[name] = version(name)
    return found


_NOTES: Final = Environment(
    loader=PackageLoader("artsim.evaluation", "notes"),
    undefined=StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
)
_NOTES.filters["comma"] = lambda number, digits=0: f"{number:,.{digits}f}"


def notes_of(name: str, **values: Any) -> tuple[str, ...]:
    """Return the notes that the template ``notes/NAME.txt`` says: a paragraph is one."""
    text = _NOTES.get_template(f"{name}.txt").render(values)
    paragraphs = (part.strip() for part in re.split(r"\n\s*\n", text))
    return tuple(part.replace("\n", " ") for part in paragraphs if part)


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

    It is equal to what was written but for the rounding of values per query and the pixels that
    were left out. ReportError if the file cannot be read, is no JSON, is of another schema, or
    is not what a report is: the message names the place in it.
    """

    def refused(problem: str) -> ReportError:
        told = f"{path}: {problem}; give the report.json that an evaluation wrote"
        return ReportError(told, hint="artsim evaluate --out DIR", path=path)

    try:
        size = path.stat().st_size
        if size > MAX_BYTES:
            raise refused(f"expected a report of at most {MAX_BYTES:,} bytes, found {size:,}")
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise refused(f"the report cannot be read ({error.strerror or error})") from error
    except (ValueError, RecursionError) as error:
        raise refused(f"expected a report in JSON, found something else ({error})") from error
    try:
        return parse_report(document)
    except ValueError as error:
        raise refused(str(error)) from error


def _unique(ids: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(ids)) != len(ids):
        raise ValueError("expected each query once, found one twice")
    return ids


@dataclass(frozen=True, slots=True)
class _Form:
    """What of the form is otherwise than in a `Report`."""

    schema: Literal[1]
    queries: list[Annotated[tuple[str, ...], AfterValidator(_unique)]]
    query_values: list[dict[str, Any]]


_FORM: Final = TypeAdapter(_Form)
_REPORT: Final = TypeAdapter(Report)


def parse_report(document: Any) -> Report:
    """Return the report that a JSON document holds.

    ValueError if it is no report of this schema; the message says where, what was expected and
    what was found.
    """
    try:
        form = _FORM.validate_python(document)
        lists = dict(enumerate(form.queries))
        for number, part in enumerate(form.query_values):
            if part.get("queries") not in lists:
                place = f"query_values.{number}.queries"
                raise ValueError(f"{place}: expected the number of one of {len(lists)} lists")
        values = [part | {"query_ids": lists[part["queries"]]} for part in form.query_values]
        return _REPORT.validate_python(document | {"query_values": values})
    except ValidationError as error:
        # Of the branches of a union the one that was followed furthest is what was meant.
        found = max(error.errors(include_url=False), key=lambda found: len(found["loc"]))
        place = ".".join(map(str, found["loc"])) or "the report"
        expected = found["msg"].replace("Input should be", "expected").removeprefix("Value error, ")
        expected = expected.replace("Field required", "expected a field of that name")
        raise ValueError(f"{place}: {expected}, found {repr(found['input'])[:40]}") from error
