"""Two pictures beside each other: how alike they are, and whether one shows what the other does."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import islice, product
from typing import TYPE_CHECKING, Any, Final

import numpy as np

from artsim.catalog.arrays import Pixels
from artsim.catalog.hits import Evidence
from artsim.catalog.kinds import FACES, PAINTINGS, POINTS, Box, Kind
from artsim.catalog.names import sitter_of
from artsim.catalog.payload import Criteria, HasVector, Payload, first_text
from artsim.catalog.progress import counted
from artsim.catalog.scale import (
    FEWEST_PAIRS,
    FEWEST_PEOPLE,
    Integers,
    KnownPairs,
    Likelihood,
    Relation,
    Verdict,
    noted_scales,
)
from artsim.errors import EncoderError, NoFaceError
from artsim.search.models import Models, choose_encoders
from artsim.search.probes import PictureSource, QueryFace, Target, make_target, stored_vectors
from artsim.search.question import PictureQuery, Question, SearchOptions, output_form
from artsim.search.rerank import PIXELS
from artsim.search.verdicts import SAME_SSIM, compare_pixels, how_common
from artsim.store.gallery import Gallery
from artsim.store.protocol import Collection, Record

if TYPE_CHECKING:
    from artsim.images.local_points import Points

_RARE: Final = 90
"""Percentile from which two works are said to be nearer than most, though not near."""

_MEASURES: Final = ("ssim", "ssim_mirrored", "rmse", "rmse_mirrored")
_LOOKED_AT: Final = 20_000
_KNOWN: Final = 1_000
_OTHERS: Final = 2_000
"""Most faces whose metadata is read, and most that are compared, to calibrate a likelihood."""


@dataclass(frozen=True, slots=True)
class Compared:
    """One of the two pictures, or a region of it: its metadata, where there is any, and faces."""

    name: str
    image: PictureSource | None
    payload: Payload | None
    faces: tuple[QueryFace, ...] = ()
    region: Box | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as an object of docs/output.md."""
        faces = [face.to_dict() for face in self.faces]
        return {"name": self.name, "payload": self.payload, "faces": faces}


