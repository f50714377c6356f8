"""A server that is absent, slow, busy, closed to us, or no Qdrant: real sockets, no mocks."""

from __future__ import annotations

import json
import logging
import socket
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import ThreadingHTTPServer
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import trustme
from fake_server import Answer, Handler, ScriptedServer, error, in_turn, serving
from local_qdrant import described
from store_oracle import SCHEMA

from artsim.catalog.payload import painting_point_id
from artsim.errors import (
    ArtsimError,
    CollectionNotFoundError,
    ConfigError,
    StoreAccessError,
    StoreError,
    StoreUnavailableError,
)
from artsim.store.protocol import Point, ServerOptions
from artsim.store.server import ServerStore

KEY = "secret-key-of-the-museum"
NO_COLLECTIONS = {"result": {"collections": []}, "status": "ok", "time": 0.0}
APPLIED = {"result": {"operation_id": 1, "status": "completed"}, "status": "ok", "time": 0.0}


def works(handler: Handler) -> None:
    if handler.path == "/collections":
        handler.say(200, NO_COLLECTIONS)
    else:
        handler.say(200, APPLIED)


@contextmanager
def store_at(url: str, **options: Any) -> Iterator[ServerStore]:
    with ServerStore(url, KEY, **{"patience": 5.0, "timeout": 5.0, **options}) as store:
        yield store


def failure(script: Answer, **options: Any) -> ArtsimError:
    """What listing the collections fails with; no message ever has the key in it."""
    with serving(script) as server, store_at(server.url, **options) as store:
        with pytest.raises(StoreError) as caught:
            store.list_collections()
        assert server.url in str(caught.value)
        assert KEY not in str(caught.value)
        assert KEY not in repr(store)
        return caught.value


