"""HTTP servers on this machine that answer as a script says: real sockets, no mocks."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    """Answers every request as its server's script says, and keeps what was asked."""

    server: ScriptedServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else every answer waits 40 ms for the head's acknowledgment

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length", 0))
        body = self.rfile.read(length)
        self.server.asked.append((self.command, self.path, dict(self.headers), body))
        self.server.script(self)

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = answer  # noqa: N815

    def say(self, code: int, value: Any, **headers: str) -> None:
        body = value if isinstance(value, bytes) else json.dumps(value).encode()
        self.send_response(code)
        for name, content in headers.items():
            self.send_header(name.replace("_", "-"), content)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def hang_up(self) -> None:
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)

    def log_message(self, *_: object) -> None:
        pass


class ScriptedServer(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, script: Answer) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.script = script
        self.asked: list[tuple[str, str, dict[str, str], bytes]] = []
        self.stopped = threading.Event()
        self.sent = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def handle_error(self, *_: object) -> None:
        pass  # clients that went away


@contextmanager
def serving(script: Answer) -> Iterator[ScriptedServer]:
    server = ScriptedServer(script)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.stopped.set()
        server.shutdown()
        thread.join()
        server.server_close()


def in_turn(*answers: Answer) -> Answer:
    """Give each answer once, and the last one ever after."""
    left = list(answers)

    def script(handler: Handler) -> None:
        (left.pop(0) if len(left) > 1 else left[0])(handler)

    return script


def error(code: int, message: str, **headers: str) -> Answer:
    return lambda h: h.say(code, {"status": {"error": message}, "time": 0.0}, **headers)


def raw(*parts: bytes, every: float = 0.0, end: bool = True) -> Answer:
    """Send these bytes as they are, a pause before each part."""

    def script(handler: Handler) -> None:
        handler.close_connection = True
        for part in parts:
            if every and handler.server.stopped.wait(every):
                return
            handler.wfile.write(part)
            handler.wfile.flush()
        if not end:
            handler.server.stopped.wait(60)

    return script


def endless(head: bytes, part: bytes, every: float = 0.0) -> Answer:
    """Send `head`, and then `part` until the client goes away."""

    def script(handler: Handler) -> None:
        handler.close_connection = True
        handler.wfile.write(head)
        while not (handler.server.stopped.wait(every) if every else False):
            handler.wfile.write(part)
            handler.server.sent += len(part)

    return script
