"""Leave-one-out: every work the query once, all others ranked and judged, in one pass.

Right are the works that share a value of a field with the query.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from functools import partial
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Vector
from artsim.catalog.hits import Hit
from artsim.catalog.kinds import POINTS
from artsim.catalog.payload import (
    AnyOf,
    Criteria,
    HasVector,
    Known,
    Payload,
    Scalar,
    most_written,
    stored_field,
)
from artsim.catalog.payload import field_values as payload_values
from artsim.errors import EvaluationError
from artsim.evaluation.metrics import (
    Booleans,
    Floats,
    Integers,
    Metrics,
    RelevantRanks,
    all_metrics,
    interpolated_precision,
)
from artsim.evaluation.runner import Contender, Run
from artsim.search.neighbors import (
    ExactRanker,
    FusedRanker,
    Ranker,
    RerankedRanker,
    over_blocks,
    read_vectors,
)
from artsim.search.rerank import RERANKERS

D = TypeVar("D", bound=np.generic)

COPIES: Final = "copies"
"""Named in the place of a field, it stands for what `artsim copies` puts into one group."""

HEAD: Final = 5
"""First works of each ranking that are kept, to be looked at."""

ROUNDING: Final = 2e-6
"""Most that cosines of the same float32 vectors differ by when added up in another order.

