"""290 questions about real paintings, of every form, answered the same embedded and served."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from store_backends import NO_SERVER, THREE_NODES, pushed_to

from artsim.catalog.kinds import FACES, PAINTINGS, Kind
from artsim.catalog.payload import AnyOf, Criteria, Known, overlaps_years
from artsim.search.answer import find_similar
from artsim.search.models import Models
from artsim.search.question import IdQuery, ImageQuery, SearchOptions
from artsim.store.gallery import Gallery, open_gallery

pytestmark = [NO_SERVER, pytest.mark.slow]

QUESTIONS = 290
RERANKINGS = (None, "ssim", "rmse")


@pytest.fixture(scope="module", params=["one shard", "three shards", THREE_NODES])
def served(request: pytest.FixtureRequest, sample_home: Path) -> Iterator[Gallery]:
    with (
        open_gallery(home=sample_home) as embedded,
        pushed_to(request.param, embedded, "pictures") as gallery,
    ):
        embedded.close()
        yield gallery


def named(gallery: Gallery, kind: Kind) -> list[str]:
    return sorted({str(r.payload["painting_id"]) for r in gallery[kind].scroll()})


def filters(gallery: Gallery) -> list[Criteria]:
    artist = AnyOf("artist", (gallery[PAINTINGS].facet("artist")[0].value,))
    return [
        Criteria(),
        Criteria((artist,)),
        Criteria((), (artist,)),
        Criteria(overlaps_years(1600, 1870)),
        Criteria((Known("medium"),), (artist,)),
    ]


def test_every_form_of_question(served: Gallery, sample_gallery: Gallery, sample: Path) -> None:
    models, chosen = Models(), filters(sample_gallery)
    works, with_faces = (named(sample_gallery, kind) for kind in (PAINTINGS, FACES))
    pictures = sorted((sample / "images").iterdir())
    forms: list[tuple[Any, Criteria, str | None, Kind]] = [
        *product(map(IdQuery, works[::5]), chosen, RERANKINGS, [PAINTINGS]),
        *product(map(ImageQuery, pictures[::15]), chosen, RERANKINGS, [PAINTINGS]),
        *product(map(IdQuery, with_faces[:5]), chosen, [None], [FACES]),
    ]
    for query, criteria, rerank, kind in forms:
        options = SearchOptions(rerank=rerank, rerank_depth=20, all_faces=True)
        ours, theirs = (
            find_similar(g, query, criteria, options, kind=kind, models=models).hits
            for g in (sample_gallery, served)
        )
        case = (query, criteria, rerank, kind)
        assert [h.point_id for h in ours] == [h.point_id for h in theirs], case
        scores = [[(h.score, h.rerank_score or 0.0) for h in hits] for hits in (ours, theirs)]
        np.testing.assert_allclose(*scores, atol=1e-6, rtol=0, err_msg=str(case))
    counted = list(product(("artist", "medium", "institution"), chosen[:5], (3,)))
    counted += product(("artist", "medium"), chosen, (1000,))
    for field, criteria, limit in counted:
        assert sample_gallery[PAINTINGS].facet(field, criteria, limit=limit) == served[
            PAINTINGS
        ].facet(field, criteria, limit=limit), (field, criteria)
    assert len(forms) + len(counted) == QUESTIONS
