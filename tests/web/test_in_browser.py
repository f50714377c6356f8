"""The page end to end in a real Chromium: what a visitor does, and what they see."""

from __future__ import annotations

import json
import re
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from browser_steps import (
    ONE,
    PENDANT,
    Visit,
    address,
    ids,
    picture_of,
    search,
    serious_faults,
    settled,
)
from playwright.sync_api import Locator, Page, expect

from artsim.catalog.kinds import PAINTINGS
from artsim.store.gallery import Gallery
from artsim.web.guard import Access

GIRLS = "met-438014"


def test_a_dropped_picture_a_face_a_period_and_the_address(visit: Visit, sample: Path) -> None:
    page = visit()
    assert len(ids(page)) == 24
    with page.expect_file_chooser() as chosen:
        page.get_by_role("button", name="choose one").click()
    chosen.value.set_files(picture_of(sample, GIRLS))
    faces = page.get_by_role("button", name=re.compile(r"Search by face \d"))
    expect(faces).to_have_count(3)
    settled(page)
    expect(page.locator("#said")).to_contain_text("nearest to your picture")
    assert "picture" in address(page)
    expect(page.locator("#notes")).to_contain_text("This picture is in the gallery")
    page.locator("#notes button").click()
    expect(page.get_by_role("dialog")).to_contain_text(GIRLS)
    page.keyboard.press("Escape")

    faces.first.click()
    expect(page.locator("#said")).to_contain_text("faces nearest to")
    assert address(page)["kind"] == ["faces"]
    expect(faces.first).to_have_attribute("aria-pressed", "true")

    page.get_by_label("from", exact=True).fill("1600")
    page.get_by_label("to", exact=True).fill("1700")
    page.get_by_label("to", exact=True).press("Enter")
    expect(page.locator("#chips")).to_contain_text("1600\N{EN DASH}1700")
    settled(page)
    found = ids(page)
    assert found
    assert ids(visit(f"/{search(page)}")) == found

    for _ in ("to", "from"):
        page.go_back()
    expect(page.locator("#chips > li")).to_have_count(0)
    assert "year" not in address(page)


@pytest.mark.slow
def test_a_picture_is_dropped_and_pasted(visit: Visit, sample: Path) -> None:
    content = list(picture_of(sample, ONE).read_bytes())
    for event, property_ in (("drop", "dataTransfer"), ("paste", "clipboardData")):
        page = visit()
        page.evaluate(
            """([event, property, content]) => {
              const data = new DataTransfer();
              const file = new File([new Uint8Array(content)], "woman.jpg", { type: "image/jpeg" });
              data.items.add(file);
              const make = event === "drop" ? DragEvent : ClipboardEvent;
              const made = new make(event, { [property]: data, bubbles: true, cancelable: true });
              document.body.dispatchEvent(made);
            }""",
            [event, property_, content],
        )
        expect(page.locator(".asked .title")).to_have_text("woman.jpg")
        expect(page.locator(".card").first).to_have_attribute("data-id", PENDANT)


def test_facets_narrow_and_are_taken_back(visit: Visit) -> None:
    page = visit(f"/?id={ONE}")
    expect(page.locator(".card").first).to_contain_text("ear")
    before = ids(page)
    style = page.get_by_role("group", name="Style")
    style.get_by_role("checkbox").first.check()
    expect(page.locator("#chips button").first).to_be_visible()
    expect(style.get_by_role("checkbox").first).to_be_checked()
    settled(page)
    assert address(page)["style"]
    assert ids(page) != before
    page.get_by_role("button", name="Remove: ").first.click()
    expect(page.locator(".card").first).to_have_attribute("data-id", before[0])
    bar = page.locator(".bar").last
    bar.focus()
    bar.press("Enter")
    expect(page.locator("#chips button")).to_have_count(1)
    assert re.fullmatch(r"\d{4}\.\.\d{4}", address(page)["year"][0])


def test_what_is_being_typed_outlives_an_answer(visit: Visit) -> None:
    """An answer that comes meanwhile draws the fields anew."""
    page = visit(f"/?id={ONE}")
    page.locator("#region summary").click()
    page.locator("#region-x").fill("12")
    to = page.get_by_label("to", exact=True)
    to.press_sequentially("16")
    drawn_anew(page, to)
    page.keyboard.type("75")
    expect(to).to_have_value("1675")
    expect(page.locator("#region-x")).to_have_value("12")
    to.press("Enter")
    expect(page.locator("#chips")).to_contain_text("1675")
    page.go_back()
    expect(to).to_have_value("")


