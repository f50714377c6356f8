"""Frames of films on the page: their pictures, and the film that they are of."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from page_server import client_of, running
from PIL import Image
from playwright.sync_api import Browser
from small_films import scene, write_film

from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.store.gallery import open_gallery
from artsim.web.app import make_app

FRAME = "film-00h00m01.000"


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_film(
        tmp_path_factory.mktemp("films") / "film.mp4", [(scene(1), 1.0), (scene(2), 2.0)]
    )


@pytest.fixture(scope="module")
def of_films(film: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[httpx.Client]:
    """Client of a page over one painting and one film."""
    folder = tmp_path_factory.mktemp("paintings")
    Image.fromarray(scene(9)).save(folder / "9.png")
    with open_gallery(home=tmp_path_factory.mktemp("home")) as gallery:
        for source in (folder, film):
            ingest_paintings(gallery, source, IngestOptions(faces=False))
        app = make_app(gallery, tmp_path_factory.mktemp("cache"))
        with running(app) as address, client_of(address) as client:
            yield client


def test_frames_are_listed_where_films_are_asked_for(of_films: httpx.Client) -> None:
    plain, films = (
        of_films.get("/api/v1/paintings", params=asked).json() for asked in ({}, {"films": True})
    )
    assert [point["painting_id"] for point in plain["points"]] == ["9.png"]
    assert [point["payload"]["video_uri"] for point in films["points"]] == ["film.mp4"] * 2


def test_a_frame_has_a_thumbnail_and_its_film(of_films: httpx.Client, film: Path) -> None:
    record = of_films.get(f"/api/v1/paintings/{FRAME}").json()
    assert (record["time_start"], record["time_end"]) == (1.0, 3.0)
    thumbnail = of_films.get(f"/api/v1/thumbnails/{record['picture_id']}")
    assert thumbnail.headers["content-type"] == "image/webp"
    place = f"/api/v1/films/{record['picture_id']}"
    whole = of_films.get(place)
    assert whole.content == film.read_bytes()
    assert whole.headers["content-type"] == "video/mp4"
    part = of_films.get(place, headers={"range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, film.read_bytes()[10:20])


def test_a_painting_is_of_no_film(of_films: httpx.Client) -> None:
    record = of_films.get("/api/v1/paintings/9.png").json()
    refused = of_films.get(f"/api/v1/films/{record['picture_id']}")
    assert refused.status_code == 404
    assert "no frame of a film" in refused.json()["detail"]


def test_the_browser_plays_the_film_from_there(of_films: httpx.Client, browser: Browser) -> None:
    record = of_films.get(f"/api/v1/paintings/{FRAME}").json()
    page = browser.new_page()
    page.goto(f"{of_films.base_url}/api/v1/films/{record['picture_id']}#t=1,3")
    page.wait_for_function("document.querySelector('video')?.readyState > 1")
    assert page.evaluate("document.querySelector('video').currentTime") >= 1
    page.close()
