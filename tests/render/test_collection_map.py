"""A gallery in the plane, against the gallery's own searches."""

import numpy as np
import pytest

from artsim.catalog.kinds import FACES
from artsim.catalog.payload import AnyOf, Criteria
from artsim.errors import EncoderMismatchError, QueryError
from artsim.render.collection_map import MapOptions, make_map, nearest_others
from artsim.search.answer import find_similar
from artsim.search.question import IdQuery, SearchOptions
from artsim.store.gallery import Gallery

PCA = MapOptions(method="pca")


class Stages:
    def __init__(self) -> None:
        self.totals: list[int | None] = []
        self.done: list[int] = []
        self.finished = 0

    def start(self, total: int | None, description: str) -> None:
        self.totals.append(total)

    def update(self, done: int, **counts: int) -> None:
        self.done.append(done)

    def finish(self) -> None:
        self.finished += 1


def test_a_map_is_complete(sample_gallery: Gallery) -> None:
    stages = Stages()
    made = make_map(sample_gallery, PCA, progress=stages)
    ids = [payload["painting_id"] for payload in made.payloads]
    assert len(made) == made.total == 60
    assert ids == sorted(ids)
    assert made.positions.shape == (60, 2)
    assert len(np.unique(made.cells, axis=0)) == 60
    assert (made.encoder, made.method, made.kind) == ("builtin", "pca", "60 paintings")
    assert made.faithfulness is not None
    assert made.faithfulness.kept > 2 * made.faithfulness.by_chance
    assert stages.finished == 1
    assert stages.totals == [60, None, 60, None]


def test_neighbors_are_those_of_a_query(sample_gallery: Gallery) -> None:
    made = make_map(sample_gallery, PCA)
    for row in (0, 17, 59):
        query = IdQuery(str(made.payloads[row]["painting_id"]))
        hits = find_similar(sample_gallery, query, options=SearchOptions(limit=8, exact=True)).hits
        near = [made.payloads[i]["painting_id"] for i in made.neighbors[row]]
        assert near == [hit.painting_id for hit in hits]
        np.testing.assert_allclose(made.scores[row], [hit.score for hit in hits], atol=1e-5)


def test_faces_of_one_painting_are_not_each_others_neighbors(sample_gallery: Gallery) -> None:
    made = make_map(sample_gallery, MapOptions(method="pca", faces=True))
    assert made.faces
    assert len(made) == sample_gallery[FACES].count()
    ids = np.array([payload["painting_id"] for payload in made.payloads])
    assert len(set(ids)) < len(ids)
    assert (ids[made.neighbors] != ids[:, None]).all()


def test_a_sample_is_drawn_by_the_seed(sample_gallery: Gallery) -> None:
    few = MapOptions(method="pca", limit=20)
    first, again = make_map(sample_gallery, few), make_map(sample_gallery, few)
    other = make_map(sample_gallery, MapOptions(method="pca", limit=20, seed=1))
    assert first.point_ids == again.point_ids
    assert first.point_ids != other.point_ids
    assert (len(first), first.total) == (20, 60)
    assert "20 of 60" in first.notes[0]
    whole = make_map(sample_gallery, PCA)
    row = whole.point_ids.index(first.point_ids[3])
    assert whole.payloads[row] == first.payloads[3]


def test_filters_and_what_a_gallery_lacks(sample_gallery: Gallery) -> None:
    baroque = Criteria((AnyOf("style", ("Baroque",)),))
    made = make_map(sample_gallery, PCA, baroque, encoder="builtin")
    assert 0 < len(made) < 60
    assert all(payload["style"] == ["Baroque"] for payload in made.payloads)
    with pytest.raises(QueryError, match="no point"):
        make_map(sample_gallery, PCA, Criteria((AnyOf("style", ("Dada",)),)))
    with pytest.raises(QueryError, match="to be colored by"):
        make_map(sample_gallery, MapOptions(color_by="extra.room"), baroque)
    with pytest.raises(EncoderMismatchError, match="it has: builtin"):
        make_map(sample_gallery, PCA, encoder="mobilenetv2")


def test_few_points_are_said_to_be_few(sample_gallery: Gallery) -> None:
    one = make_map(sample_gallery, MapOptions(limit=1))
    assert one.faithfulness is None
    np.testing.assert_array_equal(one.neighbors, [[-1] * 8])
    three = make_map(sample_gallery, MapOptions(limit=3))
    assert (three.neighbors >= 0).sum(axis=1).tolist() == [2, 2, 2]
    assert any("perplexity" in note for note in three.notes)


def test_options_that_make_no_sense() -> None:
    for wrong in ({"limit": 0}, {"perplexity": 0.0}, {"seed": -1}):
        with pytest.raises(ValueError, match="at least"):
            MapOptions(**wrong)


def test_nearest_others_against_sorting_all() -> None:
    random = np.random.default_rng(0)
    rows = random.normal(size=(700, 12)).astype(np.float32)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    rows[50:60] = rows[49]  # ties
    groups = random.integers(0, 300, 700)
    neighbors, scores = nearest_others(rows, groups, 5)
    for i in range(700):
        cosines = rows @ rows[i]
        allowed = np.flatnonzero(groups != groups[i])
        best = np.sort(cosines[allowed])[::-1][:5]
        np.testing.assert_allclose(scores[i], best, atol=1e-6)
        np.testing.assert_allclose(cosines[neighbors[i]], best, atol=1e-6)
        assert (groups[neighbors[i]] != groups[i]).all()
        assert len(set(neighbors[i])) == 5
