"""Work on all works of a gallery, a block of queries at a time, on every core."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final, TypeAlias, TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T")

Indices: TypeAlias = npt.NDArray[np.intp]
"""Numbers of works: rows of a `VectorTable`."""

BLOCK_SCORES: Final = 1 << 20
"""Most scores that one thread has in memory, so that memory does not grow with the square."""

_MAX_THREADS: Final = 8


def over_blocks(
    rows: Indices,
    width: int,
    work: Callable[[Indices], T],
    *,
    on_done: Callable[[int], None] | None = None,
) -> list[T]:
    """Call `work` on blocks of `rows` in threads, and return what it returned, in order.

    BLAS is held to one thread meanwhile: blocks on all cores, each with its own product,
    take two thirds of the time that products on all cores with the rest on one take.

    Parameters
    ----------
    rows : ndarray of int, shape (Q,)
        Queries. How they fall into blocks depends on Q and `width` only, not on the
        machine, so that rounding does not either.
    width : int
        How many scores a query has.
    work : callable
        From some of `rows` to anything; called in threads, several at a time.
    on_done : callable, optional
        Told, in the caller's thread, how many queries are done.
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
