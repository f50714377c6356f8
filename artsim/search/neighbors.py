"""Neighbors: everything against everything, block by block.

Rankings of a whole gallery are what `find_similar` answers for one painting with ``exact=True``,
for all of them at once and without the database: by falling cosine, ties by painting id; and, as
for one painting, several encoders fused and first works reordered.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Embeddings, Pixels, Vector
from artsim.catalog.payload import (
    EVERYTHING,
    Criteria,
    HasVector,
    Payload,
)
from artsim.errors import QueryError
from artsim.search.rerank import FUSION_DEPTH, RRF_K, Reranker, stacked
from artsim.store.protocol import Collection

T = TypeVar("T")

Indices: TypeAlias = npt.NDArray[np.intp]
"""Numbers of works: rows of a `VectorTable`."""

Barred = npt.NDArray[np.bool_]
"""Which works are left out of each ranking, shape (B, N)."""

BLOCK_SCORES: Final = 1 << 20
"""Most scores that one thread has in memory, so that memory does not grow with the square."""

_MAX_THREADS: Final = 8
_INDEX_BITS: Final = 32
_INDEX_MASK: Final = (1 << _INDEX_BITS) - 1
_ALL_BUT_SIGN: Final = np.int32(0x7FFFFFFF)


@dataclass(frozen=True, slots=True)
class VectorTable:
    """N points in order of painting id, then of point id, as searches put equal scores.

    Their vectors, of shape (N, D), are float32 unit rows of an encoder, or uint8 pixels.
    """

    point_ids: tuple[str, ...]
    payloads: tuple[Payload, ...]
    vectors: Embeddings | Pixels

    def __len__(self) -> int:
        """Return N."""
        return len(self.point_ids)


def read_vectors(
    collection: Collection,
    vector_name: str,
    criteria: Criteria = EVERYTHING,
    *,
    payload_fields: Sequence[str] | None = None,
) -> VectorTable:
    """Read one named vector of every point that meets `criteria` and has it.

    `payload_fields` are read beside ``painting_id``; None is all of them. Vectors of many rows are
    an array of N matrices. QueryError if no point has such a vector.
    """
    fields = None if payload_fields is None else ("painting_id", *payload_fields)
    found = sorted(
        collection.scroll(
            criteria & Criteria(must=(HasVector(vector_name),)),
            with_vectors=(vector_name,),
            payload_fields=fields,
            page_size=1000,
        ),
        key=lambda record: (str(record.payload["painting_id"]), record.point_id),
    )
    if not found:
        raise QueryError(
            f"{collection.name!r} has no point with a vector {vector_name!r} that meets "
            "the filters",
            hint="artsim info",
        )
    rows: list[Vector] = [record.vectors[vector_name] for record in found]
    return VectorTable(
        tuple(record.point_id for record in found),
        tuple(record.payload for record in found),
        stacked(rows),
    )


@dataclass(frozen=True, slots=True)
class Rankings:
    """The rankings of B queries over N works."""

    order: Indices
    """Works, best first, of shape (B, N); behind `lengths` those that were left out."""

    lengths: Indices
    """How many works are ranked, of shape (B,)."""

    head_scores: npt.NDArray[np.floating[Any]]
    """Of the first of `order`, of shape (B, H); -inf for those that were left out."""


class Ranker(Protocol):
    """A way to rank all works for some of them."""

    def rank(self, rows: Indices, barred: Barred | None = None, *, head: int = 10) -> Rankings:
        """Rank, for each of `rows`, all works but itself and `barred`; `head` scores are wanted."""
        ...


class ExactRanker:
    """Ranks by cosine, ties by index.

    Vectors of float32, shape (N, D), are unit rows in order of painting id, as `read_vectors`
    returns them, so that ties by index are ties by painting id.

    Equal vectors have equal cosines here, bit for bit. A matrix product alone does not
    promise that: BLAS adds up columns at the edge of a block in another order than those
    inside. Different vectors whose cosines differ by less than float32 rounds, some 1e-7,
    may rank otherwise than in Qdrant, which adds up in yet another order.
    """

    def __init__(self, vectors: Embeddings) -> None:
        if vectors.ndim != 2 or vectors.dtype != np.float32:
            raise ValueError(
                f"expected vectors of float32, shape (N, D), got {vectors.dtype} {vectors.shape}"
            )
        self._vectors = np.ascontiguousarray(vectors)
        self._copies, self._originals = _find_copies(self._vectors)

    def rank(self, rows: Indices, barred: Barred | None = None, *, head: int = 10) -> Rankings:
        """Rank all works for each of `rows`; see `Ranker`."""
        count = len(self._vectors)
        scores = self._vectors[rows] @ self._vectors.T
        if len(self._copies):
            scores[:, self._copies] = scores[:, self._originals]
        if barred is not None:
            scores[barred] = -np.inf
        scores[np.arange(len(rows)), rows] = -np.inf
        keys = _sort_keys(scores)
        keys.sort(axis=1)
        order = keys & _INDEX_MASK
        head_scores = _scores_of(keys[:, : min(head, count)])
        if barred is None:
            return Rankings(order, np.full(len(rows), count - 1, dtype=np.intp), head_scores)
        own = barred[np.arange(len(rows)), rows]
        lengths = np.asarray(count - barred.sum(axis=1) - ~own, dtype=np.intp)
        return Rankings(order, lengths, head_scores)


def _find_copies(vectors: Embeddings) -> tuple[Indices, Indices]:
    """Return which rows repeat an earlier one, and the first of the same numbers for each."""
    first: dict[bytes, int] = {}
    copies, originals = [], []
    for index, row in enumerate(vectors):
        # Digests, not the rows themselves: these would be as large as the vectors.
        digest = hashlib.blake2b(row.data, digest_size=16).digest()
        original = first.setdefault(digest, index)
        if original != index:
            copies.append(index)
            originals.append(original)
    return np.array(copies, dtype=np.intp), np.array(originals, dtype=np.intp)


def _sort_keys(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.int64]:
    """Return whole numbers that sort as (falling score, index) does, by vector instructions.

    The upper half is the negated score's bits, of which a negative number's are turned round so
    that they sort as numbers do (Herf 2001, "Radix tricks"); the lower half is the index.
    """
    # Subtracting, unlike negating, makes no -0.0, which would sort apart from 0.0.
    bits = np.subtract(np.float32(0), scores).view(np.int32)
    bits ^= (bits >> 31) & _ALL_BUT_SIGN
    keys = bits.astype(np.int64)
    keys <<= _INDEX_BITS
    keys |= np.arange(scores.shape[1])
    return keys


def _scores_of(keys: npt.NDArray[np.int64]) -> npt.NDArray[np.float32]:
    """Return the scores that `_sort_keys` packed."""
    bits = (keys >> _INDEX_BITS).astype(np.int32)
    bits ^= (bits >> 31) & _ALL_BUT_SIGN
    return np.subtract(np.float32(0), bits.view(np.float32))


@dataclass(frozen=True, slots=True)
class FusedRanker:
    """Ranks by several rankers of the same works, fused by reciprocal rank as `fuse_rankings` does.

    A query fuses the first `depth` of each ranking, its limit and `FUSION_DEPTH` at least; what
    none of these has follows here by the reciprocal ranks of the whole rankings, so that every
    work has a place.
    """

    rankers: Sequence[Ranker]
    depth: int = FUSION_DEPTH

    def rank(self, rows: Indices, barred: Barred | None = None, *, head: int = 10) -> Rankings:
        """Rank all works for each of `rows`; see `Ranker`."""
        rankings = [ranker.rank(rows, barred, head=0) for ranker in self.rankers]
        lengths, shape = rankings[0].lengths, rankings[0].order.shape
        depth = max(self.depth, FUSION_DEPTH)
        places = np.arange(1, shape[1] + 1)
        shares = np.where(places <= lengths[:, None], 1.0 / (RRF_K + places), 0.0)
        first, whole = np.zeros(shape), np.zeros(shape)
        every = np.arange(len(rows))[:, None]
        for ranking in rankings:
            whole[every, ranking.order] += shares
            first[every, ranking.order[:, :depth]] += shares[:, :depth]
        # By falling `first`; where that is 0, behind, by falling `whole`.
        found = first > 0.0
        by_first = np.argsort(-first, axis=1, kind="stable")
        by_whole = np.argsort(np.where(found, -np.inf, -whole), axis=1, kind="stable")
        order = np.where(places <= found.sum(axis=1)[:, None], by_first, by_whole)
        scores = np.take_along_axis(first, order[:, :head], axis=1)
        scores[scores == 0.0] = -np.inf
        return Rankings(order, lengths, scores)


@dataclass(frozen=True, slots=True)
class RerankedRanker:
    """Reorders the first `depth` works of each ranking by a second score, as ``--rerank`` does.

    `vectors` are the named vectors that the re-ranker needs, of all N works; `weight` is what the
    second score counts for beside the rankings' own, and by default it counts alone.
    """

    ranker: Ranker
    reranker: Reranker
    vectors: Mapping[str, Vector]
    depth: int
    weight: float | None = None

    def rank(self, rows: Indices, barred: Barred | None = None, *, head: int = 10) -> Rankings:
        """Rank all works for each of `rows`; see `Ranker`."""
        before = self.ranker.rank(rows, barred, head=0 if self.weight is None else self.depth)
        order = before.order.copy()
        scores = np.full((len(rows), head), -np.inf)
        for i, query in enumerate(rows):
            works = before.order[i, : min(self.depth, int(before.lengths[i]))]
            picture = {name: self.vectors[name][query] for name in self.reranker.needs}
            gallery = {name: self.vectors[name][works] for name in self.reranker.needs}
            second = self.reranker.scores(picture, gallery)
            if self.weight is not None:
                second = before.head_scores[i, : len(works)] + self.weight * second
            # Equal scores stand in the order before.
            best = np.argsort(-second, kind="stable")
            order[i, : len(works)] = works[best]
            scores[i, : len(works)] = second[best][:head]
        return Rankings(order, before.lengths, scores)


def over_blocks(
    rows: Indices,
    width: int,
    work: Callable[[Indices], T],
    *,
    on_done: Callable[[int], None] | None = None,
) -> list[T]:
    """Call `work` on blocks of `rows` in threads, and return what it returned, in order.

    A query has `width` scores; how the queries fall into blocks depends on their number and
    `width` only, not on the machine, so that rounding does not either. `on_done` is told, in the
    caller's thread, how many are done. BLAS is held to one thread meanwhile: blocks on all cores,
    each with its own product, take two thirds of the time that products on all cores take.
    """
    from threadpoolctl import threadpool_limits

    step = max(1, BLOCK_SCORES // max(width, 1))
    blocks = [rows[start : start + step] for start in range(0, len(rows), step)]
    results: list[T] = []
    done = 0
    with (
        threadpool_limits(1, user_api="blas"),
        ThreadPoolExecutor(min(_usable_cores(), _MAX_THREADS)) as pool,
    ):
        pending = [pool.submit(work, block) for block in blocks]
        try:
            for block, future in zip(blocks, pending, strict=True):
                results.append(future.result())
                done += len(block)
                if on_done is not None:
                    on_done(done)
        finally:
            for future in pending:
                future.cancel()
    return results


def _usable_cores() -> int:
    try:
        return len(os.sched_getaffinity(0))
    except AttributeError:  # not on macOS and Windows
        return os.cpu_count() or 1