Qdrant's and NumPy's differed by 4e-7 at most over 240 rankings of 3,974 pictures, with
vectors of 100 to 1,024 numbers.
"""

TOP: Final = 10
"""First hits of which a search by the index is told how many it finds."""


def field_values(payload: Payload, field: str) -> tuple[Scalar, ...]:
    """Return the values of a field, ``extra.name`` for one of `extra`; () where unknown.

    EvaluationError if the value is no text or number, nor a list of such.
    """
    listed = payload_values(payload, stored_field(field))
    for single in listed:
        if not isinstance(single, (str, int, float)):
            raise EvaluationError(
                f"{field} of the painting {payload.get('painting_id')!r} is "
                f"{type(single).__name__}: only texts and numbers, or lists of them, can be "
                "compared; name another field"
            )
    return tuple(dict.fromkeys(listed))


@dataclass(frozen=True, slots=True)
class Labels:
    """The values of one field for N works.

    There are C values, in `names` as people write them, in `values` as they are stored; `of_work`
    says N times which of them a work has, and `members` C times which works have the value. Where
    a value is a group of copies, `ids` are the painting ids of the works.
    """

    field: str
    names: tuple[str, ...]
    of_work: tuple[tuple[int, ...], ...]
    members: tuple[Integers, ...]
    values: tuple[Scalar, ...]
    ids: tuple[str, ...] = ()

    @property
    def known(self) -> Integers:
        """Which works have a value."""
        return np.flatnonzero([bool(values) for values in self.of_work])

    def mark(self, rows: Integers) -> Booleans:
        """Return which works share a value with each of B works, shape (B, N)."""
        marks = np.zeros((len(rows), len(self.of_work)), dtype=np.bool_)
        for i, row in enumerate(rows):
            for value in self.of_work[row]:
                marks[i, self.members[value]] = True
        return marks

    def condition(self, row: int) -> AnyOf | None:
        """Return the criterion that a work shares a value with work `row`; None if it has none.

        EvaluationError if the value is True or False, with which the database compares nothing.
        """
        if self.ids:
            group = [self.ids[i] for value in self.of_work[row] for i in self.members[value]]
            return AnyOf("painting_id", tuple(group)) if group else None
        values = tuple(self.values[value] for value in self.of_work[row])
        if any(isinstance(value, bool) for value in values):
            raise EvaluationError(
                f"{self.field} is true or false, and searches cannot leave works out by that; "
                "exclude another field"
            )
        return AnyOf(stored_field(self.field), values) if values else None


def label_copies(
    point_ids: Sequence[str], ids: Sequence[str], groups: Sequence[Sequence[str]]
) -> Labels:
    """Return the labels of N works of which groups, by point ids, are copies of each other."""
    group_of = {name: number for number, names in enumerate(groups) for name in names}
    numbered = [{COPIES: group_of.get(name)} for name in point_ids]
    return replace(read_labels(numbered, COPIES), ids=tuple(ids))


def read_labels(payloads: Sequence[Payload], field: str) -> Labels:
    """Return the values of `field` in N payloads; EvaluationError as `field_values`."""
    number: dict[Scalar, int] = {}
    of_work = tuple(
        tuple(number.setdefault(value, len(number)) for value in field_values(payload, field))
        for payload in payloads
    )
    members: list[list[int]] = [[] for _ in number]
    for work, classes in enumerate(of_work):
        for which in classes:
            members[which].append(work)
    names: dict[str, None] = {}
    for value, works in zip(number, members, strict=True):
        name = str(value)
        if field == "artist":
            name = most_written(str(payloads[work].get("artist", value)) for work in works)
        names[name if name not in names else f"{name} ({value})"] = None
    arrays = tuple(np.array(works, dtype=np.intp) for works in members)
    return Labels(field, tuple(names), of_work, arrays, tuple(number))


@dataclass(frozen=True, slots=True)
class Relevance:
    """What is right, and what is left out, for each of N works.

    Works that share a value of `labels` are right answers to each other; those that share one
    of `excluded` are left out of each other's ranking, and are nothing to find.
    """

    labels: Labels
    excluded: tuple[Labels, ...] = ()

    def barred(self, rows: Integers) -> Booleans:
        """Return what is left out of the rankings of B works, themselves too, shape (B, N)."""
        barred = np.zeros((len(rows), len(self.labels.of_work)), dtype=np.bool_)
        for labels in self.excluded:
            barred |= labels.mark(rows)
        barred[np.arange(len(rows)), rows] = True
        return barred

    def right(self, rows: Integers, barred: Booleans) -> Booleans:
        """Return the right answers for B works, shape (B, N), none of them `barred`."""
        return self.labels.mark(rows) & ~barred


@dataclass(frozen=True, slots=True)
class Works:
    """N works (paintings, or parts of them), in order of painting id, then of point id.

    Searches that meet `criteria` find just these. `vectors` are float32 of shape (N, D), by
    vector name; `compared` is what re-rankers compare, by vector name.
    """

    criteria: Criteria
    point_ids: tuple[str, ...]
    payloads: tuple[Payload, ...]
    vectors: Mapping[str, Vector]
    compared: Mapping[str, Vector] = field(default_factory=dict)
    _rankers: dict[str, ExactRanker] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        """Return N."""
        return len(self.point_ids)

    @property
    def ids(self) -> tuple[str, ...]:
        """Painting ids."""
        return tuple(str(payload["painting_id"]) for payload in self.payloads)

    def known(self, name: str, rows: Integers) -> Works:
        """Return the works of `rows`, which are those whose field `name` is known."""
        if len(rows) == len(self):
            return self
        return Works(
            self.criteria & Criteria((Known(stored_field(name)),)),
            tuple(self.point_ids[row] for row in rows),
            tuple(self.payloads[row] for row in rows),
            {vector_name: vectors[rows] for vector_name, vectors in self.vectors.items()},
            {name: vectors[rows] for name, vectors in self.compared.items()},
        )

    def ranker(self, contender: Contender, limit: int, rerank_depth: int) -> Ranker:
        """Return the ranker that ranks as a search by `contender` for `limit` hits does."""
        for name in contender.vector_names:
            self._rankers.setdefault(name, ExactRanker(self.vectors[name]))
        each = [self._rankers[name] for name in contender.vector_names]
        depth = limit if contender.rerank is None else max(limit, rerank_depth)
        ranker: Ranker = each[0] if len(each) == 1 else FusedRanker(each, depth)
        if contender.rerank is None:
            return ranker
        method = RERANKERS[contender.rerank]
        return RerankedRanker(ranker, method, self.compared, rerank_depth, weight=contender.weight)


def read_works(run: Run[Any], criteria: Criteria, payload_fields: Sequence[str]) -> Works:
    """Read the works that meet `criteria` and have the vectors of all the run's encoders.

    QueryError if there are none, EvaluationError if works lack what re-ranking compares.
    """
    collection = run.collection
    every = collection.count(criteria)
    for info in run.encoders:
        has = Criteria((HasVector(info.vector_name),))
        # A condition that leaves nothing out would only make searches other than a user's.
        if collection.count(criteria & has) < every:
            criteria = criteria & has
    read = partial(read_vectors, collection, criteria=criteria)
    first, *others = (info.vector_name for info in run.encoders)
    table = read(first, payload_fields=payload_fields)
    vectors = {first: table.vectors} | {n: read(n, payload_fields=()).vectors for n in others}
    compared: dict[str, Vector] = {}
    needs = dict.fromkeys(name for one in run.options.rerank for name in RERANKERS[one].needs)
    for name in needs:
        found = read(name, payload_fields=())
        if found.point_ids != table.point_ids:
            raise EvaluationError(
                f"{collection.name!r} has {name} of {len(found)} of {len(table)} works, and "
                "re-ranking compares those of all; ingest their source again",
                hint="--details" if name == POINTS else "",
            )
        compared[name] = found.vectors
    return Works(criteria, table.point_ids, table.payloads, vectors, compared)


@dataclass(frozen=True, slots=True)
class Judged:
    """The judged rankings of Q queries that had something to find.

    `rows` are the queries' numbers among the works; `ranked` and `to_find` how many works were
    ranked, and how many of these were right; `curve` the precision at `RECALL_LEVELS`, shape
    (Q, 11); `first_right` the rank of the first right answer. Of `head`, shape (Q, 5), the first
    works, -1 where there are fewer, the scores are known, and which were right.
    """

    rows: Integers
    ranked: Integers
    to_find: Integers
    metrics: Metrics
    curve: Floats
    first_right: Integers
    head: Integers
    head_scores: Floats
    head_right: Booleans


def judge_rankings(
    ranker: Ranker,
    relevance: Relevance,
    rows: Integers,
    ks: Sequence[int],
    *,
    on_done: Callable[[int], None] | None = None,
) -> Judged:
    """Rank all works for each of `rows`, and judge the rankings by every metric at depths `ks`.

    Queries with nothing to find are dropped. Memory is bounded by a block of rankings for each
    processor core. `on_done` is told how many queries are done.
    """
    judge = partial(_judge, ranker, relevance, ks)
    blocks = over_blocks(rows, len(relevance.labels.of_work), judge, on_done=on_done)
    parts = {f.name: [getattr(b, f.name) for b in blocks or [judge(rows)]] for f in fields(Judged)}
    metrics = parts.pop("metrics")
    return Judged(
        metrics={name: np.concatenate([part[name] for part in metrics]) for name in metrics[0]},
        **{name: np.concatenate(part) for name, part in parts.items()},
    )


def judge_contenders(
    run: Run[Any], works: Works, relevance: Relevance, rows: Integers, ks: Sequence[int], what: str
) -> dict[str, Judged]:
    """Judge the rankings of every contender by name, as searches for so many hits make them."""
    judged = {}
    for one in run.contenders:
        run.progress.start(len(rows), f"{what}: {one.name}")
        ranker = works.ranker(one, max(*ks, TOP), run.options.rerank_depth)
        done = run.progress.update
        judged[one.name] = judge_rankings(ranker, relevance, rows, ks, on_done=done)
    return judged


def _judge(ranker: Ranker, relevance: Relevance, ks: Sequence[int], rows: Integers) -> Judged:
    barred = relevance.barred(rows)
    right = relevance.right(rows, barred)
    to_find = right.sum(axis=1, dtype=np.intp)
    finding = to_find > 0
    rows, barred, right, to_find = (a[finding] for a in (rows, barred, right, to_find))
    rankings = ranker.rank(rows, barred, head=HEAD)
    # As `take_along_axis`, in a quarter of its time.
    starts = np.arange(len(rows))[:, None] * right.shape[1]
    in_order = right.ravel().take(rankings.order + starts)
    ranks = RelevantRanks.from_matrix(in_order)
    return Judged(
        rows=rows,
        ranked=rankings.lengths,
        to_find=to_find,
        metrics=all_metrics(ranks, ks),
        curve=interpolated_precision(ranks),
        first_right=ranks.rank[ranks.position == 1],
        head=_head(rankings.order, rankings.lengths, -1),
        head_scores=_head(rankings.head_scores, rankings.lengths, -np.inf).astype(np.float64),
        head_right=_head(in_order, rankings.lengths, False),
    )


def _head(values: npt.NDArray[D], lengths: Integers, filler: float) -> npt.NDArray[D]:
    """Return the first columns; `filler` where a ranking is shorter."""
    head = np.full((len(values), HEAD), filler, dtype=values.dtype)
    width = min(HEAD, values.shape[1])
    head[:, :width] = values[:, :width]
    head[np.arange(HEAD) >= lengths[:, None]] = filler
    return head


def sample_queries(
    run: Run[Any], relevance: Relevance, rows: Integers, count: int | None
) -> Integers:
    """Return `rows` that have something to find, at most `count` of them, drawn by the seed."""

    def find(block: Integers) -> Integers:
        return block[relevance.right(block, relevance.barred(block)).any(axis=1)]

    width = len(relevance.labels.of_work)
    found = over_blocks(rows, width, find, on_done=run.progress.update)
    return sample_rows(np.concatenate([rows[:0], *found]), count, run.options.seed)


def sample_rows(rows: Integers, count: int | None, seed: int) -> Integers:
    """Return at most `count` of `rows`, drawn by `seed`, in their order; None is all."""
    if count is None or len(rows) <= count:
        return rows
    return np.sort(np.random.default_rng(seed).choice(rows, count, replace=False))


def index_note(
    run: Run[Any], works: Works, relevance: Relevance, rows: Integers, limit: int
) -> str:
    """Say how many of the first ten a search by the index finds as well, as a user's does.

    `rows` are sent as queries, each for `limit` hits; parts that are searched for by whole
    pictures, such as details, are none.
    """
    told = "Rankings are exact, as those of searches with --exact."
    if run.options.exact or run.kind.by_whole:
        return told
    barred = relevance.barred(rows)
    shares: dict[str, str] = {}
    run.progress.start(len(run.contenders), "Searching by the index")
    for done, one in enumerate(run.contenders, start=1):
        ranker = works.ranker(one, limit, run.options.rerank_depth)
        rankings = ranker.rank(rows, barred, head=TOP)
        found = []
        for i, row in enumerate(rows):
            count = min(TOP, limit, int(rankings.lengths[i]))
            best = {works.point_ids[work] for work in rankings.order[i, :count]}
            # Which of equal works make the cut is the database's choice.
            least = rankings.head_scores[i, count - 1] - ROUNDING if count else np.inf
            hits = _search(run, works, relevance, row, one, limit)[:TOP]
            same = sum(hit.point_id in best or hit.best_score >= least for hit in hits)
            found.append(same / max(count, 1))
        shares[one.name] = f"{100 * float(np.mean(found)):.1f} %"
        run.progress.update(done)
    each = ", ".join(f"{name} {share}" for name, share in shares.items())
    if len(shares) > 1 and len(set(shares.values())) == 1:
        each = f"{next(iter(shares.values()))} in every row"
    return (
        f"{told} Of the first {TOP} of {len(rows)} queries, a search by the index, as "
        f"`artsim query` makes it, finds as well: {each}."
    )


def _search(
    run: Run[Any], works: Works, relevance: Relevance, row: int, contender: Contender, limit: int
) -> Sequence[Hit]:
    # A search leaves its own painting out by itself.
    excluded = [labels for labels in relevance.excluded if labels.field != "painting_id"]
    left_out = filter(None, (labels.condition(row) for labels in excluded))
    payload = works.payloads[row]
    return run.search(
        contender,
        str(payload["painting_id"]),
        criteria=works.criteria & Criteria(must_not=tuple(left_out)),
        part=None if run.kind.is_whole else int(payload[run.kind.index_field]),
        limit=limit,
        exact=False,
    )
