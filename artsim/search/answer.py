"""From a question to its answer: criteria, encoders, probes, requests, hits."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, field, replace
from functools import partial
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any, Final

from artsim.catalog.arrays import Vector
from artsim.catalog.hits import JSON, Evidence, Hit, rank_order
from artsim.catalog.kinds import FACE_ENCODER, FACES, PAINTINGS, POINTS, Box, Kind
from artsim.catalog.payload import (
    EVERYTHING,
    AnyOf,
    Between,
    Criteria,
    Payload,
    first_text,
    stored_field,
)
from artsim.catalog.progress import counted
from artsim.catalog.scale import Scale, noted_scales
from artsim.errors import QueryError, shortened
from artsim.search.filters import Filters, build_criteria, check_field
from artsim.search.inspect import Source, source_of
from artsim.search.models import Models, choose_encoders
from artsim.search.probes import Example, PictureSource, Probe, QueryFace, Target, make_target
from artsim.search.question import (
    ExamplesQuery,
    IdQuery,
    PictureQuery,
    Query,
    Question,
    SearchOptions,
    TextQuery,
    describe_criteria,
    output_form,
)
from artsim.search.rerank import FUSION_DEPTH, RERANKERS, Reranker, fuse_rankings, rerank
from artsim.search.verdicts import how_common, judge, meaning, told
from artsim.search.verify import verified
from artsim.store.gallery import Gallery
from artsim.store.protocol import Collection, SearchRequest

if TYPE_CHECKING:
    from artsim.search.copy_groups import Collapsed

ONLY_ITSELF: Final = "only the query picture itself, which is left out"
"""The reason that `SearchOptions.include_self` takes away."""

_MAX_DEPTH: Final = 20_000
_FINDS_NO_PEOPLE: Final = (
    "these {} have only vectors of {}, which finds what is painted alike and not who it is: "
    f"ingest their source again, which adds {FACE_ENCODER}"
)


@dataclass(frozen=True, slots=True)
class HitGroup:
    """The hits that share a value of the field they were grouped by, best first."""

    value: str
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """Hits, best first, with the question that they answer and what they come of.

    Attributes
    ----------
    question
        What was asked, with the SHA-256 of the query pictures' files.
    hits, groups
        Best first; where they were grouped, group after group, and the same by group.
    criteria
        As which the question's filters were understood.
    query_image, query_payload, query_region
        The query picture, where it was not named by its id; its metadata, where the gallery has it;
        the part of it that was searched by, in its pixels, None: all.
    query_faces
        Faces, or other parts, of the query picture that were searched by.
    notes
        Remarks for the user, such as how an artist's name was understood.
    left_out
        Metadata of the paintings that are the very file that was searched by, and so left out.
    why_empty
        Why there are no hits, in words; "" where there are.
    falls_off
        After how many of the hits they are no longer near by a large step; None where there is
        no such step, where that was not measured, and where they are in another order.
    collapsed
        Hits that were left out as copies of one that is here.
    """

    question: Question
    hits: list[Hit]
    source: Source = field(default_factory=Source)
    criteria: Criteria = EVERYTHING
    query_image: PictureSource | None = field(default=None, repr=False, compare=False)
    query_payload: Payload | None = None
    query_faces: tuple[QueryFace, ...] = ()
    examples: tuple[Example, ...] = ()
    notes: tuple[str, ...] = ()
    groups: tuple[HitGroup, ...] = ()
    left_out: tuple[Payload, ...] = ()
    why_empty: str = ""
    query_region: Box | None = None
    falls_off: int | None = None
    collapsed: tuple[Collapsed, ...] = ()

    @property
    def kind(self) -> Kind:
        """What the hits are."""
        return self.question.kind

    @property
    def is_of_faces(self) -> bool:
        """Whether the hits are faces rather than whole pictures."""
        return self.kind.name == FACES.name

    @property
    def query(self) -> Mapping[str, JSON]:
        """What was asked: ``image``, ``pixels``, ``id``, ``text``, or ``like`` and ``unlike``.

        By a part of a picture also its ``region``; by faces also ``faces`` and ``face``, by other
        parts ``kind`` and ``part``.
        """
        asked, part = _asked(self.question.query), self.question.part
        if self.is_of_faces:
            return {**asked, "faces": True, "face": part}
        if self.kind.name == PAINTINGS.name:
            return asked
        return {**asked, "kind": self.kind.name, **({} if self.kind.by_whole else {"part": part})}

    @property
    def settings(self) -> Mapping[str, JSON]:
        """How it was answered: ``gallery``, ``encoders``, ``criteria`` and the options."""
        return {
            "gallery": self.source.gallery,
            "location": self.source.location,
            "encoders": list(self.source.encoders),
            "criteria": describe_criteria(self.criteria),
            **asdict(self.question.options),
        }

    @property
    def score_name(self) -> str:
        """What a hit's score is: a cosine, or of several encoders a sum of reciprocal ranks."""
        return "rrf" if len(self.source.encoders) > 1 else "score"

    @property
    def rerank_name(self) -> str:
        """What a hit's `rerank_score` is: the second score, or its sum with the first."""
        options = self.question.options
        name = options.rerank or "re-rank"
        weight = options.rerank_weight
        return name if weight is None else f"with {weight:g} {name}"

    @property
    def first_rank(self) -> int:
        """Rank of the first hit: 1, or more after an offset."""
        return 1 + self.question.options.offset

    def ranked(self) -> Iterator[tuple[int, Hit, str | None]]:
        """Yield each hit with its rank and the value of its group."""
        groups = [group.value for group in self.groups for _ in group.hits]
        for row, hit in enumerate(self.hits):
            yield self.first_rank + row, hit, groups[row] if row < len(groups) else None

    def to_dict(self) -> dict[str, Any]:
        """Return the answer as ``artsim query --format json`` writes it: see docs/output.md.

        Fields are added within one `SCHEMA`, never renamed, removed or given another meaning.
        """
        faces = [face.to_dict() for face in self.query_faces]
        sometimes = {
            "query_region": None if self.query_region is None else astuple(self.query_region),
            "query_faces": None if self.kind.is_whole or self.kind.by_whole else faces,
            "left_out": [payload["painting_id"] for payload in self.left_out] or None,
            "why_empty": self.why_empty or None,
            "falls_off": self.falls_off,
            "collapsed": [asdict(one) for one in self.collapsed] or None,
        }
        return output_form(
            query=self.query,
            settings=self.settings,
            notes=self.notes,
            **{name: value for name, value in sometimes.items() if value is not None},
            hits=[hit.to_dict(rank, group) for rank, hit, group in self.ranked()],
        )


