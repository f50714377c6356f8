"""One gallery, many threads: what they get is what one thread gets."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np
import pytest
from store_oracle import SCHEMA, make_points

from artsim.catalog.kinds import FACES, EncoderInfo
from artsim.catalog.payload import Between, Criteria
from artsim.errors import StoreError
from artsim.search.answer import Answer, find_similar
from artsim.search.models import Models
from artsim.search.question import IdQuery, ImageQuery, SearchOptions
from artsim.store.embedded import EmbeddedStore
from artsim.store.gallery import Gallery, open_gallery
from artsim.store.protocol import SearchRequest

THREADS = 8

T = TypeVar("T")


def at_once(calls: Sequence[Callable[[], T]]) -> list[T]:
    """Return the answers of `calls`, which eight threads begin together."""
    ready = threading.Barrier(THREADS)

    def run(share: int) -> list[tuple[int, T]]:
        ready.wait()
        return [(i, calls[i]()) for i in range(share, len(calls), THREADS)]

    with ThreadPoolExecutor(THREADS) as threads:
        found = [pair for part in threads.map(run, range(THREADS)) for pair in part]
    return [answer for _, answer in sorted(found, key=lambda pair: pair[0])]


def searches(
    gallery: Gallery, models: Models, pictures: dict[str, Path]
) -> list[Callable[[], object]]:
    """Return searches by id, by picture and by face, each for some of the pictures."""
    options = SearchOptions(limit=5)

    def answer(search: Callable[..., Answer], query: object) -> object:
        found = search(gallery, query, options=options, models=models)
        return [(hit.painting_id, hit.score) for hit in found.hits]

    return [
        lambda search=search, query=query: answer(search, query)
        for painting_id, picture in pictures.items()
        for search, query in (
            (find_similar, IdQuery(painting_id)),
            (find_similar, ImageQuery(picture)),
            (partial(find_similar, kind=FACES), IdQuery(painting_id)),
        )
    ]


def test_the_first_searches_of_a_process_may_come_from_many_threads(
    sample_home: Path, sample: Path
) -> None:
    large = Criteria((Between("face_size", 40), Between("detection_score", 0.6)))
    with open_gallery(home=sample_home) as gallery:
        files = {
            str(face.payload["painting_id"]): sample
            / "images"
            / face.payload["image_uri"].rpartition("/")[2]
            for face in gallery[FACES].scroll(large)
        }
    pictures = dict(sorted(files.items())[:3])
    with open_gallery(home=sample_home) as gallery:
        alone = [search() for search in searches(gallery, Models(), pictures)]
    with open_gallery(home=sample_home) as gallery:
        assert at_once(searches(gallery, Models(), pictures)) == alone


def test_a_model_is_loaded_once(monkeypatch: pytest.MonkeyPatch) -> None:
    from artsim.encoders import registry
    from artsim.encoders.base import Encoder
    from artsim.encoders.cards import Card

    models, loaded = Models(), []
    card = registry.resolve("builtin")
    first = models.encoder(EncoderInfo("builtin", "builtin", card.vector_name, 1))
    family = registry.FAMILIES[card.family]

    def load(card: Card, device: str) -> Encoder:
        loaded.append(device)
        threading.Event().wait(0.05)  # as weights take that are read
        return family.load(card, device)

    monkeypatch.setitem(registry.FAMILIES, card.family, replace(family, load=load))
    models = Models()
    found = at_once([lambda: models.encoder(first.info)] * THREADS)
    assert len(loaded) == 1
    assert len({id(encoder) for encoder in found}) == 1


def test_closing_lets_calls_end_and_refuses_later_ones(tmp_path: Path) -> None:
    """Every search has a whole answer or says that the store has been closed."""
    store = EmbeddedStore(tmp_path / "home")
    collection = store.create_collection("paintings", SCHEMA)
    collection.upsert(make_points(60))
    begun = threading.Barrier(THREADS)
    request = SearchRequest(np.ones(8), "first-1", limit=60)

    def search(worker: int) -> list[int]:
        found: list[int] = []
        begun.wait()
        try:
            for _ in range(1000):
                found.append(len(collection.search([request])[0]))
                if worker == 0 and len(found) == 3:
                    store.close()
        except StoreError as error:
            assert "has been closed" in str(error)
            return found
        raise AssertionError("the store was closed, and nobody noticed")

    with ThreadPoolExecutor(THREADS) as threads:
        answers = list(threads.map(search, range(THREADS)))
    assert {count for found in answers for count in found} == {60}
    with pytest.raises(StoreError, match="has been closed"):
        store.open_collection("paintings")
    with EmbeddedStore(tmp_path / "home") as again:
        assert again.open_collection("paintings").count() == 60