@pytest.mark.parametrize("key", ["Enter", "Tab"])
def test_what_was_typed_before_an_answer_is_taken(key: str, visit: Visit) -> None:
    page = visit("/")
    to = page.get_by_label("to", exact=True)
    to.press_sequentially("1675")
    drawn_anew(page, to)
    expect(to).to_have_value("1675")
    page.keyboard.press(key)
    expect(page.locator("#chips")).to_contain_text("1675")
    assert address(page)["year"] == ["..1675"]
    expect(page.locator("#chips li")).to_have_count(3)  # and "remove all"


def drawn_anew(page: Page, field: Locator) -> None:
    """Restrict the answer while somebody is typing, and wait until the field is another one."""
    before = field.element_handle()
    page.evaluate("document.querySelector('#restrict input[type=checkbox]').click()")
    page.wait_for_function("field => !field.isConnected", arg=before)


def test_a_region_is_dragged_and_given_by_numbers(visit: Visit) -> None:
    page = visit(f"/?id={GIRLS}")
    expect(page.locator("#mount img")).to_be_visible()
    expect(page.locator("#region summary")).to_be_visible()
    before = ids(page)
    box = page.locator("#mount").bounding_box()
    assert box is not None
    page.mouse.move(box["x"] + 0.6 * box["width"], box["y"] + 0.03 * box["height"])
    page.mouse.down()
    page.mouse.move(box["x"] + 0.95 * box["width"], box["y"] + 0.35 * box["height"], steps=4)
    page.mouse.up()
    expect(page.locator("#said")).to_contain_text("nearest to a detail of")
    settled(page)
    dragged = ids(page)
    assert dragged != before
    region = address(page)["region"][0].split(",")
    # Faces outside of it are not offered.
    assert page.locator(".crops .face:visible").count() < page.locator(".crops .face").count()
    values = [
        page.locator(f"#region-{name}").input_value() for name in ("x", "y", "width", "height")
    ]
    assert values == region
    page.get_by_role("button", name="The whole picture").click()
    expect(page.locator("#said")).not_to_contain_text("detail of")
    settled(page)
    assert ids(page) == before
    for name, value in zip(("x", "y", "width", "height"), region, strict=True):
        page.locator(f"#region-{name}").fill(value)
    page.get_by_role("button", name="Search by this detail").press("Enter")
    expect(page.locator("#said")).to_contain_text("nearest to a detail of")
    settled(page)
    assert ids(page) == dragged
    expect(page.get_by_role("button", name="Search by this detail")).to_be_focused()
    page.evaluate(f"history.pushState(null, '', '/?id={GIRLS}&region=a')")
    page.evaluate("dispatchEvent(new PopStateEvent('popstate'))")
    expect(page.get_by_role("alert")).to_contain_text("region")


def test_an_id_that_ends_like_a_region_stays_whole(visit: Visit) -> None:
    page = visit(f"/?id={ONE}")
    taken = page.evaluate(
        """async () => {
          const main = document.querySelector("script[type=module]").src;
          const state = await import(main.replace("main.js", "state.js"));
          return [state.example(state.exampleOf("a@1,2,3,4")), state.example("id:a@1,2,3,4"),
            state.example(state.exampleOf("a@")), state.example("id:b")];
        }"""
    )
    assert taken == [
        {"id": "a@1,2,3,4"},
        {"id": "a", "region": "1,2,3,4"},
        {"id": "a@"},
        {"id": "b"},
    ]


@pytest.mark.slow
def test_examples_are_added_and_taken_out(visit: Visit) -> None:
    page = visit(f"/?id={ONE}")
    liked, unliked = ids(page)[:2]
    page.locator(f".card[data-id='{liked}']").get_by_role("button", name="Like this").click()
    expect(page.locator("#said")).to_contain_text("nearest to these examples")
    settled(page)
    assert address(page)["like"] == [f"id:{ONE}", f"id:{liked}"]
    page.locator(f".card[data-id='{unliked}'] .open").focus()
    page.keyboard.press("-")
    expect(page.locator(".examples li")).to_have_count(3)
    settled(page)
    assert not {ONE, liked, unliked} & set(ids(page))
    found = ids(page)
    assert ids(visit(f"/{search(page)}")) == found
    for _ in range(2):
        page.locator(".examples li").last.get_by_role("button").click()
        settled(page)
    expect(page.locator(".asked .title")).to_contain_text("Portrait of a Woman")
    assert address(page) == {"id": [ONE]}


