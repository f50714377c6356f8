"""The ways in which works are looked at, in a real Chromium."""

from __future__ import annotations

import csv
import re

import httpx
import pytest
from browser_steps import ONE, PENDANT, Visit, address, ids, serious_faults, settled
from playwright.sync_api import expect

from artsim.catalog.kinds import PAINTINGS
from artsim.store.gallery import Gallery
from artsim.store.protocol import Point


def test_views_are_switched_and_kept_in_the_address(visit: Visit) -> None:
    page = visit("/")
    page.locator("body").press("v")
    expect(page.locator("#view-list")).to_be_checked()
    settled(page)
    assert address(page)["view"] == ["list"]
    rows = ids(page)
    assert len(rows) == 24
    page.get_by_label("Order").select_option("artist")
    expect(page.locator("#said")).to_contain_text("by artist")
    settled(page)
    assert address(page)["sort"] == ["artist"]
    assert ids(page) != rows
    page.locator("#view-list").press("ArrowRight")
    expect(page.locator("#said")).to_contain_text("along the years")
    expect(page.locator("#view-time")).to_be_focused()
    again = visit("/?view=time")
    expect(again.locator("#view-time")).to_be_checked()


@pytest.mark.slow
def test_the_time_line_leads_to_a_period_and_a_record(visit: Visit) -> None:
    page = visit("/?view=time")
    assert page.locator(".span").count() > 3
    span = page.locator("button.axis:not([disabled])").last
    label = span.get_attribute("aria-label") or ""
    span.press("Enter")
    expect(page.locator("#chips > li")).to_have_count(1)
    settled(page)
    first, last = re.findall(r"\d{4}", label)
    assert address(page)["year"] == [f"{first}..{last}"]
    card = page.locator(".time .open").first
    card.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".time .open:focus")).to_have_count(1)
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()


@pytest.mark.slow
def test_an_answer_along_the_years(visit: Visit) -> None:
    page = visit(f"/?id={ONE}&view=time")
    hits = set(ids(visit(f"/?id={ONE}")))
    shown = ids(page)
    assert shown
    assert set(shown) <= hits
    counts = page.locator(".span .total").all_inner_texts()
    assert sum(int(count) for count in counts if count) == len(hits)
    expect(page.locator("#view-people")).to_have_count(0)


@pytest.mark.slow
def test_the_map_by_keys(visit: Visit) -> None:
    page = visit("/?view=map", settle=False)
    canvas = page.locator("#plane canvas")
    expect(canvas).to_be_visible()
    expect(page.locator("#said")).to_contain_text("alike beside alike")
    canvas.focus()
    page.keyboard.press("ArrowRight")
    expect(page.locator(".picked .title")).to_be_visible()
    first = page.locator(".picked .title").inner_text()
    for key in ("ArrowDown", "ArrowLeft"):
        page.keyboard.press(key)
    expect(page.locator(".picked .title")).to_be_visible()
    assert first
    page.keyboard.press("+")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(canvas).to_be_focused()
    page.get_by_label("Side by side").check()
    page.get_by_label("Color by").select_option("style")
    assert page.locator(".legend li").count() > 2
    page.locator(".picked").get_by_role("button", name="Find alike").click()
    expect(page.locator("#said")).to_contain_text("nearest to")
    assert address(page)["view"] == ["map"]
    expect(page.locator("#plane canvas")).to_be_visible()
    page.locator("#view-grid").check()
    settled(page)
    expect(page.locator("#plane")).to_be_hidden()


@pytest.mark.slow
def test_people_and_who_is_named(visit: Visit, shown: Gallery, page: httpx.Client) -> None:
    seen = visit("/?view=people&year=1600..1700")
    seen.context.grant_permissions(["clipboard-read", "clipboard-write"])
    seen.get_by_role("button", name="Copy as command").click()
    expect(seen.get_by_role("button", name="Copied")).to_be_visible()
    command = seen.evaluate("navigator.clipboard.readText()")
    assert command == "artsim people --year 1600..1700"
    seen = visit("/?view=people")
    assert seen.locator(".person").count() > 1
    expect(seen.locator("#notes")).to_contain_text("artsim people --write")
    face = page.get(f"/api/v1/paintings/{ONE}").json()["faces"][0]
    assert shown.names_file is not None
    with shown.names_file.open("w", newline="") as stream:
        columns = ["name", "painting_id", "x", "y", "width", "height"]
        csv.writer(stream).writerows([columns, ["Griet <b>Jans</b>", ONE, *face["box"]]])
    try:
        seen = visit("/?view=people")
        expect(seen.locator(".person h3").first).to_have_text("Griet <b>Jans</b>")
        seen.get_by_role("button", name="Works that show this person").click()
        expect(seen.locator("#chips > li")).to_have_count(1)
        settled(seen)
        assert ids(seen) == [ONE]
        assert address(seen)["person"] == ["Griet <b>Jans</b>"]
        expect(seen.get_by_role("group", name="Person shown")).to_contain_text("Griet <b>Jans</b>")
        seen.get_by_role("button", name="Remove: Griet").click()
        settled(seen)
        assert len(ids(seen)) == 24
    finally:
        shown.names_file.unlink()


@pytest.mark.slow
def test_copies_are_compared(visit: Visit, shown: Gallery) -> None:
    """A work that is in the gallery twice: put there by its point under another id."""
    paintings, twin = shown[PAINTINGS], PAINTINGS.point_id("twin")
    names = list(paintings.schema.vectors)
    point_id = PAINTINGS.point_id(ONE)
    record = paintings.retrieve([point_id], with_vectors=names)[point_id]
    paintings.upsert([Point(twin, record.vectors, {**record.payload, "painting_id": "twin"})])
    try:
        page = visit("/?view=copies")
        group = page.locator(".person").filter(has=page.locator("[data-id=twin]"))
        expect(group.get_by_role("heading", level=3)).to_have_text("Same photograph")
        group.get_by_role("button", name="Compare").click()
        expect(page.get_by_role("dialog")).to_contain_text("same picture")
        assert set(address(page)["compare"]) == {ONE, "twin"}
        page.keyboard.press("Escape")
        narrowed = visit("/?view=copies&year=1900..1910", settle=False)
        expect(narrowed.locator("#said")).to_contain_text("None of")
    finally:
        paintings.delete_ids([twin])


@pytest.mark.slow
@pytest.mark.parametrize(
    "path",
    [
        *(f"/?view={view}" for view in ("list", "time", "map", "people")),
        f"/?id={PENDANT}&view=list",
    ],
    ids=["list", "time", "map", "people", "answer"],
)
def test_everyone_can_look_at_them(visit: Visit, path: str) -> None:
    page = visit(
        path, settle=False, viewport={"width": 320, "height": 700}, reduced_motion="reduce"
    )
    expect(page.locator("#hits > li:visible, #plane canvas:visible").first).to_be_visible()
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    assert serious_faults(page) == []
