"""What is sent to the API and comes back: checked on the way in, described by OpenAPI."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Annotated, Any, Final, TypeAlias

from fastapi import Query as Parameter
from pydantic import BaseModel, ConfigDict, Field

from artsim.catalog.hits import plain_json
from artsim.catalog.kinds import KINDS, PAINTINGS, Kind
from artsim.errors import QueryError
from artsim.search.filters import Filters
from artsim.search.question import ExamplesQuery, PictureQuery, Question, SearchOptions, TextQuery
from artsim.store.gallery import Gallery

FACETS: Final = (
    *("artist", "style", "genre", "school", "medium", "institution", "attribution", "tags"),
)
"""Fields that the page restricts by, in its order."""


def told(errors: Sequence[Any], leave: int = 0) -> str:
    """Return the first errors of pydantic in a line, without the first parts of their places."""
    some = [f"{'.'.join(map(str, e['loc'][leave:]))}: {e['msg']}" for e in errors[:3]]
    return "; ".join(some)[:1000]


def chosen_kind(name: str) -> Kind:
    """Return a kind by its name; QueryError where it is none."""
    if name not in KINDS:
        raise QueryError(f"kind: expected {' or '.join(KINDS)}, found {name[:80]!r}")
    return KINDS[name]


def shown(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return a payload for visitors: of a file of this machine the name alone."""
    found: dict[str, Any] = plain_json(payload)
    for name in ("image_uri", "ingested_from", "video_uri"):
        uri = found.get(name)
        if isinstance(uri, str) and not uri.startswith(("http://", "https://")):
            found[name] = uri.rstrip("/").rpartition("/")[2]
    return found


def picture_id(gallery: Gallery, point_id: str) -> str:
    """Return what the picture of a painting's point is called in addresses."""
    return point_id if gallery.name is None else f"{gallery.name}~{point_id}"


_PUBLIC = (
    *("title", "artist", "date_text", "year_start", "year_end", "medium", "institution", "rights"),
    *("source_url", "image_width", "image_height", "image_sha256"),
)


