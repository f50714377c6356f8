"""Points moved to the cells of a grid."""

import numpy as np
import pytest

from artsim.render.collection_map import assign_cells, choose_grid


def test_the_grid_is_nearly_full() -> None:
    for count in (*range(1, 400), 997, 10_007, 20_000):
        columns, rows = choose_grid(count)
        assert columns * (rows - 1) < count <= columns * rows
        assert count < 100 or 1 <= columns / rows <= 2


@pytest.mark.parametrize("count", [1, 2, 10, 1200])
def test_each_point_has_a_cell_of_its_own(count: int) -> None:
    places = np.random.default_rng(count).random((count, 2)).astype(np.float32)
    places[: count // 2] = places[0]  # many in one place
    columns, rows = choose_grid(count)
    cells = assign_cells(places, columns, rows)
    assert len(np.unique(cells, axis=0)) == count
    assert (cells >= 0).all()
    assert (cells < (columns, rows)).all()
    np.testing.assert_array_equal(cells, assign_cells(places, columns, rows))


@pytest.mark.parametrize("side", [10, 40])
def test_points_on_a_grid_stay_where_they_are(side: int) -> None:
    steps = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)
    order = np.random.default_rng(0).permutation(len(steps))
    places = (steps[order] / (side - 1)).astype(np.float32)
    np.testing.assert_array_equal(assign_cells(places, side, side), steps[order])


def test_what_is_near_stays_near() -> None:
    places = np.random.default_rng(5).random((3000, 2)).astype(np.float32)
    columns, rows = choose_grid(3000)
    moved = (assign_cells(places, columns, rows) + 0.5) / (columns, rows) - places
    assert np.linalg.norm(moved, axis=1).mean() < 0.05


def test_too_small_a_grid() -> None:
    with pytest.raises(ValueError, match="5 points do not fit"):
        assign_cells(np.zeros((5, 2), np.float32), 2, 2)
