"""The whole pass against trec_eval fed with plain Python rankings, ties and all."""

import tracemalloc

import numpy as np
import pytest
import pytrec_eval
from hypothesis import given, settings
from hypothesis import strategies as st

from artsim.evaluation.leave_one_out import Relevance, judge_rankings, read_labels
from artsim.search.neighbors import ExactRanker

KS = (1, 2, 10)
TREC_NAMES = (
    *(f"P_{k}" for k in KS),
    *(f"success_{k}" for k in KS),
    "map",
    "ndcg",
    "ndcg_cut_10",
    "recip_rank",
)
MEASURES = {"P.1,2,10", "success.1,2,10", "map", "ndcg", "ndcg_cut.10", "recip_rank"}


def random_vectors(count: int, seed: int, *, tied: bool) -> np.ndarray:
    random = np.random.default_rng(seed)
    if not tied:
        vectors = random.normal(size=(count, 12)).astype(np.float32)
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    vectors = np.zeros((count, 6), dtype=np.float32)
    for row in vectors:
        row[random.choice(6, 4, replace=False)] = random.choice([-0.5, 0.5], 4)
    return vectors


def by_trec_eval(
    vectors: np.ndarray, styles: list[list[str]], rooms: list[str | None]
) -> dict[int, list[float]]:
    """Rank with plain Python, and let trec_eval break the ties.

    It orders equal scores by falling name, so that names fall as indices rise.
    """
    exact = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    runs, qrels = {}, {}
    for i, own in enumerate(styles):
        others = [
            j for j in range(len(styles)) if j != i and (rooms[i] is None or rooms[j] != rooms[i])
        ]
        right = {f"{999 - j:03d}": int(bool(set(own) & set(styles[j]))) for j in others}
        if sum(right.values()):
            qrels[str(i)] = right
            runs[str(i)] = {f"{999 - j:03d}": float(exact[i, j]) for j in others}
    if not qrels:
        return {}
    evaluated = pytrec_eval.RelevanceEvaluator(qrels, MEASURES).evaluate(runs)
    return {int(i): [found[name] for name in TREC_NAMES] for i, found in evaluated.items()}


@settings(max_examples=25)
@given(
    styles=st.lists(
        st.lists(st.sampled_from("abcd"), min_size=1, max_size=3, unique=True),
        min_size=2,
        max_size=25,
    ),
    seed=st.integers(0, 10_000),
    tied=st.booleans(),
    data=st.data(),
)
def test_equals_trec_eval(
    styles: list[list[str]], seed: int, tied: bool, data: st.DataObject
) -> None:
    count = len(styles)
    rooms = data.draw(
        st.lists(st.sampled_from([None, "x", "y"]), min_size=count, max_size=count), label="rooms"
    )
    payloads = [
        {"painting_id": f"{i:03d}", "style": style, "extra": {} if room is None else {"room": room}}
        for i, (style, room) in enumerate(zip(styles, rooms, strict=True))
    ]
    relevance = Relevance(read_labels(payloads, "style"), (read_labels(payloads, "extra.room"),))
    vectors = random_vectors(count, seed, tied=tied)
    judged = judge_rankings(ExactRanker(vectors), relevance, np.arange(count), KS)
    expected = by_trec_eval(vectors, styles, rooms)
    assert judged.rows.tolist() == sorted(expected)
    for i, row in enumerate(judged.rows.tolist()):
        metrics = [values[i] for values in judged.metrics.values()]
        np.testing.assert_allclose(metrics, expected[row], atol=1e-12)


def payloads_of(artists: list[str]) -> list[dict[str, object]]:
    return [{"painting_id": f"{i:04d}", "artist_key": key} for i, key in enumerate(artists)]


def test_heads_are_what_was_found() -> None:
    vectors = np.eye(4, dtype=np.float32)
    vectors[3] = vectors[0]
    relevance = Relevance(read_labels(payloads_of(["a", "b", "a", "a"]), "artist"))
    judged = judge_rankings(ExactRanker(vectors), relevance, np.arange(4), KS)
    assert judged.rows.tolist() == [0, 2, 3]  # the only work by b has nothing to find
    assert judged.head.tolist() == [[3, 1, 2, -1, -1], [0, 1, 3, -1, -1], [0, 1, 2, -1, -1]]
    assert judged.head_right[0].tolist() == [True, False, True, False, False]
    assert judged.head_scores[0].tolist() == [1, 0, 0, -np.inf, -np.inf]
    assert judged.first_right.tolist() == [1, 1, 1]
    assert judged.ranked.tolist() == [3, 3, 3]
    assert judged.to_find.tolist() == [2, 2, 2]
    np.testing.assert_allclose(judged.metrics["map"], [(1 + 2 / 3) / 2] * 3)


def test_no_query_has_anything_to_find() -> None:
    relevance = Relevance(read_labels(payloads_of(["a", "b"]), "artist"))
    vectors = random_vectors(2, 0, tied=False)
    for rows in (np.arange(2), np.arange(0)):
        judged = judge_rankings(ExactRanker(vectors), relevance, rows, KS)
        assert len(judged.rows) == 0
        assert {len(values) for values in judged.metrics.values()} == {0}


def test_memory_is_bounded_by_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    count, block = 3000, 50_000
    monkeypatch.setattr("artsim.search.neighbors.BLOCK_SCORES", block)
    monkeypatch.setattr("artsim.search.neighbors._usable_cores", lambda: 2)
    relevance = Relevance(read_labels(payloads_of([str(i // 20) for i in range(count)]), "artist"))
    ranker = ExactRanker(random_vectors(count, 0, tied=False))
    tracemalloc.start()
    try:
        judge_rankings(ranker, relevance, np.arange(count), KS)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    results = 8 * count * 50
    assert peak < 2 * 60 * block + results < 4 * count * count / 4
