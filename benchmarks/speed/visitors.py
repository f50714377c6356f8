"""Visitors of a page, in a process of their own, so that they take nothing of the server's.

    python -m benchmarks.speed.visitors pictures|thumbnails ADDRESS LIST [--visitors N] ...

Each asks as soon as it was answered, over a connection of its own. LIST is a file with a picture's
path, or an address of a thumbnail, in each line, from which they take the next together.
Printed is JSON: milliseconds of each answer, refusals that were announced, and other failures.
"""

from __future__ import annotations

import argparse
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

_BOUNDARY: Final = "a-picture-of-a-visitor"
_MULTIPART: Final = {"content-type": f"multipart/form-data; boundary={_BOUNDARY}"}
_JSON: Final = {"content-type": "application/json"}
_TIMEOUT: Final = 120.0


@dataclass
class Told:
    """What visitors met with; of an answer, from its first byte sent to its last byte read."""

    ms: list[float] = field(default_factory=list)
    refused: int = 0
    failures: list[str] = field(default_factory=list)
    seconds: float = 0.0


class Visitor:
    """One connection, which waits as long as a server that is busy asks for."""

    def __init__(self, address: str, told: Told) -> None:
        parts = urlsplit(address)
        self._connection = HTTPConnection(parts.hostname or "", parts.port, timeout=_TIMEOUT)
        self._told = told

    def close(self) -> None:
        """Hang up; the next thing asked for begins a connection anew."""
        self._connection.close()

    def ask(self, method: str, path: str, body: bytes = b"", headers: Any = None) -> bytes:
        """Return the content of an answer; ValueError with its words where it is none."""
        while True:
            self._connection.request(method, path, body or None, headers or {})
            answer = self._connection.getresponse()
            content = answer.read()
            if answer.status == 503 and (seconds := answer.getheader("retry-after")):
                self._told.refused += 1
                time.sleep(float(seconds))
                continue
            if answer.status >= 400:
                raise ValueError(f"{method} {path}: {answer.status} {content[:200]!r}")
            return content

    def send_picture(self, path: str) -> str:
        """Send a picture to search by, and return its id."""
        head = f'--{_BOUNDARY}\r\ncontent-disposition: form-data; name="picture"; filename="a.jpg"'
        body = f"{head}\r\n\r\n".encode() + Path(path).read_bytes()
        body += f"\r\n--{_BOUNDARY}--\r\n".encode()
        found: str = json.loads(self.ask("POST", "/api/v1/uploads", body, _MULTIPART))["id"]
        return found

    def search(self, upload: str) -> bytes:
        """Search by a picture that was sent, for as many hits as the page shows."""
        question = {"query": {"upload": upload}, "options": {"limit": 24}}
        return self.ask("POST", "/api/v1/query", json.dumps(question).encode(), _JSON)

    def ask_by_picture(self, path: str) -> None:
        """Send a picture, and search by it."""
        self.search(self.send_picture(path))

    def see(self, address: str) -> None:
        """Look at a thumbnail."""
        self.ask("GET", address)


def visit(
    address: str, things: Iterator[str], visitors: int, seconds: float, task: str = "pictures"
) -> Told:
    """Let so many visitors ask for that long, and return what they met with."""
    told, lock = Told(), threading.Lock()
    begun = time.perf_counter()

    def go() -> None:
        visitor = Visitor(address, told)
        act: Callable[[str], None] = visitor.ask_by_picture if task == "pictures" else visitor.see
        while (start := time.perf_counter()) < begun + seconds:
            with lock:
                thing = next(things)
            try:
                act(thing)
            except (OSError, ValueError) as exc:
                told.failures.append(f"{type(exc).__name__}: {exc}")
                visitor.close()
                continue
            told.ms.append(1e3 * (time.perf_counter() - start))
        visitor.close()

    threads = [threading.Thread(target=go) for _ in range(visitors)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    told.seconds = time.perf_counter() - begun
    return told


def main() -> None:
    """Visit, and print what was met with."""
    parser = argparse.ArgumentParser(prog="benchmarks.speed.visitors")
    parser.add_argument("task", choices=("pictures", "thumbnails"))
    parser.add_argument("address")
    parser.add_argument("list", type=Path)
    parser.add_argument("--first", type=int, default=0, help="line to begin with")
    parser.add_argument("--visitors", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60.0)
    options = parser.parse_args()
    lines = options.list.read_text(encoding="utf-8").splitlines()
    first = options.first % len(lines)
    things = itertools.cycle([*lines[first:], *lines[:first]])
    told = visit(options.address, things, options.visitors, options.seconds, options.task)
    print(json.dumps(told.__dict__))


if __name__ == "__main__":
    main()
