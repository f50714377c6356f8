"""Many visitors at once: turns, results of equal work, batches, and an ingest beside them."""

from __future__ import annotations

import io
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
from page_server import client_of, running
from PIL import Image

from artsim.catalog.arrays import Embeddings, RGBImage
from artsim.catalog.kinds import FACES, Crop
from artsim.encoders.base import Encoder, Prepared
from artsim.encoders.cards import Card, Family
from artsim.encoders.devices import usable_cores
from artsim.encoders.registry import FAMILIES
from artsim.errors import ImageError
from artsim.images.memory import DECODING
from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.search.models import Models
from artsim.store.gallery import Gallery, open_gallery
from artsim.web.app import make_app
from artsim.web.sharing import MOST_TOGETHER, Service, Shared, SharedModels

CARD = Card(name="gated", spec="gated", family="gated", dim=4, vector_name="gated-v1")
MANY = 16


class Gated(Encoder):
    """The mean color of a picture and one more number, once its gate is open."""

    gate = threading.Event()
    batches: list[int]

    def prepare(self, image: RGBImage) -> Prepared:
        return np.append(image.reshape(-1, 3).mean(axis=0), 1.0)

    def compute(self, batch: Prepared) -> Prepared:
        self.batches.append(len(batch))
        self.gate.wait()
        return batch