def _asked(query: Query) -> dict[str, JSON]:
    match query:
        case TextQuery(text):
            return {"text": text}
        case ExamplesQuery(like, unlike):
            sides = (("like", like), ("unlike", unlike))
            return {side: [_called(one) for one in some] for side, some in sides}
    region: dict[str, JSON] = {} if query.region is None else {"region": str(query.region)}
    # Only a path can be read again; a picture in memory has but a name.
    of_file = "pixels" if getattr(query, "path", None) is None else "image"
    return {"id" if isinstance(query, IdQuery) else of_file: query.name, **region}


def _called(query: PictureQuery) -> str:
    return query.name if query.region is None else f"{query.name}@{query.region}"


def find_similar(
    gallery: Gallery,
    query: Query,
    criteria: Criteria | Filters = EVERYTHING,
    options: SearchOptions | None = None,
    *,
    kind: Kind = PAINTINGS,
    part: int | None = None,
    encoders: Sequence[str] | None = None,
    models: Models | None = None,
) -> Answer:
    """Find the paintings most similar to a picture, a painting of the gallery, or a text.

    What is asked is as of `Question`: ``kind=FACES`` finds faces like those of a picture, and by id
    no model is loaded. Hits come best first, equal scores by ``painting_id``. Remarks on how
    filters were understood are in the answer's notes. Keep one `models` for many queries, it keeps
    the encoders loaded.

    Raises
    ------
    QueryError, EncoderMismatchError
        If the gallery cannot answer such a query, or has no vectors of an encoder.
    PaintingNotFoundError, NoFaceError
        If it has no painting of the query's id; if the picture has no face, or none of that number.
    ImageError, WeightsError, StoreError
        If the picture cannot be read, a model not loaded, the database not reached.
    """
    question = Question(
        query,
        kind,
        part,
        filters=criteria if isinstance(criteria, Filters) else Filters(),
        criteria=EVERYTHING if isinstance(criteria, Filters) else criteria,
        encoders=tuple(encoders or ()),
        options=options or SearchOptions(),
    )
    return answer(gallery, question, models)


