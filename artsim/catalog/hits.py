"""What searches and classifiers answer, and its strict JSON form."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal, TypeAlias, TypeVar

from artsim.catalog.payload import Payload

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from artsim.catalog.arrays import Vector
    from artsim.catalog.scale import Verdict

T = TypeVar("T")


Corners: TypeAlias = tuple[tuple[float, float], ...]
"""Four corners, from the top left clockwise as one sees the picture whose they are.

In fractions of width and height of the picture that they lie in, or outside of."""

Relation: TypeAlias = Literal["same picture", "detail", "shown", "part"]
"""The query is of all of the work, a detail of it, or shows it; or both show a part of another."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What local points say of whether a work shows what the query picture does.

    `pairs` are places (x, y) in the query and in the work that are the same, in fractions of width
    and height.
    """

    found: Literal["found", "not found", "not checked"]
    inliers: int = 0  # pairs of points that one view of the other picture explains
    mirrored: bool = False  # whether they are of the query's mirror image
    relation: Relation | None = None  # what the query is to the work, where it was found
    outline: Corners = ()  # the query's corners in the work
    query_outline: Corners = ()  # the work's corners in the query
    pairs: tuple[tuple[float, float, float, float], ...] = ()
    why: str = ""  # why it was not checked

    @property
    def is_found(self) -> bool:
        """Whether the points say that the work is the one."""
        return self.found == "found"

    @property
    def word(self) -> str:
        """What a table says of it: ``detail, mirrored``; "" where it was not found."""
        return f"{self.relation}{', mirrored' if self.mirrored else ''}" if self.relation else ""

    def turned(self) -> Evidence:
        """Return the same with the query and the work exchanged."""
        other: dict[Relation | None, Relation] = {"detail": "shown", "shown": "detail"}
        return replace(
            self,
            relation=other.get(self.relation, self.relation),
            outline=self.query_outline,
            query_outline=self.outline,
            pairs=tuple((*pair[2:], *pair[:2]) for pair in self.pairs),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return it as an object of docs/output.md; what there is nothing of is absent."""
        values = {each.name: getattr(self, each.name) for each in fields(self)}
        always = ("found", "inliers")
        return {name: value for name, value in values.items() if value or name in always}


@dataclass(frozen=True, slots=True)
class Hit:
    """A painting, or a part of one, that a search found.

    Of scores higher is nearer: a cosine in -1..1; of a fused search the sum of reciprocal ranks; of
    a search re-scored by pixels minus the Euclidean distance.
    """

    point_id: str  # UUID
    score: float
    payload: Payload
    vectors: Mapping[str, Vector] = field(default_factory=dict)  # those that were asked for
    rerank_score: float | None = None  # second score that ordered the hits, if there was one
    query_face: int | None = None  # index of the query's face, or other part, that found this one
    verdict: Verdict | None = None  # what the score means in this gallery, if that was measured
    evidence: Evidence | None = None  # what local points say, if they were looked at

    @property
    def painting_id(self) -> str:
        """Id of the painting; that of the point where another program wrote one without."""
        return str(self.payload.get("painting_id", self.point_id))

    @property
    def best_score(self) -> float:
        """The score that ordered the hits: the second one, where there is one."""
        return self.score if self.rerank_score is None else self.rerank_score

    def to_dict(self, rank: int | None = None, group: str | None = None) -> dict[str, Any]:
        """Return the hit as an object of docs/output.md; what is unknown is absent."""
        values = {
            "rank": rank,
            "painting_id": self.painting_id,
            "point_id": self.point_id,
            "score": self.score,
            "rerank_score": self.rerank_score,
            "query_face": self.query_face,
            "group": group,
            **(self.verdict.to_dict() if self.verdict else {}),
            "evidence": self.evidence and self.evidence.to_dict(),
        }
        known = {name: value for name, value in values.items() if value is not None}
        return {**known, "payload": self.payload}


def rank_order(hit: Hit) -> tuple[bool, float, float, str, str]:
    """Sort key of every ranking: best first, ties by painting id, then by point id.

    What was re-ranked comes first, by that score, ties by the first one; what was not, by its own.
    """
    plain = hit.rerank_score is None
    return plain, -hit.best_score, -hit.score, hit.painting_id, hit.point_id


