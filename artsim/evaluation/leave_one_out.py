"""Leave-one-out: every work the query once, all others ranked and judged, in one pass."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Final, TypeVar

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Embeddings, Vector
from artsim.catalog.hits import Hit
from artsim.catalog.kinds import POINTS, Kind
from artsim.catalog.payload import Criteria, HasVector, Known, Payload, stored_field
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
from artsim.evaluation.relevance import Relevance
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

HEAD: Final = 5
"""First works of each ranking that are kept, to be looked at."""

ROUNDING: Final = 2e-6
"""Most that cosines of the same float32 vectors differ by when added up in another order.

Qdrant's and NumPy's differed by 4e-7 at most over 240 rankings of 3,974 pictures, with
vectors of 100 to 1,024 numbers.
"""

TOP: Final = 10
"""First hits of which a search by the index is told how many it finds."""


@dataclass(frozen=True, slots=True)
class Works:
    """N works (paintings, or parts of them), in order of painting id, then of point id.

    Searches that meet `criteria` find just these. `vectors` are float32 of shape (N, D), by
    vector name; `compared` is what re-rankers compare, by vector name.
    """

    criteria: Criteria
    point_ids: tuple[str, ...]
    payloads: tuple[Payload, ...]
    vectors: Mapping[str, Embeddings]
    compared: Mapping[str, Vector] = field(default_factory=dict)
    _rankers: dict[str, ExactRanker] = field(default_factory=dict, repr=False, compare=False)

    def __len__(self) -> int:
        """Return N."""
        return len(self.point_ids)

    @property
    def ids(self) -> tuple[str, ...]:
        """Painting ids."""
        return tuple(str(payload["painting_id"]) for payload in self.payloads)

    def query_ids(self, kind: Kind) -> tuple[str, ...]:
        """Return what names each as a query: its painting's id, or the point's of a part."""
        return self.ids if kind.is_whole else self.point_ids

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
        if missing := [name for name in method.needs if name not in self.compared]:
            raise ValueError(f"re-ranking needs works that were read with {' and '.join(missing)}")
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
    first, *others = (info.vector_name for info in run.encoders)
    table = read_vectors(collection, first, criteria, payload_fields=payload_fields)
    vectors = {first: np.asarray(table.vectors, np.float32)}
    for name in others:
        more = read_vectors(collection, name, criteria, payload_fields=()).vectors
        vectors[name] = np.asarray(more, np.float32)
    compared: dict[str, Vector] = {}
    needs = dict.fromkeys(name for one in run.options.rerank for name in RERANKERS[one].needs)
    for name in needs:
        found = read_vectors(collection, name, criteria, payload_fields=())
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
    processor core, not by the square of the number of works. `on_done` is told how many queries
    are done.
    """

    def judge(block: Integers) -> Judged:
        return _judge(ranker, relevance, block, ks)

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


def _judge(ranker: Ranker, relevance: Relevance, rows: Integers, ks: Sequence[int]) -> Judged:
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

    Rankings are made at once and in memory; that they are what exact searches answer is what
    tests show. `rows` are sent as queries, each for `limit` hits.
    """
    told = "Rankings are exact, as those of searches with --exact."
    if run.options.exact:
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
