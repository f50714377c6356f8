"""Requests to a server whose answers end in time and are not too long, whatever it sends.

Over the standard library's connections, which take an eighth of the time of httpx for a small
answer, and a twentieth for the pixels of a hundred hits. What fails is raised as httpx names it.
"""

from __future__ import annotations

import base64
import http.client
import io
import math
import select
import socket
import ssl
import time
import urllib.request
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias
from urllib.parse import SplitResult, unquote, urlsplit

import httpx

MAX_ANSWER: Final = 128 * 2**20
"""Most bytes of an answer, unpacked. A page of 256 paintings with three vectors of 1,024
numbers and their pixels has 20 MiB; read, JSON takes some times its length in memory."""

_PACKINGS: Final = ("", "identity", "gzip", "deflate")
"""How an answer may be packed. Others, and one in another, unpack to gigabytes at once."""

_SENDING: Final = 3600.0  # seconds for a whole request where nobody set a deadline
_PIECE: Final = 64 * 2**10  # bytes read at once, but for what is known to be longer

Headers: TypeAlias = Mapping[str, str]


class AnswerTooLargeError(Exception):
    """An answer has more bytes than are taken."""


_end: Final[ContextVar[float]] = ContextVar("end", default=math.inf)


@contextmanager
def within(seconds: float) -> Iterator[None]:
    """Let what this thread sends and receives in the block take so long as a whole."""
    token = _end.set(time.monotonic() + seconds)
    try:
        yield
    finally:
        _end.reset(token)


def _left(most: float) -> float:
    """Return the seconds that are left, at most `most`; TimeoutError where none are."""
    left = min(most, _end.get() - time.monotonic())
    if left <= 0:
        raise TimeoutError("no whole answer in time")
    return left


@dataclass(frozen=True, slots=True)
class _Line:
    """A connection to a host; through a proxy what goes before a path, and its headers."""

    host: tuple[str, str]
    connection: http.client.HTTPConnection
    before: str = ""
    headers: Headers = field(default_factory=dict)

    @property
    def is_quiet(self) -> bool:
        """Whether nothing came since the last answer, such as that the server hung up."""
        try:
            return not select.select([self.connection.sock], [], [], 0)[0]
        except (OSError, ValueError):
            return False


