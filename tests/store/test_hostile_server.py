"""Servers that never end, unpack to gigabytes, or answer what no Qdrant answers."""

from __future__ import annotations

import gzip
import json
import time
import tracemalloc
import zlib

import pytest
from fake_server import Answer, Handler, endless, error, raw, serving
from local_qdrant import described
from store_oracle import make_points

from artsim.errors import ArtsimError, StoreError, StoreUnavailableError
from artsim.store.protocol import Point
from artsim.store.server import ServerStore

OK = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
NO_COLLECTIONS = b'{"result":{"collections":[]},"status":"ok","time":0.0}'


def failure(script: Answer, *, answer_time: float = 5.0) -> tuple[ArtsimError, int]:
    """What listing the collections fails with, and how many bytes were sent for it."""
    with (
        serving(script) as server,
        ServerStore(server.url, timeout=5.0, answer_time=answer_time, patience=0.0) as store,
    ):
        with pytest.raises(StoreError) as caught:
            store.list_collections()
        assert len(str(caught.value)) < 700
        return caught.value, server.sent


def packed(body: bytes, times: int, how: str = "gzip") -> Answer:
    """A body that unpacks to `body`, so many times."""

    def script(handler: Handler) -> None:
        packer = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
        parts = [packer.compress(body) for _ in range(times)]
        whole = b"".join([*parts, packer.flush()])
        if how == "gzip, gzip":
            whole = gzip.compress(whole)
        handler.say(200, whole, Content_Encoding=how)

    return script


class TestTime:
    @pytest.mark.parametrize(
        "dripping",
        [
            endless(OK + b"Content-Length: 1000\r\n\r\n", b" ", every=0.05),
            endless(CHUNKED, b"1\r\n \r\n", every=0.05),
            endless(b"HTTP/1.1 200 OK\r\n", b"X-A: b\r\n", every=0.05),
            endless(b"", b"H", every=0.05),
        ],
        ids=["body", "chunks", "headers", "status"],
    )
    def test_an_answer_that_drips_is_given_up(self, dripping: Answer) -> None:
        began = time.monotonic()
        late, _ = failure(dripping, answer_time=0.4)
        assert isinstance(late, StoreUnavailableError)
        assert "in time" in str(late)
        # Each part of it came in time: only the whole is late.
        assert time.monotonic() - began < 5.0

    def test_an_answer_in_time_is_none_the_worse(self) -> None:
        slowly = raw(
            OK + b"Content-Length: %d\r\n\r\n" % len(NO_COLLECTIONS), NO_COLLECTIONS, every=0.05
        )
        with serving(slowly) as server, ServerStore(server.url, answer_time=5.0) as store:
            assert store.list_collections() == []


