"""What can be asked, and how it is to be answered: one value, with a JSON form."""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, BinaryIO, Final, Literal, TypeAlias, TypeVar, cast

from artsim.catalog.hits import SCHEMA, parse_form, plain_json
from artsim.catalog.kinds import KINDS, PAINTINGS, SURE_SCORE, SURE_SIZE, Kind, Region
from artsim.catalog.payload import (
    EVERYTHING,
    AnyOf,
    Between,
    Condition,
    Criteria,
    HasVector,
    Known,
    Shows,
    Words,
)
from artsim.errors import OptionError, QueryError
from artsim.search.filters import Filters
from artsim.search.rerank import RERANKERS

if TYPE_CHECKING:
    from PIL.Image import Image

    from artsim.catalog.arrays import RGBImage

T = TypeVar("T")

Look: TypeAlias = Literal["whole", "in-photo"]

MAX_WEIGHT: Final = 100.0
"""Most that a second score counts for beside the cosine; more is no other order than its own."""

File: TypeAlias = str | os.PathLike[str] | bytes | bytearray | memoryview | BinaryIO
"""A picture's file: its path, what is in it, or the open binary file."""


@dataclass(frozen=True, slots=True, init=False)
class ImageQuery:
    """Paintings like the picture in a file.

    A path is read when the search is made, an open file, such as an upload, at once; what is no
    file is a TypeError. The answer calls the picture by its `name`, by default its path, or the
    open file's name. `sha256` is of the file as it was when an answer was found, `region` the part
    of the upright picture that is searched by, instead of all.
    """

    picture: Path | bytes
    name: str
    sha256: str | None = field(default=None, compare=False)
    region: Region | None = None

    def __init__(
        self,
        picture: File,
        name: str | None = None,
        *,
        sha256: str | None = None,
        region: Region | None = None,
    ) -> None:
        if isinstance(picture, str | os.PathLike):
            found: Path | bytes = Path(picture)
            called = str(found)
        elif isinstance(picture, bytes | bytearray | memoryview):
            found, called = bytes(picture), "a picture"
        else:
            found, called = _read(picture)
        object.__setattr__(self, "picture", found)
        object.__setattr__(self, "name", name or called)
        object.__setattr__(self, "sha256", sha256)
        object.__setattr__(self, "region", region)

    @property
    def path(self) -> Path | None:
        """The picture's file, where it was named by its path."""
        return self.picture if isinstance(self.picture, Path) else None


def _read(file: BinaryIO) -> tuple[bytes, str]:
    """Return what is in an open file, and its name if it has one."""
    from artsim.images.load import ImageLimits

    read = getattr(file, "read", None)
    content = read(ImageLimits().max_bytes + 1) if callable(read) else None
    if not isinstance(content, bytes):
        raise TypeError(
            "a picture is asked for by a path, bytes or a binary file, and in memory by a "
            f"PixelsQuery, not by {type(file).__name__}"
        )
    name = getattr(file, "name", None)
    return content, name if isinstance(name, str) and name else "a picture"


@dataclass(frozen=True, slots=True, init=False, eq=False)
class PixelsQuery:
    """Paintings like a picture in memory, which may be no file: a photograph, an edit.

    It is an array of uint8 of shape (h, w, 3), upright sRGB, or an image of Pillow, which is
    brought to sRGB by its own profile and orientation; a larger one is shrunk, as that of a file
    is. No painting of the gallery is taken for the query picture itself and left out. `name` and
    `region` are as of `ImageQuery`.
    """

    pixels: RGBImage
    name: str
    region: Region | None

    def __init__(
        self, pixels: RGBImage | Image, name: str = "a picture", *, region: Region | None = None
    ) -> None:
        import numpy as np

        found = pixels if isinstance(pixels, np.ndarray) else _pixels_of(pixels)
        shape = found.shape
        if len(shape) != 3 or shape[2] != 3 or 0 in shape or found.dtype != np.uint8:
            raise OptionError(f"expected uint8 of shape (h, w, 3), not {found.dtype} {shape}")
        object.__setattr__(self, "pixels", found)
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "region", region)


