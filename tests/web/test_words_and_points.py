"""The page over a gallery whose encoder takes words, and which has local points."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from browser_steps import ONE, PENDANT, Visit, address, ids, picture_of, settled
from page_server import running
from PIL import Image
from playwright.sync_api import expect

from artsim.ingest.run import IngestOptions, ingest_paintings
from artsim.search.answer import answer
from artsim.search.models import Models
from artsim.search.question import Question, TextQuery
from artsim.store.gallery import Gallery, open_gallery
from artsim.web.app import make_app


@pytest.fixture(scope="module")
def few(sample: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Some works of the sample."""
    folder = tmp_path_factory.mktemp("few")
    for path in (*sorted((sample / "images").iterdir())[:4], *both_of(sample)):
        shutil.copy(path, folder / path.name)
    return folder


def both_of(sample: Path) -> list[Path]:
    return [picture_of(sample, painting_id) for painting_id in (ONE, PENDANT)]


@pytest.fixture(scope="module")
def models(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Models]:
    """Models with a small network that takes words."""
    pytest.importorskip("cv2", reason="local points need the extra details")
    pytest.importorskip("open_clip", reason="words need open_clip")
    from open_clip_networks import tiny_open_clip, write_weights

    with tiny_open_clip(tmp_path_factory.mktemp("configs")):
        yield Models(weights=write_weights(tmp_path_factory.mktemp("weights")))


@pytest.fixture(scope="module")
def shown(few: Path, models: Models, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Gallery]:
    from open_clip_networks import MODEL

    options = IngestOptions(
        [f"open_clip:{MODEL}"], kinds=(), points=True, weights=models.weights, workers=1
    )
    with open_gallery(home=tmp_path_factory.mktemp("words") / "home") as gallery:
        ingest_paintings(gallery, few, options)
        yield gallery


@pytest.fixture(scope="module")
def page_address(
    shown: Gallery, models: Models, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    with running(make_app(shown, tmp_path_factory.mktemp("cache"), models=models)) as address:
        yield address


@pytest.mark.slow
def test_words_find_pictures(visit: Visit, shown: Gallery, models: Models) -> None:
    page = visit("/")
    page.get_by_label("Or in words").fill("a woman by a window")
    page.get_by_label("Or in words").press("Enter")
    expect(page.locator("#said")).to_contain_text("a woman by a window")
    settled(page)
    assert address(page)["text"] == ["a woman by a window"]
    expected = answer(shown, Question(TextQuery("a woman by a window")), models)
    assert ids(page) == [hit.painting_id for hit in expected.hits]
    expect(page.locator("blockquote")).to_contain_text("a woman by a window")


@pytest.mark.slow
def test_what_points_say_is_drawn(
    visit: Visit, page: httpx.Client, sample: Path, tmp_path: Path
) -> None:
    wall = Image.new("RGB", (1200, 700), (200, 195, 190))
    for at, path in zip((100, 650), both_of(sample), strict=True):
        with Image.open(path) as picture:
            wall.paste(picture.convert("RGB").resize((400, 500)), (at, 100))
    wall.save(tmp_path / "wall.png")
    with Image.open(picture_of(sample, ONE)) as picture:
        width, height = picture.size
        part = picture.crop((width // 4, height // 8, 3 * width // 4, height // 2))
    part.resize((3 * part.width // 2, 3 * part.height // 2)).save(tmp_path / "part.png")
    sent = {
        name: page.post(
            "/api/v1/uploads", files={"picture": (tmp_path / f"{name}.png").read_bytes()}
        ).json()["id"]
        for name in ("wall", "part")
    }
    seen = visit(f"/?picture={sent['wall']}&in-photo=yes")
    expect(seen.locator("#mount .rank")).to_have_count(2)
    expect(seen.locator("#mount .outline .above")).to_have_count(2)
    assert set(ids(seen)[:2]) == {path.name for path in both_of(sample)}
    expect(seen.locator(".card").first).to_contain_text("Shown in your picture")
    assert seen.get_by_label("Look in the picture for").input_value() == "in-photo"

    seen = visit(f"/?picture={sent['part']}")
    first = seen.locator(".card").first
    expect(first).to_contain_text(re.compile("Yours is a detail of it.*points agree"))
    assert ids(seen)[0] == picture_of(sample, ONE).name
    corners = first.locator(".outline .above").get_attribute("points") or ""
    left, top = map(float, corners.split()[0].split(","))
    assert abs(left - 1 / 4) < 0.03
    assert abs(top - 1 / 8) < 0.03
    seen.get_by_label("Look in the picture for").select_option("whole")
    expect(seen.locator(".evidence")).to_have_count(0)
    settled(seen)
    assert address(seen)["whole"] == ["yes"]
    expect(seen.locator(".outline")).to_have_count(0)
