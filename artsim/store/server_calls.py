"""Calls to a Qdrant server: bounded, tried again while that may help, then failing clearly."""

from __future__ import annotations

import ipaddress
import json
import logging
import random
import re
import ssl
import time
import warnings
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Final, ParamSpec, TypeVar
from urllib.parse import quote, urlsplit

import httpx
import orjson
from qdrant_client import QdrantClient
from qdrant_client.common.client_exceptions import QdrantException, ResourceExhaustedResponse
from qdrant_client.http.exceptions import (
    ApiException,
    ResponseHandlingException,
    UnexpectedResponse,
)

from artsim.errors import (
    CollectionNotFoundError,
    ConfigError,
    StoreAccessError,
    StoreError,
    StoreUnavailableError,
    shortened,
)
from artsim.store.bounded_http import (
    MAX_ANSWER,
    AnswerTooLargeError,
    Headers,
    Wire,
    within,
)

_log = logging.getLogger(__name__)

_EXAMPLE = "expected an address such as http://localhost:6333 or https://qdrant.example.org:6333"


def check_address(url: str) -> str:
    """Return `url` without a trailing slash.

    ConfigError if it is no http or https address of a host, or has a user, password, query or
    fragment in it; a key belongs in ``QDRANT_API_KEY``.
    """
    try:
        parts = urlsplit(url.strip())
        host, _port = parts.hostname, parts.port
    except ValueError as exc:
        raise ConfigError(f"Qdrant server {url!r}: {exc}; {_EXAMPLE}") from exc
    if parts.username is not None or parts.password is not None:
        shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        raise ConfigError(
            f"Qdrant server {shown!r}: a user or key in the address is not used; set the key in "
            "QDRANT_API_KEY"
        )
    if parts.scheme not in ("http", "https") or not host:
        raise ConfigError(f"Qdrant server {url!r}: {_EXAMPLE}")
    if parts.query or parts.fragment or any(c.isspace() for c in url.strip()):
        raise ConfigError(f"Qdrant server {url!r}: something follows the address; {_EXAMPLE}")
    return url.strip().rstrip("/")


def _is_near(url: str) -> bool:
    """Return whether `url` is of this very machine."""
    host = urlsplit(url).hostname or ""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


P = ParamSpec("P")
T = TypeVar("T")

TIMEOUT: Final = 30.0  # seconds to wait for the next part of an answer
PATIENCE: Final = 60.0  # seconds for which a call is tried again: a server restarts in less
READ_PATIENCE: Final = 20.0  # the same where nothing is written: whoever asks can ask again
_PORT: Final = 6333  # where an address names none, as the client has it
_CONNECTING: Final = 5.0  # seconds for a connection: a node that hangs takes none
ANSWER_TIME: Final = 120.0
"""Seconds for a whole answer: a body of 8 MiB takes 70 on a line of a megabit a second."""

_SILENT_AFTER: Final = 20  # seconds for a node to say who does not answer it: it gives them 10
_FIRST_DELAY: Final = 0.25
_LONGEST_DELAY: Final = 8.0
_SAID_AFTER: Final = 2.0  # seconds of waiting after which it is said what for
_ASIDE: Final = 3.0  # seconds for what is asked only to say more of a failure
_SAID: Final = 300  # characters of what a server says that are shown

_NOT_UNDERSTOOD: Final = (
    ValueError,  # no JSON, numbers of 10,000 digits, vectors of another length
    TypeError,
    AttributeError,
    LookupError,
    OverflowError,
    RecursionError,  # JSON nested 200,000 deep
    AssertionError,
)

_NODES_MISSING: Final = re.compile("Tonic status error|active replica|operations failed")
"""What a node says that needs another, which does not answer."""


class NodesMissingError(StoreUnavailableError):
    """A node answers, but others that it needs do not."""


class TooMuchError(StoreError):
    """An answer was longer than is taken; asked for less at once, it may be shorter."""