def _pixels_of(image: Image) -> RGBImage:
    from PIL.Image import Image as PillowImage

    from artsim.images.load import load_image

    if not isinstance(image, PillowImage):
        raise TypeError(
            "a picture in memory is an array of uint8 of shape (h, w, 3) or an image of Pillow, "
            f"not {type(image).__name__}"
        )
    return load_image(image, max_side=max(1, *image.size)).pixels


@dataclass(frozen=True, slots=True)
class IdQuery:
    """Paintings like one of the gallery; no picture is read and no model loaded.

    By a `region` of it the picture's file is read, which has to be on this machine.
    """

    painting_id: str
    region: Region | None = None

    @property
    def name(self) -> str:
        """What messages call it."""
        return self.painting_id


@dataclass(frozen=True, slots=True)
class TextQuery:
    """Paintings that a text describes; only for encoders that take texts."""

    text: str


@dataclass(frozen=True, slots=True)
class ExamplesQuery:
    """Paintings like some pictures and unlike others, each a file, pixels or an id.

    The query vector is the mean of `like`; with `unlike`, moved away from their mean by a quarter
    of the difference of both, after Rocchio [1]_.

    References
    ----------
    .. [1] Rocchio (1971). Relevance feedback in information retrieval. In Salton (ed.), The SMART
       Retrieval System, 313-323.
    """

    like: tuple[PictureQuery, ...]
    unlike: tuple[PictureQuery, ...] = ()

    def __post_init__(self) -> None:
        """Refuse a query with nothing to be like."""
        if not self.like:
            raise OptionError("at least one picture to be like is needed")


PictureQuery: TypeAlias = ImageQuery | PixelsQuery | IdQuery
Query: TypeAlias = PictureQuery | TextQuery | ExamplesQuery


COPIES: Final[Mapping[str, Any]] = {"rerank": "ssim-either-way", "rerank_weight": 0.1}
"""How copies are looked for, mirrored or not: as measured in docs/quality.md."""


MOST_COLLAPSED: Final = 400
"""Most hits that are compared with each other to leave copies out, unless more are asked for."""


