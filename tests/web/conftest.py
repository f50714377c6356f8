"""One server of the page over the shared sample, on 127.0.0.1, for all tests of this folder."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from page_server import running

from artsim.store.gallery import Gallery, open_gallery
from artsim.web.app import make_app
from artsim.web.guard import Access


@pytest.fixture(scope="module")
def shown(ingested_home: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    """The sample, in a data folder that these tests alone have open."""
    home = tmp_path_factory.mktemp("page") / "home"
    subprocess.run(["cp", "-R", ingested_home, home], check=True)
    with open_gallery(home=home) as gallery:
        yield gallery


@pytest.fixture(scope="module")
def page_address(shown: Gallery, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running(make_app(shown, tmp_path_factory.mktemp("cache"))) as address:
        yield address


@pytest.fixture
def page(page_address: str) -> Iterator[httpx.Client]:
    """Client of the server."""
    with httpx.Client(base_url=page_address, timeout=60) as client:
        yield client


@pytest.fixture
def locked(shown: Gallery, tmp_path: Path) -> Iterator[tuple[httpx.Client, Access]]:
    """Client of a server that asks for a token, and who may ask it."""
    access = Access(None, "a token of forty characters, or so, at all")
    app = make_app(shown, tmp_path / "page", access=access)
    with running(app) as address, httpx.Client(base_url=address, timeout=60) as client:
        yield client, access
