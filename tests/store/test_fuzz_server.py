"""Answers of a server, each wrong somewhere: never a traceback, a hang or much memory.

The answers of a small gallery are made wrong by chance, always the same: a value is exchanged,
a key left out, bytes changed or cut, another status sent. Whatever comes, a call has an answer
or raises `StoreError`.
"""

from __future__ import annotations

import copy
import json
import random
import resource
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from fake_server import Handler, serving
from local_qdrant import described

from artsim.catalog.kinds import FACES, PAINTINGS, Kind
from artsim.catalog.payload import painting_point_id
from artsim.errors import ArtsimError
from artsim.ingest.upkeep import push_gallery
from artsim.search.answer import find_similar
from artsim.search.inspect import describe_painting, describe_store
from artsim.search.question import IdQuery, SearchOptions
from artsim.store.gallery import Gallery, open_gallery
from artsim.store.protocol import Collection
from artsim.store.server import ServerStore

ENCODER = {
    "name": "builtin",
    "spec": "builtin",
    "vector_name": "builtin-v3",
    "dim": 4,
    "kind": "image",
    "takes_text": False,
}
IDS = ["a", "b", "c"]

HOSTILE: list[Any] = [
    None,
    True,
    -1,
    0,
    2**70,
    1e300,
    "",
    "x" * 5000,
    "\x1b[2J\u202e\0",
    "not-a-uuid",
    [],
    {},
    [[[[]]]],
    {"a": {"b": None}},
    [None, "1", 2.5],
]
"""Values that one of the right kind is exchanged for."""

BODIES: list[bytes] = [
    b"",
    b"null",
    b"[]",
    b"<html>Welcome</html>",
    b"\xff\xfe\x00",
    b'{"result":' + 3000 * b"[" + 3000 * b"]" + b"}",
    b'{"result":' + 5000 * b"9" + b"}",
    b'{"result":1e999}',
    b'{"result":NaN}',
]
"""Bodies that an answer is exchanged for."""


def payload_of(painting_id: str) -> dict[str, Any]:
    return {
        "painting_id": painting_id,
        "title": f"The {painting_id}",
        "artist": "Frans Hals",
        "style": ["baroque"],
        "year_start": 1640,
        "face_count": 1,
    }


def records(faces: bool) -> list[dict[str, Any]]:
    vectors = {"builtin-v3": [0.5, 0.5, 0.5, 0.5], "pixels": [1.0, 2.0, 3.0, 4.0]}
    found = []
    for painting_id in IDS:
        payload, point_id = payload_of(painting_id), painting_point_id(painting_id)
        if faces:
            payload |= {"face_index": 0, "box": [1.0, 2.0, 30.0, 40.0], "detection_score": 0.9}
            payload["face_size"] = 30
            point_id = FACES.point_id(painting_id, 0)
        found.append({"id": point_id, "payload": payload, "vector": vectors})
    return sorted(found, key=lambda r: str(r["id"]))


def collection_info(part: str) -> dict[str, Any]:
    pixels = {"size": 4, "distance": "Euclid", "datatype": "uint8", "hnsw_config": {"m": 0}}
    vectors = {"builtin-v3": {"size": 4, "distance": "Cosine"}, "pixels": pixels}
    notes = {"part": part, "pixels_side": 2, "encoders": [ENCODER]}
    return described(vectors, {"artsim": notes}, ("painting_id", "artist"))


def right_answer(path: str, method: str, body: dict[str, Any]) -> Any:
    """What a Qdrant server with the gallery would say."""
    faces = "/faces" in path
    points = records(faces)
    end = path.partition("?")[0].rpartition("/")[2]
    match end:
        case "":
            return {"title": "qdrant", "version": "1.18.0"}
        case "collections":
            result: Any = {"collections": [{"name": "paintings"}, {"name": "faces"}]}
        case "scroll":
            result = {"points": points, "next_page_offset": None}
        case "count":
            result = {"count": 3}
        case "facet":
            result = {"hits": [{"value": "Frans Hals", "count": 3}]}
        case "batch" if "query" in path:
            scored = [{**p, "version": 1, "score": 0.9 - i / 10} for i, p in enumerate(points)]
            result = [{"points": scored} for _ in body["searches"]]
        case "points" if method == "POST":
            result = [p for p in points if p["id"] in body["ids"]]
        case "paintings" | "faces" if method == "GET":
            result = collection_info(end)
        case _:
            result = {"operation_id": 1, "status": "completed"}
    return {"result": result, "status": "ok", "time": 0.0}


