"""Everything against everything: exact rankings of a whole gallery, block by block.

What `find_similar` answers for one painting with ``exact=True``, for all of them at once
and without the database: by falling cosine, ties by painting id.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt

from artsim.catalog.arrays import Embeddings
from artsim.search.blocks import Indices

_INDEX_BITS: Final = 32
_INDEX_MASK: Final = (1 << _INDEX_BITS) - 1
_ALL_BUT_SIGN: Final = np.int32(0x7FFFFFFF)

Barred = npt.NDArray[np.bool_]
"""Which works are left out of each ranking, shape (B, N)."""


@dataclass(frozen=True, slots=True)
class Rankings:
    """The rankings of B queries over N works.

    Attributes
    ----------
    order : ndarray of int, shape (B, N)
        Works, best first; behind `lengths` those that were left out.
    lengths : ndarray of int, shape (B,)
        How many works are ranked.
    head_scores : ndarray of float, shape (B, H)
        Scores of the first H of `order`; -inf for those that were left out.
    """

    order: Indices
    lengths: Indices
    head_scores: npt.NDArray[np.floating[Any]]


class Ranker(Protocol):
    """A way to rank all works for some of them."""

    def rank(self, rows: Indices, barred: Barred | None = None, *, head: int = 10) -> Rankings:
        """Rank, for each work of `rows`, all works but itself and the `barred` ones.

        `head` is how many scores are wanted.
        """
        ...


class ExactRanker:
    """Ranks by cosine, ties by index.

    Parameters
    ----------
    vectors : ndarray of float32, shape (N, D)
        Unit rows in order of painting id, as `read_vectors` returns them, so that ties by
        index are ties by painting id.

    Notes
    -----
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
        return Rankings(order, _lengths(rows, barred, count), head_scores)


def _lengths(rows: Indices, barred: Barred | None, count: int) -> Indices:
    if barred is None:
        return np.full(len(rows), count - 1, dtype=np.intp)
    own = barred[np.arange(len(rows)), rows]
    return np.asarray(count - barred.sum(axis=1) - ~own, dtype=np.intp)


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
    """Return whole numbers that sort as (falling score, index) does.

    Sorting one array of int64 is several times faster than sorting indices by their scores:
    NumPy does it with vector instructions. The upper half is the negated score's bits, of
    which a negative number's are turned round so that they sort as numbers do [1]_; the
    lower half is the index.

    References
    ----------
    .. [1] Herf (2001). Radix tricks. http://stereopsis.com/radix.html
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
