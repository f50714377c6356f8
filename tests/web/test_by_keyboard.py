"""The whole way by keyboard alone, in a real Chromium: from a folder to works that are kept."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path

import pytest
from browser_steps import (
    PENDANT,
    Visit,
    address,
    fill_shelf,
    ids,
    picture_of,
    search,
    serious_faults,
    settled,
)
from playwright.sync_api import Locator, Page, expect

GIRLS = "met-438014"
PORTRAITS = (PENDANT, "met-437388", "met-437397", "met-437392", "met-437387")
_MOST = 150
"""Keys of one kind after which what is looked for cannot be reached by them."""


def reach(page: Page, one: Locator, key: str = "Tab") -> None:
    """Press a key until the focus is on what is looked for."""
    expect(one).to_be_visible()
    for _ in range(_MOST):
        if one.evaluate("one => one === document.activeElement"):
            return
        page.keyboard.press(key)
    raise AssertionError(f"{one} cannot be reached by {key}")


def press(page: Page, name: str, key: str = "Enter") -> None:
    """Reach a button, and press it."""
    reach(page, page.get_by_role("button", name=name).first)
    page.keyboard.press(key)


def choose(page: Page, name: str, files: Path) -> None:
    """Press a button that asks for files: what then opens is the browser's own."""
    with page.expect_file_chooser() as chosen:
        press(page, name)
    chosen.value.set_files(files)


def to_card(page: Page, painting_id: str) -> None:
    """Reach the works, and go among them by arrows."""
    reach(page, page.locator(".card .open[tabindex='0']").first)
    page.keyboard.press("Home")
    reach(page, page.locator(f".card[data-id='{painting_id}'] .open"), "ArrowRight")


def begin(page: Page, shelf: Path) -> None:
    """Make a gallery of a folder of six pictures, one of them broken, and a spreadsheet."""
    choose(page, "Choose a folder", shelf)
    expect(page.get_by_role("heading", name="6 pictures")).to_be_focused()
    reach(page, page.get_by_label("Gemalt von"))
    page.keyboard.type("Artist")
    expect(page.locator(".as-read")).to_contain_text("Rembrandt, um 1640-45")
    press(page, "Read in 6 pictures")
    expect(page.get_by_role("heading", name="5 pictures are in the gallery")).to_be_focused()
    press(page, "Look at the gallery")
    settled(page)
    assert sorted(ids(page)) == [f"I {i}" for i in range(5)]


def ask_by_face_and_period(page: Page, picture: Path) -> None:
    """Search by a picture, by a face in it, and in some years."""
    choose(page, "choose one", picture)
    faces = page.get_by_role("button", name=re.compile(r"Search by face \d"))
    expect(faces).to_have_count(3)
    settled(page)
    reach(page, faces.first)
    page.keyboard.press("Space")
    expect(page.locator("#said")).to_contain_text("faces nearest to")
    reach(page, page.get_by_label("from", exact=True))
    page.keyboard.type("1650")
    page.keyboard.press("Tab")
    page.keyboard.type("1675")
    page.keyboard.press("Enter")
    expect(page.locator("#chips")).to_contain_text("1650\N{EN DASH}1675")
    settled(page)
    assert set(ids(page)) <= {"I 1", "I 2", "I 3"}
    assert ids(page)


def ask_by_detail(page: Page) -> None:
    """Search by whole pictures again, by a detail given in numbers, and by all of it."""
    reach(page, page.locator("input[name=kind]:checked"))
    page.keyboard.press("ArrowUp")
    expect(page.locator("#said")).not_to_contain_text("faces")
    reach(page, page.locator("#region summary"))
    page.keyboard.press("Enter")
    for name, pixels in (("x", 30), ("y", 20), ("width", 90), ("height", 110)):
        reach(page, page.locator(f"#region-{name}"))
        page.keyboard.press("Control+A")
        page.keyboard.type(str(pixels))
    press(page, "Search by this detail")
    expect(page.locator("#said")).to_contain_text("nearest to a detail of")
    assert address(page)["region"] == ["30,20,90,110"]
    press(page, "The whole picture")
    expect(page.locator("#said")).not_to_contain_text("a detail of")
    settled(page)


def like_and_unlike(page: Page) -> None:
    """Search for more like one work and unlike another, then for what is like a third."""
    liked, unliked = ids(page)[:2]
    to_card(page, liked)
    page.keyboard.press("+")
    expect(page.locator("#said")).to_contain_text("nearest to these examples")
    settled(page)
    to_card(page, unliked)
    page.keyboard.press("-")
    expect(page.locator(".examples li")).to_have_count(3)
    settled(page)
    assert not {liked, unliked} & set(ids(page))
    last = ids(page)[0]
    to_card(page, last)
    page.keyboard.press("f")
    expect(page.locator(".examples li")).to_have_count(0)
    settled(page)
    assert address(page) == {"id": [last]}


def compare_in_each_way(page: Page) -> None:
    """Put the first work found beside the one that is asked by."""
    to_card(page, ids(page)[0])
    page.keyboard.press("c")
    expect(page.locator(".stage")).to_be_focused()
    for key, mode in enumerate(("side", "overlay", "blink", "difference", "curtain"), start=1):
        page.keyboard.press(str(key))
        expect(page.locator(".stage")).to_have_class(re.compile(mode))
    assert serious_faults(page) == []
    page.keyboard.press("Escape")


def keep_and_write(page: Page) -> None:
    """Keep three works with a note, write them in each form, and read them back."""
    chosen = ids(page)[:3]
    for painting_id in chosen:
        to_card(page, painting_id)
        page.keyboard.press("k")
    expect(page.locator("#kept")).to_have_text("Kept: 3")
    reach(page, page.locator("#kept"), "Shift+Tab")
    page.keyboard.press("Enter")
    reach(page, page.get_by_role("textbox", name="Note").first)
    page.keyboard.type("By the same hand?")
    written = {}
    for form in ("Table (CSV)", "JSON", "BibTeX", "IIIF manifest"):
        with page.expect_download() as saved:
            press(page, form)
        written[form] = Path(saved.value.path()).read_text(encoding="utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(written["Table (CSV)"])))
    assert [row["painting_id"] for row in rows] == chosen
    works = json.loads(written["JSON"])["works"]
    assert [work["payload"]["painting_id"] for work in works] == chosen
    assert works[0]["note"] == rows[0]["note"] == "By the same hand?"
    assert written["BibTeX"].count("@artwork{") == 3
    assert len(json.loads(written["IIIF manifest"])["items"]) == 3
    with page.context.expect_page() as opened:
        press(page, "Sheet to print")
    expect(opened.value.get_by_role("article")).to_have_count(3)


@pytest.mark.slow
def test_all_of_it_by_keyboard_alone(open_at: Visit, sample: Path, tmp_path: Path) -> None:
    pictures = [picture_of(sample, painting_id) for painting_id in PORTRAITS]
    page = open_at(viewport={"width": 1280, "height": 900})
    begin(page, fill_shelf(tmp_path / "Nachlass", pictures))
    ask_by_face_and_period(page, picture_of(sample, GIRLS))
    fresh = open_at(path=f"/{search(page)}")
    settled(fresh)
    assert ids(fresh) == ids(page)
    press(page, "Remove: ")
    expect(page.locator("#chips > li")).to_have_count(0)
    ask_by_detail(page)
    like_and_unlike(page)
    compare_in_each_way(page)
    keep_and_write(page)