def answer(gallery: Gallery, question: Question, models: Models | None = None) -> Answer:
    """Answer a question; what is raised is as of `find_similar`."""
    kind, options, models = question.kind, question.options, models or Models()
    collection = gallery[kind]
    criteria, notes = build_criteria(question.filters, collection, gallery)
    criteria &= question.criteria & _shown(question)
    if options.group_by is not None:
        check_field(options.group_by, gallery[PAINTINGS])
    is_text = isinstance(question.query, TextQuery)
    encoders = choose_encoders(gallery.encoders(kind), question.encoders, models, for_text=is_text)
    if kind.own_encoders and encoders[0].kind != "face" and not question.encoders:
        notes.append(_FINDS_NO_PEOPLE.format(kind.name, encoders[0].name))
    target = make_target(question, gallery, encoders, models)
    left_out = _left_out(target, options)
    names = tuple(info.vector_name for info in encoders)
    asked = replace(question, options=options.deep) if options.collapse_copies else question
    find = partial(find_hits, target, collection, criteria & left_out, best_of=_best_of(question))
    hits, more = verified(asked, gallery, target, encoders, models, find, criteria & left_out)
    notes += more
    hits, collapsed = _collapsed(hits, collection, names[0], options, notes)
    scale = _scale(question, target, names, collection)
    why_empty = "" if hits else _why_empty(target, collection, criteria, left_out, question, scale)
    hits, falls_off, remarks = judge(hits, target.probes, collection, scale, options)
    return Answer(
        replace(question, query=target.asked or question.query),
        hits,
        source_of(gallery, collection, names),
        criteria,
        query_image=target.image,
        query_payload=target.painting,
        query_region=target.region,
        query_faces=target.parts,
        examples=target.examples,
        notes=(*notes, *remarks),
        groups=_groups(hits, options.group_by),
        left_out=() if options.include_self else target.same_files,
        why_empty=why_empty,
        falls_off=falls_off,
        collapsed=collapsed,
    )


def _collapsed(
    hits: list[Hit], collection: Collection, name: str, options: SearchOptions, notes: list[str]
) -> tuple[list[Hit], tuple[Collapsed, ...]]:
    """Return one hit of each group of copies, where that was asked for, and what it stands for."""
    if not (options.collapse_copies and hits):
        return hits, ()
    from artsim.search.copy_groups import collapse, remark_on

    kept, collapsed = collapse(hits, collection, name, options)
    notes += [remark_on(collapsed)] if collapsed else []
    return kept, collapsed


def _scale(
    question: Question, target: Target, names: Sequence[str], collection: Collection
) -> Scale | None:
    """Return what scores mean; None where they are on no scale of pictures.

    That are ranks that were fused, means of examples, texts, and details, which may be no nearer to
    their own work than works by different artists are to each other (docs/quality.md).
    """
    of_detail = target.region is not None and question.kind.is_whole
    if of_detail or not len(names) == len(question.pictures) == 1:
        return None
    return noted_scales(collection.schema.notes).get(names[0])


def _shown(question: Question) -> Criteria:
    """Return what the points that a question is about meet: small and doubtful faces do not."""
    if question.kind.name != FACES.name:
        return EVERYTHING
    options = question.options
    # Where people are asked for, somebody has looked at their faces.
    return sure_faces(replace(options, all_faces=True) if question.filters.people else options)


def sure_faces(options: SearchOptions) -> Criteria:
    """Return what faces meet that are large and certain enough."""
    least = zip(("face_size", "detection_score"), options.sure_face, strict=True)
    return Criteria(tuple(Between(name, value) for name, value in least if value))


def _best_of(question: Question) -> str | None:
    is_of_best = question.kind.name == FACES.name and not question.options.all_faces
    return "painting_id" if is_of_best or question.kind.by_whole else None


