import base64
import io
import os
import re
import stat
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from made_answers import made_answer
from parsed_page import Page
from PIL import Image, ImageDraw
from PIL.ImageColor import getrgb

from artsim.catalog.hits import Hit
from artsim.catalog.kinds import Box
from artsim.errors import RenderError
from artsim.render import picture_cards
from artsim.render import sheet as sheet_module
from artsim.render.picture_cards import ACCENT
from artsim.render.sheet import write_sheet
from artsim.render.sheet_png import BLANK, WALL, WIDTH
from artsim.search.answer import Answer, HitGroup
from artsim.search.probes import Example, QueryFace

PaintedHit = Callable[..., Hit]
Color = tuple[int, int, int]

GREEN, BLUE, RED = (20, 160, 60), (30, 60, 190), (170, 20, 40)
HOSTILE = "<script>alert('x')</script>\x1b[31m \"quoted\" & \u202ebackwards"


def drawn(result: Answer, path: Path) -> np.ndarray:
    write_sheet(result, path)
    with Image.open(path) as picture:
        assert picture.format == "PNG"
        channels = np.asarray(picture.convert("RGB")).astype(np.uint32)
    return channels @ np.array([1 << 16, 1 << 8, 1], dtype=np.uint32)


def code(color: Color | str) -> int:
    """Return a color as `drawn` returns pixels: one number each, so that search is quick."""
    color = getrgb(color) if isinstance(color, str) else color
    return (color[0] << 16) + (color[1] << 8) + color[2]


def place_of(sheet: np.ndarray, color: Color | str) -> Box:
    """Return the box around every pixel of a color."""
    ys, xs = np.nonzero(sheet == code(color))
    assert len(xs), f"nothing of {color} on the sheet"
    return Box(int(xs.min()), int(ys.min()), int(np.ptp(xs)) + 1, int(np.ptp(ys)) + 1)


def parsed(result: Answer, path: Path, title: str | None = None) -> Page:
    write_sheet(result, path, title=title)
    return Page(path.read_text(encoding="utf-8"))


def embedded(image: dict[str, str]) -> Image.Image:
    head, _, data = image["src"].partition(",")
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data, validate=True)))


# PNG


