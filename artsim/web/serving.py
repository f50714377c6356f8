"""Running the server of the page: its socket, its token, its end."""

from __future__ import annotations

import errno
import os
import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Final, cast

import uvicorn
from fastapi import FastAPI
from threadpoolctl import threadpool_limits

from artsim.errors import ConfigError
from artsim.search.models import Models
from artsim.store.gallery import Gallery, list_galleries, missing_gallery
from artsim.web.app import Service, make_app
from artsim.web.guard import LOOPBACK, Access, Guard

DEFAULT_PORT: Final = 8000

TOKEN: Final = "ARTSIM_TOKEN"

CACHE: Final = ".page"
"""Folder of thumbnails and sent pictures in the data folder; hidden, as it is no gallery."""


def open_first(gallery: Gallery, *, is_named: bool) -> Gallery:
    """Return the gallery to show: where none `is_named` and there is no default, the first.

    It is opened, so that an embedded gallery that another process holds is told of now.

    Raises
    ------
    CollectionNotFoundError
        If there is none.
    StoreError
        If it cannot be opened.
    """
    names = list_galleries(gallery.store)
    if gallery.name not in names:
        if is_named or gallery.name is not None or not names:
            raise missing_gallery(gallery.store, gallery.name)
        gallery = Gallery(gallery.store, names[0])
    for kind in gallery.kinds:
        gallery[kind].count()
    return gallery


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; ConfigError in one line where that cannot be."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        family, kind, protocol, _, address = found[0]
        listening = socket.socket(family, kind, protocol)
    except OSError as exc:
        raise ConfigError(
            f"{host!r} is no address of this machine ({exc.strerror}); name one of its own",
            hint="--host 127.0.0.1",
        ) from exc
    try:
        if os.name == "posix":  # on Windows it would share the port with another program
            listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
        listening.listen(128)
    except OSError as exc:
        listening.close()
        why = (
            "is taken by another program" if exc.errno == errno.EADDRINUSE else f"({exc.strerror})"
        )
        raise ConfigError(
            f"port {port} of {host} {why}; name another", hint=f"--port {port + 1}"
        ) from exc
    return listening


def choose_access(host: str) -> Access:
    """Return who may ask a server on a host: on loopback everyone, else who knows the token.

    The token is that of the environment variable ``ARTSIM_TOKEN``, else made up.
    """
    token = os.environ.get(TOKEN) or None
    if token is not None and len(token) < 16:
        raise ConfigError(f"{TOKEN} has {len(token)} characters; it needs at least 16")
    if host in LOOPBACK:
        return Access(LOOPBACK, token)
    return Access(None, token or secrets.token_urlsafe(32))


def serve(
    gallery: Gallery,
    home: Path,
    *,
    host: str = "127.0.0.1",
    port: int = DEFAULT_PORT,
    folders: tuple[Path, ...] = (),
    is_named: bool = False,
    models: Models | None = None,
    browser: bool = True,
    say: Callable[[str], None] = print,
) -> None:
    """Serve the page over a gallery until the process is interrupted.

    Parameters
    ----------
    home : Path
        Data folder, in which thumbnails and sent pictures are kept.
    folders : tuple of Path
        Where pictures may lie, instead of the folders that were ingested.
    is_named : bool
        Whether the user named the gallery: then no other is shown.
    say : callable
        Told the address, once the server answers there.

    Raises
    ------
    ConfigError
        If the port is taken, or the token too short.
    StoreError
        If the gallery cannot be opened.
    """
    access = choose_access(host)
    listening = bind(host, port)
    # Visitors are answered side by side; the threads of one product would wait, spinning.
    with listening, threadpool_limits(1, user_api="blas"):
        shown = open_first(gallery, is_named=is_named)
        app = make_app(
            shown,
            home / CACHE,
            models=models,
            folders=folders,
            others=not is_named,
            access=access,
        )
        code = f"?code={access.new_code()}" if access.token else ""
        name = host if host not in ("0.0.0.0", "::") else socket.gethostname()
        name = f"[{name}]" if ":" in name else name
        address = f"http://{name}:{listening.getsockname()[1]}/{code}"
        service: Service = cast(FastAPI, app.app).state.service

        def begun() -> None:
            _announce(address, bool(code), browser, say)
            aside.submit(service.warm)

        # What is being loaded is waited for: an interpreter that ends cannot load anything.
        with suppress(KeyboardInterrupt), ThreadPoolExecutor(1) as aside:  # how one ends it
            PageServer(app, begun).run(sockets=[listening])


class PageServer(uvicorn.Server):
    """A server that tells when it answers, and nothing else."""

    def __init__(self, app: Guard, begun: Callable[[], None]) -> None:
        config = uvicorn.Config(
            app, log_level="error", access_log=False, server_header=False, lifespan="off"
        )
        config.timeout_graceful_shutdown = 5
        super().__init__(config)
        self._begun = begun

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and tell so."""
        await super().startup(sockets)
        self._begun()


def _announce(address: str, once: bool, browser: bool, say: Callable[[str], None]) -> None:
    say(f"The page is at {address}{' (this link works once)' if once else ''}; Ctrl-C ends it.")
    if browser:
        # Finding a browser can take its time, and may fail, which is no matter.
        threading.Thread(target=webbrowser.open, args=(address,), daemon=True).start()