@dataclass(frozen=True, slots=True)
class Likeness:
    """How alike two pictures, or two faces, are by one encoder, and what that means.

    `likelihood` is whether two faces are one person's; `Comparison.no_likelihood` tells why not.
    """

    encoder: str
    cosine: float
    verdict: Verdict | None = None
    faces: tuple[int, int] | None = None
    likelihood: Likelihood | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return it as an object of docs/output.md; what is unknown is absent."""
        meaning = self.verdict.to_dict() if self.verdict else {}
        faces = {} if self.faces is None else {"faces": self.faces}
        likely = {} if self.likelihood is None else {"likelihood": self.likelihood.to_dict()}
        return {"encoder": self.encoder, "cosine": self.cosine, **meaning, **faces, **likely}


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two pictures compared.

    `wholes` are by each encoder that was asked for; `faces` of each face of the first picture and
    the one of the second that is nearest to it, nearest first, by the numbers of both. SSIM and
    RMSE are of the small gray pictures, and of the first with the second in a mirror. `evidence` is
    what local points say of whether the one shows what the other does; the first is the query.
    `no_likelihood` is why the faces have no likelihood of being one person's; "" where they have.
    """

    first: Compared
    second: Compared
    wholes: tuple[Likeness, ...]
    faces: tuple[Likeness, ...]
    ssim: float
    ssim_mirrored: float
    rmse: float
    rmse_mirrored: float
    evidence: Evidence
    no_likelihood: str = ""

    @property
    def verdict(self) -> Verdict | None:
        """What the first encoder and the small gray pictures say."""
        return self.wholes[0].verdict

    @property
    def why(self) -> str:
        """The verdict in words, with its reason: points know details, which cosines do not."""
        if not self.evidence.is_found:
            return self._by_nearness
        points = f"{counted(self.evidence.inliers, 'local point')} agree"
        if self.verdict is not None and self.verdict.word == "same picture":
            return f"{self._by_nearness}, and {points}"
        return f"{self.by_points()}: {points}"

    def by_points(self, first: str = "the first", second: str = "the second") -> str:
        """Return what points found, in words with names for both; "" where they found nothing."""
        said = {
            None: "",
            "same picture": f"{first} and {second} show the same",
            "detail": f"{first} is a detail of {second}",
            "shown": f"{second} is seen in {first}",
            "part": f"{first} and {second} have a part in common",
        }[self.evidence.relation]
        return f"{said}, in a mirror" if said and self.evidence.mirrored else said

    @property
    def _by_nearness(self) -> str:
        said, structure = self.verdict, max(self.ssim, self.ssim_mirrored)
        if said is None:
            return "the gallery is too small to say what these numbers mean"
        rare = f"{said.percent} of this gallery's pairs are less near"
        agree = f"small gray pictures agree ({structure:.2f})"
        if said.word == "same picture":
            turned = "; one is the other in a mirror" if said.mirrored else ""
            return f"the same picture{turned}: its {agree}"
        if said.word == "not near":
            can = "can be here, though" if said.percentile >= _RARE else "are here:"
            faces = any(f.verdict and f.verdict.word != "not near" for f in self.faces)
            more = f"; but their {agree}" if structure >= SAME_SSIM else ""
            more += "; but a face is near" if faces else ""
            return f"no nearer than works by different artists {can} {rare}{more}"
        if structure >= SAME_SSIM:
            return f"{said.word}, and perhaps the same picture: {rare}, and their {agree}"
        return f"{said.word}, but not the same picture: {rare}, and their structure differs"

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as ``artsim compare --format json`` writes it."""
        return output_form(
            first=self.first.to_dict(),
            second=self.second.to_dict(),
            wholes=[likeness.to_dict() for likeness in self.wholes],
            faces=[likeness.to_dict() for likeness in self.faces],
            **{name: getattr(self, name) for name in _MEASURES},
            evidence=self.evidence.to_dict(),
            why=self.why,
            **({"no_likelihood": self.no_likelihood} if self.no_likelihood else {}),
        )


def compare(
    gallery: Gallery,
    first: PictureQuery,
    second: PictureQuery,
    models: Models | None = None,
    *,
    encoders: Sequence[str] = (),
    points: tuple[Points, Points] | None = None,
) -> Comparison:
    """Compare two pictures, each a file, pixels or a painting of the gallery, as it sees them.

    `encoders` are some of the gallery's for whole pictures, by default its first; `points` the
    local points of both, by default those of a file, and those that the gallery has of a painting.
    What is raised is as of `find_similar`.
    """
    from artsim.images.pixels import mirrored, rmse, ssim

    models, queries = models or Models(), (first, second)
    wholes = [_target(gallery, query, PAINTINGS, models, encoders) for query in queries]
    with_faces = [_target(gallery, query, FACES, models) for query in queries]
    one, other = (target.probes[0].pictures[0][PIXELS] for target in wholes)
    both = np.stack([other, mirrored(other)])
    both_ways = (*ssim(one, both).tolist(), *rmse(one, both).tolist())
    measures = dict(zip(_MEASURES, both_ways, strict=True))
    sides = [
        Compared(query.name, whole.image, whole.painting, of.parts, whole.region)
        for query, whole, of in zip(queries, wholes, with_faces, strict=True)
    ]
    faces = _likenesses(gallery[FACES], *with_faces) if FACES in gallery else []
    nearest = {of.faces and of.faces[0]: of for of in sorted(faces, key=lambda of: of.cosine)}
    paired = sorted(nearest.values(), key=lambda of: -of.cosine)
    works = [target.painting or {} for target in wholes]
    paired, refusal = _with_likelihoods(gallery, paired, works) if paired else ([], "")
    evidence = _by_local_points(gallery, wholes, points)
    alike = tuple(_likenesses(gallery[PAINTINGS], *wholes))
    return Comparison(
        sides[0],
        sides[1],
        alike,
        tuple(paired),
        **measures,
        evidence=evidence,
        no_likelihood=refusal,
    )


def _target(
    gallery: Gallery, query: PictureQuery, kind: Kind, models: Models, names: Sequence[str] = ()
) -> Target:
    """Return the picture or its faces, with vectors and small gray pictures; () without faces."""
    if kind not in gallery and not kind.is_whole:
        return Target(())
    chosen = choose_encoders(gallery.encoders(kind), names, models)
    question = Question(query, kind, options=SearchOptions(rerank="ssim"))
    try:
        return make_target(question, gallery, chosen, models)
    except NoFaceError:
        return Target(())


def _likenesses(collection: Collection, first: Target, second: Target) -> list[Likeness]:
    """Return how alike each probe of the one is to each of the other, by each encoder."""
    scales, found = noted_scales(collection.schema.notes), []
    for probe, other in product(first.probes, second.probes):
        pixels = (probe.pictures[0][PIXELS], other.pictures[0][PIXELS])
        for name, vector in probe.vectors.items():
            cosine, scale = float(vector @ other.vectors[name]), scales.get(name)
            said = None
            if scale is not None:
                both = [how_common(one, name, scale) for one in (probe, other)]
                common = max((one for one in both if one is not None), default=None)
                said = scale.verdict(cosine, common)
                may_be_same = cosine >= scale.very_near
                if may_be_same or said.word != "not near":
                    said = compare_pixels(said, *pixels, may_be_same=may_be_same)
            parts = None if probe.part is None else (probe.part, other.part or 0)
            found.append(Likeness(name, cosine, said, parts))
    return found


def _by_local_points(
    gallery: Gallery, both: Sequence[Target], known: tuple[Points, Points] | None
) -> Evidence:
    """Return what local points say of two pictures, whichever of them is asked for in the other."""
    from artsim.images.local_points import evidence_of, match_points

    names = ("the first", "the second")
    try:
        one, other = known or [_points_of(gallery, target) for target in both]
        if one is None or other is None:
            own = zip(names, (one, other), strict=True)
            lacking = " and ".join(name for name, points in own if points is None)
            why = f"the gallery has no points of {lacking}: ingest its source with --details"
            return Evidence("not checked", why=why)
        there = evidence_of(match_points(one, other, names))
        back = evidence_of(match_points(other, one, names[::-1])).turned()
    except EncoderError as error:
        return Evidence("not checked", why=f"{error}: {error.hint}")
    by_worth = ("not found", "not checked", "found")
    return max(there, back, key=lambda said: by_worth.index(said.found))


def _points_of(gallery: Gallery, target: Target) -> Points | None:
    """Return the points of a file, or those that are stored of a painting; no file is opened."""
    from artsim.images.local_points import QUERY_COUNT, local_points

    (probe,), collection = target.probes, gallery[PAINTINGS]
    if probe.crop is not None:
        return local_points(probe.crop, count=QUERY_COUNT)
    if POINTS not in collection.schema.vectors:
        return None
    return stored_vectors(collection, POINTS, [str(probe.point_id)]).get(str(probe.point_id))


def _with_likelihoods(
    gallery: Gallery, paired: list[Likeness], works: Sequence[Payload]
) -> tuple[list[Likeness], str]:
    """Return how alike faces are, with the likelihood that they are one person's, or why not.

    It is calibrated when it is asked for: on pairs of portraits that say who they show, as they
    are now, and by works of one artist, or of two, as the two pictures are.
    """
    artists = [first_text(work, "artist_key") for work in works]
    but = frozenset(str(work["painting_id"]) for work in works if work)
    pairs = known_pairs(gallery[FACES], paired[0].encoder, (artists[0], artists[1]), but)
    if len(pairs.same) < FEWEST_PAIRS or pairs.people < FEWEST_PEOPLE or not len(pairs.others):
        by = {"one artist": "by one artist", "two artists": "by two artists"}
        return paired, (
            f"{len(pairs.same)} pairs of portraits of one person, of {pairs.people} people, "
            f"{by.get(pairs.relation, 'whose artists are not known')}, are in this gallery beside "
            f"these two; {FEWEST_PAIRS} pairs of {FEWEST_PEOPLE} people are needed. Who is "
            "shown is told by a column sitter, and by titles of self-portraits"
        )
    found = pairs.likelihoods([of.cosine for of in paired])
    return [
        of if of.verdict and of.verdict.word == "same picture" else replace(of, likelihood=said)
        for of, said in zip(paired, found, strict=True)
    ], ""


def relation_of(first: str | None, second: str | None) -> Relation:
    """Return how the artists of two works, by their keys, are related."""
    if first is None or second is None:
        return "unknown artists"
    return "one artist" if first == second else "two artists"


def known_pairs(
    faces: Collection,
    vector_name: str,
    artists: tuple[str | None, str | None],
    but: frozenset[str] = frozenset(),
) -> KnownPairs:
    """Return the gallery's pairs of faces of one person and of two, in works as far apart.

    That is by one artist, by two, or with an artist unknown, as two works by `artists` are.

    One person's are two faces, each the only one of its picture that searches show, of one sitter;
    of several pictures of one work, whose small gray pictures agree, one counts. Two
    people's are one of those and any other face: where somebody is the same without the gallery
    knowing, likelihoods come out too low. Works of the ids `but` are left out.
    """
    relation, having = relation_of(*artists), FACES.sure & Criteria((HasVector(vector_name),))
    fields = ("painting_id", "title", "artist_key", "attribution", "extra")
    read = islice(faces.scroll(having, payload_fields=fields, page_size=1000), _LOOKED_AT)
    every = [record for record in read if str(record.payload["painting_id"]) not in but]
    alone = Counter(record.payload["painting_id"] for record in every)
    sitters = {
        record.point_id: who
        for record in every
        if alone[record.payload["painting_id"]] == 1 and (who := sitter_of(record.payload))
    }
    often = Counter(sitters.values())
    known = [of for of in every if often[sitters.get(of.point_id, "")] > 1][:_KNOWN]
    chosen, painters = {of.point_id for of in known}, {_artist(of) for of in known}
    others = [
        of
        for of in every
        if of.point_id not in chosen and (relation != "one artist" or _artist(of) in painters)
    ]
    count = sum(relation_of(artists[0], _artist(of)) == relation for of in every)
    if not known:
        nothing = np.empty(0), np.empty(0, np.intp)
        return KnownPairs(*nothing, nothing[0], np.empty((0, 2), np.intp), count, relation)
    return _paired(faces, vector_name, known, others[:_OTHERS], relation, count)


def _artist(record: Record) -> str | None:
    return first_text(record.payload, "artist_key")


def _paired(
    faces: Collection,
    name: str,
    known: list[Record],
    others: list[Record],
    relation: Relation,
    count: int,
) -> KnownPairs:
    records, ids = [*known, *others], [of.point_id for of in known]
    stored = stored_vectors(faces, name, [of.point_id for of in records])
    pixels = stored_vectors(faces, PIXELS, ids)
    vectors = np.stack([stored[of.point_id] for of in records])
    people = _numbered([sitter_of(of.payload) or str(of.payload["painting_id"]) for of in records])
    artists = _numbered([_artist(of) or "" for of in records])
    nobody = np.array([_artist(of) is None for of in records])
    cosines = (vectors[: len(known)] @ vectors.T).astype(np.float64)
    first, second = np.indices(cosines.shape)
    related = {
        "one artist": (artists[first] == artists[second]) & ~nobody[first],
        "two artists": (artists[first] != artists[second]) & ~nobody[first] & ~nobody[second],
        "unknown artists": nobody[first] | nobody[second],
    }[relation]
    related &= second > first
    alike = people[first] == people[second]
    same = np.argwhere(alike & (second > first) & (second < len(known)))
    copies = [j for i, j in same.tolist() if _are_copies(pixels, ids[i], ids[j])]
    related &= ~np.isin(first, copies) & ~np.isin(second, copies)
    same, two = same[related[tuple(same.T)]], np.argwhere(related & ~alike)
    of_same, of_two = (cosines[tuple(pairs.T)] for pairs in (same, two))
    return KnownPairs(of_same, people[same[:, 0]], of_two, people[two], count, relation)


def _numbered(names: Sequence[str]) -> Integers:
    """Return a number for each name, from 0 in the order in which they come."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(name, len(numbers)) for name in names])


def _are_copies(pixels: Mapping[str, Pixels], first: str, second: str) -> bool:
    from artsim.images.pixels import ssim

    if first not in pixels or second not in pixels:
        return False
    return float(ssim(pixels[first], pixels[second][None])[0]) >= SAME_SSIM