@dataclass(frozen=True, slots=True)
class SearchOptions:
    """Settings of one search; OptionError where they make no sense.

    Attributes
    ----------
    limit, offset
        How many hits (with `group_by`: groups), after skipping how many.
    min_score
        Least cosine of a hit, in -1..1.
    rerank, rerank_depth
        Name of the second score to reorder by, of `artsim.search.rerank.RERANKERS`, and how many of
        the first hits are reordered; those behind them stay where they are.
    rerank_weight
        Reorder by the cosine plus so much of the second score; None is the second score alone.
    look
        How the query picture is looked at: ``whole``, as a whole alone; ``in-photo``, as a
        photograph in which paintings are to be found; None: where the gallery has local points,
        what they verify comes first, also in windows of the picture.
    group_by, group_size
        Payload field of which each value brings at most so many hits; works without the field are
        left out, of a list the first value counts.
    include_self
        Whether the query picture itself may be a hit.
    not_same_artist
        Leave out works by the query painting's artist, which the gallery must know.
    exact
        Compare with every point instead of the index's candidates.
    collapse_copies
        Show of paintings that are copies of each other, as `artsim.search.copy_groups` ties
        them among the first hits, the best.
    all_faces
        Of faces show, and search by, small and doubtful ones too, and all of a painting instead
        of its best.
    least_face, least_certainty
        Least short side in pixels of a face, and least certainty in 0..1, of hits and of the
        query's; None is `SURE_SIZE` and `SURE_SCORE`, or nothing with `all_faces`.
    """

    limit: int = 10
    offset: int = 0
    min_score: float | None = None
    rerank: str | None = None
    rerank_depth: int = 100
    rerank_weight: float | None = None
    look: Look | None = None
    group_by: str | None = None
    group_size: int = 1
    include_self: bool = False
    not_same_artist: bool = False
    exact: bool = False
    collapse_copies: bool = False
    all_faces: bool = False
    least_face: int | None = None
    least_certainty: float | None = None

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        for name, least in (("limit", 1), ("offset", 0), ("rerank_depth", 1), ("group_size", 1)):
            if getattr(self, name) < least:
                raise OptionError(f"{name} must be at least {least}, not {getattr(self, name)}")
        if self.min_score is not None and not -1 <= self.min_score <= 1:
            raise OptionError(f"min_score must be in -1..1, not {self.min_score}")
        if self.rerank is not None and self.rerank not in RERANKERS:
            raise OptionError(f"rerank must be {' or '.join(RERANKERS)}, not {self.rerank!r}")
        if self.rerank_weight is not None and self.rerank is None:
            raise OptionError(f"rerank_weight needs a rerank: {' or '.join(RERANKERS)}")
        if self.collapse_copies and self.group_by is not None:
            raise OptionError("collapse_copies and group_by exclude each other")
        if self.least_certainty is not None and not 0 <= self.least_certainty <= 1:
            raise OptionError(f"least_certainty must be in 0..1, not {self.least_certainty}")
        check_weights([] if self.rerank_weight is None else [self.rerank_weight])

    @property
    def deep(self) -> SearchOptions:
        """The same options, but for enough hits that copies can be left out of them."""
        wanted = self.offset + self.limit
        return replace(self, offset=0, limit=max(wanted, min(4 * wanted, MOST_COLLAPSED)))

    @property
    def sure_face(self) -> tuple[float, float]:
        """The least short side and the least certainty of a face that counts."""
        size, score = (0, 0) if self.all_faces else (SURE_SIZE, SURE_SCORE)
        least, certainty = self.least_face, self.least_certainty
        return size if least is None else least, score if certainty is None else certainty


def check_weights(weights: Sequence[float]) -> None:
    """Refuse weights of a second score that are not in 0..`MAX_WEIGHT`."""
    for weight in weights:
        if not 0 <= weight <= MAX_WEIGHT:
            raise OptionError(f"rerank_weight must be in 0..{MAX_WEIGHT:g}, not {weight}")