def find_hits(
    target: Target,
    collection: Collection,
    criteria: Criteria,
    options: SearchOptions,
    *,
    best_of: str | None = None,
) -> list[Hit]:
    """Return the hits of a search, best first, ties by painting id.

    Each probe (each query face) ranks by its vectors, several of them fused by reciprocal rank;
    with `options.rerank` its first hits are reordered by that second score; the probes' rankings
    are merged, a point that several of them found keeping its best place. Without groups, only the
    best hit of each value of the field `best_of` stays. QueryError if re-ranking is asked for and
    the query is no picture, or a weight is and several encoders are fused.
    """
    if options.rerank:
        _check_rerank(target, options, collection)

    def merged(wanted: int) -> list[Hit]:
        best: dict[str, Hit] = {}
        for probe in target.probes:
            for hit in _ranking(probe, collection, criteria, options, wanted):
                before = best.get(hit.point_id)
                if before is None or rank_order(hit) < rank_order(before):
                    best[hit.point_id] = hit
        return sorted(best.values(), key=rank_order)

    wanted = options.offset + options.limit
    field = options.group_by or best_of
    if field is None:
        return merged(wanted)[options.offset : wanted]
    size = 1 if options.group_by is None else options.group_size
    depth = max(4 * wanted * size, FUSION_DEPTH)
    while True:
        hits = merged(depth)
        groups: dict[str, list[Hit]] = defaultdict(list)
        for hit in hits:
            value = _group_key(hit, field)
            if value is not None and len(groups[value]) < size:
                groups[value].append(hit)
        if len(groups) >= wanted or len(hits) < depth or depth >= _MAX_DEPTH:
            kept = list(groups.values())[options.offset : wanted]
            return [hit for group in kept for hit in group]
        depth *= 4


def _check_rerank(target: Target, options: SearchOptions, collection: Collection) -> None:
    needs = RERANKERS[str(options.rerank)].needs
    if lacking := [name for name in needs if name not in collection.schema.vectors]:
        way, hint = "search", "drop --rerank"
        if target.parts == () and POINTS in lacking:
            way = "ingest its source again with them, or search"
            hint = "artsim ingest SOURCE --details, or drop --rerank"
        has_no = f"{shortened(collection.name)} has no {' and '.join(lacking)} to re-rank by"
        raise QueryError(f"{has_no}; {way} without it", hint=hint)
    if not all(probe.pictures for probe in target.probes):
        raise QueryError(
            "re-ranking compares pictures, and this query has none; search without it",
            hint="drop --rerank",
        )
    fused = any(len(probe.vectors) > 1 for probe in target.probes)
    if options.rerank_weight is not None and fused:
        raise QueryError(
            "a weight is added to the cosine, and encoders are fused by rank: there is no one "
            "cosine to add it to; search by one encoder, or without a weight",
            hint="drop --rerank-weight",
        )


def _group_key(hit: Hit, field: str) -> str | None:
    return first_text(hit.payload, stored_field(field))


def _groups(hits: Sequence[Hit], field: str | None) -> tuple[HitGroup, ...]:
    if field is None:
        return ()
    grouped = [tuple(of_key) for _, of_key in groupby(hits, lambda hit: _group_key(hit, field))]
    return tuple(HitGroup(str(first_text(hits[0].payload, field)), hits) for hits in grouped)


def _ranking(
    probe: Probe, collection: Collection, criteria: Criteria, options: SearchOptions, wanted: int
) -> list[Hit]:
    """Return the hits of one probe: one ranking for each encoder, fused and re-ranked."""
    reranker = None if options.rerank is None else RERANKERS[options.rerank]
    fusing = FUSION_DEPTH if len(probe.vectors) > 1 else 0
    depth = max(wanted, fusing, options.rerank_depth if reranker else 0)
    stages = [reranker.in_engine(one, depth) for one in probe.pictures] if reranker else []
    in_engine = None not in stages
    needs = () if reranker is None else reranker.needs
    # What is large is read of what is compared alone, and not of what is only ranked.
    apart = any(collection.schema.spec(name).many for name in needs)
    with_vectors = () if in_engine or apart else needs
    least, exact = options.min_score, options.exact
    requests = [
        SearchRequest(
            vector, name, criteria, depth, min_score=least, with_vectors=with_vectors, exact=exact
        )
        for name, vector in probe.vectors.items()
    ]
    staged = [
        replace(request, min_score=None, rescore=stage)
        for stage in (stages if in_engine else ())
        for request in requests
    ]
    answers = collection.search([*requests, *staged])
    rankings = answers[: len(requests)]
    hits = fuse_rankings(rankings) if len(rankings) > 1 else rankings[0]
    hits = [replace(hit, query_face=probe.part) for hit in hits]
    if reranker is None:
        return hits
    first, rest = hits[: options.rerank_depth], hits[options.rerank_depth :]
    if apart:
        first = _with_vectors(first, collection, needs)
    each, again = len(requests), answers[len(requests) :]
    judged = [
        _judged(reranker, picture, first, again[i * each : (i + 1) * each])
        for i, picture in enumerate(probe.pictures)
    ]
    first = rerank(first, judged, weight=options.rerank_weight)
    return [replace(hit, vectors={}) for hit in (*first, *rest)]


