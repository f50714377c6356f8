"""A real server of the page, in a thread of the tests."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import httpx

from artsim.web.guard import Guard
from artsim.web.serving import PageServer, bind


@contextmanager
def running(app: Guard) -> Iterator[str]:
    """Yield the address at which a real server answers for an application."""
    listening = bind("127.0.0.1", 0)
    server = PageServer(app, lambda: None)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listening]})
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join()
        listening.close()


def client_of(address: Any, **options: Any) -> httpx.Client:
    """Return a client that reads no certificates: the server speaks plain HTTP."""
    return httpx.Client(base_url=address, timeout=60, verify=False, **options)
