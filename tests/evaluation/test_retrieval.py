"""Leave-one-out scores against brute force over plain Python lists."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from artsim.evaluation.retrieval import leave_one_out, nearest_neighbors


def unit_rows(count: int, dim: int, seed: int) -> np.ndarray:
    rows = np.random.default_rng(seed).normal(size=(count, dim)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def ranked(embeddings: np.ndarray, query: int, groups: list[str | None]) -> list[int]:
    others = [
        i
        for i in range(len(embeddings))
        if i != query and (groups[i] is None or groups[i] != groups[query])
    ]
    scores = embeddings[query : query + 1] @ embeddings.T
    return sorted(others, key=lambda i: (-scores[0, i], i))


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    labels=st.lists(st.sampled_from(["a", "b", "c", None]), min_size=4, max_size=25),
    k=st.integers(1, 12),
    data=st.data(),
)
def test_equals_brute_force(
    seed: int, labels: list[str | None], k: int, data: st.DataObject
) -> None:
    count = len(labels)
    groups = data.draw(
        st.lists(st.sampled_from([None, None, "x", "y"]), min_size=count, max_size=count)
    )
    embeddings = unit_rows(count, 5, seed)
    order = [ranked(embeddings, i, groups) for i in range(count)]
    first, precision = [], []
    for i, label in enumerate(labels):
        if label is None:
            continue
        precision.append(sum(labels[j] == label for j in order[i][:k]) / k)
        if any(labels[j] == label for j in order[i]):
            first.append(labels[order[i][0]] == label)
    neighbors = nearest_neighbors(embeddings, k, groups)
    if not first:
        with pytest.raises(ValueError, match="no work can be a query"):
            leave_one_out(neighbors, labels, k=k, groups=groups)
        return
    scores = leave_one_out(neighbors, labels, k=k, groups=groups)
    assert scores.recall_at_1.queries == len(first)
    assert scores.recall_at_1.value == pytest.approx(np.mean(first))
    assert scores.precision_at_k.queries == len(precision)
    assert scores.precision_at_k.value == pytest.approx(np.mean(precision))
    assert [[j for j in row if j >= 0] for row in neighbors.tolist()] == [o[:k] for o in order]


def test_blocks_join_without_a_seam() -> None:
    embeddings = unit_rows(1100, 8, 3)
    neighbors = nearest_neighbors(embeddings, 4)
    scores = embeddings.astype(np.float64) @ embeddings.T.astype(np.float64)
    np.fill_diagonal(scores, -2)
    np.testing.assert_array_equal(neighbors, np.argsort(-scores, axis=1)[:, :4])


def test_equal_cosines_keep_the_order_of_index() -> None:
    embeddings = np.tile(np.float32([1, 0]), (5, 1))
    assert nearest_neighbors(embeddings, 3).tolist() == [
        [1, 2, 3],
        [0, 2, 3],
        [0, 1, 3],
        [0, 1, 2],
        [0, 1, 2],
    ]


def test_interval_is_as_wide_as_theory_says_and_repeats() -> None:
    count = 2000
    labels = [str(i // 2) for i in range(count)]
    partner = np.arange(count) ^ 1
    stranger = (np.arange(count) + 2) % count
    lucky = np.random.default_rng(5).random(count) < 0.3
    neighbors = np.where(lucky, partner, stranger)[:, None]
    scores = leave_one_out(neighbors, labels, k=1)
    found = scores.recall_at_1
    assert found.value == pytest.approx(lucky.mean())
    expected = 2 * 1.96 * np.sqrt(found.value * (1 - found.value) / count)
    assert found.high - found.low == pytest.approx(expected, rel=0.15)
    assert found.low < found.value < found.high
    assert leave_one_out(neighbors, labels, k=1) == scores
    assert leave_one_out(neighbors, labels, k=1, seed=1) != scores


def test_wrong_arguments_are_refused() -> None:
    embeddings = unit_rows(4, 3, 0)
    with pytest.raises(ValueError, match="at least 1"):
        nearest_neighbors(embeddings, 0)
    with pytest.raises(ValueError, match="expected 4 groups"):
        nearest_neighbors(embeddings, 1, ["x"])
    neighbors = nearest_neighbors(embeddings, 2)
    with pytest.raises(ValueError, match="shape"):
        leave_one_out(neighbors, ["a", "a", "b", "b"], k=3)
    with pytest.raises(ValueError, match="shape"):
        leave_one_out(neighbors, ["a", "a", "b"], k=1)
    with pytest.raises(ValueError, match="own neighbors"):
        leave_one_out(np.array([[0], [0]]), ["a", "a"], k=1)
