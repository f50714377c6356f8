"""From nothing to a gallery in a real Chromium, and more pictures for it."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from browser_steps import Visit, ids, serious_faults, settled
from playwright.sync_api import Page, expect

from artsim.web.guard import Access


def choose(page: Page, button: str, files: Path | list[Path]) -> None:
    with page.expect_file_chooser() as chosen:
        page.get_by_role("button", name=button).click()
    chosen.value.set_files(files)


def test_a_folder_and_a_spreadsheet_become_a_gallery(open_at: Visit, shelf: Path) -> None:
    page = open_at(viewport={"width": 320, "height": 700}, reduced_motion="reduce")
    expect(page.get_by_role("heading", name="Begin with your pictures")).to_be_visible()
    assert serious_faults(page) == []
    choose(page, "Choose a folder", shelf)
    expect(page.get_by_role("heading", name="4 pictures")).to_be_focused()
    expect(page.locator(".lists")).to_contain_text("Nachlass/Inventar.xlsx")
    expect(page.get_by_label("Titel: ")).to_have_value("title")
    expect(page.locator(".doubts")).to_contain_text("Nachlass/Notiz.pdf")
    painter = page.get_by_label("Gemalt von")
    expect(painter).to_have_value("")
    expect(page.locator(".as-read")).not_to_contain_text("Rembrandt")
    assert serious_faults(page) == []

    painter.select_option("artist")
    expect(page.locator(".as-read")).to_contain_text("Rembrandt, um 1640-45 (1640\N{EN DASH}1645)")
    expect(painter).to_be_focused()
    page.get_by_label("Find the faces").uncheck()
    page.get_by_role("button", name="Read in 4 pictures").click()
    expect(page.get_by_role("heading", name="3 pictures are in the gallery")).to_be_visible()
    expect(page.locator(".doubts")).to_contain_text("Nachlass/kaputt.jpg: ")
    assert serious_faults(page) == []
    with page.expect_download() as table:
        page.get_by_role("link", name="as a table").click()
    assert "kaputt.jpg" in Path(table.value.path()).read_text(encoding="utf-8-sig")

    page.get_by_role("button", name="Look at the gallery").click()
    settled(page)
    assert sorted(ids(page)) == ["I 0", "I 1", "I 2"]
    expect(page.locator(".card .title").filter(has_text="<img src=x")).to_have_count(1)
    expect(page.get_by_label("Rembrandt")).to_be_visible(visible=False)


DROP = """async (files) => {
  const data = new DataTransfer();
  for (const [name, content] of files) data.items.add(new File([new Uint8Array(content)], name));
  const how = { dataTransfer: data, bubbles: true, cancelable: true };
  document.body.dispatchEvent(new DragEvent("drop", how));
}"""


def dropped(page: Page, paths: list[Path]) -> None:
    page.evaluate(DROP, [[path.name, list(path.read_bytes())] for path in paths])


@pytest.mark.slow
def test_pictures_and_a_list_are_dropped_and_more_are_added(open_at: Visit, shelf: Path) -> None:
    pictures = sorted(shelf.glob("*-*.jpg"))
    page = open_at(locale="de")
    expect(page.get_by_role("heading", name="Mit Ihren Bildern beginnen")).to_be_visible()
    dropped(page, [*pictures[:2], shelf / "Inventar.xlsx"])
    expect(page.get_by_role("heading", name="2 Bilder")).to_be_visible()
    page.get_by_label("Die Gesichter").uncheck()
    page.get_by_role("button", name="2 Bilder einlesen").press("Enter")
    page.get_by_role("button", name="Die Galerie ansehen").press("Enter")
    settled(page)
    assert sorted(ids(page)) == ["I 0", "I 1"]

    # One picture is searched by; several, or a list, are added.
    dropped(page, [*pictures[2:], shelf / "Inventar.xlsx"])
    dialog = page.get_by_role("dialog")
    expect(dialog.get_by_role("heading", name="Ein Bild")).to_be_focused()
    assert serious_faults(page) == []
    page.get_by_role("button", name="Verwerfen").click()
    page.get_by_label("In", exact=True).select_option("eine neue Galerie …")
    page.get_by_label("Name der Galerie").fill("mehr")
    choose(page, "Dateien wählen", [*pictures[2:], shelf / "Inventar.xlsx"])
    page.get_by_label("Die Gesichter").uncheck()
    page.get_by_role("button", name="Ein Bild einlesen").click()
    expect(dialog.get_by_role("heading", name="Ein Bild ist in der Galerie")).to_be_visible()
    page.get_by_role("button", name="Die Galerie ansehen").click()
    settled(page)
    assert page.url.endswith("/?gallery=mehr")
    assert ids(page) == ["I 2"]


@pytest.mark.slow
def test_a_folder_of_the_server_is_confirmed_and_stopped(open_at: Visit, sample: Path) -> None:
    page = open_at()
    page.get_by_label("Or a folder").fill("/nowhere/at/all")
    page.get_by_role("button", name="Look into it").click()
    expect(page.get_by_role("alert").filter(has_text="no folder")).to_be_visible()
    page.get_by_label("Or a folder").fill(str(sample))
    page.get_by_label("Or a folder").press("Enter")
    expect(page.locator("#begin")).to_contain_text(str(sample.resolve()))
    page.get_by_label("Find the faces").uncheck()
    page.get_by_role("button", name=re.compile(r"Read in \d+ pictures")).click()
    page.get_by_role("button", name="Stop").click()
    expect(page.get_by_role("heading", name="Stopped")).to_be_visible()
    page.get_by_role("button", name="Add more").click()
    expect(page.locator(".unfinished")).to_contain_text("Stopped after")
    page.get_by_role("button", name="Forget it").click()
    expect(page.locator(".unfinished")).to_have_count(0)


@pytest.mark.slow
def test_who_only_reads_is_told_so(open_at: Visit, sample: Path) -> None:
    access = Access(None, "a token to read by, long", "a token to write by, long")
    page = open_at(access, f"/?code={access.new_code()}")
    expect(page.get_by_role("heading", name="There is no gallery here yet")).to_be_visible()
    expect(page.get_by_role("button", name="Choose")).to_have_count(0)
    assert serious_faults(page) == []
    page.get_by_role("link", name="token for writing").click()
    page.get_by_label("Token").fill("a token to write by, long")
    page.get_by_role("button", name="Enter").click()
    expect(page.get_by_role("button", name="Choose a folder")).to_be_visible()