class Wire:
    """Connections that are kept open; any number of threads may send over them.

    Proxies and authorities of certificates are those of the environment. `timeout` and
    `connecting` are seconds to wait for the next part of an answer, and for a connection, `most`
    the bytes that an answer may have, unpacked; `count` is that of the requests so far.
    """

    def __init__(self, timeout: float, connecting: float, most: int) -> None:
        self._timeout, self._connecting, self._most = timeout, connecting, most
        self._idle: list[_Line] = []
        self._context: ssl.SSLContext | None = None
        self._closed = False
        self.count = 0

    def close(self) -> None:
        """Close the connections, and refuse every further request."""
        self._closed = True
        while self._idle:
            self._idle.pop().connection.close()

    def send(self, method: str, url: str, headers: Headers, body: bytes) -> httpx.Response:
        """Send a request, and return the answer, of whatever status, unpacked.

        httpx.TimeoutException if it is not whole by the deadline, headers and unpacking
        included; AnswerTooLargeError if it has more bytes than are taken, whatever its length
        was said to be; httpx.HTTPError if there is no connection, or no answer as of HTTP.
        """
        if self._closed:
            raise RuntimeError("the connections are closed")
        self.count += 1
        parts = urlsplit(url)
        line = self._take((parts.scheme, parts.netloc))
        target = line.before + parts.path + (f"?{parts.query}" if parts.query else "")
        is_whole = False
        try:
            line.connection.sock.settimeout(_left(_SENDING))
            line.connection.request(
                method, target or "/", body or None, {**headers, **line.headers}
            )
            with line.connection.getresponse() as response:
                content = self._read(response)
                is_whole = not response.will_close
        except TimeoutError as exc:
            raise httpx.ReadTimeout(str(exc)) from exc
        except http.client.HTTPException as exc:
            raise httpx.RemoteProtocolError(str(exc) or type(exc).__name__) from exc
        except OSError as exc:
            raise httpx.ReadError(str(exc)) from exc
        finally:
            if is_whole and not self._closed:
                self._idle.append(line)
            else:
                line.connection.close()
        return httpx.Response(
            response.status,
            headers=response.getheaders(),
            content=content,
            extensions={"reason_phrase": response.reason.encode()},
        )

    def _take(self, host: tuple[str, str]) -> _Line:
        """Return a connection that nobody uses."""
        while self._idle:
            line = self._idle.pop()
            if line.host == host and line.is_quiet:
                return line
            line.connection.close()
        try:
            return self._connected(host)
        except TimeoutError as exc:
            raise httpx.ConnectTimeout(str(exc)) from exc
        except (OSError, http.client.HTTPException) as exc:
            raise httpx.ConnectError(str(exc)) from exc

    def _connected(self, host: tuple[str, str]) -> _Line:
        scheme, netloc = host
        proxy = _proxy_of(scheme, netloc)
        place = netloc if proxy is None else proxy.netloc.rpartition("@")[2]
        headers = {} if proxy is None else _authorization(proxy)
        seconds = _left(self._connecting)
        if scheme == "http":
            connection = http.client.HTTPConnection(place, timeout=seconds)
        else:
            self._context = self._context or httpx.create_ssl_context()
            connection = http.client.HTTPSConnection(place, timeout=seconds, context=self._context)
        connection.response_class = self._respond  # type: ignore[assignment]
        before = "" if proxy is None else f"http://{netloc}"
        if proxy is not None and scheme == "https":
            connection.set_tunnel(netloc, headers=headers)
            before, headers = "", {}
        connection.connect()
        return _Line(host, connection, before, headers)

    def _respond(self, sock: socket.socket, **options: Any) -> http.client.HTTPResponse:
        timely: Any = _TimelySocket(sock, self._timeout)
        return http.client.HTTPResponse(timely, **options)

    def _read(self, response: http.client.HTTPResponse) -> bytes:
        """Return the whole body, unpacked."""
        packing = response.headers.get("Content-Encoding", "").strip().lower()
        if packing not in _PACKINGS:
            raise httpx.DecodingError("an unknown packing")
        # Of one that is said to be longer nothing is read.
        content = b"" if (response.length or 0) > self._most else response.read(self._most + 1)
        if packing not in _PACKINGS[:2] and content:
            unpacker = zlib.decompressobj(zlib.MAX_WBITS | 32)  # either of both
            try:
                content = unpacker.decompress(content, self._most + 1)
            except zlib.error as exc:
                raise httpx.DecodingError(str(exc)) from exc
            del response.headers["Content-Encoding"]
        if (response.length or 0) > self._most or len(content) > self._most:
            raise AnswerTooLargeError(f"more than {self._most >> 20} MiB")
        if response.length:
            raise httpx.RemoteProtocolError("the answer ends before its end")
        return content


def _proxy_of(scheme: str, netloc: str) -> SplitResult | None:
    """Return the address of the proxy, if any, that the environment names for a host."""
    proxies = urllib.request.getproxies()
    address = proxies.get(scheme) or proxies.get("all")
    if not address or urllib.request.proxy_bypass(netloc):
        return None
    return urlsplit(address if "://" in address else f"http://{address}")


def _authorization(proxy: SplitResult) -> dict[str, str]:
    if proxy.username is None:
        return {}
    told = f"{unquote(proxy.username)}:{unquote(proxy.password or '')}"
    return {"Proxy-Authorization": f"Basic {base64.b64encode(told.encode()).decode()}"}


class _TimelySocket(io.RawIOBase):
    """What is received over a socket, of which every read ends by the deadline."""

    def __init__(self, sock: socket.socket, timeout: float) -> None:
        self._sock, self._timeout = sock, timeout
        # The socket is open until this is closed too.
        self._received: Any = sock.makefile("rb", buffering=0)

    def makefile(self, *_: object) -> io.BufferedReader:
        return io.BufferedReader(self, _PIECE)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(_left(self._timeout))
        received: int | None = self._received.readinto(buffer)
        return received

    def close(self) -> None:
        self._received.close()
        super().close()
