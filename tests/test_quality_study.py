"""The quality study ranks as artsim does."""

import numpy as np
import pytest

from artsim.catalog.hits import Hit
from artsim.images.pixels import ssim
from artsim.search.rerank import PIXELS, RERANKERS, fuse_rankings
from artsim.search.rerank import rerank as rerank_hits
from benchmarks.quality_copies import judge_copies
from benchmarks.quality_fusion import mean_of_cosines, reciprocal_rank
from benchmarks.quality_judge import Questions, judge_vectors
from benchmarks.quality_rerank import compare_pixels, first_hits, mix, rerank, spread
from benchmarks.quality_whitening import fit_axes, whiten

COUNT, SIDE = 30, 16
RANDOM = np.random.default_rng(5)


def hits_in_order(scores, pixels=None):
    hits = [
        Hit(f"p{i:02}", float(score), {"painting_id": f"p{i:02}"}, {})
        if pixels is None
        else Hit(f"p{i:02}", float(score), {"painting_id": f"p{i:02}"}, {PIXELS: pixels[i]})
        for i, score in enumerate(scores)
    ]
    return sorted(hits, key=lambda hit: (-hit.score, hit.point_id))


def order(scores):
    return [f"p{i:02}" for i in np.argsort(-scores, kind="stable")]


def unit_rows(count, dim):
    rows = RANDOM.normal(size=(count, dim))
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize("depth", [1, 7, COUNT])
def test_reranking_equals_the_searchs(depth):
    scores = np.round(RANDOM.normal(size=(1, COUNT)), 1).astype(np.float32)
    pixels = RANDOM.integers(0, 256, (COUNT, SIDE * SIDE), dtype=np.uint8)
    query = RANDOM.integers(0, 256, (1, SIDE * SIDE), dtype=np.uint8)
    first = first_hits(scores, COUNT)
    likeness = spread(first, compare_pixels(query, pixels, first, "ssim"), COUNT)
    hits = hits_in_order(scores[0], pixels)
    rows = {PIXELS: np.stack([hit.vectors[PIXELS] for hit in hits[:depth]])}
    second = RERANKERS["ssim"].scores({PIXELS: query[0]}, rows)
    expected = [
        *rerank_hits(hits[:depth], [[(score, None) for score in second.tolist()]]),
        *hits[depth:],
    ]
    assert order(rerank(scores, likeness, depth)[0]) == [hit.painting_id for hit in expected]
    np.testing.assert_allclose(likeness[0], ssim(query[0], pixels), rtol=1e-6)


def test_a_mixture_of_weight_zero_changes_nothing_and_a_large_one_is_reranking():
    scores = RANDOM.uniform(-1, 1, (4, COUNT)).astype(np.float32)
    likeness = RANDOM.uniform(-1, 1, (4, COUNT)).astype(np.float32)
    by_cosine = first_hits(scores, COUNT)
    assert (first_hits(mix(scores, likeness, 12, 0.0), COUNT) == by_cosine).all()
    near = (scores * 1e-6).astype(np.float32)
    heavy = first_hits(mix(near, likeness, 12, 1.0), COUNT)
    assert (heavy == first_hits(rerank(near, likeness, 12), COUNT)).all()


def test_what_is_left_out_stays_out_after_reranking():
    scores = np.full((1, COUNT), -np.inf, dtype=np.float32)
    scores[0, :3] = [0.1, 0.3, 0.2]
    likeness = np.ones((1, COUNT), dtype=np.float32)
    assert np.isneginf(rerank(scores, likeness, 10)[0, 3:]).all()


def test_reciprocal_ranks_are_those_of_the_search():
    each = [RANDOM.normal(size=(1, COUNT)).astype(np.float32) for _ in range(3)]
    fused = reciprocal_rank(each, depth=8)
    expected = fuse_rankings([hits_in_order(scores[0])[:8] for scores in each])
    ours = {f"p{i:02}": score for i, score in enumerate(fused[0]) if score > 0}
    assert ours == pytest.approx({hit.painting_id: hit.score for hit in expected}, rel=1e-6)


def test_the_mean_of_cosines_is_the_cosine_of_joined_vectors():
    a, b = unit_rows(COUNT, 6), unit_rows(COUNT, 9)
    joined = np.concatenate([a, b], axis=1) / np.sqrt(2)
    np.testing.assert_allclose(
        mean_of_cosines([a @ a.T, b @ b.T]), joined @ joined.T, rtol=0, atol=1e-6
    )


def test_full_whitening_makes_the_axes_equal():
    rows = unit_rows(400, 5) * np.array([1, 2, 3, 4, 5], dtype=np.float32)
    axes = fit_axes(rows)
    projected = (rows - axes.center) @ axes.axes / axes.deviations
    np.testing.assert_allclose(np.cov(projected, rowvar=False), np.eye(5), atol=1e-5)
    turned = whiten(rows, axes, 3, 1.0)
    expected = projected[:, :3] / np.linalg.norm(projected[:, :3], axis=1, keepdims=True)
    np.testing.assert_allclose(turned, expected, atol=1e-5)


def test_twins_are_asked_for_alone_and_left_out_of_artist_and_style():
    vectors = np.array([[1, 0], [1, 0], [0.8, 0.6], [0, 1]], dtype=np.float32)
    works = [
        {"painting_id": "a", "artist_key": "x", "extra": {"near_dup_group": "1"}},
        {"painting_id": "b", "artist_key": "x", "extra": {"near_dup_group": "1"}},
        {"painting_id": "c", "artist_key": "y"},
        {"painting_id": "d", "artist_key": "x"},
    ]
    values = judge_vectors(vectors, Questions.of(works))
    np.testing.assert_array_equal(values["twin R@1"], [1, 1, np.nan, np.nan])
    np.testing.assert_array_equal(values["artist R@1"], [0, 0, np.nan, 0])
    np.testing.assert_allclose(values["artist mAP"], [1 / 2, 1 / 2, np.nan, (1 / 2 + 2 / 3) / 2])
    assert np.isnan(values["style P@10"]).all()


def test_copies_rank_ties_by_number():
    scores = np.zeros((2, 11, 20), dtype=np.float32)
    values = judge_copies(scores, np.array([0, 9]))
    np.testing.assert_array_equal(values["copies R@1"], [1, 0])
    np.testing.assert_array_equal(values["copies R@10"], [1, 1])
    assert judge_copies(scores, np.array([0, 10]))["mirror R@10"].tolist() == [1, 0]
