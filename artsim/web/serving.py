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
from dataclasses import replace
from pathlib import Path
from typing import Final, cast

import uvicorn
from fastapi import FastAPI
from threadpoolctl import threadpool_limits

from artsim.errors import ConfigError
from artsim.search.models import Models
from artsim.store.gallery import Gallery, list_galleries, missing_gallery
from artsim.web.app import make_app
from artsim.web.guard import LOOPBACK, Access, Guard, Role
from artsim.web.sharing import Service

TOKEN: Final = "ARTSIM_TOKEN"
WRITE_TOKEN: Final = "ARTSIM_WRITE_TOKEN"

CACHE: Final = ".page"
"""Folder of thumbnails and sent pictures in the data folder; hidden, as it is no gallery."""


def check_gallery(gallery: Gallery) -> None:
    """Refuse a gallery that is not there while others are, and one that cannot be opened.

    Of none at all the page can make one. An embedded gallery that another process holds is told
    of now, by a StoreError.
    """
    names = list_galleries(gallery.store)
    if names and gallery.name is not None and gallery.name not in names:
        raise missing_gallery(gallery.store, gallery.name)
    if names and gallery.name not in names:
        gallery = Gallery(gallery.store, names[0], gallery.names_file)
    for kind in gallery.kinds:
        gallery[kind].count()


def bind(host: str, port: int) -> socket.socket:
    """Return a listening socket; ConfigError in one line where that cannot be."""
    try:
        found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
        # With its protocol said: asyncio sends answers at once only where it is known to be TCP.
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
        is_taken = exc.errno == errno.EADDRINUSE
        why = "is taken by another program" if is_taken else f"({exc.strerror})"
        raise ConfigError(
            f"port {port} of {host} {why}; name another", hint=f"--port {port + 1}"
        ) from exc
    return listening


def choose_access(host: str) -> Access:
    """Return who may ask a server on a host, and who may add pictures.

    On loopback everyone, unless the environment says otherwise; elsewhere who knows a token:
    that of ``ARTSIM_TOKEN`` to read, that of ``ARTSIM_WRITE_TOKEN`` to write, or the content of
    the files that ``ARTSIM_TOKEN_FILE`` and ``ARTSIM_WRITE_TOKEN_FILE`` name; what is not said
    is made up.
    """
    reading, writing = _read_token(TOKEN), _read_token(WRITE_TOKEN)
    if reading is not None and reading == writing:
        raise ConfigError(f"{TOKEN} and {WRITE_TOKEN} are the same; who may read could write")
    if host in LOOPBACK and reading is None:
        return Access(LOOPBACK, None, writing)
    made_up = secrets.token_urlsafe(32), secrets.token_urlsafe(32)
    hosts = LOOPBACK if host in LOOPBACK else None
    return Access(hosts, reading or made_up[0], writing or made_up[1])


def _read_token(name: str) -> str | None:
    """Return the token of an environment variable, or of the file that another names."""
    token, file = os.environ.get(name) or None, os.environ.get(f"{name}_FILE")
    if token is None and file:
        try:
            token = Path(file).expanduser().read_text(encoding="utf-8").strip()
        except (OSError, ValueError) as exc:
            raise ConfigError(f"{name}_FILE: {file} cannot be read ({exc})") from exc
        name = f"the token in {file}"
    if token is not None and len(token) < 16:
        raise ConfigError(f"{name} has {len(token)} characters; it needs at least 16")
    return token


def serve(
    gallery: Gallery,
    home: Path,
    *,
    host: str,
    port: int,
    folders: tuple[Path, ...],
    is_named: bool,
    models: Models,
    sites: frozenset[str],
    browser: bool,
    say: Callable[[str], None],
) -> None:
    """Serve the page over a gallery until the process is interrupted.

    What is kept lies in the data folder `home`; `folders` and `sites` are those of `make_app` and
    `Access`; where the user named the gallery no other is shown; `say` is told the address, once
    the server answers there. ConfigError if the port is taken or the token too short, StoreError
    if the gallery cannot be opened.
    """
    access = replace(choose_access(host), sites=sites)
    listening = bind(host, port)
    # Visitors are answered side by side; the threads of one product would wait, spinning.
    with listening, threadpool_limits(1, user_api="blas"):
        check_gallery(gallery)
        app = make_app(
            gallery,
            home / CACHE,
            home=home,
            models=models,
            folders=folders,
            others=not is_named,
            access=access,
        )
        name = host if host not in ("0.0.0.0", "::") else socket.gethostname()
        name = f"[{name}]" if ":" in name else name
        address = f"http://{name}:{listening.getsockname()[1]}/"
        service: Service = cast(FastAPI, app.app).state.service

        def begun() -> None:
            _announce(address, access, browser, say)
            aside.submit(service.warm)

        # What is being loaded is waited for: an interpreter that ends cannot load anything.
        with suppress(KeyboardInterrupt), ThreadPoolExecutor(1) as aside:  # how one ends it
            PageServer(app, begun).run(sockets=[listening])


class PageServer(uvicorn.Server):
    """A server that tells when it answers, and nothing else."""

    def __init__(self, app: Guard, begun: Callable[[], None]) -> None:
        config = uvicorn.Config(
            app,
            log_level="error",
            access_log=False,
            server_header=False,
            lifespan="on",
            timeout_graceful_shutdown=5,
        )
        super().__init__(config)
        self._begun = begun

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Begin to answer, and tell so."""
        await super().startup(sockets)
        self._begun()


def _announce(address: str, access: Access, browser: bool, say: Callable[[str], None]) -> None:
    def link(role: Role) -> str:
        needs_code = access.write_token if role == "write" else access.token
        return f"{address}?code={access.new_code(role)}" if needs_code else address

    once = " (this link works once)" if access.token else ""
    say(f"The page is at {link('read')}{once}; Ctrl-C ends it.")
    if access.write_token:
        say(f"Pictures are added by who comes from {link('write')} (this link works once).")
    if browser:
        # Finding a browser can take its time, and may fail, which is no matter.
        threading.Thread(target=webbrowser.open, args=(link("write"),), daemon=True).start()
