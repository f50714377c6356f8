"""One server of the page over the shared sample, on 127.0.0.1, for all tests of this folder."""

from __future__ import annotations

import re
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import httpx
import pytest
from browser_steps import Visit, fill_shelf, settled
from copied_home import copy_home
from page_server import client_of, running
from playwright.sync_api import Browser, Page, sync_playwright

from artsim.search.models import Models
from artsim.store.gallery import Gallery, open_gallery
from artsim.web.app import make_app
from artsim.web.guard import Access
from artsim.web.serving import CACHE


@pytest.fixture(scope="module")
def shown(ingested_home: Path, fast_folder: Path) -> Iterator[Gallery]:
    """The sample, in a data folder that these tests alone have open."""
    with (
        tempfile.TemporaryDirectory(dir=fast_folder, prefix="page-") as folder,
        open_gallery(home=copy_home(ingested_home, Path(folder) / "home")) as gallery,
    ):
        yield gallery


@pytest.fixture(scope="session")
def models() -> Models:
    """Models, which are loaded once for all servers."""
    return Models()


@pytest.fixture(scope="module")
def page_address(
    shown: Gallery, models: Models, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    with running(make_app(shown, tmp_path_factory.mktemp("cache"), models=models)) as address:
        yield address


@pytest.fixture
def page(page_address: str) -> Iterator[httpx.Client]:
    """Client of the server."""
    with client_of(page_address) as client:
        yield client


@pytest.fixture
def locked(shown: Gallery, tmp_path: Path) -> Iterator[tuple[httpx.Client, Access]]:
    """Client of a server that asks for a token, and who may ask it."""
    access = Access(None, "a token of forty characters, or so, at all")
    app = make_app(shown, tmp_path / "page", access=access)
    with running(app) as address, client_of(address) as client:
        yield client, access


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    program = next((path for name in names if (path := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium is installed")
    with sync_playwright() as playwright:
        opened = playwright.chromium.launch(executable_path=program, args=["--no-sandbox"])
        yield opened
        opened.close()


@pytest.fixture
def visit(browser: Browser, page_address: str) -> Iterator[Visit]:
    """Return what opens an address of the page in a profile of its own, without complaint."""
    contexts, complaints = [], []

    def open_page(path: str = "/", *, settle: bool = True, **how: Any) -> Page:
        context = browser.new_context(
            **{"viewport": {"width": 1280, "height": 900}, "locale": "en", **how}
        )
        context.set_default_timeout(60_000)
        contexts.append(context)
        page = context.new_page()
        page.on("pageerror", lambda error: complaints.append(str(error)))
        page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
        page.goto(page_address + path)
        if settle:
            settled(page)
        return page

    yield open_page
    for context in contexts:
        context.close()
    # What the server refuses, and a test asks for, is told by the browser too.
    assert [one for one in complaints if not re.search("404|422|503", one)] == []


@pytest.fixture
def shelf(sample: Path, tmp_path: Path) -> Path:
    """A folder of three paintings, a broken one, and a spreadsheet."""
    return fill_shelf(tmp_path / "Nachlass", sorted((sample / "images").iterdir())[:3])


@pytest.fixture
def open_at(browser: Browser, tmp_path: Path) -> Iterator[Visit]:
    """Return what serves a data folder, and opens its page in a profile of its own."""
    complaints: list[str] = []
    with ExitStack() as ends:
        gallery = ends.enter_context(open_gallery(home=tmp_path / "home"))
        addresses: dict[str | None, str] = {}

        def open_page(access: Access | None = None, path: str = "/", **how: object) -> Page:
            key = access and access.token
            if key not in addresses:
                home = tmp_path / "home"
                app = make_app(gallery, home / CACHE, home=home, access=access)
                addresses[key] = ends.enter_context(running(app))
            context = browser.new_context(**{"locale": "en", **how})
            ends.callback(context.close)
            context.set_default_timeout(60_000)
            page = context.new_page()
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.goto(addresses[key] + path)
            return page

        yield open_page
    assert complaints == []