class ServerCalls:
    """Makes calls of a client, with retries; what they raise becomes StoreError.

    Everything artsim asks of a server may be done twice, so that a call whose answer was
    lost is made again. Before the first answer, a server that refuses the connection is
    taken for absent and not waited for. Of several addresses, separated by commas, the next is
    asked where one does not answer. See `ServerStore` for the parameters.
    """

    def __init__(
        self, url: str, api_key: str | None, timeout: float, answer_time: float, patience: float
    ) -> None:
        self._addresses = deque(check_address(address) for address in url.split(","))
        self.location = ",".join(self._addresses)
        for address in self._addresses:
            if api_key is not None and not _is_near(address) and not address.startswith("https:"):
                _log.warning("the API key is sent to %s unencrypted; use https there", address)
        with warnings.catch_warnings():
            # Said by the line above, and only where it is true: the client warns of
            # localhost as well.
            warnings.filterwarnings("ignore", message="Api key is used with an insecure")
            self.client = QdrantClient(
                url=self._addresses[0],
                api_key=api_key,
                timeout=max(1, round(timeout)),
                # It would speak to the server from a thread, and warn from there.
                check_compatibility=False,
                # Its own connections are never used, for which it would read all certificates.
                verify=ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT),
            )
        self._patience, self._most_patience = min(patience, READ_PATIENCE), patience
        self._answer_time = answer_time
        self._answered = False
        self._closed = False
        self._silent: set[int] | None = None
        self.wire = Wire(timeout, min(timeout, _CONNECTING), MAX_ANSWER)
        self._http = self.client.http.client
        self._http.send_inner = self._send_request  # type: ignore[method-assign]
        headers = self._http._client.headers
        # Packing the pixels of 100 hits takes a server as long as finding and sending them.
        near = all(map(_is_near, self._addresses))
        headers["Accept-Encoding"] = "identity" if near else "gzip, deflate"
        self._headers = {**headers, "Content-Type": "application/json"}

    def hurry(self) -> None:
        """Make no call a second time from now on."""
        self._patience = 0.0

    def expect_writing(self) -> None:
        """Try each call again for longer from now on."""
        self._patience = self._most_patience

    def close(self) -> None:
        """Refuse every further call, and close the connections."""
        self._closed = True
        self.wire.close()
        self.client.close()

    def version(self) -> tuple[int, int]:
        """Return the server's major and minor version."""
        said = self("asking for the version", self.client.info).version
        found = re.match(r"(\d+)\.(\d+)", said)
        if found is None:
            raise StoreError(
                f"{self.location} calls its version {shortened(said)!r}; expected a number"
            )
        return int(found[1]), int(found[2])

    def silent_nodes(self) -> set[int]:
        """Return the nodes of a cluster that do not answer, which is asked for once."""
        if self._silent is None:
            with suppress(CollectionNotFoundError):  # before Qdrant 1.17
                self._silent = self("counting nodes", self._ask_for_silent_nodes)
        return self._silent or set()

    def _ask_for_silent_nodes(self) -> set[int]:
        nodes = self.client.cluster_telemetry(timeout=_SILENT_AFTER).cluster
        peers = nodes.peers if nodes else {}
        return {int(peer) for peer, said in peers.items() if not said.responsive}

    def describe_missing(self, collection: str) -> str:
        """Say which nodes do not answer, and of which shards that leaves no replica; "" unknown."""
        failures = (*_NOT_UNDERSTOOD, ApiException, QdrantException, httpx.HTTPError)
        peers: dict[int, str] = {}
        for _ in range(len(self._addresses)):
            with suppress(*failures), within(_ASIDE):
                cluster: Any = self.client.cluster_status()
                shards = self.client.collection_cluster_info(collection)
                peers = {int(peer): of.uri for peer, of in cluster.peers.items()}
                break
            self._turn_to_next()
        if not peers:
            return ""
        dead = {peer for peer, uri in peers.items() if uri in cluster.message_send_failures}
        replicas = {shard.shard_id: {shards.peer_id} for shard in shards.local_shards}
        for remote in shards.remote_shards:
            replicas.setdefault(remote.shard_id, set()).add(remote.peer_id)
        with suppress(*failures), within(_ASIDE):
            dead |= self._ask_for_silent_nodes()  # a follower sends nothing that could fail
        lost = [str(shard) for shard, places in sorted(replicas.items()) if places <= dead]
        said = f"{len(dead)} of {len(peers)} nodes do not answer"
        if lost:
            shards_lost = ", ".join(lost)
            said += f", and {shortened(collection)} has no replica of shard {shards_lost} elsewhere"
        if 2 * len(dead) >= len(peers):
            said += "; without a majority the cluster changes no collection"
        return said if dead else ""

    def write(self, method: str, path: str, collection: str, body: bytes) -> None:
        """Send points as JSON, and wait until they are written; see `send`."""
        answer = orjson.loads(self.send(method, f"{path}?wait=true", collection, body))
        if not isinstance(answer.get("result"), dict | list):
            raise self._no_qdrant("writing")

    def send(self, method: str, path: str, collection: str, body: bytes) -> bytes:
        """Return what is answered to JSON, which the client's models take longer to make and read.

        A function to call as the client's own are: with its key and errors.
        """
        place = f"{self._http.host.rstrip('/')}/collections/{quote(collection, '')}/points"
        answer = self._send(method, place + path, self._headers, body)
        if answer.status_code != 200:
            raise UnexpectedResponse.for_response(answer)
        return answer.content

    def _send_request(self, request: httpx.Request) -> httpx.Response:
        """Send what the client made, in the place of its own way."""
        answer = self._send(request.method, str(request.url), request.headers, request.read())
        answer.request = request
        return answer

    def _send(self, method: str, url: str, headers: Headers, body: bytes) -> httpx.Response:
        try:
            return self.wire.send(method, url, headers, body)
        except Exception as exc:  # as the client does
            raise ResponseHandlingException(exc) from exc

    def __call__(
        self, doing: str, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return what `function` returns; `doing` names the call in messages.

        StoreUnavailableError if the server cannot be reached, is too slow, or too busy for too
        long; StoreAccessError if it refuses the key, or asks for one; CollectionNotFoundError
        if it says 404; StoreError if it refuses the call, or is no Qdrant server.
        """
        begun, delay = time.monotonic(), _FIRST_DELAY
        end, said_at = begun + self._patience, begun + _SAID_AFTER
        others, told = len(self._addresses) - 1, None
        while True:
            try:
                with within(self._answer_time), self.reading(doing):
                    answer = function(*args, **kwargs)
            except (ApiException, QdrantException) as caught:
                # Of several nodes what one answered says more than that others do not.
                told = exc = told if isinstance(told, UnexpectedResponse) else caught
                if others and not self._closed and _may_be_the_nodes(caught):
                    others -= 1
                    self._turn_to_next()
                    continue
                # Half to the whole of the delay, so that many workers that failed at
                # once do not come back at once.
                pause = max(delay * random.uniform(0.5, 1.0), _asked_to_wait(exc))
                if self._closed or not self._may_pass(exc) or time.monotonic() + pause > end:
                    raise self._translated(exc, doing) from exc
                if time.monotonic() + pause > said_at:
                    why, said_at = self._translated(exc, doing), float("inf")
                    _log.warning("waiting up to %.0f s for the server: %s", self._patience, why)
                time.sleep(pause)
                delay = min(2 * delay, _LONGEST_DELAY)
                others, told = len(self._addresses) - 1, None
                self._turn_to_next()
            except (httpx.HTTPError, httpx.InvalidURL) as exc:
                raise self._unreachable(exc, doing) from exc
            else:
                self._answered = True
                return answer

    def _turn_to_next(self) -> None:
        self._addresses.rotate(-1)
        parts = urlsplit(self._addresses[0])
        netloc = parts.netloc if parts.port else f"{parts.netloc}:{_PORT}"
        self._http.host = parts._replace(netloc=netloc).geturl()

    @contextmanager
    def reading(self, doing: str) -> Iterator[None]:
        """Say of what in an answer is not as it should be that this is no Qdrant server.

        The client takes vectors and payloads as they come.
        """
        try:
            yield
        except (StoreError, ApiException):
            raise
        except _NOT_UNDERSTOOD as exc:
            raise self._no_qdrant(doing) from exc

    def _may_pass(self, exc: Exception) -> bool:
        """Return whether the same call may work a little later."""
        if isinstance(exc, ResponseHandlingException):
            cause = exc.source
            if isinstance(cause, httpx.ConnectError):
                return self._answered and not _is_tls(cause)
            return isinstance(cause, httpx.TransportError)
        if isinstance(exc, UnexpectedResponse):
            code = exc.status_code or 0
            return (code >= 500 or code in (408, 429)) and not _disk_is_full(exc)
        return isinstance(exc, QdrantException)  # status 429 with a time to wait

    def _translated(self, exc: Exception, doing: str) -> StoreError:
        if self._closed:
            return StoreError(f"{self.location} has been closed; open it again")
        if isinstance(exc, ResponseHandlingException):
            if isinstance(exc.source, AnswerTooLargeError):
                return TooMuchError(
                    f"{self.location}: the answer was too long while {doing} ({exc.source}); "
                    "ask for less at once, and check that a Qdrant server is at that address"
                )
            unreadable = isinstance(exc.source, httpx.DecodingError)
            if isinstance(exc.source, httpx.HTTPError) and not unreadable:
                return self._unreachable(exc.source, doing)
            return self._no_qdrant(doing)
        if isinstance(exc, UnexpectedResponse):
            return self._refused(exc, doing)
        return self._busy(_clean(str(exc)), doing)

    def _no_qdrant(self, doing: str) -> StoreError:
        return StoreError(
            f"{self.location} answers, but not as a Qdrant server of version 1.16 or newer "
            f"does, while {doing}; check the address",
            hint="--url",
        )

    def _unreachable(self, exc: Exception, doing: str) -> StoreUnavailableError:
        if _is_tls(exc):
            reason = f"no secure connection: {exc}"
            way_out = (
                "check the address, whether the server speaks https on that port, and if its "
                "certificate is of an authority of your own, name that in SSL_CERT_FILE"
            )
        elif isinstance(exc, httpx.TimeoutException):
            reason = "no answer in time"
            way_out = "look at the server's load, and run the same command again"
        else:
            reason = str(exc) or type(exc).__name__
            way_out = "check the address, and that the server runs"
        return StoreUnavailableError(
            f"cannot reach the Qdrant server at {self.location} while {doing} "
            f"({shortened(reason)}); {way_out}",
            hint="docker compose up -d" if isinstance(exc, httpx.ConnectError) else "",
        )

    def _busy(self, message: str, doing: str) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"{self.location} was too busy for {doing} for {self._patience:.0f} s "
            f"({message}); run the same command again later"
        )

    def _refused(self, exc: UnexpectedResponse, doing: str) -> StoreError:
        message = _message_of(exc)
        code = exc.status_code or 0
        if code in (401, 403):
            which = "a key that allows it" if code == 403 else "the server's key"
            return StoreAccessError(
                f"{self.location} refused access while {doing} ({code}); give {which}",
                hint="QDRANT_API_KEY, or --api-key",
            )
        if 300 <= code < 400:
            return self._no_qdrant(doing)
        if code == 404:
            return CollectionNotFoundError(f"{self.location}: {doing} failed: {message}")
        if _disk_is_full(exc):
            return StoreError(
                f"{self.location}: {doing} failed: the server's disk is full ({message}); "
                "free some space there and run the same command again"
            )
        if code in (408, 429, 502, 503, 504):
            return self._busy(f"{code}: {message}", doing)
        if code >= 500 and _NODES_MISSING.search(message):
            return NodesMissingError(
                f"{self.location}: too few nodes of the cluster answer, while {doing}; start the "
                "others, and run the same command again"
            )
        if found := re.search('Index required but not found for "(.+?)"', message):
            return StoreError(
                f"{self.location}: the server's strict mode allows no filter on {found[1]!r}, "
                "which has no index; leave that filter out"
            )
        if "Help:" in message:
            return StoreError(
                f"{self.location}: {doing} is more than the server's strict mode allows: "
                f"{message.removeprefix('Bad request: ')}"
            )
        return StoreError(f"{self.location}: {doing} failed ({code}): {message}")


def _may_be_the_nodes(exc: Exception) -> bool:
    """Return whether another node of the cluster may answer the same call."""
    if isinstance(exc, ResponseHandlingException):
        return isinstance(exc.source, httpx.TransportError)
    return (
        isinstance(exc, UnexpectedResponse)
        and (exc.status_code or 0) >= 500
        and not _disk_is_full(exc)
    )


def _asked_to_wait(exc: Exception) -> float:
    try:
        if isinstance(exc, ResourceExhaustedResponse):
            return float(exc.retry_after_s)
        if isinstance(exc, UnexpectedResponse):
            return float(exc.headers.get("Retry-After", 0))
    except (ValueError, OverflowError):
        pass  # the header may also hold a date
    return 0.0


def _is_tls(exc: BaseException | None) -> bool:
    while exc is not None:
        if isinstance(exc, ssl.SSLError) or "SSL" in str(exc):
            return True
        exc = exc.__cause__ or exc.__context__
    return False


def _message_of(exc: UnexpectedResponse) -> str:
    try:
        found: Any = json.loads(exc.content)
        return _clean(str(found["status"]["error"]))
    except (ValueError, KeyError, TypeError, RecursionError):
        return _clean(exc.reason_phrase) or "no reason given"


def _clean(text: str) -> str:
    """Return what a server says for a message: its beginning, in characters that are shown."""
    text = text[:_SAID]
    return "".join(c if c.isprintable() else " " for c in text).strip()


def _disk_is_full(exc: UnexpectedResponse) -> bool:
    message = _message_of(exc)
    return "No space left" in message or "available disk space" in message