@pytest.mark.parametrize("count", [1, 4, 13, 61])
def test_any_number_of_hits_keeps_to_the_width(
    count: int, painted_hit: PaintedHit, tmp_path: Path
) -> None:
    query = painted_hit("query", RED, (200, 260))
    hits = [painted_hit(f"h{i}", (i + 1, 200, 255 - i), (80, 60)) for i in range(count)]
    result = made_answer(hits, query_image=tmp_path / "query.png")
    sheet = drawn(result, tmp_path / "sheet.png")
    assert sheet.shape[1] == WIDTH
    assert sheet[3, 3] == code(WALL)
    query_place = place_of(sheet, RED)
    assert query.payload["image_width"] == 200
    for i in {0, count // 4, count // 2, count - 1}:
        place = place_of(sheet, (i + 1, 200, 255 - i))
        assert place.width / place.height == pytest.approx(80 / 60, rel=0.02)
        right_of_query = place.x > query_place.x + query_place.width
        below_query = place.y > query_place.y + query_place.height
        assert right_of_query or (below_query and count > 12)


def test_pictures_of_a_row_stand_on_one_line(painted_hit: PaintedHit, tmp_path: Path) -> None:
    hits = [painted_hit("wide", GREEN, (300, 100)), painted_hit("tall", BLUE, (100, 300))]
    sheet = drawn(made_answer(hits), tmp_path / "sheet.png")
    wide, tall = place_of(sheet, GREEN), place_of(sheet, BLUE)
    assert wide.y + wide.height == tall.y + tall.height
    assert wide.x + wide.width < tall.x


def test_a_small_picture_is_not_blown_up(painted_hit: PaintedHit, tmp_path: Path) -> None:
    sheet = drawn(made_answer([painted_hit("small", GREEN, (40, 30))]), tmp_path / "s.png")
    assert place_of(sheet, GREEN).width == 80


def test_a_found_face_is_outlined_and_enlarged(painted_hit: PaintedHit, tmp_path: Path) -> None:
    hit = painted_hit(
        "portrait", GREEN, (400, 300), face_index=0, box=[100, 60, 80, 90], query_face=0
    )
    path = tmp_path / "portrait.png"
    with Image.open(path) as picture:
        ImageDraw.Draw(picture).rectangle((100, 60, 179, 149), fill=BLUE)
        picture.save(path)
    sheet = drawn(made_answer([hit], {"faces": True}), tmp_path / "sheet.png")
    whole = place_of(sheet, GREEN)
    # The inset hangs below the picture, so the picture's pixels are those above it.
    picture = sheet[: int(whole.y) + round(whole.width * 300 / 400)]
    scale = whole.width / 400
    outline = place_of(picture, ACCENT)
    assert outline.x == pytest.approx(whole.x + 100 * scale, abs=2)
    assert outline.y == pytest.approx(whole.y + 60 * scale, abs=2)
    assert outline.width == pytest.approx(80 * scale, abs=3)
    assert outline.height == pytest.approx(90 * scale, abs=3)
    below = sheet[picture.shape[0] :]
    inset = place_of(below, ACCENT)
    assert inset.width == inset.height == 88
    face = place_of(below, BLUE)
    # The crop is 1.5 times the box's longer side; its edges are softened by enlargement.
    assert face.height == pytest.approx(88 / 1.5, abs=6)


def test_faces_of_the_query_are_outlined_with_their_numbers(
    painted_hit: PaintedHit, tmp_path: Path
) -> None:
    query = painted_hit("query", RED, (400, 400))
    faces = tuple(QueryFace(i, Box(80 + 200 * i, 200, 60, 60), 0.9) for i in range(2))
    result = made_answer(
        [painted_hit("hit", GREEN, face_index=0, query_face=1)],
        {"faces": True},
        query_image=tmp_path / "query.png",
        query_payload=query.payload,
        query_faces=faces,
    )
    sheet = drawn(result, tmp_path / "sheet.png")
    whole = place_of(sheet, RED)
    picture = sheet[int(whole.y) : int(whole.y + whole.width), : int(whole.x + whole.width)]
    scale = whole.width / 400
    amber = picture == code(ACCENT)
    for face in faces:
        left, top = round(whole.x + face.box.x * scale), round(face.box.y * scale)
        side = round(60 * scale)
        assert amber[top + side // 2, left] or amber[top + side // 2, left + 1]
        tag = amber[top - 18 : top - 2, left + 1 : left + 14]
        assert tag.mean() > 0.5  # the tag above the box
        assert not tag.all()  # with a number in it


def test_a_nonsensical_box_does_no_harm(painted_hit: PaintedHit, tmp_path: Path) -> None:
    nan, inf = float("nan"), float("inf")
    boxes: list[object] = [[-50, -50, 5000, 5000], [9000, 9000, 10, 10], [0, 0, 0, 0], [nan] * 4]
    boxes += [["a", 1, 2, 3], [1, 2], "box", [0, 0, 1e-9, 1e-9], [0, 0, inf, 10], 7, None]
    hits = [
        painted_hit(f"odd{i}", GREEN, (30, 20), face_index=0, box=box)
        for i, box in enumerate(boxes)
    ]
    for name in ("sheet.png", "sheet.html"):
        write_sheet(made_answer(hits), tmp_path / name)


def test_a_missing_picture_leaves_a_placeholder(painted_hit: PaintedHit, tmp_path: Path) -> None:
    hit = painted_hit("gone", GREEN, (300, 200))
    (tmp_path / "gone.png").unlink()
    result = made_answer([hit, Hit("p", 0.5, {"painting_id": "nowhere"})])
    sheet = drawn(result, tmp_path / "sheet.png")
    place = place_of(sheet[: sheet.shape[0] * 2 // 3], BLANK)
    assert place.height < place.width
    page = parsed(result, tmp_path / "sheet.html")
    assert "gone.png: no such file" in page.text
    assert "does not say where the picture is" in page.text
    assert str(tmp_path) not in page.text


def test_a_picture_elsewhere_is_named(tmp_path: Path) -> None:
    hit = Hit("p", 0.5, {"painting_id": "x", "image_uri": "https://example.org/a.jpg"})
    page = parsed(made_answer([hit]), tmp_path / "sheet.html")
    assert "https://example.org/a.jpg" in page.text
    assert page.all("img") == []


def test_more_hits_than_a_sheet_holds_are_counted(
    painted_hit: PaintedHit, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sheet_module, "MAX_HITS", 3)
    hits = [painted_hit(f"h{i}") for i in range(5)]
    groups = (HitGroup("first", tuple(hits[:2])), HitGroup("second", tuple(hits[2:])))
    page = parsed(made_answer(hits, groups=groups), tmp_path / "sheet.html")
    assert len(page.all("li")) == 3
    assert "The first 3 of 5 hits are shown." in page.text
    assert len(page.all("h2")) == 2


def test_nothing_found_is_said(tmp_path: Path) -> None:
    assert "Nothing was found." in parsed(made_answer([]), tmp_path / "s.html").text
    assert drawn(made_answer([]), tmp_path / "s.png").shape[1] == WIDTH


# HTML


def test_html_holds_everything_itself(painted_hit: PaintedHit, tmp_path: Path) -> None:
    hits = [painted_hit("a", GREEN, (1200, 900), rerank_score=0.25), painted_hit("b", BLUE)]
    result = made_answer(
        hits, {"image": "q.jpg"}, {"rerank": "ssim", "offset": 4}, query_image=tmp_path / "a.png"
    )
    page = parsed(result, tmp_path / "sheet.HTML")
    assert not page.all("script") and not page.all("link")
    policy = page.all("meta", **{"http-equiv": "Content-Security-Policy"})[0]["content"]
    assert policy.startswith("default-src 'none'")
    images = page.all("img")
    assert len(images) == 3
    sizes = [embedded(image).size for image in images]
    assert sizes == [(960, 720), (480, 360), (300, 200)]
    assert np.allclose(np.asarray(embedded(images[1])).mean(axis=(0, 1)), GREEN, atol=3)
    assert all(image["alt"] for image in images)
    assert [image.get("loading") for image in images] == [None, "lazy", "lazy"]
    for text in ("Paintings like q.jpg", "Title of a", "0.9000 · SSIM 0.2500", "5", "6"):
        assert text in page.text


def test_hostile_metadata_stays_text(painted_hit: PaintedHit, tmp_path: Path) -> None:
    fields = {"title": HOSTILE, "artist": HOSTILE, "date_text": HOSTILE}
    hit = painted_hit("evil", source_url="javascript:alert(1)", **fields)
    result = made_answer(
        [hit],
        {"text": HOSTILE},
        {"gallery": HOSTILE, "group_by": HOSTILE},
        groups=(HitGroup(HOSTILE, (hit,)),),
    )
    page = parsed(result, tmp_path / "sheet.html", title=HOSTILE)
    known = "html head meta title style body header h1 p main div section h2 ol li figure img"
    known += " figcaption span bdi blockquote a"
    assert {found.tag for found in page.elements} <= set(known.split())
    assert "<script>alert('x')</script> \"quoted\" & backwards" in page.text
    assert all(
        re.fullmatch(r"[\w-]+", name) for found in page.elements for name in found.attributes
    )
    assert not any(name.startswith("on") for found in page.elements for name in found.attributes)
    raw = (tmp_path / "sheet.html").read_text(encoding="utf-8")
    assert "\x1b" not in raw and "\u202e" not in raw and "javascript:" not in raw
    drawn(result, tmp_path / "sheet.png")


def test_a_web_page_is_linked(painted_hit: PaintedHit, tmp_path: Path) -> None:
    hit = painted_hit("a", source_url='https://example.org/?a=1&b="2"')
    picture, page = parsed(made_answer([hit]), tmp_path / "s.html").all("a")
    assert picture == {"href": (tmp_path / "a.png").as_uri(), "rel": "noopener noreferrer"}
    assert page == {"href": "https://example.org/?a=1&b=%222%22", "rel": "noopener noreferrer"}


def test_a_face_is_outlined_in_parts_of_the_picture(
    painted_hit: PaintedHit, tmp_path: Path
) -> None:
    # The file has half the size of the one that was ingested.
    hit = painted_hit("half", GREEN, (200, 100), image_width=400, image_height=200)
    hit = replace(hit, payload=hit.payload | {"face_index": 0, "box": [100, 50, 40, 50]})
    page = parsed(made_answer([hit], {"faces": True}), tmp_path / "sheet.html")
    (outline,) = page.all("span", **{"class": "face"})
    assert outline["style"] == "left:25.00%;top:25.00%;width:10.00%;height:25.00%"
    crop = embedded(page.all("img")[1])
    assert crop.size == (picture_cards.CROP_SIDE, picture_cards.CROP_SIDE)


def test_a_region_is_outlined_and_shown_alone(painted_hit: PaintedHit, tmp_path: Path) -> None:
    pixels = np.full((100, 400, 3), RED, np.uint8)
    pixels[20:60, 300:] = BLUE
    result = made_answer(
        [painted_hit("a")],
        {"pixels": "mine"},
        query_image=pixels,
        query_region=Box(300, 20, 100, 40),
    )
    page = parsed(result, tmp_path / "part.html")
    (outline,) = page.all("span", **{"class": "face"})
    assert outline["style"] == "left:75.00%;top:20.00%;width:25.00%;height:40.00%"
    whole, part, _ = map(embedded, page.all("img"))
    assert whole.size == (400, 100)
    assert part.size == (100, 40)
    assert part.getpixel((50, 20)) == pytest.approx(BLUE, abs=4)
    assert (drawn(result, tmp_path / "part.png") == code(BLUE)).sum() > 100 * 40


def test_who_has_a_work_is_printed(painted_hit: PaintedHit, tmp_path: Path) -> None:
    hit = painted_hit("a", institution="The Met", rights="CC0 <1.0>")
    write_sheet(made_answer([hit]), tmp_path / "s.html")
    page = (tmp_path / "s.html").read_text(encoding="utf-8")
    assert '<span class="credit"><bdi>The Met. CC0 &lt;1.0&gt;</bdi></span>' in page


def test_a_text_is_shown_as_the_query(tmp_path: Path) -> None:
    words = parsed(made_answer([], {"text": "a stormy sea"}), tmp_path / "text.html")
    assert len(words.all("blockquote")) == 1


@pytest.mark.parametrize("in_memory", [False, True])
def test_the_query_is_shown_wherever_it_comes_from(
    in_memory: bool, painted_hit: PaintedHit, tmp_path: Path
) -> None:
    query = painted_hit("query", RED, (400, 400))
    faces = (QueryFace(1, Box(80, 200, 60, 60), 0.9),)
    result = made_answer(
        [painted_hit("hit", GREEN, face_index=0, query_face=1)],
        {"faces": True, "face": 1, "pixels": "upload.png"},
        query_image=np.full((400, 400, 3), RED, np.uint8) if in_memory else None,
        query_payload=None if in_memory else query.payload,
        query_faces=faces,
    )
    sheet = drawn(result, tmp_path / "sheet.png")
    whole = place_of(sheet, RED)
    assert whole.width > 400
    amber = sheet[int(whole.y) : int(whole.y + whole.width), : int(whole.x + whole.width)]
    box = place_of(amber, ACCENT)
    scale = whole.width / 400
    assert box.x == pytest.approx(whole.x + 80 * scale, abs=2)
    assert box.width == pytest.approx(60 * scale, abs=3)
    page = parsed(result, tmp_path / "sheet.html")
    assert len(page.all("span", **{"class": "face"})) == 1
    assert [image["alt"] for image in page.all("img")] == [
        "upload.png" if in_memory else "Title of query", "face 1", "Title of hit"
    ]  # fmt: skip
    assert "face 1" in page.text
    shown = np.asarray(embedded(page.all("img")[0]))
    assert np.allclose(shown.mean(axis=(0, 1)), RED, atol=3)


def test_examples_by_id_are_shown(painted_hit: PaintedHit, tmp_path: Path) -> None:
    by_id, of_file = painted_hit("by-id", GREEN), painted_hit("of-file", BLUE)
    examples = (
        Example(None, "like", by_id.payload),
        Example(tmp_path / "of-file.png", "like", of_file.payload | {"title": "Known"}),
        Example(np.full((30, 40, 3), RED, np.uint8), "unlike"),
    )
    asked = {"like": ["by-id", "of-file.png"], "unlike": ["an upload"]}
    result = made_answer([], asked, examples=examples)
    sheet = drawn(result, tmp_path / "sheet.png")
    like, also, unlike = (place_of(sheet, color) for color in (GREEN, BLUE, RED))
    assert like.x < also.x and like.y < unlike.y
    page = parsed(result, tmp_path / "sheet.html")
    assert [image["alt"] for image in page.all("img")] == ["Title of by-id", "Known", "an upload"]
    assert len(page.all("span", **{"class": "mark"})) == 3


def test_a_query_whose_file_is_gone_is_a_calm_card(painted_hit: PaintedHit, tmp_path: Path) -> None:
    query = painted_hit("query", RED, (300, 200))
    (tmp_path / "query.png").unlink()
    result = made_answer([painted_hit("hit", GREEN)], {"id": "query"}, query_payload=query.payload)
    page = parsed(result, tmp_path / "sheet.html")
    assert page.text.count("Title of query") == 3
    assert "query.png: no such file" in page.text
    sheet = drawn(result, tmp_path / "sheet.png")
    place = place_of(sheet[:, :560], BLANK)
    assert place.height < place.width


def test_ids_stand_beside_titles_and_missing_titles_are_said(
    painted_hit: PaintedHit, tmp_path: Path
) -> None:
    long = "x" * 200
    hits = [painted_hit("a", GREEN), painted_hit("b", BLUE, title=None, painting_id=long)]
    result = made_answer(hits, settings={"encoders": ["one-v1", "two-v1"]})
    page = parsed(result, tmp_path / "sheet.html")
    assert len(page.all("span", **{"class": "id"})) == 2
    assert page.text.count("(no title)") == 1
    assert long in page.text
    assert "rrf 0.9000" in page.text
    drawn(result, tmp_path / "sheet.png")


# Files


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("sheet.pdf", r"ends in \.png or \.html, not in '\.pdf'"),
        ("sheet", r"ends in \.png or \.html"),
        ("missing/sheet.png", "there is no folder .*missing"),
        ("folder.html", "this is a folder"),
    ],
)
def test_what_cannot_be_a_sheet_is_refused(name: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "folder.html").mkdir()
    with pytest.raises(RenderError, match=message):
        write_sheet(made_answer([]), tmp_path / name)


@pytest.mark.skipif(os.name != "posix", reason="POSIX permissions")
def test_the_umask_decides_who_may_read(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        write_sheet(made_answer([]), tmp_path / "sheet.html")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "sheet.html").stat().st_mode) == 0o640
