"""Answers of a server that end in time and are not too long, whatever it sends."""

from __future__ import annotations

import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

import httpcore
import httpx

MAX_ANSWER: Final = 128 * 2**20
"""Most bytes of an answer, unpacked. A page of 256 paintings with three vectors of 1,024
numbers and their pixels has 20 MiB; read, JSON takes some times its length in memory."""

_PACKINGS: Final = ("", "identity", "gzip", "deflate")
"""How an answer may be packed. Others, and one in another, unpack to gigabytes at once."""

_PIECE: Final = 16 * 2**10
"""Bytes read and unpacked at once: to 16 MiB at most."""


class AnswerTooLargeError(Exception):
    """An answer has more bytes than are taken."""


class Deadline:
    """Point in time until which a call has to be answered; each thread has its own."""

    def __init__(self) -> None:
        self._of_thread = threading.local()

    @contextmanager
    def within(self, seconds: float) -> Iterator[None]:
        """Let what the thread does in the block take so long as a whole."""
        self._of_thread.end = time.monotonic() + seconds
        try:
            yield
        finally:
            del self._of_thread.end

    def require(self, timeout: float | None, error: type[Exception]) -> float | None:
        """Return the seconds that are left, at most `timeout`; raise `error` where none are."""
        end = getattr(self._of_thread, "end", None)
        if end is None:
            return timeout
        left = float(end - time.monotonic())
        if left <= 0:
            raise error("no whole answer in time")
        return left if timeout is None else min(timeout, left)


def bound_answers(client: httpx.Client, deadline: Deadline, most: int) -> None:
    """Make every answer to `client` end by `deadline`, and have at most `most` bytes.

    Raises, from then on
    --------------------
    httpx.TimeoutException
        If an answer is not whole in time, headers and unpacking included.
    AnswerTooLargeError
        If it is larger, whatever its length was said to be.
    """
    client.event_hooks = {"response": [lambda response: _read_bounded(response, deadline, most)]}
    # Not by a transport of our own: then httpx would forget the proxies of the environment.
    for transport in {client._transport, *client._mounts.values()}:
        pool = getattr(transport, "_pool", None)
        if pool is not None:
            pool._network_backend = _Backend(pool._network_backend, deadline)


def _read_bounded(response: httpx.Response, deadline: Deadline, most: int) -> None:
    if response.headers.get("Content-Encoding", "").strip().lower() not in _PACKINGS:
        raise httpx.DecodingError("an unknown packing", request=response.request)
    parts: list[bytes] = []
    size = 0
    for part in response.iter_bytes():
        size += len(part)
        if size > most:
            raise AnswerTooLargeError(f"more than {most >> 20} MiB")
        deadline.require(None, httpx.ReadTimeout)
        parts.append(part)
    # What `read` would set, and finds set when the client calls it.
    response._content = b"".join(parts)


class _Backend(httpcore.NetworkBackend):
    """Connections that do not outlast the deadline."""

    def __init__(self, inner: httpcore.NetworkBackend, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline

    def connect_tcp(
        self, host: str, port: int, timeout: float | None = None, *args: Any, **kwargs: Any
    ) -> httpcore.NetworkStream:
        """Connect; see httpcore."""
        left = self._deadline.require(timeout, httpcore.ConnectTimeout)
        stream = self._inner.connect_tcp(host, port, left, *args, **kwargs)
        return _Stream(stream, self._deadline)

    def sleep(self, seconds: float) -> None:
        """Wait; see httpcore."""
        self._inner.sleep(seconds)


class _Stream(httpcore.NetworkStream):
    """A connection of which every read and write ends by the deadline."""

    def __init__(self, inner: httpcore.NetworkStream, deadline: Deadline) -> None:
        self._inner = inner
        self._deadline = deadline
        self.close = inner.close  # type: ignore[method-assign]
        self.get_extra_info = inner.get_extra_info  # type: ignore[method-assign]

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read; see httpcore."""
        left = self._deadline.require(timeout, httpcore.ReadTimeout)
        return self._inner.read(min(max_bytes, _PIECE), left)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write; see httpcore."""
        self._inner.write(buffer, self._deadline.require(timeout, httpcore.WriteTimeout))

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """Begin to encrypt; see httpcore."""
        left = self._deadline.require(timeout, httpcore.ConnectTimeout)
        return _Stream(self._inner.start_tls(ssl_context, server_hostname, left), self._deadline)
