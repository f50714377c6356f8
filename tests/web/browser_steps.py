"""What visitors of the page do again and again, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from axe_playwright_python.sync_playwright import Axe
from openpyxl import Workbook
from playwright.sync_api import Page, expect

ONE, PENDANT = "met-437388", "met-437386"
COLUMNS = ("Inv.-Nr.", "Titel", "Gemalt von", "Datierung", "Foto")
Visit = Callable[..., Page]

expect.set_options(timeout=60_000)  # a busy machine is slow, which is no failure


def settled(page: Page) -> None:
    """Wait until the answer is there."""
    expect(page.locator("#results:not([aria-busy]) #hits > li").first).to_be_visible()


def ids(page: Page) -> list[str]:
    found: list[str] = page.eval_on_selector_all(".card", "all => all.map(one => one.dataset.id)")
    return found


def search(page: Page) -> str:
    """The address as the page itself has it: the browser tells of changes a little later."""
    found: str = page.evaluate("location.search")
    return found


def address(page: Page) -> dict[str, list[str]]:
    return parse_qs(search(page).removeprefix("?"))


def picture_of(sample: Path, painting_id: str) -> Path:
    return next((sample / "images").glob(f"*{painting_id}.jpg"))


def fill_shelf(folder: Path, paintings: list[Path]) -> Path:
    """Put paintings on a shelf, a broken one, and a spreadsheet as people keep them."""
    folder.mkdir()
    book = Workbook()
    sheet = book.active
    assert sheet is not None
    sheet.append(COLUMNS)
    for i, path in enumerate(paintings):
        (folder / path.name).write_bytes(path.read_bytes())
        title = "<img src=x onerror=alert(1)>" if i == 0 else f"Bild {i}"
        sheet.append([f"I {i}", title, "Rembrandt", f"um 16{4 + i}0-{4 + i}5", path.name])
    book.save(folder / "Inventar.xlsx")
    (folder / "kaputt.jpg").write_bytes(b"no picture")
    (folder / "Notiz.pdf").write_bytes(b"%PDF")
    return folder


def serious_faults(page: Page) -> list[tuple[str, Any]]:
    """What axe-core finds, dark and light, and whether it is wider than its window."""
    found: list[tuple[str, Any]] = []
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        for one in Axe().run(page).response["violations"]:
            if one["impact"] in ("serious", "critical"):
                found.append((one["id"], [node["target"] for node in one["nodes"]][:3]))
    width = page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    return found + ([("wide", width)] if width[0] > width[1] else [])