def in_public(payload: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a payload the pages of other sites may show."""
    return {name: payload[name] for name in _PUBLIC if name in payload}


def with_picture(described: Mapping[str, Any], gallery: Gallery) -> dict[str, Any]:
    """Return a hit or a point of a list with the id of its painting's picture."""
    picture = picture_id(gallery, PAINTINGS.point_id(str(described["painting_id"])))
    return {**described, "picture_id": picture, "payload": shown(described["payload"])}


UploadId = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class _Form(BaseModel):
    model_config = ConfigDict(extra="forbid")


class _Found(BaseModel):
    """An answer, to which later versions may add."""

    model_config = ConfigDict(extra="allow")


Part = Annotated[str | None, Field(max_length=200, description="As 120,80,300,240 or in %.")]


class ById(_Form):
    """A painting of the gallery, or a region of it."""

    id: str
    region: Part = None


class ByUpload(_Form):
    """A picture that was sent to ``uploads`` before, or a region of it."""

    upload: UploadId
    region: Part = None


OnePicture: TypeAlias = ById | ByUpload


class ByText(_Form):
    """Words, for encoders that take them."""

    text: Annotated[str, Field(min_length=1, max_length=1000)]


class ByExamples(_Form):
    """Pictures to be like, and unlike."""

    like: Annotated[list[OnePicture], Field(min_length=1, max_length=50)]
    unlike: Annotated[list[OnePicture], Field(max_length=50)] = []


class QuestionForm(_Form):
    """A question, in the form that ``artsim query --save`` writes, with uploads for files."""

    query: ById | ByUpload | ByText | ByExamples
    kind: str = "paintings"
    part: Annotated[int | None, Field(ge=0)] = None
    filters: Filters = Filters()
    encoders: Annotated[list[str], Field(max_length=8)] = []
    options: SearchOptions = SearchOptions()

    @property
    def is_stored(self) -> bool:
        """Whether the gallery has the vectors of all that is searched by."""
        query = self.query
        if isinstance(query, ByText):
            return False
        pictures = [*query.like, *query.unlike] if isinstance(query, ByExamples) else [query]
        return all(isinstance(one, ById) and one.region is None for one in pictures)

    def question(self, picture: Callable[[OnePicture], PictureQuery]) -> Question:
        """Return the question, whose pictures `picture` finds; QueryError where it has no sense."""
        kind = chosen_kind(self.kind)
        if self.options.limit > 200 or self.options.offset > 10_000:
            raise QueryError("at most 200 hits at a time, after at most 10,000")
        match self.query:
            case ByText(text=text):
                query: Any = TextQuery(text)
            case ByExamples(like=like, unlike=unlike):
                query = ExamplesQuery(tuple(map(picture, like)), tuple(map(picture, unlike)))
            case ById() | ByUpload() as one:
                query = picture(one)
        names, options = tuple(self.encoders), self.options
        return Question(query, kind, self.part, self.filters, encoders=names, options=options)


class PairForm(_Form):
    """Two pictures to be compared."""

    first: OnePicture
    second: OnePicture


class LikenessForm(_Found):
    """How alike two pictures, or a face of each, are by one encoder."""

    encoder: str
    cosine: float
    verdict: str | None = None
    percentile: float | None = None
    faces: tuple[int, int] | None = None


class ComparisonForm(_Found):
    """Two pictures compared, as ``artsim compare --format json`` has it."""

    first: dict[str, Any]
    second: dict[str, Any]
    wholes: list[LikenessForm]
    faces: list[LikenessForm]
    ssim: float
    ssim_mirrored: float
    rmse: float
    rmse_mirrored: float
    evidence: dict[str, Any]
    why: str
    no_likelihood: str | None = None


class MatchForm(BaseModel):
    """The points that two pictures share, in fractions of width and height.

    `way` is the homography from the second picture to the first, `outlines` are the corners of the
    second in the first, and of the first in the second.
    """

    is_found: bool
    inliers: int
    mirrored: bool
    way: list[list[float]] | None
    pairs: list[tuple[float, float, float, float]]
    outlines: list[list[tuple[float, float]]] | None


class KeptForm(_Form):
    """A work that was kept, with a note."""

    id: Annotated[str, Field(max_length=2000)]
    note: Annotated[str, Field(max_length=5000)] = ""


class SelectionForm(_Form):
    """What was kept, and the address of the question that was open."""

    works: Annotated[list[KeptForm], Field(min_length=1, max_length=500)]
    question: Annotated[str, Field(max_length=8000)] = ""


class Problem(_Found):
    """An error, as RFC 9457 writes it."""

    type: str
    title: str
    status: int
    detail: str
    hint: str | None = None


_PROBLEM: Final[Any] = {
    "description": "Why not, in words.",
    "content": {"application/problem+json": {"schema": Problem.model_json_schema()}},
}
PROBLEMS: Final[dict[int | str, dict[str, Any]]] = {"4XX": _PROBLEM, "503": _PROBLEM}
"""The errors that any address may answer with."""


class EncoderForm(BaseModel):
    """An encoder that a gallery has vectors of."""

    name: str
    vector: str
    takes_text: bool


class KindForm(BaseModel):
    """What a gallery has a collection of."""

    name: str
    noun: str
    points: int
    encoders: list[EncoderForm]
    has_local_points: bool


class GalleryForm(BaseModel):
    """One gallery; the name is null where it has none."""

    gallery: str | None
    kinds: list[KindForm]


class GalleriesForm(BaseModel):
    """What can be asked, and of which galleries, the first by default."""

    artsim: str
    galleries: list[GalleryForm]
    rerankers: list[str]
    facets: list[str]
    max_upload: int
    may_write: Annotated[bool, Field(description="Whether this visitor may add pictures.")]
    accepts: Annotated[list[str], Field(description="Endings of files that can be added.")]
    own: Annotated[str | None, Field(description="Gallery that is added to by default.")]
    others: Annotated[bool, Field(description="Whether other galleries are shown.")]
    parts: Annotated[list[str], Field(description="What can be looked for in pictures.")]


class PartForm(BaseModel):
    """A face, or another part, of a picture: x, y, width and height in pixels of it."""

    index: int
    box: tuple[float, float, float, float]
    score: float | None = None
    is_sure: bool


class PartsForm(BaseModel):
    """The parts of one kind that a picture has."""

    kind: str
    width: int
    height: int
    parts: list[PartForm]


class SourceForm(BaseModel):
    """What an answer comes of; the digest is another after the gallery has changed."""

    gallery: str | None
    points: int
    digest: str
    encoders: list[str]
    artsim: str


class ListedForm(_Found):
    """A painting of a list."""

    painting_id: str
    point_id: str
    picture_id: str
    payload: dict[str, Any]


class HitForm(ListedForm):
    """A hit, as docs/output.md describes it; `picture_id` is of its painting."""

    rank: int
    score: float
    rerank_score: float | None = None
    query_face: int | None = None
    verdict: str | None = None
    percentile: float | None = None
    evidence: dict[str, Any] | None = None


class SimilarForm(BaseModel):
    """Works that look like one, best first, with what may be known of them elsewhere."""

    hits: list[HitForm]


class AnswerForm(_Found):
    """Hits, best first, as ``artsim query --format json`` has them, and what they come of."""

    schema_: Annotated[int, Field(alias="schema")]
    query: dict[str, Any]
    settings: dict[str, Any]
    notes: list[str]
    query_payload: Annotated[
        dict[str, Any] | None, Field(description="What the gallery knows of the query picture.")
    ]
    hits: list[HitForm]
    source: SourceForm


class ListingForm(_Found):
    """Paintings that meet filters, as ``artsim list --format json`` has them."""

    total: int
    notes: list[str]
    points: list[ListedForm]


class PaintingForm(_Found):
    """All there is of a painting: its payload, the names of its vectors, its parts."""

    painting_id: str
    picture_id: str
    faces: list[dict[str, Any]]


class SpanForm(BaseModel):
    """Works of some years, null where they have no date: how many, and some of them."""

    first: int | None
    last: int | None
    count: int
    points: list[ListedForm]


class TimeLineForm(BaseModel):
    """Works along the years, in spans of equal length without a gap."""

    spans: list[SpanForm]
    undated: SpanForm
    notes: list[str]


class PersonForm(_Found):
    """Faces that may be of one person: how many, and the first of them by date."""

    number: int
    name: str | None = None
    likeness: float | None = None
    count: int
    faces: list[ListedForm]


class PeopleForm(BaseModel):
    """Groups of faces, named ones first, then the likest."""

    compared: int
    total: int
    has_names: bool
    people: list[PersonForm]
    notes: list[str]


class MapForm(_Found):
    """A gallery in the plane: lists with an entry for each work."""

    points: list[str]
    ids: list[str]
    x: list[int]
    y: list[int]
    cells: list[tuple[int, int]]
    total: int
    encoder: str


class CopiesGroupForm(_Found):
    """Works that show one work, or part of one: how many, the first of them, and what ties them."""

    number: int
    count: int
    works: list[ListedForm]
    ties: list[dict[str, Any]]


class CopiesForm(_Found):
    """Groups of works, those with the closest ties first."""

    compared: int
    total: int
    groups: list[CopiesGroupForm]
    notes: list[str]


class WorkForm(BaseModel):
    """How far something is that is being computed."""

    stage: str
    done: int
    total: int | None


class ChosenForm(BaseModel):
    """Ids of points."""

    points: list[str]


class ValueForm(BaseModel):
    """A value of a field, and how many works have it."""

    value: str | int | float | bool
    count: int


class FacetForm(_Found):
    """The values of a field, most frequent first, and how many works have none."""

    field: str
    values: list[ValueForm]
    total: int
    unknown: int


class FacetsForm(BaseModel):
    """Facets, each counted under the filters on the other fields."""

    total: int
    facets: list[FacetForm]


def read_filters(
    artist: Annotated[list[str] | None, Parameter(description="However written.")] = None,
    style: Annotated[list[str] | None, Parameter()] = None,
    genre: Annotated[list[str] | None, Parameter()] = None,
    school: Annotated[list[str] | None, Parameter()] = None,
    medium: Annotated[list[str] | None, Parameter()] = None,
    institution: Annotated[list[str] | None, Parameter()] = None,
    attribution: Annotated[list[str] | None, Parameter()] = None,
    tag: Annotated[list[str] | None, Parameter()] = None,
    year: Annotated[str | None, Parameter(description="As 1510..1530.")] = None,
    title: Annotated[str | None, Parameter(description="Words of the title.")] = None,
    person: Annotated[list[str] | None, Parameter(description="Named on a face.")] = None,
    where: Annotated[list[str] | None, Parameter(description="FIELD=VALUE.")] = None,
    where_not: Annotated[list[str] | None, Parameter(alias="not")] = None,
    films: Annotated[bool, Parameter(description="Frames of films, instead of paintings.")] = False,
) -> Filters:
    """Return the filters that an address has, by the names of the command line's options."""
    given = (artist, style, genre, school, medium, institution, attribution, tag)
    any_of = {name: tuple(some) for name, some in zip(FACETS, given, strict=True) if some}
    people = tuple(person or ())
    return Filters(any_of, year, title, tuple(where or ()), tuple(where_not or ()), people, films)
