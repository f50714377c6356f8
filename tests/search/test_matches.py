"""Re-ranking by local points: what comes first, what it says of it, and what it cannot do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from artsim.catalog.arrays import RGBImage
from artsim.catalog.kinds import PAINTINGS, POINTS
from artsim.errors import QueryError
from artsim.images.load import load_image
from artsim.images.local_points import FOUND_INLIERS
from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.ingest.sample import make_sample
from artsim.render.sheet import write_sheet
from artsim.search.answer import find_similar
from artsim.search.question import (
    ExamplesQuery,
    IdQuery,
    PixelsQuery,
    SearchOptions,
    TextQuery,
)
from artsim.store.gallery import Gallery, open_gallery

MATCHES = SearchOptions(limit=8, rerank="matches")
INGEST = IngestOptions(encoders=("handcrafted",), kinds=(), points=True)


@pytest.fixture(scope="module")
def gallery(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    folder = tmp_path_factory.mktemp("matches")
    make_sample(folder / "pictures", count=8)
    with open_gallery(home=folder / "home") as opened:
        ingest_paintings(opened, folder / "pictures" / "images", INGEST)
        yield opened


def first(gallery: Gallery) -> tuple[str, RGBImage]:
    payload = next(iter(gallery[PAINTINGS].scroll())).payload
    return str(payload["painting_id"]), load_image(payload["image_uri"][len("file://") :]).pixels


def test_the_work_of_a_mirrored_detail_comes_first_with_its_place_and_the_rest_stays(
    gallery: Gallery, tmp_path: Path
) -> None:
    painting_id, picture = first(gallery)
    height, width = picture.shape[:2]
    part = picture[: height // 2, : width // 2, :][:, ::-1]
    query = PixelsQuery(part)
    plain = find_similar(gallery, query, options=replace(MATCHES, rerank=None, look="whole")).hits
    answer = find_similar(gallery, query, options=MATCHES)
    best, *rest = answer.hits
    evidence = best.evidence
    assert best.painting_id == painting_id and evidence is not None
    assert evidence.found == "found" and evidence.mirrored and evidence.relation == "detail"
    assert best.rerank_score == evidence.inliers >= FOUND_INLIERS
    corners = [(0.5, 0), (0, 0), (0, 0.5), (0.5, 0.5)]
    assert np.array(evidence.outline) == pytest.approx(np.array(corners), abs=0.02)
    kept = [hit.painting_id for hit in plain if hit.painting_id != painting_id]
    assert [hit.painting_id for hit in rest] == kept
    assert all(hit.rerank_score == 0.0 and not hit.vectors for hit in rest)
    assert {hit.evidence.found for hit in rest if hit.evidence} == {"not found"}
    said = json.loads(json.dumps(answer.to_dict()))["hits"]
    assert said[0]["evidence"]["pairs"] and said[1]["evidence"]["found"] == "not found"
    for name in ("pairs.png", "pairs.html"):
        write_sheet(answer, tmp_path / name)
    assert "a detail of it, found by" in (tmp_path / "pairs.html").read_text("utf-8")
    with Image.open(tmp_path / "pairs.png") as sheet:
        assert sheet.width == 1600


def test_ids_and_examples_are_compared_too_and_weights_add_up(gallery: Gallery) -> None:
    painting_id, _ = first(gallery)
    with_itself = replace(MATCHES, include_self=True)
    for query in (IdQuery(painting_id), ExamplesQuery((IdQuery(painting_id),))):
        best = find_similar(gallery, query, options=with_itself).hits[0]
        assert best.painting_id == painting_id and best.evidence is not None
        assert best.evidence.relation == "same picture" and not best.evidence.mirrored
    weighted = replace(with_itself, rerank_weight=0.01)
    best = find_similar(gallery, IdQuery(painting_id), options=weighted).hits[0]
    assert best.evidence is not None
    assert best.rerank_score == pytest.approx(best.score + 0.01 * best.evidence.inliers)


def test_a_print_and_an_empty_picture_are_not_checked(gallery: Gallery) -> None:
    _, picture = first(gallery)
    print_of = 255 - np.repeat(picture.mean(axis=2, keepdims=True), 3, axis=2).astype(np.uint8)
    for query, why in ((print_of, "the query has no color"), (picture[:9, :9], "the query has")):
        for hit in find_similar(gallery, PixelsQuery(query), options=MATCHES).hits:
            assert hit.evidence is not None and hit.evidence.found == "not checked"
            assert hit.evidence.why.startswith(why)


@pytest.mark.slow
def test_what_has_no_points_is_told_how_to_get_them(gallery: Gallery, tmp_path: Path) -> None:
    with pytest.raises(QueryError, match="takes no texts"):
        find_similar(gallery, TextQuery("a ship"), options=MATCHES)
    _, picture = first(gallery)
    with open_gallery(home=tmp_path) as other:
        source = Path(next(iter(gallery[PAINTINGS].scroll())).payload["image_uri"][7:]).parent
        ingest_paintings(other, source, replace(INGEST, points=False, limit=2))
        with pytest.raises(QueryError, match="has no points") as caught:
            find_similar(other, PixelsQuery(picture), options=MATCHES)
        assert "artsim ingest SOURCE --details" in caught.value.hint
        ingest_paintings(other, source, replace(INGEST, limit=1))
        hits = find_similar(other, PixelsQuery(picture), options=MATCHES).hits
        said = sorted(hit.evidence.why for hit in hits if hit.evidence)
        assert said[-1] == "the gallery has no points of it"
        assert POINTS in other[PAINTINGS].schema.vectors
