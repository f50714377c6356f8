"""What visitors of the page do again and again, in a real browser."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

ONE, PENDANT = "met-437388", "met-437386"
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