def test_reranking_and_the_line_where_nearness_ends(visit: Visit) -> None:
    page = visit(f"/?id={ONE}")
    words = page.locator(".word").all_inner_texts()
    line = page.locator("#hits > li").evaluate_all(
        "all => all.findIndex(one => one.className === 'line')"
    )
    assert "Not near" not in words[:line]
    assert set(words[line:]) == {"Not near"}
    page.get_by_label("Order by").select_option("ssim")
    expect(page.locator(".card").first).to_contain_text("SSIM")
    assert address(page)["rerank"] == ["ssim"]


def test_the_record_says_everything_and_goes_on(visit: Visit) -> None:
    page = visit(f"/?id={ONE}")
    page.locator(f".card[data-id='{PENDANT}'] .open").click()
    record = page.get_by_role("dialog")
    for said in ("Rembrandt", "1632", "CC0", "H. O. Havemeyer", "cm", PENDANT):
        expect(record).to_contain_text(said)
    assert address(page)["show"] == [PENDANT]
    museum = record.get_by_role("link", name="At the museum").bounding_box()
    assert museum is not None
    assert museum["height"] >= 24
    page.keyboard.press("Escape")
    expect(record).to_have_count(0)
    page.wait_for_function("!new URL(location).searchParams.has('show')")
    page.locator(f".card[data-id='{PENDANT}'] .open").click()
    record.get_by_role("button", name=re.compile("Who else has this face")).first.click()
    expect(page.locator("#said")).to_contain_text("faces nearest to")
    assert address(page)["id"] == [PENDANT]


@pytest.mark.slow
def test_two_pictures_are_compared_in_each_mode(visit: Visit) -> None:
    page = visit(f"/?id={ONE}")
    page.locator(f".card[data-id='{PENDANT}']").get_by_role("button", name="Compare").click()
    dialog = page.get_by_role("dialog")
    expect(dialog).to_contain_text("very near, but not the same picture")
    dialog.get_by_text("In numbers").click()
    expect(dialog.get_by_role("row", name="Structure (SSIM)")).to_be_visible()
    for mode in ("overlay", "blink", "difference", "curtain", "side"):
        page.locator(f"#mode-{mode}").check()
        expect(page.locator(".stage")).to_have_class(re.compile(mode))
        assert len(page.locator(".pane").all()) == (2 if mode == "side" else 1)
    second = page.locator(".stage .second")
    before = second.evaluate("one => one.style.transform")
    page.locator(".stage").focus()
    page.keyboard.press("+")
    assert second.evaluate("one => one.style.transform") != before
    shared = [
        one.evaluate("one => one.style.transform.split('scale')[1]")
        for one in page.locator(".stage img").all()
    ]
    assert shared[0] == shared[1]
    page.get_by_label("Mirror the second").check()
    assert "scale(-" in second.evaluate("one => one.style.transform")
    page.keyboard.press("5")
    assert address(page)["mode"] == ["curtain"]
    again = visit(f"/{search(page)}")
    expect(again.locator(".stage")).to_have_class(re.compile("curtain"))


def test_by_keyboard_alone(visit: Visit) -> None:
    page = visit()
    page.keyboard.press("Tab")
    expect(page.get_by_role("link", name="Skip to the results")).to_be_focused()
    page.keyboard.press("Enter")
    first, second = ids(page)[:2]
    while page.evaluate("!document.activeElement.classList.contains('open')"):
        page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    assert page.evaluate("document.activeElement.closest('.card').dataset.id") == second
    page.keyboard.press("ArrowLeft")
    page.keyboard.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(f".card[data-id='{first}'] .open")).to_be_focused()
    page.keyboard.press("f")
    expect(page.locator("#said")).to_contain_text("nearest to")
    assert address(page)["id"] == [first]
    settled(page)
    page.locator(".card .open").first.focus()
    page.keyboard.press("c")
    expect(page.locator(".stage")).to_be_focused()
    page.keyboard.press("3")
    expect(page.locator(".stage")).to_have_class(re.compile("blink"))
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    expect(page.get_by_role("dialog", name="Keys")).to_be_visible()


