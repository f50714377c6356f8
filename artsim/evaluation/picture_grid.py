"""Points of a map moved to the cells of a grid, so that their pictures do not overlap."""

from __future__ import annotations

import math
from typing import Final

import numpy as np
import numpy.typing as npt

from artsim.catalog.collection_map import Positions

_EXACT: Final = 900
"""Most points that are assigned at once: the time of an assignment grows with the cube."""

Cells = npt.NDArray[np.int32]


def choose_grid(count: int, aspect: float = 4 / 3) -> tuple[int, int]:
    """Return columns and rows of a grid of about `aspect` that `count` points nearly fill."""
    if count < 1:
        raise ValueError(f"expected at least 1 point, got {count}")
    ideal = math.sqrt(count * aspect)
    near = range(max(1, math.floor(0.85 * ideal)), math.ceil(1.15 * ideal) + 1)
    columns = min(near, key=lambda wide: (-count % wide, abs(wide - ideal)))
    return columns, math.ceil(count / columns)


def assign_cells(positions: Positions, columns: int, rows: int) -> Cells:
    """Give each point a cell of its own, near its place.

    Up to 900 points this is the assignment with the least sum of squared ways [1]_.
    More are halved again and again, points and cells alike, across the longer side of the
    cells: a k-d tree with one cell a leaf, whose last branches are assigned exactly.

    Parameters
    ----------
    positions : ndarray of float32, shape (N, 2)
        In 0..1.
    columns, rows : int
        Size of the grid, which has at least N cells.

    Returns
    -------
    ndarray of int32, shape (N, 2)
        Column and row, no two rows alike.

    Raises
    ------
    ValueError
        If the grid has too few cells.

    References
    ----------
    .. [1] Quadrianto, Smola, Song & Tuytelaars (2010). Kernelized sorting. PAMI 32 (which
       lays pictures out on a grid by a linear assignment).
    """
    count = len(positions)
    if columns < 1 or rows < 1 or columns * rows < count:
        raise ValueError(f"{count} points do not fit on a grid of {columns} x {rows}")
    low, high = positions.min(axis=0), positions.max(axis=0)
    spread = np.where(high > low, high - low, 1.0)
    scaled = (positions - low) / spread * (columns - 1, rows - 1)
    grid = np.stack(np.divmod(np.arange(columns * rows), columns)[::-1], axis=1)
    # The last row is not full: what is missing stays free at its end.
    found = np.zeros((count, 2), np.int32)
    _assign(scaled, np.arange(count), grid[:count], found)
    return found


def _assign(
    places: npt.NDArray[np.floating],
    points: npt.NDArray[np.intp],
    cells: npt.NDArray[np.intp],
    found: Cells,
) -> None:
    """Give `points` the `cells`, as many of the one as of the other."""
    if len(points) <= _EXACT:
        from scipy.optimize import linear_sum_assignment
        from scipy.spatial.distance import cdist

        _, chosen = linear_sum_assignment(cdist(places[points], cells, "sqeuclidean"))
        found[points] = cells[chosen]
        return
    axis = int(np.argmax(np.ptp(cells, axis=0)))
    half = len(cells) // 2
    by_cell = np.lexsort((cells[:, 1 - axis], cells[:, axis]))
    by_place = np.lexsort((points, places[points, 1 - axis], places[points, axis]))
    for part in (slice(None, half), slice(half, None)):
        _assign(places, points[by_place[part]], cells[by_cell[part]], found)
