"""Works that look alike on the pages of other sites, and what these may not read."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import AbstractContextManager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import httpx
import pytest
from browser_steps import ONE, PENDANT
from page_server import client_of, running
from playwright.sync_api import Browser, expect

from artsim.catalog.kinds import PAINTINGS
from artsim.errors import ConfigError
from artsim.store.gallery import Gallery
from artsim.web.app import make_app
from artsim.web.guard import Access, sites_named

TOKEN = "a token of forty characters, or so, at all"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:
        pass


@pytest.fixture
def museum(tmp_path: Path) -> Iterator[tuple[str, Path]]:
    """A museum's own server on another port, and the folder of its pages."""
    folder = tmp_path / "museum"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}", folder
    server.shutdown()
    thread.join()
    server.server_close()


def serving(
    gallery: Gallery, cache: Path, *origins: str, token: str | None = TOKEN
) -> AbstractContextManager[str]:
    access = Access(None if token else frozenset({"127.0.0.1"}), token, sites=sites_named(origins))
    return running(make_app(gallery, cache, access=access))


def write_page(
    folder: Path, address: str, painting_id: str, more: str = "", lang: str = "en"
) -> None:
    # A name of its own for each language: a browser keeps a page that was changed within a second.
    (folder / f"{lang}.html").write_text(
        f'<!doctype html><html lang="{lang}"><title>A work</title><link rel="icon" href="data:,">'
        f'<script type="module" src="{address}/static/artsim-similar.js"></script>'
        f'<artsim-similar painting="{painting_id}" api="{address}" all {more}></artsim-similar>'
    )


def test_a_museum_shows_works_that_look_alike(
    shown: Gallery, museum: tuple[str, Path], browser: Browser, tmp_path: Path
) -> None:
    origin, folder = museum
    hostile = "<img src=x onerror=\"document.title='taken'\">"
    collection, point_id = shown[PAINTINGS], PAINTINGS.point_id(PENDANT)
    before = collection.retrieve([point_id])[point_id].payload
    collection.overwrite_payload({point_id: {**before, "title": hostile}})
    page = browser.new_page()
    complaints: list[str] = []
    page.on("console", lambda said: said.type == "error" and complaints.append(said.text))
    try:
        with serving(shown, tmp_path / "cache", origin) as address:
            write_page(folder, address, ONE, 'limit="4" link="/objects/{id}"')
            page.goto(f"{origin}/en.html")
            expect(page.get_by_role("heading", name="Works that look like this")).to_be_visible()
            works = page.get_by_role("listitem")
            expect(works).to_have_count(4)
            expect(works.first).to_contain_text(hostile)
            assert page.title() == "A work"
            links = page.get_by_role("link").all()
            assert links[0].get_attribute("href") == f"{origin}/objects/{PENDANT}"
            images = page.locator("img")
            expect(images).to_have_count(4)
            page.wait_for_function(
                "document.querySelector('artsim-similar').shadowRoot.querySelectorAll('img').length"
                " === [...document.querySelector('artsim-similar').shadowRoot"
                ".querySelectorAll('img')].filter(one => one.naturalWidth > 0).length"
            )
            page.evaluate("document.querySelector('artsim-similar').setAttribute('limit', 2)")
            expect(works).to_have_count(2)
            write_page(folder, address, ONE, lang="de")
            page.goto(f"{origin}/de.html")
            expect(page.get_by_role("heading", name="Werke, die diesem ähneln")).to_be_visible()
            assert complaints == []
        with serving(shown, tmp_path / "cache") as address:  # which names nobody
            write_page(folder, address, ONE)
            with page.expect_event("requestfailed"):
                page.goto(f"{origin}/en.html")
            assert page.get_by_role("listitem").count() == 0
    finally:
        collection.overwrite_payload({point_id: before})
        page.close()


def test_only_what_the_element_needs_is_open(shown: Gallery, tmp_path: Path) -> None:
    site = {
        "origin": "https://museum.example",
        "sec-fetch-site": "cross-site",
        "sec-fetch-mode": "cors",
    }
    other = {**site, "origin": "https://elsewhere.example"}
    with (
        serving(shown, tmp_path / "cache", "https://museum.example/") as address,
        client_of(address) as client,
    ):
        found = client.get("/api/v1/similar", params={"id": ONE, "limit": 3}, headers=site)
        assert found.status_code == 200, found.text
        assert found.headers["access-control-allow-origin"] == "https://museum.example"
        assert "origin" in found.headers["vary"]
        hits = found.json()["hits"]
        assert len(hits) == 3
        assert not {"image_uri", "ingested_from", "extra"} & set(hits[0]["payload"])
        picture = hits[0]["picture_id"]
        thumbnail = f"/api/v1/thumbnails/{picture}"
        assert client.get(thumbnail, headers=site).status_code == 200
        full = f"/iiif/3/{picture}/full/max/0/default.jpg"
        for path in (
            full,
            "/api/v1/paintings",
            f"/api/v1/paintings/{ONE}",
            "/",
            "/api/v1/galleries",
        ):
            refused = client.get(path, headers=site)
            assert refused.status_code in (401, 403), path
            assert "access-control-allow-origin" not in refused.headers
        for headers in (other, {}):
            assert client.get(
                "/api/v1/similar", params={"id": ONE}, headers=headers
            ).status_code in (401, 403)
        for method in ("POST", "DELETE", "PUT"):
            assert client.request(method, thumbnail, headers=site).status_code in (401, 403)


def test_where_all_may_read_viewers_read_the_pictures(shown: Gallery, tmp_path: Path) -> None:
    picture = PAINTINGS.point_id(ONE)
    with (
        serving(shown, tmp_path / "cache", "*") as address,
        client_of(address) as client,
    ):
        for headers in ({}, {"origin": "https://viewer.example", "sec-fetch-site": "cross-site"}):
            found = client.get(f"/iiif/3/{picture}/info.json", headers=headers)
            assert found.json()["profile"] == "level2"
            assert found.headers["access-control-allow-origin"] == "*"
            image = client.get(f"/iiif/3/{picture}/full/!100,100/0/default.jpg", headers=headers)
            assert image.headers["access-control-allow-origin"] == "*"
            assert image.headers["cross-origin-resource-policy"] == "cross-origin"
        assert client.get("/api/v1/galleries").status_code == 401
    with serving(shown, tmp_path / "cache", token=None) as address:
        found = httpx.get(f"{address}/iiif/3/{picture}/info.json")
        assert found.json()["profile"] == "level0"
        assert "access-control-allow-origin" not in found.headers


@pytest.mark.parametrize("origin", ["museum.example", "https://museum.example/works", "null", ""])
def test_what_is_no_site_is_refused(origin: str) -> None:
    with pytest.raises(ConfigError, match="no site; expected such as"):
        sites_named([origin])
