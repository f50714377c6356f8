"""Rankings of everything at once against the search that answers one query at a time."""

from collections.abc import Iterator

import numpy as np
import pytest
from made_up_gallery import MadeUp
from threadpoolctl import threadpool_info

from artsim.catalog.kinds import PAINTINGS
from artsim.catalog.payload import AnyOf, Criteria
from artsim.search.answer import find_similar
from artsim.search.neighbors import (
    BLOCK_SCORES,
    ExactRanker,
    FusedRanker,
    Rankings,
    RerankedRanker,
    VectorTable,
    over_blocks,
    read_vectors,
)
from artsim.search.question import IdQuery, SearchOptions
from artsim.search.rerank import RERANKERS
from artsim.store.gallery import Gallery


class TiedGallery(MadeUp):
    """Paintings of few different vectors and pixels, so that most scores are tied.

    Four numbers of a half make unit vectors whose products are exact in any order of
    adding up, as whole numbers of quarters.
    """

    def __init__(self) -> None:
        super().__init__(count=90, seed=3)
        random = np.random.default_rng(4)
        for vectors in (self.one, self.two):
            vectors[:] = 0
            for row in vectors:
                chosen = random.choice(6, 4, replace=False)
                row[chosen] = random.choice([-0.5, 0.5], 4)
        self.pixels = self.pixels[random.integers(0, 12, self.count)]