class TestSize:
    @pytest.fixture(autouse=True)
    def _small(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("artsim.store.server_calls.MAX_ANSWER", 2**20)

    @pytest.mark.parametrize(
        "body",
        [
            endless(CHUNKED, b"1000\r\n" + 4096 * b" " + b"\r\n"),
            endless(OK + b"Connection: close\r\n\r\n", 4096 * b" "),
            packed(2**20 * b" ", 100),
        ],
        ids=["chunked", "until closed", "packed"],
    )
    def test_an_answer_too_long_is_given_up(self, body: Answer) -> None:
        tracemalloc.start()
        try:
            long, _ = failure(body)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
        assert "answer was too long" in str(long)
        assert peak < 60 * 2**20

    def test_it_is_not_asked_for_again(self) -> None:
        script = packed(2**20 * b" ", 2)
        with serving(script) as server, ServerStore(server.url, patience=60.0) as store:
            with pytest.raises(StoreError, match="too long"):
                store.list_collections()
            assert len(server.asked) == 1

    @pytest.mark.parametrize("how", ["gzip, gzip", "br", "zstd", "aes"])
    def test_packings_that_hide_their_size_are_refused(self, how: str) -> None:
        refused, _ = failure(packed(b" ", 1, how))
        assert "not as a Qdrant server" in str(refused)

    def test_what_is_packed_is_read(self) -> None:
        with (
            serving(packed(NO_COLLECTIONS, 1)) as server,
            ServerStore(server.url) as store,
        ):
            assert store.list_collections() == []


class TestContent:
    @pytest.mark.parametrize(
        "body",
        [
            b'{"result":' + 200_000 * b"[" + 200_000 * b"]" + b"}",
            b'{"result":' + 200_000 * b'{"a":' + b"1" + 200_000 * b"}" + b"}",
            b'{"result":{"collections":[]},"status":"ok","time":' + 10_000 * b"9" + b"}",
            b'{"result":{"collections":' + 10_000 * b"9" + b"}}",
            b'{"result":{"collections":[{"name":7}]}}',
            b'{"result":[]}',
            b"[]",
            b"null",
            b"",
            b"\xff\xfe",
            b"<html>Welcome</html>",
            NO_COLLECTIONS[:-10],
        ],
    )
    def test_what_is_no_answer_of_qdrant(self, body: bytes) -> None:
        refused, _ = failure(lambda h: h.say(200, body))
        assert "not as a Qdrant server" in str(refused)

    @pytest.mark.parametrize("code", [301, 302, 307, 308])
    def test_redirects_are_not_followed(self, code: int) -> None:
        refused, _ = failure(lambda h: h.say(code, b"", Location="http://127.0.0.1:1/"))
        assert "not as a Qdrant server" in str(refused)

    @pytest.mark.parametrize(
        "body",
        [
            raw(OK + b"Content-Length: 900\r\n\r\n" + NO_COLLECTIONS),
            raw(OK + b"Content-Encoding: gzip\r\nContent-Length: 3\r\n\r\nabc"),
            raw(OK + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n"),
            raw(b"SSH-2.0-OpenSSH_9.6\r\n"),
            raw(b"HTTP/1.1 200 OK\r\n" + b"X-A: " + 200_000 * b"b"),
        ],
        ids=["cut", "no gzip", "no chunk", "ssh", "long header"],
    )
    def test_what_is_no_http(self, body: Answer) -> None:
        failure(body)

    def test_what_a_server_says_is_shown_without_tricks(self) -> None:
        said, _ = failure(error(400, "\x1b]0;title\x07 odd" + 100_000 * "!"))
        assert "odd!!!" in str(said)
        assert "\x1b" not in str(said)

    @pytest.mark.parametrize("after", ["9" * 400, "9" * 5000, "nan", "inf", "-1", "x"])
    def test_times_to_wait_that_make_no_sense(self, after: str) -> None:
        for code in (429, 503):
            busy, _ = failure(error(code, "busy", Retry_After=after))
            assert isinstance(busy, StoreUnavailableError)


def test_a_closed_store_says_so() -> None:
    with serving(lambda h: h.say(200, NO_COLLECTIONS)) as server:
        store = ServerStore(server.url)
        store.list_collections()
        store.close()
        with pytest.raises(StoreError, match="has been closed"):
            store.list_collections()


class Pages:
    """A server with a collection of some points, of which it packs few into an answer."""

    def __init__(self, count: int) -> None:
        self.points = sorted(make_points(count), key=lambda p: p.point_id)
        self.sizes: list[int] = []

    def __call__(self, handler: Handler) -> None:
        body = json.loads(handler.server.asked[-1][3] or b"{}")
        if handler.path.endswith("/scroll"):
            first = body.get("offset") or ""
            found = [p for p in self.points if p.point_id >= first][: body["limit"] + 1]
            after = found[body["limit"]].point_id if len(found) > body["limit"] else None
            records = [self.record(p) for p in found[: body["limit"]]]
            self.sizes.append(body["limit"])
            result: object = {"points": records, "next_page_offset": after}
        elif handler.command == "GET":
            result = described({"first-1": {"size": 8, "distance": "Cosine"}})
        else:
            result = [self.record(p) for p in self.points if p.point_id in body["ids"]]
        handler.say(200, {"result": result, "status": "ok", "time": 0.0})

    def record(self, point: Point) -> dict[str, object]:
        return {"id": point.point_id, "payload": {**point.payload, "long": 4000 * "x"}}


@pytest.fixture
def pages(monkeypatch: pytest.MonkeyPatch) -> Pages:
    monkeypatch.setattr("artsim.store.server_calls.MAX_ANSWER", 20_000)
    return Pages(30)


def test_long_pages_are_asked_for_in_parts(pages: Pages) -> None:
    with serving(pages) as server, ServerStore(server.url) as store:
        collection = store.open_collection("paintings")
        wanted = [p.point_id for p in pages.points]
        assert [r.point_id for r in collection.scroll()] == wanted
        assert list(collection.retrieve(wanted[::-1])) == wanted[::-1]
        assert min(pages.sizes) == 4


def test_pages_without_end_are_noticed(pages: Pages) -> None:
    def same_again(handler: Handler) -> None:
        if handler.command == "GET":
            pages(handler)
            return
        points = [pages.record(pages.points[0])]
        page = {"points": points, "next_page_offset": pages.points[0].point_id}
        handler.say(200, {"result": page, "status": "ok", "time": 0.0})

    with serving(same_again) as server, ServerStore(server.url) as store:
        collection = store.open_collection("paintings")
        with pytest.raises(StoreError, match="not as a Qdrant server"):
            list(collection.scroll())