JSON: TypeAlias = "str | int | float | bool | Sequence[JSON] | Mapping[str, JSON] | None"
"""Value that JSON can hold."""

SCHEMA: Final = 1
"""Version of the forms for programs; it changes only when a program would have to."""


class Note(str):
    """A remark for the user, in words that hold in Python as on the command line.

    `hint` is the command or option that goes on from it, such as ``--attribution by``.
    """

    __slots__ = ("hint",)
    hint: str

    def __new__(cls, text: str, *, hint: str = "") -> Note:
        """Return `text` with the hint."""
        note = super().__new__(cls, text)
        note.hint = hint
        return note

    @property
    def with_hint(self) -> str:
        """The remark as the command line shows it."""
        return f"{self} ({self.hint})" if self.hint else str(self)


def plain_json(value: object) -> Any:
    """Return `value` as strict JSON holds it, copied.

    Numbers and arrays of NumPy become plain ones, numbers that JSON lacks (NaN and the
    infinities) None, lone surrogates question marks, and anything unknown its ``str``.
    """
    if isinstance(value, str):
        return value.encode("utf-8", "replace").decode("utf-8")
    if value is None or isinstance(value, (bool, int)):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(plain_json(str(name))): plain_json(part) for name, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain_json(part) for part in value]
    # An array or scalar of NumPy, known by its method so that NumPy need not be imported.
    to_list = getattr(value, "tolist", None)
    return plain_json(to_list() if callable(to_list) else str(value))


@functools.cache
def _adapter(form: type[Any]) -> TypeAdapter[Any]:
    # Here, because a search by id is answered in less time than pydantic takes to import.
    from pydantic import ConfigDict, TypeAdapter

    config = ConfigDict(extra="forbid", strict=True)
    return TypeAdapter(tuple[form], config=config)  # type: ignore[valid-type]


def parse_form(form: type[T], text: bytes) -> T:
    """Return JSON as a dataclass; ValueError names what in it is missing, unknown or mistyped."""
    from pydantic import ValidationError

    hashed: Any = form  # which mypy does not know of a type
    try:
        found: T = _adapter(hashed).validate_json(b"[" + text + b"]")[0]
        return found
    except ValidationError as exc:
        errors = exc.errors(include_url=False, include_input=False)[:3]
        told = [f"{'.'.join(map(str, e['loc'][1:])) or 'it'}: {e['msg']}" for e in errors]
        raise ValueError("; ".join(told)) from exc


@dataclass(frozen=True, slots=True)
class Candidate:
    """One value of the field, and how probable it is, in 0..1."""

    label: str
    probability: float


@dataclass(frozen=True, slots=True)
class Voter:
    """A neighbor that votes for its labels, evenly; `weight` is its cosine, at least 0."""

    hit: Hit
    labels: tuple[str, ...]
    weight: float


@dataclass(frozen=True, slots=True)
class Classification:
    """What is said of one picture.

    Candidates are all values that are possible, most probable first, equal ones by label; their
    probabilities add up to 1. There are none where no neighbor votes. The first is the answer
    if it has the `threshold` at least; None: at none was the classifier right often enough.
    """

    image: Path
    field: str  # what was asked for: ``style``, ``artist``
    candidates: tuple[Candidate, ...]
    threshold: float | None
    voters: tuple[Voter, ...] = ()  # nearest first; none for a trained classifier

    @property
    def answer(self) -> str | None:
        """The most probable value; None where it is not probable enough to be said."""
        if not self.candidates or self.threshold is None:
            return None
        first = self.candidates[0]
        return first.label if first.probability >= self.threshold else None


def rank_candidates(shares: dict[str, float]) -> tuple[Candidate, ...]:
    """Return candidates from their probabilities, most probable first, equal ones by label."""
    ordered = sorted(shares.items(), key=lambda pair: (-pair[1], pair[0]))
    return tuple(Candidate(label, probability) for label, probability in ordered)