@pytest.fixture
def batches(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many pictures each batch of the gated encoder had."""
    monkeypatch.setitem(FAMILIES, "gated", Family(lambda card, _: Gated(card.info()), (CARD,)))
    monkeypatch.setattr(Gated, "gate", threading.Event())
    monkeypatch.setattr(Gated, "batches", [], raising=False)
    return Gated.batches


def gray(level: int) -> Crop:
    return Crop(np.full((8, 8, 3), level, np.uint8), {})


def until(condition: Callable[[], bool]) -> None:
    while not condition():
        time.sleep(0.005)


def test_what_waits_is_encoded_together(batches: list[int]) -> None:
    models, info = SharedModels(), CARD.info()
    with ThreadPoolExecutor(MANY) as threads:
        asked = [threads.submit(models.encode, info, [gray(level)]) for level in range(MANY)]
        waiting = models._batches
        until(lambda: len(batches) == usable_cores())
        until(lambda: sum(batches) + len(waiting[info]._waiting) == MANY)
        Gated.gate.set()
        rows = np.concatenate([one.result() for one in asked])
    assert np.array_equal(rows, Gated(info).encode([gray(level).pixels for level in range(MANY)]))
    assert max(batches[:-1]) > 1
    assert max(batches[:-1]) <= MOST_TOGETHER
    assert len(batches) - 1 < MANY  # and one batch for the comparison


def test_equal_pictures_are_encoded_once(batches: list[int]) -> None:
    models, info = SharedModels(), CARD.info()
    with ThreadPoolExecutor(MANY) as threads:
        asked = [threads.submit(models.encode, info, [gray(7)]) for _ in range(MANY)]
        until(lambda: bool(batches))
        Gated.gate.set()
        rows: list[Embeddings] = [one.result() for one in asked]
    models.encode(info, [gray(7)])
    assert batches == [1]
    assert all(np.array_equal(row, rows[0]) for row in rows)
    models.encode(info, [gray(8)])
    assert batches == [1, 1]


def test_what_is_kept_is_bounded_and_failures_are_not_kept() -> None:
    kept: Shared[bytes] = Shared(10, len)
    made = []

    def make(name: str, size: int) -> bytes:
        return kept.get(name, lambda: made.append(name) or bytes(size))

    for name, size in (("a", 4), ("b", 4), ("a", 4), ("c", 4), ("a", 4), ("b", 4), ("d", 11)):
        assert len(make(name, size)) == size
    assert made == ["a", "b", "c", "b", "d"]
    begun, go_on = threading.Event(), threading.Event()

    def fail() -> bytes:
        begun.set()
        go_on.wait()
        raise ImageError("gone")

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(kept.get, "e", fail)
        begun.wait()
        second = threads.submit(make, "e", 3)
        go_on.set()
        assert isinstance(first.exception(), ImageError)
        assert len(second.result()) == 3


@pytest.fixture
def service_and_address(
    shown: Gallery, models: Models, tmp_path: Path
) -> Iterator[tuple[Service, str]]:
    app = make_app(shown, tmp_path / "page", models=models)
    inner: Any = app.app
    with running(app) as address:
        yield inner.state.service, address


def picture(level: int) -> bytes:
    stream = io.BytesIO()
    pixels = np.random.default_rng(level).integers(0, 256, (90, 70, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(stream, "PNG")
    return stream.getvalue()


def send(client: httpx.Client, content: bytes) -> httpx.Response:
    return client.post("/api/v1/uploads", files={"picture": ("a.png", content)})


def test_beyond_its_queue_a_server_says_so_and_the_rest_goes_on(
    service_and_address: tuple[Service, str],
) -> None:
    service, address = service_and_address
    service.drawing.threads.total_tokens = service.drawing.waiting = 1
    drawing = service.drawing.threads.statistics
    client = client_of(address)
    with client, ThreadPoolExecutor(2) as threads:
        sent = send(client, picture(0)).json()
        question = {"query": {"upload": sent["id"]}, "options": {"limit": 3}}
        first = client.post("/api/v1/query", json=question).json()["hits"]
        thumbnail = f"/api/v1/thumbnails/{first[0]['picture_id']}"
        small = client.get(thumbnail).content
        with DECODING.share(DECODING.total):  # nobody can decode anything
            one = threads.submit(send, client, picture(1))
            until(lambda: drawing().borrowed_tokens == 1)
            other = threads.submit(send, client, picture(2))
            until(lambda: drawing().tasks_waiting == 1)
            refused = send(client, picture(3))
            assert refused.status_code == 503
            assert refused.headers["retry-after"].isdecimal()
            assert "too many ask at once" in refused.json()["detail"]
            # What was read, encoded or drawn before is not so again, and the rest does not wait.
            assert client.get(thumbnail).content == small
            assert client.post("/api/v1/query", json=question).json()["hits"] == first
            narrowed = {**question, "filters": {"years": "1500..1900"}}
            assert client.post("/api/v1/query", json=narrowed).status_code == 200
            by_id = {"query": {"id": first[0]["painting_id"]}}
            assert client.post("/api/v1/query", json=by_id).status_code == 200
            assert client.get("/").status_code == 200
        assert {one.result().status_code, other.result().status_code} == {201}


def test_many_ask_at_once_and_get_the_answers_of_one(
    service_and_address: tuple[Service, str], sample: Path
) -> None:
    """Pictures, regions and faces, by all at the same time: each as when it is asked alone."""
    _, address = service_and_address
    with client_of(address) as client:
        paths = sorted((sample / "images").glob("*.jpg"))[:4]
        uploads = [send(client, path.read_bytes()).json()["id"] for path in paths]

    def ask(number: int) -> list[tuple[str, float]]:
        upload = {"upload": uploads[number % 4]}
        region = {"region": "10%,10%,60%,60%"} if number % 8 >= 4 else {}
        kind = FACES.name if number == 8 else "paintings"
        question = {"query": {**upload, **region}, "kind": kind, "options": {"limit": 4}}
        with client_of(address) as client:
            answered = client.post("/api/v1/query", json=question)
        hits = answered.json().get("hits", [])
        return [(hit["point_id"], round(hit["score"], 3)) for hit in hits]

    with ThreadPoolExecutor(MANY) as threads:
        together = list(threads.map(ask, range(9)))
    assert together == [ask(number) for number in range(9)]
    assert sum(map(bool, together)) >= 8


@pytest.mark.slow
def test_an_ingest_goes_on_beside_a_page_over_a_server(
    server_url: str, sample: Path, tmp_path: Path
) -> None:
    paths = sorted((sample / "images").glob("*.jpg"))[:6]
    options = IngestOptions(faces=False)

    def ingest(folder: Path, some: list[Path]) -> None:
        folder.mkdir()
        for path in some:
            shutil.copy(path, folder)
        with open_gallery(url=server_url) as writing:
            ingest_paintings(writing, folder, options)

    ingest(tmp_path / "before", paths[:3])
    with (
        open_gallery(url=server_url) as gallery,
        running(make_app(gallery, tmp_path / "page")) as address,
        client_of(address) as client,
        ThreadPoolExecutor(1) as threads,
    ):
        question = {"query": {"id": paths[0].name}}
        beside = threads.submit(ingest, tmp_path / "beside", paths[3:])
        while True:
            is_over = beside.done()
            assert client.post("/api/v1/query", json=question).status_code == 200
            if is_over:
                break
        beside.result()
        hits = client.post("/api/v1/query", json=question).json()["hits"]
        assert {hit["painting_id"] for hit in hits} == {path.name for path in paths[1:]}