def _with_vectors(hits: Sequence[Hit], collection: Collection, names: Sequence[str]) -> list[Hit]:
    ids = [hit.point_id for hit in hits]
    found = collection.retrieve(ids, with_vectors=names, payload_fields=())
    return [
        replace(hit, vectors=found[hit.point_id].vectors) if hit.point_id in found else hit
        for hit in hits
    ]


def _judged(
    reranker: Reranker,
    picture: Mapping[str, Vector],
    hits: Sequence[Hit],
    again: Sequence[Sequence[Hit]],
) -> list[tuple[float, Evidence | None]]:
    """Return the hits' second scores: as the engine ranked them again, or by their vectors."""
    if not again:
        return reranker.judge_works(picture, [hit.vectors for hit in hits])
    said = {hit.point_id: reranker.from_engine(hit.score, picture) for hit in chain(*again)}
    return [(said.get(hit.point_id, -math.inf), None) for hit in hits]


def _left_out(target: Target, options: SearchOptions) -> Criteria:
    left_out = () if options.include_self else target.itself
    if options.not_same_artist:
        key = (target.painting or {}).get("artist_key")
        if key is None:
            raise QueryError(
                "the gallery does not know the artist of the query painting, so that works by "
                "the same artist cannot be left out; name the artist",
                hint="--not artist=NAME",
            )
        left_out += (AnyOf("artist_key", (key,)),)
    return Criteria(must_not=left_out)


def _why_empty(
    target: Target,
    collection: Collection,
    criteria: Criteria,
    left_out: Criteria,
    question: Question,
    scale: Scale | None,
) -> str:
    """Return in words why a search found nothing, by a few more counts and searches."""
    options, point = question.options, question.kind.noun
    if not collection.count(EVERYTHING):
        return "the gallery is empty" if question.kind.is_whole else f"the gallery has no {point}s"
    if not collection.count(criteria):
        best = _nearest(target, collection, _shown(question) & left_out, options, scale)
        without = f"; without them the best has {told(best)}" if best else ""
        return f"no {point} meets the filters{without}"
    if not collection.count(criteria & left_out):
        others = collection.count(criteria & Criteria(must_not=target.itself))
        if others and not options.include_self:
            return "only works by the query painting's own artist, which are left out"
        return ONLY_ITSELF
    best = _nearest(target, collection, criteria & left_out, options, scale)
    if best is None:
        names = " or ".join(target.probes[0].vectors)
        return f"no {point} that meets the filters has a vector {names}"
    least = options.min_score
    if least is not None and best.score < least:
        # Not "0.90, below 0.9" of 0.8999.
        shown = f"{best.score:.2f}" if round(best.score, 2) < least else f"{best.score:.6f}"
        return f"the best is {shown}{meaning(best.verdict)}, below {least:g}"
    first = max(1, options.offset)
    before = replace(options, rerank=None, rerank_weight=None, offset=0, limit=first)
    wanted, best_of = criteria & left_out, _best_of(question)
    hits = find_hits(target, collection, wanted, before, best_of=best_of)
    count, what = len(hits), point
    if options.group_by is not None:
        count, what = len({_group_key(hit, options.group_by) for hit in hits}), "group"
        if not count:
            return f"no {point} found has the field {options.group_by!r} to be grouped by"
    return f"after the first {options.offset} there is nothing; found were {counted(count, what)}"


def _nearest(
    target: Target,
    collection: Collection,
    criteria: Criteria,
    options: SearchOptions,
    scale: Scale | None,
) -> Hit | None:
    """Return the hit of the highest cosine by any encoder, with what it means."""
    requests = [
        SearchRequest(vector, name, criteria, limit=1, exact=options.exact)
        for probe in target.probes
        for name, vector in probe.vectors.items()
    ]
    found = [hit for hits in collection.search(requests) for hit in hits]
    best = max(found, key=lambda hit: hit.score, default=None)
    if best is None or scale is None:
        return best
    (name,) = target.probes[0].vectors
    common = how_common(target.probes[0], name, scale)
    return replace(best, verdict=scale.verdict(best.score, common))