@dataclass(frozen=True, slots=True)
class Question:
    """All that is asked of a gallery in one search.

    Attributes
    ----------
    query
        What is searched for; TypeError if it is no query.
    kind
        Of which collection the hits are; of parts, such as faces, the query picture's parts
        are searched by.
    part
        Index of the only part of the query picture to search by, from 0; None: each. OptionError of
        what is searched by whole pictures.
    filters, criteria
        Only works that meet both, as people write them, and as the payload has them.
    encoders
        Names of encoders that the gallery has vectors of; several are fused. Empty: the
        first it was ingested with (for texts the first that takes them).
    options
        How many hits, re-ranking, grouping and so on.
    """

    query: Query
    kind: Kind = PAINTINGS
    part: int | None = None
    filters: Filters = field(default_factory=Filters)
    criteria: Criteria = EVERYTHING
    encoders: tuple[str, ...] = ()
    options: SearchOptions = field(default_factory=SearchOptions)

    def __post_init__(self) -> None:
        """Refuse what makes no sense."""
        if not isinstance(self.query, Query):
            raise TypeError(
                "a search is asked by a query, such as ImageQuery('a.jpg'), PixelsQuery(image), "
                f"IdQuery('1') or TextQuery('a ship'), not by {type(self.query).__name__}"
            )
        if self.options.collapse_copies and not self.kind.is_whole:
            raise OptionError(f"copies are of whole pictures, which {self.kind.name} are not")
        if self.part is not None and (self.kind.is_whole or self.kind.by_whole):
            raise OptionError(f"part is given, but {self.kind.name} are searched by whole pictures")

    @property
    def pictures(self) -> tuple[PictureQuery, ...]:
        """The pictures that are searched by, like and unlike."""
        if isinstance(self.query, ExamplesQuery):
            return (*self.query.like, *self.query.unlike)
        return () if isinstance(self.query, TextQuery) else (self.query,)

    @property
    def files(self) -> tuple[Path, ...]:
        """The files of those pictures, which nothing is written over."""
        paths = (getattr(picture, "path", None) for picture in self.pictures)
        return tuple(path for path in paths if path is not None)

    def to_dict(self) -> dict[str, Any]:
        """Return the question as JSON holds it; `from_dict` makes the same of it.

        Pictures in files are named by their paths and, where known, SHA-256; others are whole.
        """
        return {
            "query": _from_query(self.query),
            "kind": self.kind.name,
            "part": self.part,
            "filters": plain_json(asdict(self.filters)),
            "criteria": describe_criteria(self.criteria),
            "encoders": list(self.encoders),
            "options": asdict(self.options),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Question:
        """Return the question that `to_dict` described.

        QueryError names the place where something is missing, unknown or of another type.
        """
        form = checked_form(_Form, document)
        if form.kind not in KINDS:
            raise QueryError(f"kind: expected {' or '.join(KINDS)}, found {form.kind!r}")
        return cls(
            # Of the document itself: names of files that are not Unicode pass no checks.
            query=_to_query(document["query"], "query"),
            kind=KINDS[form.kind],
            part=form.part,
            filters=form.filters,
            criteria=Criteria(
                _to_conditions(form.criteria.must, "must"),
                _to_conditions(form.criteria.must_not, "must_not"),
            ),
            encoders=tuple(form.encoders),
            options=form.options,
        )


@dataclass(frozen=True, slots=True)
class _Conditions:
    must: list[dict[str, Any]]
    must_not: list[dict[str, Any]]


@dataclass(frozen=True, slots=True)
class _Form:
    """JSON form of a question: what pydantic checks the types of."""

    query: dict[str, Any]
    kind: str
    part: int | None
    filters: Filters
    criteria: _Conditions
    encoders: list[str]
    options: SearchOptions


def checked_form(form: type[T], document: object) -> T:
    """Return a JSON document as a dataclass; QueryError names what is missing or mistyped."""
    try:
        return parse_form(form, json.dumps(plain_json(document)).encode())
    except (ValueError, TypeError) as exc:
        raise QueryError(str(exc)) from exc


_CONDITIONS: Final[Mapping[type[Any], tuple[str, ...]]] = {
    AnyOf: ("field", "any_of"),
    Between: ("field", "least", "most"),
    Words: ("field", "words"),
    Known: ("field",),
    HasVector: ("has_vector",),
    Shows: ("people", "point_ids"),
}
"""What the parts of a condition are called in JSON, where `Known` also says ``known``."""


def describe_criteria(criteria: Criteria) -> dict[str, Any]:
    """Return the conditions as JSON: lists ``must`` and ``must_not``, each of objects."""
    return {
        "must": [_from_condition(condition) for condition in criteria.must],
        "must_not": [_from_condition(condition) for condition in criteria.must_not],
    }


def output_form(**parts: Any) -> dict[str, Any]:
    """Return an object of docs/output.md as strict JSON; of its settings those that are known."""
    if "settings" in parts:
        known = ((name, value) for name, value in parts["settings"].items() if value is not None)
        parts["settings"] = dict(known)
    found: dict[str, Any] = plain_json({"schema": SCHEMA, **parts})
    return found


def _from_condition(condition: Condition) -> dict[str, Any]:
    parts = zip(_CONDITIONS[type(condition)], astuple(condition), strict=True)
    form = {name: list(part) if isinstance(part, tuple) else part for name, part in parts}
    return form | {"known": True} if isinstance(condition, Known) else form


def _to_conditions(forms: Sequence[Mapping[str, Any]], place: str) -> tuple[Condition, ...]:
    return tuple(_to_condition(form, f"criteria.{place}.{i}") for i, form in enumerate(forms))


def _to_condition(form: Mapping[str, Any], place: str) -> Condition:
    said = {name: form[name] for name in form if (name, form[name]) != ("known", True)}
    for condition, names in _CONDITIONS.items():
        if said.keys() == set(names) and (condition is Known) == (len(said) < len(form)):
            own = [each.name for each in fields(condition)]
            parts = dict(zip(own, (said[name] for name in names), strict=True))
            try:
                found: Condition = checked_form(condition, parts)
            except QueryError as exc:
                raise QueryError(f"{place}: {exc}") from exc
            return found
    raise QueryError(f"{place}: no condition has this form: {str(form)[:200]}")


def _from_query(query: Query) -> dict[str, Any]:
    region: Region | None = getattr(query, "region", None)
    return _from_whole(query) | ({} if region is None else {"region": str(region)})


def _from_whole(query: Query) -> dict[str, Any]:
    match query:
        case IdQuery(painting_id):
            return {"id": painting_id}
        case TextQuery(text):
            return {"text": text}
        case ExamplesQuery(like, unlike):
            return {"like": [*map(_from_query, like)], "unlike": [*map(_from_query, unlike)]}
        case ImageQuery(picture=Path() as path, name=name, sha256=sha256):
            return {"image": {"path": str(path), "name": name, "sha256": sha256}}
        case ImageQuery(picture=bytes() as content, name=name):
            return {"image": {"base64": base64.b64encode(content).decode(), "name": name}}
        case PixelsQuery(pixels=pixels, name=name):
            encoded = base64.b64encode(pixels.tobytes()).decode()
            return {"pixels": {"base64": encoded, "shape": list(pixels.shape), "name": name}}
    raise TypeError(f"no query: {query!r}")


def _to_query(form: Any, place: str, *, of_one: bool = False) -> Any:
    """Return the query of that form, which `of_one` picture it has to be."""
    query: Query | None = None
    try:
        match form:
            case {"id": str(painting_id)}:
                query = IdQuery(painting_id)
            case {"text": str(text)} if not of_one:
                query = TextQuery(text)
            case {"like": [_, *_] as like, "unlike": [*unlike]} if not of_one:
                sides = (("like", like), ("unlike", unlike))
                pictures = [
                    [_to_query(one, f"{place}.{side}.{i}", of_one=True) for i, one in enumerate(of)]
                    for side, of in sides
                ]
                query = ExamplesQuery(*map(tuple, pictures))
            case {"image": {"path": str(path), "name": str(name), "sha256": None | str() as sha}}:
                query = ImageQuery(path, name, sha256=sha)
            case {"image": {"base64": str(text), "name": str(name)}}:
                query = ImageQuery(base64.b64decode(text, validate=True), name)
            case {
                "pixels": {"base64": str(text), "shape": [int(), int(), 3] as shape, "name": name}
            }:
                query = PixelsQuery(_to_pixels(text, shape), str(name))
        if query is not None and isinstance(form.get("region"), str):
            query = replace(cast("Any", query), region=Region.parse(form["region"]))
    except OptionError as exc:
        raise QueryError(f"{place}: {exc}") from exc
    except (ValueError, TypeError) as exc:
        raise QueryError(f"{place}: no picture ({exc})") from exc
    if query is None or _keys(_from_query(query)) != _keys(form):
        raise QueryError(f"{place}: no query has this form: {str(form)[:200]}")
    return query


def _to_pixels(text: str, shape: Sequence[int]) -> RGBImage:
    import numpy as np

    pixels = np.frombuffer(base64.b64decode(text, validate=True), np.uint8)
    return pixels.reshape([max(side, 0) for side in shape])


def _keys(form: object) -> object:
    return {name: _keys(form[name]) for name in form} if isinstance(form, Mapping) else None