def test_works_are_kept_and_written(visit: Visit) -> None:
    page = visit(f"/?id={ONE}")
    chosen = ids(page)[:3]
    for painting_id in chosen:
        page.locator(f".card[data-id='{painting_id}'] .keep").click()
    expect(page.locator("#kept")).to_have_text("Kept: 3")
    page.reload()
    settled(page)
    page.locator("#kept").click()
    dialog = page.get_by_role("dialog", name="Kept works")
    dialog.get_by_role("textbox").first.fill("By the same hand?")
    dialog.get_by_role("textbox").first.blur()
    with page.expect_download() as saved:
        dialog.get_by_role("button", name="JSON").click()
    document = json.loads(saved.value.path().read_text(encoding="utf-8"))
    assert [work["payload"]["painting_id"] for work in document["works"]] == chosen
    assert document["works"][0]["note"] == "By the same hand?"
    assert document["question"] == page.evaluate("location.href")
    with page.context.expect_page() as opened:
        dialog.get_by_role("button", name="Sheet to print").click()
    sheet = opened.value
    expect(sheet.get_by_role("article")).to_have_count(3)
    expect(sheet.locator(".note")).to_have_text("By the same hand?")
    printed = sheet.pdf()
    assert printed.startswith(b"%PDF")
    dialog.get_by_role("button", name="Take out").first.click()
    page.keyboard.press("Escape")
    expect(page.locator("#kept")).to_have_text("Kept: 2")
    page.locator(f".card[data-id='{chosen[1]}'] .open").focus()
    page.keyboard.press("k")
    expect(page.locator("#kept")).to_have_text("Kept: 1")


def test_a_visitor_signs_in(visit: Visit, locked: tuple[httpx.Client, Access]) -> None:
    client, access = locked
    page = visit().context.new_page()
    page.goto(str(client.base_url))
    page.get_by_label("Token of this server").fill(str(access.token))
    page.get_by_role("button", name="Enter").click()
    settled(page)
    assert len(ids(page)) == 24


@pytest.mark.slow
def test_copies_for_link_and_terminal(visit: Visit) -> None:
    page = visit(f"/?id={ONE}&style=Baroque&year=1600..1700&rerank=ssim")
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    link_button, command_button = page.locator("#share button").all()
    command_button.click()
    expect(command_button).to_have_text("Copied")
    command = page.evaluate("navigator.clipboard.readText()")
    wanted = f"artsim query --id {ONE} --rerank ssim --year 1600..1700 --style Baroque --limit 24"
    assert command == wanted
    link_button.click()
    expect(link_button).to_have_text("Copied")
    link = page.evaluate("navigator.clipboard.readText()")
    assert "digest=" in link
    again = visit("/?" + urlsplit(link).query)
    assert ids(again) == ids(page)
    expect(again.locator("#notes")).not_to_contain_text("has changed")
    changed = visit("/?" + re.sub("digest=.*", "digest=000000000000", urlsplit(link).query))
    expect(changed.locator("#notes")).to_contain_text("has changed since this link was made")


def test_a_refusal_is_said_and_the_page_lives_on(visit: Visit, tmp_path: Path) -> None:
    page = visit()
    page.route(
        "**/api/v1/uploads",
        lambda route: route.fulfill(
            status=422,
            content_type="application/problem+json",
            body='{"status": 422, "detail": "a.jpg: not a picture <b>at all</b>"}',
        ),
    )
    (tmp_path / "a.jpg").write_bytes(b"nothing")
    with page.expect_file_chooser() as chosen:
        page.get_by_role("button", name="choose one").click()
    chosen.value.set_files(tmp_path / "a.jpg")
    expect(page.get_by_role("alert")).to_contain_text("not a picture <b>at all</b>")
    # Sent once more it would be refused once more; a server that is gone may come back.
    expect(page.get_by_role("button", name="Try again")).to_have_count(0)
    page.unroute("**/api/v1/uploads")
    page.route("**/api/v1/uploads", lambda route: route.fulfill(status=503, body="{}"))
    with page.expect_file_chooser() as chosen:
        page.get_by_role("button", name="choose one").click()
    chosen.value.set_files(tmp_path / "a.jpg")
    expect(page.get_by_role("button", name="Try again")).to_have_count(1)


