"""Searching against plain NumPy, scikit-image and a second implementation of each ranking."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_up_gallery import ARTISTS, MadeUp
from skimage.metrics import mean_squared_error, structural_similarity

from artsim.catalog.hits import Hit
from artsim.catalog.kinds import FACES, EncoderInfo
from artsim.catalog.payload import AnyOf, Criteria
from artsim.errors import EncoderMismatchError, NoFaceError, PaintingNotFoundError, QueryError
from artsim.search.answer import find_similar
from artsim.search.models import Models, choose_encoders
from artsim.search.question import ExamplesQuery, IdQuery, SearchOptions, TextQuery
from artsim.search.rerank import fuse_rankings
from artsim.store.gallery import Gallery

QUERY = 17


def ids(hits: list[Hit]) -> list[str]:
    return [hit.painting_id for hit in hits]


def nearest(
    made_up: MadeUp, vectors: np.ndarray, query: np.ndarray, leave_out: set[int]
) -> list[str]:
    scores = vectors @ query
    order = sorted(
        (i for i in range(made_up.count) if i not in leave_out), key=lambda i: -scores[i]
    )
    return [made_up.painting_id(i) for i in order]


def test_by_id_finds_the_nearest_and_leaves_the_query_out(
    gallery: Gallery, made_up: MadeUp
) -> None:
    result = find_similar(gallery, IdQuery("p017"), options=SearchOptions(limit=20))
    assert ids(result.hits) == nearest(made_up, made_up.one, made_up.one[QUERY], {QUERY})[:20]
    assert result.hits[0].score == pytest.approx(
        np.sort(made_up.one @ made_up.one[QUERY])[-2], abs=1e-5
    )
    assert result.query == {"id": "p017"}
    assert result.settings["encoders"] == ["one-v1"]


def test_the_query_itself_comes_first_where_it_is_wanted(gallery: Gallery) -> None:
    result = find_similar(gallery, IdQuery("p017"), options=SearchOptions(include_self=True))
    assert result.hits[0].painting_id == "p017"
    assert result.hits[0].score == pytest.approx(1.0, abs=1e-5)


def test_pages_are_one_ranking_cut(gallery: Gallery) -> None:
    whole = find_similar(gallery, IdQuery("p017"), options=SearchOptions(limit=30)).hits
    pages = [
        find_similar(gallery, IdQuery("p017"), options=SearchOptions(limit=10, offset=o)).hits
        for o in (0, 10, 20)
    ]
    assert ids(whole) == [i for page in pages for i in ids(page)]


@pytest.mark.parametrize("depth", [10, 50])
def test_ssim_reranking_is_scikit_images(gallery: Gallery, made_up: MadeUp, depth: int) -> None:
    options = SearchOptions(limit=60, rerank="ssim", rerank_depth=depth)
    hits = find_similar(gallery, IdQuery("p017"), options=options).hits
    first = nearest(made_up, made_up.one, made_up.one[QUERY], {QUERY})[:60]
    query = made_up.pixels[QUERY].reshape(64, 64)
    expected = {
        i: structural_similarity(query, made_up.pixels[int(i[1:])].reshape(64, 64), data_range=255)
        for i in first[:depth]
    }
    assert ids(hits) == [*sorted(expected, key=lambda i: (-expected[i], i)), *first[depth:]]
    for hit in hits[:depth]:
        assert hit.rerank_score == pytest.approx(expected[hit.painting_id], abs=1e-6)
    assert all(hit.rerank_score is None for hit in hits[depth:])
    assert all("pixels" not in hit.vectors for hit in hits)


def test_rmse_inside_qdrant_orders_as_outside(gallery: Gallery, made_up: MadeUp) -> None:
    options = SearchOptions(limit=50, rerank="rmse", rerank_depth=50)
    hits = find_similar(gallery, IdQuery("p017"), options=options).hits
    first = nearest(made_up, made_up.one, made_up.one[QUERY], {QUERY})[:50]
    query = made_up.pixels[QUERY] / 255
    errors = {
        i: np.sqrt(mean_squared_error(query, made_up.pixels[int(i[1:])] / 255)) for i in first
    }
    assert ids(hits) == sorted(errors, key=lambda i: (errors[i], i))
    for hit in hits:
        assert hit.rerank_score == pytest.approx(-errors[hit.painting_id], abs=1e-6)


@pytest.mark.parametrize("rerank", ["ssim", "rmse"])
def test_a_weight_adds_the_second_score_to_the_cosine(gallery: Gallery, rerank: str) -> None:
    options = SearchOptions(limit=50, rerank=rerank, rerank_depth=50)  # type: ignore[arg-type]
    alone = find_similar(gallery, IdQuery("p017"), options=options).hits
    second = {hit.painting_id: hit.rerank_score for hit in alone}
    weighted = replace(options, rerank_weight=0.4)
    hits = find_similar(gallery, IdQuery("p017"), options=weighted).hits
    for hit in hits:
        assert hit.rerank_score == pytest.approx(hit.score + 0.4 * second[hit.painting_id])
    assert ids(hits) == [h.painting_id for h in sorted(hits, key=lambda h: -h.rerank_score)]
    assert ids(hits) != ids(alone)
    nothing = replace(options, rerank_weight=0.0)
    plain = find_similar(gallery, IdQuery("p017"), options=SearchOptions(limit=50)).hits
    assert ids(find_similar(gallery, IdQuery("p017"), options=nothing).hits) == ids(plain)


def test_a_weight_needs_one_cosine_and_makes_sense(gallery: Gallery) -> None:
    options = SearchOptions(rerank="ssim", rerank_weight=0.1)
    with pytest.raises(QueryError, match="no one cosine"):
        find_similar(gallery, IdQuery("p017"), options=options, encoders=["one", "two"])
    for weight in (-0.1, 101.0, float("nan")):
        with pytest.raises(ValueError, match="weight"):
            SearchOptions(rerank="ssim", rerank_weight=weight)


@pytest.mark.parametrize("rerank", [None, "ssim", "rmse"])
def test_several_encoders_are_fused_by_reciprocal_rank(
    gallery: Gallery, made_up: MadeUp, rerank: str | None
) -> None:
    options = SearchOptions(limit=25, rerank=rerank, rerank_depth=25)  # type: ignore[arg-type]
    hits = find_similar(gallery, IdQuery("p017"), options=options, encoders=["one", "two"]).hits
    points: dict[str, float] = {}
    for vectors in (made_up.one, made_up.two):
        ranking = nearest(made_up, vectors, vectors[QUERY], {QUERY})[:100]
        for rank, painting_id in enumerate(ranking, 1):
            points[painting_id] = points.get(painting_id, 0) + 1 / (60 + rank)
    best = sorted(points, key=lambda i: (-points[i], i))[:25]
    assert sorted(ids(hits)) == sorted(best)
    assert all(hit.score == pytest.approx(points[hit.painting_id]) for hit in hits)
    if rerank is None:
        assert ids(hits) == best
    else:
        scores = [hit.rerank_score for hit in hits]
        assert scores == sorted(scores, reverse=True)  # type: ignore[type-var]
        assert len(set(scores)) > 10


def test_fusion_breaks_ties_by_id_and_leaves_its_arguments_alone() -> None:
    a, b = Hit("1", 0.9, {"painting_id": "b"}), Hit("2", 0.8, {"painting_id": "a"})
    fused = fuse_rankings([[a, b], [b, a]])
    assert ids(fused) == ["a", "b"]
    assert (a.score, b.score) == (0.9, 0.8)


def test_best_of_each_artist(gallery: Gallery, made_up: MadeUp) -> None:
    options = SearchOptions(limit=4, group_by="artist", group_size=2)
    result = find_similar(gallery, IdQuery("p017"), options=options)
    ranking = nearest(made_up, made_up.one, made_up.one[QUERY], {QUERY})
    expected: dict[str, list[str]] = {}
    for painting_id in ranking:
        of_artist = expected.setdefault(ARTISTS[made_up.artist[int(painting_id[1:])]][0], [])
        if len(of_artist) < 2:
            of_artist.append(painting_id)
    assert [(g.value, [h.painting_id for h in g.hits]) for g in result.groups] == list(
        expected.items()
    )
    second = SearchOptions(limit=2, offset=2, group_by="artist", group_size=2)
    page = find_similar(gallery, IdQuery("p017"), options=second)
    assert [g.value for g in page.groups] == list(expected)[2:]


def test_not_by_the_same_artist(gallery: Gallery, made_up: MadeUp) -> None:
    options = SearchOptions(limit=100, not_same_artist=True)
    hits = find_similar(gallery, IdQuery("p017"), options=options).hits
    own = ARTISTS[made_up.artist[QUERY]][1]
    others = int((made_up.artist != made_up.artist[QUERY]).sum())
    assert len(hits) == min(100, others)
    assert own not in {hit.payload["artist_key"] for hit in hits}


def test_min_score_is_a_cosine(gallery: Gallery, made_up: MadeUp) -> None:
    hits = find_similar(
        gallery, IdQuery("p017"), options=SearchOptions(limit=100, min_score=0.2)
    ).hits
    cosines = np.delete(made_up.one @ made_up.one[QUERY], QUERY)
    assert len(hits) == int((cosines >= 0.2).sum())


def test_like_and_unlike(gallery: Gallery, made_up: MadeUp) -> None:
    query = ExamplesQuery((IdQuery("p001"), IdQuery("p002")), (IdQuery("p003"),))
    hits = find_similar(gallery, query, options=SearchOptions(limit=20)).hits
    like, unlike = made_up.one[[1, 2]].mean(axis=0), made_up.one[3]
    assert ids(hits) == nearest(made_up, made_up.one, 1.25 * like - 0.25 * unlike, {1, 2, 3})[:20]


def test_faces_by_id_search_by_the_stored_faces(gallery: Gallery, made_up: MadeUp) -> None:
    result = find_similar(gallery, IdQuery("p017"), options=SearchOptions(limit=12), kind=FACES)
    assert ids(result.hits) == nearest(made_up, made_up.two, made_up.two[QUERY], {QUERY})[:12]
    assert {hit.query_face for hit in result.hits} == {0}
    assert result.query_faces[0].box.width == 30
    with pytest.raises(NoFaceError, match="there is no face 1"):
        find_similar(gallery, IdQuery("p017"), kind=FACES, part=1)


def test_what_cannot_be_answered_says_so(gallery: Gallery) -> None:
    with pytest.raises(PaintingNotFoundError, match="no painting with the id 'nobody'"):
        find_similar(gallery, IdQuery("nobody"))
    with pytest.raises(EncoderMismatchError, match=r"it has: one \(one-v1\), two \(two-v1\)"):
        find_similar(gallery, IdQuery("p017"), encoders=["builtin"])
    with pytest.raises(QueryError, match="takes no texts"):
        find_similar(gallery, TextQuery("a girl with a pearl"))


def test_nothing_meets_the_criteria(gallery: Gallery) -> None:
    criteria = Criteria((AnyOf("style", ("Cubism",)),))
    for rerank in (None, "ssim", "rmse"):
        options = SearchOptions(rerank=rerank)  # type: ignore[arg-type]
        assert find_similar(gallery, IdQuery("p017"), criteria, options).hits == []


def test_a_missing_query_picture(gallery: Gallery, tmp_path: Path) -> None:
    from artsim.errors import ImageError
    from artsim.search.question import ImageQuery

    with pytest.raises(ImageError, match="no such file"):
        find_similar(gallery, ImageQuery(tmp_path / "none.jpg"))


def test_an_encoder_from_a_file_is_known_by_its_short_name() -> None:
    net = EncoderInfo("onnx:/models/net.json", "onnx:/models/net.json", "onnx-net-1", 4)
    recorded = {"builtin-v1": EncoderInfo("builtin", "builtin", "builtin-v1", 4), "onnx-net-1": net}
    assert choose_encoders(recorded, ["net"], Models()) == [net]