class Fuzz:
    """A server that answers rightly, but for some answers that are wrong somewhere."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.wrong = 0

    def __call__(self, handler: Handler) -> None:
        body = json.loads(handler.server.asked[-1][3] or b"{}")
        answer = right_answer(handler.path, handler.command, body)
        if self.random.random() < 0.8:
            handler.say(200, answer)
            return
        self.wrong += 1
        self.random.choice([self.value, self.value, self.value, self.bytes, self.status])(
            handler, answer
        )

    def value(self, handler: Handler, answer: Any) -> None:
        """Exchange or leave out one to three values."""
        answer = copy.deepcopy(answer)
        for _ in range(self.random.randint(1, 3)):
            holder = self.random.choice(list(holders(answer)))
            key = self.random.choice(
                list(holder) if isinstance(holder, dict) else list(range(len(holder)))
            )
            if self.random.random() < 0.25:
                del holder[key]
            else:
                holder[key] = copy.deepcopy(self.random.choice(HOSTILE))
            if not list(holders(answer)):
                break
        handler.say(200, answer)

    def bytes(self, handler: Handler, answer: Any) -> None:
        """Change, cut or exchange the body."""
        body = bytearray(json.dumps(answer).encode())
        match self.random.randrange(3):
            case 0:
                for _ in range(self.random.randint(1, 8)):
                    body[self.random.randrange(len(body))] = self.random.randrange(256)
            case 1:
                del body[self.random.randrange(len(body)) :]
            case _:
                body = bytearray(self.random.choice(BODIES))
        handler.say(200, bytes(body))

    def status(self, handler: Handler, answer: Any) -> None:
        """Send another status, with the answer or another body."""
        code = self.random.choice([201, 204, 301, 302, 400, 401, 404, 409, 418, 429, 500, 503, 599])
        body = self.random.choice([answer, b"", *BODIES])
        headers = self.random.choice([{}, {"Retry_After": "9" * 400}, {"Content_Encoding": "gzip"}])
        handler.say(code, b"" if code == 204 else body, **headers)


def holders(value: Any) -> list[Any]:
    """Return every object and list in `value` that has something in it."""
    found = [value] if isinstance(value, dict | list) and value else []
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return found + [holder for part in inner for holder in holders(part)]


def asked(gallery: Gallery, other: Gallery) -> list[Callable[[], object]]:
    """Return what is asked of the gallery: every kind of call that a user can make."""
    options = SearchOptions(limit=3, rerank="rmse")
    return [
        lambda: describe_store(gallery),
        lambda: describe_painting(gallery, "a"),
        lambda: find_similar(gallery, IdQuery("a"), options=options),
        lambda: find_similar(gallery, IdQuery("b"), options=SearchOptions(group_by="artist")),
        lambda: find_similar(gallery, IdQuery("a"), kind=FACES),
        lambda: count(gallery[PAINTINGS], "artist"),
        lambda: read(gallery[PAINTINGS]),
        lambda: push_gallery(gallery, other),
    ]


def count(collection: Collection, field: str) -> None:
    if field in collection.schema.payload_indexes:
        collection.facet(field)


def read(collection: Collection) -> None:
    for record in collection.scroll(with_vectors=list(collection.schema.vectors)):
        json.dumps(record.payload)


def check(seeds: range, other: Gallery) -> Counter[str]:
    """Ask a server for everything, once for each seed; return how the calls ended."""
    ends: Counter[str] = Counter()
    with (
        serving(lambda _: None) as server,
        ServerStore(server.url, timeout=5, answer_time=5, patience=0) as store,
    ):
        calls = asked(Gallery(store), other)
        for seed in seeds:
            server.script = fuzz = Fuzz(seed)
            server.asked.clear()
            try:
                fuzz.random.choice(calls)()
            except ArtsimError as error:
                assert len(str(error)) < 2000, (seed, str(error))
                assert "\x1b" not in str(error), seed
                ends[type(error).__name__] += 1
            except Exception as error:
                error.add_note(f"seed {seed}")
                raise
            else:
                ends["answered" if fuzz.wrong else "untouched"] += 1
    return ends


@pytest.fixture
def other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A gallery on the disk, to push what the server says to."""
    monkeypatch.setattr(Kind, "indexes", {"painting_id": "keyword"})
    with open_gallery(home=tmp_path / "home") as gallery:
        yield gallery


def test_a_right_server_answers_everything(other: Gallery) -> None:
    def right(handler: Handler) -> None:
        body = json.loads(handler.server.asked[-1][3] or b"{}")
        handler.say(200, right_answer(handler.path, handler.command, body))

    with serving(right) as server, ServerStore(server.url) as store:
        for call in asked(Gallery(store), other):
            call()
    assert other[PAINTINGS].count() == 3
    assert np.isfinite(
        next(other[PAINTINGS].scroll(with_vectors=["pixels"])).vectors["pixels"]
    ).all()


def test_wrong_answers(other: Gallery) -> None:
    ends = check(range(120), other)
    assert ends["StoreError"] > 20
    assert ends["answered"] > 5


@pytest.mark.slow
def test_thousands_of_wrong_answers(other: Gallery) -> None:
    check(range(10_000, 10_200), other)  # whatever is loaded at first is
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for start in range(0, 5000, 500):
        check(range(20_000 + start, 20_500 + start), other)
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
    assert grown < 300 * 1024  # KiB