class TestFailures:
    @pytest.mark.parametrize("code", [401, 403])
    def test_a_refused_key(self, code: int) -> None:
        refused = failure(error(code, "Must provide an API key"))
        assert isinstance(refused, StoreAccessError)
        assert "QDRANT_API_KEY" in refused.hint
        assert "--api-key" in refused.hint

    def test_nobody_there(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{taken.getsockname()[1]}"
            # Not waited for, whatever the patience: a server that has never answered is
            # not one that restarts.
            with (
                store_at(url, patience=float("inf")) as store,
                pytest.raises(StoreUnavailableError, match="the server runs"),
            ):
                store.list_collections()

    def test_a_name_that_is_none(self) -> None:
        with (
            store_at("http://no-such-host.invalid:6333") as store,
            pytest.raises(StoreUnavailableError, match=r"no-such-host\.invalid"),
        ):
            store.list_collections()

    def test_a_server_that_says_nothing(self) -> None:
        release = threading.Event()

        def hang(_: Handler) -> None:
            release.wait(30)

        try:
            slow = failure(hang, timeout=1.0, patience=0.0)
        finally:
            release.set()
        assert isinstance(slow, StoreUnavailableError)
        assert "no answer in time" in str(slow)

    def test_a_server_that_hangs_up(self) -> None:
        gone = failure(Handler.hang_up, patience=0.0)
        assert isinstance(gone, StoreUnavailableError)

    def test_a_server_that_stays_busy(self) -> None:
        busy = failure(error(503, "starting"), patience=0.0)
        assert isinstance(busy, StoreUnavailableError)
        assert "starting" in str(busy)

    def test_a_server_that_asks_for_more_time_than_we_have(self) -> None:
        busy = failure(error(429, "rate limit", Retry_After="3600"))
        assert isinstance(busy, StoreUnavailableError)
        assert "rate limit" in str(busy)

    def test_nodes_of_a_cluster_that_do_not_answer(self) -> None:
        alone = "Service internal error: 2 of 2 read operations failed: Tonic status error: x"
        lonely = failure(error(500, alone), patience=0.0)
        assert isinstance(lonely, StoreUnavailableError)
        assert "too few nodes of the cluster answer" in str(lonely)
        assert "Tonic" not in str(lonely)

    def test_which_shards_have_no_replica_left(self) -> None:
        peers = {str(n): {"uri": f"http://node-{n}:6335/"} for n in (1, 2, 3)}
        failing = {
            "count": 9,
            "latest_error": "x",
            "latest_error_timestamp": "2026-11-29T06:00:00Z",
        }
        raft = {"term": 1, "commit": 9, "pending_operations": 0, "is_voter": True}
        status = {
            "status": "enabled",
            "peer_id": 1,
            "peers": peers,
            "raft_info": {**raft, "leader": 1, "role": "Leader"},
            "consensus_thread_status": {"consensus_thread_status": "stopped"},
            "message_send_failures": {f"http://node-{n}:6335/": failing for n in (2, 3)},
        }
        replicas = [(0, 2), (1, 2), (1, 3), (2, 3)]
        shards = {
            "peer_id": 1,
            "shard_count": 3,
            "local_shards": [{"shard_id": n, "points_count": 5, "state": "Active"} for n in (0, 2)],
            "remote_shards": [
                {"shard_id": shard, "peer_id": peer, "state": "Active"} for shard, peer in replicas
            ],
            "shard_transfers": [],
        }
        said = {"/cluster": status, "/collections/paintings/cluster": shards}

        def script(handler: Handler) -> None:
            if handler.path in said:
                handler.say(200, {"result": said[handler.path], "status": "ok", "time": 0.0})
            else:
                error(500, "Service internal error: The replica set has no active replica")(handler)

        absent = "http://127.0.0.1:9"
        with (
            serving(script) as server,
            store_at(f"{absent},{server.url},{absent}/b", patience=0.0) as store,
        ):
            with pytest.raises(StoreUnavailableError) as caught:
                store.open_collection("paintings")
            told = "2 of 3 nodes do not answer, and paintings has no replica of shard 1 elsewhere"
            assert told in str(caught.value)
            assert "without a majority" in str(caught.value)
            assert "Service internal" not in str(caught.value)

    def test_a_certificate_of_an_own_authority(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        authority = trustme.CA()
        with serving(works) as server:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            authority.issue_cert("127.0.0.1").configure_cert(context)
            server.socket = context.wrap_socket(server.socket, server_side=True)
            url = server.url.replace("http:", "https:")
            with (
                store_at(url) as store,
                pytest.raises(StoreUnavailableError, match="SSL_CERT_FILE"),
            ):
                store.list_collections()
            authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
            monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
            with store_at(url) as store:
                assert store.list_collections() == []

    def test_a_full_disk_is_not_waited_for(self) -> None:
        full = failure(
            error(500, "Service internal error: No space left on device"), patience=600.0
        )
        assert "server's disk is full" in str(full)

    def test_an_error_in_the_servers_words(self) -> None:
        assert "(400): odd request" in str(failure(error(400, "odd request")))

    @pytest.mark.parametrize("page", [b"<html>Welcome</html>", b'{"hello": "world"}', b""])
    def test_a_server_that_is_no_qdrant(self, page: bytes) -> None:
        assert "not as a Qdrant server" in str(failure(lambda h: h.say(200, page)))

    def test_https_where_http_is_spoken(self) -> None:
        with (
            serving(works) as server,
            store_at(server.url.replace("http:", "https:")) as store,
            pytest.raises(StoreUnavailableError, match="no secure connection"),
        ):
            store.list_collections()

    def test_an_unknown_collection(self) -> None:
        def script(handler: Handler) -> None:
            if handler.path == "/collections":
                handler.say(200, NO_COLLECTIONS)
            else:
                error(404, "Not found: Collection `paintings` doesn't exist!")(handler)

        with (
            serving(script) as server,
            store_at(server.url) as store,
            pytest.raises(CollectionNotFoundError, match="'paintings'; there is: none"),
        ):
            store.open_collection("paintings")

    def test_a_server_too_old(self) -> None:
        def script(handler: Handler) -> None:
            old = {"title": "qdrant", "version": "1.15.4"}
            handler.say(200, NO_COLLECTIONS if handler.path == "/collections" else old)

        with serving(script) as server, store_at(server.url) as store:
            with pytest.raises(StoreError, match=r"runs Qdrant 1\.15; expected 1\.16 or newer"):
                store.create_collection("paintings", SCHEMA)
            assert all(method == "GET" for method, *_ in server.asked)


class TestRetries:
    @pytest.fixture(autouse=True)
    def _soon(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("artsim.store.server_calls._FIRST_DELAY", 0.01)

    @pytest.mark.parametrize(
        "trouble",
        [
            error(503, "starting"),
            error(500, "shard is being recovered"),
            error(429, "slow down", Retry_After="Wed, 21 Oct 2015 07:28:00 GMT"),
            Handler.hang_up,
        ],
    )
    def test_what_passes_is_waited_for(self, trouble: Answer) -> None:
        with serving(in_turn(trouble, trouble, works)) as server, store_at(server.url) as store:
            assert store.list_collections() == []
            assert len(server.asked) == 3

    def test_as_long_as_the_server_says(self) -> None:
        busy = error(429, "slow down", Retry_After="1")
        with serving(in_turn(busy, works)) as server, store_at(server.url) as store:
            start = time.monotonic()
            assert store.list_collections() == []
            assert time.monotonic() - start >= 1

    def test_of_several_addresses_the_next_is_asked(self) -> None:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            absent = f"http://127.0.0.1:{taken.getsockname()[1]}"
            with (
                serving(in_turn(error(503, "starting"), works)) as first,
                serving(in_turn(works, error(500, "node is gone"))) as second,
                store_at(f"{absent},{first.url},{second.url}") as store,
            ):
                assert store.list_collections() == []
                assert (len(first.asked), len(second.asked)) == (1, 1)
                # It stays with the one that answered, until that fails too.
                assert store.list_collections() == []
                assert (len(first.asked), len(second.asked)) == (2, 2)
                assert store.list_collections() == []
                assert (len(first.asked), len(second.asked)) == (3, 2)
            # What a node says, say that others are missing, is told rather than that one is absent.
            with (
                serving(error(500, "operations failed: Tonic status error")) as lonely,
                store_at(f"{lonely.url},{absent}", patience=0.0) as store,
                pytest.raises(StoreUnavailableError, match="too few nodes"),
            ):
                store.list_collections()
        with (
            store_at(f"{absent},{absent}/b", patience=0.0) as store,
            pytest.raises(StoreUnavailableError, match=f"{absent},{absent}/b"),
        ):
            store.list_collections()

    def test_reading_is_given_up_sooner_than_writing(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("artsim.store.server_calls.READ_PATIENCE", 0.05)
        done = {"result": True, "status": "ok", "time": 0.0}
        many = [error(503, "starting")] * 8
        with (
            serving(in_turn(*many, lambda h: h.say(200, done))) as server,
            store_at(server.url) as store,
        ):
            with pytest.raises(StoreUnavailableError, match="starting"):
                store.list_collections()
            assert len(server.asked) < 8
            store.delete_collection("paintings")
            assert len(server.asked) == 9

    def test_what_does_not_pass_is_not(self) -> None:
        with serving(error(400, "odd")) as server, store_at(server.url) as store:
            with pytest.raises(StoreError):
                store.list_collections()
            assert len(server.asked) == 1

    def test_a_server_that_restarts_is_waited_for(self) -> None:
        def works_once(handler: Handler) -> None:
            handler.close_connection = True  # as those of a server that ends are
            works(handler)

        with serving(works_once) as server, store_at(server.url, patience=30.0) as store:
            assert store.list_collections() == []
            port = server.server_address[1]
            server.shutdown()
            server.server_close()
            answered = threading.Event()
            found: list[list[str]] = []

            def ask() -> None:
                found.append(store.list_collections())
                answered.set()

            asking = threading.Thread(target=ask)
            asking.start()
            assert not answered.wait(0.3)
            again = ScriptedServer.__new__(ScriptedServer)
            again.script, again.asked = works, []
            ThreadingHTTPServer.__init__(again, ("127.0.0.1", port), Handler)
            serve = threading.Thread(target=again.serve_forever, kwargs={"poll_interval": 0.01})
            serve.start()
            asking.join()
            again.shutdown()
            serve.join()
            again.server_close()
            assert found == [[]]

    def test_a_write_is_sent_again_whole(self) -> None:
        pixels = {"size": 16, "distance": "Euclid", "datatype": "uint8", "hnsw_config": {"m": 0}}
        vectors = {"first-1": {"size": 8, "distance": "Cosine"}, "pixels": pixels}
        notes = {"artsim": {"pixels_side": 4}, "other": 1}
        collection = {"result": described(vectors, notes), "status": "ok", "time": 0.0}
        busy = in_turn(error(503, "busy"), lambda h: h.say(200, APPLIED))

        def script(handler: Handler) -> None:
            if handler.command == "GET":
                handler.say(200, collection)
            else:
                busy(handler)

        with serving(script) as server, store_at(server.url) as store:
            opened = store.open_collection("paintings")
            assert opened.schema.vectors == {
                name: SCHEMA.vectors[name] for name in ("first-1", "pixels")
            }
            assert opened.schema.notes == {"pixels_side": 4}
            point = Point(
                painting_point_id("p"),
                {"first-1": np.ones(8), "pixels": np.arange(16)},
                {"title": "Étude"},
            )
            opened.upsert([point])
            first, second = (ask for ask in server.asked if ask[0] == "PUT")
            assert first[3] == second[3]
            assert first[1] == "/collections/paintings/points?wait=true"
            (sent,) = json.loads(first[3])["points"]
            assert sent["id"] == point.point_id
            assert sent["payload"] == {"title": "Étude"}
            assert sent["vector"] == {"first-1": [1.0] * 8, "pixels": list(range(16))}


class TestCreation:
    def test_options_and_schema_are_sent(self) -> None:
        made: list[Any] = []

        def script(handler: Handler) -> None:
            if handler.path == "/":
                handler.say(200, {"title": "qdrant", "version": "1.18.0"})
            elif handler.command == "PUT":
                made.append(json.loads(handler.server.asked[-1][3]))
                error(400, "seen enough")(handler)
            else:
                handler.say(200, NO_COLLECTIONS)

        options = ServerOptions(shards=3, replicas=2, quantization="int8", on_disk=True)
        with (
            serving(script) as server,
            store_at(server.url) as store,
            pytest.raises(StoreError, match="seen enough"),
        ):
            store.create_collection("paintings", SCHEMA, options)
        (sent,) = made
        assert sent["shard_number"] == 3
        assert sent["replication_factor"] == 2
        assert sent["metadata"] == {"artsim": SCHEMA.notes}
        embedding, pixels = sent["vectors"]["first-1"], sent["vectors"]["pixels"]
        assert (embedding["size"], embedding["distance"], embedding["on_disk"]) == (
            8,
            "Cosine",
            True,
        )
        assert embedding["quantization_config"]["scalar"]["type"] == "int8"
        assert (pixels["distance"], pixels["datatype"]) == ("Euclid", "uint8")
        assert pixels["hnsw_config"]["m"] == 0
        assert "quantization_config" not in pixels


class TestAddresses:
    @pytest.mark.parametrize(
        "url",
        [
            "localhost:6333",
            "qdrant.example.org",
            "",
            "ftp://localhost",
            "http://",
            "http://localhost:port",
            "http://localhost:99999",
            "http://local host",
            "http://localhost:6333?api-key=x",
            "http://[::1",
        ],
    )
    def test_what_is_no_address(self, url: str) -> None:
        with pytest.raises(ConfigError, match="http"):
            ServerStore(url)

    def test_a_key_in_the_address_is_refused_and_not_repeated(self) -> None:
        with pytest.raises(ConfigError, match="QDRANT_API_KEY") as caught:
            ServerStore(f"https://user:{KEY}@qdrant.example.org:6333")
        assert KEY not in str(caught.value)

    def test_the_key_is_sent(self) -> None:
        with serving(works) as server, store_at(server.url + "/") as store:
            store.list_collections()
            assert server.asked[0][2]["api-key"] == KEY
            assert store.location == server.url

    def test_a_path_before_the_service_is_kept(self) -> None:
        def script(handler: Handler) -> None:
            handler.say(200, NO_COLLECTIONS)

        with serving(script) as server, store_at(f"{server.url}/qdrant/") as store:
            store.list_collections()
            assert server.asked[0][1] == "/qdrant/collections"

    def test_a_proxy_of_the_environment_is_asked(self, monkeypatch: pytest.MonkeyPatch) -> None:
        with serving(lambda h: h.say(200, NO_COLLECTIONS)) as proxy:
            at = proxy.url.removeprefix("http://")
            monkeypatch.setenv("http_proxy", f"http://me:p%40ss@{at}")
            monkeypatch.setenv("no_proxy", "127.0.0.1")
            with store_at("http://qdrant.invalid:6333") as store:
                assert store.list_collections() == []
            _, path, headers, _ = proxy.asked[0]
            assert path == "http://qdrant.invalid:6333/collections"
            assert headers["Proxy-Authorization"] == "Basic bWU6cEBzcw=="  # me:p@ss
            with store_at(proxy.url) as store:
                store.list_collections()
            assert proxy.asked[1][1] == "/collections"

    @pytest.mark.parametrize(
        ("url", "warned"),
        [
            ("http://localhost:6333", False),
            ("http://127.0.0.1:6333", False),
            ("http://[::1]:6333", False),
            ("https://qdrant.example.org:6333", False),
            ("http://qdrant.example.org:6333", True),
            ("http://192.168.1.5:6333", True),
        ],
    )
    def test_a_key_in_the_clear_is_warned_of(
        self, url: str, warned: bool, caplog: pytest.LogCaptureFixture
    ) -> None:
        with caplog.at_level(logging.WARNING):
            ServerStore(url, KEY).close()
        assert ("unencrypted" in caplog.text) == warned
        assert KEY not in caplog.text