@pytest.fixture(scope="module")
def tied(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    with TiedGallery().fill(tmp_path_factory.mktemp("tied")) as filled:
        yield filled


def ranked_ids(table: VectorTable, rankings: Rankings, i: int = 0) -> list[str]:
    works = rankings.order[i, : rankings.lengths[i]]
    return [str(table.payloads[work]["painting_id"]) for work in works]


def found_ids(
    gallery: Gallery,
    painting_id: str,
    criteria: Criteria,
    options: SearchOptions,
    encoders: list[str],
) -> list[str]:
    result = find_similar(gallery, IdQuery(painting_id), criteria, options, encoders=encoders)
    return [hit.painting_id for hit in result.hits]


EVERYTHING = Criteria()
FILTER = Criteria((AnyOf("style", ("Baroque", "Rococo")),), (AnyOf("extra.room", (3, 4)),))


@pytest.mark.parametrize("criteria", [EVERYTHING, FILTER], ids=["all", "filtered"])
@pytest.mark.parametrize("vector_name", ["one-v1", "two-v1"])
def test_equals_exact_search_with_most_scores_tied(
    tied: Gallery, vector_name: str, criteria: Criteria
) -> None:
    table = read_vectors(tied[PAINTINGS], vector_name, criteria)
    count = len(table)
    rankings = ExactRanker(table.vectors).rank(np.arange(count), head=count)
    assert len(np.unique(rankings.head_scores)) < 15
    options = SearchOptions(limit=count, exact=True)
    for i, payload in list(enumerate(table.payloads))[::5]:
        result = find_similar(
            tied, IdQuery(payload["painting_id"]), criteria, options, encoders=[vector_name]
        )
        assert ranked_ids(table, rankings, i) == [hit.painting_id for hit in result.hits]
        scores = rankings.head_scores[i, : rankings.lengths[i]]
        assert scores.tolist() == [hit.score for hit in result.hits]


def test_barred_works_are_those_that_a_search_leaves_out(tied: Gallery) -> None:
    table = read_vectors(tied[PAINTINGS], "one-v1")
    artists = np.array([payload["artist_key"] for payload in table.payloads])
    rows = np.array([4, 17, 60])
    barred = artists[rows, None] == artists[None, :]
    for own_too in (True, False):
        barred[np.arange(3), rows] = own_too
        rankings = ExactRanker(table.vectors).rank(rows, barred)
        for i, row in enumerate(rows):
            left_out = Criteria(must_not=(AnyOf("artist_key", (str(artists[row]),)),))
            options = SearchOptions(limit=len(table), exact=True)
            painting_id = str(table.payloads[row]["painting_id"])
            found = found_ids(tied, painting_id, left_out, options, ["one-v1"])
            assert ranked_ids(table, rankings, i) == found
            assert sorted(rankings.order[i].tolist()) == list(range(len(table)))


def test_equals_exact_search_of_pictures(sample_gallery: Gallery) -> None:
    table = read_vectors(sample_gallery[PAINTINGS], "builtin-v3")
    rankings = ExactRanker(table.vectors).rank(np.arange(len(table)), head=len(table))
    options = SearchOptions(limit=len(table), exact=True)
    for i, payload in list(enumerate(table.payloads))[::5]:
        hits = find_similar(sample_gallery, IdQuery(payload["painting_id"]), options=options).hits
        assert ranked_ids(table, rankings, i) == [hit.painting_id for hit in hits]
        scores = rankings.head_scores[i, :-1]
        np.testing.assert_allclose(scores, [hit.score for hit in hits], atol=1e-6)


@pytest.mark.parametrize("rerank", [None, "ssim", "rmse"])
@pytest.mark.parametrize("limit", [10, 150])
def test_fusion_equals_search(gallery: Gallery, limit: int, rerank: str | None) -> None:
    """With more works than are fused, so that some are in one ranking only."""
    check_ways_of_searching(gallery, ["one-v1", "two-v1"], limit, rerank, depth=40)


@pytest.mark.parametrize("rerank", ["ssim", "rmse"])
@pytest.mark.parametrize("depth", [1, 30, 500])
def test_reranking_equals_search(gallery: Gallery, depth: int, rerank: str) -> None:
    check_ways_of_searching(gallery, ["one-v1"], 60, rerank, depth)


@pytest.mark.parametrize("rerank", ["ssim", "rmse"])
@pytest.mark.parametrize("weight", [0.0, 0.3, 10.0])
def test_weighted_reranking_equals_search(gallery: Gallery, rerank: str, weight: float) -> None:
    check_ways_of_searching(gallery, ["one-v1"], 60, rerank, depth=50, weight=weight)


@pytest.mark.parametrize("rerank", [None, "ssim", "rmse"])
def test_fusion_and_reranking_equal_search_with_most_scores_tied(
    tied: Gallery, rerank: str | None
) -> None:
    # All are fused and all reordered: of ties at a cut, which are in is the database's choice.
    check_ways_of_searching(tied, ["one-v1", "two-v1"], 90, rerank, depth=100)
    check_ways_of_searching(tied, ["two-v1"], 90, rerank, depth=100)


@pytest.mark.parametrize("rerank", ["ssim", "rmse"])
def test_reranking_of_pictures_equals_search(sample_gallery: Gallery, rerank: str) -> None:
    check_ways_of_searching(sample_gallery, ["builtin-v3"], 20, rerank, depth=30)


def check_ways_of_searching(
    gallery: Gallery,
    encoders: list[str],
    limit: int,
    rerank: str | None,
    depth: int,
    weight: float | None = None,
) -> None:
    paintings = gallery[PAINTINGS]
    tables = [read_vectors(paintings, name) for name in encoders]
    each = [ExactRanker(table.vectors) for table in tables]
    deepest = max(limit, depth) if rerank else limit
    ranker = FusedRanker(each, deepest) if len(each) > 1 else each[0]
    if rerank:
        pixels = read_vectors(paintings, "pixels").vectors
        ranker = RerankedRanker(ranker, RERANKERS[rerank], {"pixels": pixels}, depth, weight=weight)
    rows = np.arange(0, len(tables[0]), 13)
    barred = np.zeros((len(rows), len(tables[0])), dtype=bool)
    barred[np.arange(len(rows)), (rows + 1) % len(tables[0])] = True
    rankings = ranker.rank(rows, barred, head=5)
    options = SearchOptions(
        limit=limit,
        exact=True,
        rerank=rerank,  # type: ignore[arg-type]
        rerank_depth=depth,
        rerank_weight=weight,
    )
    for i, row in enumerate(rows):
        out = tables[0].payloads[(row + 1) % len(tables[0])]["painting_id"]
        left_out = Criteria(must_not=(AnyOf("painting_id", (out,)),))
        query = IdQuery(str(tables[0].payloads[row]["painting_id"]))
        hits = find_similar(gallery, query, left_out, options, encoders=encoders).hits
        assert ranked_ids(tables[0], rankings, i)[: len(hits)] == [h.painting_id for h in hits]
        assert len(hits) == min(limit, len(tables[0]) - 2)
        assert sorted(rankings.order[i].tolist()) == list(range(len(tables[0])))
        shown = min(5, len(hits), depth if rerank else 5)
        scores = [h.rerank_score if rerank else h.score for h in hits[:shown]]
        np.testing.assert_allclose(rankings.head_scores[i, :shown], scores, atol=1e-6)


def test_equal_vectors_tie_whatever_the_product_rounds() -> None:
    # Of these sizes OpenBLAS computes the last columns by another kernel, and otherwise.
    rng = np.random.default_rng(0)
    for count in (17, 26, 38, 59, 65):
        vectors = np.abs(rng.normal(size=(count, 100))).astype(np.float32)
        vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
        copies = [1, count // 2, count - 1]
        vectors[copies] = vectors[1]
        ranker = ExactRanker(vectors)
        for rows in (np.array([0]), np.array([0, 3, 5]), np.array([0, *range(2, 15)])):
            order = ranker.rank(rows).order
            for ranking in order[~np.isin(rows, copies)].tolist():
                place = ranking.index(1)
                assert ranking[place : place + 3] == copies


def test_blocks_join_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("artsim.search.neighbors.BLOCK_SCORES", 900)
    rng = np.random.default_rng(1)
    vectors = rng.normal(size=(130, 8)).astype(np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    rows = rng.permutation(130)[:100]
    ranker = ExactRanker(vectors)
    told: list[int] = []
    blocks = over_blocks(rows, 130, lambda block: ranker.rank(block).order, on_done=told.append)
    scores = vectors.astype(np.float64) @ vectors.T.astype(np.float64)
    np.fill_diagonal(scores, -2)
    np.testing.assert_array_equal(np.concatenate(blocks), np.argsort(-scores, axis=1)[rows])
    assert max(map(len, blocks)) * 130 <= 900
    assert told == np.minimum(np.arange(6, 106, 6), 100).tolist()


def test_memory_does_not_grow_with_the_square() -> None:
    sizes: list[int] = []
    for count in (500, 5000, 50_000):
        sizes += over_blocks(np.arange(count), count, lambda block, n=count: len(block) * n)
    assert max(sizes) <= BLOCK_SCORES


def test_a_failing_block_is_told_and_blas_gets_its_threads_back() -> None:
    def blas() -> list[int]:
        return [pool["num_threads"] for pool in threadpool_info() if pool["user_api"] == "blas"]

    before = blas()
    during: list[list[int]] = []

    def work(block: np.ndarray) -> None:
        during.append(blas())
        raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        over_blocks(np.arange(3), BLOCK_SCORES, work)
    assert during[0] == [1] * len(before)
    assert blas() == before


def test_zeros_of_either_sign_tie() -> None:
    vectors = np.array([[1, 0, 0], [0, -1, 0], [0, 0, 1], [0, 1, 0]], dtype=np.float32)
    rankings = ExactRanker(vectors).rank(np.array([0]), head=4)
    assert rankings.order[0].tolist() == [1, 2, 3, 0]
    assert rankings.head_scores[0].tolist() == [0, 0, 0, -np.inf]


def test_vectors_of_another_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="float32, shape"):
        ExactRanker(np.zeros((2, 2)))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="float32, shape"):
        ExactRanker(np.zeros(2, dtype=np.float32))
