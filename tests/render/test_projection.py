"""Vectors in the plane."""

import sys

import numpy as np
import pytest
from sklearn.decomposition import PCA

from artsim.errors import ConfigError
from artsim.render.collection_map import (
    effective_perplexity,
    fit_unit_square,
    measure_faithfulness,
    principal_components,
    project,
)


def clusters(count: int = 60, dims: int = 24, groups: int = 3, seed: int = 0) -> np.ndarray:
    """Return unit rows around a few directions, one group after another."""
    random = np.random.default_rng(seed)
    centers = np.repeat(random.normal(size=(groups, dims)), count // groups, axis=0)
    rows = centers + 0.15 * random.normal(size=centers.shape)
    return (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)


@pytest.mark.parametrize(("count", "dims"), [(60, 24), (12, 40)])
def test_principal_components_are_those_of_an_svd(count: int, dims: int) -> None:
    rows = np.random.default_rng(1).normal(size=(count, dims)).astype(np.float32)
    centered = rows.astype(np.float64) - rows.mean(axis=0)
    left, values, _ = np.linalg.svd(centered, full_matrices=False)
    found = principal_components(rows, 5)
    np.testing.assert_allclose(np.abs(found), np.abs(left * values)[:, :5], atol=1e-4)
    reference = PCA(5, svd_solver="full").fit_transform(rows.astype(np.float64))
    np.testing.assert_allclose(found, reference, atol=1e-4)


@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_the_same_seed_gives_the_same_places(method: str) -> None:
    rows = clusters()
    before = rows.copy()
    first = project(rows, method, seed=3)
    np.testing.assert_array_equal(first, project(rows, method, seed=3))
    np.testing.assert_array_equal(rows, before)
    assert first.shape == (60, 2)
    assert first.dtype == np.float32
    assert (first >= 0).all()
    assert (first <= 1).all()
    assert np.ptp(first, axis=0).max() == pytest.approx(1, abs=1e-6)


@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_groups_stay_together(method: str) -> None:
    places = project(clusters(), method).reshape(3, 20, 2)
    centers = places.mean(axis=1)
    within = np.linalg.norm(places - centers[:, None], axis=2).max()
    apart = min(np.linalg.norm(centers[i] - centers[j]) for i, j in ((0, 1), (0, 2), (1, 2)))
    assert apart > 2 * within


@pytest.mark.parametrize("method", ["tsne", "pca"])
@pytest.mark.parametrize("count", [1, 2, 3, 5, 6, 7])
def test_few_points(method: str, count: int) -> None:
    rows = np.eye(8, dtype=np.float32)[:count]
    places = project(rows, method)
    assert places.shape == (count, 2)
    assert np.isfinite(places).all()
    if count > 1:
        assert len(np.unique(places, axis=0)) > 1
    else:
        np.testing.assert_array_equal(places, [[0.5, 0.5]])


@pytest.mark.parametrize("method", ["tsne", "pca"])
def test_equal_vectors(method: str) -> None:
    same = np.tile(np.eye(1, 16, dtype=np.float32), (20, 1))
    np.testing.assert_array_equal(project(same, method), np.full((20, 2), 0.5))
    doubled = np.repeat(clusters(30), 2, axis=0)
    places = project(doubled, method)
    assert np.isfinite(places).all()
    if method == "pca":
        np.testing.assert_array_equal(places[::2], places[1::2])


@pytest.mark.parametrize("dims", [1, 2])
def test_vectors_of_few_dimensions(dims: int) -> None:
    rows = np.random.default_rng(0).normal(size=(9, dims)).astype(np.float32)
    assert np.isfinite(project(rows, "tsne")).all()
    assert np.isfinite(project(rows, "pca")).all()


def test_wrong_arguments() -> None:
    rows = clusters(6)
    for wrong in (rows[:0], rows[0], np.full((4, 3), np.nan, np.float32)):
        with pytest.raises(ValueError, match="finite vectors"):
            project(wrong)
    with pytest.raises(ValueError, match="perplexity"):
        project(rows, perplexity=0.5)


def test_umap_that_is_not_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "umap", None)
    with pytest.raises(ConfigError, match=r"pip install 'artsim\[umap\]'"):
        project(clusters(), "umap")


@pytest.mark.slow
def test_umap() -> None:
    pytest.importorskip("umap")
    places = project(clusters(), "umap", seed=1)
    np.testing.assert_array_equal(places, project(clusters(), "umap", seed=1))
    centers = places.reshape(3, 20, 2).mean(axis=1)
    assert np.linalg.norm(centers[0] - centers[1]) > 0.1


def test_perplexity_is_what_the_points_can_bear() -> None:
    assert effective_perplexity(30, 1000) == 30
    assert effective_perplexity(30, 61) == 20
    assert effective_perplexity(30, 2) == 1


def test_the_unit_square_keeps_proportions() -> None:
    fitted = fit_unit_square(np.array([[2.0, 5.0], [6.0, 7.0], [4.0, 6.0]]))
    np.testing.assert_allclose(fitted, [[0, 0.25], [1, 0.75], [0.5, 0.5]])


def test_faithfulness() -> None:
    random = np.random.default_rng(0)
    angle = np.sort(random.uniform(0, np.pi, 80))
    circle = np.stack([np.cos(angle), np.sin(angle)], axis=1).astype(np.float32)
    perfect = measure_faithfulness(circle, circle, k=5)
    assert perfect is not None
    assert perfect.kept == 1
    assert perfect.trustworthiness == pytest.approx(1)
    assert perfect.by_chance == pytest.approx(5 / 79)
    shuffled = measure_faithfulness(circle, circle[random.permutation(80)], k=5)
    assert shuffled is not None
    assert shuffled.kept < 0.2
    assert shuffled.trustworthiness < 0.7
    assert measure_faithfulness(circle[:5], circle[:5]) is None
    small = measure_faithfulness(circle[:6], circle[:6])
    assert small is not None
    assert small.k == 2