def test_metadata_is_text(visit: Visit, shown: Gallery) -> None:
    hostile = "<img src=x onerror=\"document.title='taken'\">"
    collection = shown[PAINTINGS]
    point_id = PAINTINGS.point_id(PENDANT)
    before = collection.retrieve([point_id])[point_id].payload
    collection.overwrite_payload({point_id: {**before, "title": hostile}})
    try:
        page = visit("/?year=1632&genre=portrait")
        card = page.locator(".card[data-id='met-437386']")
        expect(card.locator(".title")).to_have_text(hostile)
        card.locator(".open").click()
        expect(page.get_by_role("dialog").get_by_role("heading", level=2)).to_have_text(hostile)
        assert page.title() == "artsim"
        assert page.locator("img[src=x]").count() == 0
    finally:
        collection.overwrite_payload({point_id: before})


@pytest.mark.slow
def test_long_words_stay_within_the_page(visit: Visit, shown: Gallery) -> None:
    long = "Donaudampfschifffahrt" * 60
    collection = shown[PAINTINGS]
    point_id = PAINTINGS.point_id(PENDANT)
    before = collection.retrieve([point_id])[point_id].payload
    titled = {**before, "title": long, "artist": long, "style": long}
    collection.overwrite_payload({point_id: titled})
    try:
        narrow = {"width": 320, "height": 700}
        for path in (
            "/?year=1632",
            f"/?id={ONE}",
            f"/?style={long}",
            f"/?id={ONE}&show={PENDANT}",
            f"/?like=id:{ONE}&like=id:{PENDANT}",
            f"/?id={ONE}&compare={ONE}&compare={PENDANT}",
        ):
            page = visit(path, viewport=narrow)
            assert page.evaluate("document.documentElement.scrollWidth") <= 320, path
        page = visit("/?year=1632&genre=portrait")
        card = page.locator(f".card[data-id='{PENDANT}']")
        within = (
            "one => [...one.querySelectorAll('p')].every(p => p.scrollWidth <= one.clientWidth)"
        )
        assert card.evaluate(within)
        assert page.locator(".check .value").evaluate_all(
            "all => all.every(one => one.clientHeight < 90)"
        )
    finally:
        collection.overwrite_payload({point_id: before})


def test_an_id_with_slashes_is_asked_for_as_it_is(visit: Visit) -> None:
    page = visit()
    with page.expect_request("**/api/v1/paintings/*") as sent:
        page.evaluate("history.pushState(null, '', '/?show=../../a@b/c')")
        page.evaluate("dispatchEvent(new PopStateEvent('popstate'))")
    assert urlsplit(sent.value.url).path == "/api/v1/paintings/..%2F..%2Fa%40b%2Fc"
    expect(page.get_by_role("alert")).to_contain_text("'../../a@b/c'")


@pytest.mark.parametrize(
    "path",
    [
        "/",
        f"/?id={GIRLS}&style=Impressionism",
        pytest.param(f"/?id={ONE}&show={PENDANT}", marks=pytest.mark.slow),
        pytest.param(f"/?id={GIRLS}&kind=faces&face=1", marks=pytest.mark.slow),
        pytest.param(f"/?like=id:{GIRLS}&unlike=id:{ONE}", marks=pytest.mark.slow),
        pytest.param(
            f"/?id={ONE}&compare={ONE}&compare={PENDANT}&mode=curtain", marks=pytest.mark.slow
        ),
    ],
    ids=["start", "hits", "record", "faces", "examples", "compare"],
)
def test_everyone_can_use_it(visit: Visit, path: str) -> None:
    """axe-core finds nothing serious, dark and light, and nothing is wider than 320 pixels."""
    page = visit(path, viewport={"width": 320, "height": 700}, reduced_motion="reduce")
    assert page.evaluate("document.documentElement.scrollWidth") == 320
    assert serious_faults(page) == []


def test_in_german(visit: Visit) -> None:
    page = visit("/", locale="de-DE")
    expect(page.locator("#said")).to_contain_text("Werken, das älteste zuerst")
    page.get_by_label("Sprache").select_option("en")
    expect(page.locator("#said")).to_contain_text("works, oldest first")
    assert page.evaluate("document.documentElement.lang") == "en"
